// Whether a folder lies on a file system that several machines share: there, mapped memory and
// locks do not mean what LMDB needs them to mean.
#pragma once

#include <sys/vfs.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cairn::lmdb {

/// The name of the network file system with this magic number, or nothing for all others.
constexpr std::optional<std::string_view> network_file_system(std::uint32_t magic) noexcept {
  switch (magic) {
    case 0x6969: return "NFS";
    case 0x517b: return "SMB";
    case 0xff534d42: return "CIFS";
    case 0xfe534d42: return "SMB2";
    case 0x01021997: return "9P";
    case 0x5346414f:
    case 0x6b414653: return "AFS";
    case 0x73757245: return "Coda";
    case 0x00c36400: return "Ceph";
    case 0x0bd00bd0: return "Lustre";
    case 0x01161970: return "GFS2";
    case 0x7461636f: return "OCFS2";
    case 0x47504653: return "GPFS";
    case 0x19830326: return "BeeGFS";
    default: return std::nullopt;
  }
}

inline std::optional<std::string_view> network_file_system_of(const std::string& folder) noexcept {
  struct statfs found {};
  if (statfs(folder.c_str(), &found) != 0) return std::nullopt;
  return network_file_system(static_cast<std::uint32_t>(found.f_type));
}

}  // namespace cairn::lmdb
