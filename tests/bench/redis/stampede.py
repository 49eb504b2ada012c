"""A cold key and 200 callers: 8 processes of 25 threads, a creator of 100 ms, cairn beside dogpile.cache.

usage: /usr/bin/python3 stampede.py REDIS_PEER PLUGIN_DIRECTORY [ROUNDS]  (with python3-redis and python3-dogpile.cache)

Prints how often the creator ran, how long after its return, thus before the value is stored, the last caller had it,
and how many commands the server was sent for each process that waited. A caller who has the value stands still until
all have it.
"""

import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "interop" / "redis"))

import redis  # noqa: E402
from with_python import SAMPLE, Peer, region_of  # noqa: E402

PROCESSES, THREADS, CREATOR_MS = 8, 25, 100


def python_side(port, orders, answers):
    region = region_of("json", port)
    callers, dismissal = [], threading.Event()

    def dismiss():
        dismissal.set()
        for caller in callers:
            caller.join()

    for key in iter(orders.get, None):
        dismiss()
        calls, created, back = [], [], []
        all_back, dismissal = threading.Barrier(THREADS + 1), threading.Event()

        def slow():
            calls.append(1)
            time.sleep(CREATOR_MS / 1000)
            created.append(time.monotonic_ns())
            return SAMPLE

        def call():
            region.get_or_create(key, slow)
            back.append(time.monotonic_ns())
            all_back.wait()
            dismissal.wait()

        callers = [threading.Thread(target=call) for _ in range(THREADS)]
        for caller in callers:
            caller.start()
        all_back.wait()
        answers.put((len(calls), created[-1] if created else 0, max(back)))
    dismiss()


def report(name, raw, rounds, run):
    delays, calls, commands = [], [], []
    for i in range(rounds):
        before = raw.info("stats")["total_commands_processed"]
        results = run(f"{name}-{i}")
        commands.append((raw.info("stats")["total_commands_processed"] - before - 1) / PROCESSES)
        created = max(result[1] for result in results)
        delays.append((max(result[2] for result in results) - created) / 1e6)
        calls.append(sum(result[0] for result in results))
    print(
        f"{name:14} creator calls {min(calls)} to {max(calls)}; last of {PROCESSES * THREADS} callers after "
        f"{statistics.median(delays):.2f} ms (median of {rounds}; {min(delays):.2f} to {max(delays):.2f}); "
        f"{statistics.median(commands):.1f} commands per process"
    )


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, plugins = map(os.path.abspath, sys.argv[1:3])  # a configuration lies elsewhere
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    with tempfile.TemporaryDirectory(prefix="cairn-stampede-") as folder:
        path = os.path.join(folder, "redis.sock")
        port = 20000 + os.getpid() % 10000
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--unixsocket", path],
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )
        try:
            while not os.path.exists(path):
                if server.poll() is not None:
                    sys.exit("redis-server did not start")
                time.sleep(0.01)
            raw = redis.Redis(port=port)
            config = os.path.join(folder, "peer.toml")
            with open(config, "w") as file:
                file.write(f'[plugins]\npath = ["{plugins}"]\n')
                file.write('[backend.shared]\nplugin = "redis"\ndistributed_lock = true\n')
                file.write(f'url = "redis://127.0.0.1:{port}"\n')
                file.write('[region.json]\nbackend = "shared"\nwrap = ["json"]\nexpiration_time = "1h"\n')

            peers = [Peer(program, config) for _ in range(PROCESSES)]

            def ours(key):
                for peer in peers:
                    peer.tell("herd", "json", key, THREADS, CREATOR_MS)
                return [tuple(map(int, peer.answer().split())) for peer in peers]

            ours("warm")
            report("cairn", raw, rounds, ours)
            for peer in peers:
                peer.close()

            answers = multiprocessing.Queue()
            orders = [multiprocessing.Queue() for _ in range(PROCESSES)]
            sides = [multiprocessing.Process(target=python_side, args=(port, order, answers)) for order in orders]
            for side in sides:
                side.start()

            def theirs(key):
                for order in orders:
                    order.put(key)
                return [answers.get(timeout=60) for _ in orders]

            theirs("warm")
            report("dogpile.cache", raw, max(3, rounds // 4), theirs)
            for order in orders:
                order.put(None)
            for side in sides:
                side.join()
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
