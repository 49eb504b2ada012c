"""dogpile.cache's memory region on the workloads of peers.cpp, for compare.py.

    peers.py WORKLOADS [SECONDS [ROUNDS]]      with /usr/bin/python3, Debian's python3-dogpile.cache

WORKLOADS is what `peers --write` wrote. Prints the lines that `peers` prints, for one thread: Python
runs one at a time. The region evicts nothing, so the mixed load is left out.
"""
import array
import struct
import sys
import time

from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 0

    def number():
        nonlocal at
        at += 4
        return struct.unpack_from("<I", data, at - 4)[0]

    def text():
        nonlocal at
        size = data[at]
        at += 1 + size
        return data[at - size:at].decode("latin-1")

    keys = [text() for _ in range(number())]
    loads = []
    for _ in range(number()):
        name, fill, _room, resident, size = text(), number(), number(), number(), number()
        order = array.array("I", data[at:at + 4 * size])
        at += 4 * size
        loads.append((name, fill, resident, order))
    return keys, loads


def main():
    keys, loads = read(sys.argv[1])
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.1
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    for name, fill, resident, order in loads:
        if fill:
            continue
        region = make_region().configure("dogpile.cache.memory", expiration_time=3600)
        for key in keys[:resident]:
            region.set(key, bytes(100))
        asked = [keys[i] for i in order[:100_000]]
        at = 0
        for turn in range(rounds):
            operations, seen, begin = 0, 0, time.perf_counter()
            while (elapsed := time.perf_counter() - begin) < seconds:
                for key in asked[at:at + 256]:
                    value = region.get(key)
                    if value is not NO_VALUE:
                        seen += value[0] + value[99] + 1
                    operations += 1
                at = at + 256 if at + 512 <= len(asked) else 0
            ratio = seen / operations
            print(f"{name}\tdogpile.cache\t1\t{turn}\t{operations / elapsed / 1e6:.3f}\t{ratio:.4f}\t0", flush=True)


main()
