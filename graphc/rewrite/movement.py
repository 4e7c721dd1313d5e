"""Views find their place: chains become one view, and views move outward, past what is computed elementwise.

    %2 = reshape %1 {shape=(4, 1)}        %2 = exp %1
    %3 = exp %2                      →    %3 = reshape %2 {shape=(4, 1)}

So elementwise work is done before an array is repeated, reductions see the array itself, and a pattern such as
log(sum(exp(x))) is the same whether its axes were kept or not. A broadcast is outside of a reshape or a permutation,
its source has no axes of size 1 in front, and an array of one element is broadcast as a scalar.
"""

from __future__ import annotations

from ..ir.dim import Shape, Size, product
from ..ir.dtype import DType
from ..ir.expr import Expr, make
from ..ir.op import OpDef
from ..ops.leaf import iota, scalar
from ..ops.reduce import SUM, reduced
from ..ops.scalar import like, multiply
from ..ops.shape import (
    BROADCAST,
    PERMUTE,
    RESHAPE,
    broadcast_to,
    inverse,
    permute_dims,
    reshape,
    slice,
    stretched_axes,
)
from .engine import Rule, RuleKind
from .pattern import OneOf, Over, P, scalar_value, var


def is_one(size: Size) -> bool:
    """Whether a size is the number 1."""
    return isinstance(size, int) and size == 1


def _without_ones(shape: Shape) -> Shape:
    return tuple(d for d in shape if not is_one(d))


def _moves_ones(out: Expr) -> bool:
    """Whether a reshape only adds or drops axes of size 1."""
    return _without_ones(out.shape) == _without_ones(out.args[0].shape)


def _same_axes(new: Shape, old: Shape) -> list[int | None]:
    """For each axis of `new` the axis of `old` it is, None for an axis of size 1; they differ in such axes only."""
    places = iter([i for i, d in enumerate(old) if not is_one(d)])
    return [None if is_one(d) else next(places) for d in new]


# Chains of views -----------------------------------------------------------------------------------------------


def _identity_view(out: Expr, x: Expr) -> Expr | None:
    if out.shape != x.shape:
        return None
    if out.op is PERMUTE and out.attrs["axes"] != tuple(range(x.ndim)):
        return None
    moves = any(s != 0 for s in out.attrs.get("starts", ())) or any(k != 1 for k in out.attrs.get("steps", ()))
    return None if moves else x


def _permute_twice(out: Expr, x: Expr, inner: Expr) -> Expr:
    return permute_dims(x, tuple(inner.attrs["axes"][a] for a in out.attrs["axes"]))


def _permute_ones(out: Expr, x: Expr) -> Expr | None:
    """A permutation that keeps the order of all axes longer than 1 is a reshape."""
    longer = [a for a in out.attrs["axes"] if not is_one(x.shape[a])]
    return reshape(x, out.shape) if longer == sorted(longer) else None


def _slice_twice(out: Expr, x: Expr, inner: Expr) -> Expr | None:
    attrs = (*inner.attrs["starts"], *out.attrs["starts"], *out.shape)
    if not all(isinstance(a, int) for a in attrs) or 0 in out.shape:
        return None
    starts = [
        s + t * k for s, t, k in zip(inner.attrs["starts"], out.attrs["starts"], inner.attrs["steps"], strict=True)
    ]
    steps = [k * m for k, m in zip(inner.attrs["steps"], out.attrs["steps"], strict=True)]
    return slice(x, tuple(starts), out.shape, tuple(steps))


# Views of broadcasts -------------------------------------------------------------------------------------------


def _strip_front(out: Expr, x: Expr) -> Expr | None:
    """A broadcast needs no axes of size 1 in front of its source, and none at all for a single element."""
    if not x.ndim:
        return None
    if all(is_one(d) for d in x.shape):
        return broadcast_to(reshape(x, ()), out.shape)
    if not is_one(x.shape[0]):
        return None
    front = next(i for i, d in enumerate(x.shape) if not is_one(d))
    return broadcast_to(reshape(x, x.shape[front:]), out.shape)


def _padded(x: Expr, ndim: int) -> Shape:
    return (1,) * (ndim - x.ndim) + x.shape


def _reshape_broadcast(out: Expr, x: Expr, spread: Expr) -> Expr | None:
    if not x.shape:
        return broadcast_to(x, out.shape)
    if not _moves_ones(out):
        return None
    source = _padded(x, spread.ndim)
    kept = tuple(1 if a is None else source[a] for a in _same_axes(out.shape, spread.shape))
    return broadcast_to(reshape(x, kept), out.shape) if product(kept) == product(x.shape) else None


def _permute_broadcast(out: Expr, x: Expr, spread: Expr) -> Expr:
    source = reshape(x, _padded(x, spread.ndim))
    return broadcast_to(permute_dims(source, out.attrs["axes"]), out.shape)


def _slice_broadcast(out: Expr, x: Expr, spread: Expr) -> Expr:
    """A window of what is repeated is a window of the source, repeated as often as the window is wide."""
    lead = spread.ndim - x.ndim
    whole = [is_one(d) and not is_one(spread.shape[lead + i]) for i, d in enumerate(x.shape)]
    starts = tuple(0 if w else s for w, s in zip(whole, out.attrs["starts"][lead:], strict=True))
    sizes = tuple(1 if w else n for w, n in zip(whole, out.shape[lead:], strict=True))
    steps = tuple(1 if w else k for w, k in zip(whole, out.attrs["steps"][lead:], strict=True))
    return broadcast_to(slice(x, starts, sizes, steps), out.shape)


# Elementwise operations of views -------------------------------------------------------------------------------


def _apply(out: Expr, args: list[Expr]) -> Expr:
    return make(out.op, tuple(args), out.attrs)


def _elementwise_broadcasts(out: Expr) -> Expr | None:
    """An op whose arguments are all repeated along some axes is computed before it is repeated along those."""
    if not out.shape:
        return None
    sources = [a.args[0] if a.op is BROADCAST else a for a in out.args]
    stretched = [set(stretched_axes(s.shape, out.shape)) for s in sources]
    common = set.intersection(*stretched)
    if not common:
        return None
    ndim = max(s.ndim for s in sources)
    core = tuple(1 if i in common else d for i, d in enumerate(out.shape))[out.ndim - ndim :]
    return broadcast_to(_apply(out, [broadcast_to(s, core) for s in sources]), out.shape)


def _elementwise_same_view(out: Expr, view: OpDef) -> Expr | None:
    """An op over one view of several arrays, and broadcast scalars, is that view of the op.

    A scalar stays one: there is nothing to see better, and all that is computed from it would change, too.
    """
    if not out.shape:
        return None
    first = next(a for a in out.args if a.op is view)
    shape = first.args[0].shape
    args: list[Expr] = []
    for arg in out.args:
        if arg.op is view and arg.args[0].shape == shape and arg.attrs == first.attrs:
            args.append(arg.args[0])
        elif arg.op is BROADCAST and not arg.args[0].shape:
            args.append(broadcast_to(arg.args[0], shape))
        elif scalar_value(arg) is not None:
            args.append(broadcast_to(arg, shape))
        else:
            return None
    return make(view, (_apply(out, args),), first.attrs)


# Reductions of views -------------------------------------------------------------------------------------------


def _reduce_ones(out: Expr, x: Expr) -> Expr | None:
    """Axes of size 1 are dropped, not reduced."""
    axes = out.attrs["axes"]
    longer = tuple(a for a in axes if not is_one(x.shape[a]))
    return reshape(reduced(out.op, x, longer), out.shape) if longer != axes or not axes else None


def _reduce_twice(out: Expr, x: Expr, inner: Expr) -> Expr:
    kept = [a for a in range(x.ndim) if a not in inner.attrs["axes"]]
    axes = (*inner.attrs["axes"], *(kept[a] for a in out.attrs["axes"]))
    return reduced(out.op, x, tuple(sorted(axes)))


def _reduce_permuted(out: Expr, x: Expr, view: Expr) -> Expr:
    order = view.attrs["axes"]
    axes = tuple(sorted(order[a] for a in out.attrs["axes"]))
    kept = [a for a in range(x.ndim) if a not in axes]
    rest = [kept.index(a) for i, a in enumerate(order) if i not in out.attrs["axes"]]
    return permute_dims(reduced(out.op, x, axes), tuple(rest))


def _reduce_reshaped(out: Expr, x: Expr, view: Expr) -> Expr | None:
    """All elements are all elements under any shape; axes of size 1 matter to no reduction."""
    axes = out.attrs["axes"]
    if len(axes) == view.ndim:
        return reduced(out.op, x, tuple(range(x.ndim)))
    if not _moves_ones(view):
        return None
    same = _same_axes(view.shape, x.shape)
    mapped = tuple(a for i in axes if (a := same[i]) is not None)
    return reshape(reduced(out.op, x, mapped), out.shape) if mapped else None


def _reduce_broadcast(out: Expr, x: Expr, view: Expr) -> Expr | None:
    """Repeating before a sum is multiplying after it; an extremum does not see repetitions."""
    stretched = set(stretched_axes(x.shape, view.shape))
    axes = [a for a in out.attrs["axes"] if a in stretched]
    count = product(tuple(view.shape[a] for a in axes))
    if not axes or not isinstance(count, int) or count == 0:
        return None
    kept = tuple(d for i, d in enumerate(view.shape) if i not in axes)
    lead = view.ndim - x.ndim
    source = reshape(x, tuple(d for i, d in enumerate(x.shape) if lead + i not in axes))
    rest = tuple(a - len([b for b in axes if b < a]) for a in out.attrs["axes"] if a not in axes)
    rows = reduced(out.op, broadcast_to(source, kept), rest)
    return multiply(rows, _count(count, rows)) if out.op is SUM else rows


def _count(number: int, x: Expr) -> Expr:
    if x.dtype.is_integer:  # sums of integers wrap, and so does the number of their terms
        bits = x.dtype.bits
        number %= 2**bits
        number -= 2**bits if x.dtype.kind == "int" and number >= 2 ** (bits - 1) else 0
    return like(number, x)


def _run_of_flip(out: Expr, x: Expr, view: Expr) -> Expr | None:
    """A run through a flipped array is a run backward."""
    axis, steps = out.attrs["axis"], (1,) * x.ndim
    if view.shape != x.shape or view.attrs["steps"] != (*steps[:axis], -1, *steps[axis + 1 :]):
        return None
    run = make(out.op, (x,), {**out.attrs, "reverse": not out.attrs["reverse"]})
    return make(view.op, (run,), view.attrs)


def _position_of_one(out: Expr, x: Expr) -> Expr | None:
    return like(0, out) if is_one(x.shape[out.attrs["axis"]]) else None


# Positions -----------------------------------------------------------------------------------------------------

_EXACT_POSITIONS = {"float32": 2**24, "float64": 2**53}


def _counts_exactly(dtype: DType, size: Size) -> bool:
    if not isinstance(size, int) or dtype.kind == "bool":
        return False
    largest: int = _EXACT_POSITIONS.get(dtype.name) or 2 ** (dtype.bits - (dtype.kind == "int")) - 1
    return size - 1 <= largest


def _iota_of_one(out: Expr) -> Expr | None:
    if not is_one(out.shape[out.attrs["axis"]]):
        return None
    return broadcast_to(scalar(0, out.dtype), out.shape)


def _iota_converted(out: Expr, positions: Expr) -> Expr | None:
    axis = positions.attrs["axis"]
    size = positions.shape[axis]
    if not (_counts_exactly(positions.dtype, size) and _counts_exactly(out.dtype, size)):
        return None
    return iota(positions.shape, axis, out.dtype)


def _iota_broadcast(out: Expr, positions: Expr) -> Expr | None:
    axis = positions.attrs["axis"] + out.ndim - positions.ndim
    if is_one(positions.shape[positions.attrs["axis"]]):
        return None
    return iota(out.shape, axis, out.dtype)


def _iota_permuted(out: Expr, positions: Expr) -> Expr:
    return iota(out.shape, inverse(out.attrs["axes"])[positions.attrs["axis"]], out.dtype)


def _iota_reshaped(out: Expr, positions: Expr) -> Expr | None:
    axis = positions.attrs["axis"]
    if not _moves_ones(out) or is_one(positions.shape[axis]):
        return None
    return iota(out.shape, _same_axes(out.shape, positions.shape).index(axis), out.dtype)


x = var("x")
_VIEWS = ("reshape", "permute_dims", "broadcast_to", "slice")
_EXTREMA = ("max", "min", "any", "all")
"""Reductions that take one of the elements: their order and repetitions do not matter to the last bit."""
_FOLDS = ("sum", "prod", *_EXTREMA)


def _folds_of_views(name: str, kind: RuleKind) -> tuple[Rule, ...]:
    """How a reduction meets another of its kind, and views."""
    fold = getattr(P, name)
    return (
        Rule(f"{name}-twice", fold(fold(x, name="inner")), _reduce_twice, kind, f"{name}(x)"),
        Rule(f"{name}-of-permute", fold(P.permute_dims(x, name="view")), _reduce_permuted, kind,
             f"permute_dims({name}(x))"),
        Rule(f"{name}-of-reshape", fold(P.reshape(x, name="view")), _reduce_reshaped, kind, f"reshape({name}(x))"),
    )  # fmt: skip


POSITIONS = (
    Rule("iota-of-one", P.iota(), _iota_of_one, becomes="0"),
    Rule("iota-astype", P.astype(P.iota(name="positions")), _iota_converted, becomes="iota of that dtype"),
    Rule("iota-broadcast", P.broadcast_to(P.iota(name="positions")), _iota_broadcast, becomes="iota of that shape"),
    Rule("iota-permute", P.permute_dims(P.iota(name="positions")), _iota_permuted, becomes="iota of that shape"),
    Rule("iota-reshape", P.reshape(P.iota(name="positions")), _iota_reshaped, becomes="iota of that shape"),
)  # fmt: skip

VIEWS = (
    Rule("identity-view", OneOf((*_VIEWS, "scatter_slice"), (x,)), _identity_view, becomes="x, of that shape"),
    Rule("reshape-twice", P.reshape(P.reshape(x)), lambda out, x: reshape(x, out.shape), becomes="reshape(x)"),
    Rule("permute-twice", P.permute_dims(P.permute_dims(x, name="inner")), _permute_twice, becomes="permute_dims(x)"),
    Rule("broadcast-twice", P.broadcast_to(P.broadcast_to(x)), lambda out, x: broadcast_to(x, out.shape),
         becomes="broadcast_to(x)"),
    Rule("slice-twice", P.slice(P.slice(x, name="inner")), _slice_twice, becomes="slice(x)"),
    Rule("permute-ones", P.permute_dims(x), _permute_ones, becomes="reshape(x), order kept"),
    Rule("broadcast-front", P.broadcast_to(x), _strip_front, becomes="broadcast_to(reshape(x)), no 1 in front"),
    Rule("reshape-of-broadcast", P.reshape(P.broadcast_to(x, name="spread")), _reshape_broadcast,
         becomes="broadcast_to(reshape(x))"),
    Rule("permute-of-broadcast", P.permute_dims(P.broadcast_to(x, name="spread")), _permute_broadcast,
         becomes="broadcast_to(permute_dims(x))"),
    Rule("slice-of-broadcast", P.slice(P.broadcast_to(x, name="spread")), _slice_broadcast,
         becomes="broadcast_to(slice(x))"),
)  # fmt: skip

ELEMENTWISE = (
    Rule("elementwise-of-broadcasts", Over(("elementwise",), ("broadcast_to", "constant")), _elementwise_broadcasts,
         becomes="broadcast_to(op), computed once"),
    Rule("elementwise-of-reshapes", Over(("elementwise",), ("reshape", "constant", "broadcast_to")),
         lambda out: _elementwise_same_view(out, RESHAPE), becomes="reshape(op)"),
    Rule("elementwise-of-permutes", Over(("elementwise",), ("permute_dims", "constant", "broadcast_to")),
         lambda out: _elementwise_same_view(out, PERMUTE), becomes="permute_dims(op)"),
)  # fmt: skip

REDUCTIONS = (
    Rule("reduce-ones", OneOf(_FOLDS, (x,)), _reduce_ones, "stabilize",
         becomes="reshape(reduce(x)), longer axes only"),
    Rule("run-of-flip", OneOf(("cumulative_sum", "cumulative_prod"), (P.slice(x, name="view"),)), _run_of_flip,
         becomes="flip(run(x)), the other way"),
    Rule("position-of-one", OneOf(("argmax", "argmin"), (x,)), _position_of_one, becomes="0"),
    *(rule for name in _EXTREMA for rule in _folds_of_views(name, "exact")),
    *(rule for name in ("sum", "prod") for rule in _folds_of_views(name, "stabilize")),
    Rule("extremum-of-broadcast", OneOf(_EXTREMA, (P.broadcast_to(x, name="view"),)), _reduce_broadcast,
         becomes="reduce(x)"),
    Rule("sum-of-broadcast", P.sum(P.broadcast_to(x, name="view")), _reduce_broadcast, "stabilize",
         "multiply(sum(x), count)"),
)  # fmt: skip

MOVEMENT = POSITIONS + VIEWS + ELEMENTWISE + REDUCTIONS
