"""What `cross_entropy` returns of a result."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ._results import BatchResult

Reduction = Literal["mean", "sum", "none"]


def check_reduction(reduction: Reduction) -> None:
    """Refuses what is no reduction.

    Raises:
        ValueError: it is none.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction: expected 'mean', 'sum' or 'none', received {reduction!r}")


def reduced(result: BatchResult, reduction: Reduction) -> Any:
    """The mean or the sum, as a float; or each row's loss, as an array that is the caller's own."""
    if reduction == "none":
        losses = result.losses
        assert losses is not None, "asked for"
        # Results are read-only views of a message.
        return np.array(losses)
    return result.mean if reduction == "mean" else result.sum
