"""`xent eval` as its user runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zmq

from conftest import BIN, PATIENCE, ROOT, Client, Daemon
from expected import expected
from reference import losses, ulps
from wire import IGNORE, LOSSES, LSE, PREDICTIONS, Request

EXAMPLES = ROOT / "Examples"


def xent(*options: str | Path, daemon: Daemon | None = None) -> subprocess.CompletedProcess[str]:
    endpoint = ["--endpoint", daemon.router] if daemon else []
    command = [str(BIN / "xent"), "eval", *map(str, options), *endpoint]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


def save(directory: Path, logits: np.ndarray, labels: np.ndarray) -> list[str]:
    np.save(directory / "a.npy", logits)
    np.save(directory / "b.npy", labels)
    return ["--logits", str(directory / "a.npy"), "--labels", str(directory / "b.npy")]


def data(rows: int = 50, classes: int = 7) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(rows + classes)
    return random.normal(size=(rows, classes)).astype("f4"), random.integers(0, classes, rows)


def test_the_digits_have_the_mean_loss_and_accuracy_that_they_must_have(shared_daemon: Daemon, tmp_path: Path) -> None:
    files = ["--logits", EXAMPLES / "digits-logits.npy", "--labels", EXAMPLES / "digits-labels.npy"]
    exact = np.load(EXAMPLES / "digits-losses-f64.npy")
    for rows in ("1", "7", "896", "5000"):
        run = xent(*files, "--json", "--batch-rows", rows, "--losses", tmp_path / "l.npy", daemon=shared_daemon)
        report = json.loads(run.stdout)
        assert run.returncode == 0 and report["rows"] == 897 and report["invalid"] == 0
        assert report["mean"] == pytest.approx(0.1889449, abs=5e-8)
        assert report["accuracy"] == pytest.approx(0.960981, abs=5e-7)
        assert report["perplexity"] == pytest.approx(np.exp(report["mean"]), rel=1e-12)
        assert ulps(np.load(tmp_path / "l.npy"), exact.astype(np.longdouble)) <= 2.5
    assert xent(*files, daemon=shared_daemon).stdout.split()[:4] == ["rows", "897", "mean", "loss"]


def test_a_pipeline_lane_gives_the_same(shared_daemon: Daemon) -> None:
    files = ["--logits", EXAMPLES / "digits-logits.npy", "--labels", EXAMPLES / "digits-labels.npy"]
    lanes = ["--requests", shared_daemon.requests, "--results", shared_daemon.results]
    report = json.loads(xent(*files, *lanes, "--json", "--batch-rows", "10").stdout)
    assert report["mean"] == pytest.approx(0.1889449, abs=5e-8)


@pytest.mark.parametrize("label_type", ["u1", "u2", "u4", "i4", "i8"])
def test_integer_labels_of_every_type_are_told_by_their_shape(
    shared_daemon: Daemon, tmp_path: Path, label_type: str
) -> None:
    logits, labels = data()
    expected = float(losses(logits, labels).mean())
    for shape in ((50,), (50, 1)):
        run = xent(*save(tmp_path, logits, labels.astype(label_type).reshape(shape)), "--json", daemon=shared_daemon)
        assert json.loads(run.stdout)["mean"] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("label_type", ["?", "u1", "f2", "f4", "f8"])
def test_one_hot_labels_of_every_type_are_told_by_their_shape(
    shared_daemon: Daemon, tmp_path: Path, label_type: str
) -> None:
    logits, labels = data()
    run = xent(*save(tmp_path, logits, np.eye(7)[labels].astype(label_type)), "--json", daemon=shared_daemon)
    assert json.loads(run.stdout)["mean"] == pytest.approx(float(losses(logits, labels).mean()), rel=1e-7)


def test_invalid_rows_are_counted_and_the_first_is_named_by_its_place_in_the_whole(
    shared_daemon: Daemon, tmp_path: Path
) -> None:
    logits, labels = data(100)
    labels[[37, 90]] = 7
    run = xent(*save(tmp_path, logits, labels), "--batch-rows", "10", daemon=shared_daemon)
    assert run.returncode == 1
    assert "2 rows" in run.stdout and "row 37: label 7 is not in 0..<7" in run.stdout and "mean of the rest" in run.stdout
    report = json.loads(xent(*save(tmp_path, logits, labels), "--json", daemon=shared_daemon).stdout)
    assert report["mean"] is None and report["invalid"] == 2
    assert report["first_bad_row"]["row"] == 37 and report["first_bad_row"]["index"] == [37]
    good = labels < 7
    assert report["finite_mean"] == pytest.approx(float(losses(logits[good], labels[good]).mean()), rel=1e-7)


def test_without_a_daemon_it_says_so_and_how_to_start_one(tmp_path: Path) -> None:
    files = save(tmp_path, *data())
    run = xent(*files, "--endpoint", f"ipc://{tmp_path}/none", "--timeout", "0.3")
    assert run.returncode == 2 and "no answer" in run.stderr and "0 of" in run.stderr and "xentd" in run.stderr
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    command = [BIN / "xent", "eval", *files]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE)
    if not Path("/run/xentd/xentd.sock").exists():  # else the machine has a daemon of its own
        assert run.returncode == 2 and "no daemon found" in run.stderr
        assert str(tmp_path) in run.stderr and "start one with `xentd`" in run.stderr


def test_a_daemon_that_dies_in_the_middle_is_told_with_how_far_it_came(daemon: Daemon, tmp_path: Path) -> None:
    files = save(tmp_path, *data(2_000_000, 3))  # more than any machine gets through meanwhile
    command = [BIN / "xent", "eval", *files, "--batch-rows", "1", "--timeout", "1", "--endpoint", daemon.router]
    evaluation = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while daemon.cpu_seconds < 0.2 and evaluation.poll() is None:  # it is in the midst of them
        pass
    daemon.stop(9)
    _, words = evaluation.communicate(timeout=PATIENCE)
    assert evaluation.returncode == 2 and "no answer" in words
    completed = re.search(r"after (\d+) of 2000000 batches", words)
    assert completed and 0 < int(completed[1]) < 2_000_000, words


def test_a_batch_that_the_daemon_refuses_is_told_in_its_words(daemon: Daemon, tmp_path: Path) -> None:
    files = save(tmp_path, *data())
    config = tmp_path / "c.yaml"
    config.write_text(
        f"lanes: [{{name: r, kind: router, endpoints: '{daemon.router}2'}}]\nlimits: {{classes: 5}}\n"
    )
    small = subprocess.Popen([BIN / "xentd", "--config", config], stderr=subprocess.DEVNULL)
    run = xent(*files, "--endpoint", f"{daemon.router}2")
    small.terminate()
    assert small.wait(PATIENCE) == 0
    assert run.returncode == 2 and "refused after 0 of 1" in run.stderr
    assert "BAD_SHAPE: classes: this lane takes at most 5, received 7" in run.stderr


@pytest.mark.parametrize("logits_type,accuracy", [("f2", 1e-7), ("f8", 1e-14)])
def test_f16_and_f64_logits_are_evaluated_as_they_are(
    shared_daemon: Daemon, tmp_path: Path, logits_type: str, accuracy: float
) -> None:
    logits, labels = data(300, 1000)
    given = (logits * np.pi).astype(logits_type)
    run = xent(*save(tmp_path, given, labels), "--json", daemon=shared_daemon)
    assert json.loads(run.stdout)["mean"] == pytest.approx(float(losses(given, labels).mean()), rel=accuracy)


def bfloat16(array: np.ndarray) -> np.ndarray:
    """As `numpy.save` writes arrays of `ml_dtypes.bfloat16`."""
    return (array.view("u4") >> 16).astype("u2").view("V2")


def test_bfloat16_arrays_are_evaluated_as_they_are(shared_daemon: Daemon, tmp_path: Path) -> None:
    logits, labels = data(300, 100)
    exact = (logits.view("u4") & 0xFFFF0000).view("f4")
    mean = float(losses(exact, labels).mean())
    hot = np.eye(100, dtype="f4")[labels]
    for given in (labels, bfloat16(hot)):
        run = xent(*save(tmp_path, bfloat16(logits), given), "--json", daemon=shared_daemon)
        assert report(run)["mean"] == pytest.approx(mean, rel=1e-7)
    run = xent(*save(tmp_path, bfloat16(logits), bfloat16(hot)), "--json", "--probabilities", daemon=shared_daemon)
    assert report(run)["mean"] == pytest.approx(mean, rel=1e-7)


def test_rows_may_have_several_dimensions_and_outputs_have_them_too(shared_daemon: Daemon, tmp_path: Path) -> None:
    logits, labels = data(60, 7)
    outputs = [tmp_path / f"{name}.npy" for name in ("losses", "lse", "predictions", "w")]
    weights = np.linspace(0, 1, 60).astype("f4")
    options = [word for path in outputs[:3] for word in (f"--{path.stem}", path)]
    seen = []
    for shape in ((60,), (5, 12), (3, 4, 5), (60, 1)):
        np.save(outputs[3], weights.reshape(shape))
        for given in (labels, labels[:, None], np.eye(7, dtype="u1")[labels]):
            given = given.reshape(*shape, *given.shape[1:])
            files = save(tmp_path, logits.reshape(*shape, 7), given)
            run = xent(*files, *options, "--sample-weights", outputs[3], "--json", "--batch-rows", "7", daemon=shared_daemon)
            arrays = [np.load(path) for path in outputs[:3]]
            assert [array.shape for array in arrays] == [shape] * 3
            seen.append((report(run)["mean"], *(array.tobytes() for array in arrays)))
    assert len(set(seen)) == 1


def test_a_bad_row_of_several_dimensions_is_named_by_its_place_in_them(shared_daemon: Daemon, tmp_path: Path) -> None:
    logits, labels = data(60, 7)
    labels[37] = 7
    files = save(tmp_path, logits.reshape(3, 4, 5, 7), labels.reshape(3, 4, 5))
    assert "row 37, which is at [1, 3, 2]: label 7 is not" in xent(*files, daemon=shared_daemon).stdout
    bad = report(xent(*files, "--json", "--batch-rows", "9", daemon=shared_daemon))["first_bad_row"]
    assert bad["row"] == 37 and bad["index"] == [1, 3, 2]


def refusals() -> list[tuple[str, np.ndarray, np.ndarray, list[str]]]:
    logits, labels = data()
    return [
        ("Fortran order", np.asfortranarray(logits), labels, ["Fortran", "ascontiguousarray"]),
        ("big-endian", logits.astype(">f4"), labels, ["big-endian", "newbyteorder"]),
        ("labels of other dimensions", logits.reshape(5, 10, 7), labels, ["(5, 10)", "(5, 10, 7)", "(50,)"]),
        ("classes in PyTorch's place", logits.reshape(5, 7, 10), labels.reshape(5, 10), ["(5, 10)", "numpy.moveaxis(logits, 1, -1)"]),
        ("classes in either place", logits[:49].reshape(7, 7, 7), labels[:49].reshape(7, 7), ["(7, 7, 7)", "(7, 7)", "PyTorch", "reshape(-1)"]),
        ("one dimension", logits[:, 0], labels, ["two dimensions", "(50,)", "reshape(1, -1)"]),
        ("integer logits", logits.astype("i4"), labels, ["f4", "i4"]),
        ("logits that may be bits", logits.astype("u2"), labels, ["received u2", "a.view('V2')"]),
        ("too few labels", logits, labels[:-1], ["(50,)", "(49,)"]),
        ("float labels", logits, labels.astype("f4"), ["f4", "astype"]),
        ("one-hot of another width", logits, np.eye(6)[labels % 6], ["(50, 7)", "(50, 6)", "column"]),
        ("one-hot of integers", logits, np.eye(7, dtype="i8")[labels], ["i8", "uint8"]),
        ("no rows", logits[:0], labels[:0], ["no rows"]),
        ("no classes", logits[:, :0], labels, ["at least one class", "(50, 0)"]),
        ("no classes, one-hot", logits[:, :0], np.zeros((50, 0), "f4"), ["at least one class", "(50, 0)"]),
    ]


@pytest.mark.parametrize("name,logits,labels,words", refusals(), ids=[refusal[0] for refusal in refusals()])
def test_arrays_that_do_not_fit_are_refused_with_what_to_do(
    shared_daemon: Daemon, tmp_path: Path, name: str, logits: np.ndarray, labels: np.ndarray, words: list[str]
) -> None:
    run = xent(*save(tmp_path, logits, labels), daemon=shared_daemon)
    assert run.returncode == 2
    for word in words:
        assert word in run.stderr


def test_files_that_are_not_arrays_are_refused(shared_daemon: Daemon, tmp_path: Path) -> None:
    files = save(tmp_path, *data())
    whole = (tmp_path / "a.npy").read_bytes()
    for content, words in [
        (b"", "empty"), (b"PK\x03\x04 and more", "not a .npy"), (whole[:-1], "cut short"),
        (whole[:40], "cut short"), (whole[:6] + b"\x09" + whole[7:], "version 9"),
        (whole.replace(b"(50, 7), }" + b" " * 17, b"(9223372036854775807, 7), }"), "(9223372036854775807, 7)"),
    ]:
        (tmp_path / "a.npy").write_bytes(content)
        run = xent(*files, daemon=shared_daemon)
        assert run.returncode == 2 and words in run.stderr
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe"):
        run = xent("--logits", place, *files[2:], daemon=shared_daemon)
        assert run.returncode == 2 and f"{place}: expected a file" in run.stderr
    missing = xent("--logits", tmp_path / "none.npy", *files[2:], daemon=shared_daemon)
    assert missing.returncode == 2 and "No such file" in missing.stderr


def report(run: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert run.stdout, run.stderr
    return json.loads(run.stdout)


def test_the_mean_is_the_same_in_one_batch_or_in_a_thousand(shared_daemon: Daemon, tmp_path: Path) -> None:
    logits, labels = data(5000, 11)
    files = save(tmp_path, logits, labels)
    np.save(tmp_path / "w.npy", np.random.default_rng(0).uniform(0, 1e6, 5000).astype("f4"))
    for options in ([], ["--sample-weights", tmp_path / "w.npy"]):
        means = [
            report(xent(*files, *options, "--json", "--batch-rows", rows, daemon=shared_daemon))["mean"]
            for rows in (5000, 500, 5, 37)
        ]
        assert max(means) - min(means) <= 1e-15 * means[0], means


def test_every_option_of_the_loss_reaches_the_daemon(shared_daemon: Daemon, tmp_path: Path) -> None:
    logits, labels = data(40, 9)
    labels[::5] = -1
    files = save(tmp_path, logits, labels)
    class_weights = np.linspace(0.5, 2, 9).astype("f4")
    sample_weights = np.linspace(0, 3, 40).astype("f4")
    np.save(tmp_path / "c.npy", class_weights)
    np.save(tmp_path / "s.npy", sample_weights)
    request = Request(
        logits, labels, flags=IGNORE | LOSSES | LSE | PREDICTIONS, ignore_index=-1, smoothing=0.2, z_loss=1e-3,
        temperature=1.5, softcap=4, top_k=3, class_weights=class_weights, sample_weights=sample_weights)
    with zmq.Context() as context:
        exact = expected(request)
        direct = Client(context, shared_daemon.router).ask(request)
    run = xent(
        *files, "--json", "--batch-rows", "7", "--ignore-index", "-1", "--label-smoothing", "0.2", "--z-loss", "1e-3",
        "--temperature", "1.5", "--softcap", "4", "--top-k", "3", "--class-weights", tmp_path / "c.npy",
        "--sample-weights", tmp_path / "s.npy", "--losses", tmp_path / "l.npy", "--lse", tmp_path / "e.npy",
        "--predictions", tmp_path / "p.npy", daemon=shared_daemon)
    said = report(run)
    assert run.returncode == 0
    assert (said["counted"], said["ignored"]) == (exact.counted, 8)
    assert (said["correct"], said["top_k_correct"]) == (exact.correct, exact.top_k_correct)
    assert said["mean_is"] == "sum / weight" and said["mean"] == pytest.approx(float(exact.sum / exact.weight), rel=1e-6)
    assert said["z_sum"] == pytest.approx(float(exact.z_sum), rel=1e-6)
    assert said["bits"] == pytest.approx(said["mean"] / np.log(2), rel=1e-15)
    assert np.array_equal(np.load(tmp_path / "l.npy"), direct.losses)
    assert np.array_equal(np.load(tmp_path / "e.npy"), direct.lse)
    predictions = np.load(tmp_path / "p.npy")
    assert predictions.dtype == np.int32 and np.array_equal(predictions, logits.argmax(axis=1))
    table = xent(*files, "--ignore-index", "-1", "--bits", "--top-k", "2", daemon=shared_daemon).stdout
    assert "bits a row (sum / counted rows)" in table and "top 2" in table and "ignored" in table


def test_probabilities_are_labels_when_they_are_said_to_be(shared_daemon: Daemon, tmp_path: Path) -> None:
    logits, _ = data(30, 6)
    labels = np.random.default_rng(1).dirichlet(np.ones(6), 30).astype("f4")
    files = save(tmp_path, logits, labels)
    exact = expected(Request(logits, labels, kind="probabilities"))
    run = xent(*files, "--json", "--probabilities", daemon=shared_daemon)
    assert run.returncode == 0 and report(run)["mean"] == pytest.approx(float(exact.sum) / 30, rel=1e-7)
    unsaid = xent(*files, "--json", daemon=shared_daemon)
    assert unsaid.returncode == 1 and "one-hot" in report(unsaid)["first_bad_row"]["message"]
    indices = xent(*save(tmp_path, *data(30, 6)), "--probabilities", daemon=shared_daemon)
    assert indices.returncode == 2 and "probabilities in the shape of the logits" in indices.stderr and "(30,) i8" in indices.stderr


def test_invalid_rows_can_be_reported_without_failing(shared_daemon: Daemon, tmp_path: Path) -> None:
    logits, labels = data()
    labels[3] = 99
    files = save(tmp_path, logits, labels)
    assert xent(*files, daemon=shared_daemon).returncode == 1
    run = xent(*files, "--invalid", "report", daemon=shared_daemon)
    assert run.returncode == 0 and "mean of the rest" in run.stdout and "row 3: label 99" in run.stdout


@pytest.mark.parametrize(
    "options,words",
    [
        (["--label-smoothing", "1"], ["BAD_OPTION", "label smoothing", "1.0"]),
        (["--softcap", "-2"], ["BAD_OPTION", "softcap", "-2.0"]),
        (["--ignore-zero-rows"], ["BAD_OPTION", "ZERO_ROW_IGNORED", "integer"]),
        (["--label-tolerance", "0.1"], ["BAD_OPTION", "label tolerance", "integer"]),
    ],
    ids=lambda value: value[0],
)
def test_an_option_that_does_not_fit_is_told_in_the_words_of_the_daemon(
    shared_daemon: Daemon, tmp_path: Path, options: list[str], words: list[str]
) -> None:
    run = xent(*save(tmp_path, *data()), *options, daemon=shared_daemon)
    assert run.returncode == 2 and all(word in run.stderr for word in words), run.stderr


def test_weights_of_a_wrong_shape_or_type_are_refused_with_what_to_do(shared_daemon: Daemon, tmp_path: Path) -> None:
    files = save(tmp_path, *data())
    for option, array in (("--class-weights", np.ones(6, "f4")), ("--sample-weights", np.ones(50))):
        np.save(tmp_path / "w.npy", array)
        run = xent(*files, option, tmp_path / "w.npy", daemon=shared_daemon)
        assert run.returncode == 2 and "astype('float32')" in run.stderr and str(len(array)) in run.stderr


def test_a_file_that_cannot_be_written_is_told_before_the_evaluation(daemon: Daemon, tmp_path: Path) -> None:
    files = save(tmp_path, *data())
    for option in ("--losses", "--lse", "--predictions"):
        for place in (tmp_path, tmp_path / "none" / "out.npy"):
            run = xent(*files, option, place, daemon=daemon)
            assert run.returncode == 2 and f"{place}: cannot be written" in run.stderr
    kept = tmp_path / "kept.npy"
    kept.write_bytes(b"of an earlier run")
    refused = xent(*files, "--losses", kept, "--predictions", tmp_path / "new.npy", "--label-smoothing", "1", daemon=daemon)
    assert refused.returncode == 2
    assert kept.read_bytes() == b"of an earlier run" and not (tmp_path / "new.npy").exists(), "nothing is touched in vain"
    assert daemon.stop() == 0
    assert " batches=0 " in daemon.log


@pytest.mark.parametrize("options", [[], ["--invalid", "report"]])
def test_rows_of_which_none_has_a_finite_loss_are_no_evaluation(
    shared_daemon: Daemon, tmp_path: Path, options: list[str]
) -> None:
    logits, labels = data()
    run = xent(*save(tmp_path, np.full_like(logits, np.nan), labels), *options, daemon=shared_daemon)
    assert run.returncode == 2 and "50 rows" in run.stdout
    run = xent(*save(tmp_path, logits, labels + 7), *options, daemon=shared_daemon)
    assert run.returncode == (2 if options else 1)


def test_a_socket_that_a_killed_daemon_left_behind_is_not_taken_for_a_daemon(
    start_daemon: Callable[..., Daemon], short_directory: Path
) -> None:
    (short_directory / "xentd").mkdir()
    daemon = start_daemon("--router", f"ipc://{short_directory}/xentd/xentd.sock", lanes=False)
    files = ["--logits", EXAMPLES / "digits-logits.npy", "--labels", EXAMPLES / "digits-labels.npy"]
    environment = {"XDG_RUNTIME_DIR": str(short_directory)}
    ask = lambda: subprocess.run(
        [BIN / "xent", "eval", *files], capture_output=True, text=True, env=environment, timeout=PATIENCE)
    assert ask().returncode == 0, "the daemon of the user is found"
    daemon.stop(9)
    assert (short_directory / "xentd/xentd.sock").exists()
    if not Path("/run/xentd/xentd.sock").exists():  # else the machine has a daemon of its own
        run = ask()
        assert run.returncode == 2 and f"nobody listens at ipc://{short_directory}/xentd/xentd.sock" in run.stderr
