// What a program includes: everything that it needs to cache.
#pragma once

#include <cairn/convert.hpp>
#include <cairn/error.hpp>
#include <cairn/fields.hpp>
#include <cairn/host/config.hpp>
#include <cairn/host/host.hpp>
#include <cairn/host/region.hpp>
