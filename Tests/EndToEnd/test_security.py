"""Encrypted endpoints: who is let in, who is not, and that those who are not harm nobody."""

from __future__ import annotations

import contextlib
import grp
import os
import resource
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import zmq

from conftest import BIN, PATIENCE, ROOT, Daemon, connect
from reference import losses, ulps
from wire import Request, Result


def run(*arguments: str | Path, **named: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(a) for a in arguments], capture_output=True, text=True, timeout=PATIENCE, **named)  # type: ignore[call-overload]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Keys:
    """What `xent keygen` made."""

    file: Path
    public: bytes
    secret: bytes

    @classmethod
    def make(cls, file: Path, name: str = "") -> Keys:
        made = run(BIN / "xent", "keygen", file, "--name", name)
        assert made.returncode == 0, made.stderr
        secret = file.read_text().splitlines()[-1]
        return cls(file, made.stdout.split()[0].encode(), secret.encode())


@dataclass
class Place:
    """A directory with a daemon's keys and one client's, and how to reach the daemon."""

    directory: Path
    server: Keys
    client: Keys
    port: int

    @property
    def tcp(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def ipc(self) -> str:
        return f"ipc://{self.directory}/x"

    @property
    def clients(self) -> Path:
        return self.directory / "clients"

    def configuration(self, lanes: str, more: str = "") -> Path:
        file = self.directory / "xentd.yaml"
        file.write_text(f"curve: {{secret_key: {self.server.file}, clients: {self.clients}}}\nlanes:\n{lanes}{more}")
        return file

    def router(self, more: str = "") -> Path:
        """A router lane, with CURVE by TCP and plain by a path."""
        lane = f"  - name: r\n    kind: router\n    endpoints: [{{bind: '{self.tcp}', curve: true}}, '{self.ipc}']\n"
        return self.configuration(lane, more)

    def options(self, keys: Keys | None = None, server: bytes | None = None) -> dict[str, bytes]:
        keys = keys or self.client
        return {
            "CURVE_PUBLICKEY": keys.public, "CURVE_SECRETKEY": keys.secret,
            "CURVE_SERVERKEY": server or self.server.public,
        }


@pytest.fixture
def place(short_directory: Path) -> Place:
    server = Keys.make(short_directory / "server.key")
    client = Keys.make(short_directory / "client.key", "a client")
    (short_directory / "clients").write_text(f"# who may come\n{client.public.decode()} a client\n")
    return Place(short_directory, server, client, free_port())


def batch(sequence: int = 1, rows: int = 5, classes: int = 9) -> Request:
    random = np.random.default_rng(sequence)
    logits = random.normal(size=(rows, classes)).astype(np.float32)
    return Request(logits, random.integers(0, classes, rows), sequence=sequence)


def is_served(context: zmq.Context, endpoint: str, request: Request | None = None, **options: bytes) -> bool:
    """Whether a batch comes back right."""
    request = request or batch()
    dealer = connect(context, zmq.DEALER, endpoint, LINGER=0, **options)  # type: ignore[arg-type]
    dealer.send_multipart(request.split())
    result = Result(dealer.recv())
    dealer.close()
    return ulps(result.losses, losses(request.logits, request.labels)) <= 2.5


# Keys.


def test_keygen_writes_a_pair_that_fits_together(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        keys = Keys.make(tmp_path / "a.key", "somebody's laptop")
    finally:
        os.umask(old)
    assert zmq.curve_public(keys.secret) == keys.public
    assert stat.S_IMODE(keys.file.stat().st_mode) == 0o600
    assert Path(f"{keys.file}.pub").read_text() == f"{keys.public.decode()} somebody's laptop\n"
    assert keys.secret not in Path(f"{keys.file}.pub").read_bytes()
    shown = run(BIN / "xent", "keygen", "--show", keys.file)
    assert shown.stdout.strip().encode() == keys.public


@pytest.mark.parametrize("there", ["a.key", "a.key.pub"])
def test_keygen_overwrites_nothing_and_leaves_nothing_half_done(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("precious")
    again = run(BIN / "xent", "keygen", tmp_path / "a.key")
    assert again.returncode == 2 and there in again.stderr and "already" in again.stderr and not again.stdout
    assert [file.name for file in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "precious"


def test_keygen_says_where_it_cannot_write(tmp_path: Path) -> None:
    result = run(BIN / "xent", "keygen", tmp_path / "none/a.key")
    assert result.returncode == 2 and "none/a.key" in result.stderr and "No such file" in result.stderr


# Configuration.


@pytest.mark.parametrize(
    "address", ["tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://[::]:5555", "tcp://192.0.2.1:5555", "tcp://[2001:db8::1]:5555"])
def test_a_port_that_others_can_reach_is_refused_without_keys(place: Place, address: str) -> None:
    def checked(endpoint: str) -> subprocess.CompletedProcess[str]:
        file = place.configuration(f"  - name: r\n    kind: router\n    endpoints: {endpoint}\n")
        return run(BIN / "xentd", "--check", "--config", file)

    for endpoint in (f"'{address}'", f"{{bind: '{address}'}}", f"{{bind: '{address}', curve: false}}", f"{{connect: '{address}'}}"):
        refused = checked(endpoint)
        if "*" in address and "connect" in endpoint:
            assert refused.returncode == 78
            continue
        assert refused.returncode == 78 and address in refused.stderr, refused
        assert "curve: true" in refused.stderr and "allow_insecure" in refused.stderr and ":5: " in refused.stderr
    for more in ("curve: true", "allow_insecure: true"):
        assert checked(f"{{bind: '{address}', {more}}}").returncode == 0
    started = run(BIN / "xentd", "--router", address)
    assert started.returncode == 64 and "allow_insecure" in started.stderr


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:5555", "tcp://127.1.2.3:5555", "tcp://[::1]:5555", "tcp://lo:5555"])
def test_a_port_of_this_machine_alone_needs_no_keys(address: str) -> None:
    assert run(BIN / "xentd", "--check", "--router", address).returncode == 0


BAD_KEYS = [
    ("no secret key", "curve: {clients: CLIENTS}", ["secret_key", "missing"]),
    ("no clients", "curve: {secret_key: SERVER}", ["clients", "missing"]),
    ("a key that is not known", "curve: {secret_key: SERVER, clients: CLIENTS, client: x}", ["client:", "secret_key"]),
    ("a path that depends on where one is", "curve: {secret_key: server.key, clients: CLIENTS}", ["secret_key", "begins with /"]),
    ("a file that is not there", "curve: {secret_key: /none, clients: CLIENTS}", ["secret_key", "/none", "No such file"]),
    ("a directory", "curve: {secret_key: /tmp, clients: CLIENTS}", ["secret_key", "/tmp", "not a file"]),
    ("no credentials", "curve: {secret_key: 'credential:a', clients: CLIENTS}", ["credential:a", "CREDENTIALS_DIRECTORY"]),
    ("a public key for a secret one", "curve: {secret_key: /dev/null, clients: CLIENTS}", ["secret_key", "/dev/null"]),
    ("a bad client", "curve: {secret_key: SERVER, clients: BAD}", ["clients", "line 2", "7 characters"]),
    ("the same client twice", "curve: {secret_key: SERVER, clients: TWICE}", ["clients", "line 2", "line 1"]),
    ("an open secret", "curve: {secret_key: OPEN, clients: CLIENTS}", ["secret_key", "644", "chmod 600"]),
]


@pytest.mark.parametrize("name,text,words", BAD_KEYS, ids=[bad[0] for bad in BAD_KEYS])
def test_what_is_wrong_with_keys_is_said(place: Place, name: str, text: str, words: list[str]) -> None:
    secret = place.server.secret.decode()
    bad, twice, open_ = (place.directory / name for name in ("bad", "twice", "open"))
    bad.write_text(f"{place.client.public.decode()}\nnot-key\n")
    twice.write_text(f"{place.client.public.decode()} a\n{place.client.public.decode()} b\n")
    open_.write_text(secret)
    open_.chmod(0o644)
    for word, file in {"SERVER": place.server.file, "CLIENTS": place.clients, "BAD": bad, "TWICE": twice, "OPEN": open_}.items():
        text = text.replace(word, str(file))
    file = place.directory / "c.yaml"
    file.write_text(f"{text}\nlanes:\n  - {{name: r, kind: router, endpoints: [{{bind: '{place.tcp}', curve: true}}]}}\n")
    result = run(BIN / "xentd", "--config", file)
    assert result.returncode == 78 and f"{file}:1: " in result.stderr, result
    assert all(word in result.stderr for word in words), result.stderr
    assert secret not in result.stderr


BAD_ENDPOINTS = [
    ("{bind: 'ipc:///tmp/a', curve: true}", ["curve", "secret_key"]),
    ("{bind: 'ipc:///tmp/a', curve: maybe}", ["curve", "true, false", "maybe"]),
    ("{bind: 'ipc:///tmp/a', mode: '0999'}", ["mode", "octal", "0999"]),
    ("{bind: 'ipc:///tmp/a', mode: '1777'}", ["mode", "777", "1777"]),
    ("{bind: 'ipc:///tmp/a', group: no-such-group}", ["group", "no-such-group"]),
    ("{bind: 'tcp://127.0.0.1:99', mode: '0600'}", ["mode", "ipc://"]),
    ("{connect: 'ipc:///tmp/a', group: root}", ["group", "bound"]),
]


@pytest.mark.parametrize("endpoint,words", BAD_ENDPOINTS, ids=[bad[0] for bad in BAD_ENDPOINTS])
def test_what_is_wrong_with_an_endpoint_is_said(tmp_path: Path, endpoint: str, words: list[str]) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"lanes:\n  - name: r\n    kind: router\n    endpoints: {endpoint}\n")
    result = run(BIN / "xentd", "--check", "--config", file)
    assert result.returncode == 78 and f"{file}:4: " in result.stderr, result
    assert all(word in result.stderr for word in words), result.stderr


# A socket in the file system.


@pytest.mark.parametrize("mode", ["0600", "0660", "0666"])
def test_a_path_has_the_mode_and_group_of_the_configuration(
    start_daemon: Callable[..., Daemon], context: zmq.Context, place: Place, mode: str
) -> None:
    group = grp.getgrnam("daemon")
    lane = f"  - name: r\n    kind: router\n    endpoints: {{bind: '{place.ipc}', mode: '{mode}', group: daemon}}\n"
    start_daemon("--config", str(place.configuration(lane)), lanes=False)
    status = (place.directory / "x").stat()
    assert stat.S_IMODE(status.st_mode) == int(mode, 8) and status.st_gid == group.gr_gid
    assert is_served(context, place.ipc)


# Who is let in.


def test_a_client_whose_key_is_known_is_served(
    start_daemon: Callable[..., Daemon], context: zmq.Context, place: Place
) -> None:
    daemon = start_daemon("--config", str(place.router("log_level: debug\n")), lanes=False)
    assert is_served(context, place.tcp, batch(rows=2000, classes=3000), **place.options())
    assert is_served(context, place.ipc)
    assert "client let in" in daemon.log and "a client" in daemon.log


def test_a_pipeline_lane_may_be_encrypted_both_ways(
    start_daemon: Callable[..., Daemon], context: zmq.Context, place: Place
) -> None:
    results = f"ipc://{place.directory}/r"
    lane = (
        f"  - name: p\n    kind: pipeline\n    requests: {{bind: '{place.tcp}', curve: true}}\n"
        f"    results: {{bind: '{results}', curve: true}}\n")
    start_daemon("--config", str(place.configuration(lane)), lanes=False)
    pull = connect(context, zmq.PULL, results, **place.options())  # type: ignore[arg-type]
    push = connect(context, zmq.PUSH, place.tcp, **place.options())  # type: ignore[arg-type]
    for sequence in range(1, 51):
        push.send_multipart(batch(sequence).split())
    assert [Result(pull.recv()).sequence for _ in range(50)] == list(range(1, 51))


def test_a_lane_that_connects_is_the_server_of_keys_too(
    start_daemon: Callable[..., Daemon], context: zmq.Context, place: Place
) -> None:
    dealer = context.socket(zmq.DEALER)
    dealer.setsockopt(zmq.RCVTIMEO, PATIENCE * 1000)
    for name, value in place.options().items():
        dealer.setsockopt(getattr(zmq, name), value)
    dealer.bind(place.tcp)
    lane = f"  - name: r\n    kind: router\n    endpoints: {{connect: '{place.tcp}', curve: true}}\n"
    start_daemon("--config", str(place.configuration(lane)), lanes=False)
    assert dealer.poll(PATIENCE * 1000, zmq.POLLOUT)
    dealer.send_multipart(batch().split())
    assert Result(dealer.recv()).status == 0


def test_a_secret_key_comes_from_the_service_managers_credentials(
    start_daemon: Callable[..., Daemon], context: zmq.Context, place: Place
) -> None:
    lane = f"  - name: r\n    kind: router\n    endpoints: {{bind: '{place.tcp}', curve: true}}\n"
    file = place.configuration(lane)
    file.write_text(file.read_text().replace(str(place.server.file), "'credential:server.key'"))
    start_daemon("--config", str(file), lanes=False, environment={"CREDENTIALS_DIRECTORY": str(place.directory)})
    assert is_served(context, place.tcp, **place.options())


EVAL = ["eval", "--logits", ROOT / "Examples/digits-logits.npy", "--labels", ROOT / "Examples/digits-labels.npy"]


def test_xent_evaluates_by_an_encrypted_connection(start_daemon: Callable[..., Daemon], place: Place) -> None:
    start_daemon("--config", str(place.router()), lanes=False)
    key = place.server.public.decode()
    for server_key in (key, f"{place.server.file}.pub"):
        result = run(BIN / "xent", *EVAL, "--endpoint", place.tcp, "--server-key", server_key, "--key", place.client.file)
        assert result.returncode == 0 and "mean loss" in result.stdout, result.stderr
    environment = os.environ | {
        "XENTD_ENDPOINT": place.tcp, "XENTD_SERVER_KEY": key, "XENTD_KEY": str(place.client.file)}
    assert run(BIN / "xent", *EVAL, env=environment).returncode == 0


def test_xent_takes_a_key_that_begins_with_a_dash(start_daemon: Callable[..., Daemon], place: Place) -> None:
    public, secret = next(pair for pair in iter(zmq.curve_keypair, None) if pair[0].startswith(b"-"))  # one of 85
    place.server.file.write_bytes(secret)
    start_daemon("--config", str(place.router()), lanes=False)
    options = ["--endpoint", place.tcp, "--server-key", public.decode(), "--key", place.client.file]
    result = run(BIN / "xent", *EVAL, *options)
    assert result.returncode == 0, result.stderr


def test_xent_says_why_it_is_not_let_in(start_daemon: Callable[..., Daemon], place: Place) -> None:
    start_daemon("--config", str(place.router()), lanes=False)
    stranger = Keys.make(place.directory / "stranger.key")
    server, known, unknown = f"{place.server.file}.pub", place.client.file, stranger.file

    def refusal(endpoint: str, *options: str | Path) -> str:
        result = run(BIN / "xent", *EVAL, "--endpoint", endpoint, "--timeout", "3", *options)
        assert result.returncode == 2, result
        return result.stderr

    unknown_key = refusal(place.tcp, "--server-key", server, "--key", unknown)
    assert stranger.public.decode() in unknown_key and "file of clients" in unknown_key
    assert "--server-key" in refusal(place.tcp)
    assert "does not encrypt" in refusal(place.ipc, "--server-key", server, "--key", known)
    wrong = refusal(place.tcp, "--server-key", f"{stranger.file}.pub", "--key", known)
    assert "public key" in wrong and stranger.public.decode() in wrong
    assert "--server-key" in refusal(place.tcp, "--key", known)
    assert "--key" in refusal(place.tcp, "--server-key", server)
    empty = place.directory / "empty"
    empty.touch()
    assert "one public key" in refusal(place.tcp, "--server-key", empty, "--key", known)


def test_xent_says_what_it_may_mean_that_handshakes_just_end(hangs_up: str, place: Place) -> None:
    def trouble(*options: str | Path) -> str:
        result = run(BIN / "xent", *EVAL, "--endpoint", hangs_up, "--timeout", "1", *options)
        assert result.returncode == 2, result
        return result.stderr

    assert "ends each handshake; if it takes only encrypted connections, give --server-key and --key" in trouble()
    with_keys = trouble("--server-key", f"{place.server.file}.pub", "--key", place.client.file)
    assert place.server.public.decode() in with_keys and "leave out --server-key and --key" in with_keys


# Who is not.

GREETING = bytes([0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0]) + b"CURVE".ljust(20, b"\0") + bytes(32)
RUBBISH = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"\0" * 1000,
    b"\xff" * 1000,
    bytes(range(256)) * 40,
    GREETING + b"\x04\x14" + b"Z" * 20,
    GREETING + b"\x06\x7f\xff\xff\xff\xff\xff\xff\xff" + b"Z" * 100,
    GREETING.replace(b"CURVE", b"NULL\0") + b"\x04\x19\x05READY",
    GREETING[:30],
    bytes([0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 1, 5, 0, 0]),
    b"",
]


def shout(port: int, bytes_: bytes) -> None:
    """Sends bytes to a port and goes on listening until it is hung up on, or has heard enough."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        try:
            connection.sendall(bytes_)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
        except OSError:
            pass


def failures(daemon: Daemon) -> dict[str, int]:
    """The daemon's counts of connections that came to nothing, by their reasons."""
    page = daemon.ask("/metrics")[2]
    samples = [line for line in page.splitlines() if line.startswith("xentd_handshake_failures_total{")]
    return {line.split('reason="')[1].split('"')[0]: int(float(line.split()[-1])) for line in samples}


def test_strangers_get_nothing_and_harm_nobody(
    start_daemon: Callable[..., Daemon], context: zmq.Context, place: Place
) -> None:
    daemon = start_daemon("--config", str(place.router()), lanes=False)
    stranger = Keys.make(place.directory / "stranger.key")
    good = connect(context, zmq.DEALER, place.tcp, **place.options())  # type: ignore[arg-type]
    bad = [
        connect(context, zmq.DEALER, place.tcp, LINGER=0, **options)  # type: ignore[arg-type]
        for options in (
            {}, place.options(stranger), place.options(server=stranger.public),
            {"PLAIN_USERNAME": b"root", "PLAIN_PASSWORD": b"root"},
        )
        for _ in range(10)
    ]
    for socket_ in bad:
        with contextlib.suppress(zmq.Again):  # where libzmq has given up already
            socket_.send_multipart(batch(666).split(), zmq.DONTWAIT)
    shouts = [threading.Thread(target=shout, args=(place.port, bytes_)) for bytes_ in RUBBISH * 5]
    for thread in shouts:
        thread.start()
    for sequence in range(1, 101):
        good.send_multipart(batch(sequence).split())
        assert Result(good.recv()).sequence == sequence
    for thread in shouts:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in shouts)
    assert not any(socket_.poll(0) for socket_ in bad), "a stranger got an answer"
    assert is_served(context, place.tcp, **place.options())
    assert stranger.public.decode() in daemon.log
    # However many they are, the log has a line of each kind now and then, and all are counted.
    assert daemon.log.count("client refused") <= 2
    expected = {"not_allowed": 10, "wrong_key": 10, "mechanism": 1, "malformed": 5, "not_zeromq": 10, "disconnected": 1}

    def are_counted() -> bool:
        counts = failures(daemon)
        # Of a client with another mechanism, whichever side sees it first hangs up. Wrong keys try again and again.
        others = sum(counts.values()) - counts["wrong_key"]
        return all(counts[reason] >= count for reason, count in expected.items()) and others >= 30 + len(shouts)

    end = time.monotonic() + PATIENCE
    # What libzmq drops without a word is counted when it cannot be shaking hands any more; the log follows in a second.
    while not are_counted() or not all(f"reason={reason}" in daemon.log for reason in expected):
        assert time.monotonic() < end, failures(daemon)
        time.sleep(0.1)
    counts = failures(daemon)
    assert daemon.log.count("connections came to nothing") <= 3 * len(counts)


def test_rubbish_on_a_plain_port_harms_nobody(start_daemon: Callable[..., Daemon], context: zmq.Context) -> None:
    port = free_port()
    start_daemon("--router", f"tcp://127.0.0.1:{port}", lanes=False)
    for bytes_ in RUBBISH:
        shout(port, bytes_)
    assert is_served(context, f"tcp://127.0.0.1:{port}")


# Many.


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Room for some thousands of sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 6000
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"at most {hard} descriptors here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def unix_connections(path: Path, count: int) -> list[socket.socket]:
    """Connections that say nothing. A full backlog makes the kernel refuse for a moment: then they are fewer."""
    connections = []
    end = time.monotonic() + PATIENCE
    while len(connections) < count and time.monotonic() < end:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            connection.connect(str(path))
            connections.append(connection)
        except BlockingIOError:
            connection.close()
        except OSError:
            connection.close()
            break
    return connections


@pytest.mark.parametrize("kind", ["tcp", "ipc"])
def test_two_thousand_connections_during_a_round_do_no_harm(
    start_daemon: Callable[..., Daemon], context: zmq.Context, place: Place, descriptors: None, kind: str
) -> None:
    daemon = start_daemon("--config", str(place.router()), lanes=False)
    endpoint, options = (place.tcp, place.options()) if kind == "tcp" else (place.ipc, {})
    dealer = connect(context, zmq.DEALER, endpoint, **options)  # type: ignore[arg-type]
    large = batch(7, rows=4000, classes=2000)
    for _ in range(4):
        dealer.send_multipart(large.split())
    if kind == "tcp":
        connections = [socket.create_connection(("127.0.0.1", place.port), PATIENCE) for _ in range(2000)]
    else:
        connections = unix_connections(place.directory / "x", 2000)
    assert len(connections) == 2000
    exact = losses(large.logits, large.labels)
    assert all(ulps(Result(dealer.recv()).losses, exact) <= 2.5 for _ in range(4))
    for connection in connections:
        connection.close()
    assert is_served(context, endpoint, **options)
    assert daemon.process.poll() is None


def test_past_the_limit_of_descriptors_a_tcp_port_serves_again_once_some_are_free(
    start_daemon: Callable[..., Daemon], context: zmq.Context, place: Place
) -> None:
    daemon = start_daemon("--config", str(place.router()), lanes=False)
    served = connect(context, zmq.DEALER, place.tcp, **place.options())  # type: ignore[arg-type]
    served.send_multipart(batch(1).split())
    assert Result(served.recv()).status == 0
    held = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (held + 20, held + 20))
    crowd = [socket.create_connection(("127.0.0.1", place.port), PATIENCE) for _ in range(100)]
    served.send_multipart(batch(2).split())
    assert Result(served.recv()).sequence == 2, "who is in is served"
    for connection in crowd:
        connection.close()
    assert is_served(context, place.tcp, **place.options())


def test_past_the_limit_of_descriptors_libzmq_aborts_on_a_path_and_a_new_daemon_takes_over(
    start_daemon: Callable[..., Daemon], context: zmq.Context, place: Place
) -> None:
    daemon = start_daemon("--config", str(place.router()), lanes=False)
    held = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (held + 20, held + 20))
    crowd = unix_connections(place.directory / "x", 100)
    # libzmq 4.3.4's `accept` by a path asserts that descriptors do not run out. The unit starts a new daemon.
    assert daemon.process.wait(PATIENCE) == -signal.SIGABRT, daemon.log
    for connection in crowd:
        connection.close()
    daemon.start()
    assert is_served(context, place.ipc)
