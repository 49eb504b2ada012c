// @name@ keeps the contract of a proxy, tried in this process; `cairn validate` tries the built file.
#include "@name@.cpp"

#include <cairn/testing/component.hpp>

int main() { return cairn::testing::check_component<@Class@>({{"suffix", "!"}}); }
