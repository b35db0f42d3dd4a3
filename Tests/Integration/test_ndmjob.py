# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""The reference NDMP client of Debian's amanda-common, unmodified: its conformance suites and its robot commands.

Its `test-tape` cannot be finished by any server: step T-BW #6 sends a length whose meaning changed on 64-bit machines
and then demands an error that no correct server gives. Everything before that step must pass; what comes after it is
in test_tape_semantics.py.
"""

import re

from harness import Daemon, Steps, expect
from ndmjob_tool import is_installed, ndmjob, says, tally

steps = Steps("ndmjob")


def movers(daemon):
    daemon.run("load", "1", "0")
    for version in (2, 3, 4):
        with steps.step(f"test-mover with protocol {version}: 100 of 100"):
            text = ndmjob("-o", "test-mover", "-v", "-T", daemon.agent(version), "-f", daemon.tapes[0])
            result = tally(text, "test-mover")
            expect(result == (100, 0, 0, 100), f"{result}:\n{text[-3000:]}")
    daemon.run("unload", "0")


def tapes(daemon):
    daemon.run("load", "2", "0")
    for version in (2, 3, 4):
        with steps.step(f"test-tape with protocol {version}: all before T-BW #6, where the client is at fault"):
            text = ndmjob("-o", "test-tape", "-v", "-T", daemon.agent(version), "-f", daemon.tapes[0])
            for series in ("T-OC", "T-BGS"):
                passed = re.search(rf"Test {series} Passed -- pass=\d+ warn=0 fail=0", text)
                expect(passed, f"{series}:\n{text[-3000:]}")
            failed = re.findall(r"(T-\w+ #\d+) -- Failed", text)
            expect(failed in ([], ["T-BW #6"]), f"failed {failed}:\n{text[-3000:]}")
    daemon.run("unload", "0")


def queries(daemon):
    for version in (2, 3, 4):
        with steps.step(f"-q lists the devices with protocol {version}"):
            agent = daemon.agent(version)
            text = ndmjob("-q", "-T", agent, "-R", agent, "-r", daemon.changer)
            expect("3573-TL" in text, text[-3000:])
            expect("slots 24@4096" in text and "drive 4@256" in text, text[-3000:])
            expect("PVolTag(CAP001L8" in text or "CAP001L8" in text, text[-3000:])
            if version >= 3:
                for name in (*daemon.tapes, daemon.changer):
                    expect(name in text, f"{name} is not listed:\n{text[:3000]}")
    for auth, word in (("t", "text"), ("m", "MD5")):
        with steps.step(f"authentication by {word}"):
            text = ndmjob("-q", "-T", daemon.agent(4, auth), "-R", ".")
            expect("ULT3580-TD8" in text, text[-2000:])
    with steps.step("a wrong password gets nothing"):
        text = ndmjob("-q", "-T", f"127.0.0.1:{daemon.port}/4m,ndmp,wrong", "-R", ".")
        expect("ULT3580-TD8" not in text, text)


def robots(daemon, version):
    """Every robot command, with its effect looked up in our own inventory."""
    agent, at = daemon.agent(version), daemon.addresses()
    robot = ("-R", agent, "-r", daemon.changer)
    tape = ("-T", agent, "-f", daemon.tapes[0])

    def holds(place, barcode):
        got = daemon.places()[place]
        expect(got == barcode, f"{place} holds {got} and not {barcode}")

    with steps.step(f"init-elem-status (v{version})"):
        says(ndmjob("-o", "init-elem-status", *robot))
    with steps.step(f"load and unload (v{version})"):
        says(ndmjob("-o", f"load={at['slot:5']}", *robot, *tape))
        holds("drive:0", "CAP005L8")
        says(ndmjob("-o", "unload", *robot, *tape))
        holds("drive:0", None)
        holds("slot:5", "CAP005L8")
    with steps.step(f"move (v{version})"):
        says(ndmjob("-o", "move", "-o", f"from-addr={at['slot:6']}", "-o", f"to-addr={at['slot:24']}", *robot))
        holds("slot:24", "CAP006L8")
        says(ndmjob("-o", "move", "-o", f"from-addr={at['slot:24']}", "-o", f"to-addr={at['slot:6']}", *robot))
        holds("slot:6", "CAP006L8")
    with steps.step(f"export and import (v{version})"):
        says(ndmjob("-o", f"export={at['slot:7']}", *robot))
        mail = [place for place, barcode in daemon.places().items() if barcode == "CAP007L8"]
        expect(mail and mail[0].startswith("mail:"), mail)
        says(ndmjob("-o", f"import={at['slot:7']}", *robot))
        holds("slot:7", "CAP007L8")
    with steps.step(f"init-labels and listing them (v{version})"):
        one, two = at["slot:8"], at["slot:9"]
        says(ndmjob("-o", "init-labels", "-m", f"LAB{version}01@{one}", "-m", f"LAB{version}02@{two}", *robot, *tape))
        text = ndmjob("-l", "-m", f"@{one}", "-m", f"@{two}", *robot, *tape)
        for label in (f"LAB{version}01@{one}", f"LAB{version}02@{two}"):
            expect(label in text, f"{label} is not in:\n{text[-2000:]}")
    with steps.step(f"rewind and eject (v{version})"):
        daemon.run("load", "10", "0")
        says(ndmjob("-o", "rewind", *tape))
        says(ndmjob("-o", "eject", *tape))
        daemon.run("unload", "0")
    with steps.step(f"nothing is left in a drive, everything is where it was (v{version})"):
        places = daemon.places()
        expect(all(places[f"drive:{drive}"] is None for drive in range(4)), places)
        expect(all(places[f"slot:{slot}"] == f"CAP{slot:03}L8" for slot in range(1, 17)), places)


if not is_installed():
    steps.skip("everything", "ndmjob is missing (Debian package amanda-common)")
    steps.finish()
with Daemon() as capstan:
    queries(capstan)
    movers(capstan)
    tapes(capstan)
    for protocol in (4, 3, 2):
        robots(capstan, protocol)
steps.finish()
