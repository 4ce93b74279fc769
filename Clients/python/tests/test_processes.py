"""Threads, forks, ends and memory: a client among the rest of a program. And daemons that die, hang and come back."""

from __future__ import annotations

import concurrent.futures
import gc
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xentd
from conftest import PATIENCE, ROOT, start_again
from doubles import Double, Received, numbered
from test_cross_entropy import batch
from test_faults import until

Connect = Callable[..., xentd.Client]
StartDaemon = Callable[..., Any]


def check(client: xentd.Client, count: int = 200, rows: int = 16) -> None:
    """Evaluates many batches, and checks each to the bit against the same rows evaluated alone before."""
    logits, labels = batch(rows * count, 10)
    futures = [client.submit(logits[i : i + rows], labels[i : i + rows]) for i in range(0, rows * count, rows)]
    each = np.concatenate([future.result(PATIENCE * 2).losses for future in futures])
    from test_cross_entropy import losses

    assert each == pytest.approx(losses(logits, labels), rel=1e-6, abs=1e-7)


def test_many_threads_share_a_client(client: xentd.Client) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(check, client) for _ in range(16)]:
            done.result()
    stats = client.stats()
    assert stats.submitted == stats.completed == 3200


def test_a_callback_may_submit_though_the_window_is_full(connect: Connect, shared_daemon: Any) -> None:
    client = connect(shared_daemon.router, window_batches=1)
    done = threading.Event()
    left = [50]

    def again(future: Any) -> None:
        assert future.result().rows == 12
        left[0] -= 1
        if left[0]:
            client.submit(*batch()).add_done_callback(again)
        else:
            done.set()

    client.submit(*batch()).add_done_callback(again)
    assert done.wait(PATIENCE)


def test_a_forked_child_is_told_to_make_its_own_client(client: xentd.Client, shared_daemon: Any) -> None:
    before = client.cross_entropy(*batch())
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover # in the child
        try:
            client.cross_entropy(*batch())
        except xentd.ForkedClient as error:
            os.write(write, str(error).encode())
        client.close()
        with xentd.Client(shared_daemon.router, timeout=PATIENCE) as own:
            os.write(write, f" and {own.cross_entropy(*batch())}".encode())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    os.close(write)
    told = os.read(read, 4096).decode()
    os.close(read)
    assert "made before the process forked" in told
    assert "Make a client in each process" in told
    assert told.endswith(f" and {before}")
    assert client.cross_entropy(*batch()) == before


def test_closing_waits_for_what_was_submitted(shared_daemon: Any) -> None:
    with xentd.Client(shared_daemon.router, timeout=PATIENCE) as client:
        futures = [client.submit(*batch()) for _ in range(100)]
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(xentd.ClientClosed, match="closed; make a new one"):
        client.cross_entropy(*batch())
    client.close()


def test_closing_at_once_fails_what_is_under_way(connect: Connect, double: Callable[..., Double]) -> None:
    client = connect(double(lambda _: []).endpoint)
    future = client.submit(*numbered(1))
    client.close(wait=False)
    with pytest.raises(xentd.ClientClosed, match="before this batch was done"):
        future.result(PATIENCE)


def test_an_error_in_the_block_does_not_wait(double: Callable[..., Double]) -> None:
    with pytest.raises(ZeroDivisionError), xentd.Client(double(lambda _: []).endpoint) as client:
        client.submit(*numbered(1))
        raise ZeroDivisionError


def test_a_client_that_nobody_has_any_more_ends(shared_daemon: Any) -> None:
    client = xentd.Client(shared_daemon.router, timeout=PATIENCE)
    client.cross_entropy(*batch())
    thread = client._exchange._thread
    gone = weakref.ref(client)
    del client
    gc.collect()
    assert gone() is None
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_program_that_forgets_to_close_ends_all_the_same(shared_daemon: Any) -> None:
    code = f"import numpy, xentd; c = xentd.Client({shared_daemon.router!r}); c.submit(numpy.zeros((2, 3), 'f4'), [0, 1])"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "Clients/python/src")}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, env=environment)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_client_cannot_be_pickled(client: xentd.Client) -> None:
    with pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(client)


@pytest.mark.parametrize(
    "error",
    [xentd.BatchRefused(xentd.Status.TOO_LARGE, "why"), xentd.LabelError("why", 3, 7, 2), xentd.DaemonUnreachable("why")],
)
def test_errors_can_be_pickled(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("options", [{"window_bytes": 0}, {"window_batches": 0}, {"timeout": 0}, {"resend_after": -1}])
def test_a_setting_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))}: expected .* received {next(iter(options.values()))}"):
        xentd.Client("ipc:///tmp/x", **options)


@pytest.mark.parametrize("endpoint", ["/run/x.sock", [], ["ipc:///a", "ipc:///a"], "tcp://127.0.0.1", "udp://x:1"])
def test_an_address_that_is_none_is_refused(endpoint: Any) -> None:
    with pytest.raises((ValueError, xentd.XentError), match="endpoint|address"):
        xentd.Client(endpoint)


def test_a_daemon_is_found_by_the_environment(shared_daemon: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XENTD_ENDPOINT", f"{shared_daemon.router}, ipc://{tmp_path}/nobody")
    with xentd.Client(timeout=PATIENCE) as client:
        assert client.addresses == [shared_daemon.router, f"ipc://{tmp_path}/nobody"]
        check(client)
    monkeypatch.delenv("XENTD_ENDPOINT")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    # A daemon that was killed leaves its socket behind; nobody listens there.
    (tmp_path / "xentd").mkdir()
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "xentd/xentd.sock"))
    if not Path("/run/xentd/xentd.sock").exists():
        with pytest.raises(xentd.DaemonUnreachable, match="no daemon found: nobody listens at .*start one with `xentd`"):
            xentd.Client()
    (tmp_path / "xentd").rename(tmp_path / "old")
    (tmp_path / "xentd").symlink_to(shared_daemon.directory)
    (shared_daemon.directory / "xentd.sock").symlink_to(shared_daemon.directory / "x")
    with xentd.Client(timeout=PATIENCE) as client:
        assert client.addresses == [f"ipc://{tmp_path}/xentd/xentd.sock"]
        check(client)


def test_the_logits_are_not_copied(shared_daemon: Any) -> None:
    """A request of 400 MB, split into parts, adds hardly anything to what the process has."""
    code = f"""
import resource, numpy, xentd
logits = numpy.ones((400, 250_000), 'f4')
labels = numpy.zeros(400, 'i8')
with xentd.Client({shared_daemon.router!r}) as client:
    client.cross_entropy(logits[:1], labels[:1])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    client.cross_entropy(logits, labels)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "Clients/python/src")}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE * 3, env=environment)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 20_000, f"{run.stdout} KB more for 400 MB of logits"


def test_a_future_that_is_kept_does_not_keep_the_arrays(client: xentd.Client) -> None:
    logits, labels = batch()
    gone = weakref.ref(logits)
    future = client.submit(logits, labels)
    assert future.result(PATIENCE).rows == 12
    del logits
    until(lambda: gone() is None)


def test_memory_does_not_grow_with_the_batches(client: xentd.Client) -> None:
    logits, labels = batch(500, 100)
    check(client)
    client.evaluate((logits, labels) for _ in range(300))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    client.evaluate((logits, labels) for _ in range(3000))  # 600 MB in all
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_a_pipeline_lane_works_too(connect: Connect, daemon: Any) -> None:
    client = connect(xentd.Pipeline(daemon.requests, daemon.results))
    check(client)
    logits, labels = batch(2000, 1000)
    assert client.cross_entropy(logits, labels) == connect(daemon.router).cross_entropy(logits, labels)
    daemon.stop(signal.SIGKILL)
    start_again(daemon)
    check(client)


def test_a_daemon_that_is_killed_and_comes_back_costs_nothing(connect: Connect, daemon: Any) -> None:
    client = connect(daemon.router)
    logits, labels = batch(64, 1000)
    want = client.cross_entropy(logits, labels, reduction="none")
    for _ in range(3):
        futures = [client.submit(logits, labels) for _ in range(300)]
        futures[20].result(PATIENCE)
        daemon.stop(signal.SIGKILL)
        start_again(daemon)
        assert all(np.array_equal(future.result(PATIENCE).losses, want) for future in futures)
    stats = client.stats()
    assert stats.submitted == stats.completed == 901
    assert (stats.failed, stats.restarts) == (0, 3)


def test_a_daemon_that_is_stopped_cleanly_hands_its_batches_on(connect: Connect, start_daemon: StartDaemon) -> None:
    first, second = start_daemon(), start_daemon()
    client = connect([first.router, second.router])
    logits, labels = batch(64, 1000)
    futures = []
    for number in range(600):
        futures.append(client.submit(logits, labels))
        if number == 300:
            first.process.send_signal(signal.SIGTERM)
    assert len({future.result(PATIENCE).sum for future in futures}) == 1
    assert first.process.wait(PATIENCE) == 0
    until(lambda: client.stats().addresses[first.router] != "ready")
    start_again(first)
    until(lambda: client.stats().addresses[first.router] == "ready")
    check(client)


def test_a_daemon_that_is_frozen_is_left_out_until_it_thaws(connect: Connect, start_daemon: StartDaemon) -> None:
    frozen, other = start_daemon(), start_daemon()
    client = connect([frozen.router, other.router], resend_after=0.2)
    check(client)
    frozen.process.send_signal(signal.SIGSTOP)
    try:
        check(client)
        until(lambda: client.stats().addresses[frozen.router] != "ready")
        check(client)
    finally:
        frozen.process.send_signal(signal.SIGCONT)
    until(lambda: client.stats().addresses[frozen.router] == "ready")
    check(client)
    stats = client.stats()
    assert stats.submitted == stats.completed == 800


def test_a_frozen_daemon_that_is_the_only_one_is_waited_for(connect: Connect, daemon: Any) -> None:
    client = connect(daemon.router, resend_after=0.05)
    check(client)
    daemon.process.send_signal(signal.SIGSTOP)
    futures = [client.submit(*batch()) for _ in range(100)]
    until(lambda: client.stats().hangs)
    daemon.process.send_signal(signal.SIGCONT)
    assert len({future.result(PATIENCE).sum for future in futures}) == 1
    assert client.stats().failed == 0


def test_a_client_may_be_there_before_its_daemon(connect: Connect, start_daemon: StartDaemon) -> None:
    early = start_daemon()
    early.stop()
    client = connect(early.router)
    futures: list[Any] = []
    submitter = threading.Thread(target=lambda: futures.append(client.submit(*batch())))
    submitter.start()
    start_again(early)
    submitter.join(PATIENCE)
    assert futures[0].result(PATIENCE).rows == 12
    check(client)


def test_a_client_that_reads_late_is_told_busy_and_loses_nothing(connect: Connect, double: Callable[..., Double]) -> None:
    """Every other answer is BUSY, whatever is asked."""
    turns = [0]

    def script(request: Received) -> list[bytes]:
        turns[0] += 1
        return [request.result(status=16, message="busy", retry_after=1)] if turns[0] % 2 else [request.result()]

    client = connect(double(script).endpoint)
    futures = [client.submit(*numbered(i)) for i in range(1, 101)]
    assert [future.result(PATIENCE).sum for future in futures] == list(range(1, 101))
    assert client.stats().busy >= 50
