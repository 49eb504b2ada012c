"""The files of records that python_peer.hpp writes and reads, and documents made up at random."""

import random
import struct
import sys


def read():
    records = []
    with open(sys.argv[1], "rb") as file:
        while size := file.read(4):
            records.append(file.read(struct.unpack("<I", size)[0]))
    return records


def write(records):
    with open(sys.argv[2], "wb") as file:
        for record in records:
            file.write(struct.pack("<I", len(record)) + record)


def text(longest=20):
    return "".join(random.choice("abcxyz \"\\/\n\t\x00\x7fé€𝄞") for _ in range(random.randint(0, longest)))


def real():
    return random.choice(
        [0.0, -0.0, 1.0, 1e15, 1e16, 1e22, 123456.789, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308,
         random.random(), random.uniform(-1e6, 1e6), random.random() * 10 ** random.randint(-300, 300),
         float("inf"), float("-inf")])


def integer():
    return random.choice([1, -1]) * random.getrandbits(random.randint(0, 63))


def document(scalars, depth=0):
    """`scalars` are functions that make what is neither a list nor a map."""
    choice = random.random()
    if depth > 5 or (depth > 0 and choice < 0.6):
        return random.choice(scalars)()
    size = random.choice([0, 1, 2, 3, 5, 17])
    if choice < 0.8:
        return [document(scalars, depth + 1) for _ in range(size)]
    return {text(8) + str(i): document(scalars, depth + 1) for i in range(size)}
