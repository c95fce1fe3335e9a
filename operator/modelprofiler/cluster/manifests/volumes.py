"""Sources as volumes of a pod: whatever holds the files, a container finds them in the same place. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Self

from modelprofiler.api.dataset import DatasetFormat
from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.sources import PersistentVolumeClaimSource, Source
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.fetch import (
    Part,
    add_pull_secrets,
    fetch_container,
    fetch_volumes,
    inline_key,
    secret_volume,
)
from modelprofiler.cluster.settings import Settings


@dataclass(frozen=True)
class ClaimSource:
    """A source on a PersistentVolumeClaim."""

    part: Part
    path: str
    """Path of its field in the profile, for messages."""
    claim: PersistentVolumeClaimSource


def sources_on_claims(profile: ModelProfile) -> list[ClaimSource]:
    """Return the sources of a profile that are on claims."""
    return [
        ClaimSource(part, f"{path}.persistentVolumeClaim", source.persistent_volume_claim)
        for part, path, source in sources_of(profile)
        if source.persistent_volume_claim is not None
    ]


def in_pods_only(profile: ModelProfile, part: Part, source: Source) -> bool:
    """Return whether only a pod can read a source, or only a pod should.

    The operator may not read Secrets, and fetches nothing that a user names. A Parquet file may be made to fill the
    memory of its reader.
    """
    is_parquet = part == "dataset" and profile.spec.dataset.format is DatasetFormat.PARQUET
    return is_parquet or any((source.persistent_volume_claim, source.secret, source.uri))


def sources_in_pods(profile: ModelProfile) -> list[tuple[Part, str, Source]]:
    """Return the sources of a profile that only pods read: (part, path of its field, source)."""
    return [s for s in sources_of(profile) if in_pods_only(profile, s[0], s[2])]


def sources_of(profile: ModelProfile) -> list[tuple[Part, str, Source]]:
    """Return the sources of a profile: (part, path of its field, source)."""
    spec = profile.spec
    script = spec.server.entry_script
    sources: list[tuple[Part, str, Source | None]] = [
        ("model", "spec.model.source", spec.model.source if spec.model else None),
        ("code", "spec.server.entryScript.source", script.source if script else None),
        ("dataset", "spec.dataset.source", spec.dataset.source),
    ]
    return [(part, path, source) for part, path, source in sources if source is not None]


@dataclass(frozen=True)
class Files:
    """Mounts the sources of a run."""

    inline: str
    """ConfigMap that holds what the profile carries inline."""
    single: Collection[str] = ()
    """Parts on claims whose path is a file, not a folder."""
    settings: Settings = field(default_factory=Settings)
    """Those of the run: the image that fetches files."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Digests that files must have when they are fetched again, by part."""
    versions: Collection[str] = ()
    """Packages that the prepare Job has installed, as NAME==VERSION, which every pod has to install."""

    @classmethod
    def of(cls, profile: ModelProfile, run_hash: str, settings: Settings, inline: str | None = None) -> Self:
        """Return the sources of a run; the look at its claims has told files from folders.

        Parameters
        ----------
        inline
            Name of the ConfigMap with what the profile carries inline, where it is not the usual one.
        """
        claims = profile.status.claims
        rows = () if profile.spec.dataset.format is DatasetFormat.FILES else ("dataset",)
        digests = {"model": claims.model_digest, "code": claims.code_digest} if claims else {}
        return cls(
            inline or names.files(profile, run_hash),
            (*rows, *(claims.single_files if claims else ())),
            settings,
            {part: digest for part, digest in digests.items() if digest is not None},
            tuple(claims.packages) if claims else (),
        )

    def mount(
        self, part: Part, source: Source, directory: str, pod: Object, container: Object, inline_file: str
    ) -> None:
        """Mount a source read-only as the files of a directory.

        Parameters
        ----------
        pod, container
            The pod's spec, which gets the volume, and its container, which gets the mount.
        inline_file
            Name of the file that an inline source becomes.
        """
        name = inline_key(part)
        volumes = list(pod.get("volumes") or [])
        mount: Object = {"name": name, "mountPath": directory, "readOnly": True}
        if source.persistent_volume_claim is not None:
            claim = source.persistent_volume_claim
            # With some drivers a pod that has a claim in two volumes does not start, so one volume is mounted twice.
            existing = next((v["name"] for v in volumes if _claim_name(v) == claim.claim_name), None)
            if existing is None:
                volumes.append(claim_volume(name, claim.claim_name))
            mount |= {"name": existing or name, **_sub_path(claim, directory, single=part in self.single)}
        elif source.uri is not None:
            volumes += fetch_volumes(name, source.uri)
            fetching = fetch_container(part, source.uri, self.settings, self.digests.get(part))
            pod["initContainers"] = [fetching, *(pod.get("initContainers") or [])]
            add_pull_secrets(pod, self.settings)
        elif source.secret is not None:
            volumes.append(secret_volume(name, source.secret))
        else:
            volumes.append({"name": name, "configMap": self._config_map(name, source, inline_file)})
        pod["volumes"] = volumes
        container["volumeMounts"] = [*(container.get("volumeMounts") or []), mount]

    def _config_map(self, name: str, source: Source, inline_file: str) -> Object:
        if source.config_map is None:
            assert source.inline is not None, "acceptance refuses every other source"
            return {"name": self.inline, "items": [{"key": name, "path": inline_file}]}
        key = source.config_map.key
        items = {"items": [{"key": key, "path": key}]} if key else {}
        return {"name": source.config_map.name, **items}


def claim_volume(name: str, claim: str) -> Object:
    """Return a claim as a volume, read-only: then the kubelet does not give the files to the pod's group either."""
    return {"name": name, "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}


def file_name(claim: PersistentVolumeClaimSource) -> str:
    """Return the name of the file that a claim's path leads to."""
    return claim.inside.rpartition("/")[2]


def _claim_name(volume: Object) -> str | None:
    """Return the claim of a volume; the volumes may be a user's, in any shape that the API server has yet to refuse."""
    source = volume.get("persistentVolumeClaim") if isinstance(volume, dict) else None
    return source.get("claimName") if isinstance(source, dict) else None


def _sub_path(claim: PersistentVolumeClaimSource, directory: str, *, single: bool) -> Object:
    if not claim.inside:
        return {}
    return {"subPath": claim.inside, **({"mountPath": f"{directory}/{file_name(claim)}"} if single else {})}
