"""Where values are bound while a kernel's loops are written."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc


@pytest.mark.parametrize("optimize", [0, 1, 2, 3])
def test_a_loop_that_never_runs_reads_nothing_outside_of_it(optimize: int) -> None:
    x = gc.input("x", (2, 1, 1), "int32")
    nothing = gc.reshape(gc.reshape(x[1], (1, 1))[0:0:-2], (1, 0, 1))[::-1, ::-1, ::-1]
    one_hot = gc.one_hot(gc.astype(nothing, "int64"), 17, dtype="float64")
    f = gc.compile([x], [one_hot, gc.sum(gc.tanh(one_hot))], optimize=optimize, check=True)
    empty, total = f(np.ones((2, 1, 1), "int32"))
    assert empty.shape == (1, 0, 1, 17)
    assert total == 0
    before, _, _ = f.dump("loops").partition("0..0")
    assert "load b0" not in before
