# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Two daemons in the namespaces of netns.py, one with files and one with tapes, and what the tests of ports do with
them.
"""

import contextlib
import os
import socket

import ndmp_client as ndmp
import netns
from harness import Daemon, temporary_folder
from ndmp_data import Job, good, log_in, tape_session

CONNECT_SECONDS, ACCEPT_SECONDS = 2, 3
# What a loaded machine may take on top.
SLACK_SECONDS = 2.0
DATA_PORTS, TAPE_PORTS = (18700, 18703), (18600, 18603)
CONTROL = 10000
# The default one is taken on the loopback address only.
PASSWORD = "between two routers"


def text_of(ports):
    return f"{ports[0]}-{ports[1]}"


class Side:
    """A daemon on one of the machines."""

    def __init__(self, machine, host, ports, *arguments):
        self.machine, self.host, self.ports = machine, host, ports
        with machine.inside():
            self.daemon = Daemon(ndmp=f"{host}:{CONTROL}", arguments=[
                "--ndmp-data-ports", text_of(ports), "--ndmp-connect-timeout", str(CONNECT_SECONDS),
                "--ndmp-accept-timeout", str(ACCEPT_SECONDS), *arguments],
                environment={"CAPSTAN_NDMP_PASSWORD": PASSWORD})

    def set(self, *changes):
        self.daemon.run("ndmp", "set", *changes)

    def listeners(self):
        """TCP ports that this machine listens on."""
        lines = self.machine.run("ss", "-Hltn").splitlines()
        return {int(line.split()[3].rsplit(":", 1)[1]) for line in lines}

    @contextlib.contextmanager
    def occupied(self, ports):
        """Another program holds these ports."""
        with contextlib.ExitStack() as held, self.machine.inside():
            for port in ports:
                held.enter_context(socket.create_server((self.host, port)))
            yield


class Bed:
    def __init__(self, network, data, tape, tree):
        self.network, self.data, self.tape, self.tree = network, data, tape, tree
        self.device = tape.daemon.tapes[0]

    @contextlib.contextmanager
    def sessions(self):
        """(session with the data side, session with the tape side and its drive open), both from the middle."""
        with self.network.middle.inside():
            data = log_in(self.data.host, CONTROL, password=PASSWORD)
            tape = tape_session(self.tape.host, CONTROL, self.device, password=PASSWORD)
            tape_client = tape.__enter__()
        try:
            yield data, tape_client
        finally:
            data.close()
            tape.__exit__(None, None, None)

    def backup(self, listener):
        """A whole backup and recovery succeed; the address that was told."""
        with self.sessions() as (data, tape):
            job = Job(data, tape, listener=listener).backup(self.tree).succeeded()
            good(tape.mtio(ndmp.EOF))
            good(tape.mtio(ndmp.REW))
            return job.address


@contextlib.contextmanager
def two_machines():
    """A Bed, everything open, one cartridge loaded."""
    with temporary_folder("capstan-ports-") as folder, netns.Network() as network:
        tree = os.path.join(folder, "tree")
        os.mkdir(tree)
        # Enough that no socket buffer holds it.
        with open(os.path.join(tree, "large"), "wb") as file:
            for _ in range(24):
                file.write(os.urandom(1 << 20))
        data = Side(network.data, netns.DATA, DATA_PORTS, "--export", tree)
        with data.daemon:
            tape = Side(network.tape, netns.TAPE, TAPE_PORTS)
            with tape.daemon:
                tape.daemon.run("load", "1", "0")
                yield Bed(network, data, tape, tree)
