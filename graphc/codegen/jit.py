"""From LLVM text to machine code in this process.

    text  --parse, verify, a few passes, select instructions-->  object bytes  --link-->  addresses

A cold compilation and one read back from the cache meet at the object bytes: nothing in them is an address of this
process. LLVM is imported and set up at the first use, once.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import itertools
import os
import platform
import threading
import weakref
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphc.ir.errors import CompileError

from .workers import apart, at_work

if TYPE_CHECKING:
    import llvmlite.binding as llvm

CPU_LEVELS = ("native", "x86-64-v3", "x86-64")
"""What GRAPHC_CPU may say."""

_lock = threading.RLock()
"""Held while what a process has once is made."""


@functools.cache
@apart
def _llvm() -> Any:
    """llvmlite's binding, imported and initialised: about 30 ms, the first time."""
    with at_work(), _lock:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        return llvm


# ---- the machine ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """What the loops and the emitter need to know about the machine."""

    cpu: str
    features: str
    triple: str
    data_layout: str
    vector_bytes: int
    vector_registers: int
    has_fma: bool
    l1_bytes: int
    l2_bytes: int
    l3_bytes: int
    attributes: str = field(default="", repr=False)
    """Function attributes, to stand on every `define`. They make the widest vectors legal and preferred even on
    processors whose default is to halve them."""

    @staticmethod
    def current() -> Target:
        """The target that GRAPHC_CPU names: `native` (the default), `x86-64-v3` or `x86-64`."""
        return _target(os.environ.get("GRAPHC_CPU", "native") or "native")


@functools.cache
@apart
def _target(level: str) -> Target:
    if level not in CPU_LEVELS:
        raise CompileError(f"GRAPHC_CPU={level} is none of {', '.join(CPU_LEVELS)}")
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    if level != "native" and not is_x86:
        raise CompileError(f"GRAPHC_CPU={level} is for x86-64, and this machine is {platform.machine()}")
    cpu, features = level, ""
    with at_work():
        llvm = _llvm()
        if level == "native":
            cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
        triple = llvm.get_process_triple()
        with _create_machine(triple, cpu, features) as machine, machine.target_data as layout:
            data_layout = str(layout)
    present = _present_features(level, features)
    vector_bytes = 16
    if is_x86 and "avx" in present:
        vector_bytes = 64 if "avx512f" in present else 32
    l1, l2, l3 = _cache_sizes()
    bits = 8 * vector_bytes
    return Target(
        cpu=cpu,
        features=features,
        triple=triple,
        data_layout=data_layout,
        vector_bytes=vector_bytes,
        vector_registers=16 if is_x86 and vector_bytes < 64 else 32,
        has_fma=not is_x86 or "fma" in present,
        l1_bytes=l1,
        l2_bytes=l2,
        l3_bytes=l3,
        attributes=f'nounwind "prefer-vector-width"="{bits}" "min-legal-vector-width"="{bits}"',
    )


def identity(target: Target) -> tuple[str, ...]:
    """What code for a target depends on besides its text and this package."""
    import llvmlite

    return repr(target), llvmlite.__version__, str(_llvm().llvm_version_info)


def _present_features(level: str, features: str) -> set[str]:
    if level == "x86-64-v3":
        return {"avx", "avx2", "fma"}
    return {name[1:] for name in features.split(",") if name.startswith("+")}


def _cache_sizes() -> tuple[int, int, int]:
    """Bytes of the data caches of the first core, or those of an ordinary one where nobody tells."""
    sizes = {1: 32 << 10, 2: 512 << 10, 3: 8 << 20}
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            kind, level, size = ((index / name).read_text().strip() for name in ("type", "level", "size"))
            if kind != "Instruction":
                sizes[int(level)] = int(size.rstrip("KMG")) * units.get(size[-1], 1)
        except (OSError, ValueError):
            continue
    return sizes[1], sizes[2], sizes[3]


def _create_machine(triple: str, cpu: str, features: str, level: int = 2) -> llvm.TargetMachine:
    return (
        _llvm()
        .Target.from_triple(triple)
        .create_target_machine(cpu=cpu, features=features, opt=level, reloc="pic", codemodel="small", jit=True)
    )


@contextlib.contextmanager
def _machine(target: Target, level: int) -> Iterator[llvm.TargetMachine]:
    """A machine to work with alone: one that nobody uses, or a new one."""
    idle = _machines[target, level]
    try:
        machine = idle.pop()
    except IndexError:
        machine = _create_machine(target.triple, target.cpu, target.features, level)
    try:
        yield machine
    finally:
        idle.append(machine)


_machines: defaultdict[tuple[Target, int], list[llvm.TargetMachine]] = defaultdict(list)


def _unlocked(function: Any) -> Any:
    """A function of LLVM without the lock that llvmlite puts around all of them.

    Each of our modules has a context of its own, so that threads need not wait for each other where LLVM takes long.
    """
    return getattr(function, "_cfn", function)


def _emit(machine: llvm.TargetMachine, module: llvm.ModuleRef, *, as_object: bool) -> bytes:
    """The object code of a module, or its assembly."""
    ffi = _llvm().ffi
    with ffi.OutputString() as problem:
        code = _unlocked(ffi.lib.LLVMPY_TargetMachineEmitToMemory)(machine, module, int(as_object), problem)
        if not code:
            raise CompileError(f"LLVM makes no code of the module: {problem}")
    try:
        return ctypes.string_at(ffi.lib.LLVMPY_GetBufferStart(code), ffi.lib.LLVMPY_GetBufferSize(code))
    finally:
        ffi.lib.LLVMPY_DisposeMemoryBuffer(code)


# ---- text to object ------------------------------------------------------------------------------------------

EFFORTS = (0, 1, 2)
"""How hard LLVM tries on kernels. The loops arrive tiled, vectorized and unrolled, so little is left to find:

0   inlines what must be inlined and puts variables in registers
1   also combines instructions and simplifies control flow: a fifth more time, and better addresses
2   LLVM's own -O2 without its vectorizers: twice the time, for kernels that other levels serve badly

Selecting instructions takes most of the time. It finds common subexpressions and moves invariants out of loops too,
so that neither is done before."""

_CODEGEN_LEVELS = {None: 0, 0: 1, 1: 2, 2: 2}


def compile_object(ir_text: str, target: Target, effort: int = 1) -> bytes:
    """The object code of a module.

    Raises CompileError when LLVM does not accept the text; that is always a mistake of graphc.
    """
    return _compile(ir_text, target, effort)


def compile_entry(ir_text: str, target: Target) -> bytes:
    """The object code of the text around a program (`entry.emit_entry`), made in a hurry.

    It is straight-line code that calls other functions: LLVM's quickest code is as fast there, and comes in a fifth
    of the time.
    """
    return _compile(ir_text, target, None)


@apart
def _compile(ir_text: str, target: Target, effort: int | None) -> bytes:
    with _optimized(ir_text, target, effort) as (module, machine):
        return _emit(machine, module, as_object=True)


@apart
def assembly(ir_text: str, target: Target, effort: int = 1) -> str:
    """The machine code of a module as text, for reading."""
    with _optimized(ir_text, target, effort) as (module, machine):
        return _emit(machine, module, as_object=False).decode()


@apart
def optimized_ir(ir_text: str, target: Target, effort: int = 1) -> str:
    """The module as it is after the passes, for reading."""
    with _optimized(ir_text, target, effort) as (module, _):
        return str(module)


@contextlib.contextmanager
def _optimized(ir_text: str, target: Target, effort: int | None) -> Iterator[tuple[llvm.ModuleRef, llvm.TargetMachine]]:
    """The module after the passes, and the machine it is for."""
    if effort not in _CODEGEN_LEVELS:
        raise CompileError(f"effort {effort} is none of {EFFORTS}")
    llvm = _llvm()
    with at_work(), _machine(target, _CODEGEN_LEVELS[effort]) as machine, llvm.create_context() as context:
        try:
            module = llvm.parse_assembly(ir_text, context)
        except RuntimeError as error:
            raise CompileError(f"LLVM does not accept the module: {error}") from None
        with module:
            module.triple, module.data_layout = target.triple, target.data_layout
            try:
                module.verify()
            except RuntimeError as error:
                raise CompileError(f"LLVM does not accept the module: {error}") from None
            _run_passes(module, machine, effort)
            yield module, machine


def _run_passes(module: llvm.ModuleRef, machine: llvm.TargetMachine, effort: int | None) -> None:
    """A pass manager runs once; all of this is made anew for every module."""
    llvm = _llvm()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = False
    options.slp_vectorization = False
    with options, llvm.create_pass_builder(machine, options) as builder:
        if effort == 2:
            passes = builder.getModulePassManager()
        else:
            passes = llvm.create_new_module_pass_manager()
            passes.add_always_inliner_pass()
            passes.add_sroa_pass()
            if effort == 1:
                passes.add_instruction_combine_pass()
                passes.add_simplify_cfg_pass()
        with passes:
            _unlocked(llvm.ffi.lib.LLVMPY_RunNewModulePassManager)(passes, module, builder)


# ---- object to addresses -------------------------------------------------------------------------------------


class Loaded:
    """Native code in this process: `loaded["name"]` is the address of a symbol.

    The code stays until the last reference to this object is gone, and to the end of the process once that has
    begun. It is unloaded when `anchor` is deallocated. The anchor is an array because arrays take no part in
    garbage collection: a cycle's finalizers all run before anything in it is deallocated, so whatever they call is
    still there.
    """

    __slots__ = ("_addresses", "anchor")

    def __init__(self, tracker: Any, symbols: Sequence[str], last: str | None) -> None:
        self._addresses: dict[str, int] = {name: tracker[name] for name in symbols}
        self.anchor: npt.NDArray[np.uint8] = np.zeros(1, np.uint8)
        number = next(_numbers)
        farewell = ctypes.CFUNCTYPE(None)(tracker[last]) if last else None
        reference = weakref.ref(self.anchor, functools.partial(_unload, number))
        _in_process[number] = (reference, farewell, tracker)

    def __getitem__(self, symbol: str) -> int:
        return self._addresses[symbol]

    def function(self, symbol: str, prototype: Any) -> Any:
        """A symbol as a function for Python, of a type made by `ctypes.CFUNCTYPE`. It keeps the code loaded."""
        function = prototype(self._addresses[symbol])
        function.code = self
        return function


_numbers = itertools.count()
_dead: deque[Any] = deque()
"""Code that nobody has a use for: whoever loads more takes it out."""
_in_process: dict[int, tuple[weakref.ref[Any], Any, Any]] = {}


def _unload(number: int, _: object, loaded: dict[int, Any] = _in_process) -> None:
    """Take the code of a dead anchor out. Its table is an argument: as Python ends, modules lose their names."""
    entry = loaded.pop(number, None)
    if entry is None:
        return
    _, farewell, tracker = entry
    if farewell is not None:
        farewell()
    _dead.append(tracker)


def _keep_everything() -> None:
    """At exit, daemon threads may still be running native code, and finalizers may still call it."""
    for obj in (*_in_process.values(), _dead, _linker):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(obj))
    _in_process.clear()


@apart
def linker() -> llvm.LLJIT:
    """What links code into this process. Made at the first use, in some milliseconds."""
    with at_work(), _lock:
        return _linker()


@functools.cache
def _linker() -> llvm.LLJIT:
    llvm = _llvm()
    atexit.register(_keep_everything)
    target = Target.current()
    return llvm.create_lljit_compiler(_create_machine(target.triple, target.cpu, target.features), use_jit_link=True)


@apart
def load(objects: bytes | Sequence[bytes], symbols: Sequence[str], last: str | None = None) -> Loaded:
    """Link one or several objects into this process, as one library, and look up `symbols`.

    Functions of the C library, of CPython and of the loaded extension modules resolve by name. `last` names a
    `void ()` function to call just before the code is unloaded. Raises CompileError for a symbol nobody defines.
    """
    llvm = _llvm()
    builder = llvm.JITLibraryBuilder().add_current_process()
    for code in (objects,) if isinstance(objects, bytes) else objects:
        builder.add_object_img(code)
    wanted = (*symbols, last) if last else tuple(symbols)
    for symbol in wanted:
        builder.export_symbol(symbol)
    with at_work():
        with contextlib.suppress(IndexError):
            while True:
                _dead.popleft().close()
        try:
            tracker = builder.link(linker(), f"graphc.{next(_numbers)}")
        except RuntimeError as error:
            raise CompileError(f"the native code does not link: {error}") from error
    return Loaded(tracker, wanted, last)
