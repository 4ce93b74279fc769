#!/usr/bin/env python3
"""A quiet lane beside one that floods: how long its one-row batches take, alone and then.

    .venv/bin/python Benchmarks/fairness.py [--seconds 10]

Starts the daemon of .build/release with two router lanes. A client on one asks for a row at a time; then clients on the other
keep batches of several sizes queued. Prints the quiet lane's p50 and p99, and the bound that is aimed at: ten times the p99
alone, plus the computation of one largest batch (its p99 too, in the same seconds: another program's work makes both longer).
The same is then done with libzmq alone in the daemon's place, which receives, computes nothing and answers with nothing: what
is left of the p99 there is the wait for a core, which no daemon can take away.
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


def echo(directory: str) -> None:
    """Answers both lanes with nothing, for ever: libzmq alone."""
    context = zmq.Context()
    poller = zmq.Poller()
    for lane in ("loud", "quiet"):
        socket = context.socket(zmq.ROUTER)
        socket.bind(f"ipc://{directory}/{lane}")
        poller.register(socket, zmq.POLLIN)
    while True:
        for socket, _ in poller.poll():
            identity, *frames = socket.recv_multipart(copy=False)
            del frames
            socket.send_multipart([identity.bytes, b""])


def compute_time(reply: bytes) -> int:
    """Nanoseconds that a result took to compute; 1 of the echo's nothing."""
    if not reply:
        return 1
    result = Result(reply)
    assert result.status == 0, result.message
    return result.compute_ns


def flood(endpoint: str, byte_count: int, compute_ns: multiprocessing.Array) -> None:
    """Keeps a window of batches in flight for ever; notes how long the last thousands took to compute."""
    frames = batch(byte_count)
    socket = zmq.Context().socket(zmq.DEALER)
    socket.connect(endpoint)
    window = max(3, min(64, (128 << 20) // byte_count))
    for _ in range(window):
        socket.send_multipart(frames, copy=False)
    for count in itertools.count():
        compute_ns[count % NOTED] = compute_time(socket.recv())
        socket.send_multipart(frames, copy=False)


def round_trips(socket: zmq.Socket, seconds: float) -> np.ndarray:
    """Milliseconds that a batch of one row takes, a few thousand times a second at the most."""
    frames = Request(np.zeros((1, CLASSES), np.float32), np.zeros(1, int), flags=1).split()
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter()
        socket.send_multipart(frames)
        compute_time(socket.recv())
        times.append((time.perf_counter() - start) * 1e3)
        time.sleep(0.001)
    return np.array(times)


def quiet_socket(context: zmq.Context, directory: str) -> zmq.Socket:
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(f"ipc://{directory}/quiet")
    round_trips(socket, 1)
    return socket


def beside_flood(socket: zmq.Socket, directory: str, byte_count: int, seconds: float) -> tuple[np.ndarray, float]:
    """The quiet lane's p50 and p99, and the p99 of the computations of the other, all in ms."""
    compute_ns = multiprocessing.Array("Q", NOTED, lock=False)
    loud = multiprocessing.Process(target=flood, args=(f"ipc://{directory}/loud", byte_count, compute_ns), daemon=True)
    loud.start()
    while not compute_ns[0]:
        time.sleep(0.01)
    quiet = np.percentile(round_trips(socket, seconds), [50, 99])
    loud.kill()
    loud.join()
    return quiet, np.percentile([ns for ns in compute_ns if ns], 99) / 1e6


def compare(directory: str, echo_directory: str, seconds: float) -> None:
    with zmq.Context() as context:
        daemon, bare = quiet_socket(context, directory), quiet_socket(context, echo_directory)
        alone = np.percentile(round_trips(daemon, seconds), [50, 99])
        print(f"alone: p50 {alone[0]:.2f} ms, p99 {alone[1]:.2f} ms")
        print("| the other lane floods with | p50 ms | p99 ms | libzmq alone: p99 ms | bound ms | p99 / bound |")
        print("|---|---|---|---|---|---|")
        largest = 0.0
        for name, size in reversed(SIZES.items()):
            (p50, p99), computation = beside_flood(daemon, directory, size, seconds)
            (_, bare_p99), _ = beside_flood(bare, echo_directory, size, seconds)
            largest = largest or computation
            bound = 10 * alone[1] + largest
            print(f"| {name} | {p50:.2f} | {p99:.2f} | {bare_p99:.2f} | {bound:.1f} | {p99 / bound:.2f} |", flush=True)
        daemon.close()
        bare.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="for each figure")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="xentd-", dir="/tmp") as directory:
        config = Path(directory, "xentd.yaml")
        config.write_text(
            f"lanes:\n  - {{name: loud, kind: router, endpoints: 'ipc://{directory}/loud'}}\n"
            f"  - {{name: quiet, kind: router, endpoints: 'ipc://{directory}/quiet'}}\nlog_level: warning\n")
        echo_directory = Path(directory, "echo")
        echo_directory.mkdir()
        bare = multiprocessing.Process(target=echo, args=(str(echo_directory),), daemon=True)
        bare.start()
        daemon = subprocess.Popen([BIN / "xentd", "--config", config])
        try:
            compare(directory, str(echo_directory), seconds)
        finally:
            daemon.terminate()
            daemon.wait()
            bare.kill()
            bare.join()


if __name__ == "__main__":
    main()
