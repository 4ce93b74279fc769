#!/usr/bin/env python3
"""How fast the package is, beside libzmq alone, in the same run: large batches in bytes a second, small ones in time.

    python Clients/python/benchmarks/speed.py --build .build/release

libzmq alone is a PUSH that sends the same arrays without copying to a PULL of another process, which throws them away. A bare
loop is a DEALER with 16 batches under way, which keeps nothing and checks nothing: what the daemon gives any client. Passes of
all three alternate; medians are printed, and the ratio of each round. Python's time is that of the two threads that run Python
code, as the kernel counts it, divided by the batches.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import zmq

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "Clients/python/src"))

import xentd  # noqa: E402
from xentd._request import RequestMaker  # noqa: E402


def discard(endpoint: str, count: int, passes: int) -> None:
    """Takes messages of three frames, and answers the last of a pass."""
    context = zmq.Context()
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.bind(endpoint)
    push.bind(endpoint + "-done")
    for _ in range(passes):
        for _ in range(count):
            while pull.recv(copy=False).more:
                pass
        push.send(b"")
    context.destroy(linger=1000)


class Alone:
    """libzmq alone, with a peer process."""

    def __init__(self, endpoint: str, count: int, passes: int) -> None:
        self._process = multiprocessing.get_context("spawn").Process(
            target=discard, args=(endpoint, count, passes), daemon=True
        )
        self._process.start()
        self._context = zmq.Context()
        self._push, self._done = self._context.socket(zmq.PUSH), self._context.socket(zmq.PULL)
        self._push.connect(endpoint)
        self._done.connect(endpoint + "-done")
        self._count = count

    def run(self, logits: Any, labels: Any) -> float:
        started = time.perf_counter()
        for _ in range(self._count):
            self._push.send(bytes(96), zmq.SNDMORE)
            self._push.send(logits.data, zmq.SNDMORE, copy=False)
            self._push.send(labels.data)
        self._done.recv()
        return time.perf_counter() - started

    def close(self) -> None:
        self._context.destroy(linger=0)
        self._process.join(5)


def run_client(client: xentd.Client, logits: Any, labels: Any, count: int) -> float:
    started = time.perf_counter()
    futures: deque[Any] = deque()
    for _ in range(count):
        futures.append(client.submit(logits, labels))
        while futures and futures[0].done():
            futures.popleft().result()
    while futures:
        futures.popleft().result()
    return time.perf_counter() - started


def run_bare(socket: zmq.Socket[Any], header: bytes, logits: Any, labels: Any, count: int) -> float:
    started = time.perf_counter()
    sent = received = 0
    while received < count:
        while sent < count and sent - received < 16:
            socket.send(header, zmq.SNDMORE)
            socket.send(logits.data, zmq.SNDMORE, copy=False)
            socket.send(labels.data)
            sent += 1
        socket.recv()
        received += 1
    return time.perf_counter() - started


def large(client: xentd.Client, endpoint: str, passes: int) -> None:
    rows, classes, count = 1024, 1024, 200
    logits, labels = np.zeros((rows, classes), np.float32), np.zeros(rows, np.int64)
    alone = Alone(endpoint, count, passes + 1)
    alone.run(logits, labels)
    run_client(client, logits, labels, 20)
    (batch,) = RequestMaker().make(logits, labels, None, {}).batches(bytes(16), client.limits, 1 << 30)
    context = zmq.Context()
    bare = context.socket(zmq.DEALER)
    bare.connect(str(client.addresses[0]))
    rounds = []
    for _ in range(passes):
        rounds.append(
            (
                alone.run(logits, labels),
                run_bare(bare, bytes(batch.head), logits, labels, count),
                run_client(client, logits, labels, count),
            )
        )
    context.destroy(linger=0)
    alone.close()
    gigabytes = count * logits.nbytes / 1e9
    speeds = [statistics.median(gigabytes / times[i] for times in rounds) for i in range(3)]
    print(f"4 MB batches, GB/s: libzmq alone {speeds[0]:.2f}, bare loop {speeds[1]:.2f}, client {speeds[2]:.2f}")
    for name, over, under in (("client over libzmq alone", 0, 2), ("client over the bare loop", 1, 2)):
        ratios = [times[over] / times[under] for times in rounds]
        print(f"  {name}: {statistics.median(ratios):.2f} ({' '.join(f'{ratio:.2f}' for ratio in ratios)})")


def python_time(client: xentd.Client) -> float:
    """Seconds of processor time that this thread and the client's have had."""
    threads = (f"/proc/self/task/{client._exchange._thread.native_id}/schedstat", "/proc/thread-self/schedstat")
    return sum(int(Path(path).read_text().split()[0]) for path in threads) * 1e-9


def small(client: xentd.Client, passes: int) -> None:
    logits, labels, count = np.zeros((16, 16), np.float32), np.zeros(16, np.int64), 20_000
    run_client(client, logits, labels, 1000)
    rates, times, yardsticks = [], [], []
    for _ in range(passes):
        before = python_time(client)
        rates.append(count / run_client(client, logits, labels, count))
        times.append((python_time(client) - before) / count * 1e6)
        yardsticks.append(yardstick())
    print(
        f"16 x 16 batches: {statistics.median(rates):,.0f} a second, {statistics.median(times):.1f} us of Python's time each; "
        f"a future alone costs {statistics.median(yardsticks):.1f} us"
    )


def yardstick() -> float:
    """Microseconds to make a future of the standard library, complete it, and ask it: tells a slow machine from slow code."""
    from concurrent.futures import Future  # noqa: PLC0415

    count, started = 20_000, time.thread_time()
    for _ in range(count):
        future: Future[int] = Future()
        future.set_result(1)
        future.result()
    return (time.thread_time() - started) / count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / ".build/release")
    parser.add_argument("--passes", type=int, default=7)
    options = parser.parse_args()
    gc.collect()
    with tempfile.TemporaryDirectory(prefix="xentd-", dir="/tmp") as directory:
        router = f"ipc://{directory}/x"
        daemon = subprocess.Popen([options.build / "xentd", "--router", router], stderr=subprocess.DEVNULL)
        try:
            with xentd.Client(router) as client:
                large(client, f"ipc://{directory}/alone", options.passes)
                small(client, options.passes)
        finally:
            daemon.terminate()
            daemon.wait()


if __name__ == "__main__":
    main()
