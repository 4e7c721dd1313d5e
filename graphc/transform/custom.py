"""Functions of expressions with derivatives of their own: `gc.custom_vjp`.

The values are an ordinary part of the graph, which the compiler optimizes like any other. Only derivatives meet the
mark that the call leaves (`graphc.ops.mark`): the reverse sweep applies the user's rule, the forward sweep its
transpose, and a batch the rule of each element.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..autodiff import sweep
from ..frontend.lifting import lift, lift_weakly
from ..ir.dim import Size
from ..ir.dtype import DType, float32, promote
from ..ir.errors import GraphError, ShapeError, describe
from ..ir.expr import Expr
from ..ir.graph import ExprTable, rebuild, replace
from ..ir.source import own_sources
from ..ir.tree import Tree, flatten
from ..ops import leaf, mark, reduce, scalar
from ..ops.shape import broadcast_to, reshape, slice
from .batching import spread_over_batch
from .indexing import in_front


class custom_vjp:  # noqa: N801  (a decorator, called by its users like a function)
    """A function of expressions whose derivative is given by two others.

        @gc.custom_vjp
        def clipped(x):
            return x

        clipped.defvjp(lambda x: (x, None),                        # forward: the results, and what backward needs
                       lambda residuals, g: (gc.clip(g, -1, 1),))  # backward: a cotangent for each argument

    Args:
        function: takes and returns expressions, or tuples, lists and dicts of them.
        nondiff_argnums: positions of arguments that are no expressions; backward gets them first.

    Backward is called with the residuals and with cotangents in the structure of the results, and returns a tuple with
    one entry for each (other) argument, in its structure; None where nothing flows. Forward derivatives (`gc.jvp`,
    `gc.hvp`, `gc.hessian`) use the transpose of backward, which for a derivative is linear in its cotangents; where it
    is not, its derivative at 0. Second derivatives differentiate backward.

    Raises, when called:
        GraphError: no `defvjp` yet, results that do not fit each other, or cotangents that do not fit the arguments.
    """

    __name__: str

    def __init__(self, function: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        if not callable(function):
            raise GraphError(f"custom_vjp: expected a function, not {type(function).__name__}")
        functools.update_wrapper(self, function)
        self._function = function
        self._apart = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)
        self._forward: Callable[..., Any] | None = None
        self._backward: Callable[..., Any] | None = None

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Give the derivative: `forward(*args) -> (results, residuals)`, `backward(residuals, g) -> cotangents`."""
        self._forward, self._backward = forward, backward

    def __call__(self, *args: Any) -> Any:
        if self._forward is None or self._backward is None:
            how = f"{self.__name__}.defvjp(forward, backward)"
            raise GraphError(f"custom_vjp: {self.__name__} has no derivative yet; give it one by {how}")
        lifted = tuple(a if i in self._apart else _lifted(a, lift_weakly) for i, a in enumerate(args))
        results = flatten(_lifted(self._function(*lifted)))
        forward = self._forward(*lifted)
        if not isinstance(forward, tuple) or len(forward) != 2:
            raise GraphError(f"custom_vjp: the forward function of {self.__name__} returns (results, residuals)")
        _check_same(self.__name__, results, forward[0])
        apart = tuple(a for i, a in enumerate(args) if i in self._apart)
        inputs = flatten(tuple(a for i, a in enumerate(lifted) if i not in self._apart))
        residuals = flatten(forward[1])
        rule = _Rule(self.__name__, functools.partial(self._backward, *apart), inputs, residuals, results)
        return results.rebuild(rule.marked())


def _lifted(structure: Any, how: Callable[[str, Any], Expr] = lift) -> Any:
    tree = flatten(structure)
    return tree.rebuild(how("custom_vjp", x) for x in tree.leaves)


def _check_same(name: str, results: Tree, again: Any) -> None:
    """Refuse a forward function whose results are not those of the function."""
    other = flatten(_lifted(again))
    if other.skeleton != results.skeleton:
        raise GraphError(f"custom_vjp: the forward function of {name} gives results of another structure")
    for a, b in zip(results.leaves, other.leaves, strict=True):
        if a.shape != b.shape or a.dtype is not b.dtype:
            roles = describe(here=a, forward=b)
            raise ShapeError(f"custom_vjp: the forward function of {name} gives other results{roles}")


@dataclass(frozen=True, eq=False)
class _Rule:
    """The derivative of one call."""

    name: str
    backward: Callable[[Any, Any], Any]
    inputs: Tree
    residuals: Tree
    results: Tree

    @property
    def _saved(self) -> list[Expr]:
        return [r for r in self.residuals.leaves if isinstance(r, Expr)]

    def marked(self) -> list[Expr]:
        """The results, with this derivative instead of their own."""
        dtype, starts, size = self._layout()
        if dtype is None:
            return list(self.results.leaves)
        call = mark.custom_call(self, (*self.inputs.leaves, *self._saved), dtype, (), size)
        return [
            r if start is None else mark.custom_result(r, call, start)
            for r, start in zip(self.results.leaves, starts, strict=True)
        ]

    def _layout(self) -> tuple[DType | None, list[Size | None], Size]:
        """The dtype in which cotangents travel, where that of each result begins, and how many numbers they are."""
        dtype: DType | None = None
        starts: list[Size | None] = []
        end: Size = 0
        for result in self.results.leaves:
            if not result.dtype.is_float:
                starts.append(None)
                continue
            dtype = promote(dtype or result.dtype, result.dtype)
            starts.append(end)
            end = end + result.size
        return dtype, starts, end

    def pull(self, g: Expr, args: tuple[Expr, ...]) -> tuple[Expr | None, ...]:
        """The user's backward function on the cotangents in `g`."""
        count = len(self.inputs.leaves)
        saved = iter(args[count:])
        residuals = self.residuals.rebuild(next(saved) if isinstance(r, Expr) else r for r in self.residuals.leaves)
        _, starts, _ = self._layout()
        cotangents = [_piece(g, start, r) for start, r in zip(starts, self.results.leaves, strict=True)]
        with own_sources():
            given = self.backward(residuals, self.results.rebuild(cotangents))
        return *self._checked(given, args[:count]), *(None for _ in args[count:])

    def push(self, g: Expr, args: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
        return _transposed(self, g, args, tangents)

    def _checked(self, given: Any, args: tuple[Expr, ...]) -> list[Expr | None]:
        """Cotangents as expressions of the dtype and shape of what they belong to."""
        wanted = self.inputs.rebuild(args)
        if not isinstance(given, (tuple, list)) or len(given) != len(wanted):
            raise GraphError(
                f"custom_vjp: the backward function of {self.name} returns a tuple with a cotangent for each of "
                f"its {len(wanted)} arguments"
            )
        found: list[Expr | None] = []
        for cotangents, argument in zip(given, wanted, strict=True):
            tree = flatten(argument)
            matched = [None] * len(tree.leaves) if cotangents is None else tree.match(cotangents)
            if matched is None:
                raise GraphError(f"custom_vjp: the backward function of {self.name} returns cotangents of another "
                                 "structure than its arguments have")  # fmt: skip
            found += [self._cotangent(c, a) for c, a in zip(matched, tree.leaves, strict=True)]
        return found

    def _cotangent(self, given: Any, of: Expr) -> Expr | None:
        if given is None or not of.dtype.is_float:
            return None
        cotangent = lift("custom_vjp", given, of.dtype)
        if leaf.is_weak(of):
            cotangent = scalar.astype(cotangent, of.dtype)
        if cotangent.shape != of.shape or cotangent.dtype is not of.dtype:
            raise ShapeError(
                f"custom_vjp: the backward function of {self.name} returns a cotangent that has not the dtype and "
                f"shape of its argument{describe(cotangent=cotangent, argument=of)}"
            )
        return cotangent


@dataclass(frozen=True, eq=False)
class _OverBatch:
    """The derivative of a whole batch of calls: for each element that of `single`."""

    single: mark.Derivative
    batched: tuple[bool, ...]

    def pull(self, g: Expr, args: tuple[Expr, ...]) -> tuple[Expr | None, ...]:
        size = g.shape[0]
        stands_for: ExprTable[Expr] = ExprTable()

        def element(whole: Expr) -> Expr:
            single = leaf.input("element", whole.shape[1:], whole.dtype)
            stands_for[single] = whole
            return single

        singles = tuple(element(a) if b else a for a, b in zip(args, self.batched, strict=True))
        pulled = self.single.pull(element(g), singles)
        became = spread_over_batch([p for p in pulled if p is not None], stands_for, size)
        wholes = [None if p is None else in_front(became.get(p, p), p in became, size) for p in pulled]
        return tuple(
            reduce.sum(w, (0,)) if w is not None and not b else w for w, b in zip(wholes, self.batched, strict=True)
        )

    def push(self, g: Expr, args: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
        return _transposed(self, g, args, tangents)


def _transposed(
    derivative: mark.Derivative, g: Expr, args: tuple[Expr, ...], tangents: tuple[Expr | None, ...]
) -> Expr | None:
    """The tangents of a call's results: ⟨pull(g), t⟩ differentiated by g, at g = 0."""
    seed = leaf.input("cotangent", g.shape, g.dtype)
    pulled = zip(derivative.pull(seed, args), tangents, strict=True)
    pairs = [(p, t) for p, t in pulled if p is not None and t is not None]
    moved = sweep([p for p, _ in pairs], [t for _, t in pairs], (seed,)).cotangents.get(seed) if pairs else None
    if moved is None:
        return None
    zero = scalar.like(0, seed)
    return replace([moved], lambda node, args: zero if node is seed else rebuild(node, args))[0]


def _piece(g: Expr, start: Size | None, result: Expr) -> Expr:
    """The cotangent of one result out of those of all; zeros for an integer."""
    if start is None:
        return broadcast_to(leaf.scalar(0, float32), result.shape)
    window = slice(g, (start,), (result.size,), (1,))
    return scalar.astype(reshape(window, result.shape), result.dtype)


def batch_of_calls(node: Expr, args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> Expr:
    """The batching rule of a call."""
    attrs = node.attrs
    return mark.custom_call(
        _OverBatch(attrs["derivative"], batched), args, attrs["dtype"], (size, *attrs["batch"]), attrs["size"]
    )
