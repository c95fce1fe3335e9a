"""Files of models in MLflow's artifact store, which the server proxies or which is on this machine."""

from __future__ import annotations

import shutil
import urllib.parse
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException
from modelprofiler.azureml.registry.http import Http

API = "api/2.0/mlflow-artifacts/artifacts"
LOGGED_MODELS = "api/2.0/mlflow/logged-models"
MOST_FILES = 100_000
"""Most files of a model: a bound, should a server list directories without an end."""


def upload(http: Http, source: str, files: Mapping[str, Path]) -> None:
    """Write files below an artifact address.

    Raises
    ------
    UserErrorException
        When only the server itself can reach the artifacts.
    """
    local, remote = _place(source)
    for name, file in files.items():
        if local is not None:
            target = local / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)
        else:
            http.upload(f"{API}/{remote}/{name}", file)


def download(http: Http, source: str, target: Path) -> None:
    """Download everything below an artifact address, so that `target` contains one file or folder.

    Raises
    ------
    UserErrorException
        When only the server itself can reach the artifacts.
    WebserviceException
        When there are no files.
    """
    if source.startswith("models:/m-"):
        model = http.get(f"{LOGGED_MODELS}/{source.removeprefix('models:/')}")
        source = model["model"]["info"]["artifact_uri"]
    local, remote = _place(source)
    contents = target / "contents"
    if local is not None:
        if not local.exists():
            raise WebserviceException(f"the model's files should be in {local}, which does not exist on this machine")
        shutil.copytree(local, contents) if local.is_dir() else shutil.copy2(local, _created(contents) / local.name)
    else:
        _download_all(http, remote, contents)
    if not contents.is_dir() or not any(contents.iterdir()):
        raise WebserviceException(f"there are no files at {source}")
    entries = list(contents.iterdir())
    if len(entries) == 1:
        entries[0].rename(target / entries[0].name)
        contents.rmdir()
    else:  # a model that MLflow saved is a folder with several entries; the end of its address is its name
        contents.rename(target / (PurePosixPath(remote or str(local)).name or "model"))


def _created(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _place(source: str) -> tuple[Path | None, str]:
    """Return the place of artifacts: a path of this machine, or None and a path of the server's proxy."""
    parts = urllib.parse.urlsplit(source)
    if parts.scheme == "mlflow-artifacts":
        return None, parts.path.strip("/")
    if parts.scheme in ("", "file"):
        return Path(urllib.parse.unquote(parts.path)), ""
    raise UserErrorException(
        f"the model's files are at {parts.scheme}://{parts.netloc}, which only the MLflow server can reach; start it "
        "with --serve-artifacts, so that it passes them on"
    )


def _download_all(http: Http, root: str, target: Path) -> None:
    directories, count = [root], 0
    while directories:
        directory = directories.pop()
        for entry in http.get(API, {"path": directory}).get("files", []):
            path = f"{directory}/{PurePosixPath(entry['path']).name}"
            count += 1
            if count > MOST_FILES:
                raise WebserviceException(f"the model has more than {MOST_FILES} files")
            if entry.get("is_dir"):
                directories.append(path)
            else:
                http.download(f"{API}/{path}", target / PurePosixPath(path).relative_to(root))
