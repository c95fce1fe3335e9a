"""Sources as volumes of a pod: whatever holds the files, a container finds them in the same place. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.sources import PersistentVolumeClaimSource, Source
from modelprofiler.cluster import names


@dataclass(frozen=True)
class Files:
    """What has to be known to mount the sources of a run."""

    inline: str
    """ConfigMap that holds what the profile carries inline."""
    single: Collection[str] = ()
    """Sources (model, code, dataset) on claims whose path is a file, not a folder."""

    @classmethod
    def of(cls, profile: ModelProfile, run_hash: str) -> Self:
        """Return those of a run; what its paths on claims are was found out before."""
        found = profile.status.claims
        return cls(names.files(profile, run_hash), ("dataset", *(found.single_files if found else ())))

    def mount(
        self, part: str, source: Source, directory: str, pod: Object, container: Object, inline_file: str
    ) -> None:
        """Mount a source read-only as the files of a directory.

        Parameters
        ----------
        part
            Which source: model, code or dataset.
        pod, container
            What gets the volume and the mount.
        inline_file
            Name that an inline file gets.
        """
        name = f"modelprofiler-{part}"
        volumes = list(pod.get("volumes") or [])
        mount: Object = {"name": name, "mountPath": directory, "readOnly": True}
        if source.persistent_volume_claim is not None:
            claim = source.persistent_volume_claim
            # A pod that has a claim in two volumes does not start with every driver.
            known = next((v["name"] for v in volumes if _claim(v) == claim.claim_name), None)
            if known is None:
                volumes.append(claim_volume(name, claim.claim_name))
            mount |= {"name": known or name, **_inside(claim, directory, single=part in self.single)}
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
    """Return a claim as a volume: read-only, so that nobody's files change their group for it either."""
    return {"name": name, "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}


def file_name(claim: PersistentVolumeClaimSource) -> str:
    """Return the name of the file that a claim's path leads to."""
    return claim.inside.rpartition("/")[2]


def _claim(volume: Object) -> str | None:
    given = volume.get("persistentVolumeClaim") if isinstance(volume, dict) else None
    return given.get("claimName") if isinstance(given, dict) else None


def _inside(claim: PersistentVolumeClaimSource, directory: str, *, single: bool) -> Object:
    if not claim.inside:
        return {}
    return {"subPath": claim.inside, **({"mountPath": f"{directory}/{file_name(claim)}"} if single else {})}
