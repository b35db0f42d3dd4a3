# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""What the mover does with data, in versions 2, 3 and 4: records and padding, windows and pauses, positions, ends of
media, aborts, and a copy from mover to mover. The table of requests and states is ndmjob's test-mover.
"""

import contextlib
import hashlib
import select
import socket

import ndmp_client as ndmp
from harness import Daemon, Steps, expect
from ndmp_client import ALL_ONES, EOF, FROM_TAPE, FSF, FSR, OFF, REW, TO_TAPE, log_in

RECORD = 1024
# Halt and pause reasons.
CONNECT_CLOSED, ABORTED = 1, 2
PAUSE_EOM, PAUSE_EOF, PAUSE_SEEK, PAUSE_EOW = 1, 2, 3, 5
SMALL_CARTRIDGES = ("MOV001L8", "MOV002L8", "MOV003L8")
steps = Steps("mover data")


def same(found, wanted, what=""):
    expect(found == wanted, f"{what}: {found!r} instead of {wanted!r}")


def stream(count, seed=b"stream"):
    """Bytes that tell where they belong: a different block of 32 for each place."""
    blocks = [hashlib.sha256(seed + str(index).encode()).digest() for index in range(count // 32 + 1)]
    return b"".join(blocks)[:count]


def receive(connection, count, seconds=20.0):
    parts, missing = [], count
    connection.settimeout(seconds)
    while missing:
        part = connection.recv(min(missing, 1 << 20))
        expect(part, f"the data connection ended {missing} bytes early")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def is_quiet(connection, seconds=0.1):
    return not select.select([connection], [], [], seconds)[0]


def has_ended(connection):
    """The other side has closed the data connection."""
    connection.settimeout(10)
    try:
        while connection.recv(1 << 20):
            pass
    except ConnectionError:
        pass
    return True


class Mover:
    """A session with an open tape, and the words the steps are written in."""

    def __init__(self, daemon, version, drive=0, mode=ndmp.RDWR):
        self.client, self.version = log_in("127.0.0.1", daemon.port, version), version
        self.device = daemon.tapes[drive]
        same(self.client.tape_open(self.device, mode).error, 0, "TAPE_OPEN")
        self.rewind()

    def rewind(self):
        same(self.client.mtio(REW).error, 0, "REW")

    def good(self, reply):
        same(reply.error, 0, repr(reply))
        return reply

    def listen(self, mode, record=RECORD, window=None):
        """The data connection to a listening mover."""
        self.good(self.client.mover_record_size(record))
        if window:
            self.good(self.client.mover_window(*window))
        host, port = self.good(self.client.mover_listen(mode)).address
        return socket.create_connection((host, port), 20)

    def state(self, **wanted):
        found = self.good(self.client.mover_state())
        for name, value in wanted.items():
            same(getattr(found, name), value, f"MOVER_GET_STATE {name}")
        return found

    def pauses(self, reason, seek=None):
        found = self.client.wait_for_pause()
        same(found[0], reason, "pause reason")
        if seek is not None:
            same(found[1], seek, "seek position")
        self.state(state=ndmp.PAUSED, pause=reason)

    def pauses_at_window_end(self):
        self.pauses(PAUSE_EOF if self.version == 2 else PAUSE_EOW)

    def halts(self, reason):
        same(self.client.wait_for_halt(), reason, "halt reason")
        self.state(state=ndmp.HALTED, halt=reason)

    def stop(self):
        self.good(self.client.mover_stop())
        self.state(state=ndmp.IDLE, pause=0, halt=0, record=0, moved=0, seek=0, left=0)

    def records(self, limit=1 << 20):
        """The records from here to the next filemark or end of data."""
        found = []
        while True:
            reply = self.client.read(limit)
            if reply.error:
                expect(reply.error in (ndmp.EOF_ERR, ndmp.EOM_ERR), reply)
                return found
            found.append(reply.data)

    def finish(self):
        self.client.close()


@contextlib.contextmanager
def mover_step(daemon, version, name, drive=0):
    with steps.step(f"v{version} {name}"):
        mover = Mover(daemon, version, drive)
        try:
            yield mover
        finally:
            mover.finish()


def to_tape(daemon, version):
    with mover_step(daemon, version, "to tape: whole records, the last one filled with zeros") as mover:
        data = stream(10 * RECORD + 100)
        with mover.listen(TO_TAPE) as connection:
            connection.sendall(data)
        mover.halts(CONNECT_CLOSED)
        state = mover.state(record=11, record_size=RECORD)
        # v2 and v3 servers may count the filling.
        expect(state.moved == len(data) or version < 4 and state.moved == 11 * RECORD, f"moved {state.moved}")
        mover.stop()
        mover.state(record_size=RECORD)
        same(mover.client.position(), (0, 11))
        mover.rewind()
        records = mover.records()
        same([len(record) for record in records], [RECORD] * 11, "record lengths")
        expect(b"".join(records) == data + bytes(RECORD - 100), "the data differs")
    with mover_step(daemon, version, "to tape: a connection that closes at once leaves no record") as mover:
        mover.listen(TO_TAPE).close()
        mover.halts(CONNECT_CLOSED)
        mover.state(record=0, moved=0)
        mover.stop()
        same(mover.client.position(), (0, 0))
    with mover_step(daemon, version, "to tape: data beyond the window pauses, and goes on at the same byte") as mover:
        data = stream(6000)
        with mover.listen(TO_TAPE, window=(0, 4 * RECORD)) as connection:
            connection.sendall(data)
            mover.pauses_at_window_end()
            mover.state(record=4, moved=4 * RECORD, window=0, window_length=4 * RECORD)
            if version >= 4:
                same(mover.client.mover_continue().error, ndmp.PRECONDITION, "MOVER_CONTINUE without a new window")
            mover.good(mover.client.mover_window(4 * RECORD, ALL_ONES - 4 * RECORD))
            mover.good(mover.client.mover_continue())
        mover.halts(CONNECT_CLOSED)
        mover.stop()
        mover.rewind()
        expect(b"".join(mover.records()) == data + bytes(-len(data) % RECORD), "the data differs")
    with mover_step(daemon, version, "to tape: a window that is just full does not pause") as mover:
        with mover.listen(TO_TAPE, window=(0, 4 * RECORD)) as connection:
            connection.sendall(stream(4 * RECORD))
        mover.halts(CONNECT_CLOSED)
        mover.state(moved=4 * RECORD)
        expect(not [code for code, _ in mover.client.posts if code == ndmp.NOTIFY_MOVER_PAUSED], "it paused")
        mover.stop()
    with mover_step(daemon, version, "to tape: an empty window pauses at the first byte") as mover:
        with mover.listen(TO_TAPE, window=(0, 0)) as connection:
            mover.state(state=ndmp.ACTIVE) if is_quiet(connection) else None
            connection.sendall(stream(2 * RECORD))
            mover.pauses_at_window_end()
            mover.state(record=0, moved=0)
            same(mover.client.position(), (0, 0))
            mover.good(mover.client.mover_window(0, ALL_ONES))
            mover.good(mover.client.mover_continue())
        mover.halts(CONNECT_CLOSED)
        mover.state(record=2, moved=2 * RECORD)
        mover.stop()
    with mover_step(daemon, version, "to tape: MOVER_ABORT ends the connection; the whole records stay") as mover:
        data = stream(3 * RECORD + 10)
        with mover.listen(TO_TAPE) as connection:
            connection.sendall(data)
            for _ in range(1000):
                if mover.state().record == 3:
                    break
            mover.good(mover.client.mover_abort())
            mover.halts(ABORTED)
            expect(has_ended(connection))
        mover.stop()
        mover.rewind()
        expect(b"".join(mover.records()) == data[:3 * RECORD], "the data differs")
    with mover_step(daemon, version, "MOVER_CLOSE while paused ends the connection") as mover:
        with mover.listen(TO_TAPE, window=(0, 0)) as connection:
            connection.sendall(b"x")
            mover.pauses_at_window_end()
            mover.good(mover.client.mover_close())
            mover.halts(CONNECT_CLOSED)
            expect(has_ended(connection))
        mover.stop()
    with mover_step(daemon, version, "only one connection is accepted, and the port is closed then") as mover:
        with mover.listen(TO_TAPE) as connection:
            connection.sendall(stream(RECORD))
            try:
                with socket.create_connection(connection.getpeername(), 2) as second:
                    expect(has_ended(second), "a second connection is served")
            except OSError:
                pass
            mover.good(mover.client.mover_abort())
            mover.halts(ABORTED)
        mover.stop()


def write_test_file(mover, count=8):
    """`count` records and a filemark at the beginning of the tape; rewound. The data is returned."""
    data = stream(count * RECORD, b"file")
    mover.rewind()
    for index in range(count):
        mover.good(mover.client.write(data[index * RECORD:(index + 1) * RECORD]))
    mover.good(mover.client.mtio(EOF))
    mover.rewind()
    return data


def from_tape(daemon, version):
    with mover_step(daemon, version, "from tape: reads in pieces that cut records") as mover:
        data = write_test_file(mover)
        with mover.listen(FROM_TAPE) as connection:
            at = 0
            for count in (1, 3000, RECORD, 47):
                mover.good(mover.client.mover_read(at, count))
                expect(receive(connection, count) == data[at:at + count], f"bytes {at} to {at + count} differ")
                mover.state(state=ndmp.ACTIVE, seek=at)
                at += count
            expect(is_quiet(connection), "more than was asked for")
            mover.state(moved=at, left=0)
        mover.halts(CONNECT_CLOSED)
        mover.stop()
    with mover_step(daemon, version, "from tape: reads forwards and backwards inside the window") as mover:
        data = write_test_file(mover)
        with mover.listen(FROM_TAPE) as connection:
            for at, count in ((5000, 100), (0, 10), (7 * RECORD, RECORD), (1023, 2), (3 * RECORD, 2 * RECORD)):
                mover.good(mover.client.mover_read(at, count))
                expect(receive(connection, count) == data[at:at + count], f"bytes {at} to {at + count} differ")
        mover.halts(CONNECT_CLOSED)
        mover.stop()
    with mover_step(daemon, version, "from tape: read to the end pauses at the filemark, before it") as mover:
        data = write_test_file(mover)
        with mover.listen(FROM_TAPE) as connection:
            mover.good(mover.client.mover_read(0, ALL_ONES))
            expect(receive(connection, len(data)) == data, "the data differs")
            mover.pauses(PAUSE_EOF)
            same(mover.client.position(), (0, 8))
            mover.good(mover.client.mover_close())
            mover.halts(CONNECT_CLOSED)
            expect(has_ended(connection))
        mover.stop()
    with mover_step(daemon, version, "from tape: outside the window it pauses with the place it wants") as mover:
        data = write_test_file(mover)
        with mover.listen(FROM_TAPE, window=(0, 2 * RECORD)) as connection:
            mover.good(mover.client.mover_read(5 * RECORD + 3, 100))
            mover.pauses(PAUSE_SEEK, 5 * RECORD + 3)
            # The client puts the tape there and says what the window is now.
            mover.rewind()
            mover.good(mover.client.mtio(FSR, 5))
            mover.good(mover.client.mover_window(5 * RECORD, ALL_ONES - 5 * RECORD))
            mover.good(mover.client.mover_continue())
            expect(receive(connection, 100) == data[5 * RECORD + 3:][:100], "the data differs")
        mover.halts(CONNECT_CLOSED)
        mover.stop()
    with mover_step(daemon, version, "from tape: end of data pauses") as mover:
        write_test_file(mover)
        mover.good(mover.client.mtio(FSF))
        with mover.listen(FROM_TAPE) as connection:
            mover.good(mover.client.mover_read(0, ALL_ONES))
            reason = mover.client.wait_for_pause()[0]
            expect(reason in (PAUSE_EOM, PAUSE_EOF), f"pause reason {reason}")
            mover.good(mover.client.mover_abort())
            mover.halts(ABORTED)
            expect(has_ended(connection))
        mover.stop()
    with mover_step(daemon, version, "from tape: the peer that closes while nothing is asked for is noticed") as mover:
        write_test_file(mover)
        mover.listen(FROM_TAPE).close()
        mover.halts(CONNECT_CLOSED)
        mover.stop()
    with mover_step(daemon, version, "from tape: MOVER_ABORT in the middle of a read nobody takes") as mover:
        record = 1 << 18
        mover.good(mover.client.mover_record_size(record))
        for _ in range(64):
            mover.good(mover.client.write(bytes(record)))
        mover.good(mover.client.mtio(EOF))
        mover.rewind()
        with mover.listen(FROM_TAPE, record) as connection:
            mover.good(mover.client.mover_read(0, ALL_ONES))
            receive(connection, 1000)
            busy = ndmp.READ_IN_PROGRESS if version >= 4 else ndmp.ILLEGAL_STATE
            same(mover.client.mover_read(0, 10).error, busy, "a second MOVER_READ")
            mover.good(mover.client.mover_abort())
            mover.halts(ABORTED)
            expect(has_ended(connection))
        mover.stop()


def connects(daemon, version):
    """MOVER_CONNECT: the mover goes to the client."""
    door = socket.create_server(("127.0.0.1", 0))
    with door, mover_step(daemon, version, "MOVER_CONNECT in both directions") as mover:
        data = stream(5 * RECORD)
        port = door.getsockname()[1]
        mover.good(mover.client.mover_record_size(RECORD))
        mover.good(mover.client.mover_window())
        mover.good(mover.client.mover_connect(TO_TAPE, port=port))
        with door.accept()[0] as connection:
            mover.state(state=ndmp.ACTIVE)
            connection.sendall(data)
        mover.halts(CONNECT_CLOSED)
        mover.stop()
        mover.rewind()
        mover.good(mover.client.mover_window())
        mover.good(mover.client.mover_connect(FROM_TAPE, port=port))
        with door.accept()[0] as connection:
            mover.good(mover.client.mover_read(0, len(data)))
            expect(receive(connection, len(data)) == data, "the data differs")
        mover.halts(CONNECT_CLOSED)
        mover.stop()


def copies(daemon, version):
    with mover_step(daemon, version, "a copy from mover to mover, tape to tape") as source:
        target = Mover(daemon, version, 1)
        try:
            data = write_test_file(source)
            target.good(target.client.mover_record_size(RECORD))
            target.good(target.client.mover_window())
            host, port = target.good(target.client.mover_listen(TO_TAPE)).address
            source.good(source.client.mover_record_size(RECORD))
            source.good(source.client.mover_window())
            source.good(source.client.mover_connect(FROM_TAPE, host=host, port=port))
            source.good(source.client.mover_read(0, ALL_ONES))
            source.pauses(PAUSE_EOF)
            source.good(source.client.mover_close())
            source.halts(CONNECT_CLOSED)
            target.halts(CONNECT_CLOSED)
            source.stop()
            target.stop()
            target.rewind()
            expect(b"".join(target.records()) == data, "the copy differs")
        finally:
            target.finish()


def several_tapes(daemon, version):
    """A stream over three small cartridges and back: each early warning is a pause, and a change of tape."""
    record, size = 65536, 20 << 20
    data = stream(size, f"v{version}".encode())

    def change(mover, barcode):
        mover.good(mover.client.mtio(OFF))
        mover.good(mover.client.tape_close())
        load(barcode)
        mover.good(mover.client.tape_open(mover.device))
        mover.rewind()

    def load(barcode):
        if daemon.places()["drive:2"]:
            daemon.run("unload", "2")
        daemon.run("load", barcode, "2")

    load(SMALL_CARTRIDGES[0])
    parts = []
    with mover_step(daemon, version, "to tape: early warning pauses, and no byte is lost or doubled", 2) as mover:
        with mover.listen(TO_TAPE, record) as connection:
            connection.setblocking(False)
            sent, begun, left = 0, 0, list(SMALL_CARTRIDGES[1:])
            while True:
                sockets = [mover.client.socket], [connection] if sent < size else []
                readable, writable, _ = select.select(*sockets, [], 20)
                expect(readable or writable, "nothing happens")
                if writable:
                    sent += connection.send(data[sent:sent + (1 << 20)])
                    if sent == size:
                        connection.shutdown(socket.SHUT_WR)
                if not readable:
                    continue
                mover.client.receive()
                if mover.client.posts[-1][0] == ndmp.NOTIFY_MOVER_HALTED:
                    break
                mover.pauses(PAUSE_EOM)
                moved = mover.state().moved
                expect(moved > begun and moved % record == 0, f"{moved} bytes")
                parts.append(moved - begun)
                begun = moved
                mover.good(mover.client.mtio(EOF))
                expect(left, "the cartridges hold too little")
                change(mover, left.pop(0))
                mover.good(mover.client.mover_window(moved, ALL_ONES - moved))
                mover.good(mover.client.mover_continue())
        mover.halts(CONNECT_CLOSED)
        mover.state(moved=size)
        parts.append(size - begun)
        mover.stop()
        mover.good(mover.client.mtio(EOF))
        expect(len(parts) > 1, f"all {size} bytes went on one cartridge")
        print(f"# bytes on each cartridge: {parts}")
    load(SMALL_CARTRIDGES[0])
    with mover_step(daemon, version, "from tape: the same stream comes back over the change of tapes", 2) as mover:
        with mover.listen(FROM_TAPE, record) as connection:
            mover.good(mover.client.mover_read(0, ALL_ONES))
            begun = 0
            for index, count in enumerate(parts):
                expect(receive(connection, count) == data[begun:begun + count], f"part {index} differs")
                mover.pauses(PAUSE_EOF)
                begun += count
                if index + 1 < len(parts):
                    change(mover, SMALL_CARTRIDGES[index + 1])
                    mover.good(mover.client.mover_window(begun, ALL_ONES - begun))
                    mover.good(mover.client.mover_continue())
            mover.good(mover.client.mover_close())
            mover.halts(CONNECT_CLOSED)
        mover.stop()
    daemon.run("unload", "2")


with Daemon() as capstan:
    capstan.run("load", "1", "0")
    capstan.run("load", "2", "1")
    for number, label in enumerate(SMALL_CARTRIDGES):
        capstan.create(label, "8MiB", f"slot:{20 + number}")
    for protocol in (2, 3, 4):
        to_tape(capstan, protocol)
        from_tape(capstan, protocol)
        if protocol > 2:
            connects(capstan, protocol)
            copies(capstan, protocol)
        several_tapes(capstan, protocol)
steps.finish()
