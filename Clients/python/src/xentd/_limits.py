"""What one message may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a daemon takes, as its `info` tells; bytes include the header."""

    batch_bytes: int
    result_bytes: int
    rows: int
    classes: int

    @staticmethod
    def smallest(of: Sequence[Limits]) -> Limits:
        """What all of several daemons take."""
        return Limits(
            min(each.batch_bytes for each in of),
            min(each.result_bytes for each in of),
            min(each.rows for each in of),
            min(each.classes for each in of),
        )
