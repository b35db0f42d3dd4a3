# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Data connections through a firewall: three machines in network namespaces of the test's own (netns.py).

One daemon has the files, one the tapes, the DMA sits on the router between them. What the router drops, rejects or
translates must come out as a *connect* error that names address, port and cause, in the DMA's log and in ours, within
the configured time, and never as a fault of the tape; the same job passes when the way is open.
"""

import re
import socket
import time

import ndmp_client as ndmp
import ndmp_data
import netns
from harness import Daemon, Steps, command, expect, wait_until
from ndmp_data import AT_ONCE_SECONDS, CONNECT_ERROR, SUCCESSFUL, Job, good, tape_session
from ports_bed import (
    ACCEPT_SECONDS, CONNECT_SECONDS, DATA_PORTS, PASSWORD, SLACK_SECONDS, TAPE_PORTS, text_of, two_machines)

FORBIDDEN_WORDS = re.compile(r"\b(medium|media|tape fault|I/O error)\b", re.IGNORECASE)
REFUSED, SILENT = r"refused", r"no answer within \d+ s"
UNREACHABLE = r"no route to host|host (is )?unreachable|network is unreachable|prohibited|no answer within \d+ s"
steps = Steps("ports")


class End:
    """One end of a data connection, data service or mover, in the words of this test."""

    def __init__(self, side, session, is_mover):
        self.side, self.session, self.is_mover = side, session, is_mover

    def listen(self, mode=ndmp.TO_TAPE):
        if self.is_mover:
            good(self.session.mover_record_size(65536))
            good(self.session.mover_window())
            return good(self.session.mover_listen(mode)).address
        return good(self.session.data_listen()).address

    def ask_to_connect(self, host, port, mode=ndmp.TO_TAPE):
        address = self.session.encode_address(ndmp.TCP, host, port)
        if not self.is_mover:
            return self.session.ask(0x40A, address)
        good(self.session.mover_record_size(65536))
        good(self.session.mover_window())
        return self.session.ask(0xA09, ndmp.u32(mode) + address)

    def state(self):
        return good(self.session.mover_state() if self.is_mover else self.session.data_state())

    def halted(self):
        """The reason of the halt post: waits for it."""
        return self.session.wait_for_event("mover halted" if self.is_mover else "data halted")[0]

    def stop(self):
        good(self.session.mover_stop() if self.is_mover else self.session.data_stop())
        expect(self.state().state == ndmp.IDLE, self.state())

    def says(self, host, port, cause):
        """Both the DMA's log and ours name the address, the port and the cause."""
        said = self.session.errors()
        place = f"{host}:{port}"
        expect(any(place in text and re.search(cause, text, re.IGNORECASE) for text in said), f"LOG_MESSAGE: {said}")
        ours = [line for line in self.side.daemon.log().splitlines() if place in line]
        expect(any(re.search(cause, line, re.IGNORECASE) for line in ours), f"our log has not {place}: {ours}")
        expect(not any(FORBIDDEN_WORDS.search(text) for text in said), f"a fault of the tape: {said}")


def ends(bed, data, tape, dialler):
    """(the end that connects, the end that listens)."""
    mover, service = End(bed.tape, tape, True), End(bed.data, data, False)
    return (service, mover) if dialler == "data" else (mover, service)


def blocked(bed, dialler, name, rule, cause, is_silent):
    """A connection that does not come about; then the way is opened and the same job passes."""
    ports = TAPE_PORTS if dialler == "data" else DATA_PORTS
    listener = "tape" if dialler == "data" else "data"
    with steps.step(f"{dialler} side connects, range {name}: CONNECT_ERR with address, port and cause"):
        bed.network.rules(f"tcp dport {text_of(ports)} {rule}")
        with bed.sessions() as (data, tape):
            connects, listens = ends(bed, data, tape, dialler)
            host, port = listens.listen()
            expect(ports[0] <= port <= ports[1], f"port {port}")
            listened = time.monotonic()
            asked = connects.ask_to_connect(host, port)
            if is_silent:
                state = connects.state()
                expect(time.monotonic() - listened < AT_ONCE_SECONDS, "GET_STATE waited for the connection")
                expect(not connects.session.answered(asked), "the connect was answered before its time")
                expect(state.state == ndmp.IDLE, state)
            error = connects.session.answer(asked)
            took = time.monotonic() - listened
            expect(error == ndmp.CONNECT_ERR, f"error {error}")
            limit = CONNECT_SECONDS + SLACK_SECONDS if is_silent else AT_ONCE_SECONDS
            expect(took < limit, f"the answer took {took:.1f} s")
            expect(not is_silent or took > CONNECT_SECONDS - 0.2, f"it gave up after {took:.1f} s")
            expect(connects.state().state == ndmp.IDLE, "it is not idle afterwards")
            connects.says(host, port, cause)
            # The other end learns nothing, and ends by its own clock.
            reason = listens.halted()
            took = time.monotonic() - listened
            expect(reason == CONNECT_ERROR, f"halt reason {reason}")
            expect(ACCEPT_SECONDS - 0.2 < took < ACCEPT_SECONDS + SLACK_SECONDS, f"it halted after {took:.1f} s")
            listens.says(host, port, r"nobody connected|no data connection came")
            expect(port not in listens.side.listeners(), "the data port is still open")
            listens.stop()
            expect(tape.position() == (0, 0), "the tape has moved")
            expect(not tape.events, "the mover paused")
    with steps.step(f"{dialler} side connects, range {name}, then opened: the same job passes"):
        bed.network.open()
        bed.backup(listener)


def called_off(bed):
    for dialler in ("data", "tape"):
        with steps.step(f"{dialler} side: ABORT ends a connect that gets no answer at once; so does the session's end"):
            bed.network.rules("tcp dport 18600-18799 drop")
            with bed.sessions() as (data, tape):
                connects, listens = ends(bed, data, tape, dialler)
                asked = connects.ask_to_connect(*listens.listen())
                begun = time.monotonic()
                good(connects.session.mover_abort() if connects.is_mover else connects.session.data_abort())
                expect(connects.halted() == ndmp_data.ABORTED, "halt reason")
                expect(connects.session.answer(asked) != 0, "the connect succeeded")
                expect(time.monotonic() - begun < AT_ONCE_SECONDS, f"{time.monotonic() - begun:.1f} s")
                connects.stop()
                # And again, with the session that ends meanwhile.
                connects.ask_to_connect("10.99.2.1" if dialler == "data" else "10.99.1.1", 18650)
                files = connects.side.daemon.open_files()
                connects.session.drop()
                wait_until(lambda: connects.side.daemon.open_files() < files, "the session to end", CONNECT_SECONDS / 2)
            bed.network.open()


def taken(bed):
    free = TAPE_PORTS[1] - 1
    others = [port for port in range(TAPE_PORTS[0], TAPE_PORTS[1] + 1) if port != free]
    everything = range(TAPE_PORTS[0], TAPE_PORTS[1] + 1)
    with steps.step("all ports but one taken: that one is used, and the job passes"):
        with bed.tape.occupied(others):
            expect(bed.backup("tape") == (netns.TAPE, free), "another port")
    with steps.step("every port taken: LISTEN is CONNECT_ERR, both logs name the range; a free port, and it passes"):
        with bed.sessions() as (data, tape), bed.tape.occupied(everything):
            good(tape.mover_record_size(65536))
            expect(tape.mover_listen(ndmp.TO_TAPE).error == ndmp.CONNECT_ERR, "no CONNECT_ERR")
            said = tape.errors()
            expect(any(text_of(TAPE_PORTS) in text for text in said), f"LOG_MESSAGE: {said}")
            expect(f"{text_of(TAPE_PORTS)}" in bed.tape.daemon.log(), "our log does not name the range")
            expect(tape.mover_state().state == ndmp.IDLE, "state")
        bed.backup("tape")
    with steps.step("policy fail: a taken port refuses the resource and is named; set back to next it passes"):
        bed.tape.set("port-policy=fail")
        try:
            with bed.sessions() as (data, tape), bed.tape.occupied(others):
                good(tape.mover_record_size(65536))
                # The free one may be due first.
                replies = [tape.mover_listen(ndmp.TO_TAPE)]
                if not replies[0].error:
                    good(tape.mover_abort())
                    good(tape.mover_stop())
                    replies.append(tape.mover_listen(ndmp.TO_TAPE))
                expect(replies[-1].error == ndmp.CONNECT_ERR, replies)
                said = " ".join(tape.errors())
                named = [port for port in others if str(port) in said.replace(text_of(TAPE_PORTS), "")]
                expect(len(named) == 1, f"LOG_MESSAGE: {said}")
                expect(f"{named[0]}" in bed.tape.daemon.log(), "our log does not name the port")
        finally:
            bed.tape.set("port-policy=next")
        bed.backup("tape")


def source_ports(bed):
    with steps.step("connect-ports: connections come from that range; what the firewall lets through passes"):
        bed.data.set("connect-ports=19000-19003")
        bed.network.rules("tcp dport 18600-18603 tcp sport != 19000-19003 drop")
        for _ in range(6):
            bed.backup("tape")
    with steps.step("connect-ports all taken: CONNECT_ERR that names the range"):
        bed.network.open()
        with bed.data.occupied(range(19000, 19004)), bed.sessions() as (data, tape):
            connects, listens = ends(bed, data, tape, "data")
            host, port = listens.listen()
            expect(connects.session.answer(connects.ask_to_connect(host, port)) == ndmp.CONNECT_ERR, "no CONNECT_ERR")
            expect(any("19000-19003" in text for text in data.errors()), data.logs)
            good(tape.mover_abort())
    bed.data.set("connect-ports=any")
    bed.network.open()


def advertised(bed):
    with steps.step("an advertised address that leads nowhere: CONNECT_ERR at the data side that names it"):
        for address in ("10.99.99.1", "10.99.2.77"):
            bed.tape.set(f"advertise={address}")
            with bed.sessions() as (data, tape):
                connects, listens = ends(bed, data, tape, "data")
                host, port = listens.listen()
                expect(host == address, f"told {host}")
                begun = time.monotonic()
                expect(connects.session.answer(connects.ask_to_connect(host, port)) == ndmp.CONNECT_ERR, "no error")
                expect(time.monotonic() - begun < CONNECT_SECONDS + SLACK_SECONDS, "it took too long")
                connects.says(host, port, UNREACHABLE)
                expect(listens.halted() == CONNECT_ERROR, "halt reason")
                listens.says(host, port, r"nobody connected|no data connection came")
                listens.stop()
    with steps.step("an advertised address that the router translates: the job passes where the direct way is closed"):
        bed.network.rules(
            f"iifname to-data ct original ip daddr {netns.TAPE} tcp dport {text_of(TAPE_PORTS)} drop",
            f"ip daddr {netns.MIDDLE_OF_DATA} tcp dport {text_of(TAPE_PORTS)} dnat to {netns.TAPE}")
        bed.tape.set(f"advertise={netns.MIDDLE_OF_DATA}")
        host, _ = bed.backup("tape")
        expect(host == netns.MIDDLE_OF_DATA, f"told {host}")
    with steps.step("two addresses in v4's list, the first leads nowhere: the second is used"):
        bed.tape.set(f"advertise=10.99.99.1,{netns.MIDDLE_OF_DATA}")
        with bed.sessions() as (data, tape):
            good(tape.mover_record_size(65536))
            good(tape.mover_window())
            error, answer = tape.reply_to(tape.send(0xA01, ndmp.u32(ndmp.TO_TAPE, ndmp.TCP)), 0xA01)
            expect((error, answer.u32()) == (0, 0), "MOVER_LISTEN")
            whole = answer.data[answer.at:]
            expect(ndmp.u32(ndmp.TCP, 2) == whole[:8], f"not two addresses: {whole.hex()}")
            asked = data.ask(0x40A, whole)
            expect(data.answer(asked) == 0, data.logs)
            good(data.start_backup("tar", {"FILESYSTEM": bed.tree}))
            expect(data.wait_for_event("data halted") == (SUCCESSFUL,), data.logs)
            expect(tape.wait_for_event("mover halted") == (ndmp_data.CONNECT_CLOSED,), tape.logs)
    bed.tape.set("advertise=auto")
    bed.network.open()


def interfaces(bed):
    with steps.step("the address told is that of the control connection, also with several interfaces"):
        bed.tape.machine.run("ip", "address", "add", "10.99.2.2/24", "dev", "eth0")
        with bed.tape.machine.inside(), Daemon(
            ndmp="0.0.0.0:10001", arguments=["--ndmp-data-ports", "18610-18613"],
            environment={"CAPSTAN_NDMP_PASSWORD": PASSWORD},
        ) as daemon, bed.network.middle.inside():
            daemon.run("load", "1", "0")
            for address in ("10.99.2.2", "10.99.2.1"):
                with tape_session(address, 10001, daemon.tapes[0], password=PASSWORD) as tape:
                    good(tape.mover_record_size(65536))
                    expect(good(tape.mover_listen(ndmp.TO_TAPE)).address[0] == address, "another address")
                    lines = bed.tape.machine.run("ss", "-Hltn").splitlines()
                    places = [line.split()[3] for line in lines if ":1861" in line.split()[3]]
                    expect(places and all(place.startswith(f"{address}:") for place in places), f"open at {places}")
    with steps.step("interface=ADDRESS: data ports are opened there and only there"):
        bed.tape.set("interface=10.99.2.2")
        with bed.sessions() as (data, tape):
            good(tape.mover_record_size(65536))
            host, port = good(tape.mover_listen(ndmp.TO_TAPE)).address
            expect(host == "10.99.2.2", f"told {host}")
        bed.tape.set("interface=auto")


def at_run_time(bed):
    with steps.step("capstan ndmp set data-ports=A-B is used for the next connection, and shown"):
        with bed.sessions() as (data, tape):
            good(tape.mover_record_size(65536))
            for first in (18650, 18660):
                bed.tape.set(f"data-ports={first}-{first + 3}")
                expect(f"{first}-{first + 3}" in bed.tape.daemon.run("ndmp", "show").stdout, "ndmp show")
                _, port = good(tape.mover_listen(ndmp.TO_TAPE)).address
                expect(first <= port <= first + 3, f"port {port}")
                good(tape.mover_abort())
                good(tape.mover_stop())
        bed.tape.set(f"data-ports={text_of(TAPE_PORTS)}")
    with steps.step("timeouts set at run time hold for the next connection"):
        bed.tape.set("accept-timeout=1")
        with bed.sessions() as (data, tape):
            good(tape.mover_record_size(65536))
            begun = time.monotonic()
            good(tape.mover_listen(ndmp.TO_TAPE))
            expect(tape.wait_for_event("mover halted") == (CONNECT_ERROR,), "halt reason")
            expect(0.8 < time.monotonic() - begun < 1 + SLACK_SECONDS, f"{time.monotonic() - begun:.1f} s")
        bed.tape.set(f"accept-timeout={ACCEPT_SECONDS}")
    with steps.step("nonsense is refused with words, and changes nothing"):
        before = bed.tape.daemon.run("ndmp", "show").stdout
        for change in (
            "data-ports=18603-18600", "data-ports=0-70000", "data-ports=abc", "port-policy=maybe", "sessions=0",
            "advertise=not.an.address", "accept-timeout=-1", "connect-timeout=x", "nothing=1", "data-ports",
        ):
            done = command("ndmp", "set", change, socket=bed.tape.daemon.socket, succeeds=False)
            expect(done.stderr.strip(), f"{change} refused without a word")
        expect(bed.tape.daemon.run("ndmp", "show").stdout == before, "something changed")


def broken_on_the_way(bed):
    with steps.step("the way is cut in the middle of a backup: ABORT ends both sides at once, and the next one passes"):
        with bed.sessions() as (data, tape):
            job = Job(data, tape).connect(ndmp.TO_TAPE)
            bed.network.rules("tcp dport 18600-18799 drop\n tcp sport 18600-18799 drop")
            good(data.start_backup("tar", {"FILESYSTEM": bed.tree}))
            # More than the socket takes: the data service is stuck in the middle.
            wait_until(lambda: data.data_state().processed > 0, "the first bytes")
            job.abort()
            expect((job.data_reason, job.mover_reason) == (ndmp_data.ABORTED, ndmp_data.ABORTED), job)
            good(tape.mtio(ndmp.REW))
        bed.network.open()
        bed.backup("tape")
    with steps.step("the connection is reset in the middle of a backup: halts for the connection, never for the tape"):
        with bed.sessions() as (data, tape):
            job = Job(data, tape).connect(ndmp.TO_TAPE)
            bed.network.rules("tcp dport 18600-18799 reject with tcp reset")
            good(data.start_backup("tar", {"FILESYSTEM": bed.tree}))
            expect(data.wait_for_event("data halted") == (CONNECT_ERROR,), data.logs)
            expect(any(f":{job.address[1]}" in text for text in data.errors()), data.logs)
            # A reset by a firewall reaches the sender only.
            bed.network.open()
            good(tape.mover_abort())
            expect(tape.wait_for_event("mover halted") == (ndmp_data.ABORTED,), "halt reason")
        bed.backup("data")


def announced(daemon):
    """What is in its log when everything is said."""
    wait_until(lambda: "READY" in daemon.log().splitlines(), "READY")
    return daemon.log()


def warnings():
    """What a daemon says of its range when it starts; it runs all the same."""
    def log(*arguments):
        with Daemon(arguments=list(arguments)) as daemon:
            return announced(daemon)

    with steps.step("a good range and no range start without a warning"):
        for arguments in ((), ("--ndmp-data-ports", "18600-18899")):
            expect("data-port" not in log(*arguments).lower() and "data port" not in log(*arguments).lower(),
                   log(*arguments))
    cases = (
        ("too small for the session limit", ("18600-18605", "--ndmp-sessions", "16"), r"18600-18605.*\b16 sessions"),
        ("smaller than the number of drives", ("18600-18601", "--ndmp-sessions", "2"), r"18600-18601.*\b4 drives"),
        ("contains a backup product's port", ("10080-10090", "--ndmp-sessions", "4"), r"10082"),
        ("contains NetBackup's ports", ("13700-13800", "--ndmp-sessions", "4"), r"13724[\s\S]*13782"),
        ("contains 1556 and 10102", ("1500-10200", "--ndmp-sessions", "4"), r"1556[\s\S]*10102|10102[\s\S]*1556"),
    )
    for name, arguments, wanted in cases:
        with steps.step(f"start-up warns: range {name}"):
            said = log("--ndmp-data-ports", *arguments)
            expect(re.search(wanted, said), said)
            expect("warning" in said.lower(), said)
    with steps.step("start-up warns: range overlaps the control port and the web port"):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        port = min(max(port, 2000), 60000)
        with Daemon(ndmp=f"127.0.0.1:{port}", arguments=[
            "--ndmp-data-ports", f"{port - 20}-{port + 20}", "--ndmp-sessions", "4",
        ]) as daemon:
            said = [line for line in announced(daemon).splitlines() if "warning" in line]
            expect(any(re.search(rf"\b{port}\b", line) for line in said), daemon.log())


def run(bed):
    with steps.step("with everything open both directions pass"):
        bed.backup("tape")
        bed.backup("data")
    for dialler in ("data", "tape"):
        for name, rule, cause, is_silent in (
            ("dropped", "drop", SILENT, True),
            ("rejected with a reset", "reject with tcp reset", REFUSED, False),
            ("rejected with ICMP", "reject with icmp type admin-prohibited", UNREACHABLE, False),
        ):
            blocked(bed, dialler, name, rule, cause, is_silent)
    for case in (called_off, taken, source_ports, advertised, interfaces, at_run_time, broken_on_the_way):
        try:
            case(bed)
        finally:
            bed.network.open()


netns.become_root()
if reason := netns.why_not():
    steps.skip("data connections through a firewall", reason)
else:
    with two_machines() as machines:
        run(machines)
warnings()
steps.finish()
