"""Places in JSON: fields, indices and [*], the part of JSONPath (RFC 9535) that names a place without a search."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

Json = Any
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
        selected = _elements(values) if step is EVERY else _inside(values, step)
        if not selected:
            return None
        values = selected
    return values


def _elements(values: Sequence[Json]) -> list[Json] | None:
    """Return the elements of every value; None where one of them has none by its type."""
    inner: list[Json] = []
    for value in values:
        if isinstance(value, list):
            inner += value
        elif isinstance(value, dict):
            inner += value.values()
        else:
            return None
    return inner


def _inside(values: Sequence[Json], step: Step) -> list[Json] | None:
    """Return what each value has at an index or in a field; None where one of them has nothing there."""
    container = list if isinstance(step, int) else dict
    if not all(isinstance(value, container) for value in values):
        return None
    try:
        return [value[step] for value in values]
    except LookupError:
        return None


def type_of(value: Json) -> str:
    """Return the type of a value, as `jsonPath.type` names it."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int | float):
        return "Number"
    if isinstance(value, str):
        return "String"
    return "Array" if isinstance(value, list) else "Object"
