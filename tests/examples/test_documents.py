"""Every Python block of the README and the docs runs as it stands, in order, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_the_code_runs(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = document.read_text()
    names = {"__name__": document.stem}
    for block in re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        # As many empty lines in front as stand before the block: a traceback names the document's own line.
        lines_before = text[: block.start(1)].count("\n")
        exec(compile("\n" * lines_before + block.group(1), str(document), "exec"), names)


def test_the_readme_writes_what_it_says(tmp_path, monkeypatch):
    test_the_code_runs(ROOT / "README.md", tmp_path, monkeypatch)
    assert (tmp_path / "loss.svg").read_text().rstrip().endswith("</svg>")
    assert (tmp_path / "step.svg").read_text().rstrip().endswith("</svg>")
    assert "W" in (tmp_path / "derivation.md").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_links_lead_somewhere(document):
    text = document.read_text()
    targets = re.findall(r"\]\(([^)#:]+)\)|src=\"([^\":]+)\"", text)
    for markdown, html in targets:
        assert (document.parent / (markdown or html)).exists(), markdown or html


def test_the_commands_of_the_readme_are_those_of_the_makefile():
    commands = re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert commands == ["demo", "test"]
    assert all(re.search(rf"^{command}:", makefile, re.MULTILINE) for command in commands)
