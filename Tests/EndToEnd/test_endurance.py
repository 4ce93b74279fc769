"""What the daemon survives: rubbish, clients that die, consumers that do not read."""

from __future__ import annotations

import random
import select
import socket
import struct
import time

import numpy as np
import zmq

from conftest import PATIENCE, Client, Daemon, connect
from wire import Request, Result

# What the allocator may keep after a hostile mix of sizes; a leak of 110 bytes a request is more.
KEPT_BYTES = 1 << 20


def template(source: random.Random) -> list[bytes]:
    rows, classes = source.randrange(0, 20), source.randrange(1, 40)
    logits = np.zeros((rows, classes), np.float32)
    request = Request(logits, np.zeros(rows, int), flags=source.choice([0, 1, 15, 31]))
    return request.split() if source.random() < 0.5 else request.packed()


def mutated(source: random.Random) -> list[bytes]:
    """A request with bytes changed, cut, added, or its frames shuffled; or plain rubbish."""
    kind = source.randrange(6)
    if kind == 0:
        return [source.randbytes(source.randrange(1, 300)) for _ in range(source.randrange(1, 9))]
    frames = template(source)
    if kind == 1:
        source.shuffle(frames)
    elif kind == 2:
        frames = frames + [source.randbytes(source.randrange(0, 50)) for _ in range(source.randrange(1, 7))]
    elif kind == 3:
        frames[0] = frames[0][: source.randrange(len(frames[0]))] + (b"" if len(frames) > 1 else b"x")
    else:
        header = bytearray(frames[0])
        for _ in range(source.randrange(1, 4)):
            header[source.randrange(min(96, len(header)))] = source.choice([0, 1, 2, 127, 128, 255, source.randrange(256)])
        frames[0] = bytes(header)
    return frames if frames[0] else [b"x", *frames]  # an empty first frame would be a delimiter


def exchange(dealer: zmq.Socket, count: int, source: random.Random) -> list[int]:
    """Sends mutated requests with a window of them in flight; returns the status of each answer."""
    statuses, sent = [], 0
    while len(statuses) < count:
        while sent < count and sent - len(statuses) < 32:
            dealer.send_multipart(mutated(source))
            sent += 1
        statuses.append(Result(dealer.recv_multipart()[-1]).status)
    return statuses


def test_ten_thousand_mutated_requests_get_an_answer_each_and_leave_no_memory_behind(
    daemon: Daemon, context: zmq.Context
) -> None:
    source = random.Random(20_26)
    dealer = connect(context, zmq.DEALER, daemon.router)
    statuses = exchange(dealer, 100, source)
    before = daemon.resident_bytes
    statuses += exchange(dealer, 9_900, source)
    assert dealer.poll(0) == 0
    assert len(set(statuses)) >= 6, "the mutations reach too few of the refusals"
    assert daemon.resident_bytes < before + KEPT_BYTES
    assert Client(context, daemon.router).ask(Request(np.zeros((1, 2), "f4"), np.zeros(1, int))).status == 0


def test_mutated_requests_on_the_pipeline_lane_are_answered_too(daemon: Daemon, context: zmq.Context) -> None:
    source = random.Random(7)
    pull = connect(context, zmq.PULL, daemon.results)
    push = connect(context, zmq.PUSH, daemon.requests)
    for _ in range(50):
        for _ in range(20):
            push.send_multipart(mutated(source))
        for _ in range(20):
            Result(pull.recv())


# 64 MiB of results of 80 kB that wait in the daemon, and thrice what libzmq keeps of them and of requests.
MOST_TAKEN = (64 << 20) // 80_000 + 3 * (64 + 64)


def send_until_stuck(push: zmq.Socket, sequences: list[int], rows: np.ndarray) -> None:
    """Sends numbered requests until libzmq has room for none for a while."""
    while push.poll(500, zmq.POLLOUT):
        assert len(sequences) < MOST_TAKEN, "the lane never stops reading"
        request = Request(rows, np.zeros(len(rows), int), flags=1, sequence=len(sequences) + 1)
        push.send_multipart(request.split(), zmq.NOBLOCK)
        sequences.append(request.sequence)


def unread_results(daemon: Daemon, context: zmq.Context, connect_late: bool) -> None:
    rows = np.zeros((20_000, 1), np.float32)  # 80 kB of losses a result
    push = connect(context, zmq.PUSH, daemon.requests, SNDHWM=4, LINGER=0)
    pull = None if connect_late else connect(context, zmq.PULL, daemon.results, RCVHWM=1)
    client = Client(context, daemon.router)
    sequences: list[int] = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        send_until_stuck(push, sequences, rows)
        assert client.ask(Request(rows[:3], np.zeros(3, int))).status == 0, "the other lane goes on"
    # What the lane may hold, twice (results, and requests that libzmq has), and the daemon itself.
    assert daemon.resident_bytes < (2 * 64 + 64) << 20
    assert len(sequences) > 64
    used = daemon.cpu_seconds
    send_until_stuck(push, sequences, rows)
    assert daemon.cpu_seconds - used < 0.1, "a paused lane does not spin"
    pull = pull or connect(context, zmq.PULL, daemon.results)
    received = [Result(pull.recv()) for _ in sequences]
    assert [result.sequence for result in received] == sequences, "each result once, in order"
    assert all(result.status == 0 and result.rows == 20_000 for result in received)
    assert pull.poll(100) == 0


def test_results_that_a_paused_consumer_leaves_for_ten_seconds_all_arrive(
    daemon: Daemon, context: zmq.Context
) -> None:
    unread_results(daemon, context, connect_late=False)


def test_results_wait_for_a_consumer_that_connects_ten_seconds_late(daemon: Daemon, context: zmq.Context) -> None:
    unread_results(daemon, context, connect_late=True)


def test_a_router_client_that_does_not_read_is_held_back_and_harms_no_other(
    daemon: Daemon, context: zmq.Context
) -> None:
    rows = np.zeros((100_000, 1), np.float32)  # 400 kB of losses a result
    lazy = connect(context, zmq.DEALER, daemon.router, RCVHWM=1, SNDHWM=4, LINGER=0)
    other = Client(context, daemon.router)
    count = 0
    while count < 380 and lazy.poll(2000, zmq.POLLOUT):
        lazy.send_multipart(Request(rows, np.zeros(len(rows), int), sequence=count + 1).split())
        count += 1
    assert other.ask(Request(rows[:3], np.zeros(3, int))).status == 0
    assert daemon.resident_bytes < 400 << 20
    statuses = [Result(lazy.recv()).status for _ in range(count)]
    assert set(statuses) <= {0, 16} and 16 in statuses, "BUSY once the spool is full"


def zmtp_greeting(socket_type: bytes) -> bytes:
    """The greeting and the READY command of ZMTP 3.0 with the NULL mechanism."""
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
    metadata = b"\x0bSocket-Type" + len(socket_type).to_bytes(4, "big") + socket_type
    ready = b"\x05READY" + metadata
    return greeting + b"\x04" + bytes([len(ready)]) + ready


def read_until_ready(peer: socket.socket) -> None:
    """Reads the daemon's greeting and its READY: from then on it takes messages."""
    received = b""
    while b"\x05READY" not in received[64:]:
        received += (part := peer.recv(256))
        assert part, f"the daemon hung up after {received!r}"


def test_clients_that_die_in_the_middle_of_a_batch_harm_nobody(daemon: Daemon, context: zmq.Context) -> None:
    request = Request(np.zeros((1000, 100), np.float32), np.zeros(1000, int))
    frame = request.packed()[0]
    for i in range(50):
        for name, kind in (("x", b"DEALER"), ("q", b"PUSH")):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(PATIENCE)
                peer.connect(str(daemon.directory / name))
                peer.sendall(zmtp_greeting(kind))
                read_until_ready(peer)
                # A long frame: its flags, its length, and not all of it. Every other one promises more frames.
                peer.sendall(bytes([3 if i % 2 else 2]) + len(frame).to_bytes(8, "big") + frame[: i * len(frame) // 50])
    assert Client(context, daemon.router).ask(request).status == 0
    pull = connect(context, zmq.PULL, daemon.results)
    connect(context, zmq.PUSH, daemon.requests).send_multipart(request.packed())
    assert Result(pull.recv()).status == 0


def test_thousands_of_connections_that_come_and_go_leave_the_daemon_as_it_was(
    daemon: Daemon, context: zmq.Context
) -> None:
    patience = struct.pack("ll", PATIENCE, 0)  # for a place among those that wait to be accepted
    for _ in range(1500):
        for name in ("q", "r", "x"):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
                peer.connect(str(daemon.directory / name))
    request = Request(np.zeros((10, 10), np.float32), np.zeros(10, int))
    assert Client(context, daemon.router).ask(request).status == 0
    pull = connect(context, zmq.PULL, daemon.results)
    connect(context, zmq.PUSH, daemon.requests).send_multipart(request.packed())
    assert Result(pull.recv()).status == 0


def test_an_idle_daemon_uses_no_cpu(daemon: Daemon, context: zmq.Context) -> None:
    client = Client(context, daemon.router)
    client.ask(Request(np.zeros((10, 10), np.float32), np.zeros(10, int)))
    while select.select([daemon.notices], [], [], 2.5)[0]:  # until its line has come to rest
        daemon.notices.recv(4096)
    before, start = daemon.cpu_seconds, time.monotonic()
    assert not select.select([daemon.notices], [], [], 5)[0], "it says nothing either"
    assert (daemon.cpu_seconds - before) / (time.monotonic() - start) < 0.005
