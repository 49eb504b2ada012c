"""cairn and dogpile.cache on one Redis: values and locks, both ways.

usage: with_python.py REDIS_PEER PLUGIN_DIRECTORY
"""

import json
import multiprocessing
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time

import msgpack
import redis
from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE

SAMPLE = {
    "name": "Zo\u00eb | \u20ac | \U0001faa8",
    "numbers": [1.0, 2.5, -3e300],
    "counts": {"gro\u00f6\u00df": 1, "max": 2**63 - 1},
    "missing": None,
}
KEYS = ["plain", "cl\u00e9|\u20ac", "k" * 300]
CODECS = {
    "json": (lambda v: json.dumps(v).encode(), json.loads),
    "msgpack": (msgpack.packb, msgpack.unpackb),
}
failures = 0


def check(got, wanted, what):
    global failures
    if got == wanted:
        print("ok     ", what)
    else:
        failures += 1
        print("FAILED ", what, "- wanted", repr(wanted), "got", repr(got))


class Peer:
    """The C++ program."""

    def __init__(self, program, config):
        self.process = subprocess.Popen(
            [program, config], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        assert self.process.stdout.readline() == "ready\n"

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def answer(self):
        return self.process.stdout.readline().rstrip("\n")

    def answers_within(self, seconds):
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def ask(self, *words):
        self.tell(*words)
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


def region_of(codec, port):
    write, read = CODECS[codec]
    return make_region(serializer=write, deserializer=read).configure(
        "dogpile.cache.redis",
        expiration_time=3600,
        arguments={
            "host": "127.0.0.1",
            "port": port,
            "distributed_lock": True,
            "thread_local_lock": False,
            "lock_timeout": 30,
            "lock_sleep": 0.02,
        },
    )


def values(peer, port):
    raw = redis.Redis(port=port)
    for codec in CODECS:
        region = region_of(codec, port)
        for key in KEYS:
            raw.flushall()
            region.set(key, SAMPLE)
            check(peer.ask("check", codec, key), "same", f"{codec}: C++ reads what Python wrote, {key[:9]}")
            raw.flushall()
            peer.ask("set", codec, key)
            check(region.get(key), SAMPLE, f"{codec}: Python reads what C++ wrote, {key[:9]}")
            creator = lambda: "not asked for"
            check(region.get_or_create(key, creator), SAMPLE, f"{codec}: and does not create it again")
            check(peer.ask("remove", codec, key), "removed", f"{codec}: C++ removes it")
            check(region.get(key) is NO_VALUE, True, f"{codec}: Python finds it gone")


def odd_metadata(peer, port):
    """What a Python reader takes from a foreign writer, ours takes too; what it trips over is a miss."""
    raw = redis.Redis(port=port)
    payload = json.dumps(SAMPLE).encode()
    now = time.time()
    heads = [
        (b'{"ct":%.3f,"v":2}' % now, "same"),
        (b'{"v": 2, "ct": %d}' % now, "same"),
        (b'{"ct": %.3f, "v": 2.0, "x": {"y": [1, null]}}' % now, "same"),
        (b'\xef\xbb\xbf {"ct": %.3f, "v": 2} ' % now, "same"),
        (b'{"ct": 1, "ct": %.3f, "v": 2}' % now, "same"),
        (('{"ct": %.3f, "v": 2, "\u00fc": "\u00fc"}' % now).encode(), "same"),
        (b"[1, 2]", "miss"),
        (b'{"v": 2}', "miss"),
        (b'{"ct": "soon", "v": 2}', "miss"),
        (b'{"ct": null, "v": 2}', "miss"),
        (b"nonsense", "miss"),
    ]
    for head, wanted in heads:
        raw.set("odd", head + b"|" + payload)
        check(peer.ask("check", "json", "odd"), wanted, f"metadata {head!r}")
    raw.set("odd", b"")
    check(peer.ask("check", "json", "odd"), "miss", "an empty value")
    raw.set("odd", payload)
    check(peer.ask("check", "json", "odd"), "miss", "a value without metadata")


def locks(peer, port):
    raw = redis.Redis(port=port)
    region = region_of("json", port)

    # Python creates, C++ waits and takes what Python made.
    raw.flushall()
    calls = []

    may_go_on = threading.Event()

    def slow():
        calls.append(1)
        may_go_on.wait(60)
        return SAMPLE

    python = threading.Thread(target=lambda: region.get_or_create("k", slow))
    python.start()
    while not raw.exists("_lockk"):
        time.sleep(0.005)
    check(peer.ask("locked", "json", "k"), "yes", "C++ sees that Python is creating")
    peer.tell("create", "json", "k", 10)
    check(peer.answers_within(0.3), False, "C++ waits for Python's creator")
    may_go_on.set()
    check(peer.answer(), "found", "and takes what that made")
    python.join()
    check(len(calls), 1, "and only Python created")
    check(raw.exists("_lockk"), 0, "nobody holds the lock afterwards")

    # C++ creates, Python waits and takes what C++ made.
    raw.flushall()
    peer.tell("create", "json", "k", 2000)
    while not raw.exists("_lockk"):
        time.sleep(0.005)
    value = raw.get("_lockk")
    check(len(value), 32, "the lock of C++ looks like Python's")
    check(0 < raw.pttl("_lockk") <= 30000, True, "and has a lease")
    check(region.get_or_create("k", lambda: "made by Python"), SAMPLE, "Python waits for C++'s creator")
    check(peer.answer(), "created", "and only C++ created")
    check(raw.exists("_lockk"), 0, "nobody holds the lock afterwards")


def python_herd(port, threads, begin, answers):
    region = region_of("json", port)
    calls = []

    def slow():
        calls.append(1)
        time.sleep(0.2)
        return SAMPLE

    begin.wait()
    callers = [threading.Thread(target=lambda: region.get_or_create("herd", slow)) for _ in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    answers.put(len(calls))


def herd(program, config, port):
    """4 Python and 4 C++ processes with 10 threads each on one cold key."""
    raw = redis.Redis(port=port)
    for attempt in range(3):
        raw.flushall()
        peers = [Peer(program, config) for _ in range(4)]
        begin, answers = multiprocessing.Event(), multiprocessing.Queue()
        pythons = [
            multiprocessing.Process(target=python_herd, args=(port, 10, begin, answers)) for _ in range(4)
        ]
        for python in pythons:
            python.start()
        time.sleep(0.2)
        begin.set()
        for peer in peers:
            peer.tell("herd", "json", "herd", 10, 200)
        calls = [peer.answer().split()[0] for peer in peers] + [str(answers.get(timeout=90)) for _ in pythons]
        for python in pythons:
            python.join()
        for peer in peers:
            peer.close()
        total = sum(map(int, calls))
        check(total, 1, f"a mixed herd of 80 makes one call ({' '.join(calls)})")


def main():
    program, plugins = sys.argv[1:3]
    with tempfile.TemporaryDirectory(prefix="cairn-interop-") as folder:
        with socket.socket() as any_port:
            any_port.bind(("127.0.0.1", 0))
            port = any_port.getsockname()[1]
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            raw = redis.Redis(port=port)
            for _ in range(3000):
                try:
                    raw.ping()
                    break
                except redis.ConnectionError:
                    time.sleep(0.02)
            config = os.path.join(folder, "peer.toml")
            with open(config, "w") as file:
                file.write(f'[plugins]\npath = ["{plugins}"]\n')
                file.write('[backend.shared]\nplugin = "redis"\ndistributed_lock = true\ntimeout = "20s"\n')
                file.write(f'url = "redis://127.0.0.1:{port}"\n')
                for codec in CODECS:
                    file.write(f'[region.{codec}]\nbackend = "shared"\nwrap = ["{codec}"]\n')
                    file.write('expiration_time = "1h"\n')
            peer = Peer(program, config)
            values(peer, port)
            odd_metadata(peer, port)
            locks(peer, port)
            herd(program, config, port)
            peer.close()
        finally:
            server.kill()
            server.wait()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
