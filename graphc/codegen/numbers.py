"""Python's and NumPy's numbers as arguments: what `@entry` takes for an input without axes, besides an array.

For each dtype a function

    define internal i1 @take_float64(ptr %x, ptr %class, ptr %place)

that writes the value of `x`, an object of `class`, to `place`, and says whether it did. It takes what `ir.arguments`
converts without a second thought: floats where the dtype is of floats, ints that the dtype holds exactly. The rest
of the world, a float too large for float32 or an int out of range, is for the slow path, which knows what to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

CLASSES = ("float", "int", "numpy.float64", "numpy.float32")
"""What is looked for, exactly: a subclass may be anything. Their addresses are words of `@state`, in this order."""

_LLVM = {"float64": "double", "float32": "float"}
_EXACT = 2**53
"""Ints below it are floats, too; floats below it are in the range of float32."""

DECLARATIONS = """\
declare double @PyFloat_AsDouble(ptr)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare double @llvm.fabs.f64(double)
"""


def takes_numbers(dtype: str) -> bool:
    """Whether there is a function for this dtype."""
    return dtype != "bool"


def emit(dtypes: Iterable[str], words: Mapping[str, str]) -> str:
    """The functions for these dtypes. `words` are the places in `@state` of the classes."""
    return "".join(_for_floats(d, words) if d in _LLVM else _for_ints(d, words) for d in dtypes)


def _is(name: str, words: Mapping[str, str], then: str, otherwise: str) -> str:
    label = name.replace(".", "_")
    return f"""\
  %{label} = load ptr, ptr {words[name]}
  %is_{label} = icmp eq ptr %class, %{label}
  br i1 %is_{label}, label %{then}, label %{otherwise}
"""


def _header(dtype: str) -> str:
    return f"\ndefine internal i1 @take_{dtype}(ptr %x, ptr %class, ptr %place) ATTRIBUTES {{\n"


_INT = """\
  %overflow = alloca i32
  %whole = call i64 @PyLong_AsLongLongAndOverflow(ptr %x, ptr %overflow)
  %overflowed = load i32, ptr %overflow
  %fits = icmp eq i32 %overflowed, 0
"""


def _between(low: int, high: int) -> str:
    return f"""\
  %above = icmp sge i64 %whole, {low}
  %below = icmp sle i64 %whole, {high}
  %inside = and i1 %above, %below
  %good = and i1 %fits, %inside
  br i1 %good, label %integer, label %refuse
integer:
"""


_REFUSE = """\
refuse:
  ret i1 false
}
"""


def _for_floats(dtype: str, words: Mapping[str, str]) -> str:
    kind = _LLVM[dtype]
    narrow = dtype == "float32"
    # A float is a float64: one beyond the range of float32, or a nan, is left to the slow path.
    wide = f"""\
  %size = call double @llvm.fabs.f64(double %value)
  %moderate = fcmp olt double %size, {float(_EXACT)!r}
  %narrows = or i1 %is_numpy_float32, %moderate
  br i1 %narrows, label %keep, label %refuse
keep:
  %kept = fptrunc double %value to float
  store float %kept, ptr %place
  ret i1 true
"""
    exact = "  store double %value, ptr %place\n  ret i1 true\n"
    return "".join(
        (
            _header(dtype),
            _is("numpy.float32", words, "number", "other"),
            "other:\n",
            _is("float", words, "number", "another"),
            "another:\n",
            _is("numpy.float64", words, "number", "perhaps_int"),
            "number:\n  %value = call double @PyFloat_AsDouble(ptr %x)\n",
            wide if narrow else exact,
            "perhaps_int:\n",
            _is("int", words, "int_", "refuse"),
            "int_:\n",
            _INT,
            _between(1 - _EXACT, _EXACT - 1),
            f"  %real = sitofp i64 %whole to {kind}\n  store {kind} %real, ptr %place\n  ret i1 true\n",
            _REFUSE,
        )
    )


def _for_ints(dtype: str, words: Mapping[str, str]) -> str:
    bits = int(dtype.removeprefix("u").removeprefix("int"))
    low, high = (0, 2 ** min(bits, 63) - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    stored = "%whole"
    narrow = ""
    if bits < 64:
        stored, narrow = "%kept", f"  %kept = trunc i64 %whole to i{bits}\n"
    return "".join(
        (
            _header(dtype),
            _is("int", words, "int_", "refuse"),
            "int_:\n",
            _INT,
            _between(low, high),
            narrow,
            f"  store i{bits} {stored}, ptr %place\n  ret i1 true\n",
            _REFUSE,
        )
    )
