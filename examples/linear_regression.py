"""A line through points, from scratch: build the loss, differentiate it, compile the step, run it."""

import numpy as np

import graphc as gc

rng = np.random.default_rng(0)
points = rng.uniform(-1, 1, (256, 1)).astype("float32")
heights = 3 * points - 0.5 + 0.1 * rng.normal(size=(256, 1)).astype("float32")

x, y = gc.input("x", ("batch", 1)), gc.input("y", ("batch", 1))
w, b = gc.param("w", np.zeros((1, 1), "float32")), gc.param("b", np.zeros(1, "float32"))
loss = gc.mean((x @ w + b - y) ** 2)
dw, db = gc.grad(loss, [w, b])
step = gc.compile([x, y], loss, updates={w: w - 0.3 * dw, b: b - 0.3 * db})

for number in range(100):
    value = step(points, heights)
    if number % 20 == 0:
        print(f"step {number:3}: loss {float(value):.4f}")
print(f"y = {w.value.item():.2f} x {b.value.item():+.2f}")
