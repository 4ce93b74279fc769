"""What the daemon tells of itself: metrics, health and status by HTTP, the line for the service manager."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zmq
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus_text

from conftest import BIN, PATIENCE, Client, Daemon, connect
from wire import Request

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def batch(rows: int = 3, classes: int = 4, **options: int) -> Request:
    return Request(np.zeros((rows, classes), np.float32), np.zeros(rows, int), **options)


def samples(daemon: Daemon) -> dict[tuple[str, ...], float]:
    """Every sample of /metrics, by its name and the values of its labels."""
    families = prometheus_text(daemon.ask("/metrics")[2])
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def await_value(read: Callable[[], float], wanted: Callable[[float], bool]) -> float:
    """A figure that the daemon publishes once its turn is over."""
    deadline = time.monotonic() + PATIENCE
    while not wanted(value := read()):
        assert time.monotonic() < deadline, value
        time.sleep(0.01)
    return value


def test_metrics_count_what_was_sent(daemon: Daemon, context: zmq.Context) -> None:
    client = Client(context, daemon.router)
    for rows in (1, 10, 100):
        assert client.ask(batch(rows, sent_at=time.time_ns())).status == 0
    assert client.ask(batch(sent_at=1, deadline=1)).status == 18
    frames = batch().split()
    assert client.ask_frames([frames[0], frames[1], b""]).status == 1
    await_value(lambda: samples(daemon)["xentd_stage_duration_seconds_count", "reply"], lambda count: count == 3)
    figures = samples(daemon)
    assert figures["xentd_batches_received_total", "router", daemon.router] == 5
    assert figures["xentd_batches_received_total", "pipeline", daemon.requests] == 0
    assert figures["xentd_batches_computed_total", "router"] == 3
    assert figures["xentd_samples_total", "router"] == 111
    assert figures["xentd_results_sent_total", "router"] == 5
    sizes = [96 + rows * 4 * 4 + rows * 8 for rows in (1, 10, 100, 3)] + [96 + 3 * 16]
    assert figures["xentd_received_bytes_total", "router"] == sum(sizes)
    assert figures["xentd_batches_failed_total", "router", "expired"] == 1
    assert figures["xentd_batches_failed_total", "router", "malformed"] == 1
    assert figures["xentd_shed_total", "router"] == 1
    assert figures["xentd_batch_samples_sum",] == 111 and figures["xentd_batch_samples_count",] == 3
    assert figures["xentd_batch_samples_bucket", "1.0"] == 1 and figures["xentd_batch_samples_bucket", "16.0"] == 2
    assert figures["xentd_batch_bytes_sum",] == sum(sizes[:3])
    for stage in ("queue", "decode", "compute", "reply"):
        assert figures["xentd_stage_duration_seconds_count", stage] == 3
        assert 0 < figures["xentd_stage_duration_seconds_sum", stage] < PATIENCE
    assert figures["xentd_ready",] == 1
    assert time.time() - PATIENCE < figures["xentd_last_batch_timestamp_seconds",] <= time.time()
    assert time.time() - PATIENCE < figures["xentd_selftest_last_success_timestamp_seconds",] <= time.time()
    assert abs(figures["process_start_time_seconds",] - os.stat(f"/proc/{daemon.process.pid}").st_ctime) < PATIENCE
    assert figures["process_resident_memory_bytes",] == pytest.approx(daemon.resident_bytes, rel=0.2)
    assert figures["process_open_fds",] == pytest.approx(len(os.listdir(f"/proc/{daemon.process.pid}/fd")), abs=3)


def test_a_client_that_is_gone_when_its_result_is_ready_is_counted(daemon: Daemon, context: zmq.Context) -> None:
    # By hand, so that it is gone for certain before the daemon looks at its request.
    from test_endurance import read_until_ready, zmtp_greeting

    header = batch().packed()[0]
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(PATIENCE)
        peer.connect(str(daemon.directory / "x"))
        peer.sendall(zmtp_greeting(b"DEALER"))
        read_until_ready(peer)
        daemon.process.send_signal(signal.SIGSTOP)
        peer.sendall(b"\x02" + len(header).to_bytes(8, "big") + header)
    daemon.process.send_signal(signal.SIGCONT)

    def given_up_or_not_seen() -> float:
        figures = samples(daemon)
        received = figures["xentd_batches_received_total", "router", daemon.router]
        return figures["xentd_results_dropped_total", "router", "client_gone"] + (received == 0)

    # libzmq may forget the request with its client, or hand it over first.
    await_value(given_up_or_not_seen, lambda count: count == 1)


@pytest.mark.parametrize(
    "accept,kind",
    [
        ("", PROMETHEUS),
        ("*/*", PROMETHEUS),
        ("text/html", PROMETHEUS),
        ("application/openmetrics-text", OPEN_METRICS),
        ("application/openmetrics-text; version=1.0.0", OPEN_METRICS),
        ("application/openmetrics-text; version=0.0.1", PROMETHEUS),
        ("text/plain, application/openmetrics-text;q=0.5", PROMETHEUS),
        ("text/plain;q=0.4,application/openmetrics-text;q=0.5", OPEN_METRICS),
        # Prometheus's own.
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPEN_METRICS,
        ),
    ],
)
def test_the_format_of_the_metrics_is_the_one_that_the_client_likes_best(
    shared_daemon: Daemon, accept: str, kind: str
) -> None:
    code, found, body = shared_daemon.ask("/metrics", accept)
    assert (code, found) == (200, kind)
    # A strict parser: it knows what OpenMetrics forbids.
    families = list(open_metrics(body) if kind == OPEN_METRICS else prometheus_text(body))
    assert len(families) > 30
    assert all(family.documentation for family in families)


def test_both_formats_have_the_same_samples(shared_daemon: Daemon) -> None:
    def names(body: str) -> set[str]:
        return {line.rsplit(" ", 1)[0] for line in body.splitlines() if not line.startswith("#")}

    assert names(shared_daemon.ask("/metrics", OPEN_METRICS)[2]) == names(shared_daemon.ask("/metrics")[2])


def test_status_tells_what_runs_and_how_it_is(daemon: Daemon, context: zmq.Context) -> None:
    client = Client(context, daemon.router)
    instance = client.ask(batch()).instance
    await_value(lambda: daemon.status()["counts"]["results"], lambda count: count == 1)
    status = daemon.status()
    assert status["version"].count(".") == 2 and status["workers"] >= 1 and status["pid"] == daemon.process.pid
    assert status["instance"] == f"{instance:016x}"
    assert status["ready"] and not status["draining"] and status["problems"] == []
    assert status["self_test"]["runs"] >= 1 and status["self_test"]["failures"] == 0
    assert status["configuration"]["file"] is None and status["configuration"]["last_reload_successful"]
    assert status["counts"]["batches"] == 1 and status["counts"]["rows"] == 3
    assert {lane["name"]: lane["kind"] for lane in status["lanes"]} == {"pipeline": "pipeline", "router": "router"}
    router = status["lanes"][1]
    assert router["endpoints"][0]["endpoint"] == daemon.router
    assert router["limits"]["batch_bytes"] == 64 << 20 and router["requests"] == 1


def test_peers_are_counted_by_endpoint(daemon: Daemon, context: zmq.Context) -> None:
    def peers(endpoint: str) -> Callable[[], float]:
        return lambda: {e["endpoint"]: e["peers"] for lane in daemon.status()["lanes"] for e in lane["endpoints"]}[endpoint]

    clients = [Client(context, daemon.router) for _ in range(3)]
    pull = connect(context, zmq.PULL, daemon.results)
    await_value(peers(daemon.router), lambda count: count == 3)
    await_value(peers(daemon.results), lambda count: count == 1)
    clients[0].socket.close()
    pull.close()
    await_value(peers(daemon.router), lambda count: count == 2)
    await_value(peers(daemon.results), lambda count: count == 0)
    assert samples(daemon)["xentd_peers", "router", daemon.router] == 2


def test_a_lane_that_is_paused_is_shown(daemon: Daemon, context: zmq.Context) -> None:
    push = connect(context, zmq.PUSH, daemon.requests, LINGER=0)
    rows = np.zeros((100_000, 1), np.float32)
    deadline = time.monotonic() + PATIENCE
    while not (lane := daemon.status()["lanes"][0])["paused"]:
        assert time.monotonic() < deadline, lane
        if push.poll(10, zmq.POLLOUT):
            push.send_multipart(Request(rows, np.zeros(len(rows), int), flags=15).split())
    assert lane["waiting_bytes"] >= 64 << 20 and lane["waiting_results"] > 0
    paused = await_value(lambda: samples(daemon)["xentd_receive_paused_seconds_total", "pipeline"], lambda s: s > 0)
    await_value(lambda: samples(daemon)["xentd_receive_paused_seconds_total", "pipeline"], lambda s: s > paused)
    assert daemon.status()["ready"], "the other lane goes on"
    while "lane pipeline is paused" not in (line := daemon.notices.recv(4096).decode()):
        assert line.startswith(("STATUS=", "READY")), line


def test_health_is_told_in_a_status_and_in_words(daemon: Daemon) -> None:
    assert daemon.ask("/livez") == (200, "text/plain; charset=utf-8", "alive\n")
    assert daemon.ask("/readyz") == (200, "text/plain; charset=utf-8", "ready\n")
    assert daemon.ask("/")[0] == 200 and "/metrics" in daemon.ask("/")[2]
    code, _, body = daemon.ask("/nowhere?at=all")
    assert code == 404 and "/nowhere" in body and "/readyz" in body


def test_a_daemon_that_drains_is_alive_but_not_ready(daemon: Daemon, context: zmq.Context) -> None:
    from test_lifecycle import fill_the_results

    push = connect(context, zmq.PUSH, daemon.requests, LINGER=0)
    pull = connect(context, zmq.PULL, daemon.results, RCVHWM=1, LINGER=0)
    fill_the_results(daemon, push, Client(context, daemon.router))
    daemon.process.send_signal(signal.SIGTERM)
    await_value(lambda: daemon.ask("/readyz")[0], lambda code: code == 503)
    assert daemon.ask("/readyz")[2] == "not ready: draining\n" and daemon.ask("/livez")[0] == 200
    assert daemon.status()["draining"]
    pull.close()
    assert daemon.process.wait(PATIENCE) == 0
    assert not os.path.exists(daemon.http), "its socket is gone"


# Rubbish, and those that take too long. #########################################################################


def exchange(path: str, request: bytes) -> bytes:
    """Sends bytes and reads until the daemon hangs up."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(PATIENCE)
        peer.connect(path)
        try:
            peer.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        try:
            while part := peer.recv(1 << 16):
                answer += part
        except ConnectionResetError:
            pass
        return answer


@pytest.mark.parametrize(
    "request_,status",
    [
        (b"GET /livez HTTP/1.1\r\n\r\n", 200),
        (b"GET /livez HTTP/1.0\r\n\r\n", 200),
        (b"HEAD /status HTTP/1.1\r\n\r\n", 200),
        (b"GET /livez HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 200),
        (b"POST /status HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405),
        (b"DELETE / HTTP/1.1\r\n\r\n", 405),
        (b"GET /livez HTTP/9.9\r\n\r\n", 400),
        (b"hello\r\n\r\n", 400),
        (bytes(range(256)) * 8, 400),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 1000 + b"\r\n", 431),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else value,
)
def test_each_connection_gets_one_answer(shared_daemon: Daemon, request_: bytes, status: int) -> None:
    answer = exchange(shared_daemon.http, request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert len(re.findall(rb"HTTP/1.1 \d", answer)) == 1 and b"connection: close" in answer.lower()
    if status == 405:
        assert b"allow: get, head" in answer.lower()
    if request_.startswith(b"HEAD"):
        assert answer.endswith(b"\r\n\r\n")


def test_many_requests_on_one_connection_get_one_answer(shared_daemon: Daemon) -> None:
    answer = exchange(shared_daemon.http, b"GET /metrics HTTP/1.1\r\n\r\n" * 1000)
    assert answer.count(b"HTTP/1.1 200") == 1


def code_or_none(daemon: Daemon) -> int:
    """The answer of /livez; 0 where no connection is to be had now, because too many wait."""
    try:
        return daemon.ask("/livez")[0]
    except BlockingIOError:
        return 0


def test_connections_that_say_nothing_are_bounded_and_end(daemon: Daemon, context: zmq.Context) -> None:
    def descriptors() -> int:
        return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))

    before = descriptors()
    memory = daemon.resident_bytes
    silent = []
    for i in range(100):
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(PATIENCE)
        peer.connect(daemon.http)
        peer.sendall(b"GET /metrics HTTP/1.1\r\nx: " + b"y" * i)
        silent.append(peer)
    assert Client(context, daemon.router).ask(batch()).status == 0
    most = 0
    deadline = time.monotonic() + PATIENCE
    # One that drips does not live longer.
    while not select.select([silent[0]], [], [], 0.2)[0]:
        silent[0].sendall(b"z")
        most = max(most, descriptors())
        assert time.monotonic() < deadline, "it is never hung up on"
    assert silent[0].recv(100) == b""
    assert most <= before + 32 + 3, "no more connections than are allowed, and the client's"
    for peer in silent:
        peer.close()
    await_value(lambda: code_or_none(daemon), lambda code: code == 200)
    await_value(descriptors, lambda count: count <= before + 3)
    assert daemon.resident_bytes < memory + (8 << 20)


def test_a_client_that_does_not_read_its_answers_costs_the_daemon_nothing(daemon: Daemon) -> None:
    memory = daemon.resident_bytes
    deaf = []
    for _ in range(500):
        peer = socket.socket(socket.AF_UNIX)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        peer.settimeout(0.1)
        try:
            peer.connect(daemon.http)
        except (TimeoutError, BlockingIOError):
            break
        peer.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        deaf.append(peer)
    assert daemon.resident_bytes < memory + (16 << 20)
    for peer in deaf:
        peer.close()
    await_value(lambda: code_or_none(daemon), lambda code: code == 200)


# Where it listens. ###############################################################################################


def test_an_address_in_use_is_a_clear_error(short_directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [BIN / "xentd", "--router", f"ipc://{short_directory}/x", "--http", address]
        result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 69 and address in result.stderr and "in use" in result.stderr.lower()


def test_a_socket_of_a_living_daemon_is_left_alone_and_that_of_a_dead_one_is_not(
    daemon: Daemon, start_daemon: Callable[..., Daemon]
) -> None:
    command = [BIN / "xentd", "--router", f"ipc://{daemon.directory}/other", "--http", daemon.http]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 69 and daemon.http in result.stderr and "another process" in result.stderr
    assert daemon.ask("/livez")[0] == 200
    daemon.process.kill()
    daemon.process.wait(PATIENCE)
    assert os.path.exists(daemon.http)
    daemon.start()
    assert daemon.ask("/readyz")[0] == 200
    assert oct(os.stat(daemon.http).st_mode & 0o777) == "0o660"


def test_the_configuration_says_where_http_listens(
    start_daemon: Callable[..., Daemon], short_directory: Path
) -> None:
    config = short_directory / "c.yaml"
    lanes = f"lanes:\n  - {{name: a, kind: router, endpoints: 'ipc://{short_directory}/x'}}\n"
    config.write_text(lanes + f"http: ['127.0.0.1:0', '[::1]:0', {short_directory}/h]\n")
    daemon = start_daemon("--config", str(config), lanes=False, http=False)
    daemon.http = str(short_directory / "h")
    assert daemon.status()["configuration"]["file"] == str(config)
    addresses = re.findall(r"address=(\S+)", daemon.log)
    assert len(addresses) == 3 and addresses[1].startswith("[::1]:")
    host, port = addresses[0].rsplit(":", 1)
    with socket.create_connection((host, int(port)), PATIENCE) as peer:
        peer.sendall(b"GET /readyz HTTP/1.1\r\n\r\n")
        assert peer.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("text", ["http: off", "http: []"])
def test_http_can_be_off(start_daemon: Callable[..., Daemon], short_directory: Path, text: str) -> None:
    config = short_directory / "c.yaml"
    config.write_text(f"lanes:\n  - {{name: a, kind: router, endpoints: 'ipc://{short_directory}/x'}}\n{text}\n")
    daemon = start_daemon("--config", str(config), lanes=False, http=False)
    assert "http listens" not in daemon.log
    tables = [Path(f"/proc/{daemon.process.pid}/net/{name}").read_text() for name in ("tcp", "tcp6")]
    descriptors = Path(f"/proc/{daemon.process.pid}/fd")
    # Some come and go.
    inodes = {os.readlink(entry) for entry in descriptors.iterdir() if entry.is_symlink()}
    assert not any(f"socket:[{line.split()[9]}]" in inodes for table in tables for line in table.splitlines()[1:])


@pytest.mark.parametrize(
    "text,words",
    [
        ("http: 9464", ["9464", "ADDRESS:PORT"]),
        ("http: [localhost:9464]", ["localhost:9464", "numeric"]),
        ("http: ['127.0.0.1:99999']", ["127.0.0.1:99999"]),
        ("http: [relative/path]", ["relative/path", "absolute"]),
        ("http: ['127.0.0.1:0', '127.0.0.1:0']", ["twice"]),
        ("http: {a: b}", ["http"]),
        ("self_test_seconds: -1", ["self_test_seconds", "-1"]),
    ],
)
def test_a_bad_setting_names_its_line(tmp_path: Path, text: str, words: list[str]) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"lanes:\n  - {{name: a, kind: router, endpoints: 'ipc:///tmp/x'}}\n{text}\n")
    command = [BIN / "xentd", "--check", "--config", config]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 78 and f"{config}:3: " in result.stderr
    assert all(word in result.stderr for word in words), result.stderr


def test_a_bad_address_on_the_command_line_is_refused() -> None:
    command = [BIN / "xentd", "--check", "--router", "ipc:///tmp/x", "--http", "nonsense"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 64 and "nonsense" in result.stderr and "ADDRESS:PORT" in result.stderr


# The service manager. ############################################################################################


def test_the_service_manager_reads_how_fast_it_is(daemon: Daemon, context: zmq.Context) -> None:
    client = Client(context, daemon.router)
    pattern = re.compile(r"STATUS=in \d[\d.]* [kMG]?B/s, \d[\d.]* k?batches/s, in flight \d+ %")
    deadline = time.monotonic() + PATIENCE
    lines = []
    while not any(pattern.fullmatch(line) for line in lines):
        assert time.monotonic() < deadline, lines
        client.ask(batch(1000, 100))
        if select.select([daemon.notices], [], [], 0)[0]:
            lines.append(daemon.notices.recv(4096).decode())
    while daemon.notices.recv(4096) != b"STATUS=idle":
        pass


def test_status_is_told_people_and_programs(daemon: Daemon, context: zmq.Context) -> None:
    Client(context, daemon.router).ask(batch())

    def xent(*options: str) -> subprocess.CompletedProcess[str]:
        command = [BIN / "xent", "status", "--http", daemon.http, *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)

    people = xent()
    assert people.returncode == 0 and "ready" in people.stdout.splitlines()[0], people
    assert daemon.router in people.stdout and "compute" in people.stdout and "self-test" in people.stdout
    programs = xent("--json")
    assert json.loads(programs.stdout)["pid"] == daemon.process.pid
    bad = xent("--interval", "0")
    assert bad.returncode == 64 and "--interval" in bad.stderr


def test_status_is_watched_until_the_daemon_comes_back(daemon: Daemon, context: zmq.Context) -> None:
    command = [BIN / "xent", "status", "--watch", "--interval", "0.1"]
    environment = os.environ | {"XENTD_HTTP": daemon.http}
    watcher = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert watcher.stdout
    try:
        assert watcher.stdout.readline().startswith("time")
        assert watcher.stdout.readline().rstrip().endswith("ready; rates since its start")
        client = Client(context, daemon.router)
        client.ask(batch(1000, 100))
        assert any(" MB " in line for line in watcher.stdout), "rates of the time between"
        daemon.process.kill()
        daemon.process.wait(PATIENCE)
        assert any("no daemon answers" in line for line in watcher.stdout)
        daemon.start()
        assert any(line.rstrip().endswith("ready") for line in watcher.stdout)
        assert watcher.poll() is None
    finally:
        watcher.kill()
        watcher.communicate()


@pytest.mark.parametrize("address", ["/nowhere/http.sock", "127.0.0.1:1", "nonsense", "no.such.host.invalid:80"])
def test_without_a_daemon_it_is_said_where_was_looked(address: str) -> None:
    command = [BIN / "xent", "status", "--http", address]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 2 and address in result.stderr and "no daemon answers" in result.stderr


def test_another_server_is_not_taken_for_a_daemon(short_directory: Path) -> None:
    answers = [b"HTTP/1.0 404 Not Found\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n<html>", b"\x00rubbish", b""]
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(short_directory / "h"))
        server.listen()
        for answer in answers:
            command = [BIN / "xent", "status", "--http", str(short_directory / "h")]
            asking = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            peer, _ = server.accept()
            peer.recv(1 << 16)
            peer.sendall(answer)
            peer.close()
            _, errors = asking.communicate(timeout=PATIENCE)
            assert asking.returncode == 2 and "xent: " in errors, (answer, errors)
