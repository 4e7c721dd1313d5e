"""Rounding, remainders and signs: what is made of whole numbers, of the sign bit and of neighbouring floats.

Steps have no derivative where they jump; everywhere it is taken as 0. A remainder x - y·⌊x/y⌋ moves with x, and with
y by minus the whole quotient. Integers divided by zero give 0, and the smallest by -1 wraps, as in NumPy.
"""

from __future__ import annotations

import numpy as np

from ..ir.dtype import bool_
from .scalar import NUMBERS, STEPWISE, Build, like, multiply, negative, row, sign

copysign: Build

ceil = row("ceil", 1, np.ceil, lambda out, x: (like(0, x),), **STEPWISE, flags="stepwise monotone idempotent",
           doc="the smallest whole number ≥ x")  # fmt: skip
floor = row("floor", 1, np.floor, lambda out, x: (like(0, x),), **STEPWISE, flags="stepwise monotone idempotent",
            doc="the largest whole number ≤ x")  # fmt: skip
round = row("round", 1, np.rint, lambda out, x: (like(0, x),), **STEPWISE, flags="stepwise monotone odd idempotent",
            doc="the whole number nearest to x, the even one of two")  # fmt: skip
trunc = row("trunc", 1, np.trunc, lambda out, x: (like(0, x),), **STEPWISE, flags="stepwise monotone odd idempotent",
            doc="the whole number nearest to x on the side of 0")  # fmt: skip

floor_divide = row("floor_divide", 2, np.floor_divide, lambda out, x, y: (like(0, x), like(0, y)), dtypes=NUMBERS,
                   **STEPWISE, domain=((-3, 3), (0.5, 3)), flags="expensive stepwise", doc="⌊x / y⌋")  # fmt: skip
remainder = row("remainder", 2, np.remainder, lambda out, x, y: (like(1, x), negative(floor_divide(x, y))),
                dtypes=NUMBERS, vjp=lambda g, out, x, y: (g, negative(multiply(g, floor_divide(x, y)))),
                domain=((-3, 3), (0.5, 3)), flags="expensive", doc="x - y ⌊x / y⌋, of the sign of y")  # fmt: skip

copysign = row("copysign", 2, np.copysign, lambda out, x, y: (multiply(sign(x), copysign(like(1, x), y)), None),
               doc="|x| with the sign of y, -0.0 being negative")  # fmt: skip
nextafter = row("nextafter", 2, np.nextafter, lambda out, x, y: (like(1, x), None),
                vjp=lambda g, out, x, y: (g, None), doc="the float next to x in the direction of y")  # fmt: skip
signbit = row("signbit", 1, np.signbit, result=bool_, flags="comparison",
              doc="whether x is negative, -0.0 being so")  # fmt: skip
