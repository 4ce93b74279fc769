"""The keywords of `LossOptions`, for type checkers."""

from __future__ import annotations

from typing import Any, TypedDict

from ._options import LabelKind, OnInvalid


class LossKeywords(TypedDict, total=False):
    """As `LossOptions`, which says what each means."""

    weight: Any
    ignore_index: int | None
    label_smoothing: float
    z_loss: float
    temperature: float | None
    softcap: float | None
    top_k: int
    axis: int | None
    label_kind: LabelKind | None
    label_tolerance: float | None
    ignore_zero_rows: bool
    losses: bool
    log_sum_exps: bool
    predictions: bool
    verdicts: bool
    float64: bool
    on_invalid: OnInvalid
