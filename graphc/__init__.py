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
from math import e, inf, nan, pi
from typing import TYPE_CHECKING, Any

from . import notebook as _notebook
from .frontend import (
    abs,
    add,
    asarray,
    astype,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    broadcast_to,
    ceil,
    clip,
    conj,
    constant,
    copysign,
    divide,
    dynamic_slice,
    dynamic_update_slice,
    equal,
    expand_dims,
    floor,
    floor_divide,
    greater,
    greater_equal,
    imag,
    input,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    matmul,
    matrix_transpose,
    maximum,
    minimum,
    multiply,
    name,
    negative,
    nextafter,
    nonzero,
    not_equal,
    one_hot,
    param,
    permute_dims,
    positive,
    pow,
    probe,
    real,
    reciprocal,
    remainder,
    reshape,
    round,
    sign,
    signbit,
    size,
    square,
    squeeze,
    stop_gradient,
    subtract,
    take,
    take_along_axis,
    trunc,
    unique_all,
    unique_counts,
    unique_inverse,
    unique_values,
    where,
)
from .interpret import interpret  # the function takes the place of its module
from .ir.collector import without_collection as _without_collection
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
from .ir.errors import (
    CheckError,
    CompileError,
    DTypeError,
    GraphcError,
    GraphError,
    IndexRangeError,
    NotFiniteError,
    ShapeError,
)
from .ir.expr import Expr
from .ir.scope import scope
from .ir.text import dump

if TYPE_CHECKING:
    from . import nn, optim
    from .autodiff import grad, jvp, vjp
    from .compiler import Function, compile, optimize
    from .compiler.tracing import jit
    from .frontend.activations import (
        elu,
        gelu,
        hard_sigmoid,
        hard_swish,
        leaky_relu,
        mish,
        relu,
        selu,
        sigmoid,
        silu,
        softplus,
        softsign,
    )
    from .frontend.contraction import diagonal, outer, tensordot, trace, vecdot
    from .frontend.datatypes import can_cast, finfo, iinfo, isdtype, result_type
    from .frontend.einstein import einsum
    from .frontend.filled import (
        arange,
        empty,
        empty_like,
        eye,
        full,
        full_like,
        linspace,
        meshgrid,
        ones,
        ones_like,
        zeros,
        zeros_like,
    )
    from .frontend.manipulation import (
        broadcast_arrays,
        broadcast_shapes,
        concat,
        flip,
        moveaxis,
        pad,
        repeat,
        roll,
        stack,
        tile,
        tril,
        triu,
        unstack,
    )
    from .frontend.norms import matrix_norm, vector_norm
    from .frontend.reductions import (
        all,
        any,
        argmax,
        argmin,
        count_nonzero,
        log_softmax,
        logsumexp,
        max,
        mean,
        min,
        prod,
        softmax,
        sum,
    )
    from .frontend.sorting import argsort, searchsorted, sort, topk
    from .frontend.statistics import cumulative_prod, cumulative_sum, diff, std, var
    from .frontend.transcendental import (
        acos,
        acosh,
        asin,
        asinh,
        atan,
        atan2,
        atanh,
        cbrt,
        cos,
        cosh,
        digamma,
        erf,
        erfc,
        exp,
        exp2,
        expm1,
        hypot,
        lgamma,
        log,
        log1p,
        log2,
        log10,
        logaddexp,
        rsqrt,
        sin,
        sinh,
        sqrt,
        tan,
        tanh,
        trigamma,
    )
    from .interop import from_networkx, from_sympy, to_networkx, to_sympy
    from .nn import initializers as init
    from .teach import Derivation, Step, derive
    from .transform import cond, custom_vjp, hessian, hvp, jacobian, vmap
    from .viz import Drawing, Explorer, draw, explore

__version__ = "0.1.0"

newaxis = None
"""What adds an axis of size 1 in an index: `x[:, gc.newaxis]`."""

__all__ = [
    "CheckError",
    "CompileError",
    "DTypeError",
    "Derivation",
    "Dim",
    "Drawing",
    "Explorer",
    "Expr",
    "Function",
    "GraphError",
    "GraphcError",
    "IndexRangeError",
    "NotFiniteError",
    "ShapeError",
    "Step",
    "__version__",
    "abs",
    "acos",
    "acosh",
    "add",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "asarray",
    "asin",
    "asinh",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "bool",
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "can_cast",
    "cbrt",
    "ceil",
    "clip",
    "compile",
    "concat",
    "cond",
    "conj",
    "constant",
    "copysign",
    "cos",
    "cosh",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "custom_vjp",
    "derive",
    "diagonal",
    "diff",
    "digamma",
    "divide",
    "draw",
    "dump",
    "dynamic_slice",
    "dynamic_update_slice",
    "e",
    "einsum",
    "elu",
    "empty",
    "empty_like",
    "equal",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expand_dims",
    "explore",
    "expm1",
    "eye",
    "finfo",
    "flip",
    "float32",
    "float64",
    "floor",
    "floor_divide",
    "from_networkx",
    "from_sympy",
    "full",
    "full_like",
    "gelu",
    "grad",
    "greater",
    "greater_equal",
    "hard_sigmoid",
    "hard_swish",
    "hessian",
    "hvp",
    "hypot",
    "iinfo",
    "imag",
    "inf",
    "init",
    "input",
    "int8",
    "int16",
    "int32",
    "int64",
    "interpret",
    "isdtype",
    "isfinite",
    "isinf",
    "isnan",
    "jacobian",
    "jit",
    "jvp",
    "leaky_relu",
    "less",
    "less_equal",
    "lgamma",
    "linspace",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_softmax",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "matmul",
    "matrix_norm",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "meshgrid",
    "min",
    "minimum",
    "mish",
    "moveaxis",
    "multiply",
    "name",
    "nan",
    "negative",
    "newaxis",
    "nextafter",
    "nn",
    "nonzero",
    "not_equal",
    "one_hot",
    "ones",
    "ones_like",
    "optim",
    "optimize",
    "outer",
    "pad",
    "param",
    "permute_dims",
    "pi",
    "positive",
    "pow",
    "probe",
    "prod",
    "real",
    "reciprocal",
    "relu",
    "remainder",
    "repeat",
    "reshape",
    "result_type",
    "roll",
    "round",
    "rsqrt",
    "scope",
    "searchsorted",
    "selu",
    "sigmoid",
    "sign",
    "signbit",
    "silu",
    "sin",
    "sinh",
    "size",
    "softmax",
    "softplus",
    "softsign",
    "sort",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "subtract",
    "sum",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "to_networkx",
    "to_sympy",
    "topk",
    "trace",
    "trigamma",
    "tril",
    "triu",
    "trunc",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
    "var",
    "vecdot",
    "vector_norm",
    "vjp",
    "vmap",
    "where",
    "zeros",
    "zeros_like",
]

_HOMES = {
    "autodiff": "grad jvp vjp",
    "compiler": "Function compile optimize",
    "compiler.tracing": "jit",
    "frontend.activations": (
        "elu gelu hard_sigmoid hard_swish leaky_relu mish relu selu sigmoid silu softplus softsign"
    ),
    "frontend.contraction": "diagonal outer tensordot trace vecdot",
    "frontend.datatypes": "can_cast finfo iinfo isdtype result_type",
    "frontend.einstein": "einsum",
    "frontend.filled": ("arange empty empty_like eye full full_like linspace meshgrid ones ones_like zeros zeros_like"),
    "frontend.manipulation": (
        "broadcast_arrays broadcast_shapes concat flip moveaxis pad repeat roll stack tile tril triu unstack"
    ),
    "frontend.norms": "matrix_norm vector_norm",
    "frontend.reductions": "all any argmax argmin count_nonzero log_softmax logsumexp max mean min prod softmax sum",
    "frontend.sorting": "argsort searchsorted sort topk",
    "frontend.statistics": "cumulative_prod cumulative_sum diff std var",
    "frontend.transcendental": (
        "acos acosh asin asinh atan atan2 atanh cbrt cos cosh digamma erf erfc exp exp2 expm1 hypot lgamma log log10 "
        "log1p log2 logaddexp rsqrt sin sinh sqrt tan tanh trigamma"
    ),
    "interop": "from_networkx from_sympy to_networkx to_sympy",
    "nn": "nn",
    "nn.initializers": "init",
    "optim": "optim",
    "teach": "Derivation Step derive",
    "transform": "cond custom_vjp hessian hvp jacobian vmap",
    "viz": "Drawing Explorer draw explore",
}
_LAZY = {name: room for room, names in _HOMES.items() for name in names.split()}
"""Names that load their room when first used. Where the room is the thing itself, it is the value."""

_ROOMS = frozenset({"init", "nn", "optim"})


_imported = _without_collection(importlib.import_module)
"""A room makes many lasting objects, which the collector would look through in vain."""


def __getattr__(name: str) -> Any:
    room = _LAZY.get(name)
    if room is None:
        raise AttributeError(f"module 'graphc' has no attribute {name!r}")
    module = _imported(f".{room}", __name__)
    value = module if name in _ROOMS else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


_notebook.watch()
