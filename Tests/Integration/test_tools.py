# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Two independent readers of the protocol: nmap's ndmp-version script, and tshark's dissector over real sessions."""

import os
import shutil
import signal
import struct
import subprocess

from harness import Daemon, Steps, expect, temporary_folder, wait_until

NDMP_PORT = 10000
NDMJOB = "/usr/lib/amanda/ndmjob"
steps = Steps("tools")


def nmap(daemon):
    with steps.step("nmap -p PORT --script ndmp-version identifies the server"):
        done = subprocess.run(
            ["nmap", "-n", "-Pn", "-p", str(daemon.port), "--script", "ndmp-version", "-sV", "127.0.0.1"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False)
        expect("ndmp" in done.stdout.lower(), done.stdout + done.stderr)
        expect("NDMPv4" in done.stdout, done.stdout + done.stderr)
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


def renumbered(path, port, target):
    """The same capture with the daemon's port as 10000: tshark takes NDMP for NDMP on that port only."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:  # enhanced packet block: 28 bytes, then Ethernet, IPv4 and TCP without options before the ports
            for field in (at + 28 + 34, at + 28 + 36):
                if struct.unpack_from(">H", data, field)[0] == port:
                    struct.pack_into(">H", data, field, NDMP_PORT)
        at += length
    with open(target, "wb") as file:
        file.write(data)
    return target


def frames(path, display, *fields):
    line = ["tshark", "-n", "-r", path, "-Y", display]
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
            path = renumbered(captured(daemon, folder), daemon.port, os.path.join(folder, "as10000.pcap"))
        if not path:
            return
        for version in (2, 3, 4):
            with steps.step(f"it decodes those of version {version} as NDMP"):
                messages = frames(path, f"ndmp.version == {version}", "ndmp.msg")
                expect(len(messages) > 200, f"only {len(messages)} frames")
        with steps.step("no frame is malformed"):
            # tshark 4.0 reads the v2 reply of TAPE_GET_STATE by the layout of v3, which begins with a mask; ndmjob
            # and the specification of v2 know no mask there.
            bad = frames(path, "_ws.malformed && !(ndmp.version == 2 && ndmp.msg == 0x302)")
            expect(not bad, f"{len(bad)} malformed frames:", "\n".join(bad[:20]))
        with steps.step("every segment of the server belongs to an NDMP message"):
            strange = frames(path, f"tcp.srcport == {NDMP_PORT} && tcp.len > 0 && !ndmp && !tcp.analysis.retransmission"
                             " && !tcp.reassembled_in", "frame.number")
            expect(not strange, f"frames without NDMP: {strange[:20]}")


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
