"""What tabular and file datasets have in common: paths, a definition that is kept, and registrations by name."""

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
from modelprofiler.azureml.workspace_settings import WorkspaceSettings

DATASETS, REGISTRATIONS = "datasets", "registrations"

DatasetPath = str | os.PathLike[str] | DataPath | tuple[LocalDatastore, str]


class AbstractDataset:
    """Data in files, by a definition that is kept under an id and, where it is registered, a name and version."""

    kind = ""

    def __init__(self, definition: dict[str, Any], workspace: WorkspaceSettings | None = None) -> None:
        self._definition = definition
        self._workspace = workspace
        self._registration: dict[str, Any] = {}

    @property
    def id(self) -> str | None:
        """Id under which the definition is kept; None while it is not."""
        return self._registration.get("id")

    @property
    def name(self) -> str | None:
        """Name it is registered under."""
        return self._registration.get("name")

    @property
    def version(self) -> int | None:
        """Version of that name."""
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
            Add a version when the name is taken.

        Raises
        ------
        UserErrorException
            When the name is taken and no new version is wanted, or the name cannot be used.
        """
        if not name or name in (".", "..") or "/" in name or "\\" in name:
            raise UserErrorException(f"{name!r} cannot be the name of a dataset; use letters, digits, - and _")
        saved = self.ensure_saved(workspace)
        store = workspace.store
        with store.locked():
            versions = store.versions(REGISTRATIONS, name)
            if versions and not create_new_version:
                raise UserErrorException(
                    f'There is already a dataset registered under name "{name}". '
                    "create_new_version=True registers this one as a new version"
                )
            registration = {
                "id": saved,
                "name": name,
                "version": versions[-1] + 1 if versions else 1,
                "description": description,
                "tags": dict(tags or {}),
            }
            store.write(registration, REGISTRATIONS, name, f"{registration['version']}.json")
        return self._with(registration=registration, workspace=workspace)

    def unregister_all_versions(self) -> None:
        """Forget the name; the definition is kept under its id."""
        if self.name is None or self._workspace is None:
            return
        store = self._workspace.store
        with store.locked():
            for version in store.versions(REGISTRATIONS, self.name):
                store.path(REGISTRATIONS, self.name, f"{version}.json").unlink()

    def add_tags(self, tags: Mapping[str, str]) -> Self:
        """Add tags to the registration."""
        return self._retagged({**self.tags, **tags})

    def remove_tags(self, tags: Sequence[str]) -> Self:
        """Remove tags from the registration."""
        return self._retagged({k: v for k, v in self.tags.items() if k not in tags})

    def _retagged(self, tags: dict[str, str]) -> Self:
        if self.name is None or self._workspace is None:
            raise UserErrorException("the dataset is not registered; register it before it gets tags")
        registration = {**self._registration, "tags": tags}
        with self._workspace.store.locked():
            self._workspace.store.write(registration, REGISTRATIONS, self.name, f"{self.version}.json")
        self._registration = registration
        return self

    def ensure_saved(self, workspace: WorkspaceSettings) -> str:
        """Keep the definition and return its id."""
        if not self._registration.get("id"):
            # The same definition gets the same id, so that a script that is run again adds nothing.
            text = json.dumps({"kind": self.kind, **self._definition}, sort_keys=True)
            self._registration["id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, text))
        saved = str(self._registration["id"])
        store = workspace.store
        if store.read(DATASETS, f"{saved}.json") is None:
            store.write({"kind": self.kind, **self._definition}, DATASETS, f"{saved}.json")
        self._workspace = self._workspace or workspace
        return saved

    def _with(self, *, registration: dict[str, Any], workspace: WorkspaceSettings) -> Self:
        other = type(self)(self._definition, workspace)
        other.registered_as(registration)
        return other

    def registered_as(self, registration: dict[str, Any]) -> None:
        """Take what a registration says: id, name, version, description and tags."""
        self._registration = dict(registration)

    def files(self) -> list[Path]:
        """Return the files that the paths of the definition name.

        Raises
        ------
        DatasetValidationError
            When a path names none.
        """
        found: list[Path] = []
        for path in self._definition["paths"]:
            found += _files(path, self._workspace)
        return found

    def _as_document(self) -> dict[str, Any]:
        source = [
            f"('{p['datastoreName']}', '{p['relativePath']}')" if "datastoreName" in p else p["path"]
            for p in self._definition["paths"]
        ]
        kept = ("id", "name", "version", "description", "tags")
        registration = {k: self._registration[k] for k in kept if self._registration.get(k)}
        document: dict[str, Any] = {"source": source, "definition": self._definition_names()}
        return document | ({"registration": registration} if registration else {})

    def _definition_names(self) -> list[str]:
        return ["GetFiles"]

    def __repr__(self) -> str:
        return f"{type(self).__name__}\n{json.dumps(self._as_document(), indent=2)}"


def written_paths(path: DatasetPath | Sequence[DatasetPath]) -> tuple[list[dict[str, str]], WorkspaceSettings | None]:
    """Return paths as they are kept in a definition, and the workspace of their datastores.

    Raises
    ------
    UserErrorException
        For an address that would have to be fetched.
    """
    paths: Sequence[Any] = path if isinstance(path, list) else [path]
    written: list[dict[str, str]] = []
    workspace: WorkspaceSettings | None = None
    for each in paths:
        if isinstance(each, DataPath):
            each = (each.datastore, each.path_on_datastore)
        if isinstance(each, tuple):
            datastore, relative = each
            if not isinstance(datastore, LocalDatastore):
                raise UserErrorException(f"{datastore!r} is not a datastore; Datastore.get_default(workspace) is one")
            workspace = datastore.workspace
            written.append({"datastoreName": datastore.name, "relativePath": os.fspath(relative)})
        elif "://" in os.fspath(each):
            raise UserErrorException(
                f"{each} is an address, and data is not fetched here; download it and upload the file to a datastore"
            )
        else:
            written.append({"path": str(Path(each).absolute())})
    if not written:
        raise UserErrorException("a dataset needs at least one path")
    return written, workspace


def _files(path: dict[str, str], workspace: WorkspaceSettings | None) -> list[Path]:
    if "datastoreName" in path:
        if workspace is None:
            raise UserErrorException("the dataset has no workspace; get it with Dataset.get_by_name")
        where = get_datastore(workspace, path["datastoreName"]).resolve(path["relativePath"])
        shown = f"{path['relativePath']} of datastore {path['datastoreName']}"
    else:
        where, shown = Path(path["path"]), path["path"]
    if where.is_dir():
        found = sorted(p for p in where.rglob("*") if p.is_file())
    elif where.is_file():
        found = [where]
    else:
        found = sorted(Path(p) for p in glob.glob(str(where), recursive=True) if Path(p).is_file())  # noqa: PTH207 - absolute
    if not found:
        raise DatasetValidationError(f"there is no file {shown}; upload it with upload_files")
    return found
