# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Robotics by rename, what is read-only, what other doors change, a mount without a daemon, and the ends of a mount:
unmounting, SIGTERM and kill -9 under load, after which nothing that was acknowledged is lost."""

import contextlib
import errno
import json
import os
import random
import shutil
import struct
import subprocess
import threading
import time

from harness import PROGRAM, Failure, Steps, expect, temporary_folder, wait_until
from mount_rig import (
    MTREW, MTWEOF, MountedDaemon, OfflineMount, Tape, error_of, mounted, needed, noise, output, said, unmount,
)
from ndmp_session import Session

steps = Steps("mount_robot")


def refuses(code, action, *arguments):
    """The call fails with one of these errors."""
    codes = code if isinstance(code, tuple) else (code,)
    got = error_of(action, *arguments)
    expect(got in codes, f"{[str(part) for part in arguments]}: {errno.errorcode.get(got, got)}")


def links(daemon):
    """{barcode: place} as the tree shows it: every link below slots, mail, drives and shelf."""
    found = {}
    for top in ("slots", "mail", "drives"):
        for number in os.listdir(daemon(top)):
            for name in os.listdir(daemon(top, number)):
                if os.path.islink(daemon(top, number, name)):
                    expect(name not in found, f"{name} is in two places")
                    found[name] = f"{top}/{number}"
    for name in os.listdir(daemon("shelf")):
        expect(name not in found, f"{name} is in two places")
        found[name] = "shelf"
    return found


def moves(daemon):
    def mv(source, *target, status=0):
        return said("mv", daemon(*source.split("/")), daemon(*target), status=status)
    with steps.step("the tree as promised: links to cartridges/, every cartridge in one place"):
        names = set(os.listdir(daemon()))
        expect(names == {"library.json", "changer", "drives", "slots", "mail", "shelf", "cartridges"}, names)
        names = set(os.listdir(daemon("drives", 0)))
        expect(names == {"nst", "st", "sg", "status.json"}, names)
        expect(os.readlink(daemon("slots", 1, "CAP001L8")) == "../../cartridges/CAP001L8")
        expect(os.path.isdir(daemon("slots", 1, "CAP001L8")) and len(links(daemon)) == 16, links(daemon))
        expect(sorted(os.listdir(daemon("cartridges"))) == sorted(links(daemon)))
    with steps.step("mv: slot to drive, drive to slot, slot to mail, mail to shelf, shelf to mail and slot"):
        for source, target, place in (
            ("slots/1/CAP001L8", ("drives", 0), "drive:0"), ("drives/0/CAP001L8", ("slots", 20), "slot:20"),
            ("slots/20/CAP001L8", ("mail", 1), "mail:1"), ("mail/1/CAP001L8", ("shelf",), "shelf"),
            ("shelf/CAP001L8", ("mail", 2), "mail:2"), ("mail/2/CAP001L8", ("slots", 1), "slot:1"),
            ("slots/1/CAP001L8", ("shelf",), "shelf"), ("shelf/CAP001L8", ("slots", 1, "CAP001L8"), "slot:1"),
        ):
            mv(source, *target)
            expect(daemon.place_of("CAP001L8") == place, source, target, daemon.place_of("CAP001L8"))
            shown = "/".join(str(part) for part in target[:2])
            expect(links(daemon)["CAP001L8"] == shown, shown, links(daemon))
    with steps.step("a place that is full is ENOTEMPTY for mv too; nothing moves"):
        before = daemon.places()
        refuses(errno.ENOTEMPTY, os.rename, daemon("slots", 1, "CAP001L8"), daemon("slots", 2, "CAP001L8"))
        text = mv("slots/1/CAP001L8", "slots", 2, status=1)
        expect("not empty" in text, text)
        mv("slots/1/CAP001L8", "drives", 0)
        refuses(errno.ENOTEMPTY, os.rename, daemon("slots", 2, "CAP002L8"), daemon("drives", 0, "CAP002L8"))
        mv("drives/0/CAP001L8", "slots", 1)
        expect(daemon.places() == before)
    with steps.step("a drive in use is EBUSY, a locked drive EPERM; the log says why"):
        mv("slots/1/CAP001L8", "drives", 0)
        with Tape(daemon.nst()):
            refuses(errno.EBUSY, os.rename, daemon("drives", 0, "CAP001L8"), daemon("slots", 1, "CAP001L8"))
        said("sg_prevent", "--prevent", "1", daemon.drive_sg())
        refuses(errno.EPERM, os.rename, daemon("drives", 0, "CAP001L8"), daemon("slots", 1, "CAP001L8"))
        said("sg_prevent", "--allow", daemon.drive_sg())
        mv("drives/0/CAP001L8", "slots", 1)
        expect("prevent" in daemon.log().lower() or "lock" in daemon.log().lower(), daemon.log()[-600:])


def no_moves(daemon):
    with steps.step("onto itself nothing happens; another name, another root, a folder or a file: EPERM"):
        before = daemon.places()
        os.rename(daemon("slots", 3, "CAP003L8"), daemon("slots", 3, "CAP003L8"))
        for source, target in (
            (("slots", 3, "CAP003L8"), ("slots", 20, "CAP099L8")), (("slots", 3, "CAP003L8"), ("slots", 3, "OTHER1L8")),
            (("slots", 3, "CAP003L8"), ("cartridges", "CAP003L8")), (("slots", 3, "CAP003L8"), ("CAP003L8",)),
            (("slots", 3, "CAP003L8"), ("slots", "CAP003L8")), (("slots", 3), ("slots", 99)),
            (("cartridges", "CAP003L8"), ("shelf", "CAP003L8")), (("library.json",), ("x.json",)),
            (("drives", 0, "nst"), ("drives", 1, "nst2")), (("slots", 3, "CAP003L8"), ("slots", 99, "CAP003L8")),
        ):
            refuses((errno.EPERM, errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY, errno.EISDIR), os.rename,
                    daemon(*source), daemon(*target))
        for target in (("/tmp",), (daemon("slots", 3, "CAP003L8", "label.json"),)):
            said("mv", "-f", daemon("slots", 3, "CAP003L8"), *target, status=1)
        with contextlib.suppress(FileNotFoundError):
            os.remove("/tmp/CAP003L8")
        expect(daemon.places() == before)
    with steps.step("mkdir makes a cartridge in slots, in mail slots, on the shelf; bad barcodes are refused"):
        said("mkdir", daemon("slots", 20, "NEW001L8"))
        os.mkdir(daemon("mail", 1, "NEW002L8"))
        os.mkdir(daemon("shelf", "NEW003L8"))
        expect(links(daemon)["NEW001L8"] == "slots/20" and links(daemon)["NEW003L8"] == "shelf", links(daemon))
        expect(os.path.islink(daemon("slots", 20, "NEW001L8")) and daemon.place_of("NEW002L8") == "mail:1")
        for bad in ("lower1L8", "X" * 200, "A B001L8", "CAP\t1L8", "Ä00001L8", ".hidden", "a%b"):
            refuses((errno.EINVAL, errno.ENAMETOOLONG), os.mkdir, daemon("slots", 21, bad))
        refuses(errno.EEXIST, os.mkdir, daemon("slots", 21, "CAP005L8"))
        refuses(errno.EEXIST, os.mkdir, daemon("slots", 5, "CAP005L8"))
        refuses(errno.ENOTEMPTY, os.mkdir, daemon("slots", 5, "NEW009L8"))
        for place in (("NEW009L8",), ("drives", 1, "NEW009L8"), ("slots", "NEW009L8"), ("cartridges", "NEW009L8"),
                      ("cartridges", "CAP005L8", "x")):
            refuses((errno.EPERM, errno.EACCES), os.mkdir, daemon(*place))
        expect(os.listdir(daemon("slots", 21)) == [] and "NEW009L8" not in os.listdir(daemon("cartridges")))
    with steps.step("no rm, rmdir, unlink: a cartridge is deleted by capstan cartridge delete alone"):
        for path in (daemon("slots", 20, "NEW001L8"), daemon("shelf", "NEW003L8"), daemon("library.json"),
                     daemon("drives", 0, "nst"), daemon("cartridges", "NEW001L8", "label.json")):
            refuses((errno.EPERM, errno.EACCES), os.unlink, path)
        refuses((errno.EPERM, errno.ENOTDIR, errno.EACCES, errno.ENOTEMPTY), os.rmdir, daemon("cartridges", "NEW001L8"))
        refuses((errno.EPERM, errno.EACCES, errno.ENOTEMPTY), os.rmdir, daemon("slots", 24))
        shutil.rmtree(daemon("cartridges"), ignore_errors=True)
        expect(len(links(daemon)) == 19)


def read_only(daemon):
    with steps.step("files that only tell refuse writing, truncation, links, modes, owners and new names"):
        for path in (daemon("library.json"), daemon("drives", 0, "status.json"), daemon("changer", "status"),
                     daemon("cartridges", "CAP001L8", "label.json"), daemon("cartridges", "CAP001L8", "blocks.csv")):
            for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND):
                refuses((errno.EACCES, errno.EPERM), os.open, path, flags)
            refuses((errno.EACCES, errno.EPERM), os.truncate, path, 0)
            refuses((errno.EPERM, errno.EACCES, errno.EXDEV, errno.ENOSYS), os.link, path, path + "2")
            refuses((errno.EPERM, errno.EACCES, errno.ENOSYS), os.chmod, path, 0o777)
            refuses((errno.EPERM, errno.EACCES, errno.ENOSYS), os.chown, path, 1, 1)
            expect(len(open(path, "rb").read()) == os.stat(path).st_size, path)
        for folder in ((), ("slots", 24), ("drives", 0), ("cartridges", "CAP001L8"), ("shelf",)):
            refuses((errno.EPERM, errno.EACCES), os.open, daemon(*folder, "new"), os.O_CREAT | os.O_WRONLY, 0o644)
            refuses((errno.EPERM, errno.EACCES), os.symlink, "x", daemon(*folder, "newlink"))
            refuses((errno.EPERM, errno.EACCES, errno.ENOSYS), os.mkfifo, daemon(*folder, "newpipe"))
    with steps.step("what is not there is ENOENT, also with odd names"):
        for name in ("x", "1x", "01", "-1", "99999999999999999999", "\udcff", "n" * 255, "slots ", "*"):
            for folder in ((), ("slots",), ("drives",), ("mail",), ("cartridges",), ("drives", 0)):
                refuses(errno.ENOENT, os.stat, daemon(*folder, name))
        refuses((errno.ENAMETOOLONG, errno.ENOENT), os.stat, daemon("n" * 256))
    with steps.step("JSON is JSON, statfs tells the library's capacity, inode numbers are unique and stay"):
        library = json.load(open(daemon("library.json"), encoding="utf-8"))
        expect(len(library["slots"]) == 24 and len(library["drives"]) == 4, list(library))
        json.load(open(daemon("drives", 0, "status.json"), encoding="utf-8"))
        label = json.load(open(daemon("cartridges", "CAP001L8", "label.json"), encoding="utf-8"))
        expect("CAP001L8" in json.dumps(label), label)
        told = os.statvfs(daemon())
        expect(told.f_blocks * told.f_frsize >= 16 * 12_000_000_000_000, told)
        expect(told.f_bfree <= told.f_blocks and told.f_files > 0, told)
        inodes = {}
        for where, folders, files in os.walk(daemon()):
            for name in folders + files:
                path = os.path.join(where, name)
                inodes.setdefault(os.lstat(path).st_ino, []).append(path)
        shared = [paths for paths in inodes.values() if len(paths) > 1]
        expect(not shared, shared[:3])
        expect(os.lstat(daemon("library.json")).st_ino in inodes)


def other_doors(daemon):
    with steps.step("60 moves by the CLI, NDMP and mtx: ls, readlink and stat through the mount see each at once"):
        at = daemon.addresses()
        where, barcode = "slot:7", "CAP007L8"
        free = [f"slot:{number}" for number in (22, 23, 24)] + ["slot:7"]
        chance = random.Random(1)
        with Session(daemon.port) as session:
            session.scsi_open(daemon.changer)
            session.ready()
            for turn in range(60):
                target = chance.choice([place for place in free if place != where])
                # What the kernel may remember of both, positive and negative.
                old, new = (daemon("slots", place.split(":")[1], barcode) for place in (where, target))
                expect(os.path.islink(old) and not os.path.lexists(new), turn)
                if turn % 3 == 0:
                    daemon.run("move", where, target)
                elif turn % 3 == 1:
                    expect(session.move_medium(at[where], at[target])[0] == 0, "MOVE MEDIUM")
                else:
                    said("mtx", "-f", daemon.changer_sg, "transfer", where.split(":")[1], target.split(":")[1])
                expect(os.path.lexists(new), f"turn {turn}: {new} is not seen")
                expect(not os.path.lexists(old), f"turn {turn}: {old} is still seen")
                expect(os.listdir(os.path.dirname(old)) == [] and os.listdir(os.path.dirname(new)) == [barcode], turn)
                where = target
            session.scsi_close()
    with steps.step("a cartridge deleted by the CLI is gone from the tree, also below; one created is there"):
        daemon.run("export", "NEW002L8", succeeds=None)
        expect(os.path.exists(daemon("cartridges", "NEW002L8", "label.json")))
        daemon.run("cartridge", "delete", "NEW002L8")
        expect(not os.path.exists(daemon("cartridges", "NEW002L8")) and "NEW002L8" not in links(daemon))
        refuses(errno.ENOENT, os.stat, daemon("cartridges", "NEW002L8", "label.json"))
        daemon.run("cartridge", "create", "NEW004L8")
        expect("NEW004L8" in links(daemon), links(daemon))


def offline(daemon, folder):
    store = daemon.store
    with steps.step("capstan mount --store beside the daemon: the same tree, read-only, without devices"):
        with OfflineMount(store) as mount:
            expect(not os.path.exists(mount("changer")) and not os.path.exists(mount("drives", 0, "nst")))
            for path in ("slots/1/CAP001L8", "cartridges/CAP001L8/label.json", "library.json"):
                expect(os.path.exists(mount(*path.split("/"))), path)
            refuses(errno.EROFS, os.rename, mount("slots", 1, "CAP001L8"), mount("slots", 24, "CAP001L8"))
            refuses(errno.EROFS, os.mkdir, mount("slots", 24, "NEW005L8"))
            refuses(errno.EROFS, os.open, mount("library.json"), os.O_WRONLY)
            for _ in range(3):
                daemon.run("move", "slot:1", "slot:21")
                wait_until(lambda: os.listdir(mount("slots", 21)) == ["CAP001L8"], "the move to be seen", 5)
                daemon.run("move", "slot:21", "slot:1")
                wait_until(lambda: os.listdir(mount("slots", 1)) == ["CAP001L8"], "the move back to be seen", 5)
    with steps.step("capstan mount --store without a daemon, and a daemon that starts meanwhile"), \
            temporary_folder() as other:
        first = MountedDaemon(store=os.path.join(other, "store"))
        with first:
            first.load("CAP001L8", 0)
            said("tar", "-cf", first.nst(), "-C", "/usr/share/misc", ".")
            written = output("cat", first("cartridges", "CAP001L8", "files", "0001", "data"))
        with OfflineMount(os.path.join(other, "store")) as mount:
            expect(output("cat", mount("cartridges", "CAP001L8", "files", "0001", "data")) == written)
            with MountedDaemon(store=os.path.join(other, "store")) as again:
                expect(os.path.exists(again("cartridges", "CAP001L8", "files", "0001", "data")))
                expect(output("cat", mount("cartridges", "CAP001L8", "files", "0001", "data")) == written)
        os.mkdir(os.path.join(other, "none"))
        try:
            OfflineMount(os.path.join(other, "none")).stop()
            raise AssertionError("a store that is none was mounted")
        except Failure as failure:
            expect("capstan mount ended with" in str(failure), failure)


def bad_mount_points(daemon, folder):
    with steps.step("a mount point that is a file, a full folder, without parent, or taken is refused in a sentence"):
        full, file = os.path.join(folder, "full"), os.path.join(folder, "file")
        os.makedirs(os.path.join(full, "x"))
        open(file, "w", encoding="ascii").close()
        for bad in (full, file, os.path.join(folder, "no/such/parent"), daemon.point.path, "/"):
            try:
                store = os.path.join(folder, "unused")
                done = subprocess.run(
                    [PROGRAM, "serve", "--store", store, "--ndmp", "127.0.0.1:0", "--mount", bad, "--exit-with-stdin"],
                    stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
            finally:
                shutil.rmtree(store, ignore_errors=True)
            expect(done.returncode > 0 and done.stderr.strip() and "Fatal" not in done.stderr, bad, done)
        expect(os.path.exists(daemon("library.json")), "the mount suffered")


def ends(folder):
    with steps.step("fusermount3 -u while a drive is open: busy; after the close it goes, and the daemon lives on"):
        with MountedDaemon() as daemon:
            daemon.load("CAP001L8", 0)
            with Tape(daemon.nst()) as tape:
                tape.write(b"open")
                said("fusermount3", "-u", daemon.point.path, status=1)
                tape.write(b"still open")
            daemon.run("status")
            wait_until(lambda: not subprocess.run(["fusermount3", "-u", daemon.point.path], capture_output=True,
                                                  check=False).returncode, "fusermount3 -u", 10)
            expect(not mounted(daemon.point.path))
            daemon.run("unload", "0")
            expect(daemon.json("status")["pid"] == daemon.pid, "the daemon ended with its mount")
    with steps.step("umount -l with a drive open: the open file is served to its end, its filemark is written"):
        with MountedDaemon() as daemon:
            daemon.load("CAP001L8", 0)
            with Tape(daemon.nst()) as tape:
                tape.write(b"before")
                said("umount", "-l", daemon.point.path)
                tape.write(b"after")
            wait_until(lambda: daemon.json("cartridge", "show", "CAP001L8")["partitions"][0]["objects"] == 3,
                       "two records and a filemark", 10)
    with steps.step("SIGTERM with a tape file open that was written: the daemon ends well, the records are there"):
        with temporary_folder() as other:
            store = os.path.join(other, "store")
            daemon = MountedDaemon(store=store)
            with daemon:
                daemon.load("CAP001L8", 0)
                tape = Tape(daemon.nst())
                for index in range(50):
                    tape.write(noise(index, 65_536))
                begun = time.monotonic()
                expect(daemon.stop() == 0, daemon.log()[-1000:])
                print(f"# SIGTERM with an open file: {time.monotonic() - begun:.1f} s")
                expect(error_of(tape.write, b"x") in (errno.ENOTCONN, errno.ECONNABORTED, errno.EIO))
                with contextlib.suppress(OSError):
                    tape.close()
            with OfflineMount(store) as mount:
                data = output("cat", mount("cartridges", "CAP001L8", "files", "0001", "data"))
                expect(data == b"".join(noise(index, 65_536) for index in range(50)), len(data))


class Writer(threading.Thread):
    """Writes files of numbered records to a drive until the daemon dies, and remembers what was acknowledged."""

    def __init__(self, path, seed):
        super().__init__(daemon=True)
        self.path, self.chance, self.seed = path, random.Random(seed), seed
        self.records, self.durable, self.error = [], 0, None

    def record(self, index):
        head = struct.pack("<IQ", self.seed, index)
        return head * (self.lengths[index] // len(head))

    def run(self):
        self.lengths = []
        try:
            with Tape(self.path) as tape:
                while True:
                    for _ in range(self.chance.randrange(1, 40)):
                        self.lengths.append(12 * self.chance.randrange(1, 20_000))
                        data = self.record(len(self.lengths) - 1)
                        tape.write(data)
                        self.records.append("r")
                    tape.operate(MTWEOF)
                    self.records.append("f")
                    self.durable = len(self.records)
        except OSError as error:
            self.error = error.errno


def check_after_kill(daemon, drive, writer):
    """Everything acknowledged is on the tape; behind it at most the one record in flight."""
    with Tape(daemon.nst(drive), os.O_RDONLY) as tape:
        tape.operate(MTREW)
        index = 0
        for what in writer.records:
            data = tape.read()
            if what == "f":
                expect(data == b"", "a filemark is missing")
                continue
            expect(data == writer.record(index), f"record {index} of {len(writer.lengths)}: {len(data)} bytes")
            index += 1
    return index


def killed(folder):
    store = os.path.join(folder, "killed")
    point = None
    for turn in range(3):
        with steps.step(f"kill -9 under load, turn {turn + 1}: ENOTCONN, a remount, everything acknowledged is there"):
            daemon = MountedDaemon(store=store, point=point)
            point = daemon.point
            try:
                writers = []
                for drive in (0, 1):
                    place = daemon.places()[f"drive:{drive}"]
                    if not place:
                        daemon.load(f"CAP00{drive + 1}L8", drive)
                    writers.append(Writer(daemon.nst(drive), seed=turn * 10 + drive))
                for writer in writers:
                    with Tape(writer.path) as tape:
                        tape.operate(MTREW)
                    writer.start()
                looker = subprocess.Popen(["sh", "-c", f'while find "{daemon()}" >/dev/null 2>&1; do :; done'])
                wait_until(lambda: all(writer.durable > 200 * (turn + 1) for writer in writers) or
                           any(writer.error for writer in writers), "some records", 60)
                os.stat(daemon.ready["mount"])  # what the kernel remembers of it is no sign of life
                daemon.kill()
                for writer in writers:
                    writer.join(20)
                    expect(not writer.is_alive(), "a writer hangs on the dead mount")
                    expect(writer.error in (errno.ENOTCONN, errno.ECONNABORTED, errno.EIO), writer.error)
                looker.wait(30)
                refuses((errno.ENOTCONN, errno.ECONNABORTED), os.listdir, daemon())
                expect(mounted(daemon.point.path), "the kernel keeps a dead mount")
                daemon.start()
                for drive, writer in enumerate(writers):
                    count = check_after_kill(daemon, drive, writer)
                    print(f"# turn {turn + 1}, drive {drive}: {count} records acknowledged, all there")
            finally:
                daemon.kill()
                unmount(daemon.point.path)
    if point:
        point.remove()


def large(folder):
    with steps.step("10,000 slots: the listing is complete and quick, find sees every cartridge"):
        begun = time.monotonic()
        with MountedDaemon(store=os.path.join(folder, "large"),
                           arguments=["--slots", "10000", "--cartridges", "1000"]) as daemon:
            print(f"# a library of 10,000 slots and 1,000 cartridges is up in {time.monotonic() - begun:.1f} s")
            begun = time.monotonic()
            expect(len(os.listdir(daemon("slots"))) == 10_000)
            print(f"# readdir of slots: {time.monotonic() - begun:.3f} s")
            begun = time.monotonic()
            names = output("find", daemon("cartridges"), "-maxdepth", "1", "-mindepth", "1").splitlines()
            print(f"# find of 1,000 cartridges: {time.monotonic() - begun:.3f} s")
            expect(len(names) == 1000 and len(set(names)) == 1000, len(names))
            begun = time.monotonic()
            found = output("find", daemon("slots"), "-type", "l").splitlines()
            print(f"# find -type l in 10,000 slots: {time.monotonic() - begun:.2f} s")
            expect(len(found) == 1000, len(found))
            begun = time.monotonic()
            everything = output("find", daemon("cartridges"), "-name", "label.json").splitlines()
            print(f"# find of everything below 1,000 cartridges: {time.monotonic() - begun:.2f} s")
            expect(len(everything) == 1000, len(everything))


def main():
    if not needed(steps, "mtx", "sg_prevent", "fusermount3", "find", "tar"):
        return
    with temporary_folder() as folder:
        with MountedDaemon(store=os.path.join(folder, "store")) as daemon:
            moves(daemon)
            no_moves(daemon)
            read_only(daemon)
            other_doors(daemon)
            offline(daemon, folder)
            bad_mount_points(daemon, folder)
        ends(folder)
        killed(folder)
        large(folder)


with steps.step("the file came to its end"):
    main()
steps.finish()
