"""What a data set comes to: the figures of its batches, merged exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ._results import BatchResult


class ExactSum:
    """A sum of floats without rounding: terms may be added, and sums merged, in any order.

    Source: Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates", 1997; its value
    is `math.fsum` of the terms.
    """

    __slots__ = ("_partials", "_special")

    def __init__(self, terms: Iterable[float] = ()) -> None:
        # Floats that do not overlap, whose sum is exact; and the sum of what is infinite, NaN or too large.
        self._partials: list[float] = []
        self._special = 0.0
        for term in terms:
            self.add(term)

    def add(self, term: float) -> None:
        """Adds a term."""
        if not math.isfinite(term):
            self._special += term
            return
        kept = 0
        for partial in self._partials:
            low, high = (partial, term) if abs(partial) < abs(term) else (term, partial)
            term = high + low
            if not math.isfinite(term):  # too large for f64
                self._special += term
                return
            lost = low - (term - high)
            if lost:
                self._partials[kept] = lost
                kept += 1
        self._partials[kept:] = [term]

    def merge(self, other: ExactSum) -> None:
        """Adds another sum's terms."""
        for partial in other._partials:
            self.add(partial)
        self._special += other._special

    @property
    def value(self) -> float:
        """The sum, rounded once."""
        return math.fsum(self._partials) if self._special == 0 else self._special


class Evaluation:
    """The figures of many batches. Sums and counts are added, exactly; means are quotients of sums, never averaged.

    Evaluations of parts of a data set are merged by `merge` or `+`, in any order and from any number of processes (they
    can be pickled), and give the same bits as one evaluation of the whole in the same batches.

    Attributes:
        batches: how many were added.
        rows: their rows, and of these
        counted: those that are not ignored, of which
        invalid: those with a bad label or weight,
        not_finite: those whose loss is NaN or infinite, invalid ones included,
        correct: those whose largest logit is the label's,
        top_k_correct: those whose label is among the k largest logits.
        first_bad_row: the first row, counted through all batches, that is invalid or not finite; `None` if there is none,
            or evaluations were merged.
        message: what is wrong with it.
    """

    def __init__(self) -> None:
        self._sum = ExactSum()
        self._weight = ExactSum()
        self._finite_sum = ExactSum()
        self._finite_weight = ExactSum()
        self._z_sum = ExactSum()
        self.batches = 0
        self.rows = 0
        self.counted = 0
        self.ignored = 0
        self.invalid = 0
        self.not_finite = 0
        self.correct = 0
        self.top_k_correct = 0
        self.first_bad_row: int | None = None
        self.message: str | None = None

    def add(self, result: BatchResult) -> None:
        """Adds the figures of the next batch."""
        if result.first_bad_row is not None and self.message is None:
            self.first_bad_row = self.rows + result.first_bad_row
            reason = (result.message or "").partition(": ")[2]
            self.message = f"row {self.first_bad_row}: {reason}"
        self._sum.add(result.sum)
        self._weight.add(result.weight)
        self._finite_sum.add(result.finite_sum)
        self._finite_weight.add(result.finite_weight)
        self._z_sum.add(result.z_sum)
        self.batches += 1
        self.rows += result.rows
        self.counted += result.counted
        self.ignored += result.ignored
        self.invalid += result.invalid
        self.not_finite += result.not_finite
        self.correct += result.correct
        self.top_k_correct += result.top_k_correct

    def merge(self, other: Evaluation) -> Evaluation:
        """Adds the figures of another evaluation, and returns this one."""
        for name in ("_sum", "_weight", "_finite_sum", "_finite_weight", "_z_sum"):
            getattr(self, name).merge(getattr(other, name))
        for name in ("batches", "rows", "counted", "ignored", "invalid", "not_finite", "correct", "top_k_correct"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        # Rows are counted from the first of each: which of the bad ones is the first of all is not known.
        self.message = self.message or other.message
        self.first_bad_row = None
        return self

    def __add__(self, other: Evaluation) -> Evaluation:
        return Evaluation().merge(self).merge(other)

    @property
    def sum(self) -> float:
        """The sum of sample weight times loss, in nats, over the rows that count; NaN where a row is invalid."""
        return self._sum.value

    @property
    def weight(self) -> float:
        """What `sum` is to be divided by for the mean."""
        return self._weight.value

    @property
    def mean(self) -> float:
        """The mean loss in nats: NaN where no row counts, or one is invalid."""
        return self.sum / self.weight if self.weight else math.nan

    @property
    def finite_sum(self) -> float:
        """The sum over the rows whose loss is finite."""
        return self._finite_sum.value

    @property
    def finite_weight(self) -> float:
        """The weight of the rows whose loss is finite."""
        return self._finite_weight.value

    @property
    def finite_mean(self) -> float:
        """The mean over the rows whose loss is finite."""
        return self.finite_sum / self.finite_weight if self.finite_weight else math.nan

    @property
    def z_sum(self) -> float:
        """The z-loss's part of `finite_sum`."""
        return self._z_sum.value

    @property
    def perplexity(self) -> float:
        """`exp(mean)`; infinite where that is too large."""
        try:
            return math.exp(self.mean)
        except OverflowError:
            return math.inf

    @property
    def bits(self) -> float:
        """The mean loss in bits."""
        return self.mean / math.log(2)

    @property
    def accuracy(self) -> float:
        """The part of the counted rows whose largest logit is the label's."""
        return self.correct / self.counted if self.counted else math.nan

    @property
    def top_k_accuracy(self) -> float:
        """The part of the counted rows whose label is among the k largest logits; 0 where `top_k` was not asked for."""
        return self.top_k_correct / self.counted if self.counted else math.nan

    def __repr__(self) -> str:
        return (
            f"Evaluation(rows={self.rows}, mean={self.mean!r}, perplexity={self.perplexity!r}, accuracy={self.accuracy!r}, "
            f"invalid={self.invalid})"
        )
