"""Threads: the same bits for any number of them, whoever calls, and after a fork."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.codegen.team import MOST_THREADS, thread_count

RNG = np.random.default_rng(0)
X = RNG.normal(size=(700, 333)).astype(np.float32)
W = RNG.normal(size=(333, 257)).astype(np.float32)


def expressions() -> dict[str, Callable[[gc.Expr, gc.Expr], Any]]:
    return {
        "map": lambda x, w: gc.exp(gc.sin(x)) * 2,
        "rows": lambda x, w: gc.softmax(x),
        "columns": lambda x, w: gc.sum(gc.exp(x), axis=0),
        "everything": lambda x, w: gc.sum(gc.exp(x)),
        "product": lambda x, w: gc.tanh(x @ w),
        "transposed": lambda x, w: x.T @ (x @ w),
        "batched": lambda x, w: gc.reshape(x, (7, 100, 333)) @ w,
        "gradient": lambda x, w: gc.grad(gc.sum(gc.softmax(x @ w) ** 2), [x, w]),
        "scatter": lambda x, w: gc.grad(gc.sum(x[:, ::3]), x),
    }


def compiled(make: Callable[[gc.Expr, gc.Expr], Any], threads: int) -> tuple[Any, Any]:
    """The function in float32, and what it should give, found in float64."""
    x, w = gc.input("x", X.shape), gc.input("w", W.shape)
    wide_x, wide_w = gc.input("x", X.shape, "float64"), gc.input("w", W.shape, "float64")
    exact = gc.interpret(make(wide_x, wide_w), {wide_x: X.astype(np.float64), wide_w: W.astype(np.float64)})
    return gc.compile([x, w], make(x, w), threads=threads), exact


def leaves(result: Any) -> list[np.ndarray[Any, Any]]:
    return list(result) if isinstance(result, (list, tuple)) else [result]


@pytest.mark.parametrize("name", expressions())
def test_results_are_the_same_bits_for_any_number_of_threads(name: str) -> None:
    single, expected = compiled(expressions()[name], 1)
    reference = leaves(single(X, W))
    for got, wanted in zip(reference, leaves(expected), strict=True):
        # A sum of 333 float32 products is rounded as often, at values of up to 60: √333 · 60 · 2⁻²⁴ = 6.5e-5 is what a
        # softmax or tanh behind it may be off by, relatively. The order of the sum, and so the error, is the CPU's.
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=6.5e-5 * np.abs(wanted).max())
    for threads in (2, 3, 7):
        several, _ = compiled(expressions()[name], threads)
        for _ in range(3):
            for got, wanted in zip(leaves(several(X, W)), reference, strict=True):
                np.testing.assert_array_equal(got, wanted)


def test_long_loops_are_shared_and_short_ones_are_not() -> None:
    x = gc.input("x", (512, 512))
    assert " parts:" in gc.compile([x], gc.exp(x), threads=2).dump("loops")
    assert " parts:" not in gc.compile([x], gc.exp(x), threads=1).dump("loops")
    small = gc.input("small", (16, 16))
    assert " parts:" not in gc.compile([small], gc.exp(small), threads=2).dump("loops")


def test_callers_in_many_python_threads_get_their_own_results() -> None:
    function, _ = compiled(expressions()["gradient"], 3)
    inputs = [(X * k, W) for k in range(1, 9)]
    expected = [leaves(function(*given)) for given in inputs]
    failures: list[int] = []

    def call(k: int) -> None:
        for _ in range(10):
            for got, wanted in zip(leaves(function(*inputs[k])), expected[k], strict=True):
                if not np.array_equal(got, wanted):
                    failures.append(k)

    callers = [threading.Thread(target=call, args=(k,)) for k in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures


CHILD = """
import os, sys
import numpy as np
import graphc as gc

x = gc.input("x", (600, 600))
f = gc.compile([x], gc.exp(x), threads=3)
value = np.linspace(0, 1, 360000, dtype="float32").reshape(600, 600)
before = f(value)
child = os.fork()
after = f(value)
assert np.array_equal(before, after)
if child == 0:
    again = gc.compile([x], gc.exp(x) + 1, threads=2)(value)
    os._exit(0 if np.array_equal(again, before + 1) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_makes_a_team_of_its_own() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", CHILD], check=True, timeout=60)


CROWDED = """
import os
import numpy as np
import graphc as gc

before = set(os.listdir("/proc/self/task"))
x = gc.input("x", (1000, 1000))
f = gc.compile([x], gc.exp(gc.sin(x)), threads=2)
value = np.zeros((1000, 1000), "float32")
f(value)
(helper,) = (int(t) for t in set(os.listdir("/proc/self/task")) - before)
cores = os.sched_getaffinity(0)
core = min(cores)
os.sched_setaffinity(0, {core})
os.sched_setaffinity(helper, {core})
for _ in range(1000):
    f(value)
    if os.sched_getaffinity(helper) == cores - {core}:
        break
else:
    raise SystemExit("the helper stays on the caller's core")
"""


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs to choose among cores"
)
def test_a_helper_leaves_the_core_of_its_caller() -> None:
    subprocess.run([sys.executable, "-c", CROWDED], check=True, timeout=60)


def test_the_number_of_threads_is_the_callers_then_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHC_NUM_THREADS", "3")
    assert (thread_count(None), thread_count(5), thread_count(10_000)) == (3, 5, MOST_THREADS)
    monkeypatch.setenv("GRAPHC_NUM_THREADS", "many")
    with pytest.warns(RuntimeWarning, match="positive integer, not 'many'"):
        assert thread_count(None) >= 1
