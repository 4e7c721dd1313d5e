"""Numbers as arguments for inputs without axes: taken by native code, with the same meaning as by the slow path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.compiler.function import Function

NUMBERS = [
    0, 1, -1, True, 2.5, 0.1, -0.0, 1e30, 1e300, float("nan"), float("inf"),
    127, 128, 255, 256, -128, -129, 2**31 - 1, 2**31, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**70,
    np.float64(3.3), np.float64(1e300), np.float32(1.1), np.float32("inf"), np.float32("nan"), np.int64(3), np.bool_(1),
    "a", None,
]  # fmt: skip
DTYPES = ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]


def answer(f: Any, *args: object) -> tuple[object, ...] | type[Exception]:
    try:
        result = f(*args)
    except gc.GraphcError as error:
        return type(error)
    return result.dtype, result.shape, result.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_number_means_the_same_on_both_ways(dtype: str) -> None:
    x = gc.input("x", (), dtype)
    f = gc.compile([x], gc.where(gc.constant(np.array([True, True])), x, x))
    for number in NUMBERS:
        f(np.zeros((), dtype))
        with np.errstate(over="ignore"):
            assert answer(f, number) == answer(f._slow, number), (dtype, number)


@pytest.mark.parametrize(
    ("dtype", "number", "quick"),
    [
        ("float64", 0.5, True),
        ("float64", float("nan"), True),
        ("float64", np.float64(0.5), True),
        ("float64", np.float32(0.5), True),
        ("float64", 3, True),
        ("float64", 2**53, False),
        ("float32", 0.5, True),
        ("float32", np.float32("nan"), True),
        ("float32", 1e300, False),
        ("float32", float("nan"), False),
        ("int8", 127, True),
        ("int8", 128, False),
        ("uint8", -1, False),
        ("uint64", 2**63, False),
        ("int64", True, False),
        ("int64", 1.0, False),
        ("bool", True, False),
    ],
)
def test_what_native_code_takes(dtype: str, number: object, quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    slow: list[tuple[object, ...]] = []

    def record(self: Function, *args: Any) -> Any:
        slow.append(args)
        return before(self, *args)

    before = Function._slow
    monkeypatch.setattr(Function, "_slow", record)
    x, row = gc.input("x", (), dtype), gc.input("row", (3,), "float64")
    f = gc.compile([row, x], [row, x])
    arrays = np.zeros(3), np.zeros((), dtype)
    f(*arrays)
    slow.clear()
    f(*arrays)
    answer(lambda: f(np.zeros(3), number)[1])
    assert len(slow) == (0 if quick else 1)


def test_each_number_has_a_place_of_its_own() -> None:
    inputs = [gc.input(f"x{i}", (), "float64") for i in range(40)]
    f = gc.compile(inputs, gc.stack(inputs))
    f(*map(float, range(40)))
    np.testing.assert_array_equal(f(*map(float, range(40))), np.arange(40.0))
    mixed = [np.array(i / 2) if i % 3 else i / 2 for i in range(40)]
    np.testing.assert_array_equal(f(*mixed), np.arange(40) / 2)
