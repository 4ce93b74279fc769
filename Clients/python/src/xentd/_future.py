"""A future of the standard library that costs little: what is needed to wait for it is made when somebody waits."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from concurrent.futures._base import CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED, PENDING
from typing import Any, TypeVar

T = TypeVar("T")

_DONE = frozenset((CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED))
# Guards the making of conditions, and completion where there is none. Held for a few instructions only, so one is enough.
_lock = threading.Lock()


class LeanFuture(Future[T]):
    """As its base, which it is to `concurrent.futures.wait`, `as_completed` and `asyncio.wrap_future` too.

    The base makes a condition, with a lock and a queue, and two lists for each future: half the time, and most of the objects
    that the collector of garbage has to look at, of a small batch. Whatever the base does it does under `_condition`; so this
    is made, with the lists, when it is first asked for. A future that has none yet has no waiters and no callbacks.
    """

    # The base sets these in its initializer, which is not called. All but the state are read under the condition only.
    _state = PENDING
    _result: T | None = None
    _exception: BaseException | None = None
    _made_condition: threading.Condition | None = None

    def __init__(self) -> None:  # the base's is left out on purpose
        pass

    @property
    def _condition(self) -> threading.Condition:  # type: ignore[override]
        condition = self._made_condition
        if condition is None:
            with _lock:
                condition = self._made_condition
                if condition is None:
                    self._waiters = []
                    self._done_callbacks: list[Any] = []
                    condition = self._made_condition = threading.Condition()
        return condition

    def done(self) -> bool:
        """As its base."""
        return self._state in _DONE

    def result(self, timeout: float | None = None) -> T:
        """As its base."""
        if self._state == FINISHED and self._exception is None:
            return self._result  # type: ignore[return-value] # it was set before the state was
        return super().result(timeout)

    def set_result(self, result: T) -> None:
        """As its base."""
        with _lock:
            if self._made_condition is None and self._state == PENDING:
                self._result = result
                self._state = FINISHED
                return
        super().set_result(result)


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 # a thread that the child does not have may hold it
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)
