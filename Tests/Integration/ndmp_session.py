# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""A small NDMP client for load tests: just the messages that they send, written from the protocol's layouts.

Independent of the product: no code is shared with it. One `Session` is one control connection, already
authenticated. Every call raises `NDMPError` when the reply carries an error, and `ConnectionLost` when the server
goes away, which is what the tests that kill it wait for.
"""

import select
import socket
import struct
import time

VERSION = 4
# Message codes.
CONFIG_GET_TAPE_INFO = 0x106
SCSI_OPEN, SCSI_CLOSE, SCSI_EXECUTE_CDB = 0x200, 0x201, 0x206
TAPE_OPEN, TAPE_CLOSE, TAPE_GET_STATE, TAPE_MTIO, TAPE_WRITE, TAPE_READ = 0x300, 0x301, 0x302, 0x303, 0x304, 0x305
NOTIFY_CONNECTION_STATUS, NOTIFY_MOVER_HALTED, NOTIFY_MOVER_PAUSED = 0x502, 0x503, 0x504
CONNECT_OPEN, CONNECT_CLIENT_AUTH, CONNECT_CLOSE = 0x900, 0x901, 0x902
MOVER_GET_STATE, MOVER_LISTEN, MOVER_CONTINUE, MOVER_ABORT, MOVER_STOP = 0xA00, 0xA01, 0xA02, 0xA03, 0xA04
MOVER_SET_WINDOW, MOVER_READ, MOVER_CLOSE, MOVER_SET_RECORD_SIZE = 0xA05, 0xA06, 0xA07, 0xA08
# Errors that tests look at.
DEVICE_BUSY, NO_TAPE_LOADED, EOF_ERR, EOM_ERR = 2, 10, 12, 13
# TAPE_OPEN modes, TAPE_MTIO operations, mover modes (seen from the mover: READ is backup), CDB directions.
READ_ONLY, READ_WRITE, RAW = 0, 1, 2
FSF, BSF, FSR, BSR, REWIND, WRITE_FILEMARK, UNLOAD = 0, 1, 2, 3, 4, 5, 6
TO_TAPE, FROM_TAPE = 0, 1
NO_DATA, DATA_IN = 0, 1
ALL_ONES = 0xFFFF_FFFF_FFFF_FFFF


class NDMPError(Exception):
    def __init__(self, message, code):
        super().__init__(f"message 0x{message:x} answered error {code}")
        self.code = code


class ConnectionLost(Exception):
    pass


def opaque(data):
    """XDR string or opaque: length, bytes, padding to four."""
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def text(string):
    return opaque(string.encode())


class Session:
    def __init__(self, port, host="127.0.0.1", user="ndmp", password="ndmp", timeout=60.0, version=VERSION):
        self.sequence = 0
        self.posts = []  # what the server sent without being asked: (message, body)
        self.version = version
        try:
            self.socket = socket.create_connection((host, port), timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._wait_for_post(NOTIFY_CONNECTION_STATUS)
        except OSError as error:
            raise ConnectionLost(str(error)) from error
        self.call(CONNECT_OPEN, struct.pack(">I", version))
        self.call(CONNECT_CLIENT_AUTH, struct.pack(">I", 1) + text(user) + text(password))

    # Frames.
    def _receive(self, count):
        parts, missing = [], count
        while missing:
            try:
                part = self.socket.recv(missing)
            except OSError as error:
                raise ConnectionLost(str(error)) from error
            if not part:
                raise ConnectionLost("closed by the server")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _message(self):
        parts, last = [], False
        while not last:
            (mark,) = struct.unpack(">I", self._receive(4))
            last = bool(mark & 0x8000_0000)
            parts.append(self._receive(mark & 0x7FFF_FFFF))
        whole = b"".join(parts)
        return struct.unpack(">6I", whole[:24]), whole[24:]

    def _send(self, message, body):
        self.sequence += 1
        header = struct.pack(">6I", self.sequence, int(time.time()), 0, message, 0, 0)
        try:
            self.socket.sendall(struct.pack(">I", 0x8000_0000 | (24 + len(body))) + header + body)
        except OSError as error:
            raise ConnectionLost(str(error)) from error

    def call(self, message, body=b"", errors=(), error_offset=0):
        """Sends a request; (error, body behind it) of the reply. Errors outside `errors` are raised.

        `error_offset` is where the error word stands (the v3 and v4 TAPE_GET_STATE has its mask before it).
        """
        self._send(message, body)
        while True:
            (_, _, kind, code, reply_to, header_error), answer = self._message()
            if kind == 0:
                self.posts.append((code, answer))
                continue
            if reply_to != self.sequence:
                raise NDMPError(message, -1)
            error = header_error or struct.unpack_from(">I", answer, error_offset)[0]
            if error and error not in errors:
                raise NDMPError(message, error)
            return error, answer[error_offset + 4:]

    def _wait_for_post(self, message):
        while True:
            for index, (code, body) in enumerate(self.posts):
                if code == message:
                    del self.posts[index]
                    return body
            (_, _, kind, code, _, _), body = self._message()
            if kind == 0:
                self.posts.append((code, body))

    def wait_for_halt(self):
        """The reason in NOTIFY_MOVER_HALTED (1 is: the data connection was closed)."""
        return struct.unpack_from(">I", self._wait_for_post(NOTIFY_MOVER_HALTED))[0]

    def wait_for_pause(self):
        return struct.unpack_from(">I", self._wait_for_post(NOTIFY_MOVER_PAUSED))[0]

    def is_readable(self, seconds):
        return bool(select.select([self.socket], [], [], seconds)[0])

    # Tape.
    def tape_open(self, device, mode=READ_WRITE, errors=()):
        return self.call(TAPE_OPEN, text(device) + struct.pack(">I", mode), errors)[0]

    def tape_close(self):
        self.call(TAPE_CLOSE)

    def mtio(self, operation, count=1, errors=()):
        """The operations that were not done."""
        _, body = self.call(TAPE_MTIO, struct.pack(">II", operation, count), errors)
        return struct.unpack_from(">I", body)[0] if len(body) >= 4 else 0

    def rewind(self):
        self.mtio(REWIND)

    def write_filemarks(self, count=1):
        left = self.mtio(WRITE_FILEMARK, count)
        if left:
            raise NDMPError(TAPE_MTIO, EOM_ERR)

    def write(self, record, errors=()):
        error, body = self.call(TAPE_WRITE, opaque(record), errors)
        if not error and struct.unpack_from(">I", body)[0] != len(record):
            raise NDMPError(TAPE_WRITE, -2)
        return error

    def read(self, limit=1 << 20):
        """A record's bytes, or None at a filemark, or b"" at end of data."""
        error, body = self.call(TAPE_READ, struct.pack(">I", limit), (EOF_ERR, EOM_ERR))
        if error == EOF_ERR:
            return None
        if error == EOM_ERR:
            return b""
        (length,) = struct.unpack_from(">I", body)
        return body[4:4 + length]

    def position(self):
        """(file, block in that file)."""
        _, body = self.call(TAPE_GET_STATE, b"", error_offset=4)
        _, file, _, _, block = struct.unpack_from(">5I", body)
        return file, block

    # Robot.
    def scsi_open(self, device, errors=()):
        return self.call(SCSI_OPEN, text(device), errors)[0]

    def scsi_close(self):
        self.call(SCSI_CLOSE)

    def cdb(self, cdb, data_in=0, timeout_ms=300_000):
        """(status, data, sense) of a command without data to the device."""
        flags = DATA_IN if data_in else NO_DATA
        body = struct.pack(">III", flags, timeout_ms, data_in) + opaque(cdb) + opaque(b"")
        _, answer = self.call(SCSI_EXECUTE_CDB, body)
        status, _, length = struct.unpack_from(">III", answer)
        data = answer[12:12 + length]
        after = 12 + length + (-length % 4)
        (sense_length,) = struct.unpack_from(">I", answer, after)
        return status, data, answer[after + 4:after + 4 + sense_length]

    def move_medium(self, source, destination, transport=1):
        """MOVE MEDIUM between element addresses; the status byte and the sense data."""
        status, _, sense = self.cdb(struct.pack(">BBHHHHBB", 0xA5, 0, transport, source, destination, 0, 0, 0))
        return status, sense

    def ready(self):
        """TEST UNIT READY until no unit attention is left; the last status."""
        for _ in range(8):
            status, _, sense = self.cdb(bytes(6))
            if status == 0 or (len(sense) > 2 and sense[2] & 0x0F != 6):
                return status
        return status

    # Mover.
    def mover_set_record_size(self, count):
        self.call(MOVER_SET_RECORD_SIZE, struct.pack(">I", count))

    def mover_set_window(self, offset=0, length=ALL_ONES):
        self.call(MOVER_SET_WINDOW, struct.pack(">QQ", offset, length))

    def mover_listen(self, mode):
        """(host, port) that the data connection goes to."""
        _, body = self.call(MOVER_LISTEN, struct.pack(">II", mode, 1))
        kind, count = struct.unpack_from(">II", body)
        if kind != 1 or count < 1:
            raise NDMPError(MOVER_LISTEN, -3)
        address, port = struct.unpack_from(">II", body, 8)
        return socket.inet_ntoa(struct.pack(">I", address)), port

    def mover_read(self, offset=0, length=ALL_ONES):
        self.call(MOVER_READ, struct.pack(">QQ", offset, length))

    def mover_continue(self):
        self.call(MOVER_CONTINUE)

    def mover_close(self):
        self.call(MOVER_CLOSE)

    def mover_abort(self):
        self.call(MOVER_ABORT)

    def mover_stop(self):
        self.call(MOVER_STOP)

    def mover_bytes_moved(self):
        """bytes_moved of MOVER_GET_STATE (v4)."""
        _, body = self.call(MOVER_GET_STATE)
        return struct.unpack_from(">Q", body, 24)[0]

    # Ends.
    def close(self):
        """CONNECT_CLOSE; the server closes."""
        try:
            self._send(CONNECT_CLOSE, b"")
        except ConnectionLost:
            pass
        self.socket.close()

    def drop(self):
        """The client dies: the connection is reset, with nothing said."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
