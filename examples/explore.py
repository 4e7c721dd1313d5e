"""A network to look into: how it is drawn, and a page to walk through it, from its formulas down to machine code.

    python examples/explore.py

Writes into out/: pictures of the graph with values and gradients, of what the simplifier changed and of where the
time goes, and explore.html, which opens in any browser. Step through it with the arrow keys.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import graphc as gc


def network() -> tuple[gc.Expr, list[gc.Expr], list[gc.Expr]]:
    """A perceptron with one hidden layer: its loss, its inputs and its params."""
    x, y = gc.input("x", ("batch", 8)), gc.input("y", ("batch",), dtype="int64")
    with gc.scope("hidden"):
        W1, b1 = gc.param("W1", gc.init.glorot_uniform((8, 6), seed=0)), gc.param("b1", np.zeros(6, "float32"))
        h = gc.name(gc.relu(x @ W1 + b1), "h")
    with gc.scope("output"):
        W2, b2 = gc.param("W2", gc.init.glorot_uniform((6, 3), seed=1)), gc.param("b2", np.zeros(3, "float32"))
        z = gc.name(h @ W2 + b2, "z")
    with gc.scope("cross-entropy"):
        picked = gc.take_along_axis(gc.log_softmax(z, axis=-1), gc.expand_dims(y, axis=1), axis=1)
        loss = gc.name(-gc.mean(picked), "loss")
    return loss, [x, y], [W1, b1, W2, b2]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draw a small network, and write a page to explore it.")
    parser.add_argument("--out", type=Path, default=Path("out"), help="where the files go (default: out/)")
    out = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)

    loss, (x, y), params = network()
    rng = np.random.default_rng(0)
    values = {x: rng.normal(size=(16, 8)).astype("float32"), y: rng.integers(0, 3, size=16)}
    gradients = gc.grad(loss, params)
    step = gc.compile([x, y], loss, updates=[(p, p - 0.1 * g) for p, g in zip(params, gradients, strict=True)])

    drawings = {
        "values.svg": (gc.draw(loss, values, gradients=True), "what every node holds, and its gradient"),
        "layers.svg": (gc.draw([loss, *gradients], depth=0), "forward and backward, a box for each layer"),
        "simplified.svg": (gc.draw(loss, after=gc.optimize(loss)), "what the simplifier took away and put there"),
        "time.svg": (gc.draw(step, profile=step.profile(*values.values())), "the kernels, coloured by their time"),
    }  # fmt: skip
    for name, (drawing, what) in drawings.items():
        print(f"  {drawing.save(out / name)!s:24} {what}")
    page = gc.explore(step, values).save(out / "explore.html")
    print(f"  {page!s:24} the graph, step by step: open it in a browser")


if __name__ == "__main__":
    main()
