// A program's types through documents and back.

#include "catch.hpp"

#include <cairn/object.hpp>

#include <deque>
#include <list>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

using namespace cairn;
using namespace std::chrono_literals;

namespace shop {

enum class Status : std::uint8_t { open = 1, paid = 2 };
enum class Colour { red, green, blue };
CAIRN_NAMES(Colour, red, green, blue);

struct Line {
  std::string article;
  double price = 0;
  bool operator==(const Line&) const = default;
};
CAIRN_FIELDS(Line, article, price);

struct Order {
  std::int64_t id = 0;
  Status status = Status::open;
  Colour colour = Colour::red;
  std::vector<Line> lines;
  std::map<std::string, std::vector<int>> tags;
  std::optional<std::string> note;
  std::variant<std::monostate, std::string, Line> extra;
  std::chrono::sys_time<std::chrono::milliseconds> placed{};
  std::vector<std::byte> signature;
  bool operator==(const Order&) const = default;
};
CAIRN_FIELDS(Order, id, status, colour, lines, tags, note, extra, placed, signature);

struct Tree {
  int value = 0;
  std::vector<Tree> children;
  std::unique_ptr<Tree> shadow;
};
CAIRN_FIELDS(Tree, value, children, shadow);

// The same entry as its writers of three versions knew it.
struct UserOfThen {
  int id = 0;
  std::string name;
};
CAIRN_FIELDS(UserOfThen, id, name);

struct User {
  int id = 0;
  std::string name;
  std::string plan = "free";
  std::vector<std::string> teams{"everyone"};
};
CAIRN_FIELDS(User, id, name);
CAIRN_LATER_FIELDS(User, plan, teams);

struct UserOfTomorrow {
  std::string shoe_size = "42";
  std::string name;
  std::string teams = "one";
  int id = 0;
};
CAIRN_FIELDS(UserOfTomorrow, shoe_size, name, id);

class Account {
 public:
  Account() = default;
  explicit Account(int balance) : balance_(balance) {}
  int balance() const { return balance_; }

 private:
  int balance_ = 0;
  friend CAIRN_FIELDS(Account, balance_);
};

template <class T>
struct Box {
  T content{};
  friend CAIRN_FIELDS(Box, content);
};

// Converts itself.
struct Money {
  std::int64_t cents = 0;
  bool operator==(const Money&) const = default;
};
void to_document(const Money& money, Writer out) {
  cairn::write(out, std::to_string(money.cents) + " of a hundred parts of a euro");  // a temporary
}
void from_document(Node node, Money& money) {
  money.cents = std::stoll(std::string(node.text()));
}

struct Purse {
  Money money;
};
CAIRN_FIELDS(Purse, money);

struct Image {
  std::size_t pixels = 0;
};
CAIRN_FIELDS(Image, pixels);
std::size_t cached_size(const Image& image) {
  return image.pixels * 4;
}

}  // namespace shop

namespace {

struct Opaque {
  explicit Opaque(int) {}
};

template <class T>
Document document_of(const T& value) {
  return Document::build([&](Writer out) { write(out, value); });
}

template <class T>
T through(const T& value) {
  return read<T>(document_of(value).root());
}

// What went wrong, or "nothing".
template <class T>
std::string reading(Node node) {
  try {
    read<T>(node);
    return "nothing";
  } catch (const Error& error) {
    CHECK(error.code() == Errc::corrupt);
    return error.what();
  }
}
template <class T, class From>
std::string reading(const From& from) {
  return reading<T>(document_of(from).root());
}

shop::Order an_order() {
  using std::chrono::sys_time;
  return {.id = -7,
          .status = shop::Status::paid,
          .colour = shop::Colour::blue,
          .lines = {{"nail", 0.25}, {"", -1e300}},
          .tags = {{"sizes", {1, 2, 3}}, {"", {}}},
          .note = "careful",
          .extra = shop::Line{"hammer", 12},
          .placed = sys_time<std::chrono::milliseconds>(1'700'000'000'123ms),
          .signature = {std::byte{0}, std::byte{255}, std::byte{'|'}}};
}

}  // namespace

TEST_CASE("a struct of everything comes back equal", "[typed]") {
  const shop::Order order = an_order();
  CHECK(through(order) == order);
  CHECK(through(shop::Order()) == shop::Order());
}

TEST_CASE("a struct is a map of its fields in the order named", "[typed]") {
  const Document document = document_of(an_order());
  const Node root = document.root();
  REQUIRE(root.type() == Node::map);
  CHECK(root.size() == 9);
  CHECK(root.key_at(0).text() == "id");
  CHECK(root["id"].int_value() == -7);
  CHECK(root["status"].int_value() == 2);
  CHECK(root["colour"].text() == "blue");
  CHECK(root["lines"].item(0)["price"].real_value() == 0.25);
  CHECK(root["extra"].item(0).int_value() == 2);
  CHECK(root["placed"].int_value() == 1'700'000'000'123'000'000);
  CHECK(root["signature"].blob().size() == 3);
}

TEST_CASE("containers of every sort come back equal", "[typed]") {
  const std::deque<int> deque{1, -2};
  const std::list<std::string> list{"a", ""};
  const std::set<std::string> set{"x", "y"};
  const std::unordered_set<int> unordered_set{3, 4, 5};
  const std::unordered_map<int, std::string> by_number{{-1, "minus"}, {1, "plus"}};
  const std::map<std::pair<int, int>, bool> by_pair{{{1, 2}, true}, {{3, 4}, false}};
  const std::multimap<std::string, int> several{{"k", 1}, {"k", 2}};
  const std::array<int, 3> array{1, 2, 3};
  const std::array<unsigned char, 4> octets{0, 1, 254, 255};
  const std::vector<bool> bits{true, false, true};
  const std::tuple<int, std::string, std::tuple<>> tuple{1, "one", {}};
  CHECK(through(deque) == deque);
  CHECK(through(list) == list);
  CHECK(through(set) == set);
  CHECK(through(unordered_set) == unordered_set);
  CHECK(through(by_number) == by_number);
  CHECK(through(by_pair) == by_pair);
  CHECK(through(several) == several);
  CHECK(through(array) == array);
  CHECK(through(octets) == octets);
  CHECK(through(bits) == bits);
  CHECK(through(tuple) == tuple);
}

TEST_CASE("a byte vector is a blob, whatever its bytes are called", "[typed]") {
  CHECK(document_of(std::vector<char>{'a', '\0'}).root().blob() == std::string_view("a\0", 2));
  CHECK(document_of(std::vector<unsigned char>{1}).root().blob() == "\1");
  CHECK(document_of(std::vector<std::byte>{}).root().blob().empty());
  CHECK(document_of(Bytes("bytes")).root().blob() == "bytes");
  CHECK(through(Bytes("bytes")).view() == "bytes");
  CHECK(reading<std::vector<std::byte>>(std::string("text")) == "expected blob, got text");
}

TEST_CASE("pointers are their value or null", "[typed]") {
  shop::Tree tree{1, {}, nullptr};
  tree.children.push_back({2, {}, nullptr});
  tree.shadow = std::make_unique<shop::Tree>();
  tree.shadow->value = 3;
  const shop::Tree back = through(tree);
  CHECK(back.children.at(0).value == 2);
  CHECK(back.shadow->value == 3);
  CHECK(back.children[0].shadow == nullptr);
  CHECK(*through(std::shared_ptr<const int>(std::make_shared<int>(5))) == 5);
}

TEST_CASE("numbers keep their value or are refused", "[typed]") {
  CHECK(through(std::numeric_limits<std::uint64_t>::max()) ==
        std::numeric_limits<std::uint64_t>::max());
  CHECK(through(std::numeric_limits<std::int64_t>::min()) ==
        std::numeric_limits<std::int64_t>::min());
  CHECK(through('x') == 'x');
  CHECK(through(1.5f) == 1.5f);
  CHECK(read<double>(document_of(3).root()) == 3.0);
  CHECK(reading<std::int8_t>(128) == "expected an integer from -128 to 127, got 128");
  CHECK(reading<unsigned>(-1) == "expected an integer from 0 to 4294967295, got -1");
  CHECK(reading<std::int64_t>(~std::uint64_t{0}) ==
        "expected an integer from -9223372036854775808 to 9223372036854775807, got "
        "18446744073709551615");
  CHECK(reading<int>(1.0) == "expected int, got real");
  CHECK(reading<int>(true) == "expected int, got bool");
  CHECK(reading<bool>(1) == "expected bool, got int");
}

TEST_CASE("times are whole nanoseconds", "[typed]") {
  CHECK(document_of(90min).root().int_value() == 5'400'000'000'000);
  CHECK(through(90min) == 90min);
  CHECK(document_of(std::chrono::duration<double>(0.25)).root().real_value() == 0.25);
  CHECK(reading<std::chrono::seconds>(1500ms) ==
        "expected whole ticks of 1000000000 ns, got 1500000000 ns");
  CHECK_THROWS_WITH(document_of(std::chrono::hours(3'000'000)),
                    "a time beyond 292 years cannot be kept in nanoseconds");
}

TEST_CASE("an error names the place", "[typed]") {
  struct Case {
    const char* expected;
    std::string got;
  };
  std::map<std::string, std::vector<std::map<std::string, std::string>>> bad{
      {"orders", {{{"article", "a"}, {"price", "b"}}}}};
  using Orders = std::map<std::string, std::vector<shop::Line>>;
  CHECK(reading<Orders>(bad) == "[\"orders\"][0].price: expected real, got text");

  const auto with = [](auto change) {
    return Document::build([&](Writer out) {
      auto map = out.map(1);
      change(map.key("extra"));
    });
  };
  struct Wrapper {
    static std::string read_line(Node node) { return reading<shop::Line>(node); }
  };
  const Document line = with([](Writer out) { out.null(); });
  CHECK(Wrapper::read_line(line.root()) == "article: missing");

  using Deep = std::vector<std::map<int, std::pair<int, shop::Tree>>>;
  const Document deep = Document::build([](Writer out) {
    auto [key, value] = out.list(1).item().map(1).pair();
    key.integer(4);
    auto pair = value.list(2);
    pair.item().integer(1);
    auto tree = pair.item().map(3);
    tree.key("value").integer(1);
    tree.key("children").list(1).item().text("leaf");
    tree.key("shadow").null();
  });
  CHECK(reading<Deep>(deep.root()) == "[0][4][1].children[0]: expected map, got text");
  CHECK(reading<std::variant<int, bool>>(std::pair(7, 1)) ==
        "[0]: expected an alternative below 2, got 7");
  CHECK(reading<std::variant<int, bool>>(std::pair(1, 1)) == "[1]: expected bool, got int");
  CHECK(reading<std::array<int, 3>>(std::vector{1}) == "expected a list of 3, got one of 1");
  CHECK(reading<shop::Colour>(std::string("mauve")) ==
        "expected one of red, green, blue, got \"mauve\"");
}

TEST_CASE("entries of older and newer writers can be read", "[typed]") {
  const auto from_then = read<shop::User>(document_of(shop::UserOfThen{1, "Ada"}).root());
  CHECK(from_then.name == "Ada");
  CHECK(from_then.plan == "free");
  CHECK(from_then.teams == std::vector<std::string>{"everyone"});

  const auto from_tomorrow =
      read<shop::User>(document_of(shop::UserOfTomorrow{"43", "Bob", "", 2}).root());
  CHECK(from_tomorrow.id == 2);
  CHECK(from_tomorrow.name == "Bob");

  const auto then = read<shop::UserOfThen>(document_of(shop::User{3, "Eve", "paid", {}}).root());
  CHECK(then.id == 3);
}

TEST_CASE("an optional field may be absent or null", "[typed]") {
  struct Local {
    static std::optional<std::string> note(std::size_t fields) {
      const Document document = Document::build([&](Writer out) {
        const Document whole = document_of(an_order());
        auto map = out.map(fields);
        for (std::size_t i = 0, left = fields; left > 0; ++i) {
          if (whole.root().key_at(i).text() == "note") {
            if (fields == 8) continue;
            map.key("note").null();
          } else {
            auto [key, value] = map.pair();
            key.copy(whole.root().key_at(i));
            value.copy(whole.root().value_at(i));
          }
          --left;
        }
      });
      return read<shop::Order>(document.root()).note;
    }
  };
  CHECK_FALSE(Local::note(8).has_value());
  CHECK_FALSE(Local::note(9).has_value());
}

TEST_CASE("private members and templates name their fields inside", "[typed]") {
  CHECK(through(shop::Account(12)).balance() == 12);
  CHECK(through(shop::Box<std::string>{"hat"}).content == "hat");
}

TEST_CASE("a type's own conversion wins, and may write temporaries", "[typed]") {
  CHECK(through(shop::Money{250}) == shop::Money{250});
  const Entry object = make_object(shop::Purse{{123'456'789}});
  const Entry document = object.to_document();
  CHECK(document.node()["money"].text() == "123456789 of a hundred parts of a euro");
}

TEST_CASE("views and literals can be written", "[typed]") {
  CHECK(document_of(std::string_view("view")).root().text() == "view");
  CHECK(document_of("literal").root().text() == "literal");
  CHECK(document_of(static_cast<const char*>(nullptr)).root().is_null());
}

TEST_CASE("Convertible says which types can be cached", "[typed]") {
  STATIC_REQUIRE(Convertible<shop::Order>);
  STATIC_REQUIRE(Convertible<std::vector<std::optional<shop::Money>>>);
  STATIC_REQUIRE_FALSE(Convertible<Opaque>);
  STATIC_REQUIRE_FALSE(Convertible<std::vector<Opaque>>);
  STATIC_REQUIRE_FALSE(Convertible<std::string_view>);
  STATIC_REQUIRE_FALSE(Convertible<int*>);
}

TEST_CASE("an object entry holds the object itself", "[typed]") {
  const Entry entry = make_object(an_order());
  CHECK(entry.is_object());
  CHECK(entry.owned());
  const shop::Order* order = object_of<shop::Order>(entry);
  REQUIRE(order != nullptr);
  CHECK(*order == an_order());
  CHECK(object_of<shop::Line>(entry) == nullptr);
  const Entry copy = entry;  // NOLINT: the copy is the point
  CHECK(object_of<shop::Order>(copy) == order);
  CHECK(std::string_view(type_of<shop::Order>().name) == "shop::Order");
}

TEST_CASE("an object becomes a document that borrows its text, and an object again", "[typed]") {
  const Entry entry = make_object(an_order());
  const Entry document = entry.to_document();
  CHECK(document.node()["lines"].item(0)["article"].text().data() ==
        object_of<shop::Order>(entry)->lines[0].article.data());

  cairn_call call{};
  call.size = sizeof call;
  cairn_entry raw{};
  REQUIRE(type_of<shop::Order>().from_document(document.node().raw(), &call, &raw) == CAIRN_OK);
  const Entry back = Entry::adopt(raw);
  CHECK(*object_of<shop::Order>(back) == an_order());
}

TEST_CASE("a document of another shape is corrupt, in words", "[typed]") {
  const Document document = document_of(std::vector<int>{1});
  cairn_call call{};
  call.size = sizeof call;
  cairn_entry raw{};
  CHECK(type_of<shop::Order>().from_document(document.root().raw(), &call, &raw) == CAIRN_CORRUPT);
  CHECK(std::string(call.error_text) == "shop::Order: expected map, got list");
  CHECK(raw.owner == nullptr);
}

TEST_CASE("an object is charged for what it keeps", "[typed]") {
  CHECK(make_object(7).size() == sizeof(int));
  CHECK(charge_of(std::string(1000, 'x')) >= 1000 + sizeof(std::string));
  CHECK(charge_of(std::vector<std::string>(10, std::string(100, 'x'))) >=
        10 * (100 + sizeof(std::string)));
  CHECK(charge_of(std::map<int, int>{{1, 1}}) >
        sizeof(std::map<int, int>) + sizeof(std::pair<int, int>));
  CHECK(charge_of(shop::Image{1000}) == 4000);
  CHECK(charge_of(std::vector<shop::Image>{{1000}, {1000}}) >= 8000);
  shop::Line line{std::string(500, 'a'), 1};
  CHECK(charge_of(line) >= sizeof line + 500);
  CHECK(charge_of(std::optional<std::variant<int, std::string>>(std::string(500, 'a'))) >= 500);
}
