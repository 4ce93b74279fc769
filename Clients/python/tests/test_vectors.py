"""The golden vectors, which the daemon's tests read too: the package writes the same bytes, and reads the same answers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wire

import xentd
from conftest import PATIENCE, ROOT
from xentd._limits import Limits
from xentd._request import RequestMaker

VECTORS = sorted((ROOT / "Tests/Vectors").glob("*.json"))
COMPUTED = [path for path in VECTORS if json.loads(path.read_text())["expect"]["status"] == 0 and path.stem != "info"]
KINDS = {1: "indices", 2: "one_hot", 3: "probabilities"}
NAMES = {number: name for name, number in wire.LABELS.items()}
LIMITS = Limits(64 << 20, 64 << 20, 1 << 24, 1 << 24)
FIGURES = {
    "sum": "sum", "weight": "weight", "mean": "mean", "finiteSum": "finite_sum", "finiteWeight": "finite_weight",
    "counted": "counted", "ignored": "ignored", "invalid": "invalid", "notFinite": "not_finite", "correct": "correct",
}  # fmt: skip


def call(request: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a caller would pass to send this request: (logits, labels) and the keywords."""
    (
        _, _, _, _, _, _, rows, classes, logits_type, kind, label_type, top_k, flags, ignore_index, smoothing, z_loss,
        temperature, softcap, tolerance, *_,
    ) = wire.REQUEST.unpack_from(request)  # fmt: skip
    offset = wire.REQUEST.size

    def section(type_name: str, *shape: int) -> Any:
        nonlocal offset
        dtype = "<u2" if type_name == "bf16" else wire.DTYPES[type_name]
        values = np.frombuffer(request, dtype, math.prod(shape), offset).reshape(shape)
        offset += values.nbytes
        return as_bfloat16(values) if type_name == "bf16" else values

    logits = section(NAMES[logits_type], rows, classes)
    labels = section(NAMES[label_type], *((rows,) if kind == 1 else (rows, classes)))
    options: dict[str, Any] = {
        "top_k": top_k, "ignore_index": ignore_index if flags & wire.IGNORE else None, "label_smoothing": smoothing,
        "z_loss": z_loss, "temperature": temperature or None, "softcap": softcap or None, "label_tolerance": tolerance or None,
        "label_kind": KINDS[kind], "ignore_zero_rows": bool(flags & wire.ZERO_ROW_IGNORED), "losses": bool(flags & wire.LOSSES),
        "log_sum_exps": bool(flags & wire.LSE), "predictions": bool(flags & wire.PREDICTIONS),
        "verdicts": bool(flags & wire.VERDICTS), "float64": bool(flags & wire.FLOAT64), "on_invalid": "nan",
        "sample_weight": section("f32", rows) if flags & wire.SAMPLE_WEIGHTS else None,
        "weight": section("f32", classes) if flags & wire.CLASS_WEIGHTS else None,
    }  # fmt: skip
    return (logits, labels), options


def as_bfloat16(bits: np.ndarray) -> np.ndarray:
    import ml_dtypes

    return bits.view(ml_dtypes.bfloat16)


@pytest.mark.parametrize("path", COMPUTED, ids=lambda path: path.stem)
def test_the_package_writes_the_bytes_of_each_golden_vector(path: Path) -> None:
    golden = path.with_suffix(".bin").read_bytes()
    arguments, options = call(golden)
    sample_weight = options.pop("sample_weight")
    request = RequestMaker().make(*arguments, sample_weight, options)
    (batch,) = request.batches(b"golden vectors  ", LIMITS, 1 << 20)
    assert batch.sections == ()
    # All but the sequence and the time, which each attempt to deliver a batch gets of its own.
    assert bytes(batch.head[:8]) + golden[8:16] + bytes(batch.head[16:]) == golden
    assert batch.byte_count == len(golden)


@pytest.mark.parametrize("path", COMPUTED, ids=lambda path: path.stem)
def test_the_package_reads_the_answer_to_each_golden_vector(client: xentd.Client, path: Path) -> None:
    expect = json.loads(path.read_text())["expect"]
    arguments, options = call(path.with_suffix(".bin").read_bytes())
    result = client.submit(*arguments, **options).result(PATIENCE)
    for name, attribute in FIGURES.items():
        assert getattr(result, attribute) == pytest.approx(float(expect[name]), rel=1e-6, abs=1e-38, nan_ok=True), name
    assert result.first_bad_row == (None if expect["firstBadRow"] == wire.NO_ROW else expect["firstBadRow"])
    for name, values in (("losses", result.losses), ("logSumExps", result.log_sum_exps)):
        if values is not None:
            exact = np.array(expect[name], values.dtype)
            assert np.allclose(values, exact, rtol=1e-6, atol=1e-38, equal_nan=True), name
    for name, values in (("predictions", result.predictions), ("verdicts", result.verdicts)):
        if values is not None:
            assert values.tolist() == expect[name], name
    assert all(word in (result.message or "") for word in expect["messageContains"])
