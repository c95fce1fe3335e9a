"""Where files come from: the type of `source` of a model, an entry script and a dataset."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Self

from pydantic import StringConstraints, model_validator

from modelprofiler.api.model import ApiModel
from modelprofiler.api.names import Key, ObjectName

Name = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
_LEADS_OUT = r"^/|(^|/)\.\.(/|$)"
"""Matches a path that would lead out of the volume: absolute, or with `..` in it."""


class ConfigMapSource(ApiModel):
    """Files in a ConfigMap in the profile's namespace."""

    name: ObjectName
    """Name of the ConfigMap."""
    key: Key | None = None
    """The key to use. Without it, every key becomes a file with the key's name."""


class PersistentVolumeClaimSource(ApiModel):
    """Files on a PersistentVolumeClaim, mounted read-only.

    They are read once per run: after changing them, set the annotation modelprofiler.io/rerun to a new value.
    """

    claim_name: ObjectName
    """Name of the PersistentVolumeClaim in the profile's namespace."""
    path: Annotated[str, StringConstraints(max_length=1024)] = ""
    """Path of a folder or a file inside the volume; the volume's root by default. For a dataset it must be a file."""

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
    """Files that a Job in the cluster downloads before any server starts. Not supported in this version."""

    uri: Line
    """Address of the files, such as s3://bucket/path or https://host/path."""
    secret_ref: ObjectName | None = None
    """Name of a Secret whose keys become environment variables of the Job that downloads the files."""


class Source(ApiModel):
    """Where files come from: exactly one of inline, configMap, persistentVolumeClaim, uri and path must be set."""

    exactly_one_of: ClassVar[tuple[str, ...]] = (
        "inline",
        "configMap",
        "persistentVolumeClaim",
        "uri",
        "path",
    )

    inline: Annotated[str, StringConstraints(min_length=1, max_length=262144)] | None = None
    """The content of a single file, written in the profile itself."""
    config_map: ConfigMapSource | None = None
    """A ConfigMap in the profile's namespace."""
    persistent_volume_claim: PersistentVolumeClaimSource | None = None
    """A PersistentVolumeClaim in the profile's namespace."""
    uri: UriSource | None = None
    """An address to download from. Not supported in this version."""
    path: Line | None = None
    """A path on the machine where `modelprofiler run` is started. A cluster refuses it; `modelprofiler init --bundle`
    puts the files into ConfigMaps instead."""
