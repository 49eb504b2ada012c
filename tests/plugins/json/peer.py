"""Reads what our json layer wrote with Python's json, and writes some for it."""

import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "support"))
import records

ours = records.read()
for record in ours:
    # Byte for byte what json.dumps makes of the value that it reads.
    again = json.dumps(json.loads(record)).encode()
    if again != record:
        sys.exit(f"Python writes {again!r}\nfor {record!r}")

random.seed(8)
scalars = [
    lambda: None, lambda: True, lambda: False, records.integer, lambda: random.getrandbits(64),
    records.real, lambda: float("nan"), records.text, lambda: records.text(300),
    lambda: {1: "one", -5: None, 2.5: [], 1e16: 0, True: "yes", None: "nothing"},
]
documents = [records.document(scalars) for _ in range(1000)]
records.write([json.dumps(document).encode() for document in documents])
