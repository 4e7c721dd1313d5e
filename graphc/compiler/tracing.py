"""`gc.jit`: a Python function of arrays, traced once for each kind of arguments and compiled.

    @gc.jit
    def step(x, w):                     step(xb, wb)      traces: x: f32[32, 784], w: f32[784, 10] become inputs,
        return gc.softmax(x @ w)                          compiles, runs; the next such call is one native call

What a call's arguments are like (structure, dtypes, shapes, static values) is the key of a table of compiled
functions. Where all arguments are arrays, the latest function's builtin stands in place of `__call__` and checks them
itself; whatever it finds unusual comes to `Jit._dispatch`.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ..frontend.lifting import lift, lift_weakly
from ..ir.arguments import to_array
from ..ir.dim import Dim
from ..ir.dtype import DType, as_dtype, bool_, float64, int64
from ..ir.errors import DTypeError, GraphError
from ..ir.expr import Expr
from ..ir.fork import lock
from ..ir.op import Array
from ..ir.tree import flatten
from ..ops import leaf
from .function import Function, compile

MOST_FUNCTIONS = 256
"""Compiled functions that one traced function keeps; the one made first goes first."""

OPTIONS = frozenset(("name", "optimize", "fast_math", "threads", "check"))
"""Of `compile`, what a traced function hands on."""
_WEAK: dict[type, DType] = {bool: bool_, int: int64, float: float64}
"""How Python's numbers travel. In the graph they are weak, and take the dtype of what they meet."""
_NUMPY = {kind: dtype.numpy for kind, dtype in _WEAK.items()}


class _InsideGraphError(Exception):
    """An argument is an expression: the call belongs to a graph that is being built."""


@dataclass(frozen=True, eq=False, slots=True)
class _Traced:
    """What one kind of arguments was compiled to."""

    function: Function
    entry: Callable[..., Any] | None
    """The builtin that may stand in place of `__call__`: when each argument is one array."""


class Jit:
    """A traced function. Call it like the function it was made of."""

    def __init__(self, function: Callable[..., Any], static: tuple[str, ...], options: Mapping[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self._python = function
        self._static = static
        self._options = dict(options)
        self._names, self._rest = _parameters(function)
        self._static_at = frozenset(i for i, name in enumerate(self._names) if name in static)
        self._table: OrderedDict[Any, _Traced] = OrderedDict()
        self._lock = lock()
        self._bound: dict[int, tuple[weakref.ref[Any], Jit]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._dispatch(*args, **kwargs)

    def __reduce__(self) -> NoReturn:
        raise GraphError(
            "a traced function is not pickled, its code belongs to this process; trace the Python function where it is "
            "needed"
        )

    def __copy__(self) -> Jit:
        return self

    def __deepcopy__(self, memo: object) -> Jit:
        return self

    def __repr__(self) -> str:
        return f"<traced {getattr(self._python, '__qualname__', self._python)}, {len(self._table)} compiled>"

    def function(self, *args: Any, **kwargs: Any) -> Function:
        """The compiled function that a call with such arguments runs. Its inputs are the arrays among them, in order.

        Raises:
            GraphError: an argument is an expression.
        """
        leaves: list[Any] = []
        try:
            key = self._key(args, kwargs, leaves)
        except _InsideGraphError:
            raise GraphError("jit: expressions are no arguments to compile for; give arrays") from None
        return self._traced(key, args, kwargs, leaves).function

    def __get__(self, instance: Any, owner: type | None = None) -> Jit | _Method:
        return self if instance is None else _Method(self._bound_to(instance), instance)

    # A call ----------------------------------------------------------------------------------------------------

    def _dispatch(self, *args: Any, **kwargs: Any) -> Any:
        leaves: list[Any] = []
        try:
            key = self._key(args, kwargs, leaves)
        except _InsideGraphError:
            return self._inside(args, kwargs)
        traced = self._table.get(key) or self._traced(key, args, kwargs, leaves)
        if traced.entry is not None and type(self).__call__ is not traced.entry:
            type(self).__call__ = traced.entry  # type: ignore[method-assign]
        return traced.function(*leaves)

    def _inside(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """A call that belongs to a graph: what the function sees are expressions there, too."""
        lifted = [a if i in self._static_at else _as_expressions(a) for i, a in enumerate(args)]
        return self._python(
            *lifted, **{name: a if name in self._static else _as_expressions(a) for name, a in kwargs.items()}
        )

    def _key(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], leaves: list[Any]) -> Any:
        """What the compiled function depends on. The arrays go to `leaves`, in the order of the inputs."""
        static_at = self._static_at
        argument: Any = 0
        parts: list[Any] = []
        try:
            for argument, value in enumerate(args):
                parts.append(_static(value) if argument in static_at else _kind(value, leaves))
            for argument, value in kwargs.items():
                parts.append(argument)
                parts.append(_static(value) if argument in self._static else _kind(value, leaves))
        except DTypeError as error:
            name, why = self._name_of(argument), str(error).strip()
            given = f"{name!r}{'' if why.startswith(',') else ' '}{why}"
            raise GraphError(
                f"jit: the argument {given}; what is no array of numbers has to be static: "
                f"gc.jit(..., static_argnames={name!r})"
            ) from None
        except RecursionError:
            raise GraphError(f"jit: the argument {self._name_of(argument)!r} contains itself") from None
        return tuple(parts)

    def _name_of(self, argument: int | str) -> str:
        """What an argument is called."""
        if isinstance(argument, str):
            return argument
        return self._names[argument] if argument < len(self._names) else f"{self._rest}{argument - len(self._names)}"

    # Tracing ---------------------------------------------------------------------------------------------------

    def _traced(self, key: Any, args: tuple[Any, ...], kwargs: dict[str, Any], leaves: list[Any]) -> _Traced:
        """The compiled function for this kind of arguments: the one there is, or a new one."""
        with self._lock:
            found = self._table.get(key)
            if found is None:
                found = self._table[key] = self._trace(args, kwargs, leaves)
                if len(self._table) > MOST_FUNCTIONS:
                    self._table.popitem(last=False)
            return found

    def _trace(self, args: tuple[Any, ...], kwargs: dict[str, Any], leaves: list[Any]) -> _Traced:
        at = [i for i in range(len(args)) if i not in self._static_at]
        named = [name for name in kwargs if name not in self._static]
        called = {i: self._name_of(i) for i in range(len(args))}
        if twice := kwargs.keys() & called.values():
            inspect.signature(self._python).bind(*args, **kwargs)
            called = {i: f"{name} by position" if name in twice else name for i, name in called.items()}
        given = {**{called[i]: args[i] for i in at}, **{name: kwargs[name] for name in named}}
        tree, names = flatten(given), _leaf_names(given)
        inputs = [_input(*each) for each in zip(names, tree.leaves, leaves, strict=True)]
        rebuilt = tree.rebuild(inputs)
        traced_args = [rebuilt[called[i]] if i in at else a for i, a in enumerate(args)]
        traced_kwargs = {name: rebuilt[name] if name in named else value for name, value in kwargs.items()}
        results = flatten(self._python(*traced_args, **traced_kwargs))
        outputs = results.rebuild(_result(r) for r in results.leaves)
        options = {"name": getattr(self._python, "__name__", "function"), **self._options}
        function = compile(inputs, outputs, **options)
        # Without axes, a builtin takes Python's numbers as well, and here these are others: they are weak.
        plain = not kwargs and len(at) == len(args) and all(isinstance(a, np.ndarray) and a.ndim for a in args)
        return _Traced(function, function.entry(self._dispatch) if plain else None)

    def _bound_to(self, instance: Any) -> Jit:
        """The function with its first argument bound: static, and told apart by identity."""
        known = self._bound.get(id(instance))
        if known is not None and known[0]() is instance:
            return known[1]
        key = id(instance)
        try:
            held = weakref.ref(instance, lambda _: self._bound.pop(key, None))
        except TypeError:
            kind = type(instance).__name__
            raise GraphError(f"jit: a method needs instances that take weak references, {kind} does not") from None
        made = _jit(_WeaklyBound(self._python, held), self._static, self._options)
        self._bound[id(instance)] = held, made
        return made


@dataclass(frozen=True, eq=False, slots=True)
class _Method:
    """A traced function bound to an instance, which it keeps alive while it is held itself."""

    jit: Jit
    instance: Any

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.jit(*args, **kwargs)

    def function(self, *args: Any, **kwargs: Any) -> Function:
        """The compiled function that a call with such arguments runs."""
        return self.jit.function(*args, **kwargs)


class _WeaklyBound:
    """A function whose first argument is an instance that it does not keep alive."""

    def __init__(self, function: Callable[..., Any], instance: weakref.ref[Any]) -> None:
        functools.update_wrapper(self, function)
        signature = inspect.signature(function)
        self.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])
        self._function = function
        self._instance = instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(self._instance(), *args, **kwargs)


def jit(
    function: Callable[..., Any] | None = None,
    *,
    static_argnums: int | tuple[int, ...] = (),
    static_argnames: str | tuple[str, ...] = (),
    **options: Any,
) -> Any:
    """Trace a Python function of arrays and compile it, once for each kind of arguments.

    Usable as `@gc.jit`, `@gc.jit(static_argnames="n")` and `gc.jit(function)`, on methods too, whose instance counts
    as static.

    Args:
        function: takes arrays and numbers, or tuples, lists and dicts of them, and returns such; inside, arrays and
            numbers are expressions.
        static_argnums: positions of arguments that are no arrays, or decide shapes and branches: the function is
            traced again for every value of them. They have to be hashable.
        static_argnames: the same by name.
        options: of `gc.compile`: name, optimize, fast_math, threads, check.

    Arrays are told apart by dtype and shape; Python's numbers are weak and one trace serves all of them. What the
    function reads from elsewhere is read when it is traced; params stay params. Called with expressions, in another
    traced function too, it only builds graph. `.function(*args)` is the compiled `Function` for such arguments.

    Raises:
        GraphError: it is no function, or an option is none of `gc.compile`.

    Raises, when called:
        TypeError: arguments that the function does not take.
        GraphError: an argument that is no array and not static, or a traced value where Python needs a number.
        DTypeError: an array of a dtype graphc does not have.
    """
    numbers = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    if function is None:
        return functools.partial(jit, static_argnums=numbers, static_argnames=names, **options)
    if not callable(function):
        raise GraphError(f"jit: expected a function, not {type(function).__name__}")
    if unknown := sorted(options.keys() - OPTIONS):
        raise GraphError(f"jit: there is no option {unknown[0]!r}; there are {', '.join(sorted(OPTIONS))}")
    return _jit(function, (*names, *_names_at(function, numbers, names)), options)


def _jit(function: Callable[..., Any], static: tuple[str, ...], options: Mapping[str, Any]) -> Jit:
    kind = type("Jit", (Jit,), {"__module__": Jit.__module__, "__qualname__": "Jit"})
    made: Jit = kind(function, static, options)
    return made


def _parameters(function: Callable[..., Any]) -> tuple[list[str], str]:
    """The names of the positional parameters, and what the rest of them is called."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return [], "x"
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)], rest


def _names_at(function: Callable[..., Any], numbers: tuple[int, ...], names: tuple[str, ...]) -> list[str]:
    """The names of static parameters given by position.

    Raises:
        GraphError: there is no such parameter, by position or by name.
    """
    known, _ = _parameters(function)
    called = getattr(function, "__name__", "the function")
    if not all(-len(known) <= n < len(known) for n in numbers):
        raise GraphError(f"jit: static_argnums={numbers}, but {called} has {len(known)} positional parameters")
    if names:
        every = inspect.signature(function).parameters
        unknown = [n for n in names if n not in every]
        if unknown and not any(p.kind is p.VAR_KEYWORD for p in every.values()):
            raise GraphError(f"jit: {called} has no parameter {unknown[0]!r} to be static")
    return [known[n] for n in numbers]


# Arguments -----------------------------------------------------------------------------------------------------


def _static(value: Any) -> Any:
    """The part of a key for a static value: 1, 1.0 and True are different ones."""
    try:
        hash(value)
    except TypeError:
        raise GraphError(f"jit: a static argument has to be hashable, which {type(value).__name__} is not") from None
    return type(value), value


def _kind(value: Any, leaves: list[Any]) -> Any:
    """The part of a key for one argument; its arrays are added to `leaves`.

    Raises:
        DTypeError: it is no array; the message goes on after the argument's name.
    """
    kind = type(value)
    if kind is np.ndarray:
        leaves.append(value)
        return value.dtype.num, value.shape
    if kind in _WEAK:
        leaves.append(_number(value, kind))
        return kind
    if kind is dict or isinstance(value, Mapping):
        return (kind, *value, *[_kind(v, leaves) for v in value.values()])
    if isinstance(value, (tuple, list)):
        return (kind, *[_kind(v, leaves) for v in value])
    if value is None:
        return None
    if isinstance(value, (Expr, Dim)):
        raise _InsideGraphError
    return _unusual(value, leaves)


def _as_expressions(argument: Any) -> Any:
    """The structure with expressions for its arrays and numbers."""
    tree = flatten(argument)
    return tree.rebuild(x if isinstance(x, (Expr, Dim)) else lift_weakly("jit: an argument", x) for x in tree.leaves)


def _unusual(value: Any, leaves: list[Any]) -> Any:
    """The same for what is no plain array: scalars of NumPy, arrays of other libraries, subclasses."""
    weak = next((kind for kind in _WEAK if isinstance(value, kind)), None)
    if weak is not None:
        leaves.append(_number(weak(value), weak))
        return weak
    array = to_array(value, "")
    leaves.append(array)
    return array.dtype.num, array.shape


def _number(value: Any, kind: type) -> Array:
    try:
        return np.asarray(value, _NUMPY[kind])
    except OverflowError:
        raise DTypeError(f"is {value}, beyond int64") from None


def _leaf_names(given: Mapping[str, Any]) -> list[str]:
    """Names of inputs: x, params.W, xs.0."""
    names: list[str] = []
    stack = [(name, value) for name, value in reversed(list(given.items()))]
    while stack:
        name, value = stack.pop()
        if isinstance(value, Mapping):
            stack += [(f"{name}.{k}", v) for k, v in reversed(list(value.items()))]
        elif isinstance(value, (tuple, list)):
            stack += [(f"{name}.{k}", v) for k, v in reversed(list(enumerate(value)))]
        elif value is not None:
            names.append(name)
    return names


def _input(name: str, given: Any, array: Array) -> Expr:
    is_weak = isinstance(given, tuple(_WEAK))
    try:
        dtype = as_dtype(array.dtype)
    except DTypeError as error:
        raise DTypeError(f"jit: the argument {name!r}: {error}") from None
    return leaf.input(name, array.shape, dtype, is_weak=is_weak)


def _result(value: Any) -> Expr:
    try:
        return lift("jit: a result", value)
    except DTypeError as error:
        raise DTypeError(f"{error}; a traced function returns arrays, or tuples, lists and dicts of them") from None
