"""Models in an MLflow server, ``models:/NAME/VERSION`` or ``models:/NAME@ALIAS``, by its REST API.

MLflow's own client installs 850 MB for these few calls.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from modelprofiler.files.fetch import object_store
from modelprofiler.files.fetch.credentials import Credentials
from modelprofiler.files.fetch.failure import FetchFailed, denied
from modelprofiler.files.fetch.target import MOST_FILES, Target
from modelprofiler.files.fetch.web import Web, bounded, parsed

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
    registry = _Server(server, Web(_authorization(credentials), ca_file), uri)
    source = registry.source(match["name"], match["version"] or registry.version(match["name"], match["alias"]))
    scheme = urlsplit(source).scheme
    if scheme == "mlflow-artifacts":
        root = source.partition(":")[2].lstrip("/") if "://" not in source else source.split("/", 3)[-1]
        registry.download(root.rstrip("/"), target)
    elif scheme in object_store.SCHEMES:
        object_store.fetch(source, target, credentials)
    else:
        raise FetchFailed(
            f"the files of {uri} are at {scheme or 'a path'}, which only the MLflow server can reach; start it with "
            "--serve-artifacts, so that it passes them on"
        )
    if not target.files:
        raise FetchFailed(f"{uri} has no files", "SourceNotFound")


class _Server:
    """The REST API of an MLflow server, as far as it leads to the files of a version."""

    def __init__(self, address: str, web: Web, uri: str) -> None:
        self._api = f"{address}/api/2.0/mlflow"
        self._artifacts = f"{address}/api/2.0/mlflow-artifacts/artifacts"
        self._web, self._uri = web, uri

    def version(self, name: str, alias: str) -> str:
        """Return the version that an alias names."""
        answer = self._asked("registered-models/alias", name=name, alias=alias)
        return str(_inside(answer, "model_version").get("version"))

    def source(self, name: str, version: str) -> str:
        """Return where the files of a version are."""
        source = str(self._asked("model-versions/get-download-uri", name=name, version=version).get("artifact_uri"))
        if source.startswith("models:/m-"):
            answer = self._asked(f"logged-models/{quote(source.removeprefix('models:/'), safe='')}")
            return str(_inside(answer, "model", "info").get("artifact_uri"))
        if source.startswith("runs:/"):
            run, _, path = source.removeprefix("runs:/").partition("/")
            root = str(_inside(self._asked("runs/get", run_id=run), "run", "info").get("artifact_uri"))
            return f"{root.rstrip('/')}/{path}" if path else root
        return source

    def download(self, root: str, target: Target) -> None:
        """Write every file below a folder of the artifacts that the server passes on."""
        for path in self._paths(root):
            url = f"{self._artifacts}/{quote(path)}"
            target.write(path.removeprefix(f"{root}/"), self._web.download(url))

    def _paths(self, root: str) -> Iterator[str]:
        folders, seen = [root], 0
        while folders:
            folder = folders.pop()
            entries = self._web.json(self._artifacts, path=folder).get("files")
            for entry in entries if isinstance(entries, list) else []:
                seen += 1
                if seen > MOST_FILES:
                    raise FetchFailed(f"the model has more than {MOST_FILES:,} files")
                name = str(_inside({"entry": entry}, "entry").get("path")).rstrip("/").rpartition("/")[2]
                if _inside({"entry": entry}, "entry").get("is_dir"):
                    Target.checked(f"{folder}/{name}".removeprefix(f"{root}/"))  # a folder may be inside itself
                    folders.append(f"{folder}/{name}")
                else:
                    yield f"{folder}/{name}"

    def _asked(self, call: str, **query: str) -> dict[str, Any]:
        """Return the answer of the API; where it says that there is no such thing, the address is named."""
        url = f"{self._api}/{call}"
        with self._web.get(url, "application/json", may_fail=True, **query) as response:
            content = bounded(response, url)
            if response.status_code == 200:
                return parsed(content, url)
            status = response.status_code
            # An alias that is not there is answered with 400, whatever else is not there with 404.
            missing = status == 404 or (status == 400 and any(code in content for code in _MISSING))
        raise denied(self._uri, 404 if missing else status)


_MISSING = (b"RESOURCE_DOES_NOT_EXIST", b"INVALID_PARAMETER_VALUE")
"""Error codes of the API, of which the second is that of an alias that is not there."""


def _inside(answer: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return an object inside an answer; empty where there is none."""
    for key in keys:
        value = answer.get(key)
        answer = value if isinstance(value, dict) else {}
    return answer


def _authorization(credentials: Credentials) -> dict[str, str]:
    if token := credentials.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if user := credentials.get("MLFLOW_TRACKING_USERNAME"):
        password = credentials.get("MLFLOW_TRACKING_PASSWORD")
        return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
    return {}
