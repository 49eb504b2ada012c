#!/usr/bin/env python3
"""Validates a plugin that was built long ago: check_kept_plugin.py VALIDATOR FILE

Works on a copy with plain rights, whatever the checkout's are. Skipped, visibly, where a library that the
plugin needs is not installed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    validator, kept = sys.argv[1:3]
    os.umask(0o022)
    missing = [line.strip() for line in subprocess.run(["ldd", kept], capture_output=True, text=True).stdout.splitlines()
               if "not found" in line]
    if missing:
        print(f"skipped: {'; '.join(missing)}")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="cairn-kept-") as folder:
        copy = Path(folder) / Path(kept).name
        shutil.copyfile(kept, copy)
        sys.exit(subprocess.run([validator, copy]).returncode)


if __name__ == "__main__":
    main()
