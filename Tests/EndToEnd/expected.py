"""What a request with any options must give, in 80-bit arithmetic: shares nothing with the daemon's code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wire import IGNORE, ZERO_ROW_IGNORED, Request

Long = np.longdouble


@dataclass
class Expected:
    losses: np.ndarray
    lse: np.ndarray
    sum: Long
    weight: Long
    z_sum: Long
    counted: int
    correct: int
    top_k_correct: int


def distribution(request: Request) -> tuple[np.ndarray, np.ndarray]:
    """Each row's label as probabilities before smoothing, and as one class."""
    rows, classes = request.logits.shape
    if request.kind != "integer":
        matrix = request.labels.astype(Long)
        return matrix, matrix.argmax(axis=1)
    matrix = np.zeros((rows, classes), Long)
    indices = np.where(ignored(request), 0, request.labels).astype(int)
    matrix[np.arange(rows), indices] = 1
    return matrix, indices


def ignored(request: Request) -> np.ndarray:
    if request.kind == "onehot" and request.flags & ZERO_ROW_IGNORED:
        return ~request.labels.any(axis=1)
    is_ignored = (request.labels == request.ignore_index) if request.flags & IGNORE else False
    return np.broadcast_to(is_ignored, len(request.logits)) if np.isscalar(is_ignored) else is_ignored


def transformed(request: Request) -> np.ndarray:
    """The logits after temperature and softcap, as the numerics lay down: one division, then k tanh(z / k)."""
    wide = np.float64 if request.logits_type == "f64" else np.float32
    z = request.logits.astype(wide)
    if request.temperature:
        z = z / wide(np.float32(request.temperature))
    if request.softcap:
        cap = Long(np.float32(request.softcap))
        capped = (cap * np.tanh(z.astype(Long) / cap)).astype(wide)
        z = np.where(np.isinf(z), z, capped)
    return z.astype(Long)


def expected(request: Request) -> Expected:
    z = transformed(request)
    rows, classes = z.shape
    indices = np.arange(rows)
    top = z.argmax(axis=1)
    maxima = z[indices, top]
    terms = np.exp(z - maxima[:, None])
    terms[indices, top] = 0
    log_sums = np.log1p(terms.sum(axis=1))
    smoothing = Long(np.float32(request.smoothing))
    labels, label_classes = distribution(request)
    shares = labels * (1 - smoothing) + smoothing / classes
    weights = np.ones(classes, Long) if request.class_weights is None else request.class_weights.astype(Long)
    shares = shares * weights
    gaps = (maxima[:, None] - z) + log_sums[:, None]
    losses = np.where(shares == 0, 0, shares * np.where(shares == 0, 0, gaps)).sum(axis=1)
    lse = maxima + log_sums
    z_terms = Long(np.float32(request.z_loss)) * lse**2
    losses = losses + z_terms
    counts = ~ignored(request)
    losses = np.where(counts, losses, 0)
    row_weights = np.ones(rows, Long) if request.sample_weights is None else request.sample_weights.astype(Long)
    own = weights[label_classes] if request.kind != "probabilities" else np.ones(rows, Long)
    raw = request.logits.astype(Long)
    label_logits = raw[indices, label_classes]
    greater = (raw > label_logits[:, None]).sum(axis=1)
    in_top = (greater < request.top_k) & (label_logits > -np.inf)
    return Expected(
        losses=losses, lse=lse, sum=(row_weights * losses)[counts].sum(), weight=(row_weights * own)[counts].sum(),
        z_sum=(row_weights * z_terms)[counts].sum(), counted=int(counts.sum()),
        correct=int((raw.argmax(axis=1) == label_classes)[counts].sum()), top_k_correct=int(in_top[counts].sum()))
