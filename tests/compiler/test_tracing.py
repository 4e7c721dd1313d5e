"""gc.jit: what is traced and when, structures, static arguments, weak numbers, methods, nesting, refusals."""

from __future__ import annotations

import copy
import gc as collector
import pickle
import threading
import weakref
from typing import Any, NamedTuple

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr

ONES = np.ones(4, np.float32)


class Counted:
    """A traced function that counts how often it is traced."""

    def __init__(self, function: Any, **options: Any) -> None:
        self.traces = 0

        def counting(*args: Any, **kwargs: Any) -> Any:
            self.traces += 1
            return function(*args, **kwargs)

        counting.__wrapped__ = function  # type: ignore[attr-defined]
        self.call = gc.jit(counting, **options)


def test_each_kind_of_arguments_is_traced_once() -> None:
    f = Counted(lambda x, y: x * 2 + y)
    kinds = [(ONES, ONES), (ONES.astype("float64"), ONES), (np.ones((2, 4), np.float32), ONES), (ONES, 1.0)]
    for _ in range(3):
        for x, y in kinds:
            np.testing.assert_array_equal(f.call(x, y), x * 2 + y)
    assert f.traces == len(kinds)


def test_unusual_arrays_are_converted_and_not_traced_again() -> None:
    f = Counted(lambda x: x + 1)
    backward = np.arange(4, dtype=np.float32)[::-1]
    swapped = np.arange(4, dtype=">f4")
    for x in (ONES, backward, swapped):
        np.testing.assert_array_equal(f.call(x), x + 1)
    assert f.traces == 1


def test_structures_in_and_out() -> None:
    class Pair(NamedTuple):
        left: Any
        right: Any

    @gc.jit
    def f(both: Any, *rest: Any, scale: Any = None, **more: Any) -> Any:
        return {"pair": Pair(both["a"] * 2, [rest[0]]), "more": more, "none": None, "fixed": 3, "scale": scale}

    found = f({"a": ONES, "b": (ONES,)}, ONES + 1, more=ONES)
    assert isinstance(found["pair"], Pair)
    np.testing.assert_array_equal(found["pair"].left, ONES * 2)
    np.testing.assert_array_equal(found["pair"].right[0], ONES + 1)
    np.testing.assert_array_equal(found["more"]["more"], ONES)
    assert found["none"] is None and found["scale"] is None and found["fixed"] == 3
    names = [i.name for i in f.function({"a": ONES, "b": (ONES,)}, ONES, more=ONES).inputs]
    assert names == ["both.a", "both.b.0", "rest0", "more"]


def test_gradients_inside() -> None:
    @gc.jit
    def step(params: dict[str, Any], x: Any, y: Any, rate: Any) -> Any:
        loss = gc.mean(gc.square(x @ params["W"] + params["b"] - y))
        slopes = gc.grad(loss, params)
        return loss, {k: p - rate * slopes[k] for k, p in params.items()}

    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=2)}
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
    loss, moved = step(params, x, y, 0.1)
    error = x @ params["W"] + params["b"] - y
    np.testing.assert_allclose(loss, np.mean(error**2), rtol=1e-12)
    np.testing.assert_allclose(moved["W"], params["W"] - 0.1 * 2 * x.T @ error / 16, rtol=1e-12)
    np.testing.assert_allclose(moved["b"], params["b"] - 0.1 * 2 * error.sum(0) / 16, rtol=1e-12)


# Numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int8", "bool"])
@pytest.mark.parametrize("number", [True, 3, 0.1, np.float64(0.3)])
def test_numbers_are_weak_as_in_a_graph(dtype: str, number: Any) -> None:
    f, x = Counted(lambda x, n: x * n if dtype != "bool" else gc.where(x, n, n)), np.ones(3, dtype)
    expected = gc.interpret(x_times(gc.constant(x), number))
    found = f.call(x, number)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    f.call(x, type(number)(0))
    assert f.traces == 1


def x_times(x: Expr, number: Any) -> Expr:
    return gc.where(x, number, number) if x.dtype == "bool" else x * number


def test_numbers_alone_have_the_default_dtypes() -> None:
    f = gc.jit(lambda *numbers: tuple(numbers))
    assert [r.dtype.name for r in f(1, 0.5, True)] == ["int64", "float32", "bool"]
    assert gc.jit(lambda a, b: a / b)(1, 2).dtype == np.float32


def test_scalars_of_numpy_are_strong() -> None:
    assert gc.jit(lambda x, n: x * n)(ONES, np.int64(2)).dtype == np.float32
    assert gc.jit(lambda x, n: x * n)(np.ones(2, np.int8), np.int32(2)).dtype == np.int32


# Static arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{"static_argnums": 1}, {"static_argnums": -1}, {"static_argnames": "n"}])
def test_static_arguments_decide_loops_and_shapes(how: dict[str, Any]) -> None:
    def doubled(x: Any, n: int) -> Any:
        for _ in range(n):
            x = x * 2
        return gc.reshape(x, (n, -1))

    f = Counted(doubled, **how)
    for n in (2, 4, 2):
        np.testing.assert_array_equal(f.call(ONES, n), (ONES * 2**n).reshape(n, -1))
        np.testing.assert_array_equal(f.call(ONES, n=n), (ONES * 2**n).reshape(n, -1))
    assert f.traces == 4


def test_static_values_are_told_apart_by_type() -> None:
    f = gc.jit(lambda x, n: x * n, static_argnames="n")
    assert f(np.ones(2, np.int32), 2).dtype == np.int32
    assert f(np.ones(2, np.int32), 2.0).dtype == np.float32
    assert f(np.ones(2, np.int32), n=2).dtype == np.int32


def test_used_as_a_decorator_with_options() -> None:
    @gc.jit(static_argnames=("how",), optimize=0, name="chosen")
    def f(x: Any, how: str = "up") -> Any:
        """What it does."""
        return x + 1 if how == "up" else x - 1

    assert f.__doc__ == "What it does." and f.__name__ == "f"
    np.testing.assert_array_equal(f(ONES), ONES + 1)
    np.testing.assert_array_equal(f(ONES, "down"), ONES - 1)
    assert f.function(ONES, "down").name == "chosen"


# Methods, nesting, graphs --------------------------------------------------------------------------------------


class Scaler:
    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.traces = 0

    @gc.jit
    def scale(self, x: Any, *, plus: Any = 0.0) -> Any:
        self.traces += 1
        return x * self.factor + plus

    @gc.jit(static_argnums=(0, 1))
    def power(self, n: int, x: Any) -> Any:
        return x**n * self.factor


def test_methods_are_traced_for_each_instance() -> None:
    two, three = Scaler(2), Scaler(3)
    for _ in range(2):
        np.testing.assert_array_equal(two.scale(ONES), ONES * 2)
        np.testing.assert_array_equal(three.scale(ONES, plus=1.0), ONES * 3 + 1)
        np.testing.assert_array_equal(three.power(3, 2 * ONES), ONES * 24)
    assert (two.traces, three.traces) == (1, 1)
    assert two.scale.function(ONES).inputs[0].name == "x"


def test_methods_do_not_keep_instances_alive() -> None:
    instance = Scaler(2)
    gone = weakref.ref(instance)
    instance.scale(ONES)
    del instance
    collector.collect()
    assert gone() is None


def test_nested_functions_become_one_graph() -> None:
    inner = Counted(lambda x: gc.exp(x))
    outer = gc.jit(lambda x: inner.call(x) * inner.call(x))
    np.testing.assert_allclose(outer(ONES), np.exp(ONES) ** 2, rtol=1e-6)
    assert len(outer.function(ONES).kernels) == 1
    inner.call(ONES)
    np.testing.assert_allclose(gc.jit(lambda x: inner.call(x))(ONES), np.exp(ONES), rtol=1e-6)


def test_expressions_in_give_expressions_out() -> None:
    f = gc.jit(lambda p, x: gc.sum(p["w"] * x))
    x = gc.input("x", (4,))
    y = f({"w": 2 * ONES}, x)
    assert isinstance(y, Expr)
    np.testing.assert_array_equal(gc.interpret(gc.grad(y, x), {x: ONES}), 2 * ONES)
    np.testing.assert_array_equal(gc.interpret(gc.vmap(f, in_axes=(None, 0))({"w": ONES}, np.eye(4, dtype="f4"))), ONES)
    with pytest.raises(gc.GraphError, match="expressions are no arguments"):
        f.function({"w": ONES}, x)


def test_params_stay_params() -> None:
    w = gc.param("w", ONES)
    f = gc.jit(lambda x: x + w)
    np.testing.assert_array_equal(f(ONES), 2 * ONES)
    w.value = 5 * ONES
    np.testing.assert_array_equal(f(ONES), 6 * ONES)


def test_function_is_the_compiled_function() -> None:
    f = gc.jit(lambda x, y: (x * y, x + y))
    compiled = f.function(ONES, y=ONES)
    assert isinstance(compiled, gc.Function)
    product, total = compiled(ONES, 2 * ONES)
    np.testing.assert_array_equal(product, 2 * ONES)
    np.testing.assert_array_equal(total, 3 * ONES)
    assert "multiply" in compiled.dump("graph")


def test_threads_may_call_at_once() -> None:
    f = Counted(lambda x: gc.sum(x * 2))
    arrays = [np.ones(n, np.float32) for n in (3, 4, 5, 6)]
    wrong: list[Any] = []

    def work() -> None:
        for i in range(200):
            x = arrays[i % 4]
            if f.call(x) != 2 * len(x):
                wrong.append(i)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert f.traces == 4


# Refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "misuse",
    [
        lambda x, n: x if n > 0 else -x,
        lambda x, n: x * float(n),
        lambda x, n: gc.reshape(x, (n, 1)),
        lambda x, n: [x for _ in range(n)],
        lambda x, n: x * np.asarray(n),
    ],
)
def test_traced_values_where_python_needs_numbers(misuse: Any) -> None:
    with pytest.raises(gc.GraphError, match=r"(?s)under gc\.jit.*static_argnames"):
        gc.jit(misuse)(ONES, 4)


def test_arguments_that_are_none() -> None:
    f = gc.jit(lambda x, mode: x)
    with pytest.raises(gc.GraphError, match=r"argument 'mode' should be an array.*'str'.*static_argnames='mode'"):
        f(ONES, "fast")
    with pytest.raises(gc.GraphError, match=r"argument 'mode'.*'object'"):
        f(ONES, [object()])
    with pytest.raises(gc.GraphError, match="beyond int64"):
        f(ONES, 2**70)
    with pytest.raises(gc.DTypeError, match=r"argument 'x': .*complex128"):
        f(ONES.astype(complex), 1)
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(gc.GraphError, match="contains itself"):
        f(ONES, endless)
    with pytest.raises(gc.GraphError, match="hashable"):
        gc.jit(lambda x, n: x, static_argnames="n")(ONES, [1])


def test_results_that_are_none() -> None:
    with pytest.raises(gc.DTypeError, match=r"a result.*'str'.*returns arrays"):
        gc.jit(lambda x: "text")(ONES)


def test_declarations_that_do_not_fit() -> None:
    with pytest.raises(gc.GraphError, match="has 1 positional"):
        gc.jit(lambda x: x, static_argnums=1)
    with pytest.raises(gc.GraphError, match="no parameter 'n'"):
        gc.jit(lambda x: x, static_argnames="n")
    with pytest.raises(gc.GraphError, match="expected a function"):
        gc.jit(3)
    with pytest.raises(gc.GraphError, match="no option 'fast'; there are check, fast_math"):
        gc.jit(lambda x: x, fast=True)
    with pytest.raises(TypeError, match="missing 1 required"):
        gc.jit(lambda x, y: x)(ONES)
    with pytest.raises(TypeError, match="multiple values for argument 'x'"):
        gc.jit(lambda x: x)(ONES, x=ONES)


def test_a_traced_function_is_copied_as_itself_and_not_pickled() -> None:
    f = gc.jit(lambda x: x)
    assert copy.copy(f) is copy.deepcopy(f) is f
    with pytest.raises(gc.GraphError, match="trace the Python function where it is needed"):
        pickle.dumps(f)


def test_an_error_while_tracing_leaves_the_function_usable() -> None:
    f = gc.jit(lambda x: x @ x)
    with pytest.raises(gc.ShapeError):
        f(np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(f(np.eye(2, dtype=np.float32)), np.eye(2))


@pytest.mark.parametrize(("number", "other"), [(2.0, np.ones(3, "float32")), (2, np.array([100], "int8"))])
def test_earlier_calls_do_not_make_a_number_strong(number: Any, other: Any) -> None:
    f = gc.jit(lambda x, c: x * c)
    first = f(number, other)
    f(np.array(number), other)
    again = f(number, other)
    assert again.dtype == first.dtype == other.dtype
    np.testing.assert_array_equal(again, first)


def test_with_an_expression_among_them_all_arguments_are() -> None:
    """Else an array would be the caller's own, to be overwritten, and know neither `at` nor positions in a graph."""

    @gc.jit
    def taken(a: Any, i: Any, k: Any) -> Any:
        a += k
        return a.at[0].set(7)[i]

    own = np.arange(3, dtype="float32")
    i = gc.input("i", (), dtype="int64")
    result = taken(own, i, 2.5)
    assert result.dtype == "float32"
    assert [gc.compile([i], result)(at) for at in (0, 2)] == [7, 4.5]
    np.testing.assert_array_equal(own, np.arange(3))


def test_a_keyword_may_be_called_as_a_parameter_that_has_no_keyword() -> None:
    def scaled(a: Any, /, **others: Any) -> Any:
        return a * others["a"]

    np.testing.assert_array_equal(gc.jit(scaled)(ONES, a=ONES * 3), ONES * 3)
