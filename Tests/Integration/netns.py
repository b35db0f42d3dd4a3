# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Network namespaces of a test's own: three machines in a row, with a firewall in the middle.

    data 10.99.1.1 ── 10.99.1.254 middle 10.99.2.254 ── 10.99.2.1 tape

The middle routes between the two and is where the DMA runs, so that its rules hit data connections only. The
addresses exist in these namespaces alone, nothing leaves them, and they vanish with the processes that hold them.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys

from harness import wait_until

DATA, TAPE = "10.99.1.1", "10.99.2.1"
MIDDLE_OF_DATA, MIDDLE_OF_TAPE = "10.99.1.254", "10.99.2.254"
CLONE_NEWNET = 0x4000_0000
libc = ctypes.CDLL(None, use_errno=True)


def why_not():
    """None, or why namespaces cannot be made here."""
    for tool in ("ip", "nft", "unshare", "nsenter"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    done = subprocess.run(["unshare", "-n", "nft", "list", "ruleset"], capture_output=True, text=True, check=False)
    return done.stderr.strip() or "no permission" if done.returncode else None


def become_root():
    """Starts this test again as root of a user namespace, when it is not root and the system lets it."""
    if os.geteuid() == 0 or os.environ.get("CAPSTAN_USER_NAMESPACE"):
        return
    if subprocess.run(["unshare", "-Urn", "true"], capture_output=True, check=False).returncode == 0:
        os.environ["CAPSTAN_USER_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "-Urn", sys.executable, "-B", *sys.argv])


class Namespace:
    """One machine. `inside()` makes what the body starts, and the sockets that it opens, belong to it."""

    def __init__(self, name):
        self.name = name
        # It says so when it is there, and ends with its standard input.
        self.holder = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "echo there; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not self.holder.stdout.readline():
            raise OSError("no network namespace")
        self.file = os.open(f"/proc/{self.holder.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *words, text=None):
        with self.inside():
            done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"{self.name}: {' '.join(words)}: {done.stderr}{text or ''}")
        return done.stdout

    @contextlib.contextmanager
    def inside(self):
        """Of this thread only. A socket stays in the namespace that it was made in."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._enter(self.file)
            yield self
        finally:
            self._enter(before)
            os.close(before)

    @staticmethod
    def _enter(file):
        if libc.setns(file, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def close(self):
        os.close(self.file)
        self.holder.stdin.close()
        self.holder.wait()


class Network:
    """The three machines, wired and routed, no rules; a context manager."""

    def __enter__(self):
        self.data, self.middle, self.tape = (Namespace(name) for name in ("data", "middle", "tape"))
        for side, near, far in ((self.data, DATA, MIDDLE_OF_DATA), (self.tape, TAPE, MIDDLE_OF_TAPE)):
            self.middle.run(
                "ip", "link", "add", f"to-{side.name}", "type", "veth", "peer", "name", "eth0",
                "netns", str(side.holder.pid))
            self.middle.run("ip", "address", "add", f"{far}/24", "dev", f"to-{side.name}")
            self.middle.run("ip", "link", "set", f"to-{side.name}", "up")
            side.run("ip", "address", "add", f"{near}/24", "dev", "eth0")
            side.run("ip", "link", "set", "eth0", "up")
            side.run("ip", "route", "add", "default", "via", far)
        # The kernel drops what is sent before it has noticed that a cable is plugged in.
        machines = (self.data, self.middle, self.tape)
        wait_until(
            lambda: not any(" DOWN " in machine.run("ip", "-br", "link") for machine in machines), "the links to be up")
        # Routes, and says so each time that it rejects something, however often.
        for name, value in (("ip_forward", 1), ("icmp_ratelimit", 0)):
            self.middle.run("sh", "-c", f"echo {value} > /proc/sys/net/ipv4/{name}")
        return self

    def __exit__(self, *_):
        for machine in (self.data, self.middle, self.tape):
            machine.close()

    def rules(self, forward="", translate=""):
        """Replaces the middle's rules: what is done with packets from one side to the other."""
        self.middle.run("nft", "-f", "-", text=(
            "flush ruleset\n"
            "table ip test {\n"
            f" chain forward {{ type filter hook forward priority 0; policy accept;\n{forward}\n }}\n"
            f" chain before {{ type nat hook prerouting priority -100; policy accept;\n{translate}\n }}\n"
            "}\n"))

    def open(self):
        self.rules()
