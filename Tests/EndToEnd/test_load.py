"""`xentload` as its user runs it: it must tell the truth of the daemon and of itself."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from conftest import BIN, PATIENCE, ROOT, Daemon
from meddler import Meddler

SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "Documentation/xentload.schema.json").read_text()))
SMALL = ["--rows", "8", "--classes", "50", "--warm-up", "0.05"]


def xentload(
    *options: str | Path, timeout: float = 3 * PATIENCE, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "xentload"), *map(str, options)], capture_output=True, text=True, timeout=timeout,
        env=os.environ | (environment or {}))


def report(run: subprocess.CompletedProcess[str], code: int = 0) -> dict[str, Any]:
    assert run.returncode == code, (run.returncode, run.stdout, run.stderr)
    value = json.loads(run.stdout)
    SCHEMA.validate(value)
    return value


def load(daemon: Daemon, *options: str | Path, code: int = 0) -> dict[str, Any]:
    return report(xentload("run", "--endpoint", daemon.router, "--json", *options), code)


@pytest.mark.parametrize("logits_type", ["f32", "f16", "bf16", "f64"])
@pytest.mark.parametrize("labels", ["integer", "onehot", "probabilities"])
def test_results_of_every_kind_hold_against_the_independent_computation(
    shared_daemon: Daemon, logits_type: str, labels: str
) -> None:
    for rows, classes in ((1, 1), (3, 7), (5, 1000)):
        shape = ["--rows", str(rows), "--classes", str(classes), "--type", logits_type, "--labels", labels]
        value = load(shared_daemon, *shape, "--batches", "300", "--warm-up", "0", "--verify", "all")
        # What left before measuring began is compared, too.
        assert value["batches"] == 300 <= value["verification"]["compared"]
        assert value["rows"] == 300 * rows and value["verification"]["violations"] == 0
        assert value["latency"]["corrected"]["count"] == 300


LABEL_TYPES = {
    "integer": ["u8", "u16", "u32", "i32", "i64"], "onehot": ["u8", "f16", "bf16", "f32", "f64"],
    "probabilities": ["f32", "f64"],
}


@pytest.mark.parametrize("labels, label_type", [(kind, type) for kind in LABEL_TYPES for type in LABEL_TYPES[kind]])
def test_labels_of_every_type_are_sent_and_hold(shared_daemon: Daemon, labels: str, label_type: str) -> None:
    shape = ["--rows", "5", "--classes", "200", "--labels", labels, "--label-type", label_type]
    value = load(shared_daemon, *shape, "--batches", "50", "--warm-up", "0", "--verify", "all")
    assert value["verification"]["compared"] >= 50 and value["verification"]["violations"] == 0
    run = xentload("inprocess", *shape, "--passes", "1", "--json")
    assert run.returncode == 0, run.stderr
    alone = json.loads(run.stdout)
    assert (alone["labels"], alone["label_type"]) == (labels, label_type)
    # What is beside the computation reads the labels too.
    label_size = int(label_type.lstrip("bfiu")) // 8
    read = 5 * 200 * 4 + 5 * label_size * (1 if labels == "integer" else 200)
    stream_seconds = alone["stream_ratio"] * alone["median_ns_per_element"] * 5 * 200 * 1e-9
    assert alone["stream_gigabytes_per_second"] * 1e9 * stream_seconds == pytest.approx(read)


def test_the_computation_alone_is_that_of_the_kernel_that_is_named() -> None:
    def kernel(*options: str, **environment: str) -> str:
        run = xentload("inprocess", "--rows", "8", "--passes", "1", "--json", *options, environment=environment)
        return json.loads(run.stdout)["kernel"] if run.returncode == 0 else run.stderr

    assert kernel("--kernel", "baseline") == kernel(XENTD_KERNEL="baseline") == "baseline"
    assert kernel("--kernel", "baseline", XENTD_KERNEL="abacus") == "baseline"
    assert "received abacus" in kernel(XENTD_KERNEL="abacus")


def test_a_pipeline_lane_and_many_connections_and_threads_give_each_result_once(shared_daemon: Daemon) -> None:
    pipeline = ["--requests", shared_daemon.requests, "--results", shared_daemon.results, "--connections", "3"]
    value = report(xentload("run", *pipeline, *SMALL, "--batches", "2000", "--json"))
    assert value["batches"] == 2000 and value["load"]["connections"] == 3
    value = load(shared_daemon, *SMALL, "--batches", "2000", "--connections", "5", "--threads", "2")
    assert value["batches"] == 2000 and value["load"]["threads"] == 2


def test_a_sample_is_compared_by_default_and_nothing_where_that_is_off(shared_daemon: Daemon) -> None:
    value = load(shared_daemon, *SMALL, "--batches", "3000")
    assert value["verification"]["mode"] == "sample" and 100 < value["verification"]["compared"] < 2000
    value = load(shared_daemon, *SMALL, "--batches", "100", "--verify", "off", "--no-losses")
    assert value["verification"]["compared"] == 0 and value["result_bytes"] == 160


def test_a_mix_and_real_data_are_sent_as_they_are_told(shared_daemon: Daemon, tmp_path: Path) -> None:
    mix = tmp_path / "mix.yaml"
    mix.write_text("- {rows: 4, classes: 10, weight: 3}\n- {rows: 2, classes: 700, type: bf16, labels: onehot, label_type: u8}\n")
    value = load(shared_daemon, "--mix", mix, "--batches", "400", "--verify", "all", "--warm-up", "0")
    assert value["verification"]["compared"] >= 400 and 400 * 2 < value["rows"] < 400 * 4
    files = ["--logits", ROOT / "Examples/digits-logits.npy", "--labels", ROOT / "Examples/digits-labels.npy"]
    value = load(shared_daemon, *files, "--rows", "100", "--batches", "18", "--verify", "all", "--warm-up", "0")
    assert value["batches"] == 18 and value["verification"]["compared"] >= 18


def test_rows_with_bad_labels_and_logits_are_expected_to_be_bad(shared_daemon: Daemon, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    logits = random.normal(size=(40, 9)).astype("f4")
    labels = random.integers(0, 9, 40)
    logits[3, 2], logits[4, 0], logits[5], labels[6] = np.nan, np.inf, -np.inf, 9
    logits[7, labels[7]] = -np.inf
    np.save(tmp_path / "a.npy", logits)
    np.save(tmp_path / "b.npy", labels)
    files = ["--logits", tmp_path / "a.npy", "--labels", tmp_path / "b.npy", "--rows", "10"]
    assert load(shared_daemon, *files, "--batches", "20", "--verify", "all")["verification"]["violations"] == 0


def flipped(result: bytes, offset: int, bits: int = 1) -> bytes:
    return result[:offset] + bytes([result[offset] ^ bits]) + result[offset + 1:]


FAULTS = {
    "a loss that is always far off": ("wrong", lambda n, result: [flipped(result, 160 + 2, 0x10)]),
    "a sum that is always off": ("wrong", lambda n, result: [flipped(result, 48 + 4, 0x40)]),
    "a wrong count of correct rows": ("wrong", lambda n, result: [flipped(result, 112)]),
    "the last bit of one loss, once": (
        "other_bits", lambda n, result: [flipped(result, 160) if n == 1000 else result]),
    "the last bit of the mean, once": (
        "other_bits", lambda n, result: [flipped(result, 64) if n == 1000 else result]),
    "a result that never comes": ("missing", lambda n, result: [] if n == 70 else [result]),
    "a result that comes twice": ("duplicate", lambda n, result: [result] * (2 if n == 70 else 1)),
    "a sequence number that was never sent": (
        "foreign", lambda n, result: [flipped(result, 15, 0x80), result] if n == 70 else [result]),
    "the result of another client": (
        "foreign", lambda n, result: [flipped(result, 16), result] if n == 70 else [result]),
    "rows that are not the batch's": ("unreadable", lambda n, result: [flipped(result, 32)]),
    "bytes that are no result": ("unreadable", lambda n, result: [b"?", result] if n == 70 else [result]),
    "a refusal": (
        "refused",
        lambda n, result: [result[:40] + struct.pack("<HHI", 6, 0, 32) + result[48:160] + b"no"] if n == 70 else [result]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_daemon_that_is_not_right_fails_the_run_and_is_told_of(
    shared_daemon: Daemon, short_directory: Path, fault: str
) -> None:
    kind, meddle = FAULTS[fault]
    with Meddler(shared_daemon, short_directory, meddle) as double:
        options = [*SMALL, "--batches", "1200", "--warm-up", "0", "--verify", "all"]
        options += ["--timeout", "1" if kind in ("missing", "unreadable") else str(PATIENCE)]
        value = report(xentload("run", "--endpoint", double.endpoint, "--json", *options), code=1)
    found = value["verification"]
    assert found["violations"] >= 1 and kind in {violation["kind"] for violation in found["first_violations"]}
    once = "once" in fault or kind in ("missing", "duplicate", "foreign", "refused")
    assert not once or found["violations"] == 1


def test_what_is_wrong_is_said_to_people_too(shared_daemon: Daemon, short_directory: Path) -> None:
    with Meddler(shared_daemon, short_directory, FAULTS["a loss that is always far off"][1]) as double:
        run = xentload("run", "--endpoint", double.endpoint, *SMALL, "--batches", "50")
    assert run.returncode == 1 and "WRONG: wrong result of batch" in run.stdout and "ulp off" in run.stdout


def test_a_daemon_that_turns_batches_away_is_told_of_and_not_called_wrong(
    shared_daemon: Daemon, short_directory: Path
) -> None:
    def busy(number: int, result: bytes) -> list[bytes]:
        return [result[:40] + struct.pack("<HHI", 16, 0, 32) + result[48:160]] if number % 10 == 0 else [result]

    with Meddler(shared_daemon, short_directory, busy) as double:
        options = ["--endpoint", double.endpoint, *SMALL, "--batches", "500", "--warm-up", "0", "--json"]
        run = xentload("run", *options, "--fail-if", "errors>0")
    value = report(run, code=99)
    assert value["batches"] + value["turned_away"]["BUSY"] == 500 and 49 <= value["turned_away"]["BUSY"] <= 51
    assert f"{value['turned_away']['BUSY']} batches failed or were turned away" in run.stderr


def test_a_stall_shows_in_the_corrected_latency_and_not_in_the_uncorrected(daemon: Daemon) -> None:
    command = [str(BIN / "xentload"), "run", "--endpoint", daemon.router, "--json", "--rows", "1", "--classes", "10"]
    # One batch in flight, as a naive tester has it: it alone sees the stall from its own sending.
    command += ["--rate", "500", "--window", "1", "--duration", "6", "--warm-up", "0"]
    busy = daemon.cpu_seconds
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + PATIENCE
        while daemon.cpu_seconds < busy + 0.05:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)  # the stall itself
        daemon.process.send_signal(signal.SIGCONT)
        output, _ = process.communicate(timeout=3 * PATIENCE)
    value = json.loads(output)
    SCHEMA.validate(value)
    latency = value["latency"]
    assert latency["corrected"]["p99.9"] > 0.4
    assert latency["uncorrected"]["p99.9"] < 0.3
    assert latency["uncorrected"]["max"] > 0.4
    assert value["generator"]["held_up"] > 0.05


def test_conditions_that_hold_end_with_99_and_say_both_values(shared_daemon: Daemon) -> None:
    options = ["run", "--endpoint", shared_daemon.router, *SMALL, "--batches", "100"]
    run = xentload(*options, "--fail-if", "p99<10s", "--fail-if", "max>10s", "--fail-if", "throughput>0")
    assert run.returncode == 99
    assert "--fail-if p99<10s: p99 was " in run.stderr and "--fail-if throughput>0: throughput was " in run.stderr
    assert "max>10s" not in run.stderr
    assert xentload(*options, "--fail-if", "p50>10s").returncode == 0
    bad = xentload(*options, "--fail-if", "p99>5 apples")
    assert bad.returncode == 64 and "p99>5 apples" in bad.stderr


def test_histograms_are_read_by_hdrhistogram_and_windows_merge_to_the_whole(
    shared_daemon: Daemon, tmp_path: Path
) -> None:
    files = ["--hgrm", tmp_path / "a.hgrm", "--hdr-log", tmp_path / "a.hlog"]
    value = load(shared_daemon, *SMALL, "--batches", "5000", *files)
    latency = value["latency"]["corrected"]
    whole = HdrHistogram(512, 3_600_000_000_000, 3)
    reader = HistogramLogReader(str(tmp_path / "a.hlog"), HdrHistogram(512, 3_600_000_000_000, 3))
    windows = 0
    while (window := reader.get_next_interval_histogram()) is not None:
        whole.add(window)
        windows += 1
    assert windows == len(value["windows"])
    assert whole.get_total_count() == latency["count"] == 5000
    for name, percentile in (("p50", 50), ("p99", 99), ("p99.9", 99.9), ("max", 100)):
        assert whole.get_value_at_percentile(percentile) / 1e9 == pytest.approx(latency[name], rel=2e-3)
    lines = (tmp_path / "a.hgrm").read_text().splitlines()
    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    rows = [line.split() for line in lines[2:] if line and not line.startswith("#")]
    assert int(rows[-1][2]) == 5000 and float(rows[-1][0]) / 1e3 == pytest.approx(latency["max"], rel=2e-3)


def test_a_run_without_an_end_measures_until_three_windows_agree_at_most_ten(shared_daemon: Daemon) -> None:
    value = load(shared_daemon, *SMALL, "--window-seconds", "0.05")
    count = len(value["windows"])
    assert 3 <= count <= 10
    assert value["counted_windows"] == (3 if value["stable"] else 10)
    assert value["stable"] or count == 10
    assert value["stable"] == (value["throughput_spread"] <= 0.1 and value["p99_spread"] <= 0.1)


def test_an_open_loop_says_where_the_daemon_does_not_keep_up(shared_daemon: Daemon) -> None:
    value = load(shared_daemon, *SMALL, "--rate", "1000000", "--window", "8", "--batches", "500")
    assert value["load"]["loop"] == "open" and value["load"]["arrivals"] == "constant"
    assert any("did not keep up" in note for note in value["notes"])
    assert value["latency"]["corrected"]["p50"] > value["latency"]["uncorrected"]["p50"]


def test_arrivals_by_poisson_are_sent_at_the_rate(shared_daemon: Daemon) -> None:
    value = load(shared_daemon, *SMALL, "--rate", "200", "--arrivals", "poisson", "--batches", "300", "--seed", "3")
    assert value["load"]["rate"] == 200 and value["load"]["arrivals"] == "poisson" and value["batches"] == 300
    assert value["generator"]["late_sends"]["count"] > 0


def test_a_sweep_finds_the_knee_and_says_what_bounds_it(shared_daemon: Daemon) -> None:
    options = ["sweep", "--endpoint", shared_daemon.router, *SMALL, "--duration", "0.3", "--json"]
    value = report(xentload(*options, "--windows", "4,1", "--slo", "p99<100s"))
    assert [point["load"]["window"] for point in value["points"]] == [1, 4] and value["knee"] == 1
    assert value["bound"]["findings"] and value["ceiling"]["transport"] == "ipc"
    names = [finding["name"] for finding in value["bound"]["findings"]]
    assert {"workers busy", "back-pressure", "the transport at its ceiling", "the load tester itself"} <= set(names)
    value = report(xentload(*options, "--rates", "50,100", "--slo", "p99<1ns", "--fail-if", "p99>1s"), code=99)
    assert value["knee"] is None and not any(point["meets_slo"] for point in value["points"])
    value = report(xentload(*options, "--slo", "p99<100s", "--refine", "1"))
    rates = [point["load"]["rate"] for point in value["points"]]
    assert len(rates) in (11, 12) and rates == sorted(rates)


def test_a_sweep_is_joined_with_what_the_daemon_tells_of_itself(shared_daemon: Daemon) -> None:
    options = ["sweep", "--endpoint", shared_daemon.router, *SMALL, "--rates", "100,200", "--duration", "0.3", "--json"]
    value = report(xentload(*options, "--slo", "p99<100s", "--metrics", f"unix:{shared_daemon.http}"))
    for point in value["points"]:
        stages = {stage["name"]: stage for stage in point["metrics"]["stages"]}
        assert list(stages) == ["queue", "decode", "compute", "reply"]
        assert len({stage["count"] for stage in stages.values()}) == 1 and stages["compute"]["count"] >= point["batches"]
        assert all(0 < stage["mean"] < 10 and 0 < stage["p50_at_most"] <= stage["p99_at_most"] for stage in stages.values())
        assert 0 < point["metrics"]["worker_busy"] <= 1
    evidence = {finding["name"]: finding["evidence"] for finding in value["bound"]["findings"]}
    assert "by the daemon's metrics" in evidence["workers busy"] and "the lane paused" in evidence["back-pressure"]
    assert "the daemon's main thread was busy" in evidence["the daemon's loop"]
    assert "the daemon's I/O thread was busy" in evidence["the transport at its ceiling"]


def limits(daemon: Daemon, *options: str) -> list[str]:
    """What bounds the daemon under some load, by a sweep of that load alone."""
    command = ["sweep", "--endpoint", daemon.router, "--metrics", f"unix:{daemon.http}", "--slo", "p99<1ns", "--json"]
    return report(xentload(*command, "--duration", "0.5", "--warm-up", "0.2", *options))["bound"]["limits"]


def test_a_sweep_tells_that_workers_are_what_bounds_a_daemon_that_computes_slowly(
    start_daemon: Callable[..., Daemon]
) -> None:
    # The baseline kernel widens f16 without an instruction for it: bytes come faster than they are computed.
    daemon = start_daemon("--workers", "1", environment={"XENTD_KERNEL": "baseline"})
    found = limits(daemon, "--rows", "20", "--classes", "50000", "--type", "f16", "--windows", "32")
    assert "workers busy" in found and "back-pressure" not in found


def test_a_sweep_tells_that_back_pressure_is_what_bounds_a_lane_without_room_for_results(
    start_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    # Each result has 4096 losses, and one of them may wait: of requests that are gathered together, others are BUSY.
    file = tmp_path / "xentd.yaml"
    room = "{result_bytes: 20000, waiting_bytes: 20000, clients_waiting_bytes: 40000}"
    file.write_text(f"lanes: [{{name: small, kind: router, endpoints: 'ipc://{tmp_path}/x', limits: {room}}}]\n")
    daemon = start_daemon("--config", str(file), lanes=False)
    daemon.router = f"ipc://{tmp_path}/x"
    found = limits(daemon, "--rows", "4096", "--classes", "2", "--windows", "16")
    assert "back-pressure" in found and "workers busy" not in found


def test_the_ceiling_is_that_of_libzmq_alone_and_leaves_nothing_behind() -> None:
    before = set(Path("/tmp").glob("xentload-*"))
    value = report(xentload("ceiling", "--sizes", "1k,1M", "--seconds", "0.1", "--rounds", "2", "--json"))
    assert [ceiling["request_bytes"] for ceiling in value["ceilings"]] == [1024, 1 << 20]
    for ceiling in value["ceilings"]:
        assert len(ceiling["one_way_rounds"]) == len(ceiling["echo_rounds"]) == 2
        assert ceiling["one_way_messages_per_second"] > 0 and ceiling["echo_messages_per_second"] > 0
    assert set(Path("/tmp").glob("xentload-*")) <= before
    tcp = report(xentload("ceiling", "--sizes", "1k", "--seconds", "0.05", "--rounds", "1", "--transport", "tcp", "--json"))
    assert tcp["ceilings"][0]["transport"] == "tcp"


def test_a_run_tells_how_much_of_the_ceiling_the_daemon_reaches(shared_daemon: Daemon) -> None:
    run = xentload("run", "--endpoint", shared_daemon.router, *SMALL, "--batches", "500", "--ceiling")
    assert run.returncode == 0 and "of libzmq alone with a reply to each" in run.stdout


def test_the_daemon_s_processor_time_is_found_and_its_metrics_are_missed_in_words(shared_daemon: Daemon) -> None:
    value = load(shared_daemon, *SMALL, "--batches", "500", "--metrics", "unix:/nowhere/http.sock")
    assert value["processors"]["daemon_cores"] is not None
    assert "/nowhere/http.sock: No such file" in value["metrics"]["unavailable"]


def test_without_a_daemon_or_with_too_large_batches_nothing_is_measured(shared_daemon: Daemon, tmp_path: Path) -> None:
    run = xentload("run", "--endpoint", f"ipc://{tmp_path}/nobody", "--timeout", "0.3")
    assert run.returncode == 2 and "no answer from" in run.stderr
    run = xentload("run", "--endpoint", shared_daemon.router, "--rows", "100000", "--classes", "1000", "--verify", "off")
    assert run.returncode == 2 and "67108864 request bytes" in run.stderr and "400800096" in run.stderr
    (tmp_path / "mix.yaml").write_text("- {rows: 4, classes: 10}\n- {rows: 4, clases: 10}\n")
    run = xentload("run", "--endpoint", shared_daemon.router, "--mix", tmp_path / "mix.yaml")
    assert run.returncode == 2 and "mix.yaml:2: unknown key clases" in run.stderr


@pytest.mark.parametrize(
    "options, words",
    [
        (["--rate", "0"], "--rate: expected more than 0"), (["--window", "0"], "--window: expected 1 to 65536"),
        (["--batches", "5", "--duration", "1"], "not both"), (["--threads", "2"], "--threads: expected at most one"),
        (["--labels", "x.npy"], "--labels: expected integer"), (["--mix", "x", "--rows", "3"], "--mix tells shapes"),
        (["--rows", "0"], "--rows: expected at least 1"), (["--classes", "99999999"], "--classes: expected 1 to"),
        (["--requests", "ipc:///x"], "--requests and --results go together"),
        (["--label-type", "u8"], "--label-type: u8 tells 1 to 256 classes apart, received --classes 1000"),
        (["--labels", "probabilities", "--label-type", "bf16"], "made-up probabilities are of f32, f64, received bf16"),
        (["--logits", "a", "--labels", "b", "--label-type", "u8"], "--logits tells classes and types"),
    ])
def test_options_that_do_not_fit_are_refused_with_both_values(options: list[str], words: str) -> None:
    run = xentload("run", "--endpoint", "ipc:///nowhere", *options)
    assert run.returncode == 64 and words in run.stderr


def on_terminal(*options: str) -> str:
    """What is shown on a terminal."""
    leader, follower = pty.openpty()
    with subprocess.Popen([str(BIN / "xentload"), *options], stdout=subprocess.PIPE, stderr=follower) as process:
        os.close(follower)
        shown = b""
        while select.select([leader], [], [], PATIENCE)[0]:
            try:
                shown += os.read(leader, 4096)
            except OSError:  # nobody writes any more
                break
        process.communicate(timeout=PATIENCE)
    os.close(leader)
    assert process.returncode == 0
    return shown.decode()


def test_a_terminal_shows_how_it_goes_and_nothing_else_does(shared_daemon: Daemon) -> None:
    options = ["run", "--endpoint", shared_daemon.router, *SMALL, "--duration", "1"]
    shown = on_terminal(*options)
    for words in ("warming up", "batches/s", "p50 ", "p99.9 ", "█"):
        assert words in shown
    assert on_terminal(*options, "--quiet") == ""
    assert xentload(*options).stderr == ""


def test_an_interrupted_run_reports_what_it_has(daemon: Daemon) -> None:
    command = [str(BIN / "xentload"), "run", "--endpoint", daemon.router, "--json", *SMALL, "--duration", "1000"]
    busy = daemon.cpu_seconds
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + PATIENCE
        while daemon.cpu_seconds < busy + 0.3:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
    value = json.loads(output)
    assert process.returncode == 0 and value["interrupted"] and value["batches"] > 0


@pytest.mark.parametrize("command", ["run", "sweep", "ceiling", "inprocess"])
def test_help_names_a_default_that_is_one_of_the_values(command: str) -> None:
    text = " ".join(xentload(command, "--help").stdout.split())
    named = re.findall(r"\(values: ([^;)]*); default: ([^)]*)\)", text)
    named += [(values, default) for default, values in re.findall(r"\(default: (\w+)\)\. \(values: ([^;)]*)\)", text)]
    assert named and all(default in values.split(", ") for values, default in named), named
