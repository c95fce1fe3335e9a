"""The run that a command shows: a file or directory on this machine, or a profile in a cluster."""

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
    """Add the argument that names a run, and the namespace for a profile in a cluster."""
    parser.add_argument(
        "run",
        metavar="RUN",
        help="name of a profile in the cluster, directory of a run on this machine, or file: a JSON report, or a "
        "ModelProfile as kubectl prints it",
    )
    add_namespace(parser)


def add_namespace(parser: argparse.ArgumentParser) -> None:
    """Add the namespace in the cluster."""
    parser.add_argument(
        "-n", "--namespace", metavar="NAME", help="namespace in the cluster (default: the kubeconfig's)"
    )


def resolve(run: str, namespace: str | None) -> RunRecord:
    """Return a run: from the file or directory of that name if there is one, else from the cluster.

    Raises
    ------
    ModelProfilerError
        When there is no such run, or it cannot be read.
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
