from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

import graphc as gc
from graphc.ir.affine import Affine, Quotient, Remainder
from graphc.ir.dim import minimum
from graphc.ir.open_size import StillOpenError, divided, known, pieces, rows, run_time, size_at

MOST = 40


def _counted(form: Affine, n: int) -> int:
    """The value of a form where there are n rows."""
    total = form.constant
    for atom, factor in form.terms:
        if isinstance(atom, Quotient):
            total += factor * (_counted(atom.of, n) // atom.by)
        elif isinstance(atom, Remainder):
            total += factor * (_counted(atom.of, n) % atom.by)
        else:
            total += factor * n
    return total


@pytest.mark.parametrize("times", [1, 3, 8])
@pytest.mark.parametrize("by", [1, 2, 4, 5, 8, 64])
def test_pieces_are_counted_when_it_is_known_how_many_there_are(by: int, times: int) -> None:
    size = rows(MOST) * times
    whole, rest = divided(size, by)
    for n in range(2, MOST + 1):
        assert _counted(run_time(size), n) == n * times == size_at(size, n)
        assert (_counted(run_time(whole), n), _counted(run_time(rest), n)) == divmod(n * times, by)
        assert _counted(run_time(pieces(size, by)), n) == -(-n * times // by)
        assert divided(n, by) == divmod(n, by) and pieces(n, by) == -(-n // by)
    assert int(whole) == MOST * times // by and int(pieces(size, by)) == -(-MOST * times // by)
    assert all(int(rest) >= n * times % by for n in range(2, MOST + 1))


@pytest.mark.parametrize(
    "compute",
    [
        lambda n: n + 1, lambda n: 1 + n, lambda n: n - 1, lambda n: 1 - n, lambda n: -n, lambda n: n // 2,
        lambda n: 100 // n, lambda n: n % 2, lambda n: 100 % n, lambda n: divmod(n, 2), lambda n: n / 2,
        lambda n: n * n, lambda n: minimum(n, 5), lambda n: minimum(5, n),
    ],
)  # fmt: skip
def test_what_would_need_the_number_raises(compute: Callable[[int], object]) -> None:
    with pytest.raises(StillOpenError, match="only a call says"):
        compute(rows(MOST))
    assert issubclass(StillOpenError, gc.GraphError)


def test_it_is_no_number_but_as_large_as_one() -> None:
    n = rows(MOST)
    assert n != MOST and n != MOST and n == rows(MOST) and n != rows(MOST + 1) and n * 2 != n
    assert 39 < n < 41 and int(n) == size_at(n, None) == MOST
    assert 0 + n is n and n * 0 == 0 and hash(n) == hash(rows(MOST))
    assert known(n) is n and type(known(3)) is int
    assert copy.deepcopy((n, 3)) == (n, 3) and copy.deepcopy(n).count == n.count
