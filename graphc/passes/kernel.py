"""A kernel: a piece of the graph that one loop nest computes."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.affine import Affine, Var, variable
from ..ir.expr import Expr
from ..ir.op import Kind
from ..ops.guard import Condition

INLINE_KINDS: tuple[Kind, ...] = ("view", "index")
"""Ops that kernels read through instead of computing into memory, but for those that write at positions."""
SCATTERS = frozenset(("scatter", "scatter_add_along_axis"))


@dataclass(frozen=True, eq=False)
class Kernel:
    """Outputs computed together over one domain.

    `domain` is the shape of the elements it visits and `axes` are those of its axes that it reduces over. Values
    in the kernel are either elements (of the domain's shape) or rows (the domain without the reduced axes).
    """

    name: str
    kind: str
    """One of "map", "reduce", "contract", "scatter", "sort"."""
    domain: tuple[int, ...]
    axes: tuple[int, ...]
    outputs: tuple[Expr, ...]
    inputs: tuple[Expr, ...]
    """What it reads from memory: leaves and other kernels' outputs."""
    nodes: tuple[Expr, ...]
    """All it computes, views included, arguments first."""
    guard: tuple[Condition, ...] = ()
    """When it has to run. The predicates are among the inputs."""

    def __repr__(self) -> str:
        return f"<Kernel {self.name}: {len(self.nodes)} nodes over {self.domain}>"


def is_inline(node: Expr) -> bool:
    """Whether kernels read through this node rather than compute it."""
    return node.op.kind in INLINE_KINDS and node.op.name not in SCATTERS


def is_immediate(node: Expr) -> bool:
    """Whether a leaf is written into the code instead of read from memory."""
    return (node.op.name == "constant" and node.shape == ()) or node.op.name in ("iota", "size")


def domain_vars(domain: tuple[int, ...]) -> tuple[Var, ...]:
    """The loop variable of each axis of a domain."""
    return tuple(Var(f"i{axis}", size) for axis, size in enumerate(domain))


def element_index(domain: tuple[int, ...]) -> tuple[Affine, ...]:
    """The index of an element-level value."""
    return tuple(variable(v) for v in domain_vars(domain))


def row_index(domain: tuple[int, ...], axes: tuple[int, ...], shape: tuple[int, ...]) -> tuple[Affine, ...] | None:
    """The index of a row-level value of this shape; None when the shape is not that of the domain's rows."""
    kept = [v for i, v in enumerate(domain_vars(domain)) if i not in axes and v.extent != 1]
    if [d for d in shape if d != 1] != [v.extent for v in kept]:
        return None
    remaining = iter(kept)
    return tuple(Affine() if d == 1 else variable(next(remaining)) for d in shape)
