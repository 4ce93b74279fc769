"""The keys of an encrypted connection, CURVE's: from files that `xent keygen` wrote, from text, or from the environment."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

Key = str | bytes | os.PathLike[str]

_CHARACTERS = 40
# More than any list of keys has.
_LARGEST_FILE = 16 << 20
_SERVER_KEY_VARIABLE, _KEY_VARIABLE = "XENTD_SERVER_KEY", "XENTD_KEY"


@dataclass(frozen=True, slots=True)
class Keys:
    """A daemon's public key, and the client's own pair, in Z85. The secret one does not print itself."""

    server_key: bytes
    public_key: bytes
    secret_key: bytes = field(repr=False)

    def secure(self, socket: zmq.Socket[bytes]) -> None:
        """Has a socket encrypt, from before it connects."""
        socket.curve_serverkey = self.server_key
        socket.curve_publickey, socket.curve_secretkey = self.public_key, self.secret_key


def keys_of(server_key: Key | None, key: Key | None, environment: Mapping[str, str] = os.environ) -> Keys | None:
    """The keys that were given, each else that of the environment; `None` where there are none.

    Args:
        server_key: the daemon's public key in Z85, or a file that has it.
        key: the client's secret key, or the file that has it.
        environment: has `XENTD_SERVER_KEY` and `XENTD_KEY`.

    Raises:
        ValueError: only one of the two is there, or one is no key.
    """
    names = ["server_key", "key"]
    for place, (given, variable) in enumerate(((server_key, _SERVER_KEY_VARIABLE), (key, _KEY_VARIABLE))):
        if given is None and environment.get(variable):
            names[place] = f"${variable}"
    server_key = server_key if server_key is not None else environment.get(_SERVER_KEY_VARIABLE) or None
    key = key if key is not None else environment.get(_KEY_VARIABLE) or None
    if server_key is None and key is None:
        return None
    if key is None:
        raise ValueError(
            f"{names[0]}: goes with key=, the file of this client's secret key: the daemon lets in only clients whose keys it "
            "knows; `xent keygen FILE` makes one"
        )
    if server_key is None:
        raise ValueError(
            f"{names[1]}: goes with server_key=, the daemon's public key; `xent keygen --show FILE` prints it there"
        )
    if not zmq.has("curve"):
        raise ValueError(f"{names[0]}: this libzmq ({zmq.zmq_version()}) was built without CURVE; install pyzmq from PyPI")
    public = _public_key(server_key, names[0])
    secret = _secret_key(key, names[1])
    return Keys(public, zmq.curve_public(secret), secret)


def _public_key(given: Key, name: str) -> bytes:
    if (found := _as_key(given)) is not None:
        return found
    path, lines, _ = _read(given, name, "the daemon's public key in 40 characters of Z85, or a file that has it")
    keys = [(number, words[0]) for number, words in lines]
    if len(keys) != 1:
        raise ValueError(f"{name}: {path}: expected one public key, found {len(keys)}; `xent keygen FILE` writes FILE.pub")
    return _checked(keys[0][1], f"{name}: {path}: line {keys[0][0]}")


def _secret_key(given: Key, name: str) -> bytes:
    if (found := _as_key(given)) is not None:
        return found
    path, lines, mode = _read(given, name, "the file of this client's secret key, as `xent keygen FILE` writes it")
    if mode & 0o007:
        raise ValueError(f"{name}: {path}: everybody may use it (mode {mode:o}), and it is secret; chmod 600 {path}")
    if len(lines) != 1 or len(lines[0][1]) != 1:
        found_text = "none" if not lines else "more"
        raise ValueError(
            f"{name}: {path}: expected one secret key and nothing else, found {found_text}; is it FILE, not FILE.pub?"
        )
    return _checked(lines[0][1][0], f"{name}: {path}: line {lines[0][0]}")


def _as_key(given: Key) -> bytes | None:
    """The text as a key, if it is one; a file of that very name comes first."""
    if isinstance(given, os.PathLike):
        return None
    text = given.encode(errors="replace") if isinstance(given, str) else given
    return None if not _is_key(text) or os.path.exists(given) else text


def _checked(word: str, where: str) -> bytes:
    # Errors do not repeat what they found: it may be a secret.
    text = word.encode()
    if not _is_key(text):
        found = f"{_CHARACTERS} characters that are no key" if len(text) == _CHARACTERS else f"{len(text)} characters"
        raise ValueError(f"{where}: expected a key, which is {_CHARACTERS} characters of Z85, found {found}")
    return text


def _is_key(text: bytes) -> bool:
    if len(text) != _CHARACTERS or not set(text) <= set(z85.Z85CHARS):
        return False
    # Five characters make four bytes, and some make more than these hold.
    return all(sum(z85.Z85CHARS.index(text[i + j]) * 85 ** (4 - j) for j in range(5)) < 2**32 for i in range(0, _CHARACTERS, 5))


def _read(given: Key, name: str, expected: str) -> tuple[Path, list[tuple[int, list[str]]], int]:
    """A file's lines that say something, by their numbers, as words; and its mode. Empty lines and those with `#` do not."""
    path = Path(os.fsdecode(given))
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{name}: {path}: is not a file; pass {expected}")
        if status.st_size > _LARGEST_FILE:
            raise ValueError(f"{name}: {path}: has {status.st_size} bytes, and a file of keys at most {_LARGEST_FILE}")
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        # A key that lost a character is no path, and is not to be shown to everybody who reads the log.
        may_be_a_key = isinstance(given, (str, bytes)) and abs(len(given) - _CHARACTERS) <= 4
        shown = f"a text of {len(os.fspath(given))} characters" if may_be_a_key else str(path)
        raise ValueError(f"{name}: {shown}: cannot be read: {error.strerror}; pass {expected}") from None
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1)]
    return (
        path,
        [(number, words) for number, words in lines if words and not words[0].startswith("#")],
        stat.S_IMODE(status.st_mode),
    )
