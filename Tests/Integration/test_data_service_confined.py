# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Nothing outside the exports can be read or written: not by names, not by links, not by what a stream says.

Beside the exports stands a folder with a secret. After every attempt it must be exactly as it was, and the secret must
be nowhere in a stream.
"""

import io
import os
import tarfile

import ndmp_client as ndmp
import ndmp_job
from harness import Daemon, Steps, expect, temporary_folder
from ndmp_client import LOCAL, NO_ERR
from ndmp_job import Job, Medium, log_in, read_stream, well, write_stream
from tree_maker import Maker, empty, entries, tool

SECRET = b"the secret that stands beside the exports"
steps = Steps("data_service_confined")


class Place:
    """Exports `open` (writable) and `closed` (read only), a folder `openly` beside them and the secret's folder."""

    def __init__(self, folder):
        self.folder = folder
        make = Maker(folder, 5)
        make.file("open/a/file", b"in the export\n")
        make.file("closed/file", b"in the read-only export\n")
        make.file("openly/file", SECRET)
        make.file("outside/secret", SECRET)
        make.symlink(f"{folder}/outside", "open/absolute")
        make.symlink("../outside", "open/relative")
        make.symlink("../../outside/secret", "open/a/to-secret")
        make.symlink("a", "open/inside")
        self.open, self.closed = f"{folder}/open", f"{folder}/closed"
        self.before = self.outside()

    def outside(self):
        """Everything that no job may touch."""
        found = {}
        for name in ("outside", "openly", "closed"):
            for path, status in entries(f"{self.folder}/{name}").items():
                found[name, path] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino, status.st_nlink)
        found["beside"] = sorted(os.listdir(self.folder))
        return found

    def untouched(self):
        now = self.outside()
        changed = [key for key in now.keys() | self.before.keys() if now.get(key) != self.before.get(key)]
        expect(not changed, "something outside changed:", changed[:5])


def refused_backups(daemon, place):
    """A start is refused, with words in the log that name the path."""
    roots = {
        "/etc": "a folder that is not exported",
        "/": "the root",
        "": "the empty path",
        place.folder: "the folder above the exports",
        f"{place.open}/../outside": "'..' out of the export",
        f"{place.open}/absolute": "an absolute symbolic link to outside",
        f"{place.open}/relative": "a relative symbolic link to outside",
        f"{place.open}ly": "a folder whose name begins like an export",
        f"{place.open}/a/../../openly": "'..' behind a folder",
        "open": "a relative path",
        f"{place.open}/no/such": "a folder that does not exist",
        "/proc/self/cwd": "a magic link of /proc",
    }
    for kind in ("tar", "dump"):
        for root, what in roots.items():
            with steps.step(f"FILESYSTEM is {what}: refused, {kind}"), log_in(daemon) as client:
                daemon.run("load", "1", "0")
                try:
                    well("TAPE_OPEN", client.tape_open(daemon.tapes[0]))
                    well("SET_RECORD_SIZE", client.mover_record_size(10_240))
                    well("SET_WINDOW", client.mover_window())
                    well("MOVER_LISTEN", client.mover_listen(ndmp.TO_TAPE, LOCAL))
                    well("DATA_CONNECT", client.data_connect(LOCAL))
                    reply = client.start_backup(kind, {"FILESYSTEM": root, "HIST": "n"})
                    if reply.error == NO_ERR:
                        while not any(event[0] == "data halted" for event in client.events):
                            client.receive()
                        halted = [event for event in client.events if event[0] == "data halted"]
                        expect(halted[0][1] == ndmp_job.INTERNAL_ERROR, halted)
                        expect(client.data_state().processed == 0, client.data_state())
                    expect(client.said(), f"refused with {reply} and not a word")
                finally:
                    client.drop()
                    daemon.run("unload", "0")
                place.untouched()


def links_are_not_followed(daemon, place):
    for kind in ("tar", "dump"):
        with steps.step(f"symbolic links to outside are stored, not followed, {kind}"):
            with Job(daemon, daemon, [Medium("slot:1")]) as job:
                job.backup(kind, {"FILESYSTEM": place.open, "HIST": "n", "UPDATE": "n"}).succeeded()
            expect(SECRET not in read_stream(daemon, job.media), "the secret is in the stream")
            target = f"{place.open}/back-{kind}"
            with Job(daemon, daemon, job.media) as again:
                again.recover(kind, job.result, [(b"", target.encode())]).succeeded()
            expect(os.readlink(f"{target}/absolute") == f"{place.folder}/outside")
            expect(os.readlink(f"{target}/a/to-secret") == "../../outside/secret")
            place.untouched()
            tool("rm", "-r", target)
    for what, files in (("'..'", "../outside/secret"), ("a link", "absolute/secret"), ("an absolute path", "/etc/passwd")):
        with steps.step(f"FILES with {what} reaches nothing outside"):
            with Job(daemon, daemon, [Medium("slot:1")]) as job:
                try:
                    job.backup("tar", {"FILESYSTEM": place.open, "HIST": "n", "UPDATE": "n", "FILES": files})
                except Exception as refusal:  # refused at the start is right as well
                    expect("START_BACKUP" in str(refusal), refusal)
                    job.tape.drop()
                    daemon.run("unload", "0")
                    continue
            expect(SECRET not in read_stream(daemon, job.media), "the secret is in the stream")


def attempt(daemon, kind, media, environment, names):
    """A recovery that may be refused at once, or may end in any way: it only must do nothing outside."""
    job = Job(daemon, daemon, media)
    try:
        job.recover(kind, environment, names)
        return job.data.recovered, job.data.said(), job.halts
    except Exception as refusal:
        expect("DATA_START_RECOVER" in str(refusal), refusal)
        return None, job.data.said() or str(refusal), {}
    finally:
        job.tape.drop()
        if daemon.places()["drive:0"]:
            daemon.run("unload", "0")


def refused_recoveries(daemon, place):
    for kind in ("tar", "dump"):
        with Job(daemon, daemon, [Medium("slot:1")]) as job:
            job.backup(kind, {"FILESYSTEM": place.open, "HIST": "n", "UPDATE": "n"}).succeeded()
        targets = {
            f"{place.folder}/outside/new": "a folder that is not exported",
            f"{place.open}/../outside/new": "'..' out of the export",
            f"{place.open}/absolute/new": "a path through a symbolic link to outside",
            f"{place.open}/relative/new": "a path through a relative link to outside",
            f"{place.closed}/new": "a read-only export",
            f"{place.open}/x/../../outside/new": "'..' behind a folder that does not exist",
            "/tmp/capstan-escaped": "a folder of the machine",
        }
        for target, what in targets.items():
            with steps.step(f"recovering to {what}: refused, {kind}"):
                recovered, said, _ = attempt(daemon, kind, job.media, job.result, [(b"/a/file", target.encode())])
                expect(not recovered or recovered != {b"/a/file": 0}, f"it was recovered: {recovered}")
                expect(said, "not a word")
                place.untouched()
                expect(not os.path.exists("/tmp/capstan-escaped"), "it escaped")
        with steps.step(f"a relative destination counts from the backup's root, {kind}"):
            recovered, _, _ = attempt(daemon, kind, job.media, job.result, [(b"/a/file", b"relative-new")])
            place.untouched()
            if recovered == {b"/a/file": 0}:
                os.remove(f"{place.open}/relative-new")
        with steps.step(f"a file over a symbolic link replaces the link and not what it points to, {kind}"):
            recovered, _, _ = attempt(
                daemon, kind, job.media, job.result, [(b"/a/file", f"{place.open}/a/to-secret".encode())])
            expect(recovered is not None, "refused")
            place.untouched()
            os.remove(f"{place.open}/a/to-secret")
            os.symlink("../../outside/secret", f"{place.open}/a/to-secret")
        with steps.step(f"'..' in the name that is looked for finds nothing, {kind}"):
            recovered, _, _ = attempt(
                daemon, kind, job.media, job.result, [(b"/../outside/secret", f"{place.open}/got".encode())])
            expect(not recovered or recovered != {b"/../outside/secret": 0}, recovered)
            expect(not os.path.exists(f"{place.open}/got"), "it was found")
            place.untouched()


def member(name, kind=tarfile.REGTYPE, link="", data=b"", mode=0o644):
    item = tarfile.TarInfo(name)
    item.type, item.linkname, item.size, item.mode = kind, link, len(data), mode
    return item, data


def hostile_tar(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for item, data in members:
            archive.addfile(item, io.BytesIO(data))
    return stream.getvalue()


def hostile_streams(daemon, place):
    target = f"{place.open}/hostile"
    evil = b"this must not get out\n"
    streams = {
        "names with '..'": [member("./../outside/new", data=evil), member("x/../../../outside/secret", data=evil)],
        "absolute names": [member(f"{place.folder}/outside/secret", data=evil), member("//outside/new", data=evil)],
        "a link and a file behind it": [
            member("door", tarfile.SYMTYPE, f"{place.folder}/outside"), member("door/secret", data=evil)],
        "a relative link and a folder over it": [
            member("door", tarfile.SYMTYPE, "../../outside"), member("door", tarfile.DIRTYPE, mode=0o777),
            member("door/new", data=evil)],
        "a link instead of the file": [
            member("file", tarfile.SYMTYPE, f"{place.folder}/outside/secret"), member("file", data=evil)],
        "hard links to outside": [
            member("hard", tarfile.LNKTYPE, f"{place.folder}/outside/secret"), member("hard", data=evil),
            member("hard2", tarfile.LNKTYPE, "../../outside/secret"), member("hard2", data=evil)],
        "a hard link through a link": [
            member("door", tarfile.SYMTYPE, f"{place.folder}/outside"), member("h", tarfile.LNKTYPE, "door/secret"),
            member("h", data=evil)],
        "a link whose mode and times are set": [
            member("m", tarfile.SYMTYPE, f"{place.folder}/outside/secret", mode=0o777)],
    }
    for what, members in streams.items():
        with steps.step(f"a hostile tar stream with {what}"):
            empty(target)
            medium = Medium("slot:2")
            write_stream(daemon, medium, hostile_tar([member("good", data=b"good\n"), *members]))
            _, said, halts = attempt(daemon, "tar", [medium], {"FILESYSTEM": target}, [(b"", target.encode())])
            place.untouched()
            expect(os.path.exists(f"{target}/good"), "the good file is not there either:", said, halts)
    with steps.step("a hostile dump stream with '..' and '/' in its names"):
        # The names of directory entries stand in the stream as they are, under no checksum.
        source = f"{place.open}/victim"
        for name, patched in ((b"PARENTX", b"../outX"), (b"SLASHES", b"/etc/XX"), (b"DOTDOTS", b"..\0\0\0\0\0")):
            empty(source)
            with open(os.path.join(os.fsencode(source), name), "wb") as file:
                file.write(evil)
            with Job(daemon, daemon, [Medium("slot:3")]) as job:
                job.backup("dump", {"FILESYSTEM": source, "HIST": "n", "UPDATE": "n"}).succeeded()
            stream = read_stream(daemon, job.media)
            expect(stream.count(name) == 1, f"{name} stands {stream.count(name)} times in the stream")
            write_stream(daemon, job.media[0], stream.replace(name, patched))
            empty(target)
            attempt(daemon, "dump", job.media, job.result, [(b"", target.encode())])
            place.untouched()
            inside = [path for path in entries(place.open) if path.startswith(b"out") or path.endswith(b"outX")]
            expect(not inside, inside)
        tool("rm", "-r", source)


with temporary_folder() as work:
    here = Place(os.path.realpath(work))
    with Daemon(arguments=["--export", here.open, "--export", f"{here.closed}:ro"]) as capstan:
        refused_backups(capstan, here)
        links_are_not_followed(capstan, here)
        refused_recoveries(capstan, here)
        hostile_streams(capstan, here)
        with steps.step("the daemon is well"):
            expect(capstan.json("status")["pid"] == capstan.pid)
    with steps.step("without an export nothing can be backed up, and the log says how to export"):
        with Daemon() as lonely, log_in(lonely) as session:
            lonely.run("load", "1", "0")
            well("TAPE_OPEN", session.tape_open(lonely.tapes[0]))
            well("SET_RECORD_SIZE", session.mover_record_size(10_240))
            well("SET_WINDOW", session.mover_window())
            well("MOVER_LISTEN", session.mover_listen(ndmp.TO_TAPE, LOCAL))
            well("DATA_CONNECT", session.data_connect(LOCAL))
            answer = session.start_backup("tar", {"FILESYSTEM": here.open})
            expect(answer.error == ndmp.ILLEGAL_ARGS, answer)
            expect("--export" in session.said(), session.said())
            expect({item["name"] for item in session.butypes().types} == {"tar", "dump"}, session.butypes())
            expect(session.file_systems().systems == [], session.file_systems())
steps.finish()
