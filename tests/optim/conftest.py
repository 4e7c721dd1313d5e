"""Three steps of an optimizer, by the oracle and by compiled code."""

import numpy as np
import pytest

import graphc as gc


@pytest.fixture(params=["interpret", "compile"])
def three_steps(request):
    """`run(optimizer, dtype) -> the parameter after each of three steps, and the gradients it saw.`

    The loss is Σ (x w + w²/2), so that the gradient is x + w and differs in every step.
    """

    def run(optimizer, dtype="float64"):
        rng = np.random.default_rng(5)
        w = gc.param("w", rng.normal(size=(4, 3)).astype(dtype))
        x = gc.input("x", (4, 3), dtype=dtype)
        loss = gc.sum(x * w + gc.square(w) / 2)
        updates = optimizer.updates(loss, [w])
        start = w.value
        if request.param == "compile":
            step = gc.compile([x], loss, updates=updates)
        else:

            def step(data):
                values = gc.interpret(list(updates.values()), {x: data})
                for param, value in zip(updates, values, strict=True):
                    param.value = value

        seen, gradients = [], []
        for _ in range(3):
            data = rng.normal(size=(4, 3)).astype(dtype)
            gradients.append(data + w.value)
            step(data)
            seen.append(w.value)
        return start, gradients, seen

    return run


@pytest.fixture(params=["float64", "float32"])
def dtype(request):
    return request.param


@pytest.fixture
def close(dtype):
    """Agreement to a few roundings of the dtype."""
    return lambda a, b: np.testing.assert_allclose(a, b, rtol={"float64": 1e-12, "float32": 2e-5}[dtype])
