"""A loaded program: `run`, what it owns, what threads share, and how it ends."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest
from programs import (
    ADD_ONE,
    F8,
    INCREMENT,
    INCREMENT_ALL,
    IS_TORN,
    NOTHING,
    SCALAR,
    SLEEP,
    SLOT,
    USE_ARENA,
    WIDE,
    build,
    failed,
    in_threads,
    misaligned,
    slow,
)

from graphc.codegen.entry import ArrayType, ParamUse, Signature, emit_entry
from graphc.codegen.jit import Target, compile_entry, compile_object
from graphc.codegen.program import Program
from graphc.ir.errors import CompileError
from graphc.ir.storage import Storage


@pytest.fixture(scope="module")
def add_one() -> Program:
    return build(ADD_ONE, (F8,), (F8,), "single")


# ---- run -----------------------------------------------------------------------------------------------------


def test_run_writes_where_it_is_told(add_one: Program) -> None:
    x, y = np.arange(8, dtype=np.float32), np.zeros(8, np.float32)
    add_one.run([x], [y])
    np.testing.assert_array_equal(y, x + 1)
    outputs = add_one.empty_outputs()
    add_one.run([x], outputs)
    np.testing.assert_array_equal(add_one.hand_over(outputs), x + 1)


def test_run_refuses_what_is_not_clean(add_one: Program) -> None:
    x, y = np.zeros(8, np.float32), np.zeros(8, np.float32)
    fixed = np.zeros(8, np.float32)
    fixed.flags.writeable = False
    add_one.run([fixed], [y])
    for inputs, outputs in (
        ([], [y]),
        ([x, x], []),
        ([x], [fixed]),
        ([x], [y[:7]]),
        ([x[::-1]], [y]),
        ([misaligned()], [y]),
        ([x.astype(">f4")], [y]),
        ([x.astype(np.float64)], [y]),
    ):
        with pytest.raises(ValueError):
            add_one.run(inputs, outputs)


def test_constants_and_params_come_after_the_outputs() -> None:
    body = (
        SLOT
        + """
    define i32 @program(ptr %slots, ptr %arena) {
      %x = call ptr @slot(ptr %slots, i64 0)
      %y = call ptr @slot(ptr %slots, i64 1)
      %p = call ptr @slot(ptr %slots, i64 2)
      %c = call ptr @slot(ptr %slots, i64 3)
      %a = load float, ptr %x
      %b = load float, ptr %p
      %d = load float, ptr %c
      %ab = fmul float %a, %b
      %abd = fadd float %ab, %d
      store float %abd, ptr %y
      ret i32 0
    }
    """
    )
    weight = Storage("float32", ())
    weight.write(np.array(10, np.float32))
    program = build(body, (SCALAR,), (SCALAR,), "single", ((weight, False),), (np.array(7, np.float32),))
    assert program.call(np.array(2, np.float32)) == 27
    weight.write(np.array(100, np.float32))
    assert program.call(np.array(2, np.float32)) == 207
    assert program.params == (weight,) and program.constants[0] == 7


def test_what_a_program_owns_has_to_fit() -> None:
    storage = Storage("int64", (1,))
    with pytest.raises(CompileError, match="twice"):
        build(NOTHING, params=((storage, False), (storage, True)))
    with pytest.raises(CompileError, match="contiguous"):
        build(NOTHING, constants=(np.zeros((4, 4)).T,))
    signature = Signature("f", (), (), "none", (ParamUse(SCALAR, False),))
    with pytest.raises(CompileError, match="is no"):
        Program(b"", signature, [storage], slow=slow, failed=failed)
    with pytest.raises(CompileError, match="do not fit"):
        Program(b"", signature, [], slow=slow, failed=failed)
    with pytest.raises(CompileError, match="rebuild"):
        build(NOTHING, rebuild=tuple)


# ---- threads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release_gil", [False, True])
def test_updates_from_many_threads_all_count(release_gil: bool) -> None:
    counter = Storage("int64", (1,))
    program = build(INCREMENT, params=((counter, True),), release_gil=release_gil)

    def work(i: int) -> None:
        for _ in range(2000):
            if i % 4:
                program.call()
            else:
                program.run([], [])

    in_threads(16, work)
    assert counter.read() == 32_000


@pytest.mark.parametrize("release_gil", [False, True])
def test_nobody_sees_half_an_update(release_gil: bool) -> None:
    wide = Storage(WIDE.dtype, WIDE.shape)
    update = build(INCREMENT_ALL, params=((wide, True),), release_gil=release_gil)
    check = build(IS_TORN, params=((wide, False),), release_gil=True)
    rounds = 150

    def work(i: int) -> None:
        for k in range(rounds):
            if i == 0:
                update.call()
            elif i == 1:
                wide.write(np.full(WIDE.shape, -1000 * k, np.int64))
            elif i == 2:
                value = wide.read()
                assert (value == value[0]).all()
            else:
                check.call()

    in_threads(6, work)


def test_params_in_opposite_orders_do_not_deadlock() -> None:
    a, b = Storage("int64", (1,)), Storage("int64", (1,))
    forth = build(INCREMENT, params=((a, True), (b, False)), release_gil=True)
    back = build(INCREMENT, params=((b, True), (a, False)), release_gil=False)
    in_threads(8, lambda i: [(forth if i % 2 else back).call() for _ in range(1000)])
    assert a.read() == b.read() == 4000


def test_readers_do_not_keep_a_writer_out() -> None:
    value = Storage("int64", (1,))
    reader = build(SLEEP.replace("200000", "2000"), params=((value, False),), release_gil=True)
    stop = threading.Event()
    longest = 0.0

    def work(i: int) -> None:
        nonlocal longest
        if i:
            while not stop.is_set():
                reader.call()
            return
        try:
            for k in range(20):
                begin = time.perf_counter()
                value.write(np.array([k]))
                longest = max(longest, time.perf_counter() - begin)
        finally:
            stop.set()

    in_threads(6, work)
    assert value.read() == 19
    assert longest < 2


def test_a_waiter_lets_others_have_the_gil() -> None:
    value = Storage("int64", (1,))
    sleeper = build(SLEEP, params=((value, True),), release_gil=True)
    waiter = build(INCREMENT, params=((value, True),), release_gil=False)
    ticks = 0

    def work(i: int) -> None:
        nonlocal ticks
        if i == 0:
            sleeper.call()
        elif i == 1:
            time.sleep(0.02)
            waiter.call()
        else:
            for _ in range(10):
                time.sleep(0.01)
                ticks += 1

    begin = time.perf_counter()
    in_threads(3, work)
    assert ticks == 10 and value.read() == 1
    assert time.perf_counter() - begin < 5


@pytest.mark.parametrize("arena_bytes", [64, 100_000])
def test_every_call_has_an_arena_of_its_own(arena_bytes: int) -> None:
    program = build(USE_ARENA, (SCALAR,), arena_bytes=arena_bytes, release_gil=True)
    in_threads(8, lambda i: [program.call(np.array(i, np.float32)) for _ in range(50)])


def test_the_arena_is_made_at_the_first_call_aligned_and_kept() -> None:
    body = (
        SLOT
        + """
    define i32 @program(ptr %slots, ptr %arena) {
      %y = call ptr @slot(ptr %slots, i64 0)
      %address = ptrtoint ptr %arena to i64
      store i64 %address, ptr %y
      ret i32 0
    }
    """
    )
    for size in (0, 8, 4096, 4097, 1 << 20):
        program = build(body, (), (ArrayType("int64", ()),), "single", arena_bytes=size)
        arena = ctypes.c_int64.from_address(program._own.code["state"])
        assert arena.value == 0
        first = int(program.call())
        assert first % 64 == 0 and (first == 0) == (size == 0)
        assert arena.value == (first if size > 4096 else 0)
        assert int(program.call()) == first


def test_a_program_may_go_while_it_runs() -> None:
    value = Storage("int64", (1,))
    program = build(SLEEP, (F8,), (F8,), "single", params=((value, True),), arena_bytes=9000, release_gil=True)
    holder, started, results = [program.call], threading.Event(), []

    def work() -> None:
        x = np.zeros(8, np.float32)
        started.set()
        results.append(holder.pop()(x))  # nobody else holds the builtin now

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    time.sleep(0.05)
    del program, value
    gc.collect()
    thread.join()
    assert results[0].shape == (8,)


def test_the_last_reference_may_go_within_the_call() -> None:
    holder: list[Any] = []

    def drop(*args: object) -> str:
        holder.clear()
        gc.collect()
        return "gone"

    holder.append(build(ADD_ONE, (F8,), (F8,), "single", slow=drop).call)
    assert holder[0](1) == "gone"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_finds_everything_unlocked() -> None:
    value = Storage("int64", (1,))
    sleeper = build(SLEEP, params=((value, True),), arena_bytes=9000, release_gil=True)
    counter = build(INCREMENT, params=((value, True),), arena_bytes=9000)
    thread = threading.Thread(target=sleeper.call)
    thread.start()
    time.sleep(0.05)
    child = os.fork()
    if child == 0:
        try:
            counter.call()
            sleeper.run([], [])
            words = sleeper._own.state
            os._exit(0 if value.read() == 1 and words[1] == 0 and words[0] != 0 else 1)
        finally:
            os._exit(2)
    thread.join()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert value.read() == 0


# ---- lifetimes -----------------------------------------------------------------------------------------------


class Function:
    """As the user-facing function will be: it owns the program, whose slow path is one of its methods."""

    def __init__(self) -> None:
        self.program = build(ADD_ONE, (F8,), (F8,), "single", slow=self.slow)

    def slow(self, *args: object) -> str:
        return "slow"


def test_cycles_are_collected() -> None:
    gc.collect()
    function = Function()
    assert function.program.call(1) == "slow"
    anchor = weakref.ref(function.program._own.code.anchor)
    del function
    gc.collect()
    assert anchor() is None


def test_a_builtin_outlives_what_the_collector_clears() -> None:
    """What it looks at when it is deallocated is none of what the collector may have cleared before."""
    builtin = build(ADD_ONE, (F8,), (F8,), "single").call
    definition, program = builtin.__self__, builtin.__module__
    assert not gc.is_tracked(definition)
    assert gc.is_tracked(program)
    assert definition[2] == 0x82  # the flags of its PyMethodDef
    for name in set(type(program).__slots__) - {"__weakref__"}:
        delattr(program, name)
    taken = [np.full(4, -1, np.int64) for _ in range(1000)]
    assert definition[2] == 0x82
    del builtin, taken


def test_classes_with_the_builtin_are_collected() -> None:
    program = build(ADD_ONE, (F8,), (F8,), "single")
    anchor = weakref.ref(program._own.code.anchor)
    instance = type("F", (object,), {"__call__": program.call})()
    del program
    gc.collect()
    np.testing.assert_array_equal(instance(np.zeros(8, np.float32)), np.ones(8, np.float32))
    del instance
    gc.collect()
    assert anchor() is None


def test_without_cycles_code_goes_at_once() -> None:
    gc.disable()
    try:
        program = build(ADD_ONE, (F8,), (F8,), "single")
        anchor = weakref.ref(program._own.code.anchor)
        del program
        assert anchor() is None
    finally:
        gc.enable()


def test_a_finalizer_in_the_same_cycle_may_still_call() -> None:
    answers: list[Any] = []

    class Last(Function):
        def __del__(self) -> None:
            answers.append(self.program.call(np.zeros(8, np.float32)))

    for _ in range(5):
        Last()
    gc.collect()
    assert len(answers) == 5 and all((answer == 1).all() for answer in answers)


def test_storage_outlives_the_program_whose_locks_it_uses() -> None:
    value = Storage("int64", (1,))
    program = build(INCREMENT, params=((value, True),))
    program.call()
    del program
    gc.collect()
    value.write(value.read() + 1)
    assert value.read() == 2
    again = build(INCREMENT, params=((value, True),))
    again.call()
    assert value.read() == 3


def test_many_programs_come_and_go() -> None:
    signature = Signature("f", (F8,), (F8,), "single")
    target = Target.current()
    code = [compile_entry(emit_entry(signature), target), compile_object(ADD_ONE, target)]
    x = np.zeros(8, np.float32)

    def work(i: int) -> None:
        for _ in range(25):
            assert Program(code, signature, slow=slow, failed=failed).call(x)[0] == 1

    in_threads(4, work)
