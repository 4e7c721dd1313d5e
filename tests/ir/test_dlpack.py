"""Arrays of other libraries: taken by the DLPack protocol, without a copy where dtype and layout fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.arguments import convert
from graphc.ir.dtype import float32, float64

DATA = np.arange(6, dtype=np.float32).reshape(2, 3)


class Foreign:
    """An array of which nothing is known but the protocol."""

    def __init__(self, array: np.ndarray[Any, Any], device: int = 1) -> None:
        self.array = array
        self.device = device

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0


class Refusing(Foreign):
    def __dlpack__(self, **options: Any) -> Any:
        raise BufferError("this one is not to be had")


def test_memory_is_shared_where_dtype_and_layout_fit() -> None:
    assert np.shares_memory(convert(Foreign(DATA), float32, "x"), DATA)
    for other in (DATA.astype(np.float64), np.asfortranarray(DATA), DATA[:, ::2]):
        found = convert(Foreign(other), float32, "x")
        assert found.flags.c_contiguous and found.dtype == np.float32
        np.testing.assert_array_equal(found, other)
    assert not np.shares_memory(convert(Foreign(DATA), float64, "x"), DATA)


def test_compiled_and_traced_functions_take_them() -> None:
    x = gc.input("x", ("n", 3))
    f = gc.compile([x], x * 2)
    traced = gc.jit(lambda x: x * 2)
    for array in (DATA, DATA[:, ::-1], np.arange(6, dtype=np.uint8).reshape(2, 3)):
        np.testing.assert_array_equal(f(Foreign(array)), array.astype(np.float32) * 2)
        np.testing.assert_array_equal(traced(Foreign(array)), array * 2)
    assert traced(Foreign(DATA)).dtype == np.float32


def test_they_lift_themselves_and_constants_are_snapshots() -> None:
    array = DATA.copy()
    c = gc.constant(Foreign(array))
    array[:] = 7
    np.testing.assert_array_equal(gc.interpret(c), DATA)
    assert c.dtype == "float32"
    np.testing.assert_array_equal(gc.interpret(gc.exp(Foreign(DATA)) + c), np.exp(DATA) + DATA)
    np.testing.assert_array_equal(gc.param("w", Foreign(DATA)).value, DATA)


def test_what_is_refused() -> None:
    with pytest.raises(gc.DTypeError, match=r"'x' is an array on another device \(DLPack type 2\)"):
        gc.compile([x := gc.input("x", (2, 3))], x)(Foreign(DATA, device=2))
    with pytest.raises(gc.DTypeError, match="not to be had"):
        gc.constant(Refusing(DATA))
    with pytest.raises(gc.DTypeError, match="complex64"):
        gc.constant(Foreign(DATA.astype(np.complex64)))


@pytest.mark.peers
def test_tensors_of_torch() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    taken = convert(tensor, float32, "x")
    tensor[0, 0] = 5  # seen through shared memory
    assert taken[0, 0] == 5
    x = gc.input("x", (2, 3))
    f = gc.compile([x], gc.sum(x * x, axis=0))
    np.testing.assert_allclose(f(tensor), (tensor * tensor).sum(0).numpy())
    np.testing.assert_allclose(f(tensor.T.contiguous().T), (tensor * tensor).sum(0).numpy())
    np.testing.assert_allclose(gc.jit(lambda x: x * 2)(tensor.double()), tensor.double().numpy() * 2)
    assert gc.constant(tensor > 2).dtype == "bool"
    with pytest.raises(gc.DTypeError, match="grad"):
        f(tensor.requires_grad_())
    with pytest.raises(gc.DTypeError, match=r"(?i)bfloat16|unsupported|cannot be taken"):
        gc.constant(torch.ones(2, dtype=torch.bfloat16))


@pytest.mark.peers
def test_arrays_of_jax() -> None:
    jnp = pytest.importorskip("jax.numpy")
    array = jnp.arange(6, dtype=jnp.float32).reshape(2, 3)
    assert np.shares_memory(convert(array, float32, "x"), np.from_dlpack(array))
    np.testing.assert_array_equal(gc.jit(lambda x: x + 1)(array), np.asarray(array) + 1)
