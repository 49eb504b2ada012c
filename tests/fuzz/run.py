"""Runs libFuzzer programs, as many at once as there are processors, and says what came of it.

    run.py [--seconds N] [--keep] FOLDER [TARGET...]

Each `FOLDER/tests/fuzz/fuzz-TARGET` gets N seconds of processor time (60), however busy the machine is.
It begins with what is kept in corpus/TARGET beside this file, and adds what it finds to FOLDER/corpus/TARGET.
An input that crashes, hangs, or asks for too much memory lies in FOLDER/crashes afterwards. With --keep
the new inputs that reach something new go to corpus/TARGET, smallest first, where the tests replay them.
Exit code: 1 if an input was found that should not be.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent

# No input is longer than 4 KiB. What needs more than this for one has not understood it: the readers take
# at most 51 bytes for each byte of input, and zstd's contexts a few MiB.
LIMITS = ["-max_len=4096", "-timeout=10", "-report_slow_units=10", "-malloc_limit_mb=32", "-rss_limit_mb=1024"]
TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid):
    """What a running process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Target:
    def __init__(self, program, folder):
        self.program = program
        self.name = program.name.removeprefix("fuzz-")
        self.found = folder / "corpus" / self.name
        self.kept = HERE / "corpus" / self.name
        self.crashes = folder / "crashes"
        self.log = folder / "fuzz-logs" / f"{self.name}.log"
        for path in (self.found, self.kept, self.crashes, self.log.parent):
            path.mkdir(parents=True, exist_ok=True)
        self.executions = self.seconds = self.peak_memory = 0
        self.new = 0
        self.artifacts = []

    def run(self, seconds):
        """Until the processor time is used up or an input fails."""
        self.log.write_bytes(b"")
        before = set(self.found.iterdir())
        while self.seconds < seconds and not self.artifacts:
            self.run_once(seconds - self.seconds)
        self.new = len(set(self.found.iterdir()) - before)
        return self

    def run_once(self, seconds):
        started = self.log.stat().st_size
        command = [self.program, *LIMITS, "-print_final_stats=1", f"-artifact_prefix={self.crashes}/{self.name}-",
                   self.found, self.kept]
        with open(self.log, "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        stopping = False
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if not stopping and processor_seconds(process.pid) >= seconds:
                process.send_signal(signal.SIGUSR1)  # libFuzzer ends after the input that it is at
                stopping = True
            time.sleep(0.2)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds += usage.ru_utime + usage.ru_stime
        text = self.log.read_bytes()[started:].decode(errors="replace")
        self.executions += self.statistic(text, "number_of_executed_units")
        self.peak_memory = max(self.peak_memory, self.statistic(text, "peak_rss_mb"))
        artifacts = [pathlib.Path(path) for path in re.findall(r"Test unit written to (\S+)", text)]
        self.artifacts += [path for path in artifacts if not self.was_only_slow(path)]
        if process.returncode != 0 and not artifacts:
            self.artifacts.append(self.log)

    # A machine that is busy, or asleep, makes any input look like one that hangs.
    def was_only_slow(self, artifact):
        if not artifact.name.startswith((f"{self.name}-timeout-", f"{self.name}-slow-unit-")):
            return False
        again = subprocess.run([self.program, *LIMITS, artifact], capture_output=True)
        if again.returncode != 0 or b"Slowest unit" in again.stderr:
            return False
        artifact.unlink()
        return True

    @staticmethod
    def statistic(text, name):
        return max((int(value) for value in re.findall(rf"stat::{name}:\s+(\d+)", text)), default=0)

    def keep(self):
        """Returns how many inputs were worth it."""
        before = len(list(self.kept.iterdir()))
        subprocess.run([self.program, *LIMITS, "-set_cover_merge=1", self.kept, self.found], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for path in self.kept.iterdir():
            if len(path.name) == 40:  # libFuzzer's name for it; twelve digits tell as much
                path.rename(path.with_name(path.name[:12]))
        return len(list(self.kept.iterdir())) - before


def report(targets):
    print(f"{'target':<10} {'cpu s':>7} {'executions':>11} {'per s':>7} {'new inputs':>10} {'peak MB':>8}")
    for target in targets:
        print(f"{target.name:<10} {target.seconds:>7.0f} {target.executions:>11} "
              f"{target.executions / max(target.seconds, 1):>7.0f} {target.new:>10} {target.peak_memory:>8}")
    for target in targets:
        for artifact in target.artifacts:
            print(f"failed: {target.name}: {artifact}; once more with {target.program} {artifact}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("targets", nargs="*")
    given = parser.parse_args()
    programs = [path for path in sorted((given.folder / "tests" / "fuzz").glob("fuzz-*")) if path.is_file()]
    targets = [Target(path, given.folder.resolve()) for path in programs]
    if given.targets:
        targets = sorted((t for t in targets if t.name in given.targets), key=lambda t: given.targets.index(t.name))
    if not targets:
        sys.exit(f"no such fuzz target in {given.folder}")
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for running in concurrent.futures.as_completed([pool.submit(t.run, given.seconds) for t in targets]):
            done = running.result()
            print(f"{done.name}: {done.executions} executions, {len(done.artifacts)} failures", flush=True)
    print()
    report(targets)
    if given.keep:
        for target in targets:
            print(f"kept {target.keep()} more in {os.path.relpath(target.kept)}")
    failures = sum(len(target.artifacts) for target in targets)
    print(f"{len(targets)} targets, {sum(target.executions for target in targets)} executions, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
