// `${NAME}` in the texts of a configuration.
#pragma once

#include <cairn/host/config.hpp>

namespace cairn::hosting {

/// Replaces, in the texts of `table` and of the lists and tables in it, never in names:
///
///     ${NAME}           the environment variable, which must be set
///     ${NAME:-default}  the default if it is unset or empty
///     ${NAME:?message}  an error with this message if it is unset or empty
///     $$                one $
///
/// Each text is read once: what a variable holds is never looked at again. So it cannot add keys,
/// nor refer to another variable.
ConfigTable interpolated(const ConfigTable& table, Findings& findings);

}  // namespace cairn::hosting
