"""Reads what our msgpack layer wrote with Python's msgpack, and writes some for it."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "support"))
import msgpack
import records


class Pairs(list):
    """A map as its pairs, because keys may be lists, and may repeat."""


class Extension:
    """msgpack.ExtType refuses the types below 0."""

    def __init__(self, code, data):
        self.code, self.data = code, data


def pack(packer, value):
    if isinstance(value, Extension):
        size = len(value.data)
        fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}
        head = bytes([fixed[size]]) if size in fixed else b"\xc7" + bytes([size])
        return head + bytes([value.code & 255]) + value.data
    if isinstance(value, Pairs):
        return packer.pack_map_header(len(value)) + b"".join(
            pack(packer, part) for pair in value for part in pair)
    if isinstance(value, list):
        return packer.pack_array_header(len(value)) + b"".join(pack(packer, item) for item in value)
    return packer.pack(value)


ours = records.read()
packer = msgpack.Packer(use_bin_type=True)
for record in ours:
    value = msgpack.unpackb(
        record, raw=False, strict_map_key=False, object_pairs_hook=Pairs,
        timestamp=0, ext_hook=Extension)
    # Where Python writes the very same bytes it has read the very same document.
    if pack(packer, value) != record:
        sys.exit(f"Python reads {record!r}\nas {value!r}")

random.seed(7)
scalars = [
    lambda: None, lambda: True, lambda: False, records.integer, lambda: random.getrandbits(64),
    records.real, records.text, lambda: records.text(300), lambda: random.randbytes(random.randint(0, 300)),
    lambda: msgpack.ExtType(random.randint(0, 127), random.randbytes(random.randint(0, 20))),
    lambda: msgpack.Timestamp(random.randint(-2**40, 2**40), random.randint(0, 999999999)),
    lambda: {1: "one", -5: None, 2.5: [], True: b"\0"},
]
records.write([msgpack.packb(records.document(scalars), use_bin_type=True) for _ in range(1000)])
