"""What is kept of a training, and its picture."""

import builtins

import pytest

from graphc.ir.errors import GraphError
from graphc.nn import History


@pytest.fixture
def history():
    made = History()
    made.record(0, {"loss": 2.0, "accuracy": 0.5, "val_loss": 2.5, "val_accuracy": 0.4}, 0.1)
    made.record(1, {"loss": 1.0, "accuracy": 0.75, "val_loss": 1.5, "val_accuracy": 0.6}, 0.2)
    return made


def test_keeps_a_list_for_each_name(history):
    assert history.epoch == [0, 1]
    assert history.seconds == [0.1, 0.2]
    assert history.history["loss"] == [2.0, 1.0]
    assert history.history["val_accuracy"] == [0.4, 0.6]
    assert "2 epochs, loss: 1.0000" in repr(history)


def test_plots_a_panel_for_each_metric(history, tmp_path, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    figure = history.plot()
    loss, accuracy = figure.axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    assert [line.get_label() for line in loss.get_lines()] == ["training", "validation"]
    assert list(accuracy.get_lines()[1].get_ydata()) == [0.4, 0.6]
    assert list(loss.get_lines()[0].get_xdata()) == [1, 2]
    figure.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000
    matplotlib.pyplot.close(figure)


def test_what_only_some_epochs_have_is_plotted_at_these(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    made = History()
    for epoch in range(4):
        validated = {"val_loss": 2.0, "rate": 0.1} if epoch % 2 else {}
        made.record(epoch, {"loss": 1.0, **validated}, 0.1)
    loss, rate = made.plot().axes
    assert [list(line.get_xdata()) for line in loss.get_lines()] == [[1, 2, 3, 4], [2, 4]]
    assert list(rate.get_lines()[0].get_xdata()) == [2, 4]
    matplotlib.pyplot.close("all")


def test_says_what_is_missing_without_matplotlib(history, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(GraphError, match="pip install matplotlib"):
        history.plot()


def test_nothing_to_plot_is_said():
    pytest.importorskip("matplotlib").use("Agg")
    with pytest.raises(GraphError, match="no epoch was finished"):
        History().plot()
