"""Fails where docs/reference/parity.md names a test that is not there, or leaves a row out.

    check_parity.py SOURCE_ROOT
"""
import pathlib
import re
import sys

ROW = re.compile(r"^\| (T?\d+) \|(.*)\|(.*)\|$", re.M)
NAMED = re.compile(r'"([^"]+)"')
TEST = re.compile(r'TEST_CASE(?:_METHOD)?\(\s*(?:\w+,\s*)?((?:"(?:[^"\\]|\\.)*"\s*)+)')
WITHOUT_TEST = ("**by construction**", "**Python only**", "**differs**")
WANTED = [str(n) for n in range(1, 169)] + [f"T{n}" for n in range(1, 47)]


def names_of_tests(root):
    names = set()
    for path in (root / "tests").rglob("*.[ch]pp"):
        for found in TEST.findall(path.read_text(encoding="utf-8")):
            names.add("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found)))
    return names


def main(root):
    page = (root / "docs" / "reference" / "parity.md").read_text(encoding="utf-8")
    tests = names_of_tests(root)
    rows = ROW.findall(page)
    problems = []
    if [number for number, _, _ in rows] != WANTED:
        there = [number for number, _, _ in rows]
        problems.append(f"rows missing or out of order: {sorted(set(WANTED) - set(there))}")
    for number, _, proof in rows:
        paths = re.findall(r"`(tests/[^`]+)`", proof)
        named = NAMED.findall(proof)
        if not paths and not named and not proof.strip().startswith(WITHOUT_TEST):
            problems.append(f"{number}: neither a test nor a reason")
        problems += [f"{number}: there is no {path}" for path in paths if not (root / path).is_file()]
    for name in NAMED.findall(page):
        name = " ".join(name.split())
        if name not in tests:
            problems.append(f'there is no test "{name}"')
    print("\n".join(problems) or f"{len(rows)} rows, {len(set(NAMED.findall(page)))} tests named")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
