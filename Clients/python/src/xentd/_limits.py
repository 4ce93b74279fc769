"""What one message may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a daemon takes, as its `info` tells; bytes include the header."""

    batch_bytes: int
    result_bytes: int
    rows: int
    classes: int

    def smallest(self, other: Limits) -> Limits:
        """What both daemons take."""
        return Limits(
            min(self.batch_bytes, other.batch_bytes),
            min(self.result_bytes, other.result_bytes),
            min(self.rows, other.rows),
            min(self.classes, other.classes),
        )
