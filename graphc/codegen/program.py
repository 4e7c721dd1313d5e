"""A program in this process: native code, and everything it points at.

What must not die while the code can run hangs on one object, `NativeProgram`, which the builtin `Program.call` holds
as its module. CPython keeps a builtin alive while it runs, so the last reference may go at any time, also from
another thread or from within the call.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import os
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from graphc.ir.errors import CompileError
from graphc.ir.open_size import FEWEST
from graphc.ir.storage import NativeCopies, Storage

from . import entry, numbers
from .entry import Signature, StateLayout
from .jit import Loaded, load
from .team import team

Array = npt.NDArray[Any]

SYMBOLS = ("state", "entry", "run", "copy_shared", "copy_exclusive")
FAREWELL = "let_go"
"""Called when the code is unloaded, too."""

_METH_FASTCALL_WITH_KEYWORDS = 0x0080 | 0x0002
_NUMPY_API = {"array_class": 2, "new_array": 94}
"""Places of PyArray_Type and PyArray_NewFromDescr in NumPy's C API, which is stable."""

_run_prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)
_address_at = ctypes.c_void_p.from_address
_copy_prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class NativeProgram:
    """Whatever native code holds the address of. Visible to the garbage collector, through and through."""

    __slots__ = ("__weakref__", "callables", "code", "kept_arrays", "keys", "name", "state", "storages")

    code: Loaded
    state: ctypes.Array[ctypes.c_int64]
    name: bytes
    keys: tuple[str, ...]
    callables: tuple[Callable[..., Any], ...]
    storages: tuple[Storage, ...]
    kept_arrays: tuple[Array, ...]


class Program:
    """A loaded program, ready to be called.

    `code` is the objects of the entry and of the kernels; objects that have been loaded serve one program only.
    `slow` receives, unchanged, every call whose arguments are not exactly the arrays declared. `failed` receives the
    number of a failure and raises. `rebuild` receives the flat tuple of outputs, where the structure is "rebuild".
    `extra` are symbols of the kernels' object that somebody wants the address of.
    Params and constants come in the order of the signature; constants must be C-contiguous, and are kept.

    The callables may refer back to the program: that is a cycle like any other and is collected.
    """

    def __init__(
        self,
        code: bytes | Sequence[bytes] | Loaded,
        signature: Signature,
        params: Sequence[Storage] = (),
        constants: Sequence[Array] = (),
        *,
        slow: Callable[..., Any],
        failed: Callable[[int], Any],
        rebuild: Callable[[tuple[Array, ...]], Any] | None = None,
        extra: Sequence[str] = (),
    ) -> None:
        _check_layout()
        _check_owned(signature, params, constants)
        if (rebuild is not None) != (signature.kind == "rebuild"):
            raise CompileError("`rebuild` goes with the structure of that name, and only with it")
        self.signature = signature
        own = NativeProgram()
        shared = entry.TEAM_SYMBOLS if signature.threads > 1 else ()
        told = entry.CHECK_SYMBOLS if signature.checked else ()
        own.code = code if isinstance(code, Loaded) else load(code, (*SYMBOLS, *shared, *told, *extra), FAREWELL)
        own.storages = tuple(params)
        own.kept_arrays = tuple(constants)
        own.keys = signature.keys
        own.callables = (slow, functools.partial(_fail, failed), rebuild or tuple)
        own.name = signature.name.encode()
        own.state = (ctypes.c_int64 * signature.state.words).from_address(own.code["state"])
        _fill_state(own, signature)
        if shared:
            _join_team(own, signature.threads)
        self._own = own
        self._declared = (*signature.inputs, *signature.outputs)
        self._addresses = ctypes.c_void_p * (len(self._declared) + 1)
        self._run = own.code.function("run", _run_prototype)
        self._failed: Callable[[int], Any] = own.callables[1]
        self.call: Callable[..., Any] = _make_builtin(own)
        """The builtin. As the `__call__` of a class it is called without the instance."""
        copies = NativeCopies(
            own.code.function("copy_shared", _copy_prototype), own.code.function("copy_exclusive", _copy_prototype)
        )
        for storage in own.storages:
            storage.attach(copies)
        _belongings.add(own)

    def let_go(self) -> None:
        """Give the arena back, unless a call has it; the next call makes another."""
        self._own.code.function(FAREWELL, ctypes.CFUNCTYPE(None))()

    def report(self, status: int) -> int | None:
        """What a checked program says about a failure; None when another call has failed differently meanwhile."""
        of, report = divmod(ctypes.c_int64.from_address(self._own.code["failure"]).value, 2**32)
        return report if of == status else None

    def address(self, symbol: str) -> int:
        """The address of one of the `extra` symbols the program was loaded with."""
        return self._own.code[symbol]

    @property
    def params(self) -> tuple[Storage, ...]:
        return self._own.storages

    @property
    def constants(self) -> tuple[Array, ...]:
        return self._own.kept_arrays

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Run once on clean arrays: the declared dtype and shape, C order, aligned; outputs writable and apart from
        each other and from the inputs (which is not checked).

        Raises ValueError for an array that is not clean, MemoryError without memory for the arena, and whatever
        `failed` raises.
        """
        given = (*inputs, *outputs)
        if len(inputs) != len(self.signature.inputs) or len(given) != len(self._declared):
            raise ValueError(f"{len(inputs)} inputs and {len(outputs)} outputs do not fit {self.signature.name}")
        rows = self.rows(inputs)
        for i, (array, kind) in enumerate(zip(given, self._declared, strict=True)):
            flags, shape = array.flags, kind.shape_of(rows)
            if array.shape != shape or array.dtype != kind.dtype or not (flags.c_contiguous and flags.aligned):
                raise ValueError(f"array {i} of a run, {array.dtype}{array.shape}, is no clean {kind.dtype}{shape}")
            if i >= len(inputs) and not flags.writeable:
                raise ValueError(f"output {i - len(inputs)} of a run is read-only")
        addresses = [_address_at(id(array) + entry.ARRAY_DATA).value for array in given]
        status = self._run(self._addresses(*addresses, rows))
        if status == entry.OUT_OF_MEMORY:
            raise MemoryError
        if status:
            self._failed(status)

    def empty_outputs(self, inputs: Sequence[Array] = ()) -> list[Array]:
        """Fresh arrays for `run` to write to, given those it will read."""
        kinds = self.signature.outputs
        return [np.empty(shape, kind.dtype) for shape, kind in zip(self.output_shapes(inputs), kinds, strict=True)]

    def output_shapes(self, inputs: Sequence[Array] = ()) -> list[tuple[int, ...]]:
        """The shapes of the outputs of a run on these inputs."""
        rows = self.rows(inputs)
        return [kind.shape_of(rows) for kind in self.signature.outputs]

    def rows(self, inputs: Sequence[Array]) -> int:
        """How large the open size is; 0 where there is none.

        Raises ValueError if it is none the program is for.
        """
        if not self.signature.most_rows:
            return 0
        first, kind = next((a, k) for a, k in zip(inputs, self.signature.inputs, strict=True) if k.rows)
        found: int = first.shape[0] // kind.rows
        if not FEWEST <= found <= self.signature.most_rows:
            raise ValueError(f"{found} rows are not {FEWEST} to {self.signature.most_rows}")
        return found

    def hand_over(self, outputs: Sequence[Array]) -> Any:
        """The outputs in the structure that `call` returns."""
        match self.signature.kind:
            case "none":
                return None
            case "single":
                return outputs[0]
            case "list":
                return list(outputs)
            case "dict":
                return dict(zip(self.signature.keys, outputs, strict=True))
            case _:
                rebuild = self._own.callables[2]
                return rebuild(tuple(outputs))

    def __repr__(self) -> str:
        return f"Program({self.signature.name})"


def _fail(failed: Callable[[int], Any], status: int) -> None:
    failed(status)
    raise CompileError(f"native code answered with status {status}")


# ---- what goes into the state --------------------------------------------------------------------------------


def _fill_state(own: NativeProgram, signature: Signature) -> None:
    layout = signature.state
    api = _numpy_api()
    slow, failed, rebuild = own.callables
    words = own.state
    if words[StateLayout.ARRAY_CLASS]:
        raise CompileError("loaded code serves one program only")
    words[StateLayout.ARRAY_CLASS] = api["array_class"]
    words[StateLayout.NEW_ARRAY] = api["new_array"]
    words[StateLayout.SLOW] = id(slow)
    words[StateLayout.FAILED] = id(failed)
    words[StateLayout.REBUILD] = id(rebuild)
    words[StateLayout.NONE] = id(None)
    for index, known in enumerate(numbers.CLASSES):
        words[StateLayout.NUMBER_CLASSES + index] = id(known)
    for name, index in layout.dtypes.items():
        words[index] = id(np.dtype(name))  # NumPy's singletons, which never die
    for i, key in enumerate(own.keys):
        words[layout.keys + i] = id(key)
    addresses = [storage.address for storage in own.storages] + [a.ctypes.data for a in own.kept_arrays]
    for i, address in enumerate(addresses):
        words[layout.owned + i] = address
    for i, storage in enumerate(own.storages):
        words[layout.locks + i] = storage.lock_address


def _join_team(own: NativeProgram, threads: int) -> None:
    """Let the program share its loops. The team's code outlives every program."""
    run, helpers = (ctypes.c_int64.from_address(own.code[name]) for name in entry.TEAM_SYMBOLS)
    run.value, helpers.value = team()["run"], threads - 1


def _make_builtin(own: NativeProgram) -> Callable[..., Any]:
    """A builtin function that keeps the program, as its module, and its own PyMethodDef, as its `self`.

    A builtin looks at its PyMethodDef when it is deallocated, and lets go of its `self` after that. In a cycle the
    collector clears objects before it deallocates them, the program among them, but it knows nothing of arrays.
    """
    name = ctypes.c_char_p(own.name)
    name_address = ctypes.cast(name, ctypes.c_void_p).value
    method = np.array([name_address, own.code["entry"], _METH_FASTCALL_WITH_KEYWORDS, 0], np.int64)
    make = ctypes.pythonapi["PyCFunction_NewEx"]
    make.restype = ctypes.py_object
    make.argtypes = (ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
    builtin: Callable[..., Any] = make(method.ctypes.data, method, own)
    return builtin


def _check_owned(signature: Signature, params: Sequence[Storage], constants: Sequence[Array]) -> None:
    if len(params) != len(signature.params) or len(constants) != signature.constants:
        raise CompileError(f"{len(params)} params and {len(constants)} constants do not fit {signature.name}")
    if len({id(storage) for storage in params}) != len(params):
        raise CompileError("a param stands twice in a program, which could never lock it")
    for storage, use in zip(params, signature.params, strict=True):
        if (storage.dtype, storage.shape) != (np.dtype(use.type.dtype), use.type.shape):
            raise CompileError(f"{storage!r} is no {use.type}")
    for constant in constants:
        if not (constant.flags.c_contiguous and constant.flags.aligned):
            raise CompileError("a constant is not contiguous")


@functools.cache
def _numpy_api() -> dict[str, int]:
    """Addresses out of NumPy's C API."""
    core = "numpy._core" if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else "numpy.core"
    capsule = importlib.import_module(f"{core}._multiarray_umath")._ARRAY_API
    open_capsule = ctypes.pythonapi["PyCapsule_GetPointer"]
    open_capsule.restype = ctypes.c_void_p
    open_capsule.argtypes = (ctypes.py_object, ctypes.c_char_p)
    table = open_capsule(capsule, None)
    return {name: ctypes.c_void_p.from_address(table + 8 * index).value or 0 for name, index in _NUMPY_API.items()}


@functools.cache
def _check_layout() -> None:
    """Read an array the way native code does, so that a Python or NumPy laid out differently is refused."""
    if _numpy_api()["array_class"] != id(np.ndarray):
        raise CompileError("NumPy's C API is not where it was")
    sample = np.zeros((3, 5), np.float32)[1:]

    def word(offset: int, kind: Any = ctypes.c_int64, base: int = id(sample)) -> int:
        return int(kind.from_address(base + offset).value)

    dims = word(entry.ARRAY_DIMS)
    as_expected = (
        word(entry.OBJECT_CLASS) == id(np.ndarray)
        and word(entry.ARRAY_DATA) == sample.ctypes.data
        and word(entry.ARRAY_NDIM, ctypes.c_int32) == 2
        and (word(0, base=dims), word(8, base=dims)) == (2, 5)
        and word(entry.ARRAY_DTYPE) == id(np.dtype(np.float32))
        and word(entry.ARRAY_FLAGS, ctypes.c_int32) == sample.flags.num
    )
    if not as_expected:
        raise CompileError("arrays of this NumPy are laid out in a way graphc does not know")


# ---- fork ----------------------------------------------------------------------------------------------------

_belongings: weakref.WeakSet[NativeProgram] = weakref.WeakSet()


def _free_arenas_after_fork() -> None:
    """A call that had leased the arena goes on in the parent only."""
    for own in _belongings:
        own.state[StateLayout.ARENA_BUSY] = 0


os.register_at_fork(after_in_child=_free_arenas_after_fork)
