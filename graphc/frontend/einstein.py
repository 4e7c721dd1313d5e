"""einsum: any contraction, in steps of two operands, each step a matmul that reads its operands where they lie.

    einsum("bij,kj->bki", x, y)     x as (b·i, j), y as (j, k): one product, then its axes put in order

The order of the steps is the cheapest by the number of multiplications; named dimensions count as `NOMINAL`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from ..ir.dim import Dim, Shape, Size, evaluate, names, product
from ..ir.dtype import int64
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr
from ..ops import leaf, linalg, reduce, scalar
from ..ops import shape as raw
from ..ops.index import take
from .lifting import ArrayLike, promoted
from .subscripts import Label, Labels, Subscripts, parse

NOMINAL = 128
"""What a named dimension counts as where costs are compared."""
EXHAUSTIVE = 8
"""Operands up to which every order is considered; more are joined greedily."""


def einsum(subscripts: str, /, *operands: ArrayLike) -> Expr:
    """The sum over products that `subscripts` describe, in Einstein's notation as NumPy's.

    Letters name axes: those shared by operands are paired, those missing in the output summed over, a letter that
    stands twice in one operand takes the diagonal, and `...` stands for axes that broadcast. Without "->" the output
    has the letters that occur once, in alphabetical order.

    Raises:
        ShapeError: subscripts that do not parse (the message points at the character) or do not fit the operands.
        DTypeError: the operands are bool, or their dtypes have no common one.
    """
    if not isinstance(subscripts, str):
        raise ShapeError(f"einsum: the subscripts are a text such as 'ij,jk->ik', not {type(subscripts).__name__}")
    if not operands:
        raise ShapeError(f"einsum: there are no operands for {subscripts!r}")
    exprs = promoted("einsum", *operands)
    if exprs[0].dtype.kind == "bool":
        raise DTypeError(f"einsum: convert bool with gc.astype first{describe(operand=exprs[0])}")
    return contract(parse(subscripts, exprs), exprs)


def contract(terms: Subscripts, operands: tuple[Expr, ...]) -> Expr:
    """The contraction of operands whose axes have labels."""
    parts = [_prepared(e, number, terms) for number, e in enumerate(operands)]
    for first, second in path([p.labels for p in parts], terms):
        a, b = parts[first], parts[second]
        parts = [p for i, p in enumerate(parts) if i not in (first, second)]
        needed = {*terms.output, *(label for p in parts for label in p.labels)}
        parts.append(_joined(a, b, needed))
    (last,) = parts
    kept = last.summed(set(terms.output))
    return raw.permute_dims(kept.expr, tuple(kept.labels.index(label) for label in terms.output))


class _Part:
    """An operand, or what became of some, with a label for each axis."""

    def __init__(self, expr: Expr, labels: Labels) -> None:
        self.expr = expr
        self.labels = labels

    def size(self, label: Label) -> Size:
        return self.expr.shape[self.labels.index(label)]

    def summed(self, kept: set[Label]) -> _Part:
        """Summed over the labels that nobody needs."""
        axes = tuple(i for i, label in enumerate(self.labels) if label not in kept)
        return _Part(reduce.sum(self.expr, axes), tuple(label for label in self.labels if label in kept))

    def arranged(self, *groups: Sequence[Label]) -> Expr:
        """The axes in the order of the groups, those of the last two groups merged into one each."""
        order = [label for group in groups for label in group]
        expr = raw.permute_dims(self.expr, tuple(self.labels.index(label) for label in order))
        stack, *merged = groups
        sizes = [product(tuple(self.size(label) for label in group)) for group in merged]
        return raw.reshape(expr, (*(self.size(label) for label in stack), *sizes))


def _prepared(expr: Expr, number: int, terms: Subscripts) -> _Part:
    """An operand with one axis for each label: diagonals taken, axes of size 1 under `...` dropped, and what no
    other operand and not the output has summed over."""
    labels = terms.inputs[number]
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            expr, labels = diagonal_of("einsum", expr, first, second), (*labels[:second], *labels[second + 1 :])
            moved = (*range(first), expr.ndim - 1, *range(first, expr.ndim - 1))
            expr = raw.permute_dims(expr, moved)
    single = [i for i, x in enumerate(labels) if x[0] == "-" and expr.shape[i] == 1 and terms.sizes[x] != 1]
    if single:
        expr = raw.reshape(expr, tuple(d for i, d in enumerate(expr.shape) if i not in single))
        labels = tuple(x for i, x in enumerate(labels) if i not in single)
    needed = {label for i, other in enumerate(terms.inputs) if i != number for label in other}
    return _Part(expr, labels).summed({*terms.output, *needed})


def diagonal_of(name: str, x: Expr, first: int, second: int, offset: int = 0) -> Expr:
    """The elements whose positions along two axes differ by `offset`, along a new last axis."""
    others = tuple(a for a in range(x.ndim) if a not in (first, second))
    rows, columns = x.shape[first], x.shape[second]
    flat = raw.reshape(raw.permute_dims(x, (*others, first, second)), (*(x.shape[a] for a in others), rows * columns))
    below, right = max(-offset, 0), max(offset, 0)
    if isinstance(rows, int) and isinstance(columns, int):
        length = max(min(rows - below, columns - right), 0)
        return _every(flat, below * columns + right if length else 0, length, columns + 1)
    if rows != columns or offset:
        raise ShapeError(f"{name}: axes {first} and {second} have sizes {rows} and {columns}{describe(x=x)}")
    step = raw.broadcast_to(scalar.add(leaf.size(columns), leaf.scalar(1, int64)), (rows,))
    return take(flat, scalar.multiply(leaf.iota((rows,), 0, int64), step), flat.ndim - 1)


def _every(flat: Expr, start: int, length: int, step: int) -> Expr:
    """Elements of the last axis `step` apart."""
    ndim = flat.ndim - 1
    return raw.slice(flat, (*(0,) * ndim, start), (*flat.shape[:-1], length), (*(1,) * ndim, step))


def _joined(a: _Part, b: _Part, needed: set[Label]) -> _Part:
    """The product of two parts, summed over the labels that are needed no more."""
    a = a.summed({*needed, *b.labels})
    b = b.summed({*needed, *a.labels})
    shared = [label for label in a.labels if label in b.labels]
    stack = [label for label in shared if label in needed]
    inner = [label for label in shared if label not in needed]
    left = [label for label in a.labels if label not in shared]
    right = [label for label in b.labels if label not in shared]
    labels = (*stack, *left, *right)
    if not inner or not (left or right):
        return _multiplied(a, b, (*labels, *inner)).summed(set(labels))
    result = linalg.matmul(a.arranged(stack, left, inner), b.arranged(stack, inner, right))
    sizes = (*(a.size(x) for x in (*stack, *left)), *(b.size(x) for x in right))
    return _Part(raw.reshape(result, sizes), labels)


def _multiplied(a: _Part, b: _Part, labels: Labels) -> _Part:
    """The product element by element: what is shared is paired, the rest spread out."""
    shape: Shape = tuple(a.size(x) if x in a.labels else b.size(x) for x in labels)
    return _Part(scalar.multiply(_spread(a, labels, shape), _spread(b, labels, shape)), labels)


def _spread(part: _Part, labels: Labels, shape: Shape) -> Expr:
    mine = [label for label in labels if label in part.labels]
    ordered = raw.permute_dims(part.expr, tuple(part.labels.index(label) for label in mine))
    sizes = tuple(d if label in part.labels else 1 for label, d in zip(labels, shape, strict=True))
    return raw.broadcast_to(raw.reshape(ordered, sizes), shape)


# The order -----------------------------------------------------------------------------------------------------


def path(parts: Sequence[Labels], terms: Subscripts) -> list[tuple[int, int]]:
    """Which two to join, step by step; what comes of it stands at the end of the list."""
    if len(parts) <= 2:
        return [(0, 1)] * (len(parts) - 1)
    sets = [frozenset(labels) for labels in parts]
    extents = {label: _nominal(size) for label, size in terms.sizes.items()}
    output = frozenset(terms.output)
    tree = _cheapest(sets, output, extents) if len(parts) <= EXHAUSTIVE else _greedy(sets, output, extents)
    return _steps(tree, len(parts))


Tree = int | tuple["Tree", "Tree"]


def _nominal(size: Size) -> int:
    if isinstance(size, int):
        return size
    found = evaluate(size, dict.fromkeys(names(size), NOMINAL))
    return NOMINAL if isinstance(found, Dim) else found


def _cost(labels: frozenset[Label], extents: dict[Label, int]) -> int:
    return math.prod(extents[label] for label in labels)


def _cheapest(sets: list[frozenset[Label]], output: frozenset[Label], extents: dict[Label, int]) -> Tree:
    """Over all orders, by the best of every subset of operands."""
    whole = (1 << len(sets)) - 1

    @functools.cache
    def labels(subset: int) -> frozenset[Label]:
        """What the product of a subset has: what the output or operands outside of it need."""
        inside = frozenset[Label]().union(*(s for i, s in enumerate(sets) if subset >> i & 1))
        outside = output.union(*(s for i, s in enumerate(sets) if not subset >> i & 1))
        return inside & outside

    best: dict[int, tuple[int, Tree]] = {1 << i: (0, i) for i in range(len(sets))}
    for subset in sorted(range(1, whole + 1), key=lambda s: (s.bit_count(), s)):
        if subset in best:
            continue
        part = (subset - 1) & subset
        while part:
            rest = subset ^ part
            if part < rest:
                (a, left), (b, right) = best[part], best[rest]
                total = a + b + _cost(labels(part) | labels(rest), extents)
                if subset not in best or total < best[subset][0]:
                    best[subset] = (total, (left, right))
            part = (part - 1) & subset
    return best[whole][1]


def _greedy(sets: list[frozenset[Label]], output: frozenset[Label], extents: dict[Label, int]) -> Tree:
    """Always the join that makes the least of what it takes; the cheapest of these."""
    left: list[tuple[frozenset[Label], Tree]] = list(zip(sets, range(len(sets)), strict=True))
    while len(left) > 1:
        choices = []
        for i in range(len(left)):
            for j in range(i + 1, len(left)):
                both = left[i][0] | left[j][0]
                kept = both & output.union(*(s for k, (s, _) in enumerate(left) if k not in (i, j)))
                grown = _cost(kept, extents) - _cost(left[i][0], extents) - _cost(left[j][0], extents)
                choices.append((grown, _cost(both, extents), i, j, kept))
        _, _, i, j, kept = min(choices, key=lambda c: c[:4])
        joined = (kept, (left[i][1], left[j][1]))
        left = [part for k, part in enumerate(left) if k not in (i, j)] + [joined]
    return left[0][1]


def _steps(tree: Tree, count: int) -> list[tuple[int, int]]:
    """A tree of operands as positions in the list that shrinks from behind and grows at its end."""
    waiting: list[Tree] = list(range(count))
    steps: list[tuple[int, int]] = []
    pending = [tree]
    order: list[tuple[Tree, Tree]] = []
    while pending:
        node = pending.pop()
        if isinstance(node, tuple):
            order.append(node)
            pending += node
    for left, right in reversed(order):
        first, second = sorted((waiting.index(left), waiting.index(right)))
        steps.append((first, second))
        waiting = [w for i, w in enumerate(waiting) if i not in (first, second)] + [(left, right)]
    return steps
