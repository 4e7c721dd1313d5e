"""From lowered kernels to the text of modules: each different kernel once, and `@program`, which calls them.

A short program is straight code, one call after the other. A long one is a table that a small loop walks: for each
call the kernel, and for each of its buffers where it lies in the arena or in which slot its address is. Straight
code for a hundred thousand buffers would keep LLVM busy for minutes; a table costs it nothing.

A kernel with a guard is called only if its predicates say so.

A module takes kernels until it is large enough to keep LLVM busy for a while; then the next one begins, and LLVM works
on several at a time. The first also holds the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TypeAlias

from ..codegen.emit import Module, emit_function
from ..codegen.jit import Target
from ..ir.open_size import ROWS, OpenSize
from ..loop.checks import CELL_BYTES, NOTHING
from ..loop.text import show_function
from ..passes.memory import Copy, Place, Plan
from .lowering import Lowered, reports_of_a_kernel

TABLE_FROM = 128
"""Kernels from which on a program is a table."""
MODULE_LENGTH = 40_000
"""Characters of a module after which another one begins: some 20 ms for LLVM."""
_WIDEST = 2**31
TICKS = "ticks"
"""Where a program with a clock leaves its readings."""


def emit_modules(lowered: list[Lowered], plan: Plan, target: Target, *, clock: bool = False) -> tuple[str, ...]:
    """The LLVM text of the kernels and of `@program`, which runs them in order.

    With `clock` it writes the processor's clock into `@ticks`: at the start, and after each kernel.
    """
    long = len(lowered) >= TABLE_FROM and plan.arena_bytes < _WIDEST
    forms = (_ClockedTable, _Clocked) if clock else (_Table, _Straight)
    program = forms[0 if long else 1](target, plan)
    remaining = iter(lowered)
    for is_copy, steps in groupby(plan.steps, lambda step: isinstance(step, Copy)):
        if is_copy:
            program.stop_if_wrong(lowered)
            program.copy([step for step in steps if isinstance(step, Copy)])
        else:
            program.run([next(remaining) for _ in steps])
    program.stop_if_wrong(lowered)
    return program.modules()


class _Program:
    """What both forms share: kernels emitted once, addresses of places, copies."""

    def __init__(self, target: Target, plan: Plan) -> None:
        self.module = Module(target.has_fma, target.attributes)
        self._target = target
        self._filled: list[tuple[Module, list[str]]] = []
        """Modules of kernels, and how others declare these."""
        self.lines: list[str] = []
        self._symbols: dict[str, str] = {}
        self._known: dict[Place, str] = {}
        self._cells = plan.cells
        first = {"input": 0, "output": len(plan.inputs)}
        outputs = 1 + max((p.at for p in _places(plan) if p.space == "output"), default=-1)
        first["param"] = first["output"] + outputs
        first["constant"] = first["param"] + len(plan.params)
        self._first = first
        self._rows_slot = first["constant"] + len(plan.constants)
        self._is_open = False
        """Whether the program has to know how many rows the call has."""

    def modules(self) -> tuple[str, ...]:
        """All text: first the module with the program, which takes in the kernels written last."""
        text = self.text()
        *apart, (last, _) = self._filled or [(Module(), [])]
        self.module.absorb(last)
        for module, declarations in apart:
            module.is_apart = True
            self.module.parts += module.parts
            self.module.declarations.update(dict.fromkeys(declarations))
        return self.module.text() + text, *(module.text() for module, _ in apart)

    def text(self) -> str:
        """The program as a function of the slots (addresses of arrays) and the arena."""
        header = f"define i32 @program(ptr %slots, ptr %arena) {self.module.attributes} {{"
        return "\n".join([header, *(self.rows() if self._is_open else []), *self.lines, "  ret i32 0", "}", ""])

    def slot(self, place: Place) -> int:
        """Which slot holds the address of a place outside the arena."""
        return self._first[place.space] + place.at

    def symbol(self, item: Lowered) -> str:
        """The function of a kernel; kernels whose printed loops are equal share one."""
        key = show_function(item.function._replace(name="kernel"))
        if key not in self._symbols:
            self._symbols[key] = item.function.name
            self._emit(item)
        return self._symbols[key]

    def _emit(self, item: Lowered) -> None:
        written = Module(self._target.has_fma, self._target.attributes)
        emit_function(written, item.function)
        if not self._filled or self._filled[-1][0].length + written.length > MODULE_LENGTH:
            self._filled.append((Module(self._target.has_fma, self._target.attributes), []))
        module, declarations = self._filled[-1]
        module.absorb(written)
        kinds = ["ptr" for _ in item.arguments] + ["i64"] * item.function.is_open
        declarations.append(f"declare void @{item.function.name}({', '.join(kinds)})")

    def address(self, place: Place) -> str:
        """The value holding the address of a place."""
        if place not in self._known:
            name = f"%{place.space}.{place.at}"
            if place.space == "arena":
                self.lines.append(f"  {name} = getelementptr i8, ptr %arena, i64 {place.at}")
            else:
                self.lines.append(f"  {name}.slot = getelementptr ptr, ptr %slots, i64 {self.slot(place)}")
                self.lines.append(f"  {name} = load ptr, ptr {name}.slot")
            self._known[place] = name
        return self._known[place]

    def rows(self) -> list[str]:
        """Lines that read how many rows the call has."""
        return [
            f"  %rows.slot = getelementptr i64, ptr %slots, i64 {self._rows_slot}",
            "  %rows = load i64, ptr %rows.slot",
        ]

    def copy(self, steps: Sequence[Copy]) -> None:
        """Copy between places, in order."""
        self.module.declarations["declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"] = None
        for step in steps:
            source, target = self.address(step.source), self.address(step.target)
            size = str(int(step.bytes))
            if isinstance(step.bytes, OpenSize):
                self._is_open, size = True, f"%size{len(self.lines)}"
                self.lines.append(f"  {size} = mul i64 %rows, {step.bytes.count.coefficient(ROWS)}")
            self.lines.append(f"  call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source}, i64 {size}, i1 false)")

    def stop_if_wrong(self, lowered: Sequence[Lowered]) -> None:
        """In checked programs: leave once all kernels have run, before anything is overwritten, if one has a report."""
        if self._cells is None or not lowered:
            return
        cells = self.address(Place("arena", self._cells))
        self.module.checked, self._cells = True, None
        self.lines += [
            f"  %failure = call i32 @verdict(ptr {cells}, i64 {len(lowered)}, i64 {reports_of_a_kernel(lowered)})",
            "  %failed = icmp ne i32 %failure, 0",
            "  br i1 %failed, label %stop, label %go_on",
            "stop:",
            "  ret i32 %failure",
            "go_on:",
        ]

    def run(self, items: Sequence[Lowered]) -> None:
        """Run kernels, in order."""
        raise NotImplementedError


class _Straight(_Program):
    """One call after the other."""

    def run(self, items: Sequence[Lowered]) -> None:
        for item in items:
            addresses = [self.address(place) for place in item.arguments]
            self._is_open |= item.function.is_open
            call = f"  call void @{self.symbol(item)}({_given(item, addresses)})"
            self.lines += _if_needed(item, call, addresses, f"guard{len(self.lines)}")


def _given(item: Lowered, addresses: Sequence[str]) -> str:
    """The arguments of a kernel's call."""
    return ", ".join([*(f"ptr {address}" for address in addresses), *["i64 %rows"] * item.function.is_open])


def _if_needed(item: Lowered, call: str, addresses: Sequence[str], label: str) -> list[str]:
    """Lines that call a kernel if its guard holds, and else say in its cell that nothing is wrong."""
    if not item.guard:
        return [call]
    lines: list[str] = []
    needed = "true"
    for i, (argument, holds) in enumerate(item.guard):
        lines += [
            f"  %{label}.p{i} = load i8, ptr {addresses[argument]}",
            f"  %{label}.c{i} = icmp {'ne' if holds else 'eq'} i8 %{label}.p{i}, 0",
            f"  %{label}.n{i} = and i1 {needed}, %{label}.c{i}",
        ]
        needed = f"%{label}.n{i}"
    lines += [f"  br i1 {needed}, label %{label}.run, label %{label}.skip", f"{label}.run:", call]
    lines += [f"  br label %{label}.done", f"{label}.skip:"]
    for at in range(0, CELL_BYTES if item.cell is not None else 0, 8):
        assert item.cell is not None
        lines += [
            f"  %{label}.cell{at} = getelementptr i8, ptr {addresses[item.cell]}, i64 {at}",
            f"  store i64 {NOTHING}, ptr %{label}.cell{at}",
        ]
    return [*lines, f"  br label %{label}.done", f"{label}.done:"]


def _reading(module: Module, name: str, at: str) -> list[str]:
    """Lines that write the clock to element `at` of `@ticks`."""
    module.declarations["declare i64 @llvm.readcyclecounter()"] = None
    return [
        f"  %{name}.at = getelementptr i64, ptr @{TICKS}, i64 {at}",
        f"  %{name} = call i64 @llvm.readcyclecounter()",
        f"  store i64 %{name}, ptr %{name}.at",
    ]


def _ticks(kernels: int) -> str:
    return f"@{TICKS} = global [{kernels + 1} x i64] zeroinitializer\n"


class _Clocked(_Straight):
    """One call after the other, and after each a look at the clock."""

    def __init__(self, target: Target, plan: Plan) -> None:
        super().__init__(target, plan)
        self._done = 0
        self.lines += _reading(self.module, "tick0", "0")

    def run(self, items: Sequence[Lowered]) -> None:
        for item in items:
            super().run([item])
            self._done += 1
            self.lines += _reading(self.module, f"tick{self._done}", str(self._done))

    def text(self) -> str:
        return _ticks(self._done) + super().text()


_LOOP = """
define internal void @run(ptr %slots, ptr %arena, i64 %first, i64 %last) {attributes} {{
entry:
  br label %next
next:
  %i = phi i64 [ %first, %entry ], [ %following, %next ]
  %call = getelementptr {{ i32, i32 }}, ptr @calls, i64 %i
  %which = load i32, ptr %call
  %begin.at = getelementptr i8, ptr %call, i64 4
  %begin = load i32, ptr %begin.at
  %kernel.at = getelementptr ptr, ptr @kernels, i32 %which
  %kernel = load ptr, ptr %kernel.at
  %where = getelementptr i32, ptr @where, i32 %begin
  call void %kernel(ptr %slots, ptr %arena, ptr %where)
  %following = add i64 %i, 1
{after}
  %more = icmp slt i64 %following, %last
  br i1 %more, label %next, label %done
done:
  ret void
}}
"""


_Form: TypeAlias = tuple[tuple[bool, ...], tuple[tuple[int, bool], ...]]
"""What entries differ in: which of the buffers are in the arena, and the guard."""


class _Table(_Program):
    """A loop over a table of calls."""

    def __init__(self, target: Target, plan: Plan) -> None:
        super().__init__(target, plan)
        self._where: list[int] = []
        self._calls: list[tuple[int, int]] = []
        self._kernels: dict[tuple[int, _Form], int] = {}
        self._entries: dict[tuple[str, _Form], str] = {}
        self._names: list[str] = []
        self._after: list[str] = []
        """Lines of the loop after each call."""

    def run(self, items: Sequence[Lowered]) -> None:
        first = len(self._calls)
        for item in items:
            self._calls.append((self._entry(item), len(self._where)))
            self._where += [place.at if place.space == "arena" else self.slot(place) for place in item.arguments]
        self.lines.append(f"  call void @run(ptr %slots, ptr %arena, i64 {first}, i64 {len(self._calls)})")

    def _entry(self, item: Lowered) -> int:
        """The number of the entry of a kernel that finds its buffers by the table."""
        form = tuple(place.space == "arena" for place in item.arguments), item.guard
        known = self._kernels.get((id(item.function), form))
        if known is None:
            symbol = self.symbol(item)
            if (symbol, form) not in self._entries:
                self._entries[symbol, form] = self._emit_entry(symbol, item)
                self._names.append(self._entries[symbol, form])
            known = self._names.index(self._entries[symbol, form])
            self._kernels[id(item.function), form] = known
        return known

    def _emit_entry(self, symbol: str, item: Lowered) -> str:
        name = f"{symbol}.{len(self._names)}"
        lines = [f"define internal void @{name}(ptr %slots, ptr %arena, ptr %where) {self.module.attributes} {{"]
        for i, place in enumerate(item.arguments):
            lines += [f"  %w{i} = getelementptr i32, ptr %where, i64 {i}", f"  %o{i} = load i32, ptr %w{i}"]
            if place.space == "arena":
                lines.append(f"  %p{i} = getelementptr i8, ptr %arena, i32 %o{i}")
            else:
                lines += [f"  %s{i} = getelementptr ptr, ptr %slots, i32 %o{i}", f"  %p{i} = load ptr, ptr %s{i}"]
        addresses = [f"%p{i}" for i in range(len(item.arguments))]
        call = f"  call void @{symbol}({_given(item, addresses)}) alwaysinline"
        lines += self.rows() if item.function.is_open else []
        lines += [*_if_needed(item, call, addresses, "guard"), "  ret void", "}", ""]
        self.module.functions.append("\n".join(lines))
        return name

    def text(self) -> str:
        names = ", ".join(f"ptr @{name}" for name in self._names)
        tables = [
            f"@kernels = internal constant [{len(self._names)} x ptr] [{names}]",
            f"@where = internal constant [{len(self._where)} x i32] [{', '.join(f'i32 {n}' for n in self._where)}]",
            f"@calls = internal constant [{len(self._calls)} x {{ i32, i32 }}] "
            + "[" + ", ".join(f"{{ i32, i32 }} {{ i32 {k}, i32 {at} }}" for k, at in self._calls) + "]",
        ]  # fmt: skip
        loop = _LOOP.format(attributes=self.module.attributes, after="\n".join(self._after))
        return "\n".join(tables) + loop + super().text()


class _ClockedTable(_Table):
    """A loop over a table of calls that looks at the clock after each."""

    def __init__(self, target: Target, plan: Plan) -> None:
        super().__init__(target, plan)
        self.lines += _reading(self.module, "start", "0")
        self._after = _reading(self.module, "now", "%following")

    def text(self) -> str:
        return _ticks(len(self._calls)) + super().text()


def _places(plan: Plan) -> list[Place]:
    return [p for _, p in plan.places.items()] + [s.target for s in plan.steps if isinstance(s, Copy)]
