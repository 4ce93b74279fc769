"""Listening sockets that a service manager passes, as sd_listen_fds(3) describes."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq

from conftest import BIN, PATIENCE, Client, connect
from wire import Request, Result


def small() -> Request:
    return Request(np.zeros((3, 4), np.float32), np.zeros(3, int))


def listening(path: Path) -> socket.socket:
    """A socket like those of systemd: it blocks, and its mode is its own."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o660)
    listener.listen(128)
    return listener


# Descriptors from 3 on, and a process that knows its own number, before the daemon takes its place.
LAUNCHER = """
import os, sys
descriptors = [int(number) for number in sys.argv[1].split(",")]
for place, descriptor in enumerate(descriptors):
    os.dup2(descriptor, 100 + place)
for place in range(len(descriptors)):
    os.dup2(100 + place, 3 + place, inheritable=True)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""

Launch = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def launch(short_directory: Path) -> Iterator[Launch]:
    processes: list[subprocess.Popen[bytes]] = []

    def start(listeners: list[socket.socket], *options: str, **environment: str) -> subprocess.Popen[bytes]:
        numbers = [listener.fileno() for listener in listeners]
        variables = {
            "LISTEN_FDS": str(len(numbers)), "LISTEN_FDNAMES": ":".join(f"name{i}" for i in range(len(numbers)))}
        with (short_directory / "log").open("ab") as log:
            processes.append(
                subprocess.Popen(
                    ["python3", "-c", LAUNCHER, ",".join(map(str, numbers)), str(BIN / "xentd"),
                     "--http", "off", *options],
                    stderr=log, env=os.environ | variables | environment, pass_fds=numbers))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()
            assert process.wait(PATIENCE) == 0, (short_directory / "log").read_text()


def test_each_endpoint_that_a_passed_socket_has_is_served_by_it(
    launch: Launch, short_directory: Path, context: zmq.Context
) -> None:
    paths = [short_directory / name for name in ("x", "q", "r")]
    # In another order than that of the lanes: what counts is the address.
    listeners = [listening(path) for path in paths]
    inodes = [path.stat().st_ino for path in paths]
    router, requests, results = (f"ipc://{path}" for path in paths)
    process = launch(listeners, "--requests", requests, "--results", results, "--router", router)
    assert Client(context, router).ask(small()).status == 0
    push, pull = connect(context, zmq.PUSH, requests), connect(context, zmq.PULL, results)
    push.send_multipart(small().split())
    assert Result(pull.recv()).status == 0
    process.terminate()
    assert process.wait(PATIENCE) == 0
    assert [path.stat().st_ino for path in paths] == inodes, "the paths are the service manager's"
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o660}
    assert sorted(path.name for path in short_directory.iterdir()) == ["log", "q", "r", "x"]


def test_a_client_that_comes_while_no_daemon_runs_is_answered_by_the_next(
    launch: Launch, short_directory: Path, context: zmq.Context
) -> None:
    listener = listening(short_directory / "x")
    router = f"ipc://{short_directory}/x"
    client = Client(context, router)
    client.socket.send_multipart(small().split())
    for _ in range(2):
        process = launch([listener], "--router", router)
        assert Result(client.socket.recv()).status == 0
        process.kill()
        process.wait(PATIENCE)
        client.socket.send_multipart(small().split())
    launch([listener], "--router", router)
    assert Result(client.socket.recv()).status == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "*", "[::1]"])
def test_a_tcp_socket_is_served_too(
    launch: Launch, short_directory: Path, context: zmq.Context, address: str
) -> None:
    family = socket.AF_INET if address == "127.0.0.1" else socket.AF_INET6
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind(({"*": "::"}.get(address, address).strip("[]"), 0))
    listener.listen()
    port = listener.getsockname()[1]
    file = short_directory / "xentd.yaml"
    file.write_text(
        "lanes:\n  - name: r\n    kind: router\n"
        f"    endpoints: {{bind: 'tcp://{address}:{port}', allow_insecure: true}}\n")
    launch([listener], "--config", str(file))
    host = "127.0.0.1" if address == "*" else address
    client = connect(context, zmq.DEALER, f"tcp://{host}:{port}", IPV6=1)
    client.send_multipart(small().split())
    assert Result(client.recv()).status == 0


def test_a_reload_leaves_passed_sockets_to_the_service_manager(
    launch: Launch, short_directory: Path, context: zmq.Context
) -> None:
    paths = [short_directory / name for name in ("a", "b")]
    listeners = [listening(path) for path in paths]
    inodes = [path.stat().st_ino for path in paths]
    file, log = short_directory / "xentd.yaml", short_directory / "log"

    def configure(*names: str, more: str = "") -> None:
        lanes = [f"  - {{name: {name}, kind: router, endpoints: {{bind: 'ipc://{short_directory}/{name}'{more}}}}}\n" for name in names]
        file.write_text("lanes:\n" + "".join(lanes))

    def reload(what: str) -> None:
        count = log.read_text().count(what)
        process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE
        while log.read_text().count(what) == count:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.01)

    configure("a", "b")
    process = launch(listeners, "--config", str(file))
    clients = [Client(context, f"ipc://{path}") for path in paths]
    assert all(client.ask(small()).status == 0 for client in clients)
    configure("a")
    ends = clients[1].socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    reload("lane closed")
    assert ends.poll(PATIENCE * 1000), "what is written to the old connection meanwhile is lost"
    clients[1].socket.disable_monitor()
    assert clients[0].ask(small()).status == 0
    assert "no endpoint has a socket" in log.read_text() and f"{short_directory}/b" in log.read_text()
    clients[1].socket.send_multipart(small().split())  # waits where the service manager listens
    configure("a", "b", more=", mode: '0600'")
    reload("configuration read again")
    assert Result(clients[1].socket.recv()).status == 0
    assert log.read_text().count("mode and group do nothing here") == 2
    process.terminate()
    assert process.wait(PATIENCE) == 0
    assert [path.stat().st_ino for path in paths] == inodes
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o660}
    assert not list(short_directory.glob("*.lock"))


def test_sockets_that_were_meant_for_another_process_are_left_alone(
    launch: Launch, short_directory: Path, context: zmq.Context
) -> None:
    other = listening(short_directory / "other")
    router = f"ipc://{short_directory}/x"
    launch([other], "--router", router, LISTEN_PID="1")
    assert Client(context, router).ask(small()).status == 0
    assert "no endpoint" not in (short_directory / "log").read_text()


def test_a_passed_socket_that_no_endpoint_has_is_told(
    launch: Launch, short_directory: Path, context: zmq.Context
) -> None:
    other, deaf = listening(short_directory / "other"), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    router = f"ipc://{short_directory}/x"
    launch([other, deaf], "--router", router)
    assert Client(context, router).ask(small()).status == 0
    warnings = [line for line in (short_directory / "log").read_text().splitlines() if "no endpoint" in line]
    assert len(warnings) == 2
    assert "name0" in warnings[0] and f"ipc://{short_directory}/other" in warnings[0]
    assert "name1" in warnings[1] and "does not listen" in warnings[1]
