"""Fails where a page of the documentation does not say what is there.

    check_docs.py SOURCE_ROOT [--write] [--check-config PROGRAM] [--cairn PROGRAM]

  <!-- example: FILE#REGION -->  above a block: it is the part of docs/examples/FILE between the lines
                                 `// [REGION]` and `// [/REGION]`, or all of it without #REGION
  <!-- write: FILE -->                   above a toml block of a tutorial, which tests/install follows
  <!-- fragment -->              above a toml block: a part of a configuration, or one with a reader's plugin
  <!-- replay -->                above a console block: its `$ cairn ...` lines are run in docs/examples,
                                 and what follows each is what they print (<N>: a number, <any>: a text)

Every other toml block is accepted by PROGRAM, which prints what is wrong with a file. Besides: links lead
somewhere, every example and every decision is on some page, the tables of headers, errors, statistics and plugins
are complete. --write brings what can be derived up to date: examples, headers, the list of decisions.
"""
import argparse
import difflib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

from pages import blocks_of, matches, pages_of, prose_of

LINK = re.compile(r"\]\(([^)\s]+)\)")
TITLE = re.compile(r"^# +(.*)$", re.M)
DERIVED = re.compile(r"(<!-- derived: ([\w/ ]+) -->\n)(.*?)(<!-- /derived -->)", re.S)


class Checker:
    def __init__(self, root):
        self.root = root
        self.examples = root / "docs" / "examples"
        self.pages = pages_of(root)
        self.problems = []

    def report(self, where, line, text):
        self.problems.append(f"{where.relative_to(self.root)}:{line}: {text}")

    # ---- examples ----

    def region(self, name):
        """The text of FILE or FILE#REGION; raises ValueError."""
        file, _, region = name.partition("#")
        path = self.examples / file
        if not path.is_file():
            raise ValueError(f"there is no docs/examples/{file}")
        text = path.read_text(encoding="utf-8")
        if not region:
            # The tags are for the pages, not for their readers.
            return re.sub(r"^[ \t]*(//|#) \[/?[\w-]+\]\n", "", text, flags=re.M)
        found = re.search(rf"^[ \t]*(?://|#) \[{re.escape(region)}\]\n(.*?)^[ \t]*(?://|#) \[/{re.escape(region)}\]$",
                          text, re.S | re.M)
        if not found:
            raise ValueError(f"docs/examples/{file} has no part `[{region}]`")
        return textwrap.dedent(found[1])

    def check_examples(self, write):
        used = set()
        for page in self.pages:
            lines = page.read_text(encoding="utf-8").split("\n")
            changed = False
            for block in reversed(blocks_of(page)):
                kind, _, name = block.mark.partition(":")
                if kind != "example":
                    continue
                used.add(name.strip().partition("#")[0])
                try:
                    text = self.region(name.strip())
                except ValueError as error:
                    self.report(page, block.line, str(error))
                    continue
                if block.text == text:
                    continue
                if write:
                    lines[block.start:block.end] = text.rstrip("\n").split("\n")
                    changed = True
                else:
                    diff = "\n".join(difflib.unified_diff(text.splitlines(), block.text.splitlines(), "example", "page", lineterm=""))
                    self.report(page, block.line, f"this differs from docs/examples/{name.strip()} (--write updates it)\n{diff}")
            if changed:
                page.write_text("\n".join(lines), encoding="utf-8")
        linked = "\n".join(page.read_text(encoding="utf-8") for page in self.pages)
        for file in sorted(self.examples.iterdir()):
            if file.suffix in (".cpp", ".toml") and file.name not in used and f"examples/{file.name}" not in linked:
                self.report(file, 1, "no page shows this example")
            if file.suffix == ".cpp" and not file.with_suffix(".out").is_file():
                self.report(file, 1, f"there is no {file.stem}.out to compare its output with")

    # ---- links ----

    def check_links(self):
        linked = set()
        for page in self.pages:
            prose = prose_of(page)
            for found in LINK.finditer(prose):
                target = found[1]
                if re.match(r"[a-z]+:", target):
                    continue
                file, _, anchor = target.partition("#")
                path = (page.parent / file).resolve() if file else page
                line = prose.count("\n", 0, found.start()) + 1
                if not path.exists():
                    self.report(page, line, f"the link to {target} leads nowhere")
                    continue
                linked.add(path)
                if anchor and path.suffix == ".md" and anchor not in anchors_of(path):
                    self.report(page, line, f"{path.name} has no heading #{anchor}")
        for page in sorted((self.root / "docs").rglob("*.md")):
            if page.resolve() not in linked and page.name != "README.md":
                self.report(page, 1, "no page links to this page")

    # ---- what is derived ----

    def derived(self, name):
        """The text of `<!-- derived: NAME -->`: headers, decisions, or pages FOLDER."""
        if name.startswith("pages "):
            return self.page_list(self.root / "docs" / name.removeprefix("pages "))
        return {"headers": self.header_table, "decisions": self.decision_list}[name]()

    def header_table(self):
        rows = ["| header | what it is |", "|---|---|"]
        for folder in ("sdk/include", "host/include"):
            for path in sorted((self.root / folder).rglob("*.h*")):
                name = path.relative_to(self.root / folder)
                if "detail" in name.parts:
                    continue
                rows.append(f"| `<{name}>` | {first_sentence(path)} |")
        return "\n".join(rows) + "\n"

    def decision_list(self):
        rows = []
        for path in sorted((self.root / "docs/decisions").glob("[0-9]*.md")):
            number, _, title = TITLE.search(path.read_text(encoding="utf-8"))[1].partition(":")
            rows.append(f"- [{number}]({path.name}) {title.strip()}")
        return "\n".join(rows) + "\n"

    def page_list(self, folder):
        """Links from docs/README.md to the pages of one folder, by title."""
        links = []
        for path in sorted(folder.glob("*.md")):
            title = TITLE.search(path.read_text(encoding="utf-8"))[1]
            links.append(f"[{title[0].lower() + title[1:]}]({path.relative_to(self.root / 'docs')})")
        return " ·\n".join(links) + "\n"

    def check_derived(self, write):
        for page in self.pages:
            text = page.read_text(encoding="utf-8")
            fresh = DERIVED.sub(lambda m: m[1] + self.derived(m[2]) + m[4], text)
            if fresh == text:
                continue
            if write:
                page.write_text(fresh, encoding="utf-8")
            else:
                self.report(page, 1, "a derived table is out of date: run tests/docs/check_docs.py . --write")

    # ---- tables ----

    def check_errors(self):
        page = self.root / "docs/reference/errors.md"
        text = page.read_text(encoding="utf-8")
        for code in re.findall(r"^  (\w+) = CAIRN_\w+,", (self.root / "sdk/include/cairn/error.hpp").read_text(), re.M):
            if f"| `{code}` |" not in text:
                self.report(page, 1, f"`Errc::{code}` has no row")

    def check_statistics(self):
        page = self.root / "docs/reference/statistics.md"
        rows = "\n".join(line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `"))
        header = (self.root / "host/include/cairn/host/statistics.hpp").read_text(encoding="utf-8")
        members = re.findall(r"^  std::(?:uint64_t|chrono::nanoseconds) (\w+)\s*[={]", header, re.M)
        metrics = re.findall(r'"(cairn_\w+_total)"', (self.root / "host/src/region/prometheus.cpp").read_text(encoding="utf-8"))
        for name in members + metrics:
            if f"`{name}`" not in rows and f"`{name}{{" not in rows:
                self.report(page, 1, f"`{name}` has no row")
        if not members or not metrics:
            self.report(page, 1, "no statistics were found to compare with")

    def check_plugin_table(self, cairn):
        """README's rows `| [name](...) | role |`, against the folders and what the plugins say."""
        page = self.root / "README.md"
        rows = dict(re.findall(r"^\| (?:\[)?`(\w+)`(?:\]\([^)]*\))? +\| (backend|proxy) ", page.read_text(encoding="utf-8"), re.M))
        folders = {path.parent.name for path in self.root.glob("plugins/*/meson.build")}
        if set(rows) != folders:
            self.report(page, 1, f"the table of plugins lists {sorted(rows)}, the folders are {sorted(folders)}")
        if cairn:
            answer = subprocess.run([cairn, "plugins", "--json"], capture_output=True, text=True, check=False)
            roles = dict(components_in(json.loads(answer.stdout or "null")))
            for name, role in rows.items():
                if name in roles and roles[name] != role:
                    self.report(page, 1, f"the table calls {name} a {role}; it is a {roles[name]}")

    # ---- what the programs say ----

    def check_toml(self, program):
        with tempfile.TemporaryDirectory() as folder:
            for page in self.pages:
                for block in blocks_of(page):
                    if block.language != "toml" or block.mark == "fragment" or block.mark.startswith("write: "):
                        continue
                    file = pathlib.Path(folder) / "page.toml"
                    file.write_text(block.text, encoding="utf-8")
                    answer = subprocess.run([program, file], capture_output=True, text=True, check=False)
                    if answer.returncode != 0:
                        self.report(page, block.line, f"this is not a good configuration:\n{answer.stdout}{answer.stderr}")

    def check_console(self, cairn):
        folder = str(pathlib.Path(cairn).resolve().parent)
        for page in self.pages:
            for block in blocks_of(page):
                if block.mark != "replay":
                    continue
                for command, expected in commands_of(block.text):
                    answer = subprocess.run(["bash", "-c", f'PATH="{folder}:$PATH"; {command}'], cwd=self.examples,
                                            capture_output=True, text=True, timeout=60, check=False)
                    if not matches(expected, answer.stdout + answer.stderr):
                        self.report(page, block.line, f"`{command}` prints\n{answer.stdout}{answer.stderr}")


def anchors_of(page):
    headings = re.findall(r"^#+ +(.*)$", prose_with_code(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def prose_with_code(page):
    lines = page.read_text(encoding="utf-8").split("\n")
    for block in blocks_of(page):
        lines[block.start - 1:block.end + 1] = [""] * (block.end - block.start + 2)
    return "\n".join(lines)


def first_sentence(header):
    """What the comment at the top of a header begins with."""
    words = []
    for line in header.read_text(encoding="utf-8").splitlines():
        text = re.sub(r"^(//|/\*| \*)\s?", "", line).strip()
        if not line.startswith(("//", "/*", " *")) or not text:
            break
        words.append(text.removesuffix("*/").strip())
    sentence = re.match(r".*?\.(?=\s|$)|.*$", " ".join(words))[0].removeprefix(f"cairn/{header.name}: ")
    return (sentence[0].upper() + sentence[1:]).rstrip(":.").replace("|", "\\|")


def commands_of(text):
    """(command, what it prints) of a console block."""
    found = []
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append([line[2:].rstrip("\n"), ""])
        elif found:
            found[-1][1] += line
    return found


def components_in(tree):
    """Every (name, role) anywhere in what `cairn plugins --json` prints."""
    if isinstance(tree, list):
        for item in tree:
            yield from components_in(item)
    elif isinstance(tree, dict):
        if isinstance(tree.get("name"), str) and tree.get("role") in ("backend", "proxy"):
            yield tree["name"], tree["role"]
        for item in tree.values():
            yield from components_in(item)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check-config")
    parser.add_argument("--cairn")
    arguments = parser.parse_args()
    checker = Checker(arguments.root.resolve())
    checker.check_derived(arguments.write)
    checker.check_examples(arguments.write)
    checker.check_links()
    checker.check_errors()
    checker.check_statistics()
    checker.check_plugin_table(arguments.cairn)
    if arguments.check_config:
        checker.check_toml(arguments.check_config)
    if arguments.cairn:
        checker.check_console(arguments.cairn)
    print("\n".join(checker.problems) or "the documentation says what is there")
    return 1 if checker.problems else 0


if __name__ == "__main__":
    sys.exit(main())
