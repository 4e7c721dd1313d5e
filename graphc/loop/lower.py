"""From nodes to scalar loop code: `Builder.pull(node, index)` writes what computes one element of a node.

Reading is by demand. A view moves the index and costs nothing; an elementwise op pulls its arguments at the same
index; memory is loaded. What is pulled twice at one index is computed once, and each value is bound in the outermost
loop that knows all the variables it depends on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from ..ir.affine import Affine, Var, floordiv, ravel, variable
from ..ir.dtype import DType, bool_, int64
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .ir import Apply, Buffer, Const, For, Let, Load, Operand, Position, Ref, Statement, Store, Value, full_range

Index: TypeAlias = tuple[Affine, ...]
Key: TypeAlias = tuple[int, Index, Operand | None]


@dataclass
class _Scope:
    """One level of loops: the statements so far, and the values known here."""

    statements: list[Statement] = field(default_factory=list)
    known: dict[Key, Operand] = field(default_factory=dict)
    windows: dict[Key, tuple[Index, Operand | None]] = field(default_factory=dict)


class Builder:
    """Writes the body of a kernel."""

    def __init__(self, inputs: ExprTable[Buffer], outputs: ExprTable[Buffer]) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.scopes = [_Scope()]
        self._depth: dict[str, int] = {}
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
        self.scopes.append(_Scope())
        for var in variables:
            self._depth[var.name] = len(self.scopes) - 1
        try:
            yield self.scopes[-1]
        finally:
            self.scopes.pop()

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
        if node.op.name == "constant" and node.shape == ():
            return Const(node.attrs["value"].array.item(), node.dtype)
        if node.op.name == "size":
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
            self._bind(node, index, mask, self.let(node.dtype, Load(self.inputs[node], flat(node, index), mask)))
            return []
        if node.op.name == "iota":
            position = self.let(int64, Position(index[node.attrs["axis"]]))
            self._bind(node, index, mask, self._converted(position, node.dtype))
            return []
        if node.op.view is not None:
            return self._through(node, index, mask, node.args[0], node.op.view(node, index), mask)
        if node.op.name == "take_along_axis":
            return self._take(node, index, mask)
        if node.op.name == "scatter_slice":
            return self._window(node, index, mask)
        needs = [(a, index, mask) for a in node.args]
        missing = [n for n in needs if self._find(*n) is None]
        if missing:
            return missing
        args = [self._find(*n) for n in needs]
        self._bind(node, index, mask, self.apply(node.op.name, node.dtype, *(a for a in args if a is not None)))
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
        raw = self._find(indices, index, mask)
        if raw is None:
            return [(indices, index, mask)]
        axis = node.attrs["axis"]
        size = int(source.shape[axis])
        key = (id(node), (*index, Affine((), -1)), mask)
        position = next((s.known[key] for s in reversed(self.scopes) if key in s.known), None)
        if position is None:
            position = self.clamped(self.wrapped(raw, indices.dtype, size), size)
            depth = self._depth[position.name] if isinstance(position, Ref) else 0
            self.scopes[depth].known[key] = position
        at = (*index[:axis], self.as_index(position, size), *index[axis + 1 :])
        return self._through(node, index, mask, source, at, mask)

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
            names = [v.name for v in value.index.variables()]
            if isinstance(value, Load) and isinstance(value.mask, Ref):
                names.append(value.mask.name)
        return max((self._depth[n] for n in names), default=0)


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
