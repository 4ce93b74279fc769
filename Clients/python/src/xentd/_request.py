"""Logits, labels and weights of one call -> batches as they go over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _wire
from ._arrays import AnyArray, logits_array, to_array, weight_array
from ._batch import Batch
from ._limits import Limits
from ._options import DEFAULT_OPTIONS, LossOptions, options_of
from ._plan import Plan

if TYPE_CHECKING:
    from ._keywords import LossKeywords

# Up to here a batch is copied into one frame, which costs less than the bookkeeping of sending arrays in place.
PACKED_BYTES = 64 << 10
_PLANS_KEPT = 256
_OPTIONS_KEPT = 64


class Request:
    """One call's arrays, in C order and types of the wire, and the plan of what is to be computed of them."""

    __slots__ = ("labels", "plan", "sections")

    def __init__(self, plan: Plan, labels: AnyArray, sections: list[AnyArray]) -> None:
        self.plan = plan
        # As they were given, to be named in errors; but for the axis of the classes, which is the last.
        self.labels = labels
        # Logits, labels and sample weights: each part of a split batch gets its rows of them.
        self.sections = sections

    def batches(self, client_id: bytes, limits: Limits, part_bytes: int) -> list[Batch]:
        """The request as batches of consecutive rows that fit the limits, and are at most about `part_bytes` long."""
        plan, sections = self.plan, self.sections
        if plan.fits is limits:
            return [_batch(plan.whole, [*sections, *plan.shared], plan.whole_bytes, 0)]
        section_bytes = sum([a.nbytes for a in sections])
        step = plan.rows_per_batch(section_bytes // (plan.rows or 1), limits, part_bytes)
        if step >= plan.rows:
            sections = [*sections, *plan.shared]
            plan.whole = plan.header_for(plan.rows, client_id)
            plan.whole_bytes = _byte_count(sections)
            plan.fits = limits
            return [_batch(plan.whole, sections, plan.whole_bytes, 0)]
        by_rows = [a.reshape(plan.rows, a.size // plan.rows) for a in sections]
        batches = []
        for first in range(0, plan.rows, step):
            part = [*(a[first : first + step] for a in by_rows), *plan.shared]
            header = plan.header_for(min(step, plan.rows - first), client_id)
            batches.append(_batch(header, part, _byte_count(part), first))
        return batches


class RequestMaker:
    """Makes requests for one client, and keeps the options of its last calls and the plans of their shapes."""

    def __init__(self) -> None:
        self._plans: dict[Any, Plan] = {}
        self._options_kept: dict[Any, LossOptions] = {}

    def make(self, logits: Any, labels: Any, sample_weight: Any, keywords: LossKeywords) -> Request:
        """The request of a call.

        Raises:
            TypeError, ValueError: the arrays are no batch, or the keywords no options.
        """
        options = self._options(keywords) if keywords else DEFAULT_OPTIONS
        if type(logits) is np.ndarray and type(labels) is np.ndarray and sample_weight is None:
            plan = self._plans.get((logits.dtype, logits.shape, labels.dtype, labels.shape, options))
            if plan is not None and logits.flags.c_contiguous and labels.flags.c_contiguous:
                return Request(plan, labels, [logits, labels])
        return self._make(logits, labels, sample_weight, options)

    def _options(self, keywords: LossKeywords) -> LossOptions:
        """The keywords, checked: once for a stream of like calls."""
        key = tuple(keywords.items())
        try:
            options = self._options_kept.get(key)
        except TypeError:  # an array, which has no hash
            return options_of(keywords)
        if options is None:
            options = options_of(keywords)
            if len(self._options_kept) < _OPTIONS_KEPT:
                self._options_kept[key] = options
        return options

    def _make(self, logits: Any, labels: Any, sample_weight: Any, options: LossOptions) -> Request:
        array, logits_code = logits_array(logits)
        targets, is_bfloat16 = to_array(labels, "labels")
        plan = Plan(array, logits_code, targets, is_bfloat16, sample_weight is not None, options)
        if plan.is_plain and logits is array and labels is targets:
            if len(self._plans) >= _PLANS_KEPT:
                self._plans.clear()
            self._plans[array.dtype, array.shape, targets.dtype, targets.shape, options] = plan
        if plan.axis != array.ndim - 1:
            array = np.ascontiguousarray(np.moveaxis(array, plan.axis, -1))
            if plan.kind != _wire.INTEGER:
                targets = np.moveaxis(targets, plan.axis, -1)
        sections = [array, plan.label_array(targets, is_bfloat16)[0]]
        if sample_weight is not None:
            sections.append(weight_array(sample_weight, "sample_weight", plan.rows, "row"))
        return Request(plan, targets, sections)


def _byte_count(sections: list[AnyArray]) -> int:
    return _wire.REQUEST.size + sum([a.nbytes for a in sections])


def _batch(header: bytes, sections: list[Any], byte_count: int, first_row: int) -> Batch:
    if byte_count <= PACKED_BYTES:
        return Batch(bytearray().join((header, *sections)), (), byte_count, first_row)
    return Batch(bytearray(header), tuple(sections), byte_count, first_row)
