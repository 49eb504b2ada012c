"""The memory backend beside its peers, in C++, Java and Python, in one run: tables and a plot.

    compare.py PEERS [--threads 1,2,4] [--seconds 0.1] [--rounds 15] [--results FILE] [--svg FILE]
    compare.py --from FILE [--svg FILE]        the tables and the plot of an earlier run's results

PEERS is the program `peers`; CAIRN_PLUGIN_DIR says where the plugins are. Java wants Debian's
libcaffeine-java and libguava-java, Python its python3-dogpile.cache; what is not there is left out,
and said so. Throughput is the median of the rounds; ratios are to RocksDB's HyperClockCache.
"""
import argparse
import collections
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
JARS = [pathlib.Path("/usr/share/java") / name for name in ("caffeine.jar", "guava.jar")]
BASE = "rocksdb-hyperclock"
LOADS = {
    "hit-uniform": "uniform hits",
    "hit-zipf": "Zipf hits",
    "hit-one-key": "one key",
    "mixed-zipf": "mixed Zipf",
}
BOUNDED = ["cairn", "cairn-region", "cairn-region-shared", "cairn-s3-fifo", BASE, "rocksdb-lru", "mutex-lru"]


def run(command):
    print("$", " ".join(map(str, command)), file=sys.stderr)
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"compare.py: {command[0]} ended with code {done.returncode}")
    return done.stdout


def measure(args):
    lines = []
    common = ["--seconds", args.seconds, "--rounds", args.rounds, "--threads", args.threads]
    with tempfile.TemporaryDirectory() as folder:
        loads = pathlib.Path(folder) / "workloads"
        run([args.peers, "--write", loads])
        lines += run([args.peers, *common]).splitlines()
        if shutil.which("java") and all(jar.exists() for jar in JARS):
            jars = ":".join(map(str, JARS))
            lines += run(["java", "-cp", jars, HERE / "Peers.java", loads, *common]).splitlines()
        else:
            print("compare.py: no Java, or no Caffeine or Guava: left out", file=sys.stderr)
        found = subprocess.run(["/usr/bin/python3", "-c", "import dogpile.cache"], stderr=subprocess.DEVNULL)
        if found.returncode == 0:
            lines += run(["/usr/bin/python3", HERE / "peers.py", loads, args.seconds, args.rounds]).splitlines()
        else:
            print("compare.py: no dogpile.cache: left out", file=sys.stderr)
        lines += run([args.peers, "--latency"]).splitlines()
        for name in [*BOUNDED, "tbb-hash-map", "libcuckoo"]:
            if name not in ("cairn-region-shared", "cairn-s3-fifo"):
                lines += run([args.peers, "--memory", name]).splitlines()
    return lines


def row(cells):
    print("| " + " | ".join(cells) + " |")


class Results:
    def __init__(self, lines):
        rounds = collections.defaultdict(list)
        self.latency = collections.defaultdict(list)
        self.memory = {}
        for line in lines:
            f = line.split("\t")
            if f[0] in LOADS:
                rounds[f[0], f[1], int(f[2])].append((float(f[4]), float(f[5])))
            elif f[0] == "latency":
                self.latency[f[1]].append([int(x) for x in f[3:6]])
            elif f[0] == "memory":
                self.memory[f[1]] = float(f[3])
        self.mops = {key: statistics.median(m for m, _ in all) for key, all in rounds.items()}
        self.hits = {key: statistics.median(h for _, h in all) for key, all in rounds.items()}
        self.names = list(dict.fromkeys(name for _, name, _ in rounds))
        self.threads = sorted({n for _, _, n in rounds})

    def tables(self):
        for load, title in LOADS.items():
            print(f"\n**{title}**, million operations per second (and as a ratio to {BASE})\n")
            row(["", *(f"{n} thread" + "s" * (n > 1) for n in self.threads), "2 threads to 1", "hit ratio"])
            row(["---"] * (len(self.threads) + 3))
            for name in self.names:
                cells = [self.cell(load, name, n) for n in self.threads]
                if not any(cells):
                    continue
                one, two = (self.mops.get((load, name, n)) for n in (1, 2))
                cells.append(f"{two / one:.2f}" if one and two else "")
                cells.append(f"{self.hits[load, name, 1]:.3f}")
                row([name, *cells])
        if self.latency:
            print("\n**get while another thread sets new keys**, nanoseconds (median of the turns)\n")
            row(["", "median", "99.9 %", "99.99 %"])
            row(["---"] * 4)
            for name, turns in self.latency.items():
                row([name, *(str(round(statistics.median(turn[i] for turn in turns))) for i in range(3))])
        if self.memory:
            print("\n**resident bytes per entry**, 1 M entries of 16 + 100 bytes\n")
            row(["", "bytes"])
            row(["---"] * 2)
            for name, size in sorted(self.memory.items(), key=lambda item: item[1]):
                row([name, f"{size:.0f}"])

    def cell(self, load, name, threads):
        mine, base = (self.mops.get((load, who, threads)) for who in (name, BASE))
        if not mine:
            return ""
        return f"{mine:.2f} ({mine / base:.2f})" if base else f"{mine:.2f}"

    # Bars: one panel per workload, in it a pair per contestant, the lighter one for two threads.
    def svg(self):
        panels = [load for load in LOADS if load != "hit-one-key"]
        width, left, top, bar, gap = 330, 150, 58, 9, 6
        names = [n for n in self.names if n != "cairn-region-shared"]
        height = top + len(names) * (2 * bar + gap) + 24
        out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width * len(panels)}" height="{height}" '
            'font-family="sans-serif" font-size="11">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            f'<text x="{left}" y="18" font-size="13">Million operations per second, 1 thread (dark) and 2 '
            "(light); unbounded tables in grey</text>",
        ]
        for i, name in enumerate(names):
            y = top + i * (2 * bar + gap)
            out.append(f'<text x="{left - 8}" y="{y + bar + 4}" text-anchor="end">{name}</text>')
        for p, load in enumerate(panels):
            x0 = left + p * width
            out.append(f'<text x="{x0}" y="{top - 12}" font-weight="bold">{LOADS[load]}</text>')
            most = max(m for (l, _, n), m in self.mops.items() if l == load and n in (1, 2))
            for i, name in enumerate(names):
                for k, n in enumerate((1, 2)):
                    m = self.mops.get((load, name, n))
                    if m is None:
                        continue
                    ours, floor = name.startswith("cairn"), name in ("tbb-hash-map", "libcuckoo")
                    colour = (("#b45309", "#f2b265") if ours else ("#777", "#bbb") if floor
                              else ("#1d4e89", "#8db4dd"))[k]
                    y = top + i * (2 * bar + gap) + k * bar
                    w = m / most * (width - 60)
                    out.append(f'<rect x="{x0}" y="{y}" width="{w:.1f}" height="{bar - 1}" fill="{colour}"/>')
                    out.append(f'<text x="{x0 + w + 4:.1f}" y="{y + bar - 1}" font-size="9">{m:.1f}</text>')
        return "\n".join([*out, "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="?")
    parser.add_argument("--threads", default="1,2,4")
    parser.add_argument("--seconds", default="0.1")
    parser.add_argument("--rounds", default="15")
    parser.add_argument("--results", help="where to keep the lines that everything is made of")
    parser.add_argument("--from", dest="earlier", help="such a file: nothing is measured")
    parser.add_argument("--svg", help="where to draw the plot")
    args = parser.parse_args()
    if (args.peers is None) == (args.earlier is None):
        parser.error("either PEERS or --from")
    if args.peers:
        args.peers = os.path.abspath(args.peers)
        lines = measure(args)
    else:
        lines = pathlib.Path(args.earlier).read_text(encoding="utf-8").splitlines()
    if args.results:
        pathlib.Path(args.results).write_text("\n".join(lines) + "\n", encoding="utf-8")
    results = Results(lines)
    results.tables()
    if args.svg:
        pathlib.Path(args.svg).write_text(results.svg(), encoding="utf-8")


main()
