# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Debian's Bacula in one folder: storage daemon, file daemon and director with an SQLite catalogue, on free ports, run
in the foreground and ended with the test. Nothing of the system's own Bacula configuration is read but its script
`mtx-changer`, which Bacula's users have too.
"""

import contextlib
import os
import pty
import re
import select
import signal
import socket
import subprocess
import time
import tty

from harness import Failure, expect, wait_until

CHANGER_SCRIPT = "/etc/bacula/scripts/mtx-changer"
CATALOGUE_SCHEMA = "/usr/share/dbconfig-common/data/bacula-director-sqlite3/install/sqlite3"
PASSWORD = "capstan-test"
MEDIA = "Capstan"
# What a console command may take: the longest one waits for a job.
CONSOLE_SECONDS = 240

STORAGE = """
Storage {{
  Name = test-sd
  SDAddress = 127.0.0.1
  SDPort = {sd_port}
  WorkingDirectory = "{folder}/sd"
  Pid Directory = "{folder}/sd"
  Plugin Directory = "/usr/lib/bacula"
  Maximum Concurrent Jobs = 10
}}
Director {{
  Name = test-dir
  Password = "{password}"
}}
Messages {{
  Name = Standard
  director = test-dir = all
}}
Autochanger {{
  Name = Robot
  Device = {names}
  Changer Command = "{script} %c %o %S %a %d"
  Changer Device = {changer}
}}
"""

DEVICE = """
Device {{
  Name = Drive-{index}
  Drive Index = {index}
  Media Type = {media}
  Archive Device = {path}
  Device Type = {kind}
  AutoChanger = yes
  AutomaticMount = yes
  AlwaysOpen = {always_open}
  RemovableMedia = yes
  RandomAccess = no
  LabelMedia = no
  Changer Command = "{script} %c %o %S %a %d"
  Changer Device = {changer}
{more}
}}
"""

FILES = """
FileDaemon {{
  Name = test-fd
  FDAddress = 127.0.0.1
  FDPort = {fd_port}
  WorkingDirectory = "{folder}/fd"
  Pid Directory = "{folder}/fd"
  Plugin Directory = "/usr/lib/bacula"
}}
Director {{
  Name = test-dir
  Password = "{password}"
}}
Messages {{
  Name = Standard
  director = test-dir = all, !skipped, !restored
}}
"""

DIRECTOR = """
Director {{
  Name = test-dir
  DirAddress = 127.0.0.1
  DIRport = {dir_port}
  QueryFile = "/dev/null"
  WorkingDirectory = "{folder}/dir"
  PidDirectory = "{folder}/dir"
  Maximum Concurrent Jobs = 4
  Password = "{password}"
  Messages = Standard
}}
Catalog {{
  Name = Catalogue
  dbname = "bacula"
  dbuser = ""
  dbpassword = ""
}}
Messages {{
  Name = Standard
  append = "{folder}/dir/messages" = all, !skipped
  console = all, !skipped, !saved
}}
Client {{
  Name = test-fd
  Address = 127.0.0.1
  FDPort = {fd_port}
  Catalog = Catalogue
  Password = "{password}"
  AutoPrune = no
}}
Autochanger {{
  Name = Robot
  Address = 127.0.0.1
  SDPort = {sd_port}
  Password = "{password}"
  Device = Robot
  Media Type = {media}
  Autochanger = Robot
  Maximum Concurrent Jobs = 4
}}
Pool {{
  Name = Tapes
  Pool Type = Backup
  Recycle = no
  AutoPrune = no
}}
FileSet {{
  Name = Tree
  Include {{
    Options {{
      signature = SHA1
      aclsupport = yes
      xattrsupport = yes
    }}
    File = "{source}"
  }}
}}
Job {{
  Name = Backup
  Type = Backup
  Level = Full
  Client = test-fd
  FileSet = Tree
  Storage = Robot
  Pool = Tapes
  Messages = Standard
}}
Job {{
  Name = Restore
  Type = Restore
  Client = test-fd
  FileSet = Tree
  Storage = Robot
  Pool = Tapes
  Messages = Standard
  Where = "{where}"
}}
"""

CONSOLE = """
Director {{
  Name = test-dir
  DIRport = {dir_port}
  Address = 127.0.0.1
  Password = "{password}"
}}
"""


def free_ports(count):
    """So many different TCP ports of loopback that nobody listens on now."""
    with contextlib.ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Bacula:
    """The three daemons' configurations below `folder`, for these tape devices and this changer.

    As a context manager it runs them. `btape` needs the configuration only.
    """

    def __init__(self, folder, drives, changer, source="/nonexistent", where="/nonexistent", kind="Tape",
                 script=CHANGER_SCRIPT, always_open="yes", more=""):
        self.folder, self.processes = folder, []
        self.dir_port, self.fd_port, self.sd_port = free_ports(3)
        words = {
            "folder": folder, "dir_port": self.dir_port, "fd_port": self.fd_port, "sd_port": self.sd_port,
            "password": PASSWORD, "source": source, "where": where, "media": MEDIA, "script": script,
            "changer": changer, "names": ", ".join(f"Drive-{index}" for index in range(len(drives))),
            "kind": kind, "always_open": always_open, "more": more,
        }
        for name in ("dir", "fd", "sd"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        devices = "".join(DEVICE.format(index=index, path=path, **words) for index, path in enumerate(drives))
        for name, text in (("sd.conf", STORAGE.format(**words) + devices), ("fd.conf", FILES.format(**words)),
                           ("dir.conf", DIRECTOR.format(**words)), ("bconsole.conf", CONSOLE.format(**words))):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        with open(CATALOGUE_SCHEMA, "rb") as schema:
            subprocess.run(["sqlite3", self.path("dir/bacula.db")], stdin=schema, check=True, capture_output=True)
        for program, name, port in (("bacula-sd", "sd", self.sd_port), ("bacula-fd", "fd", self.fd_port),
                                    ("bacula-dir", "dir", self.dir_port)):
            with open(self.path(name + ".out"), "ab") as out:
                process = subprocess.Popen([f"/usr/sbin/{program}", "-f", "-c", self.path(name + ".conf")],
                                           stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            self.processes.append((program, name, process))
            wait_until(lambda port=port, process=process: self._listens(process, port), f"{program} to listen", 30)

    def _listens(self, process, port):
        expect(process.poll() is None, "ended with", process.returncode, self.said())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def said(self):
        """What the daemons wrote."""
        text = ""
        for name in ("sd.out", "fd.out", "dir.out", "dir/messages"):
            with contextlib.suppress(FileNotFoundError):
                with open(self.path(name), errors="replace", encoding="utf-8") as file:
                    text += f"--- {name}\n" + file.read()[-4000:]
        return text

    def stop(self):
        for _, _, process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.processes = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print(f"# Bacula's last words:\n{self.said()}", flush=True)
        self.stop()

    def console(self, *commands, seconds=CONSOLE_SECONDS):
        """What bconsole prints to these lines."""
        done = subprocess.run(
            ["bconsole", "-n", "-c", self.path("bconsole.conf")], input="\n".join([*commands, "quit"]) + "\n",
            capture_output=True, text=True, errors="replace", timeout=seconds, check=False)
        expect(done.returncode == 0, f"bconsole ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def job(self, *commands, seconds=CONSOLE_SECONDS):
        """Starts a job by these lines and waits for its end; its report. Failure unless it ended well."""
        text = self.console(*commands, "wait", "messages", seconds=seconds)
        found = re.search(r"Job queued. JobId=(\d+)", text)
        expect(found, "no job was queued:", text[-3000:])
        text += self.console(f"list joblog jobid={found.group(1)}", "messages")
        status = self.console(f"list jobid={found.group(1)}")
        expect(re.search(r"\| T +\|", status), "the job did not end well:", status, text[-6000:])
        return text


class Conversation:
    """A program that asks questions at a terminal: what it says is read as it comes, and answered."""

    def __init__(self, *command):
        self.text, self.seen = "", 0
        self.terminal, its_end = pty.openpty()
        tty.setraw(its_end)
        self.process = subprocess.Popen(command, stdin=its_end, stdout=its_end, stderr=its_end, start_new_session=True)
        os.close(its_end)

    def _take(self, seconds):
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.terminal, 65_536)
        except OSError:  # Nobody has the other end any more.
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def until(self, *patterns, seconds=240):
        """Waits for one of these (regular expressions) behind what was seen before; which one, counted from 0."""
        deadline = time.monotonic() + seconds
        while True:
            found = [(match.start(), match.end(), index) for index, pattern in enumerate(patterns)
                     if (match := re.compile(pattern).search(self.text, self.seen))]
            if found:
                _, self.seen, index = min(found)
                return index
            remaining = deadline - time.monotonic()
            if remaining < 0 or not self._take(min(remaining, 5)):
                raise Failure(f"waited for {patterns} in vain; it said: {self.text[-3000:]}")

    def quit(self, seconds=60):
        """Tells it to quit at each prompt until it has ended, so that it closes its tape; all that it said."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise Failure(f"it does not quit: {self.text[-2000:]}")
            with contextlib.suppress(OSError):
                self.say("quit")
            if not self._take(1):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(1)
        return self.text

    def say(self, line):
        os.write(self.terminal, line.encode() + b"\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.terminal)
