// Any bytes as msgpack: read or refused as corrupt, with memory in proportion to the input; and
// what was read is written so that it reads as the same.
#include "../../plugins/msgpack/format.hpp"
#include "../support/generated_documents.hpp"

#include <cstdlib>

using namespace cairn;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const Entry document = msgpack::read(bytes, nullptr);
    if (document.size() > 25 * size + 256) std::abort();
    const Entry written(msgpack::write(document.node()));
    const Entry again = msgpack::read(written.bytes(), nullptr);
    if (!equal(document.node(), again.node())) std::abort();
  } catch (const Error& error) {
    if (error.code() != Errc::corrupt) std::abort();
  }
  return 0;
}
