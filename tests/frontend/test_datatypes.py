from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ir.dtype import ALL

x = gc.input("x", (3,))


def test_result_types() -> None:
    assert gc.result_type("int8", "uint8") == "int16"
    assert gc.result_type(x, np.zeros(2, "int64")) == "float32"
    assert gc.result_type(x, 2.5, True) == "float32"
    assert gc.result_type("uint8", 3) == "uint8"
    assert gc.result_type(3, 2.5) == "float32"
    assert gc.result_type(np.float64) == "float64"
    with pytest.raises(gc.DTypeError, match="no common"):
        gc.result_type("int64", "uint64")
    with pytest.raises(gc.DTypeError, match="of nothing"):
        gc.result_type()


def test_what_can_be_cast() -> None:
    for source in ALL:
        for target in ALL:
            # NumPy's rule, but that a float takes any integer, as in a sum of both.
            expected = np.can_cast(source.numpy, target.numpy) or (source.is_integer and target.is_float)
            expected = expected and not (source.name == "float64" and target.name == "float32")
            assert gc.can_cast(source, target) == expected, (source, target)
    assert gc.can_cast(x, "float64")


def test_kinds() -> None:
    assert gc.isdtype("float32", "real floating")
    assert gc.isdtype(np.uint8, ("bool", "integral"))
    assert gc.isdtype("int8", "signed integer") and not gc.isdtype("int8", "unsigned integer")
    assert not gc.isdtype("bool", "numeric") and not gc.isdtype("float64", "complex floating")
    assert gc.isdtype("int8", np.int8) and not gc.isdtype("int8", "int16")
    with pytest.raises(gc.DTypeError, match="not a dtype"):
        gc.isdtype("int8", "whole")


def test_limits() -> None:
    for dtype in ("float32", "float64"):
        info, reference = gc.finfo(dtype), np.finfo(dtype)
        assert (info.bits, info.eps, info.max) == (reference.bits, reference.eps, reference.max)
        assert (info.min, info.smallest_normal, info.dtype) == (reference.min, reference.smallest_normal, dtype)
    info, reference = gc.iinfo("uint16"), np.iinfo("uint16")
    assert (info.bits, info.max, info.min, info.dtype) == (reference.bits, reference.max, reference.min, "uint16")
    assert gc.finfo(x).bits == 32
    with pytest.raises(gc.DTypeError, match="use finfo"):
        gc.iinfo(x)
    with pytest.raises(gc.DTypeError, match="use iinfo"):
        gc.finfo("int8")
