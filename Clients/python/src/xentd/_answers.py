"""What daemons answer: results complete batches, refusals send them again or fail them, and both tell of the daemon."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from . import _wire
from ._batch import Batch
from ._errors import BatchRefused, XentError
from ._ledger import Ledger
from ._outbox import Outbox
from ._pace import busy_seconds
from ._peer import Peer, State
from ._results import message_of, sections_fit
from ._wire import ResultFields as At
from ._wire import Status

# Faults of the daemon's after which a batch is given up.
_FAILURES_UNTIL_FAILED = 8

_unpack = _wire.RESULT.unpack_from
# What every result is looked at for.
_looked_at = itemgetter(At.MAGIC, At.VERSION, At.TYPE, At.SEQUENCE, At.CLIENT, At.STATUS, At.NOTES, At.INSTANCE)


class Answers:
    """Reads messages of daemons. Belongs to the thread that owns the sockets."""

    def __init__(self, client_id: bytes, ledger: Ledger, outbox: Outbox) -> None:
        self._client_id = client_id
        self._ledger = ledger
        self._stats = ledger.stats
        self._outbox = outbox

    def take(self, peer: Peer, frame: bytes, now: float) -> None:
        """Takes one message of a daemon's."""
        if len(frame) < _wire.RESULT.size:
            self._stats.unreadable += 1
            return
        fields = _unpack(frame)
        magic, version, kind, sequence, client, status, notes, instance = _looked_at(fields)
        if magic != _wire.MAGIC or version != _wire.VERSION:
            self._stats.unreadable += 1
            return
        if client != self._client_id:
            self._stats.foreign += 1
            return
        if instance != peer.instance or peer.state is not State.READY or notes & _wire.DRAINING_NOTE:
            self._hear(peer, fields, now)
        else:
            peer.heard_at = now
        batch = peer.answered(sequence)
        if batch is None:
            self._take_late(peer, frame, fields, now)
        elif status:  # any but OK
            self._take_refusal(batch, peer, frame, fields, now)
        elif kind == _wire.BATCH_RESULT and sections_fit(frame, fields):
            peer.pace.saw(now - batch.sent_at)
            self._ledger.complete(batch, frame, fields, now)
        else:
            self._stats.unreadable += 1
            self._outbox.later(batch, now + busy_seconds(0, batch.attempts))

    def _hear(self, peer: Peer, fields: tuple[Any, ...], now: float) -> None:
        """Takes note of what a result tells of its daemon, beyond the batch."""
        if not peer.heard(fields, now):
            return
        self._stats.restarts += 1
        for batch in peer.take_outstanding(but=fields[At.SEQUENCE]):
            self._ledger.give_up(batch)
            self._outbox.again(batch)

    def _take_late(self, peer: Peer, frame: bytes, fields: tuple[Any, ...], now: float) -> None:
        """Takes what answers no attempt under way: one that was given up, a probe, or nothing."""
        found = self._ledger.given_up(fields[At.SEQUENCE])
        if found is None:
            if not self._take_probe(peer, frame, fields):
                self._stats.unawaited += 1
            return
        batch, sent_at = found
        peer.pace.saw(now - sent_at)  # it is only slower than was thought
        if fields[At.STATUS] != Status.OK or not sections_fit(frame, fields):
            self._stats.unawaited += 1
            return
        if batch.peer is not None:
            batch.peer.drop(batch)
        self._ledger.complete(batch, frame, fields, now)

    def _take_probe(self, peer: Peer, frame: bytes, fields: tuple[Any, ...]) -> bool:
        try:
            return peer.was_probed(fields, message_of(frame, fields))
        except (ValueError, KeyError, TypeError):
            self._stats.unreadable += 1
            return True

    def _take_refusal(self, batch: Batch, peer: Peer, frame: bytes, fields: tuple[Any, ...], now: float) -> None:
        """Takes an answer that is no result: waits, goes elsewhere, or gives up."""
        number, message = fields[At.STATUS], message_of(frame, fields)
        if number == Status.DRAINING:
            self._stats.draining += 1
            peer.is_draining(now)
            self._outbox.again(batch)
        elif number == Status.BUSY:
            self._stats.busy += 1
            batch.failures += 1
            pause = busy_seconds(fields[At.RETRY_AFTER], batch.failures)
            peer.paused_until = max(peer.paused_until, now + pause)
            self._outbox.again(batch)
        elif number in (Status.EXPIRED, Status.INTERNAL):
            self._stats.faults += 1
            batch.failures += 1
            if batch.failures < _FAILURES_UNTIL_FAILED:
                self._outbox.later(batch, now + busy_seconds(0, batch.failures))
            else:
                self._ledger.fail(batch, BatchRefused(Status(number), f"{message} ({batch.failures} times)"))
        elif number in Status.__members__.values():
            self._ledger.fail(batch, BatchRefused(Status(number), message))
        else:
            unknown = f"{peer.address} answered with the status {number}, which this client does not know"
            self._ledger.fail(batch, XentError(unknown))
