"""Index arithmetic is arithmetic: every form is compared with Python's integers at all values of its variables."""

from __future__ import annotations

from itertools import product

from hypothesis import assume, given
from hypothesis import strategies as st

from graphc.ir.affine import Affine, Quotient, Remainder, Var, floordiv, modulo, ravel, unravel, variable

VARS = (Var("i0", 4), Var("i1", 3), Var("i2", 5))


def evaluate(form: Affine, values: dict[str, int]) -> int:
    total = form.constant
    for atom, coefficient in form.terms:
        if isinstance(atom, Var):
            value = values[atom.name]
        else:
            inner = evaluate(atom.of, values)
            assert inner >= 0, f"{atom} of a negative number"
            value = inner // atom.by if isinstance(atom, Quotient) else inner % atom.by
        total += coefficient * value
    return total


def everywhere() -> list[dict[str, int]]:
    return [dict(zip(("i0", "i1", "i2"), v, strict=True)) for v in product(*(range(x.extent) for x in VARS))]


@st.composite
def forms(draw: st.DrawFn) -> Affine:
    """A form ≥ 0 over the variables, some of them running backward, and quotients and remainders of such."""
    total = Affine((), draw(st.integers(-20, 40)))
    for var in VARS:
        total = total + variable(var) * draw(st.integers(-7, 7))
    assume(total.range()[0] >= 0)
    if draw(st.booleans()):
        by = draw(st.integers(1, 9))
        total = floordiv(total, by) * draw(st.integers(1, 4)) + modulo(total, by)
    return total


@given(forms(), st.integers(1, 12))
def test_quotients_and_remainders(form: Affine, by: int) -> None:
    quotient, remainder = floordiv(form, by), modulo(form, by)
    for values in everywhere():
        value = evaluate(form, values)
        assert (evaluate(quotient, values), evaluate(remainder, values)) == divmod(value, by)
        for part in (form, quotient, remainder):
            low, high = part.range()
            assert low <= evaluate(part, values) <= high


@given(forms())
def test_positions_are_found_again(form: Affine) -> None:
    shape = (3, 1, 1 + form.range()[1] // 3)
    index = unravel(form, shape)
    for values in everywhere():
        assert evaluate(ravel(index, shape), values) == evaluate(form, values)


def test_what_a_division_leaves_is_simple() -> None:
    i, j = map(variable, VARS[:2])
    flat = i * 3 + j
    assert floordiv(flat, 3) == i
    assert modulo(flat, 3) == j
    backward = flat * -1 + 11
    assert floordiv(backward, 3) == i * -1 + 3
    assert modulo(backward, 3) == j * -1 + 2
    assert isinstance(modulo(flat, 5).terms[0][0], Remainder)
