"""Both kinds of lane, as clients of all kinds use them."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
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


def configured(start_daemon: Callable[..., Daemon], directory: Path, text: str) -> Daemon:
    file = directory / "xentd.yaml"
    file.write_text(text.replace("DIRECTORY", str(directory)))
    return start_daemon("--config", str(file), lanes=False)


def free_port() -> int:
    with zmq.Context() as probe:
        return probe.socket(zmq.PULL).bind_to_random_port("tcp://127.0.0.1")


def test_a_lane_serves_all_of_its_endpoints(
    start_daemon: Callable[..., Daemon], context: zmq.Context, short_directory: Path
) -> None:
    tcp = f"tcp://127.0.0.1:{free_port()}"
    configured(start_daemon, short_directory, f"""
lanes:
  - {{name: r, kind: router, endpoints: ['ipc://DIRECTORY/a', 'ipc://DIRECTORY/b', {{bind: '{tcp}'}}]}}
  - {{name: p, kind: pipeline, requests: ['ipc://DIRECTORY/q1', 'ipc://DIRECTORY/q2'], results: 'ipc://DIRECTORY/r'}}
""")
    for endpoint in (f"ipc://{short_directory}/a", f"ipc://{short_directory}/b", tcp):
        assert is_right(numbered(3), Client(context, endpoint).ask(numbered(3)))
    pull = connect(context, zmq.PULL, f"ipc://{short_directory}/r")
    for name in ("q1", "q2"):
        connect(context, zmq.PUSH, f"ipc://{short_directory}/{name}").send_multipart(numbered(4).split())
        assert is_right(numbered(4), Result(pull.recv()))


def test_a_lane_connects_to_clients_that_listen(
    start_daemon: Callable[..., Daemon], context: zmq.Context, short_directory: Path
) -> None:
    def listening(kind: int, name: str) -> zmq.Socket:
        socket = context.socket(kind)
        socket.setsockopt(zmq.RCVTIMEO, PATIENCE * 1000)
        socket.bind(f"ipc://{short_directory}/{name}")
        return socket

    configured(start_daemon, short_directory, """
lanes:
  - {name: p, kind: pipeline, requests: {connect: 'ipc://DIRECTORY/q'}, results: {connect: 'ipc://DIRECTORY/r'}}
  - {name: r, kind: router, endpoints: {connect: 'ipc://DIRECTORY/x'}}
""")
    push, pull, dealer = listening(zmq.PUSH, "q"), listening(zmq.PULL, "r"), listening(zmq.DEALER, "x")
    for sequence in range(1, 30):
        push.send_multipart(numbered(sequence).split())
        dealer.send_multipart(numbered(sequence).packed())
        assert is_right(numbered(sequence), Result(pull.recv()))
        assert is_right(numbered(sequence), Result(dealer.recv()))


def test_each_lane_keeps_limits_of_its_own(
    start_daemon: Callable[..., Daemon], context: zmq.Context, short_directory: Path
) -> None:
    configured(start_daemon, short_directory, """
limits: {rows: 10}
lanes:
  - {name: few, kind: router, endpoints: 'ipc://DIRECTORY/few', limits: {rows: 4, batch_bytes: 500}}
  - {name: many, kind: router, endpoints: 'ipc://DIRECTORY/many'}
""")
    few, many = Client(context, f"ipc://{short_directory}/few"), Client(context, f"ipc://{short_directory}/many")
    assert few.ask(numbered(1, rows=4)).status == 0
    assert few.ask(numbered(1, rows=5)).status == STATUS["BAD_SHAPE"]
    assert few.ask(numbered(1, rows=4, classes=40)).status == STATUS["TOO_LARGE"]
    assert many.ask(numbered(1, rows=5, classes=100)).status == 0
    assert many.ask(numbered(1, rows=11)).status == STATUS["BAD_SHAPE"]


def test_a_second_consumer_of_results_is_logged(daemon: Daemon, context: zmq.Context) -> None:
    push = connect(context, zmq.PUSH, daemon.requests)
    first = connect(context, zmq.PULL, daemon.results)
    push.send_multipart(numbered(1).split())
    assert is_right(numbered(1), Result(first.recv()))
    assert "second consumer" not in daemon.log
    second = connect(context, zmq.PULL, daemon.results)
    received = 0
    for sequence in range(2, 1000):  # until the second has its part
        push.send_multipart(numbered(sequence).split())
        poller = zmq.Poller()
        poller.register(first, zmq.POLLIN)
        poller.register(second, zmq.POLLIN)
        for socket, _ in poller.poll(PATIENCE * 1000):
            socket.recv()
            received += socket is second
        if received:
            break
    assert received
    Client(context, daemon.router).ask(numbered(1))  # a turn later
    lines = [line for line in daemon.log.splitlines() if "second consumer" in line]
    assert len(lines) == 1 and "lane=pipeline" in lines[0] and "consumers=2" in lines[0]


def test_a_batch_whose_deadline_has_passed_is_not_computed(shared_daemon: Daemon, context: zmq.Context) -> None:
    client = Client(context, shared_daemon.router)
    now = time.time_ns()
    late = numbered(1)
    late.sent_at, late.deadline = now - 2_000_000_000, 1500
    result = client.ask(late)
    assert result.status == STATUS["EXPIRED"] and "1500 ms" in result.message and "waited 20" in result.message
    for sent_at, deadline in ((now - 2_000_000_000, 60_000), (now - 2_000_000_000, 0), (0, 60_000), (now + 10**12, 1)):
        timely = numbered(2)
        timely.sent_at, timely.deadline = sent_at, deadline
        assert is_right(timely, client.ask(timely))


def test_small_batches_do_not_wait_for_large_ones_of_another_lane(
    start_daemon: Callable[..., Daemon], context: zmq.Context, short_directory: Path
) -> None:
    """However much is queued on one lane, what comes on the other is in the next round but one."""
    daemon = configured(start_daemon, short_directory, """
lanes:
  - {name: loud, kind: pipeline, requests: 'ipc://DIRECTORY/q', results: 'ipc://DIRECTORY/r'}
  - {name: quiet, kind: router, endpoints: 'ipc://DIRECTORY/quiet'}
""")
    large = numbered(1, rows=4000, classes=2500)  # 40 MB: a round of its own
    push = connect(context, zmq.PUSH, f"ipc://{short_directory}/q")
    pull = connect(context, zmq.PULL, f"ipc://{short_directory}/r")
    quiet = Client(context, f"ipc://{short_directory}/quiet")
    assert quiet.ask(numbered(1)).status == 0
    daemon.process.send_signal(signal.SIGSTOP)
    for _ in range(5):
        push.send_multipart(large.split(), copy=False)
    quiet.socket.send_multipart(numbered(2).split())
    daemon.process.send_signal(signal.SIGCONT)
    assert is_right(numbered(2), Result(quiet.socket.recv()))
    assert daemon.process.poll() is None
    answered = 0
    while pull.poll(0):
        pull.recv()
        answered += 1
    assert answered <= 2, "it did not wait for all"
    for _ in range(5 - answered):
        assert Result(pull.recv()).status == 0
