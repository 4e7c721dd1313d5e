"""The blocking of contractions: within registers, caches and stacks, and the same sums for any number of threads."""

from __future__ import annotations

from itertools import product

import pytest

from graphc.loop.contraction_blocks import MOST_CHAINS, STACK_BYTES, Blocks, choose_blocks
from graphc.loop.schedule import Machine

MACHINES = {
    "avx512": Machine(64, 32, 32 << 10, 1 << 20, 32 << 20, 2),
    "avx2": Machine(32, 16, 32 << 10, 256 << 10, 8 << 20, 8),
    "sse": Machine(16, 16, 32 << 10, 512 << 10, 8 << 20, 2),
    "neon": Machine(16, 32, 64 << 10, 1 << 20, 8 << 20, 4),
    "many": Machine(64, 32, 48 << 10, 2 << 20, 64 << 20, 64),
}
SIZES = (1, 3, 8, 17, 32, 129, 784, 4096)


def _all_blocks(machine: Machine) -> list[tuple[int, int, int, int, Blocks]]:
    cases = product(SIZES, SIZES, SIZES, (4, 8))
    return [(m, n, k, size, choose_blocks(m, n, k, size, machine)) for m, n, k, size in cases]


@pytest.mark.parametrize("name", MACHINES)
def test_a_block_fits_the_registers(name: str) -> None:
    machine = MACHINES[name]
    for m, n, k, size, blocks in _all_blocks(machine):
        vectors = -(-blocks.lanes * size // machine.vector_bytes)
        used = blocks.rows * blocks.chains * vectors + vectors + 1
        assert used <= machine.vector_registers, (m, n, k, size, blocks)


@pytest.mark.parametrize("name", MACHINES)
def test_what_a_thread_packs_fits_its_stack(name: str) -> None:
    machine = MACHINES[name]
    for m, n, k, size, blocks in _all_blocks(machine):
        if blocks.by_rows:
            private = blocks.rows * blocks.band * blocks.depth
        else:
            private = blocks.lanes * blocks.swath * blocks.depth if m > blocks.rows else 0
        assert private * size <= STACK_BYTES, (m, n, k, size, blocks)


@pytest.mark.parametrize("name", MACHINES)
def test_blocks_are_no_larger_than_the_matrices(name: str) -> None:
    for m, n, k, _, blocks in _all_blocks(MACHINES[name]):
        assert blocks.rows <= m
        assert blocks.lanes < 2 * n
        assert blocks.depth <= k
        assert blocks.rows * (blocks.band - 1) < m
        assert blocks.lanes * (blocks.swath - 1) < n


def test_parts_of_a_long_axis_hold_whole_rounds_of_chains() -> None:
    for _, _, k, _, blocks in _all_blocks(MACHINES["avx512"]):
        assert blocks.depth == k or blocks.depth % MOST_CHAINS == 0


@pytest.mark.parametrize("name", MACHINES)
def test_threads_have_no_say_in_how_an_element_is_summed(name: str) -> None:
    machine = MACHINES[name]
    for m, n, k, size, blocks in _all_blocks(machine):
        for threads in (1, 2, 16):
            other = choose_blocks(
                m, n, k, size,
                Machine(machine.vector_bytes, machine.vector_registers, l2_bytes=machine.l2_bytes, threads=threads),
            )  # fmt: skip
            assert other.chains == blocks.chains


def test_few_elements_are_summed_in_several_chains() -> None:
    machine = MACHINES["avx512"]
    assert choose_blocks(1, 8, 4096, 4, machine).chains > 1
    assert choose_blocks(1, 8, 8, 4, machine).chains == 1
    assert choose_blocks(64, 64, 4096, 4, machine).chains == 1


def test_tall_products_are_shared_by_rows_and_wide_ones_by_columns() -> None:
    machine = MACHINES["avx512"]
    assert choose_blocks(4096, 128, 128, 4, machine).by_rows
    assert not choose_blocks(128, 4096, 128, 4, machine).by_rows


def test_threads_have_about_the_same_to_do() -> None:
    for threads in (2, 3, 8):
        machine = Machine(64, 32, 32 << 10, 1 << 20, 32 << 20, threads)
        for size in (1000, 1536, 4096):
            blocks = choose_blocks(size, size, size, 4, machine)
            unit = blocks.rows * blocks.band if blocks.by_rows else blocks.lanes * blocks.swath
            groups = -(-size // unit)
            busiest = -(-groups // threads) * unit
            assert busiest <= 1.25 * size / threads
