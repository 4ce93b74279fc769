"""What the losses must be, in 80-bit arithmetic: shares nothing with the daemon's code."""

from __future__ import annotations

import numpy as np

assert np.finfo(np.longdouble).nmant >= 63, "the reference needs 80-bit floating point"


def losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy of each row in nats: the maximum is left out of the sum, so that tiny losses stay exact."""
    z = logits.astype(np.longdouble)
    rows = np.arange(len(z))
    top = z.argmax(axis=1)
    terms = np.exp(z - z[rows, top][:, None])
    terms[rows, top] = 0
    return np.log1p(terms.sum(axis=1)) + (z[rows, top] - z[rows, labels])


def ulps(received: np.ndarray, exact: np.ndarray) -> float:
    """The largest distance between f32 values and exact ones, in units in the last place of the exact."""
    assert received.dtype == np.float32
    spacing = np.spacing(np.abs(exact.astype(np.float32))).astype(np.longdouble)
    return float((np.abs(received.astype(np.longdouble) - exact) / spacing).max())
