"""The schedules of sort, argsort and argtopk: one row after the other, always in the same steps.

Elements become unsigned integers in the same order (`Keys`), descending order being that of their complements. A
short row is ordered by counting: an element's place is how many are before it.

    for t: store keys[t] = key of x[t]
    for i as lanes:
      register r = 0
      for j: r sum= keys[j] < keys[i] or (keys[j] = keys[i] and j < i)
      store out[r] = i

A long row is ordered digit by digit from the last to the first, each time keeping the order of equal digits: how
often each digit occurs says where its elements begin.

    for t: counts[digit of keys[t]] += 1                  # for all digits at once
    for d: counts[d] = elements with a smaller digit
    for t: p = counts[digit of keys[t]]++; store next[p] = keys[t]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..ir import dtype as dtypes
from ..ir.affine import Affine, Var, variable
from ..ir.dtype import DType, bool_, int32, int64
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .ir import Accumulate, Allocate, Buffer, Const, For, Operand, Position, Statement, Store
from .lower import Builder, Index, flat
from .schedule import Machine, vectorized
from .vectorize import Widening, merge

COUNTED = 128
"""Elements of a row up to which counting is faster than going through the digits; half of it for a single digit."""
DIGIT_BITS = 8
WIDE_DIGIT_BITS = 11
"""Fewer rounds, and more to count: for rows of `WIDE_FROM` elements."""
WIDE_FROM = 4096

_UNSIGNED = {8: dtypes.uint8, 16: dtypes.uint16, 32: dtypes.uint32, 64: dtypes.uint64}


@dataclass(frozen=True, slots=True)
class Keys:
    """Elements of a dtype as unsigned integers that have their order, nan above all numbers."""

    dtype: DType
    descending: bool
    exact: bool
    """Whether elements come back from their keys: then -0 is before 0, otherwise they are equal."""

    @property
    def unsigned(self) -> DType:
        return _UNSIGNED[self.dtype.bits]

    def _constant(self, value: int) -> Const:
        return Const(value, self.unsigned)

    @property
    def _sign(self) -> Const:
        return self._constant(2 ** (self.dtype.bits - 1))

    def of(self, b: Builder, x: Operand) -> Operand:
        """The key of an element."""
        u = self.unsigned
        if self.dtype.is_float:
            key = self._of_float(b, x)
        elif self.dtype.kind == "int":
            key = b.apply("bitwise_xor", u, b.apply("astype", u, x), self._sign)
        else:
            key = x
        return b.apply("bitwise_invert", u, key) if self.descending else key

    def _of_float(self, b: Builder, x: Operand) -> Operand:
        u = self.unsigned
        bits = b.apply("bitcast", u, x if self.exact else b.apply("add", self.dtype, x, Const(0.0, self.dtype)))
        negative = b.apply("greater_equal", bool_, bits, self._sign)
        ordered = b.apply(
            "where", u, negative, b.apply("bitwise_invert", u, bits), b.apply("bitwise_or", u, bits, self._sign)
        )
        nan = b.apply("not_equal", bool_, x, x)
        return b.apply("where", u, nan, self._constant(2**self.dtype.bits - 1), ordered)

    def element(self, b: Builder, key: Operand) -> Operand:
        """The element of a key."""
        u = self.unsigned
        if self.descending:
            key = b.apply("bitwise_invert", u, key)
        if self.dtype.kind == "uint":
            return key
        flipped = b.apply("bitwise_xor", u, key, self._sign)
        if self.dtype.kind == "int":
            return b.apply("astype", self.dtype, flipped)
        positive = b.apply("greater_equal", bool_, key, self._sign)
        return b.apply("bitcast", self.dtype, b.apply("where", u, positive, flipped, b.apply("bitwise_invert", u, key)))


class Sorting:
    """One sort being written as loops."""

    def __init__(self, node: Expr, inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine) -> None:
        self.node = node
        self.x = node.args[0]
        self.axis: int = node.attrs["axis"]
        self.size = int(self.x.shape[self.axis])
        self.kept = int(node.shape[self.axis])
        self.positions = node.op.name != "sort"
        self.keys = Keys(self.x.dtype, node.attrs.get("descending", True), not self.positions)
        self.machine = machine
        self.builder = Builder(inputs, into)
        self.outer = tuple(Var(f"i{a}", int(d)) for a, d in enumerate(self.x.shape) if a != self.axis)
        self.digit_bits = WIDE_DIGIT_BITS if self.size >= WIDE_FROM and self.x.dtype.bits > 16 else DIGIT_BITS
        self.rounds = -(-self.x.dtype.bits // self.digit_bits)
        self.place_dtype = int32 if self.size < 2**31 else int64

    @property
    def bins(self) -> int:
        return 1 << self.digit_bits

    @property
    def is_counted(self) -> bool:
        return self.size <= (COUNTED if self.rounds > 1 else COUNTED // 2)

    @property
    def workspaces(self) -> tuple[Buffer, ...]:
        """Where a long row is kept between rounds: keys there and back, their positions there and back, counts."""
        if self.is_counted:
            return ()
        found = [Buffer(f"keys{i}", self.keys.unsigned, self.size, "workspace", aligned=True) for i in (0, 1)]
        if self.positions:
            found += [Buffer(f"places{i}", self.place_dtype, self.size, "workspace", aligned=True) for i in (0, 1)]
        return (*found, Buffer("counts", int64, self.rounds * self.bins, "workspace", aligned=True))

    def write(self) -> tuple[Statement, ...]:
        """The loops."""
        if 0 in self.node.shape:
            return ()
        with self.builder.loops(self.outer):
            if self.is_counted:
                self._count_row()
            else:
                self._sort_by_digits()
        return self.builder.body

    def _index(self, along: Affine) -> Index:
        outer = iter(self.outer)
        return tuple(along if a == self.axis else variable(next(outer)) for a in range(self.x.ndim))

    def _stage(self, keys: Buffer) -> None:
        """The keys of a row, side by side."""
        b, t = self.builder, Var("t", self.size)
        with b.scope() as scope:
            with b.loop(t):
                key = self.keys.of(b, b.pull(self.x, self._index(variable(t))))
                b.add(Store(keys, variable(t), key))
            body = vectorized(merge(tuple(scope.statements)), self.machine)
        for statement in body:
            b.add(statement)

    def _put(self, place: Operand, key: Operand | None, position: Operand | None) -> None:
        """Write an element of the result, if it is among those kept."""
        b = self.builder
        at = flat(self.node, self._index(b.as_index(place, self.size)))
        mask = None
        if self.kept < self.size:
            mask = b.apply("less", bool_, place, Const(self.kept, int64))
        if position is not None:
            value = position if position.dtype is int64 else b.apply("astype", int64, position)
        else:
            assert key is not None
            value = self.keys.element(b, key)
        b.add(Store(b.outputs[self.node], at, value, mask))

    # Short rows ------------------------------------------------------------------------------------------------

    def _count_row(self) -> None:
        """Block by block: what stands before a block counts when it is not larger, what stands behind when smaller."""
        b = self.builder
        keys = Buffer("keys", self.keys.unsigned, self.size, "stack", aligned=True)
        b.add(Allocate(keys))
        self._stage(keys)
        hardware = max(self.machine.vector_bytes // self.keys.unsigned.bytes, 1)
        lanes = min(2 * hardware, 1 << (self.size - 1).bit_length())
        for first in range(0, self.size, lanes):
            self._count_block(keys, first, lanes)

    def _count_block(self, keys: Buffer, first: int, lanes: int) -> None:
        b, i = self.builder, Var("i", lanes)
        last = min(first + lanes, self.size)
        with b.scope(i) as scope:
            count = Buffer("count", self.keys.unsigned, 1, "register")
            b.add(Allocate(count, Const(0, count.dtype)))
            at = variable(i) + first
            mine = b.load(keys, at)
            self._count(keys, 0, first, count, lambda other, j: b.apply("less_equal", bool_, other, mine))
            self._count(keys, first, last, count, lambda other, j: self._is_before(other, mine, j, at))
            self._count(keys, last, self.size, count, lambda other, j: b.apply("less", bool_, other, mine))
            place = b.apply("astype", int64, b.load(count, Affine()))
            self._put(place, mine, b.let(int64, Position(at)) if self.positions else None)
            body = tuple(scope.statements)
        active = (last - first) % lanes
        wide = Widening(i, lanes, {}).body(body) if lanes > 1 else body
        b.add(For(i, Affine(), Affine((), lanes), wide, step=lanes, lanes=lanes, active=active))

    def _count(
        self, keys: Buffer, first: int, last: int, count: Buffer, is_before: Callable[[Operand, Affine], Operand]
    ) -> None:
        """How many of these elements of the row come before those in question."""
        if first == last:
            return
        b, j = self.builder, Var("j", last - first)
        with b.loop(j):
            at = variable(j) + first
            found = is_before(b.load(keys, at), at)
            b.add(Accumulate("sum", (count,), 0, (b.apply("astype", count.dtype, found),)))

    def _is_before(self, other: Operand, mine: Operand, j: Affine, i: Affine) -> Operand:
        """Whether the element at j comes before that at i: it is smaller, or equal and stands earlier."""
        b = self.builder
        there, here = (b.apply("astype", self.keys.unsigned, b.let(int64, Position(at))) for at in (j, i))
        tie = b.apply("logical_and", bool_, b.apply("equal", bool_, other, mine), b.apply("less", bool_, there, here))
        return b.apply("logical_or", bool_, b.apply("less", bool_, other, mine), tie)

    # Long rows -------------------------------------------------------------------------------------------------

    def _sort_by_digits(self) -> None:
        first, second, *places, counts = self.workspaces
        self._clear(counts)
        self._stage(first)
        self._count_digits(first, counts)
        self._sum_up(counts)
        source, target = first, second
        for number in range(self.rounds):
            self._round(number, source, target, places, counts)
            source, target = target, source

    def _clear(self, counts: Buffer) -> None:
        b, d = self.builder, Var("c", counts.size)
        with b.scope() as scope:
            with b.loop(d):
                b.add(Store(counts, variable(d), Const(0, int64)))
            body = vectorized(tuple(scope.statements), self.machine)
        for statement in body:
            b.add(statement)

    def _slot(self, key: Operand, number: int) -> Affine:
        """Where the count of a key's digit stands."""
        b, u = self.builder, self.keys.unsigned
        shifted = key
        if number:
            shifted = b.apply("bitwise_right_shift", u, key, Const(number * self.digit_bits, u))
        digit = shifted
        if self.digit_bits < u.bits:
            digit = b.apply("bitwise_and", u, shifted, Const(self.bins - 1, u))
        return b.as_index(b.apply("astype", int64, digit), self.bins) + number * self.bins

    def _count_digits(self, keys: Buffer, counts: Buffer) -> None:
        b, t = self.builder, Var("t", self.size)
        with b.loop(t):
            key = b.load(keys, variable(t))
            for number in range(self.rounds):
                slot = self._slot(key, number)
                more = b.apply("add", int64, b.load(counts, slot), Const(1, int64))
                b.add(Store(counts, slot, more))

    def _sum_up(self, counts: Buffer) -> None:
        """Each count becomes that of the elements with smaller digits."""
        b = self.builder
        for number in range(self.rounds):
            d, total = Var("d", self.bins), Buffer(f"total{number}", int64, 1, "register")
            b.add(Allocate(total, Const(0, int64)))
            with b.loop(d):
                slot = variable(d) + number * self.bins
                count = b.load(counts, slot)
                b.add(Store(counts, slot, b.load(total, Affine())))
                b.add(Accumulate("sum", (total,), 0, (count,)))

    def _round(self, number: int, source: Buffer, target: Buffer, places: list[Buffer], counts: Buffer) -> None:
        """Move every element behind those with a smaller digit, and those with the same that stood before it."""
        b, t = self.builder, Var("t", self.size)
        last = number == self.rounds - 1
        with b.loop(t):
            key = b.load(source, variable(t))
            slot = self._slot(key, number)
            place = b.load(counts, slot)
            b.add(Store(counts, slot, b.apply("add", int64, place, Const(1, int64))))
            position: Operand | None = None
            if self.positions:
                position = b.load(places[(number + 1) % 2], variable(t)) if number else self._here(t)
            if last:
                self._put(place, key, position)
                return
            there = b.as_index(place, self.size)
            b.add(Store(target, there, key))
            if position is not None:
                b.add(Store(places[number % 2], there, position))

    def _here(self, t: Var) -> Operand:
        b = self.builder
        position = b.let(int64, Position(variable(t)))
        return position if self.place_dtype is int64 else b.apply("astype", self.place_dtype, position)


def schedule_sort(
    node: Expr, inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine
) -> tuple[tuple[Statement, ...], tuple[Buffer, ...]]:
    """The loops of a sort, and the workspaces they need."""
    sorting = Sorting(node, inputs, into, machine)
    return sorting.write(), sorting.workspaces
