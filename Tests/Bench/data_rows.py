# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""The rows of the data service: a backup against `tar c | cat`, a recovery against `tar x`, of the same tree.

GNU tar writes to a pipe and nowhere else, and extracts from a file in the cache; the daemon writes to a cartridge and
reads from one, with a checksum of every record. So a row has no goal: it tells what the tape costs. Rates count the
bytes of the files. After a row the recovered tree is compared with the one that was backed up.
"""

import os
import random
import resource
import shutil
import subprocess
import time

SMALL_BYTES = 8192
FILES_PER_FOLDER = 200
RECORD = 262_144


def make_small(root, count):
    source = random.Random(61)
    data = source.randbytes(1 << 20)
    total = 0
    for index in range(count):
        folder = os.path.join(root, f"{index // FILES_PER_FOLDER:04}")
        os.makedirs(folder, exist_ok=True)
        length, at = source.randrange(SMALL_BYTES), source.randrange(1 << 19)
        with open(os.path.join(folder, f"file{index:06}"), "wb", buffering=0) as file:
            file.write(data[at:at + length])
        total += length
    return total


def make_large(root, count):
    os.makedirs(root)
    source = random.Random(62)
    with open(os.path.join(root, "large"), "wb") as file:
        for _ in range(count >> 20):
            file.write(source.randbytes(1 << 20))
    return count


class DataRows:
    """`make_run(seconds, cpu seconds, bytes)` makes what the table is made of."""

    def __init__(self, options, folder, daemon, make_run):
        self.daemon, self.make_run = daemon, make_run
        self.back = os.path.join(folder, "back")
        self.archive = os.path.join(folder, "archive.tar")
        self.folder = folder
        self.small_count = 500 if options.smoke else 10_000
        self.large_bytes = (16 if options.smoke else options.size) << 20
        self.root, self.total = None, 0

    def prepare(self, name):
        """The tree of a row, made once; every run after the first finds it in the cache."""
        self.root = os.path.join(self.folder, name)
        if os.path.exists(self.root):
            return
        make = make_small if name == "small" else make_large
        self.total = make(self.root, self.small_count if name == "small" else self.large_bytes)

    def forget(self):
        for path in (self.root, self.back):
            if path and os.path.exists(path):
                shutil.rmtree(path)
        if os.path.exists(self.archive):
            os.remove(self.archive)

    def daemon_cpu(self):
        with open(f"/proc/{self.daemon.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # The other program.
    def shell(self, script, *arguments):
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(["sh", "-ec", script, *arguments], check=True)
        seconds, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return self.make_run(seconds, cpu, self.total)

    def tar_create(self, _last):
        return self.shell('tar -cS -f - -C "$0" . | cat > /dev/null', self.root)

    def tar_extract(self, _last):
        if not os.path.exists(self.archive):
            subprocess.run(["tar", "-cS", "-f", self.archive, "-C", self.root, "."], check=True)
        self.fresh()
        return self.shell('tar -x -f "$0" -C "$1"', self.archive, self.back)

    def fresh(self):
        shutil.rmtree(self.back, ignore_errors=True)
        os.makedirs(self.back)

    # Ours.
    def job(self, kind, work):
        import ndmp_client as ndmp
        from ndmp_data import CountedHistory, Job, good, log_in, open_drive
        with log_in("127.0.0.1", self.daemon.port, timeout=600) as session:
            session.history = CountedHistory()
            open_drive(session, self.daemon.tapes[0])
            good(session.mtio(ndmp.REW))
            cpu, begun = self.daemon_cpu(), time.monotonic()
            work(Job(session, session, kind, record=RECORD)).succeeded()
            run = self.make_run(time.monotonic() - begun, self.daemon_cpu() - cpu, self.total)
            good(session.mtio(ndmp.REW))
            good(session.tape_close())
        return run

    def backup(self, kind, last):
        run = self.job(kind, lambda job: job.backup(self.root, {"HIST": "y"}, seconds=600))
        if last:
            self.recover(kind, True)
        return run

    def recover(self, kind, last):
        self.fresh()
        run = self.job(kind, lambda job: job.recover({"FILESYSTEM": self.back}, [("", self.back)], seconds=600))
        if last:
            line = ["rsync", "-naAXHi", "--delete", "--checksum", f"{self.root}/", f"{self.back}/"]
            difference = subprocess.run(line, capture_output=True, text=True, check=True).stdout
            if difference:
                raise SystemExit(f"what came back is not what was backed up: {difference[:500]}")
        return run

    def rows(self, pairs):
        """(name, against, goal or None, work) as `Bench.rows` has them; `pairs(baseline, ours)` runs them by turns."""
        for name, text in (("small", f"{self.small_count} small files"), ("large", "one large file")):
            for kind in ("tar", "dump"):
                def backing_up(name=name, kind=kind):
                    self.prepare(name)
                    return pairs(self.tar_create, lambda _, last: self.backup(kind, last))

                def recovering(name=name, kind=kind):
                    self.prepare(name)
                    self.backup(kind, False)
                    return pairs(self.tar_extract, lambda _, last: self.recover(kind, last))

                yield f"{kind} backup, {text}", "tar c | cat", None, backing_up
                yield f"{kind} recovery, {text}", "tar x", None, recovering
            self.forget()
