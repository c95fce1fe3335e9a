"""The look at what is on claims: the Job that reads it once, before any server starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.metadata import child_metadata
from modelprofiler.cluster.manifests.pods import Helper, helper_job, helper_pod, on_node
from modelprofiler.cluster.manifests.template import server_pod_as_written
from modelprofiler.cluster.manifests.volumes import ClaimSource, claim_volume, sources_on_claims
from modelprofiler.cluster.settings import Settings
from modelprofiler.files.inspect import PrepareConfig, VolumeSource
from modelprofiler.load.rows.check import Promise
from modelprofiler.load.rows.format import RowFormat

CLAIMS_DIR = "/var/modelprofiler/claims"

STOP_SECONDS = 2
"""It writes nothing, so nothing is lost when it is stopped."""


def prepare_job(profile: ModelProfile, settings: Settings, *, identity: str, host: str | None) -> Object:
    """Return the Job that reads the sources on claims; each claim is mounted once.

    Parameters
    ----------
    identity
        What the Job is named after, in the place of a run's hash.
    host
        Host name of the node that the claims' volumes are on; None: the server's template decides alone.
    """
    sources = sources_on_claims(profile)
    claims = dict.fromkeys(source.claim.claim_name for source in sources)
    roots = {claim: f"{CLAIMS_DIR}/{number}" for number, claim in enumerate(claims)}
    helper = Helper(
        command="prepare",
        config_annotation=names.PREPARE_CONFIG,
        stop_seconds=STOP_SECONDS,
        placement=_placement(profile, host),
    )
    pod = helper_pod(helper, settings)
    for number, (claim, root) in enumerate(roots.items()):
        volume = claim_volume(f"claim-{number}", claim)
        pod["volumes"].append(volume)
        pod["containers"][0]["volumeMounts"].append({"name": volume["name"], "mountPath": root, "readOnly": True})
    config = _config(profile, sources, roots)
    longest = settings.schedule_timeout_seconds + settings.image_pull_timeout_seconds + settings.prepare_timeout_seconds
    return helper_job(
        profile.spec,
        settings,
        child_metadata(profile, identity, names.PREPARE, names.prepare(profile, identity)),
        pod,
        annotations={names.PREPARE_CONFIG: config.model_dump_json(by_alias=True, exclude_none=True)},
        deadline_seconds=int(longest),
    )


def _placement(profile: ModelProfile, host: str | None) -> Object:
    """Return where the pod may run: where the server's may, since a volume may be made where its first pod runs."""
    server = server_pod_as_written(profile.spec)
    placement = {field: server[field] for field in ("nodeSelector", "affinity", "tolerations") if server.get(field)}
    if host is not None:
        placement["nodeSelector"] = {**placement.get("nodeSelector", {}), **on_node(host)}
    return placement


def _config(profile: ModelProfile, sources: Sequence[ClaimSource], roots: dict[str, str]) -> PrepareConfig:
    script = profile.spec.server.entry_script
    return PrepareConfig(
        sources=[
            VolumeSource(
                part=source.part,
                path=source.path,
                claim=source.claim.claim_name,
                root=Path(roots[source.claim.claim_name]),
                inside=source.claim.inside,
            )
            for source in sources
        ],
        file=script.file if script else None,
        rows=RowFormat.of(profile.spec.dataset),
        promise=Promise.of(profile.spec),
    )
