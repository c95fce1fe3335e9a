"""What a profile names in the cluster, looked up: files become digests and rows, or what is missing is said."""

from __future__ import annotations

from dataclasses import dataclass

from modelprofiler.api.conditions import Reason
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.sources import Source
from modelprofiler.api.status import ClaimsStatus, DatasetStatus
from modelprofiler.cluster.adapter import CONFIG_MAPS, Cluster
from modelprofiler.cluster.gather import claims
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.manifests.volumes import file_name, sources_on_claims
from modelprofiler.core import sources
from modelprofiler.errors import DatasetError, NotFound, Problem
from modelprofiler.load.dataset import describe, read_rows


@dataclass(frozen=True)
class Inputs:
    """The content behind the sources of a profile."""

    dataset: DatasetStatus
    dataset_key: str
    """Name of the file that holds the rows; empty for inline rows."""
    code_digest: str | None
    model_digest: str | None
    host: str | None = None
    """Host name of the node that all pods have to be on for their volumes; None: any node will do."""
    together: bool = False
    """Whether the load has to be on the server's node for its volume."""


@dataclass(frozen=True)
class Unusable:
    """Why the sources of a profile cannot be used."""

    reason: Reason
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Read:
    """What the sources that the operator reads itself hold: ConfigMaps and the profile."""

    code: dict[str, bytes] | None
    model: dict[str, bytes] | None
    rows: dict[str, bytes] | None
    problems: tuple[Problem, ...]


async def resolve(cluster: Cluster, profile: ModelProfile) -> Inputs | Unusable | Claims:
    """Look up every source of a profile, and find everything that is wrong with them at once.

    Returns
    -------
    Inputs | Unusable | Claims
        Claims: those that have to be looked at first (`modelprofiler.cluster.prepare`); the status does not tell what
        is on them, or that what was on them could not be used.

    Raises
    ------
    ClusterUnavailable
        When the API server does not answer.
    """
    read = await _read(cluster, profile)
    found = await claims.look(cluster, profile) if sources_on_claims(profile) else None
    missing = [*read.problems, *(found if isinstance(found, list) else ())]
    if missing or isinstance(found, list):
        return Unusable(Reason.SOURCE_NOT_FOUND, tuple(missing))
    dataset, key = None, ""
    if read.rows is not None:
        key, content = next(iter(read.rows.items()))
        try:
            dataset = describe(read_rows(content, profile.spec.dataset.format, profile.spec.dataset.encoding))
        except DatasetError as error:
            return Unusable(Reason.INVALID_DATASET, (Problem("spec.dataset", str(error)),))
    code, model = (None if files is None else sources.digest(files) for files in (read.code, read.model))
    if found is None:
        assert dataset is not None
        return Inputs(dataset, key, code, model)
    on_claims = known(profile, found)
    if on_claims is None or on_claims.message is not None:
        return found
    if profile.spec.dataset.source.persistent_volume_claim is not None:
        key = file_name(profile.spec.dataset.source.persistent_volume_claim)
    dataset = dataset or on_claims.dataset
    if dataset is None:  # somebody has edited the status
        return found
    return Inputs(
        dataset, key, code or on_claims.code_digest, model or on_claims.model_digest, found.host, found.together
    )


def known(profile: ModelProfile, found: Claims) -> ClaimsStatus | None:
    """Return what is recorded of these claims, if anything is."""
    recorded = profile.status.claims
    return recorded if recorded is not None and recorded.identity == found.identity else None


async def _read(cluster: Cluster, profile: ModelProfile) -> _Read:
    spec = profile.spec
    missing: list[Problem] = []
    namespace = profile.metadata.namespace

    async def content(source: Source | None, path: str) -> dict[str, bytes] | None:
        if source is None or source.persistent_volume_claim is not None:
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
    if rows is not None and spec.dataset.source.config_map:
        missing += sources.which_rows(spec.dataset.source.config_map.name, rows)
    return _Read(code, model, rows, tuple(missing))


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
