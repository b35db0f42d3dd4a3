# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Sessions and jobs for the tests in which things go wrong: the client of ndmp_job.py, with patience.

A reply may come after that of a later request: a connect that is still under way must not keep GET_STATE waiting. So
`ask` sends without waiting, and `answer` waits for that one reply. `Job` connects data service and mover, runs until
both have halted however they do, and keeps what both said; the tape is open and one cartridge is enough.
"""

import contextlib
import select
import time

import ndmp_client as ndmp
import ndmp_job
from harness import Failure, expect
from ndmp_client import ALL_ONES, FROM_TAPE, LOCAL, TCP, TO_TAPE, Body, Malformed

SUCCESSFUL, ABORTED, INTERNAL_ERROR, CONNECT_ERROR = range(1, 5)
# Of a mover: its halt reasons are the same otherwise.
CONNECT_CLOSED, MEDIA_ERROR = 1, 5
LOG_NORMAL, LOG_DEBUG, LOG_ERROR, LOG_WARNING = range(4)
RECORD = 64 << 10
# "At once", for what only takes the daemon's own time, on a loaded machine.
AT_ONCE_SECONDS = 1.0


class CountedHistory:
    """File history that is counted and not looked at: reading it in Python takes longer than making it."""

    def __init__(self):
        self.entries = 0

    def take(self, _code, data, _version):
        self.entries += Body(data).u32()


class DataClient(ndmp_job.DataClient):
    def __init__(self, host, port, timeout=30.0):
        self.early = {}
        super().__init__(host, port, timeout)

    def take(self):
        """Receives one message: a reply is kept by the sequence of its request; posts sort themselves."""
        kind, code, reply_to, error, body = self.receive()
        if kind:
            self.early[reply_to] = (code, error, body)

    def reply_to(self, sequence, code):
        while sequence not in self.early:
            self.take()
        found, error, body = self.early.pop(sequence)
        if found != code:
            raise Malformed(f"the reply to #{sequence} is one to 0x{found:x} instead of 0x{code:x}")
        if error and body:
            raise Malformed("a body behind a header error")
        return error, Body(body)

    def ask(self, code, body=b""):
        """Sends a request; `answer` takes what it returns."""
        return self.send(code, body), code

    def answered(self, asked):
        self.take_what_came()
        return asked[0] in self.early

    def answer(self, asked):
        """The error of a request that was sent with `ask`."""
        error, body = self.reply_to(*asked)
        return error or body.u32()

    def take_what_came(self, seconds=0.0):
        """Takes what has come; the first may still be `seconds` away."""
        while select.select([self.socket], [], [], seconds)[0]:
            self.take()
            seconds = 0.0

    def wait_for_event(self, what, seconds=30.0):
        """The details of the next event of this name: the reason of "data halted", …"""
        deadline = time.monotonic() + seconds
        while True:
            for event in self.events:
                if event[0] == what:
                    self.events.remove(event)
                    return event[1:]
            if not select.select([self.socket], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise Failure(f"no {what} within {seconds} s; said: {self.said()[-500:]}")
            self.take()

    def errors(self):
        """The sentences of the error messages so far."""
        if self.socket.fileno() >= 0:
            self.take_what_came()
        return [text for kind, text in self.logs if kind == LOG_ERROR]


def log_in(host, port, version=4, timeout=30.0, password="ndmp"):
    client = DataClient(host, port, timeout)
    for reply in (client.open(version), client.auth_md5("ndmp", password)):
        if reply.error:
            raise Malformed(f"log-in failed: {reply}")
    return client


def good(reply):
    expect(reply.error == 0, repr(reply))
    return reply


def open_drive(session, device, seconds=20.0, mode=ndmp.RDWR):
    """Opens a drive that a session which has just died may not have let go of yet."""
    deadline = time.monotonic() + seconds
    while (reply := session.tape_open(device, mode)).error == ndmp.DEVICE_BUSY:
        if time.monotonic() > deadline:
            raise Failure(f"{device} is still busy after {seconds} s")
        time.sleep(0.02)
    return good(reply)


@contextlib.contextmanager
def tape_session(host, port, device, version=4, timeout=30.0, password="ndmp"):
    """A session with that drive open and rewound."""
    session = log_in(host, port, version, timeout, password)
    try:
        open_drive(session, device)
        good(session.mtio(ndmp.REW))
        yield session
    finally:
        session.close()


class Job:
    """One backup or recovery between two sessions, or within one when both are the same: then it is LOCAL."""

    def __init__(self, data, tape, kind="tar", listener="tape", record=RECORD):
        self.data, self.tape, self.kind, self.listener, self.record = data, tape, kind, listener, record
        self.is_local = data is tape
        self.data_reason = self.mover_reason = self.address = None
        self.moved = self.processed = 0
        self.pauses, self.reads, self.environment = [], [], []

    def connect(self, mode, window=(0, ALL_ONES)):
        """Both ends of the data connection; raises Failure when it does not come about."""
        good(self.tape.mover_record_size(self.record))
        good(self.tape.mover_window(*window))
        kind = LOCAL if self.is_local else TCP
        if self.listener == "tape":
            self.address = good(self.tape.mover_listen(mode, kind)).address
            good(self.data.data_connect(kind, *(self.address or ())))
        else:
            self.address = good(self.data.data_listen(kind)).address
            good(self.tape.mover_connect(mode, kind, *(self.address or ())))
        return self

    def start_backup(self, root, variables=()):
        self.connect(TO_TAPE)
        environment = [("FILESYSTEM", root), ("TYPE", self.kind), *dict(variables).items()]
        good(self.data.start_backup(self.kind, environment))
        return self

    def start_recover(self, variables=(), names=()):
        self.connect(FROM_TAPE)
        good(self.data.start_recover(self.kind, variables, names))
        return self

    def backup(self, root, variables=(), seconds=60.0):
        return self.start_backup(root, variables).run(seconds)

    def recover(self, variables=(), names=(), seconds=60.0):
        return self.start_recover(variables, names).run(seconds)

    def watch(self, seconds=0.0):
        """Takes what comes within `seconds` from either session, and forwards DATA_READ to the mover."""
        sessions = list({id(session): session for session in (self.data, self.tape)}.values())
        if not any(session.events for session in sessions):
            for ready in select.select([session.socket for session in sessions], [], [], seconds)[0]:
                next(session for session in sessions if session.socket is ready).take_what_came()
        for session in sessions:
            while session.events:
                what, *details = session.events.pop(0)
                if what == "data halted":
                    self.data_reason = details[0]
                elif what == "mover halted":
                    self.mover_reason = details[0]
                elif what == "mover paused":
                    self.pauses.append(tuple(details))
                else:
                    self.reads.append(tuple(details))
                    self.forward(*details)

    def forward(self, offset, length):
        """MOVER_READ. A recovery that has ended meanwhile has closed the connection: then it comes too late."""
        if not self.is_local:
            reply = self.tape.mover_read(offset, length)
            expect(reply.error in (0, ndmp.ILLEGAL_STATE), reply)

    def run(self, seconds=60.0):
        """To the halt of both. There is one cartridge, so a pause ends the stream."""
        self.wait(seconds)
        self.stop()
        return self

    def wait(self, seconds=60.0):
        deadline, seen = time.monotonic() + seconds, 0
        while self.data_reason is None or self.mover_reason is None:
            expect(time.monotonic() < deadline, f"after {seconds} s: {self}")
            self.watch(0.5)
            if len(self.pauses) > seen:
                seen = len(self.pauses)
                if self.tape.mover_state().state == ndmp.PAUSED:
                    self.tape.mover_close()
        return self

    def abort(self, seconds=AT_ONCE_SECONDS):
        """DATA_ABORT and MOVER_ABORT end both sides at once, then both are idle."""
        begun = time.monotonic()
        for reply in (self.data.data_abort(), self.tape.mover_abort()):
            # One side's end may have ended the other.
            expect(reply.error in (0, ndmp.ILLEGAL_STATE), reply)
        while self.data_reason is None or self.mover_reason is None:
            self.watch(0.1)
            expect(time.monotonic() - begun < seconds, f"{seconds} s after ABORT: {self}")
        self.stop()
        return self

    def stop(self):
        self.moved = good(self.tape.mover_state()).moved
        self.processed = good(self.data.data_state()).processed
        self.environment = good(self.data.environment()).variables
        good(self.data.data_stop())
        good(self.tape.mover_stop())

    def succeeded(self):
        expect(self.data_reason == SUCCESSFUL and self.mover_reason == CONNECT_CLOSED, self)
        return self

    def __repr__(self):
        said = [text for _, text in (self.data.logs + self.tape.logs)[-6:]]
        return (
            f"data halt {self.data_reason}, mover halt {self.mover_reason}, {self.processed} bytes, moved {self.moved},"
            f" pauses {self.pauses}, reads {self.reads[:5]}, said {said}"
        )
