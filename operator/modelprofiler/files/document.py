"""The file that kubectl takes, read here: one ModelProfile, and the ConfigMaps beside it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import API_VERSION, KIND, ModelProfile
from modelprofiler.core.sources import files_of
from modelprofiler.errors import InvalidInput, Problem
from modelprofiler.files.overrides import NONE, Overrides
from modelprofiler.files.yaml_objects import read_objects

STDIN = "-"


@dataclass(frozen=True)
class Document:
    """What one file says.

    Attributes
    ----------
    path
        The file; ``-`` for standard input.
    directory
        What relative paths in it start from.
    data
        The profile as written, with what the command line says instead.
    profile
        The same, checked.
    config_maps
        Content of the ConfigMaps beside it: name to key to bytes.
    warnings
        What is in the file and does nothing here, a sentence each.
    """

    path: str
    directory: Path
    data: Object
    profile: ModelProfile
    config_maps: dict[str, dict[str, bytes]]
    warnings: tuple[str, ...] = ()


def load_document(path: str | Path, *, name: str | None = None, overrides: Overrides = NONE) -> Document:
    """Read a file as kubectl takes it, YAML or JSON.

    Parameters
    ----------
    path
        The file; ``-`` is standard input.
    name
        Which ModelProfile, where the file has several.
    overrides
        What the command line says instead of the file.

    Raises
    ------
    InvalidInput
        With everything that is wrong at once.
    """
    path = str(path)
    objects = read_objects(_text(path), _shown(path))
    data = _only_profile(objects, name, _shown(path))
    namespace = _metadata(data).get("namespace")
    config_maps, warnings, problems = _config_maps(objects, namespace)
    data, wrong = overrides.applied(data)
    problems += wrong
    profile = None
    try:
        profile = ModelProfile.parse(_named(data))
    except InvalidInput as error:
        problems += [overrides.explained(problem) for problem in error.problems]
    if problems or profile is None:
        raise InvalidInput(problems)
    others = [str(o.get("kind")) for o in objects if o.get("kind") not in (KIND, "ConfigMap")]
    if others:
        warnings.append(f"{_listed(others)} in {_shown(path)} {'is' if len(others) == 1 else 'are'} not used here")
    directory = Path.cwd() if path == STDIN else Path(path).absolute().parent
    return Document(path, directory, data, profile, config_maps, tuple(warnings))


def overridden(document: Document, overrides: Overrides) -> Document:
    """Return the document with what the command line says instead.

    Raises
    ------
    InvalidInput
        With everything that is wrong at once.
    """
    data, problems = overrides.applied(document.data)
    try:
        profile = ModelProfile.parse(_named(data))
    except InvalidInput as error:
        raise InvalidInput(problems + [overrides.explained(problem) for problem in error.problems]) from error
    if problems:
        raise InvalidInput(problems)
    return replace(document, data=data, profile=profile)


def _text(path: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
    except OSError as error:
        raise InvalidInput([Problem(_shown(path), f"cannot be read: {error.strerror}")]) from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput([Problem(_shown(path), f"is not text in UTF-8: {error}")]) from error


def _shown(path: str) -> str:
    return "standard input" if path == STDIN else path


def _only_profile(objects: Sequence[Object], name: str | None, shown: str) -> Object:
    profiles = [o for o in objects if o.get("kind") == KIND]
    names = [str(_metadata(o).get("name")) for o in profiles]
    if not profiles:
        kinds = _listed([str(o.get("kind")) for o in objects])
        found = f"; it has {kinds}" if objects else "; it is empty"
        raise InvalidInput([Problem(shown, f"has no {KIND} ({API_VERSION}){found}")])
    if name is not None:
        profiles = [p for p, its_name in zip(profiles, names, strict=True) if its_name == name]
        if not profiles:
            raise InvalidInput([Problem(shown, f"has no {KIND} named {name!r}; it has {', '.join(names)}")])
    if len(profiles) > 1:
        if len(set(names)) < len(names):
            raise InvalidInput([Problem(shown, f"has two ModelProfiles of one name: {', '.join(names)}")])
        raise InvalidInput([Problem(shown, f"has several ModelProfiles; say which with --name: {', '.join(names)}")])
    return profiles[0]


def _config_maps(
    objects: Sequence[Object], namespace: Any
) -> tuple[dict[str, dict[str, bytes]], list[str], list[Problem]]:
    found: dict[str, dict[str, bytes]] = {}
    warnings: list[str] = []
    problems: list[Problem] = []
    for one in (o for o in objects if o.get("kind") == "ConfigMap"):
        name = _metadata(one).get("name")
        if not isinstance(name, str) or not name:
            problems.append(Problem("ConfigMap metadata.name", "is required"))
        elif namespace and _metadata(one).get("namespace") not in (None, namespace):
            warnings.append(f"ConfigMap {name!r} is in another namespace than the profile and is not used")
        elif name in found:
            problems.append(Problem(f"ConfigMap {name!r}", "is in the file twice"))
        else:
            found[name], wrong = files_of(one)
            problems += [Problem(f"ConfigMap {name!r} {p.path}", p.message) for p in wrong]
    return found, warnings, problems


def _metadata(data: Object) -> Object:
    metadata = data.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _named(data: Object) -> Object:
    """Return the profile without its status: a file saved from a cluster is judged anew here."""
    return {name: value for name, value in data.items() if name != "status"}


def _listed(kinds: Sequence[str]) -> str:
    return ", ".join(f"{kinds.count(k)} {k}" if kinds.count(k) > 1 else k for k in dict.fromkeys(kinds))
