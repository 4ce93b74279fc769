"""The README's example runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from conftest import PATIENCE, ROOT, Daemon


def test_the_first_request_of_the_readme_runs_as_it_stands(shared_daemon: Daemon) -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert code is not None and code.group(1).count("\n") < 25
    environment = os.environ | {"XENTD_ENDPOINT": shared_daemon.router}
    command = [sys.executable, "-c", code.group(1)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment)
    assert run.returncode == 0, run.stderr
    assert "mean loss 0.31853" in run.stdout and "(0.41703" in run.stdout, run.stdout
