# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""A backup of 100,000 small files, and one of a sparse file of 20 GiB: memory stays flat, holes stay off the tape, and
what comes back is the same.

The rates stand beside those of `tar c | cat` of the same tree in the same run; they are printed and not judged. The
memory bound is judged: the process may need GROWTH_BYTES more at its peak than before the job.
CAPSTAN_LARGE_FILES and CAPSTAN_LARGE_GIB make it smaller for a quick run.
"""

import atexit
import contextlib
import os
import random
import shutil
import subprocess
import tempfile
import time

import ndmp_client as ndmp
from data_rig import FORMATS
from harness import Daemon, Steps, expect
from ndmp_data import CountedHistory, Job, good, log_in, open_drive

FILES_PER_FOLDER = 500
FILES = max(2, int(os.environ.get("CAPSTAN_LARGE_FILES", "100000")) // FILES_PER_FOLDER) * FILES_PER_FOLDER
SPARSE_BYTES = int(float(os.environ.get("CAPSTAN_LARGE_GIB", "20")) * (1 << 30))
# Buffers of mover, data service and drive are a few MiB. Dump keeps some 100 bytes per file; tar what a file with more
# than one name needs.
GROWTH_BYTES = 32 << 20
REGIONS, REGION_BYTES = 48, 1 << 20
# What one format adds to the data of a sparse file, as parts of its whole size: dump tells of each 512 KiB in 1 KiB.
SPARSE_OVERHEAD = {"tar": 1 / 100_000, "dump": 1 / 400}
JOB_SECONDS = 600
steps = Steps("data service, large")


def small_files(root):
    """FILES files of up to 4 KiB: one folder is made, and copied by a program that is quick at it."""
    source = random.Random(51)
    first, total = os.path.join(root, "0000"), 0
    os.makedirs(first)
    for index in range(FILES_PER_FOLDER):
        data = source.randbytes(source.randrange(4096))
        with open(os.path.join(first, f"file{index:03}"), "wb") as file:
            file.write(data)
        total += len(data)
    script = 'for number in $(seq -w 0001 "$1"); do cp -r "$0/0000" "$0/$number"; done'
    subprocess.run(["sh", "-ec", script, root, f"{FILES // FILES_PER_FOLDER - 1:04}"], check=True)
    return total * (FILES // FILES_PER_FOLDER)


def sparse_file(path):
    """Data in REGIONS places, the last at the very end."""
    source = random.Random(52)
    step = (SPARSE_BYTES - REGION_BYTES) // (REGIONS - 1) // 4096 * 4096
    with open(path, "wb", buffering=0) as file:
        file.truncate(SPARSE_BYTES)
        for index in range(REGIONS):
            at = index * step if index < REGIONS - 1 else SPARSE_BYTES - REGION_BYTES
            os.pwrite(file.fileno(), source.randbytes(REGION_BYTES), at)
    return REGIONS * REGION_BYTES


class Memory:
    """The daemon's resident memory at its peak, from here on, beyond what it is now."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.before = daemon.resident_bytes()
        # Sets the peak back to what is resident now.
        with open(f"/proc/{daemon.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")

    def growth(self):
        with open(f"/proc/{self.daemon.pid}/status", encoding="ascii") as file:
            peak = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
        return peak - self.before


def plain_tar(root):
    """Seconds that `tar c | cat` takes, both writing nothing to a disk."""
    begun = time.monotonic()
    subprocess.run(["sh", "-c", 'tar -cS -f - -C "$0" . | cat > /dev/null', root], check=True)
    return time.monotonic() - begun


@contextlib.contextmanager
def local(daemon):
    with log_in("127.0.0.1", daemon.port, timeout=120) as session:
        open_drive(session, daemon.tapes[0])
        good(session.mtio(ndmp.REW))
        yield session


def backup(daemon, kind, root, data_bytes):
    """The job; prints its rate beside that of tar before and after it."""
    with local(daemon) as session:
        before = plain_tar(root)
        session.history = CountedHistory()
        memory, begun = Memory(daemon), time.monotonic()
        job = Job(session, session, kind, record=256 << 10).backup(root, {"HIST": "y"}, JOB_SECONDS).succeeded()
        took = time.monotonic() - begun
        good(session.mtio(ndmp.EOF))
        growth, after = memory.growth(), plain_tar(root)
        entries = session.history.entries
    rate = data_bytes / (1 << 20)
    print(
        f"# {kind} backup: {took:.2f} s, {rate / took:.0f} MiB/s of data, {job.moved >> 20} MiB on tape; tar c | cat:"
        f" {before:.2f} s and {after:.2f} s, {rate / before:.0f} and {rate / after:.0f} MiB/s;"
        f" peak memory +{growth / (1 << 20):.1f} MiB; {entries} entries of file history", flush=True)
    expect(growth < GROWTH_BYTES, f"peak memory grew by {growth >> 20} MiB")
    return job, entries


def recover(daemon, kind, target):
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    with local(daemon) as session:
        memory, begun = Memory(daemon), time.monotonic()
        job = Job(session, session, kind, record=256 << 10)
        job.recover({"FILESYSTEM": target}, [("", target)], JOB_SECONDS).succeeded()
        took, growth = time.monotonic() - begun, memory.growth()
        recovered = session.recovered
    print(f"# {kind} recovery: {took:.2f} s, {job.processed >> 20} MiB; peak memory +{growth / (1 << 20):.1f} MiB",
          flush=True)
    expect(set(recovered.values()) == {0}, recovered)
    expect(growth < GROWTH_BYTES, f"peak memory grew by {growth >> 20} MiB")


def same_trees(left, right):
    difference = subprocess.run(
        ["rsync", "-naAXHi", "--delete", "--checksum", f"{left}/", f"{right}/"], capture_output=True, text=True,
        check=True).stdout
    expect(not difference, f"the trees differ: {difference[:500]}")


def many(daemon, place, target):
    root = os.path.join(place, "many")
    total = small_files(root)
    folders = FILES // FILES_PER_FOLDER
    print(f"# {FILES} files, {total >> 20} MiB, in {folders} folders")
    for kind in FORMATS:
        with steps.step(f"{kind}: a backup of {FILES} files keeps memory flat and tells the history of each"):
            _, entries = backup(daemon, kind, root, total)
            expect(entries >= FILES + folders, f"{entries} entries of history")
        with steps.step(f"{kind}: they all come back, memory flat"):
            recover(daemon, kind, target)
            same_trees(root, target)
    shutil.rmtree(root)
    shutil.rmtree(target)


def sparse(daemon, place, target):
    root = os.path.join(place, "sparse")
    os.makedirs(root)
    path, back = os.path.join(root, "disk.img"), os.path.join(target, "disk.img")
    total = sparse_file(path)
    for kind in FORMATS:
        name = f"{kind}: a sparse file of {SPARSE_BYTES / (1 << 30):.0f} GiB with {total >> 20} MiB of data"
        with steps.step(f"{name}: holes take no room on the tape, memory flat"):
            job, _ = backup(daemon, kind, root, total)
            limit = total + SPARSE_BYTES * SPARSE_OVERHEAD[kind] + (4 << 20)
            expect(job.moved < limit, f"{job.moved >> 20} MiB on tape")
        with steps.step(f"{name}: it comes back with its size, its data and its holes"):
            recover(daemon, kind, target)
            status, original = os.stat(back), os.stat(path)
            expect(status.st_size == original.st_size, f"{status.st_size} bytes")
            expect(status.st_blocks <= original.st_blocks + 8 * REGIONS, f"{status.st_blocks >> 11} MiB on disk")
            with open(path, "rb") as left, open(back, "rb") as right:
                expect(regions(left) == regions(right), "the data differs")


def regions(file):
    """What a file holds where it is not a hole, zeros left out."""
    found, at, size = {}, 0, os.fstat(file.fileno()).st_size
    while at < size:
        try:
            begin = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError:
            break
        at = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
        for place in range(begin, at, 4096):
            data = os.pread(file.fileno(), min(4096, at - place), place)
            if data.strip(b"\0"):
                found[place] = hash(data)
    return found


def place_for_trees():
    """Memory, where it is large enough: making and removing the files takes a disk longer than all that is tested."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage("/dev/shm").free > 4 << 30:
            tempfile.tempdir = "/dev/shm"
    folder = tempfile.mkdtemp(prefix="capstan-large-")
    tempfile.tempdir = None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


folder = place_for_trees()
with Daemon(arguments=["--export", folder]) as server:
    server.run("load", "1", "0")
    # The first job makes what stays in the process.
    os.makedirs(os.path.join(folder, "first"))
    with local(server) as first:
        for form in FORMATS:
            Job(first, first, form).backup(os.path.join(folder, "first")).succeeded()
    many(server, folder, os.path.join(folder, "back"))
    sparse(server, folder, os.path.join(folder, "back"))
steps.finish()
