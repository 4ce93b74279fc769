"""Why a daemon does not let a client in, as far as the client can know."""

from __future__ import annotations

from dataclasses import dataclass

import zmq

from ._keys import Keys

# What libzmq reports of a handshake that came to nothing.
FAILURES = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)  # fmt: skip


# So many handshakes that come to nothing in a row, a second of them and more, are no daemon that is just starting or stopping.
_MANY = 20


@dataclass(frozen=True, slots=True)
class Lockout:
    """A reason, in words that say what to do.

    Attributes:
        reason: the words.
        is_final: whether to wait is of no use: libzmq has given the connection up, or so many handshakes have ended the same
            way that the daemon has not just stopped.
    """

    reason: str
    is_final: bool


def lockout_of(event: int, value: int, keys: Keys | None, count: int) -> Lockout | None:
    """What a failed handshake, the `count`-th in a row, tells of a daemon; `None`: nothing that is known of."""
    if event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL and value == zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
        if keys is None:
            return Lockout("it takes only encrypted connections; pass server_key= and key= (`xent keygen --help`)", True)
        return Lockout("it does not encrypt there; leave out server_key= and key=", True)
    if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH and keys is not None:
        line = keys.public_key.decode()
        return Lockout(f"it does not know this client's key; add the line `{line}` to its file of clients, and reload it", True)
    if event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        # Also where one side encrypts and the other does not: a daemon that sees it first may be gone before it said so.
        if keys is None:
            return Lockout(
                "it ends each handshake; if it takes only encrypted connections, pass server_key= and key= "
                "(`xent keygen --help`)",
                count >= _MANY,
            )
        key = keys.server_key.decode()
        return Lockout(
            f"it ends each handshake; is its public key `{key}`? `xent keygen --show FILE` prints it there. If it does not "
            "encrypt there, leave out server_key= and key=",
            False,
        )
    return None
