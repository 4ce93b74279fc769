"""Properties that hold whatever is asked: any options together, any types, any shape, any rows."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import zmq

from conftest import Client, Daemon
from expected import check
from wire import (
    FLOAT64, IGNORE, LOSSES, LSE, PREDICTIONS, VERDICTS, ZERO_ROW_IGNORED, Request, Result,
)

ALL = LOSSES | LSE | PREDICTIONS | VERDICTS
LOGIT_TYPES = ["f32", "f16", "bf16", "f64"]
LABEL_TYPES = {
    "integer": ["u8", "u16", "u32", "i32", "i64"], "onehot": ["u8", "f16", "bf16", "f32", "f64"],
    "probabilities": ["f16", "bf16", "f32", "f64"],
}
CLASS_COUNTS = [1, 2, 3, 10, 15, 16, 17, 63, 64, 65, 191, 192, 193, 255, 257, 2049]
TRIALS = 80


def held(values: np.ndarray, kind: str) -> np.ndarray:
    """The values as a type of the wire holds them, in the narrowest type of NumPy that does."""
    if kind == "bf16":
        return (np.ascontiguousarray(values, "<f4").view("<u4") & 0xFFFF0000).view("<f4")
    return values.astype({"f32": "f4", "f16": "f2", "f64": "f8"}[kind])


def logits(source: np.random.Generator, rows: int, classes: int, kind: str) -> np.ndarray:
    offset = source.choice([0, 0, 1, -100, 1e4] if kind in ("f32", "f64") else [0, 0, 1])
    values = source.normal(offset, source.choice([1e-3, 0.1, 3, 30]), (rows, classes))
    if source.random() < 0.2:  # masked classes
        values[source.random((rows, classes)) < 0.3] = -np.inf
    if source.random() < 0.2:  # ties
        values = np.round(values)
    return held(values, kind)


def any_request(source: np.random.Generator, logits_type: str, kind: str) -> Request:
    """A batch without a bad row but those of masked classes, with any of the options together."""
    classes = int(source.choice(CLASS_COUNTS))
    rows = int(source.integers(1, 40 if classes < 1000 else 4))
    label_type = str(source.choice(LABEL_TYPES[kind]))
    maybe = lambda value: value if source.random() < 0.3 else 0
    request = Request(
        logits(source, rows, classes, logits_type), np.zeros(0), logits_type=logits_type, kind=kind, label_type=label_type,
        flags=ALL | maybe(FLOAT64), top_k=maybe(int(source.choice([1, 2, 5, 255]))),
        smoothing=maybe(float(source.choice([1e-6, 0.1, 0.9]))), z_loss=maybe(float(source.choice([1e-4, 0.5]))),
        temperature=maybe(float(source.choice([0.5, 1, 1.7, 10]))), softcap=maybe(float(source.choice([0.5, 5, 30]))))
    if source.random() < 0.3:
        request.sample_weights = source.uniform(0, 2, rows).astype("f4") * source.integers(0, 2, rows)
    if source.random() < 0.3:
        request.class_weights = source.uniform(0, 2, classes).astype("f4") * source.integers(0, 2, classes)
    set_labels(request, source, source.integers(0, classes if label_type != "u8" else min(classes, 256), rows))
    return request


def set_labels(request: Request, source: np.random.Generator, indices: np.ndarray) -> None:
    rows, classes = request.logits.shape
    ignores = source.random() < 0.3
    one_hot = (np.arange(classes) == indices[:, None]).astype(float)
    if request.kind == "integer":
        request.labels = indices
        if ignores:
            request.flags |= IGNORE
            request.ignore_index = int(source.choice([0, min(classes - 1, 255), 200]))
            request.labels = np.where(source.random(rows) < 0.3, request.ignore_index, indices)
    elif request.kind == "onehot":
        request.labels = one_hot
        if ignores:
            request.flags |= ZERO_ROW_IGNORED
            request.labels[source.random(rows) < 0.3] = 0
    else:
        request.tolerance = 0.02
        mixed = one_hot if source.random() < 0.3 else source.dirichlet(np.ones(classes), rows)
        request.labels = held(mixed, request.label_type).astype(float)


BAD_ROWS = ["a NaN logit", "an infinite logit", "no logit", "a bad label", "a bad weight"]


def spoil(request: Request, row: int, how: str, source: np.random.Generator) -> None:
    """Makes a row a bad one."""
    place = source.integers(0, request.logits.shape[1])
    if how == "a NaN logit":
        request.logits[row, place] = np.nan
    elif how == "an infinite logit":
        request.logits[row, place] = np.inf
    elif how == "no logit":
        request.logits[row] = -np.inf
    elif how == "a bad weight":
        if request.sample_weights is None:
            request.sample_weights = np.ones(len(request.logits), np.float32)
        request.sample_weights[row] = source.choice([-1, np.nan, np.inf, -np.inf])
    elif request.kind == "integer":
        outside = request.logits.shape[1] if request.label_type.startswith("u") else -7
        if request.label_type == "u8" and outside > 255:  # every label is in range
            return spoil(request, row, "a NaN logit", source)
        request.labels[row] = outside
    elif request.label_type == "u8":
        request.labels[row] = 2
    else:
        request.labels[row, place] = source.choice([np.nan, -0.5, np.inf, 2])


def layouts(source: np.random.Generator) -> str:
    return "packed" if source.random() < 0.5 else "split"


@pytest.mark.parametrize("kind", LABEL_TYPES)
@pytest.mark.parametrize("logits_type", LOGIT_TYPES)
def test_any_options_together_give_what_80_bit_arithmetic_gives(client: Client, logits_type: str, kind: str) -> None:
    source = np.random.default_rng([LOGIT_TYPES.index(logits_type), len(kind)])
    for _ in range(TRIALS):
        request = any_request(source, logits_type, kind)
        for how in BAD_ROWS:
            if source.random() < 0.1:
                spoil(request, int(source.integers(0, len(request.logits))), how, source)
        try:
            check(request, client.ask(request, layouts(source)))
        except AssertionError as failure:
            raise AssertionError(f"{request}") from failure


@pytest.mark.parametrize("how", BAD_ROWS)
@pytest.mark.parametrize("kind", LABEL_TYPES)
@pytest.mark.parametrize("logits_type", LOGIT_TYPES)
def test_a_bad_row_leaves_all_other_rows_as_they_were(client: Client, logits_type: str, kind: str, how: str) -> None:
    source = np.random.default_rng([LOGIT_TYPES.index(logits_type), len(kind), BAD_ROWS.index(how)])
    for _ in range(TRIALS // 4):
        request = any_request(source, logits_type, kind)
        good = client.ask(request)
        row = int(source.integers(0, len(request.logits)))
        request.logits, request.labels = request.logits.copy(), request.labels.copy()
        spoil(request, row, how, source)
        result = client.ask(request, layouts(source))
        for section in ("losses", "lse", "predictions", "verdicts"):
            before, after = getattr(good, section), getattr(result, section)
            assert np.delete(before, row).tobytes() == np.delete(after, row).tobytes(), (section, request)


@pytest.mark.parametrize("kind", LABEL_TYPES)
@pytest.mark.parametrize("logits_type", LOGIT_TYPES)
def test_a_row_has_the_same_bits_in_any_batch_at_any_place(client: Client, logits_type: str, kind: str) -> None:
    source = np.random.default_rng([LOGIT_TYPES.index(logits_type), len(kind), 1])
    for _ in range(TRIALS // 4):
        request = any_request(source, logits_type, kind)
        whole = client.ask(request)
        rows = source.permutation(len(request.logits))[: source.integers(1, len(request.logits) + 1)]
        weights = None if request.sample_weights is None else request.sample_weights[rows]
        part = replace(request, logits=request.logits[rows], labels=request.labels[rows], sample_weights=weights)
        result = client.ask(part, layouts(source))
        for section in ("losses", "lse", "predictions", "verdicts"):
            assert getattr(whole, section)[rows].tobytes() == getattr(result, section).tobytes(), (section, request)


@pytest.mark.parametrize("logits_type", LOGIT_TYPES)
def test_one_hot_labels_have_the_bits_of_integers_with_any_options(client: Client, logits_type: str) -> None:
    source = np.random.default_rng([LOGIT_TYPES.index(logits_type), 2])
    for _ in range(TRIALS):
        request = any_request(source, logits_type, "integer")
        hot = (np.arange(request.logits.shape[1]) == request.labels[:, None]).astype(float)
        if request.flags & IGNORE:  # the ignored rows are those that are all zeros
            hot[request.labels == request.ignore_index] = 0
        label_type = str(source.choice(LABEL_TYPES["onehot"]))
        flags = request.flags & ~IGNORE | (ZERO_ROW_IGNORED if request.flags & IGNORE else 0)
        other = client.ask(replace(request, kind="onehot", labels=hot, label_type=label_type, flags=flags))
        result = client.ask(request)
        for section in ("losses", "lse", "predictions", "verdicts"):
            assert getattr(result, section).tobytes() == getattr(other, section).tobytes(), (section, request)
        for figure in ("sum", "weight", "mean", "finite_sum", "finite_weight", "z_sum", "correct", "top_k_correct", "ignored"):
            assert np.array_equal(getattr(result, figure), getattr(other, figure), equal_nan=True), (figure, request)


def exact_sum(request: Request, result: Result) -> Fraction:
    """The sum of the losses of a result, times the sample weights, without an error."""
    weights = np.ones(len(result.losses)) if request.sample_weights is None else request.sample_weights
    return sum((Fraction(float(a)) * Fraction(float(loss)) for a, loss in zip(weights, result.losses)), Fraction(0))


def distance(received: float, exact: Fraction) -> float:
    """In units in the last place of the exact value."""
    return float(abs(Fraction(received) - exact) / Fraction(float(np.spacing(float(exact)))))


def losses_of_all_magnitudes(rows: int, source: np.random.Generator) -> Request:
    """Rows of two classes whose losses go from 1e-26 to 1e30."""
    gaps = np.concatenate([source.uniform(0, 60, rows // 2), -(10 ** source.uniform(0, 30, rows - rows // 2))])
    return Request(np.stack([gaps, np.zeros(rows)], axis=1).astype("f4"), np.zeros(rows, int), flags=LOSSES | FLOAT64)


def test_sums_are_exact_in_any_order_in_one_batch_or_in_a_thousand(client: Client) -> None:
    source = np.random.default_rng(5)
    request = losses_of_all_magnitudes(40_000, source)
    whole = client.ask(request)
    exact = exact_sum(request, whole)
    assert distance(whole.sum, exact) <= 1 and whole.mean == pytest.approx(float(exact / 40_000), rel=1e-15)
    for order in (np.argsort(request.logits[:, 0]), np.argsort(-request.logits[:, 0]), source.permutation(40_000)):
        shuffled = client.ask(Request(request.logits[order], request.labels, flags=LOSSES | FLOAT64))
        assert distance(shuffled.sum, exact) <= 1
    parts = [
        client.ask(Request(request.logits[first : first + 40], request.labels[:40], flags=0))
        for first in range(0, 40_000, 40)
    ]
    mean = float(sum((Fraction(part.sum) for part in parts), Fraction(0)) / 40_000)
    assert mean == pytest.approx(whole.mean, rel=1e-15)


def test_sums_are_the_same_for_any_number_of_workers(start_daemon: object, context: zmq.Context) -> None:
    request = losses_of_all_magnitudes(400_000, np.random.default_rng(6))
    request.sample_weights = np.random.default_rng(7).uniform(0, 9, 400_000).astype("f4")
    seen = set()
    for workers in ("1", "2", "5"):
        daemon: Daemon = start_daemon("--workers", workers)  # type: ignore[operator]
        result = Client(context, daemon.router).ask(request)
        seen.add((result.sum, result.weight, result.mean, result.finite_sum))
    assert len(seen) == 1


def hardest_weight(loss: float) -> float:
    """A sample weight whose product with the loss is just above a power of 2 and is most wrong when it is rounded."""
    first = np.float32(1 / loss)
    weights = (first.view(np.int32) + np.arange(1, 20_000, dtype=np.int32)).view(np.float32).astype(float)
    errors = [abs(Fraction(weight * loss) - Fraction(weight) * Fraction(loss)) for weight in weights]
    return float(weights[int(np.argmax([float(error) for error in errors]))])


def test_sums_of_weighted_losses_are_exact_to_one_unit_in_the_last_place(client: Client) -> None:
    rows = 1013
    logits = np.tile(np.array([[0, 0.3]]), (rows, 1))
    request = Request(logits, np.zeros(rows, int), logits_type="f64", flags=LOSSES | FLOAT64)
    loss = float(client.ask(request).losses[0])
    request.sample_weights = np.full(rows, hardest_weight(loss), np.float32)
    result = client.ask(request)
    assert distance(result.sum, exact_sum(request, result)) <= 1


def test_a_smoothed_loss_of_f64_logits_is_infinite_only_where_it_is_too_large(client: Client) -> None:
    logits = np.zeros((2, 40))
    logits[0, 1:] = -1e307
    logits[1] = np.linspace(-1e308, 1e307, 40)
    request = Request(logits, np.zeros(2, int), logits_type="f64", flags=ALL | FLOAT64, smoothing=0.1)
    check(request, client.ask(request))


def test_a_loss_too_large_for_f64_is_not_told_to_be_too_large_for_f32(client: Client) -> None:
    logits = np.array([[1.5e308, -1.5e308]])
    result = client.ask(Request(logits, np.ones(1, int), logits_type="f64", flags=ALL | FLOAT64))
    assert result.verdicts.tolist() == [20] and "f32" not in result.message and "f64" in result.message
