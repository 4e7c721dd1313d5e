"""`gc.cond`: one of two functions of expressions, whichever a scalar asks for.

    y = gc.cond(x.any(), lambda w: w @ w, lambda w: w, w)      %4 = choose %3, %1, %2; %3 = broadcast_to (any x)

Both functions are traced, into the same graph; what only one side of a `choose` needs is that side's work, see
`graphc.ops.guard`. A compiled program runs the work of the side that is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..frontend.lifting import lift, lift_weakly, promoted
from ..ir.dim import Dim
from ..ir.dtype import bool_
from ..ir.errors import DTypeError, GraphError, ShapeError, describe
from ..ir.expr import Expr
from ..ir.tree import Tree, flatten
from ..ops import leaf, scalar
from ..ops.shape import broadcast_to


def cond(pred: Any, then: Callable[..., Any], otherwise: Callable[..., Any], *operands: Any) -> Any:
    """`then(*operands)` if `pred` holds, else `otherwise(*operands)`.

    Args:
        pred: a scalar bool; a scalar number holds unless it is 0. Where it is a Python or NumPy value instead of an
            expression, the choice is made now and the other function is not called.
        then: takes and returns expressions, or tuples, lists and dicts of them.
        otherwise: likewise, with results of the same structure, dtypes and shapes. Python's numbers take the dtype of
            what they stand beside.
        operands: expressions, arrays, or tuples, lists and dicts of them.

    Returns:
        The results, in their structure. A compiled function computes only what the side that is taken needs, and what
        others need as well; the functions may also use expressions that are no operands. Derivatives are those of
        the side taken, whatever happens on the other. Over a batch of predicates (`gc.vmap`) both sides are computed,
        and `gc.where` chooses.

    Raises:
        ShapeError: `pred` is no scalar, or two results differ in shape.
        DTypeError: `pred` or a result is no number, or two results differ in dtype.
        GraphError: `then` or `otherwise` is no function, or the structures of their results differ.
    """
    for role, function in (("then", then), ("otherwise", otherwise)):
        if not callable(function):
            raise GraphError(f"cond: `{role}` must be a function of the operands, not {type(function).__name__}")
    given = flatten(operands)
    arguments = given.rebuild(lift_weakly("cond", x) for x in given.leaves)
    if isinstance(pred, (Expr, Dim)):
        predicate = _predicate(lift("cond", pred))
        return _joined(predicate, flatten(then(*arguments)), flatten(otherwise(*arguments)))
    results = flatten((then if _holds(pred) else otherwise)(*arguments))
    return results.rebuild(lift("cond", x) for x in results.leaves)


def _predicate(given: Expr) -> Expr:
    if given.shape != ():
        raise ShapeError(
            f"cond: the predicate must be a scalar; gc.where chooses element by element{describe(predicate=given)}"
        )
    return given if given.dtype is bool_ else scalar.not_equal(given, scalar.like(0, given))


def _holds(given: Any) -> bool:
    """What a predicate that is no expression says."""
    array = np.asarray(given)
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"cond: the predicate must be a bool or a number, not {type(given).__name__}")
    if array.shape != ():
        raise ShapeError(f"cond: the predicate must be a scalar, not an array of shape {array.shape}")
    return bool(array)


def _joined(predicate: Expr, then: Tree, otherwise: Tree) -> Any:
    if then.skeleton != otherwise.skeleton:
        raise GraphError(
            f"cond: the two functions return different structures, {_shown(then)} and {_shown(otherwise)}"
            f"{describe(predicate=predicate)}"
        )
    pairs = zip(then.leaves, otherwise.leaves, strict=True)
    return then.rebuild(_choice(predicate, a, b) for a, b in pairs)


def _choice(predicate: Expr, then: Any, otherwise: Any) -> Expr:
    x, y = _alike(then, otherwise)
    if x.shape != y.shape:
        raise ShapeError(f"cond: the two functions return different shapes{describe(then=x, otherwise=y)}")
    if x.dtype is not y.dtype:
        raise DTypeError(f"cond: the two functions return different dtypes{describe(then=x, otherwise=y)}")
    return x if x is y else scalar.choose(broadcast_to(predicate, x.shape), x, y)


def _alike(then: Any, otherwise: Any) -> tuple[Expr, ...]:
    """The two results as expressions: a number takes the dtype of what it stands beside."""
    weak = [isinstance(r, (bool, int, float)) or (isinstance(r, Expr) and leaf.is_weak(r)) for r in (then, otherwise)]
    return promoted("cond", then, otherwise) if any(weak) else (lift("cond", then), lift("cond", otherwise))


def _shown(results: Tree) -> str:
    """A structure as its reader knows it, with `*` for each leaf."""
    return repr(results.rebuild("*" for _ in results.leaves)).replace("'*'", "*")
