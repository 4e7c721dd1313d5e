"""Scalar code at scale: large graphs of single numbers, as in automatic differentiation of programs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from bench.contestants import with_gradient
from bench.race import Race

GROUP = "scalars"


def test_gradient_of_a_program(compete: Race) -> None:
    def orbit(xp: Any, x: Any, v: Any) -> Any:
        energy = 0.0
        for i in range(200):
            v = v - 0.01 * xp.sin(x)
            x = x + 0.01 * v + math.cos(i) * 0.001
            energy = energy + v * v
        return energy

    compete("1,600 operations and gradient", with_gradient(orbit, 2, np.array(0.7), np.array(0.1)))
