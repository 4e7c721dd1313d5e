"""The way from a Python call into native code, as LLVM text.

Kernels are emitted elsewhere, around one function

    define i32 @program(ptr %slots, ptr %arena)

where `slots` holds the addresses of inputs, outputs, params and constants, in this order, then the open size if there
is one, and the answer is 0 or the number of a failure. This module emits what stands around it, as an LLVM module of
its own, to be linked with that of the kernels (whose names must not be any of these):

    @entry(self, args, nargs, kwnames)   what CPython calls (METH_FASTCALL | METH_KEYWORDS)
    @run(arrays)                         the same for a caller without the GIL; `arrays`: inputs, then outputs, then
                                         the open size if there is one
    @lock_shared, @lock_exclusive, ...   the locks of params, and copies in and out of them
    @let_go()                            gives the arena back, unless a call has it
    @state                               all it knows about this process, filled in after loading

In words, `@entry` does this:

    if some argument is not exactly what was declared: return slow(*args, **kwargs)
    outputs = fresh arrays
    lock the params; lease the arena; release the GIL if asked to
    status = program(slots, arena)
    give all of it back, the GIL last
    return the outputs in the structure asked for, or failed(status)

An array is "exactly what was declared" when it is of NumPy's own class and has the native dtype, the shape, C order
and alignment of the declaration. For an input without axes a number will do (`numbers`): its value is written to the
stack. The rest of the world is for the slow path.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from . import arena as arenas
from . import locks, numbers

Structure = str | tuple[str, int] | tuple[str, tuple[str, ...]]
"""How results are handed over: "none", "single", ("tuple", n), ("list", n), ("dict", keys), or ("rebuild", n) when a
Python callable is given the flat tuple."""

OUT_OF_MEMORY = -1
"""The status of a call whose arena could not be allocated. Kernels answer with positive numbers."""

TEAM_SYMBOLS = ("team", "helpers")
"""What a module with shared loops has for the loader to fill in: the address of `team.run`, and how many helpers a
task may have."""

CHECK_SYMBOLS = ("failure",)
"""What a checked module has for the loader to read: status·2³² + the lower half of the latest report."""

STACK_ARENA_BYTES = 4096
"""Arenas up to this size are on the stack: nothing to lease, nothing shared between threads."""


class ArrayType(NamedTuple):
    """The dtype, by its NumPy name, and the sizes of an array."""

    dtype: str
    shape: tuple[int, ...]
    rows: int = 0
    """How often the first axis has the open size, which each call brings; its size above is then the most. 0: never."""

    def shape_of(self, rows: int) -> tuple[int, ...]:
        """The sizes in a call with so many rows."""
        return (self.rows * rows, *self.shape[1:]) if self.rows else self.shape


class ParamUse(NamedTuple):
    """A param of a program: read only, or updated."""

    type: ArrayType
    update: bool


@dataclass(frozen=True)
class Signature:
    """All that the way into a program depends on."""

    name: str
    inputs: tuple[ArrayType, ...]
    outputs: tuple[ArrayType, ...]
    structure: Structure
    params: tuple[ParamUse, ...] = ()
    constants: int = 0
    """How many."""
    arena_bytes: int = 0
    release_gil: bool = False
    threads: int = 1
    """How many threads a call may use; above 1 the kernels have loops to share."""
    checked: bool = False
    """Whether kernels check what they compute."""
    most_rows: int = 0
    """How large the open size may be, which is at least `FEWEST`; 0 where all sizes are known. Some input has it."""
    fewest_rows: int = 0
    """Calls with less are asked for the slow way: maybe there is a better program."""

    def __post_init__(self) -> None:
        if self.kind not in ("none", "single", "tuple", "list", "dict", "rebuild"):
            raise ValueError(f"there is no structure {self.structure!r}")
        if isinstance(self.structure, str):
            held = 1 if self.kind == "single" else 0
        else:
            held = len(self.keys) if self.kind == "dict" else int(self.structure[1])  # type: ignore[arg-type]
        if held != len(self.outputs):
            raise ValueError(f"structure {self.structure!r} does not hold {len(self.outputs)} outputs")

    @property
    def kind(self) -> str:
        """The structure's name."""
        return self.structure if isinstance(self.structure, str) else self.structure[0]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of a dict of results."""
        described = None if isinstance(self.structure, str) else self.structure[1]
        return described if isinstance(described, tuple) else ()

    @cached_property
    def state(self) -> StateLayout:
        return StateLayout(self)


class StateLayout:
    """Which 8-byte word of `@state` holds what. The arena and its flag, which change, have a line of their own."""

    ARENA, ARENA_BUSY = 0, 1
    ARRAY_CLASS, NEW_ARRAY, SLOW, FAILED, REBUILD, NONE = 8, 9, 10, 11, 12, 13
    NUMBER_CLASSES = 14
    FIRST_FREE = NUMBER_CLASSES + len(numbers.CLASSES)

    def __init__(self, signature: Signature) -> None:
        names = sorted({array.dtype for array in (*signature.inputs, *signature.outputs)})
        self.dtypes = {name: self.FIRST_FREE + i for i, name in enumerate(names)}
        self.keys = self.FIRST_FREE + len(names)
        self.owned = self.keys + len(signature.keys)
        self.locks = self.owned + len(signature.params) + signature.constants
        self.words = self.locks + len(signature.params)


def emit_entry(signature: Signature, attributes: str = "nounwind") -> str:
    """The module that stands around `@program`, for `jit.compile_entry`.

    `attributes` stand on every function.
    """
    return _Emitter(signature, attributes).text()


# The fields of CPython's and NumPy's structures that are read here, in bytes. `program` checks them when it loads.
OBJECT_CLASS = 8
ARRAY_DATA, ARRAY_NDIM, ARRAY_DIMS, ARRAY_DTYPE, ARRAY_FLAGS = 16, 24, 32, 56, 64
C_CONTIGUOUS_AND_ALIGNED = 0x0101

_DECLARATIONS = """\
declare i32 @program(ptr, ptr)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyObject_CallOneArg(ptr, ptr)
declare ptr @PyErr_NoMemory()
declare ptr @PyLong_FromLong(i64)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare ptr @PyList_New(i64)
declare i32 @PyList_SetItem(ptr, i64, ptr)
declare ptr @PyDict_New()
declare i32 @PyDict_SetItem(ptr, ptr, ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare ptr @aligned_alloc(i64, i64)
declare void @free(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""

_DROP = """
; Gives back the first %count outputs after a failure.
define internal void @drop(ptr %outputs, i64 %count) ATTRIBUTES {
start:
  br label %next
next:
  %i = phi i64 [ 0, %start ], [ %following, %one ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %one, label %done
one:
  %place = getelementptr ptr, ptr %outputs, i64 %i
  %output = load ptr, ptr %place
  call void @Py_DecRef(ptr %output)
  %following = add i64 %i, 1
  br label %next
done:
  ret void
}
"""


class _Emitter:
    def __init__(self, signature: Signature, attributes: str) -> None:
        self.signature = signature
        self.attributes = attributes
        self.layout = signature.state
        self.lines: list[str] = []
        self.inputs = len(signature.inputs)
        self.outputs = len(signature.outputs)
        self.owned = len(signature.params) + signature.constants
        self.slots = self.inputs + self.outputs + self.owned
        """Of addresses; an open size comes after them."""
        self.leases = signature.arena_bytes > STACK_ARENA_BYTES
        scalars = [i for i, a in enumerate(signature.inputs) if not a.shape and numbers.takes_numbers(a.dtype)]
        self.numbers = {index: place for place, index in enumerate(scalars)}
        """Which inputs may be numbers, and which word of the stack each is written to."""

    def text(self) -> str:
        arena_bytes = str(-(-self.signature.arena_bytes // 64) * 64)
        parts = [
            f"@state = global [{self.layout.words} x i64] zeroinitializer, align 64\n",
            *self._shapes(),
            _DECLARATIONS,
            _DROP,
            arenas.LEASE if self.leases else "",
            arenas.LET_GO,
            *self._takers(),
            locks.emit([use.update for use in self.signature.params], self._word(self.layout.locks)),
            *self._entry(),
            *self._run(),
        ]
        text = "".join(parts)
        for name, value in (
            ("ATTRIBUTES", self.attributes),
            ("BUSY", self._word(StateLayout.ARENA_BUSY)),
            ("ARENA", self._word(StateLayout.ARENA)),
            ("BYTES", arena_bytes),
        ):
            text = text.replace(name, value)
        return text

    # ---- pieces ----------------------------------------------------------------------------------------------

    def _word(self, index: int) -> str:
        return f"getelementptr (i8, ptr @state, i64 {8 * index})"

    def _shapes(self) -> Iterable[str]:
        for i, array in enumerate(self.signature.outputs):
            if array.rows:
                continue
            sizes = ", ".join(f"i64 {size}" for size in array.shape or (0,))
            yield f"@shape{i} = internal constant [{max(1, len(array.shape))} x i64] [{sizes}]\n"

    def _takers(self) -> Iterable[str]:
        if self.numbers:
            words = {known: self._word(StateLayout.NUMBER_CLASSES + i) for i, known in enumerate(numbers.CLASSES)}
            yield numbers.DECLARATIONS
            yield numbers.emit(sorted({self.signature.inputs[index].dtype for index in self.numbers}), words)

    def _put(self, *lines: str) -> None:
        for line in lines:
            self.lines.append(f"{line}\n" if line.endswith(":") else f"  {line}\n")

    def _field(self, name: str, base: str, offset: int, kind: str = "ptr") -> None:
        """%name = the field at `offset` of the structure at `base`."""
        self._put(f"%{name}.at = getelementptr i8, ptr {base}, i64 {offset}", f"%{name} = load {kind}, ptr %{name}.at")

    def _state(self, name: str, index: int) -> None:
        self._put(f"%{name} = load ptr, ptr {self._word(index)}")

    def _store_slot(self, index: int, value: str) -> None:
        self._put(f"%slot{index} = getelementptr ptr, ptr %slots, i64 {index}", f"store ptr {value}, ptr %slot{index}")

    def _store_rows(self) -> None:
        self._put(f"%slot.rows = getelementptr i64, ptr %slots, i64 {self.slots}", "store i64 %rows, ptr %slot.rows")

    def _begin(self, header: str) -> None:
        self.lines = [f"\ndefine {header} {self.attributes} {{\n"]
        self._put("start:", f"%slots = alloca [{self.slots + 1} x ptr], align 64")
        if 0 < self.signature.arena_bytes <= STACK_ARENA_BYTES:
            self._put(f"%stack = alloca [{self.signature.arena_bytes} x i8], align 64")

    def _end(self) -> list[str]:
        return [*self.lines, "}\n"]

    def _fill_owned(self) -> None:
        if self.owned:
            first = self.inputs + self.outputs
            self._put(
                f"%owned = getelementptr ptr, ptr %slots, i64 {first}",
                f"call void @llvm.memcpy.p0.p0.i64(ptr align 8 %owned, ptr align 8 {self._word(self.layout.owned)}, "
                f"i64 {8 * self.owned}, i1 false)",
            )

    def _take_arena(self, when_impossible: str) -> str:
        if not self.signature.arena_bytes:
            return "null"
        if not self.leases:
            return "%stack"
        self._put(
            "%arena = call ptr @lease_arena()",
            "%no_arena = icmp eq ptr %arena, null",
            f"br i1 %no_arena, label %{when_impossible}, label %leased",
            "leased:",
        )
        return "%arena"

    def _call_program(self, arena: str) -> None:
        """The program between its locks, which have been taken, and after it the way back."""
        self._put(f"%status = call i32 @program(ptr %slots, ptr {arena})")
        if self.signature.params:
            self._put("call void @release_locks()")
        if self.leases:
            self._put(f"call void @return_arena(ptr {arena})")

    # ---- the functions -----------------------------------------------------------------------------------------

    def _entry(self) -> list[str]:
        self._begin("ptr @entry(ptr %self, ptr %args, i64 %nargs, ptr %kwnames)")
        if self.outputs:
            self._put(f"%outputs = alloca [{self.outputs} x ptr], align 8")
        if self.numbers:
            self._put(f"%numbers = alloca [{len(self.numbers)} x i64], align 8")
        self._check_arguments()
        if self.signature.most_rows:
            self._store_rows()
        self._make_outputs()
        self._fill_owned()
        arena = self._take_arena("no_memory")
        self._call_holding_gil(arena)
        self._put(
            "%succeeded = icmp eq i32 %status, 0", "br i1 %succeeded, label %hand_over, label %report", "hand_over:"
        )
        self._hand_over()
        self._put_failures()
        return self._end()

    def _check_arguments(self) -> None:
        self._put(
            "%positional = icmp eq ptr %kwnames, null",
            f"%counted = icmp eq i64 %nargs, {self.inputs}",
            "%called_plainly = and i1 %positional, %counted",
            "br i1 %called_plainly, label %arguments, label %slow",
            "arguments:",
        )
        if self.inputs:
            self._state("array_class", StateLayout.ARRAY_CLASS)
        for i, array in enumerate(self.signature.inputs):
            self._check_array(f"x{i}", i, array)
            self._field(f"x{i}.data", f"%x{i}", ARRAY_DATA)
            if i in self.numbers:
                self._or_take_number(f"x{i}", i, array)
            self._store_slot(i, f"%x{i}.{'value' if i in self.numbers else 'data'}")

    def _check_array(self, x: str, index: int, array: ArrayType) -> None:
        self._field(x, "%args", 8 * index)
        self._field(f"{x}.class", f"%{x}", OBJECT_CLASS)
        self._put(
            f"%{x}.is_array = icmp eq ptr %{x}.class, %array_class",
            f"br i1 %{x}.is_array, label %{x}.array, label %{f'{x}.number' if index in self.numbers else 'slow'}",
            f"{x}.array:",
        )
        self._field(f"{x}.dtype", f"%{x}", ARRAY_DTYPE)
        self._state(f"{x}.declared", self.layout.dtypes[array.dtype])
        self._field(f"{x}.ndim", f"%{x}", ARRAY_NDIM, "i32")
        self._field(f"{x}.flags", f"%{x}", ARRAY_FLAGS, "i32")
        self._put(
            f"%{x}.same_dtype = icmp eq ptr %{x}.dtype, %{x}.declared",
            f"%{x}.same_ndim = icmp eq i32 %{x}.ndim, {len(array.shape)}",
            f"%{x}.masked = and i32 %{x}.flags, {C_CONTIGUOUS_AND_ALIGNED}",
            f"%{x}.in_order = icmp eq i32 %{x}.masked, {C_CONTIGUOUS_AND_ALIGNED}",
            f"%{x}.both = and i1 %{x}.same_dtype, %{x}.same_ndim",
            f"%{x}.fits = and i1 %{x}.both, %{x}.in_order",
            f"br i1 %{x}.fits, label %{x}.sizes, label %slow",
            f"{x}.sizes:",
        )
        if not array.shape:
            return
        self._field(f"{x}.dims", f"%{x}", ARRAY_DIMS)
        matched = "true"
        for axis, size in enumerate(array.shape):
            self._field(f"{x}.size{axis}", f"%{x}.dims", 8 * axis, "i64")
            expected = str(size)
            if array.rows and axis == 0:
                matched, expected = self._open_size(x, index, array)
            self._put(
                f"%{x}.same{axis} = icmp eq i64 %{x}.size{axis}, {expected}",
                f"%{x}.all{axis} = and i1 {matched}, %{x}.same{axis}",
            )
            matched = f"%{x}.all{axis}"
        self._put(f"br i1 {matched}, label %{x}.taken, label %slow", f"{x}.taken:")

    def _open_size(self, x: str, index: int, array: ArrayType) -> tuple[str, str]:
        """Whether the open size, which is that of the first input that has it, is allowed; and the array's by it."""
        allowed = "true"
        if not any(earlier.rows for earlier in self.signature.inputs[:index]):
            self._put(
                f"%rows = udiv i64 %{x}.size0, {array.rows}",
                f"%rows.more = sub i64 %rows, {self.signature.fewest_rows}",
                f"%rows.allowed = icmp ule i64 %rows.more, {self.signature.most_rows - self.signature.fewest_rows}",
            )
            allowed = "%rows.allowed"
        self._put(f"%{x}.expected = mul i64 %rows, {array.rows}")
        return allowed, f"%{x}.expected"

    def _or_take_number(self, x: str, index: int, array: ArrayType) -> None:
        """%x.value = where the value is: in the array, or where the number has been written to."""
        self._put(
            f"br label %{x}.ready",
            f"{x}.number:",
            f"%{x}.place = getelementptr i64, ptr %numbers, i64 {self.numbers[index]}",
            f"%{x}.known = call i1 @take_{array.dtype}(ptr %{x}, ptr %{x}.class, ptr %{x}.place)",
            f"br i1 %{x}.known, label %{x}.ready, label %slow",
            f"{x}.ready:",
            f"%{x}.value = phi ptr [ %{x}.data, %{x}.sizes ], [ %{x}.place, %{x}.number ]",
        )

    def _make_outputs(self) -> None:
        if not self.outputs:
            return
        self._state("new_array", StateLayout.NEW_ARRAY)
        if not self.inputs:
            self._state("array_class", StateLayout.ARRAY_CLASS)
        for i, array in enumerate(self.signature.outputs):
            y = f"y{i}"
            self._state(f"{y}.dtype", self.layout.dtypes[array.dtype])
            shape = self._open_shape(y, array) if array.rows else f"@shape{i}"
            self._put(
                f"call void @Py_IncRef(ptr %{y}.dtype)",  # the call below takes this reference
                f"%{y} = call ptr %new_array(ptr %array_class, ptr %{y}.dtype, i32 {len(array.shape)}, ptr {shape}, "
                "ptr null, ptr null, i32 0, ptr null)",
                f"%{y}.none = icmp eq ptr %{y}, null",
                f"br i1 %{y}.none, label %{y}.failed, label %{y}.made",
                f"{y}.failed:",
                f"call void @drop(ptr %outputs, i64 {i})",
                "ret ptr null",
                f"{y}.made:",
                f"%{y}.place = getelementptr ptr, ptr %outputs, i64 {i}",
                f"store ptr %{y}, ptr %{y}.place",
            )
            self._field(f"{y}.data", f"%{y}", ARRAY_DATA)
            self._store_slot(self.inputs + i, f"%{y}.data")

    def _open_shape(self, y: str, array: ArrayType) -> str:
        """The sizes of an output in this call, written to the stack."""
        self._put(
            f"%{y}.shape = alloca [{len(array.shape)} x i64], align 8", f"%{y}.first = mul i64 %rows, {array.rows}"
        )
        for axis, size in enumerate((f"%{y}.first", *array.shape[1:])):
            self._put(
                f"%{y}.shape{axis} = getelementptr i64, ptr %{y}.shape, i64 {axis}",
                f"store i64 {size}, ptr %{y}.shape{axis}",
            )
        return f"%{y}.shape"

    def _call_holding_gil(self, arena: str) -> None:
        """Whoever waits for a lock has let go of the GIL, and the locks are free again before it is taken back."""
        locked = bool(self.signature.params)
        if self.signature.release_gil:
            self._put("%thread = call ptr @PyEval_SaveThread()")
            if locked:
                self._put("call void @take_locks()")
            self._call_program(arena)
            self._put("call void @PyEval_RestoreThread(ptr %thread)")
            return
        if locked:
            self._put(
                "%free = call i1 @try_locks(i1 true)",
                "br i1 %free, label %locked, label %contended",
                "contended:",
                "%waiting = call ptr @PyEval_SaveThread()",
                "call void @take_locks()",
                "br label %locked",
                "locked:",
                f"%thread = phi ptr [ %waiting, %contended ], [ null, %{self._block_of_call()} ]",
            )
        self._call_program(arena)
        if locked:
            self._put(
                "%kept = icmp eq ptr %thread, null",
                "br i1 %kept, label %called, label %take_back",
                "take_back:",
                "call void @PyEval_RestoreThread(ptr %thread)",
                "br label %called",
                "called:",
            )

    def _block_of_call(self) -> str:
        """The label of the block in which all is ready for the call."""
        if self.leases:
            return "leased"
        if self.outputs:
            return f"y{self.outputs - 1}.made"
        if not self.inputs:
            return "arguments"
        if self.inputs - 1 in self.numbers:
            return f"x{self.inputs - 1}.ready"
        return f"x{self.inputs - 1}." + ("taken" if self.signature.inputs[-1].shape else "sizes")

    def _hand_over(self) -> None:
        kind = self.signature.kind
        if kind == "none":
            self._state("none", StateLayout.NONE)
            self._put("call void @Py_IncRef(ptr %none)", "ret ptr %none")
            return
        if kind == "single":
            self._put("ret ptr %y0")
            return
        new = {"list": "PyList_New", "dict": "PyDict_New"}.get(kind, "PyTuple_New")
        size = "" if kind == "dict" else f"i64 {self.outputs}"
        self._put(
            f"%result = call ptr @{new}({size})",
            "%no_result = icmp eq ptr %result, null",
            "br i1 %no_result, label %drop_outputs, label %built",
            "built:",
        )
        for i in range(self.outputs):
            if kind == "dict":
                self._put_item(i)
            else:
                put = "PyList_SetItem" if kind == "list" else "PyTuple_SetItem"
                self._put(f"%put{i} = call i32 @{put}(ptr %result, i64 {i}, ptr %y{i})")
        if kind == "rebuild":
            self._state("rebuild", StateLayout.REBUILD)
            self._put(
                "%rebuilt = call ptr @PyObject_CallOneArg(ptr %rebuild, ptr %result)",
                "call void @Py_DecRef(ptr %result)",
                "ret ptr %rebuilt",
            )
            return
        if kind == "dict":
            self._put(f"call void @drop(ptr %outputs, i64 {self.outputs})")  # the dict has its own references
        self._put("ret ptr %result")

    def _put_item(self, index: int) -> None:
        self._state(f"key{index}", self.layout.keys + index)
        self._put(
            f"%put{index} = call i32 @PyDict_SetItem(ptr %result, ptr %key{index}, ptr %y{index})",
            f"%refused{index} = icmp ne i32 %put{index}, 0",
            f"br i1 %refused{index}, label %drop_dict, label %put{index}.done",
            f"put{index}.done:",
        )

    def _put_failures(self) -> None:
        drop = f"call void @drop(ptr %outputs, i64 {self.outputs})" if self.outputs else ""
        if self.signature.kind not in ("none", "single"):
            if self.signature.kind == "dict":
                self._put("drop_dict:", "call void @Py_DecRef(ptr %result)", "br label %drop_outputs")
            self._put("drop_outputs:", drop, "ret ptr null")
        if self.leases:
            self._put("no_memory:", drop, "%error = call ptr @PyErr_NoMemory()", "ret ptr null")
        self._put("report:", drop)
        self._state("failed", StateLayout.FAILED)
        self._put(
            "%wide = sext i32 %status to i64",
            "%number = call ptr @PyLong_FromLong(i64 %wide)",
            "%no_number = icmp eq ptr %number, null",
            "br i1 %no_number, label %gone, label %raise",
            "gone:",
            "ret ptr null",
            "raise:",
            "%raised = call ptr @PyObject_CallOneArg(ptr %failed, ptr %number)",
            "call void @Py_DecRef(ptr %number)",
            "ret ptr %raised",
            "slow:",
        )
        self._state("slow_path", StateLayout.SLOW)
        self._put(
            "%answer = call ptr @PyObject_Vectorcall(ptr %slow_path, ptr %args, i64 %nargs, ptr %kwnames)",
            "ret ptr %answer",
        )

    def _run(self) -> list[str]:
        self._begin("i32 @run(ptr %arrays)")
        given = self.inputs + self.outputs
        if given:
            self._put(
                f"call void @llvm.memcpy.p0.p0.i64(ptr align 8 %slots, ptr align 8 %arrays, i64 {8 * given}, i1 false)"
            )
        if self.signature.most_rows:
            self._put(f"%rows.at = getelementptr i64, ptr %arrays, i64 {given}", "%rows = load i64, ptr %rows.at")
            self._store_rows()
        self._fill_owned()
        arena = self._take_arena("no_memory")
        if self.signature.params:
            self._put("call void @take_locks()")
        self._call_program(arena)
        self._put("ret i32 %status")
        if self.leases:
            self._put("no_memory:", f"ret i32 {OUT_OF_MEMORY}")
        return self._end()
