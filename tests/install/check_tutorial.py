#!/usr/bin/env python3
"""Does what a tutorial says, from an installed prefix in an empty folder, without cairn's sources.

    check_tutorial.py BUILD_ROOT PAGE

Each block of code in PAGE says above itself what it is for:
    <!-- run -->                      its `$ ...` lines are run, and what follows one is what it prints
    <!-- write: FILE -->              FILE becomes this
    <!-- shown: FILE -->              these lines are in FILE, in this order
    <!-- insert: FILE above: TEXT --> goes into FILE, above the one line that begins with TEXT
    <!-- replace: FILE TEXT -->       takes the place of that line
Only what a program prints may stand in a block without a language and without such a line.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "docs"))
from check_docs import commands_of  # noqa: E402
from check_new_project import environment_of, install  # noqa: E402
from pages import blocks_of, matches  # noqa: E402


def line_of(lines, text):
    found = [i for i, line in enumerate(lines) if line.strip().startswith(text)]
    if len(found) != 1:
        raise ValueError(f"{len(found)} lines begin with `{text}`, expected one")
    return found[0]


class Reader:
    """Somebody who follows the page to the letter."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment

    def run(self, text):
        for command, expected in commands_of(text):
            print("$", command, flush=True)
            if command.startswith("cd "):
                self.folder = self.folder / shlex.split(command)[1]
                continue
            answer = subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.environment, text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            print(answer.stdout, flush=True)
            if answer.returncode != 0:
                raise ValueError(f"`{command}` ends with exit code {answer.returncode}")
            # Bytes are printed as they are, without a line end of their own.
            if expected.strip() and not matches(expected.strip("\n"), answer.stdout.strip("\n")):
                raise ValueError(f"`{command}` prints something else than the page says")

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")

    def shown(self, name, text):
        there = [line.strip() for line in (self.folder / name).read_text(encoding="utf-8").splitlines()]
        at = 0
        for line in filter(None, (line.strip() for line in text.splitlines())):
            if line not in there[at:]:
                raise ValueError(f"{name} does not say `{line}`")
            at = there.index(line, at) + 1

    def insert(self, what, text):
        name, _, above = what.partition(" above: ")
        lines = (self.folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
        lines.insert(line_of(lines, above), text)
        self.write(name, "".join(lines))

    def replace(self, what, text):
        name, _, old = what.partition(" ")
        lines = (self.folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
        lines[line_of(lines, old)] = text
        self.write(name, "".join(lines))

    def follow(self, block):
        order, _, what = block.mark.partition(": ")
        if order == "run":
            return self.run(block.text)
        if order in ("write", "shown", "insert"):
            return getattr(self, order)(what, block.text)
        if order == "replace":
            return self.replace(what, block.text)
        if block.language:
            raise ValueError("this block says nothing of what it is for")


def main():
    build_root, page = sys.argv[1], Path(sys.argv[2])
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="cairn-tutorial-") as folder:
        environment = environment_of(install(build_root, Path(folder) / "root"))
        empty = Path(folder) / "empty"
        empty.mkdir()
        reader = Reader(empty, environment)
        for block in blocks_of(page):
            try:
                reader.follow(block)
            except ValueError as error:
                sys.exit(f"{page.name}:{block.line}: {error}")


if __name__ == "__main__":
    main()
