"""Benchmarks run when they are asked for (`make bench`), and leave a summary in out/."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bench import race, summary

RESULTS = pytest.StashKey[list[race.Result]]()
OUT = Path(__file__).parents[2] / "out"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            # What peers warn about is theirs to mend.
            item.add_marker(pytest.mark.filterwarnings("default"))
            if not config.getoption("benchmark_only", False):
                item.add_marker(pytest.mark.skip(reason="a benchmark: make bench"))


@pytest.fixture
def compete(benchmark: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> race.Race:
    """`compete(title, sides)` races the sides and keeps the result for the summary."""
    # Set for all tests; here they would be part of what is measured.
    monkeypatch.delenv("GRAPHC_VERIFY", raising=False)
    results = request.config.stash.setdefault(RESULTS, [])
    group = request.module.GROUP

    def run(title: str, sides: Mapping[str, race.Call], **options: Any) -> None:
        results.append(race.run(benchmark, group, title, sides, **options))

    return run


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    results = config.stash.get(RESULTS, [])
    if not results:
        return
    summary.write(results, OUT)
    terminalreporter.section("graphc and its peers")
    terminalreporter.write(summary.table(results))
    terminalreporter.write_line(f"written to {OUT}")
