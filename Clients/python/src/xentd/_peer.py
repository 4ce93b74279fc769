"""One daemon, as a client sees it: whether it can be used now, and what it has not answered yet."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from enum import Enum
from time import monotonic, time_ns
from typing import Any

import zmq

from . import _wire
from ._batch import Batch
from ._keys import Keys
from ._lane import Lane, Pipeline
from ._limits import Limits
from ._lockout import Lockout
from ._pace import Pace
from ._wire import SENT_AT_OFFSET, SEQUENCE, SEQUENCE_OFFSET
from ._wire import ResultFields as At

logger = logging.getLogger("xentd")

_PROBE_SECONDS = 1.0
_LONGEST_SILENCE = 30.0
_write_integer = SEQUENCE.pack_into


class State(Enum):
    """What a daemon is doing, as far as one can tell."""

    CONNECTING = "not connected"
    GREETING = "connected, has not answered yet"
    READY = "ready"
    DRAINING = "is stopping"
    SILENT = "does not answer"


class Peer:
    """A daemon at one address, through all its deaths and returns. Belongs to the thread that owns the sockets."""

    def __init__(
        self, context: zmq.Context[Any], address: str | Pipeline, keys: Keys | None, client_id: bytes, pace: Pace,
        next_sequence: Callable[[], int],
    ) -> None:  # fmt: skip
        self.address = address
        self.pace = pace
        self.state = State.CONNECTING
        self.limits: Limits | None = None
        self.instance = 0
        # The attempts under way, oldest first, and the bytes of their batches.
        self.outstanding: dict[int, Batch] = {}
        self.outstanding_bytes = 0
        self.paused_until = 0.0
        self.heard_at = 0.0
        # When the newest of what was answered had been sent. Daemons answer in order: what was sent before is lost.
        self.answered_at = 0.0
        # Takes nothing new: a batch under which connections broke is to be, or is, under way alone.
        self.is_reserved = False
        self._context = context
        self._keys = keys
        self._client_id = client_id
        self._next_sequence = next_sequence
        self._instances: set[int] = set()
        self._probe = 0
        self._probe_at = 0.0
        self._silent_since = 0.0
        self._resets_in_silence = 0
        self._lockout: Lockout | None = None
        self.lane = Lane(context, address, keys)
        self._dialled_at = monotonic()

    # Sending

    def send(self, batch: Batch, now: float) -> None:
        """Makes an attempt to deliver a batch."""
        sequence = self._next_sequence()
        batch.attempts += 1
        batch.peer = self
        batch.sequence = sequence
        batch.sent_at = now
        batch.due = now + self.pace.allow(batch.attempts)
        _write_integer(batch.head, SEQUENCE_OFFSET, sequence)
        _write_integer(batch.head, SENT_AT_OFFSET, time_ns())
        self.outstanding[sequence] = batch
        self.outstanding_bytes += batch.byte_count
        self.lane.send(batch)

    def probe(self, now: float) -> None:
        """Asks whether the daemon is there, and what it takes."""
        self._probe = self._next_sequence()
        self._probe_at = now
        self.lane.send_packed(_wire.info_request(self._probe, self._client_id))

    # What is heard

    def answered(self, sequence: int) -> Batch | None:
        """Takes out the attempt that was answered; `None` where it is not under way here."""
        batch = self.outstanding.pop(sequence, None)
        if batch is not None:
            self.outstanding_bytes -= batch.byte_count
            self.answered_at = max(self.answered_at, batch.sent_at)
        return batch

    def drop(self, batch: Batch) -> None:
        """Forgets the attempt under way."""
        if self.outstanding.pop(batch.sequence, None) is not None:
            self.outstanding_bytes -= batch.byte_count

    def heard(self, fields: tuple[Any, ...], now: float) -> bool:
        """Notes that a result came.

        Returns:
            Whether the daemon is another one than before, so that what it was sent before is lost.
        """
        self.heard_at = now
        self._resets_in_silence = 0
        if self.state is State.SILENT:
            self._enter(State.READY)
        if fields[At.NOTES] & _wire.DRAINING_NOTE and self.state is State.READY:
            self._probe_at = now
            self._enter(State.DRAINING)
        instance = fields[At.INSTANCE]
        if instance == self.instance:
            return False
        # Behind one address there may be several daemons in turn: only one that was never seen is a restarted one.
        is_restarted = self.instance != 0 and instance not in self._instances
        if len(self._instances) > 64:
            self._instances.clear()
        self._instances.add(instance)
        self.instance = instance
        return is_restarted

    def was_probed(self, fields: tuple[Any, ...], message: str) -> bool:
        """Takes the answer to a probe.

        Returns:
            Whether it is one.
        """
        if fields[At.SEQUENCE] != self._probe or fields[At.TYPE] != _wire.INFO_RESULT:
            return False
        self._probe = 0
        self.answered_at = max(self.answered_at, self._probe_at)
        limits = json.loads(message)["limits"]
        self.limits = Limits(limits["batch_bytes"], limits["result_bytes"], limits["rows"], limits["classes"])
        if not fields[At.NOTES] & _wire.DRAINING_NOTE:
            self._enter(State.READY)
        elif self.state is not State.DRAINING:
            self._enter(State.DRAINING)
        return True

    def is_draining(self, now: float) -> None:
        """Notes that the daemon said that it is stopping."""
        self._probe_at = now
        if self.state is not State.DRAINING:
            self._enter(State.DRAINING)

    def is_connected(self, now: float) -> None:
        """Notes that the lane became connected: the daemon is asked what it is."""
        self._enter(State.GREETING)
        self._lockout = None
        self.heard_at = now
        self.probe(now)

    # What is not heard

    def is_late(self, batch: Batch, now: float) -> None:
        """Notes that a result is overdue. The daemon is asked whether it is there: its answer tells what is lost."""
        if self.state is State.READY and self.heard_at < batch.sent_at:
            self._silent_since = now
            self._enter(State.SILENT)
            self.probe(now)
        elif self.state is State.READY and self._probe_at < batch.sent_at:
            self.probe(now)

    def look_at_the_clock(self, now: float) -> bool:
        """Asks again what was not answered.

        Returns:
            Whether the connection is to be given up.
        """
        if self.state is State.DRAINING and now - self._probe_at > _PROBE_SECONDS:
            self.probe(now)
        if self.state is State.CONNECTING:
            # libzmq does not try again where it was not let in; whoever has the keys may have seen to it meanwhile.
            lockout = self.lane.lockout
            return lockout is not None and lockout.is_final and now - self._dialled_at > self._patience()
        if self.state in (State.GREETING, State.DRAINING):
            return now - self.heard_at > self._patience() + _PROBE_SECONDS
        return self.state is State.SILENT and now - self._silent_since > self._patience()

    @property
    def lockout(self) -> Lockout | None:
        """What keeps the daemon from letting us in, as it was last seen."""
        return self.lane.lockout or self._lockout

    def _patience(self) -> float:
        """How long a daemon may say nothing: twice as long after each time it was dialled anew in vain."""
        return min(self.pace.allowance * 2.0**self._resets_in_silence, _LONGEST_SILENCE)

    # The connection

    def reset(self, *, is_silent: bool) -> list[Batch]:
        """Gives the connection up and dials anew.

        Returns:
            The batches that were under way, oldest first.
        """
        if is_silent:
            self._resets_in_silence += 1
        self._lockout = self.lockout
        self.lane.close()
        self.lane = Lane(self._context, self.address, self._keys)
        self._dialled_at = monotonic()
        self._probe = 0
        self._enter(State.CONNECTING)
        return self.take_outstanding()

    def take_outstanding(self, but: int = 0) -> list[Batch]:
        """All batches under way but the attempt with this number: they are under way no longer."""
        kept = self.outstanding.pop(but, None)
        batches = list(self.outstanding.values())
        self.outstanding.clear()
        self.outstanding_bytes = 0
        if kept is not None:
            self.outstanding[but] = kept
            self.outstanding_bytes = kept.byte_count
        return batches

    def close(self) -> None:
        """Lets go of the sockets."""
        self.lane.close()

    def describe(self) -> str:
        """The state in words."""
        return self.state.value + (f": {self.lockout.reason}" if self.lockout is not None else "")

    def _enter(self, state: State) -> None:
        if state is self.state:
            return
        if state is State.READY:
            level = logging.INFO if self.limits is not None else logging.DEBUG
        else:
            level = logging.INFO if self.state is State.READY else logging.DEBUG
        logger.log(level, "%s: %s", self.address, state.value)
        self.state = state
