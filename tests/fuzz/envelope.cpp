// Any bytes as what a byte store holds: an envelope or not, without a throw; and the metadata of
// one survives being written again.
#include "stack/envelope.hpp"

#include <cstdlib>

using namespace cairn;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view stored(reinterpret_cast<const char*>(data), size);
  const auto head = hosting::read_envelope(stored);
  if (!head) return 0;
  if (head->size == 0 || head->size > size || stored[head->size - 1] != '|') std::abort();

  Entry payload = Entry::borrow(stored.substr(head->size));
  payload.set_created(head->created);
  payload.set_value_version(head->value_version);
  const Entry written = hosting::write_envelope(payload);
  const auto again = hosting::read_envelope(written.bytes());
  if (!again || written.bytes().substr(again->size) != payload.bytes()) std::abort();
  if (again->value_version != head->value_version) std::abort();
  if (head->created != Time()) {
    const auto moved = again->created - head->created;
    if (moved > std::chrono::microseconds(1) || moved < -std::chrono::microseconds(1)) std::abort();
  }
  return 0;
}
