"""Streams of batches: the bar that shows how far one is, and the adding up of what comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from ._errors import LabelError
from ._evaluation import Evaluation
from ._results import BatchResult


def with_progress(batches: Iterable[Any], progress: bool, total: int | None) -> Iterable[Any]:
    """The batches, with a bar that shows how far they are."""
    if not progress:
        return batches
    try:
        from tqdm.auto import tqdm  # noqa: PLC0415 # only where it is asked for
    except ImportError:
        raise ImportError("progress=True: needs tqdm; install it with `pip install tqdm`") from None
    bar: Iterator[Any] = tqdm(batches, total=total, unit="batch")
    return bar


def members(batch: Any) -> tuple[Any, Any, Any]:
    """Logits, labels and sample weights, if there are any, of a batch of a stream."""
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        # An array could be taken apart too, into its rows.
        received = f"an array of shape {tuple(batch.shape)}" if hasattr(batch, "shape") else type(batch).__name__
        if isinstance(batch, (tuple, list)):
            received += f" of {len(batch)}"
        raise TypeError(
            f"batches: expected (logits, labels) or (logits, labels, sample_weight) each, received {received}; "
            "a single batch is evaluate([(logits, labels)])"
        )
    return batch[0], batch[1], batch[2] if len(batch) == 3 else None


def add_to(evaluation: Evaluation, future: Future[BatchResult]) -> None:
    """Adds the result of the next batch, once it is there."""
    try:
        evaluation.add(future.result())
    except LabelError as error:
        raise error.counted_from(evaluation.rows) from None
