// msgpack: documents and objects as msgpack, for stores that keep bytes and for readers in other
// languages.

#include "format.hpp"

#include <cairn/plugin.hpp>

#include <array>
#include <chrono>
#include <cmath>

namespace {

using namespace cairn;

class Msgpack final : public ValueCodec {
 public:
  static constexpr auto name = "msgpack";
  static constexpr auto help = "Turns documents and objects into msgpack, and back.";
  static constexpr auto accepts = Kinds::documents | Kinds::objects;
  static constexpr std::array options{
      Option("layout", "enum:plain|dogpile")
          .defaults_to("plain")
          .help("plain: the value; dogpile: [value, {\"ct\": created, \"v\": version}], as "
                "dogpile.cache's msgpack recipe stores it."),
  };

  explicit Msgpack(const Context& context)
      : ValueCodec(context),
        services_(context.services()),
        pairs_(context.options().text("layout") == "dogpile") {}

  Entry encode(const Entry& value) const override {
    const Entry document = value.to_document();
    if (!pairs_) return Entry(msgpack::write(document.node()));
    const Time created = value.created() == Time() ? services_.now() : value.created();
    const std::chrono::duration<double> since = created.time_since_epoch();
    const int version = value.value_version() == 0 ? dogpile_version : value.value_version();
    return Entry(msgpack::write_pair(document.node(), since.count(), version));
  }

  Entry decode(const Entry& stored) const override {
    const Entry bytes = stored.to_owned();
    Entry document = msgpack::read(bytes.bytes(), bytes.raw().owner);
    return pairs_ ? first_of_pair(std::move(document)) : document;
  }

 private:
  static constexpr int dogpile_version = 2;  // what dogpile.cache writes, and asks for, since 1.1

  // The metadata of the pair, too, if the store below has none of its own.
  static Entry first_of_pair(Entry pair) {
    const Node root = pair.node();
    if (root.size() != 2 || root.type() != Node::list || root.item(1).type() != Node::map) {
      throw Error(Errc::corrupt,
                  "expected [value, {\"ct\": ..., \"v\": ...}], as layout says, got " +
                      std::string(root.type_name()));
    }
    const Node metadata = root.item(1);
    if (const Node created = metadata["ct"]; created && created.is_number()) {
      const double seconds = created.real_value();
      if (seconds > 0 && seconds < 9e9) {  // until the year 2255: what nanoseconds can hold
        pair.set_created(Time(std::chrono::nanoseconds(std::llround(seconds * 1e9))));
      }
    }
    if (const Node version = metadata["v"];
        version && version.type() == Node::integer && std::in_range<int>(version.int_value())) {
      pair.set_value_version(static_cast<int>(version.int_value()));
    }
    pair.raw().data = root.item(0).raw();
    return pair;
  }

  const Services services_;
  const bool pairs_;
};

}  // namespace

CAIRN_PLUGIN("org.cairn.msgpack", "0.1.0", Msgpack);
