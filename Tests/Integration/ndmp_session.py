# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""An authenticated session for load tests: the client of ndmp_client.py, with errors raised instead of returned.

`NDMPError` when a reply carries an error that the caller did not name, `ConnectionLost` when the server goes away,
which is what the tests that kill it wait for.
"""

import struct

import ndmp_client as ndmp
from ndmp_client import FSF, FROM_TAPE, RAW, TO_TAPE, Client, Closed

DEVICE_BUSY, EOF_ERR, EOM_ERR = ndmp.DEVICE_BUSY, ndmp.EOF_ERR, ndmp.EOM_ERR
READ_ONLY, READ_WRITE = ndmp.READ, ndmp.RDWR
__all__ = [
    "DEVICE_BUSY", "FROM_TAPE", "FSF", "RAW", "READ_ONLY", "READ_WRITE", "TO_TAPE", "ConnectionLost", "NDMPError",
    "Session",
]


class NDMPError(Exception):
    def __init__(self, what, code):
        super().__init__(f"{what}: error {code}")
        self.code = code


class ConnectionLost(Exception):
    pass


def checked(what, request, errors=()):
    """The reply, when it has no error or one of `errors`."""
    try:
        reply = request()
    except (Closed, OSError) as error:
        raise ConnectionLost(f"{what}: {error}") from error
    if reply.error and reply.error not in errors:
        raise NDMPError(what, reply.error)
    return reply


class Session:
    def __init__(self, port, host="127.0.0.1", user="ndmp", password="ndmp", timeout=60.0, version=4):
        try:
            self.client = Client(host, port, timeout)
        except (Closed, OSError) as error:
            raise ConnectionLost(str(error)) from error
        checked("CONNECT_OPEN", lambda: self.client.open(version))
        checked("CONNECT_CLIENT_AUTH", lambda: self.client.auth_text(user, password))

    # Tape.
    def tape_open(self, device, mode=READ_WRITE, errors=()):
        return checked(f"TAPE_OPEN {device}", lambda: self.client.tape_open(device, mode), errors).error

    def tape_close(self):
        checked("TAPE_CLOSE", self.client.tape_close)

    def mtio(self, operation, count=1):
        """The operations that were not done."""
        return checked(f"TAPE_MTIO {operation} {count}", lambda: self.client.mtio(operation, count)).left

    def rewind(self):
        self.mtio(ndmp.REW)

    def write_filemarks(self, count=1):
        if self.mtio(ndmp.EOF, count):
            raise NDMPError("filemarks not written", EOM_ERR)

    def write(self, record, errors=()):
        reply = checked("TAPE_WRITE", lambda: self.client.write(record), errors)
        if not reply.error and reply.count != len(record):
            raise NDMPError(f"TAPE_WRITE took {reply.count} of {len(record)} bytes", 0)
        return reply.error

    def read(self, limit=1 << 20):
        """A record's bytes, or None at a filemark, or b"" at end of data."""
        reply = checked("TAPE_READ", lambda: self.client.read(limit), (EOF_ERR, EOM_ERR))
        return {EOF_ERR: None, EOM_ERR: b""}[reply.error] if reply.error else reply.data

    # Robot.
    def scsi_open(self, device, errors=()):
        return checked(f"SCSI_OPEN {device}", lambda: self.client.scsi_open(device), errors).error

    def scsi_close(self):
        checked("SCSI_CLOSE", self.client.scsi_close)

    def cdb(self, cdb, data_in=0):
        """(status, data, sense) of a command without data to the device."""
        reply = checked(f"CDB {cdb.hex()}", lambda: self.client.execute(cdb, data_in))
        return reply.status, reply.data, reply.sense

    def move_medium(self, source, destination, transport=1):
        """MOVE MEDIUM between element addresses; the status byte and the sense data."""
        status, _, sense = self.cdb(struct.pack(">BBHHHHBB", 0xA5, 0, transport, source, destination, 0, 0, 0))
        return status, sense

    def ready(self):
        """TEST UNIT READY until no unit attention is left; the last status."""
        for _ in range(8):
            status, _, sense = self.cdb(bytes(6))
            if status == 0 or (len(sense) > 2 and sense[2] & 0x0F != 6):
                break
        return status

    # Mover.
    def mover_set_record_size(self, count):
        checked("MOVER_SET_RECORD_SIZE", lambda: self.client.mover_record_size(count))

    def mover_set_window(self, offset=0, length=ndmp.ALL_ONES):
        checked("MOVER_SET_WINDOW", lambda: self.client.mover_window(offset, length))

    def mover_listen(self, mode):
        """(host, port) that the data connection goes to."""
        return checked("MOVER_LISTEN", lambda: self.client.mover_listen(mode)).address

    def mover_read(self, offset=0, length=ndmp.ALL_ONES):
        checked("MOVER_READ", lambda: self.client.mover_read(offset, length))

    def mover_stop(self):
        checked("MOVER_STOP", self.client.mover_stop)

    def mover_bytes_moved(self):
        return checked("MOVER_GET_STATE", self.client.mover_state).moved

    def wait_for_halt(self):
        """The reason in NOTIFY_MOVER_HALTED (1 is: the data connection was closed)."""
        try:
            return self.client.wait_for_halt()
        except (Closed, OSError) as error:
            raise ConnectionLost(str(error)) from error

    # Ends.
    def close(self):
        self.client.close()

    def drop(self):
        """The client dies: the connection is reset, with nothing said."""
        self.client.drop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
