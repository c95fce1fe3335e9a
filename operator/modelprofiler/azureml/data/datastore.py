"""A datastore: a directory on this machine into which files are uploaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.workspace_settings import WorkspaceSettings

DEFAULT = "workspaceblobstore"
"""The default datastore of every workspace, as Azure ML named it."""

BUILT_IN = (DEFAULT, "workspacefilestore")
SETTINGS = "datastores.json"


class DataPath:
    """A path in a datastore, to make a dataset of."""

    def __init__(
        self,
        datastore: LocalDatastore | None = None,
        path_on_datastore: str | None = None,
        name: str | None = None,
    ) -> None:
        self.datastore = datastore
        self.path_on_datastore = path_on_datastore or ""
        self.name = name


class LocalDatastore:
    """A directory on this machine into which files are uploaded.

    Attributes
    ----------
    name
        Its name.
    root
        The directory.
    """

    datastore_type = "Local"

    def __init__(self, workspace: WorkspaceSettings, name: str, root: Path) -> None:
        self.workspace = workspace
        self.name = name
        self.root = root

    def resolve(self, path: str | os.PathLike[str]) -> Path:
        """Return the path on this machine of a path in the datastore.

        Raises
        ------
        UserErrorException
            When the path leads out of the datastore.
        """
        relative = PurePosixPath(os.fspath(path).lstrip("/"))
        if ".." in relative.parts:
            raise UserErrorException(f"{path} leads out of the datastore {self.name}; name a path inside it")
        return self.root / relative

    def upload_files(
        self,
        files: Sequence[str | os.PathLike[str]],
        relative_root: str | os.PathLike[str] | None = None,
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataPath:
        """Copy files into the datastore.

        Parameters
        ----------
        files
            Paths on this machine.
        relative_root
            The directory that their paths in the datastore start from; by default their common directory.
        target_path
            Directory in the datastore; its root by default.
        overwrite
            Whether to replace existing files; otherwise they are kept, and a message says so.

        Raises
        ------
        UserErrorException
            When a file does not exist, or is not below `relative_root`.
        """
        sources = [Path(file).absolute() for file in files]
        if missing := [str(s) for s in sources if not s.is_file()]:
            raise UserErrorException(f"cannot upload {', '.join(missing)}: there is no such file")
        root = Path(relative_root).absolute() if relative_root else _common_directory(sources)
        for source in sources:
            if not source.is_relative_to(root):
                raise UserErrorException(f"cannot upload {source}: it is not below relative_root {root}")
            target = self.resolve(target_path or "") / source.relative_to(root)
            if target.exists() and not overwrite:
                print(f"Target {target} exists already and is kept; overwrite=True replaces it")
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            if show_progress:
                print(f"Uploaded {source} to {self.name}")
        return DataPath(self, target_path or "")

    def upload(
        self,
        src_dir: str | os.PathLike[str],
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataPath:
        """Copy everything below a directory into the datastore."""
        root = Path(src_dir).absolute()
        if not root.is_dir():
            raise UserErrorException(f"cannot upload {src_dir}: there is no such directory")
        files = sorted(p for p in root.rglob("*") if p.is_file())
        return self.upload_files(files, root, target_path, overwrite, show_progress)

    def download(
        self,
        target_path: str | os.PathLike[str],
        prefix: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> int:
        """Copy the files below a prefix from the datastore to a directory; return their number."""
        count = 0
        for source in sorted(p for p in self.resolve(prefix or "").rglob("*") if p.is_file()):
            target = Path(target_path) / source.relative_to(self.root)
            count += 1
            if target.exists() and not overwrite:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        return count

    def path(self, path: str | None = None, data_reference_name: str | None = None) -> DataPath:
        """Return a path in the datastore, to make a dataset of."""
        return DataPath(self, path or "", data_reference_name)

    def set_as_default(self) -> None:
        """Make this the default datastore."""
        store = self.workspace.store
        with store.locked():
            settings = store.read(SETTINGS) or {}
            store.write({**settings, "default": self.name}, SETTINGS)

    def unregister(self) -> None:
        """Remove the registration of the datastore; its files stay."""
        store = self.workspace.store
        with store.locked():
            settings = store.read(SETTINGS) or {}
            paths = {k: v for k, v in settings.get("paths", {}).items() if k != self.name}
            default = None if settings.get("default") == self.name else settings.get("default")
            store.write({"paths": paths, "default": default}, SETTINGS)

    def __repr__(self) -> str:
        return f"LocalDatastore(name={self.name!r}, root={str(self.root)!r})"


def _common_directory(files: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([f.parent for f in files])) if files else Path.cwd()


def all_datastores(workspace: WorkspaceSettings) -> dict[str, LocalDatastore]:
    """Return the datastores of a workspace by name."""
    registered: dict[str, Any] = (workspace.store.read(SETTINGS) or {}).get("paths") or {}
    built_in = {name: workspace.store.path("datastores", name) for name in BUILT_IN}
    roots = built_in | {name: Path(path) for name, path in registered.items()}
    return {name: LocalDatastore(workspace, name, root) for name, root in roots.items()}


def get_datastore(workspace: WorkspaceSettings, name: str) -> LocalDatastore:
    """Return a datastore by its name.

    Raises
    ------
    UserErrorException
        When no datastore has that name.
    """
    known = all_datastores(workspace)
    if name not in known:
        raise UserErrorException(
            f"there is no datastore {name!r}; there are {', '.join(sorted(known))}. "
            "Datastore.register_local(workspace, name, path) adds a directory"
        )
    return known[name]


def default_datastore(workspace: WorkspaceSettings) -> LocalDatastore:
    """Return the default datastore of a workspace."""
    settings = workspace.store.read(SETTINGS) or {}
    return get_datastore(workspace, settings.get("default") or DEFAULT)


def register_local(workspace: WorkspaceSettings, name: str, path: str | os.PathLike[str]) -> LocalDatastore:
    """Register a directory of this machine as a datastore."""
    root = Path(path).absolute()
    if not root.is_dir():
        raise UserErrorException(f"cannot register {path} as a datastore: there is no such directory")
    store = workspace.store
    with store.locked():
        settings = store.read(SETTINGS) or {}
        store.write({**settings, "paths": {**(settings.get("paths") or {}), name: str(root)}}, SETTINGS)
    return LocalDatastore(workspace, name, root)
