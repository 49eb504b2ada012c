"""dogpile.cache on the same machine, one thread: peer.py pylibmc SOCKET | peer.py dbm FILE."""
import sys
import time

from dogpile.cache import make_region

kind, where = sys.argv[1:]
arguments = {"url": [where]} if kind == "pylibmc" else {"filename": where}
region = make_region(serializer=lambda value: value, deserializer=lambda data: bytes(data)).configure(
    "dogpile.cache." + kind, arguments=arguments
)
value = b"v" * 100
region.set("k", value)


def microseconds(body, n):
    best = 1e9
    for _ in range(5):
        begin = time.perf_counter()
        for _ in range(n):
            body()
        best = min(best, (time.perf_counter() - begin) / n * 1e6)
    return best


n = 2000 if kind == "pylibmc" else 200
keys = ["k%d" % i for i in range(100)]
region.set_multi({key: value for key in keys})
print("%.1f us get, %.1f us set, %.1f us get_multi(100)" % (
    microseconds(lambda: region.get("k"), n),
    microseconds(lambda: region.set("k", value), n),
    microseconds(lambda: region.get_multi(keys), n // 20),
))
