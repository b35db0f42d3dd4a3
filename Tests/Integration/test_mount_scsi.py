# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""The sg files of a mounted library: mtx, sg3_utils and stenc unmodified, calls that no packaged tool makes
(`sg_caller.c`), and callers and daemons that are not root or live in another process namespace."""

import contextlib
import errno
import grp
import os
import pwd
import re
import shutil
import subprocess
import tempfile

from harness import PROGRAM, REPOSITORY, Steps, expect, temporary_folder
from mount_rig import MountedDaemon, mt, needed, output, said

steps = Steps("mount_scsi")


def mtx(daemon):
    sg = daemon.changer_sg

    def run(*words, status=0):
        return said("mtx", "-f", sg, *words, status=status)
    with steps.step("mtx status: drives, slots with barcodes, mail slots as IMPORT/EXPORT"):
        text = run("status")
        expect("4 Drives, 26 Slots ( 2 Import/Export )" in text, text)
        expect("Storage Element 1:Full :VolumeTag=CAP001L8" in text, text)
        expect(text.count("IMPORT/EXPORT:Empty") == 2 and text.count("Data Transfer Element") == 4, text)
    with steps.step("mtx inquiry and inventory; loaderinfo describes the robot"):
        expect("Product Type: Medium Changer" in run("inquiry"), run("inquiry"))
        run("inventory")
        text = said("loaderinfo", "-f", sg)
        expect("Number of Data Transfer Elements: 4" in text and "Number of Storage Elements: 24" in text, text)
    with steps.step("mtx load, unload, transfer, first, next: cartridges are where it says, for the CLI and for ls"):
        run("load", "1", "0")
        expect(daemon.place_of("CAP001L8") == "drive:0" and os.listdir(daemon("slots", 1)) == [])
        expect("CAP001L8" in os.listdir(daemon("drives", 0)), os.listdir(daemon("drives", 0)))
        text = run("status")
        expect("Data Transfer Element 0:Full (Storage Element 1 Loaded):VolumeTag = CAP001L8" in text, text)
        run("unload", "20", "0")
        expect(os.listdir(daemon("slots", 20)) == ["CAP001L8"])
        run("transfer", "20", "25")
        expect(daemon.place_of("CAP001L8") == "mail:1" and os.listdir(daemon("mail", 1)) == ["CAP001L8"])
        run("transfer", "25", "1")
        run("first", "1")
        run("next", "1")
        expect(daemon.place_of("CAP003L8") == "drive:1" or daemon.place_of("CAP002L8") == "drive:1", daemon.places())
        daemon.run("unload", "1")
    with steps.step("mtx into a full slot, out of an empty one, to nowhere: refused in words, nothing moves"):
        before = daemon.places()
        for words in (("transfer", "1", "2"), ("load", "24", "0"), ("load", "99", "0"), ("unload", "3", "2")):
            text = run(*words, status=None)
            expect(re.search("full|empty|illegal|invalid|error|request|address", text, re.IGNORECASE), words, text)
        expect(daemon.places() == before)
    with steps.step("tapeinfo and scsitape on a drive"):
        daemon.load("CAP001L8", 0)
        text = said("tapeinfo", "-f", daemon.drive_sg())
        expect("Product Type: Tape Drive" in text and "Ready: yes" in text and "BOP: yes" in text, text)
        for words in (("rewind",), ("setblk", "0"), ("seek", "0"), ("eod",)):
            said("scsitape", "-f", daemon.drive_sg(), *words)
        said("dd", "if=/etc/services", f"of={daemon.nst()}", "bs=10k")
        said("scsitape", "-f", daemon.drive_sg(), "bsf", "1")
        said("scsitape", "-f", daemon.drive_sg(), "rewind")


def sg3_utils(daemon):
    for name, device, kind in (("drive", daemon.drive_sg(), "tape"), ("changer", daemon.changer_sg, "changer")):
        for words, wanted in (
            (("sg_inq",), "Peripheral device type|PDT=" if kind else ""), (("sg_inq", "-e"), "Supported VPD pages"),
            (("sg_vpd", "-a"), "Unit serial number"), (("sg_vpd", "-i"), "Device Identification"),
            (("sg_logs", "-a"), "Supported log pages"), (("sg_modes", "-a"), "Mode data length"),
            (("sg_opcodes",), "Inquiry"), (("sg_opcodes", "-R"), "Inquiry"), (("sg_turs", "-n", "5"), ""),
            (("sg_requests",), ""), (("sg_luns",), "Lun list length"), (("sg_inq", "--only", "-r"), None),
            (("sg_rep_zones",), "FAILS"),
        ):
            with steps.step(f"{' '.join(words)} on the {name}"):
                if wanted == "FAILS":
                    text = said(*words, device, status=None)
                    expect(re.search("not supported|illegal|Invalid", text, re.IGNORECASE), text)
                    continue
                if wanted is None:
                    expect(len(output(*words, device)) >= 36, "short INQUIRY data")
                    continue
                text = said(*words, device)
                expect(re.search(wanted, text), text[:1500])
    with steps.step("sg_read_attr reads the cartridge's memory through the drive"):
        text = said("sg_read_attr", daemon.drive_sg())
        expect("Remaining capacity" in text or "Maximum capacity" in text, text[:1500])
    with steps.step("sg_logs: TapeAlert, sg_modes -6, sg_start, sg_prevent, sg_reset, sginfo: no surprise"):
        drive = daemon.drive_sg()
        text = said("sg_logs", "-p", "0x2e", drive)
        expect("alert" in text.lower(), text)
        said("sg_modes", "-6", "-a", drive)
        for words in (("sg_prevent", "--prevent", "1"), ("sg_prevent", "--allow"), ("sg_start", "--start"),
                      ("sg_reset", "-N"), ("sg_reset", "-d"), ("sginfo", "-a"), ("sg_ident",), ("sg_rtpg",)):
            text = said(*words, drive, status=None)
            expect("Bad address" not in text and "ENOSYS" not in text, words, text)
        said("sg_turs", drive)
    with steps.step("sg_raw in and out: INQUIRY bytes, and a record written and read by WRITE(6) and READ(6)"), \
            temporary_folder() as folder:
        data, back = os.path.join(folder, "data"), os.path.join(folder, "back")
        with open(data, "wb") as file:
            file.write(bytes(range(256)) * 32)
        said("sg_raw", "-r", "96", "-o", back, daemon.changer_sg, "12", "00", "00", "00", "60", "00")
        expect(os.path.getsize(back) >= 36 and open(back, "rb").read(1) == b"\x08", "no changer")
        drive = daemon.drive_sg()
        said("sg_raw", drive, "01", "00", "00", "00", "00", "00")
        said("sg_raw", "-s", "8192", "-i", data, drive, "0a", "00", "00", "20", "00", "00")
        said("sg_raw", drive, "01", "00", "00", "00", "00", "00")
        said("sg_raw", "-r", "8192", "-o", back, drive, "08", "00", "00", "20", "00", "00")
        expect(open(back, "rb").read() == open(data, "rb").read(), "it came back different")
        mt(daemon.nst(), "rewind")
        expect(output("dd", f"if={daemon.nst()}", "bs=8192", "count=1") == open(data, "rb").read(), "by the tape file")
    with steps.step("a command that is none: ILLEGAL REQUEST in sg_raw's words"):
        text = said("sg_raw", daemon.drive_sg(), "ff", "00", "00", "00", "00", "00", status=None)
        expect("Invalid command operation code" in text or "Illegal Request" in text, text)
    with steps.step("stenc on drive and changer: no encryption here, said clearly"):
        for device in (daemon.drive_sg(), daemon.changer_sg):
            text = said("stenc", "-f", device, "--detail", status=None)
            expect(text.strip() and "Bad address" not in text and "Segmentation" not in text, text)
    with steps.step("sg_dd takes the file for an ordinary one and gets a clean error, not a hang"):
        said("sg_dd", f"if={daemon.drive_sg()}", "of=/dev/null", "bs=512", "count=1", status=None, seconds=60)


def lines_of(caller, case, path, **options):
    """{what: answer} of sg_caller."""
    text = said(caller, case, path, **options)
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line), text


def calls(daemon, caller):
    drive, changer = daemon.drive_sg(), daemon.changer_sg
    with steps.step("scatter lists: data-in into three pieces equals that into one; one to nowhere is EFAULT"):
        for device in (drive, changer):
            got, text = lines_of(caller, "scatter", device)
            expect(got["scatter in"].startswith("ok status 0") and "equal 1" in text, text)
            expect(got["scatter to nowhere"].startswith("EFAULT"), text)
            expect(not got["scatter of 60000"].startswith("ok"), text)
    with steps.step("gather lists: a record written from three pieces is read back into two, equal"):
        got, text = lines_of(caller, "gather", drive)
        expect(got["gather out"].startswith("ok status 0 ") and "equal 1" in text, text)
    with steps.step("a 32-bit caller: the same answer as a 64-bit one, or a clear error"):
        got, text = lines_of(caller, "compat", drive)
        plain = said(caller, "plain", drive)
        if got["compat"] == "ok":
            expect(plain.split("vendor")[1] == text.split("vendor")[1].splitlines()[0] + "\n", text, plain)
        else:
            expect(got["compat"] in ("ENOSYS", "EINVAL", "ENOTTY", "EOPNOTSUPP"), text)
        print(f"# 32-bit caller: {got['compat']}")
        expect(got["compat version"].startswith("ok 3"), text)
    with steps.step("pointers to nowhere and headers that lie: EFAULT and EINVAL, and the device still works"):
        for device in (drive, changer):
            got, text = lines_of(caller, "hostile", device)
            for what in ("no header", "header nowhere", "header at the end of memory", "data nowhere", "data read-only",
                         "command nowhere", "sense nowhere"):
                expect(got[what].startswith("EFAULT"), what, text)
            for what in ("version 4", "interface 0", "command of 0 bytes", "command of 5 bytes", "command of 255 bytes",
                         "direction 77", "write(2)", "read(2)"):
                expect(not got[what].startswith("ok"), what, text)
            expect(got["unknown ioctl"] in ("ENOTTY", "EINVAL"), text)
            expect(got["less data wanted"].startswith("ok status 0"), text)
            expect(got["no sense wanted"].startswith("ok status 0"), text)
            expect(got["after all that"] == "ok status 0 sense 0/0000 resid " + got["after all that"].split()[-1], text)
        print("# " + "; ".join(f"{what}: {answer}" for what, answer in got.items() if "GiB" in what))
    with steps.step("the small ioctls of sg: version 3.x, timeouts, ids"):
        for device, kind in ((drive, 1), (changer, 8)):
            got, text = lines_of(caller, "small", device)
            expect(int(got["version"].split()[1]) >= 30000 and got["set timeout"] == "ok", text)
            expect(got["id"].startswith("ok") and got["id"].endswith(f"type {kind}"), text)
            expect(got["idlun"] == "ok", text)
    with steps.step("eight threads, 500 INQUIRYs each, none wrong; and how long one takes"):
        for device in (drive, changer):
            expect("bad 0" in said(caller, "threads", device))
        print("# INQUIRY by SG_IO: " + said(caller, "timed", drive).strip())
    with steps.step("two programs move cartridges and a third asks the robot all the while: no error"):
        loop = f"for i in $(seq 40); do mtx -f {changer} status >/dev/null || exit 1; done"
        asking = [subprocess.Popen(["sh", "-c", loop]) for _ in range(2)]
        for _ in range(10):
            said("mtx", "-f", changer, "transfer", "10", "24")
            said("mtx", "-f", changer, "transfer", "24", "10")
        expect([one.wait(120) for one in asking] == [0, 0], "mtx status failed")


def other_callers(daemon, caller):
    drive = daemon.drive_sg()
    with steps.step("a caller that is not root: works, or is refused by the file's permissions"):
        text = said("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", caller, "plain", drive, status=None)
        print(f"# as nobody on root's mount: {text.splitlines()[0]}")
        expect("inquiry: ok status 0" in text or re.search("open (EACCES|EPERM)", text), text)
    with steps.step("who is neither owner nor of the group sees the places, and does not get into a cartridge"):
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        said(*nobody, "cat", daemon("library.json"))
        said(*nobody, "ls", daemon("cartridges"))
        said(*nobody, "ls", daemon("cartridges", "CAP001L8"), status=2)
        said(*nobody, "cat", daemon("cartridges", "CAP001L8", "label.json"), status=1)
    with steps.step("a caller in a process namespace of its own, below the daemon's"):
        text = said("unshare", "--pid", "--fork", "--mount-proc", caller, "plain", drive)
        expect("inquiry: ok status 0" in text, text)
        said("unshare", "--pid", "--fork", "--mount-proc", "mt", "-f", daemon.nst(), "status")
    with steps.step("a caller in user and process namespaces of its own: works, or a clear error"):
        text = said("unshare", "--user", "--map-root-user", "--pid", "--fork", caller, "plain", drive, status=None)
        print(f"# in a user namespace: {text.splitlines()[0]}")
        expect("inquiry: ok status 0" in text or re.search("open (EACCES|EPERM)|inquiry: E", text), text)
    with steps.step("a caller that no other process may trace (prctl non-dumpable) is served by root"):
        code = "import ctypes,os,sys; ctypes.CDLL(None).prctl(4,0,0,0,0); os.execv(sys.argv[1],sys.argv[1:])"
        said("python3", "-c", code, caller, "plain", drive)


class Elsewhere(MountedDaemon):
    """A daemon in a process namespace of its own: its callers out here have no number that it could see."""

    def stop(self):
        self.process.stdin.close()
        return self.process.wait(30)


def outside_namespace(folder, caller):
    with Elsewhere(store=os.path.join(folder, "elsewhere"),
                   prefix=["unshare", "--pid", "--fork", "--kill-child"]) as daemon:
        with steps.step("a caller outside of the daemon's process namespace: tar and mt work, SG_IO is a clear error"):
            text = said(caller, "plain", daemon.drive_sg(), status=None)
            print(f"# from outside of its namespace: {text.splitlines()[0]}")
            expect("inquiry: ok" not in text and re.search("inquiry: E[A-Z]+|open E", text), text)
            daemon.load("CAP002L8", 1)
            said("tar", "-b", "128", "-cf", daemon.nst(1), "-C", "/usr/share/misc", ".")
            mt(daemon.nst(1), "rewind")
            said("tar", "-b", "128", "-df", daemon.nst(1), "-C", "/usr/share/misc")


def group_of_tapes(folder, caller):
    """root's daemon with the group `tape`, as the guide advises for programs of other users."""
    group = grp.getgrnam("tape").gr_gid
    prefix = ["setpriv", f"--regid={group}", "--clear-groups"]
    with MountedDaemon(store=os.path.join(folder, "tapes"), prefix=prefix) as daemon:
        def member(*words, **options):
            return said("setpriv", "--reuid=65534", f"--regid={group}", "--clear-groups", *words, **options)
        with steps.step("users of the group `tape` use robot, drives and tapes of a root daemon of that group"):
            member("mtx", "-f", daemon.changer_sg, "load", "1", "0")
            expect("inquiry: ok status 0" in member(caller, "plain", daemon.drive_sg()))
            member("tar", "-b", "128", "-cf", daemon.nst(), "-C", "/usr/share/misc", ".")
            member("mt", "-f", daemon.nst(), "rewind")
            member("tar", "-b", "128", "-df", daemon.nst(), "-C", "/usr/share/misc")
            member("ls", "-lR", daemon("cartridges", "CAP001L8"))
            member("cat", daemon("cartridges", "CAP001L8", "files", "0001", "info.json"))
            member("mv", daemon("drives", 0, "CAP001L8"), daemon("slots", 1), status=1)


@contextlib.contextmanager
def fuse_for_all():
    """/dev/fuse as Debian's udev makes it: usable for everybody."""
    mode = os.stat("/dev/fuse").st_mode & 0o777
    os.chmod("/dev/fuse", 0o666)
    try:
        yield
    finally:
        os.chmod("/dev/fuse", mode)


def not_root(folder, caller):
    """A daemon of user `nobody`, mounted by fusermount3."""
    home = tempfile.mkdtemp(prefix="capstan-nobody-")
    user = pwd.getpwnam("nobody")
    as_nobody = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--inh-caps=-all"]
    os.chown(home, user.pw_uid, user.pw_gid)
    program = os.path.join(home, "sg_caller")
    shutil.copy2(caller, program)
    os.chmod(program, 0o755)
    server = PROGRAM
    if subprocess.run([*as_nobody, "test", "-x", PROGRAM], check=False).returncode:
        server = shutil.copy2(PROGRAM, os.path.join(home, "capstan"))
    try:
        with MountedDaemon(store=os.path.join(home, "store"), prefix=as_nobody, owner=user.pw_uid, program=server,
                           environment={"HOME": home}) as daemon:
            def nobody(*words, **options):
                return said(*as_nobody, *words, environment={"HOME": home}, **options)
            with steps.step("a daemon that is not root: its own user uses mtx, tar, mt, sg_inq and ls as root does"):
                expect("CAP001L8" in nobody("ls", daemon("slots", 1)))
                nobody("mtx", "-f", daemon.changer_sg, "load", "1", "0")
                nobody("tar", "-b", "128", "-cf", daemon.nst(), "-C", "/usr/share/misc", ".")
                nobody("mt", "-f", daemon.nst(), "rewind")
                nobody("tar", "-b", "128", "-df", daemon.nst(), "-C", "/usr/share/misc")
                text = nobody(program, "plain", daemon.drive_sg())
                expect("inquiry: ok status 0" in text, text)
                expect("equal 1" in nobody(program, "scatter", daemon.changer_sg))
                nobody("mv", daemon("drives", 0, "CAP001L8"), daemon("slots", 20))
                expect(daemon.place_of("CAP001L8") == "slot:20")
            with steps.step("other users of a daemon that is not root: the kernel keeps them out, or SG_IO says EPERM"):
                for who, words in (("root", []), ("daemon", ["setpriv", "--reuid=1", "--regid=1", "--clear-groups"])):
                    text = said(*words, program, "plain", daemon.changer_sg, status=None)
                    print(f"# {who} on nobody's mount: {text.splitlines()[0]}")
                    expect(re.search("open (EACCES|EPERM)|inquiry: (EPERM|EACCES)", text), who, text)
            with steps.step("a caller of the same user that is not dumpable: a clear error"):
                code = "import ctypes,os,sys,fcntl\nctypes.CDLL(None).prctl(4,0,0,0,0)\n" \
                    f"f=os.open({daemon.changer_sg!r},os.O_RDWR)\n" \
                    "import struct,array\n" \
                    "b=array.array('B',bytes(96));c=array.array('B',bytes([18,0,0,0,96,0]))\n" \
                    "h=struct.pack('iiBBHIQQQIIiQBBBBHHiII',83,-3,6,0,0,96,b.buffer_info()[0],c.buffer_info()[0]," \
                    "0,9999,0,0,0,0,0,0,0,0,0,0,0,0)\n" \
                    "try:\n fcntl.ioctl(f,0x2285,bytearray(h));print('ok')\nexcept OSError as e: print(e.errno)"
                text = nobody("python3", "-c", code)
                print(f"# not dumpable, served by nobody: {text.strip()}")
                expect(text.strip() in ("ok", str(errno.EPERM), str(errno.EACCES), str(errno.EFAULT)), text)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main():
    if not needed(steps, "mtx", "loaderinfo", "tapeinfo", "scsitape", "sg_inq", "sg_raw", "stenc", "gcc", "setpriv",
                  "unshare", "fusermount3"):
        return
    with temporary_folder() as folder:
        caller = os.path.join(folder, "sg_caller")
        said("gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", caller, REPOSITORY / "Tests/Integration/sg_caller.c",
             "-lpthread")
        os.chmod(folder, 0o755)
        with MountedDaemon(store=os.path.join(folder, "store")) as daemon:
            mtx(daemon)
            sg3_utils(daemon)
            calls(daemon, caller)
            if os.geteuid() == 0:
                other_callers(daemon, caller)
        if os.geteuid() != 0:
            with steps.step("this is run by root"):
                expect(False, "other users and namespaces need root")
            return
        outside_namespace(folder, caller)
        group_of_tapes(folder, caller)
        with fuse_for_all():
            not_root(folder, caller)


with steps.step("the file came to its end"):
    main()
steps.finish()
