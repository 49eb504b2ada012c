"""Fails where a message of the loader is not on the page of its messages, with what to do about it.

    check_messages.py SOURCE_ROOT [--list]

A message is every text of three words or more in the sources below. What stands between its
placeholders must be on docs/reference/plugin-loading.md, in one row, as it is printed. --list prints
the messages.
"""
import pathlib
import re
import sys

SOURCES = ["plugin_note", "plugin_paths", "plugin_library", "plugin_contract", "plugin_catalog", "plugin_instance"]
PAGE = "docs/reference/plugin-loading.md"
LITERALS = re.compile(r'"(?:[^"\\\n]|\\.)*"(?:\s*(?:CAIRN_ENTRY_SYMBOL\s*)?"(?:[^"\\\n]|\\.)*")*')


def plain(text):
    """Without marks, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"[`*\\]", "", text))


def messages_of(source):
    text = re.sub(r"^#.*$|//.*$", "", source.read_text(encoding="utf-8"), flags=re.M)
    for found in LITERALS.finditer(text):
        literal = found[0].replace("CAIRN_ENTRY_SYMBOL", '"cairn_plugin_v1"')
        message = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', literal)).replace("\\n", " ").replace('\\"', '"')
        if len(message.split()) >= 3:
            yield message


def fragments_of(message):
    """What is printed as it is, between what is filled in."""
    parts = (part.strip(" :;,") for part in re.split(r"\{[^}]*\}", plain(message)))
    return [part for part in parts if len(part) > 3]


def main():
    root = pathlib.Path(sys.argv[1])
    rows = [plain(line) for line in (root / PAGE).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    missing = 0
    for row in rows:
        if not row.strip("| ").partition("|")[2].strip():
            print(f"{PAGE} does not say what to do about: {row}")
            missing += 1
    for name in SOURCES:
        for message in messages_of(root / "host" / "src" / "loading" / f"{name}.cpp"):
            if "--list" in sys.argv:
                print(f"{name}: {message}")
            elif not any(all(part in row for part in fragments_of(message)) for row in rows):
                print(f"{PAGE} does not list, from {name}.cpp: {message}")
                missing += 1
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
