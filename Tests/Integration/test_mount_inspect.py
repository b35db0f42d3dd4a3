# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Looking inside cartridges that real tools wrote: each is recognised, its tree is browsed below contents/ and files in
it equal the originals; the tape file itself is one seekable stream; all of it also while a drive writes."""

import errno
import json
import os
import random
import threading

import amanda_rig
from harness import Steps, expect, temporary_folder, wait_until
from mount_rig import (
    MIB, MTREW, MountedDaemon, Tape, error_of, large_tree, mt, needed, noise, output, said, truthful,
)
from tree_maker import Maker, make_tree

steps = Steps("mount_inspect")


def info(daemon, barcode, number=1):
    with open(daemon("cartridges", barcode, "files", f"{number:04}", "info.json"), encoding="utf-8") as file:
        return json.load(file)


def contents(daemon, barcode, number=1, *names):
    return daemon("cartridges", barcode, "files", f"{number:04}", "contents", *names)


def same_files(shown, original):
    """Names, kinds, sizes, link targets and bytes are equal; Failure with what diff says."""
    said("diff", "-r", "--no-dereference", original, shown)


def archivers(daemon, folder, tree):
    """One cartridge, one tape file for each archiver."""
    nst, barcode = daemon.nst(0), "CAP001L8"
    daemon.load(barcode, 0)
    names = output("find", ".", cwd=tree)
    writers = (
        ("tar", ["tar", "-b", "128", "-cf", nst, "-C", tree, "."], None),
        ("tar", ["tar", "--format=posix", "-b", "20", "-cf", nst, "-C", tree, "."], None),
        ("tar", ["tar", "--format=ustar", "-b", "2048", "-cf", nst, "-C", tree, "."], None),
        ("tar", ["bsdtar", "--format=pax", "-b", "64", "-cf", nst, "-C", tree, "."], None),
        ("cpio", ["cpio", "-o", "-H", "newc", "-C", "65536", "-O", nst], names),
        ("cpio", ["cpio", "-o", "-H", "odc", "-C", "5120", "-O", nst], names),
        ("cpio", ["bsdtar", "--format=newc", "-b", "64", "-cf", nst, "-C", tree, "."], None),
    )
    for number, (wanted, words, given) in enumerate(writers, 1):
        title = " ".join(words[:3] if words[0] != "tar" else words[:2])
        with steps.step(f"written by {title}: recognised as {wanted}; contents/ is the tree"):
            said(*words, input=given, cwd=tree)
            shown = info(daemon, barcode, number)
            expect(shown["format"] and wanted == shown["format"]["name"], json.dumps(shown)[:1500])
            expect(shown["contents"]["browsable"] and shown["endsWithFilemark"], shown)
            same_files(contents(daemon, barcode, number), tree)
            expect(truthful(contents(daemon, barcode, number)) >= 300, "files")
    with steps.step("tar -z is recognised and opened too, or info.json says why not"):
        said("tar", "-b", "128", "-czf", nst, "-C", tree, "d01")
        text = json.dumps(info(daemon, barcode, len(writers) + 1)).lower()
        expect("gzip" in text or "compress" in text, text[:800])
        path = contents(daemon, barcode, len(writers) + 1, "d01")
        if os.path.exists(path):
            same_files(path, os.path.join(tree, "d01"))


def truths(daemon, folder, tree):
    """What ls, find, stat, dd and the map tell of the cartridge that the archivers filled."""
    nst, barcode = daemon.nst(0), "CAP001L8"
    with steps.step("ls -lR, find -size, stat and du tell what is true"):
        root = contents(daemon, barcode)
        said("ls", "-lR", daemon("cartridges", barcode))
        for where, _, files in os.walk(tree):
            for name in files[:3]:
                path = os.path.join(where, name)
                mine, shown = os.lstat(path), os.lstat(os.path.join(root, os.path.relpath(path, tree)))
                expect((mine.st_mode, mine.st_size, int(mine.st_mtime), mine.st_uid) ==
                       (shown.st_mode, shown.st_size, int(shown.st_mtime), shown.st_uid), path, mine, shown)
        wanted = output("find", tree, "-type", "f", "-size", "+1000k").splitlines()
        expect(len(output("find", root, "-type", "f", "-size", "+1000k").splitlines()) == len(wanted) > 0)
        expect(truthful(daemon("cartridges", barcode)) > 300)
    with steps.step("find over everything, grep -r, sha256sum and rsync out of an archive work"):
        expect(len(output("find", daemon()).splitlines()) > 1000)
        with temporary_folder() as target:
            said("rsync", "-a", contents(daemon, barcode) + "/", target + "/")
            said("diff", "-r", "--no-dereference", tree, target)
    with steps.step("data is the stream that the archiver wrote, at every offset"):
        said("tar", "-b", "128", "-cf", os.path.join(folder, "same.tar"), "-C", tree, ".")
        data = daemon("cartridges", barcode, "files", "0001", "data")
        said("cmp", data, os.path.join(folder, "same.tar"))
        chance = random.Random(8)
        size = os.stat(data).st_size
        with open(os.path.join(folder, "same.tar"), "rb") as one, open(data, "rb", buffering=0) as other:
            for _ in range(300):
                offset, count = chance.randrange(size), chance.choice((1, 511, 512, 4096, 65_537, 400_000))
                got, wanted = os.pread(other.fileno(), count, offset), os.pread(one.fileno(), count, offset)
                expect(got == wanted, f"{count} bytes at {offset}: {len(got)} and {len(wanted)}")
            expect(os.pread(other.fileno(), 10, size) == b"" and os.pread(other.fileno(), 10, size + 10**9) == b"")
        skipped = output("dd", f"if={data}", "bs=1000", "skip=777", "count=3")
        with open(os.path.join(folder, "same.tar"), "rb") as one:
            expect(skipped == os.pread(one.fileno(), 3000, 777_000), "dd skip")
    with steps.step("blocks.csv has a line for each record and filemark"):
        lines = open(daemon("cartridges", barcode, "blocks.csv"), encoding="utf-8").read().splitlines()
        mt(nst, "eod")
        blocks = int(mt(nst, "tell").split()[-1].rstrip("."))
        expect(len(lines) == blocks + 1, len(lines), blocks, lines[:3])
    with steps.step("capstan cartridge show is a map of the tape: files, records, formats; --json the same"):
        text = daemon.run("cartridge", "show", barcode).stdout
        expect(text.lower().count("tar") >= 4 and text.lower().count("cpio") >= 3, text)
        shown = json.dumps(daemon.json("cartridge", "show", barcode)).lower()
        expect(shown.count("cpio") >= 3 and "tar" in shown, shown[:1500])
    daemon.unload(0)
    with steps.step("out of the drive, on the shelf too, it is browsed the same"):
        daemon.run("export", barcode)
        same_files(daemon("shelf", barcode, "files", "0001", "contents"), tree)


def zoo(daemon, folder):
    tree = os.path.join(folder, "zoo")
    make_tree(tree, seed=12, plain=60, mean=4000)
    daemon.load("CAP002L8", 1)
    with steps.step("odd names, holes, hard and symbolic links, devices: the tree is shown whole, regular files equal"):
        said("tar", "--format=posix", "--sparse", "--numeric-owner", "-b", "128", "-cf", daemon.nst(1), "-C", tree, ".")
        root = contents(daemon, "CAP002L8").encode()
        count = 0
        for where, folders, files in os.walk(os.fsencode(tree)):
            relative = os.path.relpath(where, os.fsencode(tree))
            expect(sorted(os.listdir(os.path.join(root, relative))) == sorted(folders + files), where)
            for name in files:
                path, shown = os.path.join(where, name), os.path.join(root, relative, name)
                if os.path.islink(path):
                    expect(os.readlink(path) == os.readlink(shown), path)
                elif os.path.isfile(path):
                    expect(open(path, "rb").read() == open(shown, "rb").read(), path)
                    count += 1
        print(f"# {count} files of the zoo compared")
    daemon.unload(1)


def dump(daemon, folder, tree):
    image = os.path.join(folder, "image")
    with open(image, "wb") as file:
        file.truncate(96 * MIB)
    said("mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-d", tree, image)
    daemon.load("CAP003L8", 1)
    with steps.step("Debian's dump writes to the drive by itself; recognised, browsed, equal to what it dumped"):
        device = output("losetup", "--find", "--show", "--read-only", image).decode().strip()
        try:
            said("dump", "-0", "-q", "-a", "-b", "64", "-f", daemon.nst(1), device)
        finally:
            said("losetup", "--detach", device)
        shown = json.dumps(info(daemon, "CAP003L8")).lower()
        expect("dump" in shown, shown[:1500])
        root = contents(daemon, "CAP003L8")
        said("diff", "-r", "--no-dereference", "--exclude=lost+found", tree, root)
    with steps.step("Debian's restore -t reads the same tape from the drive"):
        mt(daemon.nst(1), "rewind")
        expect("d01" in said("restore", "-t", "-b", "64", "-f", daemon.nst(1)))
    daemon.unload(1)


def amanda(daemon, folder, tree):
    barcode = "AMA001L8"
    daemon.create(barcode, "256MiB", "slot:20")
    with amanda_rig.Amanda(daemon, folder, barcode, tree) as run:
        with steps.step("Amanda labels and dumps through the robot"):
            run.label()
            run.dump()
        with steps.step("the tape label and the dump are recognised with their headers; the dump's tree is browsed"):
            first = json.dumps(info(daemon, barcode, 1))
            expect("manda" in first and run.label_text in first, first[:1500])
            count = len(os.listdir(daemon("cartridges", barcode, "files")))
            found = [number for number in range(2, count + 1) if "GNUTAR" in json.dumps(info(daemon, barcode, number))]
            expect(found, [info(daemon, barcode, number) for number in range(1, count + 1)])
            root = contents(daemon, barcode, found[0])
            said("diff", "-r", "--no-dereference", tree, root)
        with steps.step("cartridge show names label, host and disk"):
            text = daemon.run("cartridge", "show", barcode).stdout
            expect(run.label_text in text and "localhost" in text, text)


def while_writing(daemon):
    nst, barcode = daemon.nst(2), "CAP004L8"
    daemon.load(barcode, 2)
    with steps.step("while a drive writes: data grows by whole records and is right at every moment"):
        data, stop, written = daemon("cartridges", barcode, "files", "0001", "data"), threading.Event(), []

        def write():
            with Tape(nst) as tape:
                while not stop.is_set() and len(written) < 600:
                    tape.write(noise(len(written), 100_000))
                    written.append(1)
        thread = threading.Thread(target=write)
        thread.start()
        try:
            wait_until(lambda: written, "the first record", 10)
            sizes = []
            chance = random.Random(2)
            while thread.is_alive() and len(sizes) < 120:
                before = len(written)
                size = os.stat(data).st_size
                expect(size % 100_000 == 0 and size >= before * 100_000, size, before)
                index = chance.randrange(size // 100_000)
                with open(data, "rb", buffering=0) as file:
                    expect(os.pread(file.fileno(), 100_000, index * 100_000) == noise(index, 100_000), index)
                    last = size // 100_000 - 1
                    expect(os.pread(file.fileno(), 100_000, last * 100_000) == noise(last, 100_000), "the last record")
                sizes.append(size)
            expect(sizes == sorted(sizes), "it shrank")
            print(f"# {len(sizes)} looks while it grew to {sizes[-1] // 100_000} records")
        finally:
            stop.set()
            thread.join(60)
        expect(os.stat(data).st_size == len(written) * 100_000, os.stat(data).st_size, len(written))
    with steps.step("a file that is open when the tape is written anew gives the old bytes or an error, never others"):
        old = os.stat(data).st_size
        with open(data, "rb", buffering=0) as file:
            first = os.pread(file.fileno(), 1000, 0)
            with Tape(nst) as tape:
                tape.operate(MTREW)
                for index in range(20):
                    tape.write(noise(1000 + index, 50_000))
            for offset in (0, 999_999, 5_000_000, old - 10):
                try:
                    got = os.pread(file.fileno(), 1000, offset)
                except OSError as error:
                    expect(error.errno in (errno.EIO, errno.ESTALE), error)
                    continue
                allowed = noise(offset // 100_000, 100_000)[offset % 100_000:] + noise(offset // 100_000 + 1, 100_000)
                fresh = b"".join(noise(1000 + index, 50_000) for index in range(20))[offset:offset + 1000]
                expect(got in (allowed[:len(got)], fresh), f"other bytes at {offset}")
            expect(len(first) == 1000)
        expect(os.stat(data).st_size == 1_000_000, os.stat(data).st_size)
    with steps.step("an archive whose tape was written anew: the new one is shown, nothing of the old one"):
        said("tar", "-cf", nst, "-C", "/usr/share/misc", ".")
        daemon.unload(2)
    with steps.step("an empty tape file, an empty cartridge, a file of one byte"):
        daemon.load("CAP005L8", 2)
        files = daemon("cartridges", "CAP005L8", "files")
        expect(os.listdir(files) == [], os.listdir(files))
        mt(nst, "weof", "2")
        with Tape(nst) as tape:
            tape.write(b"x")
        names = sorted(os.listdir(files))
        expect(names == ["0001", "0002", "0003"], names)
        expect([os.stat(os.path.join(files, name, "data")).st_size for name in names] == [0, 0, 1])
        daemon.unload(2)


def hostile(daemon, folder):
    nst, barcode = daemon.nst(3), "CAP006L8"
    daemon.load(barcode, 3)
    make = Maker(os.path.join(folder, "plain"), 3)
    make.file("a/b", b"inside\n")
    lies = os.path.join(folder, "lies.tar")
    with steps.step("an archive with .., absolute names and loops of links is shown safely; info.json says so"):
        code = ("import tarfile,io,sys\nt=tarfile.open(sys.argv[1],'w')\n"
                "for n in ('../../escape','/etc/passwd','a/../../b','./ok','a//b','a/./c','d/'*300+'deep'):\n"
                " i=tarfile.TarInfo(n);i.size=5;t.addfile(i,io.BytesIO(b'hello'))\n"
                "for n,l in (('x','y'),('y','x')):\n"
                " i=tarfile.TarInfo(n);i.type=tarfile.SYMTYPE;i.linkname=l;t.addfile(i)\n"
                "i=tarfile.TarInfo('h');i.type=tarfile.LNKTYPE;i.linkname='h';t.addfile(i)\n"
                "i=tarfile.TarInfo('ok');i.size=3;t.addfile(i,io.BytesIO(b'two'))\nt.close()")
        said("python3", "-c", code, lies)
        said("dd", f"if={lies}", f"of={nst}", "bs=10k")
        root = contents(daemon, barcode)
        names = output("find", root).splitlines()
        expect(all(name.startswith(root.encode()) for name in names), names[:9])
        expect(any(name.endswith(b"/ok") for name in names), names[:9])
        for name in names:
            if os.path.isfile(name) and not os.path.islink(name):
                open(name, "rb").read()
        shown = info(daemon, barcode)
        expect(shown["contents"]["problems"] or shown["format"]["problems"], shown)
    with steps.step("a tape file cut in a member, and one that claims 8 EiB: no bytes that are not there"):
        whole = open(lies, "rb").read()
        header = bytearray(whole[512 * 6:512 * 7])
        with open(lies, "wb") as file:
            file.write(whole[:1300])
        said("dd", f"if={lies}", f"of={nst}", "bs=1300")
        header[124:136] = b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        with Tape(nst) as tape:
            tape.write(bytes(header) + bytes(512))
        for number in (2, 3):
            root = contents(daemon, barcode, number)
            for where, _, files in os.walk(root) if os.path.isdir(root) else ():
                for name in files:
                    code = error_of(lambda path=os.path.join(where, name): open(path, "rb").read(10 * MIB))
                    expect(code in (0, errno.EIO), code)
            expect(json.dumps(info(daemon, barcode, number)), number)
    daemon.unload(3)


def main():
    if not needed(steps, "tar", "bsdtar", "cpio", "dump", "restore", "mkfs.ext4", "losetup", "amdump", "mt", "rsync"):
        return
    with temporary_folder() as folder, MountedDaemon(store=os.path.join(folder, "store")) as daemon:
        tree = os.path.join(folder, "tree")
        os.mkdir(tree)
        large_tree(tree, 40_000_000, seed=21, small=400)
        archivers(daemon, folder, tree)
        truths(daemon, folder, tree)
        zoo(daemon, folder)
        if os.geteuid() == 0 and os.path.exists("/dev/loop-control"):
            dump(daemon, folder, tree)
            amanda(daemon, folder, tree)
        else:
            with steps.step("this is run by root, with loop devices"):
                expect(False, "dump reads block devices only, Amanda runs as a user of its own")
        while_writing(daemon)
        hostile(daemon, folder)


with steps.step("the file came to its end"):
    main()
steps.finish()
