"""Where the time of a call goes, kernel by kernel, beside what the machine could do.

The kernels are compiled once more with a reading of the processor's clock between them, and run on copies of the
params, so that nothing of the user's changes.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

import numpy as np

from ..codegen.jit import Target, compile_object
from ..codegen.program import Program
from ..codegen.workers import together
from ..ir.errors import CompileError
from ..ir.op import Array
from ..ir.open_size import size_at
from ..ir.storage import Storage
from ..ops import leaf
from ..passes.kernel import Kernel
from .assemble import TICKS, emit_modules
from .lowering import bytes_moved
from .options import LEVELS, Options
from .pipeline import Specialization, flops
from .report import lines_of
from .roofline import Roofline, roofline
from .verdict import verdict

CALIBRATION = 0.02
"""Seconds the calls last together at least, so that the clock can be compared with the time of day."""
MOST_LINES = 40
"""Kernels that a printed table has lines for: of more, those that take longest."""


@dataclass(frozen=True, slots=True)
class KernelProfile:
    """What a kernel took in the median call, and the work it did."""

    name: str
    kind: str
    domain: tuple[int, ...]
    seconds: float
    flops: int
    bytes: int
    limit: float
    """Seconds this work takes at least: at the machine's peak, or for moving its bytes through memory once."""
    lines: tuple[str, ...]
    """The user's lines it came from."""
    is_guarded: bool = False
    """Whether it belongs to a side of `gc.cond`: where that was not taken, it did none of this work."""

    @property
    def share_of_limit(self) -> float:
        """How near it comes to the limit; above 1 where its data was still in the caches."""
        return self.limit / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Profile:
    """The profile of a call: kernels in the order they run. Prints as a table."""

    name: str
    kernels: tuple[KernelProfile, ...]
    seconds: float
    """The median call, from its first kernel to the end of the last, in seconds."""
    calls: int
    machine: Roofline

    @property
    def seconds_by_kernel(self) -> Mapping[str, float]:
        """Seconds by the kernel's name, as `gc.draw` takes them for its colours."""
        return {kernel.name: kernel.seconds for kernel in self.kernels}

    def __str__(self) -> str:
        peak = self.machine.flops_per_second["float32"]
        lines = [
            f"{self.name}: {1e6 * self.seconds:,.1f} µs in {len(self.kernels)} kernels (median of {self.calls} calls)",
            f"  limits with {self.machine.threads} threads: {self.machine.bytes_per_second / 1e9:.1f} GB/s, "
            f"{peak / 1e9:.0f} Gflop/s in float32",
        ]
        if self.kernels:
            width = max(10, *(len(k.name) for k in self.kernels))
            heads = f"{'µs':>9}  {'share':>6}  {'Gflop/s':>8}  {'GB/s':>7}  {'of limit':>8}  lines"
            lines.append(f"  {'kernel':{width}}  {heads}")
            shown = self._longest()
            lines += [self._line(kernel, width) for kernel in shown]
            if others := len(self.kernels) - len(shown):
                seconds = sum(k.seconds for k in self.kernels) - sum(k.seconds for k in shown)
                lines.append(f"  {f'{others} others':{width}}  {1e6 * seconds:9.2f}")
        return "\n".join(lines)

    __repr__ = __str__

    def _longest(self) -> list[KernelProfile]:
        """The kernels worth a line, in the order they run."""
        ranks = sorted(range(len(self.kernels)), key=lambda i: -self.kernels[i].seconds)
        return [self.kernels[i] for i in sorted(ranks[:MOST_LINES])]

    def _line(self, kernel: KernelProfile, width: int) -> str:
        seconds = max(kernel.seconds, 1e-12)
        share = kernel.seconds / self.seconds if self.seconds else 0.0
        return (
            f"  {kernel.name:{width}}  {1e6 * kernel.seconds:9.2f}  {share:6.1%}  {_rates(kernel, seconds)}  "
            f"{', '.join(kernel.lines[:2])}"
        )


def _rates(kernel: KernelProfile, seconds: float) -> str:
    """Columns of what was done in a second; of a kernel that may have been skipped nothing is claimed."""
    if kernel.is_guarded:
        return f"{'if taken':>8}  {'':7}  {'':8}"
    return f"{kernel.flops / seconds / 1e9:8.2f}  {kernel.bytes / seconds / 1e9:7.2f}  {kernel.share_of_limit:8.0%}"


def profile(name: str, made: Specialization, options: Options, arrays: Sequence[Array], calls: int) -> Profile:
    """Run a specialization `calls` times on these arrays and read the clock after every kernel."""
    clocked = Clocked(name, made, options)
    outputs = clocked.program.empty_outputs(arrays)
    clocked.run(arrays, outputs)
    readings: list[Array] = []
    started = time.perf_counter()
    while len(readings) < calls or time.perf_counter() - started < CALIBRATION:
        readings.append(clocked.run(arrays, outputs))
    elapsed = time.perf_counter() - started
    # The clock counts at a steady rate of its own, which the calls themselves are long enough to measure.
    counted = int(readings[-1][-1]) - int(readings[0][0])
    seconds = np.diff(readings, axis=1) * (elapsed / max(counted, 1))
    return _summary(name, made, options, seconds, clocked.program.rows(arrays) or None)


class Clocked:
    """A specialization compiled again, with the clock between its kernels and copies of the params."""

    def __init__(self, name: str, made: Specialization, options: Options) -> None:
        target = Target.current()
        effort = LEVELS[options.optimize].effort
        texts = emit_modules(made.lowered, made.plan, target, clock=True)
        code = together([partial(compile_object, text, target, effort) for text in texts])
        params = [_copy(leaf.storage(p)) for p in made.plan.params]
        constants = [np.ascontiguousarray(c.attrs["value"].array) for c in made.plan.constants]

        def failed(status: int) -> NoReturn:
            if made.signature.checked and status > 0:
                raise verdict(name, made, status, self.program.report(status))
            raise CompileError(f"{name}: native code gave up with status {status}")

        self.program = Program(
            (made.objects[0], *code), made.signature, params, constants,
            slow=failed, failed=failed, rebuild=tuple if made.signature.kind == "rebuild" else None, extra=(TICKS,),
        )  # fmt: skip
        self._ticks = (ctypes.c_int64 * (len(made.lowered) + 1)).from_address(self.program.address(TICKS))
        uses = zip(params, made.signature.params, strict=True)
        self._changing = [(storage, storage.read()) for storage, use in uses if use.update]

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> Array:
        """One call with the params as they were given; the clock at its start and after each kernel."""
        for storage, value in self._changing:
            storage.write(value)
        self.program.run(inputs, outputs)
        return np.array(self._ticks)


def _copy(storage: Storage) -> Storage:
    copy = Storage(storage.dtype, storage.shape)
    copy.write(storage.read())
    return copy


def _summary(name: str, made: Specialization, options: Options, seconds: Array, rows: int | None) -> Profile:
    """The profile from the seconds of each kernel in each call."""
    machine = roofline(options.threads)
    typical = np.median(seconds, axis=0)
    kernels = tuple(
        _kernel(item.kernel, float(took), machine, lines_of(item.kernel, made), rows)
        for item, took in zip(made.lowered, typical, strict=True)
    )
    return Profile(name, kernels, float(np.median(seconds.sum(axis=1))), len(seconds), machine)


def _kernel(
    kernel: Kernel, seconds: float, machine: Roofline, lines: tuple[str, ...], rows: int | None
) -> KernelProfile:
    work, moved = flops(kernel, rows), bytes_moved(kernel, rows)
    limit = machine.seconds(work, moved, kernel.outputs[0].dtype.name)
    domain = tuple(size_at(size, rows) for size in kernel.domain)
    told = kernel.name, kernel.kind, domain, seconds, work, moved, limit, lines
    return KernelProfile(*told, is_guarded=bool(kernel.guard))
