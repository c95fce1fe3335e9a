"""What is said of the Python that an entry script runs on."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path

import pytest

from modelprofiler.local.interpreter import slow_build


def told(folder: Path, prefix: str, arguments: str | None) -> Path:
    """Return a program that answers as a Python with this prefix and these arguments of configure would.

    Another Python cannot be compiled in a test.
    """
    python = folder / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    answer = json.dumps(["3.11.7", prefix, arguments])
    python.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    python.chmod(0o755)
    return python


def test_a_python_without_optimisations_is_named_with_what_to_do(tmp_path: Path) -> None:
    """Where it is, and what to remove."""
    said = slow_build(told(tmp_path, "/opt/python", "'--prefix=/opt/python' '--enable-shared'"))
    assert said is not None
    assert "Python 3.11.7 of /opt/python, which was compiled without --enable-optimizations" in said
    assert f"remove {tmp_path / 'env'}, which" in said


@pytest.mark.parametrize(
    ("prefix", "arguments"),
    [
        pytest.param("/opt/python", "'--enable-optimizations' '--with-lto'", id="optimised"),
        pytest.param("/usr", "'--prefix=/usr'", id="a distribution's"),
        pytest.param("/opt/python", None, id="it does not say"),
    ],
)
def test_of_others_nothing_is_said(tmp_path: Path, prefix: str, arguments: str | None) -> None:
    """What is not known is not said."""
    assert slow_build(told(tmp_path, prefix, arguments)) is None


def test_nor_of_one_that_does_not_run(tmp_path: Path) -> None:
    """That is found out elsewhere, with a better sentence."""
    assert slow_build(tmp_path / "none") is None


def test_this_very_python_says_how_it_was_made() -> None:
    """The real one, whichever it is."""
    said = slow_build(Path(sys.executable))
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "--enable-optimizations")
    assert (said is None) == (optimised or sys.base_prefix == "/usr")
