"""The Debian package in a real Debian under a real systemd."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "Tests/EndToEnd"))  # the wire

import machine as machines  # noqa: E402
from service import Service  # noqa: E402


@pytest.fixture(scope="session")
def package() -> Path:
    (package,) = Path(os.environ.get("XENTD_DEB_DIR", ROOT / "dist")).glob("xentd_*.deb")
    return package


@pytest.fixture(scope="session")
def service(package: Path) -> Iterator[Service]:
    """The service, installed and started by the package in a booted machine."""
    if obstacle := machines.obstacle():
        pytest.skip(obstacle)
    machine = machines.Machine()
    try:
        service = Service(machine)
        service.install(package)
        yield service
    finally:
        machine.stop()
