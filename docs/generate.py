"""Writes what follows from other things: the pages of docs/reference, from the code (what graphc has of the array API
standard, every operation with its tables, the names the site documents); the README's picture, from its code; and the
notebooks among the examples, from pages.

`python docs/generate.py` writes them; the tests compare what it would write with what is there.
"""

from __future__ import annotations

import inspect
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import blocks
import standard

import graphc as gc
from graphc.codegen import vectormath
from graphc.interop.sympy_table import SYMPY
from graphc.ir.expr import Expr, make
from graphc.ir.op import REGISTRY, OpDef, Sample
from graphc.teach.formula import ONE, Formula, Symbol
from graphc.teach.printers import latex, text
from graphc.teach.rows import Notation
from graphc.teach.written import notation_of

REFERENCE = Path(__file__).parent / "reference"
PICTURE = Path(__file__).parent / "images" / "loss-and-gradient.svg"
NOTHING = "–"


def written() -> dict[Path, str]:
    """Every generated page and its text."""
    pages = {"array-api.md": array_api(), "ops.md": operations(), "api.md": names()}
    return {REFERENCE / name: page for name, page in pages.items()}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    heads = list(head)
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def code(words: str) -> str:
    """Set as code, whatever it holds."""
    return f"`{words}`" if words else NOTHING


# The array API standard ----------------------------------------------------------------------------------------


def array_api() -> str:
    """What there is of every function, method, constant and data type of the standard."""
    sections = {**standard.MAIN, **standard.EXTENSIONS}
    listed = {title: standard.functions(section) for title, section in sections.items()}
    every = [name for functions in listed.values() for name, _ in functions]
    there = [name for name in every if is_there(gc, name)]
    parts = [
        "# The array API standard, function by function\n\n"
        "Generated from the code by `docs/generate.py`. Revision 2024.12 of the\n"
        "[Python array API standard](https://data-apis.org/array-api/2024.12) has\n"
        f"{len(every)} functions in its main namespace and two extensions; graphc has {len(there)} of them and\n"
        f"refuses {len(every) - len(there)}, for the reason given. Those of the extensions stand among the others.\n\n"
        "Names, argument names and axis rules are the standard's. Two of its arguments are left out everywhere:\n"
        "`device`, since there is one, and `copy`, since an expression never changes and needs none. Where the\n"
        "standard leaves a default dtype open, it is float32, and int64 for integers.\n"
    ]
    for title, functions in listed.items():
        rows = [function_row(name, signature) for name, signature in functions]
        parts.append(f"## {title}\n\n{table(('standard', 'graphc', 'notes'), rows)}")
    methods = [method_row(name) for name in (*standard.METHODS, *standard.ATTRIBUTES)]
    parts.append(f"## The array object\n\n{table(('standard', 'graphc', 'notes'), methods)}")
    parts.append(f"## Constants and data types\n\n{table(('standard', 'graphc', 'notes'), constant_rows())}")
    return "\n".join(parts)


def is_there(owner: ModuleType | type, name: str) -> bool:
    """Whether there is such a function that does what it says; the table of refusals has to agree."""
    found = hasattr(owner, name.rpartition(".")[2]) and name not in standard.RAISES
    if found == (name in standard.REFUSED):
        raise LookupError(f"{name} is {'there' if found else 'missing'}: docs/standard.py should say otherwise")
    return found


def function_row(name: str, signature: str) -> tuple[str, str, str]:
    """The row of a function."""
    if not is_there(gc, name):
        return code(signature), "refused", standard.REFUSED[name]
    short = name.rpartition(".")[2]
    return code(signature), code(f"gc.{short}"), "; ".join(differences(short, name, signature)) or NOTHING


def differences(short: str, name: str, signature: str) -> Iterator[str]:
    """How ours is other than the standard's."""
    scope: dict[str, Any] = {}
    exec(f"def function{signature[len(name) :]}: ...", scope)
    theirs = inspect.signature(scope["function"]).parameters
    ours = inspect.signature(getattr(gc, short)).parameters
    lacking = [p for p in theirs if p not in ours and p not in ("device", "copy")]
    if lacking:
        yield "without " + ", ".join(map(code, lacking))
    if further := [p for p in ours if p not in theirs]:
        yield "also " + ", ".join(map(code, further))
    if short in standard.NOTES:
        yield standard.NOTES[short]


def method_row(name: str) -> tuple[str, str, str]:
    """The row of a method or attribute of arrays."""
    if not is_there(Expr, name):
        return code(name), "refused", standard.REFUSED[name]
    return code(name), "yes", NOTHING


def constant_rows() -> Iterator[tuple[str, str, str]]:
    """The rows of constants and data types."""
    for name in standard.CONSTANTS:
        yield code(name), code(f"gc.{name}") if hasattr(gc, name) else "refused", NOTHING
    for name, reason in standard.DTYPES.items():
        if hasattr(gc, name) == bool(reason):
            raise LookupError(f"the dtype {name}: docs/standard.py should say otherwise")
        yield code(name), "refused" if reason else code(f"gc.{name}"), reason or NOTHING


# The operations ------------------------------------------------------------------------------------------------

KINDS = {
    "leaf": "Leaves: what is given",
    "elementwise": "Elementwise: an element from the elements in the same place",
    "view": "Views: the same elements in other places",
    "join": "Joins: several arrays in one",
    "reduce": "Reductions: many elements to one",
    "cumulative": "Running reductions",
    "contract": "Contractions: products summed",
    "index": "Indexing: places that are computed",
    "sort": "Order",
    "identity": "Marks of derivatives",
}

NATIVE = {
    "leaf": "memory, or a value in a register",
    "elementwise": "instructions, or a polynomial put in line, for any number of lanes",
    "view": "index arithmetic, no code of its own",
    "join": "written in place",
    "reduce": "a loop in fixed-order vector partials",
    "cumulative": "a loop with a carried value",
    "contract": "blocked and packed tiles of registers",
    "index": "computed addresses in the loop that reads or writes",
    "sort": "ranks for short rows, digits for long ones",
    "identity": "gone before code is made",
}
"""How the ops of a kind become machine code. None of them calls a library."""

HEAD = ("operation", "value", "dtypes", "derivative", "native", "SymPy", "LaTeX")


def operations() -> str:
    """Every op of the registry, a row for each, by kind."""
    if strangers := {op.kind for op in REGISTRY.values()} - set(KINDS):
        raise LookupError(f"KINDS has no section for {strangers}")
    parts = [
        "# Every operation and its tables\n\n"
        f"Generated from the registry by `docs/generate.py`: the {len(REGISTRY)} operations that every graph is made\n"
        "of. Whatever else graphc has, `gc.softmax` or a layer, is written in these. The derivative says what becomes\n"
        "of the upstream cotangent G on the way to each argument: of an elementwise operation it gives the factor of\n"
        "G, of others the whole cotangent. A function of steps has 0, and – stands where nothing can flow.\n"
    ]
    for kind, title in KINDS.items():
        rows = [operation_row(op) for op in REGISTRY.values() if op.kind == kind]
        parts.append(f"## {title}\n\nIn native code: {NATIVE[kind]}.\n\n{without_empty_columns(HEAD, rows)}")
    parts.append(accuracy())
    return "\n".join(parts)


def without_empty_columns(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table of the columns in which some row says something."""
    kept = [i for i in range(len(head)) if any(row[i] != NOTHING for row in rows)]
    return table((head[i] for i in kept), ([row[i] for i in kept] for row in rows))


def operation_row(op: OpDef) -> tuple[str, ...]:
    """What every table says of an op."""
    shown = f"{op.name}[{', '.join(op.params)}]" if op.params and op.kind != "leaf" else op.name
    head = code(shown), op.doc, ", ".join(op.dtypes) or "all"
    node = example(op)
    if node is None:
        return *head, NOTHING, native(op), NOTHING, NOTHING
    row = notation_of(node)
    arguments = [Symbol(letter, scalar=op.kind == "elementwise") for letter in letters(op)]
    sympy = code(sympy_formula(op, node)) if op.name in SYMPY else NOTHING
    return *head, derivative(op, node, row, arguments), native(op), sympy, code(latex(row.value(node, *arguments)))


def letters(op: OpDef) -> tuple[str, ...]:
    """What the arguments are called: as the op's description calls them."""
    if op.name in ("where", "choose"):
        return "c", "x", "y"
    if op.name == "atan2":
        return "y", "x"
    return ("x", "y", "z", "w", "v")[: max(op.arity, 0)] if op.arity >= 0 else ("x", "y")


def example(op: OpDef) -> Expr | None:
    """The op with arguments it takes; None for leaves and for what stands for a function of the user's."""
    samples = [*op.samples()] if op.samples else []
    if not samples:
        return None
    sample: Sample = max(samples, key=lambda s: (s.shapes[0] != (), all(0 not in shape for shape in s.shapes)))
    given = sample.dtypes or ("",) * len(sample.shapes)
    dtype = {"float": "float32", "int": "int32", "uint": "uint32", "bool": "bool"}[op.dtypes[0]]
    kinds = zip(letters(op), sample.shapes, given, strict=False)
    return make(op, tuple(gc.input(name, shape, d or dtype) for name, shape, d in kinds), dict(sample.attrs))


def derivative(op: OpDef, node: Expr, row: Notation, arguments: list[Symbol]) -> str:
    """The cotangent of each argument, as text."""
    if op.vjp is None or not any(row.adjoints):
        return "0" if "stepwise" in op.flags else NOTHING
    elementwise = op.kind == "elementwise"
    g: Formula = ONE if elementwise else Symbol("G")
    out = Symbol("out", scalar=elementwise)
    found = []
    for letter, adjoint in zip(letters(op), row.adjoints, strict=True):
        if adjoint is not None:
            found.append(f"∂{letter}: {text(adjoint(g, node, out, *arguments))}")
    return code("; ".join(found))


def native(op: OpDef) -> str:
    """How an elementwise op becomes machine code; the others of a kind are alike."""
    if op.kind != "elementwise":
        return NOTHING
    return "polynomial" if op.name in vectormath.FUNCTIONS else "instructions"


def sympy_formula(op: OpDef, node: Expr) -> str:
    """What SymPy gets, in its own notation."""
    import sympy

    boolean = [x.dtype.name == "bool" for x in node.args]
    symbols = [
        sympy.Symbol(name) if b else sympy.Symbol(name, real=True) for name, b in zip(letters(op), boolean, strict=True)
    ]
    return str(SYMPY[op.name](*symbols, **node.attrs))


def accuracy() -> str:
    """The largest errors of the elementary functions, as their module states them."""
    rows = re.findall(r"^ +(\w+)((?: +\d\.\d\d){4})$", vectormath.__doc__ or "", re.MULTILINE)
    head = ("function", "float32, fma", "float32, no fma", "float64, fma", "float64, no fma")
    return (
        "## How accurate the inline polynomials are\n\n"
        "The largest errors seen, in units in the last place. How they were measured, and what is said of lgamma,\n"
        "digamma and trigamma, stands at the head of `graphc/codegen/vectormath`.\n\n"
        + table(head, ([code(name), *errors.split()] for name, errors in rows))
    )


# The names -----------------------------------------------------------------------------------------------------


def names() -> str:
    """Every public name, for the site to document from its docstring."""
    parts = [
        "# Every name\n\n"
        "`import graphc as gc`. The list is generated from the code by `docs/generate.py`; the site shows the\n"
        "docstring of each. In Python, `help(gc.softmax)` shows the same.\n"
    ]
    for title, found in by_room().items():
        parts.append(f"## {title}\n\n{directives('graphc', found)}")
    for module in (gc.nn, gc.nn.initializers, gc.optim):
        here = [n for n in public(module) if documented(getattr(module, n))]
        parts.append(f"## {module.__name__}\n\n{directives(module.__name__, here)}")
    return "\n".join(parts)


def public(module: ModuleType) -> list[str]:
    """The names a module offers."""
    own = (n for n, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__)
    return getattr(module, "__all__", sorted(n for n in own if not n.startswith("_")))


ROOMS = {
    "Building": ("frontend.creation", "frontend.filled"),
    "Elementwise": ("frontend.elementwise", "frontend.transcendental", "frontend.activations"),
    "Reductions": ("frontend.reductions", "frontend.statistics", "frontend.norms"),
    "Products": ("frontend.contraction", "frontend.einstein"),
    "Shapes": ("frontend.shapes", "frontend.manipulation"),
    "Indexing and order": ("frontend.indexing", "frontend.sorting", "frontend.selection"),
    "Data types": ("frontend.datatypes",),
    "Derivatives": ("autodiff", "transform"),
    "Control flow": ("frontend.control", "control"),
    "Compiling": ("compiler", "interpret", "ir.text"),
    "Looking, deriving, exchanging": ("viz", "teach", "interop"),
}
"""Sections of the page, and the modules whose functions stand in each."""


def by_room() -> dict[str, list[str]]:
    """The public functions and classes by section; what fits in none comes last."""
    sections: dict[str, list[str]] = {title: [] for title in (*ROOMS, "Others")}
    for name in gc.__all__:
        thing = getattr(gc, name)
        if documented(thing):
            sections[section_of(thing)].append(name)
    return {title: found for title, found in sections.items() if found}


def documented(thing: Any) -> bool:
    """Whether it is a function or class with a docstring of its own."""
    return (inspect.isfunction(thing) or inspect.isclass(thing)) and bool(thing.__doc__)


def section_of(thing: Any) -> str:
    """The section a function or class belongs in, by the module it is from."""
    module = thing.__module__.removeprefix("graphc.")
    for title, rooms in ROOMS.items():
        if any(module == room or module.startswith(f"{room}.") for room in rooms):
            return title
    return "Others"


def directives(module: str, found: Iterable[str]) -> str:
    """What tells Sphinx to show the docstrings."""
    owner = __import__(module, fromlist=["_"])
    lines = []
    for name in found:
        is_class = inspect.isclass(getattr(owner, name))
        lines.append(f".. auto{'class' if is_class else 'function'}:: {module}.{name}\n")
        lines += ["   :members:\n"] * is_class
    return "```{eval-rst}\n" + "".join(lines) + "```\n"


# The picture ---------------------------------------------------------------------------------------------------


def picture() -> str:
    """What the README's code draws of its loss and gradient."""
    readme = blocks.ROOT / "README.md"
    with tempfile.TemporaryDirectory() as folder:
        blocks.run(readme.read_text(encoding="utf-8"), readme.name, Path(folder))
        return (Path(folder) / "loss.svg").read_text(encoding="utf-8")


def words_of(svg: str) -> list[str]:
    """What a picture says, whatever its layout."""
    return sorted(re.findall(r"<text[^>]*>([^<]*)</text>", svg))


# Notebooks -----------------------------------------------------------------------------------------------------

NOTEBOOKS = ("getting-started", "deep-learning", "compiler")


def notebooks() -> dict[Path, str]:
    """The pages that are worth trying out, as notebooks: words and code in turn, outputs left to the reader."""
    folder = blocks.ROOT / "examples"
    pages = {name: (blocks.DOCS / f"{name}.md").read_text(encoding="utf-8") for name in NOTEBOOKS}
    return {folder / f"{name.replace('-', '_')}.ipynb": notebook(page) for name, page in pages.items()}


def notebook(page: str) -> str:
    """A page as a Jupyter notebook."""
    cells: list[dict[str, Any]] = []
    end = 0
    for block in blocks.blocks(page):
        cells.append(words(page[end : block.span[0]]))
        # Jupyter goes on after an error in a cell with this tag.
        tags = {"tags": ["raises-exception"]} if re.match(r"\w+Error: ", block.stated or "") else {}
        code_cell = {"cell_type": "code", "execution_count": None, "metadata": tags, "outputs": []}
        cells.append(code_cell | {"source": block.code.strip().splitlines(keepends=True)})
        end = block.span[1]
    cells.append(words(page[end:]))
    shown = [{"id": f"cell{i}", **cell} for i, cell in enumerate(c for c in cells if c["source"])]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = {"cells": shown, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def words(text: str) -> dict[str, Any]:
    """A cell of words, its links leading back to the docs."""
    linked = re.sub(r"\]\((?!https?:)([^)]+)\)", r"](../docs/\1)", text.strip())
    return {"cell_type": "markdown", "metadata": {}, "source": linked.splitlines(keepends=True)}


def main() -> None:
    """Write the pages, the picture and the notebooks."""
    PICTURE.write_text(picture(), encoding="utf-8")
    REFERENCE.mkdir(exist_ok=True)
    for path, page in (written() | notebooks()).items():
        path.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
