"""What a registration and a change of a model are held to; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from modelprofiler.azureml.exceptions import WebserviceException
from modelprofiler.azureml.registry.record import ModelRecord

_NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,254}$")


def check_registration(name: str, framework: str | None, framework_version: str | None) -> None:
    """Refuse a name that cannot be used, and the version of a framework that is not named.

    Raises
    ------
    WebserviceException
        With what to do.
    """
    if not _NAME.match(name or ""):
        raise WebserviceException(
            f"Error, provided model name {name!r} is invalid: use 1 to 255 letters, digits, dashes, periods "
            "and underscores, starting with a letter or digit."
        )
    if framework is None and framework_version is not None:
        raise WebserviceException("Model framework version cannot be provided without a valid framework: name it.")


def retag(
    record: ModelRecord, added: Mapping[str, str], removed: Iterable[str], properties: Mapping[str, str]
) -> list[str]:
    """Change the tags of a model and add properties; return the tags that were to be removed and are not there.

    Raises
    ------
    WebserviceException
        For a property that is there already: it never changes.
    """
    if taken := [name for name in properties if name in record.properties]:
        raise WebserviceException(
            "Error, properties are immutable, the following keys cannot be added/modified: "
            f"{', '.join(taken)}. Use a tag for what changes."
        )
    missing = [name for name in removed if record.tags.pop(name, None) is None]
    record.tags |= added
    record.properties |= properties
    return missing


def texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Return tags as texts: a registry keeps nothing else, and a script adds numbers."""
    return {str(name): value if isinstance(value, str) else str(value) for name, value in (values or {}).items()}
