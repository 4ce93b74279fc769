"""What a client in another language, written from the protocol alone, gets."""

from __future__ import annotations

import select
import subprocess
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import zmq

import wire
from conftest import BIN, PATIENCE, Client, Daemon
from reference import losses, ulps
from wire import FLOAT64, IGNORE, LOSSES, LSE, NO_ROW, PREDICTIONS, STATUS, VERDICTS, ZERO_ROW_IGNORED, Request

PROMISED_ULPS = 2.5
FUSED_ULPS = 1.5  # of a kernel that multiplies and adds in one step
INTEGERS = ["u8", "u16", "u32", "i32", "i64"]
ONE_HOTS = ["u8", "f16", "bf16", "f32", "f64"]
CLASS_COUNTS = [*range(1, 71), 1000, 2047, 2048, 2049, 50257, 151936]
ALL = LOSSES | LSE | PREDICTIONS | VERDICTS


def batch(rows: int, classes: int, offset: float = 0, spread: float = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(rows * 1_000_003 + classes + int(abs(offset)))
    logits = (random.normal(size=(rows, classes)) * spread + offset).astype(np.float32)
    return logits, random.integers(0, classes, rows)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    matrix = np.zeros((len(labels), classes), np.float32)
    matrix[np.arange(len(labels)), labels] = 1
    return matrix


@pytest.mark.parametrize("offset", [0, 100, -1e4])
def test_losses_are_within_the_promised_accuracy_for_every_number_of_classes(client: Client, offset: float) -> None:
    for classes in CLASS_COUNTS:
        logits, labels = batch(4 if classes > 10_000 else 24, classes, offset)
        labels[0] = logits[0].argmax()
        result = client.ask(Request(logits, labels))
        assert ulps(result.losses, losses(logits, labels)) <= PROMISED_ULPS, classes


@pytest.mark.parametrize("classes", [2, 10, 64, 65, 192, 193, 1000, 2049])
def test_confident_rows_keep_their_tiny_losses(client: Client, classes: int) -> None:
    gaps = np.linspace(1, 69 + np.log(classes), 200)
    logits = np.zeros((len(gaps), classes), np.float32)
    logits[:, classes // 2] = gaps
    labels = np.full(len(gaps), classes // 2)
    result = client.ask(Request(logits, labels))
    assert 0 < result.losses.min() < 2e-30
    assert ulps(result.losses, losses(logits, labels)) <= PROMISED_ULPS


def test_the_reference_itself_holds_to_50_digits() -> None:
    logits, labels = batch(40, 12, spread=20)
    logits[:4] -= 1e4
    logits[4, labels[4]] = logits[4].max() + 60
    with mpmath.workdps(50):
        for row, label, loss in zip(logits, labels, losses(logits, labels)):
            values = [mpmath.mpf(float(x)) for x in row]
            exact = mpmath.log(mpmath.fsum(mpmath.exp(x - values[label]) for x in values))
            # An 80-bit number, as the sum of two that a Python float can hold.
            high = float(loss)
            reference = mpmath.mpf(high) + mpmath.mpf(float(loss - np.longdouble(high)))
            assert abs(reference - exact) <= mpmath.mpf(2) ** -58 * exact


def kernels() -> list[str]:
    """Those that this machine can run."""
    listed = subprocess.run([BIN / "xentd", "--kernels"], capture_output=True, text=True, timeout=PATIENCE, check=True)
    return [line.split(":")[0] for line in listed.stdout.splitlines() if "can run it" in line]


def test_every_kernel_that_the_machine_can_run_keeps_its_promise(
    start_daemon: Callable[..., Daemon], context: zmq.Context
) -> None:
    assert "baseline" in kernels()
    for kernel in kernels():
        client = Client(context, start_daemon(environment={"XENTD_KERNEL": kernel}).router)
        promised = PROMISED_ULPS if kernel == "baseline" else FUSED_ULPS
        for classes in [*range(1, 71), 1000, 2047, 2048, 2049, 50257]:
            for offset in (0, 100, -1e4):
                logits, labels = batch(16, classes, offset)
                labels[:8] = logits[:8].argmax(axis=1)
                result = client.ask(Request(logits, labels))
                assert ulps(result.losses, losses(logits, labels)) <= promised, (kernel, classes, offset)


@pytest.mark.parametrize("layout", ["packed", "split"])
@pytest.mark.parametrize("kind,label_type", [("integer", t) for t in INTEGERS] + [("onehot", t) for t in ONE_HOTS])
def test_every_label_type_gives_the_same_bits_in_both_layouts(
    client: Client, kind: str, label_type: str, layout: str
) -> None:
    for classes in (1, 3, 10, 129, 256):
        logits, labels = batch(37, classes)
        expected = client.ask(Request(logits, labels)).losses
        given = labels if kind == "integer" else one_hot(labels, classes)
        result = client.ask(Request(logits, given, kind=kind, label_type=label_type), layout)
        assert result.status == 0
        assert result.losses.tobytes() == expected.tobytes()
        assert ulps(result.losses, losses(logits, labels)) <= PROMISED_ULPS


@pytest.mark.parametrize("layout", ["packed", "split"])
@pytest.mark.parametrize("logits_type", ["f16", "bf16"])
def test_16_bit_logits_cost_what_the_values_that_they_hold_cost(
    client: Client, logits_type: str, layout: str
) -> None:
    for classes in (1, 2, 10, 65, 193, 1000, 70_001):
        logits, labels = batch(5, classes)
        held = logits.astype("f2").astype("f4") if logits_type == "f16" else (logits.view("u4") & 0xFFFF0000).view("f4")
        result = client.ask(Request(logits, labels, logits_type=logits_type, flags=ALL), layout)
        assert ulps(result.losses, losses(held, labels)) <= PROMISED_ULPS
        assert (result.predictions == held.argmax(axis=1)).all()


def test_f64_logits_have_f64_losses(client: Client) -> None:
    for classes in (1, 2, 10, 65, 193, 1000, 70_001):
        random = np.random.default_rng(classes)
        logits, labels = random.normal(size=(5, classes)) * 4, random.integers(0, classes, 5)
        result = client.ask(Request(logits, labels, logits_type="f64", flags=LOSSES | FLOAT64))
        exact = losses(logits, labels)
        assert (np.abs(result.losses - exact) <= 4 * np.spacing(exact.astype(float))).all()


@pytest.mark.parametrize("label_type", ["u8", "f32"])
def test_rows_that_are_cut_across_workers_have_the_same_bits_for_one_hot_labels(
    client: Client, label_type: str
) -> None:
    for classes in (65_537, 131_072, 200_000):
        logits, labels = batch(3, classes)
        labels[0] = classes - 1
        integer = client.ask(Request(logits, labels, flags=ALL))
        hot = client.ask(Request(logits, one_hot(labels, classes), kind="onehot", label_type=label_type, flags=ALL))
        assert integer.losses.tobytes() == hot.losses.tobytes()
        assert (integer.predictions == logits.argmax(axis=1)).all()


def test_a_row_costs_the_same_bits_for_any_number_of_workers_and_any_split(
    start_daemon: Callable[..., Daemon], context: zmq.Context
) -> None:
    shapes = [(700, 10), (300, 1000), (40, 2049), (5, 70_000)]
    seen: list[list[bytes]] = []
    for workers in ("1", "2", "3", "7"):
        client = Client(context, start_daemon("--workers", workers).router)
        answers = []
        for rows, classes in shapes:
            logits, labels = batch(rows, classes)
            whole = client.ask(Request(logits, labels))
            cuts = [0, 1, rows // 3, rows - 2, rows]
            parts = [client.ask(Request(logits[a:b], labels[a:b])) for a, b in zip(cuts, cuts[1:])]
            assert b"".join(part.losses.tobytes() for part in parts) == whole.losses.tobytes()
            assert np.isclose(sum(part.sum for part in parts), whole.sum, rtol=1e-15, atol=0)
            answers.append(whole.losses.tobytes() + np.array([whole.sum, whole.mean]).tobytes())
        seen.append(answers)
    assert all(answers == seen[0] for answers in seen)


def test_the_figures_add_up_the_rows_that_count(client: Client) -> None:
    logits, labels = batch(50, 9)
    labels[[3, 7]] = -100
    exact = losses(logits, np.where(labels < 0, 0, labels))
    counted = labels >= 0
    result = client.ask(Request(logits, labels, flags=ALL | IGNORE, ignore_index=-100))
    assert (result.counted, result.ignored, result.invalid, result.not_finite) == (48, 2, 0, 0)
    assert result.notes == 0 and result.message is None and result.first_bad_row == NO_ROW
    assert np.isclose(result.sum, float(exact[counted].sum()), rtol=1e-7)
    assert result.weight == 48 and result.mean == result.sum / 48
    assert (result.finite_sum, result.finite_weight) == (result.sum, 48)
    assert result.correct == (logits.argmax(axis=1) == labels)[counted].sum()
    assert (result.losses[~counted] == 0).all() and (result.verdicts == np.where(counted, 0, 1)).all()
    assert np.allclose(result.lse, np.log(np.exp(logits.astype("f8")).sum(axis=1)), rtol=1e-6)


def test_weights_change_the_mean_and_not_the_rows_losses(client: Client) -> None:
    logits, labels = batch(20, 5)
    a = np.linspace(0, 2, 20).astype(np.float32)
    v = np.array([1, 0.5, 2, 0, 1], np.float32)
    exact = losses(logits, labels).astype(float)
    weighted = client.ask(Request(logits, labels, sample_weights=a))
    assert np.isclose(weighted.mean, (a * exact).sum() / a.sum(), rtol=1e-7)
    assert weighted.losses.tobytes() == client.ask(Request(logits, labels)).losses.tobytes()
    both = client.ask(Request(logits, labels, sample_weights=a, class_weights=v))
    assert np.isclose(both.mean, (a * v[labels] * exact).sum() / (a * v[labels]).sum(), rtol=1e-7)


def test_f64_results_are_the_f32_results_before_rounding(client: Client) -> None:
    logits, labels = batch(64, 100)
    wide = client.ask(Request(logits, labels, flags=LOSSES | FLOAT64)).losses
    assert wide.dtype == np.float64
    assert wide.astype("f4").tobytes() == client.ask(Request(logits, labels)).losses.tobytes()


SPECIAL_ROWS = [
    ("a NaN logit", [0, np.nan, 1], 0, np.nan, 16, "the logit of class 1 is NaN"),
    ("an infinite logit", [0, np.inf, 1], 0, np.nan, 17, "the logit of class 1 is +infinity"),
    ("every class masked", [-np.inf] * 3, 0, np.nan, 18, "every logit is -infinity"),
    ("the label masked", [0, -np.inf, 1], 1, np.inf, 19, "the logit of its label is -infinity"),
    ("a label past the classes", [0, 1, 2], 3, np.nan, 2, "label 3 is not in 0..<3"),
    ("a negative label", [0, 1, 2], -1, np.nan, 2, "label -1 is not in 0..<3"),
]


@pytest.mark.parametrize("name,row,label,loss,verdict,words", SPECIAL_ROWS, ids=[row[0] for row in SPECIAL_ROWS])
def test_a_bad_row_is_told_and_harms_no_other(
    client: Client, name: str, row: list[float], label: int, loss: float, verdict: int, words: str
) -> None:
    logits, labels = batch(8, 3)
    good = client.ask(Request(logits, labels))
    logits[5], labels[5] = row, label
    result = client.ask(Request(logits, labels, flags=ALL))
    assert result.status == 0
    assert np.array_equal(result.losses[5], loss, equal_nan=True) and result.verdicts[5] == verdict
    assert result.first_bad_row == 5 and result.not_finite == 1 and f"row 5: {words}" in result.message
    assert result.invalid == (verdict < 16) and bool(result.notes & 4) == (verdict < 16) and result.notes & 8
    others = np.arange(8) != 5
    assert result.losses[others].tobytes() == good.losses[others].tobytes()
    assert np.isfinite(result.finite_sum) and result.finite_weight == 7
    assert not np.isfinite(result.mean)


def test_of_several_faults_of_a_row_the_lowest_is_told(client: Client) -> None:
    logits = np.array([[0, 1, 2], [0, 3e38, -3e38], [np.nan, np.inf, 0], [0, 1, 2], [np.inf, -np.inf, 0]], np.float32)
    labels = np.array([0, 2, 9, 0, 1])
    weights = np.array([1, 1, -1, np.nan, 1], np.float32)
    result = client.ask(Request(logits, labels, flags=ALL, sample_weights=weights))
    assert result.verdicts.tolist() == [0, 20, 2, 5, 17]
    assert np.isposinf(result.losses[1]) and np.isnan(result.losses[2:]).all()
    assert (result.counted, result.invalid, result.not_finite, result.first_bad_row) == (5, 2, 4, 1)
    assert "row 1: " in result.message and "f64" in result.message
    assert (result.finite_sum, result.finite_weight) == (pytest.approx(float(result.losses[0]), rel=1e-6), 1)
    wide = client.ask(Request(logits[:2], labels[:2], flags=ALL | FLOAT64))
    assert wide.verdicts.tolist() == [0, 0] and np.isclose(wide.losses[1], 6e38, rtol=1e-6)


def test_of_equal_largest_logits_the_first_is_predicted(client: Client) -> None:
    for classes in (2, 10, 64, 65, 192, 193, 2049, 70_001):
        logits = np.zeros((4, classes), np.float32)
        logits[1, classes // 2 :] = 1
        logits[2, -1] = 1
        logits[3] = -np.inf
        result = client.ask(Request(logits, np.array([0, 0, 0, 1]), flags=ALL))
        assert result.predictions.tolist() == [0, classes // 2, classes - 1, 0]
        assert result.correct == 1


def test_the_z_loss_is_added_to_each_row_and_told_apart(client: Client) -> None:
    logits, labels = batch(20, 6)
    plain = client.ask(Request(logits, labels, flags=LOSSES | LSE | FLOAT64))
    with_z = client.ask(Request(logits, labels, flags=LOSSES | LSE | FLOAT64, z_loss=0.25))
    assert np.allclose(with_z.losses, plain.losses + 0.25 * plain.lse**2, rtol=1e-14)
    assert np.isclose(with_z.z_sum, (0.25 * plain.lse**2).sum(), rtol=1e-14) and plain.z_sum == 0


def test_a_row_of_weight_0_counts_and_adds_nothing_even_if_its_loss_is_infinite(client: Client) -> None:
    logits, labels = batch(4, 3)
    logits[2, labels[2]] = -np.inf
    result = client.ask(Request(logits, labels, flags=ALL, sample_weights=np.array([1, 1, 0, 1])))
    assert result.counted == 4 and result.weight == 3 and result.not_finite == 1 and result.verdicts[2] == 19
    assert np.isfinite(result.mean) and result.sum == result.finite_sum


def test_a_masked_class_contributes_exactly_nothing(client: Client) -> None:
    for classes in (2, 17, 2048, 5000, 100_000):
        logits, labels = batch(3, classes)
        labels[:] = 0
        alone = client.ask(Request(logits[:, :1], labels))
        logits[:, 1:] = -np.inf
        assert (client.ask(Request(logits, labels)).losses == alone.losses).all()
        assert (alone.losses == 0).all() and not np.signbit(alone.losses).any()


def test_offsets_up_to_the_largest_float_cost_no_accuracy(client: Client) -> None:
    for top in (1e8, -1e8, 1e38, 3e38, -3e38):
        logits = np.full((2, 1000), top, np.float32)
        logits[1, 3] = np.nextafter(np.float32(top), np.float32(np.inf))
        labels = np.array([1, 3])
        result = client.ask(Request(logits, labels))
        assert ulps(result.losses, losses(logits, labels)) <= PROMISED_ULPS, top


@pytest.mark.parametrize("row", [[0, 0, 0], [1, 1, 0], [0, 0.5, 0], [1, 0.5, 0], [np.nan, 1, 0], [-1, 0, 0]])
def test_labels_that_are_not_one_hot_are_told(client: Client, row: list[float]) -> None:
    logits, labels = batch(4, 3)
    matrix = one_hot(labels, 3)
    matrix[2] = row
    result = client.ask(Request(logits, matrix, kind="onehot", label_type="f32", flags=ALL))
    assert result.verdicts.tolist() == [0, 0, 3, 0] and result.invalid == 1 and np.isnan(result.losses[2])
    assert "row 2: a one-hot label has one element that is 1" in result.message


def test_a_negative_zero_is_a_zero_and_a_zero_row_may_be_ignored(client: Client) -> None:
    logits, labels = batch(4, 3)
    matrix = one_hot(labels, 3)
    matrix[matrix == 0] = -0.0
    expected = client.ask(Request(logits, labels)).losses
    result = client.ask(Request(logits, matrix, kind="onehot", label_type="f32"))
    assert result.losses.tobytes() == expected.tobytes()
    matrix[1] = 0
    flags = ALL | ZERO_ROW_IGNORED
    result = client.ask(Request(logits, matrix, kind="onehot", label_type="f32", flags=flags))
    assert result.ignored == 1 and result.verdicts.tolist() == [0, 1, 0, 0] and result.losses[1] == 0


def test_no_rows_and_no_counted_rows_have_no_mean(client: Client) -> None:
    for layout in ("packed", "split"):
        empty = client.ask(Request(np.zeros((0, 5), "f4"), np.zeros(0, int), flags=ALL), layout)
        assert empty.status == 0 and empty.notes == 3 and np.isnan(empty.mean) and empty.sum == empty.weight == 0
    logits, labels = batch(3, 5)
    ignored = client.ask(Request(logits, np.full(3, 7), flags=IGNORE, ignore_index=7))
    assert ignored.notes == 2 and np.isnan(ignored.mean) and (ignored.counted, ignored.ignored) == (0, 3)


def test_info_tells_what_the_daemon_takes(client: Client) -> None:
    result = client.ask_frames([wire.info_request(77)])
    info = result.info()
    assert result.sequence == 77 and result.status == 0 and result.flags == wire.MESSAGE and np.isnan(result.mean)
    assert info["lane"] == "router" and info["version"] and info["kernel"] and info["workers"] >= 1
    assert info["limits"] == {
        "batch_bytes": 64 << 20, "result_bytes": 64 << 20, "rows": 1 << 24, "classes": 1 << 24,
    }


def small(**changes: object) -> Request:
    return Request(*batch(8, 4), **changes)  # type: ignore[arg-type]


def patched(offset: int, value: bytes) -> list[bytes]:
    frame = bytearray(small().packed()[0])
    frame[offset : offset + len(value)] = value
    return [bytes(frame)]


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


REFUSALS = [
    ("no header", [b"XENT"], "MALFORMED", ["96", "4"]),
    ("another magic", patched(0, b"HTTP"), "MALFORMED", ["magic", "48 54 54 50"]),
    ("another version", patched(4, b"\x09"), "UNSUPPORTED_VERSION", ["1", "9"]),
    ("an unknown type", patched(5, b"\x07"), "UNSUPPORTED", ["type", "7"]),
    ("another header size", patched(6, b"\x61"), "MALFORMED", ["96", "97"]),
    ("reserved bytes", patched(88, b"\x01"), "MALFORMED", ["reserved"]),
    ("an unknown logits type", patched(40, b"\x09"), "UNSUPPORTED", ["logits type", "9"]),
    ("an unknown label kind", patched(41, b"\x09"), "UNSUPPORTED", ["label kind", "9"]),
    ("integer labels of floats", patched(42, b"\x01"), "UNSUPPORTED", ["label type", "received 1"]),
    ("an unknown flag", patched(46, b"\x80"), "UNSUPPORTED", ["flags", "0x800000"]),
    ("no class", patched(36, u32(0)), "BAD_SHAPE", ["classes", "0"]),
    ("too many classes", patched(36, u32(1 << 31)), "BAD_SHAPE", ["2147483647", "2147483648"]),
    ("too many rows", patched(32, u32((1 << 24) + 1)), "BAD_SHAPE", ["16777216", "16777217"]),
    ("too many bytes", patched(32, u32(1 << 24)), "TOO_LARGE", ["67108864"]),
    ("too few labels", [small().packed()[0][:-4]], "MALFORMED", ["labels: expected 64 bytes (8 x i64), received 60"]),
    ("too many bytes behind", [small().packed()[0] + b"x"], "MALFORMED", ["288", "289"]),
    ("a frame too few", small().split()[:2], "MALFORMED", ["frames", "3", "2"]),
    ("a frame too many", small().split() + [b""], "MALFORMED", ["frames", "3", "4"]),
    ("six frames", small().split() + [b""] * 3, "MALFORMED", ["frames", "3", "6"]),
    ("smoothing of 1", small(smoothing=1).split(), "BAD_OPTION", ["label smoothing", "1.0"]),
    ("a negative z-loss", small(z_loss=-1).split(), "BAD_OPTION", ["z-loss", "-1.0"]),
    ("a NaN temperature", small(temperature=float("nan")).split(), "BAD_OPTION", ["temperature", "nan"]),
    ("a tolerance without probabilities", small(tolerance=0.1).split(), "BAD_OPTION", ["label tolerance", "integer"]),
    ("a negative class weight", small(class_weights=np.array([1, -1, 1, 1])).split(), "BAD_OPTION", ["class 1", "-1"]),
    ("an infinite class weight", small(class_weights=np.array([1, 1, 1, np.inf])).split(), "BAD_OPTION", ["3", "inf"]),
    ("a negative softcap", small(softcap=-1).split(), "BAD_OPTION", ["softcap", "-1.0"]),
    ("ignored zero rows of integers", small(flags=ZERO_ROW_IGNORED).split(), "BAD_OPTION", ["ZERO_ROW", "integer"]),
    ("an unknown low flag", small(flags=LOSSES | 64).split(), "UNSUPPORTED", ["flags", "0x40"]),
    ("a batch and a half", [small().packed()[0] * 2], "MALFORMED", ["288", "576"]),
    ("bytes behind an info", [wire.info_request(1) + b"x"], "MALFORMED", ["96", "97"]),
]


@pytest.mark.parametrize("name,frames,status,words", REFUSALS, ids=[refusal[0] for refusal in REFUSALS])
def test_what_cannot_be_computed_is_refused_in_words(
    client: Client, name: str, frames: list[bytes], status: str, words: list[str]
) -> None:
    result = client.ask_frames(frames)
    assert result.status == STATUS[status], result.message
    assert result.flags == wire.MESSAGE and np.isnan(result.mean) and result.first_bad_row == NO_ROW
    for word in words:
        assert word in result.message


CONTRADICTIONS = [
    ("IGNORE", {"flags": IGNORE}, "onehot"), ("IGNORE", {"flags": IGNORE}, "probabilities"),
    ("ZERO_ROW_IGNORED", {"flags": ZERO_ROW_IGNORED}, "integer"),
    ("ZERO_ROW_IGNORED", {"flags": ZERO_ROW_IGNORED}, "probabilities"),
    ("label tolerance", {"tolerance": 0.5}, "integer"), ("label tolerance", {"tolerance": 0.5}, "onehot"),
]
NAMES = {"integer": "integer labels", "onehot": "one-hot labels", "probabilities": "probabilities"}


@pytest.mark.parametrize("option,fields,kind", CONTRADICTIONS)
def test_an_option_that_contradicts_the_labels_is_refused_by_both_names(
    client: Client, option: str, fields: dict[str, float], kind: str
) -> None:
    logits, labels = batch(4, 3)
    given, label_type = (labels, "i64") if kind == "integer" else (one_hot(labels, 3), "f32")
    result = client.ask(Request(logits, given, kind=kind, label_type=label_type, **fields))
    assert result.status == STATUS["BAD_OPTION"], result.message
    assert result.message.startswith(option) and result.message.endswith(f"received {NAMES[kind]}")


def test_a_result_larger_than_the_lane_gives_is_refused_before_it_is_computed(client: Client) -> None:
    rows = 1 << 22
    request = Request(np.zeros((rows, 1)), np.zeros(rows), logits_type="f16", label_type="u8", flags=ALL | FLOAT64)
    result = client.ask(request)
    assert result.status == STATUS["TOO_LARGE"] and "result" in result.message
    assert str(64 << 20) in result.message and str(160 + rows * 21) in result.message


def test_a_refusal_echoes_what_the_frame_is_long_enough_to_tell(client: Client) -> None:
    frame = small(sequence=4242).packed()[0]
    for length, sequence, name in ((15, 0, bytes(16)), (16, 4242, bytes(16)), (31, 4242, bytes(16)), (32, 4242, None)):
        result = client.ask_frames([frame[:length]])
        assert result.status == STATUS["MALFORMED"] and (result.rows, result.classes) == (0, 0)
        assert result.sequence == sequence and result.client == (wire.CLIENT if name is None else name)
    whole = client.ask_frames([frame[:-1]])
    assert (whole.status, whole.rows, whole.classes) == (STATUS["MALFORMED"], 8, 4)


def test_a_batch_whose_deadline_has_passed_is_not_computed(client: Client) -> None:
    long_ago = 1_000_000_000_000_000_000
    result = client.ask(small(deadline=5, sent_at=long_ago))
    assert result.status == STATUS["EXPIRED"] and "5 ms" in result.message
    assert client.ask(small(deadline=60_000)).status == 0


def test_an_idle_daemon_does_not_count_its_sleep_as_a_requests_wait(daemon: Daemon, context: zmq.Context) -> None:
    client = Client(context, daemon.router)
    client.ask(small())
    assert not select.select([daemon.notices], [], [], 0.8)[0], "it idles"
    result = client.ask(small(deadline=400))
    assert result.status == 0, result.message
    assert 0 < result.queue_ns < 400_000_000
