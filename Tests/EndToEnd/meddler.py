"""A test double of a daemon: passes batches on to a real one, and meddles with its results."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import zmq

from conftest import Daemon

Meddle = Callable[[int, bytes], list[bytes]]
"""Takes the number of a batch's result, from 0, and the result; gives what is sent instead."""


class Meddler:
    """Listens on a router lane of its own. What is no result of a batch passes unchanged."""

    def __init__(self, daemon: Daemon, directory: Path, meddle: Meddle) -> None:
        self.endpoint = f"ipc://{directory}/m"
        self.meddle = meddle
        self.result_count = 0
        self.problem: BaseException | None = None
        self._context = zmq.Context()
        self._front = self._context.socket(zmq.ROUTER)
        self._front.bind(self.endpoint)
        self._back = self._context.socket(zmq.DEALER)
        self._back.connect(daemon.router)
        self._stop_end, self._end = self._context.socket(zmq.PAIR), self._context.socket(zmq.PAIR)
        self._end.bind("inproc://end")
        self._stop_end.connect("inproc://end")
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self) -> Meddler:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_end.send(b"")
        self._thread.join()
        self._context.destroy(linger=0)
        assert self.problem is None, self.problem

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException as problem:  # for the test to see
            self.problem = problem

    def _serve(self) -> None:
        poller = zmq.Poller()
        for socket in (self._front, self._back, self._end):
            poller.register(socket, zmq.POLLIN)
        peers: dict[bytes, bytes] = {}
        while True:
            ready = dict(poller.poll())
            if self._end in ready:
                return
            if self._front in ready:
                peer, *frames = self._front.recv_multipart()
                peers[frames[0][16:32]] = peer
                self._back.send_multipart(frames)
            if self._back in ready:
                result = self._back.recv()
                for changed in self._results(result):
                    self._front.send_multipart([peers[result[16:32]], changed])

    def _results(self, result: bytes) -> list[bytes]:
        if result[5] != 2:
            return [result]
        self.result_count += 1
        return self.meddle(self.result_count - 1, result)
