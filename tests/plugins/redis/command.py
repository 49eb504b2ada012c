"""The `cairn` command on a real Redis: what it says of the server, and the keys it lists.

Usage: command.py CAIRN
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

CAIRN = os.path.abspath(sys.argv[1])


class Server:
    def __init__(self, folder, name, *arguments):
        self.socket = str(folder / f"{name}.sock")
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", str(folder), *arguments],
            stdout=subprocess.DEVNULL)
        limit = time.monotonic() + 60
        while self.ask("ping") != "PONG" and time.monotonic() < limit:
            time.sleep(0.02)

    def ask(self, *words):
        return subprocess.run(["redis-cli", "-s", self.socket, *words], capture_output=True, text=True).stdout.strip()

    def stop(self):
        self.process.kill()
        self.process.wait()


class OnRedis(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, name, *arguments):
        server = Server(self.folder, name, *arguments)
        self.addCleanup(server.stop)
        return server

    def write(self, text):
        # That a server of ours answers late on a busy machine is not what is tried here.
        ours = rf'^(url = "unix://[^"]*{re.escape(str(self.folder))}[^"]*")$'
        text = re.sub(ours, r'\1\ntimeout = "20s"\nconnect_timeout = "20s"', text, flags=re.MULTILINE)
        (self.folder / "shop.toml").write_text(text)

    def run_cairn(self, command, *args, code=0):
        environment = dict(os.environ, LC_ALL="C.UTF-8")
        ended = subprocess.run([CAIRN, command, "-c", "shop.toml", *args], cwd=self.folder, env=environment,
                               capture_output=True, text=True, timeout=200)
        self.assertEqual(ended.returncode, code, ended.stdout + ended.stderr)
        return ended.stdout

    def test_check_says_what_the_server_is(self):
        redis = self.start("good", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lfu")
        self.write(f'[backend.shared]\nplugin = "redis"\nurl = "unix://{redis.socket}"\n'
                   '[region.users]\nbackend = "shared"\nvalues = "bytes"\n')
        said = self.run_cairn("check", "--connect", "-D")
        self.assertRegex(said, re.compile(
            r"^\[backend.shared\]: reached\n"
            r"    server +Redis 7\.\d+\.\d+, standalone\n"
            r"    address +.*good.sock\n"
            r"    role +master, 0 replicas\n"
            r"    memory +\d+\.\d MiB of 64\.0 MiB\n"
            r"    when full +allkeys-lfu\n"
            r"    locks +yes\n"
            r"    news of locks +yes\n", re.M))
        facts = json.loads(self.run_cairn("check", "--connect", "--json"))["stores"][0]["facts"]
        self.assertEqual(facts["when full"], "allkeys-lfu")
        self.assertIn("server         Redis 7", self.run_cairn("explain", "--connect"))
        self.assertNotIn("Redis 7", self.run_cairn("explain"))
        self.assertEqual(redis.ask("keys", "*"), "")  # nothing was left behind

    def warnings(self):
        said = json.loads(self.run_cairn("check", "--connect", "--json"))
        self.assertEqual(said["errors"], 0)
        return [finding["message"] for finding in said["findings"]]

    def test_a_server_that_suits_no_cache_is_warned_of(self):
        redis = self.start("bad")
        self.write(f'[backend.shared]\nplugin = "redis"\nurl = "unix://{redis.socket}"\n'
                   '[region.users]\nbackend = "shared"\nvalues = "bytes"\n')
        self.assertEqual(len(self.warnings()), 1)
        self.assertIn("no limit to its memory", self.warnings()[0])
        redis.ask("config", "set", "maxmemory", "10mb")
        self.assertIn("noeviction", self.warnings()[0])
        redis.ask("config", "set", "maxmemory-policy", "volatile-lru")
        self.assertIn("time to live", self.warnings()[0])
        redis.ask("config", "set", "maxmemory-policy", "allkeys-lru")
        self.assertEqual(self.warnings(), [])
        self.run_cairn("check", "--connect", "-D")
        redis.ask("replicaof", "127.0.0.1", "1")
        said = self.warnings()
        self.assertIn("this server is a replica", said[0])
        self.assertEqual(len(said), 1)  # nobody asked for locks
        self.run_cairn("check", "--connect", "-D", code=1)
        self.write(f'[backend.shared]\nplugin = "redis"\nurl = "unix://{redis.socket}"\ndistributed_lock = true\n'
                   '[region.users]\nbackend = "shared"\nvalues = "bytes"\n')
        self.assertIn("`distributed_lock` does not work here", self.warnings()[1])

    def test_locks_are_not_called_broken_for_the_key_that_they_are_tried_with(self):
        redis = self.start("keys", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lfu")
        redis.ask("acl", "setuser", "ada", "on", ">secret7", "~cairn-check", "~_lockcairn-check", "&*", "+@all")
        self.write(f'[backend.shared]\nplugin = "redis"\nurl = "unix://ada:secret7@{redis.socket}"\n'
                   'distributed_lock = true\n[region.users]\nbackend = "shared"\nvalues = "bytes"\n')
        self.assertEqual(self.warnings(), [])
        self.assertRegex(self.run_cairn("check", "--connect"), r"locks +not tried: .*NOPERM")

    def test_the_url_is_shown_without_who_logs_in(self):
        for url, shown in (("redis://127.0.0.1:1/2", '"redis://127.0.0.1:1/2"'),
                           ("redis://ada:hush7@127.0.0.1:1", '"redis://***@127.0.0.1:1"'),
                           ("redis://127.0.0.1:1?password=hush7", "(secret)")):
            self.write(f'[backend.shared]\nplugin = "redis"\nurl = "{url}"\n'
                       '[region.users]\nbackend = "shared"\nvalues = "bytes"\n')
            self.assertRegex(self.run_cairn("explain"), rf"url = {re.escape(shown)}\n")
            layers = json.loads(self.run_cairn("explain", "--json"))["regions"][0]["layers"]
            self.assertEqual(layers[-1]["options"]["url"], shown.strip('"'))

    def test_a_user_who_may_do_little_is_told_what(self):
        redis = self.start("acl", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lfu")
        redis.ask("acl", "setuser", "ada", "on", ">secret7", "~*", "resetchannels", "+get", "+set", "+eval",
                  "+del", "+pexpire")
        self.write(f'[backend.shared]\nplugin = "redis"\nurl = "unix://ada:secret7@{redis.socket}"\n'
                   '[region.users]\nbackend = "shared"\nvalues = "bytes"\n')
        said = self.run_cairn("check", "--connect")
        self.assertRegex(said, r"server +does not tell: NOPERM")
        self.assertRegex(said, r"locks +yes")
        self.assertRegex(said, r"news of locks +no, waiters look again and again: NOPERM")
        redis.ask("acl", "setuser", "ada", "-eval")
        said = self.run_cairn("check", "--connect")
        self.assertRegex(said, r"locks +no: .*NOPERM")
        redis.ask("acl", "setuser", "ada", "on", "resetpass", ">another")
        said = self.run_cairn("check", "--connect", code=1)
        self.assertIn("WRONGPASS", said)
        self.assertNotIn("secret7", said)

    def test_key_prefixes_that_overlap_are_warned_of(self):
        redis = self.start("shared", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lfu")
        region = '[region.{0}]\nbackend = "{1}"\nvalues = "bytes"\nwrap = [{{ plugin = "prefix", prefix = "{2}" }}]\n'
        backends = "".join(f'[backend.{name}]\nplugin = "redis"\nurl = "unix://{redis.socket}{query}"\n'
                           for name, query in (("one", ""), ("same", ""), ("other", "?db=1")))
        self.write(backends + region.format("users", "one", "user") + region.format("sessions", "one", "user:s:") +
                   region.format("carts", "one", "cart:"))
        said = self.warnings()
        self.assertEqual(len(said), 1)
        self.assertIn("regions `users` and `sessions` can get in each other's way", said[0])
        self.assertIn("warning: regions `users` and `sessions`", self.run_cairn("explain", "--connect"))
        # Another name for the same server makes no difference, another database does.
        self.write(backends + region.format("users", "one", "u:") + region.format("carts", "same", "u:"))
        self.assertEqual(len(self.warnings()), 1)
        self.write(backends + region.format("users", "one", "u:") + region.format("carts", "other", "u:"))
        self.assertEqual(self.warnings(), [])

    def test_a_time_to_live_below_the_expiration_is_warned_of(self):
        redis = self.start("ttl", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lfu")
        self.write(f'[backend.shared]\nplugin = "redis"\nurl = "unix://{redis.socket}"\nttl = "10m"\n'
                   '[region.users]\nbackend = "shared"\nvalues = "bytes"\nexpiration_time = "1h"\n')
        self.assertIn("after 10m, before they expire after 1h", self.warnings()[0])

    def test_a_wrong_option_is_shown_where_it_is_written_before_anything_is_made(self):
        (self.folder / "empty").write_text("")
        (self.folder / "no.pem").write_text("this is no certificate\n")
        cases = [
            # the options, from line 3 on; where the error is; what it says
            (['mode = "cluster"', 'nodes = ["a:1"]', 'sentinels = ["a:1"]'], 5, "`sentinels` has no effect"),
            (['mode = "cluster"', 'nodes = ["a:1"]', 'db = 2'], 5, "`db`: a cluster has database 0 only"),
            (['mode = "cluster"'], 3, "`mode` = \"cluster\" needs"),
            (['mode = "cluster"', 'nodes = []'], 4, "`nodes`: is empty"),
            (['mode = "cluster"', 'nodes = ["a:1"]', 'url = "redis://a"'], 3, "give `nodes` or one node"),
            (['mode = "cluster"', 'nodes = ["a:99999"]'], 4, "`nodes`: the port must be 1 to 65535"),
            (['mode = "cluster"', 'nodes = ["::1"]'], 4, "[::1]:6379"),
            (['mode = "sentinel"'], 3, "needs `sentinels"),
            (['mode = "sentinel"', 'sentinels = ["a"]', 'url = "redis://a"'], 3, "instead of `url`"),
            (['nodes = ["a:1"]'], 3, "`nodes` has no effect"),
            (['service = "m"'], 3, "`service` has no effect"),
            (['read_from = "replica"'], 3, "`read_from`"),
            (['mode = "clutser"'], 3, "did you mean `cluster`?"),
            (['timeout = "-1s"'], 3, "`timeout`: expected a duration"),
            (['timeout = "0s"'], 3, "`timeout`: expected from 1ms to 10m"),
            (['connect_timeout = 5'], 3, "`connect_timeout`: expected a duration"),
            (['ttl = "soon"'], 3, "`ttl`: expected a duration"),
            (['retry_after = "5s"'], 3, "`retry_after_at_most` is less than `retry_after`"),
            (['max_connections = 0'], 3, "`max_connections`: expected from 1 to 64"),
            (['db = -1'], 3, "`db`: expected from 0 to"),
            (['port = 0'], 3, "`port`: expected from 1 to 65535"),
            (['host = ""'], 3, "`host`: is empty"),
            (['host = "localhost:6379"'], 3, 'write host = "localhost" and port = 6379, or url = "redis://localhost:6379"'),
            (['mode = "cluster"', 'host = "[::1]:7000"'], 4, 'write host = "::1" and port = 7000'),
            (['host = "localhost:x"'], 3, "`host`: expected the name of a host, or its address, got `localhost:x`"),
            (['host = " localhost"'], 3, "expected the name of a host"),
            (['host = "redis://localhost"'], 3, "got a url: give it as `url`"),
            (['host = "/run/redis.sock"'], 3, 'a unix socket is written url = "unix:///path/to.sock"'),
            (['mode = "cluster"', 'nodes = ["redis://a:1"]'], 4, '`nodes`: expected host:port, got a url: write "a:1"'),
            (['mode = "sentinel"', 'sentinels = ["rediss://a:1/0"]'], 4, 'write "a:1", and tls = true'),
            (['mode = "sentinel"', 'sentinels = ["me@a:1"]'], 4, "a login goes into `sentinel_username`"),
            (['mode = "cluster"', 'nodes = ["/run/redis.sock"]'], 4, 'url = "unix:///run/redis.sock"'),
            (['mode = "cluster"', 'nodes = ["a:1,b:1"]'], 4, "`nodes`: expected host:port, got `a:1,b:1`"),
            (['url = "http://x"'], 3, "`url`: must begin with redis://"),
            (['url = "redis://h:0"'], 3, "`url`: the port must be 1 to 65535"),
            (['url = "redis://h/two"'], 3, "`url`"),
            (['url = "unix://h/x.sock"'], 3, "three slashes"),
            (['url = "redis://h"', 'port = 1'], 4, "not both"),
            (['url = "redis://h"', 'host = "h"'], 4, "not both"),
            (['username = "u"'], 3, "`username` without a password"),
            (['password_file = "missing"'], 3, f"cannot read {self.folder}/missing: No such file or directory"),
            (['password_file = "."'], 3, ": Is a directory"),
            (['password_file = "empty"'], 3, "`password_file`: expected the password in the first line of"),
            (['lock_prefix = "x"'], 3, "`lock_prefix`: expected 2 to 10"),
            (['ca_file = "no.pem"'], 3, "`ca_file` has no effect without TLS"),
            (['verify = false'], 3, "`verify` = false has no effect"),
            (['tls = true', 'ca_file = "missing.pem"'], 4, "No such file or directory"),
            (['tls = true', 'ca_file = "no.pem"'], 4, "`ca_file`: expected certificates in PEM in "),
            (['tls = true', 'cert_file = "no.pem"', 'key_file = "no.pem"'], 4, "no.pem: no start line"),
            (['tls = true', 'cert_file = "no.pem"'], 4, "`cert_file` and `key_file` belong together"),
            (['url = "unix:///s"', 'tls = true'], 4, "remove `tls`"),
            (['tiemout = "1s"'], 3, "did you mean `timeout`?"),
        ]
        for options, line, text in cases:
            self.write('[backend.shared]\nplugin = "redis"\n' + "\n".join(options) +
                       '\n[region.users]\nbackend = "shared"\nvalues = "bytes"\n')
            said = self.run_cairn("check", code=1)
            with self.subTest(options=options):
                self.assertIn(text, said)
                self.assertRegex(said, rf"^shop.toml:{line}:\d+: error: ")
                self.assertIn("1 error", said)

    def test_no_secret_is_ever_shown(self):
        for options in ('url = "redis://ada:hush7@h:0"', 'url = "http://ada:hush7@h"', 'password = "hush7"\nuser = 1',
                        'url = "redis://ada:hush7@h"\npassword = "hush7"', 'passwrod = "hush7"', 'url = ["hush7"]',
                        'url = "redis://ada:hush7@127.0.0.1:1"', 'sentinel_password = "hush7"',
                        'host = "127.0.0.1"\nport = 1\npassword = "hush7"',
                        'host = "redis://ada:hush7@h"', 'host = "ada:hush7@h"',
                        'mode = "cluster"\nnodes = ["redis://ada:hush7@h:1"]', 'mode = "cluster"\nnodes = ["ada:hush7@h:1"]',
                        'url = "redis://127.0.0.1:1?password=hush7"', 'url = "redis://ada:hush7@"'):
            self.write(f'[backend.shared]\nplugin = "redis"\n{options}\n'
                       '[region.users]\nbackend = "shared"\nvalues = "bytes"\n')
            for command in (["check", "--connect"], ["check", "--json"], ["explain"], ["get", "k"]):
                ended = subprocess.run([CAIRN, command[0], "-c", "shop.toml", *command[1:]], cwd=self.folder,
                                       capture_output=True, text=True, timeout=200)
                self.assertNotIn("hush7", ended.stdout + ended.stderr, f"{options} {command}")

    def test_a_server_that_is_not_there_is_a_finding(self):
        self.write('[backend.shared]\nplugin = "redis"\nurl = "unix:///no/such.sock"\n'
                   '[region.users]\nbackend = "shared"\nvalues = "bytes"\n')
        self.assertIn("[backend.shared]: redis: /no/such.sock: cannot connect",
                      self.run_cairn("check", "--connect", code=1))

    def test_keys_are_listed_without_locks(self):
        redis = self.start("keys")
        self.write(f'[region.users]\nbackend = {{ plugin = "redis", url = "unix://{redis.socket}" }}\n'
                   'values = "bytes"\nwrap = [{ plugin = "prefix", prefix = "u:" }]\n')
        for key in ("ada", "bob"):
            self.run_cairn("set", key, "1")
        redis.ask("set", "_locku:eve", "10fda5d8e72011f18f4f02fc00000001")
        redis.ask("set", "other", "1")
        self.assertEqual(sorted(self.run_cairn("keys").splitlines()), ["ada", "bob"])
        self.assertEqual(sorted(self.run_cairn("keys", "--raw").splitlines()), ["other", "u:ada", "u:bob"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
