"""Start, stop, configuration, and what the service manager hears."""

from __future__ import annotations

import select
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zmq

import wire
from conftest import BIN, PATIENCE, ROOT, Client, Daemon, connect
from wire import Request, Result


def small() -> Request:
    return Request(np.zeros((3, 4), np.float32), np.zeros(3, int))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_what_is_queued_and_exits_with_0(
    daemon: Daemon, context: zmq.Context, number: signal.Signals
) -> None:
    client = Client(context, daemon.router)
    client.ask(small())
    daemon.process.send_signal(signal.SIGSTOP)
    for sequence in range(1, 41):
        client.socket.send_multipart(Request(small().logits, small().labels, sequence=sequence).split())
    daemon.process.send_signal(number)
    daemon.process.send_signal(signal.SIGCONT)
    results = [Result(client.socket.recv()) for _ in range(40)]
    assert [result.sequence for result in results] == list(range(1, 41))
    assert {result.status for result in results} <= {0, 17}
    assert daemon.process.wait(PATIENCE) == 0
    assert daemon.notice() == "STOPPING=1"
    assert "drained" in daemon.log


def test_a_client_is_told_that_the_daemon_drains(start_daemon: Callable[..., Daemon], context: zmq.Context) -> None:
    daemon = start_daemon()
    push = connect(context, zmq.PUSH, daemon.requests)
    pull = connect(context, zmq.PULL, daemon.results, RCVHWM=1)
    client = Client(context, daemon.router)
    client.ask(small())
    fill_the_results(daemon, push, client)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.notice() == "STOPPING=1"
    # The consumer is there and its results wait, so the drain goes on, and new batches are told.
    statuses = set()
    while 17 not in statuses:
        statuses.add(client.ask(small()).status)
    result = client.ask(small())
    assert result.notes & 0x8000 and "stopping" in result.message
    check_drained(daemon, pull)


UNREAD = 120  # results of 1.3 MB each, of which a lane takes 64 MiB before it stops reading
TAKEN = 50


def check_drained(daemon: Daemon, pull: zmq.Socket) -> None:
    """What the daemon took is computed and delivered, what it reads afterwards is told so, and it loses nothing."""
    results = []
    while pull.poll(50) or daemon.process.poll() is None or pull.poll(500):
        if pull.poll(0):
            results.append(Result(pull.recv()))
    # What the client could not send before the daemon ended is still the client's.
    assert [result.sequence for result in results] == list(range(1, len(results) + 1)), "each answered once, in order"
    answers = [result.status for result in results]
    assert answers == sorted(answers) and set(answers) <= {0, 17}, "first what was taken before the stop"
    assert answers.count(0) >= TAKEN, "a lane full of results is computed and delivered"
    assert daemon.process.wait(PATIENCE) == 0
    assert "undelivered_bytes=0" in daemon.log


def fill_the_results(daemon: Daemon, push: zmq.Socket, client: Client) -> None:
    rows = np.zeros((100_000, 1), np.float32)
    for sequence in range(1, UNREAD + 1):
        assert push.poll(PATIENCE * 1000, zmq.POLLOUT)
        push.send_multipart(Request(rows, np.zeros(len(rows), int), flags=15, sequence=sequence).split())
    while client.ask(small()).status != 0:
        pass


def pipeline_daemon(start_daemon: Callable[..., Daemon], directory: Path, drain_seconds: float) -> tuple[Daemon, str, str]:
    """A daemon with one pipeline lane; the endpoints of its requests and results."""
    requests, results = f"ipc://{directory}/q", f"ipc://{directory}/r"
    config = directory / "c.yaml"
    config.write_text(
        f"lanes:\n  - {{name: p, kind: pipeline, requests: '{requests}', results: '{results}'}}\n"
        f"drain_seconds: {drain_seconds}\n")
    return start_daemon("--config", str(config), lanes=False), requests, results


def test_a_stop_leaves_nothing_behind_that_looks_like_a_daemon(daemon: Daemon) -> None:
    assert all((daemon.directory / name).is_socket() for name in "qrxh")
    assert daemon.stop() == 0
    assert {path.name for path in daemon.directory.iterdir()} == {"log", "notify"}


def test_a_stop_with_results_for_nobody_does_not_wait_for_them(
    start_daemon: Callable[..., Daemon], context: zmq.Context, short_directory: Path
) -> None:
    daemon, requests, _ = pipeline_daemon(start_daemon, short_directory, drain_seconds=3600)
    push = connect(context, zmq.PUSH, requests, LINGER=-1)
    for _ in range(5):
        push.send_multipart(small().split())
    push.close()
    context.term()
    assert daemon.stop() == 0, "long before the drain time is over"
    assert "batches=5 " in daemon.log and "undelivered_bytes=0" not in daemon.log


def test_a_stop_waits_no_longer_than_the_drain_time(
    start_daemon: Callable[..., Daemon], short_directory: Path
) -> None:
    daemon, requests, results = pipeline_daemon(start_daemon, short_directory, drain_seconds=0.5)
    with zmq.Context() as context:
        push = connect(context, zmq.PUSH, requests, LINGER=0)
        pull = connect(context, zmq.PULL, results, RCVHWM=1, LINGER=0)
        rows = np.zeros((100_000, 1), np.float32)
        for _ in range(200):
            if not push.poll(500, zmq.POLLOUT):
                break
            push.send_multipart(Request(rows, np.zeros(len(rows), int), flags=15).split())
        assert daemon.stop() == 0, "although the consumer that is there never reads"
        assert "undelivered_bytes=0" not in daemon.log
        push.close()
        pull.close()


def test_the_watchdog_hears_of_the_loop_while_it_idles(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon(environment={"WATCHDOG_USEC": "2000000"})
    assert [daemon.notice() for _ in range(3)] == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize("microseconds", ["0", "-1", "soon", "18446744073709551615"])
def test_a_watchdog_time_that_makes_no_sense_harms_nothing(
    start_daemon: Callable[..., Daemon], context: zmq.Context, microseconds: str
) -> None:
    daemon = start_daemon(environment={"WATCHDOG_USEC": microseconds})
    assert Client(context, daemon.router).ask(small()).status == 0


def test_the_watchdog_of_another_process_is_left_alone(
    start_daemon: Callable[..., Daemon], context: zmq.Context
) -> None:
    daemon = start_daemon(environment={"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
    assert Client(context, daemon.router).ask(small()).status == 0
    while select.select([daemon.notices], [], [], 1)[0]:
        assert daemon.notices.recv(4096).startswith(b"STATUS=")


def test_a_second_signal_does_not_cut_the_drain_short(daemon: Daemon, context: zmq.Context) -> None:
    push = connect(context, zmq.PUSH, daemon.requests)
    pull = connect(context, zmq.PULL, daemon.results, RCVHWM=1)
    fill_the_results(daemon, push, Client(context, daemon.router))
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        daemon.process.send_signal(number)
    check_drained(daemon, pull)


def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE, env=environment)


PIPELINE = "  - {name: a, kind: pipeline, requests: 'ipc:///tmp/a', results: 'ipc:///tmp/b'}\n"
BAD_FILES = [
    ("an unknown key", "lanes:\n" + PIPELINE + "wrokers: 3\n", 3, ["wrokers", "workers"]),
    ("a bad number", "lanes:\n" + PIPELINE + "workers: many\n", 3, ["workers", "whole number", "auto", "many"]),
    ("a number out of range", "drain_seconds: -1\nlanes:\n" + PIPELINE, 1, ["drain_seconds", "0.0", "-1"]),
    ("no lanes", "workers: 2\n", 1, ["lanes", "missing"]),
    ("an empty list", "lanes: []\n", 1, ["lanes", "at least one"]),
    ("an unknown kind", "lanes:\n  - name: a\n    kind: tube\n", 3, ["kind", "pipeline, router", "tube"]),
    ("no endpoint", "lanes:\n  - name: a\n    kind: router\n", 2, ["endpoints", "missing", "ipc://PATH"]),
    ("a bad endpoint", "lanes:\n  - name: a\n    kind: router\n    endpoints: /tmp/x\n", 4, ["endpoints", "/tmp/x"]),
    ("a key of the other kind", "lanes:\n  - {name: a, kind: router, endpoints: 'ipc:///a', results: x}\n", 2, ["results"]),
    ("two lanes of one name", "lanes:\n" + PIPELINE + PIPELINE, 2, ["two lanes are named a"]),
    ("a limit too small", "lanes:\n" + PIPELINE + "limits: {batch_bytes: 5}\n", 3, ["batch_bytes", "96", "5"]),
    ("an unknown kernel", "lanes:\n" + PIPELINE + "kernel: abacus\n", 3, ["kernel", "baseline", "abacus"]),
    ("an unknown key of a lane", "lanes:\n  - name: a\n    kind: router\n    color: red\n", 4, ["color", "endpoints"]),
    ("an unknown limit", "lanes:\n" + PIPELINE + "limits:\n  rows: 5\n  lines: 3\n", 5, ["lines", "result_bytes"]),
    ("limits that are a number", "lanes:\n" + PIPELINE + "limits: 5\n", 3, ["limits", "keys and values"]),
    ("lanes that are no list", "lanes: {a: b}\n", 1, ["lanes", "a list of lanes"]),
    ("a list instead of keys", "- 1\n", 1, ["the file", "keys and values"]),
    ("a nameless lane", "lanes:\n  - {kind: router, endpoints: 'ipc:///tmp/a'}\n", 2, ["name", "missing"]),
    ("no time at all", "lanes:\n" + PIPELINE + "drain_seconds: nan\n", 3, ["drain_seconds", "3600", "nan"]),
    ("an endpoint for both", "lanes:\n" + PIPELINE.replace("/b", "/a"), 2, ["ipc:///tmp/a", "own"]),
    ("an endpoint that says nothing", "lanes:\n  - name: a\n    kind: router\n    endpoints: [{}]\n", 4, ["bind, connect", "none"]),
    ("an endpoint both ways", "lanes:\n  - name: a\n    kind: router\n    endpoints:\n      - bind: 'ipc:///a'\n        connect: 'ipc:///b'\n", 6, ["bind, connect", "both"]),
    ("an unknown key of an endpoint", "lanes:\n  - name: a\n    kind: router\n    endpoints:\n      - bind: 'ipc:///a'\n        colour: red\n", 6, ["colour", "connect"]),
    ("a bad endpoint in a list", "lanes:\n  - name: a\n    kind: router\n    endpoints:\n      - ipc:///a\n      - connect: tcp://*:80\n", 6, ["tcp://*:80", "connect"]),
    ("no endpoint in a list", "lanes:\n  - name: a\n    kind: router\n    endpoints: []\n", 4, ["endpoints", "missing"]),
    ("too little room for a result", "lanes:\n  - {name: a, kind: router, endpoints: 'ipc:///a', limits: {clients_waiting_bytes: 1000}}\n", 2, ["lane a", "clients_waiting_bytes", "1000", "67108864"]),
    ("no memory at all", "lanes:\n" + PIPELINE + "memory_limit: 0\n", 3, ["memory_limit", "auto", "0"]),
    ("an unknown level", "lanes:\n" + PIPELINE + "log_level: loud\n", 3, ["log_level", "debug", "loud"]),
]


@pytest.mark.parametrize("name,text,line,words", BAD_FILES, ids=[bad[0] for bad in BAD_FILES])
def test_a_bad_configuration_names_file_line_key_and_what_would_be_right(
    tmp_path: Path, name: str, text: str, line: int, words: list[str]
) -> None:
    file = tmp_path / "xentd.yaml"
    file.write_text(text)
    for arguments in (["--check"], []):
        result = run(str(BIN / "xentd"), "--config", str(file), *arguments)
        assert result.returncode == 78
        assert f"{file}:{line}: " in result.stderr
        assert all(word in result.stderr for word in words), result.stderr


def test_a_configuration_that_does_not_fit_its_memory_is_refused_with_both_numbers(tmp_path: Path) -> None:
    file = tmp_path / "xentd.yaml"
    file.write_text("lanes:\n" + PIPELINE + "memory_limit: 100000000\nworkers: 1\n")
    for arguments in (["--check"], []):
        result = run(str(BIN / "xentd"), "--config", str(file), *arguments)
        assert result.returncode == 78, result.stdout
        assert f"{file}: memory_limit: 100000000 bytes, and the configuration needs 5" in result.stderr
        assert "raise memory_limit" in result.stderr and "waiting_bytes" in result.stderr
    file.write_text("lanes:\n" + PIPELINE + "memory_limit: 600000000\nworkers: 1\n")
    fits = run(str(BIN / "xentd"), "--config", str(file), "--check")
    assert fits.returncode == 0 and "of 600000000" in fits.stdout, fits.stderr


def test_the_start_tells_what_memory_may_be_taken(daemon: Daemon) -> None:
    (line,) = [line for line in daemon.log.splitlines() if "] memory" in line]
    fields = dict(field.split("=") for field in line.split() if "=" in field)
    assert 0 < int(fields["own_bytes"]) <= int(fields["limit_bytes"]) <= 4 << 30
    assert int(fields["libzmq_may_queue_bytes"]) == 2 * 64 * 64 * (64 << 20)


def test_a_file_that_is_not_there_or_not_yaml_is_told(tmp_path: Path) -> None:
    missing = run(str(BIN / "xentd"), "--config", str(tmp_path / "none"))
    assert missing.returncode == 78 and "none: cannot be read: No such file" in missing.stderr
    (tmp_path / "bad").write_text("workers: 1\nlanes: [")
    bad = run(str(BIN / "xentd"), "--config", str(tmp_path / "bad"))
    assert bad.returncode == 78 and f"{tmp_path}/bad:2: not YAML: " in bad.stderr


def test_a_directory_is_told_from_an_empty_file(tmp_path: Path) -> None:
    result = run(str(BIN / "xentd"), "--config", str(tmp_path))
    assert result.returncode == 78 and f"{tmp_path}: " in result.stderr
    # The path has the word in it already.
    assert "directory" in result.stderr.replace(str(tmp_path), "").lower(), result.stderr


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "xentd.yaml"
    file.write_text("workers: 1\nworkers: 2\nlanes:\n" + PIPELINE)
    result = run(str(BIN / "xentd"), "--config", str(file), "--check")
    assert result.returncode == 78 and f"{file}:2: " in result.stderr and "workers: stands on line 1" in result.stderr


# `--check` allocates nothing: a daemon that took the number at its word would take all the machine's memory.
def test_the_command_line_takes_no_more_workers_than_the_file_does() -> None:
    most = run(str(BIN / "xentd"), "--check", "--router", "ipc:///tmp/a", "--workers", "4096")
    assert most.returncode == 0
    more = run(str(BIN / "xentd"), "--check", "--router", "ipc:///tmp/a", "--workers", "4097")
    assert more.returncode == 64, more.stdout
    assert "--workers" in more.stderr and "4096" in more.stderr and "4097" in more.stderr


@pytest.mark.parametrize("endpoint", [
        "tcp://127.0.0.1:99999",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1",
        "tcp://nonsense",
        "tcp://no.such.interface:5555",
        "tcp://:5555",
        "ipc://",
        "ipc://*",
        "inproc://x",
        "ipc:///tmp/" + "x" * 120,
    ],
)
def test_a_check_finds_an_endpoint_that_cannot_be_bound(endpoint: str) -> None:
    result = run(str(BIN / "xentd"), "--check", "--router", endpoint)
    assert result.returncode != 0 and endpoint in result.stderr, result.stdout


def test_a_check_finds_a_kernel_in_the_environment_that_is_not_there() -> None:
    environment = {"XENTD_KERNEL": "abacus"}
    result = run(str(BIN / "xentd"), "--check", "--router", "ipc:///tmp/a", environment=environment)
    assert result.returncode != 0 and "abacus" in result.stderr, result.stdout


def test_a_kernel_checks_itself_in_seconds() -> None:
    result = run(str(BIN / "xentd"), "--self-check", "baseline")
    assert result.returncode == 0 and result.stdout.count(": good: ") == 5
    unknown = run(str(BIN / "xentd"), "--self-check", "abacus")
    assert unknown.returncode == 64 and "abacus" in unknown.stderr and "baseline" in unknown.stderr


def test_a_check_of_good_options_says_so_and_binds_nothing(tmp_path: Path) -> None:
    result = run(str(BIN / "xentd"), "--check", "--router", f"ipc://{tmp_path}/x")
    assert result.returncode == 0 and "nothing is wrong" in result.stdout
    assert not list(tmp_path.iterdir())


def test_one_path_for_requests_and_results_is_not_blamed_on_another_process(short_directory: Path) -> None:
    endpoint = f"ipc://{short_directory}/x"
    result = run(str(BIN / "xentd"), "--requests", endpoint, "--results", endpoint)
    assert result.returncode != 0 and endpoint in result.stderr
    assert "another process" not in result.stderr, result.stderr


def test_the_shipped_configuration_is_what_the_daemon_does_without_one() -> None:
    checked = run(str(BIN / "xentd"), "--check", "--config", str(ROOT / "Config/xentd.yaml"))
    assert checked.returncode == 0 and "2 lanes" in checked.stdout


def test_the_kernel_is_the_machines_best_or_the_one_that_is_named(
    start_daemon: Callable[..., Daemon], context: zmq.Context, tmp_path: Path
) -> None:
    listed = run(str(BIN / "xentd"), "--kernels")
    names = [line.split(":")[0] for line in listed.stdout.splitlines()]
    assert listed.returncode == 0 and "baseline" in names and listed.stdout.count("it is chosen") == 1
    daemon = start_daemon(environment={"XENTD_KERNEL": "baseline"})
    client = Client(context, daemon.router)
    assert client.ask_frames([wire.info_request(1)]).info()["kernel"] == "baseline"
    assert "kernel=baseline" in daemon.log
    environment = {"XENTD_KERNEL": "abacus"}
    wrong = run(str(BIN / "xentd"), "--router", f"ipc://{tmp_path}/x", environment=environment)
    assert wrong.returncode != 0 and "abacus" in wrong.stderr and "baseline" in wrong.stderr


@pytest.mark.parametrize("program", ["xentd", "xent"])
def test_help_and_version_are_there(program: str) -> None:
    text = run(str(BIN / program), "--help")
    assert text.returncode == 0 and "USAGE" in text.stdout
    version = run(str(BIN / program), "--version")
    assert version.returncode == 0 and version.stdout.count(".") == 2


@pytest.mark.parametrize(
    "options,words",
    [
        (["--requests", "ipc:///tmp/a"], "--results"),
        (["--router", "/tmp/a"], "ipc://PATH"),
        (["--workers", "0", "--router", "ipc:///tmp/a"], "--workers"),
        (["--config", "x", "--router", "ipc:///tmp/a"], "--config"),
        (["--unknown"], "--unknown"),
    ],
)
def test_a_wrong_command_line_is_refused_in_words(options: list[str], words: str) -> None:
    result = run(str(BIN / "xentd"), *options)
    assert result.returncode == 64 and words in result.stderr
