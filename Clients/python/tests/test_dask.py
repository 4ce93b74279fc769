"""A cluster of real worker processes on Dask, each with a daemon of its own; one of them is killed in the middle."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import xentd
from conftest import PATIENCE, ROOT
from test_cross_entropy import losses

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

import xentd.dask  # noqa: E402

ROWS, CLASSES, BLOCK = 6000, 50, 100


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    random = np.random.default_rng(4)
    return random.normal(size=(ROWS, CLASSES)).astype(np.float32), random.integers(0, CLASSES, ROWS)


@pytest.fixture
def cluster(start_daemon: Callable[..., Any]) -> Iterator[Any]:
    """Two workers, each told of another daemon by its environment, as a machine of its own would."""
    daemons = [start_daemon(), start_daemon()]
    settings = {
        "distributed.worker.daemon": False, "distributed.admin.log-format": "%(message)s", "distributed.comm.retry.count": 3,
        "distributed.scheduler.allowed-failures": 10,
    }  # fmt: skip
    path = os.pathsep.join([str(ROOT / "Clients/python/src"), str(ROOT / "Clients/python/tests")])
    with dask.config.set(settings):
        workers = {
            number: {
                "cls": distributed.Nanny,
                "options": {"nthreads": 2, "env": {"XENTD_ENDPOINT": each.router, "PYTHONPATH": path}, "dashboard": False},
            }
            for number, each in enumerate(daemons)
        }
        scheduler = {"cls": distributed.Scheduler, "options": {"dashboard": False, "dashboard_address": ":0", "port": 0}}
        with distributed.SpecCluster(workers=workers, scheduler=scheduler) as cluster, distributed.Client(cluster) as client:
            client.wait_for_workers(2, timeout=PATIENCE * 3)
            yield client


def test_a_cluster_gives_the_bits_of_one_machine_though_a_worker_is_killed(
    cluster: Any, data: tuple[Any, Any], shared_daemon: Any
) -> None:
    logits, labels = data
    with xentd.Client(shared_daemon.router, timeout=PATIENCE) as client:
        here = client.evaluate((logits[i : i + BLOCK], labels[i : i + BLOCK]) for i in range(0, ROWS, BLOCK))
    assert here.mean == pytest.approx(losses(logits, labels).mean(), rel=1e-6)
    arrays = da.from_array(logits, chunks=(BLOCK, CLASSES)), da.from_array(labels, chunks=977)
    evaluation = xentd.dask.evaluate(*arrays, top_k=3).compute()
    for name in ("sum", "weight", "mean", "rows", "counted", "correct", "batches"):
        assert getattr(evaluation, name) == getattr(here, name), name
    assert evaluation.top_k_accuracy > 0

    # Again, slowly, while one of the workers dies.
    seen = distributed.Event("evaluated")
    blocks = [slowly(logits[i : i + BLOCK], labels[i : i + BLOCK]) for i in range(0, ROWS, BLOCK)]
    future = cluster.compute(xentd.dask.evaluate_blocks(blocks))
    assert seen.wait(PATIENCE)
    victims = cluster.run(os.getpid)
    os.kill(next(iter(victims.values())), signal.SIGKILL)
    killed = future.result(timeout=PATIENCE * 3)
    for name in ("sum", "weight", "mean", "rows", "counted", "correct", "batches"):
        assert getattr(killed, name) == getattr(here, name), name


def slowly(logits: Any, labels: Any) -> tuple[Any, Any]:
    return dask.delayed(give, pure=True)(logits), labels


def give(logits: Any) -> Any:
    """Takes its time, and says that the work has begun."""
    distributed.Event("evaluated").set()
    threading.Event().wait(0.05)
    return logits


def test_one_hot_labels_and_weights_are_cut_as_the_logits_are(data: tuple[Any, Any], shared_daemon: Any) -> None:
    logits, labels = data
    hot = np.eye(CLASSES, dtype=np.uint8)[labels]
    weights = np.linspace(0, 1, ROWS).astype(np.float32)
    evaluation = xentd.dask.evaluate(
        da.from_array(logits, chunks=(1000, CLASSES)), da.from_array(hot, chunks=(700, 20)),
        sample_weight=da.from_array(weights, chunks=123), endpoint=shared_daemon.router,
    ).compute(scheduler="threads")  # fmt: skip
    assert evaluation.mean == pytest.approx((losses(logits, labels) * weights).sum() / weights.sum(dtype=float), rel=1e-5)


def test_arrays_that_do_not_fit_are_refused_before_anything_is_computed(data: tuple[Any, Any]) -> None:
    logits, labels = data
    with pytest.raises(ValueError, match=r"received .* blocks; use logits.rechunk\(\{1: -1\}\)"):
        xentd.dask.evaluate(da.from_array(logits, chunks=(100, 10)), da.from_array(labels))
    with pytest.raises(ValueError, match="labels: expected 6000 rows as logits have, received 5999"):
        xentd.dask.evaluate(da.from_array(logits, chunks=(100, CLASSES)), da.from_array(labels[1:]))
    with pytest.raises(ValueError, match="logits: expected a Dask array, received ndarray"):
        xentd.dask.evaluate(logits, labels)
    with pytest.raises(TypeError, match="a single batch is"):
        xentd.dask.evaluate_blocks((logits, labels))
    assert xentd.dask.evaluate_blocks([]).compute().rows == 0


@pytest.fixture(scope="module", autouse=True)
def _close_clients() -> Iterator[None]:
    yield
    for client in xentd.dask._clients.values():
        client.close(wait=False)
    xentd.dask._clients.clear()
