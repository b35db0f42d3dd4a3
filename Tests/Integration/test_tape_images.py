#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""`capstan cartridge export` and `import` with the real tools of other emulators: SIMH's PDP-11 reads what we write and
writes what we read, Hercules' tapemap, hetmap, hetget, hetupd, hetinit and tapesplt the same for AWSTAPE and HET.
"""

import json
import os
import random
import shutil
import struct
import subprocess
import time
import zlib

from harness import PROGRAM, Daemon, Failure, Steps, command, expect, refused, temporary_folder, wait_until
from ndmp_client import FSF, FSR, IO_ERR
from ndmp_session import READ_ONLY, NDMPError, Session
from tape_image_tools import MARK, PDP11, Bad, aws, read_tap, tap, tool

RANDOM = random.Random(20)
TAPE = [b"label" * 16, MARK, RANDOM.randbytes(4000), b"x", RANDOM.randbytes(123), MARK, MARK, b"\0" * 32760, MARK]
DAMAGED = [b"before", Bad(b"half of it"), b"behind", MARK, b"last", MARK]


def write(folder, name, image):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(image)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def exported(daemon, barcode, folder):
    """The tape on a cartridge, through an image that a reader of our own takes apart."""
    path = os.path.join(folder, f"exported-{time.monotonic_ns()}.tap")
    daemon.run("cartridge", "export", barcode, path)
    tape = read_tap(read(path))
    os.remove(path)
    return tape


def fill(daemon, barcode, path, *options):
    return daemon.json("cartridge", "import", barcode, path, *options)


def same(found, wanted, *words):
    lengths = [[len(item or b"") for item in tape] for tape in (found, wanted)]
    expect(found == wanted, *words, lengths[0], "is not", lengths[1])


def simh_steps(steps, daemon):
    with steps.step("SIMH's PDP-11 reads a cartridge and its damaged record"), temporary_folder() as folder:
        report = fill(daemon, "CAP001L8", write(folder, "in.tap", tap(DAMAGED)))
        expect((report["records"], report["filemarks"], report["damagedRecords"]) == (4, 2, 1), report)
        image = os.path.join(folder, "out.tap")
        report = daemon.json("cartridge", "export", "CAP001L8", image)
        expect((report["records"], report["filemarks"], report["damagedRecords"]) == (4, 2, 1), report)
        machine = PDP11(image)
        for _ in range(7):
            machine.read(64)
        found = machine.finish()
        expect(len(found) == 7, machine.output)
        texts = [data for _, data in found]
        expect(texts == [b"before", b"half of it", b"behind", b"", b"last", b"", b""], found)
        parity = [bool(status & PDP11.PARITY_ERROR) for status, _ in found]
        expect(parity == [False, True, False, False, False, False, False], found)
        marks = [bool(status & PDP11.END_OF_FILE) for status, _ in found]
        expect(marks[3] and marks[5] and not any(marks[:3]), found)
        listing = tool("mtdump", image)
        for line in ("length = 6 (0x6)", "length = 10 (0xA)", "Error marker at record 2", "length = 4 (0x4)"):
            expect(line in listing, line, "is not in", listing)
    with steps.step("the damaged record is a medium error at its place for a drive, and those around it are read"):
        daemon.run("load", "1", "0")
        with Session(daemon.port) as session:
            session.tape_open(daemon.tapes[0], READ_ONLY)
            expect(session.read() == b"before")
            try:
                raise Failure(f"read {session.read()!r}")
            except NDMPError as error:
                expect(error.code == IO_ERR, error)
            session.mtio(FSR)
            got = [session.read() for _ in range(2)]
            # The position stays before a filemark that was read.
            session.mtio(FSF)
            got += [session.read() for _ in range(2)]
            expect(got == [b"behind", None, b"last", None], got)
            session.tape_close()
        daemon.run("unload", "0")
        problems = daemon.run("cartridge", "verify", "CAP001L8", succeeds=False).stdout
        expect("block 1" in problems, problems)
    with steps.step("a tape that SIMH's PDP-11 writes is imported record for record"), temporary_folder() as folder:
        image = os.path.join(folder, "pdp11.tap")
        tape = [b"written by a PDP-11", MARK, RANDOM.randbytes(512), b"odd", MARK, MARK]
        machine = PDP11(image)
        for item in tape:
            machine.write_mark() if item is MARK else machine.write(item)
        machine.finish()
        report = fill(daemon, "CAP002L8", image)
        expect((report["format"], report["records"], report["filemarks"]) == ("tap", 3, 3), report)
        same(exported(daemon, "CAP002L8", folder), tape)
    with steps.step("E11 images are recognised by a record of odd length"), temporary_folder() as folder:
        tape = [b"even", b"odd", MARK, b"12345", MARK]
        image = write(folder, "old.tap", tap(tape, padded=False))
        expect("length = 5 (0x5)" in tool("mtdump", "-e", image))
        report = fill(daemon, "CAP002L8", image)
        expect(report["format"] == "e11", report)
        same(exported(daemon, "CAP002L8", folder), tape)
    with steps.step("gaps, and what lies behind the end, are left out and told"), temporary_folder() as folder:
        gaps = struct.pack("<III", 0xFFFFFFFE, 0xFFFFFFFE, 0)
        image = write(folder, "gaps.tap", tap([b"one"]) + gaps + tap([b"two"]) + b"\xff\xff\xff\xff" + tap([b"no"]))
        report = fill(daemon, "CAP002L8", image)
        expect((report["gaps"], report["gapBytes"]) == (1, 8), report)
        expect(any("behind the end" in note for note in report["notes"]), report)
        same(exported(daemon, "CAP002L8", folder), [b"one", MARK, b"two"])


def hercules_map(text):
    """(blocks, least, most) of each file, as tapemap and hetmap -t print them."""
    files = []
    for line in text.splitlines():
        if line.startswith("File "):
            numbers = line.replace(",", " ").split()
            files.append(tuple(int(numbers[place].split("=")[1]) for place in (2, -2, -1)))
    return files


def hercules_steps(steps, daemon):
    wanted = [(1, 80, 80), (3, 1, 4000), (0, 0, 0), (1, 32760, 32760)]
    with steps.step("Hercules maps our AWSTAPE and HET images and extracts files"), temporary_folder() as folder:
        fill(daemon, "CAP003L8", write(folder, "in.tap", tap(TAPE)))
        images = {"x.aws": [], "zlib.het": []}
        images |= {f"{method}.het": ["--compression", method] for method in ("bzip2", "none")}
        for name, options in images.items():
            path = os.path.join(folder, name)
            report = daemon.json("cartridge", "export", "CAP003L8", path, *options)
            expect((report["records"], report["filemarks"]) == (5, 4), report)
            for line in [["hetmap", "-t", path]] + ([["tapemap", path]] if name == "x.aws" else []):
                found = hercules_map(tool(*line))
                expect(found[:4] == wanted, line, found)
            for number, content in ((1, TAPE[0]), (2, b"".join(TAPE[2:5])), (4, TAPE[7])):
                out = os.path.join(folder, f"{name}.{number}")
                tool("hetget", "-n", path, out, number, "U", 0, 32760)
                expect(read(out) == content, name, number, "differs")
            report = fill(daemon, "CAP004L8", path)
            expect(report["format"] == ("aws" if name in ("x.aws", "none.het") else "het"), report)
            same(exported(daemon, "CAP004L8", folder), TAPE, name)
    with steps.step("what Hercules' hetupd makes of them comes back"), temporary_folder() as folder:
        image = os.path.join(folder, "in.aws")
        daemon.run("cartridge", "export", "CAP003L8", image)
        for options in (["-z"], ["-b"], ["-z", "-9"], ["-s"], ["-d", "-c", "4096"]):
            path = os.path.join(folder, "hercules" + "".join(options))
            printed = tool("hetupd", *options, image, path)
            expect(os.path.getsize(path) > 0, printed)
            fill(daemon, "CAP004L8", path)
            same(exported(daemon, "CAP004L8", folder), TAPE, options)
        chunks = read(os.path.join(folder, "hercules-s"))
        expect(struct.pack("<HHBB", 4096, 0, 0x80, 0) in chunks, "hetupd cut no record into chunks")
    with steps.step("a tape of hetinit, and the parts of tapesplt"), temporary_folder() as folder:
        label = os.path.join(folder, "label.het")
        tool("hetinit", label, "VOL123", "CAPSTAN")
        report = fill(daemon, "CAP004L8", label)
        expect(report["format"] == "het", report)
        tape = exported(daemon, "CAP004L8", folder)
        expect(len(tape[0]) == 80 and tape[0][:10] == "VOL1VOL123".encode("cp037"), tape)
        image, part = os.path.join(folder, "in.aws"), os.path.join(folder, "part")
        daemon.run("cartridge", "export", "CAP003L8", image)
        tool("tapesplt", image, part + "1", 1, part + "2", 1)
        fill(daemon, "CAP004L8", part + "2")
        same(exported(daemon, "CAP004L8", folder), TAPE[2:6])
    with steps.step("a record longer than Hercules takes is told, and comes back"), temporary_folder() as folder:
        tape = [RANDOM.randbytes(70_001), MARK]
        fill(daemon, "CAP004L8", write(folder, "in.aws", aws(tape, chunk=1000)))
        image = os.path.join(folder, "out.aws")
        report = daemon.json("cartridge", "export", "CAP004L8", image)
        expect(any("Hercules" in note for note in report["notes"]), report)
        fill(daemon, "CAP002L8", image)
        same(exported(daemon, "CAP002L8", folder), tape)
    with steps.step("AWSTAPE has no place for damage: refused, or left out"), temporary_folder() as folder:
        image = os.path.join(folder, "damaged.aws")
        words = refused("cartridge", "export", "CAP001L8", image, socket=daemon.socket)
        expect("--omit-damaged" in words and os.listdir(folder) == [], words, os.listdir(folder))
        report = daemon.json("cartridge", "export", "CAP001L8", image, "--omit-damaged")
        expect((report["records"], report["omittedRecords"]) == (3, 1), report)


def mhvtl_cartridge(folder, flags=0):
    """A directory as mhvtl 1.7 (tape format 5) makes it, laid out from the structures in its sources."""
    path = os.path.join(folder, "E01001L8")
    os.makedirs(path)
    data, index = b"", b""
    blocks = [(11, b"plain block", flags), (11, b"squeezed " * 100, flags | 1), (3, b"", 0)]
    for number, (kind, content, block_flags) in enumerate(blocks):
        stored = zlib.compress(content) if block_flags & 1 else content
        entry = struct.pack("<QIIIIII", len(data), kind, block_flags, number, len(content), len(stored), 0)
        index += entry.ljust(512, b"\0")
        data += stored
    memory = struct.pack("<II", 5, 4)
    for identifier, value in ((0x0806, b"E01001L8".ljust(32)), (0x0803, b"monthly archive".ljust(160, b"\0"))):
        memory += struct.pack("<HH", identifier, len(value)) + value
    for name, content in (("data", data), ("indx", index), ("mam", memory), ("meta", bytes(512))):
        write(path, name, content)
    return path, [content if kind == 11 else MARK for kind, content, _ in blocks]


def other_steps(steps, daemon):
    with steps.step("a directory is readable as it is, and comes back"), temporary_folder() as folder:
        path = os.path.join(folder, "tape") + "/"
        fill(daemon, "CAP003L8", write(folder, "in.tap", tap(DAMAGED)))
        daemon.run("cartridge", "label", "CAP003L8", "kept with the tape")
        report = daemon.json("cartridge", "export", "CAP003L8", path)
        expect(report["format"] == "directory", report)
        expect(read(path + "file0001.bin") == b"beforehalf of itbehind" and read(path + "file0002.bin") == b"last")
        with open(path + "tape.json", encoding="utf-8") as file:
            expect(json.load(file)["tape"]["barcode"] == "CAP003L8")
        fill(daemon, "CAP004L8", path)
        same(exported(daemon, "CAP004L8", folder), DAMAGED)
        expect(daemon.json("cartridge", "show", "CAP004L8")["label"] == "kept with the tape")
        refused("cartridge", "export", "CAP003L8", path, socket=daemon.socket)
        daemon.run("cartridge", "export", "CAP003L8", path, "--force")
        with open(path + "file0002.bin", "r+b") as file:
            file.write(b"L")
        words = refused("cartridge", "import", "CAP004L8", path, socket=daemon.socket)
        expect("file0002.bin" in words and "checksum" in words, words)
    with steps.step("a cartridge of mhvtl is imported with its label; encrypted blocks and LZO are refused"):
        with temporary_folder() as folder:
            path, tape = mhvtl_cartridge(folder)
            report = fill(daemon, "CAP004L8", path)
            expect(report["format"] == "mhvtl" and "E01001L8" in report["notes"][0], report)
            same(exported(daemon, "CAP004L8", folder), tape)
            expect(daemon.json("cartridge", "show", "CAP004L8")["label"] == "monthly archive")
        for flags, word in ((2, "encrypted"), (4, "LZO")):
            with temporary_folder() as folder:
                path, _ = mhvtl_cartridge(folder, flags)
                words = refused("cartridge", "import", "CAP004L8", path, socket=daemon.socket)
                expect(word in words, words)
    with steps.step("damaged images are refused with the place, and change nothing"), temporary_folder() as folder:
        before = exported(daemon, "CAP004L8", folder)
        whole = tap(TAPE)
        lying = bytearray(whole)
        lying[84] ^= 1
        for name, image, word in (
            ("cut.tap", whole[:-5], "byte"), ("lying.tap", bytes(lying), "byte 0"),
            ("text.txt", b"hello", "no tape image"), ("x.tap.gz", b"\x1f\x8b\x08" + bytes(20), "gunzip"),
            ("cut.aws", aws(TAPE)[:-7], "byte"), ("empty", b"", "--format"),
            ("long.tap", struct.pack("<I", 0x0FFFFFFF) + bytes(100), "byte 0"),
        ):
            words = refused("cartridge", "import", "CAP004L8", write(folder, name, image), socket=daemon.socket)
            expect(word in words, name, words)
        refused("cartridge", "import", "CAP004L8", os.path.join(folder, "none.tap"), socket=daemon.socket)
        same(exported(daemon, "CAP004L8", folder), before)
    with steps.step("what makes no sense is refused, and leaves nothing behind"), temporary_folder() as folder:
        for line in (
            ("export", "CAP004L8", os.path.join(folder, "name")), ("export", "CAP004L8", os.path.join(folder, "x.e11")),
            ("export", "CAP004L8", os.path.join(folder, "x"), "--format", "mhvtl"),
            ("export", "CAP004L8", os.path.join(folder, "no/such/folder.tap")),
            ("export", "NOSUCHL8", os.path.join(folder, "x.tap")),
            ("export", "CAP004L8", os.path.join(folder, "x.tap"), "--partition", "3"),
            ("import", "NOSUCHL8", write(folder, "y.tap", tap(TAPE))),
        ):
            refused("cartridge", *line, socket=daemon.socket)
        expect(os.listdir(folder) == ["y.tap"], os.listdir(folder))
        daemon.run("load", "4", "1")
        refused("cartridge", "export", "CAP004L8", os.path.join(folder, "x.tap"), socket=daemon.socket)
        refused("cartridge", "import", "CAP004L8", os.path.join(folder, "y.tap"), socket=daemon.socket)
        daemon.run("unload", "1")
        daemon.run("cartridge", "write-protect", "CAP004L8")
        refused("cartridge", "import", "CAP004L8", os.path.join(folder, "y.tap"), socket=daemon.socket)
        daemon.run("cartridge", "write-protect", "CAP004L8", "--off")


def large_steps(steps, daemon):
    with steps.step("records of 1 byte to 16 MiB less one, in bounded memory"), temporary_folder() as folder:
        tape = [RANDOM.randbytes(length) for length in (1, 2, 4095, 65535, 65537, 1 << 20)]
        tape += [bytes([number]) * 0xFFFFFF for number in range(12)] + [MARK] * 500
        image = write(folder, "large.tap", tap(tape))
        before = daemon.resident_bytes()
        fill(daemon, "CAP005L8", image)
        out = os.path.join(folder, "out.tap")
        daemon.run("cartridge", "export", "CAP005L8", out)
        grown = daemon.resident_bytes() - before
        expect(read(out) == tap(tape) + b"\xff\xff\xff\xff", "the image differs")
        expect(grown < 160 << 20, f"the daemon grew by {grown >> 20} MiB")
        files = {name for name in os.listdir(os.path.join(daemon.store, "cartridges")) if "." in name}
        expect(not files, files)
    with steps.step("an import whose command is killed leaves the cartridge free"), temporary_folder() as folder:
        image = write(folder, "in.tap", tap([bytes(1 << 20)] * 200))
        before = exported(daemon, "CAP004L8", folder)
        line = [PROGRAM, "cartridge", "import", "CAP004L8", image, "--socket", daemon.socket]
        with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(0.05)
            process.kill()
        show = ("cartridge", "verify", "CAP004L8")
        wait_until(lambda: command(*show, socket=daemon.socket, succeeds=None).returncode == 0, "the cartridge", 20)
        found = exported(daemon, "CAP004L8", folder)
        expect(found in (before, [bytes(1 << 20)] * 200), "half of an image")


def offline_steps(steps, store):
    with steps.step("the same without a daemon, by --store"), temporary_folder() as folder:
        image = write(folder, "in.tap", tap(DAMAGED))
        command("cartridge", "import", "CAP006L8", image, "--store", store)
        out = os.path.join(folder, "out.tap")
        done = command("cartridge", "export", "CAP006L8", out, "--store", store, "--json")
        expect(json.loads(done.stdout)["damagedRecords"] == 1, done.stdout)
        same(read_tap(read(out)), DAMAGED)
        piped = subprocess.run(
            [PROGRAM, "cartridge", "export", "CAP006L8", "-", "--store", store],
            capture_output=True, check=True, timeout=60,
        )
        same(read_tap(piped.stdout), DAMAGED)
        refused("cartridge", "import", "CAP006L8", write(folder, "cut.tap", tap(DAMAGED)[:-2]), "--store", store)
        os.remove(out)
        command("cartridge", "export", "CAP006L8", out, "--store", store)
        same(read_tap(read(out)), DAMAGED)


def main():
    steps = Steps("tape images")
    with temporary_folder() as folder:
        store = os.path.join(folder, "store")
        with Daemon(store=store) as daemon:
            if all(shutil.which(name) for name in ("pdp11", "mtdump")):
                simh_steps(steps, daemon)
            else:
                steps.skip("SIMH reads and writes images", "simh is not installed")
            if all(shutil.which(name) for name in ("hetmap", "hetget", "hetupd", "hetinit", "tapemap", "tapesplt")):
                hercules_steps(steps, daemon)
            else:
                steps.skip("Hercules reads and writes images", "hercules is not installed")
            other_steps(steps, daemon)
            large_steps(steps, daemon)
            with steps.step("--store is refused while a daemon serves the store"):
                words = refused("cartridge", "export", "CAP001L8", os.path.join(folder, "x.tap"), "--store", store)
                expect("served by process" in words, words)
        offline_steps(steps, store)
    steps.finish()


if __name__ == "__main__":
    main()
