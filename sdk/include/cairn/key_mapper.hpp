// A KeyMapper is a proxy that rewrites keys and nothing else: one function, applied to every
// operation and every batch, so that none can be forgotten.
//
//     class Prefix final : public cairn::KeyMapper {
//      public:
//       static constexpr auto name = "prefix";
//       static constexpr auto help = "Puts a text in front of every key.";
//       static constexpr std::array options{cairn::Option("prefix", "text").required()};
//       explicit Prefix(const cairn::Context& context)
//           : KeyMapper(context), prefix_(context.options().text("prefix")) {}
//       void map_key(Key key, KeyBuffer& out) const override { out.append(prefix_).append(key); }
//      ...
//
// Two different keys must be mapped to two different keys, or their entries replace each other.
// Threads: map_key is called from any thread at any time.
#pragma once

#include <cairn/proxy_backend.hpp>

#include <string>
#include <vector>

namespace cairn {

class KeyMapper : public ProxyBackend {
 public:
  static constexpr auto transforms = Transforms::key;

  using ProxyBackend::ProxyBackend;

  /// Appends the key that the layer below is to see.
  virtual void map_key(Key key, KeyBuffer& out) const = 0;

  OptionalEntry get(Key key, Call call) final {
    KeyBuffer mapped;
    map_key(key, mapped);
    return next().get(mapped.key(), call);
  }
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) final {
    KeyBuffer mapped;
    map_key(key, mapped);
    next().set(mapped.key(), entry, options, call);
  }
  bool remove(Key key, Call call) final {
    KeyBuffer mapped;
    map_key(key, mapped);
    return next().remove(mapped.key(), call);
  }
  void get_multi(Keys keys, Results results, Call call) final {
    next().get_multi(Mapped(*this, keys), results, call);
  }
  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& options,
                 Statuses statuses, Call call) final {
    next().set_multi(Mapped(*this, keys), entries, options, statuses, call);
  }
  void remove_multi(Keys keys, Statuses statuses, Call call) final {
    next().remove_multi(Mapped(*this, keys), statuses, call);
  }
  std::optional<Token> lock(Key key, Nanoseconds lease, Call call) final {
    KeyBuffer mapped;
    map_key(key, mapped);
    return next().lock(mapped.key(), lease, call);
  }
  bool renew(Key key, Token token, Nanoseconds lease, Call call) final {
    KeyBuffer mapped;
    map_key(key, mapped);
    return next().renew(mapped.key(), token, lease, call);
  }
  bool unlock(Key key, Token token, Call call) final {
    KeyBuffer mapped;
    map_key(key, mapped);
    return next().unlock(mapped.key(), token, call);
  }
  bool await_unlock(Key key, Nanoseconds wait, Call call) final {
    KeyBuffer mapped;
    map_key(key, mapped);
    return next().await_unlock(mapped.key(), wait, call);
  }

 private:
  // The mapped keys of a batch, in one piece of text.
  class Mapped {
   public:
    Mapped(const KeyMapper& mapper, Keys keys) {
      std::vector<std::size_t> ends;
      ends.reserve(keys.size());
      for (const Key key : keys) {
        KeyBuffer mapped;
        mapper.map_key(key, mapped);
        text_.append(mapped.key().view());
        ends.push_back(text_.size());
      }
      keys_.reserve(keys.size());
      std::size_t begin = 0;
      for (const std::size_t end : ends) {
        keys_.emplace_back(std::string_view(text_).substr(begin, end - begin));
        begin = end;
      }
    }
    operator Keys() const noexcept { return keys_; }  // NOLINT: that is what it is for

   private:
    std::string text_;
    std::vector<Key> keys_;
  };
};

}  // namespace cairn
