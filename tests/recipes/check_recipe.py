"""Runs a recipe's program in its folder and compares what it prints with its .out file.

    check_recipe.py PROGRAM FOLDER
"""
import difflib
import pathlib
import subprocess
import sys


def main(program, folder):
    expected = (folder / (program.stem + ".out")).read_text(encoding="utf-8")
    run = subprocess.run([program], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    if run.returncode == 0 and run.stdout == expected:
        return 0
    print(f"{program.name} ended with code {run.returncode}\n{run.stderr}")
    print("\n".join(difflib.unified_diff(expected.splitlines(), run.stdout.splitlines(), "expected", "printed", lineterm="")))
    return 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])))
