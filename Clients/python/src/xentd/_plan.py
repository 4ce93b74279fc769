"""What follows from the types and shapes of logits and labels, and from the options: what the labels are, which axis holds the
classes, and the header of the wire."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from . import _wire
from ._arrays import INDEX_TYPES, LOGIT_TYPES, AnyArray, float_array, index_array, one_hot_array, weight_array
from ._errors import BatchRefused
from ._limits import Limits
from ._options import DEFAULT_IGNORE_INDEX, LossOptions
from ._wire import Status


class Plan:
    """How logits and labels of these types and shapes become a batch. Worked out once for a stream of like batches.

    Attributes:
        shape: that of the logits without the classes.
        rows: how many there are.
        classes: how many.
        axis: that of the classes.
        kind: what the labels are.
        shared: the class weights, which every part of a split batch gets whole.
        is_plain: whether the arrays can go over the wire as they are, if they are in C order.
        fits: the limits for which it is known that the whole is one batch,
        whole: of which this is the header, without sequence and time,
        whole_bytes: and this the length. They are one client's.
    """

    __slots__ = (
        "_fields", "_result_row_bytes", "axis", "classes", "fits", "is_plain", "kind", "label_array",
        "options", "rows", "shape", "shared", "whole", "whole_bytes",
    )  # fmt: skip

    def __init__(
        self, logits: AnyArray, logits_code: int, labels: AnyArray, is_bfloat16: bool, is_weighted: bool, options: LossOptions
    ) -> None:
        self.options = options
        self.axis = _class_axis(logits.shape, labels.shape, options.axis)
        self.kind = _label_kind(logits.shape, self.axis, labels, is_bfloat16, options)
        self.shape = logits.shape[: self.axis] + logits.shape[self.axis + 1 :]
        self.rows = prod(self.shape)
        self.classes = logits.shape[self.axis]
        self.label_array = _LABEL_ARRAYS[self.kind]
        _, label_code = self.label_array(labels[:0] if labels.ndim else labels, is_bfloat16)
        self.shared: list[AnyArray] = []
        flags = _flags(options, self.kind) | _wire.SAMPLE_WEIGHTS * is_weighted
        if options.weight is not None:
            self.shared.append(weight_array(options.weight, "weight", self.classes, "class"))
            flags |= _wire.CLASS_WEIGHTS
        self._result_row_bytes = _wire.result_row_bytes(flags)
        self._fields = (
            self.classes, logits_code, self.kind, label_code, options.top_k, flags,
            options.ignore_index if flags & _wire.IGNORE else 0, options.label_smoothing, options.z_loss,
            options.temperature or 0.0, options.softcap or 0.0, options.label_tolerance or 0.0, 0, 0, 0,
        )  # fmt: skip
        self.whole = b""
        self.whole_bytes = 0
        self.fits: Limits | None = None
        self.is_plain = (
            self.axis == logits.ndim - 1
            and not self.shared
            and not is_weighted
            and logits.dtype in LOGIT_TYPES
            and labels.dtype in (INDEX_TYPES if self.kind == _wire.INTEGER else {np.dtype("u1"), *LOGIT_TYPES})
        )

    def header_for(self, rows: int, client_id: bytes) -> bytes:
        """The header of a batch of some of the rows."""
        return _wire.REQUEST.pack(
            _wire.MAGIC, _wire.VERSION, _wire.BATCH, _wire.REQUEST.size, 0, client_id, rows, *self._fields
        )

    def rows_per_batch(self, row_bytes: int, limits: Limits, part_bytes: int) -> int:
        """How many rows fit one batch, of whose sections each has `row_bytes`.

        Raises:
            BatchRefused: where not even one does.
        """
        fixed = _wire.REQUEST.size + sum(a.nbytes for a in self.shared)
        if not 1 <= self.classes <= limits.classes:
            raise BatchRefused(
                Status.BAD_SHAPE,
                f"classes: expected 1 to {limits.classes}, received {self.classes}; more is a setting of the daemon (limits)",
            )
        if fixed + row_bytes > limits.batch_bytes:
            raise BatchRefused(
                Status.TOO_LARGE,
                f"one row has {fixed + row_bytes} bytes with its header and label, and the daemon takes {limits.batch_bytes}; "
                "raise the limit in its configuration",
            )
        by_bytes = (limits.batch_bytes - fixed) // max(row_bytes, 1)
        most: int = min(self.rows, limits.rows, by_bytes, max(1, part_bytes // max(row_bytes, 1)))
        if self._result_row_bytes:
            most = min(most, (limits.result_bytes - _wire.RESULT.size) // self._result_row_bytes)
        return max(most, 1)


def _class_axis(shape: tuple[int, ...], labels: tuple[int, ...], axis: int | None) -> int:
    """The axis of the classes, counted from the first."""
    if not shape:
        raise ValueError("logits: expected at least one axis, that of the classes, received a single number")
    if axis is not None:
        if not -len(shape) <= axis < len(shape):
            raise ValueError(f"axis: expected {-len(shape)} to {len(shape) - 1} for logits of shape {shape}, received {axis}")
        return axis % len(shape)
    if len(shape) > 2:
        fits_last = labels in (shape, shape[:-1])
        fits_second = labels in (shape, shape[:1] + shape[2:])
        if fits_second and not fits_last:
            raise ValueError(
                f"labels of shape {labels} fit logits of shape {shape} with the classes on axis 1, as PyTorch has them; "
                "pass axis=1, or move the classes to the last axis, which saves a copy"
            )
        if fits_second:
            raise ValueError(
                f"logits of shape {shape} with labels of shape {labels}: the classes may be the last axis or, as PyTorch "
                "has them, axis 1; pass axis=-1 or axis=1"
            )
    return len(shape) - 1


def _label_kind(shape: tuple[int, ...], axis: int, labels: AnyArray, is_bfloat16: bool, options: LossOptions) -> int:
    """What the labels are, by type and shape, unless it is told."""
    rows_shape = shape[:axis] + shape[axis + 1 :]
    is_float = is_bfloat16 or labels.dtype.kind == "f"
    # As Keras may have them.
    is_column = labels.shape == (*rows_shape, 1) != shape and axis == len(shape) - 1
    kind = options.label_kind
    if kind is None:
        if labels.shape == rows_shape or (is_column and not is_float):
            kind = "indices"
        elif not is_float:
            kind = "one_hot"
        elif options.weight is None:
            kind = "probabilities"
        else:
            raise TypeError(
                "labels are floats of the logits' shape, and there are class weights: a mean over one-hot labels divides by "
                "the weights of the classes, one over probabilities by the rows; pass label_kind='one_hot' or "
                "label_kind='probabilities'"
            )
    expected = rows_shape if kind == "indices" else shape
    if labels.shape != expected and not (is_column and kind == "indices"):
        raise ValueError(
            f"labels: expected the shape {rows_shape} (class indices) or {shape} (one-hot, probabilities) for logits of "
            f"shape {shape}, received {labels.shape}"
            if options.label_kind is None
            else f"labels: expected the shape {expected} ({kind}) for logits of shape {shape}, received {labels.shape}"
        )
    if kind == "indices" and (is_float or labels.dtype.kind not in "iu"):
        received = "bfloat16" if is_bfloat16 else labels.dtype
        raise TypeError(f"labels: class indices are integers, received {received}; convert them with .astype('int64')")
    if kind != "indices" and options.ignore_index not in (None, DEFAULT_IGNORE_INDEX):
        raise ValueError(f"ignore_index: {options.ignore_index} means nothing with labels that are {kind}; leave it out")
    if kind != "one_hot" and options.ignore_zero_rows:
        raise ValueError(f"ignore_zero_rows: means nothing with labels that are {kind}; leave it out")
    if kind != "probabilities" and options.label_tolerance is not None:
        raise ValueError(f"label_tolerance: means nothing with labels that are {kind}; leave it out")
    return _KINDS[kind]


_KINDS = {"indices": _wire.INTEGER, "one_hot": _wire.ONE_HOT, "probabilities": _wire.PROBABILITIES}


def _probabilities_array(array: AnyArray, is_bfloat16: bool) -> tuple[AnyArray, int]:
    if is_bfloat16:
        return np.ascontiguousarray(array), _wire.BF16
    if array.dtype.kind in "iub":
        array = array.astype(np.float32)
    return float_array(array, "labels")


_LABEL_ARRAYS: dict[int, Callable[[AnyArray, bool], tuple[AnyArray, int]]] = {
    _wire.INTEGER: lambda array, _: index_array(array),
    _wire.ONE_HOT: one_hot_array,
    _wire.PROBABILITIES: _probabilities_array,
}


def _flags(options: LossOptions, kind: int) -> int:
    flags = (
        options.losses * _wire.LOSSES
        | options.log_sum_exps * _wire.LSE
        | options.predictions * _wire.PREDICTIONS
        # A bad row is found by its verdict.
        | (options.verdicts or options.on_invalid == "raise") * _wire.VERDICTS
        | options.float64 * _wire.FLOAT64
        | options.ignore_zero_rows * _wire.ZERO_ROW_IGNORED
    )
    if kind == _wire.INTEGER and options.ignore_index is not None:
        flags |= _wire.IGNORE
    return flags
