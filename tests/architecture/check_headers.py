"""Fails when a public header does not compile alone, or warns.

usage: check_headers.py SOURCE_ROOT JOBS (c|cpp) COMPILER... [-- (c|cpp) COMPILER...]...

C++ compilers get every header of sdk/include/cairn and host/include; C compilers the contract, abi.h.
Only the syntax is checked: no object files.
"""
import concurrent.futures
import itertools
import pathlib
import subprocess
import sys

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]


def compile_alone(compiler, language, root, header):
    std = "-std=c11" if language == "c" else "-std=c++20"
    include = f"#include <{header}>\n" * 2  # twice: the guard works
    run = subprocess.run(
        [*compiler, std, *WARNINGS, "-fsyntax-only", "-I", root / "sdk/include", "-I", root / "host/include",
         "-x", "c" if language == "c" else "c++", "-"],
        input=include + "int main(void) { return 0; }\n", capture_output=True, text=True)
    return f"<{header}> alone with {compiler[-1]} {std}:\n{run.stderr}" if run.returncode != 0 else None


def main():
    root, jobs = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    groups = [list(g) for is_rule, g in itertools.groupby(sys.argv[3:], lambda a: a == "--") if not is_rule]
    headers = sorted(path.relative_to(base).as_posix()
                     for base in (root / "sdk/include", root / "host/include")
                     for path in base.rglob("*") if path.suffix in {".h", ".hpp"})
    work = [(compiler, language, root, header) for language, *compiler in groups
            for header in (["cairn/abi.h"] if language == "c" else headers)]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        bad = list(filter(None, pool.map(lambda item: compile_alone(*item), work)))
    print(f"{len(work)} compilations, {len(headers)} headers")
    return "\n".join(bad) or 0


sys.exit(main())
