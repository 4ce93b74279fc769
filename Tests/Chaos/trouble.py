"""The kinds of trouble: each begins, lasts a while, and ends with everything as it was."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from network import Namespace
from proxy import Proxy


class Daemon:
    """A daemon that is started again and again on the same lanes."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._command = command
        self._log = log
        # How it ended when nobody had ended it.
        self.deaths: list[int] = []
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stderr=log)

    def look(self) -> None:
        """Notes that it is not there, though it should be."""
        if (code := self.process.poll()) is not None:
            self.deaths.append(code)

    def end(self, number: int) -> None:
        self.look()
        self.process.send_signal(number)
        self.process.wait()


@dataclass(frozen=True)
class Trouble:
    """A kind of trouble: whose, what, how long it lasts at the most in seconds, and a context that begins and ends it."""

    subject: str
    name: str
    longest: float
    cause: Callable[[], AbstractContextManager[None]]


def of_daemon(name: str, daemon: Daemon) -> list[Trouble]:
    @contextmanager
    def killed() -> Iterator[None]:
        daemon.end(signal.SIGKILL)
        yield
        daemon.start()

    @contextmanager
    def stopped() -> Iterator[None]:
        daemon.end(signal.SIGTERM)
        yield
        daemon.start()

    @contextmanager
    def frozen() -> Iterator[None]:
        daemon.process.send_signal(signal.SIGSTOP)
        yield
        daemon.process.send_signal(signal.SIGCONT)

    return [
        Trouble(name, "killed with -9", 1, killed),
        Trouble(name, "stopped cleanly", 1, stopped),
        Trouble(name, "frozen", 3, frozen),
    ]


def of_proxy(proxy: Proxy) -> list[Trouble]:
    @contextmanager
    def reset() -> Iterator[None]:
        proxy.reset()
        yield

    @contextmanager
    def delayed() -> Iterator[None]:
        proxy.delay = 0.05
        yield
        proxy.delay = 0.0

    return [Trouble("connections", "reset", 0, reset), Trouble("connections", "delayed", 2, delayed)]


def of_network(network: Namespace) -> list[Trouble]:
    @contextmanager
    def cut() -> Iterator[None]:
        network.cut()
        yield
        network.join()

    @contextmanager
    def narrowed() -> Iterator[None]:
        network.narrow()
        yield
        network.widen()

    @contextmanager
    def delayed() -> Iterator[None]:
        network.delay(0.1, loss=0.01)
        yield
        network.delay(0, loss=0)

    troubles = [Trouble("link", "cut", 3, cut), Trouble("link", "delayed, 1 % lost", 3, delayed)]
    if not network.why_not_narrow:
        troubles.append(Trouble("link", "narrowed: late, and some lost", 3, narrowed))
    return troubles


def of_client(number: int, process: subprocess.Popen[str]) -> list[Trouble]:
    @contextmanager
    def paused() -> Iterator[None]:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGSTOP)
        yield
        if process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)

    return [Trouble(f"client {number}", "paused", 1.5, paused)]
