"""Checks of an op that need nothing but its `OpDef`: values against the reference, derivatives against differences.

An evaluator is `(outputs, {input: array}) -> arrays`. `gc.interpret` is one; whatever computes expressions another
way is checked by adding it to `EVALUATORS`.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import graphc as gc
from graphc.ir.dtype import ALL, DType, as_dtype
from graphc.ir.expr import Expr, make
from graphc.ir.op import REGISTRY, OpDef, Sample
from graphc.ops import leaf

Array = np.ndarray[Any, Any]
Evaluator = Callable[[Sequence[Expr], Mapping[Expr, Array]], Sequence[Array]]


def _compiled(optimize: int) -> Evaluator:
    def evaluate(outputs: Sequence[Expr], arrays: Mapping[Expr, Array]) -> Sequence[Array]:
        inputs = [expr for expr, _ in arrays.items()]
        return list(gc.compile(inputs, list(outputs), optimize=optimize)(*arrays.values()))

    return evaluate


EVALUATORS: dict[str, Evaluator] = {
    "interpret": lambda outputs, arrays: gc.interpret(list(outputs), arrays),
    "compiled": _compiled(0),
    "optimized": _compiled(2),
}
"""Each is compared with the ops' references: "interpret" bit by bit, others within `TOLERANCE`."""

TOLERANCE = {"float32": 4e-6, "float64": 1e-14}
"""Relative to the largest element, for evaluators that may round otherwise."""

KINKED = ("abs", "relu", "sign")
"""Their samples keep away from 0 on one side; tests take both."""

STEP = 1e-5
"""Of central differences in float64: its square and the rounding errors over it are both about 1e-10."""


@dataclass(frozen=True, eq=False)
class Case:
    """An op with inputs, attributes and arrays to test it with."""

    op: OpDef
    sample: Sample
    dtype: DType
    seed: int = 0

    def __str__(self) -> str:
        shapes = "-".join("x".join(map(str, s)) or "scalar" for s in self.sample.shapes)
        attrs = "-".join(f"{k}={v}" for k, v in self.sample.attrs.items())
        return f"{self.op.name}-{self.dtype.short}-{shapes}" + (f"-{attrs}" if attrs else "")

    @property
    def attrs(self) -> dict[str, Any]:
        return dict(self.sample.attrs)

    def dtypes(self) -> list[DType]:
        """The dtype of each argument."""
        given = self.sample.dtypes or ("",) * len(self.sample.shapes)
        return [as_dtype(d) if d else self.dtype for d in given]

    def inputs(self) -> list[Expr]:
        """An input for each argument."""
        kinds = zip(self.sample.shapes, self.dtypes(), strict=True)
        return [leaf.input(f"x{i}", shape, dtype) for i, (shape, dtype) in enumerate(kinds)]

    def arrays(self) -> list[Array]:
        """Values in the sample's intervals, the same in every run."""
        rng = np.random.default_rng([zlib.crc32(str(self).encode()), self.seed])
        domains = self.sample.domains or ((-3.0, 3.0),) * len(self.sample.shapes)
        kinds = zip(self.sample.shapes, self.dtypes(), domains, strict=True)
        arrays = [draw(rng, shape, dtype, domain) for shape, dtype, domain in kinds]
        if self.op.name in KINKED and self.dtype.kind in ("int", "float"):
            arrays[0] = arrays[0] * rng.choice([-1, 1], arrays[0].shape).astype(self.dtype.numpy)
        return [np.asarray(a) for a in arrays]


def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: DType, domain: tuple[float, float]) -> Array:
    """Random values with low ≤ value < high."""
    low, high = domain
    if dtype.is_float:
        return np.asarray(rng.uniform(low, high, shape).astype(dtype.numpy))
    first = max(math.ceil(low), 0) if dtype.kind in ("uint", "bool") else math.ceil(low)
    last = 2 if dtype.kind == "bool" else math.ceil(high)
    return np.asarray(rng.integers(first, max(last, first + 1), shape)).astype(dtype.numpy)


def cases(ops: Sequence[OpDef] | None = None) -> Iterator[Case]:
    """Every op with samples, in each dtype of its kinds."""
    for op in REGISTRY.values() if ops is None else ops:
        for sample in op.samples() if op.samples else ():
            for dtype in ALL:
                if dtype.kind in op.dtypes:
                    yield Case(op, sample, dtype)


def groups() -> dict[str, list[Case]]:
    """The cases of each op and dtype, which an evaluator takes in one call."""
    found: dict[str, list[Case]] = {}
    for case in cases():
        found.setdefault(f"{case.op.name}-{case.dtype.short}", []).append(case)
    return found


def differentiable(op: OpDef) -> list[Case]:
    """The op's cases from float64 to float64: differences in float32 would say little."""
    found = [c for c in cases([op]) if c.dtype.name == "float64"]
    return [c for c in found if op.infer(c.attrs, *c.inputs())[0].name == "float64"]


def check_values(group: Sequence[Case], evaluator: Evaluator, *, exact: bool) -> None:
    """The ops' dtype and shape rules and an evaluator's results, of all cases in one call, against the reference."""
    outputs, arrays, references = [], {}, []
    for case in group:
        inputs, values = case.inputs(), case.arrays()
        out = make(case.op, tuple(inputs), case.attrs)
        with np.errstate(all="ignore"):
            expected = case.op.reference(out.attrs, *values)
        assert (out.dtype.numpy, out.shape) == (expected.dtype, expected.shape), case
        outputs.append(out)
        references.append(expected)
        arrays.update(zip(inputs, values, strict=True))
    for case, found, expected in zip(group, evaluator(outputs, arrays), references, strict=True):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), case
        assert_same(found, expected, exact=exact, what=str(case))


def assert_same(found: Array, expected: Array, *, exact: bool, what: str = "") -> None:
    """Equal, nan being nan; floats that need not be exact within `TOLERANCE`."""
    if exact or expected.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected, err_msg=what)
        return
    tolerance = TOLERANCE[expected.dtype.name]
    finite = expected[np.isfinite(expected)]
    scale = float(np.max(np.abs(finite), initial=0.0))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale, err_msg=what)


@dataclass(frozen=True, eq=False)
class Problem:
    """A differentiable case as one function of its float arguments, with fixed directions for each."""

    case: Case
    inputs: list[Expr]
    arrays: list[Array]
    out: Expr
    rng: np.random.Generator

    @staticmethod
    def of(case: Case) -> Problem:
        inputs = case.inputs()
        out = make(case.op, tuple(inputs), case.attrs)
        return Problem(case, inputs, case.arrays(), out, np.random.default_rng(zlib.crc32(str(case).encode())))

    @property
    def moving(self) -> list[int]:
        """Positions of the arguments that can be differentiated by."""
        return [i for i, x in enumerate(self.inputs) if x.dtype.is_float]

    def directions(self) -> list[Array]:
        """A random direction for each moving argument."""
        return [self.rng.normal(size=self.arrays[i].shape) for i in self.moving]

    def variables(self) -> list[Expr]:
        return [self.inputs[i] for i in self.moving]

    def value(self, outputs: Sequence[Expr], steps: Sequence[Array] | None = None, factor: float = 0.0) -> list[Array]:
        """The outputs at the case's arrays, moved by factor · steps."""
        moved = list(self.arrays)
        if steps is not None:
            for i, step in zip(self.moving, steps, strict=True):
                moved[i] = moved[i] + factor * step
        found = EVALUATORS["interpret"](outputs, dict(zip(self.inputs, moved, strict=True)))
        return list(found)

    def difference(self, outputs: Sequence[Expr], steps: Sequence[Array]) -> list[Array]:
        """The central difference of the outputs along `steps`."""
        ahead, behind = self.value(outputs, steps, STEP), self.value(outputs, steps, -STEP)
        return [(a - b) / (2 * STEP) for a, b in zip(ahead, behind, strict=True)]


def check_vjp(case: Case) -> None:
    """vjp against central differences, then the vjp of that against differences of it."""
    problem = Problem.of(case)
    outputs = [problem.out]
    for _ in range(2):
        weights = [problem.rng.normal(size=o.shape) for o in outputs]
        pulled = gc.vjp(outputs, problem.variables(), weights)
        steps = problem.directions()
        expected = inner(weights, problem.difference(outputs, steps))
        assert_near(inner(problem.value(pulled), steps), expected, case)
        outputs = pulled


def check_jvp(case: Case) -> None:
    """jvp against central differences, then the jvp of that against differences of it."""
    problem = Problem.of(case)
    outputs = [problem.out]
    for _ in range(2):
        steps = problem.directions()
        pushed = gc.jvp(outputs, problem.variables(), steps)
        for found, expected in zip(problem.value(pushed), problem.difference(outputs, steps), strict=True):
            assert_near(found, expected, case)
        outputs = pushed


def check_transposes(case: Case) -> None:
    """⟨w, jvp(v)⟩ = ⟨vjp(w), v⟩: both rules are of the same linear map."""
    problem = Problem.of(case)
    steps, weight = problem.directions(), problem.rng.normal(size=problem.out.shape)
    pushed = gc.jvp(problem.out, problem.variables(), steps)
    pulled = gc.vjp(problem.out, problem.variables(), weight)
    found = inner([weight], problem.value([pushed]))
    expected = inner(problem.value(pulled), steps)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11, err_msg=str(case))


def inner(a: Sequence[Array], b: Sequence[Array]) -> float:
    return float(sum(np.sum(x * y) for x, y in zip(a, b, strict=True)))


def assert_near(found: Array | float, expected: Array | float, case: Case) -> None:
    """Equal up to the error of a central difference."""
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-7, err_msg=str(case))
