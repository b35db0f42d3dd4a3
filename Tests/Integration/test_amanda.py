# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""A real backup: Debian's Amanda labels five small cartridges through the robot, dumps a tree across at least four of
them with tape changes on the way, checks the dump, and restores it; the restored tree must be the same.

Needs root: Amanda runs as its own user, with its configuration under /etc/amanda. Both are made for this run and taken
away after it.
"""

import os
import pwd
import re
import shutil
import subprocess

from harness import Daemon, Steps, expect, temporary_folder

NAME = f"capstan{os.getpid()}"
CONFIGURATION = f"/etc/amanda/{NAME}"
TREE_BYTES = 251_000_000
TAPES = 5
steps = Steps("amanda")

TEXT = """
org "{name}"
mailto ""
dumpuser "backup"
infofile "{state}/info"
logdir "{state}/log"
indexdir "{state}/index"
tapedev "robot"
define changer robot {{
  tpchanger "chg-ndmp:127.0.0.1:{port}@{changer}"
{devices}
  property "ndmp-username" "ndmp"
  property "ndmp-password" "{password}"
  property "ndmp-auth" "md5"
{slots}
  property "eject-before-unload" "no"
  property "load-poll" "0s poll 1s until 5s"
  changerfile "{state}/changer"
}}
runtapes {tapes}
tapetype SMALL
define tapetype SMALL {{
  length 64 mbytes
  filemark 1 kbytes
  blocksize 256 kbytes
  part_size 20 mbytes
}}
tapecycle {tapes}
dumpcycle 0
labelstr "^CAP-[0-9][0-9]$"
holdingdisk hold {{
  directory "{state}/hold"
  use 2 gb
}}
define dumptype plain {{
  auth "local"
  program "GNUTAR"
  compress none
  index yes
  estimate client
  holdingdisk required
}}
"""


def as_backup(*words, seconds=900, cwd=None):
    """Runs as Amanda's user; its output with its errors, and the exit code."""
    done = subprocess.run(
        ["runuser", "-u", "backup", "--", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds, cwd=cwd or "/", check=False,
        env={**os.environ, "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    return done.stdout, done.returncode


def amanda(*words, **options):
    text, status = as_backup(*words, **options)
    expect(status == 0, f"{' '.join(words)} ended with {status}:\n{text[-4000:]}")
    return text


def owned_folder(path):
    os.makedirs(path, mode=0o700, exist_ok=True)
    user = pwd.getpwnam("backup")
    os.chown(path, user.pw_uid, user.pw_gid)


def write_configuration(state, daemon, password="ndmp", slots=None, source=None):
    devices = "\n".join(
        f'  property {"append " if index else ""}"tape-device" "{index}=ndmp:127.0.0.1:{daemon.port}@{name}"'
        for index, name in enumerate(daemon.tapes[:2])
    )
    chosen = "".join(
        f'  property {"append " if index else ""}"use-slots" "{slot}"\n' for index, slot in enumerate(slots or [])
    )
    text = TEXT.format(
        name=NAME, state=state, port=daemon.port, changer=daemon.changer, devices=devices, password=password,
        tapes=TAPES, slots=chosen,
    )
    owned_folder(CONFIGURATION)
    for name, content in (("amanda.conf", text), ("disklist", f"localhost {source or '/nonexistent'} plain\n")):
        path = os.path.join(CONFIGURATION, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        user = pwd.getpwnam("backup")
        os.chown(path, user.pw_uid, user.pw_gid)


def make_tree(folder):
    """At least TREE_BYTES of what every Debian machine has, the same files in the same order, and some odd names."""
    total, count = 0, 0
    for top in ("/usr/share/perl", "/usr/lib/python3", "/usr/include", "/usr/share/doc", "/usr/share", "/usr/lib"):
        for directory, names, files in os.walk(top):
            names.sort()
            for name in sorted(files):
                path = os.path.join(directory, name)
                if not os.path.islink(path) and (not os.path.isfile(path) or os.path.getsize(path) > 30_000_000):
                    continue
                target = os.path.join(folder, path[1:])
                if os.path.lexists(target):
                    continue
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(path, target, follow_symlinks=False)
                total += os.lstat(target).st_size
                count += 1
                if total >= TREE_BYTES:
                    break
            if total >= TREE_BYTES:
                break
        if total >= TREE_BYTES:
            break
    for name in ("with space", "ünï-çødé", "quote'\"s", "new\nline", "x" * 250):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(name)
    os.makedirs(os.path.join(folder, "empty"))
    open(os.path.join(folder, "nothing"), "w", encoding="ascii").close()
    os.link(os.path.join(folder, "with space"), os.path.join(folder, "hard link"))
    os.symlink("no/such/place", os.path.join(folder, "dangling"))
    return total, count


def robot_slots(text):
    """{barcode: Amanda's slot} from `amtape inventory`."""
    return {barcode: int(slot) for slot, barcode in re.findall(r"^slot +(\d+):.*barcode (\w+)", text, re.MULTILINE)}


def backup(work):
    state, source = os.path.join(work, "state"), os.path.join(work, "tree")
    os.chmod(work, 0o755)
    for name in ("", "/info", "/log", "/index", "/hold"):
        owned_folder(state + name)
    os.mkdir(source)
    barcodes = [f"AMA{index:03}L8" for index in range(1, TAPES + 1)]
    with Daemon(store=os.path.join(work, "store")) as daemon:
        for barcode in barcodes:
            daemon.create(barcode, "64MiB")
        with steps.step("a wrong password is refused, in Amanda's words"):
            write_configuration(state, daemon, password="wrong")
            text, _ = as_backup("amtape", NAME, "inventory")
            expect("AMA001L8" not in text, text)
            expect(re.search("auth|NOT_AUTHORIZED", text, re.IGNORECASE), text)
        slots = {}
        with steps.step("amtape inventory shows the robot's slots with their barcodes"):
            write_configuration(state, daemon)
            text = amanda("amtape", NAME, "inventory")
            slots = robot_slots(text)
            expect(all(barcode in slots for barcode in barcodes), text)
        write_configuration(state, daemon, slots=[slots[barcode] for barcode in barcodes], source=source)
        for index, barcode in enumerate(barcodes):
            with steps.step(f"amlabel CAP-{index + 1:02} on {barcode}"):
                amanda("amlabel", NAME, f"CAP-{index + 1:02}", "slot", str(slots[barcode]))
        with steps.step("amcheck finds tapes and server in order"):
            amanda("amcheck", "-s", NAME)
        size, count = make_tree(source)
        print(f"# the tree: {count} files, {size} bytes")
        with steps.step("amdump spans at least four cartridges"):
            expect(size >= 250_000_000, f"only {size} bytes of test data")
            text, status = as_backup("amdump", NAME)
            log = "".join(
                open(os.path.join(state, "log", name), errors="replace", encoding="utf-8").read()
                for name in sorted(os.listdir(os.path.join(state, "log"))) if name.startswith("log."))
            expect(status == 0, f"amdump ended with {status}: {text[-1000:]}\n{log[-4000:]}")
            used = set(re.findall(r"START taper datestamp .* label (CAP-\d\d) ", log))
            expect(len(used) >= 4, f"used {sorted(used)}:\n{log[-4000:]}")
            expect("FAIL" not in log, log[-4000:])
            print(f"# used {sorted(used)}")
        with steps.step("amcheckdump reads every part and finds it good"):
            text = amanda("amcheckdump", NAME)
            expect("All images successfully validated" in text or "validated" in text.lower(), text[-3000:])
        restored = os.path.join(work, "restored")
        with steps.step("amfetchdump brings it back, and diff finds no difference"):
            out = os.path.join(state, "fetched")
            owned_folder(out)
            amanda("amfetchdump", "-a", "-d", "robot", NAME, "localhost", cwd=out)
            images = os.listdir(out)
            expect(len(images) == 1, images)
            os.mkdir(restored)
            subprocess.run(["tar", "-xpf", os.path.join(out, images[0]), "-C", restored], check=True)
            done = subprocess.run(
                ["diff", "-r", "--no-dereference", source, restored], capture_output=True, text=True, errors="replace",
                check=False)
            expect(done.returncode == 0 and not done.stdout, done.stdout[:3000] + done.stderr[:1000])
            again = subprocess.run(["tar", "-df", os.path.join(out, images[0]), "-C", source], capture_output=True,
                                   text=True, errors="replace", check=False)
            expect(again.returncode == 0, again.stdout[:2000] + again.stderr[:1000])
        with steps.step("every cartridge is whole"):
            for place, barcode in daemon.places().items():
                if barcode and place.startswith("drive:"):
                    daemon.run("unload", place.split(":")[1])
            for barcode in barcodes:
                daemon.run("cartridge", "verify", barcode)


if os.geteuid() != 0:
    steps.skip("everything", "Amanda's own user and /etc/amanda need root")
    steps.finish()
if not shutil.which("amdump") and not os.access("/usr/sbin/amdump", os.X_OK):
    steps.skip("everything", "amanda-server is not installed")
    steps.finish()
try:
    with temporary_folder("capstan-amanda-") as folder:
        backup(folder)
finally:
    shutil.rmtree(CONFIGURATION, ignore_errors=True)
steps.finish()
