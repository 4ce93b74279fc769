"""The service xentd in a machine, as an operator and as a client see it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import zmq

from machine import PATIENCE, Machine, wait_for
from wire import Request, Result

UNITS = ["xentd.service", "xentd-requests.socket", "xentd-results.socket", "xentd-router.socket"]
EXAMPLES = "/usr/share/doc/xentd/examples"
DIGITS = ["--logits", f"{EXAMPLES}/digits-logits.npy", "--labels", f"{EXAMPLES}/digits-labels.npy"]


class Service:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def install(self, package: Path) -> None:
        shutil.copy(package, self.machine.path("/root/xentd.deb"))
        self.machine.do("dpkg", "--install", "/root/xentd.deb")

    def show(self, name: str) -> str:
        return self.machine.do("systemctl", "show", "--property", name, "--value", "xentd.service").strip()

    @property
    def is_active(self) -> bool:
        return self.machine.call("systemctl", "is-active", "xentd.service").returncode == 0

    @property
    def process(self) -> str:
        """The daemon's process, as the machine numbers it."""
        return self.show("MainPID")

    @property
    def journal(self) -> str:
        return self.machine.do("journalctl", "--unit", "xentd.service", "--output", "cat", "--no-pager")

    @property
    def resident_bytes(self) -> int:
        status = self.machine.do("cat", f"/proc/{self.process}/status")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]

    def start(self) -> None:
        # Tests kill it more often than a service should die.
        self.machine.do("systemctl", "reset-failed", *UNITS)
        self.machine.do("systemctl", "start", "xentd.service")

    def restart(self) -> None:
        self.machine.do("systemctl", "daemon-reload")
        self.machine.do("systemctl", "reset-failed", *UNITS)
        self.machine.do("systemctl", "restart", "xentd.service")

    def kill(self, name: str) -> None:
        """Sends the daemon a signal."""
        self.machine.do("systemctl", "kill", "--kill-who=main", f"--signal={name}", "xentd.service")

    def is_new_since(self, process: str) -> None:
        wait_for(lambda: self.is_active and self.process not in ("0", process), f"a new process: {self.journal}")

    def evaluate(self, *options: str) -> str:
        """What `xent eval` prints of the digits."""
        return self.machine.do("xent", "eval", *DIGITS, *options)

    def drop_in(self, name: str, text: str | None) -> None:
        """Puts a drop-in in place, or takes it away."""
        directory = self.machine.path("/etc/systemd/system/xentd.service.d")
        directory.mkdir(exist_ok=True)
        if text is None:
            (directory / name).unlink()
        else:
            (directory / name).write_text(text)
        self.restart()


class Client:
    """A client of the router lane, outside the machine, that keeps its socket whatever becomes of the daemon."""

    def __init__(self, context: zmq.Context, service: Service) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.RCVTIMEO, PATIENCE * 1000)
        self.socket.connect(f"ipc://{service.machine.path('/run/xentd/xentd.sock')}")

    def send(self, request: Request) -> None:
        self.socket.send_multipart(request.split())

    def receive(self) -> Result:
        return Result(self.socket.recv_multipart()[-1])

    def hears_nothing(self, milliseconds: int) -> bool:
        return not self.socket.poll(milliseconds)
