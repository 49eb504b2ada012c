"""`cairn validate` and `cairn plugins` as an author meets them.

    check_command.py CAIRN PLUGIN_FOLDER WRONG_FOLDER

PLUGIN_FOLDER holds cairn-prefix.so, WRONG_FOLDER the plugins of tests/kit/wrong.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from pathlib import Path

cairn, right, wrong = sys.argv[1], Path(sys.argv[2]) / "cairn-prefix.so", Path(sys.argv[3])


def run(*words, code, **options):
    answer = subprocess.run([cairn, *map(str, words)], capture_output=True, text=True, **options)
    assert answer.returncode == code, f"{words}: exit code {answer.returncode}\n{answer.stdout}{answer.stderr}"
    return answer


def counts(outcomes):
    return {name: outcomes.count(name) for name in ("passed", "skipped", "failed")}


def from_json(text):
    report = json.loads(text)
    found = counts([case["outcome"] for case in report["cases"]])
    assert found == {name: report[name] for name in found}, report
    assert all(case["messages"] for case in report["cases"] if case["outcome"] != "passed")
    return found


def from_tap(text):
    lines = text.splitlines()
    assert lines[0] == "TAP version 13" and re.fullmatch(r"1\.\.\d+", lines[1]), lines[:2]
    outcomes = []
    for line in lines[2:]:
        if line.startswith("# "):
            assert outcomes[-1] == "failed", line
            continue
        found = re.fullmatch(r"(not )?ok (\d+) - [\w/ -]+( # SKIP .+)?", line)
        assert found and int(found[2]) == len(outcomes) + 1, line
        outcomes.append("failed" if found[1] else "skipped" if found[3] else "passed")
    assert lines[1] == f"1..{len(outcomes)}"
    return counts(outcomes)


def from_junit(text):
    suite = xml.etree.ElementTree.fromstring(text)
    outcomes = ["failed" if case.find("failure") is not None else "skipped" if case.find("skipped") is not None else "passed"
                for case in suite.findall("testcase")]
    found = counts(outcomes)
    assert (int(suite.get("tests")), int(suite.get("failures"))) == (len(outcomes), found["failed"]), suite.attrib
    return found


def from_text(text):
    last = text.splitlines()[-1]
    return {name: int(re.search(rf"(\d+) {name}", last)[1]) for name in ("passed", "skipped", "failed")}


def check_formats():
    readers = {"text": from_text, "json": from_json, "tap": from_tap, "junit": from_junit}
    for plugin, more, code in ((right, [], 0), (wrong / "wrong-proxies.so", ["--component", "loses-the-call"], 1)):
        results = [read(run("validate", plugin, *more, "--level", 1, "--format", name, code=code).stdout)
                   for name, read in readers.items()]
        assert all(result == results[0] for result in results), results
    said = run("validate", wrong / "wrong-proxies.so", "--component", "loses-the-call", "--level", 1, "-q", code=1).stdout
    assert said.splitlines()[0] == "FAILED   loses-the-call proxy/call", said
    assert said.splitlines()[-1].endswith("1 failed: loses-the-call proxy/call"), said


def check_choices():
    both = run("validate", wrong / "wrong-backends.so", "--only", "get/absent", code=1).stdout
    assert "leaks-reference get/absent" in both and "races get/absent" in both
    assert len(run("validate", right, "--level", 1, code=0).stdout) < len(run("validate", right, "--level", 2, code=0).stdout)
    made_up = run("validate", right, "--only", "get/", code=0).stdout
    assert "made up a value for prefix: pass --option prefix=..." in made_up, made_up
    given = run("validate", right, "--only", "get/", "--option", "prefix=a:", code=0).stdout
    assert "made up" not in given, given
    said = run("validate", right, "--only", "get/", "--option", "prefx=a:", code=1).stdout
    assert "prefx" in said and "did you mean `prefix`" in said.replace('"', "`"), said
    slow = run("validate", wrong / "wrong-proxies.so", "--component", "too-slow", "--only", "cost/", "--budget", "1ms", code=0)
    assert "cost/call: set" in slow.stdout, slow.stdout
    late = run("validate", wrong / "wrong-attackers.so", "--component", "slow-to-make", "--limit", "3", code=1).stdout
    assert "did not come back within 3 s while being created and destroyed, making an instance" in late, late


def check_refusals(folder):
    missing = folder / "missing.so"
    text, unloadable = folder / "text.so", folder / "unloadable.so"
    text.write_text("not a plugin\n")
    for words, code, said in (
        ([missing], 3, "missing.so"),
        ([folder], 3, "not a regular file"),
        ([text], 3, "not an ELF file"),
        (["/bin/sh"], 3, "no plugin note"),
        ([], 2, "FILE"),
        ([right, "--level", "9"], 2, "level"),
        ([right, "--option", "prefix"], 2, "expected NAME=VALUE"),
        ([right, "--budget", "soon"], 2, "such as 500ns"),
        ([right, "--format", "yaml"], 2, "junit"),
        ([right, "--component", "other"], 3, "offers no component `other`"),
        ([right, "--only", "payload/objekts"], 2, "did you mean `payload/objects`?"),
        ([right, "--only", "nope"], 2, "no rule of level 3 begins with `nope`: there are file/, create, "),
        ([right, "--only", "cost/", "--level", "1"], 2, "no rule of level 1 begins with `cost/`: it takes a higher --level"),
    ):
        answer = run("validate", *words, code=code)
        assert said.lower() in answer.stderr.lower(), (words, answer.stderr)
    shutil.copy(right, unloadable)
    unloadable.chmod(0o777)
    answer = run("validate", unloadable, code=1).stdout
    assert "FAILED   file/loads" in answer and "others may write to" in answer, answer


def children_of(process):
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def lives(process):
    try:  # the state stands behind the name, which is in brackets
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def comes_true(condition):
    limit = time.monotonic() + 60
    while not condition() and time.monotonic() < limit:
        time.sleep(0.01)
    return condition()


def check_end(folder):
    """The rule that is being tried ends with the command, however that ends, and so does its folder."""
    stuck = subprocess.Popen([cairn, "validate", wrong / "wrong-backends.so", "--component", "waits-for-locks",
                              "--only", "lock/excludes", "--limit", "1000"],
                             env=dict(os.environ, TMPDIR=str(folder)), stdout=subprocess.PIPE, text=True)
    for line in stuck.stdout:
        if "create" in line:
            break
    assert comes_true(lambda: len(children_of(stuck.pid)) == 2)  # the rule, and who removes its folder
    children = children_of(stuck.pid)
    assert list(folder.glob("cairn-validate-*"))
    stuck.kill()
    stuck.wait()
    assert comes_true(lambda: not any(map(lives, children))), children
    assert not list(folder.glob("cairn-validate-*"))


def check_new(folder):
    """A project may have any component's name, and its class none of the SDK's."""
    source = Path(__file__).resolve().parents[2]
    environment = dict(os.environ, CAIRN_TEMPLATE_DIR=str(source / "host/cli/templates"))
    declared = set()
    for header in (source / "sdk/include/cairn").glob("*.hpp"):
        text = re.sub(r"^namespace (?:cairn::)?detail \{.*?^\}  // namespace (?:cairn::)?detail$", "", header.read_text(),
                      flags=re.MULTILINE | re.DOTALL)
        declared |= set(re.findall(r"^(?:class|struct|enum class|using) ([A-Z]\w*)(?=[ ;:])(?!.*;$)", text, re.MULTILINE))
    assert {"Call", "Entry", "Key", "ProxyBackend"} <= declared, declared
    for known in sorted(declared):
        name = re.sub(r"(?<!^)(?=[A-Z])", "-", known).lower()
        for role in ("proxy", "backend"):
            run("new", role, name, "--folder", folder / f"{role}-{name}", code=0, env=environment)
            text = (folder / f"{role}-{name}" / f"{name}.cpp").read_text()
            named = re.search(r"^class (\w+) final", text, re.MULTILINE)[1]
            assert named not in declared, named
    assert "CMake" in run("new", "proxy", "test", "--folder", folder / "test", code=2, env=environment).stderr


def check_plugins(folder):
    """A new plugin among broken neighbours: all are shown, each with what there is to say."""
    shutil.copy(right, folder / "cairn-mine.so")
    (folder / "cairn-mine.so").chmod(0o755)
    environment = dict(os.environ, CAIRN_PLUGIN_DIR=str(folder))
    said = run("plugins", code=0, env=environment).stdout
    for part in ("proxy prefix", "prefix  The text, for example", "(text, required)", "text.so: not an ELF file",
                 f"searched: {folder}"):
        assert part in said, (part, said)
    # Rights are looked at when a file is to be run, and the neighbour's do not matter to ours.
    listed = json.loads(run("plugins", "--json", code=0, env=environment).stdout)
    mine = next(one for one in listed["components"] if one["file"].endswith("cairn-mine.so"))
    assert mine["options"][0]["type"] == "text" and mine["options"][0]["required"] is True, mine
    assert any(one["file"].endswith("text.so") and "not an ELF file" in one["why"] for one in listed["skipped"]), listed


def main():
    os.umask(0o022)
    check_formats()
    check_choices()
    with tempfile.TemporaryDirectory(prefix="cairn-kit-") as name:
        check_refusals(Path(name))
        check_end(Path(name))
        check_new(Path(name) / "new")
        check_plugins(Path(name))


main()
