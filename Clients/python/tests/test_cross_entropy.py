"""What the calls mean: shapes, types, options, and the errors that say what to pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import expected as exact
import ml_dtypes
import numpy as np
import pytest
import reference
import wire
from hypothesis import given, settings
from hypothesis import strategies as st

import xentd
from conftest import PATIENCE

ROWS, CLASSES = 12, 7


def batch(rows: int = ROWS, classes: int = CLASSES, seed: int = 1) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    return random.normal(size=(rows, classes)).astype(np.float32) * 3, random.integers(0, classes, rows)


def one_hot(labels: Any, classes: int = CLASSES) -> Any:
    return np.eye(classes, dtype=np.float32)[labels]


def losses(logits: Any, labels: Any) -> Any:
    return reference.losses(np.asarray(logits, np.float64), labels).astype(np.float64)


def test_reductions_are_those_of_pytorch(client: xentd.Client) -> None:
    logits, labels = batch()
    each = losses(logits, labels)
    assert client.cross_entropy(logits, labels) == pytest.approx(each.mean(), rel=1e-6)
    assert client.cross_entropy(logits, labels, reduction="sum") == pytest.approx(each.sum(), rel=1e-6)
    none = client.cross_entropy(logits, labels, reduction="none")
    assert none.dtype == np.float32
    assert none.flags.writeable
    assert none == pytest.approx(each, rel=1e-6)
    assert client.cross_entropy(logits, labels, reduction="none", float64=True).dtype == np.float64


def test_rows_with_label_minus_100_are_ignored_unless_told_otherwise(client: xentd.Client) -> None:
    logits, labels = batch()
    ignored = np.where(np.arange(ROWS) % 3 == 0, -100, labels)
    kept = ignored != -100
    assert client.cross_entropy(logits, ignored) == pytest.approx(losses(logits[kept], labels[kept]).mean(), rel=1e-6)
    with pytest.raises(xentd.LabelError, match=r"row 0: label -100 is not in 0\.\.<7"):
        client.cross_entropy(logits, ignored, ignore_index=None)
    other = client.cross_entropy(logits, labels, ignore_index=int(labels[0]))
    assert other == pytest.approx(losses(logits, labels)[labels != labels[0]].mean(), rel=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"label_smoothing": 0.1},
        {"weight": np.linspace(0.5, 2, CLASSES)},
        {"weight": np.linspace(0.5, 2, CLASSES), "label_smoothing": 0.2, "ignore_index": 3},
        {"z_loss": 1e-2},
        {"temperature": 2.5},
        {"softcap": 4.0},
        {"temperature": 0.5, "softcap": 10.0, "z_loss": 1e-3, "top_k": 2},
        {"sample_weight": np.linspace(0, 3, ROWS)},
    ],
    ids="+".join,
)
@pytest.mark.parametrize("kind", ["integer", "onehot", "probabilities"])
def test_options_mean_what_they_mean_in_80_bits(client: xentd.Client, options: dict[str, Any], kind: str) -> None:
    if kind != "integer" and "ignore_index" in options:
        pytest.skip("an ignore index is for class indices")
    logits, labels = batch()
    targets = {"integer": labels, "onehot": one_hot(labels), "probabilities": softmax(logits[::-1])}[kind]
    renamed = {"label_smoothing": "smoothing", "weight": "class_weights", "sample_weight": "sample_weights"}
    fields = {renamed.get(name, name): value for name, value in options.items()}
    for name in ("class_weights", "sample_weights"):
        if name in fields:
            fields[name] = fields[name].astype(np.float32)
    flags = wire.IGNORE if "ignore_index" in options else 0
    want = exact.expected(wire.Request(logits, targets, kind=kind, flags=flags, **fields))
    names = {"integer": "indices", "onehot": "one_hot", "probabilities": "probabilities"}
    result = client.submit(logits, targets, label_kind=names[kind], **options).result(PATIENCE)
    assert result.losses == pytest.approx(want.losses.astype(float), rel=1e-5)
    assert (result.sum, result.weight) == pytest.approx((float(want.sum), float(want.weight)), rel=1e-5)
    assert (result.counted, result.correct) == (want.counted, want.correct)
    assert result.top_k_correct == (want.top_k_correct if "top_k" in options else 0)


def softmax(logits: Any) -> Any:
    terms = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (terms / terms.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", ">i4", ">i8"])
def test_class_indices_may_be_integers_of_any_type(client: xentd.Client, dtype: str) -> None:
    logits, labels = batch()
    assert client.cross_entropy(logits, labels.astype(dtype)) == client.cross_entropy(logits, labels)


@pytest.mark.parametrize("dtype", ["?", "u1", "i4", "i8", "f2", "f4", "f8", ">f4", "bf16"])
def test_one_hot_labels_may_be_of_any_type(client: xentd.Client, dtype: str) -> None:
    logits, labels = batch()
    hot = one_hot(labels).astype(ml_dtypes.bfloat16 if dtype == "bf16" else dtype)
    each = client.cross_entropy(logits, labels, reduction="none")
    assert np.array_equal(client.cross_entropy(logits, hot, label_kind="one_hot", reduction="none"), each)
    # As probabilities, which is what floats of the logits' shape are in PyTorch, they cost the same.
    assert client.cross_entropy(logits, hot, reduction="none") == pytest.approx(each, rel=1e-6)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", ">f8", "bf16"])
def test_logits_may_be_floats_of_any_type_and_are_not_rounded(client: xentd.Client, dtype: str) -> None:
    logits, labels = batch()
    typed = logits.astype(ml_dtypes.bfloat16 if dtype == "bf16" else dtype)
    assert client.cross_entropy(typed, labels, reduction="none") == pytest.approx(losses(typed, labels), rel=1e-6)


def test_class_indices_may_be_a_column(client: xentd.Client) -> None:
    logits, labels = batch()
    each = client.cross_entropy(logits, labels, reduction="none")
    for _ in range(2):
        assert np.array_equal(client.cross_entropy(logits, labels[:, None], reduction="none"), each)
    texts = client.cross_entropy(logits.reshape(3, 4, CLASSES), labels.reshape(3, 4, 1), reduction="none")
    assert np.array_equal(texts, each.reshape(3, 4))
    with pytest.raises(xentd.LabelError, match=r"row 2: label 7 is not"):
        client.cross_entropy(logits, np.where(np.arange(12) == 2, 7, labels)[:, None])
    with pytest.raises(TypeError, match="received bool"):
        client.cross_entropy(logits, labels[:, None] > 3)
    # Of one class it is one-hot.
    assert client.cross_entropy(np.ones((2, 1), "f4"), np.ones((2, 1), "i8")) == 0


def test_bfloat16_that_numpy_has_saved_and_loaded_is_taken_for_what_it_was(client: xentd.Client, tmp_path: Path) -> None:
    logits, labels = batch()
    typed = logits.astype(ml_dtypes.bfloat16)
    np.save(tmp_path / "a.npy", typed)
    loaded = np.load(tmp_path / "a.npy")
    assert loaded.dtype == np.dtype("V2")
    for _ in range(2):
        assert client.cross_entropy(loaded, labels) == client.cross_entropy(typed, labels)
    with pytest.raises(TypeError, match="float32"):
        client.cross_entropy(loaded.view([("a", "u1"), ("b", "u1")]), labels)


def test_lists_and_single_rows_are_batches_too(client: xentd.Client) -> None:
    assert client.cross_entropy([[1.0, 2.0, 3.0]], [2]) == pytest.approx(0.4076059644443803, rel=1e-6)
    assert client.cross_entropy(np.array([1.0, 2.0, 3.0], "f4"), 2) == pytest.approx(0.4076059644443803, rel=1e-6)
    assert client.cross_entropy(np.array([1.0, 2.0, 3.0], "f4"), 2, reduction="none").shape == ()


def test_no_rows_have_no_mean(client: xentd.Client) -> None:
    logits, labels = batch()
    assert np.isnan(client.cross_entropy(logits[:0], labels[:0]))
    assert client.cross_entropy(logits[:0], labels[:0], reduction="none").shape == (0,)


def test_the_shape_of_the_rows_is_kept(client: xentd.Client) -> None:
    logits, labels = batch(30)
    none = client.cross_entropy(logits.reshape(2, 3, 5, CLASSES), labels.reshape(2, 3, 5), reduction="none")
    assert none.shape == (2, 3, 5)
    assert np.array_equal(none.reshape(-1), client.cross_entropy(logits, labels, reduction="none"))


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -2])
def test_the_classes_may_be_on_any_axis_that_is_told(client: xentd.Client, axis: int) -> None:
    logits, labels = batch(30)
    last = logits.reshape(2, 3, 5, CLASSES)
    moved = np.moveaxis(last, -1, axis)
    rows = labels.reshape(2, 3, 5)
    each = client.cross_entropy(last, rows, reduction="none")
    assert np.array_equal(client.cross_entropy(moved, rows, axis=axis, reduction="none"), each)
    hot = np.moveaxis(one_hot(labels).reshape(2, 3, 5, CLASSES).astype("u1"), -1, axis)
    assert np.array_equal(client.cross_entropy(moved, hot, axis=axis, reduction="none"), each)


def test_arrays_that_are_not_in_c_order_are_taken_all_the_same(client: xentd.Client) -> None:
    logits, labels = batch(40)
    each = client.cross_entropy(logits, labels, reduction="none")
    assert np.array_equal(client.cross_entropy(np.asfortranarray(logits), labels, reduction="none"), each)
    assert np.array_equal(client.cross_entropy(logits[::2], labels[::2], reduction="none"), each[::2])
    assert np.array_equal(client.cross_entropy(logits[::-1], labels[::-1], reduction="none"), each[::-1])
    # Twice the same shape, once in C order: the plan that is kept for the shape must not be mistaken.
    assert np.array_equal(client.cross_entropy(np.asfortranarray(logits), labels, reduction="none"), each)


BAD_CALLS: list[tuple[str, Any, Any, dict[str, Any], type[Exception], str]] = [
    ("shapes", (12, 7), (11,), {}, ValueError, r"expected the shape \(12,\) .* or \(12, 7\) .* received \(11,\)"),
    ("a column told to be one-hot", (12, 7), (12, 1), {"label_kind": "one_hot"}, ValueError, r"received \(12, 1\)"),
    ("torch's axis", (4, 7, 5), (4, 5), {}, ValueError, "pass axis=1"),
    ("either axis", (4, 5, 5), (4, 5), {}, ValueError, "pass axis=-1 or axis=1"),
    ("either axis, one-hot", (4, 5, 6), (4, 5, 6), {}, ValueError, "pass axis=-1 or axis=1"),
    ("no such axis", (4, 5), (4,), {"axis": 2}, ValueError, "axis: expected -2 to 1 .* received 2"),
    ("kind", (12, 7), (12,), {"label_kind": "one_hot"}, ValueError, r"expected the shape \(12, 7\) \(one_hot\)"),
    ("smoothing", (12, 7), (12,), {"label_smoothing": 1.0}, ValueError, "label_smoothing: .* received 1.0"),
    ("temperature", (12, 7), (12,), {"temperature": 0.0}, ValueError, "temperature: .* received 0.0"),
    ("tiny temperature", (12, 7), (12,), {"temperature": 1e-60}, ValueError, "temperature: .* received 1e-60"),
    ("softcap", (12, 7), (12,), {"softcap": float("inf")}, ValueError, "softcap: .* received inf"),
    ("top k", (12, 7), (12,), {"top_k": 256}, ValueError, "top_k: expected 0 to 255, received 256"),
    ("weight", (12, 7), (12,), {"weight": np.ones(8)}, ValueError, r"weight: expected 7 .* received the shape \(8,\)"),
    ("sample weight", (12, 7), (12,), {"sample_weight": np.ones(7)}, ValueError, "sample_weight: expected 12"),
    ("tolerance", (12, 7), (12,), {"label_tolerance": 0.1}, ValueError, "label_tolerance: means nothing"),
    ("zero rows", (12, 7), (12,), {"ignore_zero_rows": True}, ValueError, "ignore_zero_rows: means nothing"),
    ("ignore index", (12, 7), (12, 7), {"ignore_index": 3}, ValueError, "ignore_index: 3 means nothing"),
    ("reduction", (12, 7), (12,), {"reduction": "avg"}, ValueError, "'mean', 'sum' or 'none', received 'avg'"),
    ("unknown", (12, 7), (12,), {"smoothing": 0.1}, TypeError, "smoothing: .* mean label_smoothing.* it has weight, ignore"),
    ("unknown, like nothing", (12, 7), (12,), {"q": np.ones(3)}, TypeError, "q: the loss has no such option; it has weight"),
]


@pytest.mark.parametrize(("name", "shape", "labels", "options", "error", "words"), BAD_CALLS, ids=[c[0] for c in BAD_CALLS])
def test_a_call_that_is_no_batch_says_what_to_pass(
    client: xentd.Client, name: str, shape: Any, labels: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        client.cross_entropy(np.zeros(shape, "f4"), np.zeros(labels, "i8"), **options)


@pytest.mark.parametrize(
    ("logits", "labels", "options", "words"),
    [
        (np.zeros((3, 4), "i8"), np.zeros(3, "i8"), {}, "logits: expected float32, .* received int64"),
        (np.zeros((3, 4), "c8"), np.zeros(3, "i8"), {}, "received complex64"),
        (np.zeros((3, 4), "f4"), np.zeros(3, "f4"), {}, "class indices are integers, received float32"),
        (np.zeros((3, 4), "f4"), np.zeros(3, "?"), {}, "class indices are integers, received bool"),
        (np.zeros((3, 4), "f4"), np.zeros(3, ml_dtypes.bfloat16), {}, "class indices are integers, received bfloat16"),
        (np.zeros((3, 4), "f4"), np.zeros((3, 4), "f4"), {"weight": np.ones(4)}, "label_kind='one_hot' or"),
    ],
)
def test_a_type_that_fits_no_reading_is_refused(
    client: xentd.Client, logits: Any, labels: Any, options: Any, words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        client.cross_entropy(logits, labels, **options)


@pytest.mark.parametrize(
    ("labels", "options", "row", "words"),
    [
        ("indices", {}, 5, r"row 5: label 7 is not in 0\.\.<7 \(2 rows of 12 are invalid\)"),
        ("one_hot", {"label_kind": "one_hot"}, 5, "row 5: a one-hot label"),
        ("integers", {}, 5, "row 5: a one-hot label"),
        ("probabilities", {}, 5, "row 5"),
    ],
)
def test_a_bad_label_raises_with_row_and_value_or_costs_nan(
    client: xentd.Client, labels: str, options: dict[str, Any], row: int, words: str
) -> None:
    logits, indices = batch()
    logits[2, 3] = np.nan  # a bad row before it, whose label is good
    bad = indices.copy()
    bad[[5, 9]] = CLASSES
    hot = one_hot(indices)
    hot[[5, 9]] = 1
    targets = {"indices": bad, "one_hot": hot, "integers": hot.astype("i4") * 256, "probabilities": hot}[labels]
    if labels == "integers":
        targets = one_hot(indices).astype("i4")
        targets[[5, 9]] = 256
    with pytest.raises(xentd.LabelError) as caught:
        client.cross_entropy(logits, targets, **options)
    assert caught.value.row == row
    assert caught.value.invalid == 2
    assert np.array_equal(caught.value.value, targets[row])
    assert f"row {row}" in str(caught.value)
    result = client.submit(logits, targets, on_invalid="nan", **options).result(PATIENCE)
    assert (result.invalid, result.not_finite, result.first_bad_row) == (2, 3, 2)
    assert np.isnan(result.mean)
    assert result.finite_mean > 0
    assert result.losses is not None
    assert np.isnan(result.losses).nonzero()[0].tolist() == [2, 5, 9]


def test_a_bad_label_is_named_by_the_daemon(client: xentd.Client) -> None:
    logits, labels = batch()
    labels[5] = 50257
    with pytest.raises(xentd.LabelError, match=r"row 5: label 50257 is not in 0\.\.<7; on_invalid='nan'"):
        client.cross_entropy(logits, labels)


def test_a_bad_sample_weight_raises_with_its_value(client: xentd.Client) -> None:
    logits, labels = batch()
    weights = np.ones(ROWS, np.float32)
    weights[4] = -2
    with pytest.raises(xentd.LabelError, match="row 4") as caught:
        client.cross_entropy(logits, labels, sample_weight=weights)
    assert caught.value.value == -2


def test_rows_that_are_not_finite_are_told_and_raise_nothing(client: xentd.Client) -> None:
    logits, labels = batch()
    logits[3, 1] = np.inf
    assert np.isnan(client.cross_entropy(logits, labels))
    result = client.submit(logits, labels).result(PATIENCE)
    assert (result.invalid, result.not_finite, result.first_bad_row) == (0, 1, 3)
    assert "row 3" in (result.message or "")


def test_all_that_is_told_of_a_row(client: xentd.Client) -> None:
    logits, labels = batch()
    wanted = {"log_sum_exps": True, "predictions": True, "verdicts": True}
    result = client.submit(logits, labels, **wanted).result(PATIENCE)
    assert result.log_sum_exps == pytest.approx(np.log(np.exp(logits.astype(float)).sum(axis=1)), rel=1e-6)
    assert np.array_equal(result.predictions, logits.argmax(axis=1))
    assert result.verdicts.tolist() == [xentd.Verdict.OK] * ROWS
    assert result.correct == (logits.argmax(axis=1) == labels).sum()
    nothing = client.submit(logits, labels, losses=False, on_invalid="nan").result(PATIENCE)
    assert (nothing.losses, nothing.log_sum_exps, nothing.predictions, nothing.verdicts) == (None, None, None, None)
    assert nothing.queue_seconds >= 0
    assert nothing.compute_seconds > 0


class Exporter:
    """A tensor of another library, as DLPack sees it."""

    def __init__(self, array: Any, device: tuple[int, int] = (1, 0), is_old: bool = False) -> None:
        self.array, self.device, self.is_old = array, device, is_old

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, **options: Any) -> Any:
        if self.is_old and options:
            raise TypeError("unexpected keyword argument 'max_version'")
        return self.array.__dlpack__(**options)


class BFloat16Exporter(Exporter):
    """One of bfloat16, for which NumPy has no type: its capsule's type code is changed to say so."""

    def __dlpack__(self, **options: Any) -> Any:
        from xentd import _dlpack  # only for the layout of a capsule

        capsule = self.array.view(np.uint16).__dlpack__(**options)
        name = _dlpack._capsule_name(capsule)
        tensor = _dlpack._Tensor.from_address(_dlpack._capsule_pointer(capsule, name) + _dlpack._OFFSETS[name])
        tensor.type_code = 4
        return capsule


@pytest.mark.parametrize("is_old", [False, True])
def test_tensors_of_other_libraries_are_taken_by_dlpack(client: xentd.Client, is_old: bool) -> None:
    logits, labels = batch()
    exported = client.cross_entropy(Exporter(logits, is_old=is_old), Exporter(labels, is_old=is_old), reduction="none")
    assert np.array_equal(exported, client.cross_entropy(logits, labels, reduction="none"))


def test_bfloat16_tensors_are_taken_by_dlpack(client: xentd.Client) -> None:
    logits, labels = batch(400, 300)
    rounded = logits.astype(ml_dtypes.bfloat16)
    exported = client.cross_entropy(BFloat16Exporter(rounded), labels, reduction="none")
    assert np.array_equal(exported, client.cross_entropy(rounded, labels, reduction="none"))


def test_a_tensor_on_another_device_is_refused(client: xentd.Client) -> None:
    logits, labels = batch()
    with pytest.raises(TypeError, match=r"logits: expected an array on the CPU, .* device \(2, 0\); pass logits.cpu\(\)"):
        client.cross_entropy(Exporter(logits, device=(2, 0)), labels)


@pytest.mark.parametrize("error", [BufferError, RuntimeError, ValueError])
def test_a_tensor_that_cannot_be_exported_is_refused_in_words(client: xentd.Client, error: type[Exception]) -> None:
    """As PyTorch's are that are sparse, of 8-bit floats, or without memory."""

    class Sparse(Exporter):
        def __dlpack__(self, **options: Any) -> Any:
            raise error("Can't export tensors with layout other than torch.strided")

    logits, labels = batch()
    with pytest.raises(TypeError, match=r"logits: a Sparse that cannot be read .*strided\); pass a dense array on the CPU"):
        client.cross_entropy(Sparse(logits), labels)


def test_what_has_array_is_an_array(client: xentd.Client) -> None:
    class HasArray:
        def __init__(self, array: Any) -> None:
            self.array = array

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return self.array

    logits, labels = batch()
    assert client.cross_entropy(HasArray(logits), HasArray(labels)) == client.cross_entropy(logits, labels)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_shape_and_stride_gives_the_losses_of_its_rows(shared_daemon: Any, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4), label="shape"))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1), label="axis")
    seed = data.draw(st.integers(0, 2**32 - 1), label="seed")
    random = np.random.default_rng(seed)
    logits = random.normal(size=shape).astype(np.float32).transpose(random.permutation(len(shape)))
    last = np.moveaxis(logits, axis, -1)
    labels = random.integers(0, last.shape[-1], last.shape[:-1])
    client = clients.setdefault(shared_daemon.router, None) or xentd.Client(shared_daemon.router, timeout=PATIENCE)
    clients[shared_daemon.router] = client
    none = client.cross_entropy(logits, labels, axis=axis, reduction="none")
    want = losses(last.reshape(-1, last.shape[-1]), labels.reshape(-1)).reshape(labels.shape)
    assert none.shape == labels.shape
    assert none == pytest.approx(want, rel=1e-6, abs=1e-7)


clients: dict[str, xentd.Client | None] = {}


@pytest.fixture(scope="module", autouse=True)
def _close_clients() -> Any:
    yield
    for client in clients.values():
        if client is not None:
            client.close(wait=False)
