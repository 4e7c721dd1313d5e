"""Programs of several modules."""

import numpy as np
import pytest

import graphc as gc
from graphc.compiler import assemble


def _losses_of_layers(width: int) -> tuple[list[gc.Expr], list[gc.Expr]]:
    x = gc.input("x", (5, width))
    h, outputs = x, []
    for i in range(4):
        h = gc.tanh(h @ gc.constant(np.full((width, width - i), 0.1, np.float32))[:, :width])
        h = gc.pad(h, ((0, 0), (0, width - int(h.shape[1]))))
        outputs.append(gc.sum(h, axis=i % 2))
    return [x], outputs


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
def test_several_modules_give_the_results_of_one(monkeypatch: pytest.MonkeyPatch, check: bool, threads: int) -> None:
    inputs, outputs = _losses_of_layers(400)
    data = np.random.default_rng(0).normal(size=(5, 400)).astype(np.float32)
    monkeypatch.setattr(assemble, "MODULE_LENGTH", 10**9)
    whole = gc.compile(inputs, outputs, check=check, threads=threads)
    expected = whole(data)
    monkeypatch.setattr(assemble, "MODULE_LENGTH", 1)
    parted = gc.compile(inputs, outputs, check=check, threads=threads)
    for found, wanted in zip(parted(data), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    made = parted._specialization({})
    assert len(made.llvm) == len(made.kernels) > 3
    assert len(whole._specialization({}).llvm) == 1
    assert parted.profile(data, calls=1).seconds > 0
    assert parted.dump("asm").count("program:") == 1
    if check:
        data[2, 3] = np.nan
        with pytest.raises(gc.GraphcError, match="nan"):
            parted(data)


def _unaligned(shape: tuple[int, ...]) -> np.ndarray:
    """Uninitialized float32 that begins 16 bytes past a multiple of 64."""
    size = int(np.prod(shape))
    room = np.empty(size + 32, np.float32)
    first = -room.ctypes.data % 64 // 4 + 4
    return room[first : first + size].reshape(shape)


@pytest.mark.parametrize("optimize", [0, 1, 2, 3])
def test_a_kernel_reads_and_writes_at_any_address(optimize: int) -> None:
    """Three products are one kernel, which the arena gives multiples of 64 and the call does not."""
    x, w = gc.input("x", (64, 64)), gc.input("w", (64, 64))
    y = x @ w @ w @ w
    f = gc.compile([x, w], y, optimize=optimize, threads=1)
    a, out = _unaligned((64, 64)), _unaligned((64, 64))
    a[...] = np.random.default_rng(0).uniform(0, 1 / 32, (64, 64))
    f(a, a, out=out)
    np.testing.assert_allclose(out, np.linalg.matrix_power(a.astype("float64"), 4), rtol=1e-5)
    assert f.dump("asm").count("matmul:") == 1
