"""What goes by a name: `loss="mse"`, `activation="relu"`, and the plain data a saved model keeps of them.

A function is saved as its name, or with options bound to it as {"function": name, **options}; a thing with fields as
{"class": name, **fields}. Functions of the user's own are saved as {"custom": name}; loading asks for them by that
name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from ..ir.errors import GraphError
from ..optim.plain import plain

T = TypeVar("T")


def find(kind: str, known: Mapping[str, T], name: object) -> T:
    """What is known under the name.

    Raises:
        GraphError: nothing is; the message lists what is.
    """
    if not isinstance(name, str) or name not in known:
        raise GraphError(f"there is no {kind} {name!r}; known are {', '.join(sorted(known))}")
    return known[name]


def free_name(kind: str, taken: Collection[str]) -> str:
    """The first of dense, dense_1, dense_2, ... that nobody has."""
    names = (f"{kind}_{i}" if i else kind for i in range(len(taken) + 1))
    return next(n for n in names if n not in taken)


def make(kind: str, known: Mapping[str, Callable[..., T]], config: Mapping[str, Any]) -> T:
    """What is known under config["class"], called with the other entries.

    Raises:
        GraphError: nothing is known under the name, or it does not take these options.
    """
    options = dict(config)
    name = options.pop("class", None)
    maker = find(kind, known, name)
    try:
        return maker(**options)
    except TypeError as error:
        raise GraphError(f"the {kind} {name} cannot be made of {options}: {error}") from None


def class_config(thing: Any) -> dict[str, Any]:
    """A data class in plain data, which `make` turns back into such a thing."""
    return {"class": type(thing).__name__, **options_of(thing)}


def options_of(thing: Any) -> dict[str, Any]:
    """The fields of a data class, as its constructor takes them."""
    return {f.name: getattr(thing, f.name) for f in fields(thing) if f.init}


def function_config(kind: str, known: Mapping[str, Any], function: Any) -> Any:
    """A function as plain data: a known one by its name, one with options bound (`functools.partial`) with them, and
    any other as {"custom": name}.

    Raises:
        GraphError: it has no name that loading could ask for.
    """
    if isinstance(function, functools.partial) and not function.args:
        name = next((n for n, f in known.items() if f is function.func), None)
        if name is not None:
            return {"function": name, **plain(function.keywords)}
    name = next((n for n, f in known.items() if f is function), None)
    if name is not None:
        return name
    own = getattr(function, "__name__", "<lambda>")
    if not own.isidentifier():
        raise GraphError(f"the {kind} {function!r} cannot be saved: it has no name to ask for when it is loaded")
    return {"custom": own}


def function_from(kind: str, known: Mapping[str, Any], config: Any, custom: Mapping[str, Any]) -> Any:
    """The function of a `function_config`.

    Raises:
        GraphError: it is not known, or is one of the user's own that `custom` does not hold.
    """
    if not isinstance(config, Mapping):
        return find(kind, known, config)
    if "custom" in config:
        name = config["custom"]
        if name not in custom:
            raise GraphError(
                f"the saved model uses the {kind} {name!r}, which is not graphc's; hand it over: "
                f"custom_objects={{{name!r}: ...}}"
            )
        return custom[name]
    options = dict(config)
    return functools.partial(find(kind, known, options.pop("function", None)), **options)
