# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Two independent readers of the protocol: nmap's ndmp-version script, and tshark's dissector over real sessions."""

import os
import shutil
import signal
import subprocess

from harness import Daemon, Steps, expect, temporary_folder, wait_until

NDMJOB = "/usr/lib/amanda/ndmjob"
steps = Steps("tools")


def nmap(daemon):
    with steps.step("nmap -p PORT --script ndmp-version identifies the server"):
        done = subprocess.run(
            ["nmap", "-n", "-Pn", "-p", str(daemon.port), "--script", "ndmp-version", "-sV", "127.0.0.1"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False)
        expect("ndmp" in done.stdout.lower(), done.stdout + done.stderr)
        expect("capstan" in done.stdout.lower(), done.stdout + done.stderr)
    with steps.step("nmap's ndmp-fs-info gets a clean answer"):
        done = subprocess.run(
            ["nmap", "-n", "-Pn", "-p", str(daemon.port), "--script", "ndmp-fs-info", "127.0.0.1"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False)
        expect("open" in done.stdout and "ERROR" not in done.stdout, done.stdout + done.stderr)


def ndmjob(*words):
    subprocess.run([NDMJOB, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)


def captured(daemon, folder):
    """A capture of ndmjob sessions in all three versions."""
    path = os.path.join(folder, "session.pcap")
    errors = os.path.join(folder, "tshark.err")
    with open(errors, "wb") as err:
        capture = subprocess.Popen(
            ["tshark", "-i", "lo", "-f", f"tcp port {daemon.port}", "-w", path, "-q"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
    try:
        def begun():
            said = open(errors, encoding="utf-8", errors="replace").read()
            expect(capture.poll() is None, said)
            return "Capture started" in said or ("Capturing on" in said and os.path.exists(path))
        wait_until(begun, "tshark to begin", 60)

        def packets():
            return os.path.getsize(path) if os.path.exists(path) else 0

        at = daemon.addresses()
        for version in (2, 3, 4):
            agent = daemon.agent(version)
            robot, tape = ("-R", agent, "-r", daemon.changer), ("-T", agent, "-f", daemon.tapes[0])
            for words in (
                ("-q", "-T", agent, *robot),
                ("-o", "init-labels", "-m", f"TS{version}@{at['slot:3']}", *robot, *tape),
                ("-l", "-m", f"@{at['slot:3']}", *robot, *tape),
            ):
                ndmjob(*words)
            daemon.run("load", "2", "0")
            for suite in ("test-mover", "test-tape"):
                ndmjob("-o", suite, *tape)
            daemon.run("unload", "0")

        # The capture lags behind; it is complete when the file has not grown for as long as several flushes take.
        seen = {"size": -1, "times": 0}

        def still():
            size = packets()
            seen["times"] = seen["times"] + 1 if size == seen["size"] and size > 0 else 0
            seen["size"] = size
            return seen["times"] >= 5
        wait_until(still, "the capture to come to rest", 60, every=0.3)
    finally:
        capture.send_signal(signal.SIGINT)
        capture.wait(30)
    return path


def frames(path, port, display, *fields):
    line = ["tshark", "-n", "-r", path, "-d", f"tcp.port=={port},ndmp", "-Y", display]
    for field in fields:
        line += ["-e", field]
    if fields:
        line += ["-T", "fields"]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=True)
    return [row for row in done.stdout.splitlines() if row]


def dissect(daemon):
    with temporary_folder() as folder:
        path = None
        with steps.step("tshark captures ndmjob sessions of all versions"):
            path = captured(daemon, folder)
        if not path:
            return
        with steps.step("it decodes them as NDMP"):
            messages = frames(path, daemon.port, "ndmp", "ndmp.msg")
            expect(len(messages) > 500, f"only {len(messages)} frames")
        with steps.step("no frame of the server is malformed, no record is left over"):
            bad = frames(path, daemon.port, f"_ws.malformed && tcp.srcport=={daemon.port}")
            expect(not bad, f"{len(bad)} malformed frames:", "\n".join(bad[:20]))
            without = (f"tcp.srcport=={daemon.port} && tcp.len>0 && !ndmp && !tcp.analysis.retransmission"
                       " && !tcp.reassembled_in && !tcp.segment")
            unknown = frames(path, daemon.port, without, "frame.number")
            expect(not unknown, f"frames without NDMP: {unknown[:20]}")
        with steps.step("nor any of the client's, so the client understood what it was told"):
            bad = frames(path, daemon.port, "_ws.malformed")
            expect(not bad, f"{len(bad)} malformed frames:", "\n".join(bad[:20]))


with Daemon() as capstan:
    if shutil.which("nmap"):
        nmap(capstan)
    else:
        steps.skip("nmap", "not installed")
    if not shutil.which("tshark") or not os.access(NDMJOB, os.X_OK):
        steps.skip("tshark", "tshark or ndmjob is not installed")
    elif os.geteuid() != 0:
        steps.skip("tshark", "capturing needs root")
    else:
        dissect(capstan)
steps.finish()
