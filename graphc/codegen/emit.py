"""From loop IR to LLVM IR text.

A statement becomes a few lines; a loop becomes a block that jumps back to itself; registers become stack slots that
LLVM's `sroa` lifts into SSA values. Vectors are LLVM vectors of the loop's lanes, wider than the hardware's where
the schedule wants several chains at once. No flag lets LLVM reorder or contract floating point.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..ir.affine import Affine, Atom, Var
from ..ir.dtype import DType, bool_
from ..ir.open_size import ROWS, OpenSize, run_time
from ..loop.ir import (
    Accumulate,
    Allocate,
    Apply,
    Buffer,
    Check,
    Combine,
    Const,
    For,
    If,
    Let,
    Load,
    LoopFn,
    Operand,
    Position,
    Ref,
    Scan,
    Statement,
    Store,
    Tile,
)
from .accumulate import emit_accumulate, emit_combine
from .checks import NEVER, VERDICT, emit_check
from .division import divide
from .parts import PARALLEL, TEAM, TEAM_ELSEWHERE, emit_shared
from .positions import emit_is_position
from .scalars import SCALARS
from .scan import emit_scan
from .tile import emit_tile

_ELEMENTS = {"float32": "float", "float64": "double", "bool": "i1"}


@dataclass
class Module:
    """What all functions of one module share: which declarations and helper functions they need."""

    has_fma: bool = True
    attributes: str = "nounwind"
    is_apart: bool = False
    """Whether the program that calls the kernels is in another module."""
    declarations: dict[str, None] = field(default_factory=dict)
    elementary: dict[tuple[str, int, int], None] = field(default_factory=dict)
    helpers: dict[str, str] = field(default_factory=dict)
    """Other functions that kernels call, by name."""
    functions: list[str] = field(default_factory=list)
    parts: int = 0
    """How many loops are shared by a team."""
    checked: bool = False
    """Whether values are checked."""

    def text(self) -> str:
        """Declarations, elementary functions, then the functions in the order they were added."""
        helpers = dict.fromkeys(self.helpers.values())
        waiting = list(self.elementary)
        while waiting:
            from . import vectormath  # most programs need none of it

            name, bits, lanes = waiting.pop()
            text = vectormath.definition(name, bits, lanes, fma=self.has_fma)
            if text not in helpers:
                helpers[text] = None
                self.declarations.update(dict.fromkeys(vectormath.declarations(name, bits, lanes, fma=self.has_fma)))
                waiting += [(other, bits, lanes) for other in vectormath.dependencies(name)]
        shared, checked = [], []
        if self.parts:
            shared = [TEAM_ELSEWHERE if self.is_apart else TEAM, PARALLEL.replace("ATTRIBUTES", self.attributes)]
        if self.checked:
            checked = [NEVER] if self.is_apart else [NEVER, VERDICT.replace("ATTRIBUTES", self.attributes)]
        return "\n".join([*self.declarations, "", *helpers, *shared, *checked, *self.functions]) + "\n"

    @property
    def length(self) -> int:
        """Characters of the functions, which is about what they are for LLVM to do."""
        return sum(map(len, self.functions))

    def absorb(self, other: Module) -> None:
        """Take in all of another module."""
        self.declarations.update(other.declarations)
        self.elementary.update(other.elementary)
        self.helpers.update(other.helpers)
        self.functions += other.functions
        self.parts += other.parts
        self.checked |= other.checked

    def part_name(self, function: str) -> str:
        """A new name for a loop that leaves its function."""
        self.parts += 1
        return f"{function}.part{self.parts}"


class FunctionEmitter:
    """Writes one kernel."""

    def __init__(self, module: Module, fn: LoopFn) -> None:
        self.module = module
        self.fn = fn
        self.entry: list[str] = []
        self.lines: list[str] = []
        self.values: dict[str, str] = {ROWS.name: "%rows"} if fn.is_open else {}
        self.kinds: dict[str, str] = {}
        """The LLVM types of values that are no loop variables."""
        self.pointers: dict[str, str] = {}
        self.stacks: dict[str, Allocate] = {}
        self.slots: dict[tuple[str, int], str] = {}
        self.positions: dict[str, str] = {}
        """Of vectors of positions that follow each other, the first."""
        self.vector: For | None = None
        self.block = "entry"
        self._vectors: set[str] = set()
        self._count = 0

    # Text ------------------------------------------------------------------------------------------------------

    def line(self, text: str) -> str:
        """Append an instruction and return the name of its value."""
        name = f"%t{self._count}"
        self._count += 1
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Append an instruction without a value."""
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self.block = name

    def type(self, dtype: DType, lanes: int = 1) -> str:
        """The LLVM type of a value in a register; bool is i1."""
        element = _ELEMENTS.get(dtype.name) or f"i{dtype.bits}"
        return element if lanes == 1 else f"<{lanes} x {element}>"

    def memory_type(self, dtype: DType, lanes: int = 1) -> str:
        """The LLVM type in memory; bool is a byte."""
        element = "i8" if dtype is bool_ else _ELEMENTS.get(dtype.name) or f"i{dtype.bits}"
        return element if lanes == 1 else f"<{lanes} x {element}>"

    def constant(self, value: float | int | bool, dtype: DType, lanes: int = 1) -> str:
        """A literal, repeated over the lanes."""
        if dtype.is_float:
            number = float(value)
            if dtype.bits == 32:
                number = struct.unpack("<f", struct.pack("<f", number))[0]
            text = f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"
        elif dtype is bool_:
            text = "true" if value else "false"
        else:
            text = str(int(value))
        return text if lanes == 1 else f"splat ({self.type(dtype)} {text})"

    def intrinsic(self, name: str, dtype: DType, lanes: int, args: list[str]) -> str:
        """A call of an LLVM intrinsic that is overloaded on one type."""
        t = self.type(dtype, lanes)
        suffix = self.suffix(dtype, lanes)
        parameters = ", ".join([t] * len(args))
        self.module.declarations[f"declare {t} @llvm.{name}.{suffix}({parameters})"] = None
        return self.line(f"call {t} @llvm.{name}.{suffix}({', '.join(f'{t} {a}' for a in args)})")

    def suffix(self, dtype: DType, lanes: int) -> str:
        """What the name of an intrinsic that is overloaded on the type ends with."""
        element = f"f{dtype.bits}" if dtype.is_float else "i1" if dtype is bool_ else f"i{dtype.bits}"
        return element if lanes == 1 else f"v{lanes}{element}"

    def elementary(self, name: str, dtype: DType, lanes: int, args: list[str]) -> str:
        """A call of one of our elementary functions; the inliner dissolves it."""
        self.module.elementary[name, dtype.bits, lanes] = None
        t = self.type(dtype, lanes)
        from . import vectormath

        symbol = vectormath.symbol(name, dtype.bits, lanes)
        return self.line(f"call {t} @{symbol}({', '.join(f'{t} {a}' for a in args)})")

    def fma(self, a: str, b: str, c: str, dtype: DType, lanes: int) -> str:
        """a·b + c, rounded once where the target can."""
        if self.module.has_fma:
            return self.intrinsic("fma", dtype, lanes, [a, b, c])
        t = self.type(dtype, lanes)
        product = self.line(f"fmul {t} {a}, {b}")
        return self.line(f"fadd {t} {product}, {c}")

    # Operands and index forms ----------------------------------------------------------------------------------

    def operand(self, operand: Operand, lanes: int) -> str:
        """The value of an operand with that many lanes, repeated if it has one."""
        if isinstance(operand, Const):
            return self.constant(operand.value, operand.dtype, lanes)
        value = self.values[operand.name]
        if operand.lanes == lanes:
            return value
        return self.repeat(value, self.type(operand.dtype), self.type(operand.dtype, lanes), lanes)

    def repeat(self, value: str, element: str, vector: str, lanes: int) -> str:
        one = self.line(f"insertelement {vector} poison, {element} {value}, i64 0")
        return self.line(f"shufflevector {vector} {one}, {vector} poison, <{lanes} x i32> zeroinitializer")

    def _varies(self, atom: Atom) -> bool:
        """Whether an atom differs between the lanes of the current vector loop."""
        if self.vector is None or self.vector.lanes == 1:
            return False
        variables = {atom} if isinstance(atom, Var) else atom.of.variables()
        return any(v == self.vector.var or v.name in self._vectors for v in variables)

    def uniform(self, form: Affine) -> str:
        """The value of a form in the first lane, as an i64."""
        total = str(form.constant) if form.constant or not form.terms else ""
        for atom, coefficient in form.terms:
            value = self._atom(atom)
            if coefficient != 1:
                value = self.line(f"mul i64 {value}, {coefficient}")
            total = value if not total else self.line(f"add i64 {total}, {value}")
        return total

    def _atom(self, atom: Atom) -> str:
        if isinstance(atom, Var):
            return self.values[atom.name]
        return divide(self, atom, self.uniform(atom.of), 1)

    def lanewise(self, form: Affine, lanes: int) -> str:
        """The value of a form in every lane, as a vector of i64."""
        t = f"<{lanes} x i64>"
        steady = Affine(tuple(x for x in form.terms if not self._varies(x[0])), form.constant)
        total = self.repeat(self.uniform(steady), "i64", t, lanes)
        for atom, coefficient in form.terms:
            if not self._varies(atom):
                continue
            value = self._lane_atom(atom, lanes)
            if coefficient != 1:
                value = self.line(f"mul {t} {value}, splat (i64 {coefficient})")
            total = self.line(f"add {t} {total}, {value}")
        return total

    def _lane_atom(self, atom: Atom, lanes: int) -> str:
        t = f"<{lanes} x i64>"
        assert self.vector is not None
        if isinstance(atom, Var):
            if atom.name in self._vectors:
                return self.values[atom.name]
            base = self.repeat(self.values[atom.name], "i64", t, lanes)
            return self.line(f"add {t} {base}, {_counting(lanes)}")
        return divide(self, atom, self.lanewise(atom.of, lanes), lanes)

    # Statements ------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The whole function."""
        parameters = []
        for position, buffer in enumerate((*self.fn.arguments, *self.fn.workspaces)):
            self.pointers[buffer.name] = f"%p{position}"
            align = " align 64" if buffer.space == "workspace" else ""
            parameters.append(f"ptr noalias nocapture{align} %p{position}")
        self.body(self.fn.body)
        if self.fn.is_open:
            parameters.append("i64 %rows")
        header = f"define void @{self.fn.name}({', '.join(parameters)}) {self.module.attributes} {{"
        return "\n".join([header, "entry:", *self.entry, *self.lines, "  ret void", "}", ""])

    def body(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            _STATEMENTS[type(statement)](self, statement)

    def let(self, let: Let) -> None:
        value, ref = let.value, let.ref
        if isinstance(value, Load):
            self.values[ref.name] = self.load(value, ref)
        elif isinstance(value, Position):
            self.values[ref.name] = self.uniform(value.at) if ref.lanes == 1 else self.lanewise(value.at, ref.lanes)
            self.positions.pop(ref.name, None)
            if ref.lanes > 1 and self._stride(value.at) == 1:
                self.positions[ref.name] = self.uniform(value.at)
        else:
            self.values[ref.name] = self.apply(value, ref)
        self.mark_vector(ref)

    def mark_vector(self, ref: Ref) -> None:
        """Remember the type of a name, and whether it stands for a value in each lane."""
        self.kinds[ref.name] = self.type(ref.dtype, ref.lanes)
        if ref.lanes > 1:
            self._vectors.add(ref.name)

    def apply(self, value: Apply, ref: Ref) -> str:
        if value.op == "equal" and (found := emit_is_position(self, value.args, ref.lanes)) is not None:
            return found
        args = [self.operand(a, ref.lanes) for a in value.args]
        dtype = value.args[-1].dtype
        if value.op == "bitcast":
            return self.line(f"bitcast {self.type(dtype, ref.lanes)} {args[0]} to {self.type(ref.dtype, ref.lanes)}")
        if value.op == "fma":
            return self.fma(args[0], args[1], args[2], dtype, ref.lanes)
        return SCALARS[value.op](self, args, dtype, ref.dtype, ref.lanes)

    def load(self, load: Load, ref: Ref) -> str:
        buffer = load.buffer
        if buffer.space == "register":
            t = self.type(buffer.dtype, buffer.lanes)
            return self.line(f"load {t}, ptr {self.slots[buffer.name, load.at.constant]}")
        if buffer.size == 0:
            return self.constant(0, buffer.dtype, ref.lanes)
        mask = None if load.mask is None else self.operand(load.mask, ref.lanes)
        value = self._scalar_load(load, mask) if ref.lanes == 1 else self._vector_load(load, ref.lanes, mask)
        if buffer.dtype is not bool_:
            return value
        return self.line(f"icmp ne {self.memory_type(bool_, ref.lanes)} {value}, {self._zero(bool_, ref.lanes)}")

    def _zero(self, dtype: DType, lanes: int) -> str:
        return "zeroinitializer" if lanes > 1 else "0" if not dtype.is_float else self.constant(0.0, dtype)

    def _scalar_load(self, load: Load, mask: str | None) -> str:
        t, dtype = self.memory_type(load.buffer.dtype), load.buffer.dtype
        at = self.uniform(load.at)
        if mask is not None:
            at = self.line(f"select i1 {mask}, i64 {at}, i64 0")
        value = self.line(f"load {t}, ptr {self.element(load.buffer, at)}, align {dtype.bytes}")
        if mask is None:
            return value
        return self.line(f"select i1 {mask}, {t} {value}, {t} {self._zero(dtype, 1)}")

    def element(self, buffer: Buffer, at: str) -> str:
        """The address of an element."""
        if at == "0":
            return self.pointers[buffer.name]
        return self.line(f"getelementptr {self.memory_type(buffer.dtype)}, ptr {self.pointers[buffer.name]}, i64 {at}")

    def _stride(self, form: Affine) -> int | None:
        """Elements between the addresses of neighbouring lanes; None where there is no such number."""
        assert self.vector is not None
        stride = 0
        for atom, coefficient in form.terms:
            if atom == self.vector.var:
                stride = coefficient
            elif self._varies(atom):
                return None
        return stride

    def _vector_load(self, load: Load, lanes: int, mask: str | None) -> str:
        dtype = load.buffer.dtype
        t = self.memory_type(dtype, lanes)
        mask = self._masked(mask, lanes)
        stride = self._stride(load.at)
        if stride in (1, -1):
            pointer, mask = self._lowest(load.buffer, load.at, stride, lanes, mask)
            if mask is None:
                value = self.line(f"load {t}, ptr {pointer}, align {dtype.bytes}")
            else:
                value = self._masked_call("load", dtype, lanes, t, f"ptr align {dtype.bytes} {pointer}", mask)
            return value if stride == 1 else self._backward(value, t, lanes)
        if stride is not None and mask is None:
            return self._one_by_one(load, t, stride, lanes)
        pointers = self._addresses(load.buffer, load.at, lanes)
        mask = mask or self.constant(True, bool_, lanes)
        return self._masked_call("gather", dtype, lanes, t, f"<{lanes} x ptr> align {dtype.bytes} {pointers}", mask)

    def _one_by_one(self, load: Load, t: str, stride: int, lanes: int) -> str:
        """Lanes that lie apart, put together from single loads: processors gather slower than that."""
        element = self.memory_type(load.buffer.dtype)
        first, vector = self.element(load.buffer, self.uniform(load.at)), "poison"
        for lane in range(lanes):
            pointer = self.line(f"getelementptr {element}, ptr {first}, i64 {lane * stride}") if lane else first
            value = self.line(f"load {element}, ptr {pointer}, align {load.buffer.dtype.bytes}")
            vector = self.line(f"insertelement {t} {vector}, {element} {value}, i64 {lane}")
        return vector

    def _lowest(
        self, buffer: Buffer, form: Affine, stride: int, lanes: int, mask: str | None
    ) -> tuple[str, str | None]:
        """The address of neighbours in memory, and the mask in their order."""
        if stride == 1:
            return self.element(buffer, self.uniform(form)), mask
        pointer = self.element(buffer, self.uniform(form - (lanes - 1)))
        return pointer, None if mask is None else self._backward(mask, f"<{lanes} x i1>", lanes)

    def _backward(self, value: str, vector: str, lanes: int) -> str:
        """The lanes in reversed order."""
        order = ", ".join(f"i32 {lane}" for lane in reversed(range(lanes)))
        return self.line(f"shufflevector {vector} {value}, {vector} poison, <{lanes} x i32> <{order}>")

    def _masked_call(self, kind: str, dtype: DType, lanes: int, t: str, where: str, mask: str) -> str:
        kinds = {"load": ("p0", "ptr"), "gather": (f"v{lanes}p0", f"<{lanes} x ptr>")}
        suffix, pointer = kinds[kind]
        element = "i8" if dtype is bool_ else self.suffix(dtype, 1)
        symbol = f"@llvm.masked.{kind}.v{lanes}{element}.{suffix}"
        masks = f"<{lanes} x i1>"
        self.module.declarations[f"declare {t} {symbol}({pointer}, {masks}, {t})"] = None
        return self.line(f"call {t} {symbol}({where}, {masks} {mask}, {t} zeroinitializer)")

    def _addresses(self, buffer: Buffer, form: Affine, lanes: int) -> str:
        t, stride = self.memory_type(buffer.dtype), self._stride(form)
        if stride is None:
            return self.line(
                f"getelementptr {t}, ptr {self.pointers[buffer.name]}, <{lanes} x i64> {self.lanewise(form, lanes)}"
            )
        base = self.element(buffer, self.uniform(form))
        offsets = ", ".join(f"i64 {lane * stride}" for lane in range(lanes))
        return self.line(f"getelementptr {t}, ptr {base}, <{lanes} x i64> <{offsets}>")

    def _masked(self, mask: str | None, lanes: int) -> str | None:
        """The mask together with the lanes that count; None when nothing is masked."""
        active = self.active(lanes)
        if active is None or mask is None:
            return mask or active
        return self.line(f"and <{lanes} x i1> {mask}, {active}")

    def active(self, lanes: int) -> str | None:
        """The mask of the lanes that count in the current loop; None for all."""
        if self.vector is None or not self.vector.active or self.vector.lanes != lanes:
            return None
        active = self.vector.active
        if not isinstance(active, OpenSize):
            return f"<{', '.join(f'i1 {str(lane < active).lower()}' for lane in range(lanes))}>"
        count = self.line(f"trunc i64 {self.uniform(active.count)} to i32")
        counting = ", ".join(f"i32 {lane}" for lane in range(lanes))
        counts = self.repeat(count, "i32", f"<{lanes} x i32>", lanes)
        return self.line(f"icmp ult <{lanes} x i32> <{counting}>, {counts}")

    def store(self, store: Store) -> None:
        buffer, dtype = store.buffer, store.buffer.dtype
        lanes = self._store_lanes(store)
        value = self.operand(store.value, lanes)
        if dtype is bool_:
            value = self.line(f"zext {self.type(bool_, lanes)} {value} to {self.memory_type(bool_, lanes)}")
        t = self.memory_type(dtype, lanes)
        mask = None if store.mask is None else self.operand(store.mask, lanes)
        if lanes == 1:
            self._scalar_store(store, t, value, mask)
            return
        stride = self._stride(store.at)
        if mask is None and stride is not None and self._is_first_lane_alone(lanes):
            first = self.line(f"extractelement {t} {value}, i64 0")
            self._scalar_store(store, self.memory_type(dtype), first, None)
            return
        mask = self._masked(mask, lanes)
        if stride in (1, -1):
            pointer, mask = self._lowest(buffer, store.at, stride, lanes, mask)
            value = value if stride == 1 else self._backward(value, t, lanes)
            if mask is None:
                self.do(f"store {t} {value}, ptr {pointer}, align {dtype.bytes}")
                return
            self._masked_store("store", "p0", "ptr", dtype, t, lanes, value, pointer, mask)
            return
        pointers = self._addresses(buffer, store.at, lanes)
        mask = mask or self.constant(True, bool_, lanes)
        self._masked_store("scatter", f"v{lanes}p0", f"<{lanes} x ptr>", dtype, t, lanes, value, pointers, mask)

    def _is_first_lane_alone(self, lanes: int) -> bool:
        """Whether one lane counts in the current loop. It is stored by itself: of a truncated vector, LLVM takes the
        masked store of one lane to write its wider element."""
        return self.vector is not None and self.vector.active == 1 and self.vector.lanes == lanes

    def _scalar_store(self, store: Store, t: str, value: str, mask: str | None) -> None:
        if mask is not None:
            number = self._count
            self._count += 1
            self.do(f"br i1 {mask}, label %then{number}, label %after{number}")
            self.label(f"then{number}")
        pointer = self.element(store.buffer, self.uniform(store.at))
        self.do(f"store {t} {value}, ptr {pointer}, align {store.buffer.dtype.bytes}")
        if mask is not None:
            self.do(f"br label %after{number}")
            self.label(f"after{number}")

    def _store_lanes(self, store: Store) -> int:
        """The lanes of the loop when the place or the value depends on the lane."""
        varies = any(self._varies(atom) for atom, _ in store.at.terms)
        return self.vector.lanes if varies and self.vector is not None else store.value.lanes

    def _masked_store(
        self, kind: str, suffix: str, pointer: str, dtype: DType, t: str, lanes: int, value: str, where: str, mask: str
    ) -> None:
        element = "i8" if dtype is bool_ else self.suffix(dtype, 1)
        symbol = f"@llvm.masked.{kind}.v{lanes}{element}.{suffix}"
        masks = f"<{lanes} x i1>"
        self.module.declarations[f"declare void {symbol}({t}, {pointer}, {masks})"] = None
        self.do(f"call void {symbol}({t} {value}, {pointer} align {dtype.bytes} {where}, {masks} {mask})")

    def allocate(self, allocate: Allocate) -> None:
        buffer = allocate.buffer
        if buffer.space == "stack":
            self.stacks[buffer.name] = allocate
            if buffer.name not in self.pointers:
                self.pointers[buffer.name] = f"%s.{buffer.name}"
                t = self.memory_type(buffer.dtype)
                self.entry.append(f"  %s.{buffer.name} = alloca [{buffer.size} x {t}], align 64")
            return
        t = self.type(buffer.dtype, buffer.lanes)
        assert allocate.initial is not None
        value = self.constant(allocate.initial.value, buffer.dtype, buffer.lanes)
        for index in range(buffer.size):
            slot = f"%r{self._count}"
            self._count += 1
            self.entry.append(f"  {slot} = alloca {t}, align 64")
            self.slots[buffer.name, index] = slot
            self.do(f"store {t} {value}, ptr {slot}")

    def loop(self, loop: For) -> None:
        if loop.parts:
            emit_shared(self, loop)
            return
        outer, known = self.vector, self.values.copy()
        vectors = set(self._vectors)
        if loop.lanes > 1:
            self.vector = loop
        constant = loop.start.is_constant and loop.stop.is_constant and loop.limit is None
        if constant and loop.start.constant >= loop.stop.constant:
            pass
        elif (loop.stop - loop.start).is_constant and loop.limit is None and self._once(loop):
            self.values[loop.var.name] = self.uniform(loop.start)
            self.body(loop.body)
        else:
            self.rounds(loop, *self.bounds(loop), runs=constant)
        self.vector, self.values, self._vectors = outer, known, vectors

    def _once(self, loop: For) -> bool:
        return 0 < (loop.stop - loop.start).constant <= loop.step

    def bounds(self, loop: For) -> tuple[str, str]:
        """The values at which a loop begins and ends."""
        start, stop = self.uniform(loop.start), self.uniform(loop.stop)
        if loop.limit is not None:
            limit = self.uniform(run_time(loop.limit))
            least = self.line(f"icmp slt i64 {stop}, {limit}")
            stop = self.line(f"select i1 {least}, i64 {stop}, i64 {limit}")
        return start, stop

    def rounds(self, loop: For, start: str, stop: str, *, runs: bool) -> None:
        """Head, body, and a jump back; a test before the first round unless it surely runs."""
        number = self._count
        self._count += 1
        if not runs:
            some = self.line(f"icmp slt i64 {start}, {stop}")
            self.do(f"br i1 {some}, label %before{number}, label %after{number}")
            self.label(f"before{number}")
        before, at = self.block, f"%i{number}"
        self.do(f"br label %body{number}")
        self.label(f"body{number}")
        head = len(self.lines)
        self.values[loop.var.name] = at
        self.body(loop.body)
        following = self.line(f"add nuw nsw i64 {at}, {loop.step}")
        more = self.line(f"icmp slt i64 {following}, {stop}")
        self.lines.insert(head, f"  {at} = phi i64 [ {start}, %{before} ], [ {following}, %{self.block} ]")
        self.do(f"br i1 {more}, label %body{number}, label %after{number}")
        self.label(f"after{number}")

    def branch(self, statement: If) -> None:
        number = self._count
        self._count += 1
        value = self.uniform(statement.form)
        low = self.line(f"icmp sge i64 {value}, {statement.first}")
        high = self.line(f"icmp slt i64 {value}, {statement.last}")
        inside = self.line(f"and i1 {low}, {high}")
        self.do(f"br i1 {inside}, label %then{number}, label %after{number}")
        self.label(f"then{number}")
        known, vectors = self.values.copy(), set(self._vectors)
        self.body(statement.body)
        self.values, self._vectors = known, vectors
        self.do(f"br label %after{number}")
        self.label(f"after{number}")


def _counting(lanes: int) -> str:
    return f"<{', '.join(f'i64 {lane}' for lane in range(lanes))}>"


_STATEMENTS: dict[type[Statement], Callable[[FunctionEmitter, Any], None]] = {
    Let: FunctionEmitter.let,
    Store: FunctionEmitter.store,
    Accumulate: emit_accumulate,
    Scan: emit_scan,
    Check: emit_check,
    Combine: emit_combine,
    Tile: emit_tile,
    Allocate: FunctionEmitter.allocate,
    For: FunctionEmitter.loop,
    If: FunctionEmitter.branch,
}


def emit_function(module: Module, fn: LoopFn) -> None:
    """Add a kernel to the module."""
    module.functions.append(FunctionEmitter(module, fn).text())
