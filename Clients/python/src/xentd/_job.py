"""What a caller waits for: a future, and the batches of which its result is put together."""

from __future__ import annotations

import contextlib
from concurrent.futures import InvalidStateError
from typing import Any

import numpy as np

from . import _wire
from ._errors import LabelError
from ._future import LeanFuture
from ._request import Request
from ._results import BatchResult


class Job(LeanFuture[BatchResult]):
    """One call of `submit`: the future that it returns. `take` and `fail` are for the thread that owns the sockets."""

    # Results of parts that wait for the others.
    _parts: list[tuple[int, bytes]] | None = None

    def __init__(self, request: Request, part_count: int) -> None:
        self._request: Request | None = request
        self._waiting_parts = part_count

    def take(self, first_row: int, frame: bytes, fields: tuple[Any, ...]) -> None:
        """Takes the result of one batch, and completes the future with the last."""
        request = self._request
        if request is None:
            return  # another batch of it failed before
        self._waiting_parts -= 1
        if self._parts is None and not self._waiting_parts:
            self._finish(BatchResult.of(frame, fields, request.plan.shape), request)
            return
        self._parts = self._parts or []
        self._parts.append((first_row, frame))
        if not self._waiting_parts:
            self._parts.sort()
            self._finish(BatchResult.stitched(self._parts, request.plan.shape), request)

    def fail(self, error: Exception) -> None:
        """Gives the caller an error, unless something was given already."""
        self._let_go()
        with contextlib.suppress(InvalidStateError):  # cancelled, or another batch of it failed before
            self.set_exception(error)

    def _finish(self, result: BatchResult, request: Request) -> None:
        self._let_go()
        try:
            if result.invalid and request.plan.options.on_invalid == "raise":
                self.set_exception(label_error(result, request))
            else:
                self.set_result(result)
        except InvalidStateError:
            pass

    def _let_go(self) -> None:
        """Lets the caller's arrays go, though the caller may keep the future."""
        self._request = self._parts = None


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
