// Loads a plugin's file into the process, once and for ever.
//
// Libraries are never unloaded: entries, exceptions and threads may outlive the stack that they
// came from. Threads: any. Lifetimes: what is returned lives as long as the process.
#pragma once

#include "plugin_note.hpp"
#include "plugin_paths.hpp"

#include <cairn/abi.h>

namespace cairn::hosting {

/// The plugin in `file`, checked against the contract and against `note`, which was read from
/// `file`. A file that is loaded already, or was refused after loading, gives the same answer
/// again. `host` lives as long as the process. Throws Error(config): the file, what is wrong, what
/// to do.
const cairn_plugin& load_plugin(const PluginFile& file, const PluginNote& note,
                                const cairn_host& host);

}  // namespace cairn::hosting
