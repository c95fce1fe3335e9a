"""What a profile names in the cluster, looked up: ConfigMaps become digests and rows, or what is missing is said."""

from __future__ import annotations

from dataclasses import dataclass

from modelprofiler.api.conditions import Reason
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.spec import Source
from modelprofiler.api.status import DatasetStatus
from modelprofiler.cluster.adapter import CONFIG_MAPS, Cluster
from modelprofiler.core import sources
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

    if script and code is not None and script.source.config_map:
        missing += sources.script_problems(script.file, code)
    key = ""
    if rows is not None and spec.dataset.source.config_map:
        unclear = sources.which_rows(spec.dataset.source.config_map.name, rows)
        missing += unclear
        key = "" if unclear else next(iter(rows))
    if missing:
        return Unusable(Reason.SOURCE_NOT_FOUND, tuple(missing))
    assert rows is not None
    try:
        dataset = describe(read_rows(next(iter(rows.values())), spec.dataset.format, spec.dataset.encoding))
    except DatasetError as error:
        return Unusable(Reason.INVALID_DATASET, (Problem("spec.dataset", str(error)),))
    code_digest, model_digest = (None if files is None else sources.digest(files) for files in (code, model))
    return Inputs(dataset, key, code_digest, model_digest)


async def _files(cluster: Cluster, namespace: str, source: Source) -> dict[str, bytes]:
    if source.inline is not None:
        return {"": source.inline.encode()}
    assert source.config_map is not None, "acceptance refuses every other source"
    name, key = source.config_map.name, source.config_map.key
    try:
        found = await cluster.get(CONFIG_MAPS, namespace, name)
    except NotFound as error:
        raise NotFound(f"there is no ConfigMap {name!r} in namespace {namespace!r}") from error
    files, wrong = sources.files_of(found)
    if wrong:  # the API server lets no such ConfigMap in
        raise NotFound(f"ConfigMap {name!r} cannot be read: {'; '.join(map(str, wrong))}")
    if key is None:
        return files
    if key not in files:
        raise NotFound(sources.no_key(name, key, list(files)))
    return {key: files[key]}
