"""What the commands have in common: where they work, and pairs and files among their arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modelprofiler.azureml.core.workspace import Workspace
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.store import Json, read_json

Result = tuple[Any, int]
Run = Callable[[argparse.Namespace], Result]


def add_command(
    commands: Any, name: str, run: Run, text: str, example: str, *, verbosity: bool = True
) -> argparse.ArgumentParser:
    """Add a command with the arguments that all have.

    Parameters
    ----------
    example
        What may follow ``modelprofiler ml``, for the end of the help.
    verbosity
        Whether ``-v`` means more output; a few commands of Azure ML used it for a version.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, epilog=f"example: modelprofiler ml {example}", allow_abbrev=False
    )
    parser.add_argument("-g", "--resource-group", help="kubernetes, kubernetes:CONTEXT, or a label")
    parser.add_argument("-w", "--workspace-name", help="namespace of the cluster, or a label")
    parser.add_argument("--subscription-id", help="a label")
    parser.add_argument("--path", default=".", help="directory with a config.json, where -g and -w are not given")
    parser.add_argument("-o", "--output", choices=["json"], default="json", help="how the result is printed")
    flags = ["-v", "--verbose"] if verbosity else ["--verbose"]
    parser.add_argument(*flags, action="store_true", help="accepted; there is nothing more to say")
    parser.add_argument("--debug", "--only-show-errors", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)
    return parser


def workspace_of(arguments: argparse.Namespace) -> Workspace:
    """Return the workspace that -g and -w name, or a config.json, or else the one of this machine."""
    if arguments.resource_group or arguments.workspace_name:
        return Workspace(arguments.subscription_id, arguments.resource_group, arguments.workspace_name)
    try:
        return Workspace.from_config(arguments.path)
    except UserErrorException:
        return Workspace.local()


def pairs(texts: Sequence[str] | None, flag: str) -> dict[str, str]:
    """Return ``key=value`` arguments as a dict.

    Raises
    ------
    UserErrorException
        When one has no ``=``.
    """
    found: dict[str, str] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UserErrorException(f"{flag} {text}: write key=value")
        found[key] = value
    return found


def filters(texts: Sequence[str] | None) -> list[str | list[str]] | None:
    """Return ``key`` and ``key=value`` arguments as Azure ML's filters."""
    if not texts:
        return None
    return [text.split("=", 1) if "=" in text else text for text in texts]


def json_file(path: str, flag: str) -> Json:
    """Return the content of a JSON file.

    Raises
    ------
    UserErrorException
        When it is not there or no JSON object.
    """
    data = read_json(Path(path))
    if data is None:
        raise UserErrorException(f"{flag} {path}: there is no such file")
    return data
