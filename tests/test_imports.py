"""Who may import whom, and what `import graphc` may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import graphc as gc

PACKAGE = Path(gc.__file__).parent

MIDDLE = {"ir", "ops", "frontend", "autodiff", "interpret", "rewrite", "passes", "loop", "codegen"}
FACE = {"ir", "ops", "autodiff", "interpret", "frontend", "transform", ""}
ALLOWED = {
    "ir": set(),
    "ops": {"ir"},
    "frontend": {"ops", "ir"},
    "autodiff": {"ops", "ir"},
    "interpret": {"ops", "ir"},
    "transform": {"autodiff", "frontend", "ops", "ir"},
    "rewrite": {"ops", "ir"},
    "passes": {"rewrite", "ops", "ir"},
    "loop": {"ops", "ir"},
    "codegen": {"loop", "ops", "ir"},
    "viz": {"ir", "ops", "loop", "autodiff", "interpret"},  # pictures show gradients and values
    "compiler": MIDDLE | {"viz"},
    "teach": FACE,
    "interop": FACE,
    "nn": FACE | {"optim"},
    "optim": FACE,
    "notebook": {"ir"},
    "": {"ir", "ops", "frontend", "autodiff", "interpret", "transform", "notebook"},
}
"""For each room the rooms it may import; "" is `graphc` itself, the public face."""

LAZILY = {("viz", "compiler"), ("viz", "")}
"""Imports that are allowed inside functions only: what a picture is asked to show may need them."""

HEAVY = ("llvmlite", "sympy", "graphviz", "pygraphviz", "networkx", "tqdm", "matplotlib", "sklearn", "scipy")


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py").replace("__init__", "")


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(tree: ast.AST, inside: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Import statements that run, and whether each is inside a function."""
    for node in ast.iter_child_nodes(tree):
        if is_type_checking(node):
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node, inside
        yield from imports(node, inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def targets(node: ast.Import | ast.ImportFrom, path: Path) -> list[str]:
    """The rooms of ours that a statement imports from."""
    if isinstance(node, ast.Import):
        full = [alias.name for alias in node.names]
    else:
        base = ["graphc", *path.relative_to(PACKAGE).parts[:-1]]
        prefix = base[: len(base) - node.level + 1] if node.level else []
        module = ".".join([*prefix, *([node.module] if node.module else [])])
        # `from graphc import nn` and `from . import ops` name rooms after the import.
        full = [f"{module}.{alias.name}" for alias in node.names] if module == "graphc" else [module]
    ours = [name.split(".") for name in full if name.split(".")[0] == "graphc"]
    return [parts[1] if len(parts) > 1 and is_room(parts[1]) else "" for parts in ours]


def is_room(name: str) -> bool:
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_rooms_import_only_what_the_table_allows(path: Path) -> None:
    room = room_of(path)
    for node, inside in imports(ast.parse(path.read_text(encoding="utf-8"))):
        for target in targets(node, path):
            allowed = target == room or target in ALLOWED[room] or (inside and (room, target) in LAZILY)
            assert allowed, f"{path.relative_to(PACKAGE)}:{node.lineno}: {room or 'graphc'} may not import {target!r}"


def test_only_codegen_knows_llvmlite() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node, _ in imports(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            if any(n.split(".")[0] == "llvmlite" for n in names):
                assert room_of(path) == "codegen", path


def test_importing_graphc_is_light() -> None:
    code = f"import sys, graphc; print([m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert run.stdout.strip() == "[]"


def test_every_public_name_exists() -> None:
    for name in gc.__all__:
        assert hasattr(gc, name)
    assert set(gc.__all__) <= set(dir(gc))


def test_interpret_is_the_function_and_not_its_module() -> None:
    assert gc.interpret(gc.constant(2.0)) == 2.0


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tensor'"):
        gc.tensor  # noqa: B018


def test_no_file_grows_past_six_hundred_lines() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 600, path
