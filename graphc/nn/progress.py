"""What `fit` shows while it runs: nothing, a progress bar, or a line for each epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import numpy as np

from ..ir.errors import GraphError

Values = Mapping[str, Any]


class Progress:
    """Shows nothing. Used as a context, so that whatever is on the screen is closed after an error too."""

    def begin(self, epoch: int, steps: int) -> None:
        """An epoch of so many steps starts."""

    def step(self, values: Callable[[], Values]) -> None:
        """A step is done; `values` gives the means so far, if they are to be shown."""

    def end(self, values: Values) -> None:
        """The epoch is done."""

    def close(self) -> None:
        """Nothing more will come."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Lines(Progress):
    """One line for each epoch: for log files."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._epoch = 0

    def begin(self, epoch: int, steps: int) -> None:
        self._epoch = epoch

    def end(self, values: Values) -> None:
        print(f"Epoch {self._epoch + 1}/{self._epochs} - {show(values, ' - ')}", flush=True)


class Bar(Progress):
    """A progress bar for each epoch, by tqdm."""

    def __init__(self, epochs: int) -> None:
        # Loaded here: tqdm costs an import that only those pay who see it.
        from tqdm.auto import tqdm

        self._make: Callable[..., Any] = tqdm
        self._epochs = epochs
        self._bar: Any = None

    def begin(self, epoch: int, steps: int) -> None:
        self._bar = self._make(total=steps, desc=f"Epoch {epoch + 1}/{self._epochs}", unit="step")

    def step(self, values: Callable[[], Values]) -> None:
        # update() says whether it drew: the text beside the bar is as fresh as that, and costs nothing in between.
        if self._bar.update():
            self._bar.set_postfix_str(show(values(), ", "), refresh=False)

    def end(self, values: Values) -> None:
        self._bar.set_postfix_str(show(values, ", "))
        self.close()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def progress(verbose: object, epochs: int) -> Progress:
    """The way to show `epochs` epochs that a user asked for: 0 nothing, 1 a bar, 2 lines, "auto" a bar where it can
    be seen and lines elsewhere.

    Raises:
        GraphError: for anything else.
    """
    if verbose == "auto":
        verbose = 1 if sys.stderr.isatty() or "ipykernel" in sys.modules else 2
    if verbose not in (0, 1, 2):
        raise GraphError(f'verbose is "auto", 0 (silent), 1 (a bar) or 2 (a line for each epoch), not {verbose!r}')
    if not verbose:
        return Progress()
    return Bar(epochs) if verbose == 1 else Lines(epochs)


def show(values: Values, separator: str) -> str:
    """Names and numbers in a line; of several numbers under a name, all."""
    return separator.join(f"{name}: {_digits(value)}" for name, value in values.items())


def _digits(value: Any) -> str:
    return f"{value:.4f}" if np.ndim(value) == 0 else f"[{' '.join(f'{v:.4f}' for v in np.ravel(value))}]"
