"""Where the loops of a map are cut."""

from __future__ import annotations

import numpy as np

import graphc as gc
from graphc.ir.graph import ExprTable, Graph
from graphc.loop.boxes import boxes
from graphc.loop.ir import Buffer


def cut(*outputs: gc.Expr) -> list[tuple[tuple[int, int], ...]]:
    """The boxes of the outputs' domain, inputs being in memory."""
    nodes = Graph((), outputs).nodes
    inputs: ExprTable[Buffer] = ExprTable()
    for node in nodes:
        if node.op.name == "input":
            inputs[node] = Buffer(str(node.name), node.dtype, int(np.prod([int(d) for d in node.shape])))
    return boxes(tuple(int(d) for d in outputs[0].shape), outputs, tuple(nodes), inputs)


x, y = gc.input("x", (4, 5)), gc.input("y", (4, 3))
long = gc.input("long", (200,))


def test_nothing_is_cut_without_a_reason() -> None:
    assert cut(gc.exp(x) + 1) == [((0, 4), (0, 5))]


def test_a_concat_is_cut_where_it_changes_over() -> None:
    assert cut(gc.concat([x, y], axis=1) * 2) == [((0, 4), (0, 5)), ((0, 4), (5, 3))]
    assert cut(gc.flip(gc.concat([x, y], axis=1))) == [((0, 4), (0, 3)), ((0, 4), (3, 5))]


def test_only_the_part_that_is_a_concat_itself_is_cut_again() -> None:
    halves = gc.concat([y[:2], y[2:] * 2])
    assert cut(gc.concat([x, halves], axis=1)) == [((0, 4), (0, 5)), ((0, 2), (5, 3)), ((2, 2), (5, 3))]


def test_several_outputs_are_cut_at_the_places_of_all() -> None:
    other = gc.concat([gc.input("z", (1, 8)), gc.input("w", (3, 8))])
    found = cut(gc.concat([x, y], axis=1), other)
    assert sorted(found) == [((0, 1), (0, 5)), ((0, 1), (5, 3)), ((1, 3), (0, 5)), ((1, 3), (5, 3))]


def test_long_readings_around_an_end_are_cut_there() -> None:
    assert cut(gc.roll(long, 30) + 1) == [((0, 30),), ((30, 170),)]
    assert cut(gc.tile(long, 3) + 1) == [((0, 200),), ((200, 200),), ((400, 200),)]
    assert cut(gc.roll(x, 1, axis=1) + 1) == [((0, 4), (0, 5))]  # too short to be worth two loops


def test_an_empty_domain_is_left_alone() -> None:
    empty = gc.concat([gc.input("e", (0, 5)), gc.input("f", (0, 3))], axis=1)
    assert cut(empty) == [((0, 0), (0, 8))]
