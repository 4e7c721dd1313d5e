"""Each op as a reader says it: a row for every one in the registry.

Numbers that an op takes as operands are written into its words ("× 0.5", "1 − ·", "max(·, 0)"), the dot standing for
the operand that an arrow brings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.dim import Shape, Size, show
from ..ir.dtype import float32
from ..ir.expr import Expr

SLOT = "·"
MINUS = "−"
Operands = Sequence[str | None]
"""For each operand its number as text, None where it comes by an arrow."""
Wording = Callable[[Expr, Operands], str]


def number(value: Any) -> str:
    """A number in up to four digits: 0.3333, −1, 1e−5, true."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return str(value).replace("-", MINUS)
    mantissa, e, exponent = f"{float(value):.4g}".replace("inf", "∞").partition("e")
    text = f"{mantissa}e{int(exponent)}" if e else mantissa
    return text.replace("-", MINUS)


def shape(given: Shape) -> str:
    """128×512, or (batch, 784) where a size has a name and (512,) where there is one axis."""
    if len(given) > 1 and all(isinstance(d, int) for d in given):
        return "×".join(map(str, given))
    return show(given) if given else "scalar"


def type_of(node: Expr) -> str:
    """Shape, after the dtype where that is not float32."""
    return shape(node.shape) if node.dtype is float32 else f"{node.dtype} {shape(node.shape)}"


def _infix(symbol: str, *, commutes: bool = False) -> Wording:
    def word(node: Expr, operands: Operands) -> str:
        left, right = operands
        if left is None:
            return symbol if right is None else f"{symbol} {right}"
        if right is None:
            return f"{symbol} {left}" if commutes else f"{left} {symbol} {SLOT}"
        return f"{left} {symbol} {right}"

    return word


def _call(name: str) -> Wording:
    def word(node: Expr, operands: Operands) -> str:
        if all(o is None for o in operands):
            return name
        return f"{name}({', '.join(o or SLOT for o in operands)})"

    return word


def _around(before: str, after: str, name: str) -> Wording:
    """Signs around a number, the op's name where the operand comes by an arrow."""
    return lambda node, operands: name if operands[0] is None else f"{before}{operands[0]}{after}"


def _axes(axes: tuple[int, ...], node: Expr) -> str:
    if len(axes) == node.args[0].ndim:
        return ""
    return f" over axis {axes[0]}" if len(axes) == 1 else f" over axes {', '.join(map(str, axes))}"


def _reduction(name: str) -> Wording:
    return lambda node, operands: name + _axes(node.attrs["axes"], node)


def _along(name: str) -> Wording:
    return lambda node, operands: f"{name} along axis {node.attrs['axis']}"


def _run(name: str) -> Wording:
    return lambda node, operands: (
        f"{name} along axis {node.attrs['axis']}{', backward' if node.attrs['reverse'] else ''}"
    )


def _ordering(name: str) -> Wording:
    return lambda node, operands: (
        f"{name} along axis {node.attrs['axis']}{', descending' if node.attrs['descending'] else ''}"
    )


def _permute(node: Expr, operands: Operands) -> str:
    axes = node.attrs["axes"]
    last = len(axes) - 1
    if last >= 1 and axes == (*range(last - 1), last, last - 1):
        return "transpose"
    return f"axes {', '.join(map(str, axes))}"


def _window(starts: Sequence[Size], sizes: Sequence[Size], steps: Sequence[int], whole: Shape) -> str:
    """The window as Python writes it: [1:4, ::2]."""
    parts = []
    for start, size, step, extent in zip(starts, sizes, steps, whole, strict=True):
        if size == extent and step == 1:
            parts.append(":")
        elif step == 1:
            parts.append(f"{start}:{start + size}")
        elif step > 0:
            parts.append(f"{start}:{start + (size - 1) * step + 1}:{step}")
        else:
            parts.append(f"{start}::{step}")
    return f"[{', '.join(parts)}]"


def _slice(node: Expr, operands: Operands) -> str:
    attrs = node.attrs
    return SLOT + _window(attrs["starts"], attrs["sizes"], attrs["steps"], node.args[0].shape)


def _scatter_slice(node: Expr, operands: Operands) -> str:
    attrs = node.attrs
    return f"zeros{_window(attrs['starts'], node.args[0].shape, attrs['steps'], node.shape)} ← {SLOT}"


def _constant(node: Expr, operands: Operands) -> str:
    array = node.attrs["value"].array
    if array.ndim == 0:
        return number(array[()])
    if array.ndim == 1 and array.size <= 5:
        return f"[{', '.join(map(number, array))}]"
    return "constant"


WORDS: dict[str, Wording] = {
    "input": lambda node, operands: "input",
    "param": lambda node, operands: "param",
    "constant": _constant,
    "size": lambda node, operands: f"size {node.attrs['size']}",
    "iota": lambda node, operands: f"0, 1, 2 … along axis {node.attrs['axis']}",
    "add": _infix("+", commutes=True),
    "subtract": _infix(MINUS),
    "multiply": _infix("×", commutes=True),
    "divide": _infix("÷"),
    "negative": _around(MINUS, "", "negate"),
    "abs": _around("|", "|", "abs"),
    "sign": _call("sign"),
    "square": _around("(", ")²", "square"),
    "sqrt": _around("√", "", "sqrt"),
    "pow": _call("pow"),
    "exp": _call("exp"),
    "log": _call("log"),
    "expm1": _call("expm1"),
    "log1p": _call("log1p"),
    "sigmoid": _call("sigmoid"),
    "softplus": _call("softplus"),
    "erf": _call("erf"),
    "relu": _call("relu"),
    "maximum": _call("max"),
    "minimum": _call("min"),
    "equal": _infix("=", commutes=True),
    "not_equal": _infix("≠", commutes=True),
    "less": _infix("<"),
    "less_equal": _infix("≤"),
    "greater": _infix(">"),
    "greater_equal": _infix("≥"),
    "logical_and": _infix("and", commutes=True),
    "logical_or": _infix("or", commutes=True),
    "logical_not": _call("not"),
    "logical_xor": _infix("xor", commutes=True),
    "isfinite": _call("is finite"),
    "isinf": _call("is infinite"),
    "isnan": _call("is nan"),
    "signbit": _call("sign bit"),
    "ceil": _around("⌈", "⌉", "ceil"),
    "floor": _around("⌊", "⌋", "floor"),
    "floor_divide": _infix("÷ rounded down"),
    "remainder": _infix("mod"),
    "bitwise_and": _infix("&", commutes=True),
    "bitwise_or": _infix("|", commutes=True),
    "bitwise_xor": _infix("⊕", commutes=True),
    "bitwise_invert": _call("invert bits"),
    "bitwise_left_shift": _infix("≪"),
    "bitwise_right_shift": _infix("≫"),
    "nextafter": _call("next after"),
    "lgamma": _call("ln Γ"),
    "digamma": _call("ψ"),
    "trigamma": _call("ψ′"),
    **{
        name: _call(name)
        for name in (
            "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "copysign", "cos", "cosh", "erfc",
            "exp2", "hypot", "log10", "log2", "logaddexp", "round", "sin", "sinh", "tan", "tanh", "trunc",
        )
    },
    "where": _call("where"),
    "choose": _call("choose"),
    "astype": lambda node, operands: f"as {node.dtype}",
    "probe": lambda node, operands: f"probe {node.attrs['name']!r}",
    "custom_call": lambda node, operands: "own derivative",
    "custom_result": lambda node, operands: "with own derivative",
    "stop_gradient": _call("stop gradient"),
    "reshape": lambda node, operands: "reshape",
    "permute_dims": _permute,
    "broadcast_to": lambda node, operands: "broadcast",
    "slice": _slice,
    "scatter_slice": _scatter_slice,
    "take": _along("take"),
    "sort": _ordering("sort"),
    "argsort": _ordering("argsort"),
    "argtopk": lambda node, operands: f"positions of the {node.attrs['size']} largest along axis {node.attrs['axis']}",
    "searchsorted": _call("searchsorted"),
    "dynamic_slice": lambda node, operands: f"{node.attrs['size']} from a position along axis {node.attrs['axis']}",
    "dynamic_update_slice": _along("write a window"),
    "take_along_axis": _along("take"),
    "scatter_add_along_axis": _along("scatter-add"),
    "scatter": lambda node, operands: f"{node.attrs['mode']} at positions along axis {node.attrs['axis']}",
    "matmul": _call("matmul"),
    "sum": _reduction("sum"),
    "prod": _reduction("product"),
    "max": _reduction("max"),
    "min": _reduction("min"),
    "any": _reduction("any"),
    "all": _reduction("all"),
    "argmax": _along("argmax"),
    "argmin": _along("argmin"),
    "cumulative_sum": _run("running sum"),
    "cumulative_prod": _run("running product"),
    "linear_recurrence": _run("linear recurrence"),
    "concat": _along("concat"),
    "roll": lambda node, operands: f"roll by {node.attrs['shift']} along axis {node.attrs['axis']}",
}  # fmt: skip


def words(node: Expr, operands: Operands) -> str:
    """What a node computes, as a reader says it."""
    word = WORDS.get(node.op.name)
    return word(node, operands) if word else node.op.name


def inline_text(node: Expr, argument: str | None) -> str | None:
    """The number that users of this node may have written into their words; None when it is a value of its own.

    Args:
        argument: the number its first argument is, if that is one.
    """
    if node.name:
        return None
    if node.op.name == "constant":
        return _uniform(node.attrs["value"].array)
    if node.op.name == "size":
        return str(node.attrs["size"])
    passes_on = node.op.name in ("broadcast_to", "reshape") or (node.op.name == "astype" and node.dtype.is_float)
    return argument if passes_on else None


def _uniform(array: np.ndarray[Any, Any]) -> str | None:
    """The number that all elements are."""
    if array.size == 0 or array.size > 1_000_000:
        return None
    first = array.flat[0]
    return number(first) if array.size == 1 or bool((array == first).all()) else None


def keeps_elements(node: Expr) -> bool:
    """Whether a node only repeats its argument or writes it with more or fewer axes of size 1."""
    if node.op.name == "broadcast_to":
        return True
    return node.op.name == "reshape" and _without_ones(node.shape) == _without_ones(node.args[0].shape)


def _without_ones(given: Shape) -> list[Size]:
    return [d for d in given if not (isinstance(d, int) and d == 1)]
