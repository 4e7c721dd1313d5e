"""Initializers against the formulas they are named for."""

import json
import math

import numpy as np
import pytest

from graphc.ir.errors import GraphError, ShapeError
from graphc.nn import initializers as init

RANDOM = ("random_uniform", "random_normal", "truncated_normal", "glorot_uniform", "glorot_normal", "he_uniform",
          "he_normal", "lecun_uniform", "lecun_normal", "variance_scaling", "orthogonal")  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(init.KNOWN) - {"orthogonal", "identity"}))
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
    [
        ("glorot_uniform", math.sqrt(6 / (300 + 200))),
        ("he_uniform", math.sqrt(6 / 300)),
        ("lecun_uniform", math.sqrt(3 / 300)),
        ("random_uniform", 0.05),
    ],
)
def test_uniform_fills_its_interval(name, limit):
    value = init.get(name)((300, 200), seed=1, dtype="float64")
    assert np.abs(value).max() <= limit
    assert np.abs(value).max() > 0.999 * limit
    assert value.std() == pytest.approx(limit / math.sqrt(3), rel=0.01)
    assert abs(value.mean()) < 0.01 * limit


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("glorot_normal", math.sqrt(2 / (300 + 200))),
        ("he_normal", math.sqrt(2 / 300)),
        ("lecun_normal", math.sqrt(1 / 300)),
    ],
)
def test_truncated_normals_keep_their_deviation_and_their_bounds(name, deviation):
    value = init.get(name)((300, 200), seed=1, dtype="float64")
    assert value.std() == pytest.approx(deviation, rel=0.01)
    assert np.abs(value).max() <= 2 * deviation / 0.8796256610342398
    assert np.abs(value).max() > 2.2 * deviation


def test_plain_normals_are_cut_only_where_they_say_so():
    assert np.abs(init.random_normal((300, 200), seed=1)).max() > 3 * 0.05
    assert np.abs(init.truncated_normal((300, 200), seed=1)).max() <= 2 * 0.05 + 1e-7


@pytest.mark.parametrize(("mode", "count"), [("fan_in", 300), ("fan_out", 200), ("fan_avg", 250)])
@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal"])
def test_variance_scaling_has_the_variance_it_is_named_for(mode, count, distribution):
    value = init.variance_scaling((300, 200), seed=1, dtype="float64", scale=3.0, mode=mode, distribution=distribution)
    assert value.var() == pytest.approx(3.0 / count, rel=0.02)


@pytest.mark.parametrize("wrong", [{"scale": 0.0}, {"mode": "fan"}, {"distribution": "normal"}])
def test_variance_scaling_refuses_what_it_does_not_know(wrong):
    with pytest.raises(GraphError, match="variance_scaling"):
        init.variance_scaling((3, 4), **wrong)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 3, 4)])
def test_orthogonal_rows_or_columns_whichever_are_fewer(shape):
    value = init.orthogonal(shape, seed=1, dtype="float64", gain=2.0).reshape(-1, shape[-1])
    product = value @ value.T if value.shape[0] <= value.shape[1] else value.T @ value
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_orthogonal_matrices_are_all_as_likely():
    """Without the correction of signs the mean of the trace would be far from 0."""
    traces = [np.trace(init.orthogonal((3, 3), seed=s, dtype="float64")) for s in range(400)]
    assert abs(np.mean(traces)) < 0.15


def test_identity_is_for_matrices():
    np.testing.assert_array_equal(init.identity((2, 3), gain=2.0), [[2, 0, 0], [0, 2, 0]])
    for name in ("identity", "orthogonal"):
        with pytest.raises(ShapeError, match=f"{name}: there have to be two axes"):
            init.get(name)((3,))


def test_options_and_seeds_are_bound_under_the_class_names():
    bound = init.RandomNormal(mean=1.0, stddev=0.5, seed=3)
    np.testing.assert_array_equal(bound((4, 5), seed=9), init.random_normal((4, 5), seed=3, mean=1.0, stddev=0.5))
    free = init.HeNormal()
    np.testing.assert_array_equal(free((4, 5), seed=9, dtype="float64"), init.he_normal((4, 5), 9, "float64"))
    assert (init.Constant(2.0)((3,)) == 2).all()


@pytest.mark.parametrize("made", ["Zeros", "Ones", "Constant", "RandomUniform", "RandomNormal", "TruncatedNormal",
                                  "VarianceScaling", "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal",
                                  "LecunUniform", "LecunNormal", "Orthogonal", "Identity"])  # fmt: skip
def test_a_bound_initializer_comes_back_from_its_plain_data(made):
    first = getattr(init, made)()
    again = init.from_config(json.loads(json.dumps(init.to_config(first))), {})
    np.testing.assert_array_equal(first((3, 4), seed=1), again((3, 4), seed=1))


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
