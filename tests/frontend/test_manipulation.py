from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 5)).astype("float32")
Y = RNG.normal(size=(3, 2, 5)).astype("float32")

CASES: dict[str, tuple[Callable[[Any, Any], gc.Expr], Callable[[Any, Any], Any]]] = {
    "concat": (lambda x, y: gc.concat([x, y, x], axis=1), lambda x, y: np.concatenate([x, y, x], 1)),
    "concat flat": (lambda x, y: gc.concat([x, y], axis=None), lambda x, y: np.concatenate([x, y], None)),
    "concat one": (lambda x, y: gc.concat([x], axis=-1), lambda x, y: x),
    "concat many": (lambda x, y: gc.concat([x, y] * 5, axis=1), lambda x, y: np.concatenate([x, y] * 5, 1)),
    "concat computed": (
        lambda x, y: gc.concat([gc.exp(x), -y], axis=1),
        lambda x, y: np.concatenate([np.exp(x), -y], 1),
    ),
    "concat both ways": (
        lambda x, y: gc.concat([gc.concat([x, y], axis=1), gc.concat([y, x], axis=1)], axis=0),
        lambda x, y: np.concatenate([np.concatenate([x, y], 1), np.concatenate([y, x], 1)], 0),
    ),
    "concat turned": (
        lambda x, y: gc.permute_dims(gc.flip(gc.concat([x, y], axis=1), axis=1), (1, 2, 0)) * 2,
        lambda x, y: np.transpose(np.concatenate([x, y], 1)[:, ::-1], (1, 2, 0)) * 2,
    ),
    "concat under another shape": (
        lambda x, y: gc.reshape(gc.concat([x, y], axis=1), (-1,)) * 2,
        lambda x, y: np.concatenate([x, y], 1).reshape(-1) * 2,
    ),
    "sum of concat": (lambda x, y: gc.sum(gc.concat([x, y], axis=1), axis=1), lambda x, y: x.sum(1) + y.sum(1)),
    "product of concat": (
        lambda x, y: gc.concat([x, y], axis=1) @ gc.constant(X[0].T),
        lambda x, y: np.concatenate([x, y], 1) @ X[0].T,
    ),
    "stack": (lambda x, y: gc.stack([x, x + 1, x], axis=-1), lambda x, y: np.stack([x, x + 1, x], -1)),
    "stack in front": (lambda x, y: gc.stack([x, x]), lambda x, y: np.stack([x, x])),
    "unstack": (lambda x, y: gc.unstack(x, axis=1)[2], lambda x, y: x[:, 2]),
    "flip": (lambda x, y: gc.flip(x), lambda x, y: np.flip(x)),
    "flip two": (lambda x, y: gc.flip(x, axis=(0, -1)), lambda x, y: np.flip(x, (0, -1))),
    "roll": (lambda x, y: gc.roll(x, 7), lambda x, y: np.roll(x, 7)),
    "roll back": (lambda x, y: gc.roll(x, (-1, 9), axis=(0, 2)), lambda x, y: np.roll(x, (-1, 9), (0, 2))),
    "moveaxis": (lambda x, y: gc.moveaxis(x, 0, -1), lambda x, y: np.moveaxis(x, 0, -1)),
    "moveaxis two": (lambda x, y: gc.moveaxis(x, (0, 2), (1, 0)), lambda x, y: np.moveaxis(x, (0, 2), (1, 0))),
    "repeat": (lambda x, y: gc.repeat(x, 3, axis=1), lambda x, y: np.repeat(x, 3, 1)),
    "repeat flat": (lambda x, y: gc.repeat(x, 2), lambda x, y: np.repeat(x, 2)),
    "repeat each": (lambda x, y: gc.repeat(x, [2, 0, 1, 3], axis=1), lambda x, y: np.repeat(x, [2, 0, 1, 3], 1)),
    "tile": (lambda x, y: gc.tile(x, (2, 1, 3)), lambda x, y: np.tile(x, (2, 1, 3))),
    "tile more": (lambda x, y: gc.tile(x, (2, 1, 1, 2)), lambda x, y: np.tile(x, (2, 1, 1, 2))),
    "tile one": (lambda x, y: gc.tile(x, 2), lambda x, y: np.tile(x, 2)),
    "pad": (lambda x, y: gc.pad(x, 1), lambda x, y: np.pad(x, 1)),
    "pad value": (
        lambda x, y: gc.pad(x, ((0, 1), (2, 0), (1, 3)), constant_values=-1.5),
        lambda x, y: np.pad(x, ((0, 1), (2, 0), (1, 3)), constant_values=-1.5),
    ),
    **{
        f"pad {mode}": (
            lambda x, y, mode=mode: gc.pad(gc.exp(x), ((2, 0), (1, 3), (0, 2)), mode),
            lambda x, y, mode=mode: np.pad(np.exp(x), ((2, 0), (1, 3), (0, 2)), mode),
        )
        for mode in ("edge", "reflect", "symmetric", "wrap")
    },
    "tril": (lambda x, y: gc.tril(x), lambda x, y: np.tril(x)),
    "tril above": (lambda x, y: gc.tril(x, k=2), lambda x, y: np.tril(x, 2)),
    "triu": (lambda x, y: gc.triu(x, k=-1), lambda x, y: np.triu(x, -1)),
}  # fmt: skip


KNOWN = ("unstack", "repeat each", "product of concat")
"""Cases that ask for sizes that are known."""


@pytest.mark.parametrize(("case", "named"), [(c, n) for c in CASES for n in (False, True) if not (n and c in KNOWN)])
def test_they_are_numpys(case: str, named: bool) -> None:
    build, reference = CASES[case]
    shapes = (("a", "b", "c"), ("a", "d", "c")) if named else (X.shape, Y.shape)
    x, y = (gc.input(n, s) for n, s in zip("xy", shapes, strict=True))
    made, expected = build(x, y), reference(X, Y)
    for found in (gc.interpret(made, {x: X, y: Y}), *(gc.compile([x, y], made, optimize=o)(X, Y) for o in (0, 2))):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_their_gradients_are_the_transposes(case: str) -> None:
    """⟨g, f(v)⟩ = ⟨fᵀ(g), v⟩, f being linear but where it computes exp."""
    build, _ = CASES[case]
    x, y = gc.input("x", X.shape, "float64"), gc.input("y", Y.shape, "float64")
    made = build(x, y)
    g, given = RNG.normal(size=made.shape), {x: X, y: Y}
    pulled = gc.interpret(gc.vjp(made, [x, y], g), given)
    pushed = gc.interpret(gc.jvp(made, [x, y], [X.astype("float64"), Y.astype("float64")]), given)
    np.testing.assert_allclose((g * pushed).sum(), (pulled[0] * X).sum() + (pulled[1] * Y).sum(), rtol=1e-9)
    compiled = gc.compile([x, y], gc.vjp(made, [x, y], g))(X, Y)
    for found, expected in zip(compiled, pulled, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_named_sizes_add_up() -> None:
    x, y = gc.input("x", ("a", 3)), gc.input("y", ("b", 3))
    joined = gc.concat([x, y, x])
    assert str(joined.shape[0]) == "2*a + b"
    assert str(gc.pad(x, ((1, 2), (0, 0))).shape[0]) == "a + 3"
    assert str(gc.tile(x, (2, 1)).shape[0]) == "2*a"


@pytest.mark.parametrize("mode", ["constant", "edge"])
@pytest.mark.parametrize("widths", [[], (), 1])
def test_a_number_has_no_border(widths: Any, mode: str) -> None:
    assert gc.interpret(gc.pad(2.5, widths, mode)) == 2.5


def test_dtypes_are_promoted() -> None:
    joined = gc.concat([np.arange(3, dtype="int8"), [1, 2], np.ones(2, "float32")])
    assert joined.dtype == "float32"
    np.testing.assert_array_equal(gc.interpret(joined), [0, 1, 2, 1, 2, 1, 1])


def test_a_slice_of_a_concat_reads_its_part_alone() -> None:
    x, y = gc.input("x", ("a", 3)), gc.input("y", ("b", 3))
    joined = gc.concat([gc.exp(x), y])
    first, second = gc.optimize([joined[: x.shape[0]], joined[x.shape[0] :]])
    assert first.op.name == "exp"
    assert second is y
    assert [e is x for e in gc.optimize(list(gc.unstack(gc.stack([x, 2 * x]))))] == [True, False]


def test_broadcasting_several() -> None:
    x, n = gc.input("x", (3, 1)), gc.input("n", ("n",), "int32")
    a, b = gc.broadcast_arrays(x, n)
    assert (str(a.shape), a.dtype, str(b.shape), b.dtype) == ("(3, n)", "float32", "(3, n)", "int32")
    assert gc.broadcast_arrays() == []
    assert gc.broadcast_shapes((3, 1), (1, "n"), (4, 1, 1)) == (4, 3, n.shape[0])
    with pytest.raises(gc.ShapeError, match="do not broadcast"):
        gc.broadcast_shapes((3,), ("n",))


x3, named = gc.input("x3", (2, 3)), gc.input("named", ("n",))


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: gc.concat([]), gc.ShapeError, "nothing"),
        (lambda: gc.concat(x3), gc.ShapeError, "takes a list"),
        (lambda: gc.concat([x3, named]), gc.ShapeError, r"(?s)must agree.*test_manipulation\.py"),
        (lambda: gc.concat([x3, x3], axis=2), gc.ShapeError, "axis 2"),
        (lambda: gc.concat([np.zeros(2, "int64"), np.zeros(2, "uint64")]), gc.DTypeError, "no common"),
        (lambda: gc.stack([x3, named]), gc.ShapeError, "must be equal"),
        (lambda: gc.unstack(named), gc.GraphError, r"(?s)not known before a call.*test_manipulation\.py"),
        (lambda: gc.roll(x3, (1, 2), axis=0), gc.ShapeError, "2 shifts for 1"),
        (lambda: gc.moveaxis(x3, (0, 0), (0, 1)), gc.ShapeError, "named twice"),
        (lambda: gc.moveaxis(x3, (0, 1), 0), gc.ShapeError, "2 axes"),
        (lambda: gc.repeat(x3, -1), gc.ShapeError, "integers ≥ 0"),
        (lambda: gc.repeat(x3, [1, 2], axis=1), gc.ShapeError, "2 numbers for the 3"),
        (lambda: gc.repeat(x3, gc.input("r", (3,), "int64"), axis=1), gc.GraphError, "take_along_axis"),
        (lambda: gc.tile(x3, -1), gc.ShapeError, "sizes are integers"),
        (lambda: gc.pad(x3, -1), gc.ShapeError, "≥ 0"),
        (lambda: gc.pad(x3, ((1, 1),) * 3), gc.ShapeError, "each of 2 axes"),
        (lambda: gc.pad(x3, 3, "reflect"), gc.ShapeError, "needs 4 elements"),
        (lambda: gc.pad(x3, 1, "mirror"), gc.GraphError, "the mode is one of"),
        (lambda: gc.tril(named), gc.ShapeError, "for matrices"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(build: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()


def test_numpys_own_names_build_graph() -> None:
    x, y = gc.input("x", X.shape), gc.input("y", Y.shape)
    calls: list[Callable[[Any, Any], Any]] = [
        lambda x, y: np.concatenate([x, y], axis=1), lambda x, y: np.stack([x, x]), lambda x, y: np.flip(x, 0),
        lambda x, y: np.roll(x, 2, 1), lambda x, y: np.repeat(y, 2, axis=1), lambda x, y: np.tile(x, 2),
        lambda x, y: np.pad(x, 1, mode="edge"), lambda x, y: np.tril(x), lambda x, y: np.triu(x, 1),
        lambda x, y: np.moveaxis(x, 0, 1), lambda x, y: np.transpose(x), lambda x, y: np.ones_like(y),
    ]  # fmt: skip
    for call in calls:
        found, expected = gc.interpret(call(x, y), {x: X, y: Y}), call(X, Y)
        np.testing.assert_array_equal(found, expected)
