"""The schedules of sort, argsort and argtopk, always in the same steps.

Elements become unsigned integers in the same order (`Keys`), descending order being that of their complements. Many
rows of up to a thousand elements are ordered by a network, one in each lane of a vector (`network`); where positions
are asked for, they are the lower digits of what is ordered. One short row is ordered by counting: an element's place
is how many are before it.

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

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from ..ir import dtype as dtypes
from ..ir.affine import Affine, Var, variable
from ..ir.dtype import DType, bool_, int32, int64
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .ir import Accumulate, Allocate, Buffer, Combine, Const, For, If, Operand, Position, Statement, Store
from .lower import Builder, Index, flat
from .network import Network
from .schedule import Machine, vectorized
from .vectorize import Widening, merge

COUNTED = 128
"""Elements of a row up to which counting is faster than going through the digits; half of it for a single digit."""
DIGIT_BITS = 8
WIDE_DIGIT_BITS = 11
"""Fewer rounds, and more to count: for rows of `WIDE_FROM` elements."""
WIDE_FROM = 4096

NETWORK_BYTES = 2**16
"""Memory for the rows that a network orders at once."""
MOST_PIECES, MOST_BYTES = 8, 2**24
"""Rows that are ordered by digits at the same time, and the memory for them."""
_NEGATIVE_ZERO = Buffer("negative_zero", bool_, 1, "register")

_UNSIGNED = {8: dtypes.uint8, 16: dtypes.uint16, 32: dtypes.uint32, 64: dtypes.uint64}


@dataclass(frozen=True, slots=True)
class Keys:
    """Elements of a dtype as unsigned integers that have their order, nan above all numbers."""

    dtype: DType
    descending: bool
    exact: bool
    """Whether elements come back from their keys: then -0 and 0 are neighbours, otherwise they are equal."""

    @property
    def unsigned(self) -> DType:
        return _UNSIGNED[self.dtype.bits]

    def _constant(self, value: int) -> Const:
        return Const(value, self.unsigned)

    @property
    def _sign(self) -> Const:
        return self._constant(2 ** (self.dtype.bits - 1))

    @property
    def first_zero(self) -> Const:
        """The key of the zero that is first among exact keys."""
        return self._constant(2 ** (self.dtype.bits - 1) - 1)

    @property
    def negative_zero(self) -> Const:
        """The exact key of -0."""
        return self._sign if self.descending else self.first_zero

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
        self.row: dict[Var, Affine] = {v: variable(v) for v in self.outer}
        """Where the loops stand in each axis but the sorted one."""
        self.across = max(self.outer, key=lambda v: v.extent, default=Var("row", 1))
        self.pieces = self._pieces()
        self.piece = Var("c", self.pieces)
        self.mends = not self.positions and self.x.dtype.is_float
        """Whether zeros of both signs, whose keys differ, have to be brought back into their order."""

    @property
    def bins(self) -> int:
        return 1 << self.digit_bits

    @property
    def word(self) -> DType:
        """What a network orders: keys, or keys above positions."""
        return self.keys.unsigned if not self.positions else _UNSIGNED[32 if self.x.dtype.bits <= 16 else 64]

    @property
    def padded(self) -> int:
        """The length of rows in a network."""
        return 1 << (self.size - 1).bit_length()

    @property
    def words(self) -> Buffer:
        """A block of rows in a network."""
        return Buffer("words", self.word, self.padded * self.lanes, "stack")

    @property
    def lanes(self) -> int:
        """How many rows a network orders at once."""
        return max(self.machine.vector_bytes // self.word.bytes, 1)

    @property
    def is_network(self) -> bool:
        """Whether there are rows enough, of which a block fits the nearest caches, and words that hold all."""
        fits = self.size > 1 < self.across.extent and self.padded * self.machine.vector_bytes <= NETWORK_BYTES
        return fits and 2 * self.across.extent >= self.lanes and not (self.positions and self.x.dtype.bits == 64)

    @property
    def is_counted(self) -> bool:
        return self.size <= (COUNTED if self.rounds > 1 else COUNTED // 2)

    def _pieces(self) -> int:
        """In how many pieces rows are taken that each have memory of their own for the digits."""
        if self.is_network or self.is_counted or not self.outer:
            return 1
        memory = 2 * self.size * (self.keys.unsigned.bytes + (self.place_dtype.bytes if self.positions else 0))
        return max(min(self.outer[0].extent, MOST_PIECES, MOST_BYTES // memory), 1)

    @property
    def workspaces(self) -> tuple[Buffer, ...]:
        """Where a long row is kept between rounds: keys there and back, their positions there and back, counts."""
        if self.is_network or self.is_counted:
            return ()
        size = self.pieces * self.size
        found = [Buffer(f"keys{i}", self.keys.unsigned, size, "workspace") for i in (0, 1)]
        if self.positions:
            found += [Buffer(f"places{i}", self.place_dtype, size, "workspace") for i in (0, 1)]
        return (*found, Buffer("counts", int64, self.pieces * self.rounds * self.bins, "workspace"))

    def write(self) -> tuple[Statement, ...]:
        """The loops."""
        if 0 in self.node.shape:
            return ()
        if self.is_network:
            with self._rows([v for v in self.outer if v is not self.across]):
                self._sort_by_network()
        elif self.is_counted:
            with self._rows(self.outer):
                self._count_row()
        elif self.pieces > 1:
            self._sort_pieces()
        else:
            with self._rows(self.outer):
                self._sort_by_digits()
        return self.builder.body

    @contextmanager
    def _rows(self, outer: Sequence[Var]) -> Iterator[None]:
        """Loops that threads may share where no memory is shared."""
        with ExitStack() as loops:
            for var in outer:
                loops.enter_context(self.builder.loop(var, parallel=True))
            yield

    def _sort_pieces(self) -> None:
        """Some rows after the other, in memory of their own."""
        b, (first, *others) = self.builder, self.outer
        size = -(-first.extent // self.pieces)
        with b.loop(self.piece, parallel=True):
            with b.scope(first) as scope:
                with b.loops(others):
                    self._sort_by_digits()
                body = tuple(scope.statements)
            start = variable(self.piece) * size
            b.add(For(first, start, start + size, body, limit=first.extent))

    def _index(self, along: Affine) -> Index:
        outer = iter(self.outer)
        return tuple(along if a == self.axis else self.row[next(outer)] for a in range(self.x.ndim))

    def _stage(self, keys: Buffer, base: Affine) -> None:
        """The keys of a row, side by side."""
        b, t = self.builder, Var("t", self.size)
        self._expect_zeros()
        with self._vectorized(), b.loop(t):
            key = self.keys.of(b, b.pull(self.x, self._index(variable(t))))
            b.add(Store(keys, base + variable(t), key))
            self._notice_zero(key)

    @contextmanager
    def _vectorized(self) -> Iterator[None]:
        """What is written inside becomes loops over vectors."""
        b = self.builder
        with b.scope() as scope:
            yield
            body = vectorized(merge(tuple(scope.statements)), self.machine)
        for statement in body:
            b.add(statement)

    # Zeros -----------------------------------------------------------------------------------------------------

    def _expect_zeros(self) -> None:
        """A register that says whether a row has a -0."""
        if self.mends:
            self.builder.add(Allocate(_NEGATIVE_ZERO, Const(False, bool_)))

    def _notice_zero(self, key: Operand, into: Buffer | None = None) -> None:
        b = self.builder
        if self.mends:
            found = b.apply("equal", bool_, key, self.keys.negative_zero)
            b.add(Accumulate("any", (into or _NEGATIVE_ZERO,), 0, (found,)))

    def _mend_zeros(self, rows: Var) -> None:
        """Zeros are equal whatever their signs: where there is a -0, write them again in the order of the rows."""
        if not self.mends:
            return
        b = self.builder
        some = b.apply("astype", int64, b.load(_NEGATIVE_ZERO, Affine()))
        with b.scope() as scope:
            with b.loop(rows):
                self._rewrite_zeros()
            body = tuple(scope.statements)
        b.add(If(b.as_index(some, 2), 1, 2, body))

    def _rewrite_zeros(self) -> None:
        """Count what is before zero, then write the zeros there, one after the other."""
        b, t, place = self.builder, Var("t", self.size), Buffer("place", int64, 1, "register")
        b.add(Allocate(place, Const(0, int64)))
        with b.loop(t):
            key = self.keys.of(b, b.pull(self.x, self._index(variable(t))))
            smaller = b.apply("less", bool_, key, self.keys.first_zero)
            b.add(Accumulate("sum", (place,), 0, (b.apply("astype", int64, smaller),)))
        with b.loop(t):
            x = b.pull(self.x, self._index(variable(t)))
            zero = b.apply("equal", bool_, x, Const(0.0, self.x.dtype))
            at = flat(self.node, self._index(b.as_index(b.load(place, Affine()), self.size)))
            b.add(Store(b.outputs[self.node], at, x, zero))
            b.add(Accumulate("sum", (place,), 0, (b.apply("astype", int64, zero),)))

    # Many rows -------------------------------------------------------------------------------------------------

    def _sort_by_network(self) -> None:
        """Blocks of rows, the last of which may have fewer: only what reads and writes it differs."""
        b, (whole, rest) = self.builder, divmod(self.across.extent, self.lanes)
        network = Network(b, self.words, self.padded, self.lanes)
        blocks = Var("q", whole + bool(rest))
        parts = [(0, whole, self.lanes)] * bool(whole) + [(whole, whole + 1, rest)] * bool(rest)

        def each(write: Callable[[Affine, int], None]) -> None:
            for first, last, rows in parts:
                with b.scope() as scope:
                    write(variable(Var(blocks.name, last)) * self.lanes if last > 1 else Affine(), rows)
                    body = tuple(scope.statements)
                for statement in (If(variable(blocks), first, last, body),) if len(parts) > 1 else body:
                    b.add(statement)

        with b.loop(blocks, parallel=True):
            b.add(Allocate(self.words))
            self._expect_zeros()
            each(lambda first, rows: self._stage_words(network, first, rows))
            network.write()
            each(lambda first, rows: self._put_words(network, first, rows))

    @property
    def _lies_along(self) -> bool:
        """Whether neighbours in a row are neighbours in memory."""
        return self.axis == self.x.ndim - 1

    def _stage_words(self, network: Network, first: Affine, rows: int) -> None:
        b, t = self.builder, Var("t", self.size)
        zeros = Buffer("zeros", bool_, 1, "register")
        with network.over_lanes(rows) as lane:
            self.row[self.across] = first + lane
            if self.mends:
                b.add(Allocate(zeros, Const(False, bool_)))
            with b.loop(t):
                key = self.keys.of(b, b.pull(self.x, self._index(variable(t))))
                b.add(Store(network.words, network.at(variable(t), lane), self._word(key, t)))
                self._notice_zero(key, zeros)
            if self.mends:
                b.add(Combine("any", (_NEGATIVE_ZERO,), (zeros._replace(lanes=network.lanes),)))
            last = Var("t", self.padded - self.size)
            if last.extent:
                with b.loop(last):
                    largest = Const(2**self.word.bits - 1, self.word)
                    b.add(Store(network.words, network.at(variable(last) + self.size, lane), largest))

    def _word(self, key: Operand, t: Var) -> Operand:
        if not self.positions:
            return key
        b, half = self.builder, Const(self.word.bits // 2, self.word)
        high = b.apply("bitwise_left_shift", self.word, b.apply("astype", self.word, key), half)
        low = b.apply("astype", self.word, b.let(int64, Position(variable(t))))
        return b.apply("bitwise_or", self.word, high, low)

    def _put_words(self, network: Network, first: Affine, rows: int) -> None:
        """Write the first words of each row: lanes are what lies together in memory."""
        row = Var("r", rows)
        if self._lies_along:
            self.row[self.across] = first + variable(row)
            with self._vectorized(), self.builder.loop(row):
                self._put_row(network, variable(row))
        else:
            with network.over_lanes(rows) as lane:
                self.row[self.across] = first + lane
                self._put_row(network, lane)
        self.row[self.across] = first + variable(row)
        self._mend_zeros(row)

    def _put_row(self, network: Network, lane: Affine) -> None:
        """Write words as elements, or as positions."""
        b, t = self.builder, Var("t", self.kept)
        with b.loop(t):
            word = b.load(self.words, network.at(variable(t), lane))
            if self.positions:
                low = b.apply("bitwise_and", self.word, word, Const(2 ** (self.word.bits // 2) - 1, self.word))
                value = b.apply("astype", int64, low)
            else:
                value = self.keys.element(b, word)
            b.add(Store(b.outputs[self.node], flat(self.node, self._index(variable(t))), value))

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
        keys = Buffer("keys", self.keys.unsigned, self.size, "stack")
        b.add(Allocate(keys))
        self._stage(keys, Affine())
        hardware = max(self.machine.vector_bytes // self.keys.unsigned.bytes, 1)
        lanes = min(2 * hardware, 1 << (self.size - 1).bit_length())
        for first in range(0, self.size, lanes):
            self._count_block(keys, first, lanes)
        self._mend_zeros(Var("r", 1))

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
        self._stage(first, self._base)
        self._count_digits(first, counts)
        self._sum_up(counts)
        source, target = first, second
        for number in range(self.rounds):
            self._round(number, source, target, places, counts)
            source, target = target, source
        self._mend_zeros(Var("r", 1))

    @property
    def _base(self) -> Affine:
        """Where the memory for a row of this piece begins."""
        return variable(self.piece) * self.size

    @property
    def _counts_base(self) -> Affine:
        return variable(self.piece) * (self.rounds * self.bins)

    def _clear(self, counts: Buffer) -> None:
        b, d = self.builder, Var("c0", self.rounds * self.bins)
        with self._vectorized(), b.loop(d):
            b.add(Store(counts, self._counts_base + variable(d), Const(0, int64)))

    def _slot(self, key: Operand, number: int) -> Affine:
        """Where the count of a key's digit stands."""
        b, u = self.builder, self.keys.unsigned
        shifted = key
        if number:
            shifted = b.apply("bitwise_right_shift", u, key, Const(number * self.digit_bits, u))
        digit = shifted
        if self.digit_bits < u.bits:
            digit = b.apply("bitwise_and", u, shifted, Const(self.bins - 1, u))
        return b.as_index(b.apply("astype", int64, digit), self.bins) + self._counts_base + number * self.bins

    def _count_digits(self, keys: Buffer, counts: Buffer) -> None:
        b, t = self.builder, Var("t", self.size)
        with b.loop(t):
            key = b.load(keys, self._base + variable(t))
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
                slot = self._counts_base + variable(d) + number * self.bins
                count = b.load(counts, slot)
                b.add(Store(counts, slot, b.load(total, Affine())))
                b.add(Accumulate("sum", (total,), 0, (count,)))

    def _round(self, number: int, source: Buffer, target: Buffer, places: list[Buffer], counts: Buffer) -> None:
        """Move every element behind those with a smaller digit, and those with the same that stood before it."""
        b, t = self.builder, Var("t", self.size)
        last = number == self.rounds - 1
        with b.loop(t):
            here = self._base + variable(t)
            key = b.load(source, here)
            slot = self._slot(key, number)
            place = b.load(counts, slot)
            b.add(Store(counts, slot, b.apply("add", int64, place, Const(1, int64))))
            position: Operand | None = None
            if self.positions:
                position = b.load(places[(number + 1) % 2], here) if number else self._here(t)
            if last:
                self._put(place, key, position)
                return
            there = self._base + b.as_index(place, self.size)
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
