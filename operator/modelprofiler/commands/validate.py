"""``modelprofiler validate``: every problem of a file, before anything is started."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from modelprofiler.commands import options
from modelprofiler.core.text import one_line

if TYPE_CHECKING:
    from modelprofiler.errors import Problem
    from modelprofiler.files.overrides import Overrides


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the files and the options that override their fields."""
    parser.description = "Check profiles and print every problem with its path. Nothing is started."
    parser.add_argument("files", nargs="+", metavar="FILE", help=options.FILE_HELP)
    options.add_overrides(parser)
    parser.add_argument(
        "--for",
        dest="where",
        choices=("local", "cluster"),
        default="local",
        help="where the profile is to run; local also checks files, port and sizes on this machine (default: local)",
    )
    parser.epilog = (
        "examples:\n  modelprofiler validate --for cluster profile.yaml && kubectl apply -f profile.yaml\n"
        "  modelprofiler validate profile.yaml --rate 80 --cpu 100m:2:50m     # options as for run\n"
        "  modelprofiler validate profile.yaml && modelprofiler run profile.yaml"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check every file; return 2 when any of them has a problem."""
    count = 0
    overrides = options.overrides(arguments)
    for file in arguments.files:
        problems, warnings = _check(file, arguments.name, overrides, arguments.where)
        for warning in warnings:
            print(f"{file}: note: {one_line(warning)}", file=sys.stderr)
        for problem in problems:
            print(f"{file}: {one_line(str(problem))}", file=sys.stderr)
        count += len(problems)
        if not problems:
            print(f"{file}: ok")
    return 2 if count else 0


def _check(file: str, name: str | None, overrides: Overrides, where: str) -> tuple[list[Problem], list[str]]:
    from modelprofiler.errors import InvalidInput, Problem
    from modelprofiler.files.document import load_document
    from modelprofiler.local.check import examine, examine_for_cluster

    try:
        document = load_document(file, name=name, overrides=overrides)
    except InvalidInput as error:
        # A problem of the file itself already begins with its name.
        return [Problem(p.path.removeprefix(file).lstrip(", "), p.message) for p in error.problems], []
    examined = examine(document) if where == "local" else examine_for_cluster(document)
    return list(examined.problems), list(examined.warnings)
