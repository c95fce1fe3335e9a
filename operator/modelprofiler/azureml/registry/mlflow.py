"""Models in an MLflow registry, as versions ``models:/name/version`` with tags.

Properties, framework, size and datasets have no field in MLflow: they are tags that begin with ``modelprofiler.``.
"""

from __future__ import annotations

import builtins
import dataclasses
import functools
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from modelprofiler.azureml.exceptions import ModelNotFoundException, WebserviceException
from modelprofiler.azureml.registry.http import Http, Missing
from modelprofiler.azureml.registry.local import not_found
from modelprofiler.azureml.registry.mlflow_artifacts import download, upload
from modelprofiler.azureml.registry.record import ModelRecord
from modelprofiler.azureml.store import Store

API = "api/2.0/mlflow"
EXPERIMENT = "modelprofiler"
"""The experiment whose runs hold the files of the models that modelprofiler registered."""

PREFIX = "modelprofiler."
PROPERTY = f"{PREFIX}property."
_TAGGED_FIELDS = (
    "framework",
    "framework_version",
    "resource_configuration",
    "sample_input_dataset_id",
    "sample_output_dataset_id",
    "datasets",
)
"""Fields of a record that are kept as tags, in JSON."""

MOST_PAGES = 1000
"""Pages that are read: a bound, should a server never come to the last one."""

PAGE = 200
"""Versions in one answer of a search, so that an answer stays small; the search reads every page."""


Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


def _understood(call: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """Translate what comes of an answer that has not the form of MLflow's: the server may be anything."""

    @functools.wraps(call)
    def translated(*arguments: Parameters.args, **named: Parameters.kwargs) -> Answer:
        try:
            return call(*arguments, **named)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise WebserviceException(
                f"the answer of the MLflow server is not one of MLflow's: {error!r:.200}"
            ) from error

    return translated


class MlflowRegistry:
    """The models of an MLflow server.

    Parameters
    ----------
    address
        The server's.
    store
        Where downloaded files are kept.
    """

    def __init__(self, address: str, store: Store) -> None:
        self._http = Http(address)
        self._store = store

    @_understood
    def register(self, record: ModelRecord, files: Mapping[str, Path]) -> ModelRecord:
        """Upload the files as a run's artifacts, and add the next version of the model."""
        try:
            self._http.send("POST", f"{API}/registered-models/create", {"name": record.name})
        except WebserviceException as error:
            if error.inner_exception != "RESOURCE_ALREADY_EXISTS":
                raise
        run = self._http.send(
            "POST",
            f"{API}/runs/create",
            {"experiment_id": self._experiment(), "start_time": _now(), "run_name": f"register {record.name}"},
        )["run"]["info"]
        source = f"{run['artifact_uri']}/model"
        upload(self._http, source, files)
        registered = self._http.send(
            "POST",
            f"{API}/model-versions/create",
            {
                "name": record.name,
                "source": source,
                "run_id": run["run_id"],
                "description": record.description or "",
                "tags": [{"key": key, "value": value} for key, value in _tags(record).items()],
            },
        )["model_version"]
        end = {"run_id": run["run_id"], "status": "FINISHED", "end_time": _now()}
        self._http.send("POST", f"{API}/runs/update", end)
        return _record(registered)

    @_understood
    def get(self, name: str, version: int | None = None) -> ModelRecord:
        """Return a version of a model, or the latest."""
        if version is None:
            versions = self._search(name)
            if not versions:
                raise ModelNotFoundException(not_found(name, None, self._names()), status_code=404)
            return max(versions, key=lambda r: r.version)
        try:
            answer = self._http.get(f"{API}/model-versions/get", {"name": name, "version": version})
        except Missing as error:
            known = [r.id for r in self._search(name)] or self._names()
            raise ModelNotFoundException(not_found(name, version, known), status_code=404) from error
        return _record(answer["model_version"])

    @_understood
    def list(self, name: str | None = None) -> list[ModelRecord]:
        """Return all versions of a model, or of all models, the latest first."""
        return sorted(self._search(name), key=lambda r: (r.created_time or _BEGINNING, r.version), reverse=True)

    @_understood
    def update(self, record: ModelRecord) -> None:
        """Write the description and the tags that have changed."""
        before, key = self.get(record.name, record.version), {"name": record.name, "version": str(record.version)}
        old, new = _tags(before), _tags(record)
        for tag, value in new.items():
            if old.get(tag) != value:
                self._http.send("POST", f"{API}/model-versions/set-tag", {**key, "key": tag, "value": value})
        for tag in old.keys() - new.keys():
            self._http.send("DELETE", f"{API}/model-versions/delete-tag", {**key, "key": tag})
        if (before.description or "") != (record.description or ""):
            description = {"description": record.description or ""}
            self._http.send("PATCH", f"{API}/model-versions/update", {**key, **description})

    @_understood
    def delete(self, name: str, version: int) -> None:
        """Remove a version of a model."""
        self.get(name, version)
        self._http.send("DELETE", f"{API}/model-versions/delete", {"name": name, "version": str(version)})

    @_understood
    def files(self, name: str, version: int) -> Path:
        """Return the directory with the model's files, downloaded at the first call."""
        self.get(name, version)
        server = hashlib.sha256(self._http.address.encode()).hexdigest()[:12]
        directory = self._store.path("mlflow", server, name, str(version))
        if not directory.is_dir():
            query = {"name": name, "version": version}
            source = self._http.get(f"{API}/model-versions/get-download-uri", query)["artifact_uri"]
            with self._store.staging() as staging:
                download(self._http, source, staging / "files")
                directory.parent.mkdir(parents=True, exist_ok=True)
                with self._store.locked():
                    if not directory.is_dir():
                        (staging / "files").rename(directory)
        return directory

    def _experiment(self) -> str:
        try:
            answer = self._http.get(f"{API}/experiments/get-by-name", {"experiment_name": EXPERIMENT})
            return str(answer["experiment"]["experiment_id"])
        except Missing:
            return str(self._http.send("POST", f"{API}/experiments/create", {"name": EXPERIMENT})["experiment_id"])

    def _search(self, name: str | None) -> builtins.list[ModelRecord]:
        quoted = name.replace("'", "") if name is not None else None
        query: dict[str, Any] = {"max_results": PAGE}
        if quoted is not None:
            query["filter"] = f"name='{quoted}'"
        records: builtins.list[ModelRecord] = []
        for _ in range(MOST_PAGES):
            page = self._http.get(f"{API}/model-versions/search", query)
            records += [_record(version) for version in page.get("model_versions", [])]
            if not page.get("next_page_token"):
                return records
            query["page_token"] = page["next_page_token"]
        raise WebserviceException(f"MLflow at {self._http.address} has more than {MOST_PAGES * PAGE} model versions")

    def _names(self) -> builtins.list[str]:
        return [record.id for record in self._search(None)]


_BEGINNING = datetime.min.replace(tzinfo=UTC)


def _now() -> int:
    return int(time.time() * 1000)


def _tags(record: ModelRecord) -> dict[str, str]:
    """Return the tags that MLflow keeps for a model."""
    values = {name: getattr(record, name) for name in _TAGGED_FIELDS}
    fields = {f"{PREFIX}{name}": json.dumps(value) for name, value in values.items() if value}
    return record.tags | {f"{PROPERTY}{name}": value for name, value in record.properties.items()} | fields


def _record(version: Mapping[str, Any]) -> ModelRecord:
    tags = {tag["key"]: tag.get("value", "") for tag in version.get("tags", [])}
    own = {key: value for key, value in tags.items() if key.startswith(PREFIX)}
    created = version.get("creation_timestamp")
    record = ModelRecord(
        name=version["name"],
        version=int(version["version"]),
        created_time=datetime.fromtimestamp(int(created) / 1000, UTC) if created else None,
        description=version.get("description") or None,
        tags={key: value for key, value in tags.items() if key not in own},
        properties={k.removeprefix(PROPERTY): v for k, v in own.items() if k.startswith(PROPERTY)},
        url=f"models:/{version['name']}/{version['version']}",
        run_id=version.get("run_id") or None,
    )
    fields = {name: json.loads(own[f"{PREFIX}{name}"]) for name in _TAGGED_FIELDS if f"{PREFIX}{name}" in own}
    return dataclasses.replace(record, **fields)
