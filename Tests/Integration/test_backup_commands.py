# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""capstan backup, restore and catalogue as somebody at a terminal uses them, and README's five minutes.

Two cartridges with a swap, one file, one folder, everything, another server for the files, levels, wrong wishes.
"""

import json
import os
import re
import stat
import subprocess

from harness import PROGRAM, Daemon, Steps, command, expect, temporary_folder, wait_until
from tree_maker import MICROSECONDS, NANOSECONDS, Maker, empty, entries, make_tree, same_tree

CAPACITY = "24MiB"
steps = Steps("backup_commands")


class Shell:
    """Commands with a catalogue of their own."""

    def __init__(self, folder, daemon, *words):
        self.daemon, self.words = daemon, words
        self.environment = {"CAPSTAN_CATALOGUE": f"{folder}/catalogue.sqlite"}

    def run(self, *words, **options):
        return command(*words, *self.words, environment=self.environment,
                       socket=None if words[0] == "catalogue" else self.daemon.socket, **options)

    def json(self, *words):
        return json.loads(self.run(*words, "--json").stdout)


def spanning(shell, folder, source):
    """Both types over two cartridges; what is restored is equal."""
    for kind, precision in (("tar", NANOSECONDS), ("dump", MICROSECONDS)):
        with steps.step(f"capstan backup --type {kind}: the robot brings the second cartridge, all of it is told"):
            done = shell.run("backup", source, "--type", kind, "--pool", kind, "--json")
            image = json.loads(done.stdout)["image"]
            cartridges = [piece["cartridge"] for piece in image["segments"]]
            expect(len(cartridges) == 2 and len(set(cartridges)) == 2, image["segments"])
            expect(image["segments"][1]["offset"] == image["segments"][0]["length"], image["segments"])
            folders = sum(stat.S_ISDIR(status.st_mode) for status in entries(source).values())
            told = image["files"], image["directories"]
            # The nodes form tells each node once, the paths form each name.
            inodes = len({status.st_ino for status in entries(source).values()})
            expect(image["state"] == "complete", image)
            expect(told in ((len(entries(source)) - folders, folders), (inodes - folders, folders)), told, folders, inodes)
            for barcode in cartridges:
                expect(barcode in done.stderr, f"{barcode} is not in what it said:", done.stderr[-1500:])
        with steps.step(f"every cartridge is back in its slot after the backup, {kind}"):
            expect(all(shell.daemon.places()[f"drive:{drive}"] is None for drive in range(4)), shell.daemon.places())
        with steps.step(f"capstan restore of one file by direct access, {kind}"):
            target = empty(f"{folder}/one")
            report = shell.json("restore", "odd/star*?[a]", "--to", target, "--image", image["id"])
            expect(report["direct"] and not report["failed"] and report["restored"] == 1, report)
            expect(report["bytes"] <= 1 << 20, f"{report['bytes']} bytes read for a small file")
            with open(f"{source}/odd/star*?[a]", "rb") as one, open(f"{target}/odd/star*?[a]", "rb") as two:
                expect(one.read() == two.read())
        with steps.step(f"a folder and a file by absolute path, {kind}"):
            target = empty(f"{folder}/two")
            shell.run("restore", f"{source}/attributes", f"{source}/links/59", "--to", target, "--image", image["id"])
            same_tree(f"{source}/attributes", f"{target}/attributes", precision)
            expect(os.readlink(f"{target}/links/59") == "x" * 59)
        for flags in ([], ["--no-direct"]):
            with steps.step(f"capstan restore of everything is equal, {kind} {' '.join(flags)}"):
                target = empty(f"{folder}/all")
                shell.run("restore", "--to", target, "--image", image["id"], *flags)
                same_tree(source, target, precision)


def looking(shell, source):
    with steps.step("capstan catalogue lists images and cartridges with their pools"):
        told = shell.json("catalogue", "list")
        expect([(item["type"], item["state"]) for item in told["images"]] == [("tar", "complete"), ("dump", "complete")],
               told["images"])
        expect({item["pool"] for item in told["media"]} == {"tar", "dump"}, told["media"])
        text = shell.run("catalogue").stdout
        expect(source in text and "complete" in text, text)
    with steps.step("capstan catalogue show tells where the stream lies"):
        told = shell.json("catalogue", "show", 1)
        expect(told["environment"]["FILESYSTEM"] == source, told)
        expect(sum(piece["length"] for piece in told["segments"]) >= told["bytes"], told)
    with steps.step("capstan restore --list shows a folder without loading anything"):
        told = shell.json("restore", "--list", "plain")
        names = {item["path"] for item in told["trees"][0]["entries"]}
        expect(names == {f"plain/{name}" for name in os.listdir(f"{source}/plain")}, sorted(names)[:5])
        expect(next(iter(os.listdir(f"{source}/plain"))) in shell.run("restore", "--list", f"{source}/plain").stdout)


def levels(shell, folder):
    source, target = f"{folder}/levels", f"{folder}/levels-back"
    make = Maker(source, 31)
    for name in ("a", "b", "gone", "folder/c", "old-name/d"):
        make.file(name, size=20_000)
    make.spread_times()
    states = []
    for level in range(3):
        with steps.step(f"capstan backup --level {level} and the restore of the chain: the exact state"):
            if level == 1:
                os.remove(f"{source}/gone")
                os.rename(f"{source}/old-name", f"{source}/new-name")
                make.file("b", b"changed\n")
            elif level == 2:
                os.rename(f"{source}/folder/c", f"{source}/c")
                make.file("folder/new", b"new\n")
            image = shell.json("backup", source, "--type", "dump", "--level", level, "--pool", "levels")["image"]
            expect(image["level"] == level, image)
            states.append(image["id"])
            shell.run("restore", "--to", empty(target), "--image", image["id"])
            same_tree(source, target, MICROSECONDS)
    with steps.step("capstan restore from an older image gives the state of then"):
        shell.run("restore", "gone", "--to", empty(target), "--image", states[0])
        expect(os.path.getsize(f"{target}/gone") == 20_000)
    with steps.step("capstan restore of a file that only the level 0 holds"):
        shell.run("restore", "a", "b", "--to", empty(target))
        for name in "ab":
            with open(f"{source}/{name}", "rb") as one, open(f"{target}/{name}", "rb") as two:
                expect(one.read() == two.read(), name)


def three_way(folder, one, two, source):
    shell = Shell(f"{folder}", one, "--data", f"127.0.0.1:{one.port}", "--tape-server", f"127.0.0.1:{two.port}")
    shell.environment = {"CAPSTAN_CATALOGUE": f"{folder}/three-way.sqlite"}
    with steps.step("capstan backup with the files on one server and the drives on another, and the restore"):
        image = shell.json("backup", source, "--record-size", "64KiB")["image"]
        expect(image["dataServer"] != image["tapeServer"] and len(image["segments"]) == 2, image)
        expect(all(place is None for name, place in two.places().items() if name.startswith("drive")), two.places())
        shell.run("restore", "--to", empty(f"{folder}/three"))
        same_tree(source, f"{folder}/three")


def wrong_wishes(shell, folder, source):
    refusals = (
        (("backup", "/etc"), 6, "export"),
        (("backup", f"{folder}/no-such"), None, "no-such"),
        (("backup", source, "--type", "cpio"), None, "cpio"),
        (("backup", source, "--level", "10"), 64, "level"),
        (("backup", source, "--cartridges", "NOSUCH"), 5, "NOSUCH"),
        (("backup", source, "--drive", "nst9"), 5, "nst9"),
        (("backup", source, "--password", "wrong"), None, ""),
        (("restore", "no/such/file", "--to", folder), None, "no/such/file"),
        (("restore", "plain", "--to", "/etc/capstan-restored"), None, ""),
        (("restore", "--to", folder, "--image", "99"), 5, "99"),
        (("restore", "plain"), 64, "--to"),
        (("ndmp", "copy", "nst0", "nst0"), 64, "same"),
    )
    for words, code, text in refusals:
        with steps.step(f"refused in words: capstan {' '.join(words).replace(folder, '…')}"):
            done = shell.run(*words, succeeds=False)
            expect(done.stderr.strip() and text in done.stderr, done.stderr)
            expect(code is None or done.returncode == code, f"ended with {done.returncode}:", done.stderr)
            expect("Fatal error" not in done.stderr, done.stderr)
    with steps.step("nothing is left behind: drives empty, nothing outside, no session"):
        expect(all(shell.daemon.places()[f"drive:{drive}"] is None for drive in range(4)), shell.daemon.places())
        expect(not os.path.exists("/etc/capstan-restored"))
        expect(not shell.daemon.json("status")["sessions"], shell.daemon.json("status")["sessions"])
    with steps.step("a cartridge that holds a backup is not overwritten for another pool"):
        barcode = shell.json("catalogue", "list")["media"][0]["barcode"]
        done = shell.run("backup", source, "--cartridges", barcode, "--pool", "other", succeeds=False)
        expect(barcode in done.stderr, done.stderr)


def readme():
    """The commands of README's five minutes, as they stand there."""
    with steps.step("README's five minutes, typed in order"), temporary_folder() as folder:
        text = open(os.path.join(os.path.dirname(__file__), "../../README.md"), encoding="utf-8").read()
        section = re.search(r"^## Five minutes$(.*?)^## ", text, re.MULTILINE | re.DOTALL).group(1)
        typed = re.findall(r"^\$ (.+)$", section, re.MULTILINE)
        expect(any(line.startswith("capstan backup") for line in typed), "README types no backup:", typed)
        expect(any(line.startswith("capstan restore") for line in typed), "README types no restore:", typed)
        run_readme(folder, typed)


def run_readme(folder, typed):
    path = f"{folder}/bin"
    os.makedirs(path)
    os.symlink(PROGRAM, f"{path}/capstan")
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}", "HOME": folder, "XDG_STATE_HOME": folder}
    serve = next(line for line in typed if line.startswith("capstan serve"))
    before = typed[:typed.index(serve)]

    def run(line):
        done = subprocess.run(["bash", "-e", "-c", line], cwd=folder, env=environment, capture_output=True, text=True,
                              timeout=120, check=False)
        expect(done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}")

    for line in before:
        run(line)
    with open(f"{folder}/said", "wb") as said:
        started = subprocess.Popen(["bash", "-c", f"exec {serve.removesuffix('&').strip()} --ndmp 127.0.0.1:0"], cwd=folder,
                                   env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        wait_until(lambda: b"READY" in open(f"{folder}/said", "rb").read(), "READY", 30)
        for line in typed[typed.index(serve) + 1:]:
            run(line)
    finally:
        started.terminate()
        started.wait(30)


with temporary_folder() as work:
    tree = os.path.join(work, "source")
    make_tree(tree, seed=29, plain=500, mean=65_000)
    options = ["--cartridge-capacity", CAPACITY]
    with Daemon(arguments=[*options, "--export", work]) as first, Daemon(arguments=options) as second:
        terminal = Shell(work, first)
        spanning(terminal, work, tree)
        looking(terminal, tree)
        levels(terminal, work)
        three_way(work, first, second, tree)
        wrong_wishes(terminal, work, tree)
    readme()
steps.finish()
