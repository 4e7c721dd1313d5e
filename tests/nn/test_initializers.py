"""Initializers against the formulas they are named for."""

import math

import numpy as np
import pytest

from graphc.ir.errors import GraphError, ShapeError
from graphc.nn import initializers as init

RANDOM = ("random_uniform", "random_normal", "truncated_normal", "glorot_uniform", "glorot_normal", "he_uniform",
          "he_normal")  # fmt: skip


@pytest.mark.parametrize("name", sorted(init.KNOWN))
@pytest.mark.parametrize("shape", [(), (3,), (4, 5), (3, 3, 2, 4), (0, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gives_the_shape_and_dtype_asked_for(name, shape, dtype):
    value = init.get(name)(shape, seed=0, dtype=dtype)
    assert value.shape == shape
    assert value.dtype == dtype


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_repeats_and_its_absence_does_not(name):
    make = init.get(name)
    np.testing.assert_array_equal(make((20, 30), seed=7), make((20, 30), seed=7))
    assert (make((20, 30), seed=7) != make((20, 30), seed=8)).any()
    assert (make((20, 30)) != make((20, 30))).any()


def test_a_generator_is_drawn_on_from():
    rng = np.random.default_rng(3)
    first, second = init.glorot_uniform((4, 4), rng), init.glorot_uniform((4, 4), rng)
    assert (first != second).any()
    np.testing.assert_array_equal(first, init.glorot_uniform((4, 4), 3))


@pytest.mark.parametrize(("shape", "fans"), [((), (1, 1)), ((7,), (7, 7)), ((3, 5), (3, 5)), ((3, 2, 4, 8), (24, 48))])
def test_fans_follow_keras(shape, fans):
    assert init.fans(shape) == fans


@pytest.mark.parametrize(
    ("name", "limit"),
    [("glorot_uniform", math.sqrt(6 / (300 + 200))), ("he_uniform", math.sqrt(6 / 300)), ("random_uniform", 0.05)],
)
def test_uniform_fills_its_interval(name, limit):
    value = init.get(name)((300, 200), seed=1, dtype="float64")
    assert np.abs(value).max() <= limit
    assert np.abs(value).max() > 0.999 * limit
    assert value.std() == pytest.approx(limit / math.sqrt(3), rel=0.01)
    assert abs(value.mean()) < 0.01 * limit


@pytest.mark.parametrize(
    ("name", "deviation"), [("glorot_normal", math.sqrt(2 / (300 + 200))), ("he_normal", math.sqrt(2 / 300))]
)
def test_truncated_normals_keep_their_deviation_and_their_bounds(name, deviation):
    value = init.get(name)((300, 200), seed=1, dtype="float64")
    assert value.std() == pytest.approx(deviation, rel=0.01)
    assert np.abs(value).max() <= 2 * deviation / 0.8796256610342398
    assert np.abs(value).max() > 2.2 * deviation


def test_plain_normals_are_cut_only_where_they_say_so():
    assert np.abs(init.random_normal((300, 200), seed=1)).max() > 3 * 0.05
    assert np.abs(init.truncated_normal((300, 200), seed=1)).max() <= 2 * 0.05 + 1e-7


def test_constants():
    assert (init.zeros((3,)) == 0).all()
    assert (init.ones((3,)) == 1).all()
    assert (init.constant((3,), value=2.5) == 2.5).all()


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(GraphError, match=r"glorot_unifrom.*glorot_uniform.*he_normal"):
        init.get("glorot_unifrom")


@pytest.mark.parametrize("shape", [(3, -1), (2.5,), ("batch", 3), (True, 3), None])
def test_what_is_no_shape_is_refused(shape):
    with pytest.raises(ShapeError):
        init.glorot_uniform(shape)
