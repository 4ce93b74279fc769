"""The batches that every client evaluates: many small ones, some large, of every kind of label. The same in every process."""

from __future__ import annotations

from typing import Any

import numpy as np

COUNT = 64


def batch(index: int) -> tuple[Any, Any, dict[str, Any]]:
    """Logits, labels and options of the batch with this number, of which there are `COUNT`."""
    random = np.random.default_rng(index)
    if index % 32 == 31:
        rows, classes = 1024, 1024  # 4 MB
    elif index % 8 == 7:
        rows, classes = 64, 1000  # 256 KB
    else:
        rows, classes = 1 + index % 40, 2 + index * 7 % 100
    logits = (random.normal(size=(rows, classes)) * 4).astype(np.float32)
    labels = random.integers(0, classes, rows)
    if index % 4 == 1:
        return logits, np.eye(classes, dtype=np.uint8)[labels], {"label_kind": "one_hot"}
    if index % 4 == 2:
        return logits.astype(np.float16), labels, {"top_k": 3, "label_smoothing": 0.1}
    return logits, labels, {}
