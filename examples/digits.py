"""The first chapter of a deep-learning course: a network that reads handwritten digits.

    python examples/digits.py                     # 8×8 digits that come with scikit-learn
    python examples/digits.py path/to/mnist.npz   # 28×28 digits, if you have MNIST in Keras's file

Trains 64-512-10 (or 784-512-10) once for each of five seeds, and writes pictures of the graphs, the training curve
and the derivation of the first layer's gradient into out/.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import graphc as gc
from graphc import nn

KERAS_MNIST = Path.home() / ".keras" / "datasets" / "mnist.npz"


@dataclass(frozen=True)
class Digits:
    """Images as rows of pixels in [0, 1], and which digit each shows."""

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def scikit_learn_digits(seed: int) -> Digits:
    """1,797 digits of 8×8 pixels with 17 levels of grey; a fifth of each class, drawn by the seed, is for testing."""
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x / 16, y, test_size=0.2, stratify=y, random_state=seed)
    return Digits("scikit-learn's digits", x_train, y_train, x_test, y_test)


def mnist(path: Path) -> Digits:
    """60,000 + 10,000 digits of 28×28 pixels with 256 levels of grey, split as published."""
    with np.load(path) as file:
        x_train, x_test = (file[name].reshape(-1, 784).astype("float32") / 255 for name in ("x_train", "x_test"))
        return Digits("MNIST", x_train, file["y_train"], x_test, file["y_test"])


def network(seed: int) -> nn.Sequential:
    """512 relu units, then a probability for each of the ten digits."""
    model = nn.Sequential([nn.Dense(512, activation="relu"), nn.Dense(10, activation="softmax")], seed=seed)
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(load: Callable[[int], Digits], seed: int, epochs: int, batch_size: int) -> tuple[nn.Sequential, float, float]:
    """Train on one split; the model, its accuracy on the test images, and its training steps per second."""
    digits, model = load(seed), network(seed)
    # The first seed shows its training, and how the test images fare meanwhile; nothing is chosen by them.
    history = model.fit(
        digits.x_train,
        digits.y_train,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=(digits.x_test, digits.y_test) if seed == 0 else None,
        verbose="auto" if seed == 0 else 0,
    )
    accuracy = model.evaluate(digits.x_test, digits.y_test, return_dict=True)["accuracy"]
    steps = -(-len(digits.x_train) // batch_size)
    # The median epoch: the first one also compiles.
    return model, accuracy, steps / float(np.median(history.seconds))


def write_pictures(model: nn.Sequential, out: Path) -> None:
    """Draw what was trained, and derive by hand what the compiler differentiated."""
    loss, W1 = model.graph.loss, model.params[0]
    out.mkdir(parents=True, exist_ok=True)
    pictures = {
        "loss": (gc.draw(loss), "the loss as a graph"),
        "backward": (gc.draw([loss, *gc.grad(loss, model.params)]), "the loss and the gradients of all parameters"),
        "step": (gc.draw(model.train_step), "the compiled training step, its kernels as clusters"),
    }
    print("\nWritten:")
    for name, (drawing, what) in pictures.items():
        files = [out / f"{name}.{kind}" for kind in ("svg", "png")]
        for file in files:
            drawing.save(file)
        _report(what, *files)
    curve, derivation = out / "training.png", out / "derivation.md"
    model.history.plot().savefig(curve)
    _report("loss and accuracy, epoch by epoch", curve)
    gc.derive(loss, W1).save(derivation)
    _report("the gradient of the first layer, step by step", derivation)


def _report(what: str, *files: Path) -> None:
    print(f"  {', '.join(map(str, files)):34} {what}")


def main(arguments: list[str] | None = None) -> float:
    """Train, report and draw; returns the mean accuracy."""
    parser = argparse.ArgumentParser(description="Train a small network on handwritten digits.")
    parser.add_argument("mnist", nargs="?", type=Path, help="path to mnist.npz; else $MNIST_NPZ, else Keras's own")
    parser.add_argument("--quick", action="store_true", help="one seed and few epochs, for a first look")
    parser.add_argument("--out", type=Path, default=Path("out"), help="where pictures go (default: out/)")
    options = parser.parse_args(arguments)
    matplotlib.use("Agg")  # pictures go to files: no window, no display

    path = options.mnist or (Path(os.environ["MNIST_NPZ"]) if "MNIST_NPZ" in os.environ else KERAS_MNIST)
    if path.exists():
        full = mnist(path)
        load, epochs, batch_size = (lambda seed: full), 5, 128
    elif path is KERAS_MNIST:
        load, epochs, batch_size = scikit_learn_digits, 20, 32
    else:
        parser.error(f"there is no file {path}")
    seeds = range(1 if options.quick else 5)
    epochs = 3 if options.quick else epochs

    first = load(0)
    print(f"{first.name}: {len(first.x_train)} images to train on, {len(first.x_test)} to test on, "
          f"{first.x_train.shape[1]} pixels each\n")  # fmt: skip
    model, accuracies, speeds = None, [], []
    for seed in seeds:
        trained, accuracy, speed = train(load, seed, epochs, batch_size)
        print(f"seed {seed}: {accuracy:.4f} of the test images read right, {speed:,.0f} steps per second")
        model = model or trained
        accuracies.append(accuracy)
        speeds.append(speed)
    mean = float(np.mean(accuracies))
    print(f"\ntest accuracy: {mean:.4f} (mean of {len(seeds)} seed{'s' * (len(seeds) > 1)})")
    print(f"steps per second: {np.median(speeds):,.0f} (batches of {batch_size})")
    assert model is not None
    # One full batch more: a function is drawn with the sizes of its last call, and an epoch ends on what is left.
    model.train_step(first.x_train[:batch_size], first.y_train[:batch_size])
    write_pictures(model, options.out)
    return mean


if __name__ == "__main__":
    main()
