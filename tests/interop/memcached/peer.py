"""A Python program that shares memcached servers: peer.py CLIENT SERIALIZER SERVERS COMMAND [ARGUMENT].

CLIENT is a backend of dogpile.cache (pylibmc, memcached, pymemcache, bmemcached), or `ketama`: bare pylibmc
with that behaviour. COMMAND: `set N` and `check N` store and compare values under key:0 ... key:N-1; `lock KEY`,
`unlock KEY` and `locked KEY` speak of creation locks. Prints what came of it, on one line.
"""
import json
import sys

client, serializer, servers, command, argument = sys.argv[1:]
servers = servers.split(",")


def value_of(i):
    # Some long enough for bmemcached to deflate.
    return {"n": i, "text": "cl\u00e9 | %d" % i * (1 + i % 20), "list": [1, 2.5, None, True]}


if client == "ketama":
    import pylibmc

    bare = pylibmc.Client(servers, behaviors={"ketama": True})
    names = ["key:%d" % i for i in range(int(argument))]
    if command == "set":
        for name in names:
            assert bare.set(name, name.encode())
        print(len(names))
    else:
        print(sum(bare.get(name) == name.encode() for name in names))
    sys.exit()

from dogpile.cache import make_region  # noqa: E402

if serializer == "msgpack":
    import msgpack

    dumps, loads = msgpack.packb, msgpack.unpackb
else:
    dumps, loads = lambda value: json.dumps(value).encode(), json.loads
arguments = {"url": servers, "distributed_lock": True, "lock_timeout": 600}
if client != "bmemcached":  # its backend does not pass it on
    arguments["memcached_expire_time"] = 600
region = make_region(serializer=dumps, deserializer=loads).configure("dogpile.cache." + client, arguments=arguments)
if command == "set":
    for i in range(int(argument)):
        region.set("key:%d" % i, value_of(i))
    print(argument)
elif command == "check":
    print(sum(region.get("key:%d" % i) == value_of(i) for i in range(int(argument))))
else:
    mutex = region.backend.get_mutex(argument)
    if command == "lock":
        print(int(bool(mutex.acquire(False))))
    elif command == "unlock":
        mutex.release()
        print(1)
    else:
        print(int(bool(mutex.locked())))
