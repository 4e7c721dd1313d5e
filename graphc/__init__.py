"""graphc: a symbolic computation-graph compiler.

Expressions are built from inputs, params and the functions below, differentiated into more graph, compiled to
native code, drawn, and derived on paper:

    import graphc as gc

    x = gc.input("x", ("batch", 784))
    W = gc.param("W", gc.init.glorot_uniform((784, 512), seed=0))
    loss = gc.mean(gc.square(gc.relu(x @ W)))
    dW = gc.grad(loss, W)
    step = gc.compile([x], loss, updates={W: W - 0.1 * dW})

Only the light rooms are imported at once. The compiler, drawings, derivations and models load when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .autodiff import grad, jvp, vjp
from .frontend import (
    abs,
    add,
    argmax,
    astype,
    broadcast_to,
    clip,
    constant,
    divide,
    equal,
    erf,
    exp,
    expand_dims,
    expm1,
    greater,
    greater_equal,
    input,
    isfinite,
    less,
    less_equal,
    log,
    log1p,
    log_softmax,
    logical_and,
    logical_not,
    logical_or,
    logsumexp,
    matmul,
    matrix_transpose,
    max,
    maximum,
    mean,
    min,
    minimum,
    multiply,
    name,
    negative,
    not_equal,
    one_hot,
    param,
    permute_dims,
    pow,
    relu,
    reshape,
    sigmoid,
    sign,
    size,
    softmax,
    softplus,
    sqrt,
    square,
    squeeze,
    stop_gradient,
    subtract,
    sum,
    take_along_axis,
    tanh,
    where,
)
from .interpret import interpret  # the function takes the place of its module
from .ir.dim import Dim
from .ir.dtype import bool_ as bool
from .ir.dtype import (
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .ir.errors import CompileError, DTypeError, GraphcError, GraphError, ShapeError
from .ir.expr import Expr
from .ir.text import dump

if TYPE_CHECKING:
    from . import nn, optim
    from .compiler import Function, compile, optimize
    from .interop import from_sympy, to_networkx, to_sympy
    from .nn import initializers as init
    from .teach import Derivation, Step, derive
    from .viz import Drawing, draw

__version__ = "0.1.0"

__all__ = [
    "CompileError",
    "DTypeError",
    "Derivation",
    "Dim",
    "Drawing",
    "Expr",
    "Function",
    "GraphError",
    "GraphcError",
    "ShapeError",
    "Step",
    "__version__",
    "abs",
    "add",
    "argmax",
    "astype",
    "bool",
    "broadcast_to",
    "clip",
    "compile",
    "constant",
    "derive",
    "divide",
    "draw",
    "dump",
    "equal",
    "erf",
    "exp",
    "expand_dims",
    "expm1",
    "float32",
    "float64",
    "from_sympy",
    "grad",
    "greater",
    "greater_equal",
    "init",
    "input",
    "int8",
    "int16",
    "int32",
    "int64",
    "interpret",
    "isfinite",
    "jvp",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logsumexp",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "multiply",
    "name",
    "negative",
    "nn",
    "not_equal",
    "one_hot",
    "optim",
    "optimize",
    "param",
    "permute_dims",
    "pow",
    "relu",
    "reshape",
    "sigmoid",
    "sign",
    "size",
    "softmax",
    "softplus",
    "sqrt",
    "square",
    "squeeze",
    "stop_gradient",
    "subtract",
    "sum",
    "take_along_axis",
    "tanh",
    "to_networkx",
    "to_sympy",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "vjp",
    "where",
]

_LAZY = {
    "Derivation": "teach",
    "Drawing": "viz",
    "Function": "compiler",
    "Step": "teach",
    "compile": "compiler",
    "derive": "teach",
    "draw": "viz",
    "from_sympy": "interop",
    "init": "nn.initializers",
    "nn": "nn",
    "optim": "optim",
    "optimize": "compiler",
    "to_networkx": "interop",
    "to_sympy": "interop",
}
"""Names that load their room when first used. Where the room is the thing itself, it is the value."""

_ROOMS = frozenset({"init", "nn", "optim"})


def __getattr__(name: str) -> Any:
    room = _LAZY.get(name)
    if room is None:
        raise AttributeError(f"module 'graphc' has no attribute {name!r}")
    module = importlib.import_module(f".{room}", __name__)
    value = module if name in _ROOMS else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
