"""Files of models in MLflow's artifact store: through the server that proxies it, or on this machine."""

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


def upload(http: Http, source: str, files: Mapping[str, Path]) -> None:
    """Write files below an artifact address.

    Raises
    ------
    UserErrorException
        When the artifacts are where only the server's own credentials reach.
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
    """Fetch everything below an artifact address, so that `target` holds one file or folder.

    Raises
    ------
    UserErrorException
        When the artifacts are where only the server's own credentials reach.
    WebserviceException
        When there are none.
    """
    if source.startswith("models:/m-"):
        model = http.get(f"{LOGGED_MODELS}/{source.removeprefix('models:/')}")
        source = model["model"]["info"]["artifact_uri"]
    local, remote = _place(source)
    inside = target / "inside"
    if local is not None:
        if not local.exists():
            raise WebserviceException(f"the model's files should be in {local}, which is not on this machine")
        shutil.copytree(local, inside) if local.is_dir() else shutil.copy2(local, _made(inside) / local.name)
    else:
        _fetch(http, remote, inside)
    if not inside.is_dir() or not any(inside.iterdir()):
        raise WebserviceException(f"there are no files at {source}")
    entries = list(inside.iterdir())
    if len(entries) == 1:
        entries[0].rename(target / entries[0].name)
        inside.rmdir()
    else:  # a model as MLflow itself saves it: a folder, whose name is the last of its address
        inside.rename(target / (PurePosixPath(remote or str(local)).name or "model"))


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _place(source: str) -> tuple[Path | None, str]:
    """Return where artifacts are: a path of this machine, or else a path of the server's proxy."""
    parts = urllib.parse.urlsplit(source)
    if parts.scheme == "mlflow-artifacts":
        return None, parts.path.strip("/")
    if parts.scheme in ("", "file"):
        return Path(urllib.parse.unquote(parts.path)), ""
    raise UserErrorException(
        f"the model's files are at {parts.scheme}://{parts.netloc}, which only MLflow's server can reach; start it "
        "with --serve-artifacts, so that it passes them on"
    )


def _fetch(http: Http, root: str, target: Path) -> None:
    waiting, count = [root], 0
    while waiting:
        directory = waiting.pop()
        for entry in http.get(API, {"path": directory}).get("files", []):
            path = f"{directory}/{PurePosixPath(entry['path']).name}"
            count += 1
            if count > MOST_FILES:
                raise WebserviceException(f"the model has more than {MOST_FILES} files")
            if entry.get("is_dir"):
                waiting.append(path)
            else:
                http.download(f"{API}/{path}", target / PurePosixPath(path).relative_to(root))
