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
ONE_KEY_SENTENCE = r"cairn: this takes one key; for many there are get_multi, remove_multi"
ARGUMENT_SENTENCE = r"cairn: a cached function takes its arguments by value, or by const reference"
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
    26: ONE_KEY_SENTENCE,
    27: ONE_KEY_SENTENCE,
    28: ONE_KEY_SENTENCE,
    29: r"cairn: the object whose member function is cached must outlive the result",
    30: r"cairn: a member function is cached with its object: cached\(name, &Shop::user, shop\)",
    31: r"cairn: this function returns a value, and the signature that was said a reference",
    32: ARGUMENT_SENTENCE,
    33: ARGUMENT_SENTENCE,
    34: r"cairn: a detached creator, and its should_cache, are copied",
    35: r"cairn: should_cache is called with the value, a const T&",
    36: COPY_SENTENCE,
    37: r"cairn: a function of many returns a vector parallel to what it is given, or a map",
    38: r"cairn: the map that a creator of many returns has the keys that it was given",
    39: r"cairn: keys are strings",
    40: r"cairn: the to_document and from_document that this type has are those of a base class",
    41: r"cairn: no key for an argument of this type",
    42: r"cairn: a field that is const could be written, and not be read",
    43: r"cairn: what CAIRN_FIELDS names is a data member",
    44: r"coumt",
}
LONGEST = {44: 60}  # lines: a misspelt field is not shown with every step of a macro


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
        lines = run.stderr.count("\n")
        if lines > LONGEST.get(number, lines):
            failures.append(f"misuse {number} takes {lines} lines")
        if number != 0 and not re.search(WORDS[number], run.stderr):
            failures.append(f"misuse {number} is not explained:\n{run.stderr[:2000]}")
    print("\n".join(failures) or f"{len(WORDS)} misuses explained by {compiler}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
