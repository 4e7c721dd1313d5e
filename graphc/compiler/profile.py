"""Where the time of a call goes, kernel by kernel, beside what the machine could do.

The kernels are compiled once more with a reading of the processor's clock between them, and run on copies of the
params, so that nothing of the user's changes.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..codegen.jit import Target, compile_object
from ..codegen.program import Program
from ..ir.errors import CompileError
from ..ir.op import Array
from ..ir.storage import Storage
from ..ops import leaf
from ..passes.kernel import Kernel
from .assemble import TICKS, emit_module
from .lowering import bytes_moved
from .pipeline import LEVELS, Options, Specialization, flops
from .report import lines_of
from .roofline import Roofline, roofline


CALIBRATION = 0.02
"""Seconds the calls last together at least, so that the clock can be compared with the time of day."""


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
            width = max(len(k.name) for k in self.kernels)
            lines.append(f"  {'kernel':{width}}  {'µs':>9}  {'share':>6}  {'Gflop/s':>8}  {'GB/s':>7}  {'of limit':>8}  lines")
            lines += [self._line(kernel, width) for kernel in self.kernels]
        return "\n".join(lines)

    __repr__ = __str__

    def _line(self, kernel: KernelProfile, width: int) -> str:
        seconds = max(kernel.seconds, 1e-12)
        share = kernel.seconds / self.seconds if self.seconds else 0.0
        return (
            f"  {kernel.name:{width}}  {1e6 * kernel.seconds:9.2f}  {share:6.1%}  {kernel.flops / seconds / 1e9:8.2f}  "
            f"{kernel.bytes / seconds / 1e9:7.2f}  {kernel.share_of_limit:8.0%}  {', '.join(kernel.lines[:2])}"
        )


def profile(name: str, made: Specialization, options: Options, arrays: Sequence[Array], calls: int) -> Profile:
    """Run a specialization `calls` times on these arrays and read the clock after every kernel."""
    target = Target.current()
    text = emit_module(made.lowered, made.plan, target, clock=True)
    code = compile_object(text, target, LEVELS[options.optimize].effort)
    params = [_copy(leaf.storage(p)) for p in made.plan.params]
    constants = [np.ascontiguousarray(c.attrs["value"].array) for c in made.plan.constants]

    def failed(status: int) -> None:
        raise CompileError(f"{name}: native code gave up with status {status}")

    program = Program(
        (made.objects[0], code), made.signature, params, constants,
        slow=failed, failed=failed, rebuild=tuple if made.signature.kind == "rebuild" else None, extra=(TICKS,),
    )  # fmt: skip
    ticks = (ctypes.c_int64 * (len(made.lowered) + 1)).from_address(program.address(TICKS))
    outputs = program.empty_outputs()
    program.run(arrays, outputs)
    readings: list[Array] = []
    started = time.perf_counter()
    while len(readings) < calls or time.perf_counter() - started < CALIBRATION:
        program.run(arrays, outputs)
        readings.append(np.array(ticks))
    elapsed = time.perf_counter() - started
    # The clock counts at a steady rate of its own, which the calls themselves are long enough to measure.
    counted = int(ticks[len(made.lowered)]) - int(readings[0][0])
    return _summary(name, made, options, np.diff(readings, axis=1) * (elapsed / max(counted, 1)))


def _copy(storage: Storage) -> Storage:
    copy = Storage(storage.dtype, storage.shape)
    copy.write(storage.read())
    return copy


def _summary(name: str, made: Specialization, options: Options, seconds: Array) -> Profile:
    """The profile from the seconds of each kernel in each call."""
    machine = roofline(options.threads)
    typical = np.median(seconds, axis=0)
    kernels = tuple(
        _kernel(item.kernel, float(took), machine, lines_of(item.kernel, made))
        for item, took in zip(made.lowered, typical, strict=True)
    )
    return Profile(name, kernels, float(np.median(seconds.sum(axis=1))), len(seconds), machine)


def _kernel(kernel: Kernel, seconds: float, machine: Roofline, lines: tuple[str, ...]) -> KernelProfile:
    work, moved = flops(kernel), bytes_moved(kernel)
    limit = machine.seconds(work, moved, kernel.outputs[0].dtype.name)
    return KernelProfile(kernel.name, kernel.kind, kernel.domain, seconds, work, moved, limit, lines)
