"""The wire protocol, written from its description alone: shares nothing with the daemon's code."""

from __future__ import annotations

import itertools
import json
import struct
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np

REQUEST = struct.Struct("<4sBBHQ16sIIBBBBIqfffffIQQ")
RESULT = struct.Struct("<4sBBHQ16sIIHHIddddddIIIIIIIIQQQQ")
assert REQUEST.size == 96 and RESULT.size == 160

LOGITS = {"f32": 1, "f16": 2, "bf16": 3, "f64": 4}
KINDS = {"integer": 1, "onehot": 2, "probabilities": 3}
LABELS = {"f32": 1, "f16": 2, "bf16": 3, "f64": 4, "u8": 16, "i32": 17, "i64": 18, "u16": 19, "u32": 20}
DTYPES = {
    "f32": "<f4", "f16": "<f2", "f64": "<f8", "u8": "u1", "i32": "<i4", "i64": "<i8", "u16": "<u2", "u32": "<u4",
}
LOSSES, LSE, PREDICTIONS, VERDICTS, FLOAT64 = 1, 2, 4, 8, 16
IGNORE, SAMPLE_WEIGHTS, CLASS_WEIGHTS, ZERO_ROW_IGNORED = 256, 512, 1024, 2048
MESSAGE = 32
STATUS = {
    "OK": 0, "MALFORMED": 1, "UNSUPPORTED_VERSION": 2, "UNSUPPORTED": 3, "BAD_SHAPE": 4, "TOO_LARGE": 5,
    "BAD_OPTION": 6, "BUSY": 16, "DRAINING": 17, "EXPIRED": 18, "INTERNAL": 19,
}
NO_ROW = 0xFFFFFFFF

_sequences = itertools.count(1)
CLIENT = uuid.uuid4().bytes


def to_bytes(array: np.ndarray, kind: str) -> bytes:
    """The array's elements in the wire's type; bf16 is the upper half of an f32."""
    if kind == "bf16":
        return (np.ascontiguousarray(array, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return np.ascontiguousarray(array).astype(DTYPES[kind]).tobytes()


@dataclass
class Request:
    """A batch, with every field of its header."""

    logits: np.ndarray
    labels: np.ndarray
    logits_type: str = "f32"
    kind: str = "integer"
    label_type: str = "i64"
    flags: int = LOSSES
    sequence: int = 0
    client: bytes = CLIENT
    top_k: int = 0
    ignore_index: int = 0
    smoothing: float = 0
    z_loss: float = 0
    temperature: float = 0
    softcap: float = 0
    tolerance: float = 0
    deadline: int = 0
    sent_at: int = 0
    reserved: int = 0
    sample_weights: np.ndarray | None = None
    class_weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.sequence = self.sequence or next(_sequences)

    def header(self) -> bytes:
        rows, classes = self.logits.shape
        flags = self.flags
        flags |= SAMPLE_WEIGHTS if self.sample_weights is not None else 0
        flags |= CLASS_WEIGHTS if self.class_weights is not None else 0
        return REQUEST.pack(
            b"XENT", 1, 1, 96, self.sequence, self.client, rows, classes, LOGITS[self.logits_type], KINDS[self.kind],
            LABELS[self.label_type], self.top_k, flags, self.ignore_index, self.smoothing, self.z_loss,
            self.temperature, self.softcap, self.tolerance, self.deadline, self.sent_at, self.reserved)

    def split(self) -> list[bytes]:
        frames = [self.header(), to_bytes(self.logits, self.logits_type), to_bytes(self.labels, self.label_type)]
        frames += [to_bytes(w, "f32") for w in (self.sample_weights, self.class_weights) if w is not None]
        return frames

    def packed(self) -> list[bytes]:
        return [b"".join(self.split())]


def info_request(sequence: int) -> bytes:
    return REQUEST.pack(b"XENT", 1, 3, 96, sequence, CLIENT, *[0] * 16)


@dataclass
class Result:
    """A result, taken apart. Raises where it does not hold to the protocol."""

    def __init__(self, frame: bytes) -> None:
        (
            magic, version, self.type, size, self.sequence, self.client, self.rows, self.classes, self.status,
            self.notes, self.flags, self.sum, self.weight, self.mean, self.finite_sum, self.finite_weight, self.z_sum,
            self.counted, self.ignored, self.invalid, self.not_finite, self.correct, self.top_k_correct,
            self.first_bad_row, self.retry_after, self.queue_ns, self.compute_ns, self.instance, reserved,
        ) = RESULT.unpack_from(frame)
        assert (magic, version, size, reserved) == (b"XENT", 1, 160, 0)
        floats = "<f8" if self.flags & FLOAT64 else "<f4"
        offset = RESULT.size

        def section(flag: int, dtype: str) -> np.ndarray | None:
            nonlocal offset
            if not self.flags & flag:
                return None
            values = np.frombuffer(frame, dtype, self.rows, offset)
            offset += values.nbytes
            return values

        self.losses = section(LOSSES, floats)
        self.lse = section(LSE, floats)
        self.predictions = section(PREDICTIONS, "<i4")
        self.verdicts = section(VERDICTS, "u1")
        self.message = frame[offset:].decode() if self.flags & MESSAGE else None
        if self.message is None:
            assert offset == len(frame), f"{len(frame) - offset} bytes too many"

    def info(self) -> dict[str, Any]:
        assert self.type == 4 and self.message is not None
        return json.loads(self.message)
