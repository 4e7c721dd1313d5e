"""Fusion: a partition of the graph into kernels.

Before, a row softmax and a product:

    %1: f32[64] = max %0 {axes=(1,)}          %4: f32[64] = sum %3 {axes=(1,)}
    %3: f32[64, 10] = exp (%0 - spread %1)    %5: f32[64, 10] = %3 / spread %4       %6 = matmul %5, %w

After: kernel 0 computes %1, %3, %4 and %5 over the domain (64, 10) reducing axis 1, and writes %5; kernel 1 is %6.

Nodes are visited in topological order. A node joins the group of a producer when, through all views between them,
it reads the producer exactly where that group's loops stand (the loops never have to wait for themselves), and when
no other group would end up before and after it. Groups of two producers merge under the same condition. A group holds
the work of one side of a `gc.cond`, or work of none. Then what crosses between groups is stored, but for cheap
elementwise values, which their readers compute again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from math import prod

from ..ir.affine import Affine, Var, variable
from ..ir.expr import Expr
from ..ir.graph import ExprTable, Graph
from ..ir.open_size import OpenSize, known
from ..ops.guard import ALWAYS, Guard, guards
from ..ops.index import positions_index, taken_index
from .collect import cone_kernel, in_order, kernel_of
from .cones import SMALLEST, cones
from .kernel import Kernel, element_index, is_immediate, is_inline, row_index
from .sink import Sinking

LARGEST_KERNEL = 200
"""Nodes a kernel may have: code generation is more than linear in it."""
PICKED = 64
"""Numbers that one kernel takes out of arrays."""
COLUMNS_FROM, SHORTEST_ROW = 2**16, 64
"""Elements from which on a kernel of rows also sums their columns, and how long its rows are at least."""
LONG_RUN = 2**13
"""Elements of a run from which on reductions are left alone: by themselves they are cut into pieces, which makes sums
exact and gives threads something to share."""
_COLUMNS = frozenset(("sum", "prod", "max", "min", "any", "all"))
RECOMPUTED = 6
"""How many cheap operations a reader may compute again rather than read from memory."""
_FOLDS = ("reduce", "cumulative")
_PRIORITY = {"contract": 0, "reduce": 1, "map": 2}

Index = tuple[Affine, ...]


@dataclass(eq=False)
class _Group:
    """Nodes that will be computed together."""

    number: int
    """-1 for groups of cones: complete when they are made, they need no number."""
    kind: str
    domain: tuple[int, ...]
    axes: tuple[int, ...] = ()
    guard: Guard = ALWAYS
    members: list[Expr] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)
    """ids of the members that are row-level."""
    before: int = 0
    """Bit set of the groups whose results this one needs, directly or not."""
    reads: set[int] = field(default_factory=set)
    """ids of what it reads from outside."""
    joins: bool = False
    """Whether it has a concat: then its loops are cut where that changes over, which only maps allow."""
    folds: set[str] = field(default_factory=set)
    """The kinds of its members that go along `axes`: "reduce", "cumulative"."""
    backward: bool | None = None
    """The direction of the loops over `axes`, where a running op or a position asks for one."""

    @property
    def is_cone(self) -> bool:
        return self.number < 0

    @property
    def bit(self) -> int:
        return 0 if self.is_cone else 1 << self.number


def concrete(node: Expr) -> tuple[int, ...]:
    """The shape of a node of a graph whose sizes are numbers, or open."""
    return tuple([known(d) for d in node.shape]) if node.shape else ()


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
        elif at.op.name in ("take", "take_along_axis"):
            found = Var(f"taken{id(at)}", int(at.args[0].shape[at.attrs["axis"]]))
            stack.append((at.args[0], taken_index(at, where, variable(found))))
            stack.append((at.args[1], positions_index(at, where)))
        elif at.op.name == "searchsorted":
            sequence, values = at.args
            found = Var(f"found{id(at)}", max(int(sequence.shape[0]), 2))
            stack += [(sequence, (variable(found),)), (values, where)]
        elif at.op.name in ("dynamic_slice", "dynamic_update_slice"):
            *arrays, start = at.args
            moved = variable(Var(f"start{id(at)}", 2))
            axis = at.attrs["axis"]
            stack.append((start, ()))
            stack.append((arrays[-1], (*where[:axis], where[axis] + moved, *where[axis + 1 :])))
            stack += [(source, where) for source in arrays[:-1]]
        else:
            assert at.op.name == "scatter_slice"
            moved = variable(Var(f"moved{id(at)}", 2))
            stack.append((at.args[0], tuple(i + moved for i in where)))


def sources(node: Expr) -> Iterator[Expr]:
    """What evaluating a node reads, looking through views: computed nodes and leaves."""
    if not is_inline(node):
        yield node
        return
    stack = list(node.args)
    while stack:
        at = stack.pop()
        if is_inline(at):
            stack += at.args
        else:
            yield at


def direction(node: Expr) -> bool | None:
    """Whether a node's loop has to run backward; None where it does not matter."""
    if node.op.kind == "cumulative":
        return bool(node.attrs["reverse"])
    return False if node.op.name in ("argmax", "argmin") else None


def _last(domain: tuple[int, ...]) -> tuple[int, ...]:
    """The last axis, as those of a reduction."""
    return (len(domain) - 1,)


def _mixed(domain: tuple[int, ...], axes: tuple[int, ...], kinds: set[str]) -> bool:
    """Whether reductions would have to go along with a long run."""
    return len(kinds) > 1 and prod(domain[a] for a in axes) >= LONG_RUN


def _agree(a: bool | None, b: bool | None) -> bool:
    return a is None or b is None or a == b


class _Fusion:
    """The growing partition."""

    def __init__(self, guarded: ExprTable[Guard]) -> None:
        self.guarded = guarded
        self.groups: list[_Group] = []
        self.cones: list[_Group] = []
        self.crossing: ExprTable[None] = ExprTable()
        """What cones read from other groups."""
        self.closed = 0
        """Bit set of the groups that cones wait for: what these need may not grow any more."""
        self.home: ExprTable[_Group] = ExprTable()
        self.by_signature: dict[tuple[tuple[int, ...], tuple[int, ...], Guard], list[_Group]] = {}

    def place(self, node: Expr) -> None:
        """Put a computed node into a group."""
        if node.op.kind in _FOLDS:
            domain = concrete(node.args[0])
            axes = node.attrs["axes"] if "axes" in node.attrs else (node.attrs["axis"],)
            self._place(node, "reduce", domain, axes, node.args)
        elif node.op.kind in ("elementwise", "join"):
            self._place(node, "map", concrete(node), (), node.args)
        else:
            kind = "scatter" if node.op.kind == "index" else node.op.kind
            group = self._open(kind, concrete(node), (), self.guard(node))
            self._join(group, node, list(self._reads(node.args, ())), row=False)

    def guard(self, node: Expr) -> Guard:
        """When the node has to be computed."""
        return self.guarded.get(node, ALWAYS)

    def place_cone(self, members: list[Expr], beside: _Group | None) -> _Group:
        """Give a cone a group: the one it may stand beside, or a new one."""
        shape = concrete(members[-1])
        if beside is None or beside.domain != shape or len(beside.members) + len(members) > SMALLEST:
            beside = _Group(-1, "map", shape)
            self.cones.append(beside)
        beside.members += members
        for member in members:
            self.home[member] = beside
        for member in members:
            for arg in member.args:
                if self.home.get(arg) is beside:
                    continue
                for read in sources(arg) if is_inline(arg) else (arg,):
                    home = self.home.get(read)
                    if home is not None and home is not beside:
                        beside.before |= home.before | home.bit
                        self.crossing[read] = None
        self.closed |= beside.before
        return beside

    def _reads(self, args: tuple[Expr, ...], index: Index) -> Iterator[tuple[Expr, Index]]:
        """What the arguments of a node are read from when each is evaluated at `index` (of its own rank)."""
        for arg in args:
            yield from producers(arg, index if len(index) == arg.ndim else element_index(concrete(arg)))

    def _place(
        self, node: Expr, kind: str, domain: tuple[int, ...], axes: tuple[int, ...], args: tuple[Expr, ...]
    ) -> None:
        reads = list(self._reads(args, element_index(domain)))
        homes = [self.home[p] for p, _ in reads if p in self.home]
        candidates = {home.number: home for home in homes if home.bit & ~self.closed}
        for group in sorted(candidates.values(), key=lambda g: (_PRIORITY.get(g.kind, 9), -g.number)):
            role = self._role(group, node, kind, domain, axes)
            if role is None:
                continue
            row, at = role
            mine = reads if at == element_index(domain) else list(self._reads(args, at))
            if self._can_join(group, mine, axes):
                self._join(group, node, mine, row, axes)
                self._absorb(group, [c for c in candidates.values() if c is not group], mine)
                if kind == "reduce":
                    self._meet(group)
                return
        beside = self._sibling(node, kind, domain, axes, reads)
        if beside is None and kind == "reduce":
            rows = self._sibling(node, kind, domain, _last(domain), reads)
            if rows is not None and self._sums_columns(rows, node, domain, axes):
                self._join(rows, node, reads, row=False)
                return
        home = beside or self._open(kind, domain, axes, self.guard(node))
        self._join(home, node, reads, row=node.op.kind == "reduce", axes=axes)

    def _role(
        self, group: _Group, node: Expr, kind: str, domain: tuple[int, ...], axes: tuple[int, ...]
    ) -> tuple[bool, Index] | None:
        """Whether the node would be row-level in the group, and where its arguments are read; None if neither."""
        if group.kind in ("scatter", "sort") or len(group.members) >= LARGEST_KERNEL:
            return None
        if group.guard != self.guard(node):
            return None
        if not _agree(group.backward, direction(node)) or (node.op.kind == "join" and group.kind != "map"):
            return None
        if self._sums_columns(group, node, domain, axes):
            return False, element_index(domain)
        if kind == "reduce":
            fits = group.kind != "contract" and group.domain == domain and group.axes in ((), axes)
            fits = fits and not _mixed(domain, axes, group.folds | {node.op.kind})
            return (node.op.kind == "reduce", element_index(domain)) if fits and not group.joins else None
        if group.domain == domain:
            return False, element_index(domain)
        if group.kind == "reduce":
            at = row_index(group.domain, group.axes, domain)
            return None if at is None else (True, at)
        return None

    def _sums_columns(self, group: _Group, node: Expr, domain: tuple[int, ...], axes: tuple[int, ...]) -> bool:
        """Whether the node reduces the columns of what the group goes through row by row. Nobody in it reads that."""
        return (
            node.op.name in _COLUMNS
            and (group.kind, group.domain, group.axes) == ("reduce", domain, _last(domain))
            and axes == tuple(range(len(domain) - 1))
            and domain[-1] >= SHORTEST_ROW
            and (isinstance(domain[0], OpenSize) or prod(domain) >= COLUMNS_FROM)
        )

    def _can_join(self, group: _Group, reads: list[tuple[Expr, Index]], axes: tuple[int, ...]) -> bool:
        """Whether everything read from the group is read where its loops stand, and nothing read comes after it."""
        for producer, where in reads:
            home = self.home.get(producer)
            if home is group:
                if where != self._index_in(group, producer, group.axes or axes):
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
            same = same and other.guard == group.guard
            same = same and (other.kind == "map" or (group.kind != "contract" and other.axes == group.axes))
            same = same and _agree(group.backward, other.backward)
            same = same and not _mixed(group.domain, group.axes or other.axes, group.folds | other.folds)
            same = same and (group.kind == other.kind == "map" or not (group.joins or other.joins))
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
        group.joins |= other.joins
        group.folds |= other.folds
        group.backward = other.backward if group.backward is None else group.backward
        if other.kind == "reduce":
            group.kind, group.axes = "reduce", other.axes
        for member in other.members:
            self.home[member] = group
        other.members, other.kind = [], "merged"
        for third in self.groups:
            if third.before & (other.bit | group.bit):
                third.before = (third.before & ~other.bit) | group.bit | group.before

    def _sibling(
        self, node: Expr, kind: str, domain: tuple[int, ...], axes: tuple[int, ...], reads: list[tuple[Expr, Index]]
    ) -> _Group | None:
        """A group over the same domain that reads some of the same memory and does not come before the node."""
        before = 0
        for producer, _ in reads:
            home = self.home.get(producer)
            if home is not None:
                before |= home.before | home.bit
        mine = {id(p) for p, _ in reads}
        for group in reversed(self.by_signature.get((domain, axes, self.guard(node)), ())[-8:]):
            alive = group.kind == kind and group.axes == axes and len(group.members) < LARGEST_KERNEL
            alive = alive and _agree(group.backward, direction(node))
            alive = alive and not (axes and _mixed(domain, axes, group.folds | {node.op.kind}))
            alive = alive and not group.bit & self.closed
            if alive and not before & group.bit and (domain == () or mine & group.reads):
                return group
        return None

    def _meet(self, group: _Group) -> None:
        """Merge a group that has come to reduce with one that reduces the same memory over the same loops."""
        for other in reversed(self.by_signature.get((group.domain, group.axes, group.guard), ())[-8:]):
            apart = not (group.before & other.bit or other.before & group.bit)
            open_ = not (group.bit | other.bit) & self.closed and _agree(group.backward, other.backward)
            open_ = open_ and not _mixed(group.domain, group.axes, group.folds | other.folds)
            small = len(group.members) + len(other.members) <= LARGEST_KERNEL
            alike = other.kind == "reduce" and other.axes == group.axes and group.reads & other.reads
            if other is not group and apart and open_ and small and alike:
                self._merge(group, other)
                return

    def _open(self, kind: str, domain: tuple[int, ...], axes: tuple[int, ...], guard: Guard) -> _Group:
        group = _Group(len(self.groups), kind, domain, axes, guard)
        for condition in guard:
            home = self.home.get(condition.predicate)
            group.before |= 0 if home is None else home.before | home.bit
        self.groups.append(group)
        self.by_signature.setdefault((domain, axes, guard), []).append(group)
        return group

    def _join(
        self, group: _Group, node: Expr, reads: list[tuple[Expr, Index]], row: bool, axes: tuple[int, ...] = ()
    ) -> None:
        group.members.append(node)
        self.home[node] = group
        group.joins |= node.op.kind == "join"
        if node.op.kind in _FOLDS:
            group.folds.add(node.op.kind)
        group.backward = direction(node) if group.backward is None else group.backward
        if row:
            group.rows.add(id(node))
        if axes and group.kind == "map":
            group.kind, group.axes = "reduce", axes
            self.by_signature.setdefault((group.domain, axes, group.guard), []).append(group)
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
    fusion = _partition(graph)
    stored = _stored(graph, fusion)
    picked = _picked(fusion)
    stored.update((node, 0) for node in picked)
    kernels: list[Kernel] = []
    for first in range(0, len(picked), PICKED):
        kernels.append(kernel_of(len(kernels), "map", (), (), picked[first : first + PICKED], stored))
    for group in (*fusion.cones, *fusion.groups):
        outputs = tuple(m for m in group.members if m in stored)
        if outputs:
            number = len(kernels)
            kernel = cone_kernel(number, group.members, group.domain, outputs, stored) if group.is_cone else None
            loops = group.kind, group.domain, group.axes
            kernels.append(kernel or kernel_of(number, *loops, outputs, stored, group.guard))
    for root in ExprTable((r, None) for r in graph.roots if (is_inline(r) or is_immediate(r)) and r not in stored):
        kernels.append(kernel_of(len(kernels), "map", concrete(root), (), (root,), stored))
    return in_order(kernels)


def _picked(fusion: _Fusion) -> tuple[Expr, ...]:
    """The numbers that cones take out of arrays of leaves: w[7].

    They are laid out one by one first: two cones that take theirs from different places would differ in nothing else.
    """
    found: ExprTable[None] = ExprTable()
    for group in fusion.cones:
        for member in group.members:
            for arg in member.args:
                is_number = arg.op.kind == "view" and not arg.shape and arg not in found
                if is_number and all(source.op.kind == "leaf" for source in sources(arg)):
                    found[arg] = None
    return tuple(found)


def _partition(graph: Graph) -> _Fusion:
    """Every computed node in a group."""
    fusion = _Fusion(guards(graph.nodes, graph.roots))
    trees = cones(graph, fusion.guarded)
    inside = set(chain.from_iterable(trees.values()))
    beside: _Group | None = None
    for node in graph.nodes:
        if node in trees:
            beside = fusion.place_cone(trees[node], beside)
        elif node not in inside and node.op.kind != "leaf" and not is_inline(node):
            fusion.place(node)
            beside = None
    return fusion


def _stored(graph: Graph, fusion: _Fusion) -> ExprTable[int]:
    """What must be in memory, and how many operations a reader that computes it again would need (0: stored)."""
    roots: ExprTable[None] = ExprTable((r, None) for r in graph.roots)
    kept: ExprTable[None] = ExprTable((c.predicate, None) for guard in fusion.guarded.values() for c in guard)
    kept.update(roots)
    crossing: ExprTable[None] = ExprTable((k, None) for k in kept if k in fusion.home)
    crossing.update(fusion.crossing)
    if not fusion.groups and not any(is_inline(r) for r in graph.roots):
        return ExprTable((node, 0) for node in crossing)
    kept.update((node, None) for node in fusion.crossing if fusion.guard(node))
    for node in graph.nodes:
        home = fusion.home.get(node)
        if home is not None and home.is_cone:
            continue
        args = (node,) if home is None and node in roots else node.args if home is not None else ()
        for arg in args:
            direct = fusion.home.get(arg)
            if direct is home and direct is not None and node.op.kind == "elementwise":
                continue
            for producer in sources(arg) if direct is None and is_inline(arg) else (arg,):
                other = fusion.home.get(producer)
                if other is not None and (other is not home or node.op.kind in ("contract", "index", "sort")):
                    crossing[producer] = None
                    if fusion.guard(producer) - fusion.guard(node):
                        kept[producer] = None
    cost: ExprTable[int] = ExprTable()
    stored: ExprTable[int] = ExprTable()
    sinking = Sinking(graph, fusion.home.get, LARGEST_KERNEL)
    for node in graph.nodes:
        home = fusion.home.get(node)
        if home is not None:
            alone = home.is_cone
            if alone and node not in crossing:
                continue
            cost[node] = RECOMPUTED + 1 if alone else _cost_of_again(node, cost, stored)
            needed = node in crossing and (node in kept or cost[node] > RECOMPUTED)
            if needed and (alone or node in kept or not sinking.take(node, stored, cost, RECOMPUTED)):
                stored[node] = 0
    return stored


def _cost_of_again(node: Expr, cost: ExprTable[int], stored: ExprTable[int]) -> int:
    never = RECOMPUTED + 1
    if node.op.kind != "elementwise" or node.op.is_expensive or node.shape == ():
        return never
    total = 1
    for arg in node.args:
        for producer in sources(arg):
            if producer not in stored and producer.op.kind != "leaf":
                total += cost[producer]
    return min(total, never)
