# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Many sessions: what idle ones cost, several working at once, and what a session that dies leaves behind."""

import hashlib
import socket
import threading
import time

from harness import Daemon, Steps, expect, temporary_folder, wait_until
from ndmp_session import DEVICE_BUSY, FROM_TAPE, FSF, RAW, TO_TAPE, Session

IDLE_SESSIONS = 200
IDLE_BYTES = 50 << 20
RECORD = 65536
RECORDS = 120
steps = Steps("sessions")


def record(name, index):
    """Record `index` of the stream called `name`: its own bytes, nobody else's."""
    head = f"{name} {index} ".encode()
    return (head + hashlib.sha256(head).digest() * (RECORD // 32))[:RECORD]


def open_when_free(session, device, seconds=60.0):
    def opened():
        return session.tape_open(device, errors=(DEVICE_BUSY,)) == 0
    wait_until(opened, f"{device} to be free", seconds, every=0.02)


def idle(daemon):
    with steps.step(f"{IDLE_SESSIONS} idle sessions cost at most {IDLE_BYTES >> 20} MiB of resident memory"):
        with Session(daemon.port):
            pass
        before, files = daemon.resident_bytes(), daemon.open_files()
        sessions = [Session(daemon.port) for _ in range(IDLE_SESSIONS)]
        try:
            cost = daemon.resident_bytes() - before
            print(f"# {cost / 1024:.0f} KiB in all, {cost / IDLE_SESSIONS / 1024:.1f} KiB a session")
            expect(cost <= IDLE_BYTES, f"{cost / (1 << 20):.1f} MiB")
            expect(daemon.json("status")["pid"] == daemon.pid)
            with Session(daemon.port) as another:
                another.tape_open(daemon.tapes[0], RAW)
                another.tape_close()
        finally:
            for session in sessions:
                session.close()
    with steps.step("their file descriptors are given back"):
        wait_until(lambda: daemon.open_files() <= files + 2, "file descriptors", 10)
    with steps.step("1,000 connections one after the other leave nothing behind"):
        before = daemon.resident_bytes()
        for index in range(1000):
            session = Session(daemon.port)
            session.drop() if index % 2 else session.close()
        wait_until(lambda: daemon.open_files() <= files + 2, "file descriptors", 10)
        grown = daemon.resident_bytes() - before
        expect(grown < 16 << 20, f"{grown / (1 << 20):.1f} MiB more")


def write_file(daemon, drive, name, through_mover):
    """Appends one tape file of RECORDS records, by TAPE_WRITE or over a data connection."""
    with Session(daemon.port) as session:
        open_when_free(session, daemon.tapes[drive])
        session.mtio(FSF, 100_000)
        if through_mover:
            session.mover_set_record_size(RECORD)
            session.mover_set_window()
            host, port = session.mover_listen(TO_TAPE)
            with socket.create_connection((host, port)) as data:
                for index in range(RECORDS):
                    data.sendall(record(name, index))
            expect(session.wait_for_halt() == 1, "halt reason")
            expect(session.mover_bytes_moved() == RECORDS * RECORD, session.mover_bytes_moved())
            session.mover_stop()
        else:
            for index in range(RECORDS):
                session.write(record(name, index))
        session.write_filemarks()
        session.tape_close()


def read_file(session, position, through_mover):
    """The records of the tape file that begins here; leaves the tape behind its filemark."""
    records = []
    if through_mover:
        session.mover_set_record_size(RECORD)
        session.mover_set_window()
        host, port = session.mover_listen(FROM_TAPE)
        with socket.create_connection((host, port)) as data:
            session.mover_read(0, RECORDS * RECORD)
            whole = bytearray()
            while len(whole) < RECORDS * RECORD:
                part = data.recv(1 << 20)
                expect(part, f"the data connection ended after {len(whole)} bytes")
                whole += part
        session.wait_for_halt()
        session.mover_stop()
        records = [bytes(whole[at:at + RECORD]) for at in range(0, len(whole), RECORD)]
        expect(session.read() is None, "no filemark behind file", position)
    else:
        while (part := session.read()) is not None:
            expect(part, "end of data in file", position)
            records.append(part)
    session.mtio(FSF, 1)
    return records


def together(daemon):
    errors = []

    def guarded(work, *arguments):
        try:
            work(*arguments)
        except Exception as error:
            errors.append(f"{arguments[1:]}: {error!r}")

    with steps.step("8 sessions on 4 drives at once finish"):
        for drive in range(4):
            daemon.run("load", str(drive + 1), str(drive))
        begun = time.monotonic()
        threads = [
            threading.Thread(
                target=guarded, args=(write_file, daemon, number % 4, f"session {number}", number >= 4))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(180)
        expect(not any(thread.is_alive() for thread in threads), "a session hangs")
        expect(not errors, errors)
        print(f"# {8 * RECORDS * RECORD / (time.monotonic() - begun) / 1e6:.0f} MB/s")
    with steps.step("each file on tape is one session's, whole and in order; read by TAPE_READ and by the mover"):
        for drive in range(4):
            with Session(daemon.port) as session:
                session.tape_open(daemon.tapes[drive], 0)
                session.rewind()
                for through_mover in (False, True):
                    session.rewind()
                    found = []
                    for position in range(2):
                        records = read_file(session, position, through_mover)
                        names = [
                            name for name in (f"session {drive}", f"session {drive + 4}")
                            if records == [record(name, index) for index in range(RECORDS)]
                        ]
                        whose = f"file {position} of drive {drive}, {len(records)} records"
                        expect(len(names) == 1, f"{whose}, is nobody's")
                        found += names
                    expect(len(set(found)) == 2, found)
                    expect(session.read() == b"", "something behind the last filemark")
                session.tape_close()


def deaths(daemon):
    device = daemon.tapes[0]

    def is_free(seconds=5.0):
        with Session(daemon.port) as session:
            open_when_free(session, device, seconds)
            session.tape_close()

    with steps.step("a device that is open elsewhere is busy"):
        with Session(daemon.port) as holder, Session(daemon.port) as other:
            holder.tape_open(device)
            expect(other.tape_open(device, errors=(DEVICE_BUSY,)) == DEVICE_BUSY)
            holder.tape_close()
            other.tape_open(device)
            other.tape_close()
    with steps.step("a session that closes without TAPE_CLOSE frees its drive"):
        session = Session(daemon.port)
        session.tape_open(device)
        session.close()
        is_free()
    with steps.step("a session whose connection is reset frees its drive, and what it wrote is on the tape"):
        session = Session(daemon.port)
        session.tape_open(device)
        session.rewind()
        session.write(b"last words")
        session.drop()
        with Session(daemon.port) as session:
            open_when_free(session, device, 5)
            session.rewind()
            expect(session.read() == b"last words")
            session.tape_close()
    with steps.step("a session that dies while its mover listens, or moves data, frees its drive"):
        for sends in (False, True):
            session = Session(daemon.port)
            session.tape_open(device)
            session.rewind()
            session.mover_set_record_size(RECORD)
            session.mover_set_window()
            host, port = session.mover_listen(TO_TAPE)
            data = None
            if sends:
                data = socket.create_connection((host, port))
                data.sendall(bytes(RECORD * 3 + 100))
            session.drop()
            is_free()
            if data:
                data.close()
    with steps.step("a robot session that dies frees the changer"):
        session = Session(daemon.port)
        session.scsi_open(daemon.changer)
        session.drop()
        with Session(daemon.port) as other:
            def opened():
                return other.scsi_open(daemon.changer, errors=(DEVICE_BUSY,)) == 0
            wait_until(opened, "the changer", 5, every=0.02)
            other.scsi_close()
    with steps.step("a client that says nothing, or half a message, harms nobody"):
        silent = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(20)]
        for index, connection in enumerate(silent):
            connection.sendall(b"\x80\x00\x00\x30" + bytes(index))
        is_free()
        for connection in silent:
            connection.close()
        is_free()
    with steps.step("SIGTERM with sessions open and a mover at work ends the daemon in order"):
        with temporary_folder() as folder:
            with Daemon(store=folder + "/store") as own:
                own.run("load", "1", "0")
                session = Session(own.port)
                session.tape_open(own.tapes[0])
                session.write(b"before the end")
                session.mover_set_record_size(RECORD)
                session.mover_set_window()
                with socket.create_connection(session.mover_listen(TO_TAPE)) as data:
                    data.sendall(record("tail", 0))
                    own.process.terminate()
                # The end of the stream was under way; it is taken to the tape before the daemon goes.
                expect(own.process.wait(15) == 0, own.log()[-1000:])
            with Daemon(store=folder + "/store") as own, Session(own.port) as session:
                session.tape_open(own.tapes[0])
                session.rewind()
                expect(session.read() == b"before the end")
                expect(session.read() == record("tail", 0), "the mover's record is not on the tape")


with Daemon() as capstan:
    idle(capstan)
    together(capstan)
    deaths(capstan)
steps.finish()
