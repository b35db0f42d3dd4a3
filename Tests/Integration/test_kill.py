# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""kill -9 of the daemon under load, again and again, on one store.

Two sessions write numbered records and filemarks to two drives (appending, or overwriting from the beginning or from
the middle) while a third moves cartridges about. At a moment drawn from a seed the daemon is killed. It is started
again on the same store, and:
  - every record and filemark that was acknowledged is on its cartridge, with its bytes, in its place, and behind them
    at most the one thing that was under way;
  - each cartridge is in exactly one place: where the last acknowledged move put it, or either end of a move under way;
  - `capstan cartridge verify` finds nothing wrong.
CAPSTAN_KILL_ROUNDS and CAPSTAN_SEED change the number of rounds (200) and the seed.
"""

import hashlib
import os
import random
import subprocess
import threading
import time

from harness import Daemon, Steps, expect, temporary_folder
from ndmp_session import FSF, ConnectionLost, NDMPError, Session

ROUNDS = int(os.environ.get("CAPSTAN_KILL_ROUNDS", "200"))
SEED = int(os.environ.get("CAPSTAN_SEED", "20261121"))
GROUP = 20
# A cartridge that holds more than this is overwritten, so that reading it back stays quick.
LARGEST_TAPE = 300
MARK = "filemark"
steps = Steps("kill")


def payload(barcode, number, length):
    """The bytes of a record: who wrote it, and a stream that follows from that."""
    head = f"{barcode}:{number}:{length}:".encode()
    return (head + hashlib.sha256(head).digest() * (length // 32 + 1))[:length]


class Tape:
    """What a cartridge must hold: MARK or (number, length) for each object, as acknowledged."""

    def __init__(self, barcode):
        self.barcode, self.objects, self.pending, self.overwritten, self.next_number = barcode, [], None, [], 1

    def begin(self, position, thing):
        """An object is about to be written at `position`, which gives up everything behind it."""
        if position < len(self.objects):
            self.overwritten = self.objects[position:]
        self.pending = (position, thing)

    def acknowledged(self):
        position, thing = self.pending
        self.objects[position:] = [thing]
        self.pending, self.overwritten = None, []

    def check(self, found):
        """Compares with what the tape holds after the kill, and takes that over."""
        if self.pending:
            position, thing = self.pending
            kept = self.objects[:position]
            behind = found[position:]
            lost = self.difference(found[:position], kept)
            expect(found[:position] == kept, f"{self.barcode} lost acknowledged objects:", lost)
            fine = behind in ([], [thing]) or behind == self.overwritten[:len(behind)]
            expect(fine, f"{self.barcode}: behind object {position} stands {behind[:5]}, under way was {thing}")
        else:
            other = self.difference(found, self.objects)
            expect(found == self.objects, f"{self.barcode} is not as acknowledged:", other)
        self.objects, self.pending, self.overwritten = list(found), None, []

    @staticmethod
    def difference(found, wanted):
        for index, (left, right) in enumerate(zip(found, wanted)):
            if left != right:
                return f"object {index} is {left} and not {right}"
        return f"{len(found)} objects and not {len(wanted)}"


class Robot:
    """Where each cartridge must be: a place, and while a move is under way a second one."""

    def __init__(self, places):
        self.place = {barcode: place for place, barcode in places.items() if barcode}
        self.under_way = None

    def check(self, places, shelf):
        found = {}
        for place, barcode in places.items():
            if barcode:
                expect(barcode not in found, f"{barcode} is in {found.get(barcode)} and in {place}")
                found[barcode] = place
        for barcode, place in self.place.items():
            allowed = {place}
            if self.under_way and self.under_way[0] == barcode:
                allowed.add(self.under_way[1])
            got = found.get(barcode)
            expect(got in allowed, f"{barcode} is in {got}, not in {sorted(allowed)}; shelf: {shelf}")
        expect(len(found) == len(self.place), f"{len(found)} cartridges and not {len(self.place)}")
        self.place, self.under_way = found, None


class Round:
    def __init__(self, number, daemon, robot, tapes, addresses):
        self.number, self.daemon, self.robot, self.tapes, self.addresses = number, daemon, robot, tapes, addresses
        self.random = random.Random(SEED * 1000 + number)
        self.loaded = [threading.Event(), threading.Event()]
        self.chosen = self.random.sample(sorted(tapes), 2)
        self.errors = []
        self.over = False
        self.counts = {"records": 0, "filemarks": 0, "moves": 0}

    # Load.
    def move(self, session, barcode, place):
        self.robot.under_way = (barcode, place)
        status, sense = session.move_medium(self.addresses[self.robot.place[barcode]], self.addresses[place])
        expect(status == 0, f"{barcode} to {place}: status {status}, sense {sense.hex()}")
        self.robot.place[barcode] = place
        self.robot.under_way = None
        self.counts["moves"] += 1

    def free_slots(self):
        taken = set(self.robot.place.values())
        return [place for place in sorted(self.addresses) if place.startswith("slot:") and place not in taken]

    def move_about(self, generator):
        with Session(self.daemon.port) as session:
            session.scsi_open(self.daemon.changer)
            session.ready()
            for drive, barcode in enumerate(self.chosen):
                self.move(session, barcode, f"drive:{drive}")
                self.loaded[drive].set()
            others = [barcode for barcode in sorted(self.robot.place) if barcode not in self.chosen]
            while True:
                barcode = generator.choice(others)
                places = self.free_slots()
                if not self.robot.place[barcode].startswith("drive:"):
                    taken = set(self.robot.place.values())
                    places = [place for place in ("drive:2", "drive:3") if place not in taken] * 3 + places
                self.move(session, barcode, generator.choice(places))

    def write(self, drive, generator):
        while not self.loaded[drive].wait(0.05):
            if self.over:
                return
        tape = self.tapes[self.chosen[drive]]
        with Session(self.daemon.port) as session:
            session.tape_open(self.daemon.tapes[drive])
            session.rewind()
            position = self.place_to_write(session, tape, generator)
            while True:
                if generator.random() < 0.15:
                    tape.begin(position, MARK)
                    session.write_filemarks()
                    self.counts["filemarks"] += 1
                else:
                    odd = generator.randint(64, 4096), generator.randint(65537, 300_000)
                    length = generator.choice((64, 512, 65536, *odd))
                    number = tape.next_number
                    tape.next_number += 1
                    tape.begin(position, (number, length))
                    session.write(payload(tape.barcode, number, length))
                    self.counts["records"] += 1
                tape.acknowledged()
                position += 1

    def place_to_write(self, session, tape, generator):
        """From the beginning, from behind a filemark in the middle, or at the end."""
        how = generator.random()
        if how < 0.2 or len(tape.objects) > LARGEST_TAPE:
            return 0
        marks = [index for index, thing in enumerate(tape.objects) if thing == MARK]
        if how < 0.4 and marks:
            which = generator.randrange(len(marks))
            expect(session.mtio(FSF, which + 1) == 0, "FSF")
            return marks[which] + 1
        session.mtio(FSF, 1_000_000)
        return len(tape.objects)

    def guarded(self, work, *arguments):
        try:
            work(*arguments)
        except ConnectionLost as error:
            if not self.over:
                self.errors.append(f"connection lost before the kill: {error}")
        except (Exception, NDMPError) as error:
            self.errors.append(repr(error))

    def load_and_kill(self):
        generators = [random.Random(self.random.random()) for _ in range(3)]
        threads = [threading.Thread(target=self.guarded, args=(self.move_about, generators[0]))]
        threads += [
            threading.Thread(target=self.guarded, args=(self.write, drive, generators[1 + drive])) for drive in (0, 1)
        ]
        for thread in threads:
            thread.start()
        time.sleep(self.random.uniform(0.005, 0.35))  # the moment of the kill, drawn from the seed
        self.over = True
        self.daemon.kill()
        for thread in threads:
            thread.join(30)
        expect(not any(thread.is_alive() for thread in threads), "a client hangs")
        expect(not self.errors, self.errors)

    # Check.
    def check(self):
        report = self.daemon.json("inventory")
        places = {f"{item['kind']}:{item['index']}": item.get("barcode") for item in report["elements"]}
        known = {item["barcode"] for item in report["cartridges"]}
        self.robot.check(places, sorted(known - set(self.robot.place)))
        for barcode in self.chosen:
            place = self.robot.place[barcode]
            if place.startswith("drive:"):
                self.tapes[barcode].check(self.read(int(place.split(":")[1]), self.tapes[barcode]))
        with Session(self.daemon.port) as session:
            session.scsi_open(self.daemon.changer)
            session.ready()
            for barcode, place in sorted(self.robot.place.items()):
                if place.startswith("drive:"):
                    self.move(session, barcode, self.free_slots()[0])
            session.scsi_close()
        for barcode in self.chosen:
            self.daemon.run("cartridge", "verify", barcode)

    def read(self, drive, tape):
        """Every object of a tape; each record's bytes are compared."""
        found = []
        with Session(self.daemon.port) as session:
            session.tape_open(self.daemon.tapes[drive], 0)
            session.rewind()
            while (data := session.read()) != b"":
                if data is None:
                    found.append(MARK)
                    session.mtio(FSF, 1)
                    continue
                barcode, number, length, _ = data.split(b":", 3)
                thing = (int(number), int(length))
                expect(data == payload(tape.barcode, *thing), f"object {len(found)} of {tape.barcode} has wrong bytes")
                found.append(thing)
            session.tape_close()
        return found


def kill_while_starting(daemon, moment):
    """Starts a daemon and kills it before it may be ready."""
    nothing = subprocess.DEVNULL
    with subprocess.Popen(daemon.command, stdin=subprocess.PIPE, stdout=nothing, stderr=nothing) as process:
        time.sleep(moment)
        process.kill()


def run(folder):
    generator = random.Random(SEED)
    with Daemon(store=os.path.join(folder, "store")) as daemon:
        tapes = {f"CAP{index:03}L8": Tape(f"CAP{index:03}L8") for index in range(1, 7)}
        addresses, robot = daemon.addresses(), Robot(daemon.places())
        totals = {"records": 0, "filemarks": 0, "moves": 0}
        starts, broken = [], False
        for first in range(0, ROUNDS, GROUP):
            last = min(first + GROUP, ROUNDS)
            with steps.step(f"rounds {first + 1} to {last}: nothing acknowledged is lost"):
                expect(not broken, "an earlier round failed")
                broken = True
                for number in range(first, last):
                    this = Round(number, daemon, robot, tapes, addresses)
                    try:
                        this.load_and_kill()
                        if number % 10 == 9:
                            kill_while_starting(daemon, generator.uniform(0, 0.1))
                        daemon.start()
                        starts.append(daemon.start_seconds)
                        this.check()
                    except Exception as error:
                        raise RuntimeError(f"round {number} of seed {SEED}: {error}") from error
                    for key, value in this.counts.items():
                        totals[key] += value
                broken = False
        middle = sorted(starts)[len(starts) // 2]
        print(f"# {ROUNDS} kills; {totals}; start: median {middle:.3f} s, longest {max(starts):.3f} s")
        with steps.step("at the end every cartridge verifies clean"):
            for barcode in tapes:
                daemon.run("cartridge", "verify", barcode)
        with steps.step("the load was real"):
            expect(totals["records"] > 10 * ROUNDS and totals["moves"] > 2 * ROUNDS, totals)


with temporary_folder() as scratch:
    run(scratch)
steps.finish()
