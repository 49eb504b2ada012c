#!/usr/bin/env python3
"""Builds a plugin with another compiler or in another language, and validates it.

    check_toolchain.py SOURCE_ROOT VALIDATOR cargo
    check_toolchain.py SOURCE_ROOT VALIDATOR COMPILER FLAG...

`cargo` builds the Rust example; a C++ compiler builds plugins/prefix. Skipped, visibly, where the
compiler or its standard library is not installed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77


def build_rust(root, folder):
    example = folder / "rust"  # a copy: cargo writes beside what it builds
    shutil.copytree(root / "docs/examples/plugins/rust", example, ignore=shutil.ignore_patterns("target"))
    subprocess.run(["cargo", "build", "--release", "--offline", "--locked", "--quiet"], cwd=example, check=True)
    return example / "target/release/libcairn_shelf.so"


def build_cpp(root, folder, compiler):
    plugin = folder / "cairn-prefix.so"
    subprocess.run(
        [*compiler, "-std=c++20", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra",
         "-I", root / "sdk/include", root / "plugins/prefix/prefix.cpp", "-o", plugin,
         f"-Wl,--version-script={root / 'plugins/exports.map'}", "-Wl,-z,defs,-z,relro,-z,now"],
        check=True,
    )
    return plugin


def works(compiler, folder):
    source, program = folder / "hello.cpp", folder / "hello"
    source.write_text("#include <string>\nint main() { return std::string().size() == 0 ? 0 : 1; }\n")
    return subprocess.run([*compiler, source, "-o", program], capture_output=True).returncode == 0


def main():
    root, validator, compiler = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="cairn-toolchain-") as name:
        folder = Path(name)
        usable = shutil.which(compiler[0]) and (compiler == ["cargo"] or works(compiler, folder))
        if not usable:
            print(f"skipped: {' '.join(compiler)} is not installed")
            sys.exit(SKIPPED)
        plugin = build_rust(root, folder) if compiler == ["cargo"] else build_cpp(root, folder, compiler)
        sys.exit(subprocess.run([validator, plugin]).returncode)


if __name__ == "__main__":
    main()
