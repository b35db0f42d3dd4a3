# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""`capstan serve --trace FILE`: decoded lines for messages and commands, and nothing of what users write."""

import base64
import os
import socket

from harness import Daemon, Steps, expect, temporary_folder, wait_until
from ndmp_session import TO_TAPE, Session

MARKER = b"SECRET-PAYLOAD-0123456789-SECRET"
steps = Steps("trace")


def run(folder):
    path = os.path.join(folder, "trace.txt")
    with Daemon(store=os.path.join(folder, "store"), arguments=["--trace", path]) as daemon:
        at = daemon.addresses()
        with steps.step("a session with tape, robot and mover"):
            with Session(daemon.port, password="ndmp") as robot:
                robot.scsi_open(daemon.changer)
                robot.ready()
                status, _, _ = robot.cdb(bytes([0x12, 0, 0, 0, 96, 0]), 96)
                expect(status == 0, status)
                status, sense = robot.move_medium(at["slot:1"], at["drive:0"])
                expect(status == 0, sense)
                status, _, sense = robot.cdb(bytes([0xFF, 0, 0, 0, 0, 0]))
                expect(status == 2 and sense[2] & 15 == 5, status, sense)
                robot.scsi_close()
            with Session(daemon.port) as session:
                session.tape_open(daemon.tapes[0])
                session.rewind()
                for _ in range(4):
                    session.write(MARKER * 128)
                session.write_filemarks()
                session.mover_set_record_size(65536)
                session.mover_set_window()
                _, port = session.mover_listen(TO_TAPE)
                with socket.create_connection(("127.0.0.1", port)) as data:
                    data.sendall(MARKER * 4096)
                expect(session.wait_for_halt() == 1)
                session.mover_stop()
                session.rewind()
                expect(session.read() == MARKER * 128)
                session.tape_close()
    with open(path, "rb") as file:
        trace = file.read()
    text = trace.decode("utf-8")
    with steps.step("one decoded line for each NDMP message, with names and fields"):
        for word in ("CONNECT_OPEN", "CONNECT_CLIENT_AUTH", "SCSI_OPEN", "TAPE_OPEN", "TAPE_WRITE", "TAPE_MTIO",
                     "TAPE_READ", "MOVER_LISTEN", "MOVER_SET_RECORD_SIZE", "MOVER_HALTED", daemon.tapes[0],
                     daemon.changer, "65536"):
            expect(word in text, f"{word} is not in the trace:\n{text[:3000]}")
        writes = [line for line in text.splitlines() if "TAPE_WRITE" in line]
        expect(len(writes) >= 4, writes)
    with steps.step("one decoded line for each command, with its sense data"):
        lowered = text.lower()
        for word in ("inquiry", "move medium", "test unit ready"):
            expect(word in lowered, f"{word} is not in the trace:\n{text[:3000]}")
        expect("20/00" in lowered or "invalid command" in lowered, "the refused command's sense is not in the trace")
    with steps.step("nothing of user data: not plain, not in hexadecimal, not in base64"):
        piece = MARKER[:15]
        for form in (piece, piece.hex().encode(), piece.hex().upper().encode(), base64.b64encode(piece),
                     piece.hex(" ").encode(), piece.hex(" ", 4).encode()):
            expect(form not in trace, f"{form!r} is in the trace")
    with steps.step("no password and no control characters"):
        auth = [line for line in text.splitlines() if "CONNECT_CLIENT_AUTH" in line]
        expect(auth and all("password=ndmp" not in line and '"ndmp", "ndmp"' not in line for line in auth), auth)
        expect(all(character >= " " or character in "\n\t" for character in text), "control characters")


with temporary_folder() as scratch:
    run(scratch)
with steps.step("the trace of a daemon that is killed is readable up to the end"):
    with temporary_folder() as scratch:
        path = os.path.join(scratch, "trace.txt")
        daemon = Daemon(store=os.path.join(scratch, "store"), arguments=["--trace", path])
        with Session(daemon.port) as session:
            session.scsi_open(daemon.changer)
            wait_until(lambda: "SCSI_OPEN" in open(path, encoding="utf-8").read(), "the line", 5)
        daemon.kill()
steps.finish()
