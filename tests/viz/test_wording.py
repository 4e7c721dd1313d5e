"""How ops, numbers and shapes are said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import make
from graphc.ir.op import REGISTRY
from graphc.viz.graphs import Scene
from graphc.viz.wording import WORDS, number, shape, type_of, words


def said(expr: gc.Expr) -> str:
    return words(expr, Scene.of((expr,)).operands(expr))


def test_a_row_for_every_op() -> None:
    assert set(WORDS) == set(REGISTRY)


def test_every_op_has_words_for_its_samples() -> None:
    for op in REGISTRY.values():
        for sample in op.samples() if op.samples else ():
            dtypes = [d or op.dtypes[0].replace("float", "float32") for d in sample.dtypes or ("",) * op.arity]
            args = [
                gc.input("x", s, dtype={"int": "int32", "uint": "uint8"}.get(d, d))
                for s, d in zip(sample.shapes, dtypes, strict=True)
            ]
            assert said(make(op, tuple(args), sample.attrs)), op


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 3, "0.3333"),
        (-2.0, "−2"),
        (np.float32(1e-5), "1e−5"),
        (1e20, "1e20"),
        (np.int64(-7), "−7"),
        (123456, "123456"),
        (True, "true"),
        (np.bool_(False), "false"),
        (float("-inf"), "−∞"),
        (float("nan"), "nan"),
    ],
)
def test_numbers(value: Any, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((), "scalar"),
        ((512,), "(512,)"),
        ((128, 512), "128×512"),
        ((2, 3, 4), "2×3×4"),
        (("batch", 784), "(batch, 784)"),
    ],
)
def test_shapes(given: tuple[Any, ...], text: str) -> None:
    assert shape(gc.input("x", given).shape) == text


def test_types_name_the_dtype_unless_it_is_float32() -> None:
    assert type_of(gc.input("x", (2, 3))) == "2×3"
    assert type_of(gc.input("x", (2, 3), dtype="int8")) == "int8 2×3"


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda x: x + x, "+"),
        (lambda x: x + 1, "+ 1"),
        (lambda x: 1 + x, "+ 1"),
        (lambda x: x - 1, "− 1"),
        (lambda x: 1 - x, "1 − ·"),
        (lambda x: x * 0.5, "× 0.5"),
        (lambda x: x / 3, "÷ 3"),
        (lambda x: 1 / x, "1 ÷ ·"),
        (lambda x: -x, "negate"),
        (lambda x: gc.pow(x, 3), "pow(·, 3)"),
        (lambda x: gc.maximum(x, 0), "max(·, 0)"),
        (lambda x: x > 0, "> 0"),
        (lambda x: gc.where(x > 0, x, 0), "where(·, ·, 0)"),
        (lambda x: gc.where(x > 0, x, -x), "where"),
        (lambda x: gc.astype(x, "int32"), "as int32"),
        (lambda x: gc.sum(x), "sum"),
        (lambda x: gc.sum(x, axis=1), "sum over axis 1"),
        (lambda x: gc.argmax(x, axis=0), "argmax along axis 0"),
        (lambda x: gc.matrix_transpose(x), "transpose"),
        (lambda x: x @ gc.matrix_transpose(x), "matmul"),
        (lambda x: x[1:3], "·[1:3, :]"),
        (lambda x: x[::2], "·[0:3:2, :]"),
        (lambda x: x[::-1], "·[3::-1, :]"),
        (lambda x: gc.constant(np.array([1.5, -2], "f")), "[1.5, −2]"),
        (lambda x: gc.constant(np.arange(100.0)), "constant"),
        (lambda x: gc.constant(2.5), "2.5"),
    ],
)
def test_operations(build: Callable[[gc.Expr], gc.Expr], text: str) -> None:
    assert said(build(gc.input("x", (4, 5)))) == text


def test_a_mean_over_a_named_size_divides_by_its_name() -> None:
    assert said(gc.mean(gc.input("x", ("batch",)))) == "÷ batch"
