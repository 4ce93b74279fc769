"""Both kinds of lane, as clients of all kinds use them."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zmq

from conftest import BIN, PATIENCE, Client, Daemon, connect
from reference import losses, ulps
from wire import STATUS, Request, Result


def numbered(sequence: int, rows: int = 4, classes: int = 7, client: bytes = b"c" * 16) -> Request:
    """A request whose losses tell which it was."""
    random = np.random.default_rng(sequence)
    logits = random.normal(size=(rows, classes)).astype(np.float32)
    return Request(logits, random.integers(0, classes, rows), sequence=sequence, client=client)


def is_right(request: Request, result: Result) -> bool:
    exact = losses(request.logits, request.labels)
    return (result.sequence, result.client) == (request.sequence, request.client) and ulps(result.losses, exact) <= 2.5


def test_a_pipeline_returns_results_in_the_order_of_its_requests(daemon: Daemon, context: zmq.Context) -> None:
    pull = connect(context, zmq.PULL, daemon.results)
    push = connect(context, zmq.PUSH, daemon.requests)
    requests = [numbered(i, rows=1 + i % 40, classes=1 + i * 37 % 3000) for i in range(1, 301)]

    def send() -> None:
        for i, request in enumerate(requests):
            push.send_multipart(request.split() if i % 2 else request.packed())

    sender = threading.Thread(target=send)
    sender.start()
    results = [Result(pull.recv()) for _ in requests]
    sender.join()
    assert all(is_right(request, result) for request, result in zip(requests, results))


def test_a_refused_request_keeps_its_place_in_the_pipeline(daemon: Daemon, context: zmq.Context) -> None:
    pull = connect(context, zmq.PULL, daemon.results)
    push = connect(context, zmq.PUSH, daemon.requests)
    push.send_multipart(numbered(1).split())
    push.send_multipart([b"", *numbered(2).split()])
    push.send_multipart(numbered(3).split())
    results = [Result(pull.recv()) for _ in range(3)]
    assert [result.status for result in results] == [0, STATUS["MALFORMED"], 0]
    assert [result.sequence for result in results] == [1, 0, 3]


def test_a_delimiter_comes_back_to_a_dealer_that_sent_one(shared_daemon: Daemon, context: zmq.Context) -> None:
    dealer = connect(context, zmq.DEALER, shared_daemon.router)
    for layout in (numbered(5).split(), numbered(5).packed()):
        dealer.send_multipart([b"", *layout])
        delimiter, frame = dealer.recv_multipart()
        assert delimiter == b"" and is_right(numbered(5), Result(frame))
        dealer.send_multipart(layout)
        (frame,) = dealer.recv_multipart()
        assert is_right(numbered(5), Result(frame))


def test_a_req_socket_is_a_client_too(shared_daemon: Daemon, context: zmq.Context) -> None:
    socket = connect(context, zmq.REQ, shared_daemon.router)
    for sequence in range(1, 20):
        socket.send_multipart(numbered(sequence).split())
        assert is_right(numbered(sequence), Result(socket.recv()))


def test_two_clients_at_once_get_their_own_results_and_only_those(shared_daemon: Daemon) -> None:
    count = 400

    def converse(client: bytes, failures: list[str]) -> None:
        with zmq.Context() as context:
            socket = connect(context, zmq.DEALER, shared_daemon.router, LINGER=0)
            requests = {i: numbered(i, client=client) for i in range(1, count + 1)}
            waiting = list(requests.values())
            for _ in range(20):
                socket.send_multipart(waiting.pop(0).split())
            while requests:
                result = Result(socket.recv())
                request = requests.pop(result.sequence, None)
                if request is None or not is_right(request, result):
                    failures.append(f"{client!r} got {result.client!r} {result.sequence}")
                if waiting:
                    socket.send_multipart(waiting.pop(0).split())
            if socket.poll(0):
                failures.append(f"{client!r} got more than it asked for")
            socket.close()

    failures: list[str] = []
    clients = [threading.Thread(target=converse, args=(bytes([i]) * 16, failures)) for i in (1, 2)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join(PATIENCE * 2)
    assert not failures and not any(thread.is_alive() for thread in clients)


def test_an_empty_message_on_the_router_lane_is_answered(shared_daemon: Daemon, context: zmq.Context) -> None:
    dealer = connect(context, zmq.DEALER, shared_daemon.router)
    dealer.send_multipart([b""])
    assert Result(dealer.recv_multipart()[-1]).status == STATUS["MALFORMED"]
    dealer.send_multipart([b"", b"", b""])
    assert Result(dealer.recv_multipart()[-1]).status == STATUS["MALFORMED"]


@pytest.mark.parametrize("count", [6, 50, 2000])
def test_a_message_of_many_frames_is_refused_and_harms_not_the_next(
    daemon: Daemon, context: zmq.Context, count: int
) -> None:
    frames = [*numbered(1).split(), *[b"more"] * (count - 3)]
    pull = connect(context, zmq.PULL, daemon.results)
    push = connect(context, zmq.PUSH, daemon.requests)
    dealer = connect(context, zmq.DEALER, daemon.router)
    for send, receive in ((push, pull), (dealer, dealer)):
        send.send_multipart(frames)
        send.send_multipart(numbered(2).split())
        refusal, result = Result(receive.recv()), Result(receive.recv())
        assert (refusal.status, refusal.sequence) == (STATUS["MALFORMED"], 1)
        assert "frames" in refusal.message and str(count) in refusal.message
        assert is_right(numbered(2), result)


def test_a_daemon_serves_by_tcp_as_well(start_daemon: Callable[..., Daemon], context: zmq.Context) -> None:
    with zmq.Context() as probe:
        port = probe.socket(zmq.PULL).bind_to_random_port("tcp://127.0.0.1")
    endpoint = f"tcp://127.0.0.1:{port}"
    start_daemon("--router", endpoint, lanes=False)
    assert is_right(numbered(1), Client(context, endpoint).ask(numbered(1)))


def test_a_second_daemon_does_not_steal_a_path(daemon: Daemon, context: zmq.Context) -> None:
    for options in (["--router", daemon.router], ["--requests", daemon.requests, "--results", f"{daemon.results}2"]):
        second = subprocess.run([BIN / "xentd", *options], capture_output=True, text=True, timeout=PATIENCE)
        assert second.returncode == 69
        assert options[1] in second.stderr and "another process listens there" in second.stderr
    assert is_right(numbered(1), Client(context, daemon.router).ask(numbered(1)))


def test_a_path_that_a_stranger_listens_on_is_not_stolen(short_directory: Path) -> None:
    with zmq.Context() as context:
        stranger = context.socket(zmq.ROUTER)
        path = f"ipc://{short_directory}/x"
        stranger.bind(path)
        second = subprocess.run([BIN / "xentd", "--router", path], capture_output=True, text=True, timeout=PATIENCE)
        stranger.close()
    assert second.returncode == 69 and path in second.stderr


def test_a_path_that_a_killed_daemon_left_behind_is_taken_over(daemon: Daemon, context: zmq.Context) -> None:
    daemon.stop(signal.SIGKILL)
    assert (daemon.directory / "x").exists()
    daemon.process = daemon.start()
    assert is_right(numbered(1), Client(context, daemon.router).ask(numbered(1)))


def test_a_file_that_is_no_socket_is_left_alone(short_directory: Path) -> None:
    work = short_directory / "thesis.tex"
    work.write_text("years")
    run = subprocess.run([BIN / "xentd", "--router", f"ipc://{work}"], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 69 and str(work) in run.stderr and "no socket" in run.stderr
    assert work.read_text() == "years" and list(short_directory.iterdir()) == [work]


def test_a_daemon_that_stops_takes_its_sockets_with_it(daemon: Daemon) -> None:
    assert daemon.stop() == 0
    assert not any((daemon.directory / name).exists() for name in "qrx")


def test_a_path_too_long_for_a_socket_is_refused_in_words() -> None:
    path = "ipc:///tmp/" + "x" * 120
    run = subprocess.run([BIN / "xentd", "--router", path], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 64 and "125 bytes" in run.stderr and "107" in run.stderr
