"""For every rule an expression that it rewrites: the tests of all rules run over this table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import graphc as gc
from graphc.ir.dtype import as_dtype
from graphc.ir.expr import Expr, make
from graphc.ir.graph import Graph
from graphc.ops import index, leaf, linalg, reduce, scalar, shape
from graphc.rewrite import simplify

Array = np.ndarray[Any, Any]

SPECIAL_FLOATS = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 2.5, -3.25, 1e-310, 3e-39, -1e300, 1e30)


@dataclass
class Inputs:
    """Inputs of an example, with arrays: every kind of float or integer, or tame positive numbers."""

    dtype: str
    special: bool
    exprs: list[Expr] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)

    def _add(self, array: Array) -> Expr:
        expr = gc.input(f"x{len(self.exprs)}", array.shape, dtype=array.dtype.name)
        self.exprs.append(expr)
        self.arrays.append(array)
        return expr

    def f(self, *sizes: int) -> Expr:
        """Floats; a vector of 400 by default."""
        rng = np.random.default_rng(len(self.exprs))
        sizes = sizes or (400,)
        with np.errstate(over="ignore"):
            values = rng.choice(SPECIAL_FLOATS, sizes) if self.special else rng.uniform(0.2, 2.0, sizes)
            return self._add(np.asarray(values).astype(self.dtype))

    def i(self, *sizes: int, dtype: str = "int32") -> Expr:
        """Integers, the largest and smallest among them."""
        info = np.iinfo(dtype)
        rng = np.random.default_rng(len(self.exprs))
        values = [info.min, info.min + 1, 0, 1, 2, 7, 100, info.max - 1, info.max]
        return self._add(rng.choice(np.asarray(values, dtype), sizes or (100,)))

    def b(self, *sizes: int) -> Expr:
        """Truth values."""
        return self._add(np.random.default_rng(len(self.exprs)).integers(0, 2, sizes or (400,)).astype(bool))

    def places(self, *sizes: int, below: int) -> Expr:
        """Indices from -below - 1 to below: some from the end, some out of range."""
        return self._add(np.random.default_rng(7).integers(-below - 1, below + 1, sizes).astype("int64"))

    def given(self) -> dict[Expr, Array]:
        return dict(zip(self.exprs, self.arrays, strict=True))


def simplified(expr: Expr) -> Expr:
    """What the rules that are on by default make of an expression."""
    inputs = tuple(n for n in Graph((), (expr,)).nodes if n.op.name == "input")
    return simplify(Graph(inputs, (expr,))).graph.outputs[0]


def const(value: Any, dtype: str, *sizes: int) -> Expr:
    """A broadcast number."""
    return shape.broadcast_to(leaf.scalar(value, as_dtype(dtype)), sizes)


def _softmax(x: Expr) -> Expr:
    return gc.exp(x) / gc.sum(gc.exp(x), axis=1, keepdims=True)


def _softmax_gradient(m: Inputs, sign: int) -> Expr:
    """What the vjps of divide, sum and exp make of exp(x) / Σ exp(x), and the same with its sign turned."""
    x, g = m.f(3, 5), m.f(3, 5)
    e = gc.exp(x)
    total = gc.broadcast_to(gc.sum(e, axis=1, keepdims=True), (3, 5))
    share, p = g / total, e / total
    if sign < 0:
        return (gc.broadcast_to(gc.sum(share * p, axis=1, keepdims=True), (3, 5)) - share) * e
    return (share + gc.broadcast_to(gc.sum(-(share * p), axis=1, keepdims=True), (3, 5))) * e


def _picked(m: Inputs, sign: int) -> Expr:
    p, g, places = _softmax(m.f(3, 5)), m.f(3, 1), m.places(3, 1, below=4)
    share = g / gc.take_along_axis(p, places, axis=1)
    return index.scatter_add_along_axis(places, share if sign > 0 else -share, 1, 5) * p


def _odds(m: Inputs, combine: Callable[[Expr, Expr], Expr]) -> Expr:
    p, q = gc.sigmoid(m.f()), gc.exp(m.f())
    return combine(m.f() / p, m.f() / q) * (p * q)


def _odds_chain(m: Inputs, back: bool) -> Expr:
    p, q = gc.sigmoid(m.f()), gc.exp(m.f())
    difference = m.f() / p - m.f() / q
    return difference * q * p if back else difference * p * q


def _identity_view(m: Inputs) -> Expr:
    x = m.f(3, 5)
    return gc.exp(make(shape.PERMUTE, (x,), {"axes": (0, 1)}))


def _same(m: Inputs, op: Callable[[Expr, Expr], Expr]) -> Expr:
    x = m.i()
    return op(x, x)


def _twice(x: Expr, op: Callable[[Expr, Expr], Expr]) -> Expr:
    return op(x, x)


def _softsign_slope(x: Expr, g: Expr) -> Expr:
    reach = 1 + gc.abs(x)
    return g / reach - g / reach * (x / reach) * gc.sign(x)


def _with(value: float, x: Expr, op: Callable[[Expr, Expr], Expr]) -> Expr:
    return op(x, scalar.like(value, x))


def _number_with(value: float, x: Expr, op: Callable[[Expr, Expr], Expr]) -> Expr:
    return op(scalar.like(value, x), x)


def _folds(fold: Callable[..., Expr]) -> list[tuple[str, Callable[[Inputs], Expr]]]:
    """A reduction of itself, of a permutation and of a reshape."""
    name = fold.__name__

    def x(m: Inputs, *sizes: int) -> Expr:
        return m.b(*sizes) if name in ("any", "all") else m.f(*sizes)

    return [
        (f"{name}-twice", lambda m: fold(fold(x(m, 3, 4, 5), axis=0), axis=1)),
        (f"{name}-of-permute", lambda m: fold(gc.permute_dims(x(m, 2, 3, 4, 5), (3, 1, 0, 2)), axis=(0, 2))),
        (f"{name}-of-reshape", lambda m: fold(gc.reshape(x(m, 3, 4), (3, 1, 4)), axis=2)),
    ]


EXAMPLES: dict[str, Callable[[Inputs], Expr]] = {
    # constants
    "uniform-constant": lambda m: m.f(3, 5) + gc.constant(np.full((3, 5), 2.5, m.dtype)),
    "size-known": lambda m: make(leaf.SIZE, (), {"size": 7}, dtype=as_dtype("int64"), shape=()),
    "fold-constants": lambda m: m.f(3) * gc.exp(gc.constant(np.arange(3).astype(m.dtype))),
    # positions
    "iota-of-one": lambda m: leaf.iota((3, 1, 2), 1, as_dtype("int32")),
    "iota-astype": lambda m: scalar.astype(leaf.iota((3, 5), 1, as_dtype("int64")), as_dtype(m.dtype)),
    "iota-broadcast": lambda m: shape.broadcast_to(leaf.iota((5, 1), 0, as_dtype("int64")), (2, 5, 3)),
    "iota-permute": lambda m: shape.permute_dims(leaf.iota((2, 3, 5), 1, as_dtype("int64")), (2, 0, 1)),
    "iota-reshape": lambda m: shape.reshape(leaf.iota((2, 3), 1, as_dtype("int64")), (2, 1, 3)),
    # views
    "identity-view": _identity_view,
    "reshape-twice": lambda m: gc.reshape(gc.reshape(m.f(3, 4), (12,)), (2, 6)),
    "permute-twice": lambda m: gc.permute_dims(gc.permute_dims(m.f(2, 3, 4), (1, 2, 0)), (1, 2, 0)),
    "broadcast-twice": lambda m: gc.broadcast_to(gc.broadcast_to(m.f(3, 1), (3, 4)), (2, 3, 4)),
    "slice-twice": lambda m: m.f(20)[15:2:-2][1:6:3],
    "permute-ones": lambda m: gc.permute_dims(m.f(3, 1, 4), (1, 0, 2)),
    "broadcast-front": lambda m: gc.broadcast_to(m.f(1, 1, 4), (2, 3, 4)),
    "reshape-of-broadcast": lambda m: gc.reshape(gc.broadcast_to(m.f(3, 1), (3, 4)), (3, 1, 4)),
    "permute-of-broadcast": lambda m: gc.permute_dims(gc.broadcast_to(m.f(3, 1), (2, 3, 4)), (2, 0, 1)),
    "slice-of-broadcast": lambda m: gc.broadcast_to(m.f(5, 1), (2, 5, 4))[1:, 4:0:-2, ::3],
    "elementwise-of-broadcasts": lambda m: gc.broadcast_to(m.f(3, 1), (3, 4)) * gc.broadcast_to(m.f(3, 1), (3, 4)),
    "elementwise-of-reshapes": lambda m: gc.reshape(m.f(3, 4), (12,)) + gc.reshape(m.f(3, 4), (12,)),
    "elementwise-of-permutes": lambda m: gc.permute_dims(m.f(3, 4), (1, 0)) * 2.5,
    # joins
    "slice-of-concat": lambda m: gc.concat([m.f(3, 4), m.f(3, 5)], axis=1)[1:, 8:4:-2],
    "concat-of-nothing": lambda m: gc.concat([m.f(0, 3), gc.exp(m.f(2, 3))]),
    # reductions
    "reduce-ones": lambda m: gc.sum(m.f(3, 1, 4), axis=(1, 2)),
    "run-of-flip": lambda m: gc.cumulative_prod(gc.flip(m.f(3, 4), axis=1), axis=1),
    "position-of-one": lambda m: gc.argmax(m.f(3, 1), axis=1),
    **{name: example for fold in (gc.sum, gc.prod, gc.max, gc.min, gc.any, gc.all) for name, example in _folds(fold)},
    "extremum-of-broadcast": lambda m: gc.max(gc.broadcast_to(m.f(3, 1), (2, 3, 4)), axis=(0, 1)),
    "sum-of-broadcast": lambda m: gc.sum(gc.broadcast_to(m.f(3, 1), (2, 3, 4)), axis=(0, 1)),
    # arithmetic
    "double-negative": lambda m: gc.negative(-m.f()),
    "multiply-one": lambda m: _with(1, m.f(), scalar.multiply),
    "divide-one": lambda m: _with(1, m.f(), scalar.divide),
    "subtract-zero": lambda m: _with(0, m.f(), scalar.subtract),
    "add-negative-zero": lambda m: _with(-0.0, m.f(), scalar.add),
    "add-zero": lambda m: _with(0, gc.square(m.f()), scalar.add),
    "negative-zero-minus": lambda m: _number_with(-0.0, m.f(), scalar.subtract),
    "zero-minus-integer": lambda m: _number_with(0, m.i(), scalar.subtract),
    "multiply-zero-integer": lambda m: _with(0, m.i(), scalar.multiply),
    "subtract-self-integer": lambda m: _same(m, scalar.subtract),
    "multiply-minus-one": lambda m: _with(-1, m.f(), scalar.multiply),
    "divide-minus-one": lambda m: _with(-1, m.f(), scalar.divide),
    "add-negative": lambda m: -m.f() + m.f(),
    "subtract-negative": lambda m: m.f() - (-m.f()),
    "negative-of-scaled": lambda m: -_with(2.5, m.f(), scalar.multiply),
    "negative-of-divided": lambda m: -_with(2.5, m.f(), scalar.divide),
    "negative-of-quotient": lambda m: -_number_with(2.5, m.f(), scalar.divide),
    "multiply-negative-number": lambda m: _with(2.5, -m.f(), scalar.multiply),
    "divide-negative-number": lambda m: _with(2.5, -m.f(), scalar.divide),
    "divide-by-negative-number": lambda m: _number_with(2.5, -m.f(), scalar.divide),
    "multiply-negative": lambda m: m.f() * -m.f(),
    "divide-negative": lambda m: -m.f() / m.f(),
    "divide-by-negative": lambda m: m.f() / -m.f(),
    "negative-of-difference-integer": lambda m: -(m.i() - m.i()),
    "combine-factors": lambda m: _with(-4, _with(2, m.f(), scalar.multiply), scalar.multiply),
    "combine-terms-integer": lambda m: _with(40, _with(7, m.i(dtype="int8"), scalar.add), scalar.add),
    "divide-by-power-of-two": lambda m: _with(-8, m.f(), scalar.divide),
    # powers
    "multiply-self": lambda m: _twice(m.f(), scalar.multiply),
    "square-of-negative": lambda m: gc.square(-m.f()),
    "square-of-abs": lambda m: gc.square(gc.abs(m.f())),
    "abs-of-negative": lambda m: gc.abs(-m.f()),
    "abs-of-never-negative": lambda m: gc.abs(gc.square(m.f())),
    "relu-of-never-negative": lambda m: gc.relu(gc.exp(m.f())),
    "relu-twice": lambda m: gc.relu(gc.relu(m.f())),
    "sign-twice": lambda m: gc.sign(gc.sign(m.f())),
    "pow-one": lambda m: _with(1, m.f(), scalar.power),
    "pow-zero": lambda m: _with(-0.0, m.f(), scalar.power),
    "pow-two": lambda m: _with(2, m.f(), scalar.power),
    "pow-three": lambda m: _with(3, m.f(), scalar.power),
    "pow-minus-one": lambda m: _with(-1, m.f(), scalar.power),
    "pow-half-of-never-negative": lambda m: _with(0.5, gc.exp(m.f()), scalar.power),
    "pow-half": lambda m: _with(0.5, m.f(), scalar.power),
    # choices
    "where-same": lambda m: _twice(m.f(), lambda x, _: scalar.where(m.b(), x, x)),
    "where-true": lambda m: scalar.where(const(True, "bool", 400), m.f(), m.f()),
    "where-false": lambda m: scalar.where(const(False, "bool", 400), m.f(), m.f()),
    "choose-same": lambda m: _twice(m.f(), lambda x, _: scalar.choose(m.b(), x, x)),
    "choose-true": lambda m: scalar.choose(const(True, "bool", 400), m.f(), m.f()),
    "choose-false": lambda m: scalar.choose(const(False, "bool", 400), m.f(), m.f()),
    "where-not": lambda m: gc.where(gc.logical_not(m.b()), m.f(), m.f()),
    "maximum-self": lambda m: _twice(m.f(), scalar.maximum),
    "minimum-self": lambda m: _twice(m.f(), scalar.minimum),
    "and-self": lambda m: _twice(m.b(), scalar.logical_and),
    "and-true": lambda m: _with(True, m.b(), scalar.logical_and),
    "and-false": lambda m: _with(False, m.b(), scalar.logical_and),
    "or-self": lambda m: _twice(m.b(), scalar.logical_or),
    "or-true": lambda m: _with(True, m.b(), scalar.logical_or),
    "or-false": lambda m: _with(False, m.b(), scalar.logical_or),
    "not-twice": lambda m: gc.logical_not(gc.logical_not(m.b())),
    "not-equal": lambda m: gc.logical_not(gc.equal(m.f(), m.f())),
    "not-not-equal": lambda m: gc.logical_not(gc.not_equal(m.f(), m.f())),
    "not-less-integer": lambda m: gc.logical_not(gc.less(m.i(), m.i())),
    "not-less-equal-integer": lambda m: gc.logical_not(gc.less_equal(m.i(), m.i())),
    "not-greater-integer": lambda m: gc.logical_not(gc.greater(m.i(), m.i())),
    "not-greater-equal-integer": lambda m: gc.logical_not(gc.greater_equal(m.i(), m.i())),
    "same-integer": lambda m: _same(m, scalar.less_equal),
    "same-integer-differs": lambda m: _same(m, scalar.not_equal),
    # conversions
    "astype-same": lambda m: _twice(m.i(), lambda x, _: make(scalar.astype(x, as_dtype("int8")).op, (x,),
                                                            {"dtype": x.dtype})),
    "astype-chain": lambda m: gc.astype(gc.astype(m.i(dtype="int16"), "float32"), "float64"),
    # symmetries
    "odd-of-negative": lambda m: gc.sin(-m.f()),
    "even-of-signed": lambda m: gc.cos(gc.abs(m.f())),
    "hypot-of-signed": lambda m: gc.hypot(m.f(), -m.f()),
    "copysign-of-signed": lambda m: gc.copysign(-m.f(), m.f()),
    "abs-of-copysign": lambda m: gc.abs(gc.copysign(m.f(), m.f())),
    "square-of-copysign": lambda m: gc.square(gc.copysign(m.f(), m.f())),
    "copysign-self": lambda m: _twice(m.f(), gc.copysign),
    # whole numbers
    "round-whole": lambda m: gc.floor(gc.round(m.f())),
    "integer-of-trunc": lambda m: gc.astype(gc.trunc(m.f()), "int16"),
    "integers-are-finite": lambda m: gc.isnan(m.i()),
    "integers-are-finite-indeed": lambda m: gc.isfinite(m.i()),
    "floor-divide-by-one": lambda m: m.i() // 1,
    "remainder-by-one": lambda m: m.i(dtype="uint16") % 1,
    "floor-divide-by-power-of-two": lambda m: m.i() // 1024,
    "remainder-by-power-of-two": lambda m: m.i(dtype="int8") % 64,
    # bits
    "bits-self": lambda m: _same(m, gc.bitwise_or),
    "bits-differ-not": lambda m: _same(m, gc.bitwise_xor),
    "bits-and-none": lambda m: m.i() & 0,
    "bits-and-all": lambda m: m.i(dtype="uint8") & 255,
    "bits-or-none": lambda m: m.i() | 0,
    "bits-or-all": lambda m: m.i() | -1,
    "bits-xor-none": lambda m: m.i() ^ 0,
    "invert-twice": lambda m: ~~m.i(),
    "shift-by-none": lambda m: m.i() >> 0,
    "xor-self": lambda m: _twice(m.b(), scalar.logical_xor),
    "xor-false": lambda m: m.b() ^ False,
    "xor-true": lambda m: m.b() ^ True,
    # fast math
    "fast-add-zero": lambda m: _with(0, m.f(), scalar.add),
    "fast-subtract-self": lambda m: _twice(m.f(), scalar.subtract),
    "fast-multiply-zero": lambda m: _with(0, m.f(), scalar.multiply),
    "fast-divide-self": lambda m: _twice(m.f(), scalar.divide),
    "fast-zero-divided": lambda m: _number_with(0, m.f(), scalar.divide),
    "fast-zero-minus": lambda m: _number_with(0, m.f(), scalar.subtract),
    "fast-negative-of-difference": lambda m: -(m.f() - m.f()),
    "fast-combine-factors": lambda m: _with(3, _with(0.7, m.f(), scalar.multiply), scalar.multiply),
    "fast-combine-terms": lambda m: _with(3, _with(0.7, m.f(), scalar.add), scalar.add),
    "fast-divide-by-number": lambda m: _with(3, m.f(), scalar.divide),
    "fast-multiply-then-divide": lambda m: _twice(m.f(), lambda y, _: m.f() * y / y),
    "fast-divide-then-multiply": lambda m: _twice(m.f(), lambda y, _: m.f() / y * y),
    "fast-add-then-subtract": lambda m: _twice(m.f(), lambda y, _: m.f() + y - y),
    "fast-exp-of-log": lambda m: gc.exp(gc.log(m.f())),
    "fast-square-of-sqrt": lambda m: gc.square(gc.sqrt(m.f())),
    # sums of scatters
    "sum-of-scatter": lambda m: gc.sum(
        index.scatter_add_along_axis(m.places(3, 4, below=5), m.f(3, 4), 1, 5), axis=1),
    "sum-of-negative-scatter": lambda m: gc.sum(
        -index.scatter_add_along_axis(m.places(3, 4, below=5), m.f(3, 4), 1, 5), axis=1),
    # log-sum-exp
    "log-sum-exp": lambda m: gc.log(gc.sum(gc.exp(m.f(3, 5)), axis=1)),
    "log-mean-exp": lambda m: gc.log(gc.mean(gc.exp(m.f(3, 5)), axis=1)),
    "log-scaled-sum-exp": lambda m: gc.log(gc.sum(gc.exp(m.f(3, 5)), axis=1) * 0.25),
    "softmax": lambda m: _softmax(m.f(3, 5)),
    "exp-of-log-softmax": lambda m: gc.exp(gc.log_softmax(m.f(3, 5))),
    "softmax-total": lambda m: gc.sum(gc.softmax(m.f(3, 5)), axis=1),
    # gradients of softmax
    "softmax-gradient": lambda m: _softmax_gradient(m, 1),
    "softmax-gradient-negative": lambda m: _softmax_gradient(m, -1),
    "share-of-total": lambda m: _twice(
        m.f(3, 5), lambda x, _: m.f(3, 5) / gc.sum(gc.exp(x), axis=1, keepdims=True) * gc.exp(x)),
    "log-sum-exp-gradient": lambda m: _twice(
        m.f(3, 5), lambda x, _: gc.exp(x) * reduce.spread(m.f(3) / gc.sum(gc.exp(x), axis=1), (3, 5), (1,))),
    "picked-share": lambda m: _picked(m, 1),
    "picked-share-negative": lambda m: _picked(m, -1),
    # cancellation
    "quotient-times-divisor": lambda m: _twice(gc.exp(m.f()), lambda p, _: m.f() / p * p),
    "product-over-factor": lambda m: _twice(gc.exp(m.f()), lambda p, _: m.f() * p / p),
    "quotient-times-product": lambda m: _twice(gc.exp(m.f()), lambda p, _: m.f() / p * (p * m.f())),
    "odds-difference": lambda m: _odds(m, scalar.subtract),
    "odds-sum": lambda m: _odds(m, scalar.add),
    "odds-difference-chain": lambda m: _odds_chain(m, back=False),
    "odds-difference-chain-back": lambda m: _odds_chain(m, back=True),
    "conjugate-difference": lambda m: _twice(m.f(), lambda x, _: _twice(m.f(), lambda a, _: a * (3 + x) - a * (3 - x))),
    "conjugate-difference-negative": lambda m: _twice(
        m.f(), lambda x, _: _twice(m.f(), lambda a, _: a * (1 - x) - (x + 1) * a)),
    "conjugate-difference-plain": lambda m: _twice(m.f(), lambda x, _: (1 - x) - (1 + x)),
    "softsign-slope": lambda m: _softsign_slope(m.f(), m.f()),
    # logistic
    "log1p": lambda m: gc.log(1 + m.f()),
    "log1p-of-difference": lambda m: gc.log(1 - m.f() / 3),
    "expm1": lambda m: gc.exp(m.f()) - 1,
    "expm1-of-sum": lambda m: gc.exp(m.f()) + -1.0,
    "softplus": lambda m: gc.log1p(gc.exp(m.f())),
    "sigmoid": lambda m: 1 / (1 + gc.exp(-m.f())),
    "sigmoid-scaled": lambda m: m.f() / (gc.exp(m.f()) + 1),
    "one-minus-sigmoid": lambda m: 1 - gc.sigmoid(m.f()),
    "sigmoid-times-exp": lambda m: _twice(m.f(), lambda x, _: gc.sigmoid(x) * gc.exp(-x)),
    "scaled-sigmoid-times-exp": lambda m: _twice(m.f(), lambda x, _: m.f() * gc.sigmoid(x * 3) * gc.exp(x * -3)),
    "log-sigmoid": lambda m: gc.log(gc.sigmoid(m.f())),
    # error function
    "erfc": lambda m: 1 - gc.erf(m.f()),
    "erfc-of-sum": lambda m: 1 + gc.erf(m.f()),
    "one-minus-erfc": lambda m: 1 - gc.erfc(m.f()),
    # logarithms
    "log2-of-exp2": lambda m: gc.log2(gc.exp2(m.f())),
    "logaddexp": lambda m: gc.log(gc.exp(m.f()) + gc.exp(m.f())),
    "log-of-exp": lambda m: gc.log(gc.exp(m.f())),
    "log-of-exp-quotient": lambda m: gc.log(gc.exp(m.f()) / m.f()),
    "log-of-quotient-by-exp": lambda m: gc.log(m.f() / gc.exp(m.f())),
    "log-of-exp-product": lambda m: gc.log(m.f() * gc.exp(m.f())),
    "log-of-picked": lambda m: gc.log(gc.take_along_axis(gc.softmax(m.f(3, 5)), m.places(3, 1, below=5), axis=1)),
    "log-of-slice": lambda m: gc.log(gc.softmax(m.f(3, 5))[:, 2:4]),
    "log-of-maximum": lambda m: gc.log(gc.maximum(gc.sigmoid(m.f()), 0.6)),
    "log-of-minimum": lambda m: gc.log(gc.minimum(gc.sigmoid(m.f()), 0.6)),
    "sqrt-of-square": lambda m: gc.sqrt(gc.square(m.f())),
    # specialization
    "stop-gradient": lambda m: gc.stop_gradient(m.f()),
    "take-of-broadcast": lambda m: gc.take_along_axis(
        gc.broadcast_to(m.f(3, 1), (3, 5)), m.places(3, 2, below=5), axis=1),
    "take-of-elementwise": lambda m: gc.take_along_axis(
        m.f(3, 5) * gc.tanh(m.f(3, 5)), m.places(3, 1, below=5), axis=1),
    "scatter-of-one": lambda m: index.scatter_add_along_axis(m.places(6, 1, below=5), m.f(6, 1), 1, 5),
    "matmul-without-depth": lambda m: linalg.matmul(m.f(3, 0), m.f(0, 4)),
    "outer-product": lambda m: linalg.matmul(m.f(2, 3, 1), m.f(2, 1, 4)),
    "matrix-times-vector": lambda m: linalg.matmul(m.f(2, 3, 5), m.f(2, 5, 1)),
    "vector-times-matrix": lambda m: linalg.matmul(m.f(1, 5), m.f(5, 4)),
    "sum-of-products": lambda m: gc.sum(m.f(2, 3, 4) @ m.f(2, 4, 5), axis=0),
    "transposed-product": lambda m: gc.matrix_transpose(m.f(3, 4) @ m.f(4, 5)),
}  # fmt: skip
