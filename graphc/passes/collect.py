"""From groups to kernels: what each computes for its outputs, what it reads of memory, and in which order they run."""

from __future__ import annotations

from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ops.guard import ALWAYS, Guard, outermost_first
from .cones import is_plain
from .kernel import SCATTERS, Kernel, is_immediate, is_inline


def kernel_of(
    number: int, kind: str, domain: tuple[int, ...], axes: tuple[int, ...], outputs: tuple[Expr, ...],
    stored: ExprTable[int], guard: Guard = ALWAYS,
) -> Kernel:  # fmt: skip
    """Collect what a kernel computes for its outputs, down to memory."""
    own = set(outputs)
    nodes: list[Expr] = []
    inputs: list[Expr] = []
    done: set[Expr] = set()
    stack = list(reversed(outputs))
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        leaf = node.op.kind == "leaf" and not is_immediate(node)
        in_memory = node not in own and (node in stored or leaf)
        waiting = [] if in_memory else [a for a in node.args if a not in done]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        done.add(node)
        stack.pop()
        (inputs if in_memory or leaf else nodes).append(node)
    conditions = outermost_first(guard)
    read = ExprTable((e, None) for e in (*inputs, *(c.predicate for c in conditions)))
    return Kernel(f"k{number}_{_title(nodes)}", kind, domain, axes, outputs, tuple(read), tuple(nodes), conditions)


def _is_literal(node: Expr) -> bool:
    """Whether a cone has this leaf in its code: constants that differ from cone to cone are read from memory."""
    return is_immediate(node) and (node.op.name != "constant" or is_plain(node))


def cone_kernel(
    number: int, members: list[Expr], domain: tuple[int, ...], outputs: tuple[Expr, ...], stored: ExprTable[int]
) -> Kernel | None:  # fmt: skip
    """The kernel of a group of cones, whose members are in order; None if there are views to look through."""
    known = set(members)
    nodes: list[Expr] = []
    inputs: list[Expr] = []
    for member in members:
        for arg in member.args:
            if arg not in known:
                if is_inline(arg) and arg not in stored:
                    return None
                known.add(arg)
                (nodes if _is_literal(arg) else inputs).append(arg)
        nodes.append(member)
    return Kernel(f"k{number}_{_title(nodes)}", "map", domain, (), outputs, tuple(inputs), tuple(nodes))


def _title(nodes: list[Expr]) -> str:
    words: list[str] = []
    for node in nodes:
        told = node.op.kind not in ("leaf", "view", "index") or node.op.name in SCATTERS
        if told and node.op.name not in words:
            words.append(node.op.name)
    return "_".join(words[:4]) or "copy"


def in_order(kernels: list[Kernel]) -> list[Kernel]:
    """Kernels so that each follows those it reads from; otherwise as they were."""
    maker: ExprTable[int] = ExprTable((o, i) for i, k in enumerate(kernels) for o in k.outputs)
    order: list[Kernel] = []
    state = [0] * len(kernels)
    for first in range(len(kernels)):
        stack = [first]
        while stack:
            top = stack[-1]
            if state[top] == 0:
                state[top] = 1
                needs = {maker[i] for i in kernels[top].inputs if i in maker} - {top}
                stack.extend(sorted((n for n in needs if state[n] == 0), reverse=True))
            else:
                stack.pop()
                if state[top] == 1:
                    state[top] = 2
                    order.append(kernels[top])
    return order
