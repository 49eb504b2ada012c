// An option's value for people: in drawings, JSON and errors, without what is secret.
#pragma once

#include <cairn/abi.h>
#include <cairn/document.hpp>

#include <string>

namespace cairn::hosting {

/// One value from option_values() as it would be written in a file: "30s", "64MiB", "10%". A password
/// inside a URL shows as "***", and a secret option as "(secret)": but for a url that can be taken apart for
/// sure, of which only who logs in is hidden.
std::string redacted(const cairn_option& option, Node value);

}  // namespace cairn::hosting
