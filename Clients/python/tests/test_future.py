"""The futures that `submit` gives are those of the standard library, to all that the library does with them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from conftest import PATIENCE
from xentd._future import LeanFuture


def later(future: LeanFuture[int], act: Callable[[LeanFuture[int]], object]) -> threading.Thread:
    """Does something to a future from another thread, once somebody has begun to wait for it."""

    def run() -> None:
        while future._made_condition is None:
            time.sleep(0.001)
        act(future)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def failed(error: Exception) -> LeanFuture[int]:
    future = LeanFuture[int]()
    future.set_exception(error)
    return future


def test_what_was_set_is_there() -> None:
    future = LeanFuture[int]()
    assert not future.done()
    assert not future.running()
    assert not future.cancelled()
    assert "pending" in repr(future)
    future.set_result(3)
    assert future.done()
    assert future.result() == future.result(0) == 3
    assert future.exception() is None
    assert not future.cancel()
    assert "finished returned int" in repr(future)
    with pytest.raises(ZeroDivisionError):
        failed(ZeroDivisionError()).result()
    assert isinstance(failed(ZeroDivisionError()).exception(), ZeroDivisionError)


def test_none_is_a_result_too() -> None:
    future = LeanFuture[None]()
    future.set_result(None)
    assert future.done()
    assert future.result() is None


@pytest.mark.parametrize("first", ["result", "exception", "cancel"])
@pytest.mark.parametrize("second", ["result", "exception"])
def test_what_is_done_cannot_be_set_again(first: str, second: str) -> None:
    future = LeanFuture[int]()
    actions: dict[str, Callable[[], object]] = {
        "result": lambda: future.set_result(1), "exception": lambda: future.set_exception(OSError()), "cancel": future.cancel,
    }  # fmt: skip
    actions[first]()
    with pytest.raises(concurrent.futures.InvalidStateError):
        actions[second]()
    assert future.cancelled() == (first == "cancel")


def test_whoever_waits_is_woken() -> None:
    future = LeanFuture[int]()
    with pytest.raises(concurrent.futures.TimeoutError):
        future.result(0.01)
    thread = later(future, lambda future: future.set_result(4))
    assert future.result(PATIENCE) == 4
    thread.join()
    future = LeanFuture[int]()
    thread = later(future, lambda future: future.set_exception(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        future.result(PATIENCE)
    thread.join()
    future = LeanFuture[int]()
    thread = later(future, lambda future: future.cancel())
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(PATIENCE)
    thread.join()


def test_callbacks_are_called_once_before_or_after() -> None:
    called: list[int] = []
    before, after = LeanFuture[int](), LeanFuture[int]()
    before.add_done_callback(lambda future: called.append(future.result()))
    before.set_result(1)
    after.set_result(2)
    after.add_done_callback(lambda future: called.append(future.result()))
    assert called == [1, 2]


def test_wait_and_as_completed_take_them() -> None:
    futures = [LeanFuture[int]() for _ in range(30)]
    for number, future in enumerate(futures[:10]):
        future.set_result(number)
    done, pending = concurrent.futures.wait(futures, timeout=0)
    assert (done, pending) == (set(futures[:10]), set(futures[10:]))
    threads = [later(future, lambda future: future.set_result(5)) for future in futures[10:]]
    assert set(concurrent.futures.as_completed(futures, timeout=PATIENCE)) == set(futures)
    assert concurrent.futures.wait(futures, timeout=PATIENCE).not_done == set()
    for thread in threads:
        thread.join()


def test_asyncio_awaits_them() -> None:
    async def main() -> None:
        waiting, ready, cancelled = LeanFuture[int](), LeanFuture[int](), LeanFuture[int]()
        ready.set_result(1)
        thread = later(waiting, lambda future: future.set_result(2))
        assert await asyncio.gather(asyncio.wrap_future(ready), asyncio.wrap_future(waiting)) == [1, 2]
        thread.join()
        wrapped = asyncio.wrap_future(cancelled)
        wrapped.cancel()
        await asyncio.sleep(0)
        assert cancelled.cancelled()

    asyncio.run(main())


def test_none_is_missed_however_waiting_and_completion_meet() -> None:
    order = random.Random(5)
    for _ in range(20):
        futures = [LeanFuture[int]() for _ in range(200)]
        called: list[int] = []
        gate = threading.Barrier(3)

        def wait(futures: Any = futures, gate: Any = gate, called: Any = called) -> None:
            gate.wait(PATIENCE)
            for future in futures:
                future.add_done_callback(lambda done: called.append(done.result()))

        def complete(futures: Any = futures, gate: Any = gate) -> None:
            gate.wait(PATIENCE)
            for number, future in enumerate(futures):
                future.set_result(number)

        threads = [threading.Thread(target=each) for each in order.sample([wait, complete], 2)]
        for thread in threads:
            thread.start()
        gate.wait(PATIENCE)
        assert [future.result(PATIENCE) for future in futures] == list(range(200))
        for thread in threads:
            thread.join()
        assert sorted(called) == list(range(200))


def test_a_child_can_complete_its_own_though_the_lock_was_held_in_the_parent() -> None:
    from xentd import _future

    with _future._lock:
        child = os.fork()
        if child == 0:  # pragma: no cover # in the child
            future = LeanFuture[int]()
            future.set_result(1)
            os._exit(0 if future.result(0) == 1 and future.exception(0) is None else 1)
    deadline = time.monotonic() + PATIENCE
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, 9)
            os.waitpid(child, 0)
            pytest.fail("it hangs")
        time.sleep(0.005)
    assert os.waitstatus_to_exitcode(ended[1]) == 0
