"""docs/cases.md names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_case_of_the_document_is_a_test() -> None:
    """By the name of its function, somewhere in tests."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/cases.md").read_text(encoding="utf-8")))
    code = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 30
    assert set() == named - set(re.findall(r"def (test_\w+)\(", code))
