"""The daemons of a client: which of them gets the next batch, and what all of them take."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ._limits import Limits
from ._peer import Peer, State


class Fleet:
    """The daemons and what follows from their states. Belongs to the thread that owns the sockets, but for what is said."""

    def __init__(self, peers: Sequence[Peer]) -> None:
        self.peers = peers
        self.ready: list[Peer] = []
        # Read by any thread, once `is_met` is set: what all the daemons that have answered take.
        self.limits: Limits | None = None
        # Set once a daemon has told what it takes, or all have shown that they do not let this client in.
        self.is_met = threading.Event()
        self._known: Sequence[Limits] = ()
        self.note_states()

    def note_states(self) -> None:
        """Keeps what follows from the states: to be called wherever one may have changed."""
        self.ready = [peer for peer in self.peers if peer.state is State.READY]
        known = [peer.limits for peer in self.peers if peer.limits is not None]
        if known and known != self._known:
            self._known = known
            self.limits = Limits.smallest(known)
            self.is_met.set()
        elif not known and self.peers and all(peer.lockout is not None and peer.lockout.is_final for peer in self.peers):
            self.is_met.set()
        elif not known:
            self.is_met.clear()

    def choose(self, now: float) -> Peer | None:
        """The daemon with the least under way, of those that can be used."""
        ready = self.ready
        if len(ready) == 1:
            peer = ready[0]
            return None if peer.is_reserved or peer.paused_until > now else peer
        usable = [peer for peer in ready if not peer.is_reserved and peer.paused_until <= now]
        return min(usable, key=lambda peer: peer.outstanding_bytes, default=None)

    def choose_for_suspects(self) -> Peer | None:
        """The daemon that takes one batch at a time, if there is one; else that which can begin to do so the soonest."""
        reserved = next((peer for peer in self.ready if peer.is_reserved), None)
        return reserved or min(self.ready, key=lambda peer: peer.outstanding_bytes, default=None)

    def why_unreachable(self, what: str) -> str:
        """What went wrong, what each daemon is doing (for any thread), and what may help."""
        doings = ", ".join(f"{peer.address} is {peer.describe()}" for peer in self.peers)
        if any(peer.lockout is not None for peer in self.peers):
            return f"{what}: {doings}"  # which tells what to do
        return f"{what}: {doings}; is a daemon running there? Start one with `xentd`, or wait longer with timeout="

    def close(self) -> None:
        """Lets go of the sockets."""
        for peer in self.peers:
            peer.close()
