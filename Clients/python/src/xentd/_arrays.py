"""Whatever holds numbers -> an array whose bytes are those of the wire, without a copy where it can be."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _wire
from ._dlpack import from_dlpack

AnyArray = np.ndarray[Any, Any]

LOGIT_TYPES: dict[npt.DTypeLike, int] = {
    np.dtype("<f4"): _wire.F32,
    np.dtype("<f2"): _wire.F16,
    np.dtype("<f8"): _wire.F64,
}
INDEX_TYPES: dict[npt.DTypeLike, int] = {
    np.dtype("u1"): _wire.U8,
    np.dtype("<u2"): _wire.U16,
    np.dtype("<u4"): _wire.U32,
    np.dtype("<i4"): _wire.I32,
    np.dtype("<i8"): _wire.I64,
}


def to_array(values: Any, name: str) -> tuple[AnyArray, bool]:
    """`values` as an array, and whether it holds bfloat16 (then its elements are read as 16-bit integers).

    Takes arrays, what has `__dlpack__` or `__array__` (tensors of PyTorch, JAX, TensorFlow), and nested lists.
    """
    if type(values) is np.ndarray:
        array = values
    elif isinstance(values, np.ndarray):
        array = np.asarray(values)
    elif hasattr(values, "__dlpack__") and hasattr(values, "__dlpack_device__"):
        if getattr(values, "requires_grad", False):
            values = values.detach()  # PyTorch exports no tensor that takes part in a gradient
        return from_dlpack(values, name)
    else:
        array = np.asarray(values)
    # Of ml_dtypes; as numpy.load gives it back, it has lost its name.
    if array.dtype.kind == "V" and array.dtype.name in {"bfloat16", "void16"} and array.dtype.names is None:
        return array.view(np.uint16), True
    return array, False


def logits_array(values: Any) -> tuple[AnyArray, int]:
    """The logits in C order and a type of the wire, and that type's number. Other floats are refused, not converted."""
    array, is_bfloat16 = to_array(values, "logits")
    code = _wire.BF16 if is_bfloat16 else LOGIT_TYPES.get(array.dtype)
    if code is None:
        little = array.dtype.newbyteorder("<")
        if little not in LOGIT_TYPES:
            raise TypeError(
                f"logits: expected float32, float16, bfloat16 or float64, received {array.dtype}; "
                "convert them, for instance with logits.astype('float32')"
            )
        array, code = array.astype(little), LOGIT_TYPES[little]
    return np.ascontiguousarray(array), code


def index_array(array: AnyArray) -> tuple[AnyArray, int]:
    """Class indices in C order and a type of the wire, and that type's number."""
    code = INDEX_TYPES.get(array.dtype)
    if code is None:
        # Whatever the type, an index that is no class stays none: those past 2^63 become negative.
        array, code = array.astype("<i8"), _wire.I64
    return np.ascontiguousarray(array), code


def one_hot_array(array: AnyArray, is_bfloat16: bool) -> tuple[AnyArray, int]:
    """One-hot labels in C order and a type of the wire, and that type's number."""
    if is_bfloat16:
        return np.ascontiguousarray(array), _wire.BF16
    if array.dtype == np.bool_:
        return np.ascontiguousarray(array).view(np.uint8), _wire.U8
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array), _wire.U8
    if array.dtype.kind in "iu":
        # 256 is not to become 0: what is no 0 and no 1 becomes 2, which the daemon names as bad.
        return np.where((array == 0) | (array == 1), array, 2).astype(np.uint8), _wire.U8
    return float_array(array, "labels")


def float_array(array: AnyArray, name: str) -> tuple[AnyArray, int]:
    """Floats in C order and a type of the wire, and that type's number."""
    little = array.dtype.newbyteorder("<")
    if little not in LOGIT_TYPES:
        raise TypeError(f"{name}: expected float16, bfloat16, float32 or float64, received {array.dtype}")
    return np.ascontiguousarray(array, dtype=little), LOGIT_TYPES[little]


def weight_array(values: Any, name: str, count: int, of: str) -> AnyArray:
    """`count` weights as f32, in any shape that has as many."""
    array, is_bfloat16 = to_array(values, name)
    if is_bfloat16:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected numbers, received {array.dtype}")
    if array.size != count:
        raise ValueError(f"{name}: expected {count} of them, one for each {of}, received the shape {array.shape}")
    return np.ascontiguousarray(array, dtype="<f4").reshape(count)


if sys.byteorder != "little":  # pragma: no cover
    raise ImportError("xentd: the wire is little-endian, and so must be the machine")
