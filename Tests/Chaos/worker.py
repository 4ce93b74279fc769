"""One client of the chaos: submits its batches, checks each result to the bit, and prints a ledger."""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Clients/python/src"))

import batches  # noqa: E402
import xentd  # noqa: E402


def fingerprint(result: xentd.BatchResult) -> tuple[bytes, float, float, int]:
    """All bits of a result that depend on the batch alone."""
    assert result.losses is not None
    return result.losses.tobytes(), result.sum, result.weight, result.correct


def main() -> None:
    settings = json.loads(sys.argv[1])
    pool = [batches.batch(index) for index in range(batches.COUNT)]
    with xentd.Client(settings["calm"], timeout=60) as calm:
        expected = [fingerprint(calm.submit(x, y, **options).result()) for x, y, options in pool]
    completions: Counter[int] = Counter()
    problems: list[str] = []
    lock = threading.Lock()

    def check(number: int, future: Any) -> None:
        with lock:
            completions[number] += 1
            if (error := future.exception()) is not None:
                problems.append(f"batch {number}: {error!r}")
            elif fingerprint(future.result()) != expected[number % batches.COUNT]:
                problems.append(f"batch {number}: other bits than expected")

    addresses = [xentd.Pipeline(*each) if isinstance(each, list) else each for each in settings["addresses"]]
    order = np.random.default_rng(settings["seed"]).permutation(settings["count"])
    with xentd.Client(addresses, timeout=settings["timeout"], resend_after=0.3, window_batches=256) as client:
        print("started", flush=True)
        for number in order.tolist() if settings["shuffled"] else range(settings["count"]):
            index = number % batches.COUNT
            logits, labels, options = pool[index]
            client.submit(logits, labels, **options).add_done_callback(lambda future, number=number: check(number, future))
    ledger = {
        "submitted": settings["count"],
        "completed": sum(completions.values()) - len(problems),
        "once": sum(count == 1 for count in completions.values()),
        "problems": problems[:10],
        "stats": dataclasses.asdict(client.stats()),
    }
    print(json.dumps(ledger), flush=True)


if __name__ == "__main__":
    main()
