"""A network namespace joined to ours by a link that can be cut, delayed and, where the kernel can, narrowed. Needs root."""

from __future__ import annotations

import os
import subprocess

from link import Link


class Unavailable(Exception):
    """Why there is no namespace here."""


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"`{' '.join(command)}` failed: {done.stderr.strip()}")


class Namespace:
    """Two ends of a link: ours is 10.x.y.1, and 10.x.y.2 is that of the namespace `name`."""

    def __init__(self) -> None:
        if os.geteuid() != 0:
            raise Unavailable("needs root")
        number = os.getpid() % 65536
        self.name = f"xentd-{number}"
        self._link = f"xentd{number}"
        self._relay: Link | None = None
        far = f"{self._link}-far"
        network = f"10.{number >> 8}.{number & 255}"
        self.address = f"{network}.2"
        try:
            run("ip", "netns", "add", self.name)
            self._relay = Link(self._link, far)
            run("ip", "link", "set", far, "netns", self.name, "name", "inside")
            run("ip", "addr", "add", f"{network}.1/24", "dev", self._link)
            run("ip", "link", "set", self._link, "up")
            self._inside("ip", "addr", "add", f"{self.address}/24", "dev", "inside")
            self._inside("ip", "link", "set", "inside", "up")
        except (Unavailable, OSError) as error:
            self.close()
            raise Unavailable(str(error)) from None
        self.why_not_narrow = self._why_not_narrow()

    def _why_not_narrow(self) -> str:
        """Why the kernel cannot narrow the link; nothing where it can."""
        try:
            self.narrow()
        except Unavailable as error:
            return str(error)
        self.widen()
        return ""

    def command(self, *command: str) -> list[str]:
        """The command, run inside."""
        return ["ip", "netns", "exec", self.name, *command]

    def _inside(self, *command: str) -> None:
        run(*self.command(*command))

    def cut(self) -> None:
        run("ip", "link", "set", self._link, "down")

    def join(self) -> None:
        run("ip", "link", "set", self._link, "up")

    def delay(self, seconds: float, loss: float) -> None:
        """Delays what goes in, and loses such a part of it."""
        assert self._relay
        self._relay.delay_seconds, self._relay.loss = seconds, loss

    def narrow(self) -> None:
        """Lets 20 Mbit/s in: what waits is late by up to 100 ms, and what would have to wait longer is lost."""
        run("tc", "qdisc", "replace", "dev", self._link, "root", "tbf", "rate", "20mbit", "burst", "64kb", "latency", "100ms")

    def widen(self) -> None:
        """Has the link as wide as it was."""
        run("tc", "qdisc", "del", "dev", self._link, "root")

    def close(self) -> None:
        if self._relay:
            self._relay.close()
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)
