"""The plan of a call: in which order kernels run, and where every result lives.

Results go straight to outputs and params where they may; the rest shares one arena, in which two results overlap
when their lives do not. A param is overwritten in place when nobody reads its old value afterwards, and the kernel
that writes it reads each old element just before it writes the new one. All other new values wait in the arena and
are copied at the end, so that updates are simultaneous.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Literal, NamedTuple

from ..ir.affine import Affine
from ..ir.expr import Expr
from ..ir.graph import ExprTable, Graph
from ..ir.open_size import size_at
from ..ops.index import positions_index
from .fuse import concrete
from .kernel import Kernel, element_index, is_immediate, is_inline, row_index

ALIGNMENT = 64

Index = tuple[Affine, ...]
Space = Literal["input", "output", "param", "constant", "arena"]


class Place(NamedTuple):
    """Where an array lives: which argument of the call, or at which byte of the arena."""

    space: Space
    at: int


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """Run a kernel."""

    kernel: Kernel


class Copy(NamedTuple):
    """Copy bytes from one place to another, disjoint one."""

    source: Place
    target: Place
    bytes: int
    """May be open."""


@dataclass(eq=False)
class Plan:
    """Steps in order, the place of every stored expression, and what the call has to bring."""

    steps: list[Run | Copy] = field(default_factory=list)
    places: ExprTable[Place] = field(default_factory=ExprTable)
    inputs: tuple[Expr, ...] = ()
    params: tuple[Expr, ...] = ()
    constants: list[Expr] = field(default_factory=list)
    arena_bytes: int = 0
    peak_bytes: int = 0
    """The most bytes alive at the same time: what no arrangement can go below."""
    workspaces: dict[int, list[int]] = field(default_factory=dict)
    """By position among the steps, the arena offsets of the kernel's workspaces."""
    cells: int | None = None
    """In checked programs: where in the arena the kernels report, one after the other."""


def size_in_bytes(expr: Expr, rows: int | None = None) -> int:
    """Bytes of an expression's array; with so many rows if its size is open, or else the most there can be."""
    return size_at(_bytes(expr), rows)


def _bytes(expr: Expr) -> int:
    return prod(concrete(expr)) * expr.dtype.bytes


def same_bytes(expr: Expr) -> Expr:
    """What lies in the same memory in the same order: the expression without the reshapes around it."""
    while expr.op.name == "reshape":
        expr = expr.args[0]
    return expr


def plan(
    graph: Graph, kernels: list[Kernel], workspace_bytes: Callable[[Kernel], list[int]], cell_bytes: int = 0
) -> Plan:
    """Order the kernels and place their results.

    `workspace_bytes` gives the scratch a kernel needs, and `cell_bytes` the size of the cell in which each kernel of
    a checked program reports. Such a program writes params at its very end, when it knows that all is well.
    """
    made = Plan(inputs=graph.inputs, params=graph.params)
    for i, expr in enumerate(graph.inputs):
        made.places[expr] = Place("input", i)
    for i, expr in enumerate(graph.params):
        made.places[expr] = Place("param", i)
    computed = ExprTable((output, None) for kernel in kernels for output in kernel.outputs)
    read = (node for kernel in kernels for node in kernel.inputs if is_immediate(node) and node not in computed)
    for node in (*(n for n in graph.nodes if n.op.name == "constant" and not is_immediate(n)), *read):
        if node not in made.places:
            made.places[node] = Place("constant", len(made.constants))
            made.constants.append(node)
    kernels, final = _outputs(graph, kernels, made)
    order, late = _order(graph, kernels, made, in_place=not cell_bytes)
    _arrange(order, made, final, [(new, made.places[param]) for param, new in late], workspace_bytes)
    if cell_bytes:
        made.cells = -(-made.arena_bytes // ALIGNMENT) * ALIGNMENT
        made.arena_bytes = made.cells + cell_bytes * len(order)
    return made


def _outputs(graph: Graph, kernels: list[Kernel], made: Plan) -> tuple[list[Kernel], list[tuple[Expr, Place]]]:
    """Let kernels write outputs directly; what is left over is copied at the end.

    A root that is only a reshape of a computed value needs no kernel: both are the same bytes.
    """
    maker = ExprTable((o, k) for k in kernels for o in k.outputs)
    final: list[tuple[Expr, Place]] = []
    needless: set[int] = set()
    for i, root in enumerate(graph.outputs):
        place, source = Place("output", i), same_bytes(root)
        if source in maker and source not in made.places and not is_inline(source):
            made.places[source] = place
        elif source is root and root in maker and root not in made.places:
            made.places[root] = place
        elif root in made.places:
            source = root
            final.append((root, place))
        elif source in made.places:
            final.append((source, place))
        else:
            source = root
            made.places[root] = place
        if source is not root:
            needless.add(id(root))
    for _, new in graph.updates:
        source = same_bytes(new)
        if source is not new and (source in maker and not is_inline(source)):
            needless.add(id(new))
    kept = [k for k in kernels if len(k.outputs) > 1 or id(k.outputs[0]) not in needless or not is_inline(k.outputs[0])]
    return kept, final


def _order(
    graph: Graph, kernels: list[Kernel], made: Plan, *, in_place: bool
) -> tuple[list[Kernel], list[tuple[Expr, Expr]]]:
    """Kernels in order, with params written in place where that is wanted and possible; the updates left for later."""
    number = {id(k): i for i, k in enumerate(kernels)}
    maker: ExprTable[int] = ExprTable((o, number[id(k)]) for k in kernels for o in k.outputs)
    after: list[set[int]] = [{maker[i] for i in k.inputs if i in maker} - {number[id(k)]} for k in kernels]
    followers: list[list[int]] = [[] for _ in kernels]
    for i, needed in enumerate(after):
        for maker_of_it in needed:
            followers[maker_of_it].append(i)
    copied = {id(same_bytes(root)) for root in graph.roots}
    readers: ExprTable[list[int]] = ExprTable()
    for i, kernel in enumerate(kernels):
        for read in kernel.inputs:
            if read not in readers:
                readers[read] = []
            readers[read].append(i)
    late: list[tuple[Expr, Expr]] = []
    for param, new in graph.updates:
        source = same_bytes(new)
        if source not in maker and source not in made.places:  # only the reshape itself is stored
            source = new
        writer = maker.get(source)
        free = writer is not None and source not in made.places and id(param) not in copied
        if not in_place or not free or writer is None or not _writes_in_place(kernels[writer], param, source):
            late.append((param, source))
            continue
        earlier = {r for r in readers.get(param, []) if r != writer}
        if earlier & _reachable(writer, followers):
            late.append((param, source))
            continue
        after[writer] |= earlier
        for reader in earlier:
            followers[reader].append(writer)
        made.places[source] = made.places[param]
    return [kernels[i] for i in _topological(after)], late


def _reachable(start: int, followers: list[list[int]]) -> set[int]:
    """The kernels that have to come after `start`."""
    found: set[int] = set()
    stack = [start]
    while stack:
        for follower in followers[stack.pop()]:
            if follower not in found:
                found.add(follower)
                stack.append(follower)
    return found


def _topological(after: list[set[int]]) -> list[int]:
    """Numbers so that each comes after those it waits for, as close to their given order as possible."""
    order: list[int] = []
    state = [0] * len(after)
    for first in range(len(after)):
        stack = [first]
        while stack:
            top = stack[-1]
            if state[top] == 0:
                state[top] = 1
                stack.extend(sorted((n for n in after[top] if state[n] == 0), reverse=True))
            else:
                stack.pop()
                if state[top] == 1:
                    state[top] = 2
                    order.append(top)
    return order


def _writes_in_place(kernel: Kernel, param: Expr, new: Expr) -> bool:
    """Whether the kernel reads the param's elements only where it writes the new ones."""
    at = canonical_index(kernel, new)
    if _stored_between_sweeps(kernel, new):
        return False
    return at is not None and accesses(kernel).get(param, set()) <= {at}


def _stored_between_sweeps(kernel: Kernel, output: Expr) -> bool:
    """Whether a later sweep over the same row may still read what stood where this output is written."""
    return bool(kernel.axes) and at_elements(kernel, output)


def at_elements(kernel: Kernel, output: Expr) -> bool:
    """Whether an output has an element for each point of the domain."""
    return concrete(output) == kernel.domain and output.op.kind != "reduce"


def canonical_index(kernel: Kernel, output: Expr) -> Index | None:
    """Where an output's element stands while the kernel's loops are at a point of its domain."""
    if at_elements(kernel, output):
        return element_index(kernel.domain)
    return row_index(kernel.domain, kernel.axes, concrete(output)) if kernel.axes else None


def accesses(kernel: Kernel) -> ExprTable[set[Index | None]]:
    """For each input of a kernel the indices it is read at; None stands for one that is no index of the loops."""
    inputs = ExprTable((i, None) for i in kernel.inputs)
    found: ExprTable[set[Index | None]] = ExprTable()
    seen: set[tuple[int, Index | None]] = set()
    stack: list[tuple[Expr, Index | None]] = [(o, canonical_index(kernel, o)) for o in kernel.outputs]
    while stack:
        node, index = stack.pop()
        if (id(node), index) in seen:
            continue
        seen.add((id(node), index))
        if node in inputs:
            if node not in found:
                found[node] = set()
            found[node].add(index)
            continue
        if node.op.kind in ("elementwise", "cumulative"):
            stack.extend((a, index) for a in node.args)
        elif node.op.view is not None and index is not None:
            stack.append((node.args[0], node.op.view(node, index)))
        elif node.op.kind == "reduce":
            stack.append((node.args[0], element_index(kernel.domain)))
        elif node.op.name in ("take", "take_along_axis"):
            stack += [(node.args[0], None), (node.args[1], None if index is None else positions_index(node, index))]
        elif node.op.name == "searchsorted":
            stack += [(node.args[0], None), (node.args[1], index)]
        elif node.op.name == "dynamic_update_slice" or node.op.name == "scatter":
            stack += [(node.args[0], index), (node.args[1], None), (node.args[2], None)]
        else:
            stack.extend((a, None) for a in node.args)
    return found


def _arrange(
    order: list[Kernel], made: Plan, final: list[tuple[Expr, Place]], held: list[tuple[Expr, Place]],
    workspace_bytes: Callable[[Kernel], list[int]],
) -> None:  # fmt: skip
    """Give every remaining result a part of the arena for as long as it is needed, and write down the steps."""
    arena = _Arena()
    last: ExprTable[int] = ExprTable()
    for step, kernel in enumerate(order):
        for read in kernel.inputs:
            last[read] = step
    for source, _ in (*final, *held):
        last[source] = len(order)
    for step, kernel in enumerate(order):
        made.steps.append(Run(kernel))
        dying = [r for r in kernel.inputs if last[r] == step and made.places[r].space == "arena"]
        for output in kernel.outputs:
            if output in made.places:
                continue
            heir = next((d for d in dying if _may_inherit(kernel, d, output)), None)
            if heir is not None:
                dying = [d for d in dying if d is not heir]
                made.places[output] = made.places[heir]
            else:
                made.places[output] = Place("arena", arena.take(size_in_bytes(output)))
        scratch = [arena.take(n) for n in workspace_bytes(kernel)]
        made.workspaces[step] = scratch
        for offset in scratch:
            arena.give(offset)
        for expr in dying:
            arena.give(made.places[expr].at)
        for output in kernel.outputs:
            if output not in last and made.places[output].space == "arena":
                arena.give(made.places[output].at)
    made.steps += [Copy(made.places[source], place, _bytes(source)) for source, place in final]
    made.steps += _simultaneous(held, made, arena)
    made.arena_bytes, made.peak_bytes = arena.end, arena.peak


def _may_inherit(kernel: Kernel, dying: Expr, output: Expr) -> bool:
    """Whether an output may take over the memory of an input nobody reads again."""
    if size_in_bytes(output) < ALIGNMENT or _stored_between_sweeps(kernel, output):
        return False
    if dying.dtype is not output.dtype or size_in_bytes(dying) != size_in_bytes(output):
        return False
    at = canonical_index(kernel, output)
    return at is not None and accesses(kernel).get(dying, set()) == {at} and dying.shape == output.shape


def _simultaneous(held: list[tuple[Expr, Place]], made: Plan, arena: _Arena) -> list[Copy]:
    """Copies into params as if at one instant: sources that are params themselves are saved first."""
    targets = {place for _, place in held}
    first, then = [], []
    for source, target in held:
        size, place = size_in_bytes(source), made.places[source]
        if place == target:
            continue
        if place in targets:
            saved = Place("arena", arena.take(size))
            first.append(Copy(place, saved, size))
            place = saved
        then.append(Copy(place, target, size))
    return first + then


class _Arena:
    """Offsets handed out first-fit, and given back. What is smaller than a cache line shares lines with its like."""

    def __init__(self) -> None:
        self.end = 0
        self.peak = 0
        self._used = 0
        self._free: list[tuple[int, int]] = []
        self._sizes: dict[int, int] = {}
        self._pieces: dict[int, list[int]] = {}
        """By size, the free pieces of lines that were cut up."""

    def take(self, size: int) -> int:
        """The offset of a part of at least `size` bytes."""
        if size <= ALIGNMENT // 2:
            return self._take_piece(max(1 << max(size - 1, 0).bit_length(), 8))
        size = -(-size // ALIGNMENT) * ALIGNMENT
        self._use(size)
        offset = self._take_lines(size)
        self._sizes[offset] = size
        return offset

    def give(self, offset: int) -> None:
        """Take a part back."""
        size = self._sizes.pop(offset)
        self._used -= size
        if size < ALIGNMENT:
            self._pieces[size].append(offset)
            return
        at = bisect(self._free, (offset,))
        self._free.insert(at, (offset, size))
        for i in (at, at - 1):
            if 0 <= i < len(self._free) - 1 and sum(self._free[i]) == self._free[i + 1][0]:
                merged = (self._free[i][0], self._free[i][1] + self._free[i + 1][1])
                self._free[i : i + 2] = [merged]

    def _use(self, size: int) -> None:
        self._used += size
        self.peak = max(self.peak, self._used)

    def _take_piece(self, size: int) -> int:
        pieces = self._pieces.setdefault(size, [])
        if not pieces:
            line = self._take_lines(ALIGNMENT)
            pieces += reversed(range(line, line + ALIGNMENT, size))
        self._use(size)
        offset = pieces.pop()
        self._sizes[offset] = size
        return offset

    def _take_lines(self, size: int) -> int:
        for i, (offset, room) in enumerate(self._free):
            if room >= size:
                self._free[i : i + 1] = [(offset + size, room - size)] if room > size else []
                return offset
        offset = self.end
        if self._free and sum(self._free[-1]) == self.end:
            offset = self._free.pop()[0]
        self.end = offset + size
        return offset
