"""What happened during `fit`, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..ir.errors import GraphError
from .progress import show


class History:
    """The loss and metrics of every epoch.

    Attributes:
        epoch: the numbers of the epochs that were finished, from 0.
        history: a list for each of "loss", the metrics, and both again with "val_" in front if there was validation
            data; one number for each epoch that has it, the mean over the samples.
        seconds: how long the training steps of each epoch took, without validation.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}
        self.seconds: list[float] = []
        self._epochs: dict[str, list[int]] = {}

    def record(self, epoch: int, values: Mapping[str, Any], seconds: float) -> None:
        """Add a finished epoch."""
        self.epoch.append(epoch)
        self.seconds.append(seconds)
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
            self._epochs.setdefault(name, []).append(epoch)

    def plot(self) -> Any:
        """A panel for the loss and for each metric, training and validation together.

        Returns:
            The `matplotlib.figure.Figure`: it shows itself in a notebook, and has `savefig("curve.png")`.

        Raises:
            GraphError: matplotlib is not installed, or no epoch was finished.
        """
        try:
            import matplotlib
            import matplotlib.pyplot as plt
        except ImportError:
            raise GraphError("history.plot() draws with matplotlib: pip install matplotlib") from None
        names = [n for n in self.history if not n.startswith("val_")]
        if not names:
            raise GraphError("there is nothing to plot: no epoch was finished")
        figure, axes = plt.subplots(1, len(names), figsize=(5.0 * len(names), 3.5), squeeze=False, layout="constrained")
        for name, ax in zip(names, axes[0], strict=True):
            self._plot_one(name, ax)
        if "inline" in matplotlib.get_backend().lower():
            plt.close(figure)  # the notebook shows the returned figure; left open it would appear twice
        return figure

    def _plot_one(self, name: str, ax: Any) -> None:
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            if key in self.history:
                epochs = [e + 1 for e in self._epochs.get(key, self.epoch)]
                ax.plot(epochs, self.history[key], marker="o", label=label)
        ax.set(xlabel="epoch", ylabel=name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(alpha=0.3)
        ax.legend()

    def __repr__(self) -> str:
        last = show({name: values[-1] for name, values in self.history.items()}, ", ")
        return f"<History: {len(self.epoch)} epochs{f', {last}' if last else ''}>"
