"""The Python array API standard, revision 2024.12: its functions by section, with their signatures.

From the specification at https://data-apis.org/array-api/2024.12. `REFUSED` says why graphc lacks one of them, or has
it only to say so, and what to write instead.
"""

from __future__ import annotations

MAIN: dict[str, str] = {
    "Creation functions": """
        arange(start, /, stop=None, step=1, *, dtype=None, device=None)
        asarray(obj, /, *, dtype=None, device=None, copy=None)
        empty(shape, *, dtype=None, device=None)
        empty_like(x, /, *, dtype=None, device=None)
        eye(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None)
        from_dlpack(x, /, *, device=None, copy=None)
        full(shape, fill_value, *, dtype=None, device=None)
        full_like(x, /, fill_value, *, dtype=None, device=None)
        linspace(start, stop, /, num, *, dtype=None, device=None, endpoint=True)
        meshgrid(*arrays, indexing='xy')
        ones(shape, *, dtype=None, device=None)
        ones_like(x, /, *, dtype=None, device=None)
        tril(x, /, *, k=0)
        triu(x, /, *, k=0)
        zeros(shape, *, dtype=None, device=None)
        zeros_like(x, /, *, dtype=None, device=None)
    """,
    "Data type functions": """
        astype(x, dtype, /, *, copy=True, device=None)
        can_cast(from_, to, /)
        finfo(type, /)
        iinfo(type, /)
        isdtype(dtype, kind)
        result_type(*arrays_and_dtypes)
    """,
    "Elementwise functions": """
        abs(x, /)
        acos(x, /)
        acosh(x, /)
        add(x1, x2, /)
        asin(x, /)
        asinh(x, /)
        atan(x, /)
        atan2(x1, x2, /)
        atanh(x, /)
        bitwise_and(x1, x2, /)
        bitwise_left_shift(x1, x2, /)
        bitwise_invert(x, /)
        bitwise_or(x1, x2, /)
        bitwise_right_shift(x1, x2, /)
        bitwise_xor(x1, x2, /)
        ceil(x, /)
        clip(x, /, min=None, max=None)
        conj(x, /)
        copysign(x1, x2, /)
        cos(x, /)
        cosh(x, /)
        divide(x1, x2, /)
        equal(x1, x2, /)
        exp(x, /)
        expm1(x, /)
        floor(x, /)
        floor_divide(x1, x2, /)
        greater(x1, x2, /)
        greater_equal(x1, x2, /)
        hypot(x1, x2, /)
        imag(x, /)
        isfinite(x, /)
        isinf(x, /)
        isnan(x, /)
        less(x1, x2, /)
        less_equal(x1, x2, /)
        log(x, /)
        log1p(x, /)
        log2(x, /)
        log10(x, /)
        logaddexp(x1, x2, /)
        logical_and(x1, x2, /)
        logical_not(x, /)
        logical_or(x1, x2, /)
        logical_xor(x1, x2, /)
        maximum(x1, x2, /)
        minimum(x1, x2, /)
        multiply(x1, x2, /)
        negative(x, /)
        nextafter(x1, x2, /)
        not_equal(x1, x2, /)
        positive(x, /)
        pow(x1, x2, /)
        real(x, /)
        reciprocal(x, /)
        remainder(x1, x2, /)
        round(x, /)
        sign(x, /)
        signbit(x, /)
        sin(x, /)
        sinh(x, /)
        square(x, /)
        sqrt(x, /)
        subtract(x1, x2, /)
        tan(x, /)
        tanh(x, /)
        trunc(x, /)
    """,
    "Indexing functions": """
        take(x, indices, /, *, axis=None)
        take_along_axis(x, indices, /, *, axis=-1)
    """,
    "Linear algebra functions": """
        matmul(x1, x2, /)
        matrix_transpose(x, /)
        tensordot(x1, x2, /, *, axes=2)
        vecdot(x1, x2, /, *, axis=-1)
    """,
    "Manipulation functions": """
        broadcast_arrays(*arrays)
        broadcast_to(x, /, shape)
        concat(arrays, /, *, axis=0)
        expand_dims(x, /, *, axis=0)
        flip(x, /, *, axis=None)
        moveaxis(x, source, destination, /)
        permute_dims(x, /, axes)
        repeat(x, repeats, /, *, axis=None)
        reshape(x, /, shape, *, copy=None)
        roll(x, /, shift, *, axis=None)
        squeeze(x, /, axis)
        stack(arrays, /, *, axis=0)
        tile(x, repetitions, /)
        unstack(x, /, *, axis=0)
    """,
    "Searching functions": """
        argmax(x, /, *, axis=None, keepdims=False)
        argmin(x, /, *, axis=None, keepdims=False)
        count_nonzero(x, /, *, axis=None, keepdims=False)
        nonzero(x, /)
        searchsorted(x1, x2, /, *, side='left', sorter=None)
        where(condition, x1, x2, /)
    """,
    "Set functions": """
        unique_all(x, /)
        unique_counts(x, /)
        unique_inverse(x, /)
        unique_values(x, /)
    """,
    "Sorting functions": """
        argsort(x, /, *, axis=-1, descending=False, stable=True)
        sort(x, /, *, axis=-1, descending=False, stable=True)
    """,
    "Statistical functions": """
        cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False)
        cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False)
        max(x, /, *, axis=None, keepdims=False)
        mean(x, /, *, axis=None, keepdims=False)
        min(x, /, *, axis=None, keepdims=False)
        prod(x, /, *, axis=None, dtype=None, keepdims=False)
        std(x, /, *, axis=None, correction=0.0, keepdims=False)
        sum(x, /, *, axis=None, dtype=None, keepdims=False)
        var(x, /, *, axis=None, correction=0.0, keepdims=False)
    """,
    "Utility functions": """
        all(x, /, *, axis=None, keepdims=False)
        any(x, /, *, axis=None, keepdims=False)
        diff(x, /, *, axis=-1, n=1, prepend=None, append=None)
    """,
    "Inspection": """
        __array_namespace_info__()
    """,
}
"""The functions every library of the standard has."""

EXTENSIONS: dict[str, str] = {
    "Linear algebra extension": """
        linalg.cholesky(x, /, *, upper=False)
        linalg.cross(x1, x2, /, *, axis=-1)
        linalg.det(x, /)
        linalg.diagonal(x, /, *, offset=0)
        linalg.eigh(x, /)
        linalg.eigvalsh(x, /)
        linalg.inv(x, /)
        linalg.matmul(x1, x2, /)
        linalg.matrix_norm(x, /, *, keepdims=False, ord='fro')
        linalg.matrix_power(x, n, /)
        linalg.matrix_rank(x, /, *, rtol=None)
        linalg.matrix_transpose(x, /)
        linalg.outer(x1, x2, /)
        linalg.pinv(x, /, *, rtol=None)
        linalg.qr(x, /, *, mode='reduced')
        linalg.slogdet(x, /)
        linalg.solve(x1, x2, /)
        linalg.svd(x, /, *, full_matrices=True)
        linalg.svdvals(x, /)
        linalg.tensordot(x1, x2, /, *, axes=2)
        linalg.trace(x, /, *, offset=0, dtype=None)
        linalg.vecdot(x1, x2, /, *, axis=-1)
        linalg.vector_norm(x, /, *, axis=None, keepdims=False, ord=2)
    """,
    "Fourier transform extension": """
        fft.fft(x, /, *, n=None, axis=-1, norm='backward')
        fft.ifft(x, /, *, n=None, axis=-1, norm='backward')
        fft.fftn(x, /, *, s=None, axes=None, norm='backward')
        fft.ifftn(x, /, *, s=None, axes=None, norm='backward')
        fft.rfft(x, /, *, n=None, axis=-1, norm='backward')
        fft.irfft(x, /, *, n=None, axis=-1, norm='backward')
        fft.rfftn(x, /, *, s=None, axes=None, norm='backward')
        fft.irfftn(x, /, *, s=None, axes=None, norm='backward')
        fft.hfft(x, /, *, n=None, axis=-1, norm='backward')
        fft.ihfft(x, /, *, n=None, axis=-1, norm='backward')
        fft.fftfreq(n, /, *, d=1.0, dtype=None, device=None)
        fft.rfftfreq(n, /, *, d=1.0, dtype=None, device=None)
        fft.fftshift(x, /, *, axes=None)
        fft.ifftshift(x, /, *, axes=None)
    """,
}
"""The functions of the optional extensions. graphc has those it has among its other functions: `gc.outer`."""

CONSTANTS = ("e", "inf", "nan", "newaxis", "pi")
DTYPES = {
    "bool": "", "int8": "", "int16": "", "int32": "", "int64": "", "uint8": "", "uint16": "", "uint32": "",
    "uint64": "", "float32": "", "float64": "",
    "complex64": "Complex numbers are left out: networks compute with real ones. Real and imaginary parts can be kept "
                 "in an axis of size 2.",
    "complex128": "As complex64.",
}  # fmt: skip
"""The data types, and why one is missing."""

METHODS = (
    "__abs__", "__add__", "__and__", "__array_namespace__", "__bool__", "__complex__", "__dlpack__",
    "__dlpack_device__", "__eq__", "__float__", "__floordiv__", "__ge__", "__getitem__", "__gt__", "__index__",
    "__int__", "__invert__", "__le__", "__lshift__", "__lt__", "__matmul__", "__mod__", "__mul__", "__ne__",
    "__neg__", "__or__", "__pos__", "__pow__", "__rshift__", "__setitem__", "__sub__", "__truediv__", "__xor__",
    "to_device",
)  # fmt: skip
ATTRIBUTES = ("dtype", "device", "mT", "ndim", "shape", "size", "T")

_BY_VALUES = "The shape of the result would depend on values, and a graph knows its shapes before a call. "
_DECOMPOSITION = "A decomposition is an algorithm of its own rather than a formula over elements. "
_COMPLEX = "The result is complex. "
_A_NUMBER = "An expression stands for values that are not there yet. "
_STORAGE = "An expression owns no memory; "

REFUSED: dict[str, str] = {
    "from_dlpack": "`gc.asarray` and every call of a compiled function take DLPack arrays themselves, on the CPU "
                   "without a copy.",
    "__array_namespace_info__": "There is one device, the CPU, and one default: float32.",
    "nonzero": _BY_VALUES + "`gc.where(x != 0, a, b)` chooses in place, `gc.count_nonzero` counts.",
    "unique_all": _BY_VALUES + "`gc.sort` puts equal elements side by side.",
    "unique_counts": _BY_VALUES + "`gc.sort` puts equal elements side by side.",
    "unique_inverse": _BY_VALUES + "`gc.sort` puts equal elements side by side.",
    "unique_values": _BY_VALUES + "`gc.sort` puts equal elements side by side.",
    "linalg.cholesky": _DECOMPOSITION + "Call `np.linalg.cholesky` on the arrays before or after a compiled function.",
    "linalg.cross": "Written with two rolls: `gc.roll(a, -1, axis=-1) * gc.roll(b, -2, axis=-1)` minus the same with "
                    "-1 and -2 exchanged.",
    "linalg.det": _DECOMPOSITION + "For 2 × 2 matrices write it out.",
    "linalg.eigh": _DECOMPOSITION + "Call `np.linalg.eigh` outside.",
    "linalg.eigvalsh": _DECOMPOSITION + "Call `np.linalg.eigvalsh` outside.",
    "linalg.inv": _DECOMPOSITION + "Call `np.linalg.inv` outside, and hand the inverse in as an input.",
    "linalg.matrix_power": "Write `x @ x @ x`: what occurs twice is computed once.",
    "linalg.matrix_rank": _DECOMPOSITION + "Call `np.linalg.matrix_rank` outside.",
    "linalg.pinv": _DECOMPOSITION + "Call `np.linalg.pinv` outside.",
    "linalg.qr": _DECOMPOSITION + "Call `np.linalg.qr` outside.",
    "linalg.slogdet": _DECOMPOSITION + "Call `np.linalg.slogdet` outside.",
    "linalg.solve": _DECOMPOSITION + "Call `np.linalg.solve` outside.",
    "linalg.svd": _DECOMPOSITION + "Call `np.linalg.svd` outside.",
    "linalg.svdvals": _DECOMPOSITION + "Call `np.linalg.svd` outside.",
    **{
        f"fft.{name}": _COMPLEX + "Transform the arrays with `np.fft` before they go in."
        for name in ("fft", "ifft", "fftn", "ifftn", "rfft", "rfftn", "irfft", "irfftn", "hfft", "ihfft")
    },
    "fft.fftfreq": "Without transforms there is no use for it; `gc.constant(np.fft.fftfreq(n))` has the numbers.",
    "fft.rfftfreq": "Without transforms there is no use for it; `gc.constant(np.fft.rfftfreq(n))` has the numbers.",
    "fft.fftshift": "`gc.roll(x, n // 2)` is the same.",
    "fft.ifftshift": "`gc.roll(x, -(n // 2))` is the same.",
    "__array_namespace__": "`graphc` takes expressions, and through NumPy's protocols `np.exp` and its like do.",
    "__complex__": "There are no complex numbers.",
    "__dlpack__": _STORAGE + "results of a compiled function are NumPy arrays, which have it.",
    "__dlpack_device__": _STORAGE + "results of a compiled function are NumPy arrays, which have it.",
    "__bool__": _A_NUMBER + "It raises and names `gc.where` and `gc.interpret`.",
    "__float__": _A_NUMBER + "It raises; `gc.interpret` or a compiled function gives the number.",
    "__index__": _A_NUMBER + "It raises; `gc.take` and `gc.dynamic_slice` take computed positions.",
    "__int__": _A_NUMBER + "It raises; `gc.interpret` or a compiled function gives the number.",
    "__setitem__": "Expressions do not change: `x.at[i].set(v)` is a new one, as are `.add`, `.multiply`, `.min`, "
                   "`.max`.",
    "device": "There is one device, the CPU.",
    "to_device": "There is one device, the CPU.",
}  # fmt: skip
"""Why graphc has no such function, or one that only raises, and what there is instead."""

RAISES = frozenset({"nonzero", "unique_all", "unique_counts", "unique_inverse", "unique_values",
                    "__bool__", "__float__", "__index__", "__int__", "__setitem__"})  # fmt: skip
"""What is there to say that it cannot be had."""

NOTES: dict[str, str] = {
    "asarray": "of DLPack arrays too",
    "clip": "nan stays nan",
    "conj": "of reals, the value itself",
    "imag": "of reals, zeros",
    "real": "of reals, the value itself",
    "sort": "always stable",
    "argsort": "always stable",
    "take": "negative positions count from the end; out of range they are clamped",
    "take_along_axis": "negative positions count from the end; out of range they are clamped",
    "round": "halves to even",
    "empty": "zeros: there is no memory to leave unset",
    "empty_like": "zeros: there is no memory to leave unset",
}
"""What is worth knowing of a function that is there."""


def functions(section: str) -> list[tuple[str, str]]:
    """Name and signature of each function in the text of a section."""
    lines = (line.strip() for line in section.splitlines())
    return [(line.partition("(")[0], line) for line in lines if line]
