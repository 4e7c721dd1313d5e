"""An array in a few words and as a thumbnail, both small enough for a box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.op import Array
from .picture import Cell, Thumbnail
from .style import HEAT_HIGH, HEAT_INFINITE, HEAT_LOW, HEAT_NAN, blended
from .wording import number

_SPELLED_OUT = 4
_TABLE_ROWS, _TABLE_COLUMNS = 4, 4
"""Up to this size a thumbnail holds the numbers themselves."""
_HEAT_ROWS, _HEAT_COLUMNS = 6, 12


@dataclass(frozen=True, slots=True)
class Held:
    """What a node held, as far as a picture shows it."""

    text: str
    thumbnail: Thumbnail = ()

    @staticmethod
    def of(array: Array) -> Held:
        return Held(summary(array), thumbnail(array))


def summary(array: Array) -> str:
    """The elements where they are few, else smallest … largest and mean; how many are nan or infinite comes first."""
    if array.size == 0:
        return "empty"
    if array.size == 1:
        return number(array.flat[0])
    if array.ndim == 1 and array.size <= _SPELLED_OUT:
        return f"[{', '.join(map(number, array))}]"
    if array.dtype.kind == "b":
        return f"{np.count_nonzero(array) / array.size:.0%} true"
    return _spread(array)


def _spread(array: Array) -> str:
    finite = array[np.isfinite(array)]
    warnings = [
        f"{count:,} {what}"
        for what, count in (("nan", np.count_nonzero(np.isnan(array))), ("∞", np.count_nonzero(np.isinf(array))))
        if count
    ]
    if finite.size:
        warnings.append(_range(finite))
    return "; ".join(warnings)


def _range(finite: Array) -> str:
    low, high, mean = finite.min(), finite.max(), finite.mean(dtype=np.float64)
    return f"all {_short(low)}" if low == high else f"{_short(low)} … {_short(high)}, mean {_short(mean)}"


def _short(value: Any) -> str:
    """Three digits are enough for a look, and so is one zero."""
    return number(value) if isinstance(value, np.integer) else number(float(f"{value:.3g}") + 0.0)


# Thumbnails ----------------------------------------------------------------------------------------------------


def thumbnail(array: Array) -> Thumbnail:
    """A small array as a table of its numbers, a larger one as fields of colour; nothing for a single number.

    Axes before the last are laid out as rows. Where there are more elements than fields, a field has the colour of
    its most extreme element, so that no spike and no nan is lost.
    """
    if array.size <= 1 or array.dtype.kind not in "fiu" or (array.ndim == 1 and array.size <= _SPELLED_OUT):
        return ()
    rows = array.reshape(-1, array.shape[-1]).astype(np.float64)
    if rows.shape[0] <= _TABLE_ROWS and rows.shape[1] <= _TABLE_COLUMNS:
        fills = colours(rows)
        return tuple(
            tuple(Cell(fill, _short(value)) for fill, value in zip(*pair, strict=True))
            for pair in zip(fills, rows, strict=True)
        )
    return tuple(tuple(map(Cell, row)) for row in colours(extremes(rows, _HEAT_ROWS, _HEAT_COLUMNS)))


def extremes(rows: Array, most_rows: int, most_columns: int) -> Array:
    """A matrix in at most so many fields, each its element farthest from zero, or nan where there is one."""
    for axis, most in ((0, most_rows), (1, most_columns)):
        size = rows.shape[axis]
        if size > most:
            starts = np.arange(most) * size // most
            high, low = np.maximum.reduceat(rows, starts, axis), np.minimum.reduceat(rows, starts, axis)
            rows = np.where(high >= -low, high, low)
    return rows


def colours(rows: Array) -> list[list[str]]:
    """A colour for each number: the hue is its sign, the strength its size beside the largest."""
    finite = np.abs(rows[np.isfinite(rows)])
    largest = finite.max() if finite.size else 0.0
    with np.errstate(invalid="ignore"):
        strength = rows / largest if largest else np.where(np.isfinite(rows), 0.0, rows)
    return [[_colour(float(value)) for value in row] for row in strength]


def _colour(strength: float) -> str:
    if np.isnan(strength):
        return HEAT_NAN
    if np.isinf(strength):
        return HEAT_INFINITE
    return blended(HEAT_HIGH if strength >= 0 else HEAT_LOW, abs(strength))
