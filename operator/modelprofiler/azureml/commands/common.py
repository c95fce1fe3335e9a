"""Helpers of the commands: their common arguments, the workspace, and pairs and files among the arguments."""

from __future__ import annotations

import argparse
import codecs
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from modelprofiler.azureml.core.workspace import Workspace
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.serving.shown import yaml_problem
from modelprofiler.azureml.store import Json

Result = tuple[Any, int]
Run = Callable[[argparse.Namespace], Result]


def add_command(
    commands: Any, name: str, run: Run, text: str, example: str, *, verbosity: bool = True
) -> argparse.ArgumentParser:
    """Add a command with the arguments that all commands have.

    Parameters
    ----------
    example
        An example for the end of the help, without ``modelprofiler ml``.
    verbosity
        Whether ``-v`` stands for --verbose; in a few commands of Azure ML it stands for a version.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, epilog=f"example: modelprofiler ml {example}", allow_abbrev=False
    )
    parser.add_argument("-g", "--resource-group", help="kubernetes or kubernetes:CONTEXT for a cluster, or a label")
    parser.add_argument("-w", "--workspace-name", help="the namespace in the cluster, or a label")
    parser.add_argument("--subscription-id", help="a label")
    parser.add_argument("--path", default=".", help="directory with a config.json to use instead of -g and -w")
    parser.add_argument("-o", "--output", choices=["json"], default="json", help="format of the result")
    flags = ["-v", "--verbose"] if verbosity else ["--verbose"]
    parser.add_argument(*flags, action="store_true", help="accepted and ignored")
    parser.add_argument("--debug", "--only-show-errors", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)
    return parser


def workspace_of(arguments: argparse.Namespace) -> Workspace:
    """Return the workspace of -g and -w, or else of a config.json, or else of this machine."""
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
        When an argument has no ``=``.
    """
    values: dict[str, str] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UserErrorException(f"{flag} {text}: write key=value")
        values[key] = value
    return values


def filters(texts: Sequence[str] | None) -> list[str | list[str]] | None:
    """Return ``key`` and ``key=value`` arguments as filters of `Model.list`."""
    if not texts:
        return None
    return [text.split("=", 1) if "=" in text else text for text in texts]


def data_file(path: str, flag: str) -> Json:
    """Return the content of a JSON or YAML file; keys without a value are left out.

    Raises
    ------
    UserErrorException
        When it does not exist, or is not an object with names as keys.
    """
    try:
        content = Path(path).read_bytes()
        # PowerShell writes UTF-16 with `ml dataset register --show-template > dataset.json`.
        is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except FileNotFoundError:
        raise UserErrorException(f"{flag} {path}: there is no such file") from None
    except OSError as error:
        raise UserErrorException(f"{flag} {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserErrorException(f"{flag} {path} is not text in UTF-8: {error.reason}") from error
    data = _parsed(text, f"{flag} {path}")
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise UserErrorException(f"{flag} {path} must be an object with names as keys, in JSON or YAML")
    document: Json = _without_nulls(data)
    return document


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_nulls(item) for key, item in value.items() if item is not None}


def _parsed(text: str, label: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as not_json:
        try:
            return yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
            # A text that begins like JSON is meant to be JSON, and YAML's message would puzzle.
            reason = not_json if text.lstrip().startswith("{") else yaml_problem(error)
            raise UserErrorException(f"{label} is neither JSON nor YAML: {reason}") from error
