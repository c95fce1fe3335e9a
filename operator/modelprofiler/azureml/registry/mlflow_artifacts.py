"""Files of models in MLflow's artifact store, as far as the server passes them on.

The server is not trusted: no name in a listing leads out of the folder of the download, and an address of a file is one
of the server's machine, never of this one.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException
from modelprofiler.azureml.registry.http import Http

API = "api/2.0/mlflow-artifacts/artifacts"
LOGGED_MODELS = "api/2.0/mlflow/logged-models"
LONGEST_NAME = 255
"""Bytes of a name, as in every usual file system."""
MOST_FILES = 100_000
"""Most files of a model: a bound, should a server list directories without an end."""


def upload(http: Http, source: str, files: Mapping[str, Path]) -> None:
    """Write files below an artifact address.

    Raises
    ------
    UserErrorException
        When only the server itself can reach the artifacts.
    """
    remote = _place(source)
    for name, file in files.items():
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
        model = http.get(f"{LOGGED_MODELS}/{urllib.parse.quote(source.removeprefix('models:/'), safe='')}")
        source = str(model["model"]["info"]["artifact_uri"])
    remote = _place(source)
    contents = target / "contents"
    _download_all(http, remote, contents)
    if not contents.is_dir() or not any(contents.iterdir()):
        raise WebserviceException(f"there are no files at {source}")
    entries = list(contents.iterdir())
    if len(entries) == 1:
        entries[0].rename(target / entries[0].name)
        contents.rmdir()
    else:  # a model that MLflow saved is a folder with several entries; the end of its address is its name
        contents.rename(target / (PurePosixPath(remote).name or "model"))


def _place(source: str) -> str:
    """Return the path of artifacts as the server's proxy has it."""
    parts = urllib.parse.urlsplit(source)
    if parts.scheme == "mlflow-artifacts":
        path = parts.path.strip("/")
        if any(part in ("", ".", "..") for part in path.split("/")):
            raise WebserviceException(f"the model's files are at {source[:200]!r}, which is no path of a folder")
        return path
    where = f"{parts.scheme}://{parts.netloc}" if parts.scheme not in ("", "file") else "a path of the server's machine"
    raise UserErrorException(
        f"the model's files are at {where}, which only the MLflow server can reach; start it with --serve-artifacts, "
        "so that it passes them on"
    )


def _download_all(http: Http, root: str, target: Path) -> None:
    directories, count = [root], 0
    while directories:
        directory = directories.pop()
        entries = http.get(API, {"path": directory}).get("files", [])
        for entry in entries if isinstance(entries, list) else []:
            path = f"{directory}/{_name(entry)}"
            count += 1
            if count > MOST_FILES:
                raise WebserviceException(f"the model has more than {MOST_FILES} files")
            if entry.get("is_dir"):
                directories.append(path)
            else:
                http.download(f"{API}/{path}", target / PurePosixPath(path).relative_to(root))


def _name(entry: Any) -> str:
    """Return the name of a file or folder in a listing: one that stays in its folder."""
    path = entry.get("path") if isinstance(entry, dict) else None
    name = path.rpartition("/")[2] if isinstance(path, str) else ""
    if name in ("", ".", "..") or len(name.encode("utf-8", "replace")) > LONGEST_NAME or "\0" in name:
        raise WebserviceException(f"the MLflow server lists a file with the name {str(path)[:100]!r}, which is none")
    return name
