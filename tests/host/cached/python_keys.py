"""Makes keys of the calls in the first file of records with dogpile.cache's own generator."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import records  # noqa: E402

from dogpile.cache.util import function_key_generator, sha1_mangle_key  # noqa: E402

READ = {"n": lambda _: None, "b": lambda s: s == "1", "i": int, "f": float.fromhex, "s": str}


def find():
    pass


find.__module__ = "shop"
assert sha1_mangle_key("some_key") == "53def077a4264bd3183d4eb21b1f56f883e1b572"
plain = function_key_generator(None, find)
spaced = function_key_generator("ns", find)
keys = []
for i, record in enumerate(records.read()):
    if i % 3 != 0:
        continue
    args = [READ[line[0]](line[1:]) for line in record.decode().split("\n")[:-1]]
    keys += [plain(*args).encode(), spaced(*args).encode()]
records.write(keys)
