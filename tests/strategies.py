"""Random graphs for hypothesis.

    @given(graphs(gradients=True))
    def test_compiled_is_the_oracle(case):
        f = gc.compile(case.inputs, case.outputs)
        for found, expected in zip(f(*case.arrays), case.expected(), strict=True):
            assert_close(found, expected)

A graph has 3 to 40 building steps over a few inputs and params whose sizes are 0, 1, primes and names. Operands are
picked from everything built so far, so subexpressions are shared. Functions get arguments from where they are
defined; what still overflows, is nan, or grows beyond `BOUND` is not handed out as an output, and neither is what
depends on it; of a choice that `gc.cond` makes, that is asked of the side taken. Values that went through rounding
are never compared, ranked or cut to integers: there the last bit would decide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

import graphc as gc
from graphc.interpret import trace
from graphc.ir.dim import evaluate
from graphc.ir.expr import Expr, post_order
from graphc.ir.graph import ExprTable
from graphc.ops.guard import predicate_of

Array = np.ndarray[Any, Any]
Size = int | str

BOUND = 1e3
SIZES = (1, 2, 3, 5, 7, 17)
LARGE_SIZES = (70, 300, 1030, 2500)
"""Sizes with which reductions are cut into pieces, transpositions into blocks, and loops are shared by threads."""
LARGE_STEPS = 10
MOST_ELEMENTS = 2**18
"""Of any node of a graph of large sizes."""
NAMES = ("batch", "n")
FLOATS = ("float32", "float64")
INTEGERS = ("int64", "int32", "int16", "uint8")

RELATIVE = {"float32": 3e-4, "float64": 1e-10}
"""What two orders of summation and two roundings of elementary functions may differ by, after some forty steps."""


@dataclass(eq=False)
class GraphCase:
    """A graph, and arrays to call it with."""

    inputs: list[Expr]
    outputs: list[Expr]
    arrays: list[Array]
    exact: ExprTable[None]
    """Nodes computed without rounding."""
    updates: list[tuple[Expr, Expr]] = field(default_factory=list)
    """Params and their new values."""

    def expected(self) -> list[Array]:
        """The outputs by the oracle."""
        return self._values(self.outputs)

    def expected_updates(self) -> list[Array]:
        """The new values of the params by the oracle, which reads the old ones."""
        return self._values([new for _, new in self.updates])

    def _values(self, exprs: list[Expr]) -> list[Array]:
        return list(gc.interpret(exprs, dict(zip(self.inputs, self.arrays, strict=True))))

    def __repr__(self) -> str:
        given = ", ".join(f"{x.name}: {a.dtype}{list(a.shape)}" for x, a in zip(self.inputs, self.arrays, strict=True))
        return f"GraphCase({given})\n{gc.dump([*self.outputs, *(new for _, new in self.updates)])}"

    def is_coarse(self, expr: Expr) -> bool:
        """Whether it was computed from values rounded to float32, and so has only their precision."""
        seen: ExprTable[None] = ExprTable()
        pending = [expr]
        while pending:
            node = pending.pop()
            if node in seen or node in self.exact:
                continue
            if node.dtype.name == "float32" and node.op.kind != "leaf":
                return True
            seen[node] = None
            pending += node.args
        return False


def assert_close(found: Array, expected: Array, coarse: bool = False) -> None:
    """Equal dtype and shape; integers and bool equal, floats within `RELATIVE` of the largest element (or of 1)."""
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected)
        return
    tolerance = RELATIVE["float32" if coarse else expected.dtype.name]
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale)


@dataclass
class _Builder:
    """What has been built so far, and the choices still to come."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    rng: np.random.Generator
    sizes: list[Size]
    known: dict[str, int]
    dtype: str
    is_large: bool = False
    in_rows: bool = False
    """Whether "batch" leads most arrays, and nothing else has a name."""
    inputs: list[Expr] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    pool: list[Expr] = field(default_factory=list)
    exact: ExprTable[None] = field(default_factory=ExprTable)
    """Nodes computed without rounding."""

    def choose(self, options: Any) -> Any:
        return options[self.draw(st.integers(0, len(options) - 1))]

    def pick(self, wanted: Callable[[Expr], bool]) -> Expr | None:
        """Something from the pool, the later the likelier."""
        found = [e for e in self.pool if wanted(e)]
        return None if not found else found[-1 - min(self.draw(st.integers(0, len(found) - 1)), len(found) - 1)]

    def number(self, ndim: int = 0) -> Expr | None:
        return self.pick(lambda e: e.dtype.is_float and e.ndim >= ndim)

    def keep(self, expr: Expr, *, exact: bool) -> None:
        self.pool.append(expr)
        if exact:
            self.exact[expr] = None

    def truth(self, ndim: int | None = None) -> Expr | None:
        """A bool that no rounding decides."""
        return self.pick(lambda e: e.dtype.kind == "bool" and e in self.exact and ndim in (None, e.ndim))

    def fits(self, made: Expr) -> bool:
        """Whether none of its nodes is too large to be worth computing."""
        if not self.is_large:
            return True
        try:
            return all(prod(self.concrete(n)) <= MOST_ELEMENTS for n in post_order((made,)))
        except gc.ShapeError:
            return False

    def shape(self) -> tuple[Size, ...]:
        ndim = self.choose((0, 1, 1, 2, 2, 2, 3))
        if self.is_large:
            ndim = min(ndim + 1, 2)
        if self.in_rows and self.choose((True, True, False)):
            return ("batch", *(self.choose([*self.sizes, 1]) for _ in range(ndim)))
        return tuple(self.choose([*self.sizes, 1]) for _ in range(ndim))

    def known_size(self) -> Size:
        """A size that the arrays of a call determine: a number, or a name that some input has."""
        named = {str(d) for x in self.inputs for d in x.shape}
        return self.choose([s for s in self.sizes if not isinstance(s, str) or s in named] or [2])

    def concrete(self, expr: Expr) -> tuple[int, ...]:
        return tuple(int(evaluate(d, self.known)) for d in expr.shape)  # type: ignore[arg-type]

    def leaf(self, dtype: str, low: int = -5, high: int = 6) -> Expr:
        """A new input; a float of numbered sizes is a param now and then."""
        shape, name = self.shape(), f"x{len(self.pool)}"
        numbers = tuple(self.known[d] if isinstance(d, str) else d for d in shape)
        if prod(numbers) > MOST_ELEMENTS:
            shape, numbers = shape[:1], numbers[:1]
        values = self.rng.normal(size=numbers) if dtype in FLOATS else self.rng.integers(low, high, numbers)
        array = np.asarray(values % 2 if dtype == "bool" else values).astype(dtype)
        if dtype in FLOATS and shape == numbers and self.choose((True, False)):
            param = gc.param(name, array)
            self.keep(param, exact=True)
            return param
        expr = gc.input(name, shape, dtype=dtype)
        self.inputs.append(expr)
        self.arrays.append(array)
        self.keep(expr, exact=True)
        return expr


# Each step takes what it needs from the builder and gives an expression and whether it is exact, or None.

Step = Callable[[_Builder], tuple[Expr, bool] | None]


SMOOTH: tuple[Callable[[Any], Expr], ...] = (
    gc.tanh, gc.sigmoid, gc.softplus, gc.erf, lambda e: gc.exp(-gc.abs(e)), lambda e: gc.log(gc.square(e) + 0.5),
    lambda e: gc.sqrt(gc.abs(e) + 0.25), lambda e: gc.log1p(gc.square(e)), lambda e: gc.expm1(gc.tanh(e)),
    lambda e: (gc.abs(e) + 0.5) ** 1.5, lambda e: (gc.square(gc.tanh(e)) + 0.5) ** gc.tanh(e), lambda e: e**-1,
    gc.exp, gc.log, gc.sqrt, gc.sin, gc.cos, gc.atan, gc.asinh, gc.erfc, gc.gelu, gc.silu, gc.elu,
    lambda e: gc.cosh(gc.tanh(e)), lambda e: gc.exp2(gc.sin(e)), lambda e: gc.log2(gc.square(e) + 0.5),
    lambda e: gc.asin(gc.tanh(e) * 0.9), lambda e: gc.atan2(e, gc.square(e) + 0.5), lambda e: gc.cbrt(gc.exp(-e)),
    lambda e: gc.hypot(e, 1.5), lambda e: gc.lgamma(gc.abs(e) + 0.5),
)  # fmt: skip


def _smooth(b: _Builder) -> tuple[Expr, bool] | None:
    x = b.number()
    return None if x is None else (b.choose(SMOOTH)(x), False)


def _piecewise(b: _Builder) -> tuple[Expr, bool] | None:
    x = b.number()
    if x is None:
        return None
    functions: tuple[Callable[[Any], Expr], ...] = (gc.relu, gc.abs, gc.negative, gc.stop_gradient)
    if x in b.exact:
        functions += (gc.floor, gc.ceil, gc.round, gc.trunc)
    return b.choose(functions)(x), x in b.exact


def _arithmetic(b: _Builder) -> tuple[Expr, bool] | None:
    x, y = b.number(), b.number()
    functions: tuple[Callable[[Any, Any], Expr], ...] = (
        gc.add, gc.subtract, gc.multiply, gc.maximum, gc.minimum, lambda p, q: p / (gc.square(q) + 0.5),
        lambda p, q: p * 0.5 + 2, lambda p, q: 1 - p, gc.logaddexp, lambda p, q: gc.copysign(gc.square(p), 1.5),
    )  # fmt: skip
    return None if x is None or y is None else (b.choose(functions)(x, y), False)


def _integers(b: _Builder) -> tuple[Expr, bool] | None:
    def wanted(e: Expr) -> bool:
        return e.dtype.is_integer

    x, y = b.pick(wanted), b.pick(wanted)
    functions: tuple[Callable[[Any, Any], Expr], ...] = (
        gc.add, gc.subtract, gc.multiply, gc.maximum, gc.minimum, lambda p, q: gc.sum(p), lambda p, q: p**3,
        lambda p, q: gc.max(p), lambda p, q: gc.astype(p, "int8"), lambda p, q: gc.abs(p), lambda p, q: gc.min(q),
        gc.floor_divide, gc.remainder, gc.bitwise_and, gc.bitwise_or, gc.bitwise_xor, gc.bitwise_left_shift,
        gc.bitwise_right_shift, lambda p, q: ~p, lambda p, q: p % 4,
    )  # fmt: skip
    return None if x is None or y is None else (b.choose(functions)(x, y), True)


def _choice(b: _Builder) -> tuple[Expr, bool] | None:
    condition = b.pick(lambda e: e.dtype.kind == "bool")
    x, y = b.number(), b.number()
    if condition is None or x is None or y is None:
        return None
    return gc.where(condition, x, y), x in b.exact and y in b.exact


def _comparison(b: _Builder) -> tuple[Expr, bool] | None:
    def wanted(e: Expr) -> bool:
        return e in b.exact and e.dtype.kind != "bool"

    x, y = b.pick(wanted), b.pick(wanted)
    functions = (gc.less, gc.less_equal, gc.greater, gc.greater_equal, gc.equal, gc.not_equal)
    return None if x is None or y is None else (b.choose(functions)(x, y), True)


def _logic(b: _Builder) -> tuple[Expr, bool] | None:
    def wanted(e: Expr) -> bool:
        return e.dtype.kind == "bool"

    x, y = b.pick(wanted), b.pick(wanted)
    functions: tuple[Callable[[Any, Any], Expr], ...] = (
        gc.logical_and, gc.logical_or, lambda p, q: ~p, lambda p, q: gc.sum(p), lambda p, q: gc.astype(p, b.dtype),
        lambda p, q: gc.any(p), lambda p, q: gc.all(q, axis=0), lambda p, q: gc.count_nonzero(p, axis=-1),
    )  # fmt: skip
    return None if x is None or y is None else (b.choose(functions)(x, y), True)


def _conversion(b: _Builder) -> tuple[Expr, bool] | None:
    x = b.pick(lambda e: e in b.exact)
    if x is None:
        return None
    wanted = b.choose((*FLOATS, *INTEGERS, "bool"))
    return gc.astype(x, wanted), wanted not in FLOATS


def _reduction(b: _Builder) -> tuple[Expr, bool] | None:
    x = b.number(1)
    if x is None:
        return None
    axis = b.choose((None, *range(x.ndim), tuple(range(x.ndim))))
    functions = (
        gc.sum,
        gc.mean,
        gc.max,
        gc.min,
        gc.logsumexp,
        gc.var,
        lambda e, **how: gc.prod(gc.tanh(e) + 0.5, **how),
    )
    return b.choose(functions)(x, axis=axis, keepdims=b.choose((False, True))), False


def _run(b: _Builder) -> tuple[Expr, bool] | None:
    x = b.number(1)
    if x is None:
        return None
    axis, initial = b.choose(range(x.ndim)), b.choose((False, True))
    functions: tuple[Callable[[Expr], Expr], ...] = (
        lambda e: gc.cumulative_sum(e, axis=axis, include_initial=initial),
        lambda e: gc.cumulative_prod(gc.tanh(e) + 0.5, axis=axis, include_initial=initial),
        lambda e: gc.flip(gc.cumulative_sum(gc.flip(e, axis=axis), axis=axis), axis=axis),
        lambda e: gc.diff(e, axis=axis),
    )
    return b.choose(functions)(x), False


def _row(b: _Builder) -> tuple[Expr, bool] | None:
    x = b.number(1)
    return None if x is None else (b.choose((gc.softmax, gc.log_softmax))(x, axis=b.choose(range(x.ndim))), False)


def _position(b: _Builder) -> tuple[Expr, bool] | None:
    x = b.pick(lambda e: e in b.exact and e.ndim > 0 and e.dtype.kind != "bool")
    return None if x is None else (gc.argmax(x, axis=b.choose((None, *range(x.ndim)))), True)


def _product(b: _Builder) -> tuple[Expr, bool] | None:
    x, y = b.number(1), b.number(1)
    if x is None or y is None:
        return None
    if x.shape[-1] == y.shape[-1] and y.ndim > 1 and b.choose((True, False)):
        y = y.mT
    return gc.matmul(x, y) * 0.25, False


def _shape(b: _Builder) -> tuple[Expr, bool] | None:
    x = b.pick(lambda e: e.ndim > 0)
    if x is None:
        return None
    sizes = list(x.shape)
    functions: tuple[Callable[[Expr], Expr], ...] = (
        lambda e: gc.reshape(e, (-1,)),
        lambda e: gc.reshape(e, (*sizes[:-2], -1)) if e.ndim > 1 else gc.expand_dims(e, axis=1),
        lambda e: gc.permute_dims(e, tuple(range(e.ndim))[::-1]),
        lambda e: gc.expand_dims(e, axis=b.choose(range(e.ndim + 1))),
        lambda e: gc.broadcast_to(e, (b.known_size(), *sizes)),
        lambda e: gc.squeeze(gc.expand_dims(e, axis=0), axis=0),
    )
    return b.choose(functions)(x), x in b.exact


def _slice(b: _Builder) -> tuple[Expr, bool] | None:
    x = b.pick(lambda e: e.ndim > 0)
    if x is None:
        return None
    keys = (slice(1, None), slice(None, -1), slice(None, None, -1), slice(None, None, 2), slice(-2, None, None), 0, -1,
            slice(4, 0, -2), slice(None, 2), None, ...)  # fmt: skip
    key = tuple(b.choose(keys) for _ in range(b.choose((1, 1, 2))))
    return x[key], x in b.exact


def _join(b: _Builder) -> tuple[Expr, bool] | None:
    x = b.pick(lambda e: e.ndim > 0)
    y = None if x is None else b.pick(lambda e: e.ndim == x.ndim and e.dtype is x.dtype)
    if x is None or y is None:
        return None
    axis, other = b.choose(range(x.ndim)), y if b.choose((True, False)) else x
    functions: tuple[Callable[[], Expr], ...] = (
        lambda: gc.concat([x, other], axis=axis), lambda: gc.concat([other, x, other], axis=axis),
        lambda: gc.stack([x, other], axis=b.choose((0, axis, -1))), lambda: gc.pad(x, 1, b.choose(("edge", "wrap"))),
        lambda: gc.pad(x, b.choose((1, 2)), constant_values=b.choose((0, 1))),
    )  # fmt: skip
    return b.choose(functions)(), x in b.exact and other in b.exact


def _rearranged(b: _Builder) -> tuple[Expr, bool] | None:
    x = b.pick(lambda e: e.ndim > 0)
    if x is None:
        return None
    axis = b.choose(range(x.ndim))
    functions: tuple[Callable[[], Expr], ...] = (
        lambda: gc.flip(x, axis=axis), lambda: gc.flip(x), lambda: gc.roll(x, b.choose((1, -2, 9)), axis=axis),
        lambda: gc.repeat(x, 2, axis=axis), lambda: gc.tile(x, b.choose((2, (2, 1), (1, 3)))),
        lambda: gc.moveaxis(x, axis, -1), lambda: gc.tril(x, k=b.choose((-1, 0, 2))), lambda: gc.triu(x),
        lambda: gc.zeros_like(x),
    )  # fmt: skip
    return b.choose(functions)(), x in b.exact


def _gather(b: _Builder) -> tuple[Expr, bool] | None:
    labels = b.pick(lambda e: e.dtype.is_integer and e in b.exact)
    if labels is None:
        return None
    if b.choose((True, False)):
        return gc.one_hot(labels, b.choose(SIZES), dtype=b.dtype), True
    x = b.pick(lambda e: e.dtype.is_float and e.ndim == labels.ndim and e.ndim > 0)
    if x is None:
        return None
    return gc.take_along_axis(x, labels, axis=b.choose(range(x.ndim))), x in b.exact


def _by_position(b: _Builder) -> tuple[Expr, bool] | None:
    """Slices read or written at computed positions; what is out of range among them too."""
    labels = b.pick(lambda e: e.dtype.is_integer and e in b.exact)
    x = b.pick(lambda e: e.ndim > 0 and e.dtype.is_float)
    if labels is None or x is None or x.ndim + labels.ndim > 4:
        return None
    axis = b.choose(range(x.ndim))
    key = (*(slice(None),) * axis, labels)
    if b.choose((True, False)):
        return x[key], x in b.exact
    changed = getattr(x.at[key], b.choose(("set", "add", "min")))(b.choose((0.5, -2.0)))
    return changed, x in b.exact


def _ordered(b: _Builder) -> tuple[Expr, bool] | None:
    """Only of what every evaluator computes alike: a rounding error may put elements in another order."""
    x = b.pick(lambda e: e.ndim > 0 and e.dtype.kind != "bool" and e in b.exact)
    if x is None:
        return None
    axis, descending = b.choose(range(x.ndim)), b.choose((True, False))
    return b.choose((gc.sort, gc.argsort))(x, axis=axis, descending=descending), True


SIDES: tuple[Callable[[Any], Expr], ...] = (
    *SMOOTH, gc.square, lambda e: 0 * e, lambda e: e + gc.sum(e), lambda e: gc.flip(gc.tanh(e)), lambda e: 1 / e,
    lambda e: e @ e.mT @ e * 0.25, lambda e: gc.cumulative_sum(e, axis=0), lambda e: gc.softmax(e, axis=-1),
)  # fmt: skip
"""What `gc.cond` may do with an array, which keeps its shape; not finite everywhere, since one side is not taken."""


def _predicate(b: _Builder) -> Expr | None:
    """A scalar bool that no rounding decides."""
    truth = b.truth()
    if truth is not None:
        return b.choose((gc.any, gc.all))(truth)
    x = b.pick(lambda e: e in b.exact and e.dtype.kind != "bool")
    return None if x is None else gc.max(x) > b.choose((0, 1))


def _branch(b: _Builder) -> tuple[Expr, bool] | None:
    """One of two functions, whose arguments others may use too; now and then inside of one of the two."""
    p, x = _predicate(b), b.number()
    if p is None or x is None:
        return None
    inner = _predicate(b) if b.choose((False, False, True)) else None
    then, otherwise, third = (b.choose(SIDES) for _ in range(3))
    if inner is not None:
        return gc.cond(p, then, lambda e: gc.cond(inner, otherwise, third, e), x), False
    if b.choose((True, False)):
        return gc.cond(p, then, otherwise, x), False
    first, second = gc.cond(p, lambda e: (then(e), third(e)), lambda e: (e, otherwise(e)), x)
    return first - second, False


def _branch_of_rows(b: _Builder) -> tuple[Expr, bool] | None:
    """A choice for each row, and its gradient."""
    x = b.pick(lambda e: e.dtype.is_float and e.ndim > 1 and e in b.exact)
    if x is None:
        return None
    then, otherwise = b.choose(SMOOTH), b.choose(SMOOTH)

    def choose(row: Expr) -> Expr:
        return gc.cond(gc.max(row) > 1, then, otherwise, row)

    def slope(row: Expr) -> Any:
        return gc.grad(gc.sum(choose(row)), row)

    return gc.vmap(b.choose((choose, slope)))(x), False


STEPS: tuple[Step, ...] = (
    _smooth, _smooth, _piecewise, _arithmetic, _arithmetic, _arithmetic, _integers, _choice, _comparison, _logic,
    _logic, _conversion, _reduction, _reduction, _row, _position, _product, _product, _shape, _slice, _slice, _gather,
    _gather, _by_position, _by_position, _ordered, _run, _run, _join, _join, _rearranged, _rearranged, _branch, _branch,
    _branch_of_rows,
)  # fmt: skip


ROW_STEPS: tuple[Step, ...] = (
    _smooth, _smooth, _piecewise, _arithmetic, _arithmetic, _arithmetic, _integers, _choice, _comparison, _logic,
    _conversion, _reduction, _reduction, _reduction, _row, _position, _product, _product, _shape, _gather,
)  # fmt: skip


@st.composite
def graphs(
    draw: Any, *, dtype: str | None = None, gradients: bool = False, max_steps: int = 40, varied: bool = False,
    in_rows: bool = False,
) -> GraphCase:  # fmt: skip
    """A random graph with arrays.

    Args:
        dtype: of the floats; float32 or float64 by default, now and then both.
        gradients: whether the gradients of a loss by all float inputs and params are outputs too.
        max_steps: how many steps are tried at most; some give several nodes, a few give none.
        varied: whether sizes may be large now and then, params have updates, and leaves be float32 whatever the
            dtype; these are read and moved, but computed with only in `dtype`.
        in_rows: whether "batch" leads most arrays, and nothing else has a name; where possible, steps then work on
            each row or sum rows up.
    """
    floats = dtype or draw(st.sampled_from(FLOATS))
    builder = _Builder(draw, np.random.default_rng(draw(st.integers(0, 2**32 - 1))), [], {}, floats)
    builder.is_large = varied and builder.choose((False,) * 11 + (True,))
    builder.in_rows = in_rows
    _choose_sizes(builder)
    for _ in range(builder.choose((1, 2, 3))):
        builder.leaf(floats)
    builder.leaf(builder.choose((floats, *INTEGERS, *(("float32",) if varied else ()))), low=0)
    if builder.choose((False, True)):
        builder.leaf("bool")
    for _ in range(draw(st.integers(3, LARGE_STEPS if builder.is_large else max_steps))):
        _take_step(builder, builder.choose(ROW_STEPS if in_rows else STEPS), floats if dtype else None)
    return _finished(builder, gradients, varied)


def _choose_sizes(builder: _Builder) -> None:
    few = LARGE_SIZES if builder.is_large else SIZES[:-1]
    for name in NAMES:
        builder.known[name] = builder.choose(few)
    own = LARGE_SIZES if builder.is_large else (*SIZES, 0)
    if builder.in_rows:
        builder.sizes = [builder.choose(own) for _ in range(2)]
        return
    builder.sizes = [builder.choose((*own, *NAMES, *NAMES)) for _ in range(2)]


def _take_step(builder: _Builder, step: Step, only: str | None) -> None:
    try:
        made = step(builder)
    except gc.GraphcError:  # the operands do not fit this time
        return
    if made is None or not builder.fits(made[0]):
        return
    expr, exact = made
    if exact or not only or not expr.dtype.is_float or expr.dtype == only:
        builder.keep(expr, exact=exact)


def _finished(builder: _Builder, gradients: bool, varied: bool) -> GraphCase:
    given = dict(zip(builder.inputs, builder.arrays, strict=True))
    try:
        tame = _tame(builder.pool, given)
    except gc.ShapeError:  # a named size leaves nothing to take the maximum of
        assume(False)
    candidates = [e for e in builder.pool if e in tame and e.op.kind != "leaf"]
    assume(candidates)
    outputs = [candidates[-1], *(builder.choose(candidates) for _ in range(builder.choose((0, 1, 2, 4))))]
    if gradients:
        outputs += _gradients(builder, outputs, given)
    updates = _updates(builder, tame) if varied else []
    return GraphCase(builder.inputs, outputs, builder.arrays, builder.exact, updates)


def _updates(builder: _Builder, tame: ExprTable[None]) -> list[tuple[Expr, Expr]]:
    """New values for some of the params: something of their type, another param perhaps, or a part of themselves."""
    updates = []
    for param in ExprTable((e, None) for e in builder.pool if e.op.name == "param"):
        new = builder.pick(lambda e, p=param: e in tame and (e.dtype, e.shape) == (p.dtype, p.shape) and e is not p)
        if builder.choose((False, True)):
            updates.append((param, param * 0.5 if new is None else new))
    return updates


def _tame(pool: list[Expr], given: dict[Expr, Array]) -> ExprTable[None]:
    """Nodes whose values, and those of all that these depend on, are finite and no larger than `BOUND`."""
    tame: ExprTable[None] = ExprTable()
    values = trace(pool, given)
    for node, value in values.items():
        bounded = value.dtype.kind != "f" or bool(np.all(np.isfinite(value) & (np.abs(value) <= BOUND)))
        if bounded and all(a in tame for a in _decisive(node, values)):
            tame[node] = None
    return tame


def _decisive(node: Expr, values: ExprTable[Array]) -> tuple[Expr, ...]:
    """The arguments that a value depends on: of a choice by one predicate, the side taken."""
    if predicate_of(node) is None:
        return node.args
    condition, then, otherwise = node.args
    return condition, then if np.all(values[condition]) else otherwise


def _gradients(builder: _Builder, outputs: list[Expr], given: dict[Expr, Array]) -> list[Expr]:
    floats = [o for o in outputs if o.dtype.is_float]
    if not floats:
        return []
    loss = floats[-1]
    scalar = gc.sum(gc.tanh(loss) * 0.5 + gc.square(loss) * 0.125)
    found = gc.grad(scalar, [e for e in builder.pool if e.op.kind == "leaf" and e.dtype.is_float], unused="zeros")
    tame = _tame(found, given)
    return [scalar, *(g for g in found if g in tame)]
