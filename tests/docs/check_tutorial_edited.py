"""The program of the first tutorial goes on when its file says "null", as the page invites its readers to write.

    check_tutorial_edited.py PROGRAM FOLDER_OF_EXAMPLES
"""
import pathlib
import subprocess
import sys
import tempfile


def main(program, examples):
    original = (pathlib.Path(examples) / "first_cache.toml").read_text(encoding="utf-8")
    assert original.count('"memory"') == 1
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "first_cache.toml").write_text(original.replace('"memory"', '"null"'), encoding="utf-8")
        printed = subprocess.run([pathlib.Path(program).resolve()], cwd=folder, capture_output=True, text=True, timeout=60,
                                 check=False)
    asked = printed.stdout.count("asking the service")  # with a store it is 3 times
    if printed.returncode == 0 and asked == 4:
        return 0
    print(f"code {printed.returncode}, the service was asked {asked} times\n{printed.stdout}{printed.stderr}")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
