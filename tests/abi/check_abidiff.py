#!/usr/bin/env python3
"""A tripwire: fails where abidiff sees a change of cairn/abi.h that nobody has accounted for.

    check_abidiff.py SOURCE_ROOT               against tests/abi/surface-1.0.abi and ledger.md
    check_abidiff.py SOURCE_ROOT --self-test   whether the wire trips at all
    check_abidiff.py SOURCE_ROOT --baseline    writes the description: once for each minor, never again

abidiff cannot tell a legal addition from an insertion; abi_lock.c can. What this adds is that no
change passes without a sentence in the ledger. Skipped, visibly, where abidiff is not installed.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
ABI_CHANGE, ERRORS = 4, 1 | 2


def library(root, include, folder):
    built = Path(folder) / "surface.so"
    subprocess.run(["gcc", "-std=c11", "-g", "-O0", "-fPIC", "-shared", "-I", include, root / "tests/abi/surface.c", "-o", built],
                   check=True)
    return built


def report(root, include):
    """What abidiff says about the header in `include`; empty: nothing."""
    with tempfile.TemporaryDirectory(prefix="cairn-abidiff-") as folder:
        answer = subprocess.run(["abidiff", "--no-show-locs", root / "tests/abi/surface-1.0.abi", library(root, include, folder)],
                                capture_output=True, text=True)
    if answer.returncode & ERRORS:
        sys.exit(f"abidiff fails: {answer.stdout}{answer.stderr}")
    return answer.stdout if answer.returncode & ABI_CHANGE else ""


def unaccounted(text, ledger):
    """The hash of a report that no line of the ledger accounts for; None: all is well."""
    if not text:
        return None
    name = hashlib.sha256(text.encode()).hexdigest()[:12]
    return None if re.search(rf"^- {name}: \S+ \S+", ledger, re.M) else name


def self_test(root):
    header = (root / "sdk/include/cairn/abi.h").read_text()
    changes = {
        "an operation at the end": ("X(await_unlock) X(stats) X(extension)", "X(await_unlock) X(stats) X(extension) X(after)",
                                    "CAIRN_NOEXCEPT;\n} cairn_ops;", "CAIRN_NOEXCEPT;\n  void (*after)(void* self) CAIRN_NOEXCEPT;\n} cairn_ops;"),
        "a field in the middle": ("  uint32_t max_key_bytes;", "  uint32_t in_between;\n  uint32_t max_key_bytes;"),
        "a narrower field": ("  int64_t created_ns;", "  int32_t created_ns, rest;"),
    }
    today = report(root, root / "sdk/include")
    for what, (*pairs,) in changes.items():
        changed = header
        for old, new in zip(pairs[::2], pairs[1::2]):
            assert old in changed, f"abi.h no longer says `{old}`"
            changed = changed.replace(old, new)
        with tempfile.TemporaryDirectory(prefix="cairn-abidiff-") as folder:
            (Path(folder) / "cairn").mkdir()
            (Path(folder) / "cairn/abi.h").write_text(changed)
            text = report(root, folder)
        assert text != today, f"{what} passes unseen"
        name = unaccounted(text, "")
        assert unaccounted(text, f"- {name}: an addition that old plugins never read\n") is None, "the ledger is not read"
        assert unaccounted(text, f"- {name}:\n") == name, "a line without a reason accounts for it"


def main():
    root = Path(sys.argv[1])
    if not shutil.which("abidiff"):
        print("skipped: abidiff is not installed (Debian: abigail-tools)")
        sys.exit(SKIPPED)
    if "--baseline" in sys.argv:
        with tempfile.TemporaryDirectory(prefix="cairn-abidiff-") as folder:
            subprocess.run(["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--type-id-style", "hash",
                            "--out-file", root / "tests/abi/surface-1.0.abi", library(root, root / "sdk/include", folder)], check=True)
    elif "--self-test" in sys.argv:
        self_test(root)
    else:
        text = report(root, root / "sdk/include")
        name = unaccounted(text, (root / "tests/abi/ledger.md").read_text())
        if name:
            print(text)
            sys.exit(f"tests/abi/ledger.md has no line for this: `- {name}: why no plugin in the field is hurt`")


if __name__ == "__main__":
    main()
