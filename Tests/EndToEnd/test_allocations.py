"""A steady stream of batches allocates nothing but what libzmq does for the bytes."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zmq

from conftest import PATIENCE, Client, Daemon, connect
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


# What is done by the clock, however many batches there are: in a second, the line for the service manager and a part of
# the self-test.
A_SECOND = 30


@pytest.mark.parametrize(
    "rows,classes,workers", [(16, 16, 2), (1000, 1000, 1), (1000, 1000, 2), (3, 200_000, 2)]
)
def test_a_steady_stream_allocates_nothing_beyond_libzmq(
    start_daemon: Callable[..., Daemon], context: zmq.Context, counter: Path, tmp_path: Path,
    rows: int, classes: int, workers: int,
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
    before, start = counts(file), time.monotonic()
    stream(batches)
    after, seconds = counts(file), time.monotonic() - start
    assert after[0] > before[0], "the counter counts"
    ours = after[1] - before[1] - int(A_SECOND * seconds)
    assert ours < batches // 10, f"{ours} allocations for {2 * batches} batches"


def test_batches_that_share_a_round_allocate_nothing_each(
    start_daemon: Callable[..., Daemon], context: zmq.Context, counter: Path, tmp_path: Path
) -> None:
    file = tmp_path / "counts"
    file.write_bytes(bytes(16))
    environment = {"LD_PRELOAD": str(counter), "ALLOCATION_COUNTS": str(file)}
    daemon = start_daemon("--workers", "2", environment=environment)
    # While the long batch is computed, which its options make slow, the others gather behind it; a few of them are
    # enough to be shared among workers.
    long = Request(
        np.zeros((5000, 1000), np.float32), np.zeros(5000, int), flags=15, softcap=30, smoothing=0.1).packed()
    short = Request(np.zeros((64, 256), np.float32), np.zeros(64, int), flags=15).packed()
    pull = connect(context, zmq.PULL, daemon.results)
    push = connect(context, zmq.PUSH, daemon.requests)

    def burst() -> tuple[int, int]:
        """Batches, and the rounds that they were computed in: those of one round have the same time of computation."""
        for frames in [long] + [short] * 40:
            push.send_multipart(frames)
        times = [Result(pull.recv()).compute_ns for _ in range(41)]
        return 41, 1 + sum(a != b for a, b in zip(times, times[1:]))

    for _ in range(10):
        burst()
    before, batches, rounds = counts(file), 0, 0
    deadline = time.monotonic() + PATIENCE
    while batches < 2000 or rounds * 3 > batches:
        assert time.monotonic() < deadline, f"{batches} batches took {rounds} rounds: hardly any are shared"
        batches, rounds = batches + (one := burst())[0], rounds + one[1]
    ours = counts(file)[1] - before[1]
    assert ours < batches // 10, f"{ours} allocations for {batches} batches in {rounds} rounds"
