#!/usr/bin/env python3
"""Plugins of today, and those that are kept, in the host of 1.0, which is never changed.

    check_old_host.py HOST PLUGIN.so...

Stores get servers of the test's own, on unix sockets. Skipped, visibly, where a library or a server
that a plugin needs is not installed; exit code 77 only if nothing could be tried.
"""

import getpass
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


class Server:
    """A server on a unix socket, as long as the `with` lasts; its option for the plugin is `option`."""

    def __init__(self, name, folder):
        self.socket = Path(folder) / f"{name}.sock"
        self.command = {
            "redis": ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", folder],
            "memcached": ["memcached", "-s", self.socket, "-u", getpass.getuser()],
        }[name]
        self.option = {"redis": f"url=unix://{self.socket}", "memcached": f"servers=unix:{self.socket}"}[name]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            if self.socket.exists():
                return self
            time.sleep(0.01)
        raise SystemExit(f"{self.command[0]} does not come up")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def missing_for(plugin, name):
    lines = subprocess.run(["ldd", plugin], capture_output=True, text=True).stdout.splitlines()
    missing = [line.strip() for line in lines if "not found" in line]
    server = {"redis": "redis-server", "memcached": "memcached"}.get(name)
    if server and not shutil.which(server):
        missing.append(f"{server} is not installed")
    return missing


def main():
    host, plugins = sys.argv[1], sys.argv[2:]
    failed = tried = 0
    for plugin in plugins:
        name = Path(plugin).stem.removeprefix("cairn-")
        if missing := missing_for(plugin, name):
            print(f"{name}: skipped: {'; '.join(missing)}")
            continue
        tried += 1
        with tempfile.TemporaryDirectory(prefix="cairn-old-host-") as folder:
            options = [f"path={folder}/store"]
            if name in ("redis", "memcached"):
                with Server(name, folder) as server:
                    answer = subprocess.run([host, plugin, server.option], capture_output=True, text=True)
            else:
                answer = subprocess.run([host, plugin, *options], capture_output=True, text=True)
        print(f"{name}: {answer.stdout.strip() or answer.stderr.strip()}", flush=True)
        if answer.returncode != 0:
            print(f"{name}: exit code {answer.returncode}: {answer.stderr}")
            failed += 1
    sys.exit(1 if failed else 0 if tried else 77)


if __name__ == "__main__":
    main()
