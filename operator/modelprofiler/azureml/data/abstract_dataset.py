"""The base of tabular and file datasets: paths, a definition kept under an id, and registrations by name."""

from __future__ import annotations

import glob
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from modelprofiler.azureml.data.datastore import DataPath, LocalDatastore, get_datastore
from modelprofiler.azureml.exceptions import DatasetValidationError, UserErrorException
from modelprofiler.azureml.unsupported import DATA, refusal
from modelprofiler.azureml.workspace_settings import WorkspaceSettings

DATASETS, REGISTRATIONS = "datasets", "registrations"

COLUMNS = "columns of a dataset are not summed up here; to_pandas_dataframe().describe() does that"

DatasetPath = str | os.PathLike[str] | DataPath | tuple[LocalDatastore, str]


class AbstractDataset:
    """Data in files: a definition that is kept under an id and, once registered, under a name and version."""

    kind = ""

    def __init__(self, definition: dict[str, Any], workspace: WorkspaceSettings | None = None) -> None:
        self._definition = definition
        self._workspace = workspace
        self._registration: dict[str, Any] = {}

    @property
    def id(self) -> str | None:
        """Id under which the definition is kept; None before that."""
        return self._registration.get("id")

    @property
    def name(self) -> str | None:
        """Name under which the dataset is registered."""
        return self._registration.get("name")

    @property
    def version(self) -> int | None:
        """Version under which the dataset is registered."""
        return self._registration.get("version")

    @property
    def description(self) -> str | None:
        """Description given at registration."""
        return self._registration.get("description")

    @property
    def tags(self) -> dict[str, str]:
        """Tags given at registration."""
        return dict(self._registration.get("tags") or {})

    def register(
        self,
        workspace: WorkspaceSettings,
        name: str,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        create_new_version: bool = False,
    ) -> Self:
        """Register the dataset under a name.

        Parameters
        ----------
        create_new_version
            Whether to add a version when the name is taken.

        Raises
        ------
        UserErrorException
            When the name is taken and `create_new_version` is not set, or the name cannot be used.
        """
        check_name(name)
        dataset_id = self.ensure_saved(workspace)
        store = workspace.store
        with store.locked():
            versions = store.versions(REGISTRATIONS, name)
            if versions and not create_new_version:
                raise UserErrorException(
                    f'There is already a dataset registered under name "{name}". '
                    "create_new_version=True registers this one as a new version"
                )
            registration = {
                "id": dataset_id,
                "name": name,
                "version": versions[-1] + 1 if versions else 1,
                "description": description,
                "tags": dict(tags or {}),
            }
            store.write(registration, REGISTRATIONS, name, f"{registration['version']}.json")
        return self._with(registration=registration, workspace=workspace)

    def unregister_all_versions(self) -> None:
        """Remove every registration of the name; the definition is kept under its id."""
        if self.name is None or self._workspace is None:
            return
        store = self._workspace.store
        with store.locked():
            for version in store.versions(REGISTRATIONS, self.name):
                store.path(REGISTRATIONS, self.name, f"{version}.json").unlink()

    def update(self, description: str | None = None, tags: Mapping[str, str] | None = None) -> Self:
        """Replace the description or the tags of the registration."""
        changes: dict[str, Any] = {}
        if description is not None:
            changes["description"] = description
        if tags is not None:
            if not isinstance(tags, Mapping):
                raise UserErrorException(f"tags must be names and values, not {type(tags).__name__}")
            changes["tags"] = dict(tags)
        return self._changed(changes)

    def add_tags(self, tags: Mapping[str, str]) -> Self:
        """Add tags to the registration."""
        return self._changed({"tags": {**self.tags, **tags}})

    def remove_tags(self, tags: Sequence[str]) -> Self:
        """Remove tags from the registration."""
        return self._changed({"tags": {k: v for k, v in self.tags.items() if k not in tags}})

    def _changed(self, changes: dict[str, Any]) -> Self:
        if self.name is None or self._workspace is None:
            raise UserErrorException("the dataset is not registered; register it before it gets tags or a description")
        registration = {**self._registration, **changes}
        with self._workspace.store.locked():
            self._workspace.store.write(registration, REGISTRATIONS, self.name, f"{self.version}.json")
        self._registration = registration
        return self

    def ensure_saved(self, workspace: WorkspaceSettings) -> str:
        """Store the definition, and return its id."""
        if not self._registration.get("id"):
            # The id follows from the definition, so that running a script again adds nothing.
            text = json.dumps({"kind": self.kind, **self._definition}, sort_keys=True)
            self._registration["id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, text))
        dataset_id = str(self._registration["id"])
        store = workspace.store
        if store.read(DATASETS, f"{dataset_id}.json") is None:
            store.write({"kind": self.kind, **self._definition}, DATASETS, f"{dataset_id}.json")
        self._workspace = self._workspace or workspace
        return dataset_id

    def _with(self, *, registration: dict[str, Any], workspace: WorkspaceSettings) -> Self:
        other = type(self)(self._definition, workspace)
        other.registered_as(registration)
        return other

    def registered_as(self, registration: dict[str, Any]) -> None:
        """Take id, name, version, description and tags from a registration."""
        self._registration = dict(registration)

    def files(self) -> list[Path]:
        """Return the files at the paths of the definition.

        Raises
        ------
        DatasetValidationError
            When there is no file at a path.
        """
        return [file for path in self._definition["paths"] for file in _files_at(path, self._workspace)]

    def describe(self) -> dict[str, Any]:
        """Return the paths, steps and registration of the dataset as JSON data."""
        source = [
            f"('{p['datastoreName']}', '{p['relativePath']}')" if "datastoreName" in p else p["path"]
            for p in self._definition["paths"]
        ]
        keys = ("id", "name", "version", "description", "tags")
        registration = {k: self._registration[k] for k in keys if self._registration.get(k)}
        document: dict[str, Any] = {"source": source, "definition": self._definition_names()}
        return document | ({"registration": registration} if registration else {})

    as_named_input = refusal("as_named_input", DATA)
    as_mount = refusal("as_mount", DATA)
    as_download = refusal("as_download", DATA)
    mount = refusal("mount", DATA)
    get_profile = refusal("get_profile", COLUMNS)
    submit_profile_run = refusal("submit_profile_run", COLUMNS)

    def _definition_names(self) -> list[str]:
        return ["GetFiles"]

    def __repr__(self) -> str:
        return f"{type(self).__name__}\n{json.dumps(self.describe(), indent=2)}"


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a dataset.

    Raises
    ------
    UserErrorException
        When it is empty, or would name another place in the store.
    """
    if not name or name in (".", "..") or "/" in name or "\\" in name:
        raise UserErrorException(f"{name!r} cannot be the name of a dataset; use letters, digits, - and _")


def path_entries(path: DatasetPath | Sequence[DatasetPath]) -> tuple[list[dict[str, str]], WorkspaceSettings | None]:
    """Return paths as a definition keeps them, and the workspace of their datastores.

    Raises
    ------
    UserErrorException
        For a URL: data is not downloaded.
    """
    paths: Sequence[Any] = path if isinstance(path, list) else [path]
    entries: list[dict[str, str]] = []
    workspace: WorkspaceSettings | None = None
    for item in paths:
        location = (item.datastore, item.path_on_datastore) if isinstance(item, DataPath) else item
        if isinstance(location, tuple):
            datastore, relative = location
            if not isinstance(datastore, LocalDatastore):
                raise UserErrorException(f"{datastore!r} is not a datastore; Datastore.get_default(workspace) is one")
            workspace = datastore.workspace
            entries.append({"datastoreName": datastore.name, "relativePath": os.fspath(relative)})
        elif "://" in os.fspath(location):
            raise UserErrorException(
                f"{location} is a URL, and data is not downloaded; download it and upload the file to a datastore"
            )
        else:
            entries.append({"path": str(Path(location).absolute())})
    if not entries:
        raise UserErrorException("a dataset needs at least one path")
    return entries, workspace


def _files_at(path: dict[str, str], workspace: WorkspaceSettings | None) -> list[Path]:
    if "datastoreName" in path:
        if workspace is None:
            raise UserErrorException("the dataset has no workspace; get it with Dataset.get_by_name")
        location = get_datastore(workspace, path["datastoreName"]).resolve(path["relativePath"])
        label = f"{path['relativePath']} of datastore {path['datastoreName']}"
    else:
        location, label = Path(path["path"]), path["path"]
    if location.is_dir():
        files = sorted(p for p in location.rglob("*") if p.is_file())
    elif location.is_file():
        files = [location]
    else:
        files = sorted(Path(p) for p in glob.glob(str(location), recursive=True) if Path(p).is_file())  # noqa: PTH207 - absolute
    if not files:
        raise DatasetValidationError(f"there is no file {label}; upload it with upload_files")
    return files
