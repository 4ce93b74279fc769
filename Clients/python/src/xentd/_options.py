"""The options of a loss, under PyTorch's names where PyTorch has one."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from ._keywords import LossKeywords

LabelKind = Literal["indices", "one_hot", "probabilities"]
OnInvalid = Literal["raise", "nan"]

DEFAULT_IGNORE_INDEX = -100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossOptions:
    """What is computed of a batch, and what is told of each row.

    Attributes:
        weight: a weight for each class. The mean weighs a row by that of its class.
        ignore_index: rows with this class index do not count; `None`: every row counts. Only for class indices.
        label_smoothing: the part of each label that is spread over all classes evenly, in [0, 1).
        z_loss: `z_loss * log_sum_exp ** 2` is added to each row's loss.
        temperature: the logits are divided by it; `None` stands for 1.
        softcap: then they become `softcap * tanh(logits / softcap)`; `None`: they do not.
        top_k: counts rows whose label is among the k largest logits; at most 255.
        axis: that of the classes. `None` is the last, and an error where the shapes fit axis 1 too, which is PyTorch's.
        label_kind: what the labels are: `"indices"`, `"one_hot"` or `"probabilities"`. `None`: integers of the logits'
            shape without the classes are indices; integers and booleans of the logits' shape are one-hot; floats of
            that shape are probabilities, as in PyTorch (with `weight` this must be said: the means differ).
        label_tolerance: how far a row of probabilities may add up to something else than 1; `None` stands for 1e-3.
        ignore_zero_rows: a one-hot row of zeros does not count, instead of being invalid.
        losses: whether each row's loss is told, in nats.
        log_sum_exps: whether each row's log-sum-exp is.
        predictions: whether each row's largest class is, as i32.
        verdicts: whether a verdict on each row is, as u8.
        float64: losses and log-sum-exps as f64, not f32.
        on_invalid: a row whose label or weight is bad raises `LabelError`, or `"nan"`: costs NaN and is counted.
    """

    weight: Any = None
    ignore_index: int | None = DEFAULT_IGNORE_INDEX
    label_smoothing: float = 0.0
    z_loss: float = 0.0
    temperature: float | None = None
    softcap: float | None = None
    top_k: int = 0
    axis: int | None = None
    label_kind: LabelKind | None = None
    label_tolerance: float | None = None
    ignore_zero_rows: bool = False
    losses: bool = True
    log_sum_exps: bool = False
    predictions: bool = False
    verdicts: bool = False
    float64: bool = False
    on_invalid: OnInvalid = "raise"

    def __post_init__(self) -> None:
        def check(name: str, is_right: bool, expected: str) -> None:
            if not is_right:
                raise ValueError(f"{name}: expected {expected}, received {getattr(self, name)!r}")

        check("label_smoothing", 0 <= self.label_smoothing < 1, "at least 0 and less than 1")
        check("z_loss", 0 <= self.z_loss < math.inf, "a finite number of at least 0")
        for name in ("temperature", "softcap", "label_tolerance"):
            value = getattr(self, name)
            check(name, value is None or 0 < value < math.inf, "a finite number above 0, or None")
            # The wire says by 0 that there is none.
            check(name, value is None or np.float32(value) > 0, "a number that is not 0 as f32")
        check("top_k", 0 <= self.top_k <= 255, "0 to 255")
        check(
            "label_kind",
            self.label_kind in (None, "indices", "one_hot", "probabilities"),
            "indices, one_hot or probabilities",
        )
        check("on_invalid", self.on_invalid in ("raise", "nan"), "'raise' or 'nan'")
        check(
            "ignore_index",
            self.ignore_index is None or -(2**63) <= self.ignore_index < 2**63,
            "an integer of 64 bits, or None",
        )


DEFAULT_OPTIONS = LossOptions()


def options_of(keywords: LossKeywords) -> LossOptions:
    """The options that a call was given as keywords."""
    names = [field.name for field in fields(LossOptions)]
    for name in keywords:
        if name not in names:
            close = get_close_matches(name, names, n=1)
            raise TypeError(
                f"{name}: the loss has no such option; " + (f"did you mean {close[0]}? " if close else "")
                + f"it has {', '.join(names)}"
            )  # fmt: skip
    return LossOptions(**keywords)
