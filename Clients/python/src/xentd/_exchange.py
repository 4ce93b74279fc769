"""The thread that owns the sockets: batches go out to daemons, results come back, and what is lost is sent again."""

from __future__ import annotations

import dataclasses
import itertools
import os
import threading
import weakref
from collections.abc import Sequence
from time import monotonic
from typing import Any

import zmq

from ._answers import Answers
from ._batch import Batch
from ._dispatcher import Dispatcher
from ._errors import ClientClosed, XentError
from ._fleet import Fleet
from ._keys import Keys
from ._lane import Pipeline
from ._ledger import Ledger
from ._outbox import Outbox
from ._pace import Pace
from ._peer import Peer, logger
from ._recovery import TICK, Recovery
from ._stats import Stats
from ._window import Window

# Results taken from one daemon in one turn.
_RESULTS_PER_TURN = 1024


class Exchange:
    """Delivers batches, each until its result is there. One thread runs `_run` and all that it calls."""

    def __init__(
        self, addresses: Sequence[str | Pipeline], keys: Keys | None, client_id: bytes, window: Window, *,
        timeout: float | None, resend_after: float,
    ) -> None:  # fmt: skip
        self.error: Exception | None = None
        self._window = window
        self._ledger = Ledger(window)
        self._outbox = Outbox()
        self._answers = Answers(client_id, self._ledger, self._outbox)
        self._is_stopping = False
        self._is_asleep = False
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # Not when the thread ends: somebody may be about to ring, and the number be another's by then.
        weakref.finalize(self, os.close, self._bell).atexit = False
        self._context: zmq.Context[Any] = zmq.Context()
        sequences = itertools.count(1)
        # In the caller's thread, so that a bad address is the caller's error.
        peers: list[Peer] = []
        self.fleet = Fleet(peers)
        try:
            for address in addresses:
                peers.append(Peer(self._context, address, keys, client_id, Pace(resend_after), sequences.__next__))
        except BaseException:
            self._close()
            raise
        self._dispatcher = Dispatcher(self.fleet, self._outbox, self._ledger)
        self._recovery = Recovery(self.fleet, self._outbox, self._ledger, timeout)
        self._watch_lanes()
        self._thread = threading.Thread(target=self._run, name="xentd", daemon=True)
        self._thread.start()

    # For any thread

    def submit(self, batch: Batch) -> None:
        """Hands over a batch, as soon as the window has room; the thread itself does not wait for room that it is to make."""
        window = self._window
        if not window.try_enter(batch.byte_count):
            (window.force if self.is_own_thread else window.enter)(batch.byte_count)
        self.accept(batch)

    def accept(self, batch: Batch) -> None:
        """Takes a batch, which has been counted into the window."""
        self._outbox.new.append(batch)
        if self._is_asleep:
            self._is_asleep = False
            self._ring()
        if self.error is not None:
            self._recovery.fail_all(self.error)  # the thread has ended, and will not look there again

    def stop(self) -> None:
        """Ends the thread; whatever is not done fails."""
        self._is_stopping = True
        if self._thread.is_alive() and not self.is_own_thread:
            self._ring()
            self._thread.join()

    def snapshot(self) -> Stats:
        """The counts, as they are."""
        addresses = {str(peer.address): peer.describe() for peer in self.fleet.peers}
        return dataclasses.replace(self._ledger.stats, submitted=self._window.entered, addresses=addresses)

    @property
    def is_own_thread(self) -> bool:
        """Whether the caller is a callback of a future, which must not wait for this thread."""
        return threading.get_ident() == self._thread.ident

    def _ring(self) -> None:
        """Wakes the thread."""
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
        self._recovery.fail_all(error)
        self._close()

    def _turn(self) -> None:
        """Waits for something to happen, takes what came, and sends what is to be sent."""
        woken, now = self._wait()
        for peer in woken:
            self._read(peer, now)
        if self._recovery.look_at_the_clock(now):
            self._watch_lanes()
        if woken:
            self.fleet.note_states()
        self._dispatcher.dispatch(now)
        self._ledger.settle()

    def _wait(self) -> tuple[set[Peer], float]:
        """Waits for something to happen.

        Returns:
            The daemons of which something came, and the time.
        """
        # Before the queue is looked at: whoever fills it after that sees it, and rings.
        self._is_asleep = True
        started = monotonic()
        ready = zmq.zmq_poll(self._pollables, 0 if self._dispatcher.can_send(started) else self._nap())
        self._is_asleep = False
        now = monotonic()
        if now - started > 2:
            self._recovery.slept(started)
        woken = {self._owners[source] for source, _ in ready if source != self._bell}
        if any(source == self._bell for source, _ in ready):
            os.eventfd_read(self._bell)
        return woken, now

    def _nap(self) -> int:
        """Milliseconds to wait for something to happen."""
        if self._ledger.pending:
            return int(TICK * 1000)
        return 1000 if len(self.fleet.ready) == len(self.fleet.peers) else 250

    def _read(self, peer: Peer, now: float) -> None:
        self._receive(peer, now)
        became_connected, broke = peer.lane.look()
        if broke:
            self._receive(peer, now)  # what came before the end
            self._ledger.stats.breaks += 1
            self._recovery.reset(peer, is_silent=False)
            self._watch_lanes()
        elif became_connected:
            peer.is_connected(now)

    def _receive(self, peer: Peer, now: float) -> None:
        receive, take, at_once = peer.lane.receive, self._answers.take, int(zmq.NOBLOCK)
        try:
            for _ in range(_RESULTS_PER_TURN):
                take(peer, receive(at_once), now)
        except zmq.Again:
            pass

    def _watch_lanes(self) -> None:
        self._owners = {socket: peer for peer in self.fleet.peers for socket in peer.lane.pollables}
        self._pollables: list[Any] = [(self._bell, zmq.POLLIN), *((socket, zmq.POLLIN) for socket in self._owners)]

    def _close(self) -> None:
        self.fleet.close()
        self._context.term()
