"""Whether time grows in proportion to size, on machines that others use too."""

from __future__ import annotations

from collections.abc import Callable


def assert_linear(seconds: Callable[[int], float], short: int = 10_000, tries: int = 3) -> None:
    """That ten times the size takes about ten times the `seconds`.

    Other processes and caches that overflow may make it thirty times in any one measurement, so that one good one of
    some is enough; quadratic work takes a hundred times in all of them.
    """
    seconds(short // 10)
    ratios: list[float] = []
    for _ in range(tries):
        least = min(seconds(short) for _ in range(3))
        ratios.append(seconds(10 * short) / least)
        if ratios[-1] < 30:
            return
    raise AssertionError(f"ten times the size takes {', '.join(f'{r:.0f}' for r in ratios)} times as long")
