#!/usr/bin/env python3
"""Writes the golden vectors: `NAME.bin`, the frames of a request back to back, and `NAME.json`, what they are and what
the answer must be. Losses come from mpmath, with 60 digits, and share nothing with the daemon's code: they are compared
within the promised accuracy, not by bits. Run it by hand (`python3 Tests/Vectors/generate.py`) and commit what it writes.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "EndToEnd"))

import wire  # noqa: E402
from wire import Request  # noqa: E402

mpmath.mp.dps = 60
ALL = wire.LOSSES | wire.LSE | wire.PREDICTIONS | wire.VERDICTS
FLOAT_MAX = mpmath.mpf(float(np.finfo(np.float32).max))


def text(value: Any) -> str:
    """A number as 25 digits, or nan, inf, -inf."""
    if mpmath.isnan(value):
        return "nan"
    if mpmath.isinf(value):
        return "inf" if value > 0 else "-inf"
    return mpmath.nstr(mpmath.mpf(value), 25)


def label_of(request: Request, row: int) -> tuple[int | None, int]:
    """The class of a row's label, or None, and the verdict that the label alone calls for."""
    if request.kind == "integer":
        label = int(request.labels[row])
        if request.flags & wire.IGNORE and label == request.ignore_index:
            return None, 1
        return (label, 0) if 0 <= label < request.logits.shape[1] else (None, 2)
    values = np.asarray(request.labels[row], float)
    if (values == 1).sum() == 1 and ((values == 0) | (values == 1)).all():
        return int(values.argmax()), 0
    if (values == 0).all() and request.flags & wire.ZERO_ROW_IGNORED:
        return None, 1
    return None, 3


def row_answer(request: Request, row: int) -> dict[str, Any]:
    """Everything about one row, exactly."""
    z = [mpmath.mpf(float(x)) for x in request.logits[row]]
    label, verdict = label_of(request, row)
    nan = mpmath.mpf("nan")
    a = 1 if request.sample_weights is None else float(request.sample_weights[row])
    if verdict == 0 and not (math.isfinite(a) and a >= 0):
        label, verdict = None, 5
    v = 1 if request.class_weights is None or label is None else float(request.class_weights[label])
    kinds = [float(x) for x in request.logits[row]]
    if any(math.isnan(x) for x in kinds):
        lse, prediction, fault = nan, next(i for i, x in enumerate(kinds) if math.isnan(x)), 16
    else:
        top = max(kinds)
        prediction = kinds.index(top)
        if math.isinf(top):
            lse, fault = mpmath.mpf(top), 17 if top > 0 else 18
        else:
            others = sum((mpmath.exp(x - z[prediction]) for i, x in enumerate(z) if i != prediction), mpmath.mpf(0))
            lse, fault = z[prediction] + mpmath.log1p(others), 0
    loss = nan
    if verdict == 1:
        loss = mpmath.mpf(0)
    elif verdict == 0 and fault:
        verdict = fault
    elif verdict == 0:
        extra = mpmath.mpf(float(np.float32(request.z_loss))) * lse**2
        if v == 0:
            loss = extra
        elif math.isinf(kinds[label]):
            loss, verdict = mpmath.inf, 19
        else:
            loss = v * (z[prediction] - z[label] + mpmath.log1p(others)) + extra
            if loss > FLOAT_MAX and not request.flags & wire.FLOAT64:
                verdict = 20
    correct = label is not None and verdict != 16 and prediction == label
    return {"loss": loss, "lse": lse, "prediction": prediction, "verdict": verdict, "a": a, "v": v, "correct": correct}


def answer(request: Request) -> dict[str, Any]:
    """The result that the request must have."""
    rows = [row_answer(request, i) for i in range(len(request.logits))]
    counted = [r for r in rows if r["verdict"] != 1]
    invalid = [r for r in counted if 1 < r["verdict"] < 16]
    valid = [r for r in counted if r not in invalid]
    bad = [i for i, r in enumerate(rows) if r["verdict"] not in (0, 1)]
    total = sum((r["a"] * r["loss"] for r in valid if r["a"]), mpmath.mpf(0))
    finite = [r for r in valid if r["verdict"] == 0]
    weight = sum((mpmath.mpf(r["a"]) * r["v"] for r in valid), mpmath.mpf(0))
    if invalid:
        total = mpmath.mpf("nan")
    notes = (1 if not rows else 0) | (2 if not counted else 0) | (4 if invalid else 0) | (8 if bad else 0)
    return {
        "status": 0,
        "notes": notes,
        "counted": len(counted),
        "ignored": len(rows) - len(counted),
        "invalid": len(invalid),
        "notFinite": len(bad),
        "correct": sum(r["correct"] for r in rows),
        "firstBadRow": bad[0] if bad else wire.NO_ROW,
        "sum": text(total),
        "weight": text(weight),
        "mean": text(total / weight if weight else mpmath.mpf("nan")),
        "finiteSum": text(sum((r["a"] * r["loss"] for r in finite if r["a"]), mpmath.mpf(0))),
        "finiteWeight": text(sum((mpmath.mpf(r["a"]) * r["v"] for r in finite), mpmath.mpf(0))),
        "losses": [text(mpmath.inf if r["verdict"] == 20 else r["loss"]) for r in rows],
        "logSumExps": [text(r["lse"]) for r in rows],
        "predictions": [r["prediction"] for r in rows],
        "verdicts": [r["verdict"] for r in rows],
    }


def write(name: str, description: str, frames: list[bytes], expect: dict[str, Any], words: list[str]) -> None:
    (HERE / f"{name}.bin").write_bytes(b"".join(frames))
    vector = {
        "name": name,
        "description": description,
        "frames": [len(frame) for frame in frames],
        "expect": expect | {"messageContains": words},
    }
    (HERE / f"{name}.json").write_text(json.dumps(vector, indent=1) + "\n")


def computed(name: str, description: str, request: Request, layout: str = "packed", words: list[str] | None = None) -> None:
    request.sequence = len(name) * 1_000_003
    request.client = b"golden vectors  "
    frames = request.packed() if layout == "packed" else request.split()
    write(name, description, frames, answer(request), words or [])


def refused(name: str, description: str, frames: list[bytes], status: str, words: list[str]) -> None:
    write(name, description, frames, {"status": wire.STATUS[status]}, words)


def batch(seed: int, rows: int = 6, classes: int = 5, spread: float = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    logits = (random.normal(size=(rows, classes)) * spread).astype(np.float32)
    return logits, random.integers(0, classes, rows)


def hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[labels]


def with_row(logits: np.ndarray, row: int, values: list[float]) -> np.ndarray:
    changed = logits.copy()
    changed[row] = values
    return changed


def losses() -> None:
    for seed, kind in enumerate(["u8", "u16", "u32", "i32", "i64"]):
        layout = "split" if seed % 2 else "packed"
        computed(f"integer-{kind}", f"{kind} labels, {layout}", Request(*batch(seed), label_type=kind, flags=ALL), layout)
    for seed, kind in enumerate(["u8", "f16", "bf16", "f32", "f64"], 10):
        logits, labels = batch(seed)
        layout = "packed" if seed % 2 else "split"
        request = Request(logits, hot(labels, 5), kind="onehot", label_type=kind, flags=ALL)
        computed(f"one-hot-{kind}", f"one-hot {kind} labels, {layout}", request, layout)
    logits, labels = batch(20, 40, 130)
    computed("wide-rows", "rows of more than one vector", Request(logits, labels, flags=ALL), "split")
    computed("one-class", "C = 1: every loss is +0", Request(*batch(21, classes=1), flags=ALL))
    gaps = np.array([1, 46.05, 69.07, 80], np.float32)
    tiny = np.stack([gaps, np.zeros(4), np.zeros(4)], axis=1).astype(np.float32)
    computed("tiny-losses", "losses of 1e-20, 1e-30 and less", Request(tiny, np.zeros(4, int), flags=ALL))
    for name, offset in [("1e4", 1e4), ("minus-1e4", -1e4), ("1e8", 1e8), ("3e38", 3e38)]:
        logits = np.full((3, 4), offset, np.float32)
        logits[1, 2] = np.nextafter(np.float32(offset), np.float32(np.inf))
        labels = np.array([0, 2, 1])
        computed(f"offset-{name}", f"logits around {offset}", Request(logits, labels, flags=ALL))
    computed("ties", "the lowest class of a tie is the prediction", Request(np.ones((3, 70), "f4"), np.array([0, 1, 69]), flags=ALL))
    logits, labels = batch(22)
    computed("f64-results", "losses and log-sum-exps as f64", Request(logits, labels, flags=ALL | wire.FLOAT64))
    computed("no-sections", "figures alone", Request(logits, labels, flags=0))
    computed("no-rows", "N = 0, packed", Request(logits[:0], labels[:0], flags=ALL))
    computed("no-rows-split", "N = 0, split: empty frames", Request(logits[:0], labels[:0], flags=ALL), "split")


def options() -> None:
    logits, labels = batch(30)
    ignored = labels.copy()
    ignored[[1, 4]] = -100
    computed("ignore-index", "an ignore index outside the classes", Request(logits, ignored, flags=ALL | wire.IGNORE, ignore_index=-100))
    computed("ignore-class", "an ignore index that is a class", Request(logits, labels, flags=ALL | wire.IGNORE, ignore_index=int(labels[0])))
    computed("all-ignored", "no row counts: the mean is NaN", Request(logits, ignored * 0 + 9, flags=ALL | wire.IGNORE, ignore_index=9))
    weights = np.array([0, 0.5, 1, 2, 3.25, 1], np.float32)
    computed("sample-weights", "one of them 0", Request(logits, labels, flags=ALL, sample_weights=weights), "split")
    bad = weights.copy()
    bad[3] = -1
    computed("bad-sample-weight", "a negative one", Request(logits, labels, flags=ALL, sample_weights=bad), words=["row 3", "-1"])
    classes = np.array([1, 0.25, 0, 2, 1], np.float32)
    computed("class-weights", "one of them 0", Request(logits, labels, flags=ALL, class_weights=classes))
    computed("both-weights", "of samples and classes", Request(logits, labels, flags=ALL, sample_weights=weights, class_weights=classes), "split")
    computed("z-loss", "0.5 lse^2 is added", Request(logits, labels, flags=ALL, z_loss=0.5))
    masked = with_row(logits, 2, [0, -np.inf, 1, 2, 3])
    labels[2] = 1
    zero = Request(masked, labels, flags=ALL, class_weights=np.array([1, 0, 1, 1, 1], np.float32))
    computed("masked-class-of-weight-0", "a weight of 0 contributes 0, also to an infinite loss", zero)
    uncounted = Request(masked, labels, flags=ALL, sample_weights=np.array([1, 1, 0, 1, 1, 1], np.float32))
    computed("masked-row-of-weight-0", "a row of weight 0 adds exactly 0", uncounted, words=["row 2"])


def bad_rows() -> None:
    logits, labels = batch(40)
    inf, nan = np.inf, np.nan
    rows = [
        ("nan-logit", [1, nan, 0, nan, 2], 1, ["row 2", "class 1", "NaN"]),
        ("infinite-logit", [1, 0, inf, 2, inf], 2, ["row 2", "class 2", "+infinity"]),
        ("nan-and-infinity", [inf, 0, nan, 2, 1], 0, ["row 2", "NaN"]),
        ("all-masked", [-inf] * 5, 0, ["row 2", "every logit"]),
        ("label-masked", [0, -inf, 1, 2, 3], 1, ["row 2", "-infinity"]),
        ("other-masked", [0, -inf, 1, -inf, 3], 0, []),
        ("label-too-large", [0, 1, 2, 3, 4], 5, ["row 2: label 5 is not in 0..<5"]),
        ("label-negative", [0, 1, 2, 3, 4], -1, ["row 2: label -1 is not in 0..<5"]),
        ("overflow", [3e38, -3e38, 0, 0, 0], 1, ["row 2", "too large"]),
    ]
    for name, values, label, words in rows:
        changed = labels.copy()
        changed[2] = label
        computed(name, f"row 2 is {values} with label {label}", Request(with_row(logits, 2, values), changed, flags=ALL), words=words)
    computed("overflow-f64", "finite in f64", Request(with_row(logits, 2, rows[-1][1]), np.where(np.arange(6) == 2, 1, labels), flags=ALL | wire.FLOAT64))
    for name, values in [("two-ones", [1, 1, 0, 0, 0]), ("half", [0, 0.5, 0, 0, 0]), ("all-zero", [0] * 5), ("nan-label", [nan, 1, 0, 0, 0])]:
        request = Request(logits, with_row(hot(labels, 5), 2, values), kind="onehot", label_type="f32", flags=ALL)
        computed(f"not-one-hot-{name}", f"row 2 of the labels is {values}", request, words=["row 2", "one-hot"])
    zero = with_row(hot(labels, 5), 2, [0, -0.0, 0, -0.0, 0])
    computed("zero-row-ignored", "an all-zero row, of either sign, is ignored", Request(logits, zero, kind="onehot", label_type="f32", flags=ALL | wire.ZERO_ROW_IGNORED))
    negative = hot(labels, 5)
    negative[negative == 0] = -0.0
    computed("negative-zeros", "-0.0 is a zero", Request(logits, negative, kind="onehot", label_type="f64", flags=ALL))


def refusals() -> None:
    logits, labels = batch(50)

    def frame(**changes: Any) -> bytes:
        return Request(logits, labels, sequence=11, client=b"golden vectors  ", **changes).packed()[0]

    def patched(offset: int, value: bytes) -> list[bytes]:
        return [frame()[:offset] + value + frame()[offset + len(value) :]]

    cases: list[tuple[str, list[bytes], str, list[str]]] = [
        ("short-header", [frame()[:95]], "MALFORMED", ["header", "96", "95"]),
        ("wrong-magic", patched(0, b"TNEX"), "MALFORMED", ["magic", "54 4e 45 58"]),
        ("wrong-version", patched(4, b"\x02"), "UNSUPPORTED_VERSION", ["version", "1", "2"]),
        ("wrong-type", patched(5, b"\x02"), "UNSUPPORTED", ["type", "2"]),
        ("wrong-header-size", patched(6, b"\xa0"), "MALFORMED", ["header size", "96", "160"]),
        ("reserved-not-zero", patched(95, b"\x01"), "MALFORMED", ["reserved"]),
        ("unknown-logits-type", patched(40, b"\x05"), "UNSUPPORTED", ["logits type", "5"]),
        ("unknown-label-kind", patched(41, b"\x00"), "UNSUPPORTED", ["label kind", "0"]),
        ("wrong-label-type", patched(42, b"\x03"), "UNSUPPORTED", ["label type", "3"]),
        ("unknown-flag", patched(45, b"\x10"), "UNSUPPORTED", ["flags", "0x1000"]),
        ("no-class", patched(36, bytes(4)), "BAD_SHAPE", ["classes", "0"]),
        ("too-many-classes", patched(36, b"\xff\xff\xff\xff"), "BAD_SHAPE", ["classes", "2147483647", "4294967295"]),
        ("too-many-logits", patched(32, b"\xff\xff\xff\xff\xff\xff\xff\x7f"), "BAD_SHAPE", ["rows x classes", "4294967295", "2147483647"]),
        ("too-many-rows", patched(32, b"\x01\x00\x00\x01"), "BAD_SHAPE", ["rows", "16777216", "16777217"]),
        ("too-large", patched(32, b"\x00\x00\x00\x01"), "TOO_LARGE", ["request", "67108864", "469762144"]),
        ("labels-cut-short", [frame()[:-1]], "MALFORMED", ["labels: expected 48 bytes (6 x i64), received 47"]),
        ("logits-cut-short", [frame()[:100]], "MALFORMED", ["logits: expected 120 bytes (6 x 5 x f32), received 4"]),
        ("bytes-behind", [frame() + b"!"], "MALFORMED", ["264", "265"]),
        ("frame-missing", Request(logits, labels).split()[:2], "MALFORMED", ["frames", "3", "2"]),
        ("frame-too-many", Request(logits, labels).split() + [b""], "MALFORMED", ["frames", "3", "4"]),
        ("frames-swapped", [Request(logits, labels).split()[i] for i in (0, 2, 1)], "MALFORMED", ["logits", "120", "48"]),
        ("smoothing-of-1", [frame(smoothing=1)], "BAD_OPTION", ["label smoothing", "1.0"]),
        ("negative-z-loss", [frame(z_loss=-0.5)], "BAD_OPTION", ["z-loss", "-0.5"]),
        ("infinite-temperature", [frame(temperature=math.inf)], "BAD_OPTION", ["temperature", "inf"]),
        ("negative-softcap", [frame(softcap=-1)], "BAD_OPTION", ["softcap", "-1.0"]),
        ("tolerance-without-probabilities", [frame(tolerance=0.1)], "BAD_OPTION", ["label tolerance", "0.1", "integer"]),
        ("zero-rows-of-integers", [frame(flags=wire.ZERO_ROW_IGNORED)], "BAD_OPTION", ["ZERO_ROW_IGNORED", "integer"]),
        ("bad-class-weight", [frame(class_weights=np.array([1, 1, np.nan, 1, 1]))], "BAD_OPTION", ["class weights", "class 2", "nan"]),
        ("info-with-rows", [wire.info_request(1)[:32] + b"\x01" + wire.info_request(1)[33:]], "MALFORMED", ["info"]),
    ]
    for name, frames, status, words in cases:
        refused(f"refused-{name}", status, frames, status, words)
    request = Request(logits, hot(labels, 5), kind="onehot", label_type="f32", flags=wire.IGNORE)
    refused("refused-ignore-with-one-hot", "BAD_OPTION", request.packed(), "BAD_OPTION", ["IGNORE", "one-hot"])
    write("info", "an info request", [wire.info_request(42)], {"status": 0}, ['"version"', '"limits"', '"batch_bytes"'])


if __name__ == "__main__":
    for old in [*HERE.glob("*.bin"), *HERE.glob("*.json")]:
        old.unlink()
    with np.errstate(all="ignore"):
        losses()
        options()
        bad_rows()
        refusals()
