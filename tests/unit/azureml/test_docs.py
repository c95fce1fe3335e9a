"""The migration page: a test shows every row."""

import re
from pathlib import Path

import pytest

ROW = re.compile(r"^\|.*\| `(test_\w+)` \|$", re.MULTILINE)


@pytest.fixture
def page(repository: Path) -> str:
    """Return the page."""
    return (repository / "docs/azureml.md").read_text(encoding="utf-8")


def test_every_row_of_the_calls_names_an_existing_test(repository: Path, page: str) -> None:
    """The test is in one of the azureml folders."""
    table = page.split("## Calls")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    named = ROW.findall(table)
    assert len(rows) == len(named)
    tests = "".join(p.read_text(encoding="utf-8") for p in repository.glob("tests/*/azureml/test_*.py"))
    assert [] == [name for name in named if f"def {name}(" not in tests]


def test_the_page_has_the_default_load_and_objective(page: str) -> None:
    """They are those of the code."""
    from modelprofiler.azureml.profiling.request import DEFAULT_CONCURRENCY, DEFAULT_MAX_SLOWDOWN_PERCENT

    assert 1 == DEFAULT_CONCURRENCY
    assert f"at most {DEFAULT_MAX_SLOWDOWN_PERCENT} % above" in page
