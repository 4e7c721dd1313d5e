"""Accesses of functions that are told how many rows there are stay inside, with as many as there may be."""

from __future__ import annotations

import pytest

import graphc as gc
from graphc.ir.affine import Var, variable
from graphc.ir.dtype import float32
from graphc.ir.open_size import divided, rows, run_time
from graphc.loop.ir import Buffer, Const, For, LoopFn, Store, full_range
from graphc.loop.verify import verify_function

MOST = 10
OUT = Buffer("out", float32, MOST)


def _filled(shift: int, *, by: int = 4) -> LoopFn:
    """Ones in pieces of so many elements, then in the rest, all moved."""
    whole, rest = divided(rows(MOST), by)
    piece, inside, left = Var("p", whole), Var("i", by), Var("l", rest)
    one = Const(1.0, float32)
    inner = For(inside, *full_range(inside), (Store(OUT, variable(piece) * by + variable(inside) + shift, one),))
    last = Store(OUT, run_time(whole) * by + variable(left) + shift, one)
    loops = (For(piece, *full_range(piece), (inner,)), For(left, *full_range(left), (last,)))
    return LoopFn("filled", (OUT,), (), loops, most_rows=MOST)


@pytest.mark.parametrize("by", [1, 3, 4, 5, 10, 12])
def test_pieces_of_rows_stay_inside(by: int) -> None:
    verify_function(_filled(0, by=by))


@pytest.mark.parametrize("by", [1, 3, 4, 5, 10, 12])
@pytest.mark.parametrize("shift", [-1, 1])
def test_one_element_too_far_is_found(by: int, shift: int) -> None:
    with pytest.raises(gc.CompileError, match="reaches"):
        verify_function(_filled(shift, by=by))


def test_the_number_of_rows_is_told_to_those_that_ask() -> None:
    with pytest.raises(gc.CompileError, match="unknown rows"):
        verify_function(_filled(0)._replace(most_rows=0))
