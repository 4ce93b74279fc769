"""Writes vectors.json: what each framework itself answers for its own options, and the field of a result that is the same
number; and the tables of Documentation/frameworks.md.

Run by hand, in an environment of its own, when a framework or this file changes:

    python3 -m venv /tmp/frameworks
    /tmp/frameworks/bin/pip install torch tensorflow-cpu keras jax optax onnx onnxruntime
    /tmp/frameworks/bin/python Tests/Conformance/generate.py

The exact answers come from 80-bit arithmetic here, which shares nothing with xentd or a framework.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax.numpy as jnp
import keras
import numpy as np
import onnx
import onnxruntime
import optax
import torch
import torch.nn.functional as F

Long = np.longdouble
VERSIONS = {
    "PyTorch": torch.__version__, "Keras": keras.__version__, "optax": optax.__version__,
    "ONNX": onnxruntime.__version__, "Liger": "formulas",
}
FRAMEWORK_PRECISION = 2e-6  # relative, of a loss in f32 that a framework sums in its own order

source = np.random.default_rng(20261124)
LOGITS = source.normal(0, 3, (7, 5)).astype(np.float32)
LABELS = np.array([0, 3, 1, 4, 2, 2, 0])
IGNORING = np.array([0, -100, 1, 4, -100, 2, 0])
WEIGHTS = np.array([0.5, 2, 1, 0, 1.25], np.float32)
ROW_WEIGHTS = np.array([1, 0.5, 2, 0, 1, 3, 0.25], np.float32)
PROBABILITIES = source.dirichlet(np.ones(5), 7).astype(np.float32)
ONE_HOT = np.eye(5, dtype=np.float32)[LABELS]


def exact(case: dict[str, Any]) -> dict[str, Any]:
    """Losses and aggregates by the definitions, in 80-bit arithmetic."""
    request = case["request"]
    z = np.array(request["logits"], np.float32).astype(Long)
    if cap := request.get("softcap"):
        z = (Long(np.float32(cap)) * np.tanh(z / Long(np.float32(cap)))).astype(np.float32).astype(Long)
    rows, classes = z.shape
    indices = np.arange(rows)
    labels = np.array(request["labels"])
    ignored = np.zeros(rows, bool)
    if request["kind"] == "integer":
        if "ignore_index" in request:
            ignored = labels == request["ignore_index"]
        own = np.where(ignored | (labels < 0) | (labels >= classes), 0, labels)
        targets = np.zeros((rows, classes), Long)
        targets[indices, own] = 1
        bad = ~ignored & ((labels < 0) | (labels >= classes))
    else:
        targets, own, bad = labels.astype(np.float32).astype(Long), labels.argmax(axis=1), np.zeros(rows, bool)
    smoothing = Long(np.float32(request.get("label_smoothing", 0)))
    weights = np.array(request.get("class_weights", np.ones(classes)), np.float32).astype(Long)
    shares = weights * (targets * (1 - smoothing) + smoothing / classes)
    top = z.argmax(axis=1)
    terms = np.exp(z - z[indices, top][:, None])
    terms[indices, top] = 0
    log_sums = np.log1p(terms.sum(axis=1))
    gaps = z[indices, top][:, None] - z + log_sums[:, None]
    losses = np.where(shares == 0, 0, shares * np.where(shares == 0, 0, gaps)).sum(axis=1)
    losses += Long(np.float32(request.get("z_loss", 0))) * (z[indices, top] + log_sums) ** 2
    losses = np.where(ignored, 0, np.where(bad, np.nan, losses))
    row_weights = np.array(request.get("sample_weights", np.ones(rows)), np.float32).astype(Long)
    class_weight = weights[own] if request["kind"] != "probabilities" else np.ones(rows, Long)
    counted = ~ignored
    total = (row_weights * losses)[counted & (row_weights != 0)].sum()
    weight = (row_weights * class_weight)[counted].sum()
    return {
        "losses": losses, "sum": total, "mean": total / weight if weight else Long("nan"),
        "sum / counted": total / counted.sum() if counted.any() else Long("nan"),
        "sum / rows": total / rows,
    }


def number(value: Any) -> Any:
    """A JSON number; text for what JSON has none for."""
    value = float(value)
    return value if math.isfinite(value) else str(value)


def plain(value: Any) -> Any:
    """What JSON can hold."""
    if not isinstance(value, np.ndarray):
        return value
    return value.tolist() if value.dtype.kind == "i" else [plain(row) if row.ndim else number(row) for row in value]


cases: list[dict[str, Any]] = []


def add(framework: str, name: str, call: str, field: str, answer: Any, wrong: str | None = None, **request: Any) -> None:
    """Adds a case, and makes sure that the framework is right, or wrong, as is said here."""
    request.setdefault("logits", LOGITS)
    request.setdefault("kind", "integer")
    lists = {key: plain(value) for key, value in request.items()}
    case = {"framework": framework, "name": name, "call": call, "field": field, "request": lists}
    truth = np.atleast_1d(np.asarray(exact({"request": request})[field], Long))
    received = np.atleast_1d(np.asarray(answer, np.float64)).astype(Long)
    same = np.isnan(truth) & np.isnan(received)
    close = np.abs(received - truth) <= FRAMEWORK_PRECISION * np.maximum(np.abs(truth), 0.1)
    relative = np.abs(received - truth) <= 1e-4 * np.abs(truth)
    is_right = bool((same | (close & relative)).all())
    assert is_right == (wrong is None), f"{framework}: {name}: {received} against {truth}"
    case["answer"] = [number(value) for value in received]
    case["exact"] = [number(value) for value in truth]
    if wrong:
        case["wrong"] = wrong
    cases.append(case)


# PyTorch ---------------------------------------------------------------------------------------------------------------

T = torch.tensor
REDUCTIONS = {"none": "losses", "sum": "sum", "mean": "mean"}
TORCH_OPTIONS = {
    "": {}, ", weight": {"class_weights": WEIGHTS}, ", ignore_index": {"ignore_index": -100},
    ", label_smoothing": {"label_smoothing": 0.1},
    ", weight, label_smoothing": {"class_weights": WEIGHTS, "label_smoothing": 0.1},
    ", weight, ignore_index": {"class_weights": WEIGHTS, "ignore_index": -100},
    ", ignore_index, label_smoothing": {"ignore_index": -100, "label_smoothing": 0.1},
}


def torch_loss(logits: np.ndarray, labels: np.ndarray, reduction: str, options: dict[str, Any]) -> np.ndarray:
    weight = T(options["class_weights"]) if "class_weights" in options else None
    return F.cross_entropy(
        T(logits), T(labels), weight=weight, reduction=reduction, ignore_index=options.get("ignore_index", -100),
        label_smoothing=options.get("label_smoothing", 0.0)).numpy()


for reduction, field in REDUCTIONS.items():
    for text, options in TORCH_OPTIONS.items():
        labels = IGNORING if "ignore_index" in options else LABELS
        call = f"F.cross_entropy(logits, labels{text}, reduction='{reduction}')"
        add("PyTorch", f"indices{text}, {reduction}", call, field, torch_loss(LOGITS, labels, reduction, options),
            labels=labels, **options)
        if "ignore_index" not in options:
            call = f"F.cross_entropy(logits, probabilities{text}, reduction='{reduction}')"
            # PyTorch divides by the number of rows where labels are probabilities.
            add("PyTorch", f"probabilities{text}, {reduction}", call, field,
                torch_loss(LOGITS, PROBABILITIES, reduction, options), labels=PROBABILITIES, kind="probabilities", **options)

# Keras -----------------------------------------------------------------------------------------------------------------

KERAS_REDUCTIONS = {None: "losses", "sum": "sum", "sum_over_batch_size": "sum / rows", "mean_with_sample_weight": "mean"}
for reduction, field in KERAS_REDUCTIONS.items():
    for weights_text, weights in (("", None), (", sample_weight", ROW_WEIGHTS)):
        # A loss of each row is not weighed by xentd; Keras weighs it.
        if reduction is None and weights is not None:
            continue
        options = {} if weights is None else {"sample_weights": weights}
        sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
        add("Keras", f"SparseCategoricalCrossentropy{weights_text}, {reduction}",
            f"SparseCategoricalCrossentropy(from_logits=True, reduction={reduction!r})(labels, logits{weights_text})",
            field, sparse(LABELS, LOGITS, sample_weight=weights).numpy(), labels=LABELS, **options)
        for smoothing_text, smoothing in (("", 0.0), (", label_smoothing", 0.1)):
            dense = keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=smoothing, reduction=reduction)
            call = (f"CategoricalCrossentropy(from_logits=True{smoothing_text}, reduction={reduction!r})"
                    f"(labels, logits{weights_text})")
            smooth = {"label_smoothing": smoothing} if smoothing else {}
            for kind, labels in (("onehot", ONE_HOT), ("probabilities", PROBABILITIES)):
                add("Keras", f"CategoricalCrossentropy of {kind}{smoothing_text}{weights_text}, {reduction}", call, field,
                    dense(labels, LOGITS, sample_weight=weights).numpy(), labels=labels, kind=kind, **smooth, **options)
    ignoring = np.where(IGNORING < 0, 9, IGNORING)
    ignore = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=9, reduction=reduction)
    # A class that is ignored makes a mask, and Keras divides by what the mask leaves.
    add("Keras", f"ignore_class, {reduction}",
        f"SparseCategoricalCrossentropy(from_logits=True, ignore_class=9, reduction={reduction!r})(labels, logits)",
        "sum / counted" if reduction == "sum_over_batch_size" else field,
        ignore(ignoring, LOGITS).numpy(), labels=ignoring, ignore_index=9)

# optax -----------------------------------------------------------------------------------------------------------------

add("optax", "integer labels", "softmax_cross_entropy_with_integer_labels(logits, labels)", "losses",
    optax.softmax_cross_entropy_with_integer_labels(jnp.array(LOGITS), jnp.array(LABELS)), labels=LABELS)
add("optax", "one-hot labels", "softmax_cross_entropy(logits, one_hot)", "losses",
    optax.softmax_cross_entropy(jnp.array(LOGITS), jnp.array(ONE_HOT)), labels=ONE_HOT, kind="onehot")
add("optax", "probabilities", "softmax_cross_entropy(logits, probabilities)", "losses",
    optax.softmax_cross_entropy(jnp.array(LOGITS), jnp.array(PROBABILITIES)), labels=PROBABILITIES, kind="probabilities")
masked = LOGITS.copy()
masked[:, 1] = -np.inf
elsewhere = np.where(LABELS == 1, 0, LABELS)
add("optax", "safe, a masked class", "safe_softmax_cross_entropy(logits, one_hot)", "losses",
    optax.safe_softmax_cross_entropy(jnp.array(masked), jnp.array(np.eye(5, dtype=np.float32)[elsewhere])),
    logits=masked, labels=np.eye(5, dtype=np.float32)[elsewhere], kind="onehot")
smooth = optax.smooth_labels(jnp.array(ONE_HOT), 0.1)
add("optax", "smooth_labels", "softmax_cross_entropy(logits, smooth_labels(one_hot, 0.1))", "losses",
    optax.softmax_cross_entropy(jnp.array(LOGITS), smooth), labels=ONE_HOT, kind="onehot", label_smoothing=0.1)


# ONNX ------------------------------------------------------------------------------------------------------------------

def onnx_loss(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None, **attributes: Any) -> np.ndarray:
    inputs = {"x": logits, "y": labels.astype(np.int64)} | ({} if weights is None else {"w": weights})
    node = onnx.helper.make_node("SoftmaxCrossEntropyLoss", list(inputs), ["loss"], **attributes)
    types = {np.dtype(np.float32): onnx.TensorProto.FLOAT, np.dtype(np.int64): onnx.TensorProto.INT64}
    graph = onnx.helper.make_graph(
        [node], "loss",
        [onnx.helper.make_tensor_value_info(name, types[value.dtype], value.shape) for name, value in inputs.items()],
        [onnx.helper.make_tensor_value_info("loss", onnx.TensorProto.FLOAT, None)])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


for reduction, field in REDUCTIONS.items():
    call = f"SoftmaxCrossEntropyLoss(reduction='{reduction}'"
    add("ONNX", reduction, call + ")", field, onnx_loss(LOGITS, LABELS, reduction=reduction), labels=LABELS)
    add("ONNX", f"weights, {reduction}", call + ", weights)", field,
        onnx_loss(LOGITS, LABELS, WEIGHTS, reduction=reduction), labels=LABELS, class_weights=WEIGHTS)
    add("ONNX", f"weights, ignore_index, {reduction}", call + ", weights, ignore_index=-100)", field,
        onnx_loss(LOGITS, IGNORING, WEIGHTS, reduction=reduction, ignore_index=-100), labels=IGNORING,
        class_weights=WEIGHTS, ignore_index=-100)


# Liger's formulas, in NumPy --------------------------------------------------------------------------------------------

def liger(logits: np.ndarray, labels: np.ndarray, lse_square_scale: float = 0, softcap: float | None = None) -> np.ndarray:
    z = logits.astype(np.float64)
    z = softcap * np.tanh(z / softcap) if softcap else z
    lse = np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)) + z.max(axis=1)
    return lse - z[np.arange(len(z)), labels] + lse_square_scale * lse**2


add("Liger", "lse_square_scale", "LigerCrossEntropyLoss(lse_square_scale=1e-3, reduction='none')", "losses",
    liger(LOGITS, LABELS, lse_square_scale=1e-3), labels=LABELS, z_loss=1e-3)
add("Liger", "softcap", "LigerCrossEntropyLoss(softcap=4.0, reduction='none')", "losses",
    liger(LOGITS, LABELS, softcap=4.0), labels=LABELS, softcap=4.0)
add("Liger", "softcap, lse_square_scale", "LigerCrossEntropyLoss(softcap=4.0, lse_square_scale=1e-3)", "mean",
    liger(LOGITS, LABELS, 1e-3, 4.0).mean(), labels=LABELS, softcap=4.0, z_loss=1e-3)

# Where frameworks are wrong --------------------------------------------------------------------------------------------

CONFIDENT = np.array([[40, 0, 0], [0, 60, 1], [2, 3, 25]], np.float32)
FAR = np.array([[1e8, 1e8 + 8, 1e8 - 8], [1e8 + 8, 1e8, 1e8]], np.float32)
ORDER = np.array([0, 1, 2])
sparse_none = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
tiny = "a loss below the precision of 1 is lost: the logarithm is taken of a sum that holds the 1 already"
jax_int = lambda z, y: optax.softmax_cross_entropy_with_integer_labels(jnp.array(z), jnp.array(y))
EVERY = {
    "PyTorch": ("F.cross_entropy(logits, labels, reduction='none')", lambda z, y: torch_loss(z, y, "none", {})),
    "Keras": ("SparseCategoricalCrossentropy(from_logits=True, reduction=None)(labels, logits)",
              lambda z, y: sparse_none(y, z).numpy()),
    "optax": ("softmax_cross_entropy_with_integer_labels(logits, labels)", jax_int),
    "ONNX": ("SoftmaxCrossEntropyLoss(reduction='none')", lambda z, y: onnx_loss(z, y, reduction="none")),
}
for framework, (call, run) in EVERY.items():
    add(framework, "confident rows", call, "losses", run(CONFIDENT, ORDER), wrong=tiny, logits=CONFIDENT, labels=ORDER)
for framework, (call, run) in EVERY.items():
    answer = run(FAR, ORDER[:2])
    truth = exact({"request": {"logits": FAR, "labels": ORDER[:2], "kind": "integer"}})["losses"]
    is_right = np.allclose(np.asarray(answer, float), truth.astype(float), rtol=1e-5)
    add(framework, "logits of 1e8", call, "losses", answer, logits=FAR, labels=ORDER[:2],
        wrong=None if is_right else "the log-sum-exp is rounded to the precision of 1e8 before the logit is subtracted")
nothing = np.full(7, 9)
add("Keras", "every row ignored", "SparseCategoricalCrossentropy(from_logits=True, ignore_class=9)(labels, logits)",
    "sum / counted", keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=9)(nothing, LOGITS).numpy(),
    wrong="0 reads as a perfect score where nothing was evaluated", labels=nothing, ignore_index=9)
add("PyTorch", "every row ignored", "F.cross_entropy(logits, labels)", "mean",
    torch_loss(LOGITS, np.full(7, -100), "mean", {}), labels=np.full(7, -100), ignore_index=-100)
outside = np.array([0, 7, 1, 4, 2, 2, 0])
add("optax", "a label out of range", "softmax_cross_entropy_with_integer_labels(logits, labels)", "losses",
    jax_int(LOGITS, outside), labels=outside)

path = Path(__file__).with_name("vectors.json")
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
path.write_text(f'{{"versions": {json.dumps(VERSIONS)},\n"cases": [\n{lines}\n]}}\n')
print(f"{len(cases)} cases, {sum('wrong' in case for case in cases)} of them wrong; {path.stat().st_size} bytes")


# The tables ------------------------------------------------------------------------------------------------------------

SENT = {
    "ignore_index": "flag IGNORE, `ignore index` {}", "label_smoothing": "`label smoothing` {}", "z_loss": "`z-loss` {}",
    "softcap": "`softcap` {}", "class_weights": "flag CLASS_WEIGHTS", "sample_weights": "flag SAMPLE_WEIGHTS",
}
KINDS = {"integer": "integer labels", "onehot": "one-hot labels", "probabilities": "probabilities"}
FIELDS = {"losses": "the losses (flag LOSSES)", "sum": "`sum`", "mean": "`mean`", "sum / counted": "`sum / counted`",
          "sum / rows": "`sum / rows`"}


def row(case: dict[str, Any]) -> str:
    options = [text.format(case["request"][key]) for key, text in SENT.items() if key in case["request"]]
    cells = [f"`{case['call']}`", ", ".join([KINDS[case["request"]["kind"]], *options]), FIELDS[case["field"]]]
    return "| " + " | ".join(cells) + " |"


def shown(values: list[Any]) -> str:
    return ", ".join(value if isinstance(value, str) else f"{value:.7g}" for value in values[:3])


tables = []
for framework, version in VERSIONS.items():
    rows = list(dict.fromkeys(row(case) for case in cases if case["framework"] == framework and "wrong" not in case))
    title = framework if version == "formulas" else f"{framework} {version.split('+')[0]}"
    tables += [f"## {title}", "", "| you write | you send | the number is |", "|---|---|---|", *rows, ""]
tables += ["## Where a framework is wrong", "", "| framework | case | it says | exact, and xentd's | why |", "|---|---|---|---|---|"]
tables += [
    f"| {case['framework']} | {case['name']} | {shown(case['answer'])} | {shown(case['exact'])} | {case['wrong']} |"
    for case in cases if "wrong" in case]
guide = Path(__file__).parents[2] / "Documentation/frameworks.md"
head, _ = guide.read_text().split("<!-- tables -->")
guide.write_text(head + "<!-- tables -->\n\n" + "\n".join(tables) + "\n")
