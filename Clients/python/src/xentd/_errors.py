"""Everything that can go wrong, in words that say what to do."""

from __future__ import annotations

from ._wire import Status


class XentError(Exception):
    """Whatever this package raises on its own account."""


class DaemonUnreachable(XentError, ConnectionError):
    """No daemon answers at the addresses that were given, or found."""


class BatchRefused(XentError):
    """The daemon will not compute a batch, or cannot; sending it again as it is would not help.

    Attributes:
        status: why, as the protocol names it.
        message: what was wrong, with the field and both values.
    """

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(f"{status.name}: {message}")
        self.status = status
        self.message = message

    def __reduce__(self) -> tuple[type[BatchRefused], tuple[Status, str]]:
        return BatchRefused, (self.status, self.message)


class BatchUndeliverable(XentError):
    """The connection broke again and again while a batch was under way, also when nothing else was."""


class LabelError(XentError, ValueError):
    """A row's label, or its weight, is bad.

    Attributes:
        message: what is wrong with it.
        row: the first such row, counted through all rows of the call.
        value: its label: an integer, or the row of the one-hot labels or probabilities; its weight where that is bad.
        invalid: how many rows are bad.
    """

    def __init__(self, message: str, row: int, value: object, invalid: int) -> None:
        super().__init__(f"row {row}: {message}")
        self.message = message
        self.row = row
        self.value = value
        self.invalid = invalid

    def counted_from(self, first_row: int) -> LabelError:
        """The same, of a batch that begins with `first_row` of a stream."""
        return LabelError(self.message, first_row + self.row, self.value, self.invalid)

    def __reduce__(self) -> tuple[type[LabelError], tuple[str, int, object, int]]:
        return LabelError, (self.message, self.row, self.value, self.invalid)


class ClientClosed(XentError):
    """The client was closed before the batch was done, or before it was submitted."""


class ForkedClient(XentError, RuntimeError):
    """A client was used in a process that was forked from the one that made it: its thread and sockets stayed there."""
