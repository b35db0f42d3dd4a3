# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""A daemon with exports, and a data connection whose other end is this test instead of a mover.

`capture` takes a backup's stream; `feed` gives a stream to a recovery, range by range as it asks for it. `step` is a
step of the test after which the daemon must be as before: drive free, threads and open files given back, and another
backup works.
"""

import contextlib
import os
import select
import socket
import sys
import time

import ndmp_client as ndmp
from harness import Daemon, expect, wait_until
from ndmp_client import ALL_ONES, TCP
from ndmp_data import Job, good, log_in, open_drive
from ndmp_job import CONNECTED

FORMATS = ("tar", "dump")
# Of threads and sockets that are about to go, on a loaded machine.
SETTLE_SECONDS = 15.0


class WrappedDaemon(Daemon):
    """`capstan serve` started by another program: `wrapper` are its words, and it must exec what follows them."""

    def __init__(self, wrapper, **options):
        self.wrapper = list(wrapper)
        super().__init__(**options)

    def start(self):
        if self.command[:len(self.wrapper)] != self.wrapper:
            self.command = [*self.wrapper, *self.command]
        return super().start()


class Rig:
    def __init__(self, steps, daemon, tree, target):
        self.steps, self.daemon, self.tree, self.target = steps, daemon, tree, target
        daemon.run("load", "1", "0")
        self.rounds = 0
        # What the first jobs leave in the process stays: it is the baseline.
        for _ in FORMATS:
            self.works()
        self.threads, self.files = self.settled_counts()

    # --- the daemon as a whole ------------------------------------------------------------------------------------

    def counts(self):
        return len(os.listdir(f"/proc/{self.daemon.pid}/task")), self.daemon.open_files()

    def settled_counts(self):
        """(threads, open files) once no session is left."""
        wait_until(lambda: not self.daemon.json("status")["sessions"], "the sessions to end", SETTLE_SECONDS)
        counts = [self.counts()]

        def is_steady():
            counts.append(self.counts())
            return len(counts) > 20 and len(set(counts[-20:])) == 1

        wait_until(is_steady, "the counts of threads and files to be steady", SETTLE_SECONDS, every=0.01)
        return counts[-1]

    def is_as_before(self):
        expect(self.daemon.process.poll() is None, "the daemon has ended:", self.daemon.log()[-2000:])
        wait_until(
            lambda: all(now <= then for now, then in zip(self.counts(), (self.threads, self.files))),
            f"threads and open files to be ({self.threads}, {self.files}) again", SETTLE_SECONDS)

    def works(self):
        """A backup on the drive, by turns of both formats, LOCAL and TCP."""
        self.rounds += 1
        kind, is_local = FORMATS[self.rounds % len(FORMATS)], self.rounds % 4 < 2
        with contextlib.ExitStack() as sessions:
            tape = sessions.enter_context(self.session())
            data = tape if is_local else sessions.enter_context(self.session())
            open_drive(tape, self.daemon.tapes[0])
            good(tape.mtio(ndmp.REW))
            Job(data, tape, kind).backup(os.path.join(self.tree, "small")).succeeded()
            good(tape.mtio(ndmp.REW))

    def session(self, version=4):
        return log_in("127.0.0.1", self.daemon.port, version)

    @contextlib.contextmanager
    def step(self, name):
        with self.steps.step(name):
            try:
                yield
            finally:
                if sys.exc_info()[0] is not None:
                    print("# the daemon's last words:", *self.daemon.log().splitlines()[-4:], sep="\n# ", flush=True)
            self.is_as_before()
            self.works()

    def says(self, text, since=0):
        """Our own log has this text."""
        expect(text in self.daemon.log()[since:], f"our log has no {text!r}: {self.daemon.log()[since:][-1000:]}")

    # --- this test as the mover -----------------------------------------------------------------------------------

    def peer_of_connect(self, session):
        """The data service connects to us; our end of the data connection."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            # What is held up here is not to vanish into a buffer of many megabytes.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
            listener.settimeout(20)
            good(session.data_connect(TCP, *listener.getsockname()))
            peer = listener.accept()[0]
        peer.settimeout(20)
        return peer

    def peer_of_listen(self, session):
        """We connect to the data service, and wait until it has taken us."""
        peer = socket.create_connection(good(session.data_listen()).address, 20)
        wait_until(lambda: good(session.data_state()).state == CONNECTED, "CONNECTED", 5)
        return peer

    def start_backup(self, session, kind="tar", root=None, variables=()):
        peer = self.peer_of_connect(session)
        root = root or os.path.join(self.tree, "large")
        good(session.start_backup(kind, [("FILESYSTEM", root), ("TYPE", kind), *dict(variables).items()]))
        return peer

    def capture(self, kind, root=None, variables=(), meanwhile=None, behind=b""):
        """(stream, halt reason, the session) of a backup. `meanwhile()` is called when the bytes `behind` have come."""
        parts, count, tail = [], 0, b""
        with self.session() as session:
            with self.start_backup(session, kind, root, variables) as peer:
                while True:
                    ready = select.select([peer, session.socket], [], [], 30)[0]
                    expect(ready, f"nothing came for 30 s after {count} bytes: {session.said()[-500:]}")
                    if session.socket in ready:
                        session.take_what_came()
                    if peer not in ready:
                        continue
                    part = peer.recv(1 << 16)
                    if not part:
                        break
                    parts.append(part)
                    count += len(part)
                    if meanwhile:
                        tail += part
                        if behind in tail:
                            meanwhile()
                            meanwhile = None
                        tail = tail[-len(behind):]
            reason = session.wait_for_event("data halted")[0]
        expect(meanwhile is None, f"the place to hold the stream at never came in {count} bytes")
        return b"".join(parts), reason, session

    def feed(self, kind, stream, names=(), variables=(), seconds=60.0, excess=b""):
        """(halt reason, session): a recovery of this stream. A place behind its end closes the connection.

        `excess` follows each range that was asked for.
        """
        with self.session() as session, self.peer_of_listen(session) as peer:
            reply = session.start_recover(kind, list(dict(variables).items()), names)
            if reply.error:
                return reply, session
            peer.setblocking(False)
            waiting, ends, is_open = memoryview(b""), False, True
            deadline = time.monotonic() + seconds
            while True:
                expect(time.monotonic() < deadline, f"still at work after {seconds} s: {session.said()[-500:]}")
                readable, writable, _ = select.select(
                    [session.socket, *([peer] if is_open else [])], [peer] if len(waiting) and is_open else [], [], 1)
                try:
                    if writable:
                        waiting = waiting[peer.send(waiting[:1 << 18]):]
                    if peer in readable and not peer.recv(65536):
                        is_open = False
                except OSError:
                    is_open = False
                if session.socket in readable:
                    session.take_what_came()
                for what, *details in list(session.events):
                    session.events.remove((what, *details))
                    if what == "data halted":
                        return details[0], session
                    offset, length = details
                    end = len(stream) if length == ALL_ONES else min(len(stream), offset + length)
                    waiting = memoryview(bytes(waiting) + stream[offset:end] + excess)
                    ends = ends or offset + length > len(stream)
                if ends and not len(waiting) and is_open:
                    with contextlib.suppress(OSError):
                        peer.shutdown(socket.SHUT_WR)
                    ends = False


def fill(folder, source, large=24 << 20):
    """A tree with `small` and `large` below it; `source` is a random.Random."""
    small, big = os.path.join(folder, "small"), os.path.join(folder, "large")
    for path in (small, big, os.path.join(small, "below")):
        os.makedirs(path)
    for index in range(12):
        with open(os.path.join(small, f"file{index}"), "wb") as file:
            file.write(source.randbytes(source.randrange(20_000)))
    with open(os.path.join(small, "below", "deep"), "wb") as file:
        file.write(source.randbytes(100_000))
    os.symlink("below/deep", os.path.join(small, "link"))
    with open(os.path.join(big, "block"), "wb") as file:
        file.write(source.randbytes(large))
