"""What all tests share: verification after every pass, and golden texts."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["GRAPHC_VERIFY"] = "1"
os.environ["GRAPHC_CACHE"] = "0"

GOLDEN = Path(__file__).parent / "golden"

# The machine decides how long an example takes; a fixed sequence keeps the suite the same from run to run.
settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden texts instead of comparing")


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, which does not mind when somebody edits graphc meanwhile."""
    folder = tmp_path / "cache"
    monkeypatch.delenv("GRAPHC_CACHE")
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(folder))
    monkeypatch.setattr("graphc.ir.package.fingerprint", lambda: "this graphc")
    monkeypatch.setattr("graphc.ir.package.is_unchanged", lambda: True)
    return folder


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str, str], None]:
    """`golden(stage, case, text)` compares with tests/golden/<stage>/<case>.txt; --update-golden writes it."""

    def compare(stage: str, case: str, text: str) -> None:
        path = GOLDEN / stage / f"{case}.txt"
        text = text if text.endswith("\n") else text + "\n"
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        if not path.exists():
            pytest.fail(f"{path} does not exist; pytest --update-golden writes it")
        expected = path.read_text(encoding="utf-8")
        if text != expected:
            difference = difflib.unified_diff(expected.splitlines(), text.splitlines(), "golden", "now", lineterm="")
            pytest.fail("\n".join(difference), pytrace=False)

    return compare
