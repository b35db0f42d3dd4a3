# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""The first minutes with Capstan: Scripts/run, the commands that README shows, and what goes wrong then."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess

from harness import (
    PROGRAM, REPOSITORY, Daemon, Failure, Steps, command, expect, refused, temporary_folder, wait_until,
)
from mount_rig import MountedDaemon, said
from ndmp_session import ConnectionLost, NDMPError, Session

steps = Steps("newcomer")


def scripts_run():
    """Scripts/run starts `capstan serve` in the folder one stands in and says what to try."""
    with temporary_folder() as folder:
        ready_file = os.path.join(folder, "ready.json")
        line = [str(REPOSITORY / "Scripts/run"), "--ndmp", "127.0.0.1:0", "--ready-file", ready_file]
        out, err = os.path.join(folder, "out"), os.path.join(folder, "err")
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            started = subprocess.Popen(
                line, cwd=folder, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                env={**os.environ, "CAPSTAN_PROGRAM": PROGRAM},
            )
        try:
            def is_up():
                expect(started.poll() is None, "Scripts/run ended:", open(err, encoding="utf-8").read()[-1500:])
                return os.path.exists(ready_file)
            with steps.step("Scripts/run makes the default library in ./capstan-data and becomes ready"):
                wait_until(is_up, "the ready file", 60)
                ready = json.load(open(ready_file, encoding="utf-8"))
                library = ready["library"]
                expect(library["drives"] == 4 and library["slots"] == 24 and library["mailSlots"] == 2, library)
                expect(os.path.isdir(os.path.join(folder, "capstan-data")), "no ./capstan-data")
                expect(ready["ndmp"]["user"] == "ndmp" and ready["ndmp"]["password"] == "ndmp", ready["ndmp"])
                expect(ready["ndmp"]["tapes"] == ["nst0", "nst1", "nst2", "nst3"], ready["ndmp"])
                expect(ready["ndmp"]["changers"] == ["sg0"], ready["ndmp"])
                expect(ready["pid"] == started.pid and ready["version"], ready)
            with steps.step("READY stands on standard output, alone"):
                wait_until(lambda: open(out, encoding="utf-8").read() == "READY\n", "READY", 5)
            with steps.step("it says what to try next"):
                said = open(err, encoding="utf-8").read()
                for word in ("capstan status", "capstan load 1 0", "capstan unload 0", "ndmjob"):
                    expect(word in said, f"{word!r} is not in {said!r}")
            with steps.step("status, load 1 0 and unload 0 work in that folder without any option"):
                here = {"cwd": folder}
                text = command("status", **here).stdout
                expect("CAP" in text or "16" in text, text)
                command("load", "1", "0", **here)
                drives = json.loads(command("status", "--json", **here).stdout)["drives"]
                expect(drives[0]["cartridge"]["barcode"] == "CAP001L8", drives[0])
                command("unload", "0", **here)
                drives = json.loads(command("status", "--json", **here).stdout)["drives"]
                expect(drives[0].get("cartridge") is None, drives[0])
            with steps.step("Ctrl-C ends it with exit code 0"):
                started.send_signal(signal.SIGINT)
                expect(started.wait(30) == 0, f"ended with {started.returncode}")
        finally:
            if started.poll() is None:
                started.kill()
                started.wait()


def serve_refused(*words):
    """`capstan serve` that is expected to end by itself."""
    return subprocess.run(
        [PROGRAM, "serve", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)


def commands():
    """Each command in words and as JSON."""
    with Daemon() as daemon:
        with steps.step("status in words names drives, slots and the NDMP address"):
            text = daemon.run("status").stdout
            for word in ("nst0", "nst3", str(daemon.port)):
                expect(word in text, f"{word!r} is not in:\n{text}")
        with steps.step("status --json has the documented keys"):
            status = daemon.json("status")
            expect(status["pid"] == daemon.pid, status["pid"])
            expect(len(status["drives"]) == 4, len(status["drives"]))
            expect(status["slots"]["total"] == 24 and status["slots"]["used"] == 16, status["slots"])
            expect(status["doors"]["ndmp"]["port"] == daemon.port, status["doors"])
        with steps.step("inventory shows 16 cartridges in slots 1 to 16"):
            places = daemon.places()
            for slot in range(1, 25):
                wanted = f"CAP{slot:03}L8" if slot <= 16 else None
                expect(places[f"slot:{slot}"] == wanted, slot, places[f"slot:{slot}"])
            expect("CAP016L8" in daemon.run("inventory").stdout)
        with steps.step("a load by barcode, and unload to another slot"):
            daemon.run("load", "CAP002L8", "1")
            expect(daemon.place_of("CAP002L8") == "drive:1", daemon.place_of("CAP002L8"))
            daemon.run("unload", "1", "20")
            expect(daemon.place_of("CAP002L8") == "slot:20", daemon.place_of("CAP002L8"))
        with steps.step("a small cartridge is created, imported, loaded, seen with its size, exported"):
            daemon.run("cartridge", "create", "TINY01L8", "--capacity", "64MiB")
            if daemon.place_of("TINY01L8") == "shelf":
                daemon.run("import", "TINY01L8", "--to", "slot:22")
            place = daemon.place_of("TINY01L8")
            shown = daemon.json("cartridge", "show", "TINY01L8")
            expect(shown["summary"]["capacityBytes"] == 64 << 20, shown["summary"])
            daemon.run("load", "TINY01L8", "0")
            daemon.run("unload", "0")
            expect(daemon.place_of("TINY01L8") == place, daemon.place_of("TINY01L8"), "and not", place)
            daemon.run("export", "TINY01L8")
            expect(daemon.place_of("TINY01L8") == "shelf", daemon.place_of("TINY01L8"))
        with steps.step("import puts it back, a move takes it to a mail slot and home"):
            daemon.run("import", "TINY01L8", "--to", "slot:23")
            daemon.run("move", "slot:23", "mail:1")
            expect(daemon.place_of("TINY01L8") == "mail:1", daemon.place_of("TINY01L8"))
            daemon.run("move", "mail:1", "slot:23")
            expect(daemon.place_of("TINY01L8") == "slot:23", daemon.place_of("TINY01L8"))
        with steps.step("cartridge list, label, verify, delete"):
            names = json.dumps(daemon.json("cartridge", "list"))
            expect("TINY01L8" in names and "CAP001L8" in names, names[:300])
            daemon.run("cartridge", "verify", "TINY01L8")
            verified = daemon.run("cartridge", "verify", "TINY01L8", "--json").stdout
            expect('"problems"' in verified, verified)
            daemon.run("export", "TINY01L8")
            daemon.run("cartridge", "delete", "TINY01L8")
            expect(daemon.place_of("TINY01L8") is None, daemon.place_of("TINY01L8"))
        with steps.step("a cartridge goes into a SIMH image and another is made from it"), temporary_folder() as folder:
            image = os.path.join(folder, "image.tap")
            daemon.run("load", "8", "3")
            with Session(daemon.port) as session:
                session.tape_open(daemon.tapes[3])
                for record in (b"first", b"second record", bytes(70_001)):
                    session.write(record)
                session.write_filemarks()
                session.tape_close()
            daemon.run("unload", "3")
            daemon.run("cartridge", "export", "CAP008L8", image)
            with open(image, "rb") as file:
                # SIMH: length, the record padded to even, length again, all little-endian; a filemark is a zero word.
                expect(file.read(18) == b"\5\0\0\0first\0\5\0\0\0\x0d\0\0\0", "not a SIMH image")
            refused("cartridge", "export", "CAP008L8", image, socket=daemon.socket)
            daemon.run("cartridge", "import", "CAP009L8", image)
            daemon.run("load", "9", "3")
            with Session(daemon.port) as session:
                session.tape_open(daemon.tapes[3], 0)
                got = [session.read() for _ in range(4)]
                expect(got == [b"first", b"second record", bytes(70_001), None], [len(part or b"") for part in got])
                session.tape_close()
            daemon.run("unload", "3")
        with steps.step("what makes no sense is refused in words"):
            refused("load", "99", "0", socket=daemon.socket)
            refused("load", "1", "9", socket=daemon.socket)
            refused("load", "17", "0", socket=daemon.socket)
            refused("unload", "0", socket=daemon.socket)
            refused("move", "slot:1", "slot:3", socket=daemon.socket)
            refused("cartridge", "show", "NOSUCHL8", socket=daemon.socket)
            refused("cartridge", "verify", "NOSUCHL8", socket=daemon.socket)
            refused("nosuchcommand")
        with steps.step("bad barcodes are refused and leave nothing behind"):
            before = sorted(os.listdir(os.path.join(daemon.store, "cartridges")))
            for bad in ("../../etc/x", "A/B001L8", "X" * 200, "", "lower1L8 ", "A\tB001L8", ".", "Ä00001L8"):
                refused("cartridge", "create", bad, socket=daemon.socket)
            expect(sorted(os.listdir(os.path.join(daemon.store, "cartridges"))) == before, "something was left")
        with steps.step("every command has help"):
            for words in ([], ["serve"], ["status"], ["inventory"], ["move"], ["load"], ["unload"], ["import"],
                          ["export"], ["cartridge"], ["cartridge", "create"], ["cartridge", "verify"]):
                expect("USAGE" in command(*words, "--help").stdout, words)
        with steps.step("the store in use is refused, naming who holds it"):
            done = serve_refused("--ndmp", "127.0.0.1:0", "--store", daemon.store)
            expect(done.returncode > 0, done.returncode, done.stderr)
            expect(str(daemon.pid) in done.stderr, done.stderr)
            expect(daemon.json("status")["pid"] == daemon.pid, "the first daemon suffered")
        with steps.step("the port in use is refused, naming it"):
            with temporary_folder() as folder:
                done = serve_refused("--ndmp", f"127.0.0.1:{daemon.port}", "--store", folder + "/store")
                expect(done.returncode > 0, done.returncode, done.stderr)
                expect(str(daemon.port) in done.stderr, done.stderr)
        with steps.step("no daemon: a clear word and exit code 3"):
            done = command("status", socket="/nonexistent/capstan.sock", succeeds=False)
            expect(done.returncode == 3 and done.stderr.strip(), done.returncode, done.stderr)


def endings():
    with steps.step("--ephemeral leaves nothing; --exit-with-stdin ends with standard input"):
        with temporary_folder() as folder:
            ready_file = os.path.join(folder, "ready.json")
            process = subprocess.Popen(
                [PROGRAM, "serve", "--ephemeral", "--exit-with-stdin", "--ndmp", "127.0.0.1:0", "--ready-file",
                 ready_file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            try:
                expect(process.stdout.readline() == b"READY\n", "no READY")
                store = json.load(open(ready_file, encoding="utf-8"))["store"]
                expect(os.path.isdir(store), store)
                process.stdin.close()
                expect(process.wait(30) == 0, process.returncode)
                expect(not os.path.exists(store), f"{store} is still there")
            finally:
                if process.poll() is None:
                    process.kill()
                process.stdout.close()
    with steps.step("binding elsewhere than loopback with the default password is refused"):
        with temporary_folder() as folder:
            done = serve_refused("--ndmp", "0.0.0.0:0", "--store", folder + "/store")
            expect(done.returncode > 0 and "password" in done.stderr, done.returncode, done.stderr)
    with steps.step("what was loaded and written is there after a restart"):
        with temporary_folder() as folder:
            with Daemon(store=folder + "/store") as daemon:
                daemon.run("load", "3", "2")
                with Session(daemon.port) as session:
                    session.tape_open(daemon.tapes[2])
                    session.write(b"before the restart")
                    session.write_filemarks()
                    session.tape_close()
            with Daemon(store=folder + "/store") as daemon:
                expect(daemon.place_of("CAP003L8") == "drive:2", daemon.place_of("CAP003L8"))
                with Session(daemon.port) as session:
                    session.tape_open(daemon.tapes[2])
                    session.rewind()
                    expect(session.read() == b"before the restart")
    with steps.step("a foreign folder where a cartridge should be does not stop the daemon"):
        with temporary_folder() as folder:
            with Daemon(store=folder + "/store") as daemon:
                store = daemon.store
            victim = os.path.join(store, "cartridges", "CAP004L8")
            for name in os.listdir(victim):
                path = os.path.join(victim, name)
                if os.path.isfile(path):
                    with open(path, "r+b") as file:
                        file.write(os.urandom(64))
            os.mkdir(os.path.join(store, "cartridges", "FOREIGN1"))
            with open(os.path.join(store, "cartridges", "FOREIGN1", "notes.txt"), "w", encoding="utf-8") as file:
                file.write("nothing of Capstan's")
            with Daemon(store=store) as daemon:
                daemon.run("status")
                refused("cartridge", "verify", "CAP004L8", socket=daemon.socket)
                daemon.run("load", "5", "0")


def fill(daemon, device, record):
    """Writes until the drive refuses; how many records it took and the error."""
    with Session(daemon.port) as session:
        session.tape_open(device)
        session.rewind()
        count, warned = 0, False
        while count < 100_000:
            error = session.write(record, errors=(7, 13))
            if not error:
                count += 1
            elif error == 13 and not warned:  # early warning is told once, and writing goes on
                warned = True
            else:
                return count, error
    raise Failure("no end")


def full_disk(folder, arguments):
    """A daemon whose disk is nearly full: an error, the rest of the daemon unharmed, what was written readable."""
    with Daemon(store=folder + "/store", **arguments) as daemon:
        daemon.run("load", "1", "0")
        record = bytes(range(256)) * 256
        count, code = fill(daemon, daemon.tapes[0], record)
        expect(code in (7, 13), f"TAPE_WRITE on a full disk answered error {code}")
        expect(daemon.json("status")["pid"] == daemon.pid)
        with Session(daemon.port) as session:
            session.tape_open(daemon.tapes[0], 0)
            session.rewind()
            for index in range(count):
                expect(session.read() == record, f"record {index} of {count} is wrong")
        expect(count > 4, f"only {count} records")
        return count


def disk_full():
    if os.geteuid() == 0 and shutil.which("mount"):
        with temporary_folder() as folder:
            mounted = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=24m", "capstan-test", folder], capture_output=True, check=False)
            if mounted.returncode == 0:
                try:
                    with steps.step("a full disk: an error on the wire, everything written so far still readable"):
                        full_disk(folder, {})
                finally:
                    wait_until(
                        lambda: subprocess.run(["umount", folder], capture_output=True, check=False).returncode == 0,
                        "umount", 20)
                return
    # Without root: files of this daemon may not grow beyond a limit (EFBIG instead of ENOSPC).
    limit = 24 << 20
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
    try:
        with steps.step("files that may not grow: an error on the wire, everything written so far still readable"):
            with temporary_folder() as folder:
                full_disk(folder, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def ports():
    with steps.step("another program's port is a clear error at once"):
        with socket.socket() as other, temporary_folder() as folder:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            try:
                Daemon(store=folder + "/store", ndmp=f"127.0.0.1:{port}").kill()
            except Failure as failure:
                expect(str(port) in str(failure), failure)
            else:
                raise Failure("it started on a port that is taken")
    with steps.step("a wrong password is refused"):
        with Daemon() as daemon:
            try:
                Session(daemon.port, password="wrong")
            except NDMPError as error:
                expect(error.code == 4, error)
            except ConnectionLost:
                raise Failure("the connection was cut without an answer")
            else:
                raise Failure("a wrong password was accepted")


def as_files():
    """What README shows of the mounted library, in its words."""
    with temporary_folder() as folder, MountedDaemon(at=os.path.join(folder, "tape"), cwd=folder):
        def shell(line):
            return said("sh", "-c", line, cwd=folder)
        with steps.step("README: mv loads, tar writes, mt tells, mtx unloads"):
            os.mkdir(os.path.join(folder, "files"))
            shell("head -c 20M /dev/urandom >files/part1 && cp /etc/services files")
            shell("mv tape/slots/5/CAP005L8 tape/drives/0/ && tar -cf tape/drives/0/nst files/services files/part1")
            text = shell("mt -f tape/drives/0/nst status")
            expect(" EOF ONLINE IM_REP_EN" in text and "File number=1, block number=0" in text, text)
            shell("mtx -f tape/changer/sg unload 5 0")
        with steps.step("README: what tar wrote is seen in the slot, equal"):
            text = shell("ls tape/slots/5/CAP005L8/files/0001/contents/files")
            expect(text.split() == ["part1", "services"], text)
            shell("cmp files/services tape/slots/5/CAP005L8/files/0001/contents/files/services")


scripts_run()
commands()
as_files()
endings()
disk_full()
ports()
steps.finish()
