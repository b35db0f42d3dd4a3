# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Rows of the mounted filesystem: against a plain libfuse server in C, one thread, over a cached file; and figures that
stand for themselves (INQUIRY by SG_IO, find over ten thousand cartridges, a cartridge with two million records)."""

import glob
import os
import signal
import statistics
import subprocess
import time

MIB = 1 << 20
RECORDS = (65536, 262144, 1048576)


class MountRows:
    def __init__(self, options, folder, daemon, kit):
        """`kit` has what bench.py shares: Run, Helper, c_program."""
        self.options, self.folder, self.daemon, self.kit = options, folder, daemon, kit
        self.mount = daemon.ready["mount"]
        self.bytes = 64 * MIB if options.smoke else options.size * MIB
        self.device = kit.c_program(folder, "device")
        self.seed = 1000
        self.point = os.path.join(folder, "c-mount")
        os.mkdir(self.point)
        program = kit.c_program(folder, "fuse_server", "-lfuse3")
        self.server = kit.Helper(program, os.path.join(folder, "c-file"), self.point)
        self.server.port()

    def close(self):
        self.server.process.send_signal(signal.SIGTERM)
        self.server.process.wait(10)

    # One run of a program against one of the two.
    def cpu(self, pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def run(self, pid, *words):
        before, spent = self.cpu(pid), []
        client = self.kit.Helper(self.device, *words)
        begun, ended, _, count = client.done(at_once=lambda: spent.append(self.cpu(pid) - before))
        return self.kit.Run(ended - begun, spent[0], count)

    def c_run(self, name, what, *words):
        return self.run(self.server.process.pid, what, os.path.join(self.point, name), *words)

    def our_run(self, path, what, *words):
        return self.run(self.daemon.pid, what, path, *words)

    @property
    def tape(self):
        return os.path.join(self.mount, "drives", "0", "nst")

    @property
    def data(self):
        return glob.glob(os.path.join(self.mount, "drives", "0", "*L8", "files", "0001", "data"))[0]

    def rewind(self):
        subprocess.run([self.device, "rewind", self.tape], check=True)

    # Pairs.
    def write(self, record):
        def c(last):
            self.seed += 1
            run = self.c_run("tape", "write", record, self.bytes, self.seed)
            if last:
                self.c_run("tape", "read", record, self.bytes, self.seed, "check")
            return run

        def ours(_, last):
            self.seed += 1
            self.rewind()
            run = self.our_run(self.tape, "write", record, self.bytes, self.seed)
            if last:
                self.rewind()
                self.our_run(self.tape, "read", record, self.bytes, self.seed, "check")
            return run

        return c, ours

    def prepare(self, record):
        """The same bytes on both sides."""
        self.seed += 1
        self.c_run("tape", "write", record, self.bytes, self.seed)
        self.rewind()
        self.our_run(self.tape, "write", record, self.bytes, self.seed)
        return self.seed

    def read(self, record, isTape):
        seed = self.prepare(record)

        def how(last):
            return "check" if last else "plain"

        def c(last):
            return self.c_run("tape" if isTape else "data", "read", record, self.bytes, seed, how(last))

        def ours(_, last):
            if isTape:
                self.rewind()
            return self.our_run(self.tape if isTape else self.data, "read", record, self.bytes, seed, how(last))

        return c, ours

    def rows(self, pairs):
        for record in RECORDS:
            yield (
                f"mount: nst write {record >> 10} KiB", "C libfuse, cached file", 0.9,
                lambda record=record: pairs(*self.write(record)),
            )
        for name, is_tape in (("nst", True), ("data", False)):
            for record in RECORDS:
                yield (
                    f"mount: {name} read {record >> 10} KiB", "C libfuse, cached file", 0.9,
                    lambda record=record, is_tape=is_tape: pairs(*self.read(record, is_tape)),
                )

    # Figures of their own: (name, value, unit, goal at most).
    def facts(self):
        count = 2000 if self.options.smoke else 20000
        ours, its = [], []
        for _ in range(self.options.pairs):
            its.append(self.each("inquiry", os.path.join(self.point, "sg"), count))
            ours.append(self.each("inquiry", os.path.join(self.mount, "drives", "0", "sg"), count))
        yield "mount: INQUIRY by SG_IO", statistics.median(ours), "us", 50
        yield "  the same, C libfuse", statistics.median(its), "us", None

    def each(self, what, path, count):
        """Microseconds of one."""
        client = self.kit.Helper(self.device, what, path, count)
        begun, ended, _, done = client.done()
        return (ended - begun) / done * 1e6


def timed(*line):
    """(seconds, lines of output)"""
    begun = time.monotonic()
    text = subprocess.run([str(word) for word in line], check=True, capture_output=True).stdout
    return time.monotonic() - begun, text.count(b"\n")


def large_library(daemon_type, folder, options):
    """A library of ten thousand cartridges. Made in memory where there is room: making them is not measured."""
    count = 200 if options.smoke else 10_000
    place = "/dev/shm" if os.path.isdir("/dev/shm") else folder
    import tempfile
    with tempfile.TemporaryDirectory(prefix="capstan-bench-", dir=place) as room:
        point = os.path.join(room, "mount")
        arguments = ["--slots", str(count), "--cartridges", str(count), "--mount", point]
        with daemon_type(store=os.path.join(room, "store"), arguments=arguments):
            for name, words in (
                ("find over the slots", ["find", os.path.join(point, "slots")]),
                ("find -maxdepth 2 over the cartridges", ["find", os.path.join(point, "cartridges"), "-maxdepth", "2"]),
                ("find over everything", ["find", point]),
                ("ls -l of the cartridges", ["ls", "-l", os.path.join(point, "cartridges")]),
            ):
                seconds, lines = timed(*words)
                goal = 5.0 if "cartridges" in name and "find" in name else None
                yield f"mount, {count} cartridges: {name}", seconds, f"s, {lines} names", goal


def large_cartridge(daemon_type, folder, options, kit):
    """100 GB in two million records, sparse, in ten tape files."""
    records = 20_000 if options.smoke else 2_000_000
    point = os.path.join(folder, "large-mount")
    store = os.path.join(folder, "large-store")
    device = kit.c_program(folder, "device")
    with daemon_type(store=store, arguments=["--cartridges", "1"]):
        pass
    cartridge = glob.glob(os.path.join(store, "cartridges", "*"))[0]
    program = kit.c_program(folder, "sparse_cartridge")
    subprocess.run([program, cartridge, str(records), "50000", "10"], check=True)
    with daemon_type(store=store, arguments=["--mount", point]) as daemon:
        inside = os.path.join(point, "cartridges", os.path.basename(cartridge))
        seconds, lines = timed("ls", os.path.join(inside, "files"))
        yield f"mount, {records} records: ls files ({lines})", seconds * 1e3, "ms", 100
        last = os.path.join(inside, "files", "0010", "data")
        begun = time.monotonic()
        with open(last, "rb", buffering=0) as file:
            length = os.fstat(file.fileno()).st_size
            os.pread(file.fileno(), 4096, length - 4096)
        yield "  open data of the last file, read its end", (time.monotonic() - begun) * 1e3, "ms", 100
        client = kit.Helper(device, "seek", last, 1000)
        begun, ended, _, done = client.done()
        yield "  4 KiB from anywhere in it", (ended - begun) / done * 1e6, "us", None
        del daemon
