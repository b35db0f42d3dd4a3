# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""`capstan doctor ndmp` through a firewall: open, dropped, rejected, taken, per port and per side, and what to do.

The same three machines as in test_ports.py; the doctor works on the one with the files, and looks at the one with the
tapes.
"""

import json
import re
import time

import netns
from harness import Steps, command, expect, wait_until
from ports_bed import CONTROL, PASSWORD, TAPE_PORTS, text_of, two_machines

steps = Steps("ports, doctor")


def doctor(bed):
    """`capstan doctor ndmp` on the data machine, about the tape machine's daemon."""
    ports = list(range(TAPE_PORTS[0], TAPE_PORTS[1] + 1))

    line = ["doctor", "ndmp", bed.tape.host, "--user", "ndmp", "--ports", text_of(TAPE_PORTS), "--timeout", "1",
            "--tape", bed.device]

    def verdicts():
        """({message: {port: outcome}}, findings, exit code, seconds)."""
        begun = time.monotonic()
        with bed.data.machine.inside():
            done = command(*line, "--json", succeeds=None, environment={"CAPSTAN_DOCTOR_PASSWORD": PASSWORD})
        took = time.monotonic() - begun
        expect(done.stdout.startswith("{"), f"{done.returncode}: {done.stdout}{done.stderr}")
        report = json.loads(done.stdout)
        sides = {
            side["message"]: {attempt.get("port"): attempt["outcome"] for attempt in side["attempts"]}
            for side in report["sides"]}
        expect(all("milliseconds" in attempt for side in report["sides"] for attempt in side["attempts"]), report)
        return sides, report["findings"], done.returncode, took

    def for_people(code):
        """What it says without --json; the exit code must be the same."""
        with bed.data.machine.inside():
            done = command(*line, succeeds=None, environment={"CAPSTAN_DOCTOR_PASSWORD": PASSWORD})
        expect(done.returncode == code, f"exit codes {done.returncode} and {code}")
        return done.stdout

    def is_told(sides, message, outcomes):
        expect(message in sides, f"{message} was not tried: {list(sides)}")
        found = sides[message]
        expect(found and set(found.values()) <= set(outcomes), f"{message}: {found} and not {outcomes}")
        expect(set(found) <= set(ports), f"{message}: ports {sorted(found)}")

    messages = ("DATA_LISTEN", "DATA_CONNECT", "MOVER_LISTEN", "MOVER_CONNECT")
    with steps.step("doctor ndmp with everything open: every port of both sides is open, exit code 0"):
        sides, findings, code, _ = verdicts()
        for message in messages:
            is_told(sides, message, ["open"])
            expect(set(sides[message]) == set(ports), f"{message} tried {sorted(sides[message])}")
        expect(code == 0, f"exit code {code}: {findings}")
        expect(re.search(rf"\b{ports[0]}\b.* open", for_people(code)), "no line for a port")
    for name, rule, outcomes in (
        ("dropped", "drop", ["dropped"]), ("rejected with a reset", "reject with tcp reset", ["refused"]),
        ("rejected with ICMP", "reject with icmp type admin-prohibited", ["unreachable", "refused"]),
    ):
        for blocked_side, address in (("LISTEN", netns.TAPE), ("CONNECT", netns.DATA)):
            with steps.step(f"doctor ndmp: {blocked_side} side {name}: told per port, with the rule to open, exit 2"):
                bed.network.rules(f"ip daddr {address} tcp dport {text_of(TAPE_PORTS)} {rule}")
                sides, findings, code, took = verdicts()
                for message in messages:
                    is_told(sides, message, outcomes if message.endswith(blocked_side) else ["open"])
                expect(code == 2, f"exit code {code}")
                told = " ".join(f"{finding['text']} {finding.get('remedy') or ''}" for finding in findings)
                expect(f"dport {text_of(TAPE_PORTS)}" in told and address in told, f"no rule to open: {told}")
                expect(took < 20, f"it took {took:.0f} s")
                if blocked_side == "LISTEN" and name == "dropped":
                    words = for_people(code)
                    expect(re.search(rf"\b{ports[0]}\b.* dropped", words) and address in words, words)
    with steps.step("doctor ndmp: one port of four dropped: that one is named, the others are open"):
        bed.network.rules(f"tcp dport {ports[2]} drop")
        sides, findings, code, _ = verdicts()
        for message in messages:
            wanted = {port: "dropped" if port == ports[2] else "open" for port in ports}
            expect(sides[message] == wanted, f"{message}: {sides[message]}")
        expect(code == 2 and any(str(ports[2]) in finding["text"] + (finding.get("remedy") or "")
                                 for finding in findings), findings)
    bed.network.open()
    with steps.step("doctor ndmp: a port taken on either machine is told, not called a firewall"):
        with bed.data.occupied(ports[:1]), bed.tape.occupied(ports[1:]):
            sides, findings, code, _ = verdicts()
            for message in ("DATA_CONNECT", "MOVER_CONNECT"):
                expect(sides[message].get(ports[0]) == "taken", f"{message}: {sides[message]}")
            expect(not any("dropped" in finding["text"] for finding in findings), findings)
    with steps.step("doctor ndmp: a wrong password, no server, and a closed control port are told apart"):
        environment = {"CAPSTAN_DOCTOR_PASSWORD": "wrong"}
        with bed.data.machine.inside():
            wrong = command("doctor", "ndmp", bed.tape.host, "--user", "ndmp", succeeds=None, environment=environment)
            none = command("doctor", "ndmp", f"{bed.tape.host}:9", "--timeout", "1", succeeds=None)
            bed.network.rules(f"tcp dport {CONTROL} drop")
            silent = command("doctor", "ndmp", bed.tape.host, "--timeout", "1", succeeds=None)
        expect([wrong.returncode, none.returncode, silent.returncode] == [2, 2, 2], "exit codes")
        for done, word in (
            (wrong, "NOT_AUTHORIZED|password|log-in"), (none, "refused|closed"), (silent, "dropped|no answer"),
        ):
            expect(re.search(word, done.stdout, re.IGNORECASE), f"no {word}: {done.stdout}{done.stderr}")
    bed.network.open()
    with steps.step("afterwards the server is as before: no session, no listener left, and a job passes"):
        wait_until(lambda: not bed.tape.daemon.json("status")["sessions"], "the doctor's sessions to end")
        expect(not bed.tape.listeners() & set(ports), "a data port is still open")
        bed.backup("tape")


netns.become_root()
if reason := netns.why_not():
    steps.skip("the doctor through a firewall", reason)
else:
    with two_machines() as machines:
        doctor(machines)
steps.finish()
