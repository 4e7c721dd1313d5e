"""The threads that share the work of one call: a team per process, awake while there is work.

A parallel loop is a task `void (ptr frame, i64 part)` and a number of parts. Whoever calls `run` opens the task, works
on it like everybody else, closes it when no part is left, and waits for those still at their last part: a helper that
does not wake up in time costs nothing. Helpers spin a little for the next task, then sleep. One task is open at a
time; a second caller, of another Python thread, does all of its parts alone.

`state` is a row of numbers:

    0   busy: whether a task is being run            4   word: odd while a task is open, and different every time
    8   helpers at work on the open task            12   helpers asleep
    16  helpers there are                           24  task     32  frame     40  parts     48  most helpers wanted
    56  the core of the caller
    128 the next part

A helper enters itself at 8 and then looks at the word again; the caller changes the word and then looks at 8. One of
them sees the other, so that nobody works on a task that is over. A helper that was woken on the caller's own core, as
happens while threads of somebody else keep the others busy, moves to another: two threads of a team on one core are
worth one. The threads are made at the first task, and belong to the process: after a fork the child makes its own.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import threading
import warnings

from . import store
from .jit import Loaded, Target, compile_entry, identity, load
from .workers import apart, at_work, cores

STATE_BYTES = 192
MOST_THREADS = 64
_FUTEX = {"x86_64": 202, "amd64": 202, "aarch64": 98, "arm64": 98}
"""The number of the system call by which threads sleep until a word changes."""
_PAUSE = {
    "x86_64": ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"),
    "aarch64": ("declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"),
}
_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}

_TEXT = """
@state = global [STATE x i8] zeroinitializer, align 128

declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(i64)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare i64 @syscall(i64, ...)
declare i32 @sched_getcpu()
declare i32 @sched_getaffinity(i32, i64, ptr)
declare i32 @sched_setaffinity(i32, i64, ptr)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
PAUSE_DECLARATION

define internal void @work_on(ptr %task, ptr %frame, i64 %parts) ATTRIBUTES {
start:
  br label %next
next:
  %part = atomicrmw add ptr NEXT, i64 1 monotonic, align 8
  %left = icmp slt i64 %part, %parts
  br i1 %left, label %one, label %done
one:
  call void %task(ptr %frame, i64 %part)
  br label %next
done:
  ret void
}

; Leave the core the caller works on to it, where there is another.
define internal void @make_room(ptr %allowed) ATTRIBUTES {
start:
  %mine = call i32 @sched_getcpu()
  %callers = load i32, ptr CORE
  %same = icmp eq i32 %mine, %callers
  %known = icmp ult i32 %mine, 1024
  %both = and i1 %same, %known
  br i1 %both, label %move, label %done
move:
  %others = alloca [128 x i8], align 8
  call void @llvm.memcpy.p0.p0.i64(ptr %others, ptr %allowed, i64 128, i1 false)
  %byte = lshr i32 %mine, 3
  %at = getelementptr i8, ptr %others, i32 %byte
  %bits = load i8, ptr %at
  %low = and i32 %mine, 7
  %place = trunc i32 %low to i8
  %bit = shl i8 1, %place
  %rest = xor i8 %bit, -1
  %left = and i8 %bits, %rest
  store i8 %left, ptr %at
  %moved = call i32 @sched_setaffinity(i32 0, i64 128, ptr %others)
  br label %done
done:
  ret void
}

; A helper: spin for an open task not seen yet, work on it, and sleep after a while without.
define internal ptr @helper(ptr %nothing) ATTRIBUTES {
start:
  %allowed = alloca [128 x i8], align 8
  call void @llvm.memset.p0.i64(ptr %allowed, i8 0, i64 128, i1 false)
  %asked = call i32 @sched_getaffinity(i32 0, i64 128, ptr %allowed)
  br label %watch
watch:
  %seen = phi i32 [ 0, %start ], [ %word, %finished ], [ %word, %retreat ], [ %seen.kept, %woken ]
  br label %look
look:
  %rounds = phi i32 [ 0, %watch ], [ %more, %wait ]
  %word = load atomic i32, ptr WORD seq_cst, align 4
  %odd = and i32 %word, 1
  %open = icmp eq i32 %odd, 1
  %new = icmp ne i32 %word, %seen
  %ready = and i1 %open, %new
  br i1 %ready, label %enter, label %patience
patience:
  %tired = icmp uge i32 %rounds, SPINS
  br i1 %tired, label %lie_down, label %wait
wait:
  PAUSE
  %more = add i32 %rounds, 1
  br label %look
lie_down:
  %seen.kept = add i32 %seen, 0
  %before = atomicrmw add ptr ASLEEP, i32 1 seq_cst, align 4
  %last = load atomic i32, ptr WORD seq_cst, align 4
  %last.odd = and i32 %last, 1
  %last.open = icmp eq i32 %last.odd, 1
  %last.new = icmp ne i32 %last, %seen
  %called = and i1 %last.open, %last.new
  br i1 %called, label %woken, label %sleep
sleep:
  %slept = call i64 (i64, ...) @syscall(i64 FUTEX, ptr WORD, i32 128, i32 %last, ptr null)
  br label %woken
woken:
  %after = atomicrmw sub ptr ASLEEP, i32 1 seq_cst, align 4
  br label %watch
enter:
  %others = atomicrmw add ptr ACTIVE, i32 1 seq_cst, align 4
  %again = load atomic i32, ptr WORD seq_cst, align 4
  %still = icmp eq i32 %again, %word
  br i1 %still, label %admitted, label %retreat
admitted:
  %others.wide = sext i32 %others to i64
  %most = load i64, ptr MOST
  %wanted = icmp slt i64 %others.wide, %most
  br i1 %wanted, label %join, label %retreat
join:
  %task = load ptr, ptr TASK
  %frame = load ptr, ptr FRAME
  %parts = load i64, ptr PARTS
  call void @make_room(ptr %allowed)
  call void @work_on(ptr %task, ptr %frame, i64 %parts)
  br label %finished
finished:
  %left = atomicrmw sub ptr ACTIVE, i32 1 seq_cst, align 4
  br label %watch
retreat:
  %out = atomicrmw sub ptr ACTIVE, i32 1 seq_cst, align 4
  br label %watch
}

; Make the helpers that are missing. Signals are for the threads that were there before.
define internal void @hire(i64 %wanted) ATTRIBUTES {
start:
  %all = alloca [128 x i8], align 16
  %old = alloca [128 x i8], align 16
  %thread = alloca i64, align 8
  %filled = call i32 @sigfillset(ptr %all)
  %blocked = call i32 @pthread_sigmask(i32 2, ptr %all, ptr %old)
  br label %next
next:
  %present = load i32, ptr HELPERS
  %present.wide = sext i32 %present to i64
  %missing = icmp slt i64 %present.wide, %wanted
  br i1 %missing, label %one, label %done
one:
  %failed = call i32 @pthread_create(ptr %thread, ptr null, ptr @helper, ptr null)
  %made = icmp eq i32 %failed, 0
  br i1 %made, label %count, label %done
count:
  %id = load i64, ptr %thread
  %detached = call i32 @pthread_detach(i64 %id)
  %more = add i32 %present, 1
  store i32 %more, ptr HELPERS
  br label %next
done:
  %restored = call i32 @pthread_sigmask(i32 2, ptr %old, ptr null)
  ret void
}

; Do all parts of a task, with up to `most` helpers.
define void @run(ptr %task, ptr %frame, i64 %parts, i64 %most) ATTRIBUTES {
start:
  %pair = cmpxchg ptr BUSY, i32 0, i32 1 acquire monotonic, align 4
  %mine = extractvalue { i32, i1 } %pair, 1
  br i1 %mine, label %team, label %alone
alone:
  %part = phi i64 [ 0, %start ], [ %following, %alone ]
  call void %task(ptr %frame, i64 %part)
  %following = add i64 %part, 1
  %more = icmp slt i64 %following, %parts
  br i1 %more, label %alone, label %done
team:
  %present = load i32, ptr HELPERS
  %present.wide = sext i32 %present to i64
  %missing = icmp slt i64 %present.wide, %most
  br i1 %missing, label %hire, label %open
hire:
  call void @hire(i64 %most)
  br label %open
open:
  store ptr %task, ptr TASK
  store ptr %frame, ptr FRAME
  store i64 %parts, ptr PARTS
  store i64 %most, ptr MOST
  %core = call i32 @sched_getcpu()
  store i32 %core, ptr CORE
  store atomic i64 0, ptr NEXT monotonic, align 8
  %word = load atomic i32, ptr WORD monotonic, align 4
  %opened = add i32 %word, 1
  store atomic i32 %opened, ptr WORD seq_cst, align 4
  %asleep = load atomic i32, ptr ASLEEP seq_cst, align 4
  %none = icmp eq i32 %asleep, 0
  br i1 %none, label %work, label %wake
wake:
  %woken = call i64 (i64, ...) @syscall(i64 FUTEX, ptr WORD, i32 129, i32 2147483647)
  br label %work
work:
  call void @work_on(ptr %task, ptr %frame, i64 %parts)
  %closed = add i32 %word, 2
  store atomic i32 %closed, ptr WORD seq_cst, align 4
  br label %look
look:
  %active = load atomic i32, ptr ACTIVE seq_cst, align 4
  %over = icmp eq i32 %active, 0
  br i1 %over, label %leave, label %wait
wait:
  PAUSE
  br label %look
leave:
  store atomic i32 0, ptr BUSY release, align 4
  br label %done
done:
  ret void
}
"""

_SPINS = 2000
"""Rounds a helper watches before it sleeps: some 40 µs, longer than Python takes between two steps of a training."""

_FIELDS = {
    "BUSY": 0, "WORD": 4, "ACTIVE": 8, "ASLEEP": 12, "HELPERS": 16, "TASK": 24, "FRAME": 32, "PARTS": 40, "MOST": 48,
    "CORE": 56, "NEXT": 128,
}  # fmt: skip


def thread_count(wanted: int | None) -> int:
    """How many threads a call may use: what was asked for, else GRAPHC_NUM_THREADS, else the processor's."""
    if wanted is None:
        wanted = _from_environment() or cores()
    if platform.machine().lower() not in _FUTEX or not hasattr(os, "fork"):
        return 1
    return min(wanted, MOST_THREADS)


def _from_environment() -> int | None:
    """GRAPHC_NUM_THREADS, if it is set to a number of threads."""
    named = os.environ.get("GRAPHC_NUM_THREADS", "")
    if named.isdecimal() and int(named) > 0:
        return int(named)
    if named:
        text = f"GRAPHC_NUM_THREADS should be a positive integer, not {named!r}; all processors are used"
        warnings.warn(text, RuntimeWarning, stacklevel=4)
    return None


@apart
def team() -> Loaded:
    """The team's code, loaded once: `team()["run"]` is the address of `void run(task, frame, parts, most helpers)`."""
    with at_work(), _making:
        return _team()


_making = threading.RLock()


@functools.cache
def _team() -> Loaded:
    machine = platform.machine().lower()
    declaration, pause = _PAUSE[_NAMES.get(machine, machine)]
    words = {name: f"getelementptr (i8, ptr @state, i64 {at})" for name, at in _FIELDS.items()}
    words |= {"PAUSE_DECLARATION": declaration, "FUTEX": str(_FUTEX[machine]), "SPINS": str(_SPINS)}
    words |= {"ATTRIBUTES": "nounwind", "STATE": str(STATE_BYTES)}
    text = _TEXT
    for name, value in words.items():
        text = text.replace(name, value)
    return load(_code(text.replace("PAUSE", pause), Target.current()), ("run", "state"))


def _code(text: str, target: Target) -> bytes:
    """The team's object code: what another process has left, or made now."""
    key = store.key_of("team", text, identity(target))
    kept = store.find(key) if key is not None else None
    if kept is not None:
        return kept.blobs[0]
    made = compile_entry(text, target)
    if key is not None:
        store.keep(key, {}, (made,))
    return made


def _leave_team() -> None:
    """The threads of the parent are not here."""
    if _team.cache_info().currsize:
        ctypes.memset(_team()["state"], 0, STATE_BYTES)


os.register_at_fork(after_in_child=_leave_team)
