#!/usr/bin/env python3
"""Writes the layout and signature lock of abi.h: once per released minor, never again.

    tests/sdk/make_abi_lock.py sdk/include > tests/sdk/abi_lock.c

The result pins every enumerator, every field's offset and type, and the size of every [frozen]
struct. A [sized] struct may grow at its end, so of its size only the least is pinned. A tool that
compares two binaries (abidiff) cannot tell that legal growth from an insertion; this can.
Needs clang, for its syntax tree, and gcc.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SLOT = "(unnamed struct"


def main():
    include = Path(sys.argv[1])
    header = include / "cairn" / "abi.h"
    text = header.read_text()
    tree = json.loads(
        subprocess.run(
            ["clang", "-xc", "-std=gnu11", "-fsyntax-only", "-Xclang", "-ast-dump=json", str(header)],
            check=True,
            capture_output=True,
        ).stdout
    )
    records, enumerators, seen_header = [], [], False
    for node in tree["inner"]:
        name = node.get("name", "")
        if node["kind"] == "RecordDecl" and name.startswith("cairn_") and node.get("completeDefinition"):
            fields = [(f["name"], f["type"]["qualType"]) for f in node["inner"] if f["kind"] == "FieldDecl"]
            records.append((name, fields))
        if node["kind"] == "EnumDecl":
            enumerators += [e["name"] for e in node["inner"] if e["name"].startswith("CAIRN_")]

    frozen = set(re.findall(r"\[frozen\].*?(?:typedef struct|struct) (cairn_\w+)", text, re.S))
    for name, _ in records:  # a struct declared after a [sized] comment is not frozen
        before = text[: re.search(rf"struct {name} {{", text).start()]
        if before.rfind("[sized]") > before.rfind("[frozen]"):
            frozen.discard(name)

    numbers = measure(include, records, enumerators)
    minor = re.search(r"CAIRN_ABI_MINOR (\d+)u", text)[1]
    out = [
        f"/* abi_lock.c: the layout and the signatures of cairn/abi.h 1.{minor}, for x86-64.",
        " *",
        " * Written once, by make_abi_lock.py, and never edited: a line that no longer compiles is a change",
        " * that plugins in the field cannot survive. Adding at the end of a [sized] struct passes. */",
        "#include <cairn/abi.h>",
        "",
        '#define AT(T, f, n) _Static_assert(offsetof(T, f) == n, #T "." #f " moved")',
        "#define IS(T, f, ...)                                                                   \\",
        "  _Static_assert(__builtin_types_compatible_p(__typeof__(((T *)0)->f), __VA_ARGS__), \\",
        '                 #T "." #f " changed its type")',
        '#define VALUE(e, n) _Static_assert((e) == (n), #e " changed its value")',
        '#define FROZEN(T, n) _Static_assert(sizeof(T) == n, #T " is frozen and changed its size")',
        '#define AT_LEAST(T, n) _Static_assert(sizeof(T) >= n, #T " shrank")',
        "",
    ]
    out += [f"VALUE({e}, {numbers[e]});" for e in enumerators]
    for name, fields in records:
        out += ["", f"{'FROZEN' if name in frozen else 'AT_LEAST'}({name}, {numbers[name]});"]
        for field, kind in flatten(fields):
            out.append(f"AT({name}, {field}, {numbers[name + '.' + field]});")
            if kind:
                out.append(f"IS({name}, {field}, {kind});")
    out += ["", "/* One translation unit with no declaration is not ISO C. */", "typedef int abi_1_%s_is_kept;" % minor]
    print("\n".join(out))


def flatten(fields):
    """The fields with the insides of cairn_next's slots and of cairn_node's union."""
    for field, kind in fields:
        if kind.startswith("struct ") and "at " in kind:
            yield field + ".fn", f"__typeof__(((cairn_ops *)0)->{field})"
            yield field + ".self", "void *"
        elif kind.startswith("union ") and "at " in kind:
            for member, type_ in [("i", "int64_t"), ("u", "uint64_t"), ("f", "double"),
                                  ("s", "const char *"), ("items", "const cairn_node *")]:
                yield f"{field}.{member}", type_
        else:
            yield field, kind


def measure(include, records, enumerators):
    lines = ["#include <cairn/abi.h>", "#include <stdio.h>", "int main(void) {"]
    lines += [f'printf("{e} %lld\\n", (long long){e});' for e in enumerators]
    for name, fields in records:
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        for field, _ in flatten(fields):
            lines.append(f'printf("{name}.{field} %zu\\n", offsetof({name}, {field}));')
    lines.append("return 0; }")
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder) / "measure.c", Path(folder) / "measure"
        source.write_text("\n".join(lines))
        subprocess.run(["gcc", "-std=gnu11", "-I", str(include), str(source), "-o", str(program)], check=True)
        output = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    return dict(line.split() for line in output.splitlines())


if __name__ == "__main__":
    main()
