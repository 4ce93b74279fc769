"""What a caller waits for: a future, and the batches of which its result is put together."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, InvalidStateError
from typing import Any

import numpy as np

from . import _wire
from ._errors import LabelError
from ._request import Request
from ._results import BatchResult


class Job:
    """One call of `submit`. Everything here but the constructor runs on the thread that owns the sockets."""

    __slots__ = ("future", "parts", "request", "waiting")

    def __init__(self, request: Request, part_count: int) -> None:
        self.future: Future[BatchResult] = Future()
        self.request = request
        self.waiting = part_count
        self.parts: list[tuple[int, bytes]] = []

    def take(self, first_row: int, frame: bytes, fields: tuple[Any, ...]) -> None:
        """Takes the result of one batch, and completes the future with the last."""
        self.waiting -= 1
        if not self.waiting and not self.parts:
            self._finish(BatchResult.of(frame, fields, self.request.plan.shape))
            return
        self.parts.append((first_row, frame))
        if not self.waiting:
            self.parts.sort()
            self._finish(BatchResult.stitched(self.parts, self.request.plan.shape))

    def fail(self, error: Exception) -> None:
        """Gives the caller an error, unless something was given already."""
        with contextlib.suppress(InvalidStateError):  # cancelled, or another batch of it failed before
            self.future.set_exception(error)

    def _finish(self, result: BatchResult) -> None:
        try:
            if result.invalid and self.request.plan.options.on_invalid == "raise":
                self.future.set_exception(label_error(result, self.request))
            else:
                self.future.set_result(result)
        except InvalidStateError:
            pass


def label_error(result: BatchResult, request: Request) -> LabelError:
    """Names the first row whose label or weight is bad."""
    verdicts = result.verdicts
    assert verdicts is not None, "asked for wherever a bad row raises"
    flat = verdicts.reshape(-1)
    row = int(((flat >= _wire.FIRST_INVALID) & (flat <= _wire.LAST_INVALID)).argmax())
    verdict = _wire.Verdict(flat[row])
    value: Any
    if verdict == _wire.Verdict.BAD_WEIGHT:
        value = float(request.sections[2][row])
        what = f"sample weight {value} is not a finite number of at least 0"
    elif verdict == _wire.Verdict.LABEL_OUT_OF_RANGE:
        value = request.labels.reshape(-1)[row].item()
        what = f"label {value} is not in 0..<{request.plan.classes}"
    else:
        value = np.array(request.labels.reshape(-1, request.plan.classes)[row])
        what = "the label is not one-hot" if verdict == _wire.Verdict.NOT_ONE_HOT else "the label is no probabilities"
    if row == result.first_bad_row and result.message is not None:
        what = result.message.partition(": ")[2]
    others = f" ({result.invalid} rows of {result.rows} are invalid)" if result.invalid > 1 else ""
    advice = "; on_invalid='nan' gives such rows the loss NaN and counts them"
    return LabelError(f"{what}{others}{advice}", row, value, result.invalid)
