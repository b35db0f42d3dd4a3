# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""The tools of SIMH and Hercules, as the tests of tape images drive them, and readers and writers of images that share
no code with the program.

A tape is a list: bytes for a record, MARK for a filemark, Bad(bytes) for a record that cannot be read.
"""

import re
import struct
import subprocess

MARK = None
TOOL_SECONDS = 60


class Bad(bytes):
    """A record that the original drive could not read."""

    def __eq__(self, other):
        return isinstance(other, Bad) and bytes(self) == bytes(other)

    def __hash__(self):
        return hash(bytes(self))


def tap(tape, padded=True):
    """A SIMH image, or an E11 one without padding."""
    image = bytearray()
    for item in tape:
        if item is MARK:
            image += struct.pack("<I", 0)
            continue
        word = struct.pack("<I", len(item) | (0x80000000 if isinstance(item, Bad) else 0))
        image += word
        image += item
        image += (b"\0" if padded and len(item) % 2 else b"") + word
    return bytes(image)


def read_tap(image):
    """The tape in a SIMH image."""
    tape, at = [], 0
    while at < len(image):
        (word,) = struct.unpack_from("<I", image, at)
        at += 4
        if word == 0xFFFFFFFF:
            break
        if word == 0xFFFFFFFE:
            continue
        if word == 0:
            tape.append(MARK)
            continue
        length = word & 0xFFFFFF
        record = image[at:at + length]
        at += length + length % 2
        assert struct.unpack_from("<I", image, at) == (word,), f"the lengths differ at {at}"
        at += 4
        tape.append(Bad(record) if word >> 31 else record)
    return tape


def aws(tape, chunk=65535):
    """An AWSTAPE image whose records are cut into chunks."""
    image, previous = bytearray(), 0
    for item in tape:
        if item is MARK:
            image += struct.pack("<HHBB", 0, previous, 0x40, 0)
            previous = 0
            continue
        for at in range(0, len(item), chunk):
            piece = item[at:at + chunk]
            flags = (0x80 if at == 0 else 0) | (0x20 if at + chunk >= len(item) else 0)
            image += struct.pack("<HHBB", len(piece), previous, flags, 0) + piece
            previous = len(piece)
    return bytes(image)


def tool(*line, text_input=None):
    """Runs one of the tools; what it printed on both streams."""
    done = subprocess.run(
        [str(word) for word in line], input=text_input, capture_output=True, text=True, errors="replace",
        timeout=TOOL_SECONDS, check=False,
    )
    return done.stdout + done.stderr


class PDP11:
    """SIMH's PDP-11 with a TM11 magtape controller: programs of seven words read and write its tape unit 0.

    The controller's registers (TM11 manual: command at 772522) have names in the simulator: MTS status, MTBRC byte
    count, MTCMA memory address.
    """

    READ, WRITE, WRITE_MARK = 1, 2, 3
    BUFFER = 0o2000
    # Bits of the status register.
    END_OF_FILE, PARITY_ERROR, LENGTH_ERROR, END_OF_TAPE = 0o40000, 0o10000, 0o1000, 0o2000

    def __init__(self, image):
        # CPU memory, and a program: give the command, wait until the controller is ready, halt.
        self.script = ["set cpu 256k", f"attach tm0 {image}"]

    def _run(self, function, count=0):
        command = 0o60001 | function << 1
        for at, word in enumerate([0o012737, command, 0o172522, 0o105737, 0o172522, 0o100375, 0]):
            self.script.append(f"deposit {0o1000 + 2 * at:o} {word:o}")
        self.script += [f"deposit tm mtbrc {(-count) & 0xFFFF:o}", f"deposit tm mtcma {self.BUFFER:o}"]
        self.script += ["deposit pc 1000", "cont"]

    def read(self, limit):
        """Asks for the next record of at most `limit` bytes."""
        self._run(self.READ, limit)
        self.script += ["examine tm mts", "examine tm mtbrc"]
        self.script.append(f"examine {self.BUFFER:o}-{self.BUFFER + (limit + 1) // 2 * 2 - 2:o}")

    def write(self, record):
        for at in range(0, len(record), 2):
            word = record[at] | (record[at + 1] << 8 if at + 1 < len(record) else 0)
            self.script.append(f"deposit {self.BUFFER + at:o} {word:o}")
        self._run(self.WRITE, len(record))

    def write_mark(self):
        self._run(self.WRITE_MARK)

    def finish(self):
        """Runs everything. For each `read` the status, and the bytes that came."""
        self.script += ["detach tm0", "quit", ""]
        self.output = tool("pdp11", text_input="\n".join(self.script))
        reads = []
        for name, value in re.findall(r"(?:sim> )?(MTS|MTBRC|[0-7]{3,8}):\t([0-7]+)", self.output):
            value = int(value, 8)
            if name == "MTS":
                reads.append([value, 0, b""])
            elif name == "MTBRC":
                reads[-1][1] = (-value) & 0xFFFF
            elif reads:
                reads[-1][2] += struct.pack("<H", value)
        # What the controller counts as left did not come.
        return [(status, memory[:len(memory) - left - len(memory) % 2]) for status, left, memory in reads]
