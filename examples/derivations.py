"""Backpropagation on paper: the derivations of a course, each checked, as pages and LaTeX under out/derivations."""

import sys
import time
from pathlib import Path

import numpy as np

import graphc as gc

rng = np.random.default_rng(0)


def data(name, *shape):
    return gc.input(name, shape, dtype="float64")


def parameter(name, *shape):
    return gc.param(name, rng.normal(0, 0.5, shape))


def normal(*shape):
    return rng.normal(size=shape)


def micrograd():
    """Numbers only: a product, a sum and a product."""
    a, b, c, f = (data(name) for name in "abcf")
    e = gc.name(a * b, "e")
    d = gc.name(e + c, "d")
    return gc.name(d * f, "L"), [a, f], {a: 2.0, b: -3.0, c: 10.0, f: -2.0}


def neuron():
    """Numbers only: one neuron of two inputs."""
    x1, x2, w1, w2, b = (data(name) for name in ("x1", "x2", "w1", "w2", "b"))
    n = gc.name(x1 * w1 + x2 * w2 + b, "n")
    return gc.name(gc.tanh(n), "o"), [w1, b], {x1: 2.0, x2: 0.0, w1: -3.0, w2: 1.0, b: 6.88}


def logistic_regression():
    """Cross-entropy of a sigmoid, which leaves the prediction minus the truth."""
    x, y, w, b = data("x", "n", 4), data("y", "n"), parameter("w", 4), parameter("b")
    p = gc.name(gc.sigmoid(x @ w + b), "p")
    loss = -gc.mean(y * gc.log(p) + (1 - y) * gc.log(1 - p))
    return loss, [w, b], {x: normal(5, 4), y: np.array([0.0, 1, 1, 0, 1])}


def perceptron():
    """Two layers and softmax cross-entropy at integer labels."""
    x, y = data("x", "batch", 6), gc.input("y", ("batch",), dtype="int64")
    W1, b1, W2, b2 = parameter("W1", 6, 5), parameter("b1", 5), parameter("W2", 5, 3), parameter("b2", 3)
    logits = gc.relu(x @ W1 + b1) @ W2 + b2
    picked = gc.take_along_axis(gc.log_softmax(logits), gc.expand_dims(y, 1), axis=1)
    return gc.mean(-gc.squeeze(picked, axis=1)), [W1, b1, W2, b2], {x: normal(4, 6), y: np.array([0, 2, 1, 2])}


def softmax_collapse():
    """Cross-entropy of probabilities, written out: only the algebra shows that p - y is left."""
    x, y = data("x", "batch", 4), data("y", "batch", 3)
    W = parameter("W", 4, 3)
    p = gc.name(gc.softmax(x @ W), "p")
    return -gc.mean(gc.sum(y * gc.log(p), axis=1)), [W], {x: normal(5, 4), y: np.eye(3)[[0, 2, 1, 1, 0]]}


def normalization(axis):
    """The loss of a normalized, scaled and shifted x; its mean and variance are those along `axis`."""
    x, t, gamma, beta = data("x", "n", 6), data("t", "n", 6), parameter("gamma", 6), parameter("beta", 6)
    mu = gc.name(gc.mean(x, axis=axis, keepdims=True), "mu")
    variance = gc.name(gc.mean((x - mu) ** 2, axis=axis, keepdims=True), "v")
    sigma = gc.name(gc.sqrt(variance + 1e-5), "sigma")
    normalized = gc.name((x - mu) / sigma, "xhat")
    loss = gc.mean((gamma * normalized + beta - t) ** 2)
    return loss, [x, gamma, beta], {x: normal(4, 6), t: normal(4, 6)}


def layer_norm():
    """Each example is normalized over its features."""
    return normalization(1)


def batch_norm():
    """Each feature is normalized over the examples."""
    return normalization(0)


def attention():
    """One head of scaled dot-product attention."""
    X, T = data("X", "n", 6), data("T", "n", 4)
    weights = [parameter(name, 6, 4) for name in ("W_Q", "W_K", "W_V")]
    Q, K, V = (gc.name(X @ W, name) for W, name in zip(weights, "QKV", strict=True))
    A = gc.name(gc.softmax(Q @ K.T / 2.0), "A")
    O = gc.name(A @ V, "O")  # noqa: E741
    return gc.mean((O - T) ** 2), [*weights, X], {X: normal(5, 6), T: normal(5, 4)}


def recurrent():
    """Three steps of a recurrent network: its weights are used at every step, so their gradients are sums over time."""
    xs, y, h = [data(f"x{t}", "n", 4) for t in (1, 2, 3)], data("y", "n", 2), data("h0", "n", 5)
    W, U, b, V = parameter("W", 5, 5), parameter("U", 4, 5), parameter("b", 5), parameter("V", 5, 2)
    values = {y: normal(3, 2), h: np.zeros((3, 5))} | {x: normal(3, 4) for x in xs}
    for t, x in enumerate(xs, 1):
        h = gc.name(gc.tanh(h @ W + x @ U + b), f"h{t}")
    return gc.mean((h @ V - y) ** 2), [W, U, b, V], values


CHAPTERS = (
    micrograd, neuron, logistic_regression, perceptron, softmax_collapse, layer_norm, batch_norm, attention, recurrent
)  # fmt: skip


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in CHAPTERS:
        loss, variables, values = chapter()
        for variable in variables:
            started = time.perf_counter()
            derivation = gc.derive(loss, variable)
            derivation.latex()
            seconds = time.perf_counter() - started
            report = derivation.check(values)
            if not report:
                sys.exit(f"{chapter.__name__}: {report}")
            for ending in (".html", ".tex", ".md", ".txt"):
                derivation.save(folder / f"{chapter.__name__}_{variable.name}{ending}")
            result = derivation.text().partition("\nResult\n")[2].splitlines()[0].strip()
            print(f"{chapter.__name__:20} {len(derivation.steps):3} steps, {1e3 * seconds:4.0f} ms   {result}")
    print(f"every step agrees with finite differences; see {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/derivations"))
