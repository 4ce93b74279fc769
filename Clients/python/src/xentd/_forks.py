"""Forks: a child has its parent's clients, but not their threads."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

from ._errors import ForkedClient

if TYPE_CHECKING:
    from .client import Client

_clients: weakref.WeakSet[Client] = weakref.WeakSet()


def disown_in_children(client: Client) -> None:
    """Has a client say, in any process that is forked from this one, that it is of no use there."""
    _clients.add(client)


def _after_fork() -> None:
    for client in list(_clients):
        client._disown(
            ForkedClient(
                f"this client was made before the process forked (it is {os.getpid()} now, from {os.getppid()}); its thread "
                "and sockets stayed in the parent. Make a client in each process; with multiprocessing, after the fork or by "
                "the 'spawn' method"
            )
        )


os.register_at_fork(after_in_child=_after_fork)
