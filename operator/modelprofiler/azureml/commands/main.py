"""``modelprofiler ml``: the commands of ``az ml`` that profiling a model needs, with the same flags and files."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import warnings
from typing import Any, cast

from modelprofiler.azureml.commands import assets, model, profile
from modelprofiler.azureml.exceptions import AzureMLException
from modelprofiler.errors import ModelProfilerError

EXIT_FAILED, EXIT_BAD_INPUT = 1, 2
UNAVAILABLE = 503

DESCRIPTION = """The commands of `az ml` that profiling a model needs, with the same flags and files.

With -g kubernetes (or kubernetes:CONTEXT) and -w NAMESPACE profiles run in a cluster. Any other -g and -w are labels,
and profiles run on this machine.
"""

EXAMPLE = """example:
  modelprofiler ml model register -n diabetes -p model.joblib
  modelprofiler ml model profile --inference-config-file inf.json -m diabetes:1 --idi ID -n unique-name
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the groups of commands to ``modelprofiler ml``."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLE
    groups = parser.add_subparsers(dest="group", required=True, metavar="GROUP")
    model_commands = groups.add_parser("model", help="models and their profiles", allow_abbrev=False)
    commands = model_commands.add_subparsers(dest="action", required=True, metavar="COMMAND")
    profile.configure(commands)
    model.configure(commands)
    assets.configure(groups)


def run(arguments: argparse.Namespace) -> int:
    """Run a command and return the exit code: 0, 1 for a run without a result, 2 for bad input."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("always", UserWarning)
            # The files that the commands read use arguments that are deprecated in Python.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.showwarning = cast("Any", _show_warning)
            result, code = arguments.run(arguments)
    except AzureMLException as error:
        print(f"modelprofiler: {error}", file=sys.stderr)
        unavailable = getattr(error, "status_code", None) == UNAVAILABLE
        return EXIT_FAILED if unavailable else EXIT_BAD_INPUT
    except ModelProfilerError as error:
        print(f"modelprofiler: {error}", file=sys.stderr)
        return EXIT_FAILED
    if result is not None:
        print(json.dumps(result, indent=2, default=str))
    return int(code)


def _show_warning(message: Warning | str, *_location: Any) -> None:
    print(f"modelprofiler: {message}", file=sys.stderr)
