from __future__ import annotations

import gc as python_collector

import pytest

from graphc.ir import collector


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("late", [False, True])
def test_an_interrupt_while_the_collector_is_set_leaves_it_on(
    at: int, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the beginning and at the end, before it is done and after."""
    done, calls = collector._rest, []

    def interrupted(own: int) -> None:
        calls.append(own)
        if len(calls) == at and not late:
            raise KeyboardInterrupt
        done(own)
        if len(calls) == at:
            raise KeyboardInterrupt

    monkeypatch.setattr(collector, "_rest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        collector.without_collection(lambda: python_collector.isenabled())()
    assert python_collector.isenabled() and collector._resting == 0
