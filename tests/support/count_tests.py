"""Prints "N passed, N failed" for a run of Meson's, and ", N skipped" where something was.

A Catch2 program counts once for each of its test cases, any other test once. A program in which no test
case ran has failed. Exit code: 1 if something failed, or if something was skipped while CI is set.

    count_tests.py BUILD/meson-logs/testlog.json
"""
import json
import os
import re
import sys

PASSED = re.compile(r"^All tests passed \(\d+ assertions? in (\d+) test cases?\)$", re.M)
MIXED = re.compile(r"^test cases: +\d+ \|(?: +(\d+) passed)?(?: \|)?(?: +(\d+) failed)?", re.M)
NOTHING = re.compile(r"^No tests ran$", re.M)


def count(result, stdout):
    """(passed, failed, skipped) of one program."""
    if result == "SKIP":
        return 0, 0, 1
    if result in ("OK", "EXPECTEDFAIL"):
        if NOTHING.search(stdout):
            return 0, 1, 0
        return max(1, sum(int(found) for found in PASSED.findall(stdout))), 0, 0
    passed = failed = 0
    for some, others in MIXED.findall(stdout):
        passed += int(some or 0)
        failed += int(others or 0)
    return passed, max(1, failed), 0


def main(path):
    total = [0, 0, 0]
    try:
        with open(path, encoding="utf-8") as log:
            for line in log:
                test = json.loads(line)
                numbers = count(test["result"], test.get("stdout", ""))
                total = [sum(pair) for pair in zip(total, numbers)]
                if numbers[1] or numbers[2]:
                    word = "failed" if numbers[1] else "skipped"
                    print(f"{word}: {test['name']} ({test['result'].lower()})")
    except OSError as error:
        print(f"there is no record of the tests: {error}")
        total[1] += 1
    passed, failed, skipped = total
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed or (skipped and os.environ.get("CI")) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
