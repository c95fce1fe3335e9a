"""A file as kubectl takes it: one ModelProfile, and the ConfigMaps and Secrets that it refers to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import API_VERSION, KIND, ModelProfile, name_problems
from modelprofiler.core.sources import files_of, secret_files_of
from modelprofiler.errors import InvalidInput, Problem
from modelprofiler.files.overrides import NONE, Overrides
from modelprofiler.files.yaml_objects import read_objects

STDIN = "-"


@dataclass(frozen=True)
class Document:
    """The content of a file.

    Attributes
    ----------
    path
        The file; ``-`` for standard input.
    directory
        The folder that relative paths in it start from.
    data
        The profile as JSON data, with the overrides of the command line.
    profile
        The same, validated.
    config_maps
        The ConfigMaps of the file: name to key to bytes.
    warnings
        The parts of the file that are not used, one sentence each.
    secrets
        The Secrets of the file, likewise. They are part of no text of this object.
    fetched
        Folders with the files of addresses that have been downloaded, by the path of their source in the profile.
    """

    path: str
    directory: Path
    data: Object
    profile: ModelProfile
    config_maps: dict[str, dict[str, bytes]]
    warnings: tuple[str, ...] = ()
    secrets: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict, repr=False)
    fetched: Mapping[str, Path] = field(default_factory=dict)


def load_document(path: str | Path, *, name: str | None = None, overrides: Overrides = NONE) -> Document:
    """Read a file of YAML or JSON, as kubectl takes it.

    Parameters
    ----------
    path
        The file; ``-`` is standard input.
    name
        The name of the ModelProfile, for a file with several.
    overrides
        Fields that the command line sets.

    Raises
    ------
    InvalidInput
        With everything that is wrong.
    """
    path = str(path)
    objects = read_objects(_read(path), _display_name(path))
    data = _only_profile(objects, name, _display_name(path))
    namespace = _metadata(data).get("namespace")
    config_maps, warnings, problems = _contents(objects, "ConfigMap", files_of, namespace)
    secrets, more_warnings, more_problems = _contents(objects, "Secret", secret_files_of, namespace)
    warnings, problems = warnings + more_warnings, problems + more_problems
    data, override_problems = overrides.applied(data)
    problems += name_problems(data) + override_problems
    profile = None
    try:
        profile = ModelProfile.parse(_without_status(data))
    except InvalidInput as error:
        problems += [overrides.attributed(problem) for problem in error.problems]
    if problems or profile is None:
        raise InvalidInput(problems)
    others = [str(o.get("kind")) for o in objects if o.get("kind") not in (KIND, "ConfigMap", "Secret")]
    if others:
        warnings.append(f"{_counted(others)} in {_display_name(path)} {'is' if len(others) == 1 else 'are'} not used")
    directory = Path.cwd() if path == STDIN else Path(path).absolute().parent
    return Document(path, directory, data, profile, config_maps, tuple(warnings), secrets)


def overridden(document: Document, overrides: Overrides) -> Document:
    """Return a document with the overrides of the command line.

    Raises
    ------
    InvalidInput
        With everything that is wrong.
    """
    data, problems = overrides.applied(document.data)
    try:
        profile = ModelProfile.parse(_without_status(data))
    except InvalidInput as error:
        raise InvalidInput(problems + [overrides.attributed(problem) for problem in error.problems]) from error
    if problems:
        raise InvalidInput(problems)
    return replace(document, data=data, profile=profile)


def _read(path: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
    except OSError as error:
        raise InvalidInput([Problem(_display_name(path), f"cannot be read: {error.strerror}")]) from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput([Problem(_display_name(path), f"is not text in UTF-8: {error}")]) from error


def _display_name(path: str) -> str:
    return "standard input" if path == STDIN else path


def _only_profile(objects: Sequence[Object], name: str | None, file: str) -> Object:
    profiles = [o for o in objects if o.get("kind") == KIND]
    names = [str(_metadata(o).get("name")) for o in profiles]
    if not profiles:
        kinds = _counted([str(o.get("kind")) for o in objects])
        content = f"; it has {kinds}" if objects else "; it is empty"
        raise InvalidInput([Problem(file, f"has no {KIND} ({API_VERSION}){content}")])
    if name is not None:
        profiles = [p for p, its_name in zip(profiles, names, strict=True) if its_name == name]
        if not profiles:
            raise InvalidInput([Problem(file, f"has no {KIND} named {name!r}; it has {', '.join(names)}")])
    if len(profiles) > 1:
        if len(set(names)) < len(names):
            raise InvalidInput([Problem(file, f"has several ModelProfiles of the same name: {', '.join(names)}")])
        raise InvalidInput([Problem(file, f"has several ModelProfiles; choose one with --name: {', '.join(names)}")])
    return profiles[0]


def _contents(
    objects: Sequence[Object],
    kind: str,
    read: Callable[[Mapping[str, Any]], tuple[dict[str, bytes], list[Problem]]],
    namespace: Any,
) -> tuple[dict[str, dict[str, bytes]], list[str], list[Problem]]:
    """Return the files of all objects of a kind by name, what is not used, and what is wrong."""
    contents: dict[str, dict[str, bytes]] = {}
    warnings: list[str] = []
    problems: list[Problem] = []
    for item in (o for o in objects if o.get("kind") == kind):
        name = _metadata(item).get("name")
        if not isinstance(name, str) or not name:
            problems.append(Problem(f"{kind} metadata.name", "is required"))
        elif namespace and _metadata(item).get("namespace") not in (None, namespace):
            warnings.append(f"{kind} {name!r} is in another namespace than the profile and is not used")
        elif name in contents:
            problems.append(Problem(f"{kind} {name!r}", "is in the file twice"))
        else:
            contents[name], invalid = read(item)
            problems += [Problem(f"{kind} {name!r} {p.path}", p.message) for p in invalid]
    return contents, warnings, problems


def _metadata(data: Object) -> Object:
    metadata = data.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _without_status(data: Object) -> Object:
    """Return the profile without its status: a file saved from a cluster has one, and the run starts again here."""
    return {name: value for name, value in data.items() if name != "status"}


def _counted(kinds: Sequence[str]) -> str:
    return ", ".join(f"{kinds.count(k)} {k}" if kinds.count(k) > 1 else k for k in dict.fromkeys(kinds))
