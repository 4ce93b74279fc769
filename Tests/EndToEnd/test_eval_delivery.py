"""`xent eval` loses nothing: not with daemons that die, hang or stop, nor with results that are lost, late or refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import BIN, PATIENCE, ROOT, Daemon
from reference import losses
from wire import STATUS

sys.path.append(str(ROOT / "Clients/python/tests"))

from doubles import Double, Received, answer  # noqa: E402

BATCHES, ROWS, CLASSES = 60, 3, 4


@pytest.fixture
def numbered(tmp_path: Path) -> list[str]:
    """Files of batches that a double knows by the number in their first logit."""
    logits = np.zeros((BATCHES, ROWS, CLASSES), np.float32)
    logits[:, 0, 0] = np.arange(1, BATCHES + 1)
    np.save(tmp_path / "a.npy", logits.reshape(-1, CLASSES))
    np.save(tmp_path / "b.npy", np.zeros(BATCHES * ROWS, np.int64))
    return ["--logits", str(tmp_path / "a.npy"), "--labels", str(tmp_path / "b.npy"), "--batch-rows", str(ROWS)]


@pytest.fixture
def double() -> Iterator[Callable[..., Double]]:
    doubles: list[Double] = []
    with tempfile.TemporaryDirectory(prefix="xentd-", dir="/tmp") as directory:

        def start(script: Any = answer, **settings: Any) -> Double:
            doubles.append(Double(f"ipc://{directory}/{len(doubles)}", script, **settings))
            return doubles[-1]

        yield start
        for each in doubles:
            each.stop()
    assert not [each.failure for each in doubles if each.failure]


def start_eval(*options: str) -> subprocess.Popen[str]:
    command = [str(BIN / "xent"), "eval", *options, "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, errors = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 0, errors
    return json.loads(output)


def evaluate(files: list[str], *endpoints: str) -> dict[str, int]:
    """Each batch's sum must be there once: the double's sums are the numbers, and its weights are 1.

    Returns:
        What the report tells of the delivery.
    """
    report = finish(start_eval(*files, "--endpoint", ",".join(endpoints), "--timeout", str(PATIENCE)))
    assert report["mean"] == pytest.approx((BATCHES + 1) / 2, rel=1e-12)
    assert report["rows"] == BATCHES * ROWS
    delivery: dict[str, int] = report["delivery"]
    assert delivery["sent"] - delivery["resent"] == BATCHES
    return delivery


def test_results_that_are_lost_doubled_foreign_or_late_do_no_harm(double: Callable[..., Double], numbered: list[str]) -> None:
    held: dict[float, Received] = {}

    def script(request: Received) -> list[bytes]:
        kind = int(request.number) % 5
        if kind == 0 and request.count == 1:
            return []
        if kind == 1 and request.count == 1:
            held[request.number] = request
            return []
        if kind == 1:
            return [held[request.number].result(), request.result()]
        if kind == 2:
            return [request.result()] * 3
        if kind == 3:
            return [request.result(client=b"somebody else's."), request.result()]
        return [request.result()]

    misbehaving = double(script)
    delivery = evaluate(numbered, misbehaving.endpoint)
    assert delivery["foreign"] == BATCHES / 5 and delivery["resent"] >= 2 * BATCHES / 5
    assert delivery["unawaited"] > BATCHES / 5
    assert misbehaving.received[5] == misbehaving.received[6] == 2


@pytest.mark.parametrize("status", ["BUSY", "EXPIRED", "INTERNAL"])
def test_a_batch_that_is_put_off_is_sent_again(double: Callable[..., Double], numbered: list[str], status: str) -> None:
    def script(request: Received) -> list[bytes]:
        if request.count == 1:
            return [request.result(status=STATUS[status], message="not now", retry_after=1)]
        return [request.result()]

    evaluate(numbered, double(script).endpoint)


def test_batches_of_a_draining_daemon_go_to_another(double: Callable[..., Double], numbered: list[str]) -> None:
    draining = double(lambda request: [request.result(status=STATUS["DRAINING"], message="stopping", notes=0x8000)])
    other = double(instance=2)
    evaluate(numbered, draining.endpoint, other.endpoint)
    assert sum(other.received.values()) == BATCHES


def test_a_daemon_that_was_replaced_unseen_gets_its_batches_again(double: Callable[..., Double], numbered: list[str]) -> None:
    def script(request: Received) -> list[bytes]:
        if sum(request.double.received.values()) == 30:
            request.double.instance = 2
            return [request.result()]
        return [request.result()] if request.double.instance == 2 or request.number > 28 or request.count > 1 else []

    evaluate(numbered, double(script).endpoint)


def test_a_connection_that_breaks_has_its_batches_sent_again(
    double: Callable[..., Double], numbered: list[str]
) -> None:
    def script(request: Received) -> list[bytes]:
        if request.number % 20 == 0 and request.count == 1:
            request.double.drop_connections()
            return []
        return answer(request)

    delivery = evaluate(numbered, double(script).endpoint)
    assert delivery["breaks"] == 3 and delivery["hangs"] == 0


def test_a_batch_that_breaks_every_connection_is_named(double: Callable[..., Double], numbered: list[str]) -> None:
    def script(request: Received) -> list[bytes]:
        if request.number == 13:
            request.double.drop_connections()
            return []
        return answer(request)

    breaking = double(script)
    process = start_eval(*numbered, "--endpoint", breaking.endpoint, "--timeout", str(PATIENCE))
    _, errors = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 2
    assert "while batch 12 of 168 bytes was under way, 3 times with nothing beside it; it is not sent again" in errors
    assert breaking.received[13] <= 9


def test_what_is_no_result_is_dropped_and_is_told_of_where_nothing_else_comes(
    double: Callable[..., Double], numbered: list[str]
) -> None:
    evaluate(numbered, double(lambda request: [b"", b"XENT", bytes(200), *answer(request)]).endpoint)
    process = start_eval(*numbered, "--endpoint", double(lambda _: [b"HTTP/1.1 400"]).endpoint, "--timeout", "0.5")
    _, errors = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 2
    assert "what came is none: result: header: expected at least 160 bytes, received 12" in errors


def large(directory: Path, rows: int = 15_000, classes: int = 300) -> tuple[list[str], float]:
    random = np.random.default_rng(7)
    logits = random.normal(size=(rows, classes)).astype(np.float32)
    labels = random.integers(0, classes, rows)
    np.save(directory / "a.npy", logits)
    np.save(directory / "b.npy", labels)
    files = ["--logits", str(directory / "a.npy"), "--labels", str(directory / "b.npy"), "--batch-rows", "10"]
    # A softcap takes its time.
    capped = 3 * np.tanh(logits.astype(np.longdouble) / 3)
    return [*files, "--softcap", "3"], float(losses(capped, labels).mean())


def until_it_computes(daemon: Daemon, process: subprocess.Popen[str]) -> None:
    """Waits until the daemon has had some work of this client's; unless that is over already."""
    start = daemon.cpu_seconds
    while daemon.cpu_seconds < start + 0.02 and process.poll() is None:
        pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_daemon_that_ends_in_the_middle_and_comes_back_costs_nothing(
    daemon: Daemon, tmp_path: Path, number: int
) -> None:
    files, mean = large(tmp_path)
    process = start_eval(*files, "--endpoint", daemon.router, "--timeout", str(PATIENCE))
    for _ in range(2):
        until_it_computes(daemon, process)
        daemon.stop(number)
        if number == signal.SIGTERM:
            assert daemon.notice() == "STOPPING=1"
        daemon.start()
    assert finish(process)["mean"] == pytest.approx(mean, rel=1e-6)


def test_with_two_daemons_one_that_dies_or_freezes_is_left_out(
    start_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    files, mean = large(tmp_path)
    frozen, killed, calm = start_daemon(), start_daemon(), start_daemon()
    endpoints = ",".join(each.router for each in (frozen, killed, calm))
    process = start_eval(*files, "--endpoint", endpoints, "--timeout", str(PATIENCE))
    until_it_computes(frozen, process)
    frozen.process.send_signal(signal.SIGSTOP)
    killed.stop(signal.SIGKILL)
    report = finish(process)
    frozen.process.send_signal(signal.SIGCONT)
    assert report["mean"] == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize("least_first", [True, False])
def test_batches_are_cut_so_that_each_of_several_daemons_takes_them(
    double: Callable[..., Double], numbered: list[str], tmp_path: Path, least_first: bool
) -> None:
    sizes = []

    def note(request: Received) -> list[bytes]:
        sizes.append(request.rows)
        return answer(request)

    endpoints = [double(note, limits={"rows": 2}, instance=1).endpoint, double(note, instance=2).endpoint]
    endpoints = endpoints if least_first else endpoints[::-1]
    report = finish(start_eval(*numbered, "--endpoint", ",".join([f"ipc://{tmp_path}/none", *endpoints])))
    assert report["rows"] == BATCHES * ROWS and max(sizes) == 2
