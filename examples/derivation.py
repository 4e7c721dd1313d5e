"""The gradient of a two-layer network on paper: every application of the chain rule, checked by finite differences."""

import numpy as np

import graphc as gc

x = gc.input("x", ("batch", 3), dtype="float64")
y = gc.input("y", ("batch", 1), dtype="float64")
W1 = gc.param("W1", gc.init.glorot_uniform((3, 4), seed=0, dtype="float64"))
W2 = gc.param("W2", gc.init.glorot_uniform((4, 1), seed=1, dtype="float64"))
h = gc.name(gc.tanh(x @ W1), "h")
loss = gc.name(gc.mean((h @ W2 - y) ** 2), "loss")

derivation = gc.derive(loss, W1)
for number, step in enumerate(derivation.steps, start=1):
    print(f"{number}. {step.text}")

rng = np.random.default_rng(0)
report = derivation.check({x: rng.normal(size=(5, 3)), y: rng.normal(size=(5, 1))})
print("\nevery step agrees with finite differences" if report else f"\n{report}")
