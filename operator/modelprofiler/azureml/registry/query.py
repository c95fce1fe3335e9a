"""Finds registered models by name, id, tags and so on."""

from __future__ import annotations

from collections.abc import Sequence

from modelprofiler.azureml.exceptions import ModelNotFoundException, WebserviceException
from modelprofiler.azureml.registry.record import ModelRecord, ModelRegistry

Filter = Sequence[str | Sequence[str]]
"""Tags or properties that a model must have: names, or [name, value] pairs."""


def look_up(
    registry: ModelRegistry,
    name: str | None,
    id: str | None,
    tags: Filter | None,
    properties: Filter | None,
    version: int | str | None,
    run_id: str | None,
    framework: str | None,
) -> ModelRecord:
    """Return the model that matches every argument, in its latest version where no version is given.

    Raises
    ------
    ModelNotFoundException
        When no model matches.
    WebserviceException
        When neither a name nor an id is given.
    """
    if id:
        name, version = _parts(id)
    if not name:
        raise WebserviceException("Error, one of id or name must be provided.")
    if version:
        return registry.get(name, _number(name, version))
    if tags or properties or run_id or framework:
        records = [r for r in registry.list(name) if matches(r, tags, properties, run_id, framework)]
        if not records:
            raise ModelNotFoundException(
                f"ModelNotFound: no version of model {name} has the given tags, properties, run and framework"
            )
        return max(records, key=lambda r: r.version)
    return registry.get(name)


def search(
    registry: ModelRegistry,
    name: str | None,
    tags: Filter | None,
    properties: Filter | None,
    run_id: str | None,
    framework: str | None,
    dataset_id: str | None,
    *,
    latest: bool,
) -> list[ModelRecord]:
    """Return the models that match every argument, the latest first; with `latest` only the latest version of each."""
    records = [r for r in registry.list(name) if matches(r, tags, properties, run_id, framework)]
    if dataset_id:
        records = [r for r in records if dataset_id in (d["id"] for d in r.datasets)]
    if not latest:
        return records
    newest: dict[str, ModelRecord] = {}
    for record in records:
        if record.name not in newest or record.version > newest[record.name].version:
            newest[record.name] = record
    return list(newest.values())


def _parts(id: str) -> tuple[str, str | None]:
    if id.startswith("models:/"):
        name, _, version = id.removeprefix("models:/").rpartition("/")
    else:
        name, _, version = id.rpartition(":")
    return (name, version) if name else (version, None)


def _number(name: str, version: int | str) -> int:
    try:
        return int(version)
    except ValueError:
        raise ModelNotFoundException(
            f"ModelNotFound: Model with name {name}, version {version} not found: a version is a number"
        ) from None


def matches(
    record: ModelRecord, tags: Filter | None, properties: Filter | None, run_id: str | None, framework: str | None
) -> bool:
    """Return whether a model has all of these."""

    def has(values: dict[str, str], required: Filter | None) -> bool:
        pairs = [(r, None) if isinstance(r, str) else (r[0], r[1]) for r in required or ()]
        return all(key in values and (value is None or values[key] == value) for key, value in pairs)

    return (
        has(record.tags, tags)
        and has(record.properties, properties)
        and (run_id is None or record.run_id == run_id)
        and (framework is None or record.framework == framework)
    )
