"""bfloat16 by DLPack, which NumPy has no type for: the same bytes, read as 16-bit integers."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

_CPU_DEVICES = (1, 3)  # the CPU, and its memory that CUDA pinned
_UNSIGNED, _BFLOAT = 1, 4


class _Tensor(ctypes.Structure):
    """`DLTensor` of dlpack.h, as far as it is needed."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("type_code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
    ]


# `DLManagedTensorVersioned` begins with a version, two pointers and flags; `DLManagedTensor` with the tensor itself.
_OFFSETS = {b"dltensor": 0, b"dltensor_versioned": 32}

_capsule_name = ctypes.pythonapi.PyCapsule_GetName
_capsule_name.restype, _capsule_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype, _capsule_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


class _Bits:
    """Hands a tensor on, a bfloat16 one as unsigned integers of 16 bits."""

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.is_bfloat16 = False

    def __dlpack_device__(self) -> tuple[int, int]:
        device: tuple[int, int] = self.owner.__dlpack_device__()
        return device

    def __dlpack__(self, **options: Any) -> object:
        try:
            capsule = self.owner.__dlpack__(**options)
        except TypeError:  # a producer from before DLPack 1.0 takes no options
            capsule = self.owner.__dlpack__()
        name = _capsule_name(capsule)
        if name in _OFFSETS:
            # The tensor's description is the consumer's from here on, so its type may be changed.
            tensor = _Tensor.from_address(_capsule_pointer(capsule, name) + _OFFSETS[name])
            if (tensor.type_code, tensor.bits, tensor.lanes) == (_BFLOAT, 16, 1):
                tensor.type_code = _UNSIGNED
                self.is_bfloat16 = True
        return capsule


def from_dlpack(exporter: Any, name: str) -> tuple[np.ndarray[Any, Any], bool]:
    """The exporter's memory as an array, and whether its elements are bfloat16, as which NumPy does not know them.

    Raises:
        TypeError: where the memory is not the CPU's, or no array in it: sparse, without elements in memory, of an unknown type.
    """
    bits: Any = _Bits(exporter)
    try:
        device = bits.__dlpack_device__()
        if device[0] in _CPU_DEVICES:
            return np.from_dlpack(bits), bits.is_bfloat16
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise TypeError(
            f"{name}: a {type(exporter).__name__} that cannot be read where it lies ({error}); pass a dense array on the CPU, "
            "of a type that NumPy has or bfloat16"
        ) from error
    raise TypeError(f"{name}: expected an array on the CPU, received one on DLPack device {device}; pass {name}.cpu()")
