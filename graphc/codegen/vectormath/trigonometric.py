"""sin, cos and tan: an odd polynomial of the angle's distance from a multiple of pi or pi/2."""

from __future__ import annotations

from typing import Final

from .angle import half_turns, quarter_turns
from .writing import Body, Value

_SIN: Final = {
    # (sin(r)/r - 1)/r^2 in r^2 on |r| <= pi/2: -27.2
    32: (-0.166666597, 0.00833306834, -0.00019809659, 2.60574916e-06),
    # the same: -61.5
    64: (
        -0.16666666666666666,
        0.008333333333333205,
        -0.00019841269841211492,
        2.7557319211359033e-06,
        -2.505210688234705e-08,
        1.6058939781200652e-10,
        -7.642985200220054e-13,
        2.72103826777207e-15,
    ),
}
_TAN: Final = {
    # (tan(r)/r - 1)/r^2 in r^2 on |r| <= pi/4: -29.3
    32: (0.333333522, 0.13332577, 0.0540699214, 0.021229364, 0.0109756403, -9.12345713e-05, 0.00446709059),
    # the same: -59.7
    64: (
        0.33333333333333387,
        0.13333333333324465,
        0.053968253973383555,
        0.021869488386101817,
        0.008863238136918737,
        0.0035920986350770063,
        0.001456061543881287,
        0.000588784514627625,
        0.00024403766351645023,
        8.282232532671967e-05,
        6.856987763954448e-05,
        -2.734728124789911e-05,
        5.0073432682853955e-05,
        -2.4989376540781578e-05,
        9.958999807835215e-06,
    ),
}


def sin(b: Body, x: Value) -> Value:
    """(-1)^n sin(x - n pi), the sign of zero being kept."""
    r = _alternating(b, *half_turns(b, x))
    return b.with_sign_of(sine_of_half_turn(b, r), r)


def cos(b: Body, x: Value) -> Value:
    """(-1)^(n + 1/2) sin(x - n pi), n being a half-integer."""
    return sine_of_half_turn(b, _alternating(b, *half_turns(b, x, between=True)))


def _alternating(b: Body, r: Value, count: Value) -> Value:
    """(-1)^count r."""
    return b.from_bits(b.to_bits(r) ^ (count << (b.bits - 1)))


def sine_of_half_turn(b: Body, r: Value) -> Value:
    """sin(r). What is lost squaring r counts near pi/2."""
    square = r * r
    factor = b.polynomial(square, b.pick(_SIN))
    change = square * factor
    if b.has_fma:
        change = b.fma(square, factor, b.fma(r, r, -square) * factor)
    return b.fma(r, change, r)


def tan(b: Body, x: Value) -> Value:
    """tan(r), or -1/tan(r) after an odd number of quarter turns."""
    r, excess, count = quarter_turns(b, x)
    square = r * r
    change = b.fma(r, square * b.polynomial(square, b.pick(_TAN)), -b.fma(excess, square, excess))
    tangent = r + change
    odd = (count & 1).equals(1)
    return b.select(odd, -1.0, tangent) / b.select(odd, tangent, 1.0)
