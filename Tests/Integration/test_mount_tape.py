# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Unmodified archivers on the tape device files of a mounted library: a gigabyte by GNU tar, two drives at once,
archives that span cartridges with a swap by `mtx` or by `mv`, cpio, bsdtar and dd."""

import os
import subprocess
import time

from harness import Steps, expect, temporary_folder
from mount_rig import MIB, MountedDaemon, Tape, large_tree, mt, needed, noise, output, said, truthful
from tree_maker import make_tree, same_tree

GIGABYTE, HALF = 1_000_000_000, 500_000_000
steps = Steps("mount_tape")


def rate(count, begun):
    return f"{count / (time.monotonic() - begun) / 1e9:.2f} GB/s"


def tar_of_a_gigabyte(daemon, tree, size):
    nst = daemon.nst(0)
    daemon.load("CAP001L8", 0)
    with steps.step("tar -b 512 writes a tree of 1 GB"):
        begun = time.monotonic()
        said("tar", "-b", "512", "-cf", nst, "-C", tree, ".")
        print(f"# tar -c: {rate(size, begun)}")
    with steps.step("after the close the drive stands behind the filemark: mt tells file 1, block 0"):
        text = mt(nst, "status")
        expect("File number=1, block number=0" in text, text)
        expect(" EOF" in text and "ONLINE" in text and "BOT" not in text, text)
    with steps.step("tar -d finds no difference, and no record was split: every record has 256 KiB"):
        mt(nst, "rewind")
        begun = time.monotonic()
        text = said("tar", "-b", "512", "-df", nst, "-C", tree)
        expect(not text, text[:500])
        print(f"# tar -d: {rate(size, begun)}")
        records = (os.stat(daemon("cartridges", "CAP001L8", "files", "0001", "data")).st_size + 262_143) // 262_144
        mt(nst, "rewind")
        mt(nst, "fsf", "1")
        expect(mt(nst, "tell").strip() == f"At block {records + 1}.", mt(nst, "tell"), records)
    with steps.step("a second archive behind the first; both are there: tar -t of file 0, then of file 1"):
        mt(nst, "eod")
        said("tar", "-b", "20", "-cf", nst, "-C", tree, "d00")
        mt(nst, "asf", "1")
        second = output("tar", "-b", "20", "-tf", nst).splitlines()
        mt(nst, "rewind")
        first = output("tar", "-b", "512", "-tf", nst).splitlines()
        expect(len(first) > 2000 and b"./large4" in first, len(first))
        expect(b"d00/e00/f00000" in second and len(second) < len(first), len(second))
    with steps.step("tar -x brings the tree back, equal by rsync"), temporary_folder() as target:
        mt(nst, "rewind")
        said("tar", "-b", "512", "-xpf", nst, "-C", target)
        said("rsync", "-naHc", "--delete", "-i", tree + "/", target + "/")
        differences = output("rsync", "-naHc", "--delete", "-i", tree + "/", target + "/")
        expect(not differences, differences[:500])
    daemon.unload(0)


def two_drives(daemon, trees):
    with steps.step("two drives at once: two tar -c, then two tar -d, each equal"):
        daemon.load("CAP002L8", 0)
        daemon.load("CAP003L8", 1)
        for words in ("-cf", "-df"):
            begun = time.monotonic()
            jobs = [subprocess.Popen(["tar", "-b", "512", words, daemon.nst(drive), "-C", trees[drive], "."],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                    for drive in (0, 1)]
            try:
                for drive, job in enumerate(jobs):
                    text, _ = job.communicate(timeout=300)
                    expect(job.returncode == 0 and not text, f"drive {drive}: {text[-500:]}")
            finally:
                for job in jobs:
                    if job.poll() is None:
                        job.kill()
                        job.wait()
            print(f"# two tar {words}: {rate(GIGABYTE + HALF, begun)} together")
            for drive in (0, 1):
                mt(daemon.nst(drive), "rewind")
        for drive in (0, 1):
            daemon.unload(drive)


def swapper(folder, name, lines):
    """A script for tar's -F: it swaps cartridges, once for each line, and then refuses."""
    path, count = os.path.join(folder, name), os.path.join(folder, name + ".count")
    cases = "".join(f"  {index}) {line} || exit 1 ;;\n" for index, line in enumerate(lines))
    with open(count, "w", encoding="ascii") as file:
        file.write("0")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec >>"{path}.log" 2>&1\nn=$(cat "{count}")\n'
                   f'case $n in\n{cases}  *) exit 1 ;;\nesac\necho $((n + 1)) >"{count}"\n')
    os.chmod(path, 0o755)
    return path


def volumes(daemon, folder):
    """tar -M over three cartridges of 24 MiB; the swaps once by mtx, once by mv."""
    tree = os.path.join(folder, "volumes")
    os.mkdir(tree)
    size = large_tree(tree, 60_000_000, seed=9, small=300)
    nst, sg = daemon.nst(2), daemon.changer_sg
    for number, slot in ((1, 17), (2, 18), (3, 19)):
        daemon.create(f"VOL00{number}L8", "24MiB", f"slot:{slot}")
    by_mtx = [f'mtx -f "{sg}" unload {old} 2 && mtx -f "{sg}" load {old + 1} 2' for old in (17, 18)]
    drive, slots = daemon("drives", 2), daemon("slots")
    by_mv = [f'mv "{drive}/VOL00{n}L8" "{slots}/{16 + n}/" && mv "{slots}/{17 + n}/VOL00{n + 1}L8" "{drive}/"'
             for n in (1, 2)]
    for kind, lines in (("mtx", by_mtx), ("mv", by_mv)):
        with steps.step(f"tar -M of {size // 1_000_000} MB over three cartridges, swapped by {kind}; -d is equal"):
            script = swapper(folder, f"swap-{kind}", lines)
            for words in (["-c"], ["-d"]):
                daemon.load("VOL001L8", 2)
                with open(script + ".count", "w", encoding="ascii") as file:
                    file.write("0")
                text = said("tar", "-M", "-b", "128", *words, "-f", nst, "-F", script, "-C", tree, ".", status=None)
                expect(open(script + ".count", encoding="ascii").read().strip() == "2", text[-800:],
                       open(script + ".log", encoding="utf-8", errors="replace").read()[-800:])
                expect(not text, text[-800:])
                expect(daemon.place_of("VOL003L8") == "drive:2", daemon.places())
                os.rename(daemon("drives", 2, "VOL003L8"), daemon("slots", 19, "VOL003L8"))
    with steps.step("no volume was left half full: two cartridges hold their early warning's worth"):
        for barcode in ("VOL001L8", "VOL002L8"):
            shown = daemon.json("cartridge", "show", barcode)
            used, capacity = shown["summary"]["usedBytes"], shown["summary"]["capacityBytes"]
            expect(used > capacity * 8 // 10, barcode, used, capacity)
            daemon.run("cartridge", "verify", barcode)


def other_archivers(daemon, folder):
    tree = os.path.join(folder, "zoo")
    make_tree(tree, seed=4, plain=120, mean=20_000)
    nst = daemon.nst(3)
    daemon.load("CAP004L8", 3)
    with steps.step("GNU tar with attributes, holes, odd names and devices: extracted again it is the same tree"):
        flags = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "-p", "--format=posix", "--sparse"]
        said("tar", *flags, "-b", "2048", "-cf", nst, "-C", tree, ".")
        mt(nst, "rewind")
        target = os.path.join(folder, "zoo-back")
        os.mkdir(target)
        said("tar", *flags, "-b", "2048", "-xf", nst, "-C", target)
        same_tree(tree, target)
    with steps.step("cpio -C 65536 -O and -I: the same tree again"):
        source, target = os.path.join(folder, "source"), os.path.join(folder, "cpio-back")
        os.mkdir(source)
        os.mkdir(target)
        large_tree(source, 30_000_000, seed=5, small=200)
        mt(nst, "rewind")
        names = "\n".join(sorted(os.path.relpath(os.path.join(where, name), source)
                                 for where, folders, files in os.walk(source) for name in folders + files))
        said("cpio", "-o", "-H", "newc", "-C", "65536", "-O", nst, cwd=source, input=names.encode() + b"\n")
        mt(nst, "rewind")
        said("cpio", "-i", "-d", "-m", "-C", "65536", "-I", nst, cwd=target)
        said("diff", "-r", "--no-dereference", source, target)
    with steps.step("bsdtar -b 1024 writes and bsdtar reads: the same tree"):
        target = os.path.join(folder, "bsd-back")
        os.mkdir(target)
        mt(nst, "rewind")
        said("bsdtar", "-b", "1024", "-cf", nst, "-C", source, ".")
        mt(nst, "rewind")
        said("bsdtar", "-b", "1024", "-xf", nst, "-C", target)
        said("diff", "-r", "--no-dereference", source, target)
    daemon.unload(3)


def dd(daemon, folder):
    nst = daemon.nst(0)
    daemon.load("CAP005L8", 0)
    data, back = os.path.join(folder, "data"), os.path.join(folder, "back")
    with open(data, "wb") as file:
        file.write(noise(77, 200 * MIB))
    with steps.step("dd in records of 64 KiB, 256 KiB and 1 MiB: three tape files, each the same bytes again"):
        sizes = (65_536, 262_144, MIB)
        for size in sizes:
            begun = time.monotonic()
            said("dd", f"if={data}", f"of={nst}", f"bs={size}")
            print(f"# dd to tape, {size // 1024} KiB: {rate(200 * MIB, begun)}")
        mt(nst, "rewind")
        for size in sizes:
            begun = time.monotonic()
            text = said("dd", f"if={nst}", f"of={back}", f"bs={size}")
            print(f"# dd from tape, {size // 1024} KiB: {rate(200 * MIB, begun)}")
            expect(f"{200 * MIB // size}+0 records in" in text, text)
            said("cmp", data, back)
    with steps.step("the same through files/NNNN/data, by cmp and by cp, and stat tells its length"):
        for index in range(3):
            path = daemon("cartridges", "CAP005L8", "files", f"{index + 1:04}", "data")
            expect(os.stat(path).st_size == 200 * MIB, os.stat(path).st_size)
            begun = time.monotonic()
            said("cmp", data, path)
            print(f"# cmp with files/{index + 1:04}/data: {rate(200 * MIB, begun)}")
        expect(truthful(daemon("cartridges", "CAP005L8", "files", "0003")) >= 2)
    with steps.step("a shell's > writes a tape file, < reads it"):
        said("sh", "-c", f'mt -f "{nst}" rewind && echo "hello, tape" >"{nst}" && mt -f "{nst}" rewind')
        expect(output("sh", "-c", f'cat <"{nst}"') == b"hello, tape\n")
        expect(mt(nst, "status").find("File number=1") >= 0, mt(nst, "status"))
    with steps.step("cp to the device writes records, and the file comes back"):
        mt(nst, "rewind")
        said("cp", "/etc/services", nst)
        mt(nst, "rewind")
        with Tape(nst, os.O_RDONLY) as tape:
            got = b"".join(iter(tape.read, b""))
        expect(got == open("/etc/services", "rb").read(), len(got))
    daemon.unload(0)


def main():
    if not needed(steps, "tar", "mt", "mtx", "cpio", "bsdtar", "dd", "rsync", "fusermount3"):
        return
    with temporary_folder() as folder, MountedDaemon(store=os.path.join(folder, "store")) as daemon:
        trees = [os.path.join(folder, name) for name in ("tree", "half")]
        for tree in trees:
            os.mkdir(tree)
        size = large_tree(trees[0], GIGABYTE)
        tar_of_a_gigabyte(daemon, trees[0], size)
        large_tree(trees[1], HALF, seed=2)
        two_drives(daemon, trees)
        volumes(daemon, folder)
        other_archivers(daemon, folder)
        dd(daemon, folder)


with steps.step("the file came to its end"):
    main()
steps.finish()
