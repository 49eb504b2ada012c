"""Reads what msgpack and zstd layers stored with Python's packages, and writes some for them."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "support"))
import msgpack
import records
import zstandard

MAGIC = b"\x28\xb5\x2f\xfd"
ours = records.read()
plain, stored = ours[0::2], ours[1::2]
frames = 0
for expected, record in zip(plain, stored):
    frames += record.startswith(MAGIC)
    payload = zstandard.ZstdDecompressor().decompress(record) if record.startswith(MAGIC) else record
    if payload != expected:
        sys.exit(f"Python reads {payload!r}\ninstead of {expected!r}")
    msgpack.unpackb(payload, raw=False, strict_map_key=False, object_pairs_hook=list)
if not 0 < frames < len(stored):
    sys.exit("expected some frames and some payloads stored as they are")

random.seed(9)
scalars = [records.integer, records.text, lambda: "again and again " * 20]
written = []
for i in range(500):
    payload = msgpack.packb(records.document(scalars))
    if i % 3 == 0:
        frame = zstandard.ZstdCompressor(level=5).compress(payload)
    elif i % 3 == 1:
        frame = zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compress(payload)
    else:
        compressor = zstandard.ZstdCompressor().compressobj()  # a stream, which does not know its size
        frame = compressor.compress(payload) + compressor.flush()
    written += [payload, frame]
records.write(written)
