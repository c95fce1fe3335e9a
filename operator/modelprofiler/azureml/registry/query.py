"""Which registered model is meant: by name, id, tags and so on."""

from __future__ import annotations

from collections.abc import Sequence

from modelprofiler.azureml.exceptions import ModelNotFoundException, WebserviceException
from modelprofiler.azureml.registry.record import ModelRecord, ModelRegistry

Filter = Sequence[str | Sequence[str]]
"""What a model must have: names, or [name, value]."""


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
    """Return the model that is meant, in its latest version where none is.

    Raises
    ------
    ModelNotFoundException
        When there is none.
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
        found = [r for r in registry.list(name) if matches(r, tags, properties, run_id, framework)]
        if not found:
            raise ModelNotFoundException(
                f"ModelNotFound: no version of model {name} has the tags, properties, run and framework asked for"
            )
        return max(found, key=lambda r: r.version)
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
    """Return the models that have all that is given, the latest first; of each only the latest version if asked."""
    found = [r for r in registry.list(name) if matches(r, tags, properties, run_id, framework)]
    if dataset_id:
        found = [r for r in found if dataset_id in (d["id"] for d in r.datasets)]
    if not latest:
        return found
    newest: dict[str, ModelRecord] = {}
    for record in found:
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
    """Whether a model has all that is asked for."""

    def has(found: dict[str, str], wanted: Filter | None) -> bool:
        pairs = [(w, None) if isinstance(w, str) else (w[0], w[1]) for w in wanted or ()]
        return all(key in found and (value is None or found[key] == value) for key, value in pairs)

    return (
        has(record.tags, tags)
        and has(record.properties, properties)
        and (run_id is None or record.run_id == run_id)
        and (framework is None or record.framework == framework)
    )
