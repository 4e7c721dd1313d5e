"""Programs for any number of rows: the leading named dimension is a bound that each call brings."""

from __future__ import annotations

import mmap
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc import optim

Array = np.ndarray[Any, Any]


def _numbers(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


W = gc.param("w", _numbers(24, 40) * 0.2)
V = gc.param("v", _numbers(40, 5) * 0.2)
TABLE = gc.param("table", _numbers(11, 6))
GAIN = gc.param("gain", 1 + 0.1 * _numbers(96))


def _mlp(x: gc.Expr) -> Any:
    loss = gc.mean(gc.square(gc.tanh(x @ W + 0.5) @ V))
    return loss, gc.grad(loss, [x, W, V])


def _attention(x: gc.Expr) -> Any:
    return gc.softmax(x @ x.mT * 0.3, axis=-1) @ x


def _normalized(x: gc.Expr) -> Any:
    y = (x - gc.mean(x, axis=-1, keepdims=True)) / gc.sqrt(gc.var(x, axis=-1, keepdims=True) + 1e-5) * GAIN
    return y, gc.grad(gc.sum(gc.tanh(y)), [x, GAIN])


def _heads(x: gc.Expr) -> Any:
    y = gc.permute_dims(gc.reshape(x, (x.shape[0], 6, 2, 4)), (0, 2, 1, 3))
    return gc.reshape(gc.permute_dims(y @ y.mT, (0, 2, 1, 3)), (x.shape[0], -1))


def _embedded(i: gc.Expr) -> Any:
    rows = gc.take(TABLE, gc.astype(gc.abs(i), "int64") % 11, axis=0)
    return rows, gc.grad(gc.sum(gc.sin(rows)), TABLE)


OPEN: dict[str, tuple[Callable[[gc.Expr], Any], tuple[int, ...]]] = {
    "elementwise": (lambda x: gc.tanh(x) * 2 + 1, (7,)),
    "numbers": (lambda x: (gc.sum(x), gc.max(x), gc.argmax(x)), ()),
    "training": (_mlp, (24,)),
    "one column": (lambda x: x @ W[:, 0], (24,)),
    "gram": (lambda x: x.mT @ x, (24,)),
    "stack": (_attention, (9, 8)),
    "stack by one": (lambda x: gc.relu(x @ W), (5, 24)),
    "deep": (lambda x: gc.reshape(x, (x.shape[0], -1)) @ gc.ones((960, 3)), (40, 24)),
    "backwards, deep and wide": (lambda x: gc.flip(x, axis=1) @ gc.ones((2200, 300)), (2200,)),
    "softmax": (lambda x: gc.grad(gc.sum(gc.square(gc.softmax(x, axis=-1))), x), (10,)),
    "normalized": (_normalized, (96,)),
    "sums": (lambda x: (gc.sum(x, axis=0), gc.mean(gc.exp(x), axis=0), gc.var(x, axis=0)), (33,)),
    "narrow sums": (lambda x: gc.sum(x * x, axis=0), (8,)),
    "means of columns": (lambda x: x - gc.mean(x, axis=0), (20,)),
    "heads": (_heads, (48,)),
    "flattened": (lambda x: gc.sum(gc.reshape(x, (-1, 4)), axis=1), (3, 8)),
    "embedding": (_embedded, ()),
    "joined": (lambda x: gc.concat([x[:, 1:4], x * 2, gc.flip(x, axis=1)], axis=1), (6,)),
    "one-hot": (lambda x: gc.one_hot(gc.argmax(x, axis=-1), 6), (6,)),
    "runs": (lambda x: gc.cumulative_sum(x, axis=1), (6,)),
    "picked": (lambda x: gc.take_along_axis(x, gc.argmax(x, axis=1, keepdims=True), axis=1), (6,)),
    "how many": (lambda x: gc.size(x, 0) + gc.astype(gc.sum(x) * 0, "int64"), (3,)),
    "positions": (lambda x: x + gc.arange(0, 3), (3,)),
    "as they are": (lambda x: (x, gc.reshape(x, (x.shape[0], 3, 2)), x), (6,)),
}
CLOSED: dict[str, tuple[Callable[[gc.Expr], Any], tuple[int, ...]]] = {
    "backwards": (lambda x: gc.flip(x, axis=0), (3,)),
    "sorted": (lambda x: gc.sort(x, axis=0), (3,)),
    "the last row": (lambda x: x[-1], (3,)),
    "without the first": (lambda x: x[1:] - x[:-1], (3,)),
    "on top of each other": (lambda x: gc.concat([x, x], axis=0), (3,)),
    "running down": (lambda x: gc.cumulative_sum(x, axis=0), (3,)),
    "transposed": (lambda x: gc.exp(x.mT), (3,)),
    "all pairs": (lambda x: x @ x.mT, (3,)),
    "around": (lambda x: gc.roll(x, 1, axis=0), (3,)),
    "five of them": (lambda x: gc.size(x[:5], 0) + gc.astype(gc.sum(x) * 0, "int64"), (3,)),
    "a sum of five": (lambda x: gc.sum(x) + gc.sum(gc.ones_like(x)[:5]), (3,)),
    "three at most": (lambda x: gc.sum(x) + gc.ones((x.shape[0], 3))[:3], (3,)),
    "looked up": (lambda x: gc.take(x, gc.constant(np.array([0, -1])), axis=0), (3,)),
}


def _compiled(make: Callable[[gc.Expr], Any], row: tuple[int, ...], **options: Any) -> tuple[gc.Function, gc.Expr, Any]:
    x = gc.input("x", ("n", *row))
    outputs = make(x)
    return gc.compile([x], outputs, **options), x, outputs


def _check(found: Any, expected: Any) -> None:
    if isinstance(expected, (tuple, list)):
        for f, e in zip(found, expected, strict=True):
            _check(f, e)
        return
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4 * max(1, np.abs(expected).max(initial=0)))


@pytest.mark.parametrize("name", OPEN)
def test_one_program_does_for_fewer_rows(name: str) -> None:
    f, x, outputs = _compiled(*OPEN[name])
    for n in (67, 66, 64, 48, 33, 17, 3, 2, 67):
        data = _numbers(n, *OPEN[name][1])
        _check(f(data), gc.interpret(outputs, {x: data}))
    assert [dict(v.sizes) for v in f._versions] == [{"n": 67}]
    assert f._latest is not None and f._latest.open_to == "n"


@pytest.mark.parametrize("name", CLOSED)
def test_what_depends_on_the_number_of_rows_is_made_for_each(name: str) -> None:
    f, x, outputs = _compiled(*CLOSED[name])
    for n in (6, 5, 2):
        data = _numbers(n, *CLOSED[name][1])
        _check(f(data), gc.interpret(outputs, {x: data}))
    assert f._latest is not None and f._latest.open_to is None
    assert len(f._versions) == 3


def _classified(x: gc.Expr) -> Any:
    h = gc.relu(gc.relu(x @ W + 0.1) @ gc.constant(_numbers(40, 64)) * 0.2)
    loss = -gc.mean(gc.log_softmax(h @ gc.constant(_numbers(64, 4)), axis=-1)[:, 0])
    return loss, gc.grad(loss, [x, W])


# Those of all rows, and numbers of rows on both sides of where reductions are cut, kept, or read in another order.
ROOMS: dict[str, tuple[Callable[[gc.Expr], Any], tuple[int, ...], tuple[int, ...]]] = {
    "sum": (lambda x: gc.sum(x), (), (300_000, 9, 40_000)),
    "sums": (lambda x: gc.sum(x, axis=0), (33,), (9_000, 300, 4_000)),
    "wide sums": (lambda x: (gc.sum(x, axis=0), gc.max(x, axis=0)), (600,), (100, 400, 1_000, 2_000)),
    "narrow sums": (lambda x: gc.sum(x, axis=0), (8,), (100, 20_000)),
    "variances": (lambda x: gc.var(x, axis=0), (33,), (100, 500, 1_500, 5_000)),
    "wide deviations": (lambda x: gc.std(x, axis=0), (600,), (64, 300)),
    "deviation": (lambda x: gc.std(gc.tanh(x) + 1e-3 * x), (16,), (100, 500, 2_000)),
    "softmax down": (lambda x: gc.softmax(x, axis=0), (33,), (64, 1_000)),
    "softmax": (OPEN["softmax"][0], (10,), (64, 3_000)),
    "normalized": (_normalized, (96,), (64, 150, 1_500)),
    "training": (_mlp, (24,), (64, 400, 1_500)),
    "classified": (_classified, (24,), (64, 150, 700)),
}


def _bits(found: Any) -> bytes:
    return b"".join(map(_bits, found)) if isinstance(found, (tuple, list)) else np.asarray(found).tobytes()


@pytest.mark.parametrize("name", ROOMS)
def test_results_do_not_depend_on_how_many_rows_there_may_be(name: str) -> None:
    """Nor on the number of threads: bit by bit."""
    make, row, numbers = ROOMS[name]
    for n in numbers:
        data, seen = _numbers(n, *row), set()
        for number, most in enumerate((n, n + 1, 2 * n + 5, 8 * n)):
            f, x, outputs = _compiled(make, row, threads=1 + number % 2)
            f(_numbers(most, *row))
            found = f(data)
            assert len(f._versions) == 1
            if not seen:
                _check(found, gc.interpret(outputs, {x: data}))
            seen.add(_bits(found))
        assert len(seen) == 1, n


def test_nothing_and_a_single_row_have_programs_of_their_own() -> None:
    f, x, outputs = _compiled(*OPEN["training"])
    for n in (20, 1, 20):
        data = _numbers(n, 24)
        _check(f(data), gc.interpret(outputs, {x: data}))
    largest, _, _ = _compiled(lambda x: gc.max(x), (2,))
    assert largest(_numbers(5, 2)) == _numbers(5, 2).max()
    with pytest.raises(gc.ShapeError, match="of no elements there is none"):
        largest(np.empty((0, 2), np.float32))


def test_a_size_that_grows_is_compiled_for_few_times() -> None:
    f, _, _ = _compiled(lambda x: x * 2, (3,))
    for n in range(1, 200):
        assert f(_numbers(n, 3)).shape == (n, 3)
    assert [v.sizes["n"] for v in f._versions if v.open_to] == [2, 4, 8, 16, 32, 64, 128, 256]


def test_many_calls_with_few_rows_get_a_program_of_their_own() -> None:
    f, _, _ = _compiled(lambda x: x * 2, (3,))
    f(_numbers(1000, 3))
    for n in (10, 9, 10, 100):
        assert f(_numbers(n, 3)).shape == (n, 3)
        assert len(f._versions) == 1
        assert f(_numbers(200, 3)).shape == (200, 3)
    f(_numbers(10, 3))
    assert sorted(v.sizes["n"] for v in f._versions) == [10, 1000]
    assert f(_numbers(1000, 3)).shape == (1000, 3)
    assert len(f._versions) == 2


def test_few_rows_that_grow_beside_many_are_compiled_for_few_times() -> None:
    f, _, _ = _compiled(lambda x: x * 2, (3,))
    f(_numbers(20_000, 3))
    for n in range(2, 300):
        f(_numbers(n, 3))
    assert len(f._versions) <= 9


def test_looking_counts_as_no_call_and_says_the_same_every_time() -> None:
    f, _, _ = _compiled(lambda x: x * 2, (3,))
    f(_numbers(1000, 3))
    assert len({f.dump("loops", n=10) for _ in range(9)}) == 1
    assert len(f._versions) == 1


@pytest.mark.parametrize("sizes", [{"n": 1.5}, {"n": "a"}, {"n": None}, {"n": -1}, {"n": True}, {"m": 3}])
def test_sizes_that_are_none_are_refused(sizes: dict[str, Any]) -> None:
    f, _, _ = _compiled(lambda x: x * 2, (3,))
    f(_numbers(5, 3))
    for look in (lambda: f.dump("loops", **sizes), lambda: f.view(**sizes)):
        with pytest.raises(gc.GraphError, match=r"integer ≥ 0|no named dimension 'm'; it has n"):
            look()


def test_other_names_are_still_specialized() -> None:
    x = gc.input("x", ("n", "k"))
    f = gc.compile([x], gc.sum(x, axis=1) / gc.size(x, 0))
    for n, k in ((8, 3), (5, 3), (7, 4), (3, 4)):
        np.testing.assert_allclose(f(np.ones((n, k), np.float32)), np.full(n, k / n), rtol=1e-6)
    assert [dict(v.sizes) for v in f._versions] == [{"n": 8, "k": 3}, {"n": 7, "k": 4}]


def test_the_first_of_several_leading_names_is_open() -> None:
    x, keys = gc.input("x", ("n", 4)), gc.input("keys", ("m", 4))
    f = gc.compile([x, keys], gc.softmax(x @ keys.mT, axis=-1) @ keys)
    for n, m in ((8, 3), (5, 3), (8, 5), (2, 5)):
        assert f(_numbers(n, 4), _numbers(m, 4)).shape == (n, 4)
    assert [dict(v.sizes) for v in f._versions] == [{"n": 8, "m": 3}, {"n": 8, "m": 5}]


def test_multiples_of_the_rows() -> None:
    n = gc.Dim("n")
    x, y = gc.input("x", (n * 3, 2)), gc.input("y", (n,))
    f = gc.compile([y, x], gc.sum(gc.reshape(x, (n, 6)), axis=1) + y)
    for rows in (9, 4, 1, 0):
        np.testing.assert_array_equal(
            f(np.ones(rows, np.float32), np.ones((3 * rows, 2), np.float32)), np.full(rows, 7)
        )
    with pytest.raises(gc.ShapeError, match="has size 8, but"):
        f(np.ones(3, np.float32), np.ones((8, 2), np.float32))
    with pytest.raises(gc.ShapeError, match=r"no size makes 3\*n of that"):
        gc.compile([x], x)(np.ones((8, 2), np.float32))


def test_inputs_that_disagree_are_named() -> None:
    x, y = gc.input("x", ("n", 2)), gc.input("y", ("n",))
    f = gc.compile([x, y], gc.sum(x, axis=1) + y)
    f(np.ones((9, 2), np.float32), np.ones(9, np.float32))
    with pytest.raises(gc.ShapeError, match="n is 5 by axis 0 of 'x'"):
        f(np.ones((5, 2), np.float32), np.ones(4, np.float32))


def test_given_arrays_have_as_many_rows() -> None:
    f, _, _ = _compiled(lambda x: x * 2, (3,))
    f(np.ones((9, 3), np.float32))
    out = np.empty((4, 3), np.float32)
    assert f(np.ones((4, 3), np.float32), out=out) is out
    assert (out == 2).all()
    with pytest.raises(gc.ShapeError, match=r"needs .* of shape \(5, 3\)"):
        f(np.ones((5, 3), np.float32), out=out)


def test_params_learn_alike_from_a_last_partial_batch() -> None:
    def trained(*, named: bool) -> list[Array]:
        w = gc.param("w", np.full((6, 3), 0.1, np.float32))
        steps: dict[int, gc.Function] = {}
        made: list[gc.Function] = []
        for n in (32, 32, 19):
            if n not in steps:
                x = gc.input("x", ("n" if named else n, 6))
                loss = gc.mean(gc.square(gc.tanh(x @ w) - 0.3))
                steps[n] = made[0] if named and made else gc.compile([x], loss, optim.SGD(0.1).updates(loss, [w]))
                made.append(steps[n])
            steps[n](_numbers(n, 6))
        return [w.value]

    for ours, exact in zip(trained(named=True), trained(named=False), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=1e-5)


def test_the_report_says_what_a_program_is_for() -> None:
    f, _, _ = _compiled(_mlp, (24,))
    f(_numbers(40, 24))
    f(_numbers(9, 24))
    assert "with n≤40" in str(f.report())
    assert f.kernels[0].domain[0] == 40
    assert "rows" in f.dump("loops")
    assert f.profile(_numbers(9, 24), calls=2).kernels[0].domain[0] == 9
    shown = gc.interpret(f.graph.outputs, {f.graph.inputs[0]: _numbers(9, 24)})
    np.testing.assert_allclose(shown[0], f(_numbers(9, 24))[0], rtol=1e-5)


BEHIND = """
import ctypes, mmap, sys
import numpy as np
import graphc as gc
from test_rows import OPEN, _compiled, _numbers

libc = ctypes.CDLL(None, use_errno=True)
page = mmap.PAGESIZE

def at_the_end_of_memory(array):
    # What lies behind the array may not be touched.
    whole = -(-array.nbytes // page) * page
    memory = mmap.mmap(-1, whole + page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert libc.mprotect(ctypes.c_void_p(address + whole), page, 0) == 0
    kept.append(memory)
    placed = np.frombuffer(memory, array.dtype, array.size, whole - array.nbytes).reshape(array.shape)
    placed[...] = array
    return placed

kept = []
for name, (make, row) in OPEN.items():
    f, _, outputs = _compiled(make, row)
    f(_numbers(67, *row))
    for n in (66, 33, 31, 2):
        data = _numbers(n, *row)
        f(at_the_end_of_memory(data))
        expected = f(data)
        if isinstance(expected, np.ndarray):
            f(at_the_end_of_memory(data), out=at_the_end_of_memory(np.zeros_like(expected)))
print("fine")
"""


@pytest.mark.skipif(not hasattr(mmap, "PROT_READ"), reason="memory cannot be protected here")
def test_nothing_behind_the_rows_is_touched() -> None:
    folder = Path(__file__).parent
    made = subprocess.run([sys.executable, "-c", BEHIND], cwd=folder, capture_output=True, text=True, timeout=300)
    assert made.stdout.strip() == "fine", made.stderr or made.returncode
