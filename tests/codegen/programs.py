"""Programs written by hand, and what it takes to call them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.codegen.entry import ArrayType, ParamUse, Signature, emit_entry
from graphc.codegen.jit import Target, compile_entry, compile_object
from graphc.codegen.program import Program
from graphc.ir.storage import Storage

F8 = ArrayType("float32", (8,))
SCALAR = ArrayType("float32", ())
COUNT = ArrayType("int64", (1,))
WIDE = ArrayType("int64", (1 << 15,))

SLOT = """
define internal ptr @slot(ptr %slots, i64 %i) alwaysinline {
  %place = getelementptr ptr, ptr %slots, i64 %i
  %address = load ptr, ptr %place
  ret ptr %address
}
"""

ADD_ONE = (
    SLOT
    + """
define i32 @program(ptr %slots, ptr %arena) {
  %x = call ptr @slot(ptr %slots, i64 0)
  %y = call ptr @slot(ptr %slots, i64 1)
  %a = load <8 x float>, ptr %x, align 4
  %b = fadd <8 x float> %a, splat (float 1.0)
  store <8 x float> %b, ptr %y, align 4
  ret i32 0
}
"""
)

STATUS_OF_INPUT = (
    SLOT
    + """
define i32 @program(ptr %slots, ptr %arena) {
  %x = call ptr @slot(ptr %slots, i64 0)
  %value = load float, ptr %x
  %status = fptosi float %value to i32
  ret i32 %status
}
"""
)

INCREMENT = (
    SLOT
    + """
define i32 @program(ptr %slots, ptr %arena) {
  %p = call ptr @slot(ptr %slots, i64 0)
  %old = load volatile i64, ptr %p
  %new = add i64 %old, 1
  store volatile i64 %new, ptr %p
  ret i32 0
}
"""
)

# Adds 1 to every element of a wide param (slot 0).
INCREMENT_ALL = (
    SLOT
    + """
define i32 @program(ptr %slots, ptr %arena) {
start:
  %p = call ptr @slot(ptr %slots, i64 0)
  br label %next
next:
  %i = phi i64 [ 0, %start ], [ %following, %next ]
  %place = getelementptr i64, ptr %p, i64 %i
  %old = load volatile i64, ptr %place
  %new = add i64 %old, 1
  store volatile i64 %new, ptr %place
  %following = add i64 %i, 1
  %more = icmp ult i64 %following, 32768
  br i1 %more, label %next, label %done
done:
  ret i32 0
}
"""
)

# Status 1 when the elements of a wide param (slot 0) differ.
IS_TORN = (
    SLOT
    + """
define i32 @program(ptr %slots, ptr %arena) {
start:
  %p = call ptr @slot(ptr %slots, i64 0)
  %first = load volatile i64, ptr %p
  br label %next
next:
  %i = phi i64 [ 0, %start ], [ %following, %same ]
  %place = getelementptr i64, ptr %p, i64 %i
  %value = load volatile i64, ptr %place
  %equal = icmp eq i64 %value, %first
  br i1 %equal, label %same, label %torn
same:
  %following = add i64 %i, 1
  %more = icmp ult i64 %following, 32768
  br i1 %more, label %next, label %done
done:
  ret i32 0
torn:
  ret i32 1
}
"""
)

# Fills the arena with a number of its own, takes its time, and answers 1 if anybody else wrote there.
USE_ARENA = (
    SLOT
    + """
declare i32 @usleep(i32)
define i32 @program(ptr %slots, ptr %arena) {
  %x = call ptr @slot(ptr %slots, i64 0)
  %mine = load float, ptr %x
  store volatile float %mine, ptr %arena
  %slept = call i32 @usleep(i32 300)
  %seen = load volatile float, ptr %arena
  %same = fcmp une float %mine, %seen
  %status = zext i1 %same to i32
  ret i32 %status
}
"""
)

SLEEP = """
declare i32 @usleep(i32)
define i32 @program(ptr %slots, ptr %arena) {
  %slept = call i32 @usleep(i32 200000)
  ret i32 0
}
"""

NOTHING = """
define i32 @program(ptr %slots, ptr %arena) {
  ret i32 0
}
"""


def slow(*args: object, **kwargs: object) -> tuple[Any, ...]:
    return ("slow", args, kwargs)


class FailedError(Exception):
    pass


def failed(status: int) -> None:
    raise FailedError(status)


def build(
    body: str,
    inputs: tuple[ArrayType, ...] = (),
    outputs: tuple[ArrayType, ...] = (),
    structure: Any = "none",
    params: tuple[tuple[Storage, bool], ...] = (),
    constants: tuple[np.ndarray[Any, Any], ...] = (),
    slow: Callable[..., Any] = slow,
    failed: Callable[[int], Any] = failed,
    rebuild: Callable[..., Any] | None = None,
    **options: Any,
) -> Program:
    uses = tuple(ParamUse(ArrayType(p.dtype.name, p.shape), update) for p, update in params)
    signature = Signature("step", inputs, outputs, structure, uses, len(constants), **options)
    target = Target.current()
    code = [compile_entry(emit_entry(signature), target), compile_object(body, target, 0)]
    storages = [p for p, _ in params]
    return Program(code, signature, storages, constants, slow=slow, failed=failed, rebuild=rebuild)


def in_threads(count: int, work: Callable[[int], object]) -> None:
    """Run `work(i)` in `count` threads at once; the first exception is raised here."""
    errors: list[BaseException] = []
    start = threading.Barrier(count)

    def body(i: int) -> None:
        try:
            start.wait()
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=body, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def misaligned() -> np.ndarray[Any, Any]:
    return np.zeros(33, np.uint8)[1:].view(np.float32)
