// json: documents and objects as JSON text, for stores that keep bytes, for readers in other
// languages and for people.

#include "format.hpp"

#include <cairn/plugin.hpp>

#include <array>

namespace {

using namespace cairn;

class Json final : public ValueCodec {
 public:
  static constexpr auto name = "json";
  static constexpr auto help = "Turns documents and objects into JSON, and back.";
  static constexpr auto accepts = Kinds::documents | Kinds::objects;
  static constexpr std::array options{
      Option("compatible", "bool")
          .defaults_to("false")
          .help("Write byte for byte what Python's json.dumps writes; blobs are refused."),
  };

  explicit Json(const Context& context)
      : ValueCodec(context),
        dialect_(context.options().flag("compatible") ? json::Dialect::compatible
                                                      : json::Dialect::own) {}

  // Copied once more, so that what is kept is no longer than its text.
  Entry encode(const Entry& value) const override {
    const Entry document = value.to_document();
    return Entry::copy(json::write(document.node(), dialect_));
  }

  Entry decode(const Entry& stored) const override {
    const Entry text = stored.to_owned();
    return json::read(text.bytes(), text.raw().owner, dialect_);
  }

 private:
  const json::Dialect dialect_;
};

}  // namespace

CAIRN_PLUGIN("org.cairn.json", "0.1.0", Json);
