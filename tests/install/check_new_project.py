#!/usr/bin/env python3
"""From an installed prefix in an empty folder: `cairn new`, then build and test what it wrote.

    check_new_project.py BUILD_ROOT PROJECT meson|cmake

PROJECT is `backend`, `backend-c`, `proxy-c` or `proxy-KIND`. Installs BUILD_ROOT into a private folder
that is gone afterwards. The source tree is not used.
"""

import os
import re
import subprocess
import textwrap
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


def environment_of(prefix):
    """What a user who has installed cairn there has set."""
    libraries = next(prefix.glob("lib/**/libcairn-host.so")).parent
    return dict(
        os.environ,
        PATH=f"{prefix / 'bin'}:{os.environ['PATH']}",
        PKG_CONFIG_PATH=f"{prefix / 'share/pkgconfig'}:{libraries / 'pkgconfig'}",
        CMAKE_PREFIX_PATH=str(prefix),
        LD_LIBRARY_PATH=str(libraries),
        CAIRN_PLUGIN_DIR=str(libraries / "cairn/1"),  # where the prefix was moved to
    )


def arguments(project):
    role, _, rest = project.partition("-")
    if rest == "c":
        return [role, "my-" + role, "--lang", "c"]
    return [role, "my-" + role] + (["--kind", rest] if rest else [])


# How many lines of code the source of a new project has at most, includes and all.
LONGEST = {"backend": 26, "proxy-key": 13, "proxy-value": 15, "proxy-observer": 24, "proxy-raw": 21, "backend-c": 110, "proxy-c": 45}


def check_source(project, there):
    source = (there / f"my-{project.partition('-')[0]}").with_suffix(".c" if project.endswith("-c") else ".cpp")
    code = re.sub(r"/\*.*?\*/|//.*", "", source.read_text(), flags=re.S if source.suffix == ".c" else 0)
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= LONGEST[project], f"{source.name} has {len(lines)} lines of code"


def check_readme(there, environment):
    """The configuration in the README is one that works, from the project's folder."""
    readme = (there / "README.md").read_text()
    snippet = re.search(r"((?:^    .*\n|^\n)*^    \[plugins\]\n(?:^    .*\n|^\n)*)", readme, re.M)[1]
    (there / "cairn.toml").write_text(textwrap.dedent(snippet))
    for words in (["check"], ["explain"], ["set", "42", "Ada"]):
        run(["cairn", words[0], "-c", "cairn.toml", *words[1:]], cwd=there, env=environment)
    assert "cairn.toml" in readme, "the README does not say what to call the file"


def check_refusals(project, folder, environment):
    """What cannot be begun is refused with a sentence, and nothing is left behind."""
    (folder / "a-file").write_text("")
    for words, code, said in (
        (arguments(project), 2, "is not empty"),
        (["backend", "9x"], 2, "begin with a letter"),
        (["backend", "Mine"], 2, "lower-case letters"),
        (["backend", "../mine"], 2, "lower-case letters"),
        (["backend", "a-file"], 2, "is not a folder"),
        (["backend", "mine", "--kind", "key"], 2, "a backend has none"),
        (["proxy", "mine", "--lang", "c", "--kind", "key"], 2, "--kind raw"),
        (["plugin", "mine"], 2, "backend"),
        (["backend", "mine", "--folder", "/proc/mine"], 3, "/proc/mine"),
    ):
        answer = subprocess.run(["cairn", "new", *words], cwd=folder, env=environment, capture_output=True, text=True)
        assert answer.returncode == code and said in answer.stderr, (words, answer)
    assert not (folder / "mine").exists()


def check_ci(there, environment):
    """The steps of the project's own continuous integration, after a fresh checkout."""
    steps = re.findall(r"^ +- run: (.*)$", (there / ".github/workflows/test.yml").read_text(), re.M)
    assert len(steps) == 2, steps
    for step in steps:
        run(["bash", "-ec", step], cwd=there, env=environment)


def main():
    build_root, project, build_system = sys.argv[1:4]
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="cairn-install-") as folder:
        prefix = install(build_root, Path(folder) / "root")
        environment = environment_of(prefix)
        empty = Path(folder) / "empty"
        empty.mkdir()
        run(["cairn", "new", *arguments(project)], cwd=empty, env=environment)
        there = next(empty.iterdir())
        assert "CAIRN_IMAGE" in (there / ".github/workflows/test.yml").read_text()
        check_refusals(project, empty, environment)
        check_source(project, there)
        left = [path for path in there.rglob("*") if path.is_file() and "@" in path.name + path.read_text()
                .replace("actions/checkout@v4", "")]
        assert not left, f"placeholders are left in {left}"
        if build_system == "meson":
            check_ci(there, environment)
            run(["meson", "install", "-C", "build", "--destdir", Path(folder) / "second", "--quiet"], cwd=there, env=environment)
            installed = list((Path(folder) / "second").glob("**/cairn/1/cairn-my-*.so"))
            assert installed, "the plugin is not installed where cairn looks for plugins"
        else:
            run(["cmake", "-S", ".", "-B", "build"], cwd=there, env=environment)
            run(["cmake", "--build", "build"], cwd=there, env=environment)
            run(["ctest", "--test-dir", "build", "--output-on-failure"], cwd=there, env=environment)
        check_readme(there, environment)


if __name__ == "__main__":
    main()
