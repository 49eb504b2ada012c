"""The kit under ThreadSanitizer finds a race that does no damage, and none where there is none.

    check_tsan.py PROGRAM
"""
import os
import re
import subprocess
import sys


def main():
    environment = dict(os.environ, TSAN_OPTIONS="halt_on_error=0:exitcode=66")
    right = subprocess.run([sys.argv[1], "right"], env=environment, capture_output=True, text=True)
    assert right.returncode == 0, right.stderr
    wrong = subprocess.run([sys.argv[1], "wrong"], env=environment, capture_output=True, text=True)
    assert wrong.returncode == 66, (wrong.returncode, wrong.stderr)
    assert "data race" in wrong.stderr and re.search(r"#0 get \S*under_tsan.cpp:", wrong.stderr), wrong.stderr


if __name__ == "__main__":
    main()
