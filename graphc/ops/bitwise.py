"""Operations on the bits of integers. Shifts by the width or more, or by a negative count, leave no bit of x."""

from __future__ import annotations

import numpy as np

from .scalar import row

INTEGERS = ("int", "uint")

bitwise_and = row("bitwise_and", 2, np.bitwise_and, dtypes=INTEGERS, flags="commutative associative",
                  doc="the bits that are set in x and in y")  # fmt: skip
bitwise_or = row("bitwise_or", 2, np.bitwise_or, dtypes=INTEGERS, flags="commutative associative",
                 doc="the bits that are set in x or in y")  # fmt: skip
bitwise_xor = row("bitwise_xor", 2, np.bitwise_xor, dtypes=INTEGERS, flags="commutative associative",
                  doc="the bits in which x and y differ")  # fmt: skip
bitwise_invert = row("bitwise_invert", 1, np.invert, dtypes=INTEGERS, doc="every bit of x turned: -x - 1")
bitwise_left_shift = row("bitwise_left_shift", 2, np.left_shift, dtypes=INTEGERS, domain=((-20, 20), (0, 6)),
                         doc="the bits of x moved up by y places, zeros below")  # fmt: skip
bitwise_right_shift = row("bitwise_right_shift", 2, np.right_shift, dtypes=INTEGERS, domain=((-20, 20), (0, 6)),
                          doc="the bits of x moved down by y places, the sign above")  # fmt: skip
