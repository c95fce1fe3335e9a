"""Models in the local store."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelprofiler.azureml.exceptions import ModelNotFoundException
from modelprofiler.azureml.registry.record import ModelRecord
from modelprofiler.azureml.store import Json, Store, write_json

MODELS = "models"


class LocalRegistry:
    """Models in the local store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def register(self, record: ModelRecord, files: Mapping[str, Path]) -> ModelRecord:
        """Copy the files and add the next version of the model."""
        with self._store.staging() as staging:
            for name, source in files.items():
                target = staging / "files" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
            with self._store.locked():
                versions = self._store.versions(MODELS, record.name)
                registered = dataclasses.replace(
                    record, version=versions[-1] + 1 if versions else 1, created_time=datetime.now(UTC)
                )
                directory = self._store.path(MODELS, registered.name, str(registered.version))
                registered.url = f"file://{directory / 'files'}"
                write_json(staging / "model.json", _to_json(registered))
                directory.parent.mkdir(parents=True, exist_ok=True)
                staging.rename(directory)
        return registered

    def get(self, name: str, version: int | None = None) -> ModelRecord:
        """Return a version of a model, or the latest."""
        versions = self._store.versions(MODELS, name)
        latest = versions[-1] if versions else None
        number = latest if version is None else version
        if number not in versions:
            raise ModelNotFoundException(not_found(name, version, [r.id for r in self.list()]), status_code=404)
        data = self._store.read(MODELS, name, str(number), "model.json")
        if data is None:
            raise ModelNotFoundException(not_found(name, version, []), status_code=404)
        return _of_json(data)

    def list(self, name: str | None = None) -> list[ModelRecord]:
        """Return all versions of a model, or of all models, the latest first."""
        names = [name] if name is not None else self._store.names(MODELS)
        records = [
            self._store.read(MODELS, n, str(v), "model.json") for n in names for v in self._store.versions(MODELS, n)
        ]
        models = [_of_json(data) for data in records if data is not None]
        return sorted(models, key=lambda r: r.created_time or datetime.min.replace(tzinfo=UTC), reverse=True)

    def update(self, record: ModelRecord) -> None:
        """Replace the record of an existing model."""
        with self._store.locked():
            self.get(record.name, record.version)
            self._store.write(_to_json(record), MODELS, record.name, str(record.version), "model.json")

    def delete(self, name: str, version: int) -> None:
        """Remove a version of a model."""
        with self._store.locked():
            self.get(name, version)
            shutil.rmtree(self._store.path(MODELS, name, str(version)))

    def files(self, name: str, version: int) -> Path:
        """Return the directory with the model's files."""
        self.get(name, version)
        return self._store.path(MODELS, name, str(version), "files")


def not_found(name: str, version: int | None, known: list[str]) -> str:
    """Return the message for a model that does not exist."""
    which = f"name {name}" + (f", version {version}" if version is not None else "")
    others = f"; registered are {', '.join(sorted(known)[:20])}" if known else "; no model is registered"
    return f"ModelNotFound: Model with {which} not found in provided workspace{others}. Model.register adds one."


def _to_json(record: ModelRecord) -> Json:
    data = dataclasses.asdict(record)
    data["created_time"] = record.created_time.isoformat() if record.created_time else None
    return data


def _of_json(data: Json) -> ModelRecord:
    known: dict[str, Any] = {f.name: data[f.name] for f in dataclasses.fields(ModelRecord) if f.name in data}
    if known.get("created_time"):
        known["created_time"] = datetime.fromisoformat(known["created_time"])
    return ModelRecord(**known)
