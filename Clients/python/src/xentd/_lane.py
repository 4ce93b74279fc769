"""The open sockets of one lane of one daemon. Nothing here blocks; all of it belongs to one thread."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zmq

from ._batch import Batch
from ._keys import Keys
from ._lockout import FAILURES, Lockout, lockout_of


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline lane: where requests are pushed, and results pulled. This client must be its only consumer of results."""

    requests: str
    results: str

    def __str__(self) -> str:
        return f"{self.requests} and {self.results}"


_EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | FAILURES
_EVENT = struct.Struct("=HI")
# Numbers: to combine flags of an enumeration takes longer than to send.
_NOBLOCK, _MORE = int(zmq.NOBLOCK), int(zmq.NOBLOCK | zmq.SNDMORE)
_monitor_numbers = itertools.count()


class Lane:
    """Sockets that connect to a lane, and go on trying until they are closed.

    Once a connection breaks the lane is of no further use: what libzmq had queued may be lost or not, so its owner closes
    it, opens another and sends again. libzmq's own heartbeats are not used: they abort the process where back-pressure
    hides their answers.
    """

    def __init__(self, context: zmq.Context[Any], address: str | Pipeline, keys: Keys | None) -> None:
        # What keeps the daemon from letting us in, as far as is known.
        self.lockout: Lockout | None = None
        self._keys = keys
        self._sockets: list[zmq.Socket[Any]] = []
        self._monitors: list[zmq.Socket[Any]] = []
        self._greeted = 0
        self._failures = 0  # of handshakes in a row
        try:
            if isinstance(address, Pipeline):
                self._receiver = self._connect(context, zmq.PULL, address.results)
                self._sender = self._connect(context, zmq.PUSH, address.requests)
            else:
                self._sender = self._receiver = self._connect(context, zmq.DEALER, address)
        except BaseException:
            self.close()
            raise
        self.receive = self._receiver.recv
        # Of the class below `zmq.Socket`, which takes options of sockets of other kinds, at a price for each message.
        self._send: Callable[..., Any] = super(zmq.Socket, self._sender).send

    def _connect(self, context: zmq.Context[Any], kind: int, endpoint: str) -> zmq.Socket[Any]:
        socket: zmq.Socket[Any] = context.socket(kind)
        self._sockets.append(socket)
        # The window bounds what is queued, in bytes; a mark in messages would only drop or block.
        socket.set_hwm(0)
        socket.linger = 0
        socket.ipv6 = True
        socket.reconnect_ivl, socket.reconnect_ivl_max = 50, 1000
        socket.connect_timeout, socket.handshake_ivl = 3000, 5000
        if self._keys is not None:
            self._keys.secure(socket)
        # A peer that vanished without a word is found by the kernel.
        socket.tcp_keepalive, socket.tcp_keepalive_idle = 1, 30
        socket.tcp_keepalive_intvl, socket.tcp_keepalive_cnt = 10, 3
        # libzmq stops where reports are not read; so there is no limit to them, and they are read as they come.
        reports = f"inproc://xentd-monitor-{next(_monitor_numbers)}"
        socket.monitor(reports, _EVENTS)
        monitor = context.socket(zmq.PAIR)
        self._monitors.append(monitor)
        monitor.set_hwm(0)
        monitor.linger = 0
        monitor.connect(reports)
        try:
            socket.connect(endpoint)
        except zmq.ZMQError as error:
            raise ValueError(f"endpoint: {endpoint!r} is no address that libzmq can connect to: {error}") from None
        return socket

    @property
    def pollables(self) -> list[zmq.Socket[Any]]:
        """What becomes readable: the socket of results first, then reports on the connections."""
        return [self._receiver, *self._monitors]

    def send(self, batch: Batch) -> None:
        """Hands a batch to libzmq: a small one whole and copied, the sections of a large one where they lie."""
        send, sections = self._send, batch.sections
        if not sections:
            send(batch.head, _NOBLOCK)
            return
        send(batch.head, _MORE)
        for section in sections[:-1]:
            send(section.data, _MORE, copy=False)
        send(sections[-1].data, _NOBLOCK, copy=False)

    def send_packed(self, request: bytes) -> None:
        """Hands a request of one frame to libzmq."""
        self._send(request, _NOBLOCK)

    def look(self) -> tuple[bool, bool]:
        """Reads the reports: whether the lane became connected, and whether a connection broke."""
        became_connected = broke = False
        for monitor in self._monitors:
            while monitor.poll(0):
                event, value = _EVENT.unpack(monitor.recv_multipart()[0])
                if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    self._greeted += 1
                    self._failures = 0
                    self.lockout = None
                    became_connected = self._greeted == len(self._sockets)
                elif event == zmq.EVENT_DISCONNECTED:
                    # One that never shook hands carried nothing; libzmq tries again.
                    broke = broke or self._greeted > 0
                else:
                    self._failures += 1
                    self.lockout = lockout_of(event, value, self._keys, self._failures) or self.lockout
        return became_connected, broke

    def close(self) -> None:
        """Lets go of the sockets and of all that is queued."""
        for socket in self._sockets:
            socket.disable_monitor()
            socket.close(linger=0)
        for monitor in self._monitors:
            monitor.close(linger=0)
