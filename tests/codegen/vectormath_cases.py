"""What each function of one argument is tested against, and where: oracles, edges, special values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import scipy.special
from harness import Array

INF, NAN = np.inf, np.nan


@dataclass(frozen=True)
class Case:
    """One function.

    `oracle` is right in float64 to well below float32's rounding, `exact` in mpmath to any precision. `edges` are
    arguments where the function changes form or its results leave the normal range; arguments go up to `widest` in
    float32 and seven times that in float64, and those outside `domain` are left to `specials`. mpmath gets
    arguments below `farthest` only: above, the result is one of the special values, or mpmath takes minutes.
    """

    oracle: Callable[[Array], Any]
    exact: Callable[[Any], Any]
    edges: tuple[float, ...]
    specials: tuple[tuple[float, float], ...]
    widest: float = 105.0
    domain: tuple[float, float] = (-INF, INF)
    farthest: float = INF
    keeps_tiny: bool = False
    """Whether the result next to 0 is the argument itself."""


def _softplus(x: Array) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _sigmoid(x: Array) -> Any:
    z = np.exp(-np.abs(x))
    return np.where(x < 0, z, 1.0) / (1 + z)


def _exact_sigmoid(x: Any) -> Any:
    z = mpmath.exp(-abs(x))
    return (z if x < 0 else 1) / (1 + z)


_ZEROS = ((0.0, 0.0), (-0.0, -0.0))
_LOGARITHMIC = ((0.0, -INF), (-0.0, -INF), (1.0, 0.0), (INF, INF), (-1.0, NAN), (-INF, NAN))
_TRIGONOMETRIC = ((INF, NAN), (-INF, NAN))
_TURNS = tuple(n * np.pi / 2 for n in (1, 2, 3, 4, 5, 355, 710, 33215, 1e5, 2.0**40))

CASES: dict[str, Case] = {
    "acos": Case(
        np.arccos,
        mpmath.acos,
        (0.5, -0.5, 1.0, -1.0),
        ((1.0, 0.0), (0.0, np.pi / 2), (-1.0, np.pi), (1.5, NAN), (-1.5, NAN), (INF, NAN), (-INF, NAN)),
        widest=1.0,
        domain=(-1.0, 1.0),
    ),
    "acosh": Case(
        np.arccosh,
        mpmath.acosh,
        (1.0, 1.25, 2.0**14, 2.0**15, 2.0**29, 2.0**30),
        ((1.0, 0.0), (INF, INF), (0.5, NAN), (0.0, NAN), (-2.0, NAN), (-INF, NAN)),
        widest=5.0,
        domain=(1.0, INF),
    ),
    "asin": Case(
        np.arcsin,
        mpmath.asin,
        (0.5, -0.5, 1.0, -1.0),
        (*_ZEROS, (1.0, np.pi / 2), (-1.0, -np.pi / 2), (1.5, NAN), (-1.5, NAN), (INF, NAN), (-INF, NAN)),
        widest=1.0,
        domain=(-1.0, 1.0),
        keeps_tiny=True,
    ),
    "asinh": Case(
        np.arcsinh,
        mpmath.asinh,
        (0.5, 1.0, 2.0**14, 2.0**15, 2.0**29, 2.0**30),
        (*_ZEROS, (INF, INF), (-INF, -INF)),
        widest=10.0,
        keeps_tiny=True,
    ),
    "atan": Case(
        np.arctan,
        mpmath.atan,
        (0.5, 1.0, -1.0, 2.0),
        (*_ZEROS, (INF, np.pi / 2), (-INF, -np.pi / 2)),
        widest=10.0,
        keeps_tiny=True,
    ),
    "atanh": Case(
        np.arctanh,
        mpmath.atanh,
        (0.17157288, 0.33333333, 0.5, 1.0, -1.0),
        (*_ZEROS, (1.0, INF), (-1.0, -INF), (1.5, NAN), (-1.5, NAN), (INF, NAN), (-INF, NAN)),
        widest=1.0,
        domain=(-1.0, 1.0),
        keeps_tiny=True,
    ),
    "cbrt": Case(
        np.cbrt,
        lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
        (0.70710678, 1.0, 1.41421356, 2.0, 8.0, -27.0, 2.0**-126, 2.0**-1022),
        (*_ZEROS, (INF, INF), (-INF, -INF)),
    ),
    "cos": Case(
        np.cos, mpmath.cos, (*_TURNS, 2.0**17, 2.0**20, 2.0**40, 1e22), ((0.0, 1.0), (-0.0, 1.0), *_TRIGONOMETRIC)
    ),
    "cosh": Case(
        np.cosh,
        mpmath.cosh,
        (0.34657359, 1.03972077, 89.41, 710.47),
        ((0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, INF), (1e30, INF)),
        farthest=1e5,
    ),
    "erf": Case(
        scipy.special.erf,
        mpmath.erf,
        (0.9375, 1.0, 3.9, 4.0, 5.9, 6.0),
        (*_ZEROS, (INF, 1.0), (-INF, -1.0), (7.0, 1.0), (-7.0, -1.0)),
        widest=4.0,
        farthest=1e5,
    ),
    "erfc": Case(
        scipy.special.erfc,
        mpmath.erfc,
        (9.19, 10.05, 26.54, 27.2, -1.0, -3.9, -5.9),
        ((0.0, 1.0), (-0.0, 1.0), (INF, 0.0), (-INF, 2.0), (1e30, 0.0), (-1e30, 2.0)),
        widest=11.0,
        farthest=1e4,
    ),
    "exp": Case(
        np.exp,
        mpmath.exp,
        (-745.2, -708.4, -104.0, -87.4, 0.34657359, 88.72284, 709.79),
        ((0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (1e30, INF), (-1e30, 0.0)),
        farthest=1e5,
    ),
    "exp2": Case(
        np.exp2,
        lambda x: mpmath.mpf(2) ** x,
        (-1074.5, -1022.0, -150.0, -126.0, 0.5, 127.99, 1023.99),
        ((0.0, 1.0), (-0.0, 1.0), (10.0, 1024.0), (INF, INF), (-INF, 0.0), (1e30, INF), (-1e30, 0.0)),
        widest=150.0,
        farthest=1e5,
    ),
    "expm1": Case(
        np.expm1,
        mpmath.expm1,
        (-37.5, -17.4, -0.34657359, 0.34657359, 88.72284, 709.79),
        (*_ZEROS, (INF, INF), (-INF, -1.0), (1e30, INF), (-1e30, -1.0)),
        farthest=1e5,
        keeps_tiny=True,
    ),
    "log": Case(
        np.log,
        mpmath.log,
        (2.0**-1022, 2.0**-126, 0.70710678, 1.0, 1.41421356),
        _LOGARITHMIC,
        widest=100.0,
        domain=(0.0, INF),
    ),
    "log10": Case(
        np.log10,
        mpmath.log10,
        (2.0**-1022, 2.0**-126, 0.70710678, 1.0, 1.41421356, 10.0),
        (*_LOGARITHMIC, (10.0, 1.0), (1000.0, 3.0), (1e10, 10.0)),
        widest=100.0,
        domain=(0.0, INF),
    ),
    "log1p": Case(
        np.log1p,
        mpmath.log1p,
        (-1.0, -0.29289322, 0.41421356, 1.0, 2.0**24, 2.0**53),
        (*_ZEROS, (-1.0, -INF), (INF, INF), (-2.0, NAN), (-INF, NAN)),
        widest=100.0,
        domain=(-1.0, INF),
        keeps_tiny=True,
    ),
    "log2": Case(
        np.log2,
        lambda x: mpmath.log(x, 2),
        (2.0**-1022, 2.0**-126, 0.70710678, 1.0, 1.41421356),
        (*_LOGARITHMIC, (2.0**-100, -100.0), (8.0, 3.0)),
        widest=100.0,
        domain=(0.0, INF),
    ),
    "sigmoid": Case(
        _sigmoid,
        _exact_sigmoid,
        (-745.2, -708.4, -104.0, -87.4, -36.7, -16.6, 0.34657359, 17.4, 37.5),
        ((0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (1e30, 1.0), (-1e30, 0.0)),
        farthest=1e5,
    ),
    "sin": Case(
        np.sin,
        mpmath.sin,
        (*_TURNS, 2.0**17, 2.0**20, 2.0**40, 1e22),
        (*_ZEROS, *_TRIGONOMETRIC),
        keeps_tiny=True,
    ),
    "sinh": Case(
        np.sinh,
        mpmath.sinh,
        (0.34657359, 1.03972077, 89.41, 710.47, -710.47),
        (*_ZEROS, (INF, INF), (-INF, -INF), (1e30, INF), (-1e30, -INF)),
        farthest=1e5,
        keeps_tiny=True,
    ),
    "softplus": Case(
        _softplus,
        lambda x: max(x, mpmath.mpf(0)) + mpmath.log1p(mpmath.exp(-abs(x))),
        (-745.2, -708.4, -104.0, -87.4, 0.34657359, 16.6, 36.7),
        ((INF, INF), (-INF, 0.0), (1e30, 1e30), (-1e30, 0.0)),
        farthest=1e5,
    ),
    "tan": Case(
        np.tan,
        mpmath.tan,
        (*_TURNS, 2.0**17, 2.0**20, 2.0**40, 1e22),
        (*_ZEROS, *_TRIGONOMETRIC),
        keeps_tiny=True,
    ),
    "tanh": Case(
        np.tanh,
        mpmath.tanh,
        (0.5625, 9.01, 19.06),
        (*_ZEROS, (INF, 1.0), (-INF, -1.0), (30.0, 1.0), (-30.0, -1.0)),
        widest=10.0,
        farthest=1e5,
        keeps_tiny=True,
    ),
}
