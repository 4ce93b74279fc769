"""A network namespace joined to ours by a link that can be cut and, as far as the kernel can, narrowed and delayed. Needs root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable


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
        network = f"10.{number >> 8}.{number & 255}"
        self.address = f"{network}.2"
        try:
            run("ip", "netns", "add", self.name)
            run("ip", "link", "add", self._link, "type", "veth", "peer", "name", "inside", "netns", self.name)
            run("ip", "addr", "add", f"{network}.1/24", "dev", self._link)
            run("ip", "link", "set", self._link, "up")
            self._inside("ip", "addr", "add", f"{self.address}/24", "dev", "inside")
            self._inside("ip", "link", "set", "inside", "up")
        except (Unavailable, OSError) as error:
            self.close()
            raise Unavailable(str(error)) from None
        self.why_no_delay = self._why_not(lambda: self.delay(1))
        self.why_not_narrow = self._why_not(self.narrow)

    def _why_not(self, change: Callable[[], None]) -> str:
        """Why the kernel cannot change the link so; nothing where it can."""
        try:
            change()
        except Unavailable as error:
            return str(error)
        self.clear()
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

    def delay(self, milliseconds: int) -> None:
        """Delays what goes in, and loses a hundredth of it."""
        self._shape("netem", "delay", f"{milliseconds}ms", "loss", "1%")

    def narrow(self) -> None:
        """Lets 20 Mbit/s in: what waits is late by up to 100 ms, and what would have to wait longer is lost."""
        self._shape("tbf", "rate", "20mbit", "burst", "64kb", "latency", "100ms")

    def _shape(self, *discipline: str) -> None:
        run("tc", "qdisc", "replace", "dev", self._link, "root", *discipline)

    def clear(self) -> None:
        """Has the link as it was."""
        run("tc", "qdisc", "del", "dev", self._link, "root")

    def close(self) -> None:
        for command in (["ip", "link", "del", self._link], ["ip", "netns", "del", self.name]):
            subprocess.run(command, capture_output=True)
