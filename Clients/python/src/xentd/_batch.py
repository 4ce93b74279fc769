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

    __slots__ = (
        "attempts", "breaks", "byte_count", "due", "failures", "first_row", "head", "is_done", "job", "lone_breaks",
        "older", "peer", "sections", "sent_at", "sequence",
    )  # fmt: skip

    job: Job

    def __init__(self, head: bytearray, sections: tuple[np.ndarray[Any, Any], ...], byte_count: int, first_row: int) -> None:
        # The header, and behind it the sections of a small batch; those of a large one are sent where they lie.
        self.head = head
        self.sections = sections
        self.byte_count = byte_count
        self.first_row = first_row
        self.is_done = False
        # The attempt under way, when it was sent, and when it counts as lost.
        self.peer: Peer | None = None
        self.sequence = 0
        self.sent_at = 0.0
        self.due = 0.0
        # Earlier attempts, whose results are taken too should they still come.
        self.older: list[int] | None = None
        self.attempts = 0
        # Answers by which the daemon said that it could not, for once.
        self.failures = 0
        # Connections that broke while it was under way; and of these, with nothing else under way.
        self.breaks = 0
        self.lone_breaks = 0
