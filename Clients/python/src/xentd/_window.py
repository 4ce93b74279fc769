"""How much may be unacknowledged at once: what callers submit waits here for what the daemons have answered."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future, InvalidStateError


class Window:
    """Counts the bytes and batches that were submitted and are not done yet.

    A batch larger than the window is let in alone. Whoever waits is let in once a quarter of the window is free, so that
    threads take turns in long strides and not batch by batch.
    """

    def __init__(self, byte_count: int, batch_count: int) -> None:
        self._most_bytes = byte_count
        self._most_batches = batch_count
        # Batches that were ever counted in.
        self.entered = 0
        self._bytes = 0
        self._batches = 0
        self._lock = threading.Lock()
        self._condition = threading.Condition(self._lock)
        self._waiting_threads = 0
        self._waiting_tasks: list[Future[None]] = []

    def try_enter(self, byte_count: int) -> bool:
        """Counts a batch in, if there is room."""
        with self._lock:
            if self._batches and (self._bytes + byte_count > self._most_bytes or self._batches >= self._most_batches):
                return False
            self._bytes += byte_count
            self._batches += 1
            self.entered += 1
            return True

    def enter(self, byte_count: int) -> None:
        """Counts a batch in, as soon as there is room."""
        with self._lock:
            if not self._has_room(byte_count):
                self._waiting_threads += 1
                try:
                    self._condition.wait_for(lambda: self._has_room(byte_count))
                finally:
                    self._waiting_threads -= 1
            self._count(byte_count)

    def force(self, byte_count: int) -> None:
        """Counts a batch in though there may be no room: for the thread that makes room."""
        with self._lock:
            self._count(byte_count)

    def wait_until_empty(self) -> None:
        """Waits until all that was counted in is counted out."""
        with self._lock:
            self._waiting_threads += 1
            try:
                self._condition.wait_for(lambda: not self._batches)
            finally:
                self._waiting_threads -= 1

    def leave(self, byte_count: int, batch_count: int) -> None:
        """Counts batches out."""
        with self._lock:
            self._bytes -= byte_count
            self._batches -= batch_count
            if not self._waiting_threads and not self._waiting_tasks:
                return
            if self._bytes > 0.75 * self._most_bytes or self._batches > 0.75 * self._most_batches:
                return
            self._condition.notify_all()
            tasks, self._waiting_tasks = self._waiting_tasks, []
        for task in tasks:
            with contextlib.suppress(InvalidStateError):  # the task was cancelled
                task.set_result(None)

    def room(self, byte_count: int) -> Future[None]:
        """Done once it is worth while to try again."""
        future: Future[None] = Future()
        with self._lock:
            if self._has_room(byte_count):
                future.set_result(None)
            else:
                self._waiting_tasks.append(future)
        return future

    def _count(self, byte_count: int) -> None:
        self._bytes += byte_count
        self._batches += 1
        self.entered += 1

    def _has_room(self, byte_count: int) -> bool:
        return not self._batches or (self._bytes + byte_count <= self._most_bytes and self._batches < self._most_batches)
