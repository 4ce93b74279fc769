"""Each row of the tables of Documentation/numerics.md, by its name; the last test looks that none is missing."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable

import numpy as np
import pytest
import zmq

from conftest import BIN, PATIENCE, ROOT, Client
from expected import Long
from reference import losses, ulps
from wire import (
    FLOAT64, IGNORE, LOSSES, LSE, PREDICTIONS, VERDICTS, ZERO_ROW_IGNORED, Request, Result,
)

ALL = LOSSES | LSE | PREDICTIONS | VERDICTS
INF, NAN = np.inf, np.nan
ROWS: dict[str, Callable[[Client], None]] = {}


def row(*names: str) -> Callable[[Callable[[Client], None]], Callable[[Client], None]]:
    def register(check: Callable[[Client], None]) -> Callable[[Client], None]:
        ROWS.update({name: check for name in names})
        return check

    return register


def ask(client: Client, logits: object, labels: object, **fields: object) -> Result:
    fields.setdefault("flags", ALL)
    result = client.ask(Request(np.array(logits, np.float32), np.array(labels), **fields))
    assert result.status == 0, result.message
    return result


Z = np.random.default_rng(7).normal(0, 3, (20, 6)).astype(np.float32)
Y = np.random.default_rng(8).integers(0, 6, 20)
EXACT = losses(Z, Y)
LSE_EXACT = EXACT + Z[np.arange(20), Y]
T = np.random.default_rng(9).dirichlet(np.ones(6), 20)


@row("loss")
def loss(client: Client) -> None:
    assert ulps(ask(client, Z, Y).losses, EXACT) <= 2.5
    offset = (Z * 8).round() / 8 + np.float32(2**17)  # exact sums
    assert ulps(ask(client, offset, Y).losses, losses(offset, Y)) <= 2.5
    confident = np.array([[45, 0, 0]], np.float32)
    tiny = ask(client, confident, [0]).losses
    assert 0 < tiny[0] < 1e-19 and ulps(tiny, losses(confident, np.array([0]))) <= 2.5


@row("log-sum-exp")
def log_sum_exp(client: Client) -> None:
    assert np.allclose(ask(client, Z, Y).lse, LSE_EXACT.astype(float), rtol=2e-7)
    odd = ask(client, [[NAN, 0], [INF, 0], [-INF, -INF], [1, 1]], [0, 0, 0, 9], ignore_index=9, flags=ALL | IGNORE)
    assert np.isnan(odd.lse[0]) and odd.lse[1] == INF and odd.lse[2] == -INF
    assert odd.lse[3] == np.float32(1 + np.log(2)), "ignored rows have one too"


@row("near zero")
def near_zero(client: Client) -> None:
    for classes in (2, 6, 65, 193, 3000):
        confident = np.zeros((70, classes), np.float32)
        confident[:, 1] = np.linspace(1, 69, 70) + np.log(classes)
        result = ask(client, confident, np.ones(70, int))
        assert 0 < result.losses.min() < 2e-30
        assert ulps(result.losses, losses(confident, np.ones(70, int))) <= 2.5


@row("label of a row of probabilities")
def label_of_a_row_of_probabilities(client: Client) -> None:
    shares = [[0.25, 0.5, 0.25], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    logits = [[0, 2, 1], [2, 0, 1], [0, 1, 2]]
    result = ask(client, logits, shares, kind="probabilities", label_type="f32", top_k=1)
    assert (result.correct, result.top_k_correct) == (2, 2), "the first of the largest"


@row("prediction")
def prediction(client: Client) -> None:
    result = ask(client, [[1, 3, 3], [NAN, 5, NAN], [9, NAN, 1], [-INF] * 3, [1, INF, INF]], [0] * 5)
    assert result.predictions.tolist() == [1, 0, 1, 0, 1]


@row("one-hot label", "3")
def one_hot_label(client: Client) -> None:
    rows = np.eye(6, dtype=np.float32)[Y]
    rows[rows == 0] = -0.0
    result = ask(client, Z, rows, kind="onehot", label_type="f32")
    assert np.array_equal(result.losses, ask(client, Z, Y).losses)
    for bad in ([0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0.5, 0.5, 0, 0, 0, 0], [1, NAN, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0]):
        rows[4] = bad
        broken = ask(client, Z, rows, kind="onehot", label_type="f32")
        assert broken.verdicts[4] == 3 and np.isnan(broken.losses[4]) and broken.invalid == 1
        assert np.array_equal(np.delete(broken.losses, 4), np.delete(result.losses, 4))


@row("probabilities `t` as labels", "4")
def probabilities(client: Client) -> None:
    result = ask(client, Z, T, kind="probabilities", label_type="f64")
    exact = (T.astype(Long) * (LSE_EXACT[:, None] - Z)).sum(axis=1)
    assert ulps(result.losses, exact) <= 2.5
    assert result.correct == (Z.argmax(axis=1) == T.argmax(axis=1)).sum()
    masked = Z.copy()
    masked[:, 2] = -INF
    without = T.copy()
    without[:, 2] = 0
    without /= without.sum(axis=1, keepdims=True)
    assert np.isfinite(ask(client, masked, without, kind="probabilities", label_type="f64").losses).all()
    bad = T.copy()
    bad[5] = [-0.1, 0.3, 0.2, 0.2, 0.2, 0.2]
    bad[6] *= 1.1
    broken = ask(client, Z, bad, kind="probabilities", label_type="f64")
    assert np.flatnonzero(broken.verdicts == 4).tolist() == [5, 6] and broken.invalid == 2
    assert np.array_equal(np.delete(broken.losses, [5, 6]), np.delete(result.losses, [5, 6]))


@row("label smoothing `e`")
def label_smoothing(client: Client) -> None:
    e = Long(np.float32(0.3))
    gaps = LSE_EXACT[:, None] - Z
    exact = (1 - e) * EXACT + e / 6 * gaps.sum(axis=1)
    assert ulps(ask(client, Z, Y, smoothing=0.3).losses, exact) <= 2.5
    masked = Z.copy()
    masked[:, 2] = -INF
    assert np.isposinf(ask(client, masked, np.zeros(20, int), smoothing=0.3).losses).all()


@row("temperature `T`, softcap `k`")
def temperature_and_softcap(client: Client) -> None:
    hot = (Z / np.float32(0.7)).astype(np.float32)
    result = ask(client, Z, Y, temperature=0.7)
    assert np.array_equal(result.losses, ask(client, hot, Y).losses), "one division of floats"
    capped = (4 * np.tanh(hot.astype(Long) / 4)).astype(np.float32)
    both = ask(client, Z, Y, temperature=0.7, softcap=4)
    assert np.allclose(both.losses, losses(capped, Y).astype(float), rtol=1e-6, atol=2e-6)
    assert np.array_equal(both.predictions, Z.argmax(axis=1))
    masked = Z.copy()
    masked[:, 2] = -INF
    away = np.delete(Z, 2, axis=1)
    zeros = np.zeros(20, int)
    with_mask = ask(client, masked, zeros, softcap=4).lse
    assert np.allclose(with_mask, ask(client, away, zeros, softcap=4).lse, rtol=2e-7), "-infinity stays what it is"
    tied = ask(client, [[500, 501, 502]], [2], softcap=1)
    assert tied.predictions.tolist() == [2] and tied.correct == 1, "the logits as they are given"


@row("temperature and softcap, how")
def temperature_and_softcap_how(client: Client) -> None:
    temperature, cap = np.float32(0.7), np.float32(4)
    hot = (Z / temperature).astype(np.float32)
    # A row of one class tells the logit that the daemon computes with: its log-sum-exp.
    alone = ask(client, Z.reshape(-1, 1), np.zeros(Z.size, int), temperature=0.7, softcap=4)
    exact = Long(cap) * np.tanh(hot.astype(Long) / Long(cap))
    assert ulps(np.abs(alone.lse), np.abs(exact.ravel())) <= 2
    capped = alone.lse.reshape(Z.shape)
    assert ulps(ask(client, Z, Y, temperature=0.7, softcap=4).losses, losses(capped, Y)) <= 4
    assert ulps(ask(client, Z, Y, temperature=0.7).losses, losses(hot, Y)) <= 4


@row("top k")
def top_k(client: Client) -> None:
    order = (Z > Z[np.arange(20), Y][:, None]).sum(axis=1)
    for k in (1, 2, 3, 6, 200):
        assert ask(client, Z, Y, top_k=k).top_k_correct == (order < k).sum()
    assert ask(client, [[2, 2, 2], [2, -INF, NAN], [2, 1, -INF]], [2, 0, 2], top_k=1).top_k_correct == 1
    assert ask(client, Z, Y).top_k_correct == 0


@row("ignored row", "1")
def ignored_row(client: Client) -> None:
    labels = Y.copy()
    labels[[0, 3]] = -7
    result = ask(client, Z, labels, flags=ALL | IGNORE, ignore_index=-7)
    assert (result.ignored, result.counted, result.weight) == (2, 18, 18)
    assert result.losses[0] == 0 and result.verdicts[[0, 3]].tolist() == [1, 1] and result.invalid == 0
    counted = np.delete(np.arange(20), [0, 3])
    assert np.array_equal(result.losses[counted], ask(client, Z, Y).losses[counted])
    zeros = np.eye(6, dtype=np.float32)[Y]
    zeros[2] = 0
    categorical = ask(client, Z, zeros, kind="onehot", label_type="f32", flags=ALL | ZERO_ROW_IGNORED)
    assert categorical.ignored == 1 and categorical.verdicts[2] == 1


@row("class weights `v`")
def class_weights(client: Client) -> None:
    weights = np.array([0, 1, 2, 0.5, 3, 1], np.float32)
    result = ask(client, Z, Y, class_weights=weights)
    assert ulps(result.losses, weights[Y] * EXACT) <= 2.5
    assert result.weight == weights[Y].sum() and result.mean == pytest.approx(result.sum / result.weight, rel=1e-15)
    soft = ask(client, Z, T, kind="probabilities", label_type="f64", class_weights=weights)
    assert ulps(soft.losses, (weights * T.astype(Long) * (LSE_EXACT[:, None] - Z)).sum(axis=1)) <= 2.5
    assert soft.weight == 20, "1 a row with probabilities"
    masked = Z.copy()
    masked[:, 0] = -INF
    nothing = ask(client, masked, np.zeros(20, int), class_weights=weights)
    assert (nothing.losses == 0).all() and (nothing.verdicts == 0).all(), "0 also of an infinite loss"


@row("sample weights `a`")
def sample_weights(client: Client) -> None:
    weights = np.random.default_rng(3).uniform(0, 2, 20).astype(np.float32)
    weights[4] = 0
    result = ask(client, Z, Y, sample_weights=weights)
    assert np.array_equal(result.losses, ask(client, Z, Y).losses), "the loss of a row is not multiplied"
    assert result.sum == pytest.approx(float((weights * EXACT).sum()), rel=1e-7)
    assert result.weight == pytest.approx(weights.sum(dtype=float), rel=1e-15) and result.counted == 20
    masked = Z.copy()
    masked[4, Y[4]] = -INF
    assert np.isfinite(ask(client, masked, Y, sample_weights=weights).mean), "a weight of 0 adds exactly 0"


@row("z-loss `q`")
def z_loss(client: Client) -> None:
    result = ask(client, Z, Y, z_loss=0.5)
    assert ulps(result.losses, EXACT + LSE_EXACT**2 / 2) <= 2.5
    assert result.z_sum == pytest.approx(float((LSE_EXACT**2 / 2).sum()), rel=1e-6)


@row("mean")
def mean(client: Client) -> None:
    result = ask(client, Z, Y)
    assert result.mean == result.sum / result.weight == pytest.approx(float(EXACT.mean()), rel=1e-7)
    halves = [ask(client, Z[part], Y[part]) for part in (slice(0, 3), slice(3, 20))]
    assert sum(half.sum for half in halves) / sum(half.weight for half in halves) == pytest.approx(result.mean, rel=1e-15)


@row("correct")
def correct(client: Client) -> None:
    assert ask(client, Z, Y).correct == (Z.argmax(axis=1) == Y).sum()
    odd = ask(client, [[2, 2], [2, 2], [NAN, 1], [3, 1]], [0, 1, 0, 7])
    assert odd.correct == 1, "the first of a tie; neither NaN nor invalid"


@row("2")
def label_out_of_range(client: Client) -> None:
    before = ask(client, Z, Y)
    for bad in (-1, 6, 2**40, -(2**63)):
        labels = Y.copy()
        labels[9] = bad
        result = ask(client, Z, labels)
        assert result.verdicts[9] == 2 and np.isnan(result.losses[9]) and np.isnan(result.mean)
        assert result.finite_sum / result.finite_weight == pytest.approx(float(np.delete(EXACT, 9).mean()), rel=1e-6)
        assert np.array_equal(np.delete(result.losses, 9), np.delete(before.losses, 9))
        assert (result.counted, result.invalid, result.not_finite, result.first_bad_row) == (20, 1, 1, 9)


@row("5", "weights")
def bad_weight(client: Client) -> None:
    weights = np.ones(20, np.float32)
    for bad in (-1, NAN, INF, -INF):
        weights[2] = bad
        result = ask(client, Z, Y, sample_weights=weights)
        assert result.verdicts[2] == 5 and result.invalid == 1 and np.isnan(result.sum) and result.weight == 19
        assert np.array_equal(np.delete(result.losses, 2), np.delete(ask(client, Z, Y).losses, 2))
    classes = np.ones(6, np.float32)
    classes[3] = NAN
    refused = client.ask(Request(Z, Y, class_weights=classes))
    assert refused.status == 6 and "class 3" in refused.message


@row("16")
def nan_logit(client: Client) -> None:
    for place in (0, 2, 5):
        logits = Z.copy()
        logits[7, place] = NAN
        result = ask(client, logits, Y)
        assert result.verdicts[7] == 16 and np.isnan(result.losses[7]) and result.invalid == 0
        assert np.array_equal(np.delete(result.losses, 7), np.delete(ask(client, Z, Y).losses, 7))
    last = np.zeros((1, 2051), np.float32)
    last[0, -1] = NAN
    assert ask(client, last, [0]).verdicts.tolist() == [16], "in the last lane of a tail"


@row("17")
def infinite_logit(client: Client) -> None:
    result = ask(client, [[0, INF], [INF, 0], [0, 1]], [0, 0, 1])
    assert result.verdicts.tolist() == [17, 17, 0] and np.isnan(result.losses[:2]).all()


@row("18")
def all_masked(client: Client) -> None:
    result = ask(client, [[-INF, -INF], [0, 1]], [0, 1])
    assert result.verdicts.tolist() == [18, 0] and np.isnan(result.losses[0]) and result.lse[0] == -INF


@row("19", "another logit -infinity")
def label_masked(client: Client) -> None:
    result = ask(client, [[-INF, 0, 1], [0, -INF, 1]], [0, 0])
    assert result.verdicts.tolist() == [19, 0] and result.losses[0] == INF and result.mean == INF
    assert result.losses[1] == ask(client, [[0, 1]], [0]).losses[0], "another that is masked adds exactly 0"
    block = np.full((1, 5000), -INF)
    block[0, 4999] = 2
    assert ask(client, block, [4999]).losses.tolist() == [0], "also a whole block of them"


@row("20", "logits up to 3e38")
def overflow(client: Client) -> None:
    result = ask(client, [[3e38, -3e38], [1e38, 1e38]], [1, 0])
    assert result.verdicts.tolist() == [20, 0] and result.losses[0] == INF
    assert result.losses[1] == np.float32(np.log(2)), "differences are taken in double precision"
    wide = ask(client, [[3e38, -3e38]], [1], flags=ALL | FLOAT64)
    assert wide.verdicts.tolist() == [0] and wide.losses[0] == pytest.approx(6e38, rel=1e-6)


@row("N = 0, or all rows ignored")
def nothing_to_count(client: Client) -> None:
    empty = ask(client, np.zeros((0, 6)), np.zeros(0, int))
    assert np.isnan(empty.mean) and (empty.sum, empty.weight, empty.counted, empty.notes) == (0, 0, 0, 3)
    ignored = ask(client, Z, np.full(20, 5), flags=ALL | IGNORE, ignore_index=5)
    assert np.isnan(ignored.mean) and (ignored.sum, ignored.weight, ignored.counted, ignored.notes) == (0, 0, 0, 2)


@row("perplexity, bits")
def perplexity_and_bits(client: Client) -> None:
    endpoint = client.socket.getsockopt_string(zmq.LAST_ENDPOINT)
    files = [f"--{name}={ROOT}/Examples/digits-{name}.npy" for name in ("logits", "labels")]
    command = [BIN / "xent", "eval", *files, "--json", "--batch-rows", "100", "--endpoint", endpoint]
    report = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE).stdout)
    exact = np.load(ROOT / "Examples/digits-losses-f64.npy").mean()
    assert report["perplexity"] == pytest.approx(np.exp(exact), rel=1e-7)
    assert report["bits"] == pytest.approx(exact / np.log(2), rel=1e-7)


@row("C = 1", "-0.0")
def one_class(client: Client) -> None:
    values = [[0], [-5], [1e30], [-0.0]]
    result = ask(client, values, [0] * 4)
    assert (result.losses == 0).all() and not np.signbit(result.losses).any()
    assert ask(client, [[3]], [0], z_loss=0.5).losses.tolist() == [4.5]
    many = np.full((1, 3000), -INF)
    many[0, 1234] = -0.0
    assert not np.signbit(ask(client, many, [1234]).losses).any()


@pytest.mark.parametrize("name", ROWS)
def test_the_row_of_the_tables(client: Client, name: str) -> None:
    ROWS[name](client)


def test_no_row_of_the_tables_is_without_a_test() -> None:
    text = (ROOT / "Documentation/numerics.md").read_text()
    names = {match.strip() for match in re.findall(r"^\| ([^|]+) \|", text, re.M)} - {"quantity", "verdict", "values"}
    assert len(names) >= 20 and names <= ROWS.keys(), names - ROWS.keys()
