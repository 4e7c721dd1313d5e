"""What is shown during a training."""

import sys

import pytest

from graphc.ir.errors import GraphError
from graphc.nn.progress import Bar, Lines, Progress, progress


def run(shown, epochs=2, steps=3):
    with shown:
        for epoch in range(epochs):
            shown.begin(epoch, steps)
            for _ in range(steps):
                shown.step(lambda: {"loss": 1.5})
            shown.end({"loss": 1.25, "accuracy": 0.5})


def test_silent_says_nothing(capsys):
    run(progress(0, 2))
    assert capsys.readouterr() == ("", "")


def test_lines_say_one_line_an_epoch(capsys):
    run(progress(2, 2))
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "Epoch 1/2 - loss: 1.2500 - accuracy: 0.5000",
        "Epoch 2/2 - loss: 1.2500 - accuracy: 0.5000",
    ]
    assert err == ""


def test_the_bar_ends_full_and_with_the_means(capsys):
    run(progress(1, 2))
    last = [part for part in capsys.readouterr().err.split("\n") if part][-1].split("\r")[-1]
    assert last.startswith("Epoch 2/2: 100%")
    assert "3/3" in last
    assert "loss: 1.2500, accuracy: 0.5000" in last


def test_the_bar_is_closed_after_an_error(capsys):
    shown = progress(1, 1)
    with pytest.raises(KeyboardInterrupt), shown:
        shown.begin(0, 10)
        raise KeyboardInterrupt
    assert shown._bar is None


def test_auto_looks_at_where_it_is_shown(monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert type(progress("auto", 1)) is Bar
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert type(progress("auto", 1)) is Lines
    assert type(progress(False, 1)) is Progress


@pytest.mark.parametrize("verbose", [3, -1, "loud", None])
def test_anything_else_is_refused(verbose):
    with pytest.raises(GraphError, match="verbose is"):
        progress(verbose, 1)
