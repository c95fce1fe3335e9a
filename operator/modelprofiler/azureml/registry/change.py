"""The rules for registering and changing a model; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from modelprofiler.azureml.exceptions import WebserviceException
from modelprofiler.azureml.registry.record import ModelRecord

_NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,254}$")


def check_registration(name: str, framework: str | None, framework_version: str | None) -> None:
    """Refuse an invalid model name, and a framework version without a framework.

    Raises
    ------
    WebserviceException
        With what is wrong and what would be right.
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
    """Change the tags of a model and add properties; return the tags to remove that it does not have.

    Raises
    ------
    WebserviceException
        When a property exists already: a property never changes.
    """
    if existing := [name for name in properties if name in record.properties]:
        raise WebserviceException(
            "Error, properties are immutable, the following keys cannot be added/modified: "
            f"{', '.join(existing)}. Use tags for values that change."
        )
    missing = [name for name in removed if record.tags.pop(name, None) is None]
    record.tags |= added
    record.properties |= properties
    return missing


def texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Return tags with their values as strings: registries keep nothing else, and scripts pass numbers too."""
    return {str(name): value if isinstance(value, str) else str(value) for name, value in (values or {}).items()}
