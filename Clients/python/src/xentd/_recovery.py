"""What does not come: batches that are overdue, or whose connection broke, are given up and sent again, or fail at last."""

from __future__ import annotations

from time import monotonic

from ._batch import Batch
from ._errors import BatchUndeliverable, DaemonUnreachable
from ._fleet import Fleet
from ._ledger import Ledger
from ._outbox import Outbox
from ._peer import Peer

# How often the clock is looked at for what is overdue, while anything is under way.
TICK = 0.05
# After so many connections that broke under a batch that was under way alone, it is given up.
_LONE_BREAKS_UNTIL_FAILED = 3


class Recovery:
    """Gives up what is lost. Belongs to the thread that owns the sockets."""

    def __init__(self, fleet: Fleet, outbox: Outbox, ledger: Ledger, timeout: float | None) -> None:
        self._fleet = fleet
        self._outbox = outbox
        self._ledger = ledger
        self._timeout = timeout
        self._looked_at = 0.0

    def look_at_the_clock(self, now: float) -> bool:
        """Sees what is overdue, unless it did so just now.

        Returns:
            Whether a connection was given up, and there is another in its place.
        """
        if now - self._looked_at <= TICK:
            return False
        self._looked_at = now
        self._look_for_standstill(now)
        was_reset = False
        for peer in self._fleet.peers:
            if peer.is_reserved and not self._outbox.suspects and not peer.outstanding:
                peer.is_reserved = False
            if peer.look_at_the_clock(now):
                self._ledger.stats.hangs += 1
                self.reset(peer, is_silent=True)
                was_reset = True
            elif peer.outstanding:
                self._look_for_late(peer, now)
        return was_reset

    def slept(self, since: float) -> None:
        """Notes that the whole process slept, or was stopped: nobody else was late."""
        self._ledger.progress_at += monotonic() - since

    def reset(self, peer: Peer, *, is_silent: bool) -> None:
        """Gives a connection up: what was under way goes elsewhere, or here once it is back."""
        batches = peer.reset(is_silent=is_silent)
        for batch in batches:
            if not is_silent:
                batch.breaks += 1
                batch.lone_breaks += peer.is_reserved and len(batches) == 1
            if batch.lone_breaks >= _LONE_BREAKS_UNTIL_FAILED:
                self._ledger.fail(batch, BatchUndeliverable(_undeliverable(batch, peer)))
            else:
                self._give_up(batch)
        peer.is_reserved = False
        self._fleet.note_states()

    def fail_all(self, error: Exception) -> None:
        """Fails everything that is not done."""
        batches = self._outbox.take_all()
        for peer in self._fleet.peers:
            batches += peer.take_outstanding()
        for batch in batches:
            if not batch.is_done:
                self._ledger.fail(batch, error)
        self._ledger.settle()

    def _look_for_standstill(self, now: float) -> None:
        """Fails everything where nothing came for too long."""
        ledger = self._ledger
        if not ledger.pending:
            ledger.progress_at = now
        elif self._timeout is not None and now - ledger.progress_at > self._timeout:
            what = f"no result came for {self._timeout:g} s though {ledger.pending} batches wait"
            self.fail_all(DaemonUnreachable(self._fleet.why_unreachable(what)))
            ledger.progress_at = now

    def _look_for_late(self, peer: Peer, now: float) -> None:
        """Gives up the attempts of which the time is up, where they are lost or another daemon is there."""
        late = [batch for batch in peer.outstanding.values() if batch.due < now]
        if not late:
            return
        if peer.answered_at <= late[0].sent_at:
            peer.is_late(late[0], now)
            self._fleet.note_states()
        others_are_ready = any(other is not peer for other in self._fleet.ready)
        for batch in late:
            # More of the same would not help a daemon that hangs or is slow, so where it is the only one it is waited for.
            if others_are_ready or peer.answered_at > batch.sent_at:
                peer.drop(batch)
                self._give_up(batch)

    def _give_up(self, batch: Batch) -> None:
        self._ledger.give_up(batch)
        self._outbox.again(batch)


def _undeliverable(batch: Batch, peer: Peer) -> str:
    limit = f"; the daemon takes {peer.limits.batch_bytes} bytes" if peer.limits else ""
    return (
        f"the connection to {peer.address} broke {batch.breaks} times while this batch of {batch.byte_count} bytes was "
        f"under way, {batch.lone_breaks} times with nothing beside it{limit}. The daemon's log may tell why; it is not sent "
        "again"
    )
