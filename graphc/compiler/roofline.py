"""What this machine can do at most: bytes moved and floating-point operations per second, measured once.

Bytes: our own copy of arrays larger than the caches, counting what is read and what is written. Operations: chains of
fused multiply-adds that wait for nothing but the multiplier, two operations for each lane. Both with the threads that
are asked about.
"""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..codegen.jit import Target, compile_object, load
from ..ir.op import Array

CHAINS = 12
"""Independent chains: enough to hide the latency of a multiply-add."""
ROUNDS = 4_000_000
"""Of a few milliseconds together: threads do not begin at the same moment."""
COPY_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Roofline:
    """Limits of the machine, for a number of threads."""

    threads: int
    bytes_per_second: float
    flops_per_second: dict[str, float]
    """By the name of the dtype."""

    def seconds(self, flops: int, bytes: int, dtype: str) -> float:
        """The least time for that much work, where the bytes come from memory."""
        peak = self.flops_per_second.get(dtype, self.flops_per_second["float32"])
        return max(flops / peak, bytes / self.bytes_per_second)


@functools.cache
def roofline(threads: int) -> Roofline:
    """The limits for that many threads. Takes about a third of a second, the first time."""
    flops = {name: _peak(name, threads) for name in ("float32", "float64")}
    return Roofline(threads, _bandwidth(threads), flops)


def _least(work: Callable[[], object], times: int = 7) -> float:
    """The shortest of several times: what disturbs a measurement only ever makes a limit too low."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _bandwidth(threads: int) -> float:
    source: Array = np.ones(COPY_BYTES // threads, np.uint8)
    pairs = [(source.copy(), source.copy()) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        seconds = _least(lambda: list(pool.map(lambda pair: np.copyto(pair[0], pair[1]), pairs)))
    return 2 * COPY_BYTES / seconds


def _peak(dtype: str, threads: int) -> float:
    target = Target.current()
    bits = 32 if dtype == "float32" else 64
    lanes = 8 * target.vector_bytes // bits
    code = load(compile_object(_chains(lanes, bits, target), target), ("chains",))
    chains = code.function("chains", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64))
    results = [np.zeros(2 * target.vector_bytes, np.uint8) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        seconds = _least(lambda: list(pool.map(lambda r: chains(r.ctypes.data, ROUNDS), results)))
    return threads * 2 * lanes * CHAINS * ROUNDS / seconds


def _chains(lanes: int, bits: int, target: Target) -> str:
    """A function that does nothing but multiply-adds: `chains(ptr result, i64 rounds)`."""
    t = f"<{lanes} x {'float' if bits == 32 else 'double'}>"
    fma = f"llvm.fma.v{lanes}f{bits}"
    scalar = t.split()[-1].rstrip(">")
    steps, phis, total = [], [], "zeroinitializer"
    for i in range(CHAINS):
        phis.append(f"  %a{i} = phi {t} [ %x, %start ], [ %b{i}, %next ]")
        if target.has_fma:
            steps.append(f"  %b{i} = call {t} @{fma}({t} %a{i}, {t} %x, {t} %x)")
        else:
            steps += [f"  %m{i} = fmul {t} %a{i}, %x", f"  %b{i} = fadd {t} %m{i}, %x"]
    sums = []
    for i in range(CHAINS):
        sums.append(f"  %s{i} = fadd {t} {total}, %b{i}")
        total = f"%s{i}"
    return "\n".join([
        f"declare {t} @{fma}({t}, {t}, {t})", f"define void @chains(ptr %result, i64 %rounds) {target.attributes} {{",
        "start:", f"  %one = load {scalar}, ptr %result", f"  %first = insertelement {t} poison, {scalar} %one, i64 0",
        f"  %x = shufflevector {t} %first, {t} poison, <{lanes} x i32> zeroinitializer", "  br label %next", "next:",
        "  %i = phi i64 [ 0, %start ], [ %j, %next ]", *phis, *steps, "  %j = add i64 %i, 1",
        "  %more = icmp slt i64 %j, %rounds", "  br i1 %more, label %next, label %done", "done:", *sums,
        f"  store {t} {total}, ptr %result, align {bits // 8}", "  ret void", "}", "",
    ])  # fmt: skip
