"""A short chaos; `make chaos` is the long one."""

from __future__ import annotations

import subprocess
import sys

from conftest import PATIENCE, ROOT, end_to_end


def test_in_a_short_chaos_every_batch_is_completed_once_and_right_to_the_bit() -> None:
    command = [sys.executable, ROOT / "Tests/Chaos/chaos.py", "--build", end_to_end.BIN, "--batches", "6000", "--clients", "3"]
    run = subprocess.run([*command, "--pause", "0.4", "--timeout", "80"], capture_output=True, text=True, timeout=PATIENCE * 5)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "every batch was completed once, and right to the bit" in run.stdout
