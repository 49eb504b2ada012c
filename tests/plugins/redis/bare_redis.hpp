// What is really in a Redis, seen by hiredis alone, without anything of ours in between.
#pragma once

#include <cairn/call.hpp>
#include <cairn/document.hpp>

#include <hiredis/hiredis.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

class BareRedis {
 public:
  explicit BareRedis(int port) : context_(redisConnect("127.0.0.1", port)) {
    if (context_ == nullptr || context_->err != 0) {
      throw std::runtime_error("cannot connect to port " + std::to_string(port));
    }
  }

  /// The answer as text: integers in decimal, nil as "(nil)", arrays joined by blanks.
  std::string operator()(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    const std::unique_ptr<redisReply, Free> reply(static_cast<redisReply*>(redisCommandArgv(
        context_.get(), static_cast<int>(words.size()), texts.data(), sizes.data())));
    if (reply == nullptr) throw std::runtime_error(context_->errstr);
    return text_of(*reply);
  }
  redisContext* raw() noexcept { return context_.get(); }

 private:
  struct Free {
    void operator()(redisContext* context) const noexcept { redisFree(context); }
    void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
  };
  static std::string text_of(const redisReply& reply) {
    switch (reply.type) {
      case REDIS_REPLY_INTEGER: return std::to_string(reply.integer);
      case REDIS_REPLY_NIL: return "(nil)";
      case REDIS_REPLY_ARRAY: {
        std::string all;
        for (std::size_t i = 0; i < reply.elements; ++i) {
          all += (i == 0 ? "" : " ") + text_of(*reply.element[i]);
        }
        return all;
      }
      default: return {reply.str, static_cast<std::size_t>(reply.len)};
    }
  }

  std::unique_ptr<redisContext, Free> context_;
};

/// One number of a component's statistics.
template <class Component>
long long statistic(Component& component, const char* name) {
  const cairn::Document stats = component->stats(cairn::Call());
  return stats.root()[name].int_value();
}
