"""The program that installs packages: what it may use, and what it says."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from modelprofiler.host import packages
from modelprofiler.host.packages import decoded, encoded, error_lines


def test_it_needs_nothing_but_the_standard_library_of_python_3_9() -> None:
    """It runs in images that have nothing of ours."""
    tree = ast.parse(Path(packages.__file__).read_text(encoding="utf-8"), feature_version=packages.OLDEST_PYTHON)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= {*sys.stdlib_module_names, "__future__"}
    assert "zip(strict=" not in ast.unparse(tree)


def test_a_list_of_packages_survives_the_way_through_a_message() -> None:
    """A hundred of them fit."""
    listed = [f"package-{number}==1.{number}.{number * 7}" for number in range(200)]
    text = encoded(listed)
    assert listed == decoded(text, 10_000)
    assert len(text) < packages.RESULT_BYTES


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "too long"), ("x", "base64"), ("eA==", "incorrect|too long"), (encoded(["x" * 1000]), "too long")],
)
def test_what_is_no_list_of_packages_is_not_read(text: str, reason: str) -> None:
    """Also one that is longer than it may be."""
    with pytest.raises(ValueError, match=reason):
        decoded(text, 100)


def test_the_last_lines_of_uv_are_quoted_without_decoration() -> None:
    """A resolver's explanation is a tree."""
    assert "uv gave no reason" == error_lines("Using Python 3.11 environment at: x\n")
    assert "a\nb" == error_lines("  × a\n  ╰─▶ b\n")
