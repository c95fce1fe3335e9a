"""What a profile names in the cluster, looked up: ConfigMaps become digests and rows, or what is missing is said."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from modelprofiler.api.conditions import Reason
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.spec import Source
from modelprofiler.api.status import DatasetStatus
from modelprofiler.cluster.adapter import CONFIG_MAPS, Cluster
from modelprofiler.errors import DatasetError, NotFound, Problem
from modelprofiler.load.dataset import describe, read_rows


@dataclass(frozen=True)
class Inputs:
    """The content behind the sources of a profile."""

    dataset: DatasetStatus
    dataset_key: str
    """Key of the ConfigMap that holds the rows; empty for inline rows."""
    code_digest: str | None
    model_digest: str | None


@dataclass(frozen=True)
class Unusable:
    """Why the sources of a profile cannot be used."""

    reason: Reason
    problems: tuple[Problem, ...]


async def resolve(cluster: Cluster, profile: ModelProfile) -> Inputs | Unusable:
    """Look up every source of a profile, and find everything that is wrong with them at once.

    Raises
    ------
    ClusterUnavailable
        When the API server does not answer.
    """
    spec = profile.spec
    missing: list[Problem] = []
    namespace = profile.metadata.namespace

    async def content(source: Source | None, path: str) -> dict[str, bytes] | None:
        if source is None:
            return None
        try:
            return await _files(cluster, namespace, source)
        except NotFound as error:
            missing.append(Problem(path, str(error)))
            return None

    script = spec.server.entry_script
    code = await content(script.source if script else None, "spec.server.entryScript.source")
    model = await content(spec.model.source if spec.model else None, "spec.model.source")
    rows = await content(spec.dataset.source, "spec.dataset.source")

    if script and code is not None and script.source.config_map and script.file not in code:
        missing.append(
            Problem(
                "spec.server.entryScript.file",
                f"the source has no file {script.file!r}; it has {', '.join(sorted(code)) or 'no files'}",
            )
        )
    key = ""
    if rows is not None and spec.dataset.source.config_map:
        path, name = "spec.dataset.source.configMap", spec.dataset.source.config_map.name
        if not rows:
            missing.append(Problem(path, f"ConfigMap {name!r} has no keys"))
        elif len(rows) > 1:
            keys = ", ".join(sorted(rows))
            missing.append(Problem(f"{path}.key", f"say which key holds the rows: ConfigMap {name!r} has {keys}"))
        else:
            key = next(iter(rows))
    if missing:
        return Unusable(Reason.SOURCE_NOT_FOUND, tuple(missing))
    assert rows is not None
    try:
        dataset = describe(read_rows(next(iter(rows.values())), spec.dataset.format, spec.dataset.encoding))
    except DatasetError as error:
        return Unusable(Reason.INVALID_DATASET, (Problem("spec.dataset", str(error)),))
    return Inputs(dataset, key, _digest(code), _digest(model))


async def _files(cluster: Cluster, namespace: str, source: Source) -> dict[str, bytes]:
    if source.inline is not None:
        return {"": source.inline.encode()}
    assert source.config_map is not None, "acceptance refuses every other source"
    name, key = source.config_map.name, source.config_map.key
    try:
        found = await cluster.get(CONFIG_MAPS, namespace, name)
    except NotFound as error:
        raise NotFound(f"there is no ConfigMap {name!r} in namespace {namespace!r}") from error
    files = _decode(found)
    if key is None:
        return files
    if key not in files:
        keys = ", ".join(sorted(files)) or "no keys"
        raise NotFound(f"ConfigMap {name!r} has no key {key!r}; it has {keys}")
    return {key: files[key]}


def _decode(config_map: dict[str, Any]) -> dict[str, bytes]:
    text = {key: value.encode() for key, value in (config_map.get("data") or {}).items()}
    binary = {key: base64.b64decode(value) for key, value in (config_map.get("binaryData") or {}).items()}
    return text | binary


def _digest(files: dict[str, bytes] | None) -> str | None:
    """Return the sha256 of a set of files: names and contents, each with its length."""
    if files is None:
        return None
    digest = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return f"sha256:{digest.hexdigest()}"
