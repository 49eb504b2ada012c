"""Fails when a plugin exports anything but its one entry symbol.

usage: check_exports.py NM FILE.so...

A second symbol could be bound to another plugin's; a GNU_UNIQUE one (type u) is shared by the whole
process even when it is loaded locally.
"""
import subprocess
import sys

ENTRY = "cairn_plugin_v1"

nm, *modules = sys.argv[1:]
if not modules:
    sys.exit("no plugin to check: build some")
bad = []
for module in modules:
    lines = subprocess.run([nm, "-D", "--defined-only", module], check=True, capture_output=True, text=True).stdout
    symbols = [line.split()[-2:] for line in lines.splitlines()]
    unique = [name for kind, name in symbols if kind == "u"]
    names = sorted(name for kind, name in symbols)
    if unique:
        bad.append(f"{module}: exports unique symbols {', '.join(unique)}: link it with exports.map")
    if names != [ENTRY]:
        bad.append(f"{module}: exports {', '.join(names) or 'nothing'}; expected exactly {ENTRY}: link it with exports.map")
sys.exit("\n".join(bad) or 0)
