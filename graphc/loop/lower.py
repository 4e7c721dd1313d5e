"""From nodes to scalar loop code: `Builder.pull(node, index)` writes what computes one element of a node.

Reading is by demand. A view moves the index and costs nothing; an elementwise op pulls its arguments at the same
index; memory is loaded. What is pulled twice at one index is computed once, and each value is bound in the outermost
loop that knows all the variables it depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from ..ir.affine import Affine, Var, floordiv, ravel, variable
from ..ir.dtype import DType, bool_, int64
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.open_size import ROWS, OpenSize, run_time
from ..ops.index import positions_index, taken_index
from .checks import Watched
from .ir import (
    Apply,
    Buffer,
    Check,
    Const,
    For,
    Let,
    Load,
    Operand,
    Position,
    Ref,
    Scan,
    Statement,
    Store,
    Value,
    full_range,
)

Index: TypeAlias = tuple[Affine, ...]
Key: TypeAlias = tuple[int, Index, Operand | None]


@dataclass
class _Scope:
    """One level of loops: the statements so far, and the values known here."""

    statements: list[Statement] = field(default_factory=list)
    known: dict[Key, Operand] = field(default_factory=dict)
    windows: dict[Key, tuple[Index, Operand | None]] = field(default_factory=dict)
    sides: dict[Key, tuple[Operand, Operand, Operand]] = field(default_factory=dict)


class Builder:
    """Writes the body of a kernel."""

    def __init__(self, inputs: ExprTable[Buffer], outputs: ExprTable[Buffer]) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.scopes = [_Scope()]
        self.watch = outputs.watch if isinstance(outputs, Watched) else None
        """What checked kernels look at."""
        self._checked: set[Key] = set()
        self._depth: dict[str, int] = {ROWS.name: 0}
        self._least_depth = 0
        """Of what is bound now: what a loop that never runs would read is not read outside of it either."""
        self._count = 0

    # Statements ------------------------------------------------------------------------------------------------

    @property
    def body(self) -> tuple[Statement, ...]:
        """What has been written at the outermost level."""
        return tuple(self.scopes[0].statements)

    def add(self, statement: Statement) -> None:
        """Append to the innermost open loop."""
        self.scopes[-1].statements.append(statement)

    @contextmanager
    def loop(self, var: Var, **options: object) -> Iterator[None]:
        """Open a loop over all values of a variable; a variable with one value needs none."""
        if var.extent == 1:
            yield
            return
        start, stop = full_range(var)
        with self.scope(var):
            yield
            inner = tuple(self.scopes[-1].statements)
        self.add(For(var, start, stop, inner, **options))  # type: ignore[arg-type]

    @contextmanager
    def scope(self, *variables: Var) -> Iterator[_Scope]:
        """Open a level at which these variables have values; its statements are the caller's to wrap."""
        outside = self._least_depth
        self.scopes.append(_Scope())
        for var in variables:
            self._depth[var.name] = len(self.scopes) - 1
            if var.extent == 0:
                self._least_depth = len(self.scopes) - 1
        try:
            yield self.scopes[-1]
        finally:
            self.scopes.pop()
            self._least_depth = outside

    @contextmanager
    def loops(self, variables: Sequence[Var]) -> Iterator[None]:
        """Nested loops, the first outermost."""
        if not variables:
            yield
            return
        with self.loop(variables[0]), self.loops(variables[1:]):
            yield

    def let(self, dtype: DType, value: Value) -> Ref:
        """Bind a value in the outermost loop that knows what it depends on."""
        ref = Ref(f"v{self._count}", dtype)
        self._count += 1
        depth = self._value_depth(value)
        self._depth[ref.name] = depth
        self.scopes[depth].statements.append(Let(ref, value))
        return ref

    def apply(self, op: str, dtype: DType, *args: Operand) -> Operand:
        """The value of an op of the scalar table."""
        return self.let(dtype, Apply(op, args))

    def load(self, buffer: Buffer, index: Affine, mask: Operand | None = None) -> Ref:
        """The value of an element of memory, read here and now."""
        ref = Ref(f"v{self._count}", buffer.dtype)
        self._count += 1
        self._depth[ref.name] = len(self.scopes) - 1
        self.add(Let(ref, Load(buffer, index, mask)))
        return ref

    def check(self, check: Check) -> None:
        """Look at a value where it is bound."""
        used = (check.value, *check.operands, check.mask)
        depth = max((self._least_depth, *(self._depth[o.name] for o in used if isinstance(o, Ref))))
        self.scopes[depth].statements.append(check)

    def is_news(self, node: Expr, index: Index, mask: Operand | None) -> bool:
        """Whether this element is checked for the first time: sweeps may compute it again."""
        key = (id(node), index, mask)
        is_news = key not in self._checked
        self._checked.add(key)
        return is_news

    def scan(self, op: str, register: Buffer, values: tuple[Operand, ...], *, exclusive: bool) -> Ref:
        """Take a step of a run, here and now, and name where it has come to."""
        ref = Ref(f"v{self._count}", register.dtype)
        self._count += 1
        self._depth[ref.name] = len(self.scopes) - 1
        self.add(Scan(ref, op, register, values, exclusive))
        return ref

    def store(self, *elements: tuple[Expr, Index]) -> None:
        """Compute elements of outputs, then write them: one may overwrite in place what another still reads."""
        values = [self.pull(node, index) for node, index in elements]
        for (node, index), value in zip(elements, values, strict=True):
            self.add(Store(self.outputs[node], flat(node, index), value))

    # Values ----------------------------------------------------------------------------------------------------

    def know(self, node: Expr, index: Index, value: Operand) -> None:
        """Say what a node's element is, as from a register, for the rest of the innermost open loop."""
        self.scopes[-1].known[(id(node), index, None)] = value

    def pull(self, node: Expr, index: Index) -> Operand:
        """The value of one element of a node."""
        stack: list[tuple[Expr, Index, Operand | None]] = [(node, index, None)]
        while stack:
            if self._find(*stack[-1]) is not None:
                stack.pop()
            else:
                stack.extend(reversed(self._step(*stack[-1])))
        found = self._find(node, index, None)
        assert found is not None
        return found

    def _find(self, node: Expr, index: Index, mask: Operand | None) -> Operand | None:
        if node.op.name == "constant" and node.shape == () and node not in self.inputs:
            return Const(node.attrs["value"].array.item(), node.dtype)
        if node.op.name == "size" and not isinstance(node.attrs["size"], OpenSize):
            return Const(int(node.attrs["size"]), node.dtype)
        for wanted in (mask, None) if mask is not None else (None,):
            key = (id(node), index, wanted)
            for scope in reversed(self.scopes):
                value = scope.known.get(key)
                if value is not None:
                    return value
        return None

    def _step(self, node: Expr, index: Index, mask: Operand | None) -> list[tuple[Expr, Index, Operand | None]]:
        """Bind the element's value if all it needs is known; otherwise say what is missing."""
        if node in self.inputs:
            buffer = self.inputs[node]
            nothing = Const(0.0 if node.dtype.is_float else 0, node.dtype)
            load = self.let(node.dtype, Load(buffer, flat(node, index), mask)) if buffer.size else nothing
            self._bind(node, index, mask, load)
            if self.watch is not None:
                self.watch.loaded(self, node, index, mask, load)
            return []
        if node.op.name in ("iota", "size"):
            form = index[node.attrs["axis"]] if node.op.name == "iota" else run_time(node.attrs["size"])
            self._bind(node, index, mask, self._converted(self.let(int64, Position(form)), node.dtype))
            return []
        if node.op.view is not None:
            return self._through(node, index, mask, node.args[0], node.op.view(node, index), mask)
        if node.op.name in ("take", "take_along_axis"):
            return self._take(node, index, mask)
        if node.op.name == "searchsorted":
            return self._searched(node, index, mask)
        if node.op.name == "scatter_slice":
            return self._window(node, index, mask)
        if node.op.name == "dynamic_slice":
            return self._moving(node, index, mask)
        if node.op.name == "dynamic_update_slice":
            return self._updated(node, index, mask)
        if node.op.kind == "join":
            return self._joined(node, index, mask)
        needs = [(a, index, mask) for a in node.args]
        missing = [n for n in needs if self._find(*n) is None]
        if missing:
            return missing
        args = [a for n in needs if (a := self._find(*n)) is not None]
        value = self.apply(node.op.name, node.dtype, *args)
        self._bind(node, index, mask, value)
        if self.watch is not None:
            self.watch.computed(self, node, index, mask, value, args)
        return []

    def _bind(self, node: Expr, index: Index, mask: Operand | None, value: Operand) -> None:
        depth = self._depth[value.name] if isinstance(value, Ref) else 0
        self.scopes[depth].known[(id(node), index, mask)] = value

    def _through(
        self, node: Expr, index: Index, mask: Operand | None, source: Expr, at: Index, source_mask: Operand | None
    ) -> list[tuple[Expr, Index, Operand | None]]:
        value = self._find(source, at, source_mask)
        if value is None:
            return [(source, at, source_mask)]
        self._bind(node, index, mask, value)
        return []

    def _take(self, node: Expr, index: Index, mask: Operand | None) -> list[tuple[Expr, Index, Operand | None]]:
        """Read at a computed position, counted from the end when negative and clamped into range."""
        source, indices = node.args
        named = positions_index(node, index)
        raw = self._find(indices, named, mask)
        if raw is None:
            return [(indices, named, mask)]
        size = int(source.shape[node.attrs["axis"]])
        key = (id(node), (*named, Affine((), -1)), mask)
        position = self._once(key, lambda: self.clamped(self.position(node, raw, size, size, mask), size))
        at = taken_index(node, index, self.as_index(position, size))
        return self._through(node, index, mask, source, at, mask)

    def _moving(self, node: Expr, index: Index, mask: Operand | None) -> list[tuple[Expr, Index, Operand | None]]:
        """Read in a window whose start is a value: neighbours in it are neighbours in memory."""
        source, start = node.args
        room = int(source.shape[node.attrs["axis"]]) - int(node.attrs["size"]) + 1
        first = self._start(node, start, int(source.shape[node.attrs["axis"]]), room)
        if first is None:
            return [(start, (), None)]
        return self._through(node, index, mask, source, shifted(node, index, self.as_index(first, room)), mask)

    def _updated(self, node: Expr, index: Index, mask: Operand | None) -> list[tuple[Expr, Index, Operand | None]]:
        """The update's element inside the window, the source's outside."""
        source, update, start = node.args
        whole, size = (int(e.shape[node.attrs["axis"]]) for e in (source, update))
        room = whole - size + 1
        first = self._start(node, start, whole, room)
        if first is None:
            return [(start, (), None)]
        # How far the window is from the end: index forms with a minus sign would not divide as those ≥ 0 do.
        after = self._once((id(node), (Affine((), -2),), None), lambda: self._from_end(first, room))
        at = shifted(node, index, self.as_index(after, room) - (room - 1))
        slot = at[node.attrs["axis"]]
        inside = self._once(
            (id(node), (*index, Affine((), -1)), mask), lambda: self._both(mask, self._within(slot, size))
        )
        needs = [(source, index, mask), (update, at, inside)]
        missing = [n for n in needs if self._find(*n) is None]
        if missing:
            return missing
        old, new = (v for n in needs if (v := self._find(*n)) is not None)
        self._bind(node, index, mask, self.apply("where", node.dtype, inside, new, old))
        return []

    def _start(self, node: Expr, start: Expr, whole: int, room: int) -> Operand | None:
        """Where a window begins, counted from the end when negative and clamped so that it lies inside."""
        raw = self._find(start, (), None)
        if raw is None:
            return None
        key = (id(node), (Affine((), -1),), None)
        return self._once(key, lambda: self.clamped(self.position(node, raw, whole, room), room))

    def _from_end(self, first: Operand, room: int) -> Operand:
        return self.apply("subtract", int64, Const(room - 1, int64), first)

    def _searched(self, node: Expr, index: Index, mask: Operand | None) -> list[tuple[Expr, Index, Operand | None]]:
        """How many elements are before a value, by halves: every lane takes the same number of steps."""
        sequence, values = node.args
        value = self._find(values, index, mask)
        if value is None:
            return [(values, index, mask)]
        place: Operand = Const(0, int64)
        left = int(sequence.shape[0])
        while left:
            half = max(left // 2, 1)
            at = self.as_index(place, int(sequence.shape[0]) - left + 1) + (half - 1)
            middle = self._find(sequence, (at,), mask)
            if middle is None:
                return [(sequence, (at,), mask)]
            place = self._once(
                (id(node), (*index, at), mask), lambda *known: self._passed(node.attrs["side"], *known),
                place, middle, value, Const(half, int64),
            )  # fmt: skip
            left = left - half if left > 1 else 0
        self._bind(node, index, mask, place)
        return []

    def _passed(self, side: str, place: Operand, middle: Operand, value: Operand, half: Const) -> Operand:
        """The place behind `middle`, if that is before the value, else the same."""
        behind = self._before(middle, value) if side == "left" else self._not(self._before(value, middle))
        return self.apply("where", int64, behind, self.apply("add", int64, place, half), place)

    def _before(self, a: Operand, b: Operand) -> Operand:
        """Whether a is before b, nan being last."""
        smaller = self.apply("less", bool_, a, b)
        if not a.dtype.is_float:
            return smaller
        number = self.apply("equal", bool_, a, a)
        only_b = self.apply("logical_and", bool_, number, self.apply("not_equal", bool_, b, b))
        return self.apply("logical_or", bool_, smaller, only_b)

    def _not(self, a: Operand) -> Operand:
        return self.apply("logical_not", bool_, a)

    def _once(self, key: Key, compute: Callable[..., Operand], *operands: Operand) -> Operand:
        """The value known by this key, computed from the operands if need be."""
        known = next((s.known[key] for s in reversed(self.scopes) if key in s.known), None)
        if known is not None:
            return known
        value = compute(*operands)
        depth = self._depth[value.name] if isinstance(value, Ref) else 0
        self.scopes[depth].known[key] = value
        return value

    def position(self, node: Expr, raw: Operand, size: int, room: int, mask: Operand | None = None) -> Operand:
        """The place that an index of a node means, which should be one of `room`."""
        position = self.wrapped(raw, raw.dtype, size)
        if self.watch is not None:
            self.watch.positioned(self, node, raw, position, room, mask)
        return position

    def wrapped(self, raw: Operand, dtype: DType, size: int) -> Operand:
        """An index as int64, with negative ones counted from the end."""
        if dtype.kind == "uint":
            largest = Const(min(size, 2 ** min(dtype.bits, 62) - 1), dtype)
            return self._converted(self.apply("minimum", dtype, raw, largest), int64)
        wide = self._converted(raw, int64)
        negative = self.apply("less", bool_, wide, Const(0, int64))
        return self.apply("where", int64, negative, self.apply("add", int64, wide, Const(size, int64)), wide)

    def clamped(self, position: Operand, size: int) -> Operand:
        """A position moved into 0 … size - 1."""
        low = self.apply("maximum", int64, position, Const(0, int64))
        return self.apply("minimum", int64, low, Const(size - 1, int64))

    def as_index(self, position: Operand, size: int) -> Affine:
        """An integer value as part of index forms."""
        if isinstance(position, Const):
            return Affine((), int(position.value))
        return variable(Var(position.name, size))

    def _converted(self, value: Operand, dtype: DType) -> Operand:
        return value if value.dtype is dtype else self.apply("astype", dtype, value)

    def _window(self, node: Expr, index: Index, mask: Operand | None) -> list[tuple[Expr, Index, Operand | None]]:
        """The argument's element inside the window, zero outside, where nothing is read."""
        source = node.args[0]
        at, inside = self._slots(node, index, mask)
        value = self._find(source, at, inside)
        if value is None:
            return [(source, at, inside)]
        if inside is not None and inside is not mask:
            zero = Const(False if node.dtype is bool_ else 0.0 if node.dtype.is_float else 0, node.dtype)
            value = self.apply("where", node.dtype, inside, value, zero)
        self._bind(node, index, mask, value)
        return []

    def _joined(self, node: Expr, index: Index, mask: Operand | None) -> list[tuple[Expr, Index, Operand | None]]:
        """The element of the part that stands here; of both, one masked, where the loop does not tell them apart."""
        part = part_at(node, index)
        if part is not None:
            return self._through(node, index, mask, node.args[part], part_index(node, index, part), mask)
        behind, *masks = self._sides(node, index, mask)
        needs: list[tuple[Expr, Index, Operand | None]]
        needs = [(a, part_index(node, index, i), m) for i, (a, m) in enumerate(zip(node.args, masks, strict=True))]
        missing = [n for n in needs if self._find(*n) is None]
        if missing:
            return missing
        first, second = (v for n in needs if (v := self._find(*n)) is not None)
        self._bind(node, index, mask, self.apply("where", node.dtype, behind, second, first))
        return []

    def _sides(self, node: Expr, index: Index, mask: Operand | None) -> tuple[Operand, Operand, Operand]:
        """Whether the second part of a concat stands here, and the masks for reading the first and the second."""
        key = (id(node), index, mask)
        for scope in reversed(self.scopes):
            if key in scope.sides:
                return scope.sides[key]
        axis = node.attrs["axis"]
        position = self.let(int64, Position(index[axis]))
        behind = self.apply("greater_equal", bool_, position, Const(int(node.args[0].shape[axis]), int64))
        front = self._both(mask, self.apply("logical_not", bool_, behind))
        found = self.scopes[-1].sides[key] = (behind, front, self._both(mask, behind))
        return found

    def _slots(self, node: Expr, index: Index, mask: Operand | None) -> tuple[Index, Operand | None]:
        """Which element of the argument of a scatter_slice would stand here, and whether one does.

        Written once for each place: the condition is part of what the argument is known by.
        """
        key = (id(node), index, mask)
        for scope in reversed(self.scopes):
            if key in scope.windows:
                return scope.windows[key]
        inside, at = mask, []
        sizes = [int(d) for d in node.args[0].shape]
        for i, start, step, size in zip(index, node.attrs["starts"], node.attrs["steps"], sizes, strict=True):
            offset = i - start if step > 0 else i * -1 + start
            steps = abs(step)
            low, high = offset.range()
            # Quotients are of forms ≥ 0: whole steps are added before dividing and taken off after.
            before = max(-(low // steps), 0)
            slot = floordiv(offset + before * steps, steps) - before
            if low < 0 or high >= size * steps:
                inside = self._both(inside, self._within(slot, size))
            if steps > 1:
                rest = self.let(int64, Position(offset - slot * steps))
                inside = self._both(inside, self.apply("equal", bool_, rest, Const(0, int64)))
            at.append(slot)
        found = self.scopes[-1].windows[key] = (tuple(at), inside)
        return found

    def _within(self, slot: Affine, size: int) -> Operand:
        position = self.let(int64, Position(slot))
        above = self.apply("greater_equal", bool_, position, Const(0, int64))
        return self.apply("logical_and", bool_, above, self.apply("less", bool_, position, Const(size, int64)))

    def _both(self, a: Operand | None, b: Operand) -> Operand:
        return b if a is None else self.apply("logical_and", bool_, a, b)

    def _value_depth(self, value: Value) -> int:
        if isinstance(value, Apply):
            names = [a.name for a in value.args if isinstance(a, Ref)]
        else:
            names = [v.name for v in value.at.variables()]
            if isinstance(value, Load) and isinstance(value.mask, Ref):
                names.append(value.mask.name)
        return max((self._least_depth, *(self._depth[n] for n in names)))


def part_at(node: Expr, index: Index) -> int | None:
    """Which argument of a concat stands at this index; None where that differs between the values of the index."""
    low, high = index[node.attrs["axis"]].range()
    border = int(node.args[0].shape[node.attrs["axis"]])
    return 0 if high < border else 1 if low >= border else None


def part_index(node: Expr, index: Index, part: int) -> Index:
    """Where the element at an index of a concat stands in one of its arguments."""
    axis = node.attrs["axis"]
    border = int(node.args[0].shape[axis]) if part else 0
    return (*index[:axis], index[axis] - border, *index[axis + 1 :])


def shifted(node: Expr, index: Index, by: Affine) -> Index:
    """The index moved along the node's axis."""
    axis = node.attrs["axis"]
    return (*index[:axis], index[axis] + by, *index[axis + 1 :])


def flat(node: Expr, index: Index) -> Affine:
    """Where an element of a node lies in its memory."""
    return recombined(ravel(index, [int(d) for d in node.shape]))


def recombined(form: Affine) -> Affine:
    """The form with by·(x // by) + x % by written as x again."""
    from ..ir.affine import Quotient, Remainder

    for atom, coefficient in form.terms:
        if isinstance(atom, Remainder):
            partner = Quotient(atom.of, atom.by)
            if dict(form.terms).get(partner) == coefficient * atom.by:
                rest = Affine(tuple(t for t in form.terms if t[0] not in (atom, partner)), form.constant)
                return recombined(rest + atom.of * coefficient)
    return form
