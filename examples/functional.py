"""Two questions about one picture, by a network with two inputs and two outputs; stopped in time, saved, and resumed.

    python examples/functional.py

Reads scikit-learn's 8×8 digits, split into their upper and lower halves, and says which digit it is and how much ink
it takes. Training keeps its best parameters, lowers the learning rate when it gets stuck, and writes what it has
learnt into out/halves.safetensors, from where a second part of the program goes on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from graphc import nn, optim


def halves(images: np.ndarray) -> dict[str, np.ndarray]:
    """The upper and the lower four rows of each picture."""
    return {"top": images[:, :4], "bottom": images[:, 4:]}


def network() -> nn.Model:
    """Both halves go through a layer of their own, meet, and answer two questions."""
    top, bottom = nn.Input((4, 8), name="top"), nn.Input((4, 8), name="bottom")
    h = nn.concatenate([nn.Dense(48, "relu")(nn.Flatten()(half)) for half in (top, bottom)])
    r = nn.Dense(96, "gelu", kernel_regularizer=nn.regularizers.L2(1e-5))(h)
    h = nn.Dropout(0.2)(h + r)
    digit = nn.Dense(10, "softmax", name="digit")(h)
    ink = nn.Dense(1, "sigmoid", name="ink")(h)
    model = nn.Model([top, bottom], {"digit": digit, "ink": ink}, name="halves", seed=0)
    model.compile(
        optim.AdamW(3e-3, clipnorm=1.0),
        loss={"digit": "sparse_categorical_crossentropy", "ink": "mse"},
        loss_weights={"digit": 1.0, "ink": 5.0},
        metrics={"digit": ["accuracy"], "ink": ["mae"]},
    )
    return model


def main(out: Path = Path("out")) -> float:
    """Train, save, load, go on; the accuracy on pictures that were not trained on."""
    nn.set_random_seed(0)
    out.mkdir(exist_ok=True)
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).reshape(-1, 8, 8)
    x, x_test, y, y_test = train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=0)
    targets, test_targets = ({"digit": d, "ink": i.mean(axis=(1, 2))} for d, i in ((y, x), (y_test, x_test)))

    model = network()
    model.summary()
    best = out / "halves.safetensors"
    history = model.fit(
        halves(x),
        targets,
        epochs=60,
        validation_split=0.15,
        callbacks=[
            nn.callbacks.EarlyStopping(patience=8, restore_best_weights=True, verbose=1),
            nn.callbacks.ReduceLROnPlateau(patience=3, factor=0.3, verbose=1),
            nn.callbacks.ModelCheckpoint(best, save_best_only=True),
        ],
        verbose=0,
    )
    print(f"{len(history.epoch)} epochs, the smallest validation loss {min(history.history['val_loss']):.4f}")

    # Another program could begin here: architecture, weights, optimizer and shuffling are all in the file.
    model = nn.load_model(best)
    model.optimizer.learning_rate = 1e-4
    model.fit(halves(x), targets, epochs=5, verbose=0)
    values = model.evaluate(halves(x_test), test_targets, return_dict=True)
    print(f"{values['digit_accuracy']:.1%} of the test images read right, the ink off by {values['ink_mae']:.3f}")
    return values["digit_accuracy"]


if __name__ == "__main__":
    main()
