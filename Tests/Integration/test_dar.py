# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Direct access recovery: one file of 10,000 is read from the tape, and hardly anything else.

What was read is taken from the drive's own counter (`capstan status`), from the mover's bytes and from the ranges that
the data service asked for; all must stay within 1 MiB of the file's size. The file history's paths and nodes forms are
used, in both backup types.
"""

import os

from harness import Daemon, Steps, expect, temporary_folder
from ndmp_client import LOCAL, TCP
from ndmp_job import Job, Medium
from tree_maker import Maker, empty, entries, same_tree

COUNT = 10_000
SLACK = 1 << 20
RECORD = 64 << 10
steps = Steps("dar")


def make_source(folder):
    make = Maker(folder, 23)
    for index in range(COUNT):
        make.file(f"d{index % 100:02}/f{index:05}", size=2_000 + index % 3_000)
    make.file("d50/large", size=3_333_333)
    make.sparse("d51/sparse", 50_000_000, {0: b"begin", 20_000_000: make.random.randbytes(100_000)})
    make.file("d52/attributes", b"with attributes\n")
    make.attribute("d52/attributes", "user.x", b"y" * 200)
    make.acl("d52/attributes", "u:1234:rw-")
    make.spread_times()


class Recovery:
    """One recovery by offset, measured."""

    def __init__(self, daemon, backup, stream, environment, names, **options):
        with Job(daemon, daemon, backup.media, record_size=RECORD, **options) as job:
            job.recover(stream, [*environment, (b"DIRECT", b"y")], names).succeeded()
        self.job, self.moved = job, job.moved
        # The drive counts from the load of the cartridge on, which the job did.
        self.from_tape = daemon.json("status")["drives"][0]["bytesRead"]
        expect(self.from_tape > 0, "the drive counted nothing")


def one_file(daemon, folder, backup, kind, form, path, version=4, where=LOCAL):
    history = backup.data.history.paths()
    node, told = history[path]
    source, target = os.fsencode(f"{folder}/source/") + path, f"{folder}/target/one"
    # By 3's rule the destination is a folder, to which the last part of the name is added.
    name = (b"/" + path, (os.path.dirname(target) if version == 3 else target).encode(),
            b"one" if version == 3 else b"", node or 0, told.offset)
    empty(os.path.dirname(target))
    recovery = Recovery(daemon, backup, kind, backup.result, [name], version=version, kind=where)
    with open(source, "rb") as one, open(target, "rb") as two:
        expect(one.read() == two.read(), "other contents")
    real = os.lstat(source)
    expect(os.lstat(target).st_mtime_ns // 1000 == real.st_mtime_ns // 1000, os.lstat(target).st_mtime_ns)
    expect(len(entries(f"{folder}/target")) == 2, "more than the file:", sorted(entries(f"{folder}/target"))[:5])
    data = min(real.st_size, real.st_blocks * 512)
    asked = sum(length for _, length in recovery.job.reads)
    expect(recovery.moved <= data + SLACK, f"{recovery.moved} bytes went to the data service for {data}")
    expect(recovery.from_tape <= data + SLACK, f"{recovery.from_tape} bytes were read from tape for {data}")
    if where == TCP:
        expect(recovery.job.reads and asked <= data + SLACK, f"asked for {recovery.job.reads}")
    print(f"#   {kind}, {form}, {path.decode()}: {data} bytes of data, {recovery.moved} to the data service, "
          f"{recovery.from_tape} from tape of {backup.processed}", flush=True)


def round_of(daemon, folder, kind):
    for form in "fd":
        history = {"f": "paths", "d": "nodes"}[form]
        with steps.step(f"{kind}: a backup of {COUNT} files with {history} history"):
            media = [Medium("slot:1")]
            with Job(daemon, daemon, media, record_size=RECORD) as backup:
                backup.backup(kind, {"FILESYSTEM": f"{folder}/source", "HIST": form, "UPDATE": "n", "DIRECT": "y"})
                backup.succeeded()
            told = backup.data.history.paths()
            expect(set(told) == set(entries(f"{folder}/source")), "the history differs from the tree")
        for path, where in ((b"d37/f04937", LOCAL), (b"d37/f04937", TCP), (b"d99/f09999", TCP), (b"d50/large", LOCAL),
                            (b"d51/sparse", TCP), (b"d52/attributes", LOCAL)):
            over = "local" if where == LOCAL else "TCP"
            with steps.step(f"{kind}, {history}, {over}: 1 of {COUNT} files, {path.decode()}, within 1 MiB of its size"):
                one_file(daemon, folder, backup, kind, history, path, where=where)
        with steps.step(f"{kind}, {history}: 20 files given in the wrong order are read in one pass forwards"):
            chosen = [b"d%02d/f%05d" % (index % 100, index) for index in range(9_990, 0, -500)]
            target = empty(f"{folder}/target")
            names = [(b"/" + path, f"{target}/{path.decode()}".encode(), b"", told[path][0] or 0, told[path][1].offset)
                     for path in chosen]
            recovery = Recovery(daemon, backup, kind, backup.result, names, kind=TCP)
            expect(recovery.job.data.recovered == {b"/" + path: 0 for path in chosen}, recovery.job.data.recovered)
            offsets = [offset for offset, _ in recovery.job.reads]
            expect(offsets == sorted(offsets), "backwards:", offsets)
            expect(recovery.from_tape <= 20 * (5_000 + SLACK // 4), f"{recovery.from_tape} bytes were read from tape")
            for path in chosen:
                with open(f"{folder}/source/{path.decode()}", "rb") as one, \
                        open(f"{target}/{path.decode()}", "rb") as two:
                    expect(one.read() == two.read(), path)
        if form == "d":
            with steps.step(f"{kind}: a whole folder by DAR"):
                target = empty(f"{folder}/target")
                node, stat = told[b"d07"]
                name = (b"/d07", f"{target}/d07".encode(), b"", node, stat.offset)
                Recovery(daemon, backup, kind, backup.result, [name])
                same_tree(f"{folder}/source/d07", f"{target}/d07", precision=1000)
        with steps.step(f"{kind}, {history}: an offset past the end, one into a file and one of another file are told"):
            target = empty(f"{folder}/target")
            names = [(b"/d00/f00000", f"{target}/a".encode(), b"", 0, 1 << 50),
                     (b"/d00/f00100", f"{target}/b".encode(), b"", 0, told[b"d50/large"][1].offset + 100 * 1024),
                     (b"/d00/f00200", f"{target}/c".encode(), b"", told[b"d00/f00200"][0] or 0,
                      told[b"d37/f04937"][1].offset)]
            job = Job(daemon, daemon, backup.media, record_size=RECORD, kind=TCP)
            with job:
                job.recover(kind, [*backup.result, (b"DIRECT", b"y")], names)
            for letter, name in zip("abc", (b"d00/f00000", b"d00/f00100", b"d00/f00200")):
                if job.data.recovered.get(b"/" + name) == 0:
                    with open(f"{folder}/source/{name.decode()}", "rb") as one, open(f"{target}/{letter}", "rb") as two:
                        expect(one.read() == two.read(), f"{name} was told recovered, with other contents")
                else:
                    expect(not os.path.exists(f"{target}/{letter}"), f"{name} failed and yet left a file")
            expect(job.data.said(), "not a word")


def older_versions(daemon, folder):
    for version in (2, 3):
        with steps.step(f"DAR with protocol {version}, by fh_info"):
            with Job(daemon, daemon, [Medium("slot:2")], version=version, record_size=RECORD) as backup:
                backup.backup("dump", {"FILESYSTEM": f"{folder}/source", "HIST": "f", "UPDATE": "n"}).succeeded()
            one_file(daemon, folder, backup, "dump", "paths", b"d37/f04937", version=version, where=TCP)


with temporary_folder() as work:
    make_source(f"{work}/source")
    os.makedirs(f"{work}/target")
    with Daemon(arguments=["--export", work]) as capstan:
        for backup_type in ("tar", "dump"):
            round_of(capstan, work, backup_type)
        older_versions(capstan, work)
steps.finish()
