"""What comes back: the figures of a batch, and what was asked for of each row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _wire
from ._wire import ResultFields as At

_Fields = tuple[Any, ...]


class BatchResult:
    """The figures of one batch, in nats, and the rows' losses where they were asked for.

    Figures are sums and counts, so that those of batches can be added: `sum` and `weight` give the mean. What is told of
    each row has the shape of the logits without their classes, and is `None` where it was not asked for.
    """

    __slots__ = ("_fields", "_frames", "_row", "_shape")

    def __init__(self, frames: Sequence[bytes], fields: _Fields, shape: tuple[int, ...], first_bad_row: int | None) -> None:
        self._frames = frames
        self._fields = fields
        self._shape = shape
        self._row = first_bad_row

    @staticmethod
    def of(frame: bytes, fields: _Fields, shape: tuple[int, ...]) -> BatchResult:
        """The result that is one message, which has been unpacked already."""
        row = fields[At.FIRST_BAD_ROW]
        return BatchResult((frame,), fields, shape, None if row == _wire.NO_ROW else row)

    @staticmethod
    def stitched(parts: Sequence[tuple[int, bytes]], shape: tuple[int, ...]) -> BatchResult:
        """One result of those of consecutive rows: (first row, message) each, in order. Sums are exact, then rounded."""
        unpacked = [_wire.RESULT.unpack_from(frame) for _, frame in parts]
        fields = list(unpacked[0])
        for place in (At.SUM, At.WEIGHT, At.FINITE_SUM, At.FINITE_WEIGHT, At.Z_SUM):
            fields[place] = exact_sum([part[place] for part in unpacked])
        for place in (
            At.ROWS,
            At.COUNTED,
            At.IGNORED,
            At.INVALID,
            At.NOT_FINITE,
            At.CORRECT,
            At.TOP_K_CORRECT,
            At.COMPUTE_TIME,
        ):
            fields[place] = sum(part[place] for part in unpacked)
        fields[At.MEAN] = fields[At.SUM] / fields[At.WEIGHT] if fields[At.WEIGHT] else math.nan
        fields[At.QUEUE_TIME] = max(part[At.QUEUE_TIME] for part in unpacked)
        bad = [
            first + part[At.FIRST_BAD_ROW]
            for (first, _), part in zip(parts, unpacked, strict=True)
            if part[At.FIRST_BAD_ROW] != _wire.NO_ROW
        ]
        return BatchResult([frame for _, frame in parts], tuple(fields), shape, min(bad, default=None))

    @property
    def rows(self) -> int:
        """How many rows the batch had."""
        return int(self._fields[At.ROWS])

    @property
    def classes(self) -> int:
        """How many classes."""
        return int(self._fields[At.CLASSES])

    @property
    def sum(self) -> float:
        """The sum of sample weight times loss over the rows that count; NaN where a row is invalid."""
        return float(self._fields[At.SUM])

    @property
    def weight(self) -> float:
        """What `sum` is to be divided by: sample weight times class weight, summed over the rows that count."""
        return float(self._fields[At.WEIGHT])

    @property
    def mean(self) -> float:
        """`sum / weight`; NaN where no row counts."""
        return float(self._fields[At.MEAN])

    @property
    def finite_sum(self) -> float:
        """The sum over the rows whose loss is finite."""
        return float(self._fields[At.FINITE_SUM])

    @property
    def finite_weight(self) -> float:
        """The weight of the rows whose loss is finite."""
        return float(self._fields[At.FINITE_WEIGHT])

    @property
    def finite_mean(self) -> float:
        """The mean over the rows whose loss is finite."""
        return self.finite_sum / self.finite_weight if self.finite_weight else math.nan

    @property
    def z_sum(self) -> float:
        """The z-loss's part of `finite_sum`."""
        return float(self._fields[At.Z_SUM])

    @property
    def counted(self) -> int:
        """Rows that are not ignored."""
        return int(self._fields[At.COUNTED])

    @property
    def ignored(self) -> int:
        """Rows that are."""
        return int(self._fields[At.IGNORED])

    @property
    def invalid(self) -> int:
        """Counted rows with a bad label or weight. Their loss is NaN."""
        return int(self._fields[At.INVALID])

    @property
    def not_finite(self) -> int:
        """Counted rows whose loss is NaN or infinite, invalid ones included."""
        return int(self._fields[At.NOT_FINITE])

    @property
    def correct(self) -> int:
        """Counted rows whose largest logit is the label's."""
        return int(self._fields[At.CORRECT])

    @property
    def top_k_correct(self) -> int:
        """Counted rows whose label is among the k largest logits; 0 where `top_k` was not asked for."""
        return int(self._fields[At.TOP_K_CORRECT])

    @property
    def first_bad_row(self) -> int | None:
        """The first row that is invalid or whose loss is not finite."""
        return self._row

    @property
    def message(self) -> str | None:
        """What is wrong with `first_bad_row`."""
        if self._row is None:
            return None
        for frame in self._frames:
            fields = _wire.RESULT.unpack_from(frame)
            if fields[At.FLAGS] & _wire.MESSAGE:
                reason = frame[_message_offset(fields) :].decode(errors="replace")
                return f"row {self._row}: {reason.partition(': ')[2] or reason}"
        return f"row {self._row}: invalid or not finite"

    @property
    def queue_seconds(self) -> float:
        """How long the batch waited before it was computed, by both machines' clocks."""
        return int(self._fields[At.QUEUE_TIME]) * 1e-9

    @property
    def compute_seconds(self) -> float:
        """How long the daemon computed, other batches of the same round included."""
        return int(self._fields[At.COMPUTE_TIME]) * 1e-9

    @property
    def server_instance(self) -> int:
        """A number that tells one start of a daemon from another."""
        return int(self._fields[At.INSTANCE])

    @property
    def losses(self) -> NDArray[np.floating[Any]] | None:
        """The loss of each row, in nats: 0 where it is ignored, NaN where it is invalid. Without the sample weights."""
        return self._section(_wire.LOSSES)

    @property
    def log_sum_exps(self) -> NDArray[np.floating[Any]] | None:
        """The log-sum-exp of each row."""
        return self._section(_wire.LSE)

    @property
    def predictions(self) -> NDArray[np.int32] | None:
        """The class of each row's largest logit, the lowest of a tie."""
        return self._section(_wire.PREDICTIONS)

    @property
    def verdicts(self) -> NDArray[np.uint8] | None:
        """A `Verdict` on each row."""
        return self._section(_wire.VERDICTS)

    def _section(self, flag: int) -> NDArray[Any] | None:
        if not self._fields[At.FLAGS] & flag:
            return None
        parts = []
        for frame in self._frames:
            fields = _wire.RESULT.unpack_from(frame)
            offset, dtype = _section_place(fields, flag)
            parts.append(np.frombuffer(frame, dtype, fields[At.ROWS], offset))
        return (parts[0] if len(parts) == 1 else np.concatenate(parts)).reshape(self._shape)

    def __repr__(self) -> str:
        return f"BatchResult(rows={self.rows}, mean={self.mean!r}, counted={self.counted}, invalid={self.invalid})"


def _section_place(fields: _Fields, wanted: int) -> tuple[int, str]:
    """Where a section begins, and the type of its elements. A flag of none gives the end of all."""
    floats = "<f8" if fields[At.FLAGS] & _wire.FLOAT64 else "<f4"
    offset = _wire.RESULT.size
    for flag, dtype in (
        (_wire.LOSSES, floats),
        (_wire.LSE, floats),
        (_wire.PREDICTIONS, "<i4"),
        (_wire.VERDICTS, "u1"),
    ):
        if flag == wanted:
            return offset, dtype
        if fields[At.FLAGS] & flag:
            offset += fields[At.ROWS] * int(dtype[-1])
    return offset, ""


def _message_offset(fields: _Fields) -> int:
    return _section_place(fields, 0)[0]


def message_of(frame: bytes, fields: _Fields) -> str:
    """The message of a result that has one."""
    return frame[_message_offset(fields) :].decode(errors="replace") if fields[At.FLAGS] & _wire.MESSAGE else ""


def sections_fit(frame: bytes, fields: _Fields) -> bool:
    """Whether a result is as long as its header says."""
    flags = fields[At.FLAGS]
    end: int = _wire.RESULT.size + fields[At.ROWS] * _ROW_BYTES[flags & _wire.ROW_FLAGS]
    return len(frame) >= end if flags & _wire.MESSAGE else len(frame) == end


# Bytes of each row in a result, by the flags of its sections.
_ROW_BYTES: list[int] = [_wire.result_row_bytes(flags) for flags in range(_wire.ROW_FLAGS + 1)]


def exact_sum(terms: Sequence[float]) -> float:
    """The sum of all terms, rounded once; infinite and NaN where IEEE 754's is."""
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):  # too large on the way, or infinities of both signs
        return sum(terms)
