"""A real daemon on real sockets for each test that asks for one."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from wire import Request, Result

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("XENTD_BIN_DIR", ROOT / ".build/release")).resolve()
PATIENCE = 20  # seconds that anything may take before a test gives up


class Daemon:
    """A running xentd with one pipeline and one router lane, on paths of its own."""

    def __init__(
        self, *options: str, lanes: bool = True, http: bool = True, environment: dict[str, str] | None = None
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="xentd-", dir="/tmp"))
        self.requests = f"ipc://{self.directory}/q"
        self.results = f"ipc://{self.directory}/r"
        self.router = f"ipc://{self.directory}/x"
        self.http = str(self.directory / "h")
        self.log_file = self.directory / "log"
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(self.directory / "notify"))
        self.notices.settimeout(PATIENCE)
        lane_options = ["--requests", self.requests, "--results", self.results, "--router", self.router]
        # Not the default address, which is one for the whole machine.
        http_options = ["--http", self.http] if http else []
        self.command = [str(BIN / "xentd"), *(lane_options if lanes else []), *http_options, *options]
        self.environment = os.environ | {"NOTIFY_SOCKET": str(self.directory / "notify")} | (environment or {})
        try:
            self.process = self.start()
        except BaseException:
            self.remove()
            raise

    def start(self) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(self.command, stderr=log, env=self.environment, cwd=self.directory)
        deadline = time.monotonic() + PATIENCE
        while not select.select([self.notices], [], [], 0.1)[0]:
            code = self.process.poll()
            assert code is None, f"it ended with {code} before it was ready: {self.log}"
            assert time.monotonic() < deadline, f"it was not ready in time: {self.log}"
        assert self.notice() == "READY=1"
        return self.process

    def notice(self) -> str:
        """The next thing that the service manager hears, lines for people left out."""
        while (notice := self.notices.recv(4096).decode()).startswith("STATUS="):
            pass
        return notice

    def ask(self, path: str, accept: str = "*/*") -> tuple[int, str, str]:
        """Status, content type and body of a page that the daemon answers by HTTP."""
        connection = UnixConnection(self.http)
        try:
            connection.request("GET", path, headers={"Accept": accept})
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
        finally:
            connection.close()

    def status(self) -> dict[str, Any]:
        code, kind, body = self.ask("/status")
        assert (code, kind) == (200, "application/json")
        return json.loads(body)

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) * 1024

    @property
    def page_faults(self) -> int:
        """Pages that the system has given to the process."""
        return int(self.statistics[7])

    @property
    def cpu_seconds(self) -> float:
        fields = self.statistics
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def statistics(self) -> list[str]:
        """`/proc/PID/stat` from the process's state on."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def remove(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self.notices.close()
        shutil.rmtree(self.directory)


class UnixConnection(http.client.HTTPConnection):
    """HTTP by the socket at a path."""

    def __init__(self, path: str) -> None:
        super().__init__("xentd", timeout=PATIENCE)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


@pytest.fixture
def start_daemon() -> Iterator[Callable[..., Daemon]]:
    """Starts daemons; each that still runs at the end must stop cleanly on SIGTERM."""
    daemons: list[Daemon] = []

    def start(*options: str, **named: object) -> Daemon:
        daemons.append(Daemon(*options, **named))  # type: ignore[arg-type]
        return daemons[-1]

    yield start
    try:
        codes = [daemon.stop() for daemon in daemons if daemon.process.poll() is None]
        logs = [daemon.log for daemon in daemons]
    finally:
        for daemon in daemons:
            daemon.remove()
    assert not any(codes), (codes, logs)


@pytest.fixture
def daemon(start_daemon: Callable[..., Daemon]) -> Daemon:
    return start_daemon()


@pytest.fixture(scope="module")
def shared_daemon() -> Iterator[Daemon]:
    """One daemon for all tests of a module, which leave it as it was."""
    daemon = Daemon()
    yield daemon
    try:
        assert daemon.process.poll() is None, daemon.log
        assert daemon.stop() == 0, daemon.log
    finally:
        daemon.remove()


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A directory whose name leaves room for that of a socket."""
    with tempfile.TemporaryDirectory(prefix="xentd-", dir="/tmp") as directory:
        yield Path(directory)


@pytest.fixture
def hangs_up() -> Iterator[str]:
    """An address where each connection ends after its first words, as one whose peer saw first that they will not agree."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):  # when it is shut down
                while True:
                    caller, _ = listener.accept()
                    with caller, contextlib.suppress(ConnectionError):
                        caller.recv(10)  # the signature of its greeting

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture
def context() -> Iterator[zmq.Context]:
    context = zmq.Context()
    yield context
    context.destroy(linger=0)


def connect(context: zmq.Context, kind: int, endpoint: str, **options: int) -> zmq.Socket:
    socket_ = context.socket(kind)
    socket_.setsockopt(zmq.RCVTIMEO, PATIENCE * 1000)
    socket_.setsockopt(zmq.SNDTIMEO, PATIENCE * 1000)
    for name, value in options.items():
        socket_.setsockopt(getattr(zmq, name), value)
    socket_.connect(endpoint)
    return socket_


class Client:
    """A client of the router lane that sends one request and waits for its result."""

    def __init__(self, context: zmq.Context, endpoint: str) -> None:
        self.socket = connect(context, zmq.DEALER, endpoint)

    def ask(self, request: Request, layout: str = "split") -> Result:
        result = self.ask_frames(request.split() if layout == "split" else request.packed())
        assert (result.sequence, result.client) == (request.sequence, request.client)
        return result

    def ask_frames(self, frames: list[bytes]) -> Result:
        self.socket.send_multipart(frames)
        return Result(self.socket.recv_multipart()[-1])


@pytest.fixture
def client(shared_daemon: Daemon, context: zmq.Context) -> Client:
    return Client(context, shared_daemon.router)
