# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Debian's ndmjob as the DMA of whole backups: local and three-way, both backup types, three cartridges, -J index.

Each round backs a tree up over three small cartridges with swaps by the robot, lists it, puts all of it back, and
puts single files back by the index. The trees must be equal to the last byte, time, hole, ACL and attribute.
"""

import os
import re

from harness import Daemon, Steps, expect, temporary_folder
from ndmjob_tool import Index, is_installed, ndmjob, says
from tree_maker import MICROSECONDS, NANOSECONDS, empty, entries, make_tree, same_tree

CAPACITY = "24MiB"
# What ndmjob may take by name: its command line knows "=" as a separator, and cannot name the empty path.
PICKED = [
    b"/plain/f00013", b"/odd/\xff\xfe not UTF-8 \x80", b"/odd/new\nline", b"/odd/\"double\" and 'single'",
    b"/odd/%41 percent", b"/attributes/many", b"/attributes/acl", b"/sparse/islands", b"/links/dangling", b"/fifo",
]
steps = Steps("ndmjob_data")


def precision(kind):
    return NANOSECONDS if kind == "tar" else MICROSECONDS


class Round:
    """One backup and what is done with it. `swap`: the data service listens and the mover connects."""

    def __init__(self, folder, source, data, tape, kind, version, swap=False, first=1):
        self.kind, self.version, self.source, self.tape = kind, version, source, tape
        self.place = "local" if data is tape else "three-way"
        self.name = f"{self.place}, {kind}, protocol {version}{', the data service listens' if swap else ''}"
        self.folder = empty(os.path.join(folder, f"{self.place}-{kind}-{version}"))
        self.index = os.path.join(self.folder, "index")
        at = tape.addresses()
        self.slots = [f"slot:{first + number}" for number in range(3)]
        self.media = []
        for number, slot in enumerate(self.slots):
            self.media += ["-m", f"V{version}{kind[0].upper()}{number}@{at[slot]}"]
        self.robot = ["-R", tape.agent(version), "-r", tape.changer]
        self.device = ["-f", tape.tapes[0], "-b", "128", "-o", "tape-timeout=0"]
        self.agents = ["-D", data.agent(version)]
        if data is not tape:
            self.agents += ["-T", tape.agent(version)]
        if swap:
            self.device += ["-o", "swap-connect"]

    def run(self, mode, *words):
        return ndmjob(mode, "-v", *self.agents, *self.robot, *self.device, "-B", self.kind, *self.media, *words)

    def label(self):
        says(ndmjob("-o", "init-labels", "-T", self.tape.agent(self.version), "-f", self.tape.tapes[0],
                    *self.robot, *self.media))

    def backup(self):
        with steps.step(f"-c over three cartridges with swaps: {self.name}"):
            self.label()
            text = self.run("-c", "-C", self.source, "-I", self.index)
            expect("Operation ended OKAY" in text, text[-3000:])
            used = re.findall(r"media #\d .*", text)
            expect(text.count("Operation requires next tape") == 2, f"no two swaps ({used}):\n{text[-2000:]}")
            index = Index(self.index)
            expect(len(index.media) == 3, index.media)
            wanted, got = set(entries(self.source)), set(index.paths())
            expect(wanted == got, "the index differs from the tree:", sorted(wanted ^ got)[:5])

    def list(self):
        with steps.step(f"-t lists what -c listed: {self.name}"):
            listed = os.path.join(self.folder, "listed")
            text = self.run("-t", "-C", self.source, "-I", listed, "-J", self.index)
            expect("Operation ended OKAY" in text, text[-3000:])
            backed_up, listed = Index(self.index).paths(), Index(listed).paths()
            expect(set(listed) == set(backed_up), sorted(set(listed) ^ set(backed_up))[:5])
            offset = re.compile(rb"@\d+")
            for path, line in backed_up.items():
                expect(offset.search(listed[path] or b"").group() == offset.search(line).group(), path, listed[path])

    def extract(self, index=True):
        how = "by the -J index" if index else "without an index"
        with steps.step(f"-x of everything {how}: {self.name}"):
            target = empty(os.path.join(self.folder, "all"))
            text = self.run("-x", "-C", target, *(["-J", self.index] if index else []))
            expect("Operation ended OKAY" in text, text[-3000:])
            same_tree(self.source, target, precision(self.kind))

    def pick(self, direct):
        with steps.step(f"-x -J of {len(PICKED)} names{' with DIRECT=y' if direct else ''}: {self.name}"):
            target = empty(os.path.join(self.folder, "some"))
            words = [word for name in PICKED for word in ("-F", name)]
            if direct:
                words += ["-E", "DIRECT=y"]
            text = self.run("-x", "-C", target, "-J", self.index, *words)
            expect("No index entry" not in text, text[-2000:])
            expect("Operation ended OKAY" in text, text[-3000:])
            found = re.search(r"LOG_FILE messages: (\d+) OK, (\d+) ERROR, total (\d+) of (\d+)", text)
            expect(found and found.groups() == (str(len(PICKED)), "0", str(len(PICKED)), str(len(PICKED))),
                   found, text[-2000:])
            for name in PICKED:
                one, other = os.fsencode(self.source) + name, os.fsencode(target) + name
                mine, theirs = os.lstat(one), os.lstat(other)
                for field in ("st_mode", "st_uid", "st_gid", "st_size"):
                    expect(getattr(mine, field) == getattr(theirs, field), field, name)
            compare_picked(self.source, target)
            names = {path for path, status in entries(target).items() if (status.st_mode & 0o170000) != 0o040000}
            expect(names == {name.strip(b"/") for name in PICKED}, "more than was asked for:", sorted(names)[:8])


def compare_picked(source, target):
    """The picked files' contents, links, attributes and ACLs."""
    for name in PICKED:
        one, other = os.fsencode(source) + name, os.fsencode(target) + name
        if os.path.islink(one):
            expect(os.readlink(one) == os.readlink(other), name)
        elif os.path.isfile(one):
            with open(one, "rb") as mine, open(other, "rb") as theirs:
                expect(mine.read() == theirs.read(), "contents of", name)
            for key in os.listxattr(one):
                expect(os.getxattr(one, key) == os.getxattr(other, key), key, "of", name)


def main():
    with temporary_folder() as folder:
        source = os.path.join(folder, "source")
        # About 56 MiB, which is three cartridges of 24 MiB.
        make_tree(source, seed=3, plain=900, mean=62_000)
        options = ["--cartridge-capacity", CAPACITY]
        with Daemon(arguments=[*options, "--export", folder]) as one, Daemon(arguments=options) as two:
            rounds = [
                Round(folder, source, one, one, "tar", 4, first=1),
                Round(folder, source, one, one, "dump", 4, first=4),
                Round(folder, source, one, two, "tar", 3, swap=True, first=1),
                Round(folder, source, one, two, "dump", 4, first=4),
                Round(folder, source, one, two, "tar", 2, first=7),
                Round(folder, source, one, one, "dump", 3, first=7),
            ]
            for number, each in enumerate(rounds):
                each.backup()
                each.extract(index=number != 1)
                if number < 4:
                    each.list()
                if each.version != 3:
                    # ndmjob sends the complete target as v3's destination_dir, which by the protocol is the folder
                    # to put it into; picking by name is therefore shown with v2 and v4.
                    each.pick(direct=number in (0, 3, 4))
            with steps.step("no drive is left loaded and no session is left"):
                for daemon in (one, two):
                    expect(all(daemon.places()[f"drive:{drive}"] is None for drive in range(4)), daemon.places())
                    expect(not daemon.json("status")["sessions"], daemon.json("status")["sessions"])


if not is_installed():
    steps.skip("everything", "ndmjob is missing (Debian package amanda-common)")
    steps.finish()
main()
steps.finish()
