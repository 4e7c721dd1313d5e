"""How a contraction is cut up: from the sizes of its matrices, the registers, the caches and the threads.

    by rows                                        by columns

    for kb in parts of the contracted axis:        pack A
      pack B's part                                parallel for jb in swaths of panels:
      parallel for ib in bands of rows:              for kb in parts of the contracted axis:
        pack A's part of the band                      pack B's part of the swath
        panels of columns, blocks of rows              panels of columns, blocks of rows

What is packed outside of the shared loop is everybody's; what is packed inside belongs to one thread and stays in its
caches. Tall products are shared by rows, wide ones of few rows by columns. None of this changes a result: each element
is one chain of multiply-adds in the order of the contracted axis (see `Blocks.chains` for the exception, which depends
on sizes alone).
"""

from __future__ import annotations

from dataclasses import dataclass

from .schedule import Machine

STACK_BYTES = 512 * 1024
"""What a thread may use of its stack for what it packs."""
DEPTH_BYTES = 4096
"""Bytes of a row of A between two passes over the result: more would push panels of B out of the nearest caches."""
DEEPEST = 2048
"""Steps of the contracted axis after which even small matrices are better gone through in parts."""
SHALLOWEST = 64
"""Steps of the contracted axis that are always gone through at once."""
STRIP = 256
"""Rows of B that are read side by side where each is read once: few enough pages to remember."""
SWATH = 8
"""Panels of a swath at most: enough of each row of B for the memory to read ahead."""
FEWEST_ROWS = 32
"""Rows of a band at least, where B comes from afar for each band anew."""
TALL = 128
"""Rows of A for each thread, from which on threads share bands of them."""
LOW, WIDE = 1024, 1.25
"""Rows up to which all of A stays near, a few steps of the contracted axis at a time; and from how many columns for
each row on that is better than to have all of B."""
IN_FLIGHT = 8
"""Accumulations that have to be under way for the multipliers not to wait."""
MOST_CHAINS = 4
LONG = 64
"""Steps from which on an element is added up in several chains, where there are too few elements."""
OVERHEAD = 1.5
"""What beginning and finishing a block of registers takes, in steps for a row."""
SHARED = 30_000
"""Multiply-adds of vectors from which on threads share."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Sizes of the blocking."""

    rows: int
    """Rows of a register block."""
    lanes: int
    """Columns of a register block: a panel."""
    depth: int
    """Steps of the contracted axis between two passes over the result."""
    by_rows: bool
    """Whether threads share bands of rows, rather than swaths of columns."""
    band: int
    """Register blocks that follow each other in a band of rows."""
    swath: int
    """Panels of a swath of columns."""
    chains: int = 1
    """Sums of every chains-th product that an element is made of."""


def choose_blocks(
    m: int, n: int, k: int, size: int, machine: Machine, *,
    ordered: bool = True, is_open: bool = False, in_order: bool = False,
) -> Blocks:  # fmt: skip
    """Sizes for an (m, k) by (k, n) product.

    Args:
        m: rows of A.
        n: columns of B.
        k: steps of the contracted axis.
        size: bytes of an element.
        machine: registers, caches and threads.
        ordered: whether B is read along its rows.
        is_open: whether m is the most there may be.
        in_order: whether an element is one chain in any case, as results may not depend on the most.
    """
    m, n, k = max(m, 1), max(n, 1), max(k, 1)
    hardware = max(machine.vector_bytes // size, 1)
    vectors = _vectors(m, n, hardware, machine)
    lanes = 1 << (n - 1).bit_length() if n <= hardware else hardware * vectors
    panels = -(-n // lanes)
    most = max((machine.vector_registers - vectors - 2) // vectors, 1)
    threads = machine.threads if m * n * k >= SHARED * hardware else 1
    chains = 1 if in_order else _chains(m, k, vectors)
    if _is_by_rows(m, n, panels, threads):
        rows = _rows(m, most, vectors, threads, is_open)
        is_one = m <= rows and panels == 1 and rows * k * size <= STACK_BYTES
        depth = k if is_one else _depth_by_rows(n, k, rows, size, machine)
        return Blocks(rows, lanes, depth, True, _band(m, n, rows, depth, size, machine, threads), panels, chains)
    rows = _rows(m, most, vectors, 1, is_open)
    swath = _share(panels, 1, SWATH, threads)
    depth = _depth_by_columns(m, n, k, rows, swath * lanes, size, machine, ordered)
    return Blocks(rows, lanes, depth, False, -(-m // rows), swath, chains)


def _vectors(m: int, n: int, hardware: int, machine: Machine) -> int:
    """Hardware vectors side by side in a register block."""
    if n <= hardware:
        return 1
    return 4 if m <= (machine.vector_registers - 6) // 4 and n >= 4 * hardware else 2


def _chains(m: int, k: int, vectors: int) -> int:
    """How many chains an element is added up in. The threads have no say in it: results do not depend on them."""
    return max(min(IN_FLIGHT // (m * vectors), MOST_CHAINS), 1) if k >= LONG else 1


def _is_by_rows(m: int, n: int, panels: int, threads: int) -> bool:
    """Whether bands of rows are shared: if they are tall enough to be worth the packing of a B that all read, and B is
    not wider still, so that it were better to share A."""
    is_wide = m <= LOW and n >= WIDE * m
    return panels < 2 * threads or (m >= TALL * threads and not is_wide)


def _rows(m: int, most: int, vectors: int, threads: int, is_open: bool) -> int:
    """Rows of a block, so that the blocks that one thread does take least time.

    Of an open number of rows, those that are left over are done a few at a time: best if none are, of the most.
    """
    if m <= (most if threads == 1 else most // 2):
        return m

    def cost(rows: int) -> float:
        whole, rest = divmod(m, rows)
        if is_open:
            few = rest // 4 * (4 + OVERHEAD) + (rest % 4 + 1) // 2 * (IN_FLIGHT / vectors + OVERHEAD)
            return -(-whole // threads) * (rows + OVERHEAD) + few
        if threads > 1:
            return -(-m // rows // threads) * (rows + OVERHEAD)
        # Short blocks wait for their own chains.
        return whole * (rows + OVERHEAD) + (max(rest, IN_FLIGHT / vectors) + OVERHEAD if rest else 0)

    return min(range(max(most // 2, 1), min(most, m) + 1), key=lambda rows: (cost(rows), -rows))


def _band(m: int, n: int, rows: int, depth: int, size: int, machine: Machine, threads: int) -> int:
    """Blocks of a band: one where B stays near, else as many as make good use of a B that comes from afar."""
    if n * depth * size <= machine.l2_bytes // 2:
        return 1
    fits = max(STACK_BYTES // (rows * depth * size), 1)
    return _share(-(-m // rows), min(-(-FEWEST_ROWS // rows), fits), fits, threads)


def _depth_by_rows(n: int, k: int, rows: int, size: int, machine: Machine) -> int:
    """Steps for which the rows of a block, and B if it is narrow, stay near."""
    usual = DEPTH_BYTES // size
    near = machine.l2_bytes // 2 // (n * size)
    private = STACK_BYTES // (rows * size)
    return _evenly(k, max(2 * usual if k <= 2 * usual else usual, min(near, private, DEEPEST)))


def _depth_by_columns(
    m: int, n: int, k: int, rows: int, width: int, size: int, machine: Machine, ordered: bool
) -> int:  # fmt: skip
    """Steps for which a swath of B and the rows of A stay near; as many as can be where nothing is read twice."""
    if m <= rows:
        is_near = n * size <= DEPTH_BYTES // 2 or n * k * size <= machine.l1_bytes
        return k if is_near or not ordered else _evenly(k, STRIP)
    usual, private = DEPTH_BYTES // size, STACK_BYTES // (width * size)
    near = machine.l2_bytes // 2 // (m * size)
    if k <= min(2 * usual, private, near):
        return k
    return _evenly(k, max(min(usual, private // 2, near), SHALLOWEST))


def _evenly(k: int, most: int) -> int:
    """The size of as few parts as can be, all about as large."""
    size = -(-k // -(-k // most))
    return -(-size // MOST_CHAINS) * MOST_CHAINS if size < k else k


def _share(pieces: int, least: int, most: int, threads: int) -> int:
    """How many pieces go together, so that the busiest of the threads has the least to do."""
    most = min(max(pieces // (4 * threads), least), most, pieces) if threads > 1 else min(most, pieces)
    return min(range(min(least, most), most + 1), key=lambda group: (_longest(pieces, group, threads), -group))


def _longest(pieces: int, group: int, threads: int) -> int:
    whole, rest = divmod(pieces, group)
    turns, left = divmod(whole, threads)
    return turns * group + (group if left else rest)
