"""A daemon's double in pyzmq: it answers as its script says, and so loses, delays, repeats and garbles as no daemon does."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import wire
import zmq

LIMITS = {"batch_bytes": 64 << 20, "result_bytes": 64 << 20, "rows": 1 << 24, "classes": 1 << 24}
TOLD = {"version": "0", "kernel": "double", "workers": 1, "lane": "double", "uptime_seconds": 1.5}
NAN = float("nan")


@dataclass
class Received:
    """A request that came: who asks, its header's fields, and the number in its first logit, by which tests know batches."""

    identity: bytes
    fields: tuple[Any, ...]
    number: float
    count: int  # how many with this number came before, this one included
    double: Double

    @property
    def rows(self) -> int:
        return int(self.fields[6])

    def result(self, *, status: int = 0, message: str = "", retry_after: int = 0, notes: int = 0, **changes: Any) -> bytes:
        """The result of this request, by which a test knows which it was: its sum is the number."""
        figures = (self.number, 1.0, self.number, self.number, 1.0, 0.0) if status == 0 else (0.0, 0.0, NAN, 0.0, 0.0, 0.0)
        sections = np.full(self.rows, self.number, "<f4").tobytes() + bytes(self.rows) if status == 0 else message.encode()
        fields = {
            "sequence": self.fields[4], "client": self.fields[5], "rows": self.rows, "classes": self.fields[7],
            "flags": wire.LOSSES | wire.VERDICTS if status == 0 else wire.MESSAGE, "instance": self.double.instance,
        } | changes  # fmt: skip
        header = wire.RESULT.pack(
            b"XENT", 1, 2, 160, fields["sequence"], fields["client"], fields["rows"], fields["classes"], status, notes,
            fields["flags"], *figures, self.rows, 0, 0, 0, 0, 0, wire.NO_ROW, retry_after, 0, 0, fields["instance"], 0,
        )  # fmt: skip
        return header + sections


Script = Callable[[Received], Iterable[bytes]]


def answer(request: Received) -> list[bytes]:
    """What a daemon does."""
    return [request.result()]


class Double:
    """Listens at `endpoint` and answers each batch as `script` says: with any number of messages."""

    def __init__(
        self, endpoint: str, script: Script = answer, *, instance: int = 1, limits: dict[str, int] | None = None
    ) -> None:
        self.endpoint = endpoint
        self.script = script
        self.instance = instance
        self.limits = LIMITS | (limits or {})
        self.received: Counter[float] = Counter()
        self.answers_info = True
        self.is_draining = False
        self.failure: BaseException | None = None
        self._commands: list[Callable[[], None]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def send(self, request: Received, frame: bytes) -> None:
        """Sends a message some time later, from any thread."""
        self._commands.append(lambda: self._socket.send_multipart([request.identity, frame]))

    def drop_connections(self) -> None:
        """Breaks every connection, and listens again; from the script."""
        self._socket.close(linger=0)
        self._listen()

    def _listen(self) -> None:
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.bind(self.endpoint)

    def _run(self) -> None:
        self._context = zmq.Context()
        try:
            self._listen()
            while not self._stopping.is_set():
                while self._commands:
                    self._commands.pop(0)()
                if self._socket.poll(5):
                    self._serve(self._socket.recv_multipart())
        except BaseException as error:  # told to the test
            self.failure = error
        finally:
            self._context.destroy(linger=0)

    def _serve(self, frames: list[bytes]) -> None:
        identity, *request = frames
        body = b"".join(request)
        fields = wire.REQUEST.unpack_from(body)
        if fields[2] == 3:
            if self.answers_info:
                self._socket.send_multipart([identity, self._info(fields)])
            return
        number = float(np.frombuffer(body, "<f4", 1, 96)[0])
        self.received[number] += 1
        for frame in self.script(Received(identity, fields, number, self.received[number], self)):
            self._socket.send_multipart([identity, frame])

    def _info(self, fields: tuple[Any, ...]) -> bytes:
        header = wire.RESULT.pack(
            b"XENT", 1, 4, 160, fields[4], fields[5], 0, 0, 0, 0x8000 if self.is_draining else 0, wire.MESSAGE,
            0, 0, NAN, 0, 0, 0, 0, 0, 0, 0, 0, 0, wire.NO_ROW, 0, 0, 0, self.instance, 0,
        )  # fmt: skip
        return header + json.dumps(TOLD | {"limits": self.limits}).encode()


def numbered(number: float, rows: int = 3, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """A batch that a double knows by its number."""
    logits = np.zeros((rows, classes), np.float32)
    logits[0, 0] = number
    return logits, np.zeros(rows, np.int64)
