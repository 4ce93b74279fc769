"""A network namespace joined to ours by a link that can be cut and, where the kernel has netem, delayed. Needs root."""

from __future__ import annotations

import os
import subprocess


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
        self.why_no_delay = ""
        try:
            self.delay(0)
        except Unavailable as error:
            self.why_no_delay = str(error)

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
        """Delays what goes in, and loses a hundredth of it where there is a delay at all."""
        loss = "1%" if milliseconds else "0%"
        run("tc", "qdisc", "replace", "dev", self._link, "root", "netem", "delay", f"{milliseconds}ms", "loss", loss)

    def close(self) -> None:
        for command in (["ip", "link", "del", self._link], ["ip", "netns", "del", self.name]):
            subprocess.run(command, capture_output=True)
