"""Builds and runs an example against a fresh installation, as the tutorial says, from an empty folder.

    check_program.py BUILD_ROOT CONSUMER EXAMPLE.cpp pkg-config|cmake

Installs BUILD_ROOT into a private folder that is gone afterwards. CONSUMER holds a CMakeLists.txt.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


def run(command, **options):
    print("$", *command, flush=True)
    return subprocess.run([str(part) for part in command], check=True, text=True, **options)


def main(build_root, consumer, example, way):
    os.umask(0o022)  # plugins that others may write to are refused
    example = pathlib.Path(example)
    with tempfile.TemporaryDirectory(prefix="cairn-program-") as folder:
        root, empty = pathlib.Path(folder) / "root", pathlib.Path(folder) / "empty"
        run(["meson", "install", "-C", build_root, "--destdir", root, "--no-rebuild", "--quiet"])
        prefix = next(path.parents[2] for path in root.glob("**/include/cairn/abi.h"))
        libraries = next(prefix.glob("**/libcairn-host.so")).parent
        empty.mkdir()
        for file in (example, example.with_suffix(".toml")):
            shutil.copy(file, empty)

        if way == "pkg-config":
            finding = dict(os.environ, PKG_CONFIG_PATH=f"{libraries / 'pkgconfig'}:{prefix / 'share/pkgconfig'}")
            ask = ["pkg-config", f"--define-variable=prefix={prefix}"]
            flags = run([*ask, "--cflags", "--libs", "cairn"], env=finding, capture_output=True).stdout.split()
            plugins = run([*ask, "--variable=plugindir", "cairn"], env=finding, capture_output=True).stdout.strip()
            abi = run([*ask, "--variable=abi", "cairn"], env=finding, capture_output=True).stdout.strip()
            assert abi == "1.0", abi
            assert list(pathlib.Path(plugins).glob("cairn-memory.so")), f"no plugins in {plugins}"
            run(["c++", "-std=c++20", "-O1", example.name, "-o", "first_cache", *flags], cwd=empty)
            program = empty / "first_cache"
        else:
            shutil.copy(pathlib.Path(consumer) / "CMakeLists.txt", empty)
            package = next(libraries.glob("cmake/*/cairn-config.cmake")).parent
            run(["cmake", "-S", ".", "-B", "b", f"-Dcairn_DIR={package}"], cwd=empty)
            run(["cmake", "--build", "b"], cwd=empty)
            program = empty / "b" / "first_cache"

        running = dict(os.environ, LD_LIBRARY_PATH=str(libraries), CAIRN_PLUGIN_DIR=str(libraries / "cairn" / "1"))
        printed = run([program], cwd=empty, env=running, capture_output=True).stdout
        expected = example.with_suffix(".out").read_text(encoding="utf-8")
        assert printed == expected, f"printed\n{printed}"


if __name__ == "__main__":
    main(*sys.argv[1:])
