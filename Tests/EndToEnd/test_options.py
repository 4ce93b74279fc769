"""Every option, alone and in pairs, with every type of logits and kind of labels, against 80-bit arithmetic."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from conftest import Client
from expected import Long, check
from reference import ulps
from wire import FLOAT64, IGNORE, LOSSES, LSE, PREDICTIONS, VERDICTS, ZERO_ROW_IGNORED, Request

ALL = LOSSES | LSE | PREDICTIONS | VERDICTS
TYPES = {"f32": np.float32, "f16": np.float16, "bf16": np.float32, "f64": np.float64}

OPTIONS = {
    "ignore": {}, "smoothing": {"smoothing": 0.1}, "class weights": {}, "sample weights": {}, "z-loss": {"z_loss": 1e-3},
    "temperature": {"temperature": 1.7}, "softcap": {"softcap": 5.0}, "top k": {"top_k": 3}, "masked class": {},
}


def rounded(values: np.ndarray, name: str) -> np.ndarray:
    """The values that a type holds; bf16 as f32."""
    if name == "bf16":
        return (values.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)
    return values.astype(TYPES[name])


def request_with(names: tuple[str, ...], logits_type: str, kind: str, classes: int) -> Request:
    """A batch of 40 rows with these options; seeded by what it is."""
    source = np.random.default_rng([len(names), classes, *map(ord, "".join(names) + logits_type + kind)])
    logits = rounded(source.normal(0, 3, (40, classes)), logits_type)
    fields = {key: value for name in names for key, value in OPTIONS[name].items()}
    indices = source.integers(0, classes, 40)
    masked = (indices + 1) % classes
    if "masked class" in names:
        logits[np.arange(40), masked] = -np.inf
    if kind == "integer":
        labels, label_type = indices.copy(), "i64"
    elif kind == "onehot":
        labels, label_type = (np.arange(classes) == indices[:, None]).astype(np.float32), "f32"
    else:
        labels, label_type = source.dirichlet(np.ones(classes), 40), "f64"
        if "masked class" in names:
            labels[np.arange(40), masked] = 0
            labels /= labels.sum(axis=1, keepdims=True)
    request = Request(logits, labels, logits_type=logits_type, kind=kind, label_type=label_type, flags=ALL, **fields)
    if "ignore" in names and kind == "integer":
        request.flags |= IGNORE
        request.ignore_index = -100
        request.labels[::7] = -100
    if "ignore" in names and kind == "onehot":
        request.flags |= ZERO_ROW_IGNORED
        request.labels[::7] = 0
    if "class weights" in names:
        request.class_weights = source.uniform(0, 2, classes).astype(np.float32)
        request.class_weights[0] = 0
    if "sample weights" in names:
        request.sample_weights = source.uniform(0, 2, 40).astype(np.float32)
        request.sample_weights[3] = 0
    return request


@pytest.mark.parametrize("kind", ["integer", "onehot", "probabilities"])
@pytest.mark.parametrize("logits_type", TYPES)
def test_options_alone_and_in_pairs(client: Client, logits_type: str, kind: str) -> None:
    for names in [(), *((name,) for name in OPTIONS), *itertools.combinations(OPTIONS, 2)]:
        for classes in (2, 5, 65, 192, 193, 1000):
            request = request_with(names, logits_type, kind, classes)
            if logits_type == "f64":
                request.flags |= FLOAT64
            check(request, client.ask(request))


@pytest.mark.parametrize("names", [("smoothing", "class weights"), ("top k", "softcap"), ("temperature", "z-loss")])
@pytest.mark.parametrize("kind", ["integer", "onehot", "probabilities"])
def test_options_of_rows_that_are_cut_among_workers(client: Client, kind: str, names: tuple[str, ...]) -> None:
    request = request_with(names, "f32", kind, 70_001)
    check(request, client.ask(request))


@pytest.mark.parametrize("label_type", ["f16", "bf16", "f32", "f64"])
@pytest.mark.parametrize("classes", [1, 2, 15, 16, 17, 64, 65, 192, 193, 2048, 2049, 5000])
def test_probabilities_of_every_type(client: Client, label_type: str, classes: int) -> None:
    source = np.random.default_rng(classes)
    labels = np.zeros((12, classes))
    for row in labels:  # eighths, which every type holds exactly
        for place in source.integers(0, classes, 8):
            row[place] += 0.125
    logits = source.normal(0, 3, (12, classes)).astype(np.float32)
    request = Request(logits, labels, kind="probabilities", label_type=label_type, flags=ALL)
    check(request, client.ask(request))


def test_one_hot_rows_as_probabilities_keep_their_tiny_losses(client: Client) -> None:
    logits = np.zeros((4, 100), np.float32)
    logits[:, 7] = [40, 60, 70, 1e4]
    labels = np.zeros((4, 100), np.float32)
    labels[:, 7] = 1
    integer = client.ask(Request(logits, np.full(4, 7), flags=ALL))
    result = client.ask(Request(logits, labels, kind="probabilities", label_type="f32", flags=ALL))
    assert np.array_equal(result.losses, integer.losses) and 0 < result.losses[2] < 1e-28


BAD_PROBABILITIES = [
    ("a negative one", [0.5, -0.1, 0.6], "class 1", "-0.1"),
    ("a NaN", [0.5, 0.5, np.nan], "class 2", "nan"),
    ("an infinite one", [np.inf, 0, 0], "class 0", "inf"),
    ("a sum too large", [0.5, 0.5, 0.25], "1.25", "0.001"),
    ("a sum too small", [0.5, 0.25, 0], "0.75", "0.001"),
]


@pytest.mark.parametrize("row,place,value", [case[1:] for case in BAD_PROBABILITIES], ids=[c[0] for c in BAD_PROBABILITIES])
def test_bad_probabilities_are_told_and_harm_no_other_row(
    client: Client, row: list[float], place: str, value: str
) -> None:
    logits = np.random.default_rng(1).normal(0, 2, (3, 3)).astype(np.float32)
    good = np.array([[0.2, 0.3, 0.5]] * 3)
    bad = good.copy()
    bad[1] = row
    before = client.ask(Request(logits, good, kind="probabilities", label_type="f64", flags=ALL))
    after = client.ask(Request(logits, bad, kind="probabilities", label_type="f64", flags=ALL))
    assert after.verdicts.tolist() == [0, 4, 0] and np.isnan(after.losses[1])
    assert after.losses[0] == before.losses[0] and after.losses[2] == before.losses[2]
    assert (after.counted, after.invalid, after.first_bad_row) == (3, 1, 1)
    assert "row 1: " in after.message and place in after.message and value in after.message


def test_the_tolerance_says_how_far_probabilities_may_sum_from_1(client: Client) -> None:
    logits = np.zeros((1, 2), np.float32)
    labels = np.array([[0.5, 0.45]])
    ask = lambda tolerance: client.ask(
        Request(logits, labels, kind="probabilities", label_type="f64", flags=ALL, tolerance=tolerance))
    assert ask(0.04).verdicts.tolist() == [4] and ask(0).verdicts.tolist() == [4]
    assert ask(0.06).verdicts.tolist() == [0] and ask(0.06).losses[0] == np.float32(0.95 * np.log(2))


def test_ties_are_in_the_top_k_and_a_masked_label_is_not(client: Client) -> None:
    logits = np.array([[3, 2, 2, 2, 1], [1, 1, 1, 1, 1], [5, 4, 3, -np.inf, 2]], np.float32)
    for label, k, expected in (
        ([3, 4, 3], 1, 1), ([3, 4, 3], 2, 2), ([4, 0, 3], 4, 1), ([4, 0, 3], 5, 2), ([4, 0, 4], 255, 3),
    ):
        result = client.ask(Request(logits, np.array(label), top_k=k))
        assert result.top_k_correct == expected, (label, k)


def test_a_logit_that_the_temperature_makes_infinite_is_told(client: Client) -> None:
    logits = np.array([[0, 3e38, 0], [0, 1, 2], [0, -3e38, 1]], np.float32)
    result = client.ask(Request(logits, np.array([0, 0, 1]), flags=ALL, temperature=1e-3))
    assert result.verdicts.tolist() == [17, 0, 19] and "class 1" in result.message
    assert result.predictions.tolist() == [1, 2, 2] and np.isposinf(result.lse[0])


def test_a_smoothed_label_gives_weight_to_a_masked_class(client: Client) -> None:
    logits = np.array([[0, -np.inf, 0], [0, 1, 2]], np.float32)
    result = client.ask(Request(logits, np.array([0, 0]), flags=ALL, smoothing=0.1))
    assert result.verdicts.tolist() == [19, 0] and np.isposinf(result.losses[0])
    assert "class 1" in result.message and "-infinity" in result.message


@pytest.mark.parametrize("cap", [0.5, 5, 30, 50, 1000])
def test_a_softcap_is_right_to_little_more_than_a_bit(client: Client, cap: float) -> None:
    # A loss of two classes of which one is masked by far is the z-loss alone; log-sum-exps of one class are the logit.
    source = np.random.default_rng(3)
    values = np.concatenate([source.normal(0, s, 500) for s in (1e-6, 1e-3, 0.1, 1, 10, 100, 1e4)]).astype(np.float32)
    request = Request(values[:, None], np.zeros(len(values), int), flags=ALL, softcap=cap)
    result = client.ask(request)
    exact = Long(np.float32(cap)) * np.tanh(values.astype(Long) / Long(np.float32(cap)))
    assert ulps(np.abs(result.lse), np.abs(exact)) <= 1.2
    assert (result.losses == 0).all()


def test_the_same_bits_with_any_outputs_and_any_place_in_the_batch(client: Client) -> None:
    for classes in (10, 1000, 70_001):
        for kind in ("integer", "probabilities"):
            request = request_with(("smoothing", "softcap"), "f32", kind, classes)
            whole = client.ask(request)
            for flags in (LOSSES, LOSSES | FLOAT64, ALL):
                request.flags = flags
                assert np.array_equal(client.ask(request).losses.astype(np.float32), whole.losses)
            request.flags = ALL
            request.logits, request.labels = request.logits[17:19], request.labels[17:19]
            assert np.array_equal(client.ask(request).losses, whole.losses[17:19])
