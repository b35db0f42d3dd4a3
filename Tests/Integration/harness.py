# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""What the integration tests share: a daemon of one's own, its command line, and counted steps.

A test file is `test_SUBJECT.py`. It makes one `Steps`, runs its steps against daemons that it starts itself, and
ends with `steps.finish()`, which prints `N passed, N failed` and exits with an honest code. Nothing waits for a
while and hopes: `wait_until` polls a condition and gives up with words.

The program under test is CAPSTAN_PROGRAM, else .build/release/capstan of this repository.
"""

import atexit
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CAPSTAN_PROGRAM") or str(REPOSITORY / ".build/release/capstan")
IN_CI = os.environ.get("CI") == "true"
# A start on this class of machine takes a fraction of a second; a loaded CI machine gets plenty.
START_SECONDS = 30
STOP_SECONDS = 30
COMMAND_SECONDS = 120


# `timeout` ends a test with SIGTERM: as an exception it lets every `with` and `finally` clean up.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Failure(Exception):
    """A step's expectation did not hold; the text says which."""


def expect(condition, *words):
    """Raises Failure with these words unless the condition holds."""
    if not condition:
        raise Failure(" ".join(str(word) for word in words) or "expectation failed")


def wait_until(condition, what, seconds=10.0, every=0.01):
    """Returns the condition's first true value; raises Failure when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds} s in vain: {what}")
        time.sleep(every)


class Steps:
    """Counts steps: each is passed, failed, or (outside CI only) skipped."""

    def __init__(self, subject):
        self.subject, self.passed, self.failed, self.skipped = subject, 0, 0, 0
        self.begun = time.monotonic()

    @contextlib.contextmanager
    def step(self, name):
        """A step passes when its body raises nothing; a failure does not stop the file."""
        begun = time.monotonic()
        try:
            yield
        except Failure as failure:
            self.failed += 1
            print(f"FAIL {name}: {failure}", flush=True)
        except Exception:
            self.failed += 1
            print(f"FAIL {name}: {traceback.format_exc().strip()}", flush=True)
        else:
            self.passed += 1
            print(f"ok   {name} ({time.monotonic() - begun:.2f} s)", flush=True)

    def skip(self, name, why):
        """What cannot run here; in CI that is a failure."""
        if IN_CI:
            self.failed += 1
        else:
            self.skipped += 1
        print(f"SKIP {name}: {why}", flush=True)

    def finish(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"# {self.subject}: {time.monotonic() - self.begun:.1f} s")
        print(f"{self.passed} passed, {self.failed} failed{skipped}", flush=True)
        sys.exit(0 if self.failed == 0 and self.passed > 0 else 1)


@contextlib.contextmanager
def temporary_folder(prefix="capstan-test-"):
    folder = tempfile.mkdtemp(prefix=prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Daemon:
    """`capstan serve` on a free port, ready when the constructor returns; a context manager that stops it.

    `store=None` means --ephemeral. `arguments` are added to the command line. What the daemon writes goes to a log
    that is printed when it does not come up.
    """

    def __init__(self, store=None, arguments=(), ndmp="127.0.0.1:0", environment=None, cwd=None):
        self.folder = tempfile.mkdtemp(prefix="capstan-daemon-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.ready_file = os.path.join(self.folder, "ready.json")
        self.log_path = os.path.join(self.folder, "log")
        # It ends with its standard input, so that no daemon outlives a test, whatever happens to the test.
        self.command = [PROGRAM, "serve", "--exit-with-stdin", "--ndmp", ndmp, "--ready-file", self.ready_file]
        self.command += ["--ephemeral"] if store is None else ["--store", str(store)]
        self.command += list(arguments)
        self.environment = {**os.environ, **(environment or {})}
        self.cwd = cwd
        self.ready = None
        self.process = None
        self.start()

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.ready_file)
        begun = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=self.environment, cwd=self.cwd
            )
        try:
            wait_until(self._is_up, "the ready file of capstan serve", START_SECONDS, every=0.003)
        except Failure:
            self.kill()
            raise
        self.start_seconds = time.monotonic() - begun
        return self

    def _is_up(self):
        if self.process.poll() is not None:
            raise Failure(f"capstan serve ended with {self.process.returncode}: {self.log()[-2000:]}")
        try:
            with open(self.ready_file, encoding="utf-8") as file:
                self.ready = json.load(file)
        except FileNotFoundError:
            return False
        return True

    # The daemon's ready file, in the words that tests use.
    @property
    def port(self):
        return self.ready["ndmp"]["port"]

    @property
    def tapes(self):
        return self.ready["ndmp"]["tapes"]

    @property
    def changer(self):
        return self.ready["ndmp"]["changers"][0]

    @property
    def socket(self):
        return self.ready["http"]["socket"]

    @property
    def store(self):
        return self.ready["store"]

    @property
    def pid(self):
        return self.process.pid

    def agent(self, version=4, auth="m"):
        """The way ndmjob names this server."""
        return f"127.0.0.1:{self.port}/{version}{auth},ndmp,ndmp"

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise Failure("no VmRSS")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def run(self, *arguments, succeeds=True, seconds=COMMAND_SECONDS):
        """`capstan ARGUMENTS` against this daemon; the completed process, output as text."""
        return command(*arguments, socket=self.socket, succeeds=succeeds, seconds=seconds)

    def json(self, *arguments, seconds=COMMAND_SECONDS):
        """The same with --json, parsed; standard output must be JSON and nothing else."""
        done = self.run(*arguments, "--json", seconds=seconds)
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError as error:
            raise Failure(f"capstan {' '.join(arguments)} --json printed no JSON ({error}): {done.stdout[:300]!r}")

    # Where things are, by `capstan inventory --json`.
    def places(self):
        """Every element, as {"slot:3": "CAP003L8", "drive:0": None, …}."""
        return {f"{item['kind']}:{item['index']}": item.get("barcode") for item in self.json("inventory")["elements"]}

    def addresses(self):
        """The same elements' addresses, as {"slot:3": 4098, …}."""
        return {f"{item['kind']}:{item['index']}": item["element"] for item in self.json("inventory")["elements"]}

    def place_of(self, barcode):
        """The only place that holds this cartridge; "shelf" when it is in the store but in no element."""
        report = self.json("inventory")
        found = [f"{item['kind']}:{item['index']}" for item in report["elements"] if item.get("barcode") == barcode]
        expect(len(found) < 2, f"{barcode} is in {found}")
        if found:
            return found[0]
        known = [item["barcode"] for item in report["cartridges"]]
        return "shelf" if barcode in known else None

    def create(self, barcode, capacity=None, place=None):
        """A new cartridge, put into `place` when one is named."""
        self.run("cartridge", "create", barcode, *(["--capacity", capacity] if capacity else []))
        if place:
            if self.place_of(barcode) == "shelf":
                self.run("import", barcode, "--to", place)
            elif self.place_of(barcode) != place:
                self.run("move", self.place_of(barcode), place)

    def stop(self):
        """SIGTERM: drains, flushes, exits 0."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise Failure("SIGTERM did not end capstan serve")
        self.process.stdin.close()
        return self.process.returncode

    def kill(self):
        """kill -9."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process:
            self.process.stdin.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            status = self.stop()
            if kind is None:
                expect(status == 0, f"capstan serve ended with {status}: {self.log()[-2000:]}")
            else:
                print(f"# the daemon's last words:\n{self.log()[-3000:]}", flush=True)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def command(*arguments, socket=None, succeeds=True, seconds=COMMAND_SECONDS, cwd=None, environment=None):
    """Runs `capstan ARGUMENTS`. `succeeds=True` demands exit code 0, False another one, None takes either."""
    line = [PROGRAM, *[str(argument) for argument in arguments]]
    if socket:
        line += ["--socket", socket]
    done = subprocess.run(
        line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, cwd=cwd,
        env={**os.environ, **(environment or {})}, check=False,
    )
    if succeeds is not None and (done.returncode == 0) != succeeds:
        raise Failure(f"capstan {' '.join(line[1:])} ended with {done.returncode}: {done.stdout}{done.stderr}")
    if done.returncode < 0:
        raise Failure(f"capstan {' '.join(line[1:])} died of signal {-done.returncode}: {done.stderr}")
    return done


def refused(*arguments, **options):
    """A command that must be refused with words: exit code not 0, a sentence on standard error, no trap."""
    done = command(*arguments, succeeds=False, **options)
    expect(done.stderr.strip(), "refused without a word:", " ".join(str(argument) for argument in arguments))
    expect("Fatal error" not in done.stderr, "it crashed:", done.stderr)
    return done.stderr
