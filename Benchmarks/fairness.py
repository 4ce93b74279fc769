#!/usr/bin/env python3
"""A quiet lane beside one that floods: how long its one-row batches take, alone and then.

    .venv/bin/python Benchmarks/fairness.py [--seconds 10]

Starts the daemon of .build/release with two router lanes. A client on one asks for a row at a time; then clients on the other
keep batches of several sizes queued. Prints the quiet lane's p50 and p99, and the bound that is promised: ten times the p99
alone, plus the computation of one largest batch (its p99 too, in the same seconds: another program's work makes both longer).
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import zmq

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))
from wire import Request, Result  # noqa: E402

BIN = Path(os.environ.get("XENTD_BIN_DIR", ROOT / ".build/release")).resolve()
CLASSES = 1000
LARGEST = 64 << 20
NOTED = 4096
SIZES = {"4 KB": 4 << 10, "1 MB": 1 << 20, "8 MB": 8 << 20, "largest (64 MiB)": LARGEST}


def batch(byte_count: int) -> list[bytes]:
    rows = max(1, (byte_count - 96) // (4 * CLASSES + 8))
    logits = np.random.default_rng(1).normal(size=(rows, CLASSES)).astype(np.float32)
    return Request(logits, np.zeros(rows, int), flags=0).split()


def flood(endpoint: str, byte_count: int, compute_ns: multiprocessing.Array) -> None:
    """Keeps a window of batches in flight for ever; notes how long the last thousands took to compute."""
    frames = batch(byte_count)
    socket = zmq.Context().socket(zmq.DEALER)
    socket.connect(endpoint)
    window = max(3, min(64, (128 << 20) // byte_count))
    for _ in range(window):
        socket.send_multipart(frames, copy=False)
    for count in itertools.count():
        result = Result(socket.recv())
        assert result.status == 0, result.message
        compute_ns[count % NOTED] = result.compute_ns
        socket.send_multipart(frames, copy=False)


def round_trips(socket: zmq.Socket, seconds: float) -> np.ndarray:
    """Milliseconds that a batch of one row takes, a few thousand times a second at the most."""
    frames = Request(np.zeros((1, CLASSES), np.float32), np.zeros(1, int), flags=1).split()
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter()
        socket.send_multipart(frames)
        assert Result(socket.recv()).status == 0
        times.append((time.perf_counter() - start) * 1e3)
        time.sleep(0.001)
    return np.array(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="for each figure")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="xentd-", dir="/tmp") as directory:
        config = Path(directory, "xentd.yaml")
        config.write_text(
            f"lanes:\n  - {{name: loud, kind: router, endpoints: 'ipc://{directory}/loud'}}\n"
            f"  - {{name: quiet, kind: router, endpoints: 'ipc://{directory}/quiet'}}\nlog_level: warning\n")
        daemon = subprocess.Popen([BIN / "xentd", "--config", config])
        try:
            compare(directory, seconds)
        finally:
            daemon.terminate()
            daemon.wait()


def compare(directory: str, seconds: float) -> None:
    with zmq.Context() as context:
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(f"ipc://{directory}/quiet")
        round_trips(socket, 1)
        alone = np.percentile(round_trips(socket, seconds), [50, 99])
        print(f"alone: p50 {alone[0]:.2f} ms, p99 {alone[1]:.2f} ms")
        print("| the other lane floods with | p50 ms | p99 ms | one largest batch ms | bound ms | p99 / bound |")
        print("|---|---|---|---|---|---|")
        largest = 0.0
        for name, size in reversed(SIZES.items()):
            compute_ns = multiprocessing.Array("Q", NOTED, lock=False)
            loud = multiprocessing.Process(
                target=flood, args=(f"ipc://{directory}/loud", size, compute_ns), daemon=True)
            loud.start()
            while not compute_ns[0]:
                time.sleep(0.01)
            p50, p99 = np.percentile(round_trips(socket, seconds), [50, 99])
            if size == LARGEST:
                largest = np.percentile([ns for ns in compute_ns if ns], 99) / 1e6
            loud.kill()
            loud.join()
            bound = 10 * alone[1] + largest
            print(f"| {name} | {p50:.2f} | {p99:.2f} | {largest:.1f} | {bound:.1f} | {p99 / bound:.2f} |")
        socket.close()


if __name__ == "__main__":
    main()
