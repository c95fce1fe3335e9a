"""Where files come from: the union that the model, the entry script and the dataset share."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Self

from pydantic import StringConstraints, model_validator

from modelprofiler.api.model import ApiModel

Name = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
_LEADS_OUT = r"^/|(^|/)\.\.(/|$)"
"""What a path inside a volume must not be like."""


class ConfigMapSource(ApiModel):
    """Files held in a ConfigMap of the profile's namespace."""

    name: Name
    """Name of the ConfigMap."""
    key: Name | None = None
    """The one key to use; without it all keys are files of that name."""


class PersistentVolumeClaimSource(ApiModel):
    """Files on a volume, mounted read-only; read once a run, so that a change of them needs modelprofiler.io/rerun."""

    claim_name: Name
    """Name of the PersistentVolumeClaim, in the profile's namespace."""
    path: Annotated[str, StringConstraints(max_length=1024)] = ""
    """A folder or a file inside the volume; without it the volume's root. A dataset's is a file."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            f"!has(self.path) || !self.path.matches(r'{_LEADS_OUT}')",
            "path must lead into the volume: neither absolute nor with '..'",
        ),
    )

    @model_validator(mode="after")
    def _check_path(self) -> Self:
        if re.search(_LEADS_OUT, self.path):
            raise ValueError("path must lead into the volume: neither absolute nor with '..'")
        return self

    @property
    def inside(self) -> str:
        """The path in its shortest form; empty for the volume's root."""
        return "/".join(part for part in self.path.split("/") if part not in ("", "."))


class UriSource(ApiModel):
    """Files fetched by a job in the cluster before any server starts."""

    uri: Line
    """Where the files are: s3://, https:// and what else the job understands."""
    secret_ref: Name | None = None
    """Name of a Secret whose keys become environment variables of the job that fetches."""


class Source(ApiModel):
    """Where files come from: exactly one of inline, configMap, persistentVolumeClaim, uri, path."""

    exactly_one_of: ClassVar[tuple[str, ...]] = (
        "inline",
        "configMap",
        "persistentVolumeClaim",
        "uri",
        "path",
    )

    inline: Annotated[str, StringConstraints(min_length=1, max_length=262144)] | None = None
    """The content of a single file, written here."""
    config_map: ConfigMapSource | None = None
    """A ConfigMap of the same namespace."""
    persistent_volume_claim: PersistentVolumeClaimSource | None = None
    """A volume of the same namespace."""
    uri: UriSource | None = None
    """An address from which a job fetches."""
    path: Line | None = None
    """A path on the machine of `modelprofiler run`; refused in a cluster (see `modelprofiler init --bundle`)."""
