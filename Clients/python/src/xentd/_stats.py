"""What a client did, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Stats:
    """Counts since the client was made. Batches are messages: a request that was split counts as its parts.

    Attributes:
        submitted: batches that were accepted.
        completed: batches whose result came.
        failed: batches that were given up: refused, undeliverable, cancelled, or no daemon reachable.
        sent: attempts to deliver, and of these
        resent: those after a batch's first.
        unawaited: results that nobody waited for any more: duplicates, mostly of batches that were sent again.
        foreign: results of other clients, as a shared pipeline lane hands them out.
        unreadable: messages that are no results.
        busy: answers that asked to wait.
        draining: answers by daemons that are stopping.
        faults: answers that were faults of a daemon's, or passed deadlines.
        breaks: connections that broke.
        hangs: connections that were given up because nothing came.
        restarts: daemons that came back as another instance.
        addresses: what each address is doing now.
    """

    submitted: int = 0
    completed: int = 0
    failed: int = 0
    sent: int = 0
    resent: int = 0
    unawaited: int = 0
    foreign: int = 0
    unreadable: int = 0
    busy: int = 0
    draining: int = 0
    faults: int = 0
    breaks: int = 0
    hangs: int = 0
    restarts: int = 0
    addresses: dict[str, str] = field(default_factory=dict)
