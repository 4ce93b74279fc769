"""The thread that owns the sockets: batches go out to daemons, results come back, and what is lost is sent again."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import threading
from collections.abc import Sequence
from time import monotonic
from typing import Any

import zmq

from ._answers import Answers
from ._batch import Batch
from ._errors import BatchUndeliverable, ClientClosed, DaemonUnreachable, XentError
from ._lane import Pipeline
from ._ledger import Ledger
from ._limits import Limits
from ._outbox import Outbox
from ._pace import Pace
from ._peer import Peer, State, logger
from ._stats import Stats
from ._window import Window

# How often the clock is looked at for what is overdue, while anything is under way.
_TICK = 0.05
# Results taken from one daemon in one turn.
_RESULTS_PER_TURN = 1024
# After so many connections that broke under a batch that was under way alone, it is given up.
_LONE_BREAKS_UNTIL_FAILED = 3


class Exchange:
    """Delivers batches, each until its result is there. One thread runs `_run` and all that it calls."""

    def __init__(
        self, addresses: Sequence[str | Pipeline], client_id: bytes, window: Window, *, timeout: float | None,
        resend_after: float,
    ) -> None:  # fmt: skip
        self.limits: Limits | None = None
        self.greeted = threading.Event()
        self.error: Exception | None = None
        self._window = window
        self._timeout = timeout
        self._ledger = Ledger(window)
        self._outbox = Outbox()
        self._answers = Answers(client_id, self._ledger, self._outbox)
        self._looked_at = 0.0
        self._is_stopping = False
        self._is_asleep = False
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._context: zmq.Context[Any] = zmq.Context()
        sequences = itertools.count(1)
        # In the caller's thread, so that a bad address is the caller's error.
        self._peers: list[Peer] = []
        try:
            for address in addresses:
                self._peers.append(Peer(self._context, address, client_id, Pace(resend_after), sequences.__next__))
        except BaseException:
            self._close()
            raise
        self._note_states()
        self._watch_lanes()
        self._thread = threading.Thread(target=self._run, name="xentd", daemon=True)
        self._thread.start()

    # For any thread

    def submit(self, batch: Batch) -> None:
        """Hands over a batch, which has been counted into the window."""
        self._outbox.new.append(batch)
        if self._is_asleep:
            self._is_asleep = False
            self._ring()
        if self.error is not None:
            self._fail_all(self.error)  # the thread has ended, and will not look there again

    def stop(self) -> None:
        """Ends the thread; whatever is not done fails."""
        self._is_stopping = True
        if self._thread.is_alive() and not self.is_own_thread:
            self._ring()
            self._thread.join()

    def snapshot(self) -> Stats:
        """The counts, as they are."""
        addresses = {str(peer.address): peer.describe() for peer in self._peers}
        return dataclasses.replace(self._ledger.stats, submitted=self._window.entered, addresses=addresses)

    def describe_peers(self) -> str:
        """What each daemon is doing, in words."""
        return ", ".join(f"{peer.address} is {peer.describe()}" for peer in self._peers)

    @property
    def is_own_thread(self) -> bool:
        """Whether the caller is a callback of a future, which must not wait for this thread."""
        return threading.get_ident() == self._thread.ident

    def _ring(self) -> None:
        """Wakes the thread."""
        with contextlib.suppress(OSError):  # it has ended
            os.eventfd_write(self._bell, 1)

    # The thread

    def _run(self) -> None:
        error: Exception = ClientClosed("the client was closed before this batch was done")
        try:
            while not self._is_stopping:
                self._turn()
        except Exception as fault:
            logger.exception("the client's thread failed")
            error = XentError(f"the client's thread failed: {fault!r}; make a new client, and report this")
            error.__cause__ = fault
        self.error = error
        self._fail_all(error)
        self._close()

    def _turn(self) -> None:
        """Waits for something to happen, takes what came, and sends what is to be sent."""
        woken, now = self._wait()
        for peer in woken:
            self._read(peer, now)
        if now - self._looked_at > _TICK:
            self._look_at_the_clock(now)
        if woken:
            self._note_states()
        self._dispatch(now)
        self._ledger.settle()

    def _wait(self) -> tuple[set[Peer], float]:
        """Waits for something to happen.

        Returns:
            The daemons of which something came, and the time.
        """
        # Before the queue is looked at: whoever fills it after that sees it, and rings.
        self._is_asleep = True
        started = monotonic()
        can_send = bool(self._outbox) and self._choose(started) is not None
        ready = zmq.zmq_poll(self._pollables, 0 if can_send else self._nap())
        self._is_asleep = False
        now = monotonic()
        if now - started > 2:
            # The whole process slept, or was stopped: nobody else was late.
            self._ledger.progress_at += now - started
        woken = {self._owners[source] for source, _ in ready if source != self._bell}
        if any(source == self._bell for source, _ in ready):
            os.eventfd_read(self._bell)
        return woken, now

    def _nap(self) -> int:
        """Milliseconds to wait for something to happen."""
        if self._ledger.pending:
            return int(_TICK * 1000)
        return 1000 if len(self._ready) == len(self._peers) else 250

    def _read(self, peer: Peer, now: float) -> None:
        self._receive(peer, now)
        became_connected, broke = peer.lane.look()
        if broke:
            self._receive(peer, now)  # what came before the end
            self._ledger.stats.breaks += 1
            self._reset(peer, is_silent=False)
        elif became_connected:
            peer.is_connected(now)

    def _receive(self, peer: Peer, now: float) -> None:
        receive, take = peer.lane.receive, self._answers.take
        try:
            for _ in range(_RESULTS_PER_TURN):
                take(peer, receive(zmq.NOBLOCK), now)
        except zmq.Again:
            pass

    # Sending

    def _dispatch(self, now: float) -> None:
        """Sends what waits, as far as there are daemons to take it."""
        outbox = self._outbox
        outbox.ripen(now)
        if outbox.suspects:
            self._send_suspects(now)
        while outbox:
            peer = self._choose(now)
            if peer is None:
                return
            self._send(outbox.next(), peer, now)

    def _choose(self, now: float) -> Peer | None:
        """The daemon with the least under way, of those that can be used."""
        ready = self._ready
        if len(ready) == 1:
            peer = ready[0]
            return None if peer.is_reserved or peer.paused_until > now else peer
        usable = [peer for peer in ready if not peer.is_reserved and peer.paused_until <= now]
        return min(usable, key=lambda peer: peer.outstanding_bytes, default=None)

    def _send(self, batch: Batch, peer: Peer, now: float) -> None:
        if batch.is_done:
            return
        if batch.job.future.done():
            self._ledger.fail(batch, ClientClosed("cancelled"))
            return
        self._ledger.stats.sent += 1
        self._ledger.stats.resent += batch.attempts > 0
        peer.send(batch, now)

    def _send_suspects(self, now: float) -> None:
        """Sends batches under which connections broke, one at a time, so that no other is taken for the cause."""
        peer = next((peer for peer in self._ready if peer.is_reserved), None)
        if peer is None:
            peer = min(self._ready, key=lambda peer: peer.outstanding_bytes, default=None)
        if peer is None:
            return
        peer.is_reserved = True
        while self._outbox.suspects and not peer.outstanding and peer.paused_until <= now:
            self._send(self._outbox.suspects.popleft(), peer, now)

    # What does not come

    def _look_at_the_clock(self, now: float) -> None:
        self._looked_at = now
        ledger = self._ledger
        if not ledger.pending:
            ledger.progress_at = now
        elif self._timeout is not None and now - ledger.progress_at > self._timeout:
            self._fail_all(self._unreachable())
            ledger.progress_at = now
        for peer in self._peers:
            if peer.is_reserved and not self._outbox.suspects and not peer.outstanding:
                peer.is_reserved = False
            if peer.look_at_the_clock(now):
                ledger.stats.hangs += 1
                self._reset(peer, is_silent=True)
            elif peer.outstanding:
                self._look_for_late(peer, now)

    def _look_for_late(self, peer: Peer, now: float) -> None:
        """Gives up the attempts of which the time is up, where they are lost or another daemon is there."""
        late = [batch for batch in peer.outstanding.values() if batch.due < now]
        if not late:
            return
        if peer.answered_at <= late[0].sent_at:
            peer.is_late(late[0], now)
            self._note_states()
        others_are_ready = any(other is not peer for other in self._ready)
        for batch in late:
            # More of the same would not help a daemon that hangs or is slow, so where it is the only one it is waited for.
            if others_are_ready or peer.answered_at > batch.sent_at:
                peer.drop(batch)
                self._give_up(batch)

    def _give_up(self, batch: Batch) -> None:
        self._ledger.give_up(batch)
        self._outbox.again(batch)

    def _reset(self, peer: Peer, *, is_silent: bool) -> None:
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
        self._note_states()
        self._watch_lanes()

    def _fail_all(self, error: Exception) -> None:
        """Fails everything that is not done."""
        batches = self._outbox.take_all()
        for peer in self._peers:
            batches += peer.take_outstanding()
        for batch in batches:
            if not batch.is_done:
                self._ledger.fail(batch, error)
        self._ledger.settle()

    def _unreachable(self) -> DaemonUnreachable:
        return DaemonUnreachable(
            f"no result came for {self._timeout:g} s though {self._ledger.pending} batches wait: {self.describe_peers()}; "
            "is a daemon running there? Start one with `xentd`, or wait longer with timeout="
        )

    # Bookkeeping

    def _note_states(self) -> None:
        """Keeps what follows from the states of the daemons."""
        self._ready = [peer for peer in self._peers if peer.state is State.READY]
        known = [peer.limits for peer in self._peers if peer.limits is not None]
        if known and known != self._known_limits:
            self._known_limits = known
            self.limits = Limits.smallest(known)
            self.greeted.set()

    _known_limits: Sequence[Limits] = ()

    def _watch_lanes(self) -> None:
        self._owners = {socket: peer for peer in self._peers for socket in peer.lane.pollables}
        self._pollables: list[Any] = [(self._bell, zmq.POLLIN), *((socket, zmq.POLLIN) for socket in self._owners)]

    def _close(self) -> None:
        for peer in self._peers:
            peer.close()
        self._context.term()
        bell, self._bell = self._bell, -1
        os.close(bell)


def _undeliverable(batch: Batch, peer: Peer) -> str:
    limit = f"; the daemon takes {peer.limits.batch_bytes} bytes" if peer.limits else ""
    return (
        f"the connection to {peer.address} broke {batch.breaks} times while this batch of {batch.byte_count} bytes was "
        f"under way, {batch.lone_breaks} times with nothing beside it{limit}. The daemon's log may tell why; it is not sent "
        "again"
    )
