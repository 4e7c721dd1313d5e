"""Transposes, gathers and joins: nothing is computed, everything moves."""

from __future__ import annotations

import numpy as np
from bench.contestants import forward, normal
from bench.race import Race

import graphc as gc

GROUP = "movement"


def test_transpose(compete: Race) -> None:
    def contiguous(xp: object, x: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> object:
        return np.ascontiguousarray(x.T)

    sides = forward(
        lambda xp, x: x.T, normal(2048, 2048), numpy=contiguous, torch=lambda torch, x: x.T.contiguous(),
        graphc=lambda xp, x: gc.matrix_transpose(x),
    )  # fmt: skip
    compete("transpose, 2048×2048", sides)


def test_gather(compete: Race) -> None:
    rows = np.random.default_rng(0).integers(0, 20_000, 8192)
    sides = forward(
        lambda xp, x, i: xp.take(x, i, axis=0), normal(20_000, 128), rows,
        torch=lambda torch, x, i: torch.index_select(x, 0, i),
    )  # fmt: skip
    compete("8192 rows of 20000×128", sides)


def test_join(compete: Race) -> None:
    sides = forward(
        lambda xp, x, y: xp.concat([x, y], axis=1), normal(2048, 512), normal(2048, 256),
        torch=lambda torch, x, y: torch.concat([x, y], dim=1),
    )  # fmt: skip
    compete("concat along rows, 2048×(512 + 256)", sides)
