"""Element types, and how two of them meet.

Promotion is the Python array API standard's within a kind; a float beside an integer or bool keeps the float.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import DTypeError


@dataclass(frozen=True, eq=False, slots=True)
class DType:
    """One element type. There is a single object for each, so `is` compares them."""

    name: str
    kind: str
    """One of "bool", "int", "uint", "float"."""
    bits: int
    short: str
    """The spelling in printed graphs: f32, i64, u8, bool."""

    @property
    def numpy(self) -> np.dtype[Any]:
        return _NUMPY[self.name]

    @property
    def bytes(self) -> int:
        return max(1, self.bits // 8)

    @property
    def is_float(self) -> bool:
        return self.kind == "float"

    @property
    def is_integer(self) -> bool:
        return self.kind in ("int", "uint")

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self is other
        if isinstance(other, str):
            return self.name == other
        if isinstance(other, (np.dtype, type)):
            try:
                return bool(np.dtype(other) == self.numpy)
            except TypeError:
                return False
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return (as_dtype, (self.name,))


bool_ = DType("bool", "bool", 1, "bool")
int8, int16, int32, int64 = (DType(f"int{b}", "int", b, f"i{b}") for b in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (DType(f"uint{b}", "uint", b, f"u{b}") for b in (8, 16, 32, 64))
float32, float64 = (DType(f"float{b}", "float", b, f"f{b}") for b in (32, 64))

ALL = (bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64)
FLOATS = (float32, float64)
INTEGERS = (int8, int16, int32, int64, uint8, uint16, uint32, uint64)
_BY_NAME = {d.name: d for d in ALL}
_NUMPY = {d.name: np.dtype(d.name) for d in ALL}


def as_dtype(given: object) -> DType:
    """The `DType` a user means by a name, a NumPy dtype or a `DType`.

    Raises:
        DTypeError: for anything graphc has no element type for (complex, strings, objects, float16).
    """
    if isinstance(given, DType):
        return given
    try:
        name = np.dtype(given).name  # type: ignore[call-overload]
    except TypeError:
        name = repr(given)
    if given is None or name not in _BY_NAME:
        raise DTypeError(f"{given!r} is not a dtype of graphc; known ones: {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def promote(a: DType, b: DType) -> DType:
    """The dtype of a result made of an `a` and a `b`, both strong.

    Raises:
        DTypeError: int64 with uint64 has no common integer type.
    """
    if a is b:
        return a
    if a.kind == b.kind:
        return a if a.bits >= b.bits else b
    if b.is_float or a.kind == "bool":
        return b
    if a.is_float or b.kind == "bool":
        return a
    signed, unsigned = (a, b) if a.kind == "int" else (b, a)
    if signed.bits > unsigned.bits:
        return signed
    if unsigned.bits == 64:
        raise DTypeError(f"{a} with {b} has no common integer type; convert one of them with gc.astype(x, ...)")
    return _BY_NAME[f"int{2 * unsigned.bits}"]
