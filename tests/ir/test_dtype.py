from __future__ import annotations

import pickle

import numpy as np
import pytest

from graphc.ir.dtype import ALL, FLOATS, DType, as_dtype, promote
from graphc.ir.errors import DTypeError


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_spellings_of_one_dtype_give_one_object(dtype: DType) -> None:
    for spelling in (dtype, dtype.name, dtype.numpy, dtype.numpy.type, dtype.numpy.newbyteorder()):
        assert as_dtype(spelling) is dtype
    assert pickle.loads(pickle.dumps(dtype)) is dtype
    assert dtype.bytes == dtype.numpy.itemsize


def test_comparison_with_what_users_write() -> None:
    assert as_dtype("float32") == "float32"
    assert as_dtype("float32") == np.float32
    assert as_dtype("float32") != "float64"
    assert as_dtype("float32") != 3


@pytest.mark.parametrize("given", ["float16", "complex64", "spam", object, None, 3, np.dtype("M8[s]")])
def test_what_is_no_dtype_is_refused(given: object) -> None:
    with pytest.raises(DTypeError, match="not a dtype of graphc"):
        as_dtype(given)


@pytest.mark.parametrize("a", ALL, ids=str)
@pytest.mark.parametrize("b", ALL, ids=str)
def test_promotion_is_symmetric_and_numpys_within_a_kind(a: DType, b: DType) -> None:
    if {a.kind, b.kind} == {"int", "uint"} and "uint64" in (a.name, b.name):
        with pytest.raises(DTypeError, match="no common integer"):
            promote(a, b)
        return
    assert promote(a, b) is promote(b, a)
    if a.is_float == b.is_float:
        assert promote(a, b).numpy == np.promote_types(a.numpy, b.numpy)
    else:
        assert promote(a, b) is (a if a.is_float else b)


def test_no_integer_makes_a_float_wider() -> None:
    for dtype in ALL:
        if not dtype.is_float:
            assert promote(dtype, FLOATS[0]) is FLOATS[0]
