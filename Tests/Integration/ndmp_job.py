# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""The DATA side of the client in ndmp_client.py, the posts of a data service, and a small DMA made of both.

`DataClient` sends every DATA message in versions 2 to 4. `History` is what FH_ADD_* told. `Job` runs a backup or a
recovery as the overview's workflows have it: the mover pauses at the end of a cartridge, the robot brings the next,
MOVER_READ follows each NOTIFY_DATA_READ. All written from the protocol's layouts.
"""

import select
import time

import ndmp_client as ndmp
from harness import Failure, expect
from ndmp_client import ALL_ONES, FROM_TAPE, LOCAL, TCP, TO_TAPE, Body, Client, blob, u32, u64

# States of the data service, operations, halt reasons.
IDLE, ACTIVE, HALTED, LISTEN, CONNECTED = range(5)
NO_ACTION, BACKUP, RECOVER, RECOVER_FILEHIST = range(4)
NA, SUCCESSFUL, ABORTED, INTERNAL_ERROR, CONNECT_ERROR = range(5)
# Pause reasons of a mover.
EOM, EOF, SEEK, MEDIA_ERROR, EOW = range(1, 6)
# File types of the file history.
DIRECTORY, FIFO, CHARACTER, BLOCK, REGULAR, SYMLINK, SOCKET = range(7)
JOB_SECONDS = 60


class Stat:
    """One file_stat (v3, v4) or UNIX fstat (v2)."""

    def __init__(self, body, version):
        if version == 2:
            names = ("type", "mtime", "atime", "ctime", "owner", "group", "mode")
            self.__dict__.update(zip(names, [body.u32() for _ in names]))
            self.size, self.offset, self.unsupported, self.links = body.u64(), body.u64(), 0, None
        else:
            self.unsupported, self.space = body.u32(), body.u32()
            names = ("type", "mtime", "atime", "ctime", "owner", "group", "mode")
            self.__dict__.update(zip(names, [body.u32() for _ in names]))
            self.size, self.links, self.offset = body.u64(), body.u32(), None


class History:
    """File history as it came: `files` [(path, stat, node)], `dirs` [(name, node, parent)], `nodes` [(node, stat)];
    a stat's `offset` is its fh_info. `order` is the sequence of ("dir", node) and ("node", node)."""

    def __init__(self):
        self.files, self.dirs, self.nodes, self.order, self.codes, self.largest = [], [], [], [], [], 0

    @staticmethod
    def names(body):
        """One [file_name]: the UNIX name of each, bytes."""
        found = []
        for _ in range(body.u32()):
            space = body.u32()
            name = body.blob()
            if space == 1:  # NT carries the DOS name too
                body.blob()
            found.append((space, name))
        unix = [name for space, name in found if space == 0]
        expect(len(unix) == 1, f"a file with the names {found}")
        return unix[0]

    def take(self, code, data, version):
        body = Body(data)
        self.codes.append(code)
        self.largest = max(self.largest, len(data))
        for _ in range(body.u32()):
            getattr(self, {0x700: "path_2", 0x701: "dir_2", 0x702: "node_2",
                           0x703: "path_3", 0x704: "dir_3", 0x705: "node_3"}[code])(body, version)
        body.end()

    def path_2(self, body, version):
        path = body.blob()
        self.files.append((path, Stat(body, version), None))

    def dir_2(self, body, _):
        self.add_dir(body.blob(), body.u32(), body.u32())

    def node_2(self, body, version):
        stat = Stat(body, version)
        self.add_node(body.u32(), stat)

    def path_3(self, body, version):
        path = self.names(body)
        stats = body.list(lambda: Stat(body, version))
        expect(len(stats) == 1 and stats[0].space == 0, f"{len(stats)} file_stats for {path}")
        node, stats[0].offset = body.u64(), body.u64()
        self.files.append((path, stats[0], node))

    def dir_3(self, body, _):
        self.add_dir(self.names(body), body.u64(), body.u64())

    def node_3(self, body, version):
        stats = body.list(lambda: Stat(body, version))
        expect(len(stats) == 1 and stats[0].space == 0, f"{len(stats)} file_stats")
        node, stats[0].offset = body.u64(), body.u64()
        self.add_node(node, stats[0])

    def add_dir(self, name, node, parent):
        self.dirs.append((name, node, parent))
        self.order.append(("dir", node))

    def add_node(self, node, stat):
        self.nodes.append((node, stat))
        self.order.append(("node", node))

    def paths(self):
        """{path below the root: (node, stat)} of either form; the root is b""."""
        if self.files:
            return {path.removeprefix(b"./").strip(b"/"): (node, stat) for path, stat, node in self.files}
        children, root = {}, None
        for name, node, parent in self.dirs:
            if name == b"." and root is None:
                root = node
            if name not in (b".", b".."):
                children.setdefault(parent, []).append((name, node))
        stats, found, waiting = dict(self.nodes), {}, [(b"", root)]
        while waiting:
            path, node = waiting.pop()
            found[path] = (node, stats.get(node))
            for name, child in children.get(node, ()):
                waiting.append((path + b"/" + name if path else name, child))
        return found


class DataClient(Client):
    """A session with the DATA messages. Posts sort themselves: `history`, `logs`, `events`, `recovered`."""

    def __init__(self, *arguments, **options):
        self.history, self.logs, self.events, self.recovered = History(), [], [], {}
        super().__init__(*arguments, **options)

    def receive(self):
        kind, code, reply_to, error, data = message = super().receive()
        if kind == 0 and code != ndmp.NOTIFY_CONNECTED:
            self.posts.pop()
            self.sort(code, data)
        return message

    def sort(self, code, data):
        body = Body(data)
        if 0x700 <= code <= 0x705:
            self.history.take(code, data, self.version)
            return
        if code in (0x501, 0x503):
            self.events.append(("data halted" if code == 0x501 else "mover halted", body.u32()))
            if self.version < 4:
                self.logs.append((2, body.text()))
        elif code == 0x504:
            self.events.append(("mover paused", body.u32(), body.u64()))
        elif code == 0x505:
            self.events.append(("data read", body.u64(), body.u64()))
        elif code == 0x600:
            self.logs.append((0, body.blob().decode(errors="replace")))
        elif code == 0x601:
            self.logs.append((body.u32(), body.blob().decode(errors="replace")))
        elif code == 0x603:
            grade, _ = body.u32(), body.u32()
            self.logs.append((grade, body.blob().decode(errors="replace")))
            if self.version >= 4:
                body.u32(), body.u32()
        elif code == 0x602:
            name = body.blob()
            if self.version == 2:
                body.u32()
            self.recovered[name] = body.u32()
        else:
            raise Failure(f"an unknown post 0x{code:x}")
        body.end()

    def said(self):
        return "\n".join(text for _, text in self.logs)

    def butypes(self):
        return self.request(0x104, b"", lambda body: {"types": body.list(lambda: {
            "name": body.text(), "environment": dict(body.variables()), "attributes": body.u32()})})

    def butype_attributes(self, name):
        return self.request(0x101, blob(name), lambda body: {"attributes": body.u32()})

    def file_systems(self):
        def one(body):
            found = {"unsupported": body.u32()}
            found |= {name: body.text() for name in ("type", "device", "physical")}
            found |= {name: body.u64() for name in ("total", "used", "available", "inodes", "inodes_used")}
            return found | {"environment": dict(body.variables()), "status": body.text()}

        return self.request(0x105, b"", lambda body: {"systems": body.list(lambda: one(body))})

    def data_state(self):
        def read(body):
            fields = {name: body.u32() for name in ("operation", "state", "halt")}
            fields |= {"processed": body.u64(), "remaining": body.u64(), "seconds": body.u32()}
            fields["address"] = self.read_address(body)
            return fields | {"read_offset": body.u64(), "read_length": body.u64()}

        return self.request(0x400, b"", read, mask_first=self.version >= 3)

    def data_listen(self, kind=TCP):
        return self.request(0x409, u32(kind), lambda body: {"address": self.read_address(body)})

    def data_connect(self, kind=TCP, host="127.0.0.1", port=0):
        return self.request(0x40A, self.encode_address(kind, host, port))

    @staticmethod
    def variables(environment):
        pairs = list(environment.items() if isinstance(environment, dict) else environment)
        return u32(len(pairs)) + b"".join(blob(name) + blob(value) for name, value in pairs)

    def start_backup(self, kind, environment, address=b""):
        return self.request(0x401, address + blob(kind) + self.variables(environment))

    def name(self, original, destination, new=b"", node=0, offset=ALL_ONES):
        if self.version == 2:
            return blob(original) + blob(destination) + u32(0) + u64(offset)
        return blob(original) + blob(destination) + blob(new) + blob(b"") + u64(node, offset)

    def start_recover(self, kind, environment, names=(), address=b"", code=0x402):
        """`names`: tuples for `name`."""
        listed = u32(len(names)) + b"".join(self.name(*name) for name in names)
        return self.request(code, address + self.variables(environment) + listed + blob(kind))

    def data_abort(self):
        return self.request(0x403)

    def environment(self):
        return self.request(0x404, b"", lambda body: {"variables": body.list(lambda: (body.blob(), body.blob()))})

    def data_stop(self):
        return self.request(0x407)


def log_in(daemon, version=4, timeout=60.0):
    client = DataClient("127.0.0.1", daemon.port, timeout)
    for reply in (client.open(version), client.auth_md5("ndmp", "ndmp")):
        expect(not reply.error, f"log-in failed: {reply}")
    return client


def well(what, reply):
    expect(not reply.error, f"{what} answered {reply}")
    return reply


class Medium:
    """A part of a stream: on which cartridge, where in the stream it begins, how many bytes stand there."""

    def __init__(self, place, begin=0, count=ALL_ONES, files=0):
        self.place, self.begin, self.count, self.files = place, begin, count, files


class Job:
    """One backup or recovery. `media` are the cartridges in order, by their place in the library ("slot:1").

    `data` and `tape` are daemons; the same one and `kind` LOCAL is a local job (one session), otherwise there are two
    sessions and a TCP data connection. `listener` "mover" or "data" says who waits for it.
    """

    def __init__(self, data, tape, media, drive=0, version=4, kind=LOCAL, record_size=10_240, listener="mover"):
        self.daemon, self.drive, self.version, self.kind = tape, drive, version, kind
        self.record_size, self.media, self.listener = record_size, media, listener
        self.tape = log_in(tape, version)
        self.data = self.tape if kind == LOCAL else log_in(data, version)
        self.current, self.swaps, self.reads, self.moved = 0, 0, [], 0
        self.halts = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tape.close()
        if self.data is not self.tape:
            self.data.close()
        if self.daemon.places()[f"drive:{self.drive}"]:
            self.daemon.run("unload", self.drive)

    # --- cartridges -----------------------------------------------------------------------------------------------

    def load(self, index, mode):
        medium = self.media[index]
        loaded = self.daemon.places()[f"drive:{self.drive}"]
        expect(loaded is None, f"drive {self.drive} holds {loaded}")
        self.daemon.run("move", medium.place, f"drive:{self.drive}")
        well("TAPE_OPEN", self.tape.tape_open(self.daemon.tapes[self.drive], mode))
        well("REW", self.tape.mtio(ndmp.REW))
        if medium.files:
            well("FSF", self.tape.mtio(ndmp.FSF, medium.files))
        self.current = index

    def unload(self):
        well("REW", self.tape.mtio(ndmp.REW))
        well("TAPE_CLOSE", self.tape.tape_close())
        self.daemon.run("move", f"drive:{self.drive}", self.media[self.current].place)

    # --- events ---------------------------------------------------------------------------------------------------

    def next_event(self):
        """(from, event) of whichever session speaks first."""
        sessions = {id(session): session for session in (self.data, self.tape)}.values()
        deadline = time.monotonic() + JOB_SECONDS
        while True:
            for session in sessions:
                if session.events:
                    return session, session.events.pop(0)
            left = deadline - time.monotonic()
            if left <= 0:
                states = self.data.data_state(), self.tape.mover_state()
                raise Failure(f"no event within {JOB_SECONDS} s: {states}, said: {self.data.said()[-500:]}")
            for ready in select.select([session.socket for session in sessions], [], [], left)[0]:
                next(session for session in sessions if session.socket is ready).receive()

    def connect(self, mode):
        """The data connection, for v3 and v4; the encoded mover address for v2."""
        if self.listener == "data" and self.version > 2:
            address = well("DATA_LISTEN", self.data.data_listen(self.kind)).address
            host, port = address or ("", 0)
            well("MOVER_CONNECT", self.tape.mover_connect(mode, self.kind, host, port))
            return b""
        if self.version < 4:
            address = well("MOVER_LISTEN", self.tape.mover_listen(mode, self.kind)).address
            self.window()
        else:
            self.window()
            address = well("MOVER_LISTEN", self.tape.mover_listen(mode, self.kind)).address
        host, port = address or ("", 0)
        if self.version == 2:
            return self.tape.encode_address(self.kind, host, port)
        well("DATA_CONNECT", self.data.data_connect(self.kind, host, port))
        return b""

    def window(self):
        medium = self.media[self.current]
        well("MOVER_SET_WINDOW", self.tape.mover_window(medium.begin, medium.count))

    def finish(self):
        state = well("DATA_GET_STATE", self.data.data_state())
        expect(state.state == HALTED and state.halt == self.halts["data"], "after the halt:", state)
        self.result = well("DATA_GET_ENV", self.data.environment()).variables
        self.moved = well("MOVER_GET_STATE", self.tape.mover_state()).moved
        self.processed = state.processed
        well("DATA_STOP", self.data.data_stop())
        well("MOVER_STOP", self.tape.mover_stop())
        expect(self.data.data_state().state == IDLE, "DATA_STOP does not lead to IDLE")

    # --- backup ---------------------------------------------------------------------------------------------------

    def backup(self, kind, environment):
        """Runs it to the end; afterwards `media` say what stands where. Returns self."""
        self.load(0, ndmp.RDWR)
        well("SET_RECORD_SIZE", self.tape.mover_record_size(self.record_size))
        self.media[0].begin, self.media[0].count = 0, ALL_ONES
        if self.listener == "data":
            self.window()
        address = self.connect(TO_TAPE)
        well("DATA_START_BACKUP", self.data.start_backup(kind, environment, address))
        while len(self.halts) < 2:
            session, (what, *details) = self.next_event()
            if what == "mover paused":
                expect(details[0] in (EOM, EOW) or self.version == 2, "paused with reason", details)
                self.next_cartridge()
            elif what == "data read":
                raise Failure("NOTIFY_DATA_READ during a backup")
            else:
                expect(what.split()[0] not in self.halts, "two posts:", what)
                self.halts[what.split()[0]] = details[0]
        self.finish()
        last = self.media[self.current]
        last.count = -(-self.moved // self.record_size) * self.record_size - last.begin
        del self.media[self.current + 1:]
        well("EOF", self.tape.mtio(ndmp.EOF))
        self.unload()
        return self

    def next_cartridge(self):
        moved = self.tape.mover_state().moved
        medium = self.media[self.current]
        medium.count = moved - medium.begin
        expect(medium.count % self.record_size == 0, f"{medium.count} bytes at the pause: no whole records")
        well("EOF", self.tape.mtio(ndmp.EOF))
        self.unload()
        expect(self.current + 1 < len(self.media), "out of cartridges")
        self.load(self.current + 1, ndmp.RDWR)
        self.media[self.current].begin, self.media[self.current].count = moved, ALL_ONES
        well("MOVER_SET_WINDOW", self.tape.mover_window(moved, ALL_ONES - moved))
        well("MOVER_CONTINUE", self.tape.mover_continue())
        self.swaps += 1

    # --- recovery -------------------------------------------------------------------------------------------------

    def recover(self, kind, environment, names=(), code=0x402, start=0):
        """`names` as for DataClient.name; `start` is the cartridge to begin with. Returns self."""
        self.load(start, ndmp.READ)
        well("SET_RECORD_SIZE", self.tape.mover_record_size(self.record_size))
        if self.listener == "data":
            self.window()
        address = self.connect(FROM_TAPE)
        well("DATA_START_RECOVER", self.data.start_recover(kind, environment, names, address, code))
        while len(self.halts) < 2:
            session, (what, *details) = self.next_event()
            if what == "data read":
                self.reads.append(tuple(details))
                if self.kind != LOCAL:
                    well("MOVER_READ", self.tape.mover_read(*details))
            elif what == "mover paused":
                self.bring(*details)
            else:
                self.halts[what.split()[0]] = details[0]
        self.finish()
        self.unload()
        return self

    def bring(self, reason, position):
        """The cartridge that a paused mover needs, or the end of the stream when there is none."""
        index = self.current + 1
        if reason == SEEK:
            found = [at for at, medium in enumerate(self.media)
                     if medium.begin <= position < medium.begin + medium.count]
            index = found[0] if found else len(self.media)
        else:
            expect(reason in (EOM, EOF, EOW), "paused with reason", reason)
        if index >= len(self.media):
            # The data service may have closed the connection first; then the mover has halted by itself.
            reply = self.tape.mover_close()
            expect(not reply.error or self.tape.mover_state().state == ndmp.HALTED, "MOVER_CLOSE answered", reply)
            return
        self.unload()
        self.load(index, ndmp.READ)
        self.window()
        well("MOVER_CONTINUE", self.tape.mover_continue())
        self.swaps += 1

    def succeeded(self, halt=SUCCESSFUL):
        said = self.data.said()[-1500:]
        expect(self.halts.get("data") == halt, f"data service halted with {self.halts}, said:\n{said}")
        return self


def read_stream(daemon, media, drive=0, limit=1 << 20):
    """The stream on these cartridges, record by record with TAPE_READ; padded to whole records as it stands there."""
    parts = []
    with log_in(daemon) as client:
        for medium in media:
            daemon.run("move", medium.place, f"drive:{drive}")
            well("TAPE_OPEN", client.tape_open(daemon.tapes[drive], ndmp.READ))
            well("REW", client.mtio(ndmp.REW))
            if medium.files:
                well("FSF", client.mtio(ndmp.FSF, medium.files))
            while True:
                reply = client.read(limit)
                if reply.error in (ndmp.EOF_ERR, ndmp.EOM_ERR):
                    break
                parts.append(well("TAPE_READ", reply).data)
            well("TAPE_CLOSE", client.tape_close())
            daemon.run("move", f"drive:{drive}", medium.place)
    return b"".join(parts)


def write_stream(daemon, medium, stream, record_size=10_240, drive=0):
    """A stream of another program on to a cartridge, one tape file; the last record padded with zeros."""
    with log_in(daemon) as client:
        daemon.run("move", medium.place, f"drive:{drive}")
        well("TAPE_OPEN", client.tape_open(daemon.tapes[drive], ndmp.RDWR))
        well("REW", client.mtio(ndmp.REW))
        for at in range(0, len(stream), record_size):
            well("TAPE_WRITE", client.write(stream[at:at + record_size].ljust(record_size, b"\0")))
        well("EOF", client.mtio(ndmp.EOF))
        well("TAPE_CLOSE", client.tape_close())
        daemon.run("move", f"drive:{drive}", medium.place)
    medium.begin, medium.count = 0, -(-len(stream) // record_size) * record_size
