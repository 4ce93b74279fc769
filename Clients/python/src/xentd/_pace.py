"""How long a result may take before its batch counts as lost, and how long a daemon is left alone that asks for it."""

from __future__ import annotations

from collections import deque
from random import random

_RECENT = 512
_EVERY = 64


class Pace:
    """Learns from the round trips of a daemon: a multiple of the recent 99th percentile, never less than a floor.

    Each attempt has a sequence number of its own, so no round trip is mistaken for that of another attempt.
    """

    def __init__(self, floor: float, multiple: float = 4.0, longest: float = 60.0) -> None:
        self._floor = floor
        self._multiple = multiple
        self._longest = longest
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._unread = 0
        # Until a round trip was seen, nobody knows what is slow.
        self.allowance = min(2 * floor, longest)

    def saw(self, round_trip: float) -> None:
        """Learns of a result that came `round_trip` seconds after its batch was sent."""
        self._recent.append(round_trip)
        self._unread += 1
        if self._unread >= _EVERY or len(self._recent) < 8 or round_trip > self.allowance:
            self._unread = 0
            slowest = sorted(self._recent)[int(0.99 * (len(self._recent) - 1))]
            self.allowance = min(max(self._floor, self._multiple * slowest), self._longest)

    def allow(self, attempt: int) -> float:
        """Seconds that an attempt may take: twice as long for each one before it, and never two batches quite the same."""
        allowance = self.allowance
        if attempt > 1:
            allowance = min(allowance * 2.0 ** min(attempt - 1, 6), self._longest)
        return allowance * (1.0 + 0.25 * random())


def busy_seconds(retry_after_milliseconds: int, failures: int) -> float:
    """How long to leave a daemon alone that said it could not, for once."""
    least = max(0.01, retry_after_milliseconds / 1000)
    return min(least * 2.0 ** min(failures - 1, 6), 5.0) * (1.0 + 0.25 * random())
