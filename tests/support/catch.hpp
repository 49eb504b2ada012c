// The one place that names Catch2's header, so that another version is a change of one file.
#pragma once

#include <catch2/catch.hpp>
