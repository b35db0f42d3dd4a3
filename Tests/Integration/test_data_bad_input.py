# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Trouble that comes to the data service over its connections: recover lists that lie, peers that close, stall or talk
too much, DMAs that vanish, and requests that are garbage.

After each step the drive is free, threads and open files of the daemon are as before, and another backup works. The
other end of the data connection is often this test itself (data_rig.py). Random choices are seeded.
"""

import contextlib
import os
import random
import socket
import struct
import time

import ndmp_client as ndmp
from data_rig import FORMATS, Rig, fill
from harness import Daemon, Steps, expect, temporary_folder, wait_until
from ndmp_client import ALL_ONES, FROM_TAPE, TCP, TO_TAPE, Closed, Malformed, blob, u32, u64
from ndmp_data import (
    ABORTED, AT_ONCE_SECONDS, CONNECT_CLOSED, CONNECT_ERROR, INTERNAL_ERROR, RECORD, SUCCESSFUL, Job, good,
    open_drive)
from ndmp_job import ACTIVE, CONNECTED, HALTED, IDLE, LISTEN

MUTATIONS = min(int(os.environ.get("CAPSTAN_FUZZ_ITERATIONS", "1000")), 1000)
# A mutated message often leaves the server waiting for more.
PATIENCE_SECONDS = 0.2
# Recovery results of LOG_FILE that say "not there" and "not read".
NOT_FOUND = 2
PAUSE_EOW = 5
steps = Steps("data service, bad input")


def same(found, wanted, what=""):
    expect(found == wanted, f"{what}: {found!r} instead of {wanted!r}")


def in_time(begun, seconds=AT_ONCE_SECONDS):
    took = time.monotonic() - begun
    expect(took < seconds, f"it took {took:.1f} s")


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def halts(session, reason, seconds=AT_ONCE_SECONDS):
    """The data service halts for this reason within that time, and stops."""
    same(session.wait_for_event("data halted", seconds)[0], reason, f"halt reason; said {session.said()[-500:]}")
    state = good(session.data_state())
    same((state.state, state.halt), (HALTED, reason), "DATA_GET_STATE")
    good(session.data_stop())
    same(session.data_state().state, IDLE, "after DATA_STOP")


def variables(rig):
    return {"FILESYSTEM": rig.target, "HIST": "f"}


# --- recover lists ----------------------------------------------------------------------------------------------------


def lists(rig):
    for kind in FORMATS:
        stream, reason, session = rig.capture(kind, os.path.join(rig.tree, "small"), {"HIST": "f"})
        same(reason, SUCCESSFUL, "capture")
        paths = session.history.paths()
        history = {path: stat.offset for path, (_, stat) in paths.items()}
        with rig.step(f"{kind}: names that are not in the stream are told one by one; the others are recovered"):
            wrong = ["nothing", "/below/nothing", "file0/below", "x" * 255, "a/" * 500, "\xff\xfe"]
            names = [(name, os.path.join(rig.target, f"{kind}-{index}")) for index, name in enumerate(wrong)]
            names.append(("file1", os.path.join(rig.target, f"{kind}-good")))
            reason, session = rig.feed(kind, stream, names, variables(rig))
            same(reason, SUCCESSFUL, session.said()[-500:])
            for name in wrong:
                same(session.recovered.get(name.encode()), NOT_FOUND, f"LOG_FILE of {name[:20]}: {session.recovered}")
            same(session.recovered.get(b"file1"), 0, "LOG_FILE of file1")
            compare(rig, f"{kind}-good", "file1")
        with rig.step(f"{kind}: names with .. and destinations outside the exports are refused; nothing is written"):
            outside = os.path.join(os.path.dirname(rig.target), "outside")
            for original, target in (
                ("../secret", os.path.join(rig.target, "x")), ("a/../../x", os.path.join(rig.target, "x")),
                ("file1", outside), ("file1", f"{rig.target}/../outside"), ("file1", "/proc/self/cwd/outside"),
                ("", os.path.dirname(rig.target)), ("file1", "/"), ("file1", rig.target + "\0x"),
            ):
                reason, session = rig.feed(kind, stream, [(original, target)], variables(rig))
                ended_well = reason == SUCCESSFUL and all(session.recovered.values()) and session.recovered
                refused = not isinstance(reason, int) and reason.error == ndmp.ILLEGAL_ARGS or reason == INTERNAL_ERROR
                expect(ended_well or refused, f"{original} to {target}: {reason}, {session.recovered}")
                expect(session.said(), f"{original} to {target}: without a word")
                expect(not os.path.lexists(outside), f"{original} to {target} was written")
            same(sorted(os.listdir(os.path.dirname(rig.target))), rig.places, "the folder above the exports")
        with rig.step(f"{kind}: direct access with offsets past the end, in the middle of data, between headers"):
            wrong = (
                len(stream), len(stream) + 512, len(stream) * 1000, 1 << 62, ALL_ONES - 1, ALL_ONES - 511,
                history[b"file3"] + 512, history[b"file3"] + 1, history[b"file4"], 512,
            )
            for index, offset in enumerate(wrong):
                name = f"{kind}-direct-{index}"
                reason, session = rig.feed(
                    kind, stream, [("file3", os.path.join(rig.target, name), b"", paths[b"file3"][0], offset)],
                    {**variables(rig), "DIRECT": "y"}, seconds=20)
                expect(reason in (SUCCESSFUL, INTERNAL_ERROR), f"offset {offset}: {reason}, {session.said()[-300:]}")
                expect(session.said(), f"offset {offset}: without a word")
                path = os.path.join(rig.target, name)
                if session.recovered.get(b"file3") == 0:
                    # It may find the file all the same; then it must be that file.
                    compare(rig, name, "file3")
                else:
                    expect(not os.path.exists(path), f"offset {offset}: told as failed, but something is there")
        with rig.step(f"{kind}: thousands of names, the same one many times, and one too long for a message"):
            names = [("file1", os.path.join(rig.target, f"{kind}-many"))] * 300
            names += [(f"none{index}", os.path.join(rig.target, "many", str(index))) for index in range(9000)]
            reason, session = rig.feed(kind, stream, names, variables(rig))
            same(reason, SUCCESSFUL, session.said()[-300:])
            same(len(session.recovered), 9001, "names told of")
            compare(rig, f"{kind}-many", "file1")
            reason, _ = rig.feed(kind, stream, [("x" * 100_000, rig.target)], variables(rig))
            expect(reason == SUCCESSFUL or not isinstance(reason, int) and reason.error, reason)
            reason, _ = rig.feed(kind, stream, [("file1", os.path.join(rig.target, "a"))] * 70_000, variables(rig))
            expect(reason == SUCCESSFUL or not isinstance(reason, int) and reason.error, "70,000 names")


def compare(rig, name, original):
    with open(os.path.join(rig.target, name), "rb") as left, \
            open(os.path.join(rig.tree, "small", original), "rb") as right:
        expect(left.read() == right.read(), f"{name} is not {original}")


# --- peers ------------------------------------------------------------------------------------------------------------


def backup_peers(rig):
    with rig.step("backup: a peer that closes in mid record is a connect halt, told in both logs"):
        for close in (socket.socket.close, reset):
            for taken in (0, 1, 100_000):
                with rig.session() as session:
                    peer = rig.start_backup(session)
                    since = len(rig.daemon.log())
                    while taken > 0:
                        taken -= len(peer.recv(taken))
                    close(peer)
                    halts(session, CONNECT_ERROR, 5)
                    expect(any("peer" in text or "connection" in text for text in session.errors()), session.logs)
                    rig.says("data connection", since)
    with rig.step("backup: a peer that takes nothing: GET_STATE answers, ABORT ends it at once, STOP makes it idle"):
        with rig.session() as session:
            with rig.start_backup(session):
                wait_until(lambda: session.data_state().processed > 0, "the first bytes")
                begun = time.monotonic()
                for _ in range(20):
                    same(session.data_state().state, ACTIVE, "state")
                in_time(begun)
                begun = time.monotonic()
                good(session.data_abort())
                halts(session, ABORTED)
                in_time(begun)
    with rig.step("backup: a peer that talks back does no harm"):
        with rig.session() as session, rig.start_backup(session, root=os.path.join(rig.tree, "small")) as peer:
            peer.sendall(bytes(4096))
            # What we sent and nobody read resets the connection in the end.
            with contextlib.suppress(ConnectionResetError):
                while peer.recv(65536):
                    pass
            expect(session.wait_for_event("data halted", 5)[0] in (SUCCESSFUL, CONNECT_ERROR), session.logs)
    with rig.step("a peer that is gone before anything starts halts the data service; START is ILLEGAL_STATE"):
        for make, close in ((rig.peer_of_connect, socket.socket.close), (rig.peer_of_listen, reset)):
            with rig.session() as session:
                peer = make(session)
                wait_until(lambda: session.data_state().state == CONNECTED, "CONNECTED")
                close(peer)
                session.wait_for_event("data halted", 5)
                same(session.start_backup("tar", {"FILESYSTEM": rig.tree}).error, ndmp.ILLEGAL_STATE)
                good(session.data_stop())
    with rig.step("DATA_LISTEN takes one peer; the second is turned away, and the first one's backup goes on"):
        with rig.session() as session:
            address = good(session.data_listen()).address
            with socket.create_connection(address, 10) as first:
                wait_until(lambda: session.data_state().state == CONNECTED, "CONNECTED")
                with contextlib.suppress(OSError), socket.create_connection(address, 2) as second:
                    expect(not second.recv(10), "the second peer got bytes")
                good(session.start_backup("tar", {"FILESYSTEM": os.path.join(rig.tree, "small")}))
                while first.recv(65536):
                    pass
                halts(session, SUCCESSFUL, 5)


def recovery_peers(rig):
    for kind in FORMATS:
        stream = rig.capture(kind, os.path.join(rig.tree, "small"))[0]
        with rig.step(f"{kind}: a stream that ends anywhere in the middle is never a success, and the log says so"):
            source = random.Random(5)
            for cut in (0, 1, 511, 512, 1024, *(source.randrange(1025, len(stream) - 20_000) for _ in range(6))):
                with rig.session() as session, rig.peer_of_listen(session) as peer:
                    good(session.start_recover(kind, variables(rig)))
                    session.wait_for_event("data read", 5)
                    peer.sendall(stream[:cut])
                    peer.shutdown(socket.SHUT_WR)
                    reason = session.wait_for_event("data halted", 10)[0]
                    expect(reason in (INTERNAL_ERROR, CONNECT_ERROR), f"cut at {cut}: {reason}: {session.said()}")
                    expect(session.errors(), f"cut at {cut}: without a word")
        with rig.step(f"{kind}: a peer that stalls in mid stream: ABORT ends it at once"):
            for cut in (0, 700, len(stream) // 2):
                with rig.session() as session, rig.peer_of_listen(session) as peer:
                    good(session.start_recover(kind, variables(rig)))
                    session.wait_for_event("data read", 5)
                    peer.sendall(stream[:cut])
                    wait_until(lambda: session.data_state().processed >= min(cut, 512), "the bytes to be taken")
                    begun = time.monotonic()
                    same(session.data_state().state, ACTIVE, "state")
                    good(session.data_abort())
                    halts(session, ABORTED)
                    in_time(begun)
        with rig.step(f"{kind}: megabytes behind the end of the stream do not keep the recovery from its end"):
            reason, session = rig.feed(kind, stream, (), variables(rig), excess=random.Random(6).randbytes(8 << 20))
            expect(reason in (SUCCESSFUL, CONNECT_ERROR), f"{reason}: {session.said()[-300:]}")
        with rig.step(f"{kind}: more than direct access asked for is never taken for a file"):
            history = rig.capture(kind, os.path.join(rig.tree, "small"), {"HIST": "f"})[2].history.paths()
            names = [
                (name, os.path.join(rig.target, f"{kind}-more-{name}"), b"", 0, history[name.encode()][1].offset)
                for name in ("file2", "file5", "file9")]
            reason, session = rig.feed(
                kind, stream, names, {**variables(rig), "DIRECT": "y"}, excess=b"\xa5" * 300_000, seconds=20)
            expect(isinstance(reason, int), reason)
            for name, status in session.recovered.items():
                if status == 0:
                    compare(rig, f"{kind}-more-{name.decode()}", name.decode())


def mover_peers(rig):
    with rig.step("mover: a peer that sends more than the window pauses it; a new window takes the rest"):
        with rig.session() as tape:
            open_drive(tape, rig.daemon.tapes[0])
            good(tape.mtio(ndmp.REW))
            good(tape.mover_record_size(1024))
            good(tape.mover_window(0, 2048))
            with socket.create_connection(good(tape.mover_listen(TO_TAPE)).address, 10) as peer:
                peer.sendall(bytes(5000))
                same(tape.wait_for_event("mover paused", 5)[0], PAUSE_EOW)
                same(tape.mover_state().moved, 2048, "moved")
                same(tape.position(), (0, 2), "position")
                good(tape.mover_window(2048, ALL_ONES - 2048))
                good(tape.mover_continue())
                peer.shutdown(socket.SHUT_WR)
                same(tape.wait_for_event("mover halted", 5), (CONNECT_CLOSED,))
                same(tape.mover_state().moved, 5000, "moved")
            good(tape.mover_stop())
            # The next steps' backups rewind and write from the beginning.
            good(tape.mtio(ndmp.REW))
    with rig.step("mover: a peer that closes in mid record, takes nothing, or gives nothing; ABORT ends each at once"):
        with rig.session() as tape:
            open_drive(tape, rig.daemon.tapes[0])
            for mode in (TO_TAPE, FROM_TAPE):
                good(tape.mtio(ndmp.REW))
                good(tape.mover_record_size(RECORD))
                good(tape.mover_window())
                with socket.create_connection(good(tape.mover_listen(mode)).address, 10) as peer:
                    wait_until(lambda: tape.mover_state().state == ndmp.ACTIVE, "ACTIVE")
                    peer.sendall(bytes(100)) if mode == TO_TAPE else good(tape.mover_read())
                    begun = time.monotonic()
                    good(tape.mover_abort())
                    same(tape.wait_for_event("mover halted", 5), (ABORTED,))
                    in_time(begun)
                good(tape.mover_stop())


# --- DMAs that vanish -------------------------------------------------------------------------------------------------


def vanishing(rig):
    stream = rig.capture("tar", os.path.join(rig.tree, "small"))[0]
    peers = []

    def listening(session):
        good(session.data_listen())

    def connecting(session):
        # Nobody answers at an address that only exists in documents; the attempt is under way or refused.
        session.ask(0x40A, session.encode_address(TCP, "192.0.2.1", 9))

    def connected(session):
        peers.append(rig.peer_of_connect(session))

    def backing_up(session):
        peers.append(rig.start_backup(session))
        wait_until(lambda: session.data_state().processed > 0, "the first bytes")

    def recovering(session):
        peers.append(rig.peer_of_listen(session))
        good(session.start_recover("tar", variables(rig)))
        session.wait_for_event("data read", 5)
        peers[-1].sendall(stream[:5000])

    def halted(session):
        listening(session)
        good(session.data_abort())
        session.wait_for_event("data halted", 5)

    def local_backup(session):
        open_drive(session, rig.daemon.tapes[0])
        good(session.mtio(ndmp.REW))
        Job(session, session).start_backup(os.path.join(rig.tree, "large"))

    def local_recovery(session):
        open_drive(session, rig.daemon.tapes[0])
        good(session.mtio(ndmp.REW))
        Job(session, session).start_recover(variables(rig))

    def local_waiting(session):
        open_drive(session, rig.daemon.tapes[0])
        good(session.mover_record_size(65536))
        good(session.mover_listen(TO_TAPE, ndmp.LOCAL))
        good(session.data_connect(ndmp.LOCAL))

    states = (
        lambda _: None, listening, connecting, connected, backing_up, recovering, halted, local_backup, local_recovery,
        local_waiting)
    for state in states:
        name = "idle" if state is states[0] else state.__name__.replace("_", " ")
        with rig.step(f"the DMA vanishes, by a reset or a close: {name}"):
            for leave in ("drop", "close"):
                session = rig.session()
                state(session)
                begun = time.monotonic()
                session.socket.settimeout(0.2)
                session.drop() if leave == "drop" else session.socket.close()
                wait_until(lambda: not rig.daemon.json("status")["sessions"], "the session to end", 5)
                in_time(begun, 5)
                for peer in peers:
                    peer.close()
                peers.clear()


def half_vanishing(rig):
    large = os.path.join(rig.tree, "large")
    with rig.step("three-way, the data side's DMA vanishes: the mover halts for its connection, and keeps what it has"):
        with rig.session() as tape:
            open_drive(tape, rig.daemon.tapes[0])
            good(tape.mtio(ndmp.REW))
            data = rig.session()
            good(tape.mover_record_size(RECORD))
            good(tape.mover_window(0, 4 * RECORD))
            good(data.data_connect(TCP, *good(tape.mover_listen(TO_TAPE)).address))
            good(data.start_backup("tar", {"FILESYSTEM": large}))
            same(tape.wait_for_event("mover paused", 5)[0], PAUSE_EOW)
            data.drop()
            wait_until(lambda: len(rig.daemon.json("status")["sessions"]) == 1, "the data session to end", 5)
            same(tape.mover_state().state, ndmp.PAUSED, "received bytes are still to be written")
            good(tape.mover_window(4 * RECORD, ALL_ONES - 4 * RECORD))
            good(tape.mover_continue())
            expect(tape.wait_for_event("mover halted", 5)[0] in (CONNECT_CLOSED, CONNECT_ERROR), tape.logs)
            expect(tape.mover_state().moved >= 4 * RECORD, "moved")
            good(tape.mover_stop())
            good(tape.mtio(ndmp.REW))
    with rig.step("three-way, the tape side's DMA vanishes: the data service halts for its connection"):
        for mode in ("backup", "recover"):
            with rig.session() as data:
                tape = rig.session()
                open_drive(tape, rig.daemon.tapes[0])
                good(tape.mtio(ndmp.REW))
                job = Job(data, tape)
                if mode == "backup":
                    job.connect(TO_TAPE, (0, 4 * RECORD))
                    good(data.start_backup("tar", {"FILESYSTEM": large}))
                    tape.wait_for_event("mover paused", 5)
                else:
                    job.start_recover(variables(rig))
                    data.wait_for_event("data read", 5)
                tape.drop()
                reason = data.wait_for_event("data halted", 5)[0]
                expect(reason in (CONNECT_ERROR, INTERNAL_ERROR), f"{mode}: {reason}")
                expect(data.errors(), f"{mode}: without a word")
                good(data.data_stop())
    with rig.step("the DMA vanishes while a local job is paused at the end of its window"):
        session = rig.session()
        open_drive(session, rig.daemon.tapes[0])
        good(session.mtio(ndmp.REW))
        Job(session, session).connect(TO_TAPE, (0, 4 * RECORD))
        good(session.start_backup("dump", {"FILESYSTEM": large}))
        same(session.wait_for_event("mover paused", 5)[0], PAUSE_EOW)
        session.drop()
        wait_until(lambda: not rig.daemon.json("status")["sessions"], "the session to end", 5)


def aborting(rig):
    with rig.step("ABORT ends a job at once in every state, between two sessions and within one"):
        for is_local in (True, False):
            for mode in ("backup", "recover"):
                with contextlib.ExitStack() as held:
                    tape = held.enter_context(rig.session())
                    data = tape if is_local else held.enter_context(rig.session())
                    open_drive(tape, rig.daemon.tapes[0])
                    good(tape.mtio(ndmp.REW))
                    job = Job(data, tape)
                    if mode == "backup":
                        job.start_backup(os.path.join(rig.tree, "large"))
                    else:
                        job.start_recover(variables(rig))
                    job.abort()
                    # It may have been done before ABORT came.
                    expect(job.data_reason in (ABORTED, SUCCESSFUL, INTERNAL_ERROR, CONNECT_ERROR), job)


# --- requests ---------------------------------------------------------------------------------------------------------


def requests(rig):
    with rig.step("arguments that mean nothing: ILLEGAL_ARGS or a halt with words, and the session goes on"):
        for name, kind, environment in (
            ("unknown type", "zip", {"FILESYSTEM": rig.tree}), ("empty type", "", {"FILESYSTEM": rig.tree}),
            ("no file system", "tar", {}), ("empty", "tar", {"FILESYSTEM": ""}),
            ("relative", "tar", {"FILESYSTEM": "tree"}), ("outside", "dump", {"FILESYSTEM": "/etc"}),
            ("above", "tar", {"FILESYSTEM": f"{rig.tree}/../.."}),
            ("missing", "dump", {"FILESYSTEM": f"{rig.tree}/no"}),
            ("NUL", "tar", {"FILESYSTEM": rig.tree + "\0/etc"}), ("a long path", "tar", {"FILESYSTEM": "/x" * 30_000}),
            ("a deep path", "dump", {"FILESYSTEM": rig.tree + "/x" * 3000}),
            ("a file", "dump", {"FILESYSTEM": f"{rig.tree}/small/file1/x"}),
            ("level 10", "dump", {"FILESYSTEM": rig.tree, "LEVEL": "10"}),
            ("level -1", "tar", {"FILESYSTEM": rig.tree, "LEVEL": "-1"}),
            ("level x", "tar", {"FILESYSTEM": rig.tree, "LEVEL": "9999999999999999999999"}),
            ("base date", "dump", {"FILESYSTEM": rig.tree, "BASE_DATE": "yesterday"}),
            ("files outside", "tar", {"FILESYSTEM": rig.tree, "FILES": "../secret"}),
        ):
            with rig.session() as session:
                peer = rig.peer_of_connect(session)
                reply = session.start_backup(kind, environment)
                if reply.error:
                    same(reply.error, ndmp.ILLEGAL_ARGS, name)
                    same(session.data_state().state, CONNECTED, name)
                    good(session.data_abort())
                    session.wait_for_event("data halted", 5)
                else:
                    peer.settimeout(10)
                    while peer.recv(65536):
                        pass
                    same(session.wait_for_event("data halted", 5)[0], INTERNAL_ERROR, name)
                expect(session.said() or not kind.strip("zip"), f"{name}: without a word")
                good(session.data_stop())
                peer.close()
    with rig.step("odd values that mean something harmless are taken: patterns, thousands of variables, any bytes"):
        root = os.path.join(rig.tree, "small")
        for environment in (
            {"EXCLUDE": "[[[[[,***********************a,\\,,,[!"}, {"EXCLUDE": "*" * 5000},
            {f"NAME{index}": "v" * 10 for index in range(900)}, {"\xff\xfe": "\x00\x01", "": "", "=": "="},
            {"FILES": "nothing/here"}, {"RECURSIVE": "perhaps", "UPDATE": "maybe", "DIRECT": "\x00"},
        ):
            stream, reason, session = rig.capture("tar", root, environment)
            same(reason, SUCCESSFUL, f"{list(environment.items())[:1]}: {session.said()[-300:]}")
    with rig.step("bodies that end early or count what is not there are XDR_DECODE_ERR"):
        whole = {
            0x401: blob("tar") + u32(2) + blob("HIST") + blob("y") + blob("FILESYSTEM") + blob(rig.tree),
            0x402: u32(1) + blob("HIST") + blob("y") + u32(1) + blob("a") + blob("/b") + blob("") + blob("")
            + u64(0, 0) + blob("tar"),
            0x409: u32(1), 0x40A: u32(1, 1) + bytes(8) + u32(0),
        }
        with rig.session() as session:
            for code, body in whole.items():
                for length in range(0, len(body), 5):
                    reply = session.request(code, body[:length])
                    same((reply.error, reply.place), (ndmp.XDR_DECODE, "header"), f"0x{code:x} of {length}")
            for count in (5, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x0040_0000):
                for code, body in ((0x401, blob("tar") + u32(count)), (0x402, u32(count)), (0x402, u32(0, count)),
                                   (0x40A, u32(1, count))):
                    error = session.request_error(code, body + bytes(12))
                    expect(error in (ndmp.XDR_DECODE, ndmp.ILLEGAL_ARGS), f"0x{code:x} {count:#x}: {error}")
            same(session.data_state().state, IDLE)
    with rig.step("requests in the wrong state are ILLEGAL_STATE and change nothing"):
        start = blob("tar") + session.variables({"FILESYSTEM": rig.tree})
        recover = session.variables({}) + u32(0) + blob("tar")
        tries = {0x401: start, 0x402: recover, 0x403: b"", 0x404: b"", 0x407: b"", 0x409: u32(TCP), 0x40B: recover}
        allowed = {
            IDLE: {0x409}, LISTEN: {0x403}, CONNECTED: {0x401, 0x402, 0x403, 0x40B}, ACTIVE: {0x403, 0x404},
            HALTED: {0x404, 0x407},
        }
        for version in (3, 4):
            with rig.session(version) as session, contextlib.ExitStack() as held:
                def refused(state):
                    for code, body in tries.items():
                        if code not in allowed[state]:
                            error = session.request_error(code, body)
                            expect(error in (ndmp.ILLEGAL_STATE, ndmp.NOT_SUPPORTED), f"0x{code:x} in {state}: {error}")
                    same(session.data_state().state, state, "it changed something")

                refused(IDLE)
                address = good(session.data_listen()).address
                refused(LISTEN)
                peer = held.enter_context(socket.create_connection(address, 10))
                wait_until(lambda: session.data_state().state == CONNECTED, "CONNECTED")
                refused(CONNECTED)
                good(session.start_backup("tar", {"FILESYSTEM": os.path.join(rig.tree, "large")}))
                refused(ACTIVE)
                peer.close()
                session.wait_for_event("data halted", 5)
                refused(HALTED)


def mutations(rig):
    """Good DATA messages with a few bytes changed. A closed session is replaced; the server must stay."""
    source = random.Random(17)
    good_ones = [
        (0x401, blob("tar") + u32(2) + blob("FILESYSTEM") + blob(os.path.join(rig.tree, "small"))
         + blob("HIST") + blob("y")),
        (0x401, blob("dump") + u32(2) + blob("LEVEL") + blob("1") + blob("PREFIX") + blob(rig.tree)),
        (0x402, u32(1) + blob("FILESYSTEM") + blob(rig.target) + u32(1) + blob("file1") + blob(rig.target) + blob("x")
         + blob("") + u64(0, 512) + blob("tar")),
        (0x40B, u32(0) + u32(0) + blob("dump")), (0x403, b""), (0x407, b""), (0x400, b""), (0x404, b""),
        (0x409, u32(0)), (0x409, u32(1)), (0x40A, u32(1, 1) + socket.inet_aton("127.0.0.1") + u32(9, 0)),
        (0x40A, u32(0)), (0xA01, u32(0, 0)), (0xA01, u32(1, 0)), (0xA03, b""), (0xA04, b""), (0xA08, u32(1024)),
        (0x104, b""), (0x105, b""),
    ]
    with rig.step(f"{MUTATIONS} mutated DATA messages leave the server standing"):
        session, replaced = None, 0
        for _ in range(MUTATIONS):
            if session is None:
                session = rig.session(source.choice((2, 3, 4, 4)))
                session.socket.settimeout(PATIENCE_SECONDS)
            code, body = source.choice(good_ones)
            message = bytearray(session.header(code) + body)
            for _ in range(source.randrange(0, 4)):
                place = source.randrange(12, len(message))
                message[place] = source.choice((0, 1, 0x7F, 0x80, 0xFF, source.randrange(256)))
            try:
                session.send_raw(u32(0x8000_0000 | len(message)) + message)
                due = session.send(0x400)
                while session.receive()[2] != due:
                    pass
            except (Closed, TimeoutError, Malformed, struct.error, UnicodeDecodeError):
                session.drop()
                session, replaced = None, replaced + 1
        if session:
            session.drop()
        print(f"# {replaced} of {MUTATIONS} ended their session")


with temporary_folder("capstan-bad-data-") as place:
    tree, target = os.path.join(place, "tree"), os.path.join(place, "target")
    os.mkdir(target)
    fill(tree, random.Random(1))
    with Daemon(arguments=["--export", tree, "--export", target]) as daemon:
        bed = Rig(steps, daemon, tree, target)
        bed.places = sorted(os.listdir(place))
        for part in (
            lists, backup_peers, recovery_peers, mover_peers, vanishing, half_vanishing, aborting, requests, mutations,
        ):
            try:
                part(bed)
            except Exception as error:
                with steps.step(part.__name__):
                    raise error
steps.finish()
