#!/usr/bin/env python3
"""From an installed prefix in an empty folder: `cairn new`, then build and test what it wrote.

    check_new_project.py BUILD_ROOT PROJECT meson|cmake

PROJECT is `backend`, `backend-c`, `proxy-c` or `proxy-KIND`. Installs BUILD_ROOT into a private folder
that is gone afterwards. The source tree is not used.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def run(command, **options):
    print("$", *command, flush=True)
    subprocess.run([str(part) for part in command], check=True, **options)


def install(build_root, folder):
    """The prefix of a fresh installation, with `cairn` in its bin."""
    run(["meson", "install", "-C", build_root, "--destdir", folder, "--no-rebuild", "--quiet"])
    prefix = next(path.parents[2] for path in Path(folder).glob("**/include/cairn/abi.h"))
    for package in prefix.glob("**/*.pc"):  # as a package that is moved would say it
        lines = package.read_text().splitlines()
        lines = [f"prefix={prefix}" if line.startswith("prefix=") else line for line in lines]
        package.write_text("\n".join(lines) + "\n")
    return prefix


def arguments(project):
    role, _, rest = project.partition("-")
    if rest == "c":
        return [role, "my-" + role, "--lang", "c"]
    return [role, "my-" + role] + (["--kind", rest] if rest else [])


def main():
    build_root, project, build_system = sys.argv[1:4]
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="cairn-install-") as folder:
        prefix = install(build_root, Path(folder) / "root")
        libraries = next(prefix.glob("lib/**/libcairn-host.so")).parent
        environment = dict(
            os.environ,
            PATH=f"{prefix / 'bin'}:{os.environ['PATH']}",
            PKG_CONFIG_PATH=f"{prefix / 'share/pkgconfig'}:{libraries / 'pkgconfig'}",
            CMAKE_PREFIX_PATH=str(prefix),
            LD_LIBRARY_PATH=str(libraries),
        )
        empty = Path(folder) / "empty"
        empty.mkdir()
        run(["cairn", "new", *arguments(project)], cwd=empty, env=environment)
        there = next(empty.iterdir())
        again = subprocess.run(["cairn", "new", *arguments(project)], cwd=empty, env=environment, capture_output=True)
        assert again.returncode == 2 and b"is not empty" in again.stderr, again
        left = [path for path in there.rglob("*") if path.is_file() and "@" in path.name + path.read_text()
                .replace("actions/checkout@v4", "")]
        assert not left, f"placeholders are left in {left}"
        if build_system == "meson":
            run(["meson", "setup", "b", "--buildtype=plain"], cwd=there, env=environment)
            run(["meson", "test", "-C", "b", "--print-errorlogs"], cwd=there, env=environment)
            run(["meson", "install", "-C", "b", "--destdir", Path(folder) / "second", "--quiet"], cwd=there, env=environment)
            installed = list((Path(folder) / "second").glob("**/cairn/1/cairn-my-*.so"))
            assert installed, "the plugin is not installed where cairn looks for plugins"
        else:
            run(["cmake", "-S", ".", "-B", "b"], cwd=there, env=environment)
            run(["cmake", "--build", "b"], cwd=there, env=environment)
            run(["ctest", "--test-dir", "b", "--output-on-failure"], cwd=there, env=environment)


if __name__ == "__main__":
    main()
