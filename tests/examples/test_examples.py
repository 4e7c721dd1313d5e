"""The examples run, and find what they set out to find."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name):
    """The example as a module, executed afresh."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[spec.name]
    return module


def test_linear_regression_finds_the_line(capsys):
    run("linear_regression")
    slope, offset = re.search(r"y = (\S+) x (\S+)", capsys.readouterr().out).groups()
    assert float(slope) == pytest.approx(3, abs=0.05)
    assert float(offset) == pytest.approx(-0.5, abs=0.05)


def test_the_derivation_holds(capsys):
    run("derivation")
    out = capsys.readouterr().out
    assert out.startswith("1. ")
    assert "every step agrees with finite differences" in out


def test_the_derivations_of_a_course_are_written(tmp_path, capsys):
    run("derivations").main(tmp_path)
    out = capsys.readouterr().out
    assert "∂L/∂W = h₀ᵀ δ₁ + h₁ᵀ δ₂ + h₂ᵀ δ₃" in out
    assert "every step agrees with finite differences" in out
    page = (tmp_path / "softmax_collapse_W.txt").read_text(encoding="utf-8")
    assert "= (p − y) / batch" in page
    assert len(list(tmp_path.glob("*.html"))) == len(list(tmp_path.glob("*.tex"))) == out.count(" steps, ")


def test_two_questions_about_halves_are_answered_and_resumed(tmp_path, capsys):
    pytest.importorskip("sklearn")
    module = run("functional")
    assert module.main(tmp_path) > 0.93
    out = capsys.readouterr().out
    assert out.startswith("Model: halves")
    assert "Restoring the weights of the best epoch" in out
    assert (tmp_path / "halves.safetensors").stat().st_size > 50_000


def test_a_page_to_explore_and_its_pictures_are_written(tmp_path, capsys):
    run("explore").main(["--out", str(tmp_path)])
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"values.svg", "layers.svg", "simplified.svg", "time.svg", "explore.html"}
    out = capsys.readouterr().out
    assert all(name in out for name in names)
    assert "grad " in (tmp_path / "values.svg").read_text(encoding="utf-8")
    assert "put in its place" in (tmp_path / "simplified.svg").read_text(encoding="utf-8")


@pytest.fixture
def digits(monkeypatch):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    module = run("digits")
    monkeypatch.setattr(module, "KERAS_MNIST", Path("/nowhere/mnist.npz"))
    return module


FILES = (
    "loss.svg",
    "loss.png",
    "backward.svg",
    "backward.png",
    "step.svg",
    "step.png",
    "training.png",
    "derivation.md",
)


def test_digits_are_learnt_and_drawn(digits, tmp_path, capsys):
    accuracy = digits.main(["--quick", "--out", str(tmp_path / "pictures")])
    out = capsys.readouterr().out
    assert accuracy > 0.85
    assert f"test accuracy: {accuracy:.4f} (mean of 1 seed)" in out
    assert re.search(r"^steps per second: [\d,]+", out, re.MULTILINE)
    for name in FILES:
        file = tmp_path / "pictures" / name
        assert file.stat().st_size > 500, name
        assert str(file) in out
    assert "W_{1}" in (tmp_path / "pictures" / "derivation.md").read_text()


def test_mnist_is_taken_where_it_is(digits, tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 256, (10, 28, 28), dtype=np.uint8)
    y = rng.integers(0, 10, 600)
    np.savez(
        tmp_path / "mnist.npz", x_train=patterns[y[:500]], y_train=y[:500], x_test=patterns[y[500:]], y_test=y[500:]
    )
    monkeypatch.setattr(digits, "write_pictures", lambda model, out: None)
    assert digits.main(["--quick", str(tmp_path / "mnist.npz")]) > 0.9
    assert "MNIST: 500 images to train on, 100 to test on, 784 pixels each" in capsys.readouterr().out


def test_a_wrong_path_is_said(digits, capsys):
    with pytest.raises(SystemExit):
        digits.main(["/nowhere/at/all.npz"])
    assert "there is no file /nowhere/at/all.npz" in capsys.readouterr().err


def test_splits_are_stratified_and_fixed_by_the_seed(digits):
    first, again, other = (digits.scikit_learn_digits(seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.x_test, again.x_test)
    assert (first.y_test != other.y_test).any()
    assert len(first.x_train) + len(first.x_test) == 1797
    assert 0 <= first.x_train.min() < first.x_train.max() == 1
    shares = np.bincount(first.y_test) / np.bincount(np.concatenate([first.y_train, first.y_test]))
    np.testing.assert_allclose(shares, 0.2, atol=0.01)
