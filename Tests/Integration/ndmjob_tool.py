# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""The reference NDMP client of Debian's amanda-common, unmodified, and how to read what it says."""

import os
import re
import subprocess

from harness import expect

NDMJOB = "/usr/lib/amanda/ndmjob"


def is_installed():
    return os.access(NDMJOB, os.X_OK)


def ndmjob(*words, seconds=120):
    """Its output, standard error included; the exit code says little, so the words are what counts."""
    done = subprocess.run(
        [NDMJOB, "-o", "no-time-stamps", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=seconds, check=False,
    )
    text = done.stdout.decode(errors="backslashreplace")
    expect(done.returncode >= 0, f"ndmjob died of signal {-done.returncode}:\n{text[-2000:]}")
    return text


def tally(text, suite):
    """(pass, warn, fail, total) of a suite's FINAL line."""
    found = re.search(rf"FINAL {suite} \w+ -- pass=(\d+) warn=(\d+) fail=(\d+) \(total (\d+)\)", text)
    expect(found, f"no FINAL line:\n{text[-3000:]}")
    return tuple(int(number) for number in found.groups())


def says(text, *wrong):
    """Failure when ndmjob complains."""
    for word in ("failed", "problems", "FATAL", *wrong):
        expect(word not in text, text[-2500:])


def plain(name):
    """A name of an ndmjob index as bytes: what is not printable stands there as %XX."""
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), name)


class Index:
    """An index file (-I): `files` {path: its line} or `dirs` {(parent, name): node} and `nodes` {node: its line}."""

    def __init__(self, path):
        self.files, self.dirs, self.nodes, self.root, self.environment, self.media = {}, {}, {}, None, {}, []
        with open(path, "rb") as file:
            self.lines = file.read().split(b"\n")
        for line in self.lines:
            kind, _, rest = line.partition(b" ")
            if kind == b"DHf":
                name, _, stat = rest.partition(b" UNIX ")
                self.files[plain(name)] = stat
            elif kind == b"DHd":
                parent, name, _, node = rest.split(b" ")
                self.dirs[int(parent), plain(name)] = int(node)
            elif kind == b"DHn":
                node, _, stat = rest.partition(b" UNIX ")
                self.nodes[int(node)] = stat
            elif kind == b"DHr":
                self.root = int(rest)
            elif kind == b"DE":
                name, _, value = rest.partition(b"=")
                self.environment[name] = value
            elif kind == b"CM":
                self.media.append(rest.split(b" ")[1])

    def paths(self):
        """{path below the root: its line} of either form."""
        if self.root is None:
            return {path.strip(b"/"): line for path, line in self.files.items()}
        children = {}
        for (parent, name), node in self.dirs.items():
            if name not in (b".", b".."):
                children.setdefault(parent, []).append((name, node))
        found, waiting = {}, [(b"", self.root)]
        while waiting:
            path, node = waiting.pop()
            found[path] = self.nodes.get(node)
            waiting += [(path + b"/" + name if path else name, child) for name, child in children.get(node, ())]
        return found
