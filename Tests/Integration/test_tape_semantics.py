# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""What TAPE_* requests do, in versions 2, 3 and 4: errors, positions and residuals, step by step.

`test_tape_semantics.py` starts a daemon of its own; `test_tape_semantics.py HOST:PORT` uses one that is running with
the user and password ndmp, and writes over the cartridge in its first drive. The expectations are those of the
protocol and of the ndmjob conformance suite's T-OC, T-BR, T-BWR, T-READ, T-WRITE and T-MTIO, in steps of our own.
"""

import contextlib
import sys

import ndmp_client as ndmp
from harness import Daemon, Steps, expect
from ndmp_client import BSF, BSR, EOF, FSF, FSR, OFF, REW, TUR, Robot, log_in

VERSIONS = (2, 3, 4)
# Each file's records; the test's own mix of odd and even, short and long.
FILES = ((512, 512, 1024, 139), (10240, 1, 32768, 10240, 512), (139,), (65536, 1024, 1024))
RECORDS = tuple(len(sizes) for sizes in FILES)
steps = Steps("tape semantics")


def record(file, block, size=None):
    """A record's bytes tell where they belong."""
    size = FILES[file][block] if size is None else size
    seed = f"file {file} record {block} ".encode()
    return (seed * (size // len(seed) + 1))[:size]


def same(found, wanted, what=""):
    expect(found == wanted, f"{what}: {found!r} instead of {wanted!r}")


class Tape:
    """One session with the drive, and the words the steps are written in."""

    def __init__(self, address, version, device):
        self.client, self.version, self.device = log_in(*address, version), version, device
        self.crosses = version < 4

    @contextlib.contextmanager
    def step(self, name):
        with steps.step(f"v{self.version} {name}"):
            yield

    def open(self, mode=ndmp.RDWR, error=0):
        same(self.client.tape_open(self.device, mode).error, error, "TAPE_OPEN")

    def close(self, error=0):
        same(self.client.tape_close().error, error, "TAPE_CLOSE")

    def mtio(self, operation, count=1, left=0, error=0):
        reply = self.client.mtio(operation, count)
        same((reply.error, getattr(reply, "left", None)), (error, left), f"TAPE_MTIO {operation} {count}")

    def refuses(self, operation, count, error):
        same(self.client.mtio(operation, count).error, error, f"TAPE_MTIO {operation} {count}")

    def write(self, data, error=0):
        reply = self.client.write(data)
        same(reply.error, error, f"TAPE_WRITE of {len(data)}")
        if not error:
            same(reply.count, len(data), "count")

    def reads(self, data, count=None):
        reply = self.client.read(len(data) if count is None else count)
        same(reply.error, 0, "TAPE_READ")
        expect(reply.data == data, f"TAPE_READ: {reply.data[:30]!r} ({len(reply.data)}) instead of {data[:30]!r}")

    def read_fails(self, error, count=65536):
        reply = self.client.read(count)
        same(reply.error, error, "TAPE_READ")
        expect(not getattr(reply, "data", b""), "data with an error")

    def at(self, file, block):
        """The position; a block that is not known may be all ones where the protocol allows it (`block` a tuple)."""
        found = self.client.position()
        allowed = block if isinstance(block, tuple) else (block,)
        expect(found[0] == file and found[1] in allowed, f"at {found}, not ({file}, {block})")

    def meets_mark(self, file, count=65536):
        """A read at the filemark that ends `file`: v4 stays before it, v2 and v3 go behind it."""
        self.read_fails(ndmp.EOF_ERR, count)
        if self.crosses:
            self.at(file + 1, 0)
        else:
            self.at(file, RECORDS[file])

    def meets_end(self):
        self.read_fails(ndmp.EOF_ERR if self.crosses else ndmp.EOM_ERR)

    def write_files(self):
        self.mtio(REW)
        for file, sizes in enumerate(FILES):
            for block in range(len(sizes)):
                self.write(record(file, block))
            self.mtio(EOF)


def opening(tape):
    client = tape.client
    for name, call in (
        ("TAPE_CLOSE", client.tape_close),
        ("TAPE_GET_STATE", client.tape_state),
        ("TAPE_READ", lambda: client.read(1024)),
        ("TAPE_WRITE", lambda: client.write(b"x" * 1024)),
        ("TAPE_MTIO", lambda: client.mtio(REW)),
        ("TAPE_EXECUTE_CDB", lambda: client.execute(bytes(6), code=0x307)),
    ):
        with tape.step(f"{name} without an open device is DEV_NOT_OPEN"):
            same(call().error, ndmp.NOT_OPEN)
    with tape.step("TAPE_OPEN of an unknown name is NO_DEVICE"):
        same(client.tape_open("no-such-device").error, ndmp.NO_DEVICE)
    with tape.step("TAPE_OPEN in mode 123 is ILLEGAL_ARGS"):
        tape.open(123, ndmp.ILLEGAL_ARGS)
    if tape.version == 2:
        with tape.step("RAW mode is ILLEGAL_ARGS"):
            tape.open(ndmp.RAW, ndmp.ILLEGAL_ARGS)
    with tape.step("TAPE_OPEN, a second one is DEVICE_OPENED, SCSI_OPEN too"):
        tape.open()
        tape.open(error=ndmp.DEVICE_OPENED)
        same(client.scsi_open(tape.device).error, ndmp.DEVICE_OPENED)
    with tape.step("TAPE_CLOSE, a second one is DEV_NOT_OPEN"):
        tape.close()
        tape.close(ndmp.NOT_OPEN)
    with tape.step("the name is accepted with /dev/ in front"):
        same(client.tape_open("/dev/" + tape.device.removeprefix("/dev/")).error, 0)
        tape.close()
    for mode, versions in ((ndmp.RAW, (3, 4)), (ndmp.RAW_UNOFFICIAL, (3,))):
        if tape.version in versions:
            with tape.step(f"mode {mode:#x} opens the loaded drive for writing"):
                tape.open(mode)
                tape.mtio(REW)
                tape.write(b"raw")
                tape.close()


def writing(tape):
    client = tape.client
    with tape.step("rewound: file 0, record 0, variable blocks, no write protection"):
        tape.open()
        tape.mtio(REW)
        tape.at(0, 0)
        state = client.tape_state()
        same(state.block_size, 0, "block size")
        same(state.flags & 0x10, 0, "WR_PROT")
        same(state.mask & ~0x7F, 0, "unknown mask bits")
        for bit, value, ones in (
            (0x01, state.file, ndmp.ALL_ONES_32), (0x02, state.soft_errors, ndmp.ALL_ONES_32),
            (0x10, state.total, ndmp.ALL_ONES), (0x20, state.remaining, ndmp.ALL_ONES),
        ):
            expect(not state.mask & bit or value == ones, f"bit {bit:#x} is set but the value is {value}")
    with tape.step("TAPE_WRITE of no bytes does nothing"):
        tape.write(b"")
        tape.at(0, 0)
    for file, sizes in enumerate(FILES):
        with tape.step(f"file {file}: each record counts, the filemark begins the next file"):
            for block, size in enumerate(sizes):
                tape.write(record(file, block))
                tape.at(file, block + 1)
            tape.mtio(EOF)
            tape.at(file + 1, 0)
    with tape.step("TAPE_MTIO EOF 0 writes nothing"):
        tape.mtio(EOF, 0)
        tape.at(len(FILES), 0)
    with tape.step("EOF 3 writes three filemarks"):
        tape.mtio(EOF, 3)
        tape.at(len(FILES) + 3, 0)
        tape.mtio(REW)
        tape.mtio(FSF, 100, 100 - len(FILES) - 3)
    with tape.step("a record of the largest size comes back whole"):
        big = bytes(range(256)) * (1 << 12)
        tape.mtio(REW)
        tape.write(big)
        tape.mtio(REW)
        tape.reads(big)
    with tape.step("open for reading: TAPE_WRITE and EOF are PERMISSION"):
        tape.close()
        tape.open(ndmp.READ)
        tape.mtio(REW)
        tape.write(b"no", ndmp.PERMISSION)
        tape.refuses(EOF, 1, ndmp.PERMISSION)
        tape.reads(big)
        tape.close()


def reading(tape):
    with tape.step("the files are written"):
        tape.open()
        tape.write_files()
    with tape.step("each record comes back with its length; a filemark is EOF"):
        tape.mtio(REW)
        for file, sizes in enumerate(FILES):
            for block in range(len(sizes)):
                tape.at(file, block)
                tape.reads(record(file, block), 65536)
            tape.meets_mark(file)
            if not tape.crosses:
                tape.mtio(FSF)
        tape.meets_end()
    with tape.step("end of data again and again, without moving"):
        for _ in range(3):
            tape.meets_end()
            tape.at(len(FILES), 0)
    with tape.step("v4 stays before a filemark, v2 and v3 go on behind it"):
        tape.mtio(REW)
        tape.mtio(FSF)
        tape.mtio(FSF)
        tape.reads(record(2, 0))
        tape.meets_mark(2)
        if tape.crosses:
            tape.reads(record(3, 0))
        else:
            tape.meets_mark(2)
            tape.meets_mark(2)
    with tape.step("exactly the record's length"):
        tape.mtio(REW)
        for block in range(RECORDS[0]):
            tape.reads(record(0, block))
    with tape.step("a longer record is cut and consumed"):
        tape.mtio(REW)
        tape.reads(record(0, 0)[:100], 100)
        tape.at(0, 1)
        tape.reads(record(0, 1)[:1], 1)
        tape.reads(record(0, 2))
    with tape.step("TAPE_READ of no bytes does nothing"):
        tape.mtio(REW)
        tape.reads(b"", 0)
        tape.at(0, 0)
    with tape.step("TAPE_READ of 2 GiB is ILLEGAL_ARGS"):
        tape.read_fails(ndmp.ILLEGAL_ARGS, 0x8000_0000)
        tape.at(0, 0)
    with tape.step("TAPE_READ of one byte at a filemark is EOF too"):
        tape.mtio(FSF)
        tape.mtio(BSF)
        tape.read_fails(ndmp.EOF_ERR, 1)


def moving_over_filemarks(tape):
    unknown = ndmp.ALL_ONES_32
    with tape.step("closed and opened again, the tape stands where it was"):
        tape.write_files()
        tape.close()
        tape.open()
        tape.at(len(FILES), 0)
    with tape.step("FSF 1 goes from file to file; one too many stays at end of data"):
        tape.mtio(REW)
        for file in range(1, len(FILES) + 1):
            tape.mtio(FSF)
            tape.at(file, 0)
        tape.mtio(FSF, 1, 1)
        tape.at(len(FILES), 0)
    with tape.step("FSF 2 from inside a file lands behind the second filemark"):
        tape.mtio(REW)
        tape.mtio(FSR, 2)
        tape.mtio(FSF, 2)
        tape.at(2, 0)
        tape.reads(record(2, 0))
    with tape.step("FSF 100 leaves what is not there and stands at end of data"):
        tape.mtio(REW)
        tape.mtio(FSF, 100, 100 - len(FILES))
        tape.meets_end()
    with tape.step("BSF 1 stands before the filemark"):
        tape.mtio(REW)
        tape.mtio(FSF, 2)
        tape.mtio(BSF)
        tape.at(1, (RECORDS[1], unknown))
        tape.read_fails(ndmp.EOF_ERR)
    with tape.step("BSF 2, then FSF 1, is the beginning of a file"):
        tape.mtio(REW)
        tape.mtio(FSF, 3)
        tape.reads(record(3, 0))
        tape.mtio(BSF, 2)
        tape.mtio(FSF)
        tape.at(2, 0)
        tape.reads(record(2, 0))
    with tape.step("BSF 100 leaves what is not there and stands at the beginning"):
        tape.mtio(REW)
        tape.mtio(FSF, 3)
        tape.mtio(BSF, 100, 97)
        tape.at(0, 0)
        tape.reads(record(0, 0))
    with tape.step("BSF and BSR at the beginning do nothing"):
        tape.mtio(REW)
        tape.mtio(BSF, 2, 2)
        tape.mtio(BSR, 3, 3)
        tape.at(0, 0)


def moving_over_records(tape):
    unknown = ndmp.ALL_ONES_32
    with tape.step("FSR and BSR inside a file count records"):
        tape.mtio(REW)
        tape.mtio(FSF)
        for block in range(RECORDS[1]):
            tape.at(1, block)
            tape.mtio(FSR)
        tape.mtio(BSR, 4)
        tape.at(1, 1)
        tape.reads(record(1, 1))
        tape.mtio(BSR, 2)
        tape.at(1, 0)
        tape.reads(record(1, 0))
    with tape.step("FSR 100 ends at the filemark, which it does not count"):
        tape.mtio(REW)
        tape.mtio(FSR)
        tape.mtio(FSR, 100, 100 - (RECORDS[0] - 1))
        if tape.crosses:
            tape.at(1, 0)
            tape.reads(record(1, 0))
        else:
            tape.at(0, RECORDS[0])
            tape.read_fails(ndmp.EOF_ERR)
    if not tape.crosses:
        with tape.step("more FSR before a filemark does nothing"):
            for _ in range(3):
                tape.mtio(FSR, 1, 1)
                tape.at(0, RECORDS[0])
    with tape.step("FSR exactly to the filemark leaves nothing and stands before it"):
        tape.mtio(REW)
        tape.mtio(FSR, RECORDS[0])
        tape.at(0, RECORDS[0])
        tape.meets_mark(0)
    with tape.step("BSR 100 ends at the filemark, which it does not count"):
        tape.mtio(REW)
        tape.mtio(FSF)
        tape.mtio(FSR, 2)
        tape.mtio(BSR, 100, 98)
        if tape.crosses:
            tape.at(0, (RECORDS[0], unknown))
            tape.mtio(BSR)
            tape.reads(record(0, RECORDS[0] - 1))
        else:
            tape.at(1, 0)
            tape.reads(record(1, 0))
    if not tape.crosses:
        with tape.step("more BSR behind a filemark does nothing"):
            tape.mtio(REW)
            tape.mtio(FSF)
            for _ in range(3):
                tape.mtio(BSR, 1, 1)
                tape.at(1, 0)
    with tape.step("BSR 100 in the first file ends at the beginning of the tape"):
        tape.mtio(REW)
        tape.mtio(FSR, 3)
        tape.mtio(BSR, 100, 97)
        tape.at(0, 0)
    with tape.step("FSR at end of data does nothing"):
        tape.mtio(REW)
        tape.mtio(FSF, len(FILES))
        tape.mtio(FSR, 5, 5)
        tape.at(len(FILES), 0)


def other_operations(tape):
    with tape.step("count 0 does nothing, but REW goes back all the same"):
        tape.mtio(REW)
        tape.mtio(FSF)
        tape.mtio(FSR)
        for operation in (FSF, BSF, FSR, BSR, EOF):
            tape.mtio(operation, 0)
            tape.at(1, 1)
        tape.mtio(REW, 0)
        tape.at(0, 0)
    with tape.step("an unknown operation is ILLEGAL_ARGS, and so is TUR before v4"):
        tape.refuses(99, 1, ndmp.ILLEGAL_ARGS)
        tape.refuses(0xFFFF_FFFF, 1, ndmp.ILLEGAL_ARGS)
        if tape.version < 4:
            tape.refuses(TUR, 1, ndmp.ILLEGAL_ARGS)
        else:
            tape.mtio(TUR, 1)
        tape.at(0, 0)
    with tape.step("REW 100 rewinds once, with nothing left"):
        tape.mtio(FSF)
        tape.mtio(REW, 100)
        tape.at(0, 0)


def backwards(tape):
    with tape.step("the last file, read from its end to its beginning"):
        file = len(FILES) - 1
        tape.mtio(REW)
        tape.mtio(FSF, file)
        tape.mtio(FSR, RECORDS[file])
        for block in reversed(range(RECORDS[file])):
            tape.mtio(BSR)
            tape.reads(record(file, block))
            tape.mtio(BSR)
            tape.at(file, block)
    with tape.step("a record read twice, with BSR between"):
        tape.mtio(REW)
        tape.reads(record(0, 0))
        tape.mtio(BSR)
        tape.reads(record(0, 0))
        tape.reads(record(0, 1))


def writing_over(tape):
    with tape.step("BSR right after a write counts only records: no filemark appears"):
        tape.mtio(REW)
        tape.write(b"a" * 1024)
        tape.mtio(BSR, 100, 99)
        tape.at(0, 0)
        tape.reads(b"a" * 1024)
        tape.meets_end()
    with tape.step("FSR right after a write finds nothing"):
        tape.mtio(REW)
        tape.write(b"b" * 1024)
        tape.mtio(FSR, 100, 100)
        tape.at(0, 1)
    with tape.step("FSF right after a write finds nothing"):
        tape.mtio(REW)
        tape.write(b"c" * 1024)
        tape.mtio(FSF, 100, 100)
        tape.at(0, 1)
    with tape.step("write, BSR, write again: the second record is there"):
        tape.mtio(REW)
        tape.write(b"first")
        tape.write(b"second")
        tape.mtio(BSR)
        tape.write(b"third")
        tape.mtio(BSR, 2)
        tape.reads(b"first", 100)
        tape.reads(b"third", 100)
        tape.meets_end()
    with tape.step("a record written in the middle ends the tape"):
        tape.write_files()
        tape.mtio(REW)
        tape.mtio(FSF)
        tape.mtio(FSR, 2)
        tape.write(b"the end")
        tape.at(1, 3)
        tape.meets_end()
        tape.mtio(FSF, 100, 100)
        tape.mtio(REW)
        tape.mtio(FSF)
        tape.reads(record(1, 0))
        tape.reads(record(1, 1))
        tape.reads(b"the end", 100)
        tape.meets_end()
    with tape.step("a filemark written in the middle ends the tape"):
        tape.write_files()
        tape.mtio(REW)
        tape.mtio(FSR, 2)
        tape.mtio(EOF)
        tape.at(1, 0)
        tape.meets_end()
        tape.mtio(REW)
        tape.mtio(FSF, 100, 99)


def implicit_filemarks(tape):
    with tape.step("REW after a write leaves one filemark behind the data"):
        tape.mtio(REW)
        tape.write(b"data")
        tape.mtio(REW)
        tape.mtio(FSF, 100, 99)
        tape.at(1, 0)
    with tape.step("TAPE_CLOSE after a write leaves one filemark behind the data"):
        tape.mtio(REW)
        tape.write(b"data")
        tape.write(b"more")
        tape.close()
        tape.open()
        tape.mtio(REW)
        tape.reads(b"data", 10)
        tape.reads(b"more", 10)
        tape.read_fails(ndmp.EOF_ERR)
        tape.mtio(REW)
        tape.mtio(FSF, 100, 99)
    with tape.step("BSF after a write leaves a filemark, and goes before it"):
        tape.mtio(REW)
        tape.write(b"data")
        tape.mtio(BSF)
        tape.at(0, (1, ndmp.ALL_ONES_32))
        tape.read_fails(ndmp.EOF_ERR)
    with tape.step("after a filemark of one's own there is no second one"):
        tape.mtio(REW)
        tape.write(b"data")
        tape.mtio(EOF)
        tape.mtio(REW)
        tape.mtio(FSF, 100, 99)
        tape.close()
        tape.open()
    with tape.step("reading and moving write none"):
        tape.mtio(REW)
        tape.reads(b"data", 10)
        tape.close()
        tape.open()
        tape.mtio(REW)
        tape.mtio(FSF, 100, 99)


def beside_the_mover(tape):
    client = tape.client
    busy = ndmp.DEVICE_BUSY if tape.version >= 4 else ndmp.ILLEGAL_STATE
    with tape.step("while the mover listens, the tape is its own; TAPE_GET_STATE answers"):
        tape.mtio(REW)
        same(client.mover_record_size(1024).error, 0)
        same(client.mover_listen(ndmp.TO_TAPE).error, 0)
        same(client.mover_state().state, ndmp.LISTEN)
        tape.write(b"no", busy)
        tape.read_fails(busy)
        tape.refuses(REW, 1, busy)
        tape.close(busy)
        same(client.tape_state().error, 0)
        same(client.mover_abort().error, 0)
        same(client.wait_for_halt(), 2)
        same(client.mover_stop().error, 0)
        same(client.mover_state().state, ndmp.IDLE)
    with tape.step("when the mover is idle again, the tape is free"):
        tape.write(b"yes")
        tape.mtio(REW)


def unloading(tape, robot, drive):
    with tape.step("after OFF the drive is empty for TAPE_READ, TAPE_WRITE and TAPE_MTIO"):
        tape.mtio(OFF)
        tape.read_fails(ndmp.NO_TAPE)
        tape.write(b"no", ndmp.NO_TAPE)
        for operation in (FSF, BSF, FSR, BSR, REW, EOF):
            tape.refuses(operation, 1, ndmp.NO_TAPE)
        same(tape.client.tape_state().error, 0, "TAPE_GET_STATE")
        tape.close()
    with tape.step("TAPE_OPEN of an empty drive is NO_TAPE_LOADED, but not in RAW mode"):
        tape.open(ndmp.READ, ndmp.NO_TAPE)
        tape.open(ndmp.RDWR, ndmp.NO_TAPE)
        if tape.version > 2:
            tape.open(ndmp.RAW)
            tape.refuses(REW, 1, ndmp.NO_TAPE)
            tape.close()
    with tape.step("loaded again, it reads what was written"):
        robot.reload(drive)
        tape.open()
        tape.mtio(REW)
        tape.reads(b"yes", 100)
        tape.close()


def run(host, port):
    tapes, changer = ndmp.device_names(host, port)
    with log_in(host, port) as robot_client:
        robot = Robot(robot_client, changer)
        if robot.fill_drive(0) is None:
            robot.reload(0)
        for version in VERSIONS:
            tape = Tape((host, port), version, tapes[0])
            opening(tape)
            writing(tape)
            reading(tape)
            moving_over_filemarks(tape)
            moving_over_records(tape)
            other_operations(tape)
            backwards(tape)
            writing_over(tape)
            implicit_filemarks(tape)
            beside_the_mover(tape)
            unloading(tape, robot, 0)
            tape.client.close()


if len(sys.argv) > 1:
    name, _, number = sys.argv[1].rpartition(":")
    run(name, int(number))
else:
    with Daemon() as daemon:
        run("127.0.0.1", daemon.port)
steps.finish()
