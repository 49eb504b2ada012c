// expect: noexcept|invalid conversion|incompatible
// A slot of the C contract does not take a function that may throw.
#include <cairn/plugin.hpp>

cairn_status may_throw(void*, cairn_call*, cairn_bytes);
void fill(cairn_ops& ops) {
  ops.remove = &may_throw;
}
