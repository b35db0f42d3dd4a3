# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Levels 0, 1 and 2 of both backup types: after each the recovered tree is exactly what the source was then.

Between the levels files and folders are deleted, renamed, moved into each other, replaced by another kind, linked,
truncated and touched. The same streams are put back in order (EXTRACT=n: the whole image, deletions included).
"""

import os
import shutil

from harness import Daemon, Steps, expect, temporary_folder
from ndmp_job import Job, Medium
from tree_maker import MICROSECONDS, NANOSECONDS, Maker, empty, entries, make_tree, same_tree, settle, tool

steps = Steps("incremental")


def first_changes(make):
    root = make.root.decode()
    tool("rm", "-r", f"{root}/delete-me", f"{root}/links/dangling")
    for number in range(0, 60, 7):
        os.remove(make.path(f"many/f{number:03}"))
    os.rename(f"{root}/rename-me", f"{root}/renamed")
    os.rename(f"{root}/one/inner", f"{root}/two/inner-moved")
    os.rename(f"{root}/swap-a", f"{root}/swap-t")
    os.rename(f"{root}/swap-b", f"{root}/swap-a")
    os.rename(f"{root}/swap-t", f"{root}/swap-b")
    os.rename(f"{root}/many/f001", f"{root}/two/f001-moved")
    os.rename(f"{root}/many/f002", f"{root}/many/f002-renamed")
    os.remove(f"{root}/becomes-folder")
    make.file("becomes-folder/inside", b"a folder now\n")
    make.file("many/f003", b"changed\n")
    with open(make.path("many/f004"), "ab") as file:
        file.write(b"longer")
    os.truncate(make.path("many/f005"), 3)
    os.chmod(make.path("many/f006"), 0o600)
    make.link("many/f008", "two/f008-linked")
    make.file("new/folder/of/level/one", size=20_000)
    make.attribute("many/f009", "user.added", b"later")
    make.sparse("sparse/begin", 3_000_000, {100_000: b"somewhere else"})


def second_changes(make):
    root = make.root.decode()
    os.rename(f"{root}/two", f"{root}/renamed/two-inside")
    os.rename(f"{root}/renamed", f"{root}/renamed-again")
    tool("rm", "-r", f"{root}/becomes-folder", f"{root}/swap-a")
    make.file("becomes-folder", b"a file again\n")
    make.file("swap-a", b"a file in the place of a folder\n")
    os.remove(make.path("renamed-again/two-inside/f008-linked"))
    tool("rm", "-r", f"{root}/new/folder")
    os.rename(make.path("many/f010"), make.path("new/f010"))
    make.symlink("f011", "many/f010")
    make.file("many/f001", b"a new file under an old name\n")
    for number in range(0, 60, 7):
        make.file(f"many/f{number:03}", b"it came back\n")
    os.rename(f"{root}/one", f"{root}/zero")


def prepare(folder, seed):
    make = make_tree(folder, seed=seed, plain=120)
    for number in range(60):
        make.file(f"many/f{number:03}", size=100 + 97 * number)
    for name in ("delete-me/x/y/z", "rename-me/deep/er/file", "one/inner/file", "two/file", "swap-a/a", "swap-b/b"):
        make.file(name, size=4_000)
    make.file("becomes-folder", b"a file\n")
    make.spread_times()
    return make


def snapshot(source, name):
    tool("cp", "-a", "--sparse=always", source, name)
    # Times of folders that cp -a leaves rounded are none; the copy is checked before it is trusted.
    same_tree(source, name)
    return name


class Levels:
    def __init__(self, daemon, folder, kind):
        self.daemon, self.kind = daemon, kind
        self.folder = empty(f"{folder}/{kind}")
        self.source, self.target = f"{self.folder}/source", f"{self.folder}/target"
        self.precision = NANOSECONDS if kind == "tar" else MICROSECONDS
        self.jobs, self.states = {}, {}

    def backup(self, name, level, slot, **more):
        settle(self.source)
        environment = {"FILESYSTEM": self.source, "HIST": "y", "LEVEL": str(level), "TYPE": self.kind, **more}
        with Job(self.daemon, self.daemon, [Medium(f"slot:{slot}")], record_size=65_536) as job:
            job.backup(self.kind, environment).succeeded()
        self.jobs[name], self.states[name] = job, snapshot(self.source, f"{self.folder}/state-{name}")
        self.jobs[name].values = {key.decode(): value for key, value in job.result}
        return job

    def recover(self, name, target=None):
        """One level on top of what is there."""
        job = self.jobs[name]
        with Job(self.daemon, self.daemon, job.media, record_size=65_536) as again:
            again.recover(self.kind, [*job.result, (b"EXTRACT", b"n")], [(b"", (target or self.target).encode())])
            again.succeeded()
        return again

    def run(self):
        make = prepare(self.source, seed=len(self.kind))
        with steps.step(f"{self.kind}: level 0 takes everything"):
            self.backup("0", 0, 1)
            expect(self.jobs["0"].values.get("LEVEL") == b"0", self.jobs["0"].values)
        with steps.step(f"{self.kind}: level 1 takes what changed since level 0, and no more"):
            first_changes(make)
            self.backup("1", 1, 2)
            told = self.jobs["1"].data.history.paths()
            saved = {path for path, (_, stat) in told.items() if stat is not None and stat.type == 4}
            expect(b"many/f003" in saved and b"two/inner-moved" in told, sorted(saved)[:5])
            expect(b"many/f020" not in saved and b"plain/f00003" not in saved, "a file that did not change is saved")
            # Both begin with maps of inode numbers in a dump, whose size depends on the disk and not on the level.
            sizes = [self.jobs[name].processed for name in "01"]
            expect(sizes[1] < sizes[0] - (2 << 20), "the streams have", sizes)
        with steps.step(f"{self.kind}: level 2 takes what changed since level 1, and no more"):
            second_changes(make)
            self.backup("2", 2, 3)
            saved = {path for path, (_, stat) in self.jobs["2"].data.history.paths().items()
                     if stat is not None and stat.type == 4}
            expect(b"swap-a" in saved and b"many/f003" not in saved, sorted(saved)[:8])
        empty(self.target)
        for name in ("0", "1", "2"):
            with steps.step(f"{self.kind}: after level {name} the recovered tree is exactly the state of then"):
                self.recover(name)
                same_tree(self.states[name], self.target, self.precision)
        with steps.step(f"{self.kind}: a second level 1 compares with level 0, and replaces levels 1 and 2"):
            self.backup("1b", 1, 4)
            saved = {path for path, (_, stat) in self.jobs["1b"].data.history.paths().items()
                     if stat is not None and stat.type == 4}
            expect(b"many/f003" in saved and b"many/f020" not in saved, sorted(saved)[:8])
            empty(self.target)
            for name in ("0", "1b"):
                self.recover(name)
            same_tree(self.states["1b"], self.target, self.precision)
        self.dates(make)

    def dates(self, make):
        with steps.step(f"{self.kind}: UPDATE=n leaves the dates alone: the next level 1 takes the same again"):
            before = self.jobs["1b"].processed
            self.backup("n", 1, 4, UPDATE="n")
            self.backup("n2", 1, 4, UPDATE="n")
            expect(self.jobs["n"].processed == self.jobs["n2"].processed == before,
                   before, self.jobs["n"].processed, self.jobs["n2"].processed)
        with steps.step(f"{self.kind}: BASE_DATE takes the place of the dates"):
            date = self.jobs["0"].values["DUMP_DATE"]
            self.backup("base", 5, 4, UPDATE="n", BASE_DATE=date.decode())
            expect(self.jobs["base"].processed == self.jobs["1b"].processed, self.jobs["base"].processed)
        with steps.step(f"{self.kind}: a level without a lower one is a full backup, of the same file system only"):
            other = f"{self.folder}/other"
            Maker(other, 1).file("f", b"f\n")
            with Job(self.daemon, self.daemon, [Medium("slot:4")]) as job:
                job.backup(self.kind, {"FILESYSTEM": other, "HIST": "f", "LEVEL": "3"}).succeeded()
            expect(b"f" in job.data.history.paths(), job.data.history.paths())
        with steps.step(f"{self.kind}: the dates outlive a restart of the daemon"):
            self.daemon.stop()
            self.daemon.start()
            self.backup("restarted", 1, 4, UPDATE="n")
            expect(self.jobs["restarted"].processed == self.jobs["1b"].processed, self.jobs["restarted"].processed)
        for name in self.states.values():
            shutil.rmtree(name)
        expect(entries(self.source), "the source is gone")


with temporary_folder() as work:
    with Daemon(store=f"{work}/store", arguments=["--export", work]) as capstan:
        for backup_type in ("tar", "dump"):
            Levels(capstan, work, backup_type).run()
steps.finish()
