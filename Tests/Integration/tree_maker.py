# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Trees with everything a backup stumbles over, made from a seed, and the comparison of two of them.

The comparison is rsync's (owners, modes, times, hard links, ACLs, extended attributes, checksums), and a walk of our
own for what rsync does not see: holes, times below a second, the kinds of files.
"""

import os
import random
import shutil
import stat
import subprocess
import time

from harness import Failure, expect, wait_until

# Times below a second that the comparison demands: tar keeps nanoseconds, dump microseconds.
NANOSECONDS, MICROSECONDS, SECONDS = 1, 1_000, 1_000_000_000
ODD_NAMES = [
    b"new\nline", b'"double" and \'single\'', b"\xff\xfe not UTF-8 \x80", b"n" * 255, b"\xc3\xa9" * 100, b"-rf",
    b" blanks at both ends ", b"back\\slash", b"tab\there", b"star*?[a]", b"%41 percent", b"a=b", b"$(true);`x`", b"...",
    b"\x01\x1b[31m\x7f", b"~", b"#hash", b"PaxHeader", b"@LongLink",
]


def tool(*words, stdin=None, environment=None, cwd=None, seconds=120):
    """Runs another program; Failure with what it said unless it ends with 0. Returns its standard output."""
    done = subprocess.run(
        words, input=stdin, capture_output=True, timeout=seconds, cwd=cwd, check=False,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")[-2000:]
        raise Failure(f"{words[0]} ended with {done.returncode}: {said}")
    return done.stdout


class Maker:
    """Fills a folder. `random` is the only source of chance, so a seed makes the same tree again."""

    def __init__(self, folder, seed):
        self.root = os.fsencode(folder)
        self.random = random.Random(seed)
        os.makedirs(self.root, exist_ok=True)

    def path(self, name):
        return os.path.join(self.root, name if isinstance(name, bytes) else name.encode())

    def folder(self, name, mode=0o755):
        os.makedirs(self.path(name), exist_ok=True)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def file(self, name, data=None, size=None, mode=0o644):
        """A file of these bytes, or of `size` random ones."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(self.random.randbytes(size) if data is None else data)
        os.chmod(path, mode)
        return path

    def sparse(self, name, size, pieces):
        """A file with holes: `pieces` is {offset: bytes}."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            for offset, data in pieces.items():
                file.seek(offset)
                file.write(data)
            file.truncate(size)
        return path

    def link(self, old, new):
        os.link(self.path(old), self.path(new), follow_symlinks=False)

    def symlink(self, target, name):
        os.symlink(target, self.path(name))

    def attribute(self, name, key, value):
        os.setxattr(self.path(name), key, value, follow_symlinks=False)

    def acl(self, name, *entries, default=False):
        flags = ["-d"] if default else []
        tool("setfacl", *flags, "-m", ",".join(entries), self.path(name))

    def time(self, name, nanoseconds):
        os.utime(self.path(name), ns=(nanoseconds, nanoseconds), follow_symlinks=False)

    def spread_times(self):
        """Each name gets a time of its own between 1971 and 2023, leaves first, so that no later change touches it."""
        for folder, folders, files in os.walk(self.root, topdown=False):
            for name in sorted(files + folders):
                moment = self.random.randrange(40_000_000, 1_700_000_000) * 10**9 + self.random.randrange(10**9)
                os.utime(os.path.join(folder, name), ns=(moment, moment), follow_symlinks=False)
        os.utime(self.root, ns=(10**18 + 123_456_789, 10**18 + 123_456_789))


def add_plain(make, count, mean=8_000):
    """`count` files in a tree of folders, of sizes that tape formats like and dislike."""
    edges = [0, 1, 511, 512, 513, 1023, 1024, 1025, 4096, 10_239, 10_240, 10_241, 65_536, 70_001]
    folders = [b"plain"]
    for index in range(count):
        if index % 12 == 0:
            folders.append(make.random.choice(folders[-9:]) + b"/d%03d" % (index // 12))
        size = edges[index] if index < len(edges) else int(make.random.expovariate(1 / mean))
        mode = make.random.choice([0o644, 0o600, 0o755, 0o444, 0o000, 0o4755, 0o2755, 0o640])
        make.file(make.random.choice(folders) + b"/f%05d" % index, size=size, mode=mode)


def add_links(make, outside):
    make.file("links/first", b"one inode, four names\n")
    for name in ("links/second", "links/third", "zz-linked-at-the-end"):
        make.link("links/first", name)
    make.symlink("first", "links/to-first")
    make.symlink("../plain", "links/to-folder")
    make.symlink("nowhere/at/all", "links/dangling")
    make.symlink(outside, "links/to-outside")
    make.symlink("t" * 150, "links/long-target")
    make.symlink("x" * 59, "links/59")
    make.symlink("y" * 60, "links/60")
    make.symlink(b"\xff\n", "links/odd-target")


def add_sparse(make):
    make.sparse("sparse/all-hole", 5_000_000, {})
    make.sparse("sparse/begin", 3_000_000, {2_500_000: b"data at the end"})
    make.sparse("sparse/end", 3_000_000, {0: b"data at the start"})
    make.sparse("sparse/islands", 40_000_000, {n * 1_000_003: make.random.randbytes(3_000) for n in range(0, 40, 3)})
    make.sparse("sparse/many", 8_000_000, {n * 16_384: b"m" * 4_096 for n in range(0, 480, 2)})


def add_odd_names(make, longest):
    for index, name in enumerate(ODD_NAMES):
        name = name[:longest]
        make.file(b"odd/" + name, b"odd name %d\n" % index)
    make.file(b"odd/\xff\n dir/in \"it\"", b"in an odd folder\n")
    deep = b"/".join(b"level-%02d-%s" % (level, b"x" * 30) for level in range(24))
    make.file(b"deep/" + deep + b"/bottom", b"at the bottom\n")
    make.folder("empty-folder", 0o700)
    make.folder("sticky", 0o1777)


def add_attributes(make):
    make.file("attributes/many", b"file with attributes\n")
    for key, value in (("user.short", b"1"), ("user.binary", bytes(range(256))), ("user.empty", b""),
                       ("user.name with = and \xe9", b"x"), ("user.large", b"v" * 1_500)):
        make.attribute("attributes/many", key, value)
    make.folder("attributes/folder")
    make.attribute("attributes/folder", "user.on.folder", b"yes")
    make.file("attributes/acl", b"file with an ACL\n", mode=0o640)
    make.acl("attributes/acl", "u:1234:rwx", "g:4321:r-x", "u:daemon:r--")
    make.folder("attributes/default")
    make.acl("attributes/default", "u:1234:rwx", "o::---", default=True)
    make.file("attributes/default/inherits", b"made under a default ACL\n")
    if os.geteuid() == 0:
        make.file("attributes/capability", b"#!\n", mode=0o755)
        # Version 2, effective, cap_net_bind_service.
        make.attribute("attributes/capability", "security.capability", bytes.fromhex("0100000200040000" + "00" * 12))


def add_specials(make):
    os.mkfifo(make.path("fifo"), 0o600)
    if os.geteuid() == 0:
        os.mknod(make.path("null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(make.path("block"), stat.S_IFBLK | 0o600, os.makedev(7, 200))
        for name, owner, group in (("plain", 1001, 1002), ("links/first", 70_001, 70_002), ("links/dangling", 1, 2)):
            os.chown(make.path(name), owner, group, follow_symlinks=False)
        os.chmod(make.path("links/first"), 0o6755)


def make_tree(folder, seed=1, plain=300, mean=8_000, outside="/etc/hostname", longest=255):
    """The whole zoo, with names of up to `longest` bytes. Returns the Maker; spread_times again after adding to it."""
    make = Maker(folder, seed)
    add_plain(make, plain, mean)
    add_links(make, outside)
    add_sparse(make)
    add_odd_names(make, longest)
    add_attributes(make)
    add_specials(make)
    make.spread_times()
    return make


# --- comparison -------------------------------------------------------------------------------------------------------

def entries(root):
    """{path below root: lstat} of everything, the root itself as b""."""
    root = os.fsencode(root)
    found = {b"": os.lstat(root)}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = os.lstat(path)
    return found


def state_of(root):
    """The names and contents of a tree, comparable: {path: (kind and mode, size or target, digest of the data)}."""
    found = {}
    for path, status in entries(root).items():
        whole = os.path.join(os.fsencode(root), path)
        detail = None
        if stat.S_ISLNK(status.st_mode):
            detail = os.readlink(whole)
        elif stat.S_ISREG(status.st_mode):
            with open(whole, "rb") as file:
                detail = file.read()
        found[path] = (status.st_mode, detail)
    return found


def settle(folder):
    """Waits until no file was changed in the second that is now: levels compare whole seconds, and take it again."""
    newest = max(status.st_ctime for status in entries(folder).values())
    wait_until(lambda: int(time.time()) > int(newest), "the next second", 3)


def same_tree(left, right, precision=NANOSECONDS, root=True, link_times=True, attributes=True, leave_out=()):
    """Failure unless the trees are equal to the last byte, time and hole. `root`: the two roots themselves too;
    `attributes`: ACLs and extended attributes too; `leave_out`: folders of the root that are not looked at."""
    command = ["rsync", "-naAXHc" if attributes else "-naHc", "--delete", "-i", *(f"--exclude=/{it}" for it in leave_out)]
    if not link_times:
        command.append("--omit-link-times")
    told = tool(*command, os.fsencode(left) + b"/", os.fsencode(right) + b"/", seconds=300).splitlines()
    if not root:
        told = [line for line in told if not line.endswith(b" ./")]
    expect(not told, f"rsync sees {len(told)} differences:", b"\n".join(told[:12]).decode(errors="backslashreplace"))
    first, second = (
        {path: status for path, status in entries(root_of).items() if path.split(b"/")[0].decode("latin1") not in leave_out}
        for root_of in (left, right)
    )
    expect(first.keys() == second.keys(), "names differ:", sorted(first.keys() ^ second.keys())[:5])
    for path, mine in first.items():
        other = second[path]
        if not path and not root:
            continue
        if link_times or not stat.S_ISLNK(mine.st_mode):
            expect(mine.st_mtime_ns // precision == other.st_mtime_ns // precision,
                   f"mtime of {path}: {mine.st_mtime_ns} became {other.st_mtime_ns}")
        if stat.S_ISREG(mine.st_mode):
            # A copy may have fewer blocks than the original, and a few more where a hole was not block-sized.
            expect(other.st_blocks <= mine.st_blocks + mine.st_blocks // 8 + 128,
                   f"{path} of {mine.st_size} bytes takes {other.st_blocks} blocks and not {mine.st_blocks}")


def data_regions(path):
    """[(offset, bytes)] of a sparse file's data, read by SEEK_DATA: as quick for 9 GiB of hole as for none."""
    found = []
    with open(path, "rb", buffering=0) as file:
        at, size = 0, os.fstat(file.fileno()).st_size
        while at < size:
            try:
                begin = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            found.append((begin, os.pread(file.fileno(), at - begin, begin)))
    return found


def empty(folder):
    """An empty folder of that name, whatever was there."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder
