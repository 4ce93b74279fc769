"""A steady stream of batches allocates nothing but what libzmq does for the bytes."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zmq

from conftest import Client, Daemon, connect
from wire import Request, Result


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("clang")
    assert compiler, "Swift brings clang"
    library = tmp_path_factory.mktemp("counter") / "counter.so"
    source = Path(__file__).with_name("allocation_counter.c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def counts(file: Path) -> tuple[int, int]:
    """Allocations by libzmq, and by everybody else."""
    return struct.unpack("<QQ", file.read_bytes())


# `DispatchQueue.concurrentPerform` itself makes three small objects whenever a round is shared among workers, and now and
# then a thread.
DISPATCHS_OWN = 4


@pytest.mark.parametrize(
    "rows,classes,workers,of_dispatch",
    [(16, 16, 2, 0), (1000, 1000, 1, 0), (1000, 1000, 2, DISPATCHS_OWN), (3, 200_000, 2, DISPATCHS_OWN)],
)
def test_a_steady_stream_allocates_nothing_beyond_libzmq(
    start_daemon: Callable[..., Daemon], context: zmq.Context, counter: Path, tmp_path: Path,
    rows: int, classes: int, workers: int, of_dispatch: int,
) -> None:
    file = tmp_path / "counts"
    file.write_bytes(bytes(16))
    environment = {"LD_PRELOAD": str(counter), "ALLOCATION_COUNTS": str(file)}
    daemon = start_daemon("--workers", str(workers), environment=environment)
    request = Request(np.zeros((rows, classes), np.float32), np.zeros(rows, int), flags=15)
    frames = request.split()
    pull = connect(context, zmq.PULL, daemon.results)
    push = connect(context, zmq.PUSH, daemon.requests)
    client = Client(context, daemon.router)
    batches = 300

    def stream(count: int) -> None:
        for _ in range(count):
            assert client.ask_frames(frames).status == 0
            push.send_multipart(frames)
            assert Result(pull.recv()).status == 0

    stream(50)
    before = counts(file)
    stream(batches)
    after = counts(file)
    assert after[0] > before[0], "the counter counts"
    ours = after[1] - before[1] - of_dispatch * 2 * batches
    assert ours < batches // 10, f"{ours} allocations for {2 * batches} batches"
