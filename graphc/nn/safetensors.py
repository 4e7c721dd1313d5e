"""Arrays in a file, in the safetensors format: no code, only a header and bytes.

    8 bytes   the length n of the header, little-endian
    n bytes   JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ..., "__metadata__": {...}}
    the rest  the arrays, one directly behind the other

Reading trusts nothing: everything the header says is compared with the file before an array is made. Writing goes to a
file beside the wanted one, which takes its place when all of it is on the disk.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from ..ir.errors import GraphError

Array: TypeAlias = npt.NDArray[Any]

LARGEST_HEADER = 100_000_000
"""Bytes: the format's own limit."""
MOST_AXES = 64

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}


@dataclass(frozen=True)
class Contents:
    """What a file holds."""

    arrays: dict[str, Array]
    metadata: dict[str, str]


def write(path: str | os.PathLike[str], arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Put the arrays into the file: all of it is there afterwards, or what was there before still is.

    Raises:
        OSError: the file cannot be written.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    blocks, at = [], 0
    for name, array in arrays.items():
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        blocks.append(little.tobytes())
        end = at + len(blocks[-1])
        header[name] = {"dtype": _NAMES[little.dtype], "shape": list(array.shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    _replace(Path(path), [len(text).to_bytes(8, "little"), text, *blocks])


def _replace(path: Path, blocks: list[bytes]) -> None:
    # A link stays a link: what it points to is replaced.
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(beside, "xb") as file:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename, error.filename2 = os.fspath(path), None
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """The new name, too, is on the disk; not every system can say so of a folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def read(path: str | os.PathLike[str]) -> Contents:
    """The arrays in a file, native and writable, and its metadata.

    Raises:
        GraphError: the file is not of this format, or does not hold what it says.
        OSError: it cannot be read.
    """
    shown = os.fspath(path)
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            _refuse(shown, "it is no ordinary file")
        header, begin = _read_header(shown, file, status.st_size)
        metadata = _checked_metadata(shown, header.pop("__metadata__", {}))
        kinds = {name: _checked_entry(shown, name, entry) for name, entry in header.items()}
        _check_layout(shown, kinds, status.st_size - begin)
        arrays = {}
        for name, (dtype, shape, start, end) in kinds.items():
            file.seek(begin + start)
            data = file.read(end - start)
            if len(data) != end - start:
                _refuse(shown, f"it ends in the middle of {name!r}")
            # Via uint8, so that a bool that is neither 0 nor 1 cannot come about.
            array = (np.frombuffer(data, np.uint8) != 0) if dtype == np.bool_ else np.frombuffer(data, dtype)
            arrays[name] = array.reshape(shape).astype(dtype.newbyteorder("="))
    return Contents(arrays, metadata)


def _read_header(shown: str, file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    first = file.read(8)
    if len(first) < 8:
        _refuse(shown, f"it has {len(first)} bytes, and even the length of the header takes 8")
    length = int.from_bytes(first, "little")
    if length > LARGEST_HEADER:
        _refuse(shown, f"its header would be {length:,} bytes long, and more than {LARGEST_HEADER:,} are not allowed")
    if length > size - 8:
        _refuse(shown, f"its header would be {length:,} bytes long, and there are {size - 8:,}")
    try:
        header = json.loads(file.read(length).decode(), object_pairs_hook=_distinct, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        _refuse(shown, f"its header cannot be read ({error})")
    if not isinstance(header, dict):
        _refuse(shown, "its header is no table")
    return header, 8 + length


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(n for n in names if names.count(n) > 1)
        raise ValueError(f"{repeated!r} is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _checked_metadata(shown: str, metadata: Any) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        _refuse(shown, "its metadata are no texts")
    return metadata


def _checked_entry(shown: str, name: str, entry: Any) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        _refuse(shown, f"{name!r} is not described by dtype, shape and data_offsets")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in _DTYPES:
        _refuse(shown, f"{name!r} has the dtype {code!r}; known are {', '.join(_DTYPES)}")
    if not _are_sizes(shape) or len(shape) > MOST_AXES:
        _refuse(shown, f"{name!r} has no shape, but {str(shape)[:80]}")
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        _refuse(shown, f"{name!r} has no range of bytes, but {str(offsets)[:80]}")
    dtype = np.dtype(_DTYPES[code])
    if math.prod(shape) * dtype.itemsize != offsets[1] - offsets[0]:
        _refuse(shown, f"{name!r} of shape {tuple(shape)} and {code} does not take {offsets[1] - offsets[0]:,} bytes")
    return dtype, tuple(shape), offsets[0], offsets[1]


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**62 for v in values)


def _check_layout(shown: str, kinds: Mapping[str, tuple[Any, Any, int, int]], size: int) -> None:
    """One array directly behind the other, and nothing else."""
    at = 0
    for name, (_, _, start, end) in sorted(kinds.items(), key=lambda item: item[1][2:]):
        if start != at:
            _refuse(
                shown, f"{name!r} begins at byte {start:,}, {'inside' if start < at else 'not behind'} another array"
            )
        at = end
    if at != size:
        _refuse(shown, f"its arrays take {at:,} bytes, and there are {size:,}")


def _refuse(shown: str, reason: str) -> NoReturn:
    raise GraphError(f"{shown} is no safetensors file that can be read: {reason}")
