# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""What the tests of the mounted filesystem share: a daemon with a mount of its own that is gone after the test whatever
happens, Debian's tape tools, records and ioctls of a tape device file, and cheap large trees."""

import atexit
import contextlib
import fcntl
import mmap
import os
import random
import shutil
import stat
import struct
import subprocess
import tempfile

from harness import PROGRAM, Daemon, Failure, expect, wait_until

MIB = 1 << 20
# <sys/mtio.h>: the requests, the operations that the tests issue themselves, and the general status bits.
MTIOCTOP, MTIOCGET, MTIOCPOS = 0x40086D01, 0x80306D02, 0x80086D03
MTFSF, MTBSF, MTFSR, MTBSR, MTWEOF, MTREW, MTOFFL, MTNOP = 1, 2, 3, 4, 5, 6, 7, 8
MTEOM, MTERASE, MTSETBLK, MTSEEK, MTLOAD = 12, 13, 20, 22, 30
EOF, BOT, EOT, EOD = 0x80000000, 0x40000000, 0x20000000, 0x08000000
WR_PROT, ONLINE, DR_OPEN = 0x04000000, 0x01000000, 0x00040000
TOOL_SECONDS = 300


# --- mounts -----------------------------------------------------------------------------------------------------------

def mounted(path):
    """Is something mounted exactly there? A dead mount counts."""
    wanted = os.path.realpath(os.path.dirname(path)) + "/" + os.path.basename(path)
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        return any(line.split(" ")[4].replace("\\040", " ") == wanted for line in file)


def unmount(path):
    """Takes the mount away, whatever state it is in."""
    if not mounted(path):
        return
    for words in (["fusermount3", "-u", "-q", path], ["fusermount3", "-u", "-z", "-q", path], ["umount", "-l", path]):
        if subprocess.run(words, capture_output=True, check=False).returncode == 0 and not mounted(path):
            return
    raise Failure(f"{path} cannot be unmounted")


class MountPoint:
    """An empty folder to mount at, which is unmounted and removed at the end of the test."""

    def __init__(self, path=None):
        if path:
            os.mkdir(path)
        self.path = path or tempfile.mkdtemp(prefix="capstan-mount-")
        atexit.register(self.remove)

    def remove(self):
        with contextlib.suppress(Failure, FileNotFoundError):
            unmount(self.path)
            os.rmdir(self.path)
        atexit.unregister(self.remove)


class MountedDaemon(Daemon):
    """`capstan serve --mount`: ready when the tree can be seen. `M("drives", 0, "nst")` names a file of it.

    `prefix` are words in front of the program, for instance those that make it another user's; `owner` is that user.
    `point` is a mount point that was used before; `program` another copy of the program.
    """

    def __init__(self, at=None, arguments=(), prefix=(), owner=None, point=None, program=PROGRAM, **options):
        self.point, self.prefix, self.owner, self.program = point or MountPoint(at), list(prefix), owner, program
        if owner is not None:
            os.chown(self.point.path, owner, -1)
        try:
            super().__init__(arguments=["--mount", self.point.path, *arguments], **options)
        except BaseException:
            self.point.remove()
            raise

    def start(self):
        if self.command[0] == PROGRAM:
            self.command = [*self.prefix, self.program, *self.command[1:]]
        if self.owner is not None:
            os.chown(self.folder, self.owner, -1)
        return super().start()

    def __call__(self, *names):
        return os.path.join(self.point.path, *(str(name) for name in names))

    def nst(self, drive=0):
        return self("drives", drive, "nst")

    def st(self, drive=0):
        return self("drives", drive, "st")

    def drive_sg(self, drive=0):
        return self("drives", drive, "sg")

    @property
    def changer_sg(self):
        return self("changer", "sg")

    def load(self, barcode, drive=0, capacity=None):
        """A cartridge in a drive by `mv`; made first when `capacity` is given."""
        if capacity:
            self.create(barcode, capacity, f"slot:{self.free_slot()}")
        kind, _, index = self.place_of(barcode).partition(":")
        os.rename(self({"slot": "slots"}.get(kind, kind), index, barcode), self("drives", drive, barcode))

    def unload(self, drive=0):
        """The cartridge of a drive back into a free slot; its barcode."""
        barcode = self.places()[f"drive:{drive}"]
        os.rename(self("drives", drive, barcode), self("slots", self.free_slot(), barcode))
        return barcode

    def free_slot(self):
        return next(int(place.split(":")[1]) for place, barcode in self.places().items()
                    if place.startswith("slot:") and not barcode)

    def __exit__(self, kind, value, trace):
        try:
            super().__exit__(kind, value, trace)
            if kind is None:
                expect(not mounted(self.point.path), "the daemon ended and left its mount behind")
        finally:
            self.point.remove()


class OfflineMount:
    """`capstan mount DIR --store STORE`: the read-only tree without a daemon."""

    def __init__(self, store, arguments=()):
        self.point = MountPoint()
        self.log_path = tempfile.mktemp(prefix="capstan-mount-log-")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "mount", self.point.path, "--store", str(store), "--exit-with-stdin", *arguments],
                stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            wait_until(self._is_up, "capstan mount", 30)
        except BaseException:
            self.stop()
            raise

    def _is_up(self):
        status = self.process.poll()
        expect(status is None, f"capstan mount ended with {status}: {self.log()}")
        return "READY" in self.log()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def __call__(self, *names):
        return os.path.join(self.point.path, *(str(name) for name in names))

    def stop(self):
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        self.point.remove()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.log_path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# --- programs ---------------------------------------------------------------------------------------------------------

def said(*words, status=0, seconds=TOOL_SECONDS, input=None, cwd=None, environment=None):
    """What a program printed, errors too. Failure unless it ended with `status` (None: any; a tuple: one of them)."""
    stdin = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
    done = subprocess.run(
        [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, cwd=cwd,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})}, check=False, **stdin)
    text = done.stdout.decode(errors="replace")
    wanted = status if isinstance(status, tuple) else (status,)
    if status is not None and done.returncode not in wanted:
        raise Failure(f"{' '.join(str(word) for word in words)} ended with {done.returncode}: {text[-3000:]}")
    return text


def output(*words, seconds=TOOL_SECONDS, cwd=None):
    """Standard output of a program, as bytes; Failure unless it ended with 0."""
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=seconds, cwd=cwd, check=False)
    expect(done.returncode == 0, f"{words[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def mt(device, *words, status=0):
    return said("mt", "-f", device, *words, status=status)


def needed(steps, *programs):
    """Each of these programs must be there; a missing one is a failure, and False."""
    missing = [name for name in programs if not shutil.which(name) and not os.access(f"/usr/sbin/{name}", os.X_OK)]
    for name in missing:
        with steps.step(f"{name} is installed"):
            raise Failure("it is not")
    return not missing


# --- records and ioctls -----------------------------------------------------------------------------------------------

class Tape:
    """An open tape device file: one write one record, one read one record."""

    def __init__(self, path, flags=os.O_RDWR):
        self.descriptor = os.open(path, flags)

    def write(self, data):
        return os.write(self.descriptor, data)

    def read(self, count=MIB):
        """A record of at most `count` bytes, through a page-aligned buffer."""
        with contextlib.closing(mmap.mmap(-1, max(count, 1))) as room, memoryview(room) as view, view[:count] as part:
            return bytes(part[:os.readv(self.descriptor, [part])])

    def operate(self, operation, count=1):
        fcntl.ioctl(self.descriptor, MTIOCTOP, struct.pack("hxxi", operation, count))

    def status(self):
        """{type, resid, dsreg, gstat, erreg, file, block} of MTIOCGET."""
        got = struct.unpack("qqqqqii", fcntl.ioctl(self.descriptor, MTIOCGET, bytes(48)))
        return dict(zip(("type", "resid", "dsreg", "gstat", "erreg", "file", "block"), got))

    def tell(self):
        return struct.unpack("q", fcntl.ioctl(self.descriptor, MTIOCPOS, bytes(8)))[0]

    def close(self):
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            os.close(descriptor)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def aligned(data):
    """The same bytes at a page boundary."""
    room = mmap.mmap(-1, len(data))
    room[:] = data
    return room


def error_of(action, *arguments):
    """errno that this call fails with; 0 when it does not."""
    try:
        action(*arguments)
    except OSError as error:
        return error.errno
    return 0


# --- trees ------------------------------------------------------------------------------------------------------------

def noise(seed, count):
    """So many cheap bytes that no two places have in common: a random MiB, and the number of each MiB in front."""
    block = random.Random(seed).randbytes(min(count, MIB))
    parts = [struct.pack("<QQ", seed, index) + block[16:] for index in range((count + MIB - 1) // MIB)]
    return b"".join(parts)[:count]


def large_tree(folder, total, seed=1, small=2000):
    """A tree of about `total` bytes: `small` small files in folders, the rest in a few large ones. The bytes made."""
    chance = random.Random(seed)
    made = 0
    for index in range(small):
        where = os.path.join(folder, f"d{index % 37:02}", f"e{index % 11:02}")
        os.makedirs(where, exist_ok=True)
        data = chance.randbytes(chance.choice((0, 1, 100, 511, 512, 513, 4096, 9_999, 20_000)))
        with open(os.path.join(where, f"f{index:05}"), "wb") as file:
            file.write(data)
        made += len(data)
    os.symlink("d00/e00", os.path.join(folder, "link"))
    os.link(os.path.join(folder, "d00/e00/f00000"), os.path.join(folder, "hard"))
    large = max((total - made) // 5, 1)
    for index in range(5):
        data = noise(seed * 100 + index, large)
        with open(os.path.join(folder, f"large{index}"), "wb") as file:
            file.write(data)
        made += len(data)
    return made


def truthful(root):
    """Every file below `root` is as long as stat says; Failure with the first that is not. Returns how many."""
    count = 0
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode):
                continue
            with open(path, "rb") as file:
                length = sum(len(part) for part in iter(lambda file=file: file.read(MIB), b""))
            expect(length == status.st_size, f"{path} has {length} bytes, stat says {status.st_size}")
            count += 1
    return count
