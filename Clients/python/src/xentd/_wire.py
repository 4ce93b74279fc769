"""The wire protocol: bytes and values, no socket. `Documentation/protocol.md` of xentd says what each means."""

from __future__ import annotations

import struct
from enum import IntEnum

REQUEST = struct.Struct("<4sBBHQ16sIIBBBBIqfffffIQQ")
RESULT = struct.Struct("<4sBBHQ16sIIHHIddddddIIIIIIIIQQQQ")
# What every attempt to deliver a batch writes anew into its header.
SEQUENCE = struct.Struct("<Q")
SEQUENCE_OFFSET = 8
SENT_AT_OFFSET = 80

MAGIC = b"XENT"
VERSION = 1
BATCH, BATCH_RESULT, INFO, INFO_RESULT = 1, 2, 3, 4

F32, F16, BF16, F64 = 1, 2, 3, 4
U8, I32, I64, U16, U32 = 16, 17, 18, 19, 20
INTEGER, ONE_HOT, PROBABILITIES = 1, 2, 3

LOSSES, LSE, PREDICTIONS, VERDICTS, FLOAT64, MESSAGE = 1, 2, 4, 8, 16, 32
IGNORE, SAMPLE_WEIGHTS, CLASS_WEIGHTS, ZERO_ROW_IGNORED = 1 << 8, 1 << 9, 1 << 10, 1 << 11

ROW_FLAGS = LOSSES | LSE | PREDICTIONS | VERDICTS | FLOAT64

DRAINING_NOTE = 0x8000
NO_ROW = 0xFFFFFFFF


class Status(IntEnum):
    """What the daemon says of a batch."""

    OK = 0
    MALFORMED = 1
    UNSUPPORTED_VERSION = 2
    UNSUPPORTED = 3
    BAD_SHAPE = 4
    TOO_LARGE = 5
    BAD_OPTION = 6
    BUSY = 16
    DRAINING = 17
    EXPIRED = 18
    INTERNAL = 19


class Verdict(IntEnum):
    """What the daemon says of a row."""

    OK = 0
    IGNORED = 1
    LABEL_OUT_OF_RANGE = 2
    NOT_ONE_HOT = 3
    BAD_PROBABILITIES = 4
    BAD_WEIGHT = 5
    NAN_LOGIT = 16
    INFINITE_LOGIT = 17
    ALL_MASKED = 18
    LABEL_MASKED = 19
    OVERFLOW = 20


# Verdicts between these make a row invalid: its label or weight is bad.
FIRST_INVALID, LAST_INVALID = Verdict.LABEL_OUT_OF_RANGE, Verdict.BAD_WEIGHT


class ResultFields:
    """The places of a result header's fields in what `RESULT` unpacks."""

    MAGIC, VERSION, TYPE, SEQUENCE, CLIENT, ROWS, CLASSES, STATUS, NOTES, FLAGS = 0, 1, 2, 4, 5, 6, 7, 8, 9, 10
    SUM, WEIGHT, MEAN, FINITE_SUM, FINITE_WEIGHT, Z_SUM = 11, 12, 13, 14, 15, 16
    COUNTED, IGNORED, INVALID, NOT_FINITE, CORRECT, TOP_K_CORRECT, FIRST_BAD_ROW = 17, 18, 19, 20, 21, 22, 23
    RETRY_AFTER, QUEUE_TIME, COMPUTE_TIME, INSTANCE = 24, 25, 26, 27


def info_request(sequence: int, client_id: bytes) -> bytes:
    """Asks a daemon what it is and what it takes."""
    return REQUEST.pack(MAGIC, VERSION, INFO, REQUEST.size, sequence, client_id, *[0] * 16)


def result_row_bytes(flags: int) -> int:
    """Bytes of each row in a result with these flags."""
    floats = 8 if flags & FLOAT64 else 4
    return floats * ((flags & LOSSES > 0) + (flags & LSE > 0)) + 4 * (flags & PREDICTIONS > 0) + (flags & VERDICTS > 0)
