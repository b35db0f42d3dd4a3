# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""A model-checked exerciser of the mounted filesystem: seeded random moves, cartridges, listings and tapes.

First one thread, whose every call is predicted exactly by a model. Then many threads and other doors at once, in rounds:
while they run, what can be said at any moment is checked; after each round everything is at rest, and the tree, the
library's own files, the robot and the daemon's events must tell one and the same story, in which each call that
succeeded happened once, within its own time, and none that failed.

    test_mount_exerciser.py [SEED [ROUNDS]]
"""

import collections
import ctypes
import errno
import json
import os
import random
import re
import sys
import threading
import time
import traceback

from exerciser_model import SHELF, Journal, Model, at_rest
from harness import Failure, Steps, expect
from mount_rig import MTEOM, MTREW, MTWEOF, MountedDaemon, OfflineMount, Tape, error_of, needed, said

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 20_261_121
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 4
ROUND_SECONDS = 6.0
ALONE_STEPS = 1000
LIBRARY = ["--drives", "3", "--slots", "30", "--mail-slots", "3", "--cartridges", "14", "--cartridge-capacity", "64MiB"]
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
steps = Steps(f"mount_exerciser (seed {SEED})")


def path(daemon, place, *names):
    return daemon(*place.split("/"), *names)


def rename_with_flags(source, target, flags):
    """errno of renameat2(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.renameat2(-100, os.fsencode(source), -100, os.fsencode(target), flags)
    return 0 if done == 0 else ctypes.get_errno()


def name_of(code):
    return errno.errorcode.get(code, code) if code else "success"


# --- one thread, every answer predicted -------------------------------------------------------------------------------

class Alone:
    """One random call after the other; each must end as the model says, and the tree must look like the model after it."""

    def __init__(self, daemon, seed):
        self.daemon, self.chance = daemon, random.Random(seed)
        self.model = Model.of(daemon)
        self.calls = collections.Counter()
        self.held = {}

    def run(self, count):
        choices = [self.rename] * 12 + [self.make] * 3 + [self.nonsense] * 3 + [self.hold] * 2 + [self.robot, self.operator]
        try:
            for number in range(count):
                self.chance.choice(choices)()
                if number % 50 == 0:
                    at_rest(self.daemon, self.model)
        finally:
            for tape in self.held.values():
                tape.close()
            self.held = {}
        at_rest(self.daemon, self.model)

    def expect_code(self, got, wanted, *words):
        self.calls[words[0]] += 1
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        expect(got in wanted, *words, "gave", name_of(got), "instead of", [name_of(code) for code in wanted])

    def places(self):
        return self.model.places()

    def look(self, *places):
        """The tree shows these places as the model has them."""
        for place in places:
            wanted = self.model.names(place)
            found = [name for name in os.listdir(path(self.daemon, place)) if name.isupper()]
            expect(sorted(found) == wanted, place, "shows", found, "instead of", wanted)
            for barcode in self.model.cartridges:
                there = os.path.lexists(path(self.daemon, place, barcode))
                expect(there == (barcode in wanted), place, barcode, "can be looked up:", there)

    def rename(self):
        barcode = self.chance.choice(self.model.cartridges)
        # Mostly from where it is; sometimes from where it is not.
        source = self.model.place[barcode] if self.chance.random() < 0.85 else self.chance.choice(self.places())
        target = self.chance.choice(self.places())
        new_name = barcode if self.chance.random() < 0.95 else self.chance.choice([*self.model.cartridges, "OTHER1L8"])
        wanted = self.model.rename_codes(barcode, source, target, new_name, set(self.held))
        names = path(self.daemon, source, barcode), path(self.daemon, target, new_name)
        if self.chance.random() < 0.3 and (source, barcode) != (target, new_name):
            got = rename_with_flags(*names, RENAME_NOREPLACE)
            # The kernel itself answers when the new name exists.
            wanted = (*wanted, errno.EEXIST) if new_name in self.model.names(target) else wanted
        else:
            got = error_of(os.rename, *names)
        self.expect_code(got, wanted, "rename", barcode, source, "to", target, new_name)
        if got == 0:
            self.model.move(barcode, source, target)
        self.look(source, target)

    def make(self):
        fresh = f"NEW{self.chance.randrange(60):03}L{self.chance.choice('56789')}"
        barcode = self.chance.choice([fresh, fresh, fresh, self.chance.choice(self.model.cartridges), "small", "A.B", "X" * 33])
        place = self.chance.choice(self.places())
        wanted = self.model.make_codes(barcode, place)
        got = error_of(os.mkdir, path(self.daemon, place, barcode))
        self.expect_code(got, wanted, "mkdir", barcode, "in", place)
        if got == 0:
            self.model.make(barcode, place)
        self.look(place)

    def nonsense(self):
        """What is no move is EPERM, and removing anything too."""
        barcode = self.chance.choice(self.model.cartridges)
        link = path(self.daemon, self.model.place[barcode], barcode)
        inside = self.daemon("cartridges", barcode)
        other = self.chance.choice([self.daemon("cartridges", "X1"), self.daemon("slots", barcode), self.daemon(barcode)])
        free = self.chance.choice(self.places())
        for action, arguments in (
            (os.rename, (link, other)), (os.rename, (inside, path(self.daemon, free, "MOVED"))), (os.unlink, (link,)),
            (os.rmdir, (inside,)), (os.rename, (self.daemon("library.json"), path(self.daemon, free, "LIB"))),
            (os.mkdir, (self.daemon("cartridges", "NEW"),)), (os.symlink, ("x", path(self.daemon, free, "LINK"))),
        ):
            self.expect_code(error_of(action, *arguments), (errno.EPERM, errno.EACCES), action.__name__, *arguments)
        self.expect_code(rename_with_flags(link, link + "X", RENAME_EXCHANGE), (errno.EINVAL, errno.ENOENT), "exchange")

    def hold(self):
        """A drive is opened or closed: an open one keeps its cartridge."""
        drive = f"drives/{self.chance.randrange(3)}"
        if drive in self.held:
            self.held.pop(drive).close()
            return
        opened = []
        inside = self.model.names(drive)
        # An LTO-8 drive takes media of its own generation and of the one before.
        wanted = errno.ENOMEDIUM if not inside else 0 if inside[0][-2:] in ("L7", "L8") else errno.EIO
        got = error_of(lambda: opened.append(Tape(path(self.daemon, drive, "nst"), os.O_RDONLY)))
        self.expect_code(got, wanted, "open", drive)
        if opened:
            self.held[drive] = opened[0]
            self.expect_code(error_of(Tape, path(self.daemon, drive, "st")), errno.EBUSY, "open", drive, "again")

    def robot(self):
        """mtx moves between slots; it counts mail slots behind them."""
        numbered = {place: number for number, place in enumerate(self.model.slots + self.model.mail, 1)}
        source, target = self.chance.sample(list(numbered), 2)
        text = said("mtx", "-f", self.daemon.changer_sg, "transfer", numbered[source], numbered[target], status=None)
        held, full = self.model.names(source), self.model.names(target)
        if held and not full:
            self.model.move(held[0], source, target)
        else:
            expect("Source Element Address" in text or "MOVE MEDIUM" in text or "Full" in text or "Empty" in text, text)
        self.calls["mtx transfer"] += 1
        self.look(source, target)

    def operator(self):
        """The command line: move, export, import."""
        barcode = self.chance.choice(self.model.cartridges)
        source = self.model.place[barcode]
        if source == SHELF:
            target = self.chance.choice(self.model.slots)
            arguments = ["import", barcode, "--to", self.model.reference(target)]
        else:
            target = self.chance.choice(self.places())
            arguments = ["export", barcode] if target == SHELF else ["move", barcode, self.model.reference(target)]
        if source in self.held or target in self.held:
            return
        done = self.daemon.run(*arguments, succeeds=None)
        wanted = self.model.operator_succeeds(barcode, source, target)
        expect((done.returncode == 0) == wanted, *arguments, "ended with", done.returncode, done.stderr)
        if wanted:
            self.model.move(barcode, source, target)
        self.calls[arguments[0]] += 1
        self.look(source, target)


# --- many threads -----------------------------------------------------------------------------------------------------

class Crowd:
    """Threads that run until told to stop. What one of them finds wrong ends the round."""

    def __init__(self, daemon, beside, contents, seed):
        self.daemon, self.beside, self.contents, self.seed = daemon, beside, contents, seed
        self.stopping = threading.Event()
        self.problems = []
        self.calls = collections.Counter()
        self.lock = threading.Lock()
        self.done = []
        self.hints = {}
        self.model = Model.of(daemon)
        self.hints.update(self.model.place)

    def round(self, seconds):
        bodies = [self.mover] * 4 + [self.maker] * 2 + [self.looker] * 2 + [self.reader, self.onlooker, self.operator, self.robot]
        bodies += [self.writer(drive) for drive in range(3)]
        threads = [
            threading.Thread(target=self.guarded, args=(body, random.Random(self.seed * 1000 + index)))
            for index, body in enumerate(bodies)
        ]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.problems:
            time.sleep(0.05)
        self.stopping.set()
        for thread in threads:
            thread.join(120)
        stuck = [thread.name for thread in threads if thread.is_alive()]
        expect(not stuck, "threads hang:", stuck)
        self.stopping.clear()
        expect(not self.problems, *self.problems[:3])

    def guarded(self, body, chance):
        try:
            while not self.stopping.is_set() and not self.problems:
                body(chance)
        except Exception:
            self.problems.append(traceback.format_exc())

    def count(self, what, code=0):
        with self.lock:
            self.calls[f"{what} {name_of(code)}" if code else what] += 1

    def call(self, what, allowed, action, *arguments):
        """errno of the call, which must be 0 or allowed."""
        code = error_of(action, *arguments)
        self.count(what, code)
        expect(code == 0 or code in allowed, what, *arguments, "gave", name_of(code))
        return code

    def remember(self, begun, *story):
        with self.lock:
            self.done.append((begun, time.time(), *story))

    # Bodies: one call and what belongs to it.

    def mover(self, chance):
        barcode = chance.choice(list(self.hints))
        source = self.hints[barcode]
        taken = set(self.hints.values()) if chance.random() < 0.8 else ()
        target = chance.choice([place for place in self.model.places() if place == SHELF or place not in taken])
        begun = time.time()
        allowed = {errno.ENOENT, errno.ENOTEMPTY, errno.EBUSY}
        if source == SHELF and target.startswith("drives/"):
            allowed.add(errno.EPERM)
        names = path(self.daemon, source, barcode), path(self.daemon, target, barcode)
        code = self.call("rename", allowed, os.rename, *names)
        if code == 0 and source != target:
            self.remember(begun, "move", barcode, source, target)
            self.hints[barcode] = target
        elif code == errno.ENOENT:
            self.hints[barcode] = self.find(barcode)

    def find(self, barcode):
        """Where the library has it; it may have moved on already."""
        with open(self.daemon("library.json"), encoding="utf-8") as file:
            library = json.load(file)
        found = [item["place"] for item in library["cartridges"] if item["barcode"] == barcode]
        expect(len(found) == 1, barcode, "is listed", len(found), "times")
        return found[0]

    def maker(self, chance):
        barcode = f"C{chance.randrange(12):05}L8"
        place = chance.choice([*self.model.slots, *self.model.mail, SHELF])
        begun = time.time()
        if self.call("mkdir", {errno.EEXIST, errno.ENOTEMPTY}, os.mkdir, path(self.daemon, place, barcode)) == 0:
            self.remember(begun, "make", barcode, None, place)
            self.hints[barcode] = place
        time.sleep(0.05)

    def looker(self, chance):
        """What can be said at any moment."""
        known = set(self.hints)
        listed = os.listdir(self.daemon("cartridges"))
        expect(len(set(listed)) == len(listed), "a cartridge is listed twice", listed)
        expect(known <= set(listed), "not listed:", known - set(listed))
        place = chance.choice(self.model.places())
        for name in os.listdir(path(self.daemon, place)):
            link = path(self.daemon, place, name)
            if name.isupper():
                if self.call("readlink", {errno.ENOENT}, os.readlink, link) == 0:
                    self.call("stat", {errno.ENOENT}, os.stat, link)
                expect(os.path.isdir(self.daemon("cartridges", name)), name, "has no directory")
            else:
                self.call("stat", set(), os.lstat, link)
        with open(self.daemon("library.json"), encoding="utf-8") as file:
            Model.of_text(file.read()).check()
        drive = chance.randrange(3)
        with open(self.daemon("drives", drive, "status.json"), encoding="utf-8") as file:
            status = json.load(file)
        expect(status["drive"] == drive and status["served"] is True, status)
        with open(self.daemon("changer", "status"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        expect(len(lines) == 1 + 3 + 33, "changer/status has", len(lines), "lines")
        tags = re.findall(r"VolumeTag ?= ?(\S+)", "\n".join(lines))
        expect(len(set(tags)) == len(tags), "changer/status has a cartridge twice", tags)
        self.count("look")

    def onlooker(self, chance):
        """The store, mounted without its daemon at the same time."""
        with open(self.beside("library.json"), encoding="utf-8") as file:
            model = Model.of_text(file.read())
        model.check()
        expect(set(self.contents) <= set(model.place), "not listed:", set(self.contents) - set(model.place))
        place = chance.choice(model.places())
        for name in os.listdir(path(self.beside, place)):
            if name.isupper():
                self.call("stat of the store", {errno.ENOENT}, os.stat, path(self.beside, place, name))
        time.sleep(0.02)

    def reader(self, chance):
        """Whatever happens to a cartridge, its first tape file is as it was written."""
        barcode = chance.choice(list(self.contents))
        first = b"".join(self.contents[barcode][0])
        with open(self.daemon("cartridges", barcode, "files", "0001", "data"), "rb") as file:
            expect(file.read() == first, barcode, "has other data in its first file")
        self.count("read of files/0001/data")
        time.sleep(0.01)

    def operator(self, chance):
        """Another door: never out of a drive, since it may take a cartridge from a program."""
        barcode = chance.choice(list(self.hints))
        source = self.find(barcode)
        if source.startswith("drives/"):
            return
        target = chance.choice([*self.model.slots, *self.model.mail])
        words = ["import", barcode, "--to"] if source == SHELF else ["move", self.model.reference(source)]
        done = self.daemon.run(*words, self.model.reference(target), succeeds=None)
        expect(done.returncode in (0, 1, 2, 3, 4, 5, 6, 7, 8) and "Fatal" not in done.stderr, done.stderr)
        self.count("capstan " + words[0], 0 if done.returncode == 0 else errno.EAGAIN)

    def robot(self, chance):
        source, target = chance.sample(range(1, 34), 2)
        said("mtx", "-f", self.daemon.changer_sg, "transfer", source, target, status=None)
        self.count("mtx transfer")

    def writer(self, drive):
        """Takes the drive when there is a cartridge, reads it whole, and appends a tape file."""
        def body(chance):
            opened = []
            busy = {errno.EBUSY, errno.ENOMEDIUM}
            if self.call("open nst", busy, lambda: opened.append(Tape(self.daemon.nst(drive)))) != 0:
                time.sleep(0.01)
                return
            with opened[0] as tape:
                self.use(tape, drive, chance)
        return body

    def use(self, tape, drive, chance):
        inside = [name for name in os.listdir(self.daemon("drives", drive)) if name.isupper()]
        expect(len(inside) == 1, "an open tape, and in its drive is", inside)
        barcode = inside[0]
        if barcode not in self.contents:
            # One that mkdir made: it stays blank, and reading that is an error.
            expect(error_of(tape.read, 65536) == errno.EIO, "a blank tape could be read")
            self.count("blank tape")
            time.sleep(0.02)
            return
        link = self.daemon("drives", drive, barcode)
        tape.operate(MTREW)
        if chance.random() < 0.03:
            # Seldom: a fork of this program looks like a close on its way, which mv waits for and holds up the others.
            expect(error_of(os.rename, link, self.daemon("shelf", barcode)) == errno.EBUSY, "mv took it from a program")
        expected = self.contents[barcode]
        for number, records in enumerate(expected):
            for record in records:
                expect(tape.read(65536) == record, barcode, "file", number, "reads differently")
            expect(tape.read(65536) == b"", barcode, "file", number, "has no filemark")
        self.count("tape read whole")
        if len(expected) < 12:
            records = [chance.randbytes(chance.choice((1, 100, 4096, 30_000))) for _ in range(chance.randrange(1, 5))]
            tape.operate(MTEOM)
            for record in records:
                tape.write(record)
            tape.operate(MTWEOF)
            expected.append(records)
            self.count("tape file written")
        expect(os.path.islink(link), link, "went away while the tape was written")


# --- the run ----------------------------------------------------------------------------------------------------------

def label_all(daemon, seed):
    """A label and some records on every cartridge; {barcode: [[record]]}."""
    chance, contents = random.Random(seed), {}
    for barcode in sorted(os.listdir(daemon("cartridges"))):
        place = next(key for key, value in daemon.places().items() if value == barcode)
        home = daemon("slots", place.split(":")[1], barcode)
        os.rename(home, daemon("drives", 0, barcode))
        records = [barcode.encode() + chance.randbytes(504)] + [chance.randbytes(10_000) for _ in range(3)]
        with Tape(daemon.nst(0)) as tape:
            for record in records:
                tape.write(record)
        contents[barcode] = [records]
        os.rename(daemon("drives", 0, barcode), home)
    return contents


def compare_contents(daemon, contents):
    """Each cartridge's files, seen without a drive, are what was written."""
    for barcode, files in contents.items():
        folder = daemon("cartridges", barcode, "files")
        expect(len(os.listdir(folder)) == len(files), barcode, "has", os.listdir(folder), "not", len(files), "files")
        for number, records in enumerate(files, 1):
            with open(os.path.join(folder, f"{number:04}", "data"), "rb") as file:
                expect(file.read() == b"".join(records), barcode, "file", number, "differs")


def reasons(daemon):
    """One refusal of each kind, on a daemon that has refused nothing yet."""
    os.rename(daemon("slots", 1, "CAP001L8"), daemon("drives", 0, "CAP001L8"))
    with Tape(daemon.nst(0), os.O_RDONLY):
        expect(error_of(os.rename, daemon("drives", 0, "CAP001L8"), daemon("slots", 1, "CAP001L8")) == errno.EBUSY)
    os.rename(daemon("drives", 0, "CAP001L8"), daemon("slots", 1, "CAP001L8"))
    error_of(os.rename, daemon("slots", 1, "CAP001L8"), daemon("slots", 2, "CAP001L8"))
    error_of(os.mkdir, daemon("slots", 20, "CAP001L8"))
    for words in (r"Slot 2 holds CAP002L8 already\. \(ENOTEMPTY\)", r"Drive 0 is in use by .* \(EBUSY\)",
                  r"A cartridge CAP001L8 exists already\. \(EEXIST\)"):
        expect(re.search(words, daemon.log()), "the log has no", words)


def told(calls):
    print("#   " + ", ".join(f"{what}: {count}" for what, count in sorted(calls.items())), flush=True)


def main():
    if not needed(steps, "mtx", "fusermount3"):
        steps.finish()
    with MountedDaemon(arguments=LIBRARY) as daemon:
        with steps.step(f"alone: {ALONE_STEPS} calls end as the model says"):
            alone = Alone(daemon, SEED)
            alone.run(ALONE_STEPS)
            told(alone.calls)
    with MountedDaemon(arguments=LIBRARY) as daemon:
        contents = label_all(daemon, SEED)
        with steps.step("the log has the reasons of refusals as sentences"):
            reasons(daemon)
        for number in range(ROUNDS):
            with steps.step(f"crowd, round {number + 1}: {ROUND_SECONDS:.0f} s of everything at once"):
                journal = Journal(daemon)
                before = Model.of(daemon)
                with OfflineMount(daemon.store) as beside:
                    crowd = Crowd(daemon, beside, contents, SEED + number)
                    crowd.round(ROUND_SECONDS)
                    now = Model.of(beside).place
                expect(now == Model.of(daemon).place, "without the daemon the store looks different:", now)
                at_rest(daemon, journal.replay(before, crowd.done))
                compare_contents(daemon, contents)
                told(crowd.calls)
        with steps.step("nothing crashed"):
            expect("Fatal error" not in daemon.log(), daemon.log()[-2000:])
    steps.finish()


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print(f"FAIL {failure}")
        sys.exit(1)
