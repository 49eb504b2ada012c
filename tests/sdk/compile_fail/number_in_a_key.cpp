// expect: a number in a key is written as text
// It would be taken for a character.
#include <cairn/plugin.hpp>

void append_number(cairn::KeyBuffer& out) {
  out.append("shard").append(7);
}
