"""Models in an MLflow server, ``models:/NAME/VERSION`` or ``models:/NAME@ALIAS``, by its REST API.

MLflow's own client installs 850 MB for these few calls.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

from modelprofiler.files.fetch import object_store
from modelprofiler.files.fetch.credentials import Credentials
from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.files.fetch.target import MOST_FILES, Target
from modelprofiler.files.fetch.web import Web

_MODEL = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<version>\d+)|@(?P<alias>[\w-]+))")


def fetch(uri: str, target: Target, credentials: Credentials, ca_file: Path | None) -> None:
    """Download the files of a version of a model.

    Raises
    ------
    FetchFailed
        There is no such version, access is denied, or only the server can reach its files.
    """
    match = _MODEL.fullmatch(uri)
    if match is None:
        raise FetchFailed(f"{uri!r:.200} is no version of a model; write models:/NAME/VERSION or models:/NAME@ALIAS")
    server = credentials.get("MLFLOW_TRACKING_URI").rstrip("/")
    if urlsplit(server).scheme not in ("http", "https"):
        raise FetchFailed("MLFLOW_TRACKING_URI, a key of the Secret, must be the http address of an MLflow server")
    web = Web(_authorization(credentials), ca_file)
    api = f"{server}/api/2.0/mlflow"
    version = match["version"]
    if match["alias"]:
        answer = web.json(f"{api}/registered-models/alias", name=match["name"], alias=match["alias"])
        version = str((answer.get("model_version") or {}).get("version"))
    answer = web.json(f"{api}/model-versions/get-download-uri", name=match["name"], version=version)
    source = str(answer.get("artifact_uri"))
    if source.startswith("models:/m-"):
        logged = web.json(f"{api}/logged-models/{quote(source.removeprefix('models:/'))}")
        source = str(((logged.get("model") or {}).get("info") or {}).get("artifact_uri"))
    scheme = urlsplit(source).scheme
    if scheme == "mlflow-artifacts":
        artifacts = f"{server}/api/2.0/mlflow-artifacts/artifacts"
        root = urlsplit(source).path.strip("/")
        for path in _paths(web, artifacts, root):
            target.write(path.removeprefix(f"{root}/"), web.download(f"{artifacts}/{quote(path)}"))
    elif scheme in object_store.SCHEMES:
        object_store.fetch(source, target, credentials)
    else:
        raise FetchFailed(
            f"the files of {uri} are at {scheme or 'a path'}, which only the MLflow server can reach; start it with "
            "--serve-artifacts, so that it passes them on"
        )
    if not target.files:
        raise FetchFailed(f"{uri} has no files", "SourceNotFound")


def _paths(web: Web, artifacts: str, root: str) -> Iterator[str]:
    """Yield the path of every file below a folder of the artifact store."""
    folders, seen = [root], 0
    while folders:
        folder = folders.pop()
        entries = web.json(artifacts, path=folder).get("files")
        for entry in entries if isinstance(entries, list) else []:
            seen += 1
            if seen > MOST_FILES:
                raise FetchFailed(f"the model has more than {MOST_FILES:,} files")
            name = str(entry.get("path")).rstrip("/").rpartition("/")[2]
            if entry.get("is_dir"):
                folders.append(f"{folder}/{name}")
            else:
                yield f"{folder}/{name}"


def _authorization(credentials: Credentials) -> dict[str, str]:
    if token := credentials.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if user := credentials.get("MLFLOW_TRACKING_USERNAME"):
        password = credentials.get("MLFLOW_TRACKING_PASSWORD")
        return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
    return {}
