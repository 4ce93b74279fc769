"""What waits to be sent: new batches, and those to be sent again, at once, later, or alone."""

from __future__ import annotations

import heapq
import itertools
from collections import deque

from ._batch import Batch

# After so many connections that broke under it a batch is sent alone.
_BREAKS_UNTIL_ALONE = 3


class Outbox:
    """Queues of batches. `new` is filled by any thread, since a deque's ends need no lock; the rest belongs to one thread."""

    def __init__(self) -> None:
        self.new: deque[Batch] = deque()
        # Batches that are to be sent with nothing beside them.
        self.suspects: deque[Batch] = deque()
        self._again: deque[Batch] = deque()
        self._delayed: list[tuple[float, int, Batch]] = []
        self._order = itertools.count()

    def again(self, batch: Batch) -> None:
        """Has a batch sent again, before new ones."""
        (self.suspects if batch.breaks >= _BREAKS_UNTIL_ALONE else self._again).append(batch)

    def later(self, batch: Batch, at: float) -> None:
        """Has a batch sent again, not before the time told."""
        heapq.heappush(self._delayed, (at, next(self._order), batch))

    def ripen(self, now: float) -> None:
        """Takes note of the time."""
        while self._delayed and self._delayed[0][0] <= now:
            self.again(heapq.heappop(self._delayed)[2])

    def __bool__(self) -> bool:
        """Whether anything may be sent beside others."""
        return bool(self._again or self.new)

    def next(self) -> Batch:
        """Takes out the batch to be sent next."""
        return self._again.popleft() if self._again else self.new.popleft()

    def take_all(self) -> list[Batch]:
        """Takes out everything."""
        batches = [*self._again, *self.suspects, *(batch for _, _, batch in self._delayed)]
        self._again.clear()
        self.suspects.clear()
        self._delayed.clear()
        while self.new:
            batches.append(self.new.popleft())
        return batches
