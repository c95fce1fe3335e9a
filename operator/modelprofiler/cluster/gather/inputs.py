"""The files behind a profile's sources: their digests and rows, or everything that is missing."""

from __future__ import annotations

from dataclasses import dataclass

from modelprofiler.api.conditions import Reason
from modelprofiler.api.dataset import DatasetFormat
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.sources import Source
from modelprofiler.api.status import ClaimsStatus, DatasetStatus
from modelprofiler.cluster.adapter import CONFIG_MAPS, Cluster
from modelprofiler.cluster.gather import claims
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.manifests.fetch import Part
from modelprofiler.cluster.manifests.volumes import file_name, in_pods_only, sources_in_pods, sources_of
from modelprofiler.core import sources
from modelprofiler.core.requirements import is_installed
from modelprofiler.errors import DatasetError, NotFound, Problem
from modelprofiler.load.rows.check import Promise
from modelprofiler.load.rows.examine import examine
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.tls import has_secrets


@dataclass(frozen=True)
class Inputs:
    """The content behind the sources of a profile."""

    dataset: DatasetStatus
    dataset_key: str
    """Name of the file that holds the rows; empty for inline rows."""
    code_digest: str | None
    model_digest: str | None
    host: str | None = None
    """Host name of the node on which all pods have to run for their volumes; None: any node."""
    together: bool = False
    """Whether the load has to run on the server's node for its volume."""


@dataclass(frozen=True)
class Unusable:
    """Why the sources of a profile cannot be used."""

    reason: Reason
    problems: tuple[Problem, ...]


async def resolve(cluster: Cluster, profile: ModelProfile) -> Inputs | Unusable | Claims:
    """Look up every source of a profile, and find everything that is wrong with them at once.

    Returns
    -------
    Inputs | Unusable | Claims
        Claims where the sources on them have yet to be read (`modelprofiler.cluster.gather.prepare`): the status has
        no result of reading them, or only why they could not be used.

    Raises
    ------
    ClusterUnavailable
        When the API server does not answer.
    """
    files, problems = await _read_files(cluster, profile)
    secrets = has_secrets(profile.spec.endpoint.http)
    in_pods = sources_in_pods(profile) or is_installed(profile.spec.server.entry_script) or secrets
    looked_up = await claims.look(cluster, profile) if in_pods else None
    if isinstance(looked_up, list):
        return Unusable(Reason.SOURCE_NOT_FOUND, (*problems, *looked_up))
    if problems:
        return Unusable(Reason.SOURCE_NOT_FOUND, tuple(problems))
    try:
        dataset, key = _described(profile, files.get("dataset"))
    except DatasetError as error:
        return Unusable(Reason.INVALID_DATASET, (Problem("spec.dataset", str(error)),))
    code, model = (sources.digest(files[part]) if part in files else None for part in ("code", "model"))
    if looked_up is None:
        assert dataset is not None, "a dataset is on a claim or has been read"
        return Inputs(dataset, key, code, model)
    result = known(profile, looked_up)
    if result is None or result.message is not None:
        return looked_up
    dataset = dataset or result.dataset
    if dataset is None:  # somebody has edited the status
        return looked_up
    if profile.spec.dataset.source.persistent_volume_claim is not None:
        # With format Files the path is the folder, and the name is not used.
        key = file_name(profile.spec.dataset.source.persistent_volume_claim)
    return Inputs(
        dataset=dataset,
        dataset_key=key,
        code_digest=code or result.code_digest,
        model_digest=model or result.model_digest,
        host=looked_up.host,
        together=looked_up.together,
    )


def known(profile: ModelProfile, on_claims: Claims) -> ClaimsStatus | None:
    """Return the recorded result of reading some claims; None where they have not been read as they are now."""
    recorded = profile.status.claims
    return recorded if recorded is not None and recorded.identity == on_claims.identity else None


def _described(profile: ModelProfile, rows: dict[str, bytes] | None) -> tuple[DatasetStatus | None, str]:
    """Return what the dataset is and the name of its file; nothing of one that is on a claim."""
    if rows is None:
        return None, ""
    dataset = profile.spec.dataset
    key = "" if dataset.format is DatasetFormat.FILES else next(iter(rows))
    return examine(rows, RowFormat.of(dataset), Promise.of(profile.spec)), key


async def _read_files(cluster: Cluster, profile: ModelProfile) -> tuple[dict[Part, dict[str, bytes]], list[Problem]]:
    """Return the files of ConfigMaps and inline sources by part, and everything that is missing."""
    spec, namespace = profile.spec, profile.metadata.namespace
    problems: list[Problem] = []
    files: dict[Part, dict[str, bytes]] = {}
    for part, path, source in sources_of(profile):
        if not in_pods_only(profile, part, source):
            try:
                files[part] = await _files_of(cluster, namespace, source)
            except NotFound as error:
                problems.append(Problem(path, str(error)))
    script, rows = spec.server.entry_script, spec.dataset.source
    if script and script.source.config_map and "code" in files:
        problems += sources.script_problems(script.file, files["code"])
    if rows.config_map and "dataset" in files and spec.dataset.format is not DatasetFormat.FILES:
        problems += sources.which_rows(rows.config_map.name, files["dataset"])
    return files, problems


async def _files_of(cluster: Cluster, namespace: str, source: Source) -> dict[str, bytes]:
    if source.inline is not None:
        return {"": source.inline.encode()}
    assert source.config_map is not None, "acceptance refuses every other source"
    name, key = source.config_map.name, source.config_map.key
    try:
        config_map = await cluster.get(CONFIG_MAPS, namespace, name)
    except NotFound as error:
        raise NotFound(f"there is no ConfigMap {name!r} in namespace {namespace!r}") from error
    files, problems = sources.files_of(config_map)
    if problems:  # the API server admits no such ConfigMap
        raise NotFound(f"ConfigMap {name!r} cannot be read: {'; '.join(map(str, problems))}")
    if key is None:
        return files
    if key not in files:
        raise NotFound(sources.no_key(name, key, list(files)))
    return {key: files[key]}
