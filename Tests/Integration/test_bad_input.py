# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Input that no good client sends: each gets the protocol's error or ends its own session, and nobody else's.

`test_bad_input.py` starts a daemon of its own; `test_bad_input.py HOST:PORT PID` uses one that is running with the
user and password ndmp, and may leave its drives in any state. A second session works throughout. At the end the
process must have no more open files than before, and little more memory. CAPSTAN_FUZZ_ITERATIONS says how many
random commands are sent to each device, and up to 1,000 how many mutated messages; the seed is fixed.
"""

import os
import random
import struct
import sys

import ndmp_client as ndmp
from harness import Daemon, Steps, expect, wait_until
from ndmp_client import Client, Closed, Robot, blob, log_in, u32, u64

COMMANDS = int(os.environ.get("CAPSTAN_FUZZ_ITERATIONS", "2000"))
# A mutated message often leaves the server waiting for more, which costs this test its patience.
MUTATIONS = min(COMMANDS, 1000)
PATIENCE_SECONDS = 0.2
# What a process may keep of sessions that had messages of 16 MiB: the allocator holds on to a few such blocks.
GROWTH_BYTES = 96 << 20
MESSAGE_LIMIT = (16 << 20) + (64 << 10)
GOOD, CHECK_CONDITION = 0, 2
steps = Steps("bad input")


def same(found, wanted, what=""):
    expect(found == wanted, f"{what}: {found!r} instead of {wanted!r}")


class Server:
    """Where the server is, and a session that must not notice anything."""

    def __init__(self, host, port, pid):
        self.address, self.pid = (host, port), pid
        self.tapes, self.changer = ndmp.device_names(host, port)
        self.bystander = log_in(host, port)
        Robot(self.bystander, self.changer).fill_drive(1)
        same(self.bystander.scsi_close().error, 0)
        same(self.bystander.tape_open(self.tapes[1]).error, 0)
        self.rounds = 0
        self.check()

    def check(self):
        """The bystander writes and reads a record."""
        self.rounds += 1
        data = f"round {self.rounds}".encode()
        session = self.bystander
        same(session.mtio(ndmp.REW).error, 0, "the other session's REW")
        same(session.write(data).error, 0, "the other session's TAPE_WRITE")
        same(session.mtio(ndmp.REW).error, 0, "the other session's REW")
        same(session.read(100).data, data, "the other session's TAPE_READ")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def connect(self):
        return Client(*self.address)

    def log_in(self, version=4):
        return log_in(*self.address, version)

    def step(self, name):
        return ServerStep(self, name)


class ServerStep:
    """A step that ends with a look at the other session."""

    def __init__(self, server, name):
        self.server, self.inner = server, steps.step(name)

    def __enter__(self):
        self.inner.__enter__()

    def __exit__(self, *failure):
        if failure[0] is None:
            try:
                self.server.check()
            except Exception:
                failure = sys.exc_info()
        return self.inner.__exit__(*failure)


def alive(session):
    """The session still answers; it must be authenticated."""
    same(session.connection_types().error, 0, "the session's next request")


def ends(session, data):
    """These bytes end the session."""
    try:
        session.send_raw(data)
    except Closed:
        pass
    expect(session.is_closed(), "the session goes on")
    session.socket.close()


def record_marks(server):
    with server.step("a mark of 2 GiB ends the session at once"):
        ends(server.connect(), b"\xff\xff\xff\xff")
    with server.step("a message one byte above the limit ends the session"):
        ends(server.log_in(), u32(0x8000_0000 | MESSAGE_LIMIT + 1))
    with server.step("before authentication the limit is 64 KiB"):
        ends(server.connect(), u32(0x8000_0000 | (64 << 10) + 1))
        session = server.connect()
        same(session.request_error(0x100, bytes((64 << 10) - 24)), ndmp.NOT_AUTHORIZED)
        session.close()
    with server.step("fragments that together are above the limit end the session"):
        session = server.log_in()
        ends(session, (u32(1 << 20) + bytes(1 << 20)) * 17)
    with server.step("endless empty fragments end the session"):
        ends(server.log_in(), u32(0) * 200_000)
    with server.step("empty fragments and fragments of one byte are fine"):
        session = server.log_in()
        message = session.header(0x102)
        session.send_raw(b"".join(u32(0) + u32(1) + bytes([byte]) for byte in message) + u32(0x8000_0000))
        error, body = session.reply_to(session.sequence, 0x102)
        same((error, body.u32()), (0, 0))
        session.close()
    with server.step("a message too short for a header is dropped"):
        session = server.log_in()
        for length in (0, 1, 4, 23):
            session.send_raw(u32(0x8000_0000 | length) + bytes(length))
        alive(session)
        session.close()
    with server.step("plain text instead of NDMP ends the session, or waits without harm"):
        session = server.connect()
        session.send_raw(b"GET / HTTP/1.1\r\nHost: tape\r\n\r\n" * 10)
        session.drop()
    with server.step("half a message, then silence or a reset"):
        mark = b"\x80\x00\x00\x18"
        for data in (b"", mark[:1], mark, mark + bytes(10), b"\x00\x10\x00\x00" + bytes(999)):
            session = server.connect()
            session.send_raw(data)
            session.drop()
    with server.step("many requests in one packet are answered in order"):
        session = server.log_in()
        sent = b""
        first = session.sequence + 1
        for _ in range(200):
            sent += u32(0x8000_0018) + session.header(0x102)
        session.send_raw(sent)
        for index in range(200):
            same(session.reply_to(first + index, 0x102)[0], 0)
        session.close()


def before_authentication(server):
    with server.step("requests before authentication are NOT_AUTHORIZED, and the session goes on"):
        for version in (2, 3, 4):
            session = server.connect()
            same(session.open(version).error, 0)
            for code, body in (
                (0x102, b""), (0x200, blob(server.changer)), (0x206, u32(0, 0, 0) + blob(bytes(6)) + blob(b"")),
                (0x300, blob(server.tapes[0]) + u32(1)), (0x304, blob(b"data")), (0x305, u32(10)),
                (0xA01, u32(0, 1)), (0xA00, b""), (0x400, b""),
            ):
                same(session.request_error(code, body), ndmp.NOT_AUTHORIZED, f"v{version} 0x{code:x}")
            same(session.auth_md5("ndmp", "ndmp").error, 0)
            alive(session)
            session.close()
    with server.step("the same before CONNECT_OPEN; then CONNECT_OPEN is too late"):
        session = server.connect()
        same(session.request_error(0x300, blob(server.tapes[0]) + u32(1)), ndmp.NOT_AUTHORIZED)
        same(session.request_error(0x900, u32(4)), ndmp.ILLEGAL_STATE)
        session.close()
    with server.step("versions that do not exist are ILLEGAL_ARGS, and a good one may follow"):
        session = server.connect()
        for version in (0, 1, 5, 1000, 65535):
            same(session.request_error(0x900, u32(version)), ndmp.ILLEGAL_ARGS, version)
        expect(session.request_error(0x900, u32(0x10004)) in (ndmp.ILLEGAL_ARGS, ndmp.XDR_DECODE), "65540")
        same(session.open(3).error, 0)
        same(session.request_error(0x900, u32(3)), ndmp.ILLEGAL_STATE)
        session.close()
    with server.step("wrong credentials are NOT_AUTHORIZED, again and again; the right ones still work"):
        session = server.connect()
        same(session.open(4).error, 0)
        same(session.auth_md5("ndmp", "ndmp", bytes(64)).error, ndmp.NOT_AUTHORIZED, "a challenge nobody gave")
        for user, password in (("ndmp", "wrong"), ("nobody", "ndmp"), ("", ""), ("ndmp", ""), ("ndmp", "n" * 256)):
            same(session.auth_md5(user, password).error, ndmp.NOT_AUTHORIZED, (user, password))
            same(session.auth_text(user, password).error, ndmp.NOT_AUTHORIZED, (user, password))
        same(session.request_error(0x901, u32(99)), ndmp.ILLEGAL_ARGS, "method 99")
        same(session.request_error(0x103, u32(99)), ndmp.ILLEGAL_ARGS, "attributes of method 99")
        same(session.auth_md5("ndmp", "ndmp").error, 0)
        session.close()
    with server.step("an old challenge does not count"):
        session = server.connect()
        same(session.open(4).error, 0)
        old = session.auth_attributes().challenge
        new = session.auth_attributes().challenge
        expect(old != new, "the challenge repeats")
        same(session.auth_md5("ndmp", "ndmp", old).error, ndmp.NOT_AUTHORIZED)
        session.close()


def messages(server):
    with server.step("messages that do not exist are NOT_SUPPORTED in the header"):
        missing = {2: (0x104, 0x106, 0x109, 0x409, 0x603, 0xA09), 3: (0x101, 0x109, 0x10A), 4: (0x101, 0x203, 0x205)}
        for version, codes in missing.items():
            session = server.log_in(version)
            for code in codes + (0, 0x306, 0x405, 0x800, 0x10B, 0xFF00, 0xFFFF_FFFF, 0x7FF0_0001):
                reply = session.request(code, bytes(64))
                same((reply.error, reply.place), (ndmp.NOT_SUPPORTED, "header"), f"v{version} 0x{code:x}")
            alive(session)
            session.close()
    with server.step("replies, posts and unknown types from a client do no harm"):
        session = server.log_in()
        for kind in (1, 2, 0xFFFF_FFFF):
            session.send(0x102, b"", kind)
        for code in (0x501, 0x502, 0x503, 0x603):
            session.send(code, u32(0, 0, 0, 0))
        session.send(0x102)
        while True:
            kind, code, reply_to, _, _ = session.receive()
            if kind == 1 and reply_to == session.sequence:
                break
        session.close()
    with server.step("bodies that end early are XDR_DECODE_ERR, and the session goes on"):
        good = {
            0x103: u32(2), 0x200: blob("sg9"), 0x206: u32(1, 1000, 96) + blob(bytes(6)) + blob(b"1234"),
            0x300: blob("nst0") + u32(1), 0x303: u32(4, 1), 0x304: blob(b"record"), 0x305: u32(10), 0xA01: u32(0, 1),
            0xA05: u64(0, 1), 0xA06: u64(0, 1), 0xA08: u32(512), 0x901: u32(1) + blob("ndmp") + blob("ndmp"),
        }
        for version in (2, 3, 4):
            session = server.log_in(version)
            for code, body in good.items():
                for length in range(0, len(body), 3):
                    reply = session.request(code, body[:length])
                    same((reply.error, reply.place), (ndmp.XDR_DECODE, "header"), f"v{version} 0x{code:x} of {length}")
            alive(session)
            session.close()
    with server.step("bytes behind the last field are ignored"):
        session = server.log_in()
        same(session.request_error(0x102, b"more than nothing"), 0)
        same(session.request_error(0xA08, u32(1024) + bytes(999)), 0)
        session.close()
    with server.step("lengths and counts that cannot be are XDR_DECODE_ERR"):
        session = server.log_in()
        for length in (5, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFFC):
            for code, body in (
                (0x200, u32(length) + b"abcd"), (0x300, u32(length) + b"abcd"), (0x304, u32(length) + b"abcd"),
                (0x206, u32(0, 0, 0, length) + b"abcd"), (0x206, u32(0, 0, 0, 0, length) + b"abcd"),
                (0xA09, u32(0, 1, length) + bytes(12)), (0x109, u32(length) + b"abcd"),
            ):
                error = session.request_error(code, body)
                expect(error in (ndmp.XDR_DECODE, ndmp.NOT_SUPPORTED), f"0x{code:x} {length:#x}: {error}")
        same(session.request_error(0x300, blob("n" * 100_000) + u32(1)), ndmp.XDR_DECODE, "a name of 100,000 bytes")
        alive(session)
        session.close()
    with server.step("names with any bytes are NO_DEVICE"):
        session = server.log_in()
        for name in (b"", b"\x00", b"nst0\x00", b"../../etc/passwd", b"\xff\xfe\xfd", b"a" * 1000, b"%s%n", b"/dev/"):
            same(session.tape_open(name).error, ndmp.NO_DEVICE, name)
            same(session.request_error(0x200, blob(name)), ndmp.NO_DEVICE, name)
        session.close()


def wrong_states(server):
    with server.step("requests in the wrong state get its error, and change nothing"):
        for version in (2, 3, 4):
            session = server.log_in(version)
            for code, body in ((0xA02, b""), (0xA03, b""), (0xA04, b""), (0xA07, b""), (0xA06, u64(0, 10))):
                same(session.request_error(code, body), ndmp.ILLEGAL_STATE, f"v{version} 0x{code:x} while idle")
            for code in (0x201, 0x202, 0x204, 0x301):
                error = session.request_error(code)
                expect(error in (ndmp.NOT_OPEN, ndmp.NOT_SUPPORTED), f"v{version} 0x{code:x} unopened: {error}")
            same(session.tape_state().error, ndmp.NOT_OPEN)
            for body in (u32(7, 1), u32(0, 123), u32(0xFFFF_FFFF, 1)):
                same(session.request_error(0xA01, body), ndmp.ILLEGAL_ARGS, f"v{version} MOVER_LISTEN {body.hex()}")
            same(session.request_error(0xA08, u32(0)), ndmp.ILLEGAL_ARGS, "record size 0")
            same(session.request_error(0xA08, u32(0xFFFF_FFFF)), ndmp.ILLEGAL_ARGS, "record size of 4 GiB")
            if version > 2:
                same(session.request_error(0xA09, u32(0, 123) + bytes(5)), ndmp.ILLEGAL_ARGS, "address type 123")
            same(session.mover_state().state, ndmp.IDLE)
            session.close()
    with server.step("mover windows and reads that overflow are refused"):
        session = server.log_in()
        same(session.tape_open(server.tapes[0]).error, 0)
        same(session.mover_record_size(512).error, 0)
        same(session.mover_window(1, ndmp.ALL_ONES - 1).error, 0, "all ones minus the offset")
        same(session.mover_window(ndmp.ALL_ONES, ndmp.ALL_ONES - 5).error, ndmp.ILLEGAL_ARGS)
        same(session.mover_window().error, 0)
        same(session.mover_listen(ndmp.FROM_TAPE).error, 0)
        same(session.mover_listen(ndmp.FROM_TAPE).error, ndmp.ILLEGAL_STATE, "a second MOVER_LISTEN")
        session.drop()
    with server.step("MOVER_CONNECT to a port where nobody listens is CONNECT_ERR"):
        session = server.log_in()
        wait_until(lambda: session.tape_open(server.tapes[0]).error == 0, "the drive to be free")
        session.mover_record_size(512)
        session.mover_window()
        same(session.mover_connect(ndmp.TO_TAPE, ndmp.TCP, "127.0.0.1", 1).error, ndmp.CONNECT_ERR)
        same(session.mover_state().state, ndmp.IDLE)
        session.close()


def tape_limits(server):
    with server.step("records of 16 MiB - 1 are written and read; longer ones are ILLEGAL_ARGS"):
        session = server.log_in()
        Robot(session, server.changer).fill_drive(0)
        same(session.scsi_close().error, 0)
        wait_until(lambda: session.tape_open(server.tapes[0]).error == 0, "the drive to be free")
        same(session.mtio(ndmp.REW).error, 0)
        longest = os.urandom((16 << 20) - 1)
        same(session.write(longest).error, 0, "16 MiB - 1")
        for length in (16 << 20, (16 << 20) + 60_000):
            same(session.write(bytes(length)).error, ndmp.ILLEGAL_ARGS, length)
        same(session.mtio(ndmp.REW).error, 0)
        expect(session.read((16 << 20) - 1).data == longest, "the record differs")
        for count in (0x8000_0000, 0xFFFF_FFFF):
            same(session.read(count).error, ndmp.ILLEGAL_ARGS, count)
        same(session.position(), (0, 1))
        session.close()
    with server.step("TAPE_MTIO counts of 4 thousand million end at the ends of the tape"):
        session = server.log_in()
        wait_until(lambda: session.tape_open(server.tapes[0]).error == 0, "the drive to be free")
        for operation in (ndmp.FSF, ndmp.BSF, ndmp.FSR, ndmp.BSR):
            reply = session.mtio(operation, 0xFFFF_FFFF)
            expect(reply.error == 0 and reply.left > 0xFFFF_0000, f"{operation}: {reply}")
        session.close()


def sense_code(reply):
    """(key, ASC, ASCQ) of fixed or descriptor format sense data."""
    sense = reply.sense
    expect(len(sense) >= 8, f"CHECK CONDITION with {len(sense)} bytes of sense data")
    if sense[0] & 0x7F in (0x72, 0x73):
        return sense[1] & 15, sense[2], sense[3]
    return sense[2] & 15, sense[12], sense[13]


def refuses(session, cdb, code, wanted=(5,), data_in=0, data_out=b""):
    """CHECK CONDITION with that sense key (and code); no NDMP error."""
    reply = session.execute(cdb, data_in, data_out, code=code)
    same(reply.error, 0, f"NDMP error of {cdb.hex()}")
    same(reply.status, CHECK_CONDITION, f"status of {cdb.hex()}")
    same(sense_code(reply)[:len(wanted)], wanted, f"sense of {cdb.hex()}")


def commands(server, code, session, name):
    with server.step(f"{name}: CDBs of no or too many bytes, and both directions at once, are ILLEGAL_ARGS"):
        same(session.execute(b"", code=code).error, ndmp.ILLEGAL_ARGS, "an empty CDB")
        same(session.execute(bytes(300), code=code).error, ndmp.ILLEGAL_ARGS, "300 bytes")
        same(session.execute(bytes(6), flags=3, code=code).error, ndmp.ILLEGAL_ARGS, "DATA_IN and DATA_OUT")
    for _ in range(8):
        if session.execute(bytes(6), code=code).status == GOOD:
            break
    with server.step(f"{name}: operation codes that it does not have are 5/20/00"):
        for opcode in (0x02, 0x1F, 0x7F, 0xC0, 0xFF):
            refuses(session, bytes([opcode]) + bytes(15), code, (5, 0x20, 0))
    with server.step(f"{name}: reserved bits are 5/24/00"):
        refuses(session, b"\x00\x01\x00\x00\x00\x00", code, (5, 0x24, 0))
        refuses(session, b"\x00\x00\x00\x00\xff\x00", code, (5, 0x24, 0))
        refuses(session, b"\x12\x10\x00\x00\x60\x00", code, (5, 0x24, 0), 96)
        refuses(session, b"\x12\x00\x80\x00\x60\x00", code, (5, 0x24, 0), 96)
        refuses(session, b"\x12\x01\xfe\x00\x60\x00", code, (5, 0x24, 0), 96)
        refuses(session, b"\x1a\x00\x3e\x00\xff\x00", code, (5, 0x24, 0), 255)
    with server.step(f"{name}: CDBs shorter than their command are refused, not read beyond"):
        for start in ("12", "120000", "a30c", "b80000", "5e00", "4d", "8c000000", "a500"):
            cdb = bytes.fromhex(start)
            reply = session.execute(cdb, 255, code=code)
            expect(reply.error == ndmp.ILLEGAL_ARGS or reply.status == CHECK_CONDITION, f"{cdb.hex()}: {reply}")
    with server.step(f"{name}: huge allocation lengths return what there is; datain_len cuts"):
        reply = session.execute(b"\x12\x00\x00\xff\xff\x00", 0xFFFF_FFFF, code=code)
        same((reply.error, reply.status), (0, GOOD))
        expect(36 <= len(reply.data) <= 512, f"{len(reply.data)} bytes of INQUIRY data")
        whole = reply.data
        for limit in (0, 1, 5, 35):
            reply = session.execute(b"\x12\x00\x00\xff\xff\x00", limit, code=code)
            same((reply.error, reply.data), (0, whole[:limit]), f"datain_len {limit}")
        reply = session.execute(b"\xa3\x0c\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00", 1 << 20, code=code)
        same((reply.error, reply.status), (0, GOOD))
    with server.step(f"{name}: parameter lists that are short, long or nonsense are refused or taken, never more"):
        for cdb, data in (
            (b"\x15\x10\x00\x00\xff\x00", b""), (b"\x15\x10\x00\x00\x0c\x00", bytes(3)),
            (b"\x15\x10\x00\x00\x0c\x00", b"\xff" * 12), (b"\x55\x10\x00\x00\x00\x00\x00\xff\xff\x00", b"\xff" * 5000),
            (b"\x5f\x00\x00\x00\x00\x00\x00\x00\x18\x00", b"\xff" * 7),
            (b"\x3b\x02\x00\x00\x00\x00\xff\xff\xff\x00", bytes(10)),
            (b"\x8d" + bytes(9) + b"\xff\xff\xff\xff\x00\x00", b"\xff" * 64),
            (b"\x1d\x10\x00\xff\xff\x00", b"\xff" * 100),
        ):
            reply = session.execute(cdb, 0, data, flags=2, code=code)
            same(reply.error, 0, f"NDMP error of {cdb.hex()}")
            expect(reply.sent <= len(data), f"{reply.sent} of {len(data)} bytes used")
    with server.step(f"{name}: {COMMANDS} random commands, each with a status and sense data where due"):
        source = random.Random(7)
        for _ in range(COMMANDS):
            cdb = source.randbytes(source.choice((1, 6, 6, 10, 10, 12, 12, 16, 16, 16, 32)))
            if source.random() < 0.7 and len(cdb) > 4:
                # Mostly zeros reaches further into a command than mostly ones.
                cdb = bytes(byte if source.random() < 0.3 else 0 for byte in cdb[:-1]) + b"\x00"
                cdb = bytes([source.randrange(256)]) + cdb[1:]
            # Millions of filemarks are good commands that take their time.
            if cdb[0] == 0x10 and len(cdb) > 2:
                cdb = cdb[:2] + b"\x00" + cdb[3:]
            elif cdb[0] == 0x80 and len(cdb) > 12:
                cdb = cdb[:12] + b"\x00" + cdb[13:]
            out = source.randbytes(source.choice((0, 0, 1, 12, 64, 5000)))
            limit = source.choice((0, 1, 8, 255, 65535, 1 << 20, 0xFFFF_FFFF))
            reply = session.execute(cdb, limit, out, flags=2 if out else 1 if limit else 0, timeout=60_000, code=code)
            if reply.error:
                expect(reply.error in (ndmp.ILLEGAL_ARGS, ndmp.NO_TAPE), f"{cdb.hex()}: {reply}")
            else:
                expect(reply.status in (GOOD, CHECK_CONDITION, 0x08, 0x18), f"{cdb.hex()}: status {reply.status}")
                expect(len(reply.data) <= limit, f"{cdb.hex()}: {len(reply.data)} bytes for {limit}")
                if reply.status == CHECK_CONDITION:
                    sense_code(reply)


def devices(server):
    with server.log_in() as session:
        same(session.scsi_open(server.changer).error, 0)
        commands(server, 0x206, session, "changer")
    with server.log_in() as session:
        wait_until(lambda: session.tape_open(server.tapes[0]).error in (0, ndmp.NO_TAPE), "the drive to be free")
        session.tape_open(server.tapes[0], ndmp.RAW)
        commands(server, 0x307, session, "drive")


def mutations(server):
    """Good messages with a few bytes changed. A closed session is replaced; the server must stay."""
    source = random.Random(11)
    good = [
        (0x900, u32(4)), (0x901, u32(1) + blob("ndmp") + blob("ndmp")), (0x103, u32(2)),
        (0x300, blob(server.tapes[2]) + u32(1)),
        (0x303, u32(4, 1)), (0x304, blob(b"x" * 100)), (0x305, u32(1000)), (0x301, b""), (0x200, blob(server.changer)),
        (0x206, u32(1, 1000, 96) + blob(b"\x12\x00\x00\x00\x60\x00") + blob(b"")), (0x201, b""), (0xA08, u32(1024)),
        (0xA05, u64(0, ndmp.ALL_ONES)), (0xA01, u32(0, 1)), (0xA03, b""), (0xA04, b""), (0xA00, b""), (0x100, b""),
        (0x108, b""), (0x106, b""), (0x401, blob("tar") + u32(1) + blob("HIST") + blob("y")),
        (0x40A, u32(1, 1) + bytes(12)),
    ]
    with server.step(f"{MUTATIONS} mutated messages leave the server standing"):
        session, replaced = None, 0
        for _ in range(MUTATIONS):
            if session is None:
                session = server.log_in(source.choice((2, 3, 4)))
                session.socket.settimeout(PATIENCE_SECONDS)
            code, body = source.choice(good)
            message = bytearray(session.header(code) + body)
            for _ in range(source.randrange(1, 5)):
                place = source.randrange(len(message))
                message[place] = source.choice((0, 1, 0x7F, 0x80, 0xFF, source.randrange(256)))
            mark = 0x8000_0000 | len(message)
            if source.random() < 0.05:
                mark = source.getrandbits(32) & 0x8000_3FFF
            try:
                session.send_raw(u32(mark) + message)
                # A request that every state answers: whatever came before must not be in its way.
                due = session.send(0xA00)
                while session.receive()[2] != due:
                    pass
            except (Closed, TimeoutError, ndmp.Malformed, struct.error):
                session.drop()
                session, replaced = None, replaced + 1
        if session:
            session.drop()
        print(f"# {replaced} of {MUTATIONS} ended their session")


def run(host, port, pid):
    server = Server(host, port, pid)
    # A first round makes the server's lasting buffers, so that the second shows what is lost.
    with server.log_in() as session:
        Robot(session, server.changer).fill_drive(0)
        session.scsi_close()
        session.tape_open(server.tapes[0])
        session.write(bytes((16 << 20) - 1))
    wait_until(lambda: server.open_files() > 0, "the process")
    server.check()
    files, resident = server.open_files(), server.resident_bytes()
    record_marks(server)
    before_authentication(server)
    messages(server)
    wrong_states(server)
    tape_limits(server)
    devices(server)
    mutations(server)
    with steps.step("no file descriptor is lost"):
        wait_until(lambda: server.open_files() <= files, f"{files} open files, there are {server.open_files()}", 15)
    with steps.step(f"memory has grown by less than {GROWTH_BYTES >> 20} MiB"):
        grown = server.resident_bytes() - resident
        print(f"# {grown >> 10} KiB")
        expect(grown < GROWTH_BYTES, f"{grown >> 20} MiB")
    server.bystander.close()


if len(sys.argv) > 2:
    name, _, number = sys.argv[1].rpartition(":")
    run(name, int(number), int(sys.argv[2]))
else:
    with Daemon() as daemon:
        run("127.0.0.1", daemon.port, daemon.pid)
steps.finish()
