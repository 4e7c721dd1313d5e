"""What all races together say: a table to read, the numbers as JSON, and a plot."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from bench.race import Result

COLOURS = {"numpy": "#4c72b0", "torch": "#dd8452", "jax": "#55a868"}
MARKS = {"numpy": "s", "torch": "^", "jax": "o"}


def write(results: Sequence[Result], folder: Path) -> None:
    """`bench.md`, `bench.json` and, where matplotlib is installed and there are peers, `bench.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.md").write_text(table(results), encoding="utf-8")
    data = [{"group": r.group, "title": r.title, "seconds": dict(r.seconds)} for r in results]
    (folder / "bench.json").write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")
    if any(r.peers for r in results):
        try:
            plot(results, folder / "bench.svg")
        except ImportError:
            return


def table(results: Sequence[Result]) -> str:
    """A Markdown table of medians, and for each group and for all the geometric mean against the best peer."""
    peers = [p for p in COLOURS if any(p in r.seconds for r in results)]
    rows = [["", "graphc", *peers, "best peer ÷ graphc"], ["---", *["---:"] * (len(peers) + 2)]]
    for group, members in groupby(results, key=lambda r: r.group):
        found = list(members)
        rows.append([f"**{group}**", *[""] * (len(peers) + 1), _times(_mean(found))])
        for result in found:
            seconds = [_duration(result.seconds.get(side)) for side in ("graphc", *peers)]
            rows.append([result.title, *seconds, _times(result.ratio)])
    rows.append(["**all, geometric mean**", *[""] * (len(peers) + 1), _times(_mean(results))])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def plot(results: Sequence[Result], path: Path) -> None:
    """Each peer's time divided by graphc's, a line for each race, on a logarithmic axis."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    raced = [r for r in results if r.peers]
    figure = Figure(figsize=(8, 1 + 0.24 * len(raced)), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(raced), 0, -1)
    axes.axvline(1, color="0.3", linewidth=1)
    axes.hlines(list(places), 0, 1, transform=axes.get_yaxis_transform(), color="0.92", linewidth=0.8, zorder=0)
    for name, colour in COLOURS.items():
        points = [
            (r.peers[name] / r.seconds["graphc"], y) for r, y in zip(raced, places, strict=True) if name in r.peers
        ]
        if points:
            axes.scatter(*zip(*points, strict=True), s=26, color=colour, marker=MARKS[name], label=name, zorder=3)
    axes.set_xscale("log")
    axes.set_yticks(list(places), [r.title for r in raced], fontsize=8)
    axes.set_ylim(0.3, len(raced) + 0.7)
    axes.set_xlabel("time of the peer ÷ time of graphc (right of 1: graphc is faster)")
    axes.legend(loc="upper right", frameon=True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    with rc_context({"svg.fonttype": "none"}):  # text stays text
        figure.savefig(path, metadata={"Date": None})


def _mean(results: Iterable[Result]) -> float | None:
    """The geometric mean of the ratios to the best peer."""
    ratios = [r.ratio for r in results if r.ratio is not None]
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}×"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
