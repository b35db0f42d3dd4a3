# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Debian's Bacula on drives and robot of a library that is mounted below /dev, where its btape insists on: btape's
test, autochanger and fill, then a director's backup over several cartridges with swaps by the robot, and its restore.

Needs root: a folder in /dev, and Debian's mtx-changer writes its temporary files to /var/lib/bacula.
"""

import os
import re
import time

from bacula_rig import CHANGER_SCRIPT, Bacula, Conversation
from harness import Steps, expect, temporary_folder
from mount_rig import MountedDaemon, large_tree, needed, output, said

SMALL = [f"BAC00{number}L8" for number in range(1, 7)]
# btape's fill reads the first 10,000 blocks of 63 KiB of the first tape and wants the end behind them.
CAPACITIES = ["64MiB"] * 4 + ["768MiB", "256MiB"]
FIRST_SLOT = 17
TREE_BYTES = 150_000_000
steps = Steps("mount_bacula")


def mount_place():
    """/dev/vtl, or a name beside it when there is one already."""
    return "/dev/vtl" if not os.path.lexists("/dev/vtl") else f"/dev/vtl-{os.getpid()}"


def changer_script(daemon):
    with steps.step("Debian's mtx-changer, unmodified: slots, list, listall, load, loaded, unload"):
        def changer(command, *words):
            return said(CHANGER_SCRIPT, daemon.changer_sg, command, *words).split("\n")
        nst = daemon.nst(0)
        expect(changer("slots")[0].strip() == "26", changer("slots"))
        listed = changer("list")
        expect("1:CAP001L8" in [line.strip() for line in listed], listed[:5])
        expect(any(line.startswith("S:1:F:CAP001L8") for line in changer("listall")), changer("listall")[:8])
        expect(any(line.startswith("I:") for line in changer("listall")), "no mail slots")
        expect(changer("loaded", "0", nst, "0")[0].strip() == "0", changer("loaded", "0", nst, "0"))
        changer("load", "1", nst, "0")
        expect(changer("loaded", "1", nst, "0")[0].strip() == "1", changer("loaded", "1", nst, "0"))
        expect(any(line.startswith("D:0:F:1:CAP001L8") for line in changer("listall")), changer("listall")[:8])
        changer("unload", "1", nst, "0")
        expect(daemon.place_of("CAP001L8") == "slot:1", daemon.place_of("CAP001L8"))


def btape(bacula, device):
    return Conversation("/usr/sbin/btape", "-c", bacula.path("sd.conf"), device)


def btape_test(daemon, bacula):
    with steps.step("btape test: write and re-read 10,000 blocks, position, append, backspace, forward space"):
        daemon.run("load", "1", "0")
        with btape(bacula, daemon.nst(0)) as talk:
            talk.until(r"\*")
            talk.say("test")
            talk.until(r"Autochanger test\? \(y/n\)", seconds=600)
            talk.say("n")
            text = talk.quit()
        for title in ("=== Test Succeeded. End Write, rewind, and re-read test ===", "=== Append files test ===",
                      "Block re-read correct. Test succeeded!", "=== End Forward space files test ==="):
            expect(title in text, f"no {title!r} in {text[-3000:]}")
        expect(text.count("=== Test Succeeded.") == 2, "re-read and position:", text[-3000:])
        expect("10000 blocks re-read correctly" in text, text[-3000:])
        for word in ("ERR=", "FAILED", "failed", "not correct", "incorrect", "Error:", "error:"):
            expect(word not in text, f"{word!r} in: {text[-4000:]}")
        expect(text.count("This is correct!") >= 4, text.count("This is correct!"))


def btape_autochanger(daemon, bacula):
    with steps.step("btape autochanger: unloads, loads slot 1, writes and finds it well"):
        # btape opens the drive before it asks the robot: it needs a cartridge in it.
        if not daemon.places()["drive:0"]:
            daemon.run("load", "1", "0")
        with btape(bacula, daemon.nst(0)) as talk:
            talk.until(r"\*")
            talk.say("autochanger")
            while talk.until(r"\(y/n\)[^\n]*$", r"test autochanger worked", r"must correct this|ERR=") == 0:
                talk.say("y")
            text = talk.text
            expect("test autochanger worked" in text, text[-3000:])
            expect("3305 Autochanger" in text or "status is OK" in text or "3302" in text, text[-2000:])
            expect(daemon.place_of("CAP001L8") == "drive:0", daemon.places())
            talk.quit()
        daemon.run("unload", "0", "1")


def btape_fill(daemon, bacula):
    with steps.step("btape fill: one small cartridge to its end, on to a second one, both read back equal"):
        # btape fills what is in slot 1, and goes on with slot 2 for about 1000 blocks of 63 KiB.
        slots = [1, 2]
        for slot in slots:
            daemon.run("move", f"slot:{slot}", f"slot:{22 + slot}")
            daemon.run("move", f"slot:{FIRST_SLOT + 3 + slot}", f"slot:{slot}")
        daemon.run("load", "1", "0")
        with btape(bacula, daemon.nst(0)) as talk:
            talk.until(r"\*")
            talk.say("fill")
            begun, loaded = time.monotonic(), slots[0]
            while True:
                asked = talk.until(
                    r"\(s/m\)", r"Mount (blank|first|second)[^\n]* when ready: ", r"\(y/n\): ", r"\n\*", seconds=400)
                if asked == 0:
                    talk.say("m")
                elif asked == 1:
                    # btape has closed the device.
                    wanted = slots[0] if "first" in talk.text[talk.text.rindex("Mount "):] else slots[1]
                    if wanted != loaded:
                        said("mtx", "-f", daemon.changer_sg, "unload", loaded, 0)
                        said("mtx", "-f", daemon.changer_sg, "load", wanted, 0)
                        loaded = wanted
                    talk.say("")
                elif asked == 2:
                    talk.say("y")
                else:
                    break
                expect(time.monotonic() - begun < 600, talk.text[-2000:])
            text = talk.quit()
        print(f"# btape fill: {time.monotonic() - begun:.1f} s")
        daemon.run("unload", "0")
        expect("The last block on the second tape matches. Test succeeded." in text, text[-4000:])


def director(daemon, folder):
    source, where = os.path.join(folder, "tree"), os.path.join(folder, "restored")
    os.mkdir(source)
    size = large_tree(source, TREE_BYTES, seed=6, small=500)
    drives = [daemon.nst(0), daemon.nst(1)]
    with Bacula(os.path.join(folder, "bacula"), drives, daemon.changer_sg, source, where) as bacula:
        with steps.step("the director labels four cartridges by their barcodes"):
            slots = f"{FIRST_SLOT}-{FIRST_SLOT + 3}"
            text = bacula.console(f"label barcodes storage=Robot pool=Tapes slots={slots} drive=0", "yes")
            expect(text.count("Catalog record for Volume") == 4, text[-3000:])
        with steps.step(f"a backup of {size // 1_000_000} MB spans at least two cartridges, swapped by the robot"):
            begun = time.monotonic()
            text = bacula.job("run job=Backup yes")
            print(f"# backup: {time.monotonic() - begun:.1f} s")
            expect("Termination:            Backup OK" in text, text[-4000:])
            volumes = re.search(r"Volume name\(s\): +(\S+)", text).group(1).split("|")
            print(f"# on {volumes}")
            expect(len(volumes) >= 2 and len(re.findall("3305 Autochanger \"load", text)) >= 2, volumes, text[-3000:])
            expect("SD Errors:              0" in text and "Non-fatal FD errors:    0" in text, text[-2000:])
        with steps.step("a restore of everything, through the robot: rsync finds no difference"):
            begun = time.monotonic()
            text = bacula.job(f"restore client=test-fd where={where} all done yes select current")
            print(f"# restore: {time.monotonic() - begun:.1f} s")
            expect("Termination:            Restore OK" in text, text[-3000:])
            differences = output("rsync", "-naAXHc", "--delete", "-i", source + "/", where + source + "/")
            expect(not differences, differences[:600])
        with steps.step("one file restored by itself, positioned to"):
            said("rm", "-r", where)
            text = bacula.job(f"restore client=test-fd where={where} file={source}/large3 done yes select current")
            expect("Termination:            Restore OK" in text, text[-3000:])
            said("cmp", source + "/large3", where + source + "/large3")
        with steps.step("unmount and release: Bacula lets the drives go, and capstan moves the cartridges again"):
            for drive in (0, 1):
                bacula.console(f"release storage=Robot drive={drive}", f"unmount storage=Robot drive={drive}")
    with steps.step("after Bacula nothing holds a drive; every cartridge is whole"):
        for drive in (0, 1):
            if daemon.places()[f"drive:{drive}"]:
                daemon.unload(drive)
        for barcode in SMALL[:4]:
            daemon.run("cartridge", "verify", barcode)
    inspected(daemon, source)


def inspected(daemon, source):
    with steps.step("the volumes are browsed without Bacula: jobs as directories, a file in one equals the original"):
        whole, parts = 0, 0
        for barcode in SMALL[:4]:
            info = open(daemon("cartridges", barcode, "files", "0001", "info.json"), encoding="utf-8").read()
            expect("acula" in info, info[:500])
            root = daemon("cartridges", barcode, "contents")
            for path in output("find", root, "-type", "f", "-size", "+0").splitlines():
                # contents/JOB/full path; a file that goes on on another cartridge is a part here.
                original = os.path.join(b"/", path.removeprefix(os.fsencode(root) + b"/").split(b"/", 1)[1])
                if os.path.getsize(path) == os.path.getsize(original):
                    said("cmp", path.decode(), original.decode())
                    whole += 1
                else:
                    parts += 1
        print(f"# {whole} files of the jobs are equal, {parts} are parts that go on elsewhere")
        expect(whole > 300 and parts <= 6, whole, parts)


def main():
    if not needed(steps, "btape", "bacula-sd", "bacula-dir", "bacula-fd", "bconsole", "sqlite3", "mtx", "mt", "rsync"):
        return
    if os.geteuid() != 0:
        with steps.step("this is run by root"):
            expect(False, "a folder in /dev and /var/lib/bacula need root")
        return
    with temporary_folder("capstan-bacula-") as folder, \
            MountedDaemon(at=mount_place(), store=os.path.join(folder, "store")) as daemon:
        for index, barcode in enumerate(SMALL):
            daemon.create(barcode, CAPACITIES[index], f"slot:{FIRST_SLOT + index}")
        changer_script(daemon)
        bacula = Bacula(os.path.join(folder, "btape"), [daemon.nst(0), daemon.nst(1)], daemon.changer_sg)
        btape_test(daemon, bacula)
        btape_autochanger(daemon, bacula)
        btape_fill(daemon, bacula)
        director(daemon, folder)


with steps.step("the file came to its end"):
    main()
steps.finish()
