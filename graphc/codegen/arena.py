"""The memory between a program's kernels: taken by a call, kept for the next one, given back.

ARENA and BUSY stand for words of `@state`, BYTES for the size.
"""

from __future__ import annotations

LEASE = """
; The program's own arena, made at its first call, or a private one while another call has it. Null: no memory.
define internal ptr @lease_arena() ATTRIBUTES {
start:
  %taken = cmpxchg ptr BUSY, i64 0, i64 1 acquire monotonic
  %mine = extractvalue { i64, i1 } %taken, 1
  br i1 %mine, label %own, label %private
own:
  %present = load ptr, ptr ARENA
  %made = icmp ne ptr %present, null
  br i1 %made, label %ready, label %make
make:
  %fresh = call ptr @aligned_alloc(i64 64, i64 BYTES)
  store atomic ptr %fresh, ptr ARENA monotonic, align 8
  %failed = icmp eq ptr %fresh, null
  br i1 %failed, label %give_up, label %ready
give_up:
  store atomic i64 0, ptr BUSY release, align 8
  ret ptr null
ready:
  %leased = phi ptr [ %present, %own ], [ %fresh, %make ]
  ret ptr %leased
private:
  %extra = call ptr @aligned_alloc(i64 64, i64 BYTES)
  ret ptr %extra
}

define internal void @return_arena(ptr %arena) ATTRIBUTES {
  %own = load atomic ptr, ptr ARENA monotonic, align 8
  %is_own = icmp eq ptr %arena, %own
  br i1 %is_own, label %keep, label %drop
keep:
  store atomic i64 0, ptr BUSY release, align 8
  ret void
drop:
  call void @free(ptr %arena)
  ret void
}
"""

LET_GO = """
; Gives the arena back, unless a call has it.
define void @let_go() ATTRIBUTES {
start:
  %taken = cmpxchg ptr BUSY, i64 0, i64 1 acquire monotonic
  %mine = extractvalue { i64, i1 } %taken, 1
  br i1 %mine, label %own, label %done
own:
  %arena = load ptr, ptr ARENA
  store atomic ptr null, ptr ARENA monotonic, align 8
  call void @free(ptr %arena)
  store atomic i64 0, ptr BUSY release, align 8
  br label %done
done:
  ret void
}
"""
