"""The `cairn` command, run as a user runs it: what it prints, to the byte, and how it exits.

Usage: command.py CAIRN A_PLUGIN.so
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

CAIRN, PLUGIN = map(os.path.abspath, sys.argv[1:3])

SHOP = """\
[backend.file]
plugin = "lmdb"
path = "entries"

[region.users]
backend = "file"
wrap = [{ plugin = "prefix", prefix = "users:" }, "msgpack", { plugin = "zstd", min_size = "64B" }]
expiration_time = "1h"
"""

MISTAKES = """\
[backend.shared]
plugin = "lmdb"

[region.users]
backend = "memory"
expiration = "1h"

[region.carts]
backend = "memory"
expiration_time = "90 minuts"

[region.pages]
backend = "memory"
wrap = ["gzip"]

[region.users]
backend = "memory"

[region.files]
backend = "shared"
wrap = ["msgpack"]

[region.faces]
backend = "shred"

[region.notes]
backend = "memory"
wrap = [{ plugin = "prefix", prefix = "${CAIRN_NO_SUCH_VARIABLE}" }]

[region.texts]
backend = { plugin = "memory", max_entries = "many" }
"""


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.write("shop.toml", SHOP)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def run_cairn(self, *args, stdin=b""):
        environment = dict(os.environ, LC_ALL="C.UTF-8")
        environment.pop("CAIRN_CONFIG", None)
        return subprocess.run([CAIRN, *args], cwd=self.folder, env=environment, input=stdin,
                              capture_output=True, timeout=60)

    def output(self, *args, code=0, stdin=b""):
        ended = self.run_cairn(*args, stdin=stdin)
        self.assertEqual(ended.returncode, code, ended.stderr.decode())
        return ended.stdout


class Values(Command):
    def test_what_one_invocation_sets_another_gets(self):
        self.assertEqual(self.output("set", "-c", "shop.toml", "-r", "users", "42", "Ada"), b"")
        self.assertEqual(self.output("get", "-c", "shop.toml", "42"), b'"Ada"\n')
        self.assertEqual(self.output("del", "-c", "shop.toml", "42"), b"")
        self.assertEqual(self.output("get", "-c", "shop.toml", "42", code=1), b"")
        self.assertEqual(self.output("del", "-c", "shop.toml", "42", code=1), b"")

    def test_a_document_comes_back_as_the_same_json(self):
        document = {"name": "Ada", "most": 2**64 - 1, "least": -(2**63), "half": 0.5, "none": None,
                    "list": [True, {"deep": "\u00e9"}], "blob": {"$blob": "AAEC"},
                    "nan": {"$real": "NaN"}, "map": {"$map": [[1, "one"]]}}
        self.output("set", "-c", "shop.toml", "--json", "doc", json.dumps(document))
        self.assertEqual(json.loads(self.output("get", "-c", "shop.toml", "doc")), document)

    def test_raw_is_what_the_lowest_layer_wrote(self):
        self.output("set", "-c", "shop.toml", "--json", "short", '{"a": 1}')
        self.assertEqual(self.output("get", "-c", "shop.toml", "--raw", "short"), b"\x81\xa1a\x01")
        self.output("set", "-c", "shop.toml", "long", "x" * 1000)
        raw = self.output("get", "-c", "shop.toml", "--raw", "long")
        self.assertEqual(raw[:4], b"\x28\xb5\x2f\xfd")
        self.assertLess(len(raw), 100)
        self.output("get", "-c", "shop.toml", "--raw", "missing", code=1)

    def test_raw_is_what_other_programs_read(self):
        document = {"name": "Ada", "list": [1, 2.0, None] * 100, "text": "\u00e9" * 100}
        self.output("set", "-c", "shop.toml", "--json", "doc", json.dumps(document))
        raw = self.output("get", "-c", "shop.toml", "--raw", "doc")
        read = subprocess.run(
            ["/usr/bin/python3", "-c", "import json, msgpack, sys, zstandard\n"
             "frame = zstandard.ZstdDecompressor().decompress(sys.stdin.buffer.read())\n"
             "print(json.dumps(msgpack.unpackb(frame)))"], input=raw, capture_output=True, timeout=60)
        self.assertEqual(read.stderr, b"")
        self.assertEqual(read.stdout.decode().strip(), json.dumps(document))

    def test_any_number_and_nesting_comes_back_or_is_refused(self):
        for text in ("-0.0", "1.0", "18446744073709551615", "-9223372036854775808", '""', "{}", "[]",
                     "[" * 256 + "]" * 256, '{"$blob":"","$type":-128}'):
            self.output("set", "-c", "shop.toml", "--json", "k", "--", text)
            self.assertEqual("".join(self.output("get", "-c", "shop.toml", "k").decode().split()), text)
        for text in ("1e999", "NaN", "[1", "[1]]", "[" * 257 + "]" * 257, "[" * 1_000_000, '"\\ud800"', '"\xff"', "1\0",
                     '{"$blob":"QQ==","$type":4294967297}', '{"$blob":"QQ==","$type":18446744073709551615}'):
            ended = self.run_cairn("set", "-c", "shop.toml", "--json", "k", "-", stdin=text.encode("latin-1"))
            self.assertEqual(ended.returncode, 2, text[:40])
            self.assertNotIn(b"exception", ended.stderr)

    def test_standard_input_is_stored_to_the_byte_where_bytes_are(self):
        self.write("bytes.toml", '[region.b]\nbackend = { plugin = "lmdb", path = "b" }\n'
                                 'values = "bytes"\n')
        value = bytes(range(256))
        self.output("set", "-c", "bytes.toml", "k", "-", stdin=value)
        self.assertEqual(self.output("get", "-c", "bytes.toml", "k"), value)
        ended = self.run_cairn("set", "-c", "bytes.toml", "--json", "k", "1")
        self.assertEqual(ended.returncode, 3)
        self.assertIn(b"takes only bytes", ended.stderr)

    def test_meta_says_when_it_was_made(self):
        self.output("set", "-c", "shop.toml", "k", "v")
        lines = self.output("get", "-c", "shop.toml", "--meta", "k").decode().splitlines()
        self.assertEqual([line.split()[0] for line in lines[:6]],
                         ["created", "age", "version", "expires", "kind", "size"])
        self.assertEqual(lines[2], "version  2")
        answer = json.loads(self.output("get", "-c", "shop.toml", "--json", "k"))
        self.assertEqual((answer["value"], answer["kind"], answer["version"]), ("v", "document", 2))


class Checking(Command):
    def test_a_good_file(self):
        self.assertEqual(self.output("check", "shop.toml"), b"shop.toml: good, 1 region, 0 warnings\n")

    def test_eight_mistakes_are_named_with_line_and_column(self):
        self.write("bad.toml", MISTAKES)
        text = self.output("check", "bad.toml", code=1).decode()
        self.assertEqual([line for line in text.splitlines() if ": error: " in line], [
            "bad.toml:2:10: error: the backend `lmdb` needs the option `path`",
            "bad.toml:6:1: error: unknown key `expiration` in [region.users]",
            'bad.toml:10:19: error: `expiration_time`: expected a duration such as "30s", '
            'got the text "90 minuts"',
            'bad.toml:14:9: error: there is no proxy "gzip"',
            "bad.toml:16:1: error: this is not TOML: cannot redefine existing table 'region.users'",
            "bad.toml:24:11: error: there is no backend `shred`",
            "bad.toml:28:39: error: the environment variable `CAIRN_NO_SUCH_VARIABLE` is not set",
            'bad.toml:31:46: error: `max_entries`: expected a whole number, got the text "many"',
        ])
        self.assertTrue(text.endswith("bad.toml: 8 errors, 0 warnings\n"))
        answer = json.loads(self.output("check", "--json", "bad.toml", code=1))
        self.assertEqual((answer["errors"], len(answer["findings"])), (8, 8))
        self.assertEqual((answer["findings"][0]["line"], answer["findings"][0]["column"]), (2, 10))

    def test_what_a_plugin_knows_of_its_options_is_said_before_anything_is_made(self):
        self.write("shop.toml", SHOP.replace('"entries"', '"entries"\npermissions = "0999"')
                   .replace('min_size = "64B"', 'dictionary = "none.dict"'))
        text = self.output("check", "shop.toml", code=1).decode()
        self.assertEqual([line for line in text.splitlines() if ": error: " in line], [
            'shop.toml:4:15: error: `permissions` is "0999": expected three octal digits, like "0600"',
            f'shop.toml:8:94: error: `dictionary` "{self.folder}/none.dict": No such file or directory',
        ])
        self.assertFalse((self.folder / "entries").exists())

    def errors_of(self, *args, code):
        ended = self.run_cairn(*args)
        self.assertEqual(ended.returncode, code)
        return [line.removeprefix("cairn: ") for line in (ended.stdout + ended.stderr).decode().splitlines()
                if ": error: " in line]

    def test_other_commands_tell_what_check_tells_in_the_same_order(self):
        self.write("bad.toml", MISTAKES)
        one_line = '[region.r]\nbackend = { plugin = "memory", max_bytes = 5, ttl = 3, polcy = "lru", shards = "a" }\n'
        self.write("line.toml", one_line)
        for file in ("bad.toml", "line.toml"):
            told = self.errors_of("check", file, code=1)
            self.assertEqual(self.errors_of("explain", "-c", file, code=3), told)
            self.assertEqual(self.errors_of("get", "-c", file, "k", code=3), told)
        self.assertEqual([int(line.split(":")[2]) for line in told], sorted(one_line.splitlines()[1].index(part) + 1
                         for part in ("5,", "3,", "polcy", '"a"')))

    def test_a_plugin_in_the_list_of_folders_is_told_as_such_and_its_folder_is_searched(self):
        self.write("mine.toml", f'[plugins]\npath = ["{PLUGIN}"]\n[region.r]\nbackend = "memory"\nwrap = ["prefix"]\n')
        self.assertEqual(self.errors_of("check", "mine.toml", code=1), [
            f"mine.toml:2:9: error: `path` lists folders, and `{PLUGIN}` is a file",
            "mine.toml:5:9: error: the proxy `prefix` needs the option `prefix`"])

    def test_a_plugin_that_is_not_found_is_told_why(self):
        (self.folder / "plugins").mkdir()
        (self.folder / "plugins" / "cairn-mine.so").write_text("no plugin")
        self.write("mine.toml", '[plugins]\npath = ["plugins", "missing"]\n[region.r]\nbackend = "mine"\n')
        text = self.output("check", "mine.toml", code=1).decode()
        self.assertIn("error: there is no backend `mine`", text)
        self.assertRegex(text, r"help: there are .*; skipped .*/plugins/cairn-mine\.so: .*; searched ")
        self.assertIn(f"{self.folder}/missing (configuration: does not exist)", text)
        self.write("near.toml", '[region.r]\nbackend = "memry"\n')
        self.assertIn(b"help: did you mean `memory`?\n", self.output("check", "near.toml", code=1))

    def test_connecting_finds_that_two_stores_do_not_go_together(self):
        one = 'backend = { plugin = "lmdb", path = "one", max_bytes = "%s" }\nvalues = "bytes"\n'
        self.write("two.toml", "[region.a]\n" + one % "32MiB" + "[region.b]\n" + one % "64MiB")
        self.assertEqual(self.output("check", "--connect", "two.toml", code=1).decode().splitlines()[1:], [
            "the store of [region.a]: reached",
            f"the store of [region.b]: lmdb: {self.folder}/one is already open in this program with other "
            "settings: give both the same `max_bytes`"])

    def test_what_cannot_be_made_is_named_with_its_place(self):
        (self.folder / "entries").write_text("")
        ended = self.run_cairn("get", "-c", "shop.toml", "k")
        self.assertEqual(ended.returncode, 3)
        self.assertIn(b"shop.toml:3:8: region `users`, backend `file`: lmdb: ", ended.stderr)

    def test_connecting_says_which_store_was_reached(self):
        self.assertIn(b"[backend.file]: reached\n", self.output("check", "--connect", "shop.toml"))
        (self.folder / "entries-file").write_text("")
        self.write("shop.toml", SHOP.replace('"entries"', '"entries-file"'))
        self.assertIn(b"[backend.file]: lmdb", self.output("check", "--connect", "shop.toml", code=1))


class Looking(Command):
    def test_a_stack_is_drawn_with_what_each_operation_meets(self):
        self.write("greet.toml", '[region.greetings]\nbackend = "memory"\n'
                                 'wrap = [{ plugin = "prefix", prefix = "g:" }, "msgpack"]\n')
        text = self.output("explain", "-c", "greet.toml").decode()
        self.assertTrue(text.startswith("  region greetings  expiration_time = never\n"), text)
        self.assertIn('  prefix            prefix = "g:"\n    | documents or objects\n  msgpack ', text)
        self.assertIn("  which layers an operation meets\n", text)
        self.assertRegex(text, r"\n    get, set, get_multi, set_multi +prefix > msgpack > (key-limit > )?memory\n")
        self.assertNotIn("\u2502", text)
        answer = json.loads(self.output("explain", "-c", "greet.toml", "--json", "greetings"))
        self.assertEqual(answer["regions"][0]["layers"][0]["options"], {"prefix": "g:"})

    def test_a_zero_is_drawn_with_what_it_means(self):
        self.write("m.toml", '[region.m]\nbackend = { plugin = "memory", ttl = "1m" }\n')
        text = self.output("explain", "-c", "m.toml").decode()
        self.assertIn(" max_entries = 0 (as many as max_bytes allows)\n", text)
        self.assertIn(" ttl = 1m\n", text)
        answer = json.loads(self.output("explain", "-c", "m.toml", "--json"))
        self.assertEqual(answer["regions"][0]["layers"][0]["options"]["max_entries"], "0")

    def test_plugins_are_listed_with_their_options(self):
        listed = json.loads(self.output("plugins", "--json"))
        self.assertIn("memory", [component["name"] for component in listed["components"]])
        self.assertIn(b"prefix  The text", self.output("plugins", "prefix"))
        self.output("plugins", "no-such", code=1)

    def test_a_note_is_read(self):
        self.assertEqual(self.output("inspect", PLUGIN),
                         b"org.cairn.prefix 0.1.0\nABI 1.0\nproxy prefix\n")
        self.output("inspect", "shop.toml", code=3)


class Measuring(Command):
    def test_a_stampede_calls_one_creator(self):
        self.write("m.toml", '[region.m]\nbackend = "memory"\n')
        answer = json.loads(self.output("bench", "-c", "m.toml", "--stampede", "20", "--creator",
                                        "20ms", "--json"))
        self.assertEqual((answer["callers"], answer["creator_calls"]), (20, 1))
        self.assertLessEqual(answer["first_ns"], answer["last_ns"])

    def test_load_is_counted(self):
        self.write("m.toml", '[region.m]\nbackend = "memory"\n')
        answer = json.loads(self.output("bench", "-c", "m.toml", "--seconds", "0.2", "--threads", "2",
                                        "--keys", "100", "--json"))
        self.assertEqual(answer["operations"], answer["reads"]["count"] + answer["writes"]["count"])
        self.assertGreater(answer["hit_ratio"], 0.5)
        self.assertLessEqual(answer["reads"]["p50_ns"], answer["reads"]["max_ns"])


class ListingKeys(Command):
    def keys(self, *args, code=0):
        return sorted(self.output("keys", "-c", "two.toml", *args, code=code).decode().splitlines())

    def setUp(self):
        super().setUp()
        self.write("two.toml", SHOP + """
[region.carts]
backend = "file"
wrap = [{ plugin = "prefix", prefix = "carts:" }]
values = "bytes"

[region.hashed]
backend = { plugin = "lmdb", path = "hashed" }
values = "bytes"
key_mangler = "sha1"

[region.empty]
backend = "null"
""")
        for region, key in (("users", "ada"), ("users", "bob"), ("users", "users:x"), ("carts", "ada")):
            self.output("set", "-c", "two.toml", "-r", region, key, "1")

    def test_a_region_lists_its_own_keys_as_a_program_gives_them(self):
        self.assertEqual(self.keys("-r", "users"), ["ada", "bob", "users:x"])
        self.assertEqual(self.keys("-r", "carts"), ["ada"])
        for key in self.keys("-r", "users"):
            self.output("get", "-c", "two.toml", "-r", "users", key)

    def test_raw_lists_the_keys_of_the_store(self):
        self.assertEqual(self.keys("-r", "users", "--raw"),
                         ["carts:ada", "users:ada", "users:bob", "users:users:x"])

    def test_a_pattern_and_a_limit_choose(self):
        self.assertEqual(self.keys("-r", "users", "*o*"), ["bob"])
        self.assertEqual(len(self.keys("-r", "users", "--limit", "2")), 2)
        self.assertEqual(self.keys("-r", "users", "nobody*", code=1), [])

    def test_odd_keys_are_one_line_each_and_exact_in_json(self):
        self.output("set", "-c", "two.toml", "-r", "carts", "a\nb\x1b[31m", "1")
        self.assertEqual(self.keys("-r", "carts", "a?b*"), ["a\\x0ab\\x1b[31m"])
        self.assertEqual(json.loads(self.output("keys", "-c", "two.toml", "-r", "carts", "--json", "a?b*")),
                         ["a\nb\x1b[31m"])

    def test_keys_that_were_changed_for_good_are_refused_and_raw_lists_them(self):
        self.output("set", "-c", "two.toml", "-r", "hashed", "ada", "1")
        ended = self.run_cairn("keys", "-c", "two.toml", "-r", "hashed")
        self.assertEqual((ended.returncode, ended.stdout), (3, b""))
        self.assertIn(b"--raw lists the store's", ended.stderr)
        self.assertEqual(len(self.keys("-r", "hashed", "--raw")[0]), 40)

    def test_a_store_that_cannot_list_says_so(self):
        ended = self.run_cairn("keys", "-c", "two.toml", "-r", "empty")
        self.assertEqual(ended.returncode, 3)
        self.assertIn(b"`null` cannot list what it holds", ended.stderr)


class Training(Command):
    def test_a_dictionary_is_made_of_what_is_stored_and_used(self):
        for i in range(30):
            self.output("set", "-c", "shop.toml", "--json", str(i), json.dumps(
                {"id": i, "name": f"Ada {i * 7919 % 1000}", "mail": f"ada{i}@example.org",
                 "street": "St James's Square", "city": "London"}))
        answer = json.loads(self.output("train-dictionary", "-c", "shop.toml", "-o", "users.dict",
                                        "--max-size", "512B", "--json"))
        self.assertEqual(answer["samples"], 30)
        self.assertEqual(answer["bytes"], (self.folder / "users.dict").stat().st_size)
        value = self.output("get", "-c", "shop.toml", "7")
        plain = self.output("get", "-c", "shop.toml", "--raw", "7")
        self.write("shop.toml", SHOP.replace("min_size", 'dictionary = "users.dict", min_size'))
        self.output("set", "-c", "shop.toml", "--json", "7", value.decode())
        self.assertLess(len(self.output("get", "-c", "shop.toml", "--raw", "7")), len(plain))
        self.assertEqual(self.output("get", "-c", "shop.toml", "7"), value)

    def trained(self, min_size, *options):
        """What is printed after a training on records of about 100 bytes."""
        self.write("shop.toml", SHOP.replace(', min_size = "64B"', min_size))
        for i in range(30):
            self.output("set", "-c", "shop.toml", "--json", str(i),
                        json.dumps({"id": i, "name": f"Ada {i * 7919 % 1000}", "mail": f"ada{i}@example.org",
                                    "street": "St James's Square", "city": "London"}))
        return self.output("train-dictionary", "-c", "shop.toml", "-o", "u.dict", "--max-size", "512B",
                           *options).decode()

    def test_the_advice_has_an_effect_on_short_payloads(self):
        for configured, advised in (("", "0B"), (', min_size = "64B"', "64B")):
            self.assertTrue(self.trained(configured).endswith(
                f'\nUse it: {{ plugin = "zstd", dictionary = "u.dict", min_size = "{advised}" }}\n'))
        self.assertEqual(json.loads(self.trained(', min_size = "4KiB"', "--json"))["min_size"], 0)

    def test_an_empty_store_says_what_is_the_matter(self):
        self.write("m.toml", '[region.m]\nbackend = "memory"\nwrap = ["msgpack", "zstd"]\n')
        for file in ("shop.toml", "m.toml"):
            ended = self.run_cairn("train-dictionary", "-c", file, "-o", "m.dict")
            self.assertEqual(ended.returncode, 3)
            self.assertRegex(ended.stderr, rb"the store of region `\w+` is empty, .*: fill it first")
            self.assertFalse((self.folder / "m.dict").exists())

    def test_a_region_without_a_layer_to_train_says_so(self):
        self.write("m.toml", '[region.m]\nbackend = "memory"\n')
        ended = self.run_cairn("train-dictionary", "-c", "m.toml", "-o", "m.dict")
        self.assertEqual(ended.returncode, 3)
        self.assertIn(b"no layer of region `m` uses a dictionary", ended.stderr)


class Beginning(Command):
    def test_a_name_that_a_plugin_has_is_refused_with_what_would_happen(self):
        for role in ("proxy", "backend"):
            ended = self.run_cairn("new", role, "prefix")
            self.assertEqual((ended.returncode, ended.stdout), (2, b""))
            self.assertIn(b"cairn new: there is a proxy `prefix` already, in " + PLUGIN.encode() + b": ", ended.stderr)
            self.assertIn(b"; choose another name\n", ended.stderr)
        self.assertFalse((self.folder / "prefix").exists())


class Failing(Command):
    def test_a_wrong_command_line_is_2(self):
        for args in ([], ["frobnicate"], ["get"], ["get", "-c", "shop.toml"],
                     ["get", "-c", "shop.toml", "-r", "nobody", "k"],
                     ["set", "-c", "shop.toml", "--json", "k", "{"],
                     ["set", "-c", "shop.toml", "--ttl", "soon", "k", "v"],
                     ["bench", "-c", "shop.toml", "--seconds", "nan"],
                     ["bench", "-c", "shop.toml", "--zipf", "nan"],
                     ["bench", "-c", "shop.toml", "--reads", "nan"]):
            self.assertEqual(self.run_cairn(*args).returncode, 2, args)

    def test_a_command_that_is_none_is_named(self):
        self.assertEqual(self.run_cairn("gett", "-c", "shop.toml", "k").stderr,
                         b"cairn: there is no command `gett`; did you mean `get`?\n")
        self.assertEqual(self.run_cairn("frobnicate").stderr,
                         b"cairn: there is no command `frobnicate`; `cairn --help` lists them\n")

    def test_a_file_that_is_missing_or_in_the_wrong_place_is_asked_for(self):
        for args, words in ((["explain"], b"explain -c FILE, or CAIRN_CONFIG in the environment\n"),
                            (["explain", "shop.toml"], b"explain -c shop.toml\n"),
                            (["get", "shop.toml", "k"], b"get -c shop.toml\n")):
            ended = self.run_cairn(*args)
            self.assertEqual((ended.returncode, ended.stderr), (2, b"cairn: which file? cairn " + words))

    def test_help_that_cannot_be_written_is_3(self):
        for option in ("--help", "--version"):
            with open("/dev/full", "wb") as full:
                ended = subprocess.run([CAIRN, option], stdout=full, stderr=subprocess.PIPE, timeout=60)
            self.assertEqual((ended.returncode, ended.stderr), (3, b"cairn: cannot write: No space left on device\n"))

    def shell(self, redirections, *args):
        return subprocess.run(["sh", "-c", 'exec "$0" "$@" ' + redirections, CAIRN, *args], cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def test_nothing_is_printed_into_a_file_of_the_store(self):
        text = bytes(range(97, 123)) * 10_000
        self.output("set", "-c", "shop.toml", "k", "-", stdin=text)
        for closed in (">&-", "<&- >&-", "<&- >&- 2>&-"):
            self.assertEqual(self.shell(closed, "get", "-c", "shop.toml", "k").returncode, 3, closed)
            self.shell(closed, "get", "-c", "shop.toml", "-r", "nobody", "k")
            for file in (self.folder / "entries").iterdir():
                held = file.read_bytes()
                self.assertFalse(text[:1000] in held or b"cairn: " in held, (file, closed))
        self.assertEqual(json.loads(self.output("get", "-c", "shop.toml", "k")), text.decode())
        self.assertEqual(self.shell("<&-", "set", "-c", "shop.toml", "k", "-").returncode, 3)

    def test_the_exit_code_says_it_where_messages_cannot_be_written(self):
        for nowhere in ("2>&-", "2>/dev/full"):
            self.assertEqual(self.shell(nowhere, "get", "-c", "shop.toml", "-r", "nobody", "k").returncode, 2)
            self.assertEqual(self.shell(nowhere, "get", "-c", "missing.toml", "k").returncode, 3)
            self.assertEqual(self.shell(nowhere, "get", "-c", "shop.toml", "missing").returncode, 1)

    def test_a_file_that_is_not_there_is_3(self):
        ended = self.run_cairn("get", "-c", "missing.toml", "k")
        self.assertEqual((ended.returncode, ended.stdout), (3, b""))
        self.assertIn(b"missing.toml: error: cannot be read", ended.stderr)

    def test_help_and_version_are_0(self):
        self.assertRegex(self.output("--version"), rb"^cairn \d+\.\d+\.\d+\n$")
        self.assertIn(b"Examples:", self.output("--help"))
        for command in ("plugins", "inspect", "check", "explain", "get", "set", "del", "keys", "bench",
                        "train-dictionary", "validate", "new"):
            self.assertIn(b"Usage: cairn " + command.encode(), self.output(command, "--help"))

    def test_a_reader_that_goes_away_is_quiet(self):
        self.output("set", "-c", "shop.toml", "k", "-", stdin=b"x" * 1_000_000)
        with subprocess.Popen([CAIRN, "get", "-c", "shop.toml", "k"], cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.read(10)
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")
        self.assertGreater(process.returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
