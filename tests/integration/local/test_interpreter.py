"""The warning about a Python that was compiled without optimisations."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path

import pytest

from modelprofiler.local.interpreter import slow_build


def fake_python(folder: Path, prefix: str, arguments: str | None) -> Path:
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
    warning = slow_build(fake_python(tmp_path, "/opt/python", "'--prefix=/opt/python' '--enable-shared'"))
    assert warning is not None
    assert "Python 3.11.7 of /opt/python, which was compiled without --enable-optimizations" in warning
    assert f"remove {tmp_path / 'env'}, which" in warning


@pytest.mark.parametrize(
    ("prefix", "arguments"),
    [
        pytest.param("/opt/python", "'--enable-optimizations' '--with-lto'", id="optimised"),
        pytest.param("/usr", "'--prefix=/usr'", id="a distribution's"),
        pytest.param("/opt/python", None, id="it does not say"),
    ],
)
def test_others_get_no_warning(tmp_path: Path, prefix: str, arguments: str | None) -> None:
    """A Python whose build is not known is among them."""
    assert slow_build(fake_python(tmp_path, prefix, arguments)) is None


def test_one_that_does_not_run_gets_no_warning(tmp_path: Path) -> None:
    """Another check reports it with a better message."""
    assert slow_build(tmp_path / "none") is None


def test_this_very_python_says_how_it_was_made() -> None:
    """The real one, whichever it is."""
    warning = slow_build(Path(sys.executable))
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "--enable-optimizations")
    assert (warning is None) == (optimised or sys.base_prefix == "/usr")
