#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Writes the golden cartridges from docs/reference/cartridge-format.md alone.

It shares nothing with the program: a test reads its output with the program, so that both must agree with the
document. Run it in this folder; the output is committed and must not change, since it pins format version 1.

  golden-v1/GOLD01L8   two partitions, closed cleanly
  golden-v1/GOLD02L8   one partition as a crash leaves it: superblock behind, a stale entry, a half entry
"""
import json
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def superblock(partition, identity, sequence, count, payload, filemarks, epoch):
    body = b"CAPINDEX" + struct.pack("<IIQQQQQI", 1, partition, identity, sequence, count, payload, filemarks, epoch)
    body = body.ljust(508, b"\0")
    return body + struct.pack("<I", crc32c(body))


def entry(partition, identity, number, offset, record, filemarks, epoch):
    """record is None for a filemark."""
    kind = 2 if record is None else 1
    length = 0 if record is None else len(record)
    crc = 0 if record is None else crc32c(record)
    body = struct.pack("<Q", offset)[:6] + struct.pack("<BBIIIII", kind, 0, length, length, crc, filemarks, epoch)
    assert len(body) == 28
    check = crc32c(struct.pack("<QI", identity, partition) + body + struct.pack("<Q", number))
    return body + struct.pack("<I", check)


def partition_files(partition, identity, objects, epochs):
    """Payload, entries and totals of a list of records (bytes) and filemarks (None)."""
    payload, entries, filemarks = b"", b"", 0
    for number, record in enumerate(objects):
        entries += entry(partition, identity, number, len(payload), record, filemarks, epochs[number])
        if record is None:
            filemarks += 1
        else:
            payload += record
    return payload, entries, filemarks


def header(slot0, slot1):
    return slot0.ljust(2048, b"\0") + slot1.ljust(2048, b"\0")


def write(directory, name, data):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "wb") as file:
        file.write(data)


def description(barcode, identity, capacities, **changes):
    fields = {
        "formatVersion": 1,
        "barcode": barcode,
        "identity": "%016x" % identity,
        "generation": 8,
        "densityCode": 0x5E,
        "kind": "data",
        "writeProtected": False,
        "capacity": sum(capacities),
        "partitions": [{"capacity": capacity} for capacity in capacities],
        "attributes": [],
        "counters": {name: 0 for name in (
            "loadCount", "bytesWritten", "bytesRead", "recordsWritten", "recordsRead",
            "filemarksWritten", "writeErrors", "readErrors")},
        "volumeChangeReference": 0,
        "cleaningsLeft": 0,
    }
    fields.update(changes)
    return json.dumps(fields, indent=2).encode() + b"\n"


def pattern(length, first):
    return bytes((first + i) & 0xFF for i in range(length))


def clean_cartridge():
    directory = os.path.join(HERE, "golden-v1", "GOLD01L8")
    identity = 0x0123456789ABCDEF
    label = b"VOL1GOLD01" + b" " * 70
    first = [label, None, pattern(1000, 7), pattern(1000, 9), pattern(1, 0x5A), None, None]
    payload, entries, filemarks = partition_files(0, identity, first, [1, 1, 2, 2, 2, 2, 2])
    old = superblock(0, identity, 8, 2, 80, 1, 2)
    new = superblock(0, identity, 9, len(first), len(payload), filemarks, 2)
    write(directory, "p0.data", payload)
    write(directory, "p0.index", header(old, new) + entries)

    second = [pattern(513, 1)]
    payload, entries, filemarks = partition_files(1, identity, second, [1])
    write(directory, "p1.data", payload)
    write(directory, "p1.index",
          header(superblock(1, identity, 2, 1, 513, 0, 1), superblock(1, identity, 1, 0, 0, 0, 1)) + entries)
    write(directory, "cartridge.json", description(
        "GOLD01L8", identity, [2 << 20, 1 << 20], writeProtected=True, volumeChangeReference=42,
        attributes=[{"partition": 0, "identifier": 0x0801, "format": 1, "readOnly": False, "value": "43617073"}]))


def crashed_cartridge():
    directory = os.path.join(HERE, "golden-v1", "GOLD02L8")
    identity = 0xFEDCBA9876543210
    objects = [pattern(600, 3), None, pattern(600, 4), pattern(600, 5)]
    payload, entries, _ = partition_files(0, identity, objects, [1, 1, 2, 2])
    # Object 4 is of the epoch before, though its payload is whole: it was overwritten once and must not come back.
    stale = pattern(600, 6)
    entries += entry(0, identity, 4, len(payload), stale, 1, 1) + b"\x55" * 17
    # Slot 1 has the higher sequence but is torn.
    torn = bytearray(superblock(0, identity, 4, 4, 1800, 1, 2))
    torn[300] ^= 1
    write(directory, "p0.data", payload + stale)
    write(directory, "p0.index", header(superblock(0, identity, 3, 2, 600, 1, 2), bytes(torn)) + entries)
    write(directory, "cartridge.json", description("GOLD02L8", identity, [1 << 20]))


clean_cartridge()
crashed_cartridge()
