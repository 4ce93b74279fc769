"""Whatever clients do, memory stays within its limit, and those who behave are served."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zmq

from conftest import PATIENCE, Client, Daemon, connect
from test_endurance import read_until_ready, zmtp_greeting
from wire import STATUS, Request, Result

MIB = 1 << 20
LIMIT = 256 * MIB
# What a link may carry while the loop computes a round, or while its thread waits for a core of a busy machine.
ONE_ROUND = 192 * MIB
PEERS = 12
LARGEST = 8 * MIB

CONFIGURATION = """
lanes:
  - {{name: attacked, kind: pipeline, requests: 'ipc://{0}/q', results: 'ipc://{0}/r'}}
  - {{name: router, kind: router, endpoints: 'ipc://{0}/x'}}
  - {{name: quiet, kind: router, endpoints: 'ipc://{0}/quiet'}}
limits:
  batch_bytes: 8388608
  result_bytes: 8388608
  waiting_bytes: 16777216
  clients_waiting_bytes: 33554432
  peers: 12
memory_limit: 268435456
"""


class Attacked:
    """A daemon with a small limit, whose memory is watched."""

    def __init__(self, daemon: Daemon, directory: Path, context: zmq.Context) -> None:
        self.daemon, self.directory = daemon, directory
        self.quiet = Client(context, f"ipc://{directory}/quiet")
        self.peak = 0
        self.answers = 0

    def path(self, name: str) -> str:
        return f"{self.directory}/{name}"

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watches memory from another thread, and asks on a lane that nobody attacks."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.005):
                self.peak = max(self.peak, self.daemon.resident_bytes)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def ask(self) -> None:
        try:
            status = self.quiet.ask(small()).status
        except zmq.Again:
            raise AssertionError(f"no answer: {self.daemon.log}") from None
        assert status == 0, "the lane that nobody attacks goes on"
        self.answers += 1

    def check(self) -> None:
        assert self.daemon.process.poll() is None, self.daemon.log
        print(f"memory at its most: {self.peak // MIB} MiB, of {LIMIT // MIB}")
        assert self.peak < LIMIT + ONE_ROUND, f"{self.peak // MIB} MiB of {LIMIT // MIB}: {self.daemon.log}"
        assert self.answers

    def resets(self, lane: str) -> int:
        return sum(
            "memory past its limit" in line and f"lane={lane} " in line for line in self.daemon.log.splitlines())


@pytest.fixture
def attacked(
    start_daemon: Callable[..., Daemon], short_directory: Path, context: zmq.Context
) -> Attacked:
    file = short_directory / "xentd.yaml"
    file.write_text(CONFIGURATION.format(short_directory))
    return Attacked(start_daemon("--config", str(file), lanes=False), short_directory, context)


def small() -> Request:
    return Request(np.zeros((3, 4), np.float32), np.zeros(3, int))


def wide_result(rows: int) -> Request:
    """A request of 3 bytes a row whose result has 21."""
    zeros = np.zeros((rows, 1), np.float16)
    return Request(zeros, zeros[:, 0], logits_type="f16", label_type="u8", flags=31)


def raw_peer(path: str, kind: bytes) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(1)
    peer.connect(path)
    peer.sendall(zmtp_greeting(kind))
    read_until_ready(peer)
    return peer


def sends(peer: socket.socket, data: bytes) -> bool:
    """Whether all of it could be sent in a second."""
    try:
        peer.sendall(data)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("name,kind,lane", [("q", b"PUSH", "attacked"), ("x", b"DEALER", "router")])
def test_a_message_that_never_ends_costs_its_lane_the_queue_and_no_more(
    attacked: Attacked, name: str, kind: bytes, lane: str
) -> None:
    frame = b"\x03" + (MIB).to_bytes(8, "big") + bytes(MIB)  # a long frame, and more follow
    with attacked.watched():
        for _ in range(3):
            with raw_peer(attacked.path(name), kind) as peer:
                sent = 0
                while sends(peer, frame):
                    sent += len(frame)
                    assert sent < 64 * LIMIT, "nobody stops it"
                    if sent % (64 * MIB) == 0:
                        attacked.ask()
            assert sent > LIMIT // 2
            attacked.ask()
    attacked.check()
    assert attacked.resets(lane) == 3 and attacked.resets("quiet") == 0, attacked.daemon.log


def test_many_slow_connections_are_held_to_the_number_of_peers(attacked: Attacked) -> None:
    half = b"\x02" + (LARGEST).to_bytes(8, "big") + bytes(LARGEST // 2)
    peers: list[socket.socket] = []
    with attacked.watched():
        for _ in range(10 * PEERS):
            peer = socket.socket(socket.AF_UNIX)
            peer.settimeout(1)
            peers.append(peer)
            peer.connect(attacked.path("x"))
            try:
                peer.sendall(zmtp_greeting(b"DEALER"))
                read_until_ready(peer)
            except (OSError, AssertionError):
                continue
            sends(peer, half)
        attacked.ask()
    alive = 0
    for peer in peers:
        peer.setblocking(False)
        try:
            peer.recv(1)
        except BlockingIOError:
            alive += 1
        except OSError:
            pass
        peer.close()
    attacked.check()
    assert alive <= PEERS, "the others were hung up on"
    assert "too many peers" in attacked.daemon.log and f"peers={PEERS}" in attacked.daemon.log


def test_largest_batches_from_many_peers_to_a_lane_that_nobody_reads(
    attacked: Attacked, context: zmq.Context
) -> None:
    rows = LARGEST // 32 - 100
    packed = Request(np.zeros((rows, 6), np.float32), np.zeros(rows, int), flags=15).packed()
    senders = [connect(context, zmq.PUSH, f"ipc://{attacked.path('q')}", SNDHWM=2, LINGER=0) for _ in range(PEERS)]
    poller = zmq.Poller()
    for sender in senders:
        poller.register(sender, zmq.POLLOUT)
    with attacked.watched():
        end = time.monotonic() + PATIENCE
        while attacked.resets("attacked") < 2:
            assert time.monotonic() < end, attacked.daemon.log
            for sender, _ in poller.poll(100):
                sender.send_multipart(packed, zmq.NOBLOCK, copy=False)
            attacked.ask()
    attacked.check()
    assert attacked.resets("quiet") == 0 and attacked.resets("router") == 0
    for sender in senders:
        sender.close()
    assert Result(answer_on_the_pipeline(attacked, context)).status == 0, "the lane is as it was"


def answer_on_the_pipeline(attacked: Attacked, context: zmq.Context) -> bytes:
    """The result of a batch of our own, which others' may precede."""
    pull = connect(context, zmq.PULL, f"ipc://{attacked.path('r')}")
    push = connect(context, zmq.PUSH, f"ipc://{attacked.path('q')}")
    request = small()
    push.send_multipart(request.packed())
    while Result(frame := pull.recv()).sequence != request.sequence:
        pass
    return frame


def test_results_that_nobody_reads_are_answered_busy(attacked: Attacked, context: zmq.Context) -> None:
    lazy = [
        connect(context, zmq.DEALER, f"ipc://{attacked.path('x')}", RCVHWM=1, LINGER=0) for _ in range(PEERS - 1)
    ]
    request = wide_result(300_000).packed()  # 6.3 MB of results for each 0.9 MB
    with attacked.watched():
        for _ in range(40):
            for client in lazy:
                if client.poll(100, zmq.POLLOUT):
                    client.send_multipart(request, zmq.NOBLOCK)
            attacked.ask()
        well_behaved = Client(context, f"ipc://{attacked.path('x')}")
        assert well_behaved.ask(small()).status == 0, "others of the lane are served"
    attacked.check()
    assert "memory past its limit" not in attacked.daemon.log, "it is kept by accounting"
    busy = [result for client in lazy for result in read_all(client) if result.status == STATUS["BUSY"]]
    assert busy and all(result.retry_after > 0 for result in busy)
    assert "room" in busy[0].message and "read results" in busy[0].message


def read_all(client: zmq.Socket) -> Iterator[Result]:
    while client.poll(200):
        yield Result(client.recv())


def test_results_larger_than_their_requests_hold_the_clients_of_a_pipeline_back(
    attacked: Attacked, context: zmq.Context
) -> None:
    pull = connect(context, zmq.PULL, f"ipc://{attacked.path('r')}", RCVHWM=1)
    push = connect(context, zmq.PUSH, f"ipc://{attacked.path('q')}", SNDHWM=1, LINGER=0)
    count = 0
    with attacked.watched():
        while push.poll(1000, zmq.POLLOUT) and count < 2000:
            request = wide_result(300_000)
            request.sequence = count + 1
            push.send_multipart(request.packed())
            count += 1
            attacked.ask()
        assert 2 < count < 2000, "the lane stops reading"
        answers = [Result(pull.recv()).sequence for _ in range(count)]
    attacked.check()
    assert answers == list(range(1, count + 1)), "nothing is lost"
    assert "memory past its limit" not in attacked.daemon.log
