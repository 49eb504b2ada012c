// What must not compile: check_misuse.py builds one MISUSE after the other, and MISUSE 0, which
// must.
#include <cairn/cairn.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

struct NoKey {};
struct Shop {
  int price(int id) const { return id; }
};
struct Money {
  int cents = 0;
};
void to_document(const Money& money, cairn::Writer out);
void from_document(cairn::Node node, Money& money);
std::string to_key(const Money& money);
struct Price : Money {
  int currency = 0;
};
struct Fixed {
  const int number = 0;
};
CAIRN_FIELDS(Fixed, number);
struct Counted {
  static inline int count = 0;
};
#if MISUSE == 43
CAIRN_FIELDS(Counted, count);
#elif MISUSE == 44
CAIRN_FIELDS(Counted, coumt);
#endif

void use(cairn::Region& region) {
  auto user = region.cached("user", [](int id) { return id; });
  auto users = region.cached_multi("user", [](std::span<const int>) { return std::vector<int>(); });
#if MISUSE == 0
  user(42);
  users({42});
#elif MISUSE == 1
  user("42");
#elif MISUSE == 2
  user(1, 2);
#elif MISUSE == 3
  user.set("text", 42);
#elif MISUSE == 4
  users({"42"});
#elif MISUSE == 5
  region.cached("generic", [](auto value) { return value; });
#elif MISUSE == 6
  region.cached("number", 42);
#elif MISUSE == 7
  cairn::function_key("f", NoKey());
#elif MISUSE == 8
  region.get<NoKey>("key");
#elif MISUSE == 9
  region.get_or_create("key", [](std::string_view key) { return std::string(key); });
#elif MISUSE == 10
  region.get_or_create("key", [] {});
#elif MISUSE == 11
  region.get_or_create("key", [] { return std::make_unique<int>(1); });
#elif MISUSE == 12
  region.get<std::unique_ptr<int> >("key");
#elif MISUSE == 13
  region.set("key", std::make_unique<int>(1));
#elif MISUSE == 14
  region.get_or_create_multi({"a", "b"}, [](std::string_view key) { return std::string(key); });
#elif MISUSE == 15
  region.get_or_create_multi({"a", "b"}, [](std::span<const std::string_view>) { return 1; });
#elif MISUSE == 16
  region.cached("nothing", [](int) {});
#elif MISUSE == 17
  region.cached_multi("one", [](int id) { return std::vector<int>{id}; });
#elif MISUSE == 18
  region.get_multi<int>(std::vector<int>{1, 2});
#elif MISUSE == 19
  region.get<std::string_view>("key");
#elif MISUSE == 20
  region.get_multi<std::string_view>({"key"});
#elif MISUSE == 21
  region.get_with_metadata<std::string_view>("key");
#elif MISUSE == 22
  region.get<const char*>("key");
#elif MISUSE == 23
  region.get<const int>("key");
#elif MISUSE == 24
  region.set("key", std::vector<std::string_view>{"text"});
#elif MISUSE == 25
  region.cached("words", [](int) { return std::map<int, std::string_view>(); })(1);
#elif MISUSE == 26
  region.remove({"a", "b"});
#elif MISUSE == 27
  region.get<int>({"a", "b"});
#elif MISUSE == 28
  region.get_or_create({"a", "b"}, [] { return 1; });
#elif MISUSE == 29
  region.cached("price", &Shop::price, Shop());
#elif MISUSE == 30
  region.cached("price", &Shop::price);
#elif MISUSE == 31
  region.cached<const std::string&(int)>("text", [](int) { return std::string(); });
#elif MISUSE == 32
  region.cached("fill", [](std::string& text) { return text.size(); });
#elif MISUSE == 33
  region.cached("take", [](std::unique_ptr<int> number) { return *number; });
#elif MISUSE == 34
  region.get_or_create("key", cairn::detached([p = std::make_unique<int>(1)] { return *p; }));
#elif MISUSE == 35
  region.get_or_create(
      "key", [] { return 1; }, {}, [] { return true; });
#elif MISUSE == 36
  region.get_or_create("key", [] { return std::vector<std::unique_ptr<int> >(); });
#elif MISUSE == 37
  region.get_or_create_multi({"a"}, [](auto) { return std::string("text"); });
#elif MISUSE == 38
  region.get_or_create_multi({"a"}, [](auto) { return std::map<int, int>(); });
#elif MISUSE == 39
  region.set_multi(std::map<int, int>{{1, 2}});
#elif MISUSE == 40
  region.get<Price>("key");
#elif MISUSE == 41
  cairn::function_key("f", Price());
#elif MISUSE == 42
  region.get<Fixed>("key");
#elif MISUSE == 43
  region.get<Counted>("key");
#endif
}
