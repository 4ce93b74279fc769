"""Where a client finds a daemon when nobody tells it."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence

from ._errors import DaemonUnreachable
from ._lane import Pipeline

Address = str | Pipeline


def addresses_of(given: Address | Sequence[Address] | None, environment: Mapping[str, str] = os.environ) -> list[Address]:
    """The addresses as a list. `None`: those of `$XENTD_ENDPOINT`, separated by commas or spaces; else that of the user's
    daemon, else of the system's, whichever answers.

    Raises:
        DaemonUnreachable: where none is given and none found.
    """
    if isinstance(given, (str, Pipeline)):
        given = [given]
    if given is not None:
        addresses = list(given)
        if not addresses or len(set(addresses)) < len(addresses):
            raise ValueError(f"endpoint: expected one address or several different ones, received {addresses}")
        for address in addresses:
            if not isinstance(address, Pipeline) and "://" not in address:
                raise ValueError(f"endpoint: expected ipc://PATH or tcp://HOST:PORT, received {address!r}")
        return addresses
    named = environment.get("XENTD_ENDPOINT", "").replace(",", " ").split()
    if named:
        return addresses_of(list(named))
    directories = ["/run/xentd"]
    if environment.get("XDG_RUNTIME_DIR"):
        directories.insert(0, environment["XDG_RUNTIME_DIR"] + "/xentd")
    sockets = [f"{directory}/xentd.sock" for directory in directories]
    for path in sockets:
        if _is_answered(path):
            return [f"ipc://{path}"]
    raise DaemonUnreachable(
        f"no daemon found: nobody listens at {' or '.join(sockets)}; start one with `xentd`, or name its address: "
        "Client('ipc:///path/xentd.sock'), or XENTD_ENDPOINT in the environment"
    )


def _is_answered(path: str) -> bool:
    """Whether anybody listens at the path: a daemon that was killed leaves its socket behind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
