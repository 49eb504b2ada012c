"""Compiles each MISUSE of misuse.cpp, and looks for the words that tell its author what is wrong.

    check_misuse.py misuse.cpp SOURCE_ROOT COMPILER
"""
import concurrent.futures
import os
import re
import subprocess
import sys

SIGNATURE_SENTENCE = r"cairn: the signature of this function cannot be seen .* region\.cached<User\(int\)>"
VIEW_SENTENCE = r"cairn: a view would outlive the text that it shows: read a std::string"
COPY_SENTENCE = r"cairn: callers get copies of a cached value, and this type cannot be copied"
WORDS = {  # the number of a MISUSE: what the compiler must say of it
    1: r"no match(ing function)? for call|no matching function for call to object",
    2: r"no match(ing function)? for call|no matching function for call to object",
    3: r"(cannot convert|no matching|no known conversion|invalid conversion|cannot initialize|could not (convert|bind))",
    4: r"no match(ing function)? for call|no matching function for call to object",
    5: SIGNATURE_SENTENCE,
    6: SIGNATURE_SENTENCE,
    7: r"cairn: no key for an argument of this type: write `std::string to_key\(const T&\)`",
    8: r"cairn: ",
    9: r"cairn: a creator is called without arguments: let it capture what it needs",
    10: r"cairn: a creator returns the value to be cached; this one returns nothing",
    11: COPY_SENTENCE,
    12: COPY_SENTENCE,
    13: COPY_SENTENCE,
    14: r"cairn: a creator of many is called with the keys that are missing",
    15: r"cairn: a function of many returns a vector parallel to what it is given, or a map",
    16: r"cairn: a cached function returns the value to be cached; this one returns nothing",
    17: r"cairn: a function of many takes a std::span<const Arg> or a const std::vector<Arg>&",
    18: r"cairn: keys are strings",
    19: VIEW_SENTENCE,
    20: VIEW_SENTENCE,
    21: VIEW_SENTENCE,
    22: VIEW_SENTENCE,
    23: r"cairn: what is read is a value, no reference and not const",
    24: r"cairn: a view of text .* can be written, and not be read or kept",
    25: r"cairn: a view of text .* can be written, and not be read or kept",
}


def compile_misuse(number, source, root, compiler):
    includes = [f"-I{os.path.join(root, part, 'include')}" for part in ("sdk", "host")]
    command = [compiler, "-std=c++20", "-fsyntax-only", f"-DMISUSE={number}", *includes, source]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def main(source, root, compiler):
    failures = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = {n: pool.submit(compile_misuse, n, source, root, compiler) for n in (0, *WORDS)}
    for number, run in runs.items():
        run = run.result()
        if number == 0 and run.returncode != 0:
            failures.append(f"right use does not compile:\n{run.stderr}")
        if number != 0 and run.returncode == 0:
            failures.append(f"misuse {number} compiles")
        if number != 0 and not re.search(WORDS[number], run.stderr):
            failures.append(f"misuse {number} is not explained:\n{run.stderr[:2000]}")
    print("\n".join(failures) or f"{len(WORDS)} misuses explained by {compiler}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
