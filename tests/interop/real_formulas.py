"""Formulas as people write them, from physics, finance and statistics, and where their symbols lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy import Max, Piecewise, Sum, asin, cos, erf, exp, log, loggamma, pi, sin, sqrt

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Formula:
    """A formula of real symbols, each with the interval its values are taken from."""

    name: str
    formula: Any
    domains: Mapping[Any, tuple[float, float]]

    def points(self, count: int) -> list[Array]:
        """Values of the symbols, in their order."""
        random = np.random.default_rng(0)
        return [random.uniform(low, high, count) for low, high in self.domains.values()]


def _symbols(names: str) -> Any:
    return sympy.symbols(names, real=True)


def _physics() -> list[Formula]:
    x, t, a, b, m, r, v, w = _symbols("x t a b m r v w")
    k = sympy.Symbol("k", integer=True)
    latitude, other, between = _symbols("latitude other between")
    return [
        Formula("Planck's law", 2 * v**3 / (exp(v / t) - 1), {v: (0.1, 5), t: (0.5, 2)}),
        Formula("Lennard-Jones", 4 * a * ((b / r) ** 12 - (b / r) ** 6), {a: (0.5, 2), b: (0.8, 1.2), r: (0.9, 3)}),
        Formula("kinetic energy", (1 / sqrt(1 - v**2) - 1) * m, {v: (-0.9, 0.9), m: (1, 5)}),
        Formula(
            "damped wave",
            exp(-a * t) * cos(sqrt(w**2 - a**2) * t + b),
            {a: (0.1, 0.9), t: (0, 9), w: (1, 4), b: (0, 3)},
        ),
        Formula("van der Waals", t / (v - b) - a / v**2, {t: (1, 9), v: (2, 9), b: (0.1, 1), a: (0.5, 2)}),
        Formula(
            "Breit-Wigner", a / ((x**2 - m**2) ** 2 + (m * b) ** 2), {a: (1, 2), x: (0.5, 3), m: (1, 2), b: (0.1, 1)}
        ),
        Formula("Morse potential", a * (1 - exp(-b * (r - m))) ** 2, {a: (1, 5), b: (0.5, 2), r: (0.5, 4), m: (1, 2)}),
        Formula(
            "heat kernel", exp(-(x**2) / (4 * a * t)) / sqrt(4 * pi * a * t), {x: (-3, 3), a: (0.5, 2), t: (0.1, 3)}
        ),
        Formula(
            "haversine",
            2 * asin(sqrt(sin((latitude - other) / 2) ** 2 + cos(latitude) * cos(other) * sin(between / 2) ** 2)),
            {latitude: (-1.4, -0.1), other: (0, 1.4), between: (0.1, 2)},
        ),
        Formula("square wave", 4 / pi * Sum(sin((2 * k - 1) * x) / (2 * k - 1), (k, 1, 12)), {x: (-3, 3)}),
    ]


def _finance() -> list[Formula]:
    s, strike, r, q, t, y, n, c, a, b = _symbols("s strike r q t y n c a b")
    k = sympy.Symbol("k", integer=True)
    d1 = (log(s / strike) + (r + q**2 / 2) * t) / (q * sqrt(t))
    d2 = d1 - q * sqrt(t)
    call = s * (1 + erf(d1 / sqrt(2))) / 2 - strike * exp(-r * t) * (1 + erf(d2 / sqrt(2))) / 2
    decay = (1 - exp(-a * t)) / a
    market = {s: (60, 140), strike: (80, 120), r: (0.01, 0.05), q: (0.1, 0.5), t: (0.2, 2)}
    return [
        Formula("Black-Scholes", call, market),
        Formula("bond price", Sum(c / (1 + y) ** k, (k, 1, 10)) + 100 / (1 + y) ** 10, {c: (1, 6), y: (0.01, 0.09)}),
        Formula("annuity", c * r / (1 - (1 + r) ** -n), {c: (1e3, 1e5), r: (0.01, 0.1), n: (5, 30)}),
        Formula(
            "bull spread", Max(s - strike, 0) - Max(s - strike - c, 0), {s: (60, 140), strike: (80, 120), c: (5, 20)}
        ),
        Formula(
            "Vasicek bond",
            exp((decay - t) * (b - q**2 / (2 * a**2)) - q**2 * decay**2 / (4 * a) - decay * r),
            {a: (0.2, 1), t: (0.5, 9), b: (0.01, 0.06), q: (0.01, 0.03), r: (0.01, 0.06)},
        ),
    ]


def _statistics() -> list[Formula]:
    x, y, m, s, n, a, b, p = _symbols("x y m s n a b p")
    return [
        Formula(
            "normal log density",
            -((x - m) ** 2) / (2 * s**2) - log(s) - log(2 * pi) / 2,
            {x: (-3, 3), m: (-1, 1), s: (0.5, 2)},
        ),
        Formula(
            "Student's t",
            loggamma((n + 1) / 2) - loggamma(n / 2) - log(n * pi) / 2 - (n + 1) / 2 * log(1 + x**2 / n),
            {x: (-4, 4), n: (1, 30)},
        ),
        Formula(
            "logistic likelihood",
            y * log(1 / (1 + exp(-x))) + (1 - y) * log(1 - 1 / (1 + exp(-x))),
            {x: (-4, 4), y: (0, 1)},
        ),
        Formula(
            "Huber's loss",
            Piecewise((x**2 / 2, sympy.Abs(x) <= a), (a * (sympy.Abs(x) - a / 2), True)),
            {x: (-4, 4), a: (0.5, 2)},
        ),
        Formula(
            "Gaussian divergence",
            log(b / a) + (a**2 + (m - p) ** 2) / (2 * b**2) - 0.5,
            {a: (0.5, 2), b: (0.5, 2), m: (-1, 1), p: (-1, 1)},
        ),
    ]


REAL_FORMULAS = [*_physics(), *_finance(), *_statistics()]
