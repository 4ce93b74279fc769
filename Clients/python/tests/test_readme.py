"""The README's examples run as they stand, one after the other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

from conftest import PATIENCE, ROOT


def test_the_examples_of_the_readme_run_as_they_stand(shared_daemon: Any) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "Clients/python/README.md").read_text(), re.DOTALL)
    assert len(blocks) >= 6
    environment = os.environ | {"XENTD_ENDPOINT": shared_daemon.router, "PYTHONPATH": str(ROOT / "Clients/python/src")}
    command = [sys.executable, "-W", "error", "-c", "\n".join(blocks)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * 3, env=environment)
    assert run.returncode == 0, run.stderr
    assert "row 17: label 50257 is not in 0..<1000" in run.stdout
    assert "completed=" in run.stdout
