"""Fusion: a partition of the graph into kernels.

Before, a row softmax and a product:

    %1: f32[64] = max %0 {axes=(1,)}          %4: f32[64] = sum %3 {axes=(1,)}
    %3: f32[64, 10] = exp (%0 - spread %1)    %5: f32[64, 10] = %3 / spread %4       %6 = matmul %5, %w

After: kernel 0 computes %1, %3, %4 and %5 over the domain (64, 10) reducing axis 1, and writes %5; kernel 1 is %6.

Nodes are visited in topological order. A node joins the group of a producer when, through all views between them,
it reads the producer exactly where that group's loops stand (the loops never have to wait for themselves), and when
no other group would end up before and after it. Groups of two producers merge under the same condition. Then what
crosses between groups is stored, but for cheap elementwise values, which their readers compute again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..ir.affine import Affine, Var, variable
from ..ir.expr import Expr
from ..ir.graph import ExprTable, Graph
from .kernel import Kernel, element_index, is_immediate, is_inline, row_index

LARGEST_KERNEL = 200
"""Nodes a kernel may have: code generation is more than linear in it."""
RECOMPUTED = 6
"""How many cheap operations a reader may compute again rather than read from memory."""
EXPENSIVE = frozenset(("exp", "log", "log1p", "expm1", "tanh", "erf", "sigmoid", "softplus", "pow"))
_PRIORITY = {"contract": 0, "reduce": 1, "map": 2}

Index = tuple[Affine, ...]


@dataclass(eq=False)
class _Group:
    """Nodes that will be computed together."""

    number: int
    kind: str
    domain: tuple[int, ...]
    axes: tuple[int, ...] = ()
    members: list[Expr] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)
    """ids of the members that are row-level."""
    before: int = 0
    """Bit set of the groups whose results this one needs, directly or not."""
    reads: set[int] = field(default_factory=set)
    """ids of what it reads from outside."""

    @property
    def bit(self) -> int:
        return 1 << self.number


def concrete(node: Expr) -> tuple[int, ...]:
    """The shape of a node of a graph whose sizes are numbers."""
    return tuple(int(d) for d in node.shape)


def producers(node: Expr, index: Index) -> Iterator[tuple[Expr, Index]]:
    """What evaluating `node` at `index` reads, looking through views: computed nodes and leaves, and where."""
    stack = [(node, index)]
    while stack:
        at, where = stack.pop()
        if not is_inline(at):
            if not is_immediate(at):
                yield at, where
        elif at.op.view is not None:
            stack.append((at.args[0], at.op.view(at, where)))
        elif at.op.name == "take_along_axis":
            axis = at.attrs["axis"]
            found = Var(f"taken{id(at)}", int(at.args[0].shape[axis]))
            stack.append((at.args[0], (*where[:axis], variable(found), *where[axis + 1 :])))
            stack.append((at.args[1], where))
        else:
            assert at.op.name == "scatter_slice"
            moved = Var(f"moved{id(at)}", 2)
            stack.append((at.args[0], tuple(i + variable(moved) for i in where)))


class _Fusion:
    """The growing partition."""

    def __init__(self) -> None:
        self.groups: list[_Group] = []
        self.home: ExprTable[_Group] = ExprTable()
        self.by_signature: dict[tuple[tuple[int, ...], tuple[int, ...]], list[_Group]] = {}

    def place(self, node: Expr) -> None:
        """Put a computed node into a group."""
        if node.op.kind == "reduce":
            domain = concrete(node.args[0])
            axes = node.attrs["axes"] if "axes" in node.attrs else (node.attrs["axis"],)
            self._place(node, "reduce", domain, axes, node.args)
        elif node.op.kind == "elementwise":
            self._place(node, "map", concrete(node), (), node.args)
        else:
            kind = "contract" if node.op.kind == "contract" else "scatter"
            group = self._open(kind, concrete(node))
            self._join(group, node, list(self._reads(node.args, ())), row=False)

    def _reads(self, args: tuple[Expr, ...], index: Index) -> Iterator[tuple[Expr, Index]]:
        """What the arguments of a node are read from when each is evaluated at `index` (of its own rank)."""
        for arg in args:
            yield from producers(arg, index if len(index) == arg.ndim else element_index(concrete(arg)))

    def _place(
        self, node: Expr, kind: str, domain: tuple[int, ...], axes: tuple[int, ...], args: tuple[Expr, ...]
    ) -> None:
        reads = list(self._reads(args, element_index(domain)))
        candidates = {self.home[p].number: self.home[p] for p, _ in reads if p in self.home}
        for group in sorted(candidates.values(), key=lambda g: (_PRIORITY.get(g.kind, 9), -g.number)):
            role = self._role(group, node, kind, domain, axes)
            if role is None:
                continue
            row, at = role
            mine = reads if at == element_index(domain) else list(self._reads(args, at))
            if self._can_join(group, mine, kind, axes):
                self._join(group, node, mine, row, axes)
                self._absorb(group, [c for c in candidates.values() if c is not group], mine)
                return
        group = self._sibling(kind, domain, axes, reads) or self._open(kind, domain, axes)
        self._join(group, node, reads, row=kind == "reduce", axes=axes)

    def _role(
        self, group: _Group, node: Expr, kind: str, domain: tuple[int, ...], axes: tuple[int, ...]
    ) -> tuple[bool, Index] | None:
        """Whether the node would be row-level in the group, and where its arguments are read; None if neither."""
        if group.kind == "scatter" or len(group.members) >= LARGEST_KERNEL:
            return None
        if kind == "reduce":
            fits = group.kind != "contract" and group.domain == domain and group.axes in ((), axes)
            return (True, element_index(domain)) if fits else None
        if group.domain == domain:
            return False, element_index(domain)
        if group.kind == "reduce":
            at = row_index(group.domain, group.axes, domain)
            return None if at is None else (True, at)
        return None

    def _can_join(self, group: _Group, reads: list[tuple[Expr, Index]], kind: str, axes: tuple[int, ...]) -> bool:
        """Whether everything read from the group is read where its loops stand, and nothing read comes after it."""
        for producer, where in reads:
            home = self.home.get(producer)
            if home is group:
                if where != self._index_in(group, producer, axes if kind == "reduce" else group.axes):
                    return False
            elif home is not None and home.before & group.bit:
                return False
        return True

    def _index_in(self, group: _Group, member: Expr, axes: tuple[int, ...]) -> Index | None:
        if id(member) in group.rows:
            return row_index(group.domain, axes, concrete(member))
        return element_index(group.domain)

    def _absorb(self, group: _Group, others: list[_Group], reads: list[tuple[Expr, Index]]) -> None:
        """Merge other producers' groups into the one just joined, where that is legal and they are read in place."""
        for other in others:
            same = other.domain == group.domain and other.kind in ("map", "reduce") and group.kind != "scatter"
            same = same and (other.kind == "map" or (group.kind != "contract" and other.axes == group.axes))
            small = len(group.members) + len(other.members) <= LARGEST_KERNEL
            aligned = all(
                where == self._index_in(other, p, other.axes) for p, where in reads if self.home.get(p) is other
            )
            if same and small and aligned and self._independent(group, other):
                self._merge(group, other)

    def _independent(self, a: _Group, b: _Group) -> bool:
        """Whether merging a and b leaves the groups without a cycle: no third group lies between them.

        The node just joined to `a` reads from `b`, so `b` is before `a`; what else is before `a` and after `b`
        would have to run between them.
        """
        if b.before & a.bit:
            return False
        between = a.before & ~b.bit
        while between:
            lowest = between & -between
            if self.groups[lowest.bit_length() - 1].before & b.bit:
                return False
            between ^= lowest
        return self._reads_in_place(a, b)

    def _reads_in_place(self, a: _Group, b: _Group) -> bool:
        """Whether all that `a` reads of `b` it reads where the common loops would stand."""
        inside = {id(m) for m in b.members}
        for member in a.members:
            at = self._argument_index(a, member)
            for producer, where in self._reads(member.args, at):
                if id(producer) not in inside:
                    continue
                if member.op.kind == "contract" or where != self._index_in(b, producer, a.axes or b.axes):
                    return False
        return True

    def _argument_index(self, group: _Group, member: Expr) -> Index:
        if member.op.kind == "contract":
            return ()
        if member.op.kind == "reduce" or id(member) not in group.rows:
            return element_index(group.domain)
        return row_index(group.domain, group.axes, concrete(member)) or ()

    def _merge(self, group: _Group, other: _Group) -> None:
        group.members += other.members
        group.rows |= other.rows
        group.reads |= other.reads
        group.before = (group.before | other.before) & ~group.bit & ~other.bit
        if other.kind == "reduce":
            group.kind, group.axes = "reduce", other.axes
        for member in other.members:
            self.home[member] = group
        other.members, other.kind = [], "merged"
        for third in self.groups:
            if third.before & (other.bit | group.bit):
                third.before = (third.before & ~other.bit) | group.bit | group.before

    def _sibling(
        self, kind: str, domain: tuple[int, ...], axes: tuple[int, ...], reads: list[tuple[Expr, Index]]
    ) -> _Group | None:
        """A group over the same domain that reads some of the same memory and does not come before the node."""
        before = 0
        for producer, _ in reads:
            home = self.home.get(producer)
            if home is not None:
                before |= home.before | home.bit
        mine = {id(p) for p, _ in reads}
        for group in reversed(self.by_signature.get((domain, axes), ())[-8:]):
            alive = group.kind == kind and group.axes == axes and len(group.members) < LARGEST_KERNEL
            if alive and not before & group.bit and (domain == () or mine & group.reads):
                return group
        return None

    def _open(self, kind: str, domain: tuple[int, ...], axes: tuple[int, ...] = ()) -> _Group:
        group = _Group(len(self.groups), kind, domain, axes)
        self.groups.append(group)
        self.by_signature.setdefault((domain, axes), []).append(group)
        return group

    def _join(
        self, group: _Group, node: Expr, reads: list[tuple[Expr, Index]], row: bool, axes: tuple[int, ...] = ()
    ) -> None:
        group.members.append(node)
        self.home[node] = group
        if row:
            group.rows.add(id(node))
        if axes and group.kind == "map":
            group.kind, group.axes = "reduce", axes
            self.by_signature.setdefault((group.domain, axes), []).append(group)
        needed = 0
        for producer, _ in reads:
            home = self.home.get(producer)
            if home is not group:
                group.reads.add(id(producer))
                needed |= 0 if home is None else home.before | home.bit
        if needed & ~group.before:
            group.before |= needed
            for third in self.groups:
                if third.before & group.bit:
                    third.before |= needed


def fuse(graph: Graph) -> list[Kernel]:
    """Partition a graph of known sizes into kernels, in an order in which they can run.

    Every root that is not a leaf is stored by some kernel; roots that are views of memory get a kernel that copies.
    """
    fusion = _Fusion()
    for node in graph.nodes:
        if node.op.kind != "leaf" and not is_inline(node):
            fusion.place(node)
    stored = _stored(graph, fusion)
    kernels: list[Kernel] = []
    for group in fusion.groups:
        outputs = tuple(m for m in group.members if m in stored)
        if outputs:
            kernels.append(_kernel(len(kernels), group.kind, group.domain, group.axes, outputs, stored))
    for root in ExprTable((r, None) for r in graph.roots if is_inline(r) or is_immediate(r)):
        kernels.append(_kernel(len(kernels), "map", concrete(root), (), (root,), stored))
    return _ordered(kernels)


def _stored(graph: Graph, fusion: _Fusion) -> ExprTable[int]:
    """What must be in memory, and how many operations a reader that computes it again would need (0: stored)."""
    crossing: ExprTable[None] = ExprTable((r, None) for r in graph.roots if r in fusion.home)
    roots: ExprTable[None] = ExprTable((r, None) for r in graph.roots)
    for node in graph.nodes:
        home = fusion.home.get(node)
        args = (node,) if home is None and node in roots else node.args if home is not None else ()
        for arg in args:
            for producer, _ in producers(arg, element_index(concrete(arg))):
                other = fusion.home.get(producer)
                if other is not None and (other is not home or node.op.kind in ("contract", "index")):
                    crossing[producer] = None
    cost: ExprTable[int] = ExprTable()
    stored: ExprTable[int] = ExprTable()
    for node in graph.nodes:
        if node in fusion.home:
            cost[node] = _cost_of_again(node, cost, stored)
            if node in crossing and (node in roots or cost[node] > RECOMPUTED):
                stored[node] = 0
    return stored


def _cost_of_again(node: Expr, cost: ExprTable[int], stored: ExprTable[int]) -> int:
    never = RECOMPUTED + 1
    if node.op.kind != "elementwise" or node.op.name in EXPENSIVE or node.shape == ():
        return never
    total = 1
    for arg in node.args:
        for producer, _ in producers(arg, element_index(concrete(arg))):
            if producer not in stored and producer.op.kind != "leaf":
                total += cost[producer]
    return min(total, never)


def _kernel(
    number: int, kind: str, domain: tuple[int, ...], axes: tuple[int, ...], outputs: tuple[Expr, ...],
    stored: ExprTable[int],
) -> Kernel:  # fmt: skip
    """Collect what a kernel computes for its outputs, down to memory."""
    own = {id(o) for o in outputs}
    nodes: list[Expr] = []
    inputs: list[Expr] = []
    done: set[int] = set()
    stack = list(reversed(outputs))
    while stack:
        node = stack[-1]
        if id(node) in done:
            stack.pop()
            continue
        in_memory = id(node) not in own and (node in stored or (node.op.kind == "leaf" and not is_immediate(node)))
        waiting = [] if in_memory else [a for a in node.args if id(a) not in done]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        done.add(id(node))
        stack.pop()
        (inputs if in_memory or (node.op.kind == "leaf" and not is_immediate(node)) else nodes).append(node)
    return Kernel(f"k{number}_{_title(nodes)}", kind, domain, axes, outputs, tuple(inputs), tuple(nodes))


def _title(nodes: list[Expr]) -> str:
    words: list[str] = []
    for node in nodes:
        if node.op.kind in ("contract", "reduce", "elementwise") and node.op.name not in words:
            words.append(node.op.name)
    return "_".join(words[:4]) or "copy"


def _ordered(kernels: list[Kernel]) -> list[Kernel]:
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
