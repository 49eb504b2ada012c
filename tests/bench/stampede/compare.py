"""A stampede on a cold key here and in Python's dogpile.cache, in turns on one machine.

    compare.py BENCH_STAMPEDE [ROUNDS]      with /usr/bin/python3, Debian's python3-dogpile.cache

CAIRN_PLUGIN_DIR says where the plugins are. Prints the median of the rounds, and the worst.
"""
import json
import statistics
import subprocess
import sys
import threading
import time

from dogpile.cache import make_region

region = make_region().configure("dogpile.cache.memory", expiration_time=3600)


def run_together(callers, work):
    start = threading.Barrier(callers)
    stop = threading.Barrier(callers)  # so that no thread's end is counted as another's wait

    def one():
        start.wait()
        work()
        stop.wait()

    threads = [threading.Thread(target=one) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def stampede(key, callers):
    calls, ready, back = [], [], []

    def create():
        calls.append(1)
        time.sleep(0.05)
        ready.append(time.perf_counter())
        return 1

    def work():
        region.get_or_create(key, create)
        back.append(time.perf_counter())

    run_together(callers, work)
    return len(calls), (max(back) - ready[0]) * 1000


def batch_creator_calls(name):
    calls = []

    def create(*keys):
        calls.append(1)
        time.sleep(0.05)
        return [1] * len(keys)

    run_together(3, lambda: region.get_or_create_multi([f"{name}{i}" for i in range(20)], create))
    return len(calls)


def hit_ns():
    region.set("hit", 1)
    count = 100_000
    since = time.perf_counter()
    for _ in range(count):
        region.get_or_create("hit", int)
    return (time.perf_counter() - since) / count * 1e9


def dogpile(name):
    calls_50, back_50 = stampede(name + "few", 50)
    calls_1000, back_1000 = stampede(name + "many", 1000)
    return {"calls_50": calls_50, "last_back_50_ms": back_50, "calls_1000": calls_1000,
            "last_back_1000_ms": back_1000, "batch_calls": batch_creator_calls(name), "hit_ns": hit_ns()}


def main(program, rounds=5):
    ours, theirs = [], []
    for i in range(int(rounds)):
        run = subprocess.run([program, str(i)], capture_output=True, text=True, check=True, timeout=120)
        ours.append(json.loads(run.stdout))
        theirs.append(dogpile(str(i)))
    print(f"{'':20}{'cairn':>12}{'(worst)':>12}{'dogpile.cache':>16}{'(worst)':>12}")
    for what in ours[0]:
        row = [f"{what:20}"]
        for runs, width in ((ours, 12), (theirs, 16)):
            values = [run[what] for run in runs if what in run]
            if values:
                row.append(f"{statistics.median(values):>{width}.2f}{max(values):>12.2f}")
        print("".join(row))


if __name__ == "__main__":
    main(*sys.argv[1:])
