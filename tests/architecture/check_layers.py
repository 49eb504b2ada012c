"""Fails when a folder includes what its row does not allow: plugins -> sdk <- host, and nothing else.

usage: check_layers.py SOURCE_ROOT | check_layers.py --self-test

A plugin folder without a row is an error: a new plugin states here which library it drives.
"""
import pathlib
import re
import sys
import tempfile

# Folder: what <...> may begin with, besides the standard library and the system (see SYSTEM).
LAYERS = {
    "sdk/include": ["cairn/"],
    "host/include": ["cairn/"],
    "host": ["cairn/", "fmt/", "nlohmann/json.hpp", "boost/dll/", "toml++/", "CLI/", "openssl/"],
    "plugins/json": ["cairn/"],
    "plugins/lmdb": ["cairn/", "lmdb.h"],
    "plugins/memcached": ["cairn/", "libmemcached", "openssl/", "zlib.h"],
    "plugins/memory": ["cairn/", "sanitizer/"],
    "plugins/msgpack": ["cairn/"],
    "plugins/null": ["cairn/"],
    "plugins/prefix": ["cairn/"],
    "plugins/redis": ["cairn/", "hiredis/", "openssl/"],
    "plugins/zstd": ["cairn/", "zstd", "zdict.h"],
}
# What only some of these may use: <cairn/host/...> belongs to the host, these headers to one file each.
HOST_ONLY = "cairn/host/"
ONE_FILE = {
    "boost/dll/": "host/src/loading/plugin_library.cpp",
    "toml++/": "host/src/config/config_file.cpp",
    "CLI/": "host/cli",
}
# POSIX, Linux, glibc and the compiler: any layer but the sdk, which stands on the standard library alone.
SYSTEM = re.compile(
    r"(sys|netinet|arpa|linux)/\w+\.h|"
    r"(dlfcn|elf|fcntl|fnmatch|immintrin|langinfo|link|malloc|netdb|poll|pthread|sched|signal|spawn|strings|syslog|termios|unistd)\.h")
# The C standard library, under its C names.
STANDARD = re.compile(r"[a-z_0-9]+|(assert|errno|inttypes|limits|math|stdbool|stddef|stdint|stdio|stdlib|string|time)\.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
SOURCES = {".h", ".hpp", ".c", ".cpp", ".inc"}


def layer_of(where):
    """The longest row that `where` lies under."""
    rows = [row for row in LAYERS if pathlib.PurePath(where).is_relative_to(row)]
    return max(rows, key=len, default=None)


def check_include(root, path, kind, name):
    where = path.relative_to(root).as_posix()
    layer = layer_of(where)
    in_sdk = layer == "sdk/include"
    if kind == '"':
        home = root / layer
        candidates = [path.parent / name] + ([root / "host/src" / name] if layer == "host" else [])
        if not any(c.exists() and c.resolve().is_relative_to(home) for c in candidates):
            return f'{where}: "{name}" leaves {home.relative_to(root)}'
        return None
    if name.startswith(HOST_ONLY) and not layer.startswith("host"):
        return f"{where}: <{name}> belongs to the host, which {layer} does not know"
    for header, only in ONE_FILE.items():
        if name.startswith(header) and not pathlib.PurePath(where).is_relative_to(only):
            return f"{where}: <{name}> is included by {only} alone"
    if STANDARD.fullmatch(name) or (SYSTEM.fullmatch(name) and not in_sdk):
        return None
    if not name.startswith(tuple(LAYERS[layer])):
        return f"{where}: <{name}> is not allowed in {layer}"
    return None


def check(root):
    root = root.resolve()
    bad = []
    for folder in sorted(p for p in (root / "plugins").iterdir() if p.is_dir()):
        if f"plugins/{folder.name}" not in LAYERS:
            bad.append(f"plugins/{folder.name}: has no row in check_layers.py: say which library it may use")
    for top in ("sdk", "host", "plugins"):
        for path in sorted((root / top).rglob("*")):
            where = path.relative_to(root)
            if path.suffix not in SOURCES or not path.is_file():
                continue
            if layer_of(where.as_posix()) is None:
                if len(where.parts) == 2:  # plugins/x.h
                    bad.append(f"{where}: lies in no layer")
                continue
            text = path.read_text(encoding="utf-8")
            bad += filter(None, (check_include(root, path, kind, name) for kind, name in INCLUDE.findall(text)))
    return bad


def self_test():
    """Each breach is found, and the innocent are not."""
    files = {
        "sdk/include/cairn/good.hpp": "#include <cairn/abi.h>\n#include <vector>\n#include <stdint.h>\n",
        "sdk/include/cairn/abi.h": "",
        "sdk/include/cairn/system.hpp": "#include <unistd.h>\n",
        "sdk/include/cairn/driver.hpp": "#include <hiredis/hiredis.h>\n",
        "sdk/include/cairn/upward.hpp": "#include <cairn/host/region.hpp>\n",
        "host/include/cairn/host/driver.hpp": "#include <boost/dll/shared_library.hpp>\n",
        "host/include/cairn/host/json.hpp": "#include <nlohmann/json.hpp>\n",
        "host/include/cairn/host/inward.hpp": '#include "../../../src/good.hpp"\n',
        "host/src/good.cpp": '#include "good.hpp"\n#include <fmt/format.h>\n#include <sys/stat.h>\n',
        "host/src/good.hpp": "",
        "host/src/loading/plugin_library.cpp": "#include <boost/dll/shared_library.hpp>\n",
        "host/src/config.cpp": "  #  include <toml++/toml.h>\n",
        "host/src/plugin.cpp": '#include "../../plugins/zstd/zstd.hpp"\n',
        "plugins/zstd/zstd.cpp": '#include "zstd.hpp"\n#include <zstd.h>\n#include <cairn/abi.h>\n',
        "plugins/zstd/zstd.hpp": "",
        "plugins/null/null.cpp": "#include <zstd.h>\n",
        "plugins/memory/memory.cpp": '#include "../zstd/zstd.hpp"\n#include <cairn/host/region.hpp>\n',
        "plugins/stranger/stranger.cpp": "",
    }
    guilty = {"sdk/include/cairn/system.hpp", "sdk/include/cairn/driver.hpp", "sdk/include/cairn/upward.hpp",
              "host/include/cairn/host/driver.hpp", "host/include/cairn/host/json.hpp",
              "host/include/cairn/host/inward.hpp", "host/src/config.cpp",
              "host/src/plugin.cpp", "plugins/null/null.cpp", "plugins/memory/memory.cpp", "plugins/stranger"}
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        found = check(root)
    accused = {line.split(":")[0] for line in found}
    memory = [line for line in found if line.startswith("plugins/memory")]
    if accused != guilty or len(memory) != 2:
        return [f"self-test: accused {sorted(accused ^ guilty)} wrongly", *found]
    return []


sys.exit("\n".join(self_test() if sys.argv[1] == "--self-test" else check(pathlib.Path(sys.argv[1]))) or 0)
