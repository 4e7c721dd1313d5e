"""LLVM: the target, compiling, loading and unloading."""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable

import numpy as np
import pytest

from graphc.codegen import jit
from graphc.codegen.jit import CPU_LEVELS, EFFORTS, Target, assembly, compile_object, load, optimized_ir
from graphc.ir.errors import CompileError

DOUBLE = """
define i64 @double(i64 %x) ATTRIBUTES {
  %place = alloca i64
  store i64 %x, ptr %place
  %again = load i64, ptr %place
  %y = call i64 @sum(i64 %x, i64 %again)
  ret i64 %y
}
define internal i64 @sum(i64 %a, i64 %b) alwaysinline {
  %c = add i64 %a, %b
  ret i64 %c
}
"""

SIXTEEN = """
define void @sixteen(ptr %x, ptr %y) ATTRIBUTES {
  %a = load <16 x float>, ptr %x, align 4
  %b = fmul <16 x float> %a, splat (float 3.0)
  store <16 x float> %b, ptr %y, align 4
  ret void
}
"""

BYE = """
define void @bye() {
  %n = load i32, ptr inttoptr (i64 ADDRESS to ptr)
  %m = add i32 %n, 1
  store i32 %m, ptr inttoptr (i64 ADDRESS to ptr)
  ret void
}
"""

unary = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)


def double_object(effort: int = 1) -> bytes:
    target = Target.current()
    return compile_object(DOUBLE.replace("ATTRIBUTES", target.attributes), target, effort)


def double(effort: int = 1) -> Callable[[int], int]:
    function: Callable[[int], int] = load(double_object(effort), ["double"]).function("double", unary)
    return function


def test_the_import_does_not_load_llvm() -> None:
    code = "import sys, graphc.codegen.jit, graphc.codegen.program; sys.exit('llvmlite' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---- target --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", CPU_LEVELS)
def test_levels(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHC_CPU", level)
    target = Target.current()
    assert target is Target.current()
    expected = {"x86-64": (16, 16, False), "x86-64-v3": (32, 16, True)}
    if level in expected:
        assert (target.vector_bytes, target.vector_registers, target.has_fma) == expected[level]
    assert 1 << 12 <= target.l1_bytes <= target.l2_bytes <= target.l3_bytes
    assert target.triple and target.data_layout
    x, y = np.arange(16, dtype=np.float32), np.zeros(16, np.float32)
    loaded = load(compile_object(SIXTEEN.replace("ATTRIBUTES", target.attributes), target), ["sixteen"])
    prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    loaded.function("sixteen", prototype)(x.ctypes.data, y.ctypes.data)
    np.testing.assert_array_equal(y, 3 * x)


@pytest.mark.parametrize("level", ["fast", "x86-64-v9", "NATIVE"])
def test_an_unknown_level_is_refused_with_the_known_ones(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHC_CPU", level)
    with pytest.raises(CompileError, match=f"{level} is none of native, x86-64-v3, x86-64"):
        Target.current()


@pytest.mark.parametrize("cpu", ["znver4", "skylake-avx512", "x86-64-v4"])
def test_the_attributes_ask_for_the_widest_vectors(cpu: str) -> None:
    attributes = 'nounwind "prefer-vector-width"="512" "min-legal-vector-width"="512"'
    target = dataclasses.replace(Target.current(), cpu=cpu, features="", attributes=attributes)
    text = assembly(SIXTEEN.replace("ATTRIBUTES", target.attributes), target)
    assert "zmm" in text and "ymm" not in text
    copy = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define void @f(ptr %x, ptr %y) ATTRIBUTES {
  call void @llvm.memcpy.p0.p0.i64(ptr %x, ptr %y, i64 128, i1 false)
  ret void
}
"""
    assert "zmm" in assembly(copy.replace("ATTRIBUTES", target.attributes), target)


def test_the_native_target_uses_its_whole_vectors() -> None:
    target = Target.current()
    text = assembly(SIXTEEN.replace("ATTRIBUTES", target.attributes), target)
    assert {64: "zmm", 32: "ymm", 16: "xmm"}[target.vector_bytes] in text


# ---- compiling -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effort", EFFORTS)
def test_every_effort_inlines_and_uses_registers(effort: int) -> None:
    target = Target.current()
    text = DOUBLE.replace("ATTRIBUTES", target.attributes)
    optimized = optimized_ir(text, target, effort)
    assert "alloca" not in optimized and "call" not in optimized
    assert "double:" in assembly(text, target, effort)
    assert double(effort)(21) == 42


def test_compiling_twice_gives_the_same_bytes() -> None:
    assert double_object() == double_object()


@pytest.mark.parametrize(
    "text",
    [
        "define i64 @f() { ret i32 0 }",
        "not LLVM at all",
        "define void @f() { ret void }\ndefine void @f() { ret void }",
        # parses, and only the verifier sees that %x is used where it is not defined
        "define i64 @f(i1 %c) {\n br i1 %c, label %a, label %b\na:\n %x = add i64 1, 1\n br label %b\nb:\n ret i64 %x}",
    ],
)
def test_bad_text_is_an_error_and_not_the_end(text: str) -> None:
    for compile_ in (compile_object, optimized_ir, assembly):
        with pytest.raises(CompileError, match="LLVM does not accept"):
            compile_(text, Target.current())
    assert double()(4) == 8


def test_an_unknown_effort_is_refused() -> None:
    with pytest.raises(CompileError, match="effort 3"):
        compile_object(DOUBLE, Target.current(), 3)


# ---- loading -------------------------------------------------------------------------------------------------


def test_functions_of_the_process_resolve_and_others_do_not() -> None:
    target = Target.current()
    text = "declare i64 @labs(i64)\ndefine i64 @f(i64 %x) {\n %y = call i64 @labs(i64 %x)\n ret i64 %y\n}"
    assert load(compile_object(text, target), ["f"]).function("f", unary)(-5) == 5
    with pytest.raises(CompileError, match="does not link"):
        load(compile_object(text.replace("labs", "absent_function"), target), ["f"])
    with pytest.raises(CompileError, match="does not link"):
        load(double_object(), ["absent"])


def test_several_objects_are_one_library() -> None:
    target = Target.current()
    caller = "declare i64 @double(i64)\ndefine i64 @four(i64 %x) {\n %y = call i64 @double(i64 %x)\n %z = call i64 "
    caller += "@double(i64 %y)\n ret i64 %z\n}"
    loaded = load([compile_object(caller, target), double_object()], ["four", "double"])
    assert loaded.function("four", unary)(3) == 12


def test_every_load_has_globals_of_its_own_zeroed() -> None:
    text = "@word = global [4 x i64] zeroinitializer, align 64"
    code = compile_object(text, Target.current())
    first, second = load(code, ["word"]), load(code, ["word"])
    one, two = (ctypes.c_int64.from_address(loaded["word"]) for loaded in (first, second))
    assert first["word"] % 64 == 0
    assert one.value == two.value == 0
    one.value = 7
    assert two.value == 0


def test_code_is_unloaded_with_its_last_reference_and_says_goodbye() -> None:
    gc.collect()  # programs that other tests left in cycles
    goodbyes = ctypes.c_int32(0)
    text = BYE.replace("ADDRESS", str(ctypes.addressof(goodbyes)))
    before = len(jit._in_process)
    loaded = load(compile_object(text, Target.current()), [], last="bye")
    anchor = weakref.ref(loaded.anchor)
    assert len(jit._in_process) == before + 1
    cycle: list[object] = [loaded]
    cycle.append(cycle)
    del loaded, cycle
    gc.collect()
    assert anchor() is None and goodbyes.value == 1
    assert len(jit._in_process) == before


def test_threads_may_compile_and_load_at_once() -> None:
    results: list[int] = []

    def work() -> None:
        results.extend(double(i % 3)(i) for i in range(10))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted([2 * i for i in range(10)] * 6)


def test_code_may_still_run_while_the_process_ends() -> None:
    code = """
import atexit, threading, ctypes, sys
from graphc.codegen.jit import Target, compile_object, load
text = "declare i32 @usleep(i32)\\ndefine i64 @f(i64 %x) {\\n br label %n\\nn:\\n"
text += " %i = phi i64 [ 0, %0 ], [ %j, %n ]\\n %s = call i32 @usleep(i32 100)\\n %j = add i64 %i, 1\\n"
text += " %c = icmp ult i64 %j, %x\\n br i1 %c, label %n, label %d\\nd:\\n ret i64 %x\\n}"
loaded = load(compile_object(text, Target.current()), ["f"])
f = loaded.function("f", ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64))
class Late:
    def __del__(self, f=f): f(1)
sys.late = Late()
threading.Thread(target=f, args=(1 << 40,), daemon=True).start()
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_during_a_compilation_can_compile() -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            double()(1)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                try:
                    os._exit(0 if double()(4) == 8 else 1)
                finally:
                    os._exit(2)
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 0
    finally:
        stop.set()
        thread.join()
