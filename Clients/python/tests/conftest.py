"""Clients of the package, real daemons, and doubles that misbehave as no real one does on demand."""

from __future__ import annotations

import importlib.util
import select
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
END_TO_END = ROOT / "Tests/EndToEnd"
# The daemon's own tests have what starts daemons, encodes the wire, and computes in 80 bits; none of it is the client's code.
sys.path.append(str(END_TO_END))
_spec = importlib.util.spec_from_file_location("end_to_end", END_TO_END / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
end_to_end = importlib.util.module_from_spec(_spec)
sys.modules["end_to_end"] = end_to_end
_spec.loader.exec_module(end_to_end)

Daemon = end_to_end.Daemon
PATIENCE = end_to_end.PATIENCE
start_daemon = end_to_end.start_daemon
daemon = end_to_end.daemon
shared_daemon = end_to_end.shared_daemon
hangs_up = end_to_end.hangs_up

import xentd  # noqa: E402
from doubles import Double  # noqa: E402


def start_again(daemon: Any) -> None:
    """Starts a daemon that has ended, whose last words to the service manager nobody heard."""
    while select.select([daemon.notices], [], [], 0)[0]:
        daemon.notices.recv(4096)
    daemon.start()


@pytest.fixture
def connect() -> Iterator[Callable[..., xentd.Client]]:
    """Makes clients, and closes them."""
    clients: list[xentd.Client] = []

    def make(endpoint: Any, **settings: Any) -> xentd.Client:
        settings.setdefault("timeout", PATIENCE)
        clients.append(xentd.Client(endpoint, **settings))
        return clients[-1]

    yield make
    for client in clients:
        client.close(wait=False)


@pytest.fixture
def client(shared_daemon: Any, connect: Callable[..., xentd.Client]) -> xentd.Client:
    return connect(shared_daemon.router)


@pytest.fixture
def double() -> Iterator[Callable[..., Double]]:
    """Starts doubles, and stops them; one that failed fails the test."""
    doubles: list[Double] = []
    with tempfile.TemporaryDirectory(prefix="xentd-", dir="/tmp") as directory:

        def start(*script: Any, **settings: Any) -> Double:
            doubles.append(Double(f"ipc://{directory}/{len(doubles)}", *script, **settings))
            return doubles[-1]

        yield start
        for each in doubles:
            each.stop()
    assert not [each.failure for each in doubles if each.failure]
