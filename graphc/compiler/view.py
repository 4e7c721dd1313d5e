"""A compiled function as pictures ask for it: its graph phase by phase, and what each kernel became.

    as built → canonicalize → stabilize → specialize → kernels → loops, machine code

Every stage says which expressions of the user's its nodes stand for, so that a node can be followed through all of
them in both directions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..codegen.emit import Module, emit_function
from ..codegen.jit import Target, assembly
from ..ir.expr import Expr
from ..ir.graph import ExprTable, Graph
from ..loop.text import show_function
from ..passes.kernel import Kernel
from ..rewrite import simplify_in_phases
from .options import LEVELS, Options
from .pipeline import Specialization

Origins = ExprTable[tuple[Expr, ...]]

AS_BUILT = "as built"
_FUNCTION = re.compile(r"^(?P<name>[A-Za-z_]\w*):[^\n]*\n(?P<body>.*?)^\.Lfunc_end\d+:", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(r"^\s*(\.(cfi_\w+|p2align|type|globl|size|text|section)\b.*)?\n", re.MULTILINE)


@dataclass(frozen=True, eq=False, slots=True)
class Stage:
    """The graph after one phase of rewriting."""

    name: str
    graph: Graph
    origins: Origins
    """For each node the expressions, as built, that it stands for."""
    hits: dict[str, int]
    """How often each rule of the phase was used."""


@dataclass(frozen=True, eq=False, slots=True)
class Listing:
    """What a kernel became."""

    kernel: Kernel
    loops: str
    assembly: str


def stages(built: Graph, options: Options) -> list[Stage]:
    """The graph as it was built, and after each phase that the optimization level asks for."""
    found = [Stage(AS_BUILT, built, ExprTable((n, (n,)) for n in built.nodes), {})]
    level = LEVELS[options.optimize].simplify
    if level:
        for name, result in simplify_in_phases(built, level=level, fast_math=options.fast_math):
            before = found[-1].origins
            origins = ExprTable((n, _first(result.origins.get(n) or (n,), before)) for n in result.graph.nodes)
            found.append(Stage(name, result.graph, origins, dict(result.hits)))
    return found


def _first(given: tuple[Expr, ...], before: Origins) -> tuple[Expr, ...]:
    """What nodes stand for, seen from one phase earlier."""
    return tuple(ExprTable((built, None) for node in given for built in before.get(node, (node,))))


def listings(made: Specialization, options: Options) -> list[Listing]:
    """The loops and the machine code of every kernel, in the order they run."""
    target = Target.current()
    module = Module(target.has_fma, target.attributes)
    symbols: dict[str, str] = {}
    for item in made.lowered:
        # Kernels of equal loops share the code of the first.
        key = show_function(item.function._replace(name="kernel"))
        if key not in symbols:
            symbols[key] = item.function.name
            emit_function(module, item.function)
    text = assembly(module.text(), target, LEVELS[options.optimize].effort)
    code = {m["name"]: _DIRECTIVE.sub("", m["body"]) for m in _FUNCTION.finditer(text)}
    found = []
    for item in made.lowered:
        symbol = symbols[show_function(item.function._replace(name="kernel"))]
        found.append(Listing(item.kernel, show_function(item.function), code[symbol]))
    return found


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """A compiled function for looking at."""

    name: str
    stages: list[Stage]
    made: Specialization | None
    """The program; None while the sizes it is for are not known."""
    options: Options
    origins: Callable[[Expr], tuple[Expr, ...]]
    """What a node of the program's graph stands for."""

    def listings(self) -> list[Listing]:
        """The kernels with their loops and machine code; none while there is no program."""
        return [] if self.made is None else listings(self.made, self.options)
