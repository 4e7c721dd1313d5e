"""Every Python block of the README and the docs runs as it stands, in order, and gives what the page says; links lead
somewhere; generated pages are what the code would generate now."""

import contextlib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def tool(name):
    """A module of the docs folder, which is no package."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(DOCS))


blocks, generate, standard = tool("blocks"), tool("generate"), tool("standard")
PAGES = blocks.pages()
WITH_CODE = [page for page in PAGES if list(blocks.blocks(page.read_text()))]


def relative(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", WITH_CODE, ids=relative)
def test_the_code_runs_and_prints_what_the_page_says(page):
    for ran in blocks.run(page.read_text(), page.name):
        if ran.block.stated is not None:
            assert ran.output == ran.block.stated


def test_the_readme_writes_what_it_says(tmp_path):
    blocks.run((ROOT / "README.md").read_text(), "README.md", tmp_path)
    assert (tmp_path / "loss.svg").read_text().rstrip().endswith("</svg>")
    assert (tmp_path / "step.svg").read_text().rstrip().endswith("</svg>")
    assert "<math" in (tmp_path / "derivation.html").read_text()


def test_the_picture_of_the_readme_is_what_its_code_draws():
    assert generate.words_of(generate.PICTURE.read_text()) == generate.words_of(generate.picture())


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page):
    text = page.read_text()
    targets = re.findall(r"\]\(([^)#:]+)\)|src=\"([^\":]+)\"", text)
    for markdown, html in targets:
        assert (page.parent / (markdown or html)).exists(), markdown or html


def test_the_commands_of_the_readme_are_those_of_the_makefile():
    commands = re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert commands == ["demo", "test"]
    assert all(re.search(rf"^{command}:", makefile, re.MULTILINE) for command in commands)


# What runs the pages -------------------------------------------------------------------------------------------


def page_of(code, output=None):
    return f"Words.\n\n```python\n{code}\n```\n" + ("" if output is None else f"\n```text\n{output}```\n") + "\nMore.\n"


def test_output_is_what_is_printed_then_the_last_value():
    (ran,) = blocks.run(page_of("print('a  ')\n1 + 1"), "page.md")
    assert ran.output == "a\n2\n"


def test_stated_outputs_are_found_and_written_anew():
    text = page_of("6 * 7", "41\n")
    (ran,) = blocks.run(text, "page.md")
    assert ran.block.stated == "41\n"
    assert blocks.with_outputs(text, [ran]) == page_of("6 * 7", "42\n")


def test_errors_have_to_be_stated():
    with pytest.raises(ZeroDivisionError):
        blocks.run(page_of("1 / 0"), "page.md")
    with pytest.raises(ZeroDivisionError):
        blocks.run(page_of("1 / 0", "inf\n"), "page.md")
    (ran,) = blocks.run(page_of("1 / 0", "ZeroDivisionError: of another kind\n"), "page.md")
    assert ran.output == "ZeroDivisionError: division by zero\n"


def test_lines_are_the_pages_own():
    code = "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError as e:\n    print(e.__traceback__.tb_lineno)"
    (ran,) = blocks.run(page_of(code), "page.md")
    assert page_of(code).splitlines()[int(ran.output) - 1].strip() == "1 / 0"


# Generated pages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["api.md", "array-api.md", "ops.md"])
def test_generated_pages_are_as_the_code_has_them(name):
    page = generate.REFERENCE / name
    assert page.read_text() == generate.written()[page], "python docs/generate.py writes them anew"


@pytest.mark.parametrize("path", generate.notebooks(), ids=relative)
def test_notebooks_run_from_top_to_bottom(path, tmp_path, monkeypatch):
    assert path.read_text() == generate.notebooks()[path], "python docs/generate.py writes them anew"
    monkeypatch.chdir(tmp_path)
    names = {}
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            raises = "raises-exception" in cell["metadata"].get("tags", ())
            with pytest.raises(generate.gc.GraphcError) if raises else contextlib.nullcontext():
                exec(compile(source, path.name, "exec"), names)
        for link in re.findall(r"\]\(([^)#:]+)\)", source if cell["cell_type"] == "markdown" else ""):
            assert (path.parent / link).exists(), link


def test_every_op_has_its_row():
    rows = re.findall(r"^\| `(\w+)(?:\[.*?\])?` \|", (generate.REFERENCE / "ops.md").read_text(), re.MULTILINE)
    assert set(generate.REGISTRY) <= set(rows)


def test_the_names_of_the_standard_are_numpys():
    """NumPy has every function of the standard under the same name, which catches one that is misspelt here."""
    np = pytest.importorskip("numpy", minversion="2.1")
    for section in (*standard.MAIN.values(), *standard.EXTENSIONS.values()):
        for name, _ in standard.functions(section):
            owner, _, short = name.rpartition(".")
            assert hasattr(getattr(np, owner) if owner else np, short), name


@pytest.mark.parametrize("name", sorted(n for n in standard.RAISES if not n.startswith("_")))
def test_what_is_said_to_raise_does(name):
    with pytest.raises(generate.gc.GraphError, match=name):
        getattr(generate.gc, name)(generate.gc.input("x", (3,)))


@pytest.mark.parametrize(("name", "refused"), [("sum", {"sum": "why not"}), ("no_such_function", {})])
def test_a_table_that_disagrees_with_the_code_is_an_error(name, refused, monkeypatch):
    monkeypatch.setattr(standard, "REFUSED", refused)
    with pytest.raises(LookupError, match=name):
        generate.is_there(generate.gc, name)


# The site ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("sphinx") is None, reason="Sphinx is not installed")
def test_the_site_is_built_without_warnings(tmp_path):
    options = ["-q", "-W", "--keep-going", "-d", tmp_path / "trees"]
    command = [sys.executable, "-m", "sphinx", *options, DOCS, tmp_path / "site"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "getting-started.html").read_text()
    assert "<svg" in page
    assert str(ROOT) not in page
