"""The watchdog bites a daemon that stands still or computes wrong, and only such a one."""

from __future__ import annotations

import ctypes
import os
import re
import select
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zmq

from conftest import PATIENCE, Client, Daemon
from wire import Request

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def small() -> Request:
    return Request(np.zeros((3, 4), np.float32), np.zeros(3, int))


def pings(daemon: Daemon, seconds: float) -> int:
    """How often the watchdog hears of the daemon in a time."""
    count, end = 0, time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([daemon.notices], [], [], left)[0]:
            count += daemon.notices.recv(4096) == b"WATCHDOG=1"
    return count


def await_silence(daemon: Daemon, seconds: float) -> None:
    deadline = time.monotonic() + PATIENCE
    while pings(daemon, seconds):
        assert time.monotonic() < deadline, "the watchdog is told that all is well"


def trace(request: int, thread: int) -> None:
    if libc.ptrace(request, thread, None, None) != 0:
        number = ctypes.get_errno()
        if request == PTRACE_SEIZE and number in (1, 13):
            pytest.skip(f"this machine does not let a process stop a thread of its child: {os.strerror(number)}")
        raise OSError(number, os.strerror(number))


def test_a_loop_that_stands_still_is_noticed_from_outside(
    start_daemon: Callable[..., Daemon], context: zmq.Context
) -> None:
    daemon = start_daemon(environment={"WATCHDOG_USEC": "2000000"})
    assert pings(daemon, 2) >= 2
    loop = daemon.process.pid  # The first thread's number is the process's.
    trace(PTRACE_SEIZE, loop)
    try:
        trace(PTRACE_INTERRUPT, loop)
        os.waitpid(loop, 0x40000000 | os.WUNTRACED)  # __WALL
        await_silence(daemon, 2)
        code, _, body = daemon.ask("/livez")
        assert code == 503 and "the loop has not turned for" in body
        code, _, body = daemon.ask("/readyz")
        assert code == 503 and "the loop has not turned for" in body
        assert not daemon.status()["ready"], "what only reads goes on"
    finally:
        trace(PTRACE_DETACH, loop)
    assert Client(context, daemon.router).ask(small()).status == 0
    assert pings(daemon, 2) >= 2
    assert daemon.ask("/readyz")[0] == 200


def self_test_logits() -> bytes:
    """The logits of the daemon's self-test, as its description has them."""
    rows, columns = np.mgrid[0:16, 0:257]
    return (((rows * 37 + columns * 91) % 257 - 128) / 16).astype("<f4").tobytes()


def places_in_memory(daemon: Daemon, pattern: bytes) -> list[int]:
    places = []
    with open(f"/proc/{daemon.process.pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{daemon.process.pid}/maps").read_text().splitlines():
            if not (match := re.match(r"([0-9a-f]+)-([0-9a-f]+) rw-p", line)):
                continue
            start, end = (int(text, 16) for text in match.groups())
            if end - start > 256 << 20:
                continue
            try:
                memory.seek(start)
                block = memory.read(end - start)
            except OSError:
                continue
            places += [start + found.start() for found in re.finditer(re.escape(pattern), block)]
    return places


def test_a_daemon_that_computes_wrong_is_not_ready_and_the_watchdog_hears_nothing(
    start_daemon: Callable[..., Daemon], context: zmq.Context, short_directory: Path
) -> None:
    config = short_directory / "c.yaml"
    endpoint = f"ipc://{short_directory}/x"
    config.write_text(f"lanes:\n  - {{name: a, kind: router, endpoints: '{endpoint}'}}\nself_test_seconds: 0.2\n")
    daemon = start_daemon("--config", str(config), lanes=False, environment={"WATCHDOG_USEC": "2000000"})
    assert pings(daemon, 2) >= 2 and daemon.ask("/readyz")[0] == 200
    places = places_in_memory(daemon, self_test_logits())
    assert len(places) == 1, "the self-test's logits are found in the daemon's memory"

    def write(byte: bytes) -> None:
        with open(f"/proc/{daemon.process.pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(places[0] + 5 * 257 * 4 + 3)  # the exponent of a logit of the row 5
            memory.write(byte)

    good = self_test_logits()[5 * 257 * 4 + 3 :][:1]
    write(bytes([good[0] ^ 1]))
    await_silence(daemon, 2)
    code, _, body = daemon.ask("/readyz")
    assert code == 503 and "self-test failed: row 5: expected" in body
    assert daemon.ask("/livez")[0] == 200
    assert daemon.status()["self_test"]["failures"] > 0
    assert daemon.log.count("self-test failed") == 1, "said once, not at each run"
    write(good)
    assert pings(daemon, 3) >= 2
    assert daemon.ask("/readyz")[0] == 200 and "self-test passes again" in daemon.log


def test_a_self_test_can_be_off(start_daemon: Callable[..., Daemon], short_directory: Path) -> None:
    config = short_directory / "c.yaml"
    config.write_text(
        f"lanes:\n  - {{name: a, kind: router, endpoints: 'ipc://{short_directory}/x'}}\nself_test_seconds: 0\n"
    )
    daemon = start_daemon("--config", str(config), lanes=False)
    assert daemon.status()["self_test"]["runs"] == 0 and daemon.ask("/readyz")[0] == 200
