"""Runs a function of `vectormath` over NumPy arrays: a loop around its IR, compiled for a CPU."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from graphc.codegen import vectormath

Array = NDArray[Any]


@cache
def _set_up() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


@cache
def _target_machine(cpu: str) -> llvm.TargetMachine:
    _set_up()
    if cpu == "native":
        cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    else:
        features = ""
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(cpu=cpu, features=features, opt=3, reloc="pic", codemodel="small", jit=True)


def module_text(name: str, bits: int, lanes: int, *, fma: bool) -> str:
    """A module with `void apply(first, second, output, count)`, count being a multiple of the lanes.

    `second` holds second arguments and is not looked at by functions of one.
    """
    kind = "float" if bits == 32 else "double"
    vector = kind if lanes == 1 else f"<{lanes} x {kind}>"
    size = bits // 8
    function = vectormath.symbol(name, bits, lanes)
    inputs = ("first", "second")[: vectormath.arity(name)]
    loads = "".join(
        f"""  %at.{each} = getelementptr inbounds {kind}, ptr %{each}, i64 %i
  %x.{each} = load {vector}, ptr %at.{each}, align {size}
"""
        for each in inputs
    )
    parts = [*vectormath.declarations(name, bits, lanes, fma=fma)]
    parts += [vectormath.definition(other, bits, lanes, fma=fma) for other in vectormath.dependencies(name)]
    parts.append(vectormath.definition(name, bits, lanes, fma=fma))
    parts.append(f"""
define void @apply(ptr noalias %first, ptr noalias %second, ptr noalias %output, i64 %count) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
{loads}  %target = getelementptr inbounds {kind}, ptr %output, i64 %i
  %y = call {vector} @{function}({", ".join(f"{vector} %x.{each}" for each in inputs)})
  store {vector} %y, ptr %target, align {size}
  %next = add nuw nsw i64 %i, {lanes}
  %more = icmp ult i64 %next, %count
  br i1 %more, label %loop, label %end
end:
  ret void
}}
""")
    return "\n".join(parts)


def optimized(text: str, cpu: str) -> llvm.ModuleRef:
    """The module parsed, verified, its always-inline functions inlined, and tidied."""
    machine = _target_machine(cpu)
    module = llvm.parse_assembly(text)
    module.verify()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.add_instruction_combine_pass()
    passes.run(module, builder)
    return module


def assembly(name: str, bits: int, lanes: int, *, fma: bool, cpu: str = "native") -> str:
    """The machine code as text."""
    module = optimized(module_text(name, bits, lanes, fma=fma), cpu)
    return str(_target_machine(cpu).emit_assembly(module))


class Compiled:
    """A compiled loop; it owns the code it calls."""

    def __init__(self, name: str, bits: int, lanes: int, *, fma: bool, cpu: str = "native") -> None:
        module = optimized(module_text(name, bits, lanes, fma=fma), cpu)
        code = _target_machine(cpu).emit_object(module)
        self._jit = llvm.create_lljit_compiler(_target_machine(cpu))
        library = llvm.JITLibraryBuilder().add_object_img(code).add_current_process().export_symbol("apply")
        self._tracker = library.link(self._jit, "apply")
        pointer = ctypes.c_void_p
        prototype = ctypes.CFUNCTYPE(None, pointer, pointer, pointer, ctypes.c_int64)
        self.run: Callable[[int, int, int, int], None] = prototype(self._tracker["apply"])
        self._lanes = lanes
        self._dtype = np.float32 if bits == 32 else np.float64

    def __call__(self, x: Array, y: Array | None = None) -> Array:
        count = -(-x.size // self._lanes) * self._lanes
        padded = np.zeros((2, count), self._dtype)
        padded[0, : x.size] = x
        if y is not None:
            padded[1, : x.size] = y
        result = np.empty(count, self._dtype)
        self.run(padded[0].ctypes.data, padded[1].ctypes.data, result.ctypes.data, count)
        return result[: x.size]
