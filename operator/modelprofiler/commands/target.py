"""A run as a command names it: a file or directory here, or a profile in a cluster."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from modelprofiler.errors import InvalidInput, ModelProfilerError, Problem

if TYPE_CHECKING:
    from modelprofiler.report.record import RunRecord

_FILE_ENDINGS = (".json", ".yaml", ".yml")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the argument, and the namespace for a name."""
    parser.add_argument(
        "run", metavar="NAME|FILE|DIR", help="a profile of the cluster by its name, or what was kept of a run here"
    )
    parser.add_argument("-n", "--namespace", help="of a profile in the cluster; default: that of the kubeconfig")


def resolve(run: str, namespace: str | None) -> RunRecord:
    """Return the run that is meant: what is there as a file or directory is not looked for in a cluster.

    Raises
    ------
    ModelProfilerError
        When there is no such run.
    """
    path = Path(run)
    if path.exists() or "/" in run or run.endswith(_FILE_ENDINGS):
        from modelprofiler.report.document import read

        return read(path)
    from modelprofiler.cluster.fetch import run_of

    try:
        return run_of(run, namespace)
    except ModelProfilerError as error:
        raise ModelProfilerError(f"{run} is no file or directory here, and as a profile: {error}") from error


def write(text: str, file: str | None) -> None:
    """Write to a file, or else to standard output.

    Raises
    ------
    InvalidInput
        When the file cannot be written.
    """
    if file is None:
        sys.stdout.write(text)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput([Problem("--file", f"{file} cannot be written: {error.strerror}")]) from error
    print(file, file=sys.stderr)
