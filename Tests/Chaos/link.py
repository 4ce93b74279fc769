"""A link of two TUN devices, whose packets a thread carries across: at once, or late and not all of them.

`tc netem` does so too, but not every kernel has it.
"""

from __future__ import annotations

import fcntl
import os
import random
import select
import struct
import threading
import time
from collections import deque

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
# Packets that are late: as many as netem keeps.
LONGEST_QUEUE = 1000
PACKETS_AT_ONCE = 64


def open_device(name: str) -> int:
    """Makes a TUN device, which lasts until the descriptor is closed."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


class Link:
    """Joins two new devices. Packets from `near` to `far` can be delayed and lost."""

    def __init__(self, near: str, far: str) -> None:
        self._near = open_device(near)
        try:
            self._far = open_device(far)
        except OSError:
            os.close(self._near)
            raise
        self.delay_seconds = 0.0
        self.loss = 0.0
        self._late: deque[tuple[float, bytes]] = deque()
        self._stop = os.eventfd(0)
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.eventfd_write(self._stop, 1)
        self._thread.join()
        for descriptor in (self._near, self._far, self._stop):
            os.close(descriptor)

    def _carry(self) -> None:
        poll = select.poll()
        for descriptor in (self._near, self._far, self._stop):
            poll.register(descriptor, select.POLLIN)
        while True:
            wait = max(0.0, self._late[0][0] - time.monotonic()) * 1000 if self._late else None
            ready = {descriptor for descriptor, _ in poll.poll(wait)}
            if self._stop in ready:
                return
            for packet in self._packets(self._far) if self._far in ready else ():
                self._write(self._near, packet)
            for packet in self._packets(self._near) if self._near in ready else ():
                self._send(packet)
            while self._late and self._late[0][0] <= time.monotonic():
                self._write(self._far, self._late.popleft()[1])

    def _send(self, packet: bytes) -> None:
        if random.random() < self.loss or len(self._late) >= LONGEST_QUEUE:
            return
        # What comes after a delay has ended does not overtake what is late.
        due = max(time.monotonic() + self.delay_seconds, self._late[-1][0] if self._late else 0)
        self._late.append((due, packet))

    @staticmethod
    def _packets(device: int) -> list[bytes]:
        packets: list[bytes] = []
        try:
            while len(packets) < PACKETS_AT_ONCE:
                packets.append(os.read(device, 65536))
        except OSError:
            pass  # Nothing more; or the device is down.
        return packets

    @staticmethod
    def _write(device: int, packet: bytes) -> None:
        try:
            os.write(device, packet)
        except OSError:
            pass  # The device is down: what it is sent is lost.
