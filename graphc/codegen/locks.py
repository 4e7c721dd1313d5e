"""The locks of params, as LLVM text.

A lock is three int32:

    0   0 free, -1 one writer, n > 0 readers
    4   how many writers wait
    8   how many writers have been, to tell whether one has been since

Readers who overlap for ever would keep a writer out, so a reader is polite: it lets a waiting writer go first. It is
polite to one writer only, so that writers do not keep a reader out either.

A program takes the locks of all its params or none (`@try_locks`), and waits holding none: no order of params can
deadlock, and nobody waits while it holds the GIL.
"""

from __future__ import annotations

from collections.abc import Sequence

_WORDS = """
declare i32 @sched_yield()
declare i32 @usleep(i32)

define internal i1 @try_shared(ptr %lock, i1 %polite) ATTRIBUTES {
start:
  br i1 %polite, label %courtesy, label %look
courtesy:
  %queue = getelementptr i8, ptr %lock, i64 4
  %writers = load atomic i32, ptr %queue monotonic, align 4
  %nobody = icmp eq i32 %writers, 0
  br i1 %nobody, label %look, label %refused
look:
  %seen = load atomic i32, ptr %lock monotonic, align 4
  br label %attempt
attempt:
  %readers = phi i32 [ %seen, %look ], [ %found, %swap ]
  %written = icmp slt i32 %readers, 0
  br i1 %written, label %refused, label %swap
swap:
  %more = add i32 %readers, 1
  %pair = cmpxchg ptr %lock, i32 %readers, i32 %more acquire monotonic
  %found = extractvalue { i32, i1 } %pair, 0
  %taken = extractvalue { i32, i1 } %pair, 1
  br i1 %taken, label %done, label %attempt
done:
  ret i1 true
refused:
  ret i1 false
}

define internal i1 @try_exclusive(ptr %lock) ATTRIBUTES {
start:
  %seen = load atomic i32, ptr %lock monotonic, align 4
  %free = icmp eq i32 %seen, 0
  br i1 %free, label %swap, label %refused
swap:
  %pair = cmpxchg ptr %lock, i32 0, i32 -1 acquire monotonic
  %taken = extractvalue { i32, i1 } %pair, 1
  ret i1 %taken
refused:
  ret i1 false
}

; Between attempts: spin a little, let others run, then sleep.
define internal void @wait_a_little(i32 %attempts) ATTRIBUTES {
start:
  %early = icmp ult i32 %attempts, 16
  br i1 %early, label %done, label %later
later:
  %soon = icmp ult i32 %attempts, 64
  br i1 %soon, label %yield, label %sleep
yield:
  %yielded = call i32 @sched_yield()
  br label %done
sleep:
  %slept = call i32 @usleep(i32 50)
  br label %done
done:
  ret void
}

define void @lock_shared(ptr %lock) ATTRIBUTES {
start:
  %writes = getelementptr i8, ptr %lock, i64 8
  %before = load atomic i32, ptr %writes monotonic, align 4
  br label %attempt
attempt:
  %attempts = phi i32 [ 0, %start ], [ %next, %again ]
  %now = load atomic i32, ptr %writes monotonic, align 4
  %polite = icmp eq i32 %now, %before
  %taken = call i1 @try_shared(ptr %lock, i1 %polite)
  br i1 %taken, label %done, label %again
again:
  call void @wait_a_little(i32 %attempts)
  %next = add i32 %attempts, 1
  br label %attempt
done:
  ret void
}

define void @unlock_shared(ptr %lock) ATTRIBUTES {
  %before = atomicrmw sub ptr %lock, i32 1 release
  ret void
}

define void @lock_exclusive(ptr %lock) ATTRIBUTES {
start:
  %queue = getelementptr i8, ptr %lock, i64 4
  %queued = atomicrmw add ptr %queue, i32 1 monotonic
  br label %attempt
attempt:
  %attempts = phi i32 [ 0, %start ], [ %next, %again ]
  %taken = call i1 @try_exclusive(ptr %lock)
  br i1 %taken, label %done, label %again
again:
  call void @wait_a_little(i32 %attempts)
  %next = add i32 %attempts, 1
  br label %attempt
done:
  %left = atomicrmw sub ptr %queue, i32 1 monotonic
  ret void
}

define void @unlock_exclusive(ptr %lock) ATTRIBUTES {
  %writes = getelementptr i8, ptr %lock, i64 8
  %before = load atomic i32, ptr %writes monotonic, align 4
  %after = add i32 %before, 1
  store atomic i32 %after, ptr %writes monotonic, align 4
  store atomic i32 0, ptr %lock release, align 4
  ret void
}

define void @copy_shared(ptr %lock, ptr %destination, ptr %source, i64 %bytes) ATTRIBUTES {
  call void @lock_shared(ptr %lock)
  call void @llvm.memcpy.p0.p0.i64(ptr %destination, ptr %source, i64 %bytes, i1 false)
  call void @unlock_shared(ptr %lock)
  ret void
}

define void @copy_exclusive(ptr %lock, ptr %destination, ptr %source, i64 %bytes) ATTRIBUTES {
  call void @lock_exclusive(ptr %lock)
  call void @llvm.memcpy.p0.p0.i64(ptr %destination, ptr %source, i64 %bytes, i1 false)
  call void @unlock_exclusive(ptr %lock)
  ret void
}
"""

_ALL = """
@updates = internal constant [COUNT x i8] [UPDATES]

; All locks, or none and false.
define internal i1 @try_locks(i1 %polite) ATTRIBUTES {
start:
  br label %next
next:
  %i = phi i64 [ 0, %start ], [ %following, %got ]
  %more = icmp ult i64 %i, COUNT
  br i1 %more, label %one, label %done
one:
  %place = getelementptr ptr, ptr LOCKS, i64 %i
  %lock = load ptr, ptr %place
  %kind = getelementptr i8, ptr @updates, i64 %i
  %update = load i8, ptr %kind
  %write = icmp ne i8 %update, 0
  br i1 %write, label %writing, label %reading
writing:
  %wrote = call i1 @try_exclusive(ptr %lock)
  br i1 %wrote, label %got, label %refused
reading:
  %read = call i1 @try_shared(ptr %lock, i1 %polite)
  br i1 %read, label %got, label %refused
got:
  %following = add i64 %i, 1
  br label %next
refused:
  call void @release_first(i64 %i)
  ret i1 false
done:
  ret i1 true
}

define internal void @release_first(i64 %count) ATTRIBUTES {
start:
  br label %next
next:
  %i = phi i64 [ 0, %start ], [ %following, %released ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %one, label %done
one:
  %place = getelementptr ptr, ptr LOCKS, i64 %i
  %lock = load ptr, ptr %place
  %kind = getelementptr i8, ptr @updates, i64 %i
  %update = load i8, ptr %kind
  %write = icmp ne i8 %update, 0
  br i1 %write, label %writing, label %reading
writing:
  call void @unlock_exclusive(ptr %lock)
  br label %released
reading:
  call void @unlock_shared(ptr %lock)
  br label %released
released:
  %following = add i64 %i, 1
  br label %next
done:
  ret void
}

define internal void @release_locks() ATTRIBUTES {
  call void @release_first(i64 COUNT)
  ret void
}

; Joins (1) or leaves (-1) the writers that wait for the params to be updated.
define internal void @queue_up(i32 %step) ATTRIBUTES {
start:
  br label %next
next:
  %i = phi i64 [ 0, %start ], [ %following, %after ]
  %more = icmp ult i64 %i, COUNT
  br i1 %more, label %one, label %done
one:
  %kind = getelementptr i8, ptr @updates, i64 %i
  %update = load i8, ptr %kind
  %write = icmp ne i8 %update, 0
  br i1 %write, label %writing, label %after
writing:
  %place = getelementptr ptr, ptr LOCKS, i64 %i
  %lock = load ptr, ptr %place
  %queue = getelementptr i8, ptr %lock, i64 4
  %queued = atomicrmw add ptr %queue, i32 %step monotonic
  br label %after
after:
  %following = add i64 %i, 1
  br label %next
done:
  ret void
}

; How many writers all params have seen.
define internal i32 @count_writes() ATTRIBUTES {
start:
  br label %next
next:
  %i = phi i64 [ 0, %start ], [ %following, %one ]
  %sum = phi i32 [ 0, %start ], [ %larger, %one ]
  %more = icmp ult i64 %i, COUNT
  br i1 %more, label %one, label %done
one:
  %place = getelementptr ptr, ptr LOCKS, i64 %i
  %lock = load ptr, ptr %place
  %writes = getelementptr i8, ptr %lock, i64 8
  %count = load atomic i32, ptr %writes monotonic, align 4
  %larger = add i32 %sum, %count
  %following = add i64 %i, 1
  br label %next
done:
  ret i32 %sum
}

; Comes back with all locks. The caller must not hold the GIL.
define internal void @take_locks() ATTRIBUTES {
start:
  %free = call i1 @try_locks(i1 true)
  br i1 %free, label %done, label %contended
contended:
  call void @queue_up(i32 1)
  %before = call i32 @count_writes()
  br label %attempt
attempt:
  %attempts = phi i32 [ 0, %contended ], [ %next, %again ]
  %now = call i32 @count_writes()
  %unchanged = icmp eq i32 %now, %before
  %polite = and i1 %unchanged, READS_ONLY
  %taken = call i1 @try_locks(i1 %polite)
  br i1 %taken, label %leave, label %again
again:
  call void @wait_a_little(i32 %attempts)
  %next = add i32 %attempts, 1
  br label %attempt
leave:
  call void @queue_up(i32 -1)
  br label %done
done:
  ret void
}
"""


def emit(updates: Sequence[bool], locks: str) -> str:
    """The functions of single locks, and those that take all locks of a program at once.

    `updates` says for each param whether it is updated, `locks` is the address of their table of lock addresses.
    The word ATTRIBUTES is left for the caller to replace.
    """
    text = _WORDS + (_ALL if updates else "")
    for name, value in (
        ("READS_ONLY", "false" if any(updates) else "true"),
        ("COUNT", str(len(updates))),
        ("UPDATES", ", ".join(f"i8 {int(update)}" for update in updates)),
        ("LOCKS", locks),
    ):
        text = text.replace(name, value)
    return text
