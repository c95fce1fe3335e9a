"""The look at what only pods see: the Job that reads it once, and installs packages, before any server starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.sources import Source
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.fetch import CREDENTIALS_DIR, Part, credentials_volume, secret_volume
from modelprofiler.cluster.manifests.headers import add_header_variables
from modelprofiler.cluster.manifests.metadata import child_metadata
from modelprofiler.cluster.manifests.packages import add_first_installation
from modelprofiler.cluster.manifests.pods import Helper, helper_job, helper_pod, on_node
from modelprofiler.cluster.manifests.template import server_pod_as_written
from modelprofiler.cluster.manifests.volumes import ClaimSource, claim_volume, sources_in_pods, sources_on_claims
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.requirements import is_installed
from modelprofiler.files.fetch.web import shown
from modelprofiler.files.inspect import PrepareConfig, VolumeSource
from modelprofiler.load.rows.check import Promise
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.tls import has_secrets

CLAIMS_DIR = "/var/modelprofiler/claims"
OTHERS_DIR = "/var/modelprofiler/sources"

READING_CONTAINER = "prepare"
"""Name of the container that reads the sources, after its command."""

STOP_SECONDS = 2
"""It writes nothing, so nothing is lost when it is stopped."""


def prepare_job(profile: ModelProfile, settings: Settings, *, identity: str, host: str | None) -> Object:
    """Return the Job that reads the sources that only pods read, each claim mounted once, and installs packages.

    Each is the work of a container; where there is nothing to read, only packages are installed.

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
        command=READING_CONTAINER,
        config_annotation=names.PREPARE_CONFIG,
        stop_seconds=STOP_SECONDS,
        placement=_placement(profile, host),
    )
    pod = helper_pod(helper, settings)
    for number, (claim, root) in enumerate(roots.items()):
        _mount(pod, claim_volume(f"claim-{number}", claim), root)
    others = [_other(pod, *source) for source in sources_in_pods(profile) if not source[2].persistent_volume_claim]
    read = [*_on_claims(sources, roots), *others]
    config = {}
    if read or has_secrets(profile.spec.endpoint.http):
        add_header_variables(profile.spec, pod["containers"][0])
        config = {names.PREPARE_CONFIG: _config(profile, read).model_dump_json(by_alias=True, exclude_none=True)}
    else:
        pod["containers"], pod["volumes"] = [], []
    script = profile.spec.server.entry_script
    if script is not None and is_installed(script):
        add_first_installation(pod, script, settings)
    longest = settings.placement_seconds + settings.image_pull_timeout_seconds + settings.prepare_timeout_seconds
    job = helper_job(
        profile.spec,
        settings,
        child_metadata(profile, identity, names.PREPARE, names.prepare(profile, identity)),
        pod,
        annotations=config,
        deadline_seconds=int(longest),
    )
    if is_installed(script) or any(source.uri for source in read):
        job["spec"]["template"]["metadata"]["labels"][names.DOWNLOADS] = "true"
    return job


def _mount(pod: Object, volume: Object, path: str, *, read_only: bool = True) -> None:
    pod["volumes"].append(volume)
    mount = {"name": volume["name"], "mountPath": path, **({"readOnly": True} if read_only else {})}
    pod["containers"][0]["volumeMounts"].append(mount)


def _other(pod: Object, part: Part, path: str, source: Source) -> VolumeSource:
    """Mount a Secret or a ConfigMap, or room for what is fetched, and return the source as the container sees it."""
    root = f"{OTHERS_DIR}/{part}"
    if source.uri is not None:
        credentials = None
        if source.uri.secret_ref is not None:
            credentials = f"{CREDENTIALS_DIR}/{part}"
            _mount(pod, credentials_volume(f"{part}-secret", source.uri.secret_ref), credentials)
        if all(volume["name"] != "tmp" for volume in pod["volumes"]):
            _mount(pod, {"name": "tmp", "emptyDir": {}}, "/tmp", read_only=False)  # noqa: S108 - of the pod's own
        _mount(pod, {"name": part, "emptyDir": {}}, root, read_only=False)
        return VolumeSource(
            part=part,
            path=f"{path}.uri",
            holder=shown(source.uri.uri),
            root=Path(root),
            uri=source.uri.uri,
            credentials=Path(credentials) if credentials else None,
            ca_bundle=source.uri.ca_bundle or "",
        )
    if source.secret is not None:
        name, key, kind = source.secret.name, source.secret.key, "Secret"
        volume = secret_volume(part, source.secret, optional=True)
    else:
        assert source.config_map is not None, "an inline source is no Parquet file, and acceptance refuses a path"
        name, key, kind = source.config_map.name, source.config_map.key, "ConfigMap"
        items = {"items": [{"key": key, "path": key}]} if key else {}
        volume = {"name": part, "configMap": {"name": name, **items, "optional": True}}
    _mount(pod, volume, root)
    holder = f"key {key!r} of {kind} {name!r}" if key else f"{kind} {name!r}"
    return VolumeSource(part=part, path=f"{path}.{kind[0].lower()}{kind[1:]}", holder=holder, root=Path(root))


def _placement(profile: ModelProfile, host: str | None) -> Object:
    """Return where the pod may run: where the server's may, since a volume may be made where its first pod runs."""
    server = server_pod_as_written(profile.spec)
    placement = {field: server[field] for field in ("nodeSelector", "affinity", "tolerations") if server.get(field)}
    if host is not None:
        placement["nodeSelector"] = {**placement.get("nodeSelector", {}), **on_node(host)}
    return placement


def _on_claims(sources: Sequence[ClaimSource], roots: dict[str, str]) -> list[VolumeSource]:
    return [
        VolumeSource(
            part=source.part,
            path=source.path,
            claim=source.claim.claim_name,
            root=Path(roots[source.claim.claim_name]),
            inside=source.claim.inside,
        )
        for source in sources
    ]


def _config(profile: ModelProfile, sources: list[VolumeSource]) -> PrepareConfig:
    script = profile.spec.server.entry_script
    return PrepareConfig(
        sources=sources,
        file=script.file if script else None,
        rows=RowFormat.of(profile.spec.dataset),
        promise=Promise.of(profile.spec),
        endpoint=profile.spec.endpoint.http if has_secrets(profile.spec.endpoint.http) else None,
    )
