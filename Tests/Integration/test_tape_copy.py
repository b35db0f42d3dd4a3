# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Tape to tape between two daemons: two movers and a data connection, no data service. Records and filemarks are equal.

The DMA is this script, as the protocol's overview has it: one mover listens, the other connects, MOVER_READ starts
the flow, a filemark pauses the reading side. Then `capstan ndmp copy` does the same on its own.
"""

import hashlib
import json
import random

import ndmp_client as ndmp
from harness import Daemon, Steps, command, expect
from ndmp_client import ALL_ONES, EOF_ERR, EOM_ERR, FROM_TAPE, FSF, REW, TO_TAPE
from ndmp_job import EOF, EOM, log_in, well

RECORD = 65_536
MARK = "filemark"
steps = Steps("tape_copy")


def write_files(daemon, drive, files, record_size):
    """Tape files of whole records, as the mover makes them; each ends with a filemark."""
    chance = random.Random(sum(files) + record_size)
    with log_in(daemon) as client:
        well("TAPE_OPEN", client.tape_open(daemon.tapes[drive]))
        well("REW", client.mtio(REW))
        for count in files:
            for _ in range(count):
                well("TAPE_WRITE", client.write(chance.randbytes(record_size)))
            well("EOF", client.mtio(ndmp.EOF))
        well("TAPE_CLOSE", client.tape_close())


def contents(daemon, drive):
    """Everything on a cartridge: (length, digest) of each record, and MARK."""
    found = []
    with log_in(daemon) as client:
        well("TAPE_OPEN", client.tape_open(daemon.tapes[drive], ndmp.READ))
        well("REW", client.mtio(REW))
        while True:
            reply = client.read(1 << 20)
            if reply.error == EOM_ERR:
                break
            if reply.error == EOF_ERR:
                found.append(MARK)
                well("FSF", client.mtio(FSF))
                continue
            found.append((len(well("TAPE_READ", reply).data), hashlib.sha256(reply.data).hexdigest()))
        well("TAPE_CLOSE", client.tape_close())
    return found


class Copy:
    """Two sessions, one on each tape."""

    def __init__(self, source, target, version, record_size, listener):
        self.from_tape, self.to_tape = log_in(source, version), log_in(target, version)
        self.version, self.listener = version, listener
        well("TAPE_OPEN", self.from_tape.tape_open(source.tapes[0], ndmp.READ))
        well("TAPE_OPEN", self.to_tape.tape_open(target.tapes[0], ndmp.RDWR))
        for session in (self.from_tape, self.to_tape):
            well("REW", session.mtio(REW))
            well("SET_RECORD_SIZE", session.mover_record_size(record_size))

    def event(self, session, what):
        """The next event of a session, which must be that one."""
        while not session.events:
            session.receive()
        found = session.events.pop(0)
        expect(found[0] == what, f"{found} and not {what}")
        return found

    def connect(self):
        if self.listener == "target":
            listening, mode, calling, other = self.to_tape, TO_TAPE, self.from_tape, FROM_TAPE
        else:
            listening, mode, calling, other = self.from_tape, FROM_TAPE, self.to_tape, TO_TAPE
        for session in (listening, calling):
            well("SET_WINDOW", session.mover_window(0, ALL_ONES))
        host, port = well("MOVER_LISTEN", listening.mover_listen(mode)).address
        well("MOVER_CONNECT", calling.mover_connect(other, host=host, port=port))

    def file(self):
        """Copies one tape file; False when the source has no more. The end of data is EOF_ERR before protocol 4."""
        if self.from_tape.read(1 << 20).error in (EOM_ERR, EOF_ERR):
            return False
        well("BSR", self.from_tape.mtio(ndmp.BSR))
        self.connect()
        well("MOVER_READ", self.from_tape.mover_read(0, ALL_ONES))
        _, reason, _ = self.event(self.from_tape, "mover paused")
        expect(reason in (EOF, EOM), f"paused with {reason}")
        well("MOVER_CLOSE", self.from_tape.mover_close())
        expect(self.event(self.from_tape, "mover halted")[1] == 1, "not CONNECT_CLOSED")
        expect(self.event(self.to_tape, "mover halted")[1] == 1, "not CONNECT_CLOSED")
        moved = [session.mover_state().moved for session in (self.from_tape, self.to_tape)]
        expect(moved[0] == moved[1], "bytes moved:", moved)
        for session in (self.from_tape, self.to_tape):
            well("MOVER_STOP", session.mover_stop())
        if reason == EOF:
            well("FSF", self.from_tape.mtio(FSF))
            well("EOF", self.to_tape.mtio(ndmp.EOF))
        return reason == EOF

    def close(self):
        for session in (self.from_tape, self.to_tape):
            well("REW", session.mtio(REW))
            well("TAPE_CLOSE", session.tape_close())
            session.close()


def own_script(source, target):
    files, slot = (40, 1, 333), 1
    for version, record_size, listener in ((4, RECORD, "target"), (4, 10_240, "source"), (3, RECORD, "source")):
        source.run("load", slot, "0")
        target.run("load", slot, "0")
        slot += 1
        with steps.step(f"tape to tape with protocol {version}, records of {record_size}, the {listener} listens: "
                        "records and filemarks are equal"):
            write_files(source, 0, files, record_size)
            copy = Copy(source, target, version, record_size, listener)
            count = 0
            while copy.file():
                count += 1
            copy.close()
            expect(count == len(files), f"{count} tape files")
            mine, theirs = contents(source, 0), contents(target, 0)
            expect(mine == theirs, f"{len(mine)} objects on one, {len(theirs)} on the other")
            expect(len(mine) == sum(files) + len(files), len(mine))
        source.run("unload", "0")
        target.run("unload", "0")


def write_mixed(daemon, drive):
    """Records of many sizes, two filemarks in a row, and a last tape file without one."""
    chance = random.Random(99)
    with log_in(daemon) as client:
        well("TAPE_OPEN", client.tape_open(daemon.tapes[drive]))
        well("REW", client.mtio(REW))
        for sizes in ([80], [512] * 10, [65_536] * 20 + [1, 77_777, 512], [], [262_144] * 9):
            for size in sizes:
                well("TAPE_WRITE", client.write(chance.randbytes(size)))
            well("EOF", client.mtio(ndmp.EOF))
        well("TAPE_CLOSE", client.tape_close())


def own_command(source, target):
    def copy(*words, **options):
        line = ["ndmp", "copy", f"127.0.0.1:{source.port}:{source.tapes[0]}", f"127.0.0.1:{target.port}:{target.tapes[0]}"]
        return command(*line, *words, **options)

    with steps.step("capstan ndmp copy to a drive of another server: records and filemarks are equal"):
        source.run("load", "10", "0")
        write_files(source, 0, (100, 5, 20), RECORD)
        told = json.loads(copy("--onto", "CAP010L8", "--json").stdout)
        expect(told["tapeFiles"] == 3 and told["records"] == 125 and told["bytes"] == 125 * RECORD, told)
        expect(told["moverBytes"] > 100 * RECORD, "it did not go from mover to mover:", told)
        if target.places()["drive:0"] is None:
            target.run("load", "10", "0")
        mine, theirs = contents(source, 0), contents(target, 0)
        expect(mine == theirs and len(mine) == 128, f"{len(mine)} objects on one, {len(theirs)} on the other")
    with steps.step("a destination that holds something is refused, and taken with --overwrite; records of any sizes"):
        write_mixed(source, 0)
        refusal = copy(succeeds=False)
        expect("--overwrite" in refusal.stderr, refusal.stderr)
        expect(contents(target, 0) == theirs, "the refusal changed the cartridge")
        copy("--overwrite")
        mine, theirs = contents(source, 0), contents(target, 0)
        expect(mine == theirs and len(mine) == 48, f"{len(mine)} objects on one, {len(theirs)} on the other")


with Daemon() as first, Daemon() as second:
    own_script(first, second)
    own_command(first, second)
steps.finish()
