"""Runs in the loop IR: how they print, become lanes, and what the verifier refuses."""

from __future__ import annotations

import re

import pytest

import graphc as gc
from graphc.ir.affine import Var, variable
from graphc.ir.dtype import float32, float64
from graphc.loop.ir import Allocate, Buffer, Const, For, Let, Load, LoopFn, Ref, Scan, Store, full_range, walk
from graphc.loop.text import show_function
from graphc.loop.vectorize import vectorize
from graphc.loop.verify import verify_function

VAR = Var("i0", 20)
X, OUT = Buffer("x", float32, 20), Buffer("out", float32, 20)
RUN = Buffer("run", float32, 1, "register")
SCAN = Scan(Ref("v1", float32), "sum", RUN, (Ref("v0", float32),))


def function(scan: Scan = SCAN) -> LoopFn:
    body = (
        Let(Ref("v0", float32), Load(X, variable(VAR))),
        scan,
        Store(OUT, variable(VAR), scan.ref),
    )
    loop = For(VAR, *full_range(VAR), body)
    return LoopFn("running", (X, OUT), (), (Allocate(RUN, Const(0.0, float32)), loop))


def test_a_run_prints_and_verifies() -> None:
    verify_function(function())
    assert "v1: f32 = running run sum= v0" in show_function(function())
    assert "running before run sum= v0" in show_function(function(SCAN._replace(exclusive=True)))


def test_lanes_share_the_register_of_a_run_that_began_outside() -> None:
    fn = function()
    wide = fn._replace(body=(fn.body[0], *vectorize(fn.body[1], 8)))  # type: ignore[arg-type]
    verify_function(wide)
    (first, last) = (s for s in walk(wide.body) if isinstance(s, Scan))
    assert (first.ref.lanes, first.register.lanes) == (8, 1)
    assert last == first


def test_lanes_with_a_run_each_have_a_register_each() -> None:
    x = gc.input("x", (50, 16))
    loops = gc.compile([x], gc.cumulative_sum(x, axis=0)).dump("loops")
    assert re.search(r"register run1: f32x(4|8|16)\[1\] = 0\.0", loops)


@pytest.mark.parametrize(
    ("scan", "message"),
    [
        (SCAN._replace(register=Buffer("other", float32, 1, "register")), "no register other"),
        (SCAN._replace(ref=Ref("v1", float64)), "the lanes or the dtype"),
        (SCAN._replace(ref=Ref("v1", float32, 4)), "the lanes or the dtype"),
        (SCAN._replace(values=(Ref("v9", float32),)), "v9 is used"),
    ],
)
def test_the_verifier_refuses(scan: Scan, message: str) -> None:
    with pytest.raises(gc.CompileError, match=message):
        verify_function(function(scan))
