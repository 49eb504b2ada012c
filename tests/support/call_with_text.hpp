// A call that keeps the text of an error: `layer->get("k", CallWithText())`.
#pragma once

#include <cairn/call.hpp>

class CallWithText {
 public:
  CallWithText() noexcept { raw_.size = sizeof raw_; }
  operator cairn::Call() noexcept { return cairn::Call(&raw_); }  // NOLINT: that is what it is

 private:
  cairn_call raw_{};
};
