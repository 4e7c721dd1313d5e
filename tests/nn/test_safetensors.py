"""The file format: what is written comes back, what is broken is refused, and a file is replaced as a whole."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from graphc.ir.errors import GraphError
from graphc.nn import safetensors

DTYPES = ("float64", "float32", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def packed(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4)])
def test_arrays_come_back(path, dtype, shape):
    values = (np.random.default_rng(0).integers(0, 2, shape) * 3).astype(dtype)
    safetensors.write(path, {"a": values, "ä/b c": values[None]}, {"note": "ü"})
    contents = safetensors.read(path)
    assert contents.metadata == {"note": "ü"}
    assert list(contents.arrays) == ["a", "ä/b c"]
    np.testing.assert_array_equal(contents.arrays["a"], values)
    assert contents.arrays["a"].dtype == values.dtype
    assert contents.arrays["ä/b c"].shape == (1, *shape)


def test_every_bit_of_a_float_comes_back(path):
    bits = np.array([0x7FC00001, 0xFFC12345, 0x80000000, 1, 0x7F800000], np.uint32)
    safetensors.write(path, {"a": bits.view(np.float32)}, {})
    np.testing.assert_array_equal(safetensors.read(path).arrays["a"].view(np.uint32), bits)


def test_the_bytes_are_those_of_the_format(path):
    safetensors.write(path, {"a": np.array([[1.0, 2.0]], ">f4")}, {})
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    assert json.loads(data[8 : 8 + length]) == {"a": entry("F32", (1, 2), (0, 8))}
    assert data[8 + length :] == np.array([1.0, 2.0], "<f4").tobytes()


def test_what_another_writer_pads_and_orders_differently_is_read(path):
    header = json.dumps({"b": entry(offsets=(8, 16)), "a": entry(offsets=(0, 8))}).encode() + b"     "
    path.write_bytes(packed(header, np.arange(4, dtype="<f4").tobytes()))
    contents = safetensors.read(path)
    np.testing.assert_array_equal(contents.arrays["a"], [0, 1])
    np.testing.assert_array_equal(contents.arrays["b"], [2, 3])


BROKEN = {
    "empty": (b"", "it has 0 bytes"),
    "no length": (b"1234", "it has 4 bytes"),
    "a length beyond the file": (packed({}, length=1000), "its header would be 1,000 bytes long, and there are 2"),
    "a huge length": (packed({}, length=2**63), "more than 100,000,000 are not allowed"),
    "no JSON": (packed(b"hello"), "its header cannot be read"),
    "no UTF-8": (packed(b'{"\xff": 1}'), "its header cannot be read"),
    "a pickle": (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.", "it is|its header"),
    "a list": (packed([1, 2]), "its header is no table"),
    "deep nesting": (packed(b"[" * 200_000 + b"]" * 200_000), "its header cannot be read"),
    "nan": (packed(b'{"a": NaN}'), "NaN is no number"),
    "a name twice": (packed(b'{"a": {}, "a": {}}'), "'a' is there twice"),
    "no entry": (packed({"a": 3}), "is not described by"),
    "a part missing": (packed({"a": {"dtype": "F32", "shape": [2]}}), "is not described by"),
    "a part too many": (packed({"a": {**entry(), "code": "import os"}}, bytes(8)), "is not described by"),
    "an unknown dtype": (packed({"a": entry("C64")}, bytes(8)), "has the dtype 'C64'; known are F64"),
    "a dtype that is a list": (packed({"a": {**entry(), "dtype": ["F32"]}}, bytes(8)), "has the dtype"),
    "a negative size": (packed({"a": entry(shape=(-2,))}, bytes(8)), "has no shape"),
    "a fraction for a size": (packed({"a": entry(shape=(2.0,))}, bytes(8)), "has no shape"),
    "true for a size": (packed({"a": entry(shape=(True, 2))}, bytes(8)), "has no shape"),
    "too many axes": (packed({"a": entry(shape=(1,) * 65)}, bytes(8)), "has no shape"),
    "a size beyond all memory": (packed({"a": entry(shape=(2**61, 2**61))}, bytes(8)), "does not take 8 bytes"),
    "a huge but consistent size": (
        packed({"a": entry("U8", (2**50,), (0, 2**50))}, bytes(8)),
        "arrays take 1,125,899,906,842,624 bytes, and there are 8",
    ),
    "a range backwards": (packed({"a": entry(offsets=(8, 0))}, bytes(8)), "has no range of bytes"),
    "a negative range": (packed({"a": entry(offsets=(-8, 0))}, bytes(8)), "has no range of bytes"),
    "a range of three": (packed({"a": entry(offsets=(0, 4, 8))}, bytes(8)), "has no range of bytes"),
    "a range of another size": (packed({"a": entry(shape=(3,))}, bytes(8)), "does not take 8 bytes"),
    "overlapping ranges": (
        packed({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)),
        "'b' begins at byte 4, inside another array",
    ),
    "the same range twice": (packed({"a": entry(), "b": entry()}, bytes(8)), "inside another array"),
    "a hole": (packed({"a": entry(), "b": entry(offsets=(12, 20))}, bytes(20)), "not behind another array"),
    "truncated": (packed({"a": entry()}, bytes(7)), "its arrays take 8 bytes, and there are 7"),
    "something behind": (packed({"a": entry()}, bytes(9)), "its arrays take 8 bytes, and there are 9"),
    "metadata that are no texts": (packed({"__metadata__": {"a": 1}}), "its metadata are no texts"),
    "metadata that are no table": (packed({"__metadata__": "a"}), "its metadata are no texts"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_refused_and_named(path, case):
    data, message = BROKEN[case]
    path.write_bytes(data)
    with pytest.raises(GraphError, match=message) as caught:
        safetensors.read(path)
    assert str(path) in str(caught.value)


def test_every_truncation_and_every_changed_byte_of_the_header_is_an_error_or_the_same_kind_of_file(path):
    safetensors.write(path, {"a": np.arange(6, dtype="float32").reshape(2, 3), "b": np.arange(3)}, {"k": "v"})
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(GraphError):
            safetensors.read(path)
    rng = np.random.default_rng(0)
    length = 8 + int.from_bytes(whole[:8], "little")
    for _ in range(500):
        changed = bytearray(whole)
        changed[rng.integers(length)] = rng.integers(256)
        path.write_bytes(changed)
        try:
            arrays = safetensors.read(path).arrays
        except GraphError:
            continue
        assert sum(a.nbytes for a in arrays.values()) == len(whole) - length


def test_what_is_no_ordinary_file_is_refused(tmp_path):
    with pytest.raises(GraphError, match="it is no ordinary file"):
        safetensors.read("/dev/null")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(GraphError, match="it is no ordinary file"):
        safetensors.read(tmp_path / "pipe")
    with pytest.raises(OSError, match="directory"):
        safetensors.read(tmp_path)
    with pytest.raises(FileNotFoundError):
        safetensors.read(tmp_path / "missing")


def test_bools_are_0_or_1_whatever_the_file_says(path):
    path.write_bytes(packed({"a": entry("BOOL", (3,), (0, 3))}, b"\x00\x07\xff"))
    np.testing.assert_array_equal(safetensors.read(path).arrays["a"].view(np.uint8), [0, 1, 1])


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(path, monkeypatch):
    safetensors.write(path, {"a": np.ones(3)}, {})
    before = path.read_bytes()

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        safetensors.write(path, {"a": np.zeros(3)}, {})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_link_stays_a_link(path, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(path)
    safetensors.write(link, {"a": np.ones(3)}, {})
    assert link.is_symlink()
    np.testing.assert_array_equal(safetensors.read(path).arrays["a"], 1)


def test_kill_9_during_writing_leaves_a_whole_file(path):
    """A process writes one file after the other in place of the same one, and is killed somewhere in between."""
    safetensors.write(path, {"a": np.zeros(200_000)}, {})
    code = """
        import itertools, sys
        import numpy as np
        from graphc.nn import safetensors

        print("ready", flush=True)
        for i in itertools.count(1):
            safetensors.write(sys.argv[1], {"a": np.full(200_000, float(i))}, {})
    """
    rng = np.random.default_rng(0)
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.02 + 0.05 * rng.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        values = safetensors.read(path).arrays["a"]
        assert values.shape == (200_000,)
        assert (values == values[0]).all()
