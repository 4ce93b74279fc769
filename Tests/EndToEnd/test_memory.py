"""Memory is kept for the next batch while batches come, and given back when none do."""

from __future__ import annotations

import resource
import statistics
import time

import numpy as np
import pytest
import zmq

from conftest import PATIENCE, Daemon, connect
from wire import Request, Result

CLASSES = 32_000


def stream(daemon: Daemon, socket: zmq.Socket, rows: int, batches: int) -> list[int]:
    """Keeps two batches under way. Returns how many pages the daemon was given for each batch."""
    frames = Request(np.zeros((rows, CLASSES), np.float32), np.zeros(rows, int)).split()
    socket.send_multipart(frames, copy=False)
    faults = []
    for _ in range(batches):
        before = daemon.page_faults
        socket.send_multipart(frames, copy=False)
        assert Result(socket.recv()).status == 0
        faults.append(daemon.page_faults - before)
    assert Result(socket.recv()).status == 0
    return faults


@pytest.mark.parametrize("megabytes", [4, 16, 32, 50, 67])
def test_a_batch_is_received_where_those_before_it_were(
    daemon: Daemon, context: zmq.Context, megabytes: int
) -> None:
    dealer = connect(context, zmq.DEALER, daemon.router)
    rows = megabytes * 1_000_000 // (4 * CLASSES)
    stream(daemon, dealer, rows, 6)  # until libzmq has as many buffers as two batches take
    pages = rows * 4 * CLASSES // resource.getpagesize()
    # The median: a pause of half a second, on a busy machine, has the memory given back.
    assert statistics.median(stream(daemon, dealer, rows, 9)) < pages / 8


def test_what_a_burst_took_is_given_back_when_nothing_comes(daemon: Daemon, context: zmq.Context) -> None:
    idle = daemon.resident_bytes
    stream(daemon, connect(context, zmq.DEALER, daemon.router), 500, 6)
    # But for the end of the heap of libzmq's thread, 64 MiB, which glibc does not give back.
    deadline = time.monotonic() + PATIENCE
    while daemon.resident_bytes > idle + (80 << 20):
        assert time.monotonic() < deadline, f"{daemon.resident_bytes} bytes, {idle} at the start"
        time.sleep(0.01)
