"""What waits to be sent goes to the daemons, as far as there are any to take it."""

from __future__ import annotations

from ._batch import Batch
from ._errors import ClientClosed
from ._fleet import Fleet
from ._ledger import Ledger
from ._outbox import Outbox
from ._peer import Peer


class Dispatcher:
    """Sends batches. Belongs to the thread that owns the sockets."""

    def __init__(self, fleet: Fleet, outbox: Outbox, ledger: Ledger) -> None:
        self._fleet = fleet
        self._outbox = outbox
        self._ledger = ledger

    def can_send(self, now: float) -> bool:
        """Whether anything waits that could be sent now."""
        return bool(self._outbox) and self._fleet.choose(now) is not None

    def dispatch(self, now: float) -> None:
        """Sends what waits."""
        outbox, choose = self._outbox, self._fleet.choose
        outbox.ripen(now)
        if outbox.suspects:
            self._send_suspects(now)
        while outbox:
            peer = choose(now)
            if peer is None:
                return
            self._send(outbox.next(), peer, now)

    def _send(self, batch: Batch, peer: Peer, now: float) -> None:
        if batch.is_done:
            return
        if batch.job.done():
            self._ledger.fail(batch, ClientClosed("cancelled"))
            return
        self._ledger.stats.sent += 1
        self._ledger.stats.resent += batch.attempts > 0
        peer.send(batch, now)

    def _send_suspects(self, now: float) -> None:
        """Sends batches under which connections broke, one at a time, so that no other is taken for the cause."""
        peer = self._fleet.choose_for_suspects()
        if peer is None:
            return
        peer.is_reserved = True
        while self._outbox.suspects and not peer.outstanding and peer.paused_until <= now:
            self._send(self._outbox.suspects.popleft(), peer, now)
