"""The quickstart does something else when its file alone is edited, as the pages say.

    check_quickstart.py PROGRAM FOLDER_OF_EXAMPLES
"""
import pathlib
import subprocess
import sys
import tempfile

EDITS = [
    # (what is replaced, by what, what is printed then, what is not)
    ('"demo:"', '"tea:"', ['prefix = "tea:"', "hit:  Hello, world"], ["demo:"]),
    ('"memory"', '"null"', ["hit:  no, it is not there", "made a second time", "\n  null\n"], ["max_bytes"]),
    ('"1h"', '"3h"', ["expiration_time = 3h"], ["Hello, new world"]),  # it is not old after two hours
]
MISTAKES = [
    ('"memory"', '"memery"', "memory"),
    ("expiration_time", "expiration", "did you mean `expiration_time`?"),
]


def run(program, text, folder):
    file = pathlib.Path(folder) / "quickstart.toml"
    file.write_text(text, encoding="utf-8")
    return subprocess.run([program, file], capture_output=True, text=True, timeout=60, check=False)


def main(program, examples):
    original = (pathlib.Path(examples) / "quickstart.toml").read_text(encoding="utf-8")
    # What is said in the comment must not count as said in the configuration.
    original = "\n".join(line for line in original.split("\n") if not line.startswith("#"))
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        for old, new, wanted, unwanted in EDITS:
            assert original.count(old) == 1, old
            printed = run(program, original.replace(old, new), folder)
            failures += [f"{new}: no {text!r} in\n{printed.stdout}{printed.stderr}" for text in wanted if text not in printed.stdout]
            failures += [f"{new}: {text!r} in\n{printed.stdout}" for text in unwanted if text in printed.stdout]
        for old, new, wanted in MISTAKES:
            printed = run(program, original.replace(old, new), folder)
            if printed.returncode != 1 or wanted not in printed.stderr or "quickstart.toml:" not in printed.stderr:
                failures.append(f"{new}: code {printed.returncode}\n{printed.stderr}")
    print("\n".join(failures) or "every edit did what it says")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
