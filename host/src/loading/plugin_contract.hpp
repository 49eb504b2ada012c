// Whether the tables that a loaded plugin hands over are what the contract (abi.h) and its own note
// say.
//
// Threads: any. Lifetimes: reads only.
#pragma once

#include "plugin_note.hpp"

#include <cairn/abi.h>

#include <string>

namespace cairn::hosting {

/// The first fault of `plugin`, as a clause ("component \"map\" has no create: ..."); empty: none.
/// `note` is the one from the same file.
std::string find_contract_fault(const cairn_plugin& plugin, const PluginNote& note);

}  // namespace cairn::hosting
