"""Where files come from: the type of `source` of a model, an entry script and a dataset."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Self

from pydantic import StringConstraints, model_validator

from modelprofiler.api.model import ApiModel
from modelprofiler.api.names import Key, ObjectName

Name = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
_ADDRESS = (
    r"^(https://[^/@?#\s]+|(s3|gs|abfs|abfss|hf|oci)://[^/?#\s]+)/\S+$|^(s3|gs|abfs|abfss)://[^/?#\s]+$|^models:/\S+$"
)
"""Matches what files are fetched from; an https address has no name and password, which a Secret is for."""
NO_ADDRESS = (
    "uri must begin with https://, s3://, gs://, abfs://, hf://, oci:// or models:/, and have no name and password: "
    "secretRef names a Secret that has them"
)
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
    """Path of a folder or a file inside the volume; the volume's root by default. For a dataset it
    must be a file, or with format Files a folder."""

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


class SecretSource(ApiModel):
    """Files in a Secret in the profile's namespace, or in the file of `modelprofiler run`.

    Only pods read it, never the operator.
    """

    name: ObjectName
    """Name of the Secret."""
    key: Key | None = None
    """The key to use. Without it, every key becomes a file with the key's name."""


class UriSource(ApiModel):
    """Files that pods download, or `modelprofiler run`.

    In a cluster a Job before any server starts checks and digests them; then every pod that needs them compares the
    digest.
    """

    cel: ClassVar[tuple[tuple[str, str], ...]] = ((f"self.uri.matches(r'{_ADDRESS}')", NO_ADDRESS),)

    uri: Line
    """Address of a file or a folder: https://HOST/FILE, s3://BUCKET/PATH, gs://BUCKET/PATH, abfs://CONTAINER/PATH,
    hf://OWNER/REPOSITORY/PATH, oci://REGISTRY/REPOSITORY:TAG (files as ORAS pushes them, or the folder /models of an
    image), or models:/NAME/VERSION of an MLflow server."""
    secret_ref: ObjectName | None = None
    """Name of a Secret with what the address needs. For https each key is a header, such as Authorization. For oci they
    are username and password, or .dockerconfigjson. For all others they are the environment variables of the store's
    clients, such as AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, AZURE_STORAGE_CONNECTION_STRING, HF_TOKEN or
    MLFLOW_TRACKING_URI; for gs also a key file, as a key that ends with .json. Without it `modelprofiler run` uses the
    credentials of its environment."""
    ca_bundle: Annotated[str, StringConstraints(max_length=65536, pattern="-----BEGIN CERTIFICATE-----")] | None = None
    """CA certificates, as PEM text, used to verify the server instead of those of the system."""

    @model_validator(mode="after")
    def _check_address(self) -> Self:
        if not re.search(_ADDRESS, self.uri):
            raise ValueError(NO_ADDRESS)
        return self


class Source(ApiModel):
    """Where files come from: exactly one of the fields must be set."""

    exactly_one_of: ClassVar[tuple[str, ...]] = (
        "inline",
        "configMap",
        "secret",
        "persistentVolumeClaim",
        "uri",
        "path",
    )

    inline: Annotated[str, StringConstraints(min_length=1, max_length=262144)] | None = None
    """The content of a single file, written in the profile itself."""
    config_map: ConfigMapSource | None = None
    """A ConfigMap in the profile's namespace."""
    secret: SecretSource | None = None
    """A Secret in the profile's namespace."""
    persistent_volume_claim: PersistentVolumeClaimSource | None = None
    """A PersistentVolumeClaim in the profile's namespace."""
    uri: UriSource | None = None
    """An address to download from."""
    path: Line | None = None
    """A path on the machine where `modelprofiler run` is started. A cluster refuses it; `modelprofiler init --bundle`
    puts the files into ConfigMaps instead."""
