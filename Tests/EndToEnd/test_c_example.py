"""The example in C compiles without a warning, and says what it must."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import PATIENCE, ROOT, Daemon

COMPILER = shutil.which("cc") or shutil.which("clang") or shutil.which("gcc")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert COMPILER is not None, "no C compiler, and Swift brings one"
    binary = tmp_path_factory.mktemp("example") / "client"
    source = ROOT / "Examples/client.c"
    subprocess.run([COMPILER, "-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-o", binary, source, "-lzmq"], check=True)
    return binary


def test_the_example_in_c_computes_a_loss(client: Path, shared_daemon: Daemon) -> None:
    run = subprocess.run([client, shared_daemon.router], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "mean loss 0.318540, losses 0.417030 0.220050\n"


def test_the_example_in_c_says_what_is_wrong(client: Path) -> None:
    run = subprocess.run([client, "nonsense"], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 1
    assert run.stderr.startswith("connect: ")
