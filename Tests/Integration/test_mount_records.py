# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Tape device files record by record, as the kernel's documentation of its SCSI tape driver describes them: one read
or write is one record, filemarks, positions by `mt`, early warning, closing, opening, write protection."""

import errno
import os
import random
import re
import threading

from harness import Steps, expect, temporary_folder, wait_until
from mount_rig import (
    BOT, DR_OPEN, EOD, EOT, MIB, MTBSR, MTEOM, MTERASE, MTFSR, MTREW, MTSEEK, MTWEOF, ONLINE, WR_PROT, MountedDaemon,
    Tape, aligned, error_of, mt, needed, noise,
)
from ndmp_session import DEVICE_BUSY, NDMPError, Session

SIZES = [1, 2, 3, 79, 511, 512, 513, 1000, 4095, 4096, 4097, 10_240, 65_535, 65_536, 65_537, 131_071, 262_144, 524_289,
         MIB - 8192, MIB - 4097, MIB - 4096]
steps = Steps("mount_records")


def bits(daemon, drive=0):
    with Tape(daemon.nst(drive), os.O_RDONLY | os.O_NONBLOCK) as tape:
        return tape.status()


def odd_records(daemon):
    chance = random.Random(3)
    records = [chance.randbytes(size) for size in SIZES]
    with steps.step(f"{len(SIZES)} records of 1 byte to 1 MiB - 4 KiB from any buffer: read back one by one, then 0"):
        with Tape(daemon.nst()) as tape:
            for record in records:
                expect(tape.write(record) == len(record), len(record))
        mt(daemon.nst(), "rewind")
        with Tape(daemon.nst(), os.O_RDONLY) as tape:
            for index, record in enumerate(records):
                expect(tape.read() == record, f"record {index} of {len(record)} bytes")
            expect(tape.read() == b"", "no filemark")
            status = tape.status()
            expect((status["file"], status["block"]) == (1, 0), status)
    with steps.step("1 MiB from a page-aligned buffer is one record, and is read into one"):
        whole = noise(5, MIB)
        with Tape(daemon.nst()) as tape:
            expect(tape.write(aligned(whole)) == MIB)
            expect(tape.status()["block"] == 1, tape.status())
            tape.operate(MTBSR)
            expect(tape.read() == whole)
    with steps.step("a record beyond 1 MiB is refused before anything is written, and never split"):
        with Tape(daemon.nst()) as tape:
            before = tape.tell()
            for size in (MIB + 1, MIB + 4096, 2 * MIB, 5 * MIB + 3):
                code = error_of(tape.write, aligned(bytes(size)))
                expect(code in (errno.EINVAL, errno.EFBIG, errno.EOVERFLOW), size, code)
                expect(tape.tell() == before, f"{size} bytes: something was written")
            # Unaligned, the kernel would hand on the last bytes of 1 MiB in a request of their own.
            room = aligned(bytes(MIB + 100))
            code = error_of(tape.write, memoryview(room)[17:17 + MIB])
            expect(code in (0, errno.EINVAL, errno.EFBIG, errno.EOVERFLOW), code)
            expect(tape.tell() - before in ((1,) if code == 0 else (0,)), tape.tell(), before, code)
    with steps.step("a read of more than the record gives the record; a read of 2 MiB gives one record, not two"):
        with Tape(daemon.nst()) as tape:
            tape.operate(MTREW)
            expect(tape.read(500_000) == records[0] and tape.read(1_000_000) == records[1])
            tape.operate(MTREW)
            for record in records:
                expect(tape.read(2 * MIB) == record, len(record))
    with steps.step("a record longer than the read: ENOMEM, and the next read gives the next record"):
        with Tape(daemon.nst(), os.O_RDONLY) as tape:
            tape.operate(MTREW)
            tape.operate(MTFSR, SIZES.index(512))
            expect(error_of(tape.read, 100) == errno.ENOMEM, "no ENOMEM")
            expect(tape.read() == records[SIZES.index(513)], "position after ENOMEM")
    with steps.step("a random order of reads by seek: each gives its record"):
        with Tape(daemon.nst(), os.O_RDONLY) as tape:
            for _ in range(60):
                index = chance.randrange(len(records))
                tape.operate(MTSEEK, index)
                expect(tape.read() == records[index] and tape.tell() == index + 1, index)
    with steps.step("the device file cannot be sought or read at an offset; truncating it changes nothing"):
        with Tape(daemon.nst()) as tape:
            expect(error_of(os.lseek, tape.descriptor, 0, os.SEEK_SET) == errno.ESPIPE)
            expect(error_of(os.pread, tape.descriptor, 10, 0) == errno.ESPIPE)
            before = tape.tell()
            error_of(os.ftruncate, tape.descriptor, 0)
            expect(tape.tell() == before and tape.status()["block"] >= 0)


def three_files(daemon):
    """Files of 5, 3 and 1 records on the loaded cartridge; file, block and length are in each record."""
    with Tape(daemon.nst()) as tape:
        tape.operate(MTREW)
    for file, (count, size) in enumerate(((5, 1000), (3, 70_001), (1, 512))):
        with Tape(daemon.nst()) as tape:
            for block in range(count):
                tape.write(f"{file}.{block}".encode().ljust(size, b"."))


def where(nst):
    text = mt(nst, "status")
    found = re.search(r"File number=(-?\d+), block number=(-?\d+)", text)
    expect(found, text)
    return int(found.group(1)), int(found.group(2)), text


def next_record(nst):
    """What a read gives next: the record, empty at a filemark and at the end of data (where EIO is right too)."""
    with Tape(nst, os.O_RDONLY) as tape:
        if tape.status()["gstat"] & EOD and error_of(tape.read) in (0, errno.EIO):
            return ""
        return tape.read().rstrip(b".").decode()


def positions(daemon):
    nst = daemon.nst()
    three_files(daemon)
    with steps.step("mt status at BOT: file 0, block 0, BOT and ONLINE, block size 0, an LTO density"):
        mt(nst, "rewind")
        file, block, text = where(nst)
        expect((file, block) == (0, 0) and "BOT" in text and "ONLINE" in text, text)
        expect("block size 0" in text and re.search(r"0x5e|LTO", text), text)
    with steps.step("mt fsf, fsr, bsr, bsf, bsfm, fsfm, asf, eod and seek: position, flags and the next record"):
        for words, place, flag, follows in (
            (("fsf", "1"), (1, 0), "EOF", "1.0"), (("fsr", "1"), (1, 2), None, "1.2"),
            (("bsr", "2"), (1, 1), None, "1.1"), (("rewind",), (0, 0), "BOT", "0.0"),
            (("asf", "2"), (2, 0), "EOF", "2.0"), (("bsfm", "1"), (2, 0), "EOF", "2.0"),
            (("asf", "1"), (1, 0), "EOF", "1.0"), (("bsf", "1"), (0, None), None, ""),
            (("asf", "0"), (0, 0), "BOT", "0.0"), (("fsfm", "1"), (0, None), None, ""),
            (("seek", "6"), None, None, "1.0"), (("seek", "0"), (0, 0), "BOT", "0.0"),
            (("fsf", "2"), (2, 0), "EOF", "2.0"), (("seek", "10"), None, None, "2.0"),
            (("rewind",), (0, 0), "BOT", "0.0"), (("eod",), (3, None), "EOD", ""),
        ):
            mt(nst, *words)
            file, block, text = where(nst)
            name = "mt " + " ".join(words)
            if place:
                expect(file == place[0] and place[1] in (None, block), f"{name}: file {file}, block {block}")
            expect(not flag or f" {flag}" in text, name, text)
            got = next_record(nst)
            expect(got == follows, f"{name} is followed by {got!r}")
    with steps.step("mt tell counts records and filemarks"):
        for words, block in (("rewind", 0), ("fsf 1", 6), ("fsr 2", 8), ("eod", 12), ("bsf 1", 11)):
            mt(nst, *words.split())
            expect(mt(nst, "tell").strip() == f"At block {block}.", words, mt(nst, "tell"))
    with steps.step("moving too far is an error and leaves the drive at the end, or at the beginning"):
        mt(nst, "rewind")
        mt(nst, "bsf", "1", status=(1, 2))
        expect(mt(nst, "tell").strip() == "At block 0.", mt(nst, "tell"))
        mt(nst, "fsf", "9", status=(1, 2))
        expect(mt(nst, "tell").strip() == "At block 12.", mt(nst, "tell"))
        mt(nst, "bsr", "1", status=(0, 1, 2))
        mt(nst, "rewind")
        mt(nst, "fsr", "9", status=(1, 2))
        expect(where(nst)[0] == 1, where(nst))
        mt(nst, "seek", "1000", status=(1, 2))


def changes(daemon):
    nst = daemon.nst()
    with steps.step("mt weof 2 writes two filemarks; mt erase 0 makes the rest blank, mt erase needs the beginning"):
        mt(nst, "eod")
        mt(nst, "weof", "2")
        expect(mt(nst, "tell").strip() == "At block 14." and where(nst)[:2] == (5, 0), where(nst))
        mt(nst, "asf", "1")
        # Long, which is mt's default, is refused by LTO drives but at the beginning of the tape.
        mt(nst, "erase", status=2)
        mt(nst, "erase", "0")
        mt(nst, "eod")
        expect(mt(nst, "tell").strip() == "At block 6.", mt(nst, "tell"))
        mt(nst, "rewind")
        expect(next_record(nst) == "0.0")
    with steps.step("mt setblk 512: fixed blocks are written and read several at once; setblk 0 is variable again"):
        mt(nst, "rewind")
        mt(nst, "setblk", "512")
        expect("block size 512" in mt(nst, "status"), mt(nst, "status"))
        data = noise(3, 5 * 512)
        with Tape(nst) as tape:
            expect(tape.write(data) == len(data) and tape.status()["block"] == 5, tape.status())
            expect(error_of(tape.write, data[:700]) != 0, "700 bytes went into blocks of 512")
        mt(nst, "rewind")
        with Tape(nst, os.O_RDONLY) as tape:
            expect(tape.read(1024) == data[:1024] and tape.read(10_240) == data[1024:] and tape.read(512) == b"")
        mt(nst, "setblk", "0")
        mt(nst, "rewind")
        expect("block size 0" in mt(nst, "status"), mt(nst, "status"))
        with Tape(nst, os.O_RDONLY) as tape:
            tape.operate(MTREW)
            expect(tape.read() == data[:512], "a fixed block is a record of 512 bytes")
    with steps.step("mt offline: the door is open, reading says so; mt load, and it is there again"):
        mt(nst, "offline")
        expect(bits(daemon)["gstat"] & DR_OPEN and not bits(daemon)["gstat"] & ONLINE, hex(bits(daemon)["gstat"]))
        expect(error_of(os.open, nst, os.O_RDONLY) in (errno.ENOMEDIUM, errno.EIO), "opened without a tape")
        mt(nst, "load")
        expect(bits(daemon)["gstat"] & BOT and bits(daemon)["gstat"] & ONLINE, hex(bits(daemon)["gstat"]))
    with steps.step("mt densities, stshowoptions, compression, lock, unlock, retension, drvbuffer: no surprise"):
        mt(nst, "densities", status=None)
        for words in (("stshowoptions",), ("compression", "0"), ("compression", "1"), ("lock",), ("unlock",),
                      ("retension",), ("drvbuffer", "1"), ("setdensity", "0x5e"), ("nosuchcommand",), ("fss", "1")):
            text = mt(nst, *words, status=None)
            expect("Bad address" not in text and "Transport" not in text, words, text)
        expect(bits(daemon)["gstat"] & ONLINE)


def closing(daemon):
    nst, st = daemon.nst(), daemon.st()

    def marks():
        return daemon.json("cartridge", "show", "CAP001L8")["partitions"][0]["objects"]
    with steps.step("close after write: one filemark; nst stays behind it, st rewinds"):
        mt(nst, "rewind")
        mt(nst, "erase")
        with Tape(nst) as tape:
            tape.write(b"a")
        expect(marks() == 2, marks())
        with Tape(nst) as tape:
            expect(tape.tell() == 2, tape.tell())
        with Tape(st) as tape:
            tape.write(b"b")
        expect(marks() == 4, marks())
        with Tape(nst, os.O_RDONLY) as tape:
            expect(tape.tell() == 0 and tape.read() == b"a", "st did not rewind")
    with steps.step("no second filemark when the last thing written was one; none after reading"):
        mt(nst, "eod")
        with Tape(nst) as tape:
            tape.write(b"c")
            tape.operate(MTWEOF)
        expect(marks() == 6, marks())
        with Tape(nst) as tape:
            tape.operate(MTREW)
            tape.read()
        expect(marks() == 6, marks())
    with steps.step("writing, then moving backwards: the filemark comes first; the tape ends there"):
        with Tape(nst) as tape:
            tape.operate(MTEOM)
            tape.write(b"d")
            tape.operate(MTREW)
            expect(tape.read() == b"a")
        expect(marks() == 8, marks())


def closing_more(daemon):
    nst = daemon.nst()

    def marks():
        return daemon.json("cartridge", "show", "CAP001L8")["partitions"][0]["objects"]
    with steps.step("close of one of two descriptors of the same open writes no filemark; the last one does"):
        with Tape(nst) as tape:
            tape.operate(MTEOM)
            tape.write(b"first")
            other = os.dup(tape.descriptor)
            os.close(other)
            tape.write(b"second")
            expect(marks() == 10, marks())
        expect(marks() == 11, marks())
    with steps.step("a file that is opened for writing and closed without a write leaves the tape as it was"):
        with Tape(nst) as tape:
            tape.operate(MTREW)
        with Tape(nst, os.O_RDWR | os.O_TRUNC | os.O_CREAT):
            pass
        expect(marks() == 11, marks())
    with steps.step("nst after reading stays where it was; at the filemark it goes on behind it once 0 was read"):
        with Tape(nst, os.O_RDONLY) as tape:
            tape.operate(MTREW)
            expect(tape.read() == b"a")
        with Tape(nst, os.O_RDONLY) as tape:
            expect(tape.read() == b"", "the filemark")
        with Tape(nst, os.O_RDONLY) as tape:
            expect(tape.read() == b"b", "the next file")
    with steps.step("at the end of data reads give 0, never bytes, and EIO in the end"):
        with Tape(nst, os.O_RDONLY) as tape:
            tape.operate(MTEOM)
            expect(tape.status()["gstat"] & EOD, hex(tape.status()["gstat"]))
            expect(error_of(tape.read) in (0, errno.EIO), "data behind the end of data")
            expect(error_of(tape.read) in (0, errno.EIO), "data behind the end of data")
            tape.operate(MTREW)
            ends = 0
            for _ in range(40):
                try:
                    ends = 0 if tape.read() else ends + 1
                except OSError as error:
                    expect(error.errno == errno.EIO and ends >= 2, error, ends)
                    break
            else:
                raise AssertionError("no EIO behind the end of data")
            tape.operate(MTREW)
            expect(tape.read() == b"a")
    with steps.step("what was written is there after close, in the cartridge's own words: verify"):
        daemon.run("cartridge", "verify", "CAP001L8", succeeds=None)


def early_warning(daemon):
    nst = daemon.nst(1)
    with steps.step("16 MiB cartridge: ENOSPC at early warning, a trailer still fits, all of it is read back"):
        daemon.load("TINY01L8", 1, capacity="16MiB")
        written = []
        with Tape(nst) as tape:
            while True:
                record = noise(len(written), 65_536)
                code = error_of(tape.write, record)
                if code:
                    expect(code == errno.ENOSPC, code)
                    break
                written.append(record)
                expect(len(written) < 400, "no end")
            expect(tape.write(b"trailer".ljust(1024)) == 1024, "the trailer")
            written.append(b"trailer".ljust(1024))
        expect(len(written) > 200, len(written))
        mt(nst, "rewind")
        with Tape(nst, os.O_RDONLY) as tape:
            for index, record in enumerate(written):
                expect(tape.read() == record, f"record {index} of {len(written)}")
            expect(tape.read() == b"", "no filemark behind the trailer")
    with steps.step("on and on behind early warning: every second write ENOSPC, then only errors; all readable"):
        mt(nst, "rewind")
        taken, codes = 0, []
        with Tape(nst) as tape:
            for _ in range(600):
                code = error_of(tape.write, bytes(65_536))
                codes.append(code)
                taken += code == 0
                if codes[-3:] in ([errno.ENOSPC] * 3, [errno.EIO] * 3):
                    break
            expect(set(codes) <= {0, errno.ENOSPC, errno.EIO}, set(codes))
            expect(codes[-1] != 0, "no end of the tape")
            # Linux shows EOT between the write behind early warning and its ENOSPC, EOD once that was told.
            expect(tape.status()["gstat"] & (EOT | EOD), "neither EOT nor EOD", hex(tape.status()["gstat"]))
        mt(nst, "rewind")
        with Tape(nst, os.O_RDONLY) as tape:
            count = sum(1 for _ in iter(tape.read, b""))
        expect(count == taken, f"{taken} records taken, {count} read")
    daemon.unload(1)


def opening(daemon):
    nst, st = daemon.nst(), daemon.st()
    with steps.step("a tape device has one user: EBUSY for st and nst, reading or writing; sg and status still work"):
        with Tape(nst):
            for path in (nst, st):
                for flags in (os.O_RDONLY, os.O_RDWR, os.O_RDONLY | os.O_NONBLOCK):
                    expect(error_of(Tape, path, flags) == errno.EBUSY, path, flags)
            os.close(os.open(daemon.drive_sg(), os.O_RDWR | os.O_NONBLOCK))
            open(daemon("drives", 0, "status.json"), encoding="utf-8").read()
        Tape(nst).close()
    with steps.step("NDMP is a door like any other: busy while the file is open; EBUSY while NDMP has the drive"):
        with Session(daemon.port) as session:
            with Tape(nst):
                try:
                    session.tape_open(daemon.tapes[0])
                    raise AssertionError("NDMP opened it too")
                except NDMPError as error:
                    expect(error.code == DEVICE_BUSY, error)
            session.tape_open(daemon.tapes[0])
            expect(error_of(Tape, nst) == errno.EBUSY, "both have it")
            session.tape_close()
        Tape(nst).close()
    with steps.step("200 opens and closes in a row, by two processes' worth of threads: EBUSY at most, never stuck"):
        codes = []

        def loop():
            for _ in range(100):
                try:
                    Tape(nst, os.O_RDONLY).close()
                except OSError as error:
                    codes.append(error.errno)
        threads = [threading.Thread(target=loop) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            expect(not thread.is_alive(), "stuck")
        expect(set(codes) <= {errno.EBUSY}, set(codes))
        Tape(nst, os.O_RDONLY).close()
    with steps.step("a drive without a cartridge: ENOMEDIUM, but O_NONBLOCK opens and tells DR_OPEN"):
        expect(error_of(Tape, daemon.nst(3)) == errno.ENOMEDIUM, error_of(Tape, daemon.nst(3)))
        expect(error_of(Tape, daemon.st(3), os.O_RDONLY) == errno.ENOMEDIUM)
        with Tape(daemon.nst(3), os.O_RDWR | os.O_NONBLOCK) as tape:
            status = tape.status()
            expect(status["gstat"] & DR_OPEN and not status["gstat"] & ONLINE, hex(status["gstat"]))
            for action in (lambda: tape.read(100), lambda: tape.write(b"x"), lambda: tape.operate(MTREW), tape.tell):
                expect(error_of(action) in (errno.ENOMEDIUM, errno.EIO, errno.ENXIO), error_of(action))
        text = mt(daemon.nst(3), "status")
        expect("DR_OPEN" in text, text)
    with steps.step("a cartridge that comes while the empty drive is open by O_NONBLOCK can be used without reopening"):
        with Tape(daemon.nst(3), os.O_RDWR | os.O_NONBLOCK) as tape:
            daemon.load("CAP009L8", 3)

            def ready():
                return tape.status()["gstat"] & ONLINE
            wait_until(ready, "the drive to be ready", 5)
            expect(error_of(tape.operate, MTREW) in (0, errno.EIO), "rewind")
            tape.operate(MTREW)
            expect(tape.write(b"late") == 4)
        daemon.unload(3)
    with steps.step("unload while it is open is refused in words, as EBUSY for mv; nothing is lost"):
        with Tape(nst) as tape:
            tape.operate(MTREW)
            tape.write(b"in use")
            code = error_of(os.rename, daemon("drives", 0, "CAP001L8"), daemon("slots", 24, "CAP001L8"))
            expect(code == errno.EBUSY, errno.errorcode.get(code, code))
            expect(tape.write(b"still") == 5)
        expect(daemon.place_of("CAP001L8") == "drive:0")


def protected(daemon):
    nst = daemon.nst()
    with steps.step("a write-protected cartridge: WR_PROT, EROFS or EACCES for writing, and reading works"):
        daemon.unload(0)
        daemon.run("cartridge", "write-protect", "CAP001L8")
        daemon.load("CAP001L8", 0)
        expect(bits(daemon)["gstat"] & WR_PROT, hex(bits(daemon)["gstat"]))
        expect("WR_PROT" in mt(nst, "status"))
        expect(error_of(Tape, nst, os.O_RDWR) in (errno.EROFS, errno.EACCES), error_of(Tape, nst, os.O_RDWR))
        with Tape(nst, os.O_RDONLY) as tape:
            expect(tape.read() == b"in use")
            expect(error_of(tape.operate, MTWEOF) in (errno.EACCES, errno.EROFS, errno.EIO), "a filemark was written")
            expect(error_of(tape.operate, MTERASE) in (errno.EACCES, errno.EROFS, errno.EIO), "erased")
    with steps.step("a descriptor that was opened for reading does not write"):
        with Tape(nst, os.O_RDONLY) as tape:
            expect(error_of(tape.write, b"x") == errno.EBADF)


def main():
    if not needed(steps, "mt", "fusermount3"):
        return
    with temporary_folder() as folder, MountedDaemon(store=os.path.join(folder, "store")) as daemon:
        daemon.load("CAP001L8", 0)
        odd_records(daemon)
        positions(daemon)
        changes(daemon)
        closing(daemon)
        closing_more(daemon)
        early_warning(daemon)
        opening(daemon)
        protected(daemon)


with steps.step("the file came to its end"):
    main()
steps.finish()
