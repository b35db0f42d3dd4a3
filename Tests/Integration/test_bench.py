# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""Scripts/bench runs from end to end with one small pair a row, its contents compared. It measures nothing here."""

import os
import shutil
import subprocess

from harness import PROGRAM, REPOSITORY, Steps, expect

steps = Steps("bench")
if shutil.which("gcc"):
    with steps.step("Scripts/bench --smoke fills its table and every comparison of contents holds"):
        done = subprocess.run(
            [str(REPOSITORY / "Scripts/bench"), "--smoke"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=300, env={**os.environ, "CAPSTAN_PROGRAM": PROGRAM}, check=False)
        expect(done.returncode == 0, f"ended with {done.returncode}:\n{done.stdout}\n{done.stderr[-3000:]}")
        for row in ("mover write 64 KiB", "mover write 256 KiB", "mover read 64 KiB", "TAPE_WRITE 64 KiB", "durable",
                    "tar backup", "tar recovery", "dump backup", "dump recovery"):
            expect(row in done.stdout, f"no row {row!r}:\n{done.stdout}")
        print(done.stdout)
else:
    steps.skip("bench", "gcc is not installed")
steps.finish()
