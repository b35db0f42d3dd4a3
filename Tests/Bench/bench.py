# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Compares the daemon with plain C programs over real sockets, and with tar, and prints a table with the goals.

Each row is a pair: the C program and the daemon do the same work by turns (C, daemon, C, daemon, …), so that a noisy
machine disturbs both. A row's ratio is that of the medians. Data comes from and goes to C programs on both sides;
Python only says what to do over the control connection. What was written is compared before a row counts: the last
run of each side is read back whole.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Integration"))

from data_rows import DataRows
from mount_rows import MountRows, large_cartridge, large_library

MIB = 1 << 20
HERE = pathlib.Path(__file__).resolve().parent


class Run:
    """One measured run: seconds, CPU seconds of the receiving (serving) program, bytes."""

    def __init__(self, seconds, cpu, count):
        self.rate = count / seconds / 1e9
        self.cpu = cpu / (count / 1e9)


def c_program(folder, name, *libraries):
    out = os.path.join(folder, name)
    if not os.path.exists(out):
        line = ["gcc", "-std=gnu11", "-O2", "-o", out, str(HERE / f"{name}.c"), *libraries]
        subprocess.run(line, check=True)
    return out


class Helper:
    """A C program started on its own; `port` when it listens, `done()` for its times."""

    def __init__(self, *line):
        self.line = [str(word) for word in line]
        self.process = subprocess.Popen(self.line, stdout=subprocess.PIPE, text=True)

    def word(self, expected):
        line = self.process.stdout.readline().split()
        if not line or line[0] != expected:
            raise SystemExit(f"{self.line} said {line} and not {expected}")
        return line[1:]

    def port(self):
        return int(self.word("PORT")[0])

    def done(self, at_once=lambda: None):
        """(begun s, ended s, cpu s, bytes) on the monotonic clock; calls `at_once` when it says so, before it ends."""
        begun, ended, cpu, count = (int(word) for word in self.word("DONE"))
        at_once()
        if self.process.wait(60) != 0:
            raise SystemExit(f"{self.line} ended with {self.process.returncode}")
        return begun / 1e9, ended / 1e9, cpu / 1e6, count


class Bench:
    def __init__(self, options, folder, daemon):
        from ndmp_session import Session
        self.options, self.folder, self.daemon, self.Session = options, folder, daemon, Session
        self.stream = c_program(folder, "stream")
        self.requests = c_program(folder, "requests")
        self.seed = 100
        self.small = 64 * MIB if options.smoke else options.size * MIB
        self.large = 128 * MIB if options.smoke else 4096 * MIB
        self.cached = os.path.join(folder, "cached")
        subprocess.run([self.stream, "make", self.cached, str(self.small), "1"], check=True)

    def next_seed(self):
        self.seed += 1
        return self.seed

    def daemon_cpu(self):
        with open(f"/proc/{self.daemon.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def verify_file(self, path, count, seed):
        if subprocess.run([self.stream, "verify", path, str(count), str(seed)], check=False).returncode:
            raise SystemExit(f"{path} does not hold what was sent")

    # Mover write.
    def mover_session(self, drive, record):
        session = self.Session(self.daemon.port, timeout=600)
        session.tape_open(self.daemon.tapes[drive])
        session.rewind()
        session.mover_set_record_size(record)
        return session

    def c_receive(self, record, last):
        seed = self.next_seed()
        receiver = Helper(self.stream, "receive", self.cached, record, self.small, "crc")
        sender = Helper(self.stream, "send", receiver.port(), self.small, seed)
        begun = sender.done()[0]
        _, ended, cpu, count = receiver.done()
        if last:
            self.verify_file(self.cached, self.small, seed)
        return Run(ended - begun, cpu, count)

    def mover_write(self, record, last, drive=0, count=None, durable=False):
        count, seed = count or self.small, self.next_seed()
        with self.mover_session(drive, record) as session:
            session.mover_set_window()
            _, port = session.mover_listen(0)
            cpu = self.daemon_cpu()
            sender = Helper(self.stream, "send", port, count, seed)
            reason = session.wait_for_halt()
            if durable:
                session.write_filemarks()
            ended = time.monotonic()
            cpu = self.daemon_cpu() - cpu
            begun = sender.done()[0]
            moved = session.mover_bytes_moved()
            if reason != 1 or moved != count:
                raise SystemExit(f"the mover halted for reason {reason} after {moved} of {count} bytes")
            session.mover_stop()
            if last:
                self.read_back(session, record, count, seed, "check")
            session.rewind()
            session.tape_close()
        return Run(ended - begun, cpu, count)

    # Mover read.
    def read_back(self, session, record, count, seed, how):
        session.rewind()
        session.mover_set_record_size(record)
        session.mover_set_window()
        _, port = session.mover_listen(1)
        cpu = self.daemon_cpu()
        sink = Helper(self.stream, "sink", port, count, seed, how)
        sink.word("CONNECTED")
        begun = time.monotonic()
        session.mover_read(0, count)
        _, ended, _, got = sink.done()
        cpu = self.daemon_cpu() - cpu
        session.wait_for_halt()
        session.mover_stop()
        return Run(ended - begun, cpu, got)

    def prepare_reads(self, record):
        """The same bytes on a tape and in a file; returns their seed."""
        self.mover_write(record, last=True)
        subprocess.run([self.stream, "make", self.cached, str(self.small), str(self.seed)], check=True)
        return self.seed

    def c_sendfile(self, seed, last):
        server = Helper(self.stream, "serve", self.cached, self.small)
        sink = Helper(self.stream, "sink", server.port(), self.small, seed, "check" if last else "plain")
        sink.word("CONNECTED")
        _, ended, _, count = sink.done()
        begun, _, cpu, _ = server.done()
        return Run(ended - begun, cpu, count)

    def mover_read(self, record, seed, last):
        with self.mover_session(0, record) as session:
            run = self.read_back(session, record, self.small, seed, "check" if last else "plain")
            session.tape_close()
        return run

    # Sustained write.
    def c_splice(self, last):
        seed, path = self.next_seed(), os.path.join(self.folder, "fresh")
        receiver = Helper(self.stream, "splice", path, self.large)
        sender = Helper(self.stream, "send", receiver.port(), self.large, seed)
        begun = sender.done()[0]
        _, ended, cpu, count = receiver.done()
        if last:
            self.verify_file(path, self.large, seed)
        os.remove(path)
        return Run(ended - begun, cpu, count)

    def mover_sustained(self, pair, last):
        """A cartridge that was never written; given back to its slot blank, so that the disk does not fill up."""
        slot = 3 + pair % 12
        self.daemon.run("load", str(slot), "1")
        run = self.mover_write(65536, last, drive=1, count=self.large, durable=True)
        with self.mover_session(1, 65536) as session:
            session.write_filemarks()
            session.rewind()
            session.tape_close()
        self.daemon.run("unload", "1")
        return run

    # Requests.
    def c_requests(self, last):
        seed, count = self.next_seed(), self.small // 65536
        server = Helper(self.requests, "serve", self.cached)
        client = Helper(self.requests, "load", server.port(), "nst0", count, 65536, seed)
        begun, ended, _, total = client.done()
        cpu = server.done()[2]
        if last:
            self.verify_file(self.cached, self.small, seed)
        return Run(ended - begun, cpu, total)

    def tape_write(self, last):
        seed, count = self.next_seed(), self.small // 65536
        cpu = self.daemon_cpu()
        line = [self.requests, "load", self.daemon.port, self.daemon.tapes[0], count, 65536, seed]
        client = Helper(*line, *(["check"] if last else []))
        spent = []
        begun, ended, _, total = client.done(at_once=lambda: spent.append(self.daemon_cpu() - cpu))
        return Run(ended - begun, spent[0], total)

    # Rows.
    def pairs(self, count, baseline, ours):
        """`count` pairs by turns, after one of each that is not counted."""
        ours(-1, False), baseline(False)
        left, right = [], []
        for pair in range(count):
            last = pair == count - 1
            left.append(baseline(last))
            right.append(ours(pair, last))
        return left, right

    def rows(self):
        count = self.options.pairs
        for record in (65536, 262144):
            yield (
                f"mover write {record >> 10} KiB + CRC", "C recv+CRC+pwrite, cached", 0.85,
                lambda record=record: self.pairs(
                    count, lambda last: self.c_receive(record, last), lambda _, last: self.mover_write(record, last)
                ),
            )
        for record in (65536, 262144):
            def reading(record=record):
                seed = self.prepare_reads(record)
                return self.pairs(
                    count, lambda last: self.c_sendfile(seed, last),
                    lambda _, last: self.mover_read(record, seed, last),
                )
            yield f"mover read {record >> 10} KiB, CRC verified", "C sendfile, warm", 0.85, reading
        yield (
            "TAPE_WRITE 64 KiB, one at a time", "C request server", 0.75,
            lambda: self.pairs(count, self.c_requests, lambda _, last: self.tape_write(last)),
        )
        yield (
            f"mover write {self.large >> 20} MiB, durable", "C splice + fdatasync", 1.2,
            lambda: self.pairs(count, self.c_splice, self.mover_sustained),
        )
        rows = DataRows(self.options, os.path.join(self.folder, "exported"), self.daemon, Run)
        yield from rows.rows(lambda baseline, ours: self.pairs(count, baseline, ours))
        yield from self.mount_rows.rows(lambda baseline, ours: self.pairs(count, baseline, ours))

    def run(self):
        heads = f"{'row':36} {'against':28} {'its GB/s':>22} {'Capstan GB/s':>22} {'ratio':>6} {'goal':>5}"
        print(f"{heads} {'cpu s/GB its, Capstan':>21}")
        missed = 0
        self.mount_rows = MountRows(self.options, self.folder, self.daemon, sys.modules[__name__])
        for name, against, goal, work in self.rows():
            if self.options.only and self.options.only not in name:
                continue
            left, right = work()
            rates = [[run.rate for run in side] for side in (left, right)]
            medians = [statistics.median(side) for side in rates]
            cpus = [statistics.median(run.cpu for run in side) for side in (left, right)]
            spread = [f"{medians[i]:.2f} [{min(rates[i]):.2f}-{max(rates[i]):.2f}]" for i in (0, 1)]
            ratio = medians[1] / medians[0]
            is_missed = goal is not None and ratio < goal
            missed += is_missed
            verdict = "  below the goal" if is_missed else ""
            aim = "-" if goal is None else f"{goal:.2f}"
            print(
                f"{name:36} {against:28} {spread[0]:>22} {spread[1]:>22} {ratio:6.2f} {aim:>5}"
                f" {cpus[0]:>10.2f}, {cpus[1]:.2f}{verdict}", flush=True,
            )
        missed += facts(self.options, self.mount_rows.facts)
        self.mount_rows.close()
        return missed


def facts(options, work):
    """Figures that are compared with nothing but their goal; how many missed it."""
    if options.only and options.only not in "mount":
        return 0
    missed = 0
    for name, value, unit, goal in work():
        is_missed = goal is not None and value > goal
        missed += is_missed
        aim = "" if goal is None else f" (at most {goal:g}){'  missed' if is_missed else ''}"
        print(f"{name:60} {value:10.2f} {unit}{aim}", flush=True)
    return missed


def main():
    parser = argparse.ArgumentParser(description="compare the daemon with plain C programs and with tar")
    parser.add_argument("--program", help="the capstan program")
    parser.add_argument("--pairs", type=int, default=7, help="measured pairs a row (7)")
    parser.add_argument("--size", type=int, default=512, help="MiB of the cached rows (512)")
    parser.add_argument("--only", help="rows whose name has this text")
    parser.add_argument("--folder", help="where files and the store go (default: the folder for temporary files)")
    parser.add_argument("--smoke", action="store_true", help="one small pair a row: proves that it runs")
    options = parser.parse_args()
    if options.program:
        os.environ["CAPSTAN_PROGRAM"] = options.program
    if options.smoke:
        options.pairs = 1
    from harness import Daemon
    with tempfile.TemporaryDirectory(prefix="capstan-bench-", dir=options.folder) as folder:
        exported = os.path.join(folder, "exported")
        os.mkdir(exported)
        arguments = ["--export", exported, "--mount", os.path.join(folder, "mount")]
        with Daemon(store=os.path.join(folder, "store"), arguments=arguments) as daemon:
            daemon.run("load", "1", "0")
            missed = Bench(options, folder, daemon).run()
        missed += facts(options, lambda: large_library(Daemon, folder, options))
        missed += facts(options, lambda: large_cartridge(Daemon, folder, options, sys.modules[__name__]))
    print(f"{options.pairs} pairs a row; medians [least-most]; every row's last run was compared byte by byte")
    if missed and not options.smoke:
        print(f"{missed} below the goal")
        sys.exit(1)


if __name__ == "__main__":
    main()
