"""A daemon changes to another configuration while it serves."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
import zmq.utils.monitor

from conftest import BIN, PATIENCE, Client, Daemon, connect
from test_security import Keys, batch, is_served, place, run  # noqa: F401
from wire import STATUS, Request, Result, info_request


class Configured:
    """A daemon with a configuration file of its own."""

    def __init__(
        self, start_daemon: Callable[..., Daemon], directory: Path, lanes: str, more: str = "", **environment: str
    ) -> None:
        self.directory = directory
        self.file = directory / "xentd.yaml"
        self.write(lanes, more)
        self.daemon = start_daemon("--config", str(self.file), lanes=False, environment=environment)

    def write(self, lanes: str, more: str = "") -> None:
        self.file.write_text(f"lanes:\n{lanes}{more}")

    def endpoint(self, name: str) -> str:
        return f"ipc://{self.directory}/{name}"

    def reload(self, lanes: str, more: str = "") -> str | None:
        """Changes the file, asks for a reload, and returns why it was refused."""
        self.write(lanes, more)
        return self.ask_again()

    def ask_again_until_quiet(self) -> str | None:
        """Has all that was asked for before over, and returns what came of one more."""
        reloads = -1
        while reloads != self.daemon.status()["configuration"]["reloads"]:
            reloads = self.daemon.status()["configuration"]["reloads"]
            time.sleep(0.3)
        return self.ask_again()

    def ask_again(self) -> str | None:
        before = self.daemon.status()["configuration"]["reloads"]
        self.daemon.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            configuration = self.daemon.status()["configuration"]
            if configuration["reloads"] > before:
                assert configuration["reloads"] == before + 1
                assert configuration["last_reload_successful"] == (configuration["last_reload_error"] is None)
                return configuration["last_reload_error"]
            time.sleep(0.005)
        raise AssertionError(f"it was not read again: {self.daemon.log}")


def router(directory: Path, name: str, more: str = "") -> str:
    return f"  - {{name: {name}, kind: router, endpoints: 'ipc://{directory}/{name}'{more}}}\n"


def pipeline(directory: Path, name: str, more: str = "") -> str:
    path = f"ipc://{directory}/{name}"
    return f"  - {{name: {name}, kind: pipeline, requests: '{path}.q', results: '{path}.r'{more}}}\n"


@pytest.fixture
def configured(start_daemon: Callable[..., Daemon], short_directory: Path) -> Configured:
    return Configured(start_daemon, short_directory, router(short_directory, "a") + pipeline(short_directory, "p"))


def both(configured: Configured) -> str:
    return router(configured.directory, "a") + pipeline(configured.directory, "p")


def test_a_bad_file_changes_nothing_and_is_told(configured: Configured, context: zmq.Context) -> None:
    client = Client(context, configured.endpoint("a"))
    assert client.ask(batch(1)).status == 0
    problem = configured.reload(router(configured.directory, "b"), "workers: many\n")
    assert problem is not None and "xentd.yaml:3: " in problem and "workers" in problem and "many" in problem
    assert client.ask(batch(2)).status == 0
    assert [lane["name"] for lane in configured.daemon.status()["lanes"]] == ["a", "p"]
    assert not (configured.directory / "b").exists()
    assert "configuration refused, nothing is changed" in configured.daemon.log and "many" in configured.daemon.log
    assert metric(configured, "xentd_config_last_reload_successful") == 0
    while "the configuration was refused" not in configured.daemon.notices.recv(4096).decode():
        pass  # what the service manager shows
    configured.file.write_text("lanes: [\n")
    assert "xentd.yaml:1: not YAML: " in str(configured.ask_again())
    configured.file.unlink()
    assert "cannot be read" in str(configured.ask_again())
    assert configured.reload(both(configured)) is None
    assert client.ask(batch(3)).status == 0
    assert metric(configured, "xentd_config_last_reload_successful") == 1
    assert abs(metric(configured, "xentd_config_last_reload_timestamp_seconds") - time.time()) < PATIENCE


def metric(configured: Configured, name: str) -> float:
    (value,) = [line.split()[1] for line in configured.daemon.ask("/metrics")[2].splitlines() if line.startswith(name + " ")]
    return float(value)


def test_limits_change_for_clients_that_are_there(configured: Configured, context: zmq.Context) -> None:
    client = Client(context, configured.endpoint("a"))
    assert client.ask(batch(1, rows=50)).status == 0
    own = ", limits: {rows: 10, result_bytes: 4000}"
    lanes = router(configured.directory, "a", own) + pipeline(configured.directory, "p")
    assert configured.reload(lanes, "limits: {classes: 100}\n") is None
    assert client.ask(batch(2, rows=50)).status == STATUS["BAD_SHAPE"]
    assert client.ask(batch(3, rows=5, classes=101)).status == STATUS["BAD_SHAPE"]
    assert client.ask(batch(4, rows=10, classes=100)).status == 0
    limits = client.ask_frames([info_request(5)]).info()["limits"]
    assert (limits["rows"], limits["classes"], limits["result_bytes"]) == (10, 100, 4000)
    assert configured.daemon.status()["lanes"][0]["limits"]["rows"] == 10
    assert "lane closed" not in configured.daemon.log


def test_the_log_level_changes(configured: Configured, context: zmq.Context) -> None:
    client = Client(context, configured.endpoint("a"))
    refused = Request(np.zeros((1, 2), np.float32), np.zeros(1, int), label_type="u8", kind="probabilities")
    assert client.ask(refused).status == STATUS["UNSUPPORTED"]
    assert "request refused" not in configured.daemon.log
    assert configured.reload(both(configured), "log_level: debug\n") is None
    assert client.ask(refused).status == STATUS["UNSUPPORTED"]
    assert "request refused" in configured.daemon.log
    assert configured.reload(both(configured), "log_level: error\n") is None
    lines = len(configured.daemon.log.splitlines())
    assert client.ask(refused).status == STATUS["UNSUPPORTED"]
    assert len(configured.daemon.log.splitlines()) == lines


def test_settings_that_wait_for_a_restart_are_named_until_they_are_taken_back(configured: Configured) -> None:
    configured.write(both(configured), "memory_limit: 2000000000\nself_test_seconds: 7\nlimits: {rows: 7}\n")
    done = xent_reload(configured)
    assert done.returncode == 0 and "waits for a restart: memory_limit, self_test_seconds\n" in done.stdout
    status = configured.daemon.status()
    assert status["configuration"]["waiting_for_restart"] == ["memory_limit", "self_test_seconds"]
    assert status["process"]["memory_bound_bytes"] != 2_000_000_000 and status["self_test"]["period_seconds"] == 5
    assert status["lanes"][0]["limits"]["rows"] == 7, "the others are in force"
    assert "setting=memory_limit" in configured.daemon.log and "setting=self_test_seconds" in configured.daemon.log
    shown = run(BIN / "xent", "status", "--http", configured.daemon.http)
    assert "waits for a restart: memory_limit, self_test_seconds" in shown.stdout
    assert configured.reload(both(configured), "workers: many\n") is not None
    assert len(configured.daemon.status()["configuration"]["waiting_for_restart"]) == 2, "that was not taken"
    assert configured.reload(both(configured)) is None
    assert configured.daemon.status()["configuration"]["waiting_for_restart"] == []


def test_lanes_come_and_go(configured: Configured, context: zmq.Context) -> None:
    client = Client(context, configured.endpoint("a"))
    assert client.ask(batch(1)).status == 0
    assert configured.reload(router(configured.directory, "a") + router(configured.directory, "b")) is None
    assert is_served(context, configured.endpoint("b"))
    assert client.ask(batch(2)).status == 0
    wait_until(lambda: not list(configured.directory.glob("p.*")), "the removed lane's sockets and locks are gone")
    assert [lane["name"] for lane in configured.daemon.status()["lanes"]] == ["a", "b"]
    counts = configured.daemon.status()["counts"]
    assert counts["batches"] == 3, "what a lane did that is gone still counts"
    assert configured.reload(both(configured)) is None
    pull = connect(context, zmq.PULL, configured.endpoint("p.r"))
    push = connect(context, zmq.PUSH, configured.endpoint("p.q"))
    push.send_multipart(batch(3).split())
    assert Result(pull.recv()).sequence == 3


def wait_until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"it did not come true: {what}"
        time.sleep(0.005)


def test_a_lane_that_goes_answers_what_was_queued_and_tells_who_comes_later(
    configured: Configured, context: zmq.Context
) -> None:
    client = Client(context, configured.endpoint("a"))
    other = Client(context, configured.endpoint("a"))
    pull = connect(context, zmq.PULL, configured.endpoint("p.r"))
    push = connect(context, zmq.PUSH, configured.endpoint("p.q"))
    assert client.ask(batch(1)).status == 0 and other.ask(batch(1)).status == 0
    configured.write(router(configured.directory, "b"))
    # All of it is sent before the daemon looks again, and more than it finds at one look: a socket holds some of it only.
    configured.daemon.process.send_signal(signal.SIGSTOP)
    for sequence in range(2, 42):
        client.socket.send_multipart(batch(sequence, rows=50, classes=500).split())
        push.send_multipart(batch(sequence, rows=50, classes=500).split())
    configured.daemon.process.send_signal(signal.SIGHUP)
    configured.daemon.process.send_signal(signal.SIGCONT)
    answers = [Result(client.socket.recv()) for _ in range(40)]
    results = [Result(pull.recv()) for _ in range(40)]
    for found in (answers, results):
        assert [result.sequence for result in found] == list(range(2, 42))
        statuses = [result.status for result in found]
        assert statuses == sorted(statuses) and set(statuses) <= {0, STATUS["DRAINING"]}
        assert statuses[0] == 0
    assert any(result.notes & 0x8000 for result in answers + results)
    wait_until(lambda: not (configured.directory / "a").exists(), "the lane is closed")
    assert is_served(context, configured.endpoint("b"))
    assert "undelivered_bytes=0" in configured.daemon.log


def test_no_lane_loses_a_batch_while_others_come_and_go(configured: Configured, context: zmq.Context) -> None:
    count = 3000
    pull = connect(context, zmq.PULL, configured.endpoint("p.r"))
    push = connect(context, zmq.PUSH, configured.endpoint("p.q"))
    client = Client(context, configured.endpoint("a"))
    results: list[int] = []
    answers: list[int] = []

    def stream() -> None:
        sent = 0
        while len(results) < count:
            while sent < min(count, len(results) + 30):
                sent += 1
                push.send_multipart(batch(sent).split())
            results.append(Result(pull.recv()).sequence)

    def converse() -> None:
        for sequence in range(1, count // 10 + 1):
            answers.append(client.ask(batch(sequence)).status)

    threads = [threading.Thread(target=stream), threading.Thread(target=converse)]
    for thread in threads:
        thread.start()
    for turn in range(12):
        extra = router(configured.directory, f"x{turn % 3}") + pipeline(configured.directory, f"y{turn % 2}")
        assert configured.reload(both(configured) + extra, f"limits: {{rows: {100 + turn}}}\n") is None
    for thread in threads:
        thread.join(PATIENCE * 2)
    assert results == list(range(1, count + 1)), "each once, in order"
    assert answers == [0] * (count // 10)


def test_a_larger_batch_is_taken_once_its_lane_has_new_sockets(configured: Configured, context: zmq.Context) -> None:
    small = pipeline(configured.directory, "p", ", limits: {batch_bytes: 10000}")
    assert configured.reload(router(configured.directory, "a", ", limits: {batch_bytes: 10000}") + small) is None
    client = Client(context, configured.endpoint("a"))
    large = batch(1, rows=40, classes=100)  # more than the limit, and not twice as much
    assert client.ask_frames(large.packed()).status == STATUS["TOO_LARGE"]
    for turn in range(3):  # there and back, by the same path
        lanes = router(configured.directory, "a", f", limits: {{batch_bytes: {1_000_000 + turn}}}")
        assert configured.reload(lanes + small) is None
        assert is_served(context, configured.endpoint("a"), large)
    # A client that was there before comes back by itself.
    client.socket.send_multipart(batch(2).split())
    assert Result(client.socket.recv()).sequence == 2


def test_limits_that_change_under_traffic_cost_no_batch(configured: Configured, context: zmq.Context) -> None:
    sockets = [connect(context, zmq.DEALER, configured.endpoint("a"))]
    count, statuses, sequences = 2000, set(), []

    def stream() -> None:
        sent = 0
        while len(sequences) < count:
            while sent < min(count, len(sequences) + 20):
                sent += 1
                sockets[0].send_multipart(batch(sent, rows=50).split())
            result = Result(sockets[0].recv())
            sequences.append(result.sequence)
            statuses.add(result.status)

    thread = threading.Thread(target=stream)
    thread.start()
    turn = 0
    while thread.is_alive() or turn < 2:
        turn += 1
        lanes = router(configured.directory, "a", f", limits: {{rows: {(40, 60)[turn % 2]}, waiting_bytes: {10**6 * turn}}}")
        assert configured.reload(lanes + pipeline(configured.directory, "p")) is None
    thread.join(PATIENCE)
    assert sequences == list(range(1, count + 1)), "each answered once, in order"
    assert statuses <= {0, STATUS["BAD_SHAPE"]}


def test_fewer_peers_are_disconnected_at_once(configured: Configured, context: zmq.Context) -> None:
    clients = [Client(context, configured.endpoint("a")) for _ in range(6)]
    assert all(client.ask(batch(1)).status == 0 for client in clients)
    lanes = router(configured.directory, "a", ", limits: {peers: 2}") + pipeline(configured.directory, "p")
    assert configured.reload(lanes) is None
    wait_until(lambda: configured.daemon.status()["lanes"][0]["endpoints"][0]["peers"] == 2, "two are left")
    assert clients[0].ask(batch(2)).status == 0, "those that came first"


def test_a_configuration_that_does_not_fit_the_memory_in_force_is_refused_with_both_numbers(
    start_daemon: Callable[..., Daemon], short_directory: Path, context: zmq.Context
) -> None:
    lane = router(short_directory, "a", ", limits: {batch_bytes: 1000000, result_bytes: 1000000, clients_waiting_bytes: %d}")
    small = "limits: {waiting_bytes: 1000000}\nworkers: 1\n"
    configured = Configured(start_daemon, short_directory, lane % 10**8, small + "memory_limit: 300000000\n")
    for limit in (300_000_000, 600_000_000):
        # A larger limit of the file would do, but is not in force.
        problem = configured.reload(lane % (4 * 10**8), small + f"memory_limit: {limit}\n")
        assert problem is not None and f"memory_limit: {'300000000'} bytes, and the configuration needs 5" in problem
        assert ("waits for a restart" in problem) == (limit > 300_000_000)
    status = configured.daemon.status()
    assert status["configuration"]["waiting_for_restart"] == []
    # What it was started with, and one lane in place of another that would not fit beside it.
    renamed = lane.replace("name: a", "name: b").replace("/a'", "/b'")
    assert configured.reload(renamed % 10**8, small + "memory_limit: 300000000\n") is None
    assert is_served(context, configured.endpoint("b"))
    assert [lane["name"] for lane in configured.daemon.status()["lanes"]] == ["b"]


def test_an_endpoint_that_cannot_be_had_refuses_the_whole(
    configured: Configured, context: zmq.Context
) -> None:
    client = Client(context, configured.endpoint("a"))
    assert client.ask(batch(1)).status == 0
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(configured.directory / "c"))
        stranger.listen()
        problem = configured.reload(router(configured.directory, "b") + router(configured.directory, "c"))
        assert problem is not None and "/c" in problem and "another process" in problem
    assert client.ask(batch(2)).status == 0
    wait_until(lambda: not (configured.directory / "b").exists(), "what was opened before is closed again")
    assert [lane["name"] for lane in configured.daemon.status()["lanes"]] == ["a", "p"]
    # The same for a lane that is there and would move.
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        moved = f"  - {{name: a, kind: router, endpoints: 'tcp://127.0.0.1:{port}'}}\n"
        problem = configured.reload(moved + pipeline(configured.directory, "p"))
        assert problem is not None and str(port) in problem and "in use" in problem
    assert client.ask(batch(3)).status == 0
    assert [lane["name"] for lane in configured.daemon.status()["lanes"]] == ["a", "p"]
    # And for one that is to have its old path, and another that is taken.
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(configured.directory / "d"))
        stranger.listen()
        paths = [f"ipc://{configured.directory}/{name}" for name in "ad"]
        problem = configured.reload(f"  - {{name: a, kind: router, endpoints: {paths}}}\n")
        assert problem is not None and "/d" in problem
    assert client.ask(batch(4)).status == 0


def test_a_lane_that_cannot_be_opened_when_its_turn_comes_is_told_and_tried_again(
    configured: Configured, context: zmq.Context
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        endpoints = [f"ipc://{configured.directory}/a", f"tcp://127.0.0.1:{port}"]
        configured.write(f"  - {{name: a, kind: router, endpoints: {endpoints}}}\n" + pipeline(configured.directory, "p"))
        done = xent_reload(configured)
        assert done.returncode == 1 and "lane a is closed: " in done.stderr and str(port) in done.stderr
        assert [lane["name"] for lane in configured.daemon.status()["lanes"]] == ["p"]
        assert configured.reload("") is not None
    wait_until(lambda: is_open("a", configured), "it is opened")
    assert is_served(context, endpoints[0]) and is_served(context, endpoints[1])
    problem = configured.daemon.status()["configuration"]["last_reload_error"]
    assert "lanes" in str(problem), "what is wrong with the file still is"
    configured.write(f"  - {{name: a, kind: router, endpoints: {endpoints}}}\n" + pipeline(configured.directory, "p"))
    assert xent_reload(configured).returncode == 0


def test_a_lane_whose_port_was_taken_is_whole_again_when_it_is_free(configured: Configured, context: zmq.Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        endpoints = [f"ipc://{configured.directory}/a", f"tcp://127.0.0.1:{port}"]
        assert "is closed" in str(configured.reload(f"  - {{name: a, kind: router, endpoints: {endpoints}}}\n"))
    wait_until(lambda: configured.daemon.status()["configuration"]["last_reload_error"] is None, "nothing is wrong")
    assert "configuration in force whole" in configured.daemon.log
    assert is_served(context, endpoints[1])
    # From one address of a port to another, which is in the way of the first until it is closed.
    everywhere = f"  - {{name: a, kind: router, endpoints: {{bind: 'tcp://*:{port}', allow_insecure: true}}}}\n"
    for lanes in (everywhere, f"  - {{name: a, kind: router, endpoints: 'tcp://127.0.0.1:{port}'}}\n"):
        assert configured.reload(lanes) is None
        assert is_served(context, endpoints[1])


def is_open(name: str, configured: Configured) -> bool:
    return name in [lane["name"] for lane in configured.daemon.status()["lanes"]]


def test_a_lane_that_moves_serves_at_both_places_until_it_is_drained(
    configured: Configured, context: zmq.Context
) -> None:
    client = Client(context, configured.endpoint("a"))
    assert client.ask(batch(1)).status == 0
    moved = router(configured.directory, "a").replace("/a'", "/b'") + pipeline(configured.directory, "p")
    assert configured.reload(moved) is None
    assert is_served(context, configured.endpoint("b"))
    names = [line.split(" ")[0] for line in configured.daemon.ask("/metrics")[2].splitlines() if not line.startswith("#")]
    assert len(names) == len(set(names)), "no figure stands there twice"
    wait_until(lambda: "lane closed" in configured.daemon.log, "the old one is closed")
    assert [lane["name"] for lane in configured.daemon.status()["lanes"]] == ["a", "p"]
    assert configured.daemon.status()["counts"]["batches"] == 2
    assert sorted(path.name for path in configured.directory.glob("[ab]*")) == ["b", "b.lock"]


def test_a_stream_goes_on_over_lanes_with_new_sockets(configured: Configured, tmp_path: Path) -> None:
    logits = np.random.default_rng(1).normal(size=(40_000, 100)).astype(np.float32)
    np.save(tmp_path / "logits.npy", logits)
    np.save(tmp_path / "labels.npy", np.zeros(len(logits), int))
    options = ["--logits", tmp_path / "logits.npy", "--labels", tmp_path / "labels.npy", "--batch-rows", "4", "--json"]
    command = [str(part) for part in [BIN / "xent", "eval", *options, "--endpoint", configured.endpoint("a")]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as evaluation:
        wait_until(lambda: configured.daemon.status()["lanes"][0]["batches"] > 0, "it has begun")
        lanes = router(configured.directory, "a", ", limits: {queued_requests: 32}")
        assert configured.reload(lanes + pipeline(configured.directory, "p")) is None
        assert evaluation.poll() is None, "it was over too soon"
        output = evaluation.communicate(timeout=PATIENCE)[0]
    assert evaluation.returncode == 0, output
    assert configured.daemon.log.count("lane closed") == 1


def test_hang_ups_in_a_row_end_in_the_last_file(configured: Configured, context: zmq.Context) -> None:
    names = [f"z{turn}" for turn in range(20)]
    for name in names:
        configured.write(both(configured) + router(configured.directory, name))
        configured.daemon.process.send_signal(signal.SIGHUP)
    assert configured.ask_again_until_quiet() is None
    assert is_served(context, configured.endpoint(names[-1]))
    last = {names[-1], f"{names[-1]}.lock"}
    wait_until(lambda: {path.name for path in configured.directory.glob("z*")} == last, "the others are closed")
    assert [lane["name"] for lane in configured.daemon.status()["lanes"]] == ["a", "p", names[-1]]


def test_a_hang_up_while_the_daemon_stops_is_refused(
    start_daemon: Callable[..., Daemon], short_directory: Path, context: zmq.Context
) -> None:
    configured, _ = full_of_results(start_daemon, short_directory, context, drain_seconds=3)
    configured.daemon.process.send_signal(signal.SIGTERM)
    wait_until(lambda: configured.daemon.status()["draining"], "it drains")
    assert "stopping" in str(configured.ask_again())
    assert configured.daemon.process.wait(PATIENCE) == 0


def test_a_stop_while_it_changes_is_told_and_clean(
    start_daemon: Callable[..., Daemon], short_directory: Path, context: zmq.Context
) -> None:
    configured, pull = full_of_results(start_daemon, short_directory, context, drain_seconds=60)
    # The lane wants new sockets, and does not get them while its results wait.
    configured.write(pipeline(short_directory, "p", ", limits: {queued_requests: 5, rows: 5}"), "drain_seconds: 60\n")
    command = [str(BIN / "xent"), "reload", "--wait", "--http", configured.daemon.http, "--timeout", str(PATIENCE)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as reload:
        wait_until(lambda: "configuration is read" in configured.daemon.log, "it has begun")
        assert reload.poll() is None
        configured.daemon.process.send_signal(signal.SIGTERM)
        assert "the daemon is stopping" in reload.communicate(timeout=PATIENCE)[1]
        assert reload.returncode == 1
    results = 0
    while configured.daemon.process.poll() is None or pull.poll(100):
        if pull.poll(100):
            assert Result(pull.recv()).status == 0
            results += 1
    assert results == WAITING and configured.daemon.process.wait(PATIENCE) == 0
    assert "undelivered_bytes=0" in configured.daemon.log


WAITING = 150


def full_of_results(
    start_daemon: Callable[..., Daemon], directory: Path, context: zmq.Context, drain_seconds: float
) -> tuple[Configured, zmq.Socket]:
    """A daemon with results for a consumer that does not read them yet, which have nowhere to go."""
    configured = Configured(start_daemon, directory, pipeline(directory, "p"), f"drain_seconds: {drain_seconds}\n")
    pull = connect(context, zmq.PULL, configured.endpoint("p.r"), RCVHWM=1)
    push = connect(context, zmq.PUSH, configured.endpoint("p.q"))
    rows = np.zeros((30_000, 1), np.float32)
    for _ in range(WAITING):
        push.send_multipart(Request(rows, np.zeros(len(rows), int), flags=15).split())
    wait_until(lambda: configured.daemon.status()["lanes"][0]["batches"] == WAITING, "all are computed")
    assert configured.daemon.status()["lanes"][0]["waiting_results"] > 0
    return configured, pull


def test_who_may_come_is_read_again(
    start_daemon: Callable[..., Daemon], context: zmq.Context, place: Any  # noqa: F811
) -> None:
    lane = f"  - name: r\n    kind: router\n    endpoints: {{bind: '{place.tcp}', curve: true}}\n"
    place.configuration(lane)
    curve = place.configuration(lane).read_text().splitlines()[0] + "\n"
    configured = Configured(start_daemon, place.directory, lane, curve)
    known = connect(context, zmq.DEALER, place.tcp, **place.options())
    known.send_multipart(batch(1).split())
    assert Result(known.recv()).status == 0
    newcomer = Keys.make(place.directory / "new.key", "new")
    monitored = refused_by(context, place, newcomer)
    assert monitored, "an unknown key is refused"
    with place.clients.open("a") as file:
        file.write(f"{newcomer.public.decode()} new\n")
    assert configured.ask_again() is None
    assert is_served(context, place.tcp, **place.options(newcomer))
    # Nobody was disturbed by that.
    known.send_multipart(batch(2).split())
    assert Result(known.recv()).sequence == 2
    assert "lane closed" not in configured.daemon.log
    # Now the first goes, whose connection must end.
    place.clients.write_text(f"{newcomer.public.decode()} new\n")
    assert configured.ask_again() is None
    assert refused_by(context, place, place.client)
    with contextlib.suppress(zmq.Again):
        known.send_multipart(batch(3).split(), zmq.DONTWAIT)
    assert is_served(context, place.tcp, **place.options(newcomer))
    assert not known.poll(300), "who may not come any more is served no more"


def refused_by(context: zmq.Context, place: Any, keys: Keys) -> bool:  # noqa: F811
    """Whether libzmq reports that the daemon does not let a client in."""
    dealer = context.socket(zmq.DEALER)
    monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_SUCCEEDED)
    for name, value in place.options(keys).items():
        dealer.setsockopt(getattr(zmq, name), value)
    dealer.connect(place.tcp)
    assert monitor.poll(PATIENCE * 1000)
    event = zmq.utils.monitor.recv_monitor_message(monitor)["event"]
    dealer.disable_monitor()
    dealer.close(linger=0)
    return event == zmq.EVENT_HANDSHAKE_FAILED_AUTH


def test_a_daemon_without_a_file_says_that_it_has_none(daemon: Daemon, context: zmq.Context) -> None:
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "started without --config" in daemon.log, "it is said")
    assert Client(context, daemon.router).ask(batch(1)).status == 0


# xent reload.


def xent_reload(configured: Configured, *options: str, **named: Any) -> subprocess.CompletedProcess[str]:
    return run(BIN / "xent", "reload", "--wait", "--http", configured.daemon.http, *options, **named)


def test_xent_reload_waits_for_the_change(configured: Configured, context: zmq.Context) -> None:
    for turn in range(3):
        configured.write(both(configured) + router(configured.directory, f"z{turn}"))
        done = xent_reload(configured)
        assert done.returncode == 0 and not done.stderr
        assert is_served(context, configured.endpoint(f"z{turn}"))
    pid = str(configured.daemon.process.pid)
    assert xent_reload(configured, "--pid", pid, "--config", str(configured.file)).returncode == 0
    assert xent_reload(configured, env=os.environ | {"MAINPID": pid}).returncode == 0


def test_xent_reload_fails_with_what_is_wrong_with_the_file(configured: Configured) -> None:
    configured.write(both(configured), "wrokers: 3\n")
    refused = xent_reload(configured)
    assert refused.returncode == 1 and "wrokers" in refused.stderr and "xentd.yaml:4: " in refused.stderr
    assert configured.daemon.status()["configuration"]["reloads"] == 0, "a bad file is not even sent"


def test_xent_reload_fails_with_what_the_daemon_says(configured: Configured) -> None:
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(configured.directory / "c"))
        stranger.listen()
        configured.write(both(configured) + router(configured.directory, "c"))
        refused = xent_reload(configured)
    assert refused.returncode == 1 and "another process listens there" in refused.stderr


def test_xent_reload_says_that_nobody_answers(configured: Configured, tmp_path: Path) -> None:
    nobody = run(BIN / "xent", "reload", "--wait", "--http", tmp_path / "none")
    assert nobody.returncode == 2 and str(tmp_path / "none") in nobody.stderr
    stranger = xent_reload(configured, "--pid", str(os.getppid()))
    assert stranger.returncode == 2 and str(os.getppid()) in stranger.stderr


def test_xent_reload_says_that_a_daemon_does_not_answer(configured: Configured) -> None:
    configured.daemon.process.send_signal(signal.SIGSTOP)
    try:
        silent = xent_reload(configured, "--timeout", "1")
    finally:
        configured.daemon.process.send_signal(signal.SIGCONT)
    assert silent.returncode == 2 and "no answer in time" in silent.stderr
    assert configured.daemon.status()["configuration"]["reloads"] == 0, "it was not told"


def test_xent_reload_says_that_a_daemon_did_not_say_in_time_what_it_made_of_the_file(
    start_daemon: Callable[..., Daemon], short_directory: Path, context: zmq.Context
) -> None:
    configured, pull = full_of_results(start_daemon, short_directory, context, drain_seconds=60)
    configured.write(pipeline(short_directory, "p", ", limits: {queued_requests: 5}"), "drain_seconds: 60\n")
    late = xent_reload(configured, "--timeout", "0.5")
    assert late.returncode == 2 and "has not said within 0.5 s" in late.stderr
    for _ in range(WAITING):
        assert Result(pull.recv()).status == 0
    wait_until(lambda: configured.daemon.status()["configuration"]["reloads"] == 1, "it is over when they have left")


def test_xent_reload_during_another_waits_for_its_own(
    start_daemon: Callable[..., Daemon], short_directory: Path, context: zmq.Context
) -> None:
    configured, pull = full_of_results(start_daemon, short_directory, context, drain_seconds=60)
    configured.write(pipeline(short_directory, "p", ", limits: {queued_requests: 5}"), "drain_seconds: 60\n")
    configured.daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: configured.daemon.status()["configuration"]["reloading"], "the first waits for its lane")
    configured.write(pipeline(short_directory, "p", ", limits: {queued_requests: 6}"), "drain_seconds: 60\n")
    # What is checked comes when the test likes: the daemon has then been asked how it is.
    checked = short_directory / "checked"
    os.mkfifo(checked)
    command = [BIN / "xent", "reload", "--wait", "--http", configured.daemon.http, "--config", checked]
    with subprocess.Popen([*map(str, command), "--timeout", str(PATIENCE)], stderr=subprocess.PIPE, text=True) as second:
        checked.write_text(configured.file.read_text())
        for _ in range(WAITING):
            assert Result(pull.recv()).status == 0
        assert second.communicate(timeout=PATIENCE)[1] == "" and second.returncode == 0
    configuration = configured.daemon.status()["configuration"]
    assert configuration["reloads"] == 2 and not configuration["reloading"]


def test_a_key_that_only_the_daemon_can_read_is_left_to_it(
    start_daemon: Callable[..., Daemon], place: Any  # noqa: F811
) -> None:
    lane = f"  - name: r\n    kind: router\n    endpoints: {{bind: '{place.tcp}', curve: true}}\n"
    curve = place.configuration(lane).read_text().splitlines()[0] + "\n"
    credential = curve.replace(f"{place.directory}/server.key", "credential:server.key")
    configured = Configured(start_daemon, place.directory, lane, credential, CREDENTIALS_DIRECTORY=str(place.directory))
    elsewhere = os.environ | {"CREDENTIALS_DIRECTORY": "/nowhere"}
    done = xent_reload(configured, env=elsewhere)
    assert done.returncode == 0 and "left to the daemon to check: " in done.stdout, done.stderr
    (place.directory / "server.key").unlink()
    refused = xent_reload(configured, env=elsewhere)
    assert refused.returncode == 1 and "server.key: cannot be read" in refused.stderr


def test_xent_reload_without_waiting_needs_no_answer(configured: Configured, context: zmq.Context) -> None:
    configured.write(both(configured) + router(configured.directory, "b"))
    pid, nowhere = str(configured.daemon.process.pid), str(configured.directory / "none")
    told = run(BIN / "xent", "reload", "--http", nowhere, "--pid", pid, "--config", configured.file)
    assert told.returncode == 0, told.stderr
    wait_until(lambda: (configured.directory / "b").exists(), "the daemon was told")
    configured.write("")
    refused = run(BIN / "xent", "reload", "--http", nowhere, "--pid", pid, "--config", configured.file)
    assert refused.returncode == 1 and "xentd.yaml" in refused.stderr
