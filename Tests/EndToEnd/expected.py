"""What a request with any options must give, in 80-bit arithmetic, and how near to it a result must be: shares nothing with
the daemon's code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference import ulps
from wire import FLOAT64, IGNORE, NO_ROW, ZERO_ROW_IGNORED, Request, Result

Long = np.longdouble
OK, IGNORED, OUT_OF_RANGE, NOT_ONE_HOT, BAD_PROBABILITIES, BAD_WEIGHT = range(6)
NAN_LOGIT, INFINITE_LOGIT, ALL_MASKED, LABEL_MASKED, OVERFLOW = range(16, 21)
INVALID = [OUT_OF_RANGE, NOT_ONE_HOT, BAD_PROBABILITIES, BAD_WEIGHT]


@dataclass
class Expected:
    losses: np.ndarray
    lse: np.ndarray
    predictions: np.ndarray
    verdicts: np.ndarray
    sum: Long
    weight: Long
    finite_sum: Long
    finite_weight: Long
    z_sum: Long
    counted: int
    ignored: int
    invalid: int
    not_finite: int
    correct: int
    top_k_correct: int
    first_bad_row: int


def transformed(request: Request) -> np.ndarray:
    """The logits after temperature and softcap, as the numerics lay down: one division, then k tanh(z / k)."""
    wide = np.float64 if request.logits_type == "f64" else np.float32
    z = request.logits.astype(wide)
    if request.temperature:
        z = z / wide(np.float32(request.temperature))
    if request.softcap:
        cap = Long(np.float32(request.softcap))
        capped = (cap * np.tanh(z.astype(Long) / cap)).astype(wide)
        z = np.where(np.isinf(z), z, capped)
    return z.astype(Long)


def labels(request: Request) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each row's label as shares of the classes before smoothing, as one class, and the verdict on it."""
    rows, classes = request.logits.shape
    given = request.labels
    if request.kind == "integer":
        in_range = (given >= 0) & (given < classes)
        ignored = (given == request.ignore_index) & bool(request.flags & IGNORE)
        verdicts = np.where(ignored, IGNORED, np.where(in_range, OK, OUT_OF_RANGE))
        indices = np.where(verdicts == OK, given, 0).astype(int)
        return (np.arange(classes) == indices[:, None]).astype(Long), indices, verdicts
    indices = np.nan_to_num(given.astype(float)).argmax(axis=1)
    if request.kind == "onehot":
        ones, zeros = (given == 1).sum(axis=1), (given == 0).sum(axis=1)
        is_hot = (ones == 1) & (zeros == classes - 1)
        is_ignored = (zeros == classes) & bool(request.flags & ZERO_ROW_IGNORED)
        verdicts = np.where(is_hot, OK, np.where(is_ignored, IGNORED, NOT_ONE_HOT))
        return np.where(is_hot[:, None], given, 0).astype(Long), indices, verdicts
    shares = given.astype(Long)
    tolerance = np.float32(request.tolerance) or np.float32(1e-3)
    are_good = (np.isfinite(given) & (given >= 0)).all(axis=1) & (np.abs(shares.sum(axis=1) - 1) <= tolerance)
    return np.where(are_good[:, None], shares, 0), indices, np.where(are_good, OK, BAD_PROBABILITIES)


@np.errstate(all="ignore")
def expected(request: Request) -> Expected:
    z = transformed(request)
    rows, classes = z.shape
    indices = np.arange(rows)
    weights = np.ones(classes, Long) if request.class_weights is None else request.class_weights.astype(Long)
    row_weights = np.ones(rows, Long) if request.sample_weights is None else request.sample_weights.astype(Long)
    targets, classes_of_labels, verdicts = labels(request)
    verdicts = np.where((verdicts == OK) & ~(np.isfinite(row_weights) & (row_weights >= 0)), BAD_WEIGHT, verdicts)
    # The log-sum-exp: the sum leaves the first maximum out.
    top = np.where(np.isnan(z), -np.inf, z).argmax(axis=1)
    maxima = z[indices, top]
    terms = np.exp(z - maxima[:, None])
    terms[indices, top] = 0
    log_sums = np.log1p(terms.sum(axis=1))
    lse = np.where(np.isfinite(maxima), maxima + log_sums, maxima)
    lse = np.where(np.isnan(z).any(axis=1), np.nan, lse)
    # The loss: the shares of the classes times their distances.
    smoothing = Long(np.float32(request.smoothing))
    shares = weights * (targets * (1 - smoothing) + smoothing / classes)
    gaps = (maxima[:, None] - z) + log_sums[:, None]
    z_terms = Long(np.float32(request.z_loss)) * lse**2
    losses = np.where(shares == 0, 0, shares * np.where(shares == 0, 0, gaps)).sum(axis=1) + z_terms
    largest = np.finfo(np.float64 if request.flags & FLOAT64 else np.float32).max
    for verdict, applies, loss in (
        (NAN_LOGIT, np.isnan(z).any(axis=1), np.nan), (INFINITE_LOGIT, np.isposinf(z).any(axis=1), np.nan),
        (ALL_MASKED, np.isneginf(z).all(axis=1), np.nan),
        (LABEL_MASKED, (np.isneginf(z) & (shares != 0)).any(axis=1), np.inf), (OVERFLOW, losses > largest, np.inf),
    ):
        verdicts = np.where((verdicts == OK) & applies, verdict, verdicts)
        # The sum takes a loss that is too large for the results' type as it is.
        losses = np.where((verdicts == verdict) & (verdict != OVERFLOW), loss, losses)
    is_invalid = np.isin(verdicts, INVALID)
    losses = np.where(verdicts == IGNORED, 0, np.where(is_invalid, np.nan, losses))
    # The figures.
    counts, is_finite = verdicts != IGNORED, verdicts == OK
    own = np.ones(rows, Long) if request.kind == "probabilities" else weights[classes_of_labels]
    adds = counts & ~is_invalid & (row_weights != 0)
    raw = request.logits.astype(Long)
    is_known = counts & ~is_invalid & ~np.isnan(raw).any(axis=1)
    predictions = raw.argmax(axis=1)  # of a row with a NaN, the first of them
    label_logits = raw[indices, classes_of_labels]
    is_in_top = ((raw > label_logits[:, None]).sum(axis=1) < request.top_k) & (label_logits > -np.inf)
    bad = np.flatnonzero(verdicts > IGNORED)
    return Expected(
        losses=np.where(verdicts == OVERFLOW, np.inf, losses), lse=lse, predictions=predictions, verdicts=verdicts,
        sum=Long(np.nan) if is_invalid.any() else (row_weights * losses)[adds].sum(),
        weight=(row_weights * own)[counts & ~is_invalid].sum(), finite_sum=(row_weights * losses)[adds & is_finite].sum(),
        finite_weight=(row_weights * own)[is_finite].sum(), z_sum=(row_weights * z_terms)[adds & is_finite].sum(),
        counted=int(counts.sum()), ignored=int((~counts).sum()), invalid=int(is_invalid.sum()), not_finite=len(bad),
        correct=int((is_known & (predictions == classes_of_labels)).sum()), top_k_correct=int((is_known & is_in_top).sum()),
        first_bad_row=int(bad[0]) if len(bad) else NO_ROW)


@np.errstate(invalid="ignore")
def check(request: Request, result: Result) -> None:
    """Holds every figure and row of a result to the reference. The result must hold all row sections."""
    assert result.status == 0, result.message
    exact = expected(request)
    for count in ("counted", "ignored", "invalid", "not_finite", "correct", "top_k_correct", "first_bad_row"):
        assert getattr(result, count) == getattr(exact, count), count
    assert np.array_equal(result.verdicts, exact.verdicts)
    assert np.array_equal(result.predictions, exact.predictions)
    notes = 1 * (len(exact.losses) == 0) | 2 * (exact.counted == 0) | 4 * (exact.invalid > 0) | 8 * (exact.not_finite > 0)
    assert result.notes == notes
    assert (result.message is None) == (exact.not_finite == 0)
    assert result.message is None or f"row {exact.first_bad_row}: " in result.message
    check_rows(request, result, exact)
    check_sums(request, result, exact)


def precision(request: Request) -> tuple[float, float]:
    """How far a number may be off: relatively, and absolutely, for what a softcap rounds of logits up to the cap."""
    if request.logits_type == "f64" and request.flags & FLOAT64:
        return (1e-13, 1e-13 * request.softcap)
    return (1e-7 if request.flags & FLOAT64 else 3e-7, 3e-7 * request.softcap)


def check_rows(request: Request, result: Result, exact: Expected) -> None:
    received = result.losses.astype(Long)
    finite = np.isfinite(exact.losses)
    assert np.array_equal(received[~finite], exact.losses[~finite], equal_nan=True)
    assert not np.signbit(received[finite]).any(), "-0.0 is never a loss"
    relative, absolute = precision(request)
    room = relative * exact.losses + absolute * 2 + 1e-45
    assert (np.abs(received - exact.losses) <= room)[finite].all(), "losses"
    if finite.any() and not request.softcap and not request.flags & FLOAT64:
        assert ulps(result.losses[finite], exact.losses[finite]) <= 2.5
    known = np.isfinite(exact.lse)
    assert np.array_equal(result.lse[~known], exact.lse[~known].astype(float), equal_nan=True)
    room = relative * (np.abs(exact.lse) + np.log(Long(request.logits.shape[1]))) + absolute
    assert (np.abs(result.lse.astype(Long) - exact.lse) <= room)[known].all(), "log-sum-exps"


def check_sums(request: Request, result: Result, exact: Expected) -> None:
    relative, absolute = precision(request)
    for name in ("sum", "finite_sum", "z_sum"):
        received, value = getattr(result, name), getattr(exact, name)
        if not np.isfinite(value):
            assert np.array_equal(received, float(value), equal_nan=True), name
        else:
            room = relative * 2 * value + absolute * 10 * exact.counted
            assert abs(received - value) <= room, (name, received, value)
    for name in ("weight", "finite_weight"):
        received, value = getattr(result, name), getattr(exact, name)
        assert abs(received - value) <= np.spacing(float(value)), (name, received, value)
    mean = result.sum / result.weight if result.weight else np.nan
    assert np.array_equal(result.mean, mean, equal_nan=True)
