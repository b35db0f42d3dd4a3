# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""One small Amanda run on one cartridge of a library, over NDMP. Needs root: Amanda runs as its own user, with its
configuration under /etc/amanda, which is taken away after the run."""

import os
import pwd
import re
import shutil
import subprocess

from harness import expect

CONFIGURATION = """
org "{name}"
mailto ""
dumpuser "backup"
infofile "{state}/info"
logdir "{state}/log"
indexdir "{state}/index"
tapedev "robot"
define changer robot {{
  tpchanger "chg-ndmp:127.0.0.1:{port}@{changer}"
  property "tape-device" "0=ndmp:127.0.0.1:{port}@{tape}"
  property "ndmp-username" "ndmp"
  property "ndmp-password" "ndmp"
  property "ndmp-auth" "md5"
{slots}  property "eject-before-unload" "no"
  property "load-poll" "0s poll 1s until 5s"
  changerfile "{state}/changer"
}}
runtapes 1
tapetype SMALL
define tapetype SMALL {{
  length 256 mbytes
  filemark 1 kbytes
  blocksize 256 kbytes
}}
tapecycle 1
dumpcycle 0
labelstr "^INSPECT-[0-9][0-9]$"
holdingdisk hold {{
  directory "{state}/hold"
  use 1 gb
}}
define dumptype plain {{
  auth "local"
  program "GNUTAR"
  compress none
  index yes
  estimate client
  holdingdisk required
}}
"""


class Amanda:
    """Amanda with the cartridge `barcode` as its only tape and `tree` as its only disk; a context manager."""

    label_text = "INSPECT-01"

    def __init__(self, daemon, folder, barcode, tree):
        self.daemon, self.barcode, self.tree = daemon, barcode, tree
        self.name = f"inspect{os.getpid()}"
        self.configuration = f"/etc/amanda/{self.name}"
        self.state = os.path.join(folder, "amanda")
        os.chmod(folder, 0o755)
        for name in ("", "/info", "/log", "/index", "/hold"):
            self._own(self.state + name)
        self.slot = None

    @staticmethod
    def _own(path):
        os.makedirs(path, mode=0o700, exist_ok=True)
        user = pwd.getpwnam("backup")
        os.chown(path, user.pw_uid, user.pw_gid)

    def _configure(self):
        slots = f'  property "use-slots" "{self.slot}"\n' if self.slot else ""
        text = CONFIGURATION.format(
            name=self.name, state=self.state, port=self.daemon.port, changer=self.daemon.changer,
            tape=self.daemon.tapes[0], slots=slots)
        self._own(self.configuration)
        user = pwd.getpwnam("backup")
        for name, content in (("amanda.conf", text), ("disklist", f"localhost {self.tree} plain\n")):
            path = os.path.join(self.configuration, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
            os.chown(path, user.pw_uid, user.pw_gid)

    def run(self, *words):
        done = subprocess.run(
            ["runuser", "-u", "backup", "--", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=600, cwd="/", check=False,
            env={**os.environ, "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        expect(done.returncode == 0, f"{words} ended with {done.returncode}: {done.stdout[-2000:]}{self.log()}")
        return done.stdout

    def log(self):
        folder = os.path.join(self.state, "log")
        return "".join(open(os.path.join(folder, name), errors="replace", encoding="utf-8").read()[-2000:]
                       for name in sorted(os.listdir(folder)) if name.startswith("log."))

    def label(self):
        self._configure()
        found = re.search(rf"^slot +(\d+):.*barcode {self.barcode}", self.run("amtape", self.name, "inventory"), re.M)
        expect(found, "Amanda does not see", self.barcode)
        self.slot = found.group(1)
        self._configure()
        self.run("amlabel", self.name, self.label_text, "slot", self.slot)

    def dump(self):
        self.run("amdump", self.name)
        expect(self.label_text in self.log() and "FAIL" not in self.log(), self.log())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.configuration, ignore_errors=True)
