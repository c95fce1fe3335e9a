"""Places in JSON: fields, indices and [*], the part of JSONPath (RFC 9535) that names a place without a search."""

from __future__ import annotations

import re
from collections.abc import Sequence

Json = object
"""What `json.loads` returns."""
EVERY = object()
"""The step [*]: every element of an array, every value of an object."""
Step = str | int | object

_STEP = re.compile(r"\.([A-Za-z_][0-9A-Za-z_-]*)|\[([0-9]+)\]|\[(\*)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")


def steps_of(path: str) -> tuple[Step, ...]:
    """Return the steps of a path that `api.expectation` has accepted."""
    return tuple(_step(match) for match in _STEP.finditer(path))


def _step(match: re.Match[str]) -> Step:
    name, index, every, single, double = match.groups()
    if every is not None:
        return EVERY
    return int(index) if index is not None else next(text for text in (name, single, double) if text is not None)


def values_at(document: Json, steps: Sequence[Step]) -> list[Json] | None:
    """Return the values at a place; None where the place, or one of its branches, is not there, or has no element."""
    values = [document]
    for step in steps:
        inner: list[Json] = []
        for value in values:
            found = _inside(value, step)
            if found is None:
                return None
            inner += found
        values = inner
    return values or None


def _inside(value: Json, step: Step) -> list[Json] | None:
    if step is EVERY:
        if isinstance(value, list):
            return value
        return list(value.values()) if isinstance(value, dict) else None
    if isinstance(step, int):
        return [value[step]] if isinstance(value, list) and step < len(value) else None
    return [value[step]] if isinstance(value, dict) and step in value else None


def type_of(value: Json) -> str:
    """Return the type of a value, as `jsonPath.type` names it."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int | float):
        return "Number"
    return {str: "String", list: "Array", dict: "Object"}[type(value)]
