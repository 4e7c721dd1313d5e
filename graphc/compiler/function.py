"""`gc.compile` and what it returns.

A `Function` holds a graph and a bounded table of its versions, one for each choice of sizes of its named dimensions.
Calling it runs the builtin of the latest one; whatever that builtin finds unusual comes here, to `_slow`, which
converts arguments, picks or makes the version, or says what is wrong.

The code of a version is found in the cache or made by the pipeline, which is imported when it is needed: by the first
graph that the cache does not have, or when somebody looks at what a program was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..codegen.entry import Structure
from ..codegen.jit import Target, assembly, optimized_ir
from ..codegen.program import Program
from ..codegen.team import thread_count
from ..ir.arguments import convert
from ..ir.collector import without_collection
from ..ir.dim import Dim
from ..ir.dim import names as names_in
from ..ir.errors import CompileError, DTypeError, GraphcError, GraphError, ShapeError, describe
from ..ir.expr import Expr
from ..ir.fork import lock
from ..ir.graph import ExprTable, Graph, check_updates
from ..ir.op import Array
from ..ir.open_size import StillOpenError
from ..ir.source import no_sources
from ..ir.text import dump
from ..ir.tree import Tree, expressions
from ..ops import leaf
from ..passes.marks import without_marks
from ..passes.open import open_dimension
from . import cache
from .cache import Code
from .options import LEVELS, Options, Trace
from .versions import Shapes, Version, Versions

if TYPE_CHECKING:
    from .pipeline import Specialization
    from .profile import Profile
    from .report import Report
    from .view import View

STAGES = ("graph", "kernels", "loops", "llvm", "asm")


class Function:
    """A compiled graph. Call it with arrays in the order of its inputs, or by their names.

    Arrays of the declared dtype that are native, aligned and C-contiguous go in without a copy, and so do Python's
    floats and ints where an input has no axes; the rest is converted first. See `gc.compile`.
    """

    inputs: tuple[Expr, ...]
    """The inputs, in the order of a call."""
    outputs: Any
    """The outputs, in the structure of a result."""

    def __init__(self, name: str, graph: Graph, outputs: Tree, options: Options) -> None:
        self.name = name
        self.inputs = graph.inputs
        self.outputs = outputs.rebuild(outputs.leaves)
        self.updates = graph.updates
        self._tree = outputs
        self._options = options
        self._trace = Trace()
        self._source_graph = graph
        self.probes: dict[str, Array] = {}
        """By name what the probes of `gc.probe` saw in the latest call."""
        with no_sources():
            bare, probes = without_marks(graph)
            self._probes = tuple(probes)
            self._bare = Graph(bare.inputs, (*bare.outputs, *probes.values()), bare.updates) if probes else bare
        self._simplified: Graph | None = None
        leaves = (node for node in (*self._bare.nodes, *graph.inputs) if not node.args)
        self._named = any(isinstance(d, Dim) for node in leaves for d in node.shape)
        open_to = None if options.check else open_dimension(graph.inputs)
        self._versions = Versions(graph.inputs, open_to, self._compiled)
        self._lock = lock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._slow(*args, **kwargs)

    def __reduce__(self) -> NoReturn:
        raise GraphError(
            f"{self.name}: a compiled function is not pickled, its code belongs to this process; compile the graph "
            "where it is needed, which the cache on disk makes quick"
        )

    def __copy__(self) -> Function:
        return self

    def __deepcopy__(self, memo: object) -> Function:
        return self

    def __repr__(self) -> str:
        inputs = ", ".join(f"{i.name}: {i.type_text}" for i in self.inputs)
        return f"<compiled {self.name}({inputs})>"

    # Calling ---------------------------------------------------------------------------------------------------

    def _slow(self, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        """A call whose arguments are not exactly the arrays of the latest specialization."""
        arrays = self._converted(self._bound(args, kwargs))
        program = self._version(tuple(a.shape for a in arrays)).program
        if out is None:
            outputs = program.empty_outputs(arrays)
            program.run(arrays, outputs)
            return program.hand_over(outputs)
        given = self._checked_out(out, program, arrays)
        fresh = program.empty_outputs(arrays)
        outputs = fresh if self._options.check else [*given, *fresh[len(given) :]]
        program.run(arrays, outputs)
        for array, output in zip(given, outputs, strict=False):
            if array is not output:
                array[...] = output
        self._handed_over(outputs)
        return out

    def _handed_over(self, outputs: Sequence[Array]) -> Any:
        """The outputs in the user's structure; what the probes saw is kept."""
        count = len(self._tree.leaves)
        self.probes = dict(zip(self._probes, outputs[count:], strict=True))
        return self._tree.rebuild(outputs[:count])

    def _bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        """The value of each input, from positions and names."""
        if not kwargs and len(args) == len(self.inputs):
            return list(args)
        names = [str(i.name) for i in self.inputs]
        if len(args) > len(names):
            raise GraphError(f"{self.name} takes {len(names)} arguments ({', '.join(names)}), {len(args)} were given")
        values: dict[int, Any] = dict(enumerate(args))
        for name, value in kwargs.items():
            if names.count(name) != 1:
                problem = "has no input" if name not in names else "cannot tell apart by name its inputs"
                raise GraphError(f"{self.name} {problem} {name!r}; it takes {', '.join(names) or 'none'}")
            if names.index(name) in values:
                raise GraphError(f"{self.name}: the input {name!r} is given twice")
            values[names.index(name)] = value
        missing = [i for at, i in enumerate(self.inputs) if at not in values]
        if missing:
            listed = describe(**{str(i.name): i for i in missing})
            raise GraphError(f"{self.name}: no array was given for {', '.join(repr(i.name) for i in missing)}{listed}")
        return [values[at] for at in range(len(names))]

    def _converted(self, values: Sequence[Any]) -> list[Array]:
        """Clean arrays of the declared dtypes."""
        arrays = []
        for expr, value in zip(self.inputs, values, strict=True):
            try:
                arrays.append(convert(value, expr.dtype, f"{self.name}: the input {expr.name!r}"))
            except GraphcError as error:
                raise type(error)(f"{error}{describe(input=expr)}") from None
        return arrays

    def _version(self, shapes: Shapes, *, looking: bool = False) -> Version:
        """The program for these shapes: a known one or a new one. The next call tries it first."""
        with self._lock:
            before = self._versions.latest
            found = self._versions.use(shapes, looking=looking)
            if found is not before:
                type(self).__call__ = found.program.call  # type: ignore[method-assign]
            return found

    @property
    def _latest(self) -> Version | None:
        return self._versions.latest

    @without_collection
    def _compiled(self, sizes: Mapping[str, int], open_to: str | None) -> Version:
        trace = Trace()
        trace.timed("target", Target.current)
        slot, found = trace.timed("cache", lambda: self._kept(sizes, open_to))
        if found is not None:
            with suppress(CompileError):  # what cannot be linked is as good as nothing
                return self._loaded_version(Version(sizes, open_to, found, trace.seconds, None), trace)
        if open_to is not None and trace.timed("cache", lambda: self._kept(sizes, None))[1] is not None:
            raise StillOpenError  # so it was when that was made
        made = self._made(sizes, open_to)
        code = made.code
        if slot is not None:
            trace.timed("cache", lambda: slot.keep(code))
        trace.seconds = {**made.trace.seconds, **trace.seconds}
        return self._loaded_version(Version(sizes, open_to, code, trace.seconds, made), trace)

    def _kept(self, sizes: Mapping[str, int], open_to: str | None) -> tuple[cache.Slot | None, Code | None]:
        """The place in the cache for the code of these sizes, and what is there."""
        slot = cache.slot(self._bare, sizes, self._structure, self._options, open_to)
        return slot, slot.find(self.name, self._structure) if slot is not None else None

    def _loaded_version(self, version: Version, trace: Trace) -> Version:
        version.program = trace.timed("load", lambda: self._loaded(version, self._slow))
        return version

    def _loaded(self, version: Version, slow: Callable[..., Any]) -> Program:
        def failed(status: int) -> NoReturn:
            self._failed(version, program, status)

        code = version.code
        params = [leaf.storage(p) for p in code.params]
        rebuild = self._handed_over if code.signature.kind == "rebuild" else None
        program = Program(
            code.objects, code.signature, params, code.constants, slow=slow, failed=failed, rebuild=rebuild
        )
        return program

    def entry(self, slow: Callable[..., Any]) -> Callable[..., Any]:
        """The builtin behind a call, for whoever has a way of their own for unusual arguments: `slow` gets those."""
        return self._loaded(self._version_of({}), slow).call

    def _failed(self, version: Version, program: Program, status: int) -> NoReturn:
        if version.code.signature.checked and status > 0:
            from .verdict import verdict

            raise verdict(self.name, self._looked_at(version), status, program.report(status))
        raise CompileError(f"{self.name}: native code gave up with status {status}")

    def _checked_out(self, out: Any, program: Program, inputs: Sequence[Array]) -> list[Array]:
        """Arrays to write results to: exact dtype and shape, contiguous, writable, apart from each other and inputs."""
        declared = program.signature.outputs[: len(self._tree.leaves)]
        shapes = program.output_shapes(inputs)
        given = self._tree.match(out)
        if given is None:
            raise GraphError(f"{self.name}: out= holds its arrays as a result does: {len(declared)}, in its structure")
        for i, (array, kind) in enumerate(zip(given, declared, strict=True)):
            if not isinstance(array, np.ndarray):
                raise DTypeError(f"{self.name}: out= should hold NumPy arrays, not {type(array).__name__}")
            if array.dtype != np.dtype(kind.dtype):
                raise DTypeError(f"{self.name}: output {i} has dtype {kind.dtype}, its out= array {array.dtype}")
            flags = array.flags
            if array.shape != shapes[i] or not (flags.c_contiguous and flags.aligned and flags.writeable):
                raise ShapeError(
                    f"{self.name}: output {i} needs a writable C-contiguous array of shape {shapes[i]}, "
                    f"not one of shape {array.shape} and strides {array.strides}"
                )
            others = (*inputs, *given[:i])
            if any(np.may_share_memory(array, other) for other in others):
                raise GraphError(f"{self.name}: the array for output {i} overlaps an input or another output")
        return given

    # Looking ---------------------------------------------------------------------------------------------------

    @property
    def graph(self) -> Graph:
        """The optimized graph: of the latest specialization, or with named sizes before the first call."""
        return self._looked_at(self._latest).graph if self._latest is not None else self._graph

    @property
    def kernels(self) -> tuple[Any, ...]:
        """The kernels of the latest specialization, in the order they run; over as many rows as it is for at most."""
        kernels = self._specialization({}).kernels
        return tuple(replace(kernel, domain=tuple(map(int, kernel.domain))) for kernel in kernels)

    @property
    def _graph(self) -> Graph:
        """The simplified graph, with named sizes."""
        from .pipeline import simplified

        with self._lock, no_sources():
            if self._simplified is None:
                self._simplified = simplified(self._bare, self._options, self._trace)
            return self._simplified

    @property
    def _structure(self) -> Structure:
        """How results are handed over."""
        return _structure(self._tree, len(self._probes))

    def _made(self, sizes: Mapping[str, int], open_to: str | None, known: Code | None = None) -> Specialization:
        """The program for these sizes and all it was made from; without LLVM's part where its code is known."""
        from .pipeline import specialize

        graph = self._graph
        return specialize(self.name, graph, sizes, self._structure, self._options, self._trace.copy(), known, open_to)

    def _looked_at(self, version: Version) -> Specialization:
        """What a program was made from, with the seconds that it took to have the program."""
        with self._lock:
            if version.made is None:
                version.made = self._made(version.sizes, version.open_to, version.code)
            version.made.trace.seconds = dict(version.seconds)
            return version.made

    def _specialization(self, sizes: Mapping[str, int]) -> Specialization:
        """The specialization for given sizes, or the latest one, or the only one."""
        return self._looked_at(self._version_of(sizes))

    def _version_of(self, sizes: Mapping[str, int]) -> Version:
        """The program for given sizes, or the latest one, or the only one."""
        if not sizes and self._latest is not None:
            return self._latest
        self._check_sizes(sizes)
        from ..ir.dim import evaluate

        shapes = [tuple(evaluate(d, sizes) for d in i.shape) for i in self.inputs]
        unknown = sorted({str(d) for s in shapes for d in s if isinstance(d, Dim)})
        if unknown:
            raise GraphError(
                f"{self.name}: the sizes {', '.join(unknown)} are not known before a call; call it, or give them: "
                f"dump('loops', {unknown[0]}=128)"
            )
        return self._version(tuple(tuple(int(d) for d in s) for s in shapes), looking=True)

    def _check_sizes(self, sizes: Mapping[str, Any]) -> None:
        """Refuse sizes of what is no named dimension, and what is no size."""
        known = sorted({name for i in self.inputs for d in i.shape for name in names_in(d)})
        for name, size in sizes.items():
            if name not in known:
                raise GraphError(f"{self.name} has no named dimension {name!r}; it has {', '.join(known) or 'none'}")
            if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 0:
                raise GraphError(f"{self.name}: {name} should be an integer ≥ 0, not {size!r}")

    def dump(self, stage: str = "graph", **sizes: int) -> str:
        """The program as text at a stage: "graph", "kernels", "loops", "llvm" or "asm".

        Args:
            stage: which text.
            sizes: sizes of named dimensions; without them the latest specialization is shown, and for "graph" before
                the first call the graph with its names.

        Raises:
            GraphError: an unknown stage, or sizes that are not known yet.
        """
        if stage not in STAGES:
            raise GraphError(f"dump: {stage!r} is no stage; there are {', '.join(STAGES)}")
        if stage == "graph" and not sizes and self._latest is None:
            return dump(self._graph)
        made = self._specialization(sizes)
        effort = LEVELS[self._options.optimize].effort
        if stage == "llvm":
            return "\n".join(optimized_ir(text, Target.current(), effort) for text in made.llvm)
        if stage == "asm":
            return "\n".join(assembly(text, Target.current(), effort) for text in made.llvm)
        return made.text(stage)

    def report(self) -> Report:
        """What was compiled: rule hits, kernels with their work, buffers, and where the time went."""
        from .report import build_report

        return build_report(self.name, self._source_graph, self._specialization({}))

    def profile(self, *args: Any, calls: int = 20, **kwargs: Any) -> Profile:
        """Where the time of a call goes: seconds of each kernel, beside what the machine could do.

        Runs on copies of the params, so that updates change nothing.

        Args:
            args: the arguments of a call; kwargs by the inputs' names.
            calls: how many calls to take the median of.

        Returns:
            A `Profile`, which prints as a table: kernels in order with seconds, operations and bytes per second, the
            share of the machine's limit they reach, and the user's lines they came from.
        """
        from .profile import profile

        arrays = self._converted(self._bound(args, kwargs))
        made = self._looked_at(self._version(tuple(a.shape for a in arrays)))
        return profile(self.name, made, self._options, arrays, calls)

    def origins(self, node: Expr) -> tuple[Expr, ...]:
        """The expressions, as they were built, that a node of the optimized graph stands for."""
        trace = self._trace if self._latest is None else self._looked_at(self._latest).trace
        return trace.origins.get(node) or (node,)

    def view(self, **sizes: int) -> View:
        """The function as pictures ask for it: phase by phase, with the code of its kernels.

        Args:
            sizes: sizes of named dimensions, where it was not called yet.

        Raises:
            GraphError: there is no dimension of such a name, or only some of the sizes are given.
        """
        from .view import View, stages

        has_sizes = bool(sizes) or self._latest is not None or not self._named
        made = self._specialization(sizes) if has_sizes else None
        return View(self.name, stages(self._source_graph, self._options), made, self._options, self.origins)

    def draw(self, **options: Any) -> Any:
        """A drawing of the optimized graph with its kernels as clusters; see `gc.draw`."""
        from ..viz import draw

        return draw(self, **options)


def _structure(tree: Tree, probes: int) -> Structure:
    """How the entry hands results over."""
    n = len(tree.leaves)
    skeleton = tree.skeleton
    if probes:
        return ("rebuild", n + probes)
    if tree.is_leaf:
        return "single"
    if type(skeleton) in (tuple, list) and list(skeleton) == list(range(n)):
        return (type(skeleton).__name__, n)
    if type(skeleton) is dict and list(skeleton.values()) == list(range(n)) and all(type(k) is str for k in skeleton):
        return ("dict", tuple(skeleton))
    return ("rebuild", n)


@without_collection
def compile(
    inputs: Sequence[Expr] | Expr,
    outputs: Any = (),
    updates: Mapping[Expr, Any] | Sequence[tuple[Expr, Any]] | None = None,
    *,
    name: str = "function",
    optimize: int = 2,
    fast_math: bool = False,
    threads: int | None = None,
    check: bool = False,
) -> Function:
    """Compile expressions to a native function.

    Args:
        inputs: what the function is called with, each made by `gc.input`.
        outputs: an expression, or tuples, lists and dicts of them; results come in the same structure, as fresh
            arrays.
        updates: new values of params, all computed from the old ones and written by the same call.
        name: what reports and errors call the function.
        optimize: 0 to 3, see `graphc.compiler.options.LEVELS`.
        fast_math: also apply rules that may change values beyond rounding (x - x → 0 even for nan).
        threads: how many threads a call may use; None for GRAPHC_NUM_THREADS, or else all processors. Results are the
            same bits for any number.
        check: look at what is computed, and raise at the end of a call in which something was wrong; params and
            `out=` are then as they were. `gc.IndexRangeError` (an IndexError): a computed index that is out of bounds,
            which would otherwise be clamped or dropped. `gc.NotFiniteError` (a FloatingPointError): an op made an
            infinity out of finite numbers, or nan out of none, or an input, a param or a constant that is read holds
            nan. Infinities that are given or written down may be carried on. Results are the same bits. Measured: a
            training step of a 784-512-10 network, batch 128, takes 1.03 to 1.13 times as long, softmax over 64×1000
            1.3 times, a sum over rows 1.6 times, a chain of 24 additions and products in the cache 4 times; compiling
            takes 2 to 3 times as long.

    A dimension whose name leads every array, as a batch's does, is read from each call: one program serves as many rows
    as the first call had, and fewer, and how many it is for changes no bit. A single row, graphs in which rows meet and
    `check` have programs for one size each. They are made as calls bring sizes, and kept for the 32 used last.

    The code is kept on disk for other processes, in the folder GRAPHC_CACHE_DIR, or else graphc in XDG_CACHE_HOME or in
    ~/.cache, if that is this user's alone to write. GRAPHC_CACHE=0 keeps and finds none.

    Raises:
        GraphError: an input that is none, is listed twice or is missing; an update of what is no param, or twice.
        ShapeError, DTypeError: a new value that does not fit its param.
    """
    if optimize not in range(len(LEVELS)):
        raise GraphError(f"compile: optimize should be 0 to {len(LEVELS) - 1}, not {optimize!r}")
    if not isinstance(name, str):
        raise GraphError(f"compile: name should be a text, not {name!r}")
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise GraphError(f"compile: threads should be a positive integer, not {threads!r}")
    listed = (inputs,) if isinstance(inputs, Expr) else tuple(inputs)
    tree = expressions(outputs, "compile: outputs")
    graph = Graph(listed, tree.leaves, _pairs(updates))
    check_updates(graph.updates)
    _check_inputs(graph)
    kind = type("Function", (Function,), {"__module__": Function.__module__, "__qualname__": "Function"})
    made: Function = kind(name, graph, tree, Options(optimize, fast_math, thread_count(threads), check))
    if not made._named:
        made._version_of({})
    return made


def _pairs(updates: Mapping[Expr, Any] | Sequence[tuple[Expr, Any]] | None) -> tuple[tuple[Expr, Expr], ...]:
    from ..frontend.lifting import lift

    items = updates.items() if isinstance(updates, Mapping) else (updates or ())
    pairs = []
    for param, new in items:
        if not isinstance(param, Expr):
            raise GraphError(f"compile: updates are of params, not of {type(param).__name__}")
        pairs.append((param, new if isinstance(new, Expr) else lift("compile", new, param.dtype)))
    return tuple(pairs)


def _check_inputs(graph: Graph) -> None:
    """Refuse inputs that are none, repeated or unlisted."""
    seen: ExprTable[None] = ExprTable()
    for expr in graph.inputs:
        if not isinstance(expr, Expr):
            raise GraphError(
                f"compile: inputs are a list of what gc.input makes, not of {type(expr).__name__}; a call may name "
                "them: f(x=array)"
            )
        if expr.op.name != "input":
            raise GraphError(f"compile: only what gc.input makes can be an input{describe(given=expr)}")
        if expr in seen:
            raise GraphError(f"compile: the input {expr.name!r} is listed twice{describe(input=expr)}")
        seen[expr] = None
    for node in graph.nodes:
        if node.op.name == "input" and node not in seen:
            raise GraphError(f"compile: {node.name!r} is used but not among the inputs{describe(missing=node)}")


def optimize(outputs: Any, *, level: int = 2, fast_math: bool = False) -> Any:
    """The simplified graph of some expressions, in their structure; what `gc.compile` would compile."""
    from .pipeline import simplified

    tree = expressions(outputs, "optimize: outputs")
    inputs = tuple(n for n in Graph((), tree.leaves).nodes if n.op.name == "input")
    with no_sources():
        bare, _ = without_marks(Graph(inputs, tree.leaves))
        found = simplified(bare, Options(level, fast_math), Trace())
    return tree.rebuild(found.outputs)
