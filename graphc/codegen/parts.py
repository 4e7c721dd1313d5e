"""Loops that a team of threads shares, as LLVM text.

The loop goes into a function of its own, which does the iterations of one part:

    void @kernel.part0(ptr %frame, i64 %part)      for i in iterations part·n/parts … (part+1)·n/parts

In its place the kernel fills a frame on its stack with what the loop uses from around it (addresses, variables of
outer loops, values) and hands both to the team, or does the parts itself where there is none. What the loop uses is
found while it is written: a name the function does not know becomes a field of the frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..loop.ir import For

if TYPE_CHECKING:
    from .emit import FunctionEmitter

TEAM = "@team = global ptr null\n@helpers = global i64 0\n"
"""What the loader fills in: the team's entry, and how many of its threads may help."""

TEAM_ELSEWHERE = "@team = external global ptr\n@helpers = external global i64\n"

PARALLEL = """\
define internal void @parallel(ptr %task, ptr %frame, i64 %parts) ATTRIBUTES {
start:
  %run = load ptr, ptr @team
  %alone = icmp eq ptr %run, null
  br i1 %alone, label %next, label %shared
shared:
  %most = load i64, ptr @helpers
  call void %run(ptr %task, ptr %frame, i64 %parts, i64 %most)
  ret void
next:
  %part = phi i64 [ 0, %start ], [ %following, %next ]
  call void %task(ptr %frame, i64 %part)
  %following = add i64 %part, 1
  %more = icmp slt i64 %following, %parts
  br i1 %more, label %next, label %done
done:
  ret void
}
"""


@dataclass
class _Frame:
    """What a part is handed: LLVM types of the fields, and their values in the function around the loop."""

    name: str
    types: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    def add(self, kind: str, value: str, inner: FunctionEmitter) -> str:
        """Enter a field; the value it has in the part."""
        position = len(self.types)
        self.types.append(kind)
        self.values.append(value)
        inner.entry.append(f"  %f{position}.at = getelementptr {self.name}, ptr %frame, i32 0, i32 {position}")
        inner.entry.append(f"  %f{position} = load {kind}, ptr %f{position}.at")
        return f"%f{position}"

    @property
    def definition(self) -> str:
        return f"{self.name} = type {{ {', '.join(self.types)} }}"


class _Captured(dict[str, str]):
    """Names of a part: those it does not know are fetched from around it."""

    def __init__(self, known: dict[str, str], fetch: Callable[[str], str]) -> None:
        super().__init__(known)
        self._fetch = fetch

    def __missing__(self, name: str) -> str:
        self[name] = self._fetch(name)
        return self[name]

    def copy(self) -> _Captured:
        return _Captured(self, self._fetch)


def emit_shared(e: FunctionEmitter, loop: For) -> None:
    """Put the loop into a function of its own, and hand it to the team."""
    assert e.vector is None
    name = e.module.part_name(e.fn.name)
    frame = _Frame(f"%{name}.frame")
    inner = type(e)(e.module, e.fn)
    start, stop = e.bounds(loop)
    first, end = frame.add("i64", start, inner), frame.add("i64", stop, inner)

    def pointer(buffer: str) -> str:
        if buffer in e.stacks:
            inner.allocate(e.stacks[buffer])
            return inner.pointers[buffer]
        return frame.add("ptr", e.pointers[buffer], inner)

    inner.pointers = _Captured({}, pointer)
    inner.values = _Captured({}, lambda value: frame.add(e.kinds.get(value, "i64"), e.values[value], inner))
    inner.vector = loop if loop.lanes > 1 else None
    inner.rounds(loop, *_part(inner, loop, first, end), runs=False)
    header = f"define internal void @{name}(ptr %frame, i64 %part) {e.module.attributes} {{"
    text = [frame.definition, header, "entry:", *inner.entry, *inner.lines, "  ret void", "}", ""]
    e.module.functions.append("\n".join(text))
    e.entry.append(f"  %{name} = alloca {frame.name}, align 64")
    for i, (kind, value) in enumerate(zip(frame.types, frame.values, strict=True)):
        place = e.line(f"getelementptr {frame.name}, ptr %{name}, i32 0, i32 {i}")
        e.do(f"store {kind} {value}, ptr {place}")
    e.do(f"call void @parallel(ptr @{name}, ptr %{name}, i64 {loop.parts})")


def _part(inner: FunctionEmitter, loop: For, start: str, stop: str) -> tuple[str, str]:
    """Where a part begins and ends."""
    distance = inner.line(f"sub i64 {stop}, {start}")
    rounded = inner.line(f"add i64 {distance}, {loop.step - 1}")
    trips = inner.line(f"sdiv i64 {rounded}, {loop.step}")
    following = inner.line("add i64 %part, 1")
    ends = []
    for part in ("%part", following):
        share = inner.line(f"mul i64 {trips}, {part}")
        trip = inner.line(f"sdiv i64 {share}, {loop.parts}")
        offset = inner.line(f"mul i64 {trip}, {loop.step}")
        ends.append(inner.line(f"add i64 {start}, {offset}"))
    within = inner.line(f"icmp slt i64 {ends[1]}, {stop}")
    return ends[0], inner.line(f"select i1 {within}, i64 {ends[1]}, i64 {stop}")
