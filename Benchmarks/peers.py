#!/usr/bin/env python3
"""Times the cross-entropy of every framework that is installed beside xentd's, on the same machine, in one run.

    make build
    python3 -m venv /tmp/peers
    /tmp/peers/bin/pip install torch jax optax tensorflow-cpu onnx onnxruntime scipy matplotlib
    /tmp/peers/bin/python Benchmarks/peers.py --threads 1 2 --output /tmp/peers-report

Nothing is installed; what is missing is named and left out. Each peer lives in a process of its own that may use as many cores as there are threads, has the
same logits (f32, or f64 with --type f64) and integer (or one-hot) labels in memory already, and computes the loss of each row; passes of all peers are made in
turn, the first does not count, and the median is told. Writes peers.md, a table, and with matplotlib peers.svg, a chart.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHAPES = [(65536, 2), (65536, 10), (8192, 1000), (1024, 32000), (256, 128256), (4, 262144)]
ONE_HOT_SHAPES = [shape for shape in SHAPES if shape[1] <= 1000]
XENTD = "xentd"
Pass = Callable[[], object]


# Peers: each makes a function that computes one pass -------------------------------------------------------------------

def with_torch(logits: Any, labels: Any, one_hot: bool, threads: int) -> Pass:
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(threads)
    z, y = torch.from_numpy(logits), torch.from_numpy(labels)

    def run() -> object:
        with torch.inference_mode():
            return F.cross_entropy(z, y, reduction="none")

    return run


def with_jax(logits: Any, labels: Any, one_hot: bool, threads: int) -> Pass:
    import jax
    import optax

    jax.config.update("jax_enable_x64", logits.dtype == "float64")
    loss = optax.softmax_cross_entropy if one_hot else optax.softmax_cross_entropy_with_integer_labels
    compiled = jax.jit(loss)
    z, y = jax.numpy.array(logits), jax.numpy.array(labels)
    return lambda: compiled(z, y).block_until_ready()


def with_tensorflow(logits: Any, labels: Any, one_hot: bool, threads: int) -> Pass:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    loss = tf.nn.softmax_cross_entropy_with_logits if one_hot else tf.nn.sparse_softmax_cross_entropy_with_logits
    compiled = tf.function(lambda y, z: loss(labels=y, logits=z))
    z, y = tf.constant(logits), tf.constant(labels)
    return lambda: compiled(y, z).numpy()


def with_onnxruntime(logits: Any, labels: Any, one_hot: bool, threads: int) -> Pass:
    import onnx
    import onnxruntime

    if one_hot:
        raise ImportError("its operator takes no one-hot labels")
    if logits.dtype != "float32":
        raise ImportError(f"its operator takes no {logits.dtype}")
    helper, types = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [helper.make_node("SoftmaxCrossEntropyLoss", ["z", "y"], ["loss"], reduction="none")], "loss",
        [helper.make_tensor_value_info("z", types.FLOAT, logits.shape),
         helper.make_tensor_value_info("y", types.INT64, labels.shape)],
        [helper.make_tensor_value_info("loss", types.FLOAT, labels.shape)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"z": logits, "y": labels})


def with_scipy(logits: Any, labels: Any, one_hot: bool, threads: int) -> Pass:
    import numpy as np
    from scipy.special import logsumexp

    if one_hot:
        return lambda: logsumexp(logits, axis=1) - (logits * labels).sum(axis=1)
    rows = np.arange(len(logits))
    return lambda: logsumexp(logits, axis=1) - logits[rows, labels]


PEERS = {
    "PyTorch": with_torch, "JAX": with_jax, "TensorFlow": with_tensorflow, "ONNX Runtime": with_onnxruntime,
    "SciPy": with_scipy,
}


# The process of one peer ------------------------------------------------------------------------------------------------

def serve(peer: str, threads: int, type_name: str) -> None:
    """Answers each line of standard input, a shape or a pass, with a line of JSON."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a framework prints goes elsewhere
    import numpy as np

    dtype = {"f32": np.float32, "f64": np.float64}[type_name]
    run: Pass | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "rows" in request:
                run = None
                source = np.random.default_rng(0)
                logits = source.standard_normal((request["rows"], request["classes"]), dtype) * dtype(3)
                labels = source.integers(0, request["classes"], request["rows"])
                if request["one_hot"]:
                    labels = (np.arange(request["classes"]) == labels[:, None]).astype(dtype)
                run = PEERS[peer](logits, labels, request["one_hot"], threads)
                run()
                answer = {"seconds": 0.0}
            else:
                assert run is not None
                start = time.perf_counter()
                run()
                answer = {"seconds": time.perf_counter() - start}
        except ImportError as error:
            answer = {"missing": str(error)}
        print(json.dumps(answer), file=answers, flush=True)


class Peer:
    """A process of its own on its own cores."""

    def __init__(self, name: str, threads: int, type_name: str) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            ["taskset", "-c", cores(threads), sys.executable, __file__, "--serve", name, "--threads", str(threads), "--type", type_name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        print(json.dumps(request), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"missing": "its process ended"}

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def cores(threads: int) -> str:
    return ",".join(map(str, sorted(os.sched_getaffinity(0))[:threads]))


# Measuring --------------------------------------------------------------------------------------------------------------

def time_xentd(arguments: argparse.Namespace, rows: int, classes: int, one_hot: bool, threads: int) -> dict[str, Any]:
    passes = min(200, max(5, 60_000_000 // (rows * classes)))
    command = [
        "taskset", "-c", cores(threads), str(arguments.xentload), "inprocess", "--rows", str(rows), "--classes", str(classes),
        "--threads", str(threads), "--type", arguments.type, "--passes", str(passes), "--json",
        *(["--labels", "onehot", "--label-type", arguments.type] if one_hot else []),
        *(["--kernel", arguments.kernel] if arguments.kernel else [])]
    return json.loads(subprocess.check_output(command))


def measure(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """One entry a shape, kind of labels and number of threads: the median nanoseconds a row of each."""
    entries = []
    for threads in arguments.threads:
        peers = {name: Peer(name, threads, arguments.type) for name in PEERS}
        missing: dict[str, str] = {}
        for one_hot, shapes in ((False, SHAPES), (True, ONE_HOT_SHAPES)):
            for rows, classes in shapes:
                here = {}
                for name, peer in peers.items():
                    answer = peer.ask({"rows": rows, "classes": classes, "one_hot": one_hot})
                    if "missing" not in answer:
                        here[name] = peer
                    elif not one_hot:
                        missing[name] = answer["missing"]
                times: dict[str, list[float]] = {name: [] for name in [XENTD, *here]}
                ratios = []
                for _ in range(arguments.passes):
                    ours = time_xentd(arguments, rows, classes, one_hot, threads)
                    times[XENTD].append(ours["median_ns_per_element"] * classes)
                    ratios.append(ours["stream_ratio"])
                    for name, peer in here.items():
                        times[name].append(peer.ask({"pass": True})["seconds"] * 1e9 / rows)
                entry = {
                    "rows": rows, "classes": classes, "threads": threads, "labels": "one-hot" if one_hot else "integer",
                    "stream_ratio": statistics.median(ratios), "kernel": ours["kernel"],
                    "ns": {name: statistics.median(values) for name, values in times.items()}}
                entries.append(entry)
                print(table_row(entry), file=sys.stderr)
        for peer in peers.values():
            peer.stop()
        for name, reason in missing.items():
            print(f"left out: {name}: {reason}", file=sys.stderr)
    return entries


# Reporting --------------------------------------------------------------------------------------------------------------

def digits(value: float) -> str:
    return f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def table_row(entry: dict[str, Any]) -> str:
    times = entry["ns"]
    fastest = min((value for name, value in times.items() if name != XENTD), default=float("nan"))
    cells = [
        f"{entry['rows']} x {entry['classes']}", entry["labels"], str(entry["threads"]), digits(times[XENTD]),
        *(digits(times[name]) if name in times else "-" for name in PEERS),
        f"{fastest / times[XENTD]:.1f}", f"{entry['stream_ratio']:.2f}"]
    return "| " + " | ".join(cells) + " |"


def table(entries: list[dict[str, Any]]) -> str:
    head = ["rows x classes", "labels", "threads", XENTD, *PEERS, "fastest of them over xentd", "xentd of the plain sum"]
    return "\n".join(["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *map(table_row, entries)]) + "\n"


def chart(entries: list[dict[str, Any]], type_name: str, path: Path) -> None:
    """Bars of time a row over xentd's, one group a shape."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "xentd"
    import matplotlib.pyplot as plt

    chosen = [entry for entry in entries if entry["labels"] == "integer"]
    counts = sorted({entry["threads"] for entry in chosen})
    names = [name for name in PEERS if any(name in entry["ns"] for entry in chosen)] or list(PEERS)
    figure, axes = plt.subplots(len(counts), 1, figsize=(9, 3.2 * len(counts)), squeeze=False, layout="constrained")
    for axis, threads in zip(axes[:, 0], counts):
        group = [entry for entry in chosen if entry["threads"] == threads]
        width = 0.8 / len(names)
        for place, name in enumerate(names):
            heights = [entry["ns"].get(name, float("nan")) / entry["ns"][XENTD] for entry in group]
            bars = axis.bar([x + (place - (len(names) - 1) / 2) * width for x in range(len(group))], heights, width, label=name)
            axis.bar_label(bars, fmt=lambda value: f"{value:.1f}" if value < 10 else f"{value:.0f}", fontsize=7)
        axis.axhline(1, color="black", linewidth=1)
        axis.set_yscale("log")
        axis.set_xticks(range(len(group)), [f"{entry['rows']} x {entry['classes']}" for entry in group])
        axis.set_ylabel("time / xentd's time")
        axis.set_title(f"{type_name} logits, integer labels, {threads} thread{'s' if threads > 1 else ''} (the line is xentd)")
        axis.margins(y=0.15)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), ncols=len(names), fontsize=8, loc="outside upper center")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="how many; one table has all")
    parser.add_argument("--passes", type=int, default=5, help="passes that count")
    parser.add_argument("--type", choices=["f32", "f64"], default="f32", help="the type of the logits (default: f32)")
    parser.add_argument("--kernel", help="xentd's kernel (default: the fastest)")
    parser.add_argument("--xentload", type=Path, default=ROOT / ".build/release/xentload")
    parser.add_argument("--output", type=Path, default=Path("peers-report"), help="a directory for the report")
    parser.add_argument("--serve", choices=PEERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(arguments.serve, arguments.threads[0], arguments.type)
    if not arguments.xentload.exists():
        sys.exit(f"{arguments.xentload}: not there; run `make build` first")
    most = len(os.sched_getaffinity(0))
    if max(arguments.threads) > most:
        sys.exit(f"--threads: this machine lends {most} cores, received {max(arguments.threads)}")
    entries = measure(arguments)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "peers.md").write_text(table(entries))
    print(table(entries))
    try:
        chart(entries, arguments.type, arguments.output / "peers.svg")
    except ImportError as error:
        print(f"no chart: {error}; pip install matplotlib", file=sys.stderr)


if __name__ == "__main__":
    main()
