"""Fails when a public header does not compile alone, or warns.

usage: check_headers.py SOURCE_ROOT JOBS LANGUAGE COMPILER... [-- LANGUAGE COMPILER...]...

By language: `c++` compiles every header of sdk/include and host/include alone; `c++-together` all of
them in one go, for a second compiler; `c` the contract, cairn/abi.h. Only syntax: no object files.
"""
import concurrent.futures
import itertools
import pathlib
import subprocess
import sys

FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-fsyntax-only"]


def compile_headers(compiler, language, root, headers):
    standard = ["-x", "c", "-std=c11"] if language == "c" else ["-x", "c++", "-std=c++20"]
    source = "".join(f"#include <{header}>\n" for header in headers) * 2  # twice: their guards work
    run = subprocess.run(
        [*compiler, *standard, *FLAGS, "-I", root / "sdk/include", "-I", root / "host/include", "-"],
        input=source + "int main(void) { return 0; }\n", capture_output=True, text=True)
    what = f"<{headers[0]}> alone" if len(headers) == 1 else "all headers together"
    return f"{what} with {' '.join(compiler)}:\n{run.stderr}" if run.returncode != 0 else None


def main():
    root, jobs = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    groups = [list(g) for is_rule, g in itertools.groupby(sys.argv[3:], lambda a: a == "--") if not is_rule]
    headers = sorted(path.relative_to(base).as_posix()
                     for base in (root / "sdk/include", root / "host/include")
                     for path in base.rglob("*") if path.suffix in {".h", ".hpp"})
    sets = {"c": [["cairn/abi.h"]], "c++": [[h] for h in headers], "c++-together": [headers]}
    work = [(compiler, language, root, some) for language, *compiler in groups for some in sets[language]]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        bad = list(filter(None, pool.map(lambda item: compile_headers(*item), work)))
    print(f"{len(work)} compilations, {len(headers)} headers")
    return "\n".join(bad) or 0


sys.exit(main())
