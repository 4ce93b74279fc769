"""Writes vectors.json: what each framework itself answers for its own options, and the field of a result that is the same
number; and the tables of Documentation/frameworks.md.

Run by hand, in an environment of its own, when a framework or this file changes:

    python3 -m venv /tmp/frameworks
    /tmp/frameworks/bin/pip install torch tensorflow-cpu keras jax optax onnx onnxruntime
    /tmp/frameworks/bin/python Tests/Conformance/generate.py

The exact answers come from 80-bit arithmetic here, which shares nothing with xentd or a framework.
"""

from __future__ import annotations

import itertools
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
        "losses": losses, "losses * sample weights": losses * row_weights, "sum": total, "mean": total / weight if weight else Long("nan"),
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


def add(
    framework: str, call: str, reduction: str | None, field: str, answer: Any, name: str = "", wrong: str | None = None,
    note: str = "", **request: Any,
) -> None:
    """Adds a case, and makes sure that the framework is right, or wrong, as is said here.

    `call` is what a user writes, with {} for the reduction; `field` the expression of a result's fields that is the answer.
    """
    request.setdefault("logits", LOGITS)
    request.setdefault("kind", "integer")
    lists = {key: plain(value) for key, value in request.items()}
    name = name or call.replace("{}", repr(reduction))
    case = {
        "framework": framework, "name": name, "call": call, "reduction": reduction, "field": field, "request": lists}
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
    if note:
        case["note"] = note
    cases.append(case)


# PyTorch ---------------------------------------------------------------------------------------------------------------

T = torch.tensor
REDUCTIONS = {"none": "losses", "sum": "sum", "mean": "mean"}
TORCH_ARGUMENTS = {  # as they are written, and as they are sent
    "weight": (", weight=w", {"class_weights": WEIGHTS}), "ignore_index": (", ignore_index=-100", {"ignore_index": -100}),
    "label_smoothing": (", label_smoothing=0.1", {"label_smoothing": 0.1}),
}


def torch_loss(logits: np.ndarray, labels: np.ndarray, reduction: str, options: dict[str, Any]) -> np.ndarray:
    weight = T(options["class_weights"]) if "class_weights" in options else None
    return F.cross_entropy(
        T(logits), T(labels), weight=weight, reduction=reduction, ignore_index=options.get("ignore_index", -100),
        label_smoothing=options.get("label_smoothing", 0.0)).numpy()


for count in range(len(TORCH_ARGUMENTS) + 1):
    for names in itertools.combinations(TORCH_ARGUMENTS, count):
        text = "".join(TORCH_ARGUMENTS[name][0] for name in names)
        options = {key: value for name in names for key, value in TORCH_ARGUMENTS[name][1].items()}
        labels = IGNORING if "ignore_index" in options else LABELS
        for reduction, field in REDUCTIONS.items():
            add("PyTorch", f"F.cross_entropy(logits, labels{text}, reduction={{}})", reduction, field,
                torch_loss(LOGITS, labels, reduction, options), labels=labels, **options)
            if "ignore_index" not in options:
                # PyTorch divides by the number of rows where labels are probabilities.
                add("PyTorch", f"F.cross_entropy(logits, probabilities{text}, reduction={{}})", reduction, field,
                    torch_loss(LOGITS, PROBABILITIES, reduction, options), labels=PROBABILITIES, kind="probabilities",
                    **options)

# Keras -----------------------------------------------------------------------------------------------------------------

KERAS_REDUCTIONS = {None: "losses", "sum": "sum", "sum_over_batch_size": "sum / rows", "mean_with_sample_weight": "mean"}
NINES = np.where(IGNORING < 0, 9, IGNORING)
SOFTMAX = np.exp(LOGITS - LOGITS.max(axis=1, keepdims=True))
SOFTMAX /= SOFTMAX.sum(axis=1, keepdims=True)
KERAS_LOSSES = {  # the class and its arguments: what makes the loss, labels, what is sent
    "SparseCategoricalCrossentropy(from_logits=True": ({}, LABELS, {}),
    "SparseCategoricalCrossentropy(from_logits=True, ignore_class=9": ({"ignore_class": 9}, NINES, {"ignore_index": 9}),
    "CategoricalCrossentropy(from_logits=True": ({}, ONE_HOT, {"kind": "onehot"}),
    "CategoricalCrossentropy(from_logits=True, label_smoothing=0.1": (
        {"label_smoothing": 0.1}, ONE_HOT, {"kind": "onehot", "label_smoothing": 0.1}),
    "CategoricalCrossentropy(from_logits=True ": ({}, PROBABILITIES, {"kind": "probabilities"}),
    "CategoricalCrossentropy(from_logits=True, label_smoothing=0.1 ": (
        {"label_smoothing": 0.1}, PROBABILITIES, {"kind": "probabilities", "label_smoothing": 0.1}),
}


def keras_field(reduction: str | None, has_mask: bool, has_weights: bool) -> str:
    # A class that is ignored makes a mask, and Keras divides by what the mask leaves.
    if reduction == "sum_over_batch_size" and has_mask:
        return "sum / counted"
    # The losses of rows are not weighed by xentd; Keras weighs them.
    return "losses * sample weights" if reduction is None and has_weights else KERAS_REDUCTIONS[reduction]


for text, (arguments, labels, sent) in KERAS_LOSSES.items():
    for weights in (None, ROW_WEIGHTS):
        for reduction in KERAS_REDUCTIONS:
            loss = getattr(keras.losses, text.split("(")[0])(from_logits=True, reduction=reduction, **arguments)
            labels_text = {"onehot": "one_hot", "probabilities": "probabilities"}.get(sent.get("kind", ""), "labels")
            call = f"{text.strip()}, reduction={{}})({labels_text}, logits" + (", sample_weight=a)" if weights is not None else ")")
            add("Keras", call, reduction, keras_field(reduction, "ignore_class" in arguments, weights is not None),
                loss(labels, LOGITS, sample_weight=weights).numpy(), labels=labels, **sent,
                **({} if weights is None else {"sample_weights": weights}))
# Its default takes probabilities: their logarithms are sent.
for name, labels, sent in (("Sparse", LABELS, {}), ("", ONE_HOT, {"kind": "onehot"})):
    for reduction in KERAS_REDUCTIONS:
        loss = getattr(keras.losses, name + "CategoricalCrossentropy")(reduction=reduction)
        call = f"{name}CategoricalCrossentropy(reduction={{}})({'labels' if name else 'one_hot'}, p)"
        add("Keras", call, reduction, KERAS_REDUCTIONS[reduction], loss(labels, SOFTMAX).numpy(), logits=np.log(SOFTMAX),
            labels=labels, note="log(p) as logits", **sent)

# optax -----------------------------------------------------------------------------------------------------------------

add("optax", "softmax_cross_entropy_with_integer_labels(logits, labels)", None, "losses",
    optax.softmax_cross_entropy_with_integer_labels(jnp.array(LOGITS), jnp.array(LABELS)), labels=LABELS)
add("optax", "softmax_cross_entropy(logits, one_hot)", None, "losses",
    optax.softmax_cross_entropy(jnp.array(LOGITS), jnp.array(ONE_HOT)), labels=ONE_HOT, kind="onehot")
add("optax", "softmax_cross_entropy(logits, probabilities)", None, "losses",
    optax.softmax_cross_entropy(jnp.array(LOGITS), jnp.array(PROBABILITIES)), labels=PROBABILITIES, kind="probabilities")
masked = LOGITS.copy()
masked[:, 1] = -np.inf
elsewhere = np.where(LABELS == 1, 0, LABELS)
add("optax", "safe_softmax_cross_entropy(logits, one_hot)", None, "losses",
    optax.safe_softmax_cross_entropy(jnp.array(masked), jnp.array(np.eye(5, dtype=np.float32)[elsewhere])),
    logits=masked, labels=np.eye(5, dtype=np.float32)[elsewhere], kind="onehot")
smooth = optax.smooth_labels(jnp.array(ONE_HOT), 0.1)
add("optax", "softmax_cross_entropy(logits, smooth_labels(one_hot, 0.1))", None, "losses",
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
    for weights in (None, WEIGHTS):
        for ignore in (None, -100):
            attributes = {} if ignore is None else {"ignore_index": ignore}
            call = "SoftmaxCrossEntropyLoss(logits, labels" + (", w" if weights is not None else "") + "; reduction={}"
            call += ", ignore_index=-100)" if attributes else ")"
            labels = LABELS if ignore is None else IGNORING
            add("ONNX", call, reduction, field,
                onnx_loss(LOGITS, labels, weights, reduction=reduction, **attributes), labels=labels, **attributes,
                **({} if weights is None else {"class_weights": weights}))


# Liger's formulas, in NumPy --------------------------------------------------------------------------------------------

def liger(logits: np.ndarray, labels: np.ndarray, lse_square_scale: float = 0, softcap: float | None = None) -> np.ndarray:
    z = logits.astype(np.float64)
    z = softcap * np.tanh(z / softcap) if softcap else z
    lse = np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)) + z.max(axis=1)
    return lse - z[np.arange(len(z)), labels] + lse_square_scale * lse**2


LIGER_OPTIONS = {
    "lse_square_scale=1e-3": {"z_loss": 1e-3}, "softcap=4.0": {"softcap": 4.0},
    "softcap=4.0, lse_square_scale=1e-3": {"softcap": 4.0, "z_loss": 1e-3},
}
for text, options in LIGER_OPTIONS.items():
    losses = liger(LOGITS, LABELS, options.get("z_loss", 0), options.get("softcap"))
    for reduction, field in REDUCTIONS.items():
        answer = losses if reduction == "none" else getattr(losses, reduction)()
        add("Liger", f"LigerCrossEntropyLoss({text}, reduction={{}})(logits, labels)", reduction, field, answer,
            labels=LABELS, **options)

# Where frameworks are wrong --------------------------------------------------------------------------------------------

CONFIDENT = np.array([[40, 0, 0], [0, 60, 1], [2, 3, 25]], np.float32)
FAR = np.array([[1e8, 1e8 + 8, 1e8 - 8], [1e8 + 8, 1e8, 1e8]], np.float32)
ORDER = np.array([0, 1, 2])
sparse_none = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
tiny = "a loss below the precision of 1 is lost: the logarithm is taken of a sum that holds the 1 already"
jax_int = lambda z, y: optax.softmax_cross_entropy_with_integer_labels(jnp.array(z), jnp.array(y))
EVERY = {
    "PyTorch": ("F.cross_entropy(logits, labels, reduction={})", lambda z, y: torch_loss(z, y, "none", {})),
    "Keras": ("SparseCategoricalCrossentropy(from_logits=True, reduction=None)(labels, logits)",
              lambda z, y: sparse_none(y, z).numpy()),
    "optax": ("softmax_cross_entropy_with_integer_labels(logits, labels)", jax_int),
    "ONNX": ("SoftmaxCrossEntropyLoss(reduction='none')", lambda z, y: onnx_loss(z, y, reduction="none")),
}
for framework, (call, run) in EVERY.items():
    add(framework, call, "none", "losses", run(CONFIDENT, ORDER), name="confident rows", wrong=tiny, logits=CONFIDENT,
        labels=ORDER)
for framework, (call, run) in EVERY.items():
    answer = run(FAR, ORDER[:2])
    truth = exact({"request": {"logits": FAR, "labels": ORDER[:2], "kind": "integer"}})["losses"]
    is_right = np.allclose(np.asarray(answer, float), truth.astype(float), rtol=1e-5)
    add(framework, call, "none", "losses", answer, name="logits of 1e8", logits=FAR, labels=ORDER[:2],
        wrong=None if is_right else "the log-sum-exp is rounded to the precision of 1e8 before the logit is subtracted")
nothing = np.full(7, 9)
add("Keras", "SparseCategoricalCrossentropy(from_logits=True, ignore_class=9)(labels, logits)", None, "sum / counted",
    keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=9)(nothing, LOGITS).numpy(),
    name="every row ignored", wrong="0 reads as a perfect score where nothing was evaluated", labels=nothing, ignore_index=9)
add("PyTorch", "F.cross_entropy(logits, labels)", "mean", "mean", torch_loss(LOGITS, np.full(7, -100), "mean", {}),
    name="every row ignored", labels=np.full(7, -100), ignore_index=-100)
outside = np.array([0, 7, 1, 4, 2, 2, 0])
add("optax", "softmax_cross_entropy_with_integer_labels(logits, labels)", None, "losses", jax_int(LOGITS, outside),
    name="a label out of range", labels=outside)

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
FIELDS = {"losses": "losses", "losses * sample weights": "losses times `a`", "sum": "`sum`", "mean": "`mean`", "sum / counted": "`sum / counted`", "sum / rows": "`sum / rows`"}
REDUCTION_NAMES = {"Keras": list(KERAS_REDUCTIONS), "optax": [None]}
SPECIAL = {"confident rows", "logits of 1e8", "every row ignored", "a label out of range"}


def table(framework: str) -> list[str]:
    """A line for each call that a user may write, with a column for each reduction."""
    reductions = REDUCTION_NAMES.get(framework, list(REDUCTIONS))
    lines: dict[tuple[str, str], dict[str | None, str]] = {}
    for case in cases:
        if case["framework"] == framework and case["name"] not in SPECIAL:
            options = [text.format(case["request"][key]) for key, text in SENT.items() if key in case["request"]]
            notes = [case["note"]] if "note" in case else []
            sent = ", ".join([*notes, KINDS[case["request"]["kind"]], *options])
            lines.setdefault((case["call"], sent), {})[case["reduction"]] = FIELDS[case["field"]]
    heads = [f"`r={name!r}`" for name in reductions] if len(reductions) > 1 else ["the number is"]
    rows = [
        [f"`{call.replace('{}', 'r')}`", sent, *(numbers.get(name, "") for name in reductions)]
        for (call, sent), numbers in lines.items()]
    return [f"| {' | '.join(cells)} |" for cells in [["you write", "you send", *heads], ["---"] * (2 + len(heads)), *rows]]


def shown(values: list[Any]) -> str:
    return ", ".join(value if isinstance(value, str) else f"{value:.7g}" for value in values[:3])


tables = []
for framework, version in VERSIONS.items():
    title = "Liger (its formulas, in NumPy)" if framework == "Liger" else f"{framework} {version.split('+')[0]}"
    tables += [f"## {title}", "", *table(framework), ""]
tables += ["## Where a framework is wrong", "", "| framework | case | it says | exact, and xentd's | why |", "|---|---|---|---|---|"]
tables += [
    f"| {case['framework']} | {case['name']} | {shown(case['answer'])} | {shown(case['exact'])} | {case['wrong']} |"
    for case in cases if "wrong" in case]
guide = Path(__file__).parents[2] / "Documentation/frameworks.md"
head, _ = guide.read_text().split("<!-- tables -->")
guide.write_text(head + "<!-- tables -->\n\n" + "\n".join(tables) + "\n")
