#!/usr/bin/env python3
"""Compiles every file of compile_fail/ with every compiler given, and demands the mistake it expects.

    check_compile_fail.py INCLUDE_DIR COMPILER...

A file begins with `// expect: PATTERN`, a regular expression that the compiler's errors must match,
or with `// expect: success`.
"""

import concurrent.futures
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def precompile(compiler, include, folder):
    """The flags to use <cairn/plugin.hpp> without compiling it for every file."""
    flags = ["-std=c++20", "-I", include]
    header = Path(include) / "cairn" / "plugin.hpp"
    clang = "clang" in subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout
    output = folder / ("plugin.pch" if clang else "cairn/plugin.hpp.gch")
    output.parent.mkdir(exist_ok=True)
    subprocess.run([compiler, *flags, "-w", "-x", "c++-header", str(header), "-o", str(output)], check=True)
    return ["-include-pch", str(output), *flags] if clang else ["-I", str(folder), *flags]


def check(source, compiler, flags):
    expected = re.match(r"// expect: (.*)", source.read_text())[1]
    command = [compiler, *flags, "-fsyntax-only", str(source)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    errors = "\n".join(line for line in result.stderr.splitlines() if "error" in line)
    if expected == "success":
        return None if result.returncode == 0 else f"should compile:\n{errors}"
    if result.returncode == 0:
        return f"compiles, but should fail with: {expected}"
    # A sentence that quotes `get` must not be read as a pattern.
    if not (expected in errors or re.search(expected, errors)):
        return f"fails without saying: {expected}\nit says:\n{errors}"
    return None


def main():
    include, compilers = sys.argv[1], sys.argv[2:]
    sources = sorted((Path(__file__).parent / "compile_fail").glob("*.cpp"))
    jobs = [(source, compiler) for source in sources for compiler in compilers]
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        flags = {c: precompile(c, include, Path(folder)) for c in compilers}
        answers = pool.map(lambda job: check(*job, flags[job[1]]), jobs)
        failures = [(job, answer) for job, answer in zip(jobs, answers) if answer]
    for (source, compiler), answer in failures:
        print(f"{source.name} with {compiler}: {answer}\n")
    print(f"{len(jobs) - len(failures)} of {len(jobs)} cases as expected")
    sys.exit(1 if failures or not jobs else 0)


if __name__ == "__main__":
    main()
