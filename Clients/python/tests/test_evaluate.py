"""Streams of batches, merged exactly; requests that are split to fit, and stitched."""

from __future__ import annotations

import asyncio
import math
import pickle
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xentd
from conftest import PATIENCE
from doubles import Double, numbered
from test_cross_entropy import batch, losses, one_hot
from xentd._results import exact_sum

Connect = Callable[..., xentd.Client]


def stream(count: int = 30) -> Iterator[tuple[Any, Any]]:
    for seed in range(count):
        yield batch(1 + seed * 7 % 40, 11, seed)


def test_a_stream_comes_to_the_figures_of_all_its_rows(client: xentd.Client) -> None:
    evaluation = client.evaluate(stream(), top_k=3)
    logits = np.concatenate([x for x, _ in stream()])
    labels = np.concatenate([y for _, y in stream()])
    each = losses(logits, labels)
    assert evaluation.mean == pytest.approx(each.mean(), rel=1e-6)
    assert evaluation.perplexity == pytest.approx(math.exp(each.mean()), rel=1e-6)
    assert evaluation.bits == pytest.approx(each.mean() / math.log(2), rel=1e-6)
    assert (evaluation.batches, evaluation.rows, evaluation.counted) == (30, len(labels), len(labels))
    assert evaluation.accuracy == (logits.argmax(axis=1) == labels).mean()
    ranks = (logits > logits[np.arange(len(labels)), labels][:, None]).sum(axis=1)
    assert evaluation.top_k_accuracy == (ranks < 3).mean()
    assert evaluation.first_bad_row is None


def test_its_sums_are_those_of_fsum_to_the_bit(client: xentd.Client) -> None:
    results = [client.submit(*each).result(PATIENCE) for each in stream()]
    assert client.evaluate(stream()).sum == math.fsum(result.sum for result in results)


def test_parts_merge_to_the_same_bits_in_any_order_and_through_pickles(client: xentd.Client) -> None:
    whole = client.evaluate(stream())
    parts = [client.evaluate([each]) for each in stream()]
    for order in (parts, parts[::-1], parts[1::2] + parts[::2]):
        merged = xentd.Evaluation()
        for part in order:
            merged.merge(pickle.loads(pickle.dumps(part)))
        for name in ("sum", "weight", "finite_sum", "mean", "rows", "counted", "correct", "batches"):
            assert getattr(merged, name) == getattr(whole, name), name
    assert (parts[0] + parts[1]).rows == parts[0].rows + parts[1].rows
    assert parts[0].batches == 1


def test_sample_weights_may_come_with_each_batch(client: xentd.Client) -> None:
    weighted = [(x, y, np.linspace(0, 2, len(y))) for x, y in stream()]
    each = [np.linspace(0, 2, len(y), dtype=np.float32) * losses(x, y) for x, y in stream()]
    total = sum(np.linspace(0, 2, len(y), dtype=np.float32).sum(dtype=float) for _, y in stream())
    assert client.evaluate(weighted).mean == pytest.approx(sum(e.sum() for e in each) / total, rel=1e-6)


def test_a_bad_row_is_counted_from_the_first_of_the_stream(client: xentd.Client) -> None:
    batches = list(stream(5))
    before = sum(len(y) for _, y in batches[:3])
    batches[3][1][2] = 99
    evaluation = client.evaluate(batches, on_invalid="nan")
    assert (evaluation.invalid, evaluation.first_bad_row) == (1, before + 2)
    assert evaluation.message == f"row {before + 2}: label 99 is not in 0..<11"
    assert math.isnan(evaluation.mean)
    assert evaluation.finite_mean > 0
    with pytest.raises(xentd.LabelError, match=f"row {before + 2}: label 99") as caught:
        client.evaluate(batches)
    assert caught.value.row == before + 2
    # What was under way when it was raised harms nothing that follows.
    assert client.evaluate(stream()).batches == 30


def test_nothing_comes_to_no_mean(client: xentd.Client) -> None:
    evaluation = client.evaluate([])
    assert math.isnan(evaluation.mean)
    assert math.isnan(evaluation.accuracy)
    assert evaluation.rows == 0


def test_a_bar_shows_how_far_it_is(client: xentd.Client, capsys: pytest.CaptureFixture[str]) -> None:
    client.evaluate(stream(), progress=True, total=30)
    assert "30/30" in capsys.readouterr().err


def test_an_error_of_the_stream_is_the_callers(client: xentd.Client) -> None:
    def broken() -> Iterator[Any]:
        yield from stream(3)
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        client.evaluate(broken())


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        (batch(), r"received an array of shape \(12, 7\); a single batch is evaluate\(\[\(logits, labels\)\]\)"),
        (batch()[0], r"received an array of shape \(7,\)"),
        ([batch() + (None, None)], "received tuple of 4"),
        ([[batch()[0]]], "received list of 1"),
        ([{"logits": 1, "labels": 2}], "received dict"),
    ],
    ids=["a batch alone", "logits alone", "too many", "too few", "a dictionary"],
)
def test_what_is_no_stream_of_batches_is_not_taken_apart(client: xentd.Client, batches: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        client.evaluate(batches)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), max_size=50), st.integers(0, 50))
def test_an_exact_sum_is_exact(terms: list[float], cut: int) -> None:
    first, second = xentd.ExactSum(terms[:cut]), xentd.ExactSum(terms[cut:])
    first.merge(second)
    exact = sum(map(Fraction, terms), Fraction(0))
    if abs(exact) < Fraction(2) ** 1023 and sum(abs(Fraction(term)) for term in terms) < Fraction(2) ** 1023:
        assert first.value == float(exact)


def test_an_exact_sum_keeps_what_is_not_finite() -> None:
    assert xentd.ExactSum([1.0, math.inf]).value == math.inf
    assert math.isnan(xentd.ExactSum([1.0, math.inf, -math.inf]).value)
    assert math.isnan(xentd.ExactSum([math.nan, 1.0]).value)
    assert xentd.ExactSum([1e308, 1e308, -1e308, 1.0]).value == math.inf
    assert xentd.ExactSum([-1e308, -1e308]).value == -math.inf
    assert exact_sum([1e308, 1e308]) == math.inf
    assert math.isnan(exact_sum([math.inf, -math.inf]))


@pytest.mark.parametrize("kind", ["indices", "one_hot"])
def test_a_request_that_is_too_large_is_split_by_rows_and_stitched(client: xentd.Client, connect: Connect, kind: str) -> None:
    logits, labels = batch(5000, 60)
    logits[4321, 5] = np.nan
    targets = one_hot(labels, 60) if kind == "one_hot" else labels
    options: dict[str, Any] = {"label_kind": kind, "log_sum_exps": True, "predictions": True, "top_k": 4}
    options["sample_weight"] = np.linspace(0.5, 1.5, 5000, dtype=np.float32)
    options["weight"] = np.linspace(0.5, 1.5, 60)
    whole = client.submit(logits, targets, **options).result(PATIENCE)
    split_client = connect(client.addresses, part_bytes=100_000)
    split = split_client.submit(logits, targets, **options).result(PATIENCE)
    assert split_client.stats().submitted > 10
    for name in ("losses", "log_sum_exps", "predictions"):
        assert np.array_equal(getattr(split, name), getattr(whole, name), equal_nan=True), name
    for name in ("rows", "counted", "not_finite", "correct", "top_k_correct", "first_bad_row", "message"):
        assert getattr(split, name) == getattr(whole, name), name
    for name in ("weight", "finite_sum", "finite_weight"):
        assert getattr(split, name) == pytest.approx(getattr(whole, name), rel=1e-14), name


def test_a_bad_label_of_a_later_part_has_the_row_of_the_whole(connect: Connect, shared_daemon: Any) -> None:
    client = connect(shared_daemon.router, part_bytes=10_000)
    logits, labels = batch(2000, 20)
    labels[1777] = -5
    with pytest.raises(xentd.LabelError, match=r"row 1777: label -5 is not in 0\.\.<20") as caught:
        client.cross_entropy(logits, labels)
    assert (caught.value.row, caught.value.value) == (1777, -5)


@pytest.mark.parametrize(
    "limits", [{"batch_bytes": 2000}, {"result_bytes": 400}, {"rows": 7}], ids=lambda limits: next(iter(limits))
)
def test_every_part_fits_what_the_daemon_takes(connect: Connect, double: Callable[..., Double], limits: dict[str, int]) -> None:
    sizes: list[tuple[int, int]] = []

    def script(request: Any) -> list[bytes]:
        result = request.result()
        sizes.append((request.rows, len(result)))
        return [result]

    client = connect(double(script, limits=limits).endpoint)
    logits, labels = numbered(1, rows=500, classes=9)
    result = client.submit(logits, labels).result(PATIENCE)
    assert sum(rows for rows, _ in sizes) == result.rows == 500
    assert max(rows for rows, _ in sizes) <= limits.get("rows", 500)
    assert max(rows * (9 * 4 + 8) + 96 for rows, _ in sizes) <= limits.get("batch_bytes", 1 << 20)
    assert max(size for _, size in sizes) <= limits.get("result_bytes", 1 << 20)


def test_a_row_that_fits_no_message_is_refused_before_it_is_sent(connect: Connect, double: Callable[..., Double]) -> None:
    small = double(limits={"batch_bytes": 1000, "classes": 300})
    client = connect(small.endpoint)
    with pytest.raises(xentd.BatchRefused, match="TOO_LARGE: one row has 1064 bytes .* takes 1000; raise the limit"):
        client.cross_entropy(*numbered(1, classes=240))
    with pytest.raises(xentd.BatchRefused, match="BAD_SHAPE: classes: expected 1 to 300, received 301"):
        client.cross_entropy(*numbered(1, classes=301))
    assert not small.received


def test_a_request_larger_than_a_message_may_be_is_no_matter(client: xentd.Client) -> None:
    logits, labels = batch(30_000, 700)  # 84 MB, past the 64 MiB of one message
    each = client.cross_entropy(logits, labels, reduction="none")
    assert np.array_equal(each[-500:], client.cross_entropy(logits[-500:], labels[-500:], reduction="none"))
    assert each[:2000] == pytest.approx(losses(logits[:2000], labels[:2000]), rel=1e-6)


def test_asyncio_awaits_the_same(shared_daemon: Any, client: xentd.Client) -> None:
    async def source() -> Any:
        for each in stream():
            await asyncio.sleep(0)
            yield each

    async def main() -> None:
        async with xentd.AsyncClient(shared_daemon.router, window_batches=3, timeout=PATIENCE) as awaited:
            logits, labels = batch()
            assert await awaited.cross_entropy(logits, labels) == client.cross_entropy(logits, labels)
            none = await awaited.cross_entropy(logits, labels, reduction="none")
            assert np.array_equal(none, client.cross_entropy(logits, labels, reduction="none"))
            futures = [await awaited.submit(*each) for each in stream()]
            results = await asyncio.gather(*futures)
            assert [r.sum for r in results] == [client.submit(*each).result(PATIENCE).sum for each in stream()]
            expected = client.evaluate(stream())
            assert (await awaited.evaluate(source())).sum == expected.sum
            assert (await awaited.evaluate(stream())).sum == expected.sum
            with pytest.raises(xentd.LabelError):
                await awaited.cross_entropy(logits, labels + 7)
            with pytest.raises(TypeError, match="a single batch is"):
                await awaited.evaluate((logits, labels))

    asyncio.run(main())


def test_asyncio_goes_on_while_the_window_is_full(connect: Connect, double: Callable[..., Double]) -> None:
    held: list[Any] = []
    holding = double(lambda request: held.append(request) or [])

    async def main() -> None:
        async with xentd.AsyncClient(holding.endpoint, window_batches=2, resend_after=PATIENCE * 2) as client:
            tasks = [asyncio.create_task(client.cross_entropy(*numbered(i))) for i in range(1, 8)]
            ticks = 0
            while len(held) < 2:
                await asyncio.sleep(0.001)
                ticks += 1
            assert ticks
            assert not any(task.done() for task in tasks)
            holding.script = lambda request: [request.result()]
            for request in list(held):
                holding.send(request, request.result())
            assert await asyncio.gather(*tasks) == list(range(1, 8))

    asyncio.run(main())
