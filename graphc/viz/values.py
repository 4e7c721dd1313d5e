"""An array in a few words, small enough for a box."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.op import Array
from .wording import number

_SPELLED_OUT = 4


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
