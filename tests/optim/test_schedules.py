"""Learning rates that follow a curve; their numbers are compared with Keras's in tests/nn/test_keras.py."""

import numpy as np
import pytest

import graphc as gc
from graphc import optim
from graphc.optim import schedules


def test_a_schedule_is_a_number_of_a_number_and_an_expression_of_an_expression():
    decay = schedules.ExponentialDecay(0.5, decay_steps=2, decay_rate=0.25)
    assert decay(4) == pytest.approx(0.5 * 0.25**2)
    step = gc.input("step", (), dtype="int64")
    rate = decay(step)
    assert rate.dtype is gc.float64
    assert gc.interpret(rate, {step: 4}) == decay(4)


def test_a_compiled_step_computes_its_own_rate():
    w = gc.param("w", np.zeros((), "float32"))
    optimizer = optim.SGD(schedules.PiecewiseConstantDecay([1, 3], [1.0, 0.5, 0.25]))
    step = gc.compile([], updates=optimizer.updates(w * 1.0, [w]))
    seen = []
    for _ in range(6):
        before = w.value
        step()
        seen.append(float(before - w.value))
    assert seen == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    assert [s.name for s in optimizer.state] == ["iterations"]
    assert optimizer.iterations.value == 6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), "ExponentialDecay: decay_steps=0"),
        (lambda: schedules.CosineDecay(0.1, -1), "CosineDecay: decay_steps=-1"),
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]), "PiecewiseConstantDecay: values="),
        (lambda: schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]), "PiecewiseConstantDecay: boundaries="),
        (lambda: schedules.CosineDecayRestarts(0.1, 5, t_mul=0.5), "CosineDecayRestarts: t_mul=0.5"),
        (lambda: schedules.get({"schedule": "Cosine"}), "no schedule 'Cosine'; known are CosineDecay"),
        (lambda: schedules.get({"schedule": "CosineDecay", "x": 1}), "CosineDecay cannot be made of"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(gc.GraphError, match=message):
        make()
