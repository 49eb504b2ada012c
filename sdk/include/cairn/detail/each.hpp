// A macro for each of its arguments. Macros only, which the compiler takes for a system's: or it would show
// all of their steps, a thousand lines, of a misspelt field.
#pragma once
#pragma GCC system_header

// CAIRN_EACH(m, T, a, b) is m(T, a), m(T, b): the preprocessor expands the list by scanning its own
// output again, 4 * 4 * 4 * 4 times.
#define CAIRN_EACH(macro, Type, ...) \
  __VA_OPT__(CAIRN_SCAN_256(CAIRN_EACH_STEP(macro, Type, __VA_ARGS__)))
#define CAIRN_EACH_STEP(macro, Type, first, ...) \
  macro(Type, first) __VA_OPT__(, CAIRN_EACH_AGAIN CAIRN_PARENTHESES(macro, Type, __VA_ARGS__))
#define CAIRN_EACH_AGAIN() CAIRN_EACH_STEP
#define CAIRN_PARENTHESES ()
#define CAIRN_SCAN_256(...) CAIRN_SCAN_64(CAIRN_SCAN_64(CAIRN_SCAN_64(CAIRN_SCAN_64(__VA_ARGS__))))
#define CAIRN_SCAN_64(...) CAIRN_SCAN_16(CAIRN_SCAN_16(CAIRN_SCAN_16(CAIRN_SCAN_16(__VA_ARGS__))))
#define CAIRN_SCAN_16(...) CAIRN_SCAN_4(CAIRN_SCAN_4(CAIRN_SCAN_4(CAIRN_SCAN_4(__VA_ARGS__))))
#define CAIRN_SCAN_4(...) CAIRN_SCAN(CAIRN_SCAN(CAIRN_SCAN(CAIRN_SCAN(__VA_ARGS__))))
#define CAIRN_SCAN(...) __VA_ARGS__
