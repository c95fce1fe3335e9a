"""The run that a command shows: a file or directory on this machine, or a profile in a cluster."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Mapping
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


def check_names(names: Mapping[str, str | None]) -> None:
    """Refuse names, by their options, that no Kubernetes object can have: they would be parts of an address.

    Raises
    ------
    InvalidInput
        With every name that is not valid.
    """
    from modelprofiler.report.patch import KUBERNETES_NAME

    problems = [
        Problem(option, f"{name[:80]!r} is not a valid Kubernetes name")
        for option, name in names.items()
        if name is not None and not KUBERNETES_NAME.fullmatch(name)
    ]
    if problems:
        raise InvalidInput(problems)


def resolve(run: str, namespace: str | None) -> RunRecord:
    """Return a run: from the file or directory of that name if there is one, else from the cluster.

    Raises
    ------
    ModelProfilerError
        When there is no such run, or it cannot be read.
    """
    if not run:
        raise InvalidInput([Problem("", "the name of a run must not be empty")])
    path = Path(run)
    if path.exists() or "/" in run or run.endswith(_FILE_ENDINGS):
        from modelprofiler.report.document import read

        return read(path)
    from modelprofiler.report.patch import KUBERNETES_NAME

    if not KUBERNETES_NAME.fullmatch(run):
        raise InvalidInput(
            [Problem("", f"there is no file or directory {run[:80]!r}, and no profile can have this name")]
        )
    check_names({"--namespace": namespace})
    from modelprofiler.cluster.fetch import run_of

    try:
        return run_of(run, namespace)
    except ModelProfilerError as error:
        raise ModelProfilerError(
            f"there is no file or directory {run}, and no profile of that name could be read: {error}"
        ) from error


def write(text: str, file: str | None, *, utf8: bool = False) -> None:
    """Write to a file, in UTF-8, or else to standard output.

    Parameters
    ----------
    utf8
        Whether standard output gets UTF-8 too, whatever the locale: HTML and JSON are always in it.

    Raises
    ------
    InvalidInput
        When the file cannot be written.
    """
    if file is None:
        if utf8 and isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        sys.stdout.write(text)
        return
    try:
        Path(file).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InvalidInput([Problem("--file", f"{file} cannot be written: {error.strerror}")]) from error
    print(file, file=sys.stderr)
