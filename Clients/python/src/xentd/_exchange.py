"""The thread that owns the sockets: batches go out to daemons, results come back, and what is lost is sent again."""

from __future__ import annotations

import contextlib
import dataclasses
import heapq
import itertools
import os
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Any

import zmq

from . import _wire
from ._batch import Batch
from ._errors import BatchRefused, BatchUndeliverable, ClientClosed, DaemonUnreachable, XentError
from ._lane import Pipeline
from ._limits import Limits
from ._pace import Pace
from ._peer import Peer, State, busy_seconds, logger
from ._results import message_of, sections_fit
from ._stats import Stats
from ._window import Window
from ._wire import ResultFields as At
from ._wire import Status

# How often the clock is looked at for what is overdue, while anything is under way.
_TICK = 0.05
# Results taken from one daemon in one turn.
_RESULTS_PER_TURN = 1024
# After so many broken connections a batch is sent alone; after so many more it is given up.
_BREAKS_UNTIL_ALONE = 3
_LONE_BREAKS_UNTIL_FAILED = 3
_FAILURES_UNTIL_FAILED = 8

_unpack = _wire.RESULT.unpack_from


class Exchange:
    """Delivers batches, each until its result is there. One thread runs `_run` and all that it calls."""

    def __init__(
        self, addresses: Sequence[str | Pipeline], client_id: bytes, window: Window, *, timeout: float | None,
        resend_after: float,
    ) -> None:  # fmt: skip
        self.limits: Limits | None = None
        self.greeted = threading.Event()
        self.stats = Stats()
        self._client_id = client_id
        self._window = window
        self._timeout = timeout
        self._sequences = itertools.count(1)
        # Filled by any thread; a deque's ends need no lock.
        self._inbox: deque[Batch] = deque()
        self._again: deque[Batch] = deque()
        self._delayed: list[tuple[float, int, Batch]] = []
        self._suspects: deque[Batch] = deque()
        # Attempts that were given up, by sequence number: their results are welcome still.
        self._older: dict[int, tuple[Batch, float]] = {}
        self._freed_bytes = 0
        self._freed_batches = 0
        self._progress_at = monotonic()
        self._looked_at = 0.0
        self._is_stopping = False
        self.error: Exception | None = None
        self._is_asleep = False
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._context: zmq.Context[Any] = zmq.Context()
        # In the caller's thread, so that a bad address is the caller's error.
        self.peers: list[Peer] = []
        try:
            for address in addresses:
                pace = Pace(resend_after)
                self.peers.append(Peer(self._context, address, client_id, pace, self._sequences.__next__))
        except BaseException:
            self._close()
            raise
        self._rebuild_pollables()
        self._thread = threading.Thread(target=self._run, name="xentd", daemon=True)
        self._thread.start()

    # For any thread

    def submit(self, batch: Batch) -> None:
        """Hands over a batch, which has been counted into the window."""
        self._inbox.append(batch)
        if self._is_asleep:
            self._is_asleep = False
            self._ring()
        if self.error is not None:
            self._fail_inbox(self.error)  # the thread ended and will not look there again

    def _ring(self) -> None:
        """Wakes the thread."""
        with contextlib.suppress(OSError):  # it has ended
            os.eventfd_write(self._bell, 1)

    def stop(self) -> None:
        """Ends the thread; whatever is not done fails."""
        self._is_stopping = True
        if self._thread.is_alive() and not self.is_own_thread:
            self._ring()
            self._thread.join()

    def snapshot(self) -> Stats:
        """The counts, as they are."""
        addresses = {str(peer.address): peer.describe() for peer in self.peers}
        return dataclasses.replace(self.stats, submitted=self._window.entered, addresses=addresses)

    @property
    def is_own_thread(self) -> bool:
        """Whether the caller is a callback of a future, which must not wait for this thread."""
        return threading.get_ident() == self._thread.ident

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
        now = self._wait()
        for peer in self._woken:
            self._read(peer, now)
        if now - self._looked_at > _TICK:
            self._look_at_the_clock(now)
        self._dispatch(now)
        if self._freed_batches:
            self._window.leave(self._freed_bytes, self._freed_batches)
            self._freed_bytes = self._freed_batches = 0

    def _wait(self) -> float:
        self._is_asleep = True
        has_work = self._inbox and self._choose(monotonic())
        started = monotonic()
        ready = zmq.zmq_poll(self._pollables, 0 if has_work else self._nap())
        self._is_asleep = False
        now = monotonic()
        if now - started > 2:
            # The whole process slept, or was stopped: nobody else was late.
            self._progress_at += now - started
        self._woken: Iterable[Peer] = {self._owners[source] for source, _ in ready if source != self._bell}
        if ready and any(source == self._bell for source, _ in ready):
            os.eventfd_read(self._bell)
        return now

    def _nap(self) -> int:
        """Milliseconds to wait for something to happen."""
        if self._pending:
            return int(_TICK * 1000)
        return 1000 if len(self._ready) == len(self.peers) else 250

    @property
    def _pending(self) -> int:
        return self._window.entered - self.stats.completed - self.stats.failed

    # Results

    def _read(self, peer: Peer, now: float) -> None:
        self._receive(peer, now)
        became_connected, broke = peer.lane.look()
        if broke:
            self._receive(peer, now)  # what came before the end
            self.stats.breaks += 1
            self._reset(peer, now, is_silent=False)
        elif became_connected:
            peer.is_connected(now)
            self._note_states()

    def _receive(self, peer: Peer, now: float) -> None:
        receive = peer.lane.receive
        try:
            for _ in range(_RESULTS_PER_TURN):
                self._take(peer, receive(zmq.NOBLOCK), now)
        except zmq.Again:
            pass

    def _take(self, peer: Peer, frame: bytes, now: float) -> None:
        """Takes one message of a daemon's."""
        if not _wire.is_result(frame):
            self.stats.unreadable += 1
            return
        fields = _unpack(frame)
        if fields[At.CLIENT] != self._client_id:
            self.stats.foreign += 1
            return
        if fields[At.INSTANCE] != peer.instance or peer.state is not State.READY or fields[At.NOTES] & _wire.DRAINING_NOTE:
            self._hear(peer, fields, now)
        else:
            peer.heard_at = now
        sequence = fields[At.SEQUENCE]
        batch = peer.outstanding.pop(sequence, None)
        if batch is not None:
            peer.outstanding_bytes -= batch.byte_count
            peer.answered_at = max(peer.answered_at, batch.sent_at)
            if fields[At.STATUS] != Status.OK:
                self._refused(batch, peer, frame, fields, now)
            elif fields[At.TYPE] == _wire.BATCH_RESULT and sections_fit(frame, fields):
                peer.pace.saw(now - batch.sent_at)
                self._complete(batch, frame, fields, now)
            else:
                self.stats.unreadable += 1
                self._later(batch, now, busy_seconds(0, batch.attempts))
            return
        if sequence in self._older:
            self._take_late(sequence, peer, frame, fields, now)
        elif not self._take_probe(peer, frame, fields):
            self.stats.unawaited += 1

    def _take_late(self, sequence: int, peer: Peer, frame: bytes, fields: tuple[Any, ...], now: float) -> None:
        """Takes the answer to an attempt that had been given up: the daemon is only slower than was thought."""
        batch, sent_at = self._older[sequence]
        peer.pace.saw(now - sent_at)
        if fields[At.STATUS] != Status.OK or not sections_fit(frame, fields):
            self.stats.unawaited += 1
            return
        if batch.peer is not None:
            batch.peer.drop(batch)
        self._complete(batch, frame, fields, now)

    def _take_probe(self, peer: Peer, frame: bytes, fields: tuple[Any, ...]) -> bool:
        try:
            was_probed = peer.was_probed(fields, message_of(frame, fields))
        except (ValueError, KeyError, TypeError):
            self.stats.unreadable += 1
            return True
        if was_probed:
            self._note_states()
        return was_probed

    def _hear(self, peer: Peer, fields: tuple[Any, ...], now: float) -> None:
        """Takes note of what a result tells of its daemon, beyond the batch."""
        state = peer.state
        if peer.heard(fields, now):
            self.stats.restarts += 1
            sequence = fields[At.SEQUENCE]
            for batch in peer.take_outstanding():
                if batch.sequence == sequence:
                    peer.outstanding[sequence] = batch
                    peer.outstanding_bytes = batch.byte_count
                else:
                    self._give_up(batch)
        if peer.state is not state:
            self._note_states()

    def _complete(self, batch: Batch, frame: bytes, fields: tuple[Any, ...], now: float) -> None:
        batch.is_done = True
        if batch.older is not None:
            for sequence in batch.older:
                self._older.pop(sequence, None)
        self._progress_at = now
        self.stats.completed += 1
        self._freed_batches += 1
        self._freed_bytes += batch.byte_count
        batch.job.take(batch.first_row, frame, fields)

    def _fail(self, batch: Batch, error: Exception) -> None:
        batch.is_done = True
        if batch.older is not None:
            for sequence in batch.older:
                self._older.pop(sequence, None)
        self.stats.failed += 1
        self._freed_batches += 1
        self._freed_bytes += batch.byte_count
        batch.job.fail(error)

    def _refused(self, batch: Batch, peer: Peer, frame: bytes, fields: tuple[Any, ...], now: float) -> None:
        """Takes an answer that is no result: waits, goes elsewhere, or gives up."""
        number, message = fields[At.STATUS], message_of(frame, fields)
        if number == Status.DRAINING:
            self.stats.draining += 1
            peer.is_draining(now)
            self._note_states()
            self._send_again(batch)
        elif number == Status.BUSY:
            self.stats.busy += 1
            batch.failures += 1
            pause = busy_seconds(fields[At.RETRY_AFTER], batch.failures)
            peer.paused_until = max(peer.paused_until, now + pause)
            self._send_again(batch)
        elif number in (Status.EXPIRED, Status.INTERNAL):
            self.stats.faults += 1
            batch.failures += 1
            if batch.failures < _FAILURES_UNTIL_FAILED:
                self._later(batch, now, busy_seconds(0, batch.failures))
            else:
                self._fail(batch, BatchRefused(Status(number), f"{message} ({batch.failures} times)"))
        elif number in Status.__members__.values():
            self._fail(batch, BatchRefused(Status(number), message))
        else:
            self._fail(batch, XentError(f"{peer.address} answered with the status {number}, which this client does not know"))

    # Sending

    def _dispatch(self, now: float) -> None:
        """Sends what waits, as far as there are daemons to take it."""
        while self._delayed and self._delayed[0][0] <= now:
            self._again.append(heapq.heappop(self._delayed)[2])
        if self._suspects:
            self._send_suspect(now)
        for queue in (self._again, self._inbox):
            while queue:
                peer = self._choose(now)
                if peer is None:
                    return
                batch = queue.popleft()
                if batch.is_done:
                    continue
                if batch.job.future.done():
                    self._fail(batch, ClientClosed("cancelled"))
                    continue
                self._send(batch, peer, now)

    def _send(self, batch: Batch, peer: Peer, now: float) -> None:
        self.stats.sent += 1
        self.stats.resent += batch.attempts > 0
        peer.send(batch, now)

    def _choose(self, now: float) -> Peer | None:
        """The daemon with the least under way, of those that can be used."""
        ready = self._ready
        if len(ready) == 1:
            peer = ready[0]
            return None if peer.is_reserved or peer.paused_until > now else peer
        usable = [peer for peer in ready if not peer.is_reserved and peer.paused_until <= now]
        return min(usable, key=lambda peer: peer.outstanding_bytes, default=None)

    def _send_suspect(self, now: float) -> None:
        """Sends a batch under which connections broke with nothing beside it, so that no other is taken for the cause."""
        peer = next((peer for peer in self._ready if peer.is_reserved), None)
        if peer is None:
            peer = min(self._ready, key=lambda peer: peer.outstanding_bytes, default=None)
        if peer is None:
            return
        peer.is_reserved = True
        while self._suspects and not peer.outstanding and peer.paused_until <= now:
            batch = self._suspects.popleft()
            if not batch.is_done:
                self._send(batch, peer, now)

    def _give_up(self, batch: Batch) -> None:
        """Gives an attempt up, whose result is welcome still, and has the batch sent again."""
        batch.older = [*(batch.older or ()), batch.sequence]
        self._older[batch.sequence] = (batch, batch.sent_at)
        self._send_again(batch)

    def _send_again(self, batch: Batch) -> None:
        if batch.breaks >= _BREAKS_UNTIL_ALONE:
            self._suspects.append(batch)
        else:
            self._again.append(batch)

    def _later(self, batch: Batch, now: float, seconds: float) -> None:
        heapq.heappush(self._delayed, (now + seconds, next(self._sequences), batch))

    # What does not come

    def _look_at_the_clock(self, now: float) -> None:
        self._looked_at = now
        if not self._pending:
            self._progress_at = now
        elif self._timeout is not None and now - self._progress_at > self._timeout:
            self._fail_all(self._unreachable())
        for peer in self.peers:
            if peer.is_reserved and not self._suspects and not peer.outstanding:
                peer.is_reserved = False
            if peer.look_at_the_clock(now):
                self.stats.hangs += 1
                self._reset(peer, now, is_silent=True)
            elif peer.outstanding:
                self._look_for_late(peer, now)

    def _look_for_late(self, peer: Peer, now: float) -> None:
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

    def _reset(self, peer: Peer, now: float, *, is_silent: bool) -> None:
        """Gives a connection up: what was under way goes elsewhere, or here once it is back."""
        batches = peer.reset(is_silent=is_silent)
        for batch in batches:
            if not is_silent:
                batch.breaks += 1
                batch.lone_breaks += peer.is_reserved and len(batches) == 1
            if batch.lone_breaks >= _LONE_BREAKS_UNTIL_FAILED:
                self._fail(batch, BatchUndeliverable(_undeliverable(batch, peer)))
            else:
                self._give_up(batch)
        peer.is_reserved = False
        self._note_states()
        self._rebuild_pollables()

    def _fail_all(self, error: Exception) -> None:
        """Fails everything that is not done."""
        batches = [*self._again, *self._suspects, *(entry[2] for entry in self._delayed)]
        self._again.clear()
        self._suspects.clear()
        self._delayed.clear()
        for peer in self.peers:
            batches += peer.take_outstanding()
        for batch in batches:
            if not batch.is_done:
                self._fail(batch, error)
        self._fail_inbox(error)
        self._progress_at = monotonic()

    def _fail_inbox(self, error: Exception) -> None:
        while self._inbox:
            self._fail(self._inbox.popleft(), error)
        self._window.leave(self._freed_bytes, self._freed_batches)
        self._freed_bytes = self._freed_batches = 0

    def _unreachable(self) -> DaemonUnreachable:
        return DaemonUnreachable(
            f"no result came for {self._timeout:g} s though {self._pending} batches wait: {self.describe_peers()}; "
            "is a daemon running there? Start one with `xentd`, or wait longer with timeout="
        )

    def describe_peers(self) -> str:
        """What each daemon is doing, in words."""
        return ", ".join(f"{peer.address} is {peer.describe()}" for peer in self.peers)

    # Bookkeeping

    def _note_states(self) -> None:
        """Keeps what follows from the states of the daemons."""
        self._ready = [peer for peer in self.peers if peer.state is State.READY]
        known = [peer.limits for peer in self.peers if peer.limits is not None]
        if known:
            limits = known[0]
            for other in known[1:]:
                limits = limits.smallest(other)
            self.limits = limits
            self.greeted.set()

    def _rebuild_pollables(self) -> None:
        self._ready = [peer for peer in self.peers if peer.state is State.READY]
        self._owners = {socket: peer for peer in self.peers for socket in peer.lane.pollables}
        self._pollables: list[Any] = [(self._bell, zmq.POLLIN), *((socket, zmq.POLLIN) for socket in self._owners)]

    def _close(self) -> None:
        for peer in self.peers:
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
