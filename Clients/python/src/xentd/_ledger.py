"""The ledger: what was completed, failed and given up, so that each batch is completed once."""

from __future__ import annotations

from time import monotonic
from typing import Any

from ._batch import Batch
from ._stats import Stats
from ._window import Window


class Ledger:
    """Completes batches and fails them, and keeps the counts. Belongs to the thread that owns the sockets."""

    def __init__(self, window: Window) -> None:
        self.stats = Stats()
        # When a batch was last completed, or there was none.
        self.progress_at = monotonic()
        self._window = window
        self._freed_bytes = 0
        self._freed_batches = 0
        # Attempts that were given up, by sequence number, and when they were sent: their results are welcome still.
        self._given_up: dict[int, tuple[Batch, float]] = {}

    @property
    def pending(self) -> int:
        """Batches that were submitted and are not done."""
        return self._window.entered - self.stats.completed - self.stats.failed

    def complete(self, batch: Batch, frame: bytes, fields: tuple[Any, ...], now: float) -> None:
        """Gives a batch's result to whoever waits for it."""
        self.progress_at = now
        self.stats.completed += 1
        self._close(batch)
        batch.job.take(batch.first_row, frame, fields)

    def fail(self, batch: Batch, error: Exception) -> None:
        """Gives an error to whoever waits for a batch's result."""
        self.stats.failed += 1
        self._close(batch)
        batch.job.fail(error)

    def give_up(self, batch: Batch) -> None:
        """Takes the attempt under way for lost."""
        batch.older = [*(batch.older or ()), batch.sequence]
        self._given_up[batch.sequence] = (batch, batch.sent_at)

    def given_up(self, sequence: int) -> tuple[Batch, float] | None:
        """The batch of an attempt that was taken for lost, and when it was sent."""
        return self._given_up.get(sequence)

    def settle(self) -> None:
        """Makes room in the window for what was closed: once a turn, not once a batch."""
        if self._freed_batches:
            self._window.leave(self._freed_bytes, self._freed_batches)
            self._freed_bytes = self._freed_batches = 0

    def _close(self, batch: Batch) -> None:
        batch.is_done = True
        if batch.older is not None:
            for sequence in batch.older:
                self._given_up.pop(sequence, None)
        self._freed_batches += 1
        self._freed_bytes += batch.byte_count
