# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Trouble with files and streams: trees that change while they are backed up, files that cannot be read, a target that
is full, and streams made to do harm.

What other programs say of the streams counts: GNU tar and Debian's restore read every stream that was made while the
tree changed. After each step the daemon is as before (data_rig.py). Random choices are seeded.
"""

import contextlib
import io
import os
import random
import shutil
import subprocess
import tarfile
import threading

from data_rig import FORMATS, Rig, WrappedDaemon, fill
from harness import Daemon, Steps, expect, temporary_folder
from ndmp_data import CONNECT_ERROR, INTERNAL_ERROR, LOG_ERROR, LOG_WARNING, SUCCESSFUL

DAMAGED_STREAMS = min(int(os.environ.get("CAPSTAN_FUZZ_ITERATIONS", "1000")) // 20, 60)
CHURNED_BACKUPS = 6
IO_ERROR = 5
SECRET = b"this must never be in a backup"
steps = Steps("data service, bad files")


def same(found, wanted, what=""):
    expect(found == wanted, f"{what}: {found!r} instead of {wanted!r}")


def trouble(session):
    """The sentences of warnings and errors."""
    return [text for kind, text in session.logs if kind in (LOG_ERROR, LOG_WARNING)]


def others_read(kind, stream, folder):
    """GNU tar extracts the stream, or restore lists it, without a complaint; the names that were there."""
    if kind == "tar":
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        done = subprocess.run(
            ["tar", "-x", "-f", "-", "-C", folder], input=stream, capture_output=True, check=False)
        expect(done.returncode == 0, f"tar: {done.stderr.decode(errors='replace')[-500:]}")
        return sorted(os.path.relpath(os.path.join(above, name), folder)
                      for above, _, names in os.walk(folder) for name in names)
    with contextlib.suppress(FileNotFoundError):
        os.remove(folder + ".dump")
    with open(folder + ".dump", "wb") as file:
        file.write(stream)
    done = subprocess.run(
        ["/usr/sbin/restore", "-t", "-f", folder + ".dump"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="replace", check=False, timeout=60)
    expect(done.returncode == 0, f"restore: {done.stderr[-500:]}")
    return sorted(line.split("\t")[-1][2:] for line in done.stdout.splitlines() if "\t./" in line)


# --- trees that change ------------------------------------------------------------------------------------------------


def changed_in_the_middle(rig, folder):
    """The stream is held in the middle of one large file while something happens to it, so it happens for certain."""
    block = os.path.join(folder, "tree", "b", "block")

    def make():
        shutil.rmtree(os.path.join(folder, "tree"), ignore_errors=True)
        for name in ("a", "b", "c"):
            os.makedirs(os.path.join(folder, "tree", name))
            with open(os.path.join(folder, "tree", name, "file"), "wb") as file:
                file.write(name.encode() * 1000)
        with open(block, "wb") as file:
            file.write(random.Random(3).randbytes(24 << 20))

    def shrink():
        os.truncate(block, 1 << 20)

    def grow():
        with open(block, "ab") as file:
            file.write(bytes(8 << 20))

    def vanish():
        os.remove(block)

    def rewrite():
        with open(block, "r+b") as file:
            file.write(b"\xff" * (24 << 20))

    def rename_above():
        os.rename(os.path.join(folder, "tree", "b"), os.path.join(folder, "tree", "moved"))

    def vanish_around():
        for name in ("b", "c"):
            shutil.rmtree(os.path.join(folder, "tree", name))

    def swap_for_links():
        for name in ("b", "c"):
            shutil.rmtree(os.path.join(folder, "tree", name))
            os.symlink(os.path.join(folder, "secret"), os.path.join(folder, "tree", name))

    os.makedirs(os.path.join(folder, "secret"))
    for name in ("file", "block"):
        with open(os.path.join(folder, "secret", name), "wb") as file:
            file.write(SECRET * 100)
    for kind in FORMATS:
        for change in (shrink, grow, vanish, rewrite, rename_above, vanish_around, swap_for_links):
            with rig.step(f"{kind}: while a file is being read: {change.__name__.replace('_', ' ')}"):
                make()
                with open(block, "rb") as file:
                    file.seek(512 << 10)
                    middle = file.read(64)
                stream, reason, session = rig.capture(
                    kind, os.path.join(folder, "tree"), meanwhile=change, behind=middle)
                same(reason, SUCCESSFUL, session.said()[-500:])
                names = others_read(kind, stream, os.path.join(folder, "extracted"))
                expect("a/file" in names, f"a file that did not change is missing: {names}")
                expect(SECRET not in stream, "a link led out of the export")
                if change in (shrink, grow):
                    # It has the size that was told in its header: what is missing is filled, what is new left out.
                    expect("b/block" in names, names)
                    if kind == "tar":
                        same(os.path.getsize(os.path.join(folder, "extracted", "b/block")), 24 << 20, "size")
                if change is shrink:
                    expect(any("block" in text for text in trouble(session)), f"nothing said of it: {session.logs}")


def churn(rig, folder):
    """A tree that changes all the time, in every way, by a seeded program."""
    root = os.path.join(folder, "churned")
    source = random.Random(21)
    for index in range(40):
        os.makedirs(os.path.join(root, f"d{index % 8}", f"e{index}"))
    os.makedirs(os.path.join(root, "quiet"))
    quiet = {}
    for index in range(30):
        quiet[f"quiet/{index}"] = source.randbytes(source.randrange(60_000))
        with open(os.path.join(root, f"quiet/{index}"), "wb") as file:
            file.write(quiet[f"quiet/{index}"])
    over = threading.Event()

    def change():
        steps_done = 0
        while not over.is_set():
            place = os.path.join(root, f"d{source.randrange(8)}")
            with contextlib.suppress(OSError):
                entries = os.listdir(place)
                name = os.path.join(place, source.choice(entries)) if entries else place
                what = source.randrange(8)
                if what < 3:
                    with open(os.path.join(place, f"f{source.randrange(60)}"), "ab") as file:
                        file.write(source.randbytes(source.randrange(80_000)))
                elif what == 3 and os.path.isfile(name):
                    os.truncate(name, source.randrange(5000))
                elif what == 4 and os.path.isfile(name):
                    os.remove(name)
                elif what == 5:
                    os.rename(name, os.path.join(root, f"d{source.randrange(8)}", f"g{source.randrange(99)}"))
                elif what == 6:
                    os.mkdir(os.path.join(place, f"e{source.randrange(99)}"))
                elif what == 7 and os.path.isdir(name):
                    os.rename(name, name + "x")
            steps_done += 1
        print(f"# {steps_done} changes")

    worker = threading.Thread(target=change)
    worker.start()
    try:
        for index in range(CHURNED_BACKUPS):
            kind = FORMATS[index % len(FORMATS)]
            with rig.step(f"{kind}: backup {index + 1} of a tree that changes all the time succeeds and is sound"):
                stream, reason, session = rig.capture(kind, root, {"HIST": "y"})
                same(reason, SUCCESSFUL, session.said()[-500:])
                names = others_read(kind, stream, os.path.join(folder, "extracted"))
                expect(set(quiet) <= set(names), "a file that nobody touched is missing")
                back = os.path.join(rig.target, f"churn{index}")
                reason, session = rig.feed(kind, stream, [("quiet", back)], {"FILESYSTEM": rig.target})
                same(reason, SUCCESSFUL, session.said()[-500:])
                for name, data in quiet.items():
                    with open(os.path.join(back, os.path.basename(name)), "rb") as file:
                        expect(file.read() == data, f"{name} differs")
    finally:
        over.set()
        worker.join()


# --- files that cannot be read, targets that cannot be written --------------------------------------------------------


def unreadable(folder):
    root, target = os.path.join(folder, "locked"), os.path.join(folder, "unwritable")
    fill(root, random.Random(2), large=1 << 20)
    os.makedirs(os.path.join(root, "small", "closed", "inner"))
    os.makedirs(target)
    for path, mode in (("small/file3", 0), ("small/file7", 0o200), ("small/closed", 0)):
        os.chmod(os.path.join(root, path), mode)
    # As root everything can be read: the daemon goes without that right.
    wrapper = []
    if os.geteuid() == 0:
        rights = "-dac_override,-dac_read_search"
        wrapper = ["setpriv", f"--inh-caps={rights}", f"--bounding-set={rights}"]
    with WrappedDaemon(wrapper, arguments=["--export", root, "--export", target]) as daemon:
        # The checks after each step back up `small` too, and have to succeed in spite of it all.
        rig = Rig(steps, daemon, root, target)
        for kind in FORMATS:
            with rig.step(f"{kind}: unreadable files and directories are logged and counted, and the backup goes on"):
                since = len(daemon.log())
                stream, reason, session = rig.capture(kind, os.path.join(root, "small"), {"HIST": "f"})
                same(reason, SUCCESSFUL, session.said()[-500:])
                for name in ("file3", "file7", "closed"):
                    expect(any(name in text for text in trouble(session)), f"{name}: {session.logs}")
                    rig.says(name, since)
                expect(any("3" in text for _, text in session.logs), f"not counted: {session.logs}")
                names = others_read(kind, stream, os.path.join(folder, "extracted"))
                expect({"file1", "file11", "below/deep"} <= set(names), names)
        with rig.step("a root that cannot be read ends the backup with words"):
            stream, reason, session = rig.capture("tar", os.path.join(root, "small", "closed"))
            expect(reason == INTERNAL_ERROR or trouble(session), f"{reason} {session.logs}")
        with rig.step("a target that may not be written: told for each name, nothing else happens"):
            stream = rig.capture("tar", os.path.join(root, "small"))[0]
            os.chmod(target, 0o500)
            reason, session = rig.feed("tar", stream, [("file1", f"{target}/file1")], {"FILESYSTEM": target})
            expect(session.recovered.get(b"file1") or reason == INTERNAL_ERROR, f"{reason} {session.recovered}")
            expect(trouble(session), "without a word")
            os.chmod(target, 0o700)
    os.chmod(os.path.join(root, "small", "closed"), 0o700)


def full_target(folder):
    root, target = os.path.join(folder, "source"), os.path.join(folder, "small-disk")
    fill(root, random.Random(4), large=6 << 20)
    os.makedirs(target)
    script = 'mount -t tmpfs -o size=3m none "$0" && exec "$@"'
    wrapper = ["unshare", *([] if os.geteuid() == 0 else ["-Ur"]), "-m", "sh", "-c", script, target]
    if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode:
        return steps.skip("a full target", "no mount namespaces here")
    with WrappedDaemon(wrapper, arguments=["--export", root, "--export", target]) as daemon:
        rig = Rig(steps, daemon, root, target)
        inside = f"/proc/{daemon.pid}/root{target}"
        for kind in FORMATS:
            large = rig.capture(kind, os.path.join(root, "large"))[0]
            small = rig.capture(kind, os.path.join(root, "small"))[0]
            with rig.step(f"{kind}: a full target is told, with reason and file; then there is room again"):
                since = len(daemon.log())
                reason, session = rig.feed(kind, large, [("block", f"{target}/block")], {"FILESYSTEM": target})
                expect(reason == INTERNAL_ERROR or session.recovered.get(b"block") == IO_ERROR,
                       f"{reason}, {session.recovered}")
                said = " ".join(trouble(session))
                expect("No space left" in said or "no space left" in said, f"said {said}")
                expect("block" in said, f"said {said}")
                rig.says("block", since)
                for name in os.listdir(inside):
                    os.remove(os.path.join(inside, name))
                reason, session = rig.feed(kind, small, [("", target)], {"FILESYSTEM": target})
                same((reason, set(session.recovered.values())), (SUCCESSFUL, {0}), session.said()[-300:])
                with open(f"{inside}/below/deep", "rb") as left, open(f"{root}/small/below/deep", "rb") as right:
                    expect(left.read() == right.read(), "below/deep differs")
                shutil.rmtree(f"{inside}/below")
                for name in os.listdir(inside):
                    os.remove(os.path.join(inside, name))
    return None


# --- streams made to do harm ------------------------------------------------------------------------------------------


def entry(name, kind=tarfile.REGTYPE, link="", data=b"", **fields):
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, len(data)
    for field, value in fields.items():
        setattr(member, field, value)
    return member, data


def archive(*entries, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as file:
        for member, data in entries:
            file.addfile(member, io.BytesIO(data))
    return out.getvalue()


def empty(folder):
    """Removes what is in it; rm takes trees of any depth."""
    subprocess.run(["find", folder, "-mindepth", "1", "-delete"], check=True)


def watched(folder):
    """Everything below the folder that is not in the target: none of it may change."""
    found = {}
    for above, below, names in os.walk(folder):
        if above == folder:
            below[:] = [name for name in below if name != "target"]
        for name in (*below, *names):
            path = os.path.join(above, name)
            status = os.lstat(path)
            found[path] = (status.st_mode, status.st_size, status.st_uid, status.st_mtime_ns, status.st_nlink)
    return found


def hostile_tar(rig, folder):
    outside, target = os.path.join(folder, "outside"), rig.target
    os.makedirs(outside)
    with open(os.path.join(outside, "precious"), "wb") as file:
        file.write(b"precious")
    link, hard = tarfile.SYMTYPE, tarfile.LNKTYPE
    up = "../" * 12 + outside.lstrip("/")
    cases = {
        "names with ..": (entry("../outside/evil", data=b"x"), entry("a/../../outside/evil", data=b"x"), entry("..")),
        "absolute names": (entry(f"{outside}/evil", data=b"x"), entry(f"/../../{outside}/evil", data=b"x")),
        "a link, then a file through it": (
            entry("l", link, outside), entry("l/evil", data=b"x"), entry("l/precious", data=b"gone")),
        "a relative link, then a directory and a file through it": (
            entry("l", link, up), entry("l/d", tarfile.DIRTYPE), entry("l/d/evil", data=b"x")),
        "a link to a link, then a file": (
            entry("d", tarfile.DIRTYPE), entry("d/l", link, outside), entry("m", link, "d/l"),
            entry("m/evil", data=b"x")),
        "a directory replaced by a link, then a file": (
            entry("r", tarfile.DIRTYPE), entry("r", link, outside), entry("r/evil", data=b"x")),
        "hard links to outside": (
            entry("h", hard, f"{outside}/precious"), entry("i", hard, up + "/precious"), entry("h", data=b"changed"),
            entry("i", data=b"changed")),
        "a hard link through a link": (
            entry("l", link, outside), entry("h", hard, "l/precious"), entry("h", data=b"changed")),
        "a link that is written to": (
            entry("w", link, f"{outside}/precious"), entry("w", data=b"changed")),
        "modes and owners through a link": (
            entry("o", link, outside), entry("o", tarfile.DIRTYPE, mode=0o777, uid=12345)),
        "a hard link to itself, and loops": (
            entry("s", hard, "s"), entry("t", link, "t"), entry("t/t", data=b"x"), entry("u", hard, "nothing")),
        "2,000 directories deep": tuple(
            entry("/".join(["d"] * depth), tarfile.DIRTYPE) for depth in range(1, 2001, 333)),
        "100,000 directories deep": (entry("/".join(["d"] * 100_000), tarfile.DIRTYPE),),
        "names of 100,000 bytes, of one slash, of nothing": (
            entry("n" * 100_000, data=b"x"), entry("/", tarfile.DIRTYPE), entry(".", tarfile.DIRTYPE),
            entry("./", data=b"x"), entry("a//b///c", data=b"x")),
        "a file, then a directory of the same name, then a file below": (
            entry("f", data=b"x"), entry("f", tarfile.DIRTYPE), entry("f/g", data=b"x"), entry("f", data=b"y")),
        "times and modes beyond all limits": (
            entry("t1", data=b"x", mtime=2**62, mode=0o7777), entry("t2", data=b"x", mtime=-(2**40)),
            entry("t3", data=b"x", uid=2**31, gid=2**32 - 2)),
    }
    with rig.step("a good tar after all the bad ones to come is what the checks compare with"):
        reason, session = rig.feed("tar", archive(entry("ok", data=b"ok")), (), {"FILESYSTEM": target})
        same(reason, SUCCESSFUL, session.said())
    for name, entries in cases.items():
        with rig.step(f"tar: {name}: nothing outside the target changes, and the file behind it is recovered"):
            before = watched(folder)
            stream = archive(*entries, entry("behind", data=name.encode()))
            reason, session = rig.feed("tar", stream, (), {"FILESYSTEM": target}, seconds=20)
            expect(reason in (SUCCESSFUL, INTERNAL_ERROR), reason)
            changed = {path for path, status in watched(folder).items() if before.get(path) != status}
            expect(not changed and set(before) == set(watched(folder)), f"changed outside: {changed}")
            if reason == SUCCESSFUL:
                with open(os.path.join(target, "behind"), "rb") as file:
                    same(file.read(), name.encode(), "the file behind")
            else:
                expect(session.errors(), "without a word")
            empty(target)


def hostile_dump(rig, folder):
    """A directory of a dump stream has no checksum: names in it are replaced by others of the same length."""
    root = os.path.join(rig.tree, "dumped")
    os.makedirs(root)
    for name in ("AAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBB"):
        with open(os.path.join(root, name), "wb") as file:
            file.write(b"evil" * 100)
    stream, reason, session = rig.capture("dump", root)
    same(reason, SUCCESSFUL, session.said()[-300:])
    names = (
        b"../outside/evil1", b"/tmp/outside-evi", b"..\0AAAAAAAAAAAAA", b".\0AAAAAAAAAAAAAA", b"a/b/c/d/e/f/g/h/")
    for name in names:
        with rig.step(f"dump: a directory entry {name!r}: nothing outside the target changes"):
            expect(stream.count(b"A" * 16) > 0, "the name is not in the stream")
            before = watched(folder)
            reason, session = rig.feed(
                "dump", stream.replace(b"A" * 16, name), (), {"FILESYSTEM": rig.target}, seconds=20)
            expect(reason in (SUCCESSFUL, INTERNAL_ERROR), reason)
            expect(watched(folder) == before, "something outside changed")
            expect(not os.path.lexists("/tmp/outside-evi"), "/tmp was written")
            empty(rig.target)


def damaged(rig, folder):
    """Bytes of good streams changed, cut out and doubled: any end but a crash, a hang, or a change outside."""
    for kind in FORMATS:
        stream = rig.capture(kind, os.path.join(rig.tree, "small"))[0]
        source = random.Random(31)
        with rig.step(f"{kind}: {DAMAGED_STREAMS} damaged streams end with success, or with words"):
            before, ends = watched(folder), {}
            for index in range(DAMAGED_STREAMS):
                bad = bytearray(stream)
                for _ in range(source.choice((1, 1, 5, 50))):
                    # Headers stand at multiples of 512.
                    at = source.randrange(len(bad) // 512) * 512 + source.choice((0, 0, source.randrange(512)))
                    bad[at:at + source.choice((1, 4, 8))] = source.randbytes(source.choice((1, 4, 8)))
                if index % 5 == 0:
                    at = source.randrange(len(bad) // 1024) * 1024
                    bad[at:at + 1024] = b"" if index % 2 else bad[at:at + 1024] * 2
                names = [("file2", f"{rig.target}/file2"), ("below", f"{rig.target}/b")] if index % 3 == 0 else ()
                reason, session = rig.feed(kind, bytes(bad), names, {"FILESYSTEM": rig.target}, seconds=30)
                expect(reason in (SUCCESSFUL, INTERNAL_ERROR, CONNECT_ERROR), reason)
                expect(reason == SUCCESSFUL or session.errors(), "without a word")
                ends[reason] = ends.get(reason, 0) + 1
            print(f"# {kind}: halt reasons {ends}")
            expect(watched(folder) == before, "something outside the target changed")
        with rig.step(f"{kind}: what is no stream of this kind at all ends with words, and soon"):
            for bad in (
                b"", bytes(1 << 20), b"\xff" * (1 << 20), source.randbytes(1 << 20), b"PK\x03\x04" + bytes(5000),
                rig.capture(FORMATS[FORMATS.index(kind) - 1], os.path.join(rig.tree, "small"))[0],
            ):
                reason, session = rig.feed(kind, bad, (), {"FILESYSTEM": rig.target}, seconds=20)
                expect(reason != SUCCESSFUL or session.said(), f"{bad[:8]!r}…: a success without a word")
    with rig.step("tar: headers that promise 8 EiB, sparse maps and extended headers that cannot be"):
        member, _ = entry("huge", data=b"")
        member.size = 2**63 - 1
        huge = member.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)
        wrong = (
            huge, archive(entry("n" * 500, data=b"x"))[:512] + bytes(2048),
            archive(entry("s", data=b"x" * 1024, pax_headers={
                "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**62),
                "GNU.sparse.name": "s"})),
            archive(entry("s", data=b"9\n9\n9\n", pax_headers={
                "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "10"})),
            archive(entry("s", data=b"x", pax_headers={"size": "-5"})),
            archive(entry("s", data=b"x", pax_headers={"SCHILY.xattr." + "a" * 70_000: "v" * 200_000})),
            archive(entry("s", data=b"x", pax_headers={"path": "/" * 100_000})),
        )
        for stream in wrong:
            reason, session = rig.feed("tar", stream, (), {"FILESYSTEM": rig.target}, seconds=20)
            expect(reason in (SUCCESSFUL, INTERNAL_ERROR), reason)
            expect(session.said(), "without a word")


with temporary_folder("capstan-bad-files-") as place:
    tree, goal = os.path.join(place, "tree"), os.path.join(place, "target")
    changing = os.path.join(place, "changing")
    os.mkdir(goal), os.mkdir(changing)
    fill(tree, random.Random(1))
    with Daemon(arguments=["--export", tree, "--export", goal, "--export", changing]) as server:
        bed = Rig(steps, server, tree, goal)
        for part in (changed_in_the_middle, churn, hostile_tar, hostile_dump, damaged):
            try:
                part(bed, place if part not in (changed_in_the_middle, churn) else changing)
            except Exception as error:
                with steps.step(part.__name__):
                    raise error
    for part in (unreadable, full_target):
        try:
            part(place)
        except Exception as error:
            with steps.step(part.__name__):
                raise error
steps.finish()
