# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""An NDMP client of versions 2, 3 and 4, written from the protocol's layouts and from nothing of the server.

Every method sends one request and returns a `Reply`: `error` (from the header or the body, `place` says which) and
the fields as attributes. Nothing is raised for an error: the tests say which one they expect. Posts are collected
in `posts` as (code, body). `request` and `send_raw` send what a good client never would.
"""

import hashlib
import socket
import struct
import time

# Errors.
NO_ERR, NOT_SUPPORTED, DEVICE_BUSY, DEVICE_OPENED, NOT_AUTHORIZED, PERMISSION, NOT_OPEN, IO_ERR = range(8)
TIMEOUT, ILLEGAL_ARGS, NO_TAPE, WRITE_PROTECT, EOF_ERR, EOM_ERR = range(8, 14)
NO_DEVICE, XDR_DECODE, ILLEGAL_STATE = 16, 18, 19
CONNECT_ERR, READ_IN_PROGRESS, PRECONDITION = 23, 25, 26
# TAPE_MTIO operations.
FSF, BSF, FSR, BSR, REW, EOF, OFF, TUR = range(8)
# TAPE_OPEN modes.
READ, RDWR, RAW, RAW_UNOFFICIAL = 0, 1, 2, 0x7FFF_FFFF
# Mover modes, states, reasons.
TO_TAPE, FROM_TAPE = 0, 1
IDLE, LISTEN, ACTIVE, PAUSED, HALTED = range(5)
LOCAL, TCP = 0, 1
ALL_ONES_32, ALL_ONES = 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF
AUTH_NONE, AUTH_TEXT, AUTH_MD5 = range(3)
# Posts.
NOTIFY_CONNECTED, NOTIFY_MOVER_HALTED, NOTIFY_MOVER_PAUSED = 0x502, 0x503, 0x504


class Closed(Exception):
    """The server closed the connection."""


class Malformed(Exception):
    """The server sent something that is not NDMP."""


def u32(*values):
    return b"".join(struct.pack(">I", value & ALL_ONES_32) for value in values)


def u64(*values):
    return b"".join(struct.pack(">Q", value) for value in values)


def blob(data):
    """Counted bytes: a string or an opaque."""
    data = data.encode() if isinstance(data, str) else bytes(data)
    return u32(len(data)) + data + bytes(-len(data) % 4)


class Body:
    """Reads fields from a reply or a post; complains when it ends early or a padding byte is not zero."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Malformed(f"the body of {len(self.data)} bytes ends early at {self.at}")
        part = self.data[self.at:self.at + count]
        self.at += count
        return part

    def u32(self):
        return struct.unpack(">I", self.take(4))[0]

    def u64(self):
        return struct.unpack(">Q", self.take(8))[0]

    def blob(self):
        count = self.u32()
        data = self.take(count)
        if any(self.take(-count % 4)):
            raise Malformed("padding is not zero")
        return data

    def text(self):
        return self.blob().decode()

    def list(self, item):
        return [item() for _ in range(self.u32())]

    def variables(self):
        return self.list(lambda: (self.text(), self.text()))

    def end(self):
        if self.at != len(self.data):
            raise Malformed(f"{len(self.data) - self.at} bytes behind the last field")


class Reply:
    def __init__(self, error, place, **fields):
        self.error, self.place = error, place
        self.__dict__.update(fields)

    def __repr__(self):
        return "Reply(" + ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items()) + ")"


class Client:
    def __init__(self, host, port, timeout=30.0):
        self.version = 4
        self.sequence = 0
        self.server_sequence = 0
        self.posts = []
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        greeting = Body(self.wait_for_post(NOTIFY_CONNECTED))
        self.greeting = Reply(0, "body", reason=greeting.u32(), version=greeting.u32(), text=greeting.text())
        greeting.end()

    # --- frames ---------------------------------------------------------------------------------------------------

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionError) as error:
            raise Closed(str(error)) from error

    def header(self, code, kind=0, reply_to=0, error=0):
        self.sequence += 1
        return u32(self.sequence, int(time.time()), kind, code, reply_to, error)

    def send(self, code, body=b"", kind=0, fragment=None):
        """One message, whole or cut into fragments of `fragment` bytes."""
        message = self.header(code, kind) + body
        size = fragment or len(message)
        pieces = [message[at:at + size] for at in range(0, len(message), size)]
        stream = b"".join(
            u32(len(piece) | (0x8000_0000 if index == len(pieces) - 1 else 0)) + piece
            for index, piece in enumerate(pieces)
        )
        self.send_raw(stream)
        return self.sequence

    def receive_bytes(self, count):
        parts = []
        while count:
            try:
                part = self.socket.recv(min(count, 1 << 20))
            except ConnectionError as error:
                raise Closed(str(error)) from error
            if not part:
                raise Closed("the server closed the connection")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def receive(self):
        """(kind, code, reply_to, error, body) of the next message; its sequence must be the one that is due."""
        parts, last = [], False
        while not last:
            (mark,) = struct.unpack(">I", self.receive_bytes(4))
            last = bool(mark & 0x8000_0000)
            parts.append(self.receive_bytes(mark & 0x7FFF_FFFF))
        message = b"".join(parts)
        if len(message) < 24:
            raise Malformed("a message without a whole header")
        sequence, stamp, kind, code, reply_to, error = struct.unpack(">6I", message[:24])
        self.server_sequence += 1
        if sequence != self.server_sequence:
            raise Malformed(f"sequence {sequence} instead of {self.server_sequence}")
        if abs(stamp - time.time()) > 120:
            raise Malformed(f"time stamp {stamp}")
        if kind not in (0, 1) or (kind == 0 and (reply_to or error)):
            raise Malformed(f"type {kind}, reply sequence {reply_to}, error {error}")
        if kind == 0:
            self.posts.append((code, message[24:]))
        return kind, code, reply_to, error, message[24:]

    def reply_to(self, sequence, code):
        """(header error, body) of the reply to that request; posts that come before it are collected."""
        while True:
            kind, found, reply_to, error, body = self.receive()
            if kind == 0:
                continue
            if reply_to != sequence or found != code:
                raise Malformed(f"a reply to #{reply_to} 0x{found:x} instead of #{sequence} 0x{code:x}")
            if error and body:
                raise Malformed("a body behind a header error")
            return error, Body(body)

    def request(self, code, body=b"", read=None, mask_first=False, fragment=None):
        """Sends and decodes. `read(body)` gives the fields behind the error; `mask_first`: a word stands before it."""
        error, answer = self.reply_to(self.send(code, body, fragment=fragment), code)
        if error:
            return Reply(error, "header")
        mask = answer.u32() if mask_first else 0
        error = answer.u32()
        fields = read(answer) if read else {}
        answer.end()
        return Reply(error, "body", mask=mask, **fields)

    def request_error(self, code, body=b""):
        """The error of a request whose reply's other fields do not matter and whose error is the first word."""
        error, answer = self.reply_to(self.send(code, body), code)
        return error or answer.u32()

    def wait_for_post(self, code):
        while True:
            for index, (found, body) in enumerate(self.posts):
                if found == code:
                    del self.posts[index]
                    return body
            if self.receive()[0] == 1:
                raise Malformed("a reply that nobody asked for")

    def is_closed(self, seconds=5.0):
        """Whether the server closes within that time; what it sends before is read away."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    # --- CONNECT --------------------------------------------------------------------------------------------------

    def open(self, version):
        reply = self.request(0x900, u32(version))
        if not reply.error:
            self.version = version
        return reply

    def auth_none(self):
        return self.request(0x901, u32(AUTH_NONE))

    def auth_text(self, user, password):
        return self.request(0x901, u32(AUTH_TEXT) + blob(user) + blob(password))

    def auth_attributes(self, kind=AUTH_MD5):
        def read(body):
            if body.at == len(body.data):
                return {"kind": None, "challenge": b""}
            found = body.u32()
            return {"kind": found, "challenge": body.take(64) if found == AUTH_MD5 else b""}

        return self.request(0x103, u32(kind), read)

    def auth_md5(self, user, password, challenge=None):
        if challenge is None:
            challenge = self.auth_attributes().challenge
        secret = password.encode()[:32]
        block = bytearray(128)
        block[0:len(secret)] = secret
        block[64 - len(secret):128 - len(secret)] = challenge
        block[128 - len(secret):128] = secret
        return self.request(0x901, u32(AUTH_MD5) + blob(user) + hashlib.md5(block).digest())

    def close(self):
        """CONNECT_CLOSE has no reply; the server closes."""
        try:
            self.send(0x902)
            self.is_closed(2)
        except (Closed, OSError):
            pass
        self.socket.close()

    def drop(self):
        """The connection is reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- CONFIG ---------------------------------------------------------------------------------------------------

    def host_info(self):
        def read(body):
            fields = dict(zip(("host", "system", "release", "identity"), (body.text() for _ in range(4))))
            if self.version == 2:
                fields["auth_types"] = body.list(body.u32)
            return fields

        return self.request(0x100, b"", read)

    def connection_types(self):
        return self.request(0x102, b"", lambda body: {"types": body.list(body.u32)})

    def server_info(self):
        return self.request(0x108, b"", lambda body: {
            "vendor": body.text(), "product": body.text(), "revision": body.text(), "auth_types": body.list(body.u32),
        })

    def _devices(self, code):
        def name(body):
            return {"device": body.text(), "attributes": body.u32(), "capabilities": dict(body.variables())}

        return self.request(code, b"", lambda body: {
            "devices": body.list(lambda: {"model": body.text(), "names": body.list(lambda: name(body))}),
        })

    def tape_info(self):
        return self._devices(0x106)

    def scsi_info(self):
        return self._devices(0x107)

    # --- SCSI -----------------------------------------------------------------------------------------------------

    def scsi_open(self, device):
        return self.request(0x200, blob(device))

    def scsi_close(self):
        return self.request(0x201)

    def scsi_state(self):
        return self.request(0x202, b"", lambda body: {"address": (body.u32(), body.u32(), body.u32())})

    def execute(self, cdb, data_in=0, data_out=b"", flags=None, timeout=300_000, code=0x206):
        """SCSI_EXECUTE_CDB, or TAPE_EXECUTE_CDB with code 0x307."""
        if flags is None:
            flags = 1 if data_in else 2 if data_out else 0
        body = u32(flags, timeout, data_in) + blob(cdb) + blob(data_out)
        return self.request(code, body, lambda body: {
            "status": body.u32(), "sent": body.u32(), "data": body.blob(), "sense": body.blob(),
        })

    # --- TAPE -----------------------------------------------------------------------------------------------------

    def tape_open(self, device, mode=RDWR):
        return self.request(0x300, blob(device) + u32(mode))

    def tape_close(self):
        return self.request(0x301)

    def tape_state(self):
        def read(body):
            names = ("flags", "file", "soft_errors", "block_size", "block")
            fields = dict(zip(names, (body.u32() for _ in names)))
            fields |= {"total": body.u64(), "remaining": body.u64()}
            if self.version == 3:
                fields["partition"] = body.u32()
            return fields

        return self.request(0x302, b"", read, mask_first=self.version >= 3)

    def position(self):
        """(file, block) of TAPE_GET_STATE."""
        state = self.tape_state()
        return state.file, state.block

    def mtio(self, operation, count=1):
        return self.request(0x303, u32(operation, count), lambda body: {"left": body.u32()})

    def write(self, record):
        return self.request(0x304, blob(record), lambda body: {"count": body.u32()})

    def read(self, count):
        return self.request(0x305, u32(count), lambda body: {"data": body.blob()})

    # --- MOVER ----------------------------------------------------------------------------------------------------

    def encode_address(self, kind, host="127.0.0.1", port=0):
        if kind != TCP:
            return u32(kind)
        address = socket.inet_aton(host) + u32(port)
        return u32(TCP, 1) + address + u32(0) if self.version >= 4 else u32(TCP) + address

    def read_address(self, body):
        """None for LOCAL, else (host, port) of the first address."""
        kind = body.u32()
        if kind == LOCAL:
            return None
        if kind != TCP:
            raise Malformed(f"address type {kind}")
        found = []
        for _ in range(body.u32() if self.version >= 4 else 1):
            found.append((socket.inet_ntoa(body.take(4)), body.u32()))
            if self.version >= 4:
                body.variables()
        return found[0]

    def mover_state(self):
        def read(body):
            names = ["state", "pause", "halt", "record_size", "record"]
            if self.version >= 4:
                names.insert(0, "mode")
            fields = dict(zip(names, [body.u32() for _ in names]))
            wide = ("moved", "seek", "left", "window", "window_length")
            fields |= dict(zip(wide, [body.u64() for _ in wide]))
            if self.version >= 3:
                fields["address"] = self.read_address(body)
            return fields

        return self.request(0xA00, b"", read)

    def mover_listen(self, mode, kind=TCP):
        return self.request(0xA01, u32(mode, kind), lambda body: {"address": self.read_address(body)})

    def mover_connect(self, mode, kind=TCP, host="127.0.0.1", port=0):
        return self.request(0xA09, u32(mode) + self.encode_address(kind, host, port))

    def mover_continue(self):
        return self.request(0xA02)

    def mover_abort(self):
        return self.request(0xA03)

    def mover_stop(self):
        return self.request(0xA04)

    def mover_window(self, offset=0, length=ALL_ONES):
        return self.request(0xA05, u64(offset, length))

    def mover_read(self, offset=0, length=ALL_ONES):
        return self.request(0xA06, u64(offset, length))

    def mover_close(self):
        return self.request(0xA07)

    def mover_record_size(self, count):
        return self.request(0xA08, u32(count))

    def wait_for_halt(self):
        """The reason of the next NOTIFY_MOVER_HALTED."""
        body = Body(self.wait_for_post(NOTIFY_MOVER_HALTED))
        reason = body.u32()
        if self.version < 4:
            body.text()
        body.end()
        return reason

    def wait_for_pause(self):
        """(reason, seek position) of the next NOTIFY_MOVER_PAUSED."""
        body = Body(self.wait_for_post(NOTIFY_MOVER_PAUSED))
        return body.u32(), body.u64()


def log_in(host, port, version=4, user="ndmp", password="ndmp", timeout=30.0):
    """A session in that version, authenticated with MD5."""
    client = Client(host, port, timeout)
    for reply in (client.open(version), client.auth_md5(user, password)):
        if reply.error:
            raise Malformed(f"log-in failed: {reply}")
    return client


def device_names(host, port, **credentials):
    """([tape names], changer name): the first name of each device."""
    with log_in(host, port, 4, **credentials) as client:
        tapes = [device["names"][0]["device"] for device in client.tape_info().devices]
        changers = [device["names"][0]["device"] for device in client.scsi_info().devices]
    return tapes, changers[0]


class Robot:
    """The changer of a session: where its elements are, and moves."""

    STORAGE, DOOR, DRIVE = 2, 3, 4

    def __init__(self, client, device):
        self.client = client
        reply = client.scsi_open(device)
        if reply.error:
            raise Malformed(f"SCSI_OPEN: {reply}")
        for _ in range(8):
            if client.execute(bytes(6)).status == 0:
                break

    def elements(self, kind):
        """[(address, full)] in the order of the library, by READ ELEMENT STATUS."""
        data = self.client.execute(bytes([0xB8, kind, 0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0, 0]), 0xFFFF).data
        found, at = [], 8
        while at + 8 <= len(data):
            size, count = struct.unpack_from(">H", data, at + 2)[0], int.from_bytes(data[at + 5:at + 8], "big")
            for place in range(at + 8, at + 8 + count, size):
                found.append((struct.unpack_from(">H", data, place)[0], bool(data[place + 2] & 1)))
            at += 8 + count
        return found

    def move(self, source, destination):
        reply = self.client.execute(struct.pack(">BBHHHHBB", 0xA5, 0, 0, source, destination, 0, 0, 0))
        if reply.error or reply.status:
            raise Malformed(f"MOVE MEDIUM {source:#x} to {destination:#x}: {reply}")

    def fill_drive(self, index):
        """Loads the first cartridge of a slot into an empty drive; returns the slot, or None when it was full."""
        address, full = self.elements(self.DRIVE)[index]
        if full:
            return None
        slot = next(place for place, occupied in self.elements(self.STORAGE) if occupied)
        self.move(slot, address)
        return slot

    def reload(self, index):
        """Takes the cartridge of a drive out and puts it in again: the way back from MTIO OFF."""
        address = self.elements(self.DRIVE)[index][0]
        slot = next(place for place, occupied in self.elements(self.STORAGE) if not occupied)
        self.move(address, slot)
        self.move(slot, address)
