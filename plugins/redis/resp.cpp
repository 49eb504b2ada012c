#include "resp.hpp"

#include <algorithm>
#include <charconv>
#include <new>

namespace cairn::redis {

// ---- commands ----

void CommandBuffer::header(char kind, std::size_t number) {
  char text[24];
  text[0] = kind;
  char* end = std::to_chars(text + 1, text + sizeof text - 2, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  append({text, static_cast<std::size_t>(end - text)});
}

void CommandBuffer::append(std::string_view text) {
  if (long_.empty()) {
    if (size_ + text.size() <= sizeof short_) {
      if (!text.empty()) std::memcpy(short_ + size_, text.data(), text.size());
      size_ += text.size();
      return;
    }
    move_to_heap(size_ + text.size());
  }
  long_.append(text);
}

void CommandBuffer::move_to_heap(std::size_t capacity) {
  long_.reserve(std::max(capacity, 2 * sizeof short_));
  if (size_ > 0) long_.assign(short_, size_);
  size_ = 0;
}

// ---- replies ----

Reply Reply::failure(Errc code, std::string_view server, std::string_view why,
                     int system_error) noexcept {
  Reply reply;
  reply.type = Type::failure;
  reply.code = code;
  reply.system_error = system_error;
  try {
    std::string text(server);
    if (!server.empty()) text.append(": ");
    reply.bytes = Entry::copy(text.append(why));
  } catch (const std::bad_alloc&) {
    reply.bytes = Entry::borrow("the server was not heard, and memory ran out");
  }
  return reply;
}

namespace {

// Where the reader wants the next object: the root, or an element of the array being filled.
Reply& place(const redisReadTask* task) {
  if (task->parent == nullptr) return *static_cast<Reply*>(task->privdata);
  return static_cast<Reply*>(task->parent->obj)->items[static_cast<std::size_t>(task->idx)];
}

// hiredis is C: nothing may be thrown through it, and null means that memory ran out.
template <class Fill>
void* fill(const redisReadTask* task, Fill fill_reply) noexcept {
  try {
    Reply& reply = place(task);
    fill_reply(reply);
    return &reply;
  } catch (...) {
    return nullptr;
  }
}

void* on_string(const redisReadTask* task, char* text, std::size_t size) noexcept {
  return fill(task, [&](Reply& reply) {
    const std::string_view bytes(text, size);
    switch (task->type) {
      case REDIS_REPLY_STATUS: reply.type = Reply::Type::status; break;
      case REDIS_REPLY_ERROR: reply.type = Reply::Type::error; break;
      default: reply.type = Reply::Type::string; break;
    }
    const bool is_ok = reply.type == Reply::Type::status && bytes == "OK";
    reply.bytes = is_ok ? Entry::borrow("OK") : Entry::copy(bytes);
  });
}

void* on_array(const redisReadTask* task, int elements) noexcept {
  // No command of ours is answered by more; a broken server must not make us reserve gigabytes.
  constexpr int most_elements = 1 << 16;
  if (elements > most_elements) return nullptr;
  return fill(task, [&](Reply& reply) {
    reply.type = Reply::Type::array;
    reply.items.resize(static_cast<std::size_t>(std::max(elements, 0)));
  });
}

void* on_integer(const redisReadTask* task, long long number) noexcept {
  return fill(task, [&](Reply& reply) {
    reply.type = Reply::Type::integer;
    reply.integer = number;
  });
}

void* on_nil(const redisReadTask* task) noexcept {
  return fill(task, [](Reply& reply) { reply.type = Reply::Type::nil; });
}

redisReplyObjectFunctions object_functions = {
    on_string, on_array,     on_integer,
    on_nil,    [](void*) {},  // replies live in root_ and free themselves
};

}  // namespace

ReplyReader::ReplyReader(std::size_t most)
    : most_(most), reader_(redisReaderCreateWithFunctions(&object_functions)) {
  if (reader_ == nullptr) throw std::bad_alloc();
  reader_->privdata = &root_;
}

void ReplyReader::feed(const char* bytes, std::size_t size) {
  if (reader_->len - reader_->pos + size > most_) {
    throw Error(Errc::corrupt, "an answer of more than " + std::to_string(most_) + " bytes");
  }
  if (redisReaderFeed(reader_.get(), bytes, size) != 0) throw std::bad_alloc();
}

std::optional<Reply> ReplyReader::next() {
  void* reply = nullptr;
  if (redisReaderGetReply(reader_.get(), &reply) != 0) {
    throw Error(Errc::corrupt, std::string("not an answer of Redis: ") + reader_->errstr);
  }
  if (reply == nullptr) return std::nullopt;
  Reply result = std::move(root_);
  root_ = Reply();
  return result;
}

// ---- what replies mean ----

Errc code_of_error(std::string_view text) noexcept {
  const std::string_view word = text.substr(0, text.find(' '));
  struct Known {
    std::string_view word;
    Errc code;
  };
  static constexpr Known known[] = {
      // Later, or elsewhere, it may work.
      {"LOADING", Errc::unavailable},
      {"BUSY", Errc::unavailable},
      {"OOM", Errc::unavailable},
      {"MISCONF", Errc::unavailable},
      {"MASTERDOWN", Errc::unavailable},
      {"CLUSTERDOWN", Errc::unavailable},
      {"TRYAGAIN", Errc::unavailable},
      {"NOREPLICAS", Errc::unavailable},
      {"MOVED", Errc::unavailable},
      {"ASK", Errc::unavailable},
      {"UNBLOCKED", Errc::unavailable},
      // As things are set up it never will.
      {"READONLY", Errc::rejected},
      {"NOAUTH", Errc::rejected},
      {"WRONGPASS", Errc::rejected},
      {"NOPERM", Errc::rejected},
      {"DENIED", Errc::rejected},
      {"CROSSSLOT", Errc::rejected},
      // Somebody else keeps something else under this key.
      {"WRONGTYPE", Errc::corrupt},
  };
  for (const Known& one : known) {
    if (one.word == word) return one.code;
  }
  if (text.find("max number of clients") != std::string_view::npos) return Errc::unavailable;
  return Errc::rejected;
}

std::string text_without(std::string_view secret, const Reply& error) {
  // "ERR unknown command 'AUTH', with args beginning with: 'the first 128 bytes"
  std::string text(error.text().substr(0, error.text().find(", with args beginning with")));
  if (secret.empty()) return text;
  constexpr std::string_view stars = "***";
  for (auto at = text.find(secret); at != std::string::npos;
       at = text.find(secret, at + stars.size())) {
    text.replace(at, secret.size(), stars);
  }
  return text;
}

std::string explained(std::string_view secret, const Reply& error) {
  struct Advice {
    std::string_view begins;
    const char* text;
  };
  static constexpr Advice known[] = {
      {"NOAUTH", "give `password` or `password_file`"},
      {"MOVED", "it is a node of a cluster, which wants mode = \"cluster\""},
      {"CROSSSLOT", "it is a node of a cluster, which wants mode = \"cluster\""},
      {"ERR unknown command", "is it a sentinel, or a server that lacks the command?"},
  };
  std::string text = text_without(secret, error);
  for (const Advice& one : known) {
    if (!text.starts_with(one.begins)) continue;
    if (text.ends_with('.')) text.pop_back();
    return text.append(": ").append(one.text);
  }
  return text;
}

void throw_if_refused(const Reply& reply) {
  if (reply.is(Reply::Type::failure)) {
    throw Error(reply.code, std::string(reply.text()), reply.system_error);
  }
  if (reply.is(Reply::Type::error)) {
    throw Error(code_of_error(reply.text()), "the server answers: " + explained({}, reply));
  }
}

void unexpected(const Reply& reply, const char* command) {
  throw_if_refused(reply);
  throw Error(Errc::corrupt, std::string("an answer that ") + command + " cannot have");
}

}  // namespace cairn::redis
