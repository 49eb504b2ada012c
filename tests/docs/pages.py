"""What the checks of the documentation share: its pages and the fenced blocks in them."""
import pathlib
import re
from dataclasses import dataclass

FENCE = re.compile(r"^(`{3,})(\w*)\s*$")
MARK = re.compile(r"^<!-- *(.*?) *-->$")


@dataclass
class Block:
    page: pathlib.Path
    line: int  # of the opening fence, from 1
    language: str
    mark: str  # what the comment right above it says, or ""
    text: str
    start: int  # index of its first line
    end: int  # index of its closing fence


def pages_of(root):
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def blocks_of(page):
    lines = page.read_text(encoding="utf-8").split("\n")
    blocks, i = [], 0
    while i < len(lines):
        opening = FENCE.match(lines[i])
        if not opening:
            i += 1
            continue
        end = next((j for j in range(i + 1, len(lines)) if lines[j].rstrip() == opening[1]), None)
        if end is None:
            raise SystemExit(f"{page}:{i + 1}: this block is never closed")
        mark = MARK.match(lines[i - 1].strip()) if i > 0 else None
        blocks.append(Block(page, i + 1, opening[2], mark[1] if mark else "",
                            "\n".join(lines[i + 1:end]) + "\n", i + 1, end))
        i = end + 1
    return blocks


def prose_of(page):
    """The page without its blocks and code spans."""
    lines = page.read_text(encoding="utf-8").split("\n")
    for block in blocks_of(page):
        for i in range(block.start, block.end):
            lines[i] = ""
    return re.sub(r"`[^`\n]*`", "", "\n".join(lines))


def matches(expected, actual):
    """Whether `actual` is `expected`, in which <N> stands for a number and <any> for some text."""
    pattern = re.escape(expected).replace("<N>", r"\d[\d.,]*").replace("<any>", r"[^\n]*?")
    return re.fullmatch(pattern, actual) is not None
