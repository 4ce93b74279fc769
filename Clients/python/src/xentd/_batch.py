"""A batch on its way: its bytes, and what became of each attempt to deliver it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ._job import Job
    from ._peer import Peer


class Batch:
    """One message of a request, kept until its result is there.

    Every attempt to deliver it has a sequence number of its own, so that each result tells which attempt it answers. The
    result of any attempt completes the batch: it is a function of the batch's bytes alone.
    """

    # Values that most batches never change are the class's: an instance costs what it sets.
    job: Job
    is_done = False
    # The attempt under way: which daemon has it, when it was sent, and when it counts as lost.
    peer: Peer | None = None
    sequence = 0
    sent_at = 0.0
    due = 0.0
    attempts = 0
    # Earlier attempts, whose results are taken too should they still come.
    older: list[int] | None = None
    # Answers by which a daemon said that it could not, for once.
    failures = 0
    # Connections that broke while it was under way; and of these, with nothing else under way.
    breaks = 0
    lone_breaks = 0

    def __init__(self, head: bytearray, sections: tuple[np.ndarray[Any, Any], ...], byte_count: int, first_row: int) -> None:
        # The header, and behind it the sections of a small batch; those of a large one are sent where they lie.
        self.head = head
        self.sections = sections
        self.byte_count = byte_count
        self.first_row = first_row
