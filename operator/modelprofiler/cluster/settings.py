"""The settings of an installation, read once from the environment variables that the chart sets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from modelprofiler.api.names import INDEX_PATTERN
from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.errors import InvalidInput, Problem

PREFIX = "MODELPROFILER_"

AUTOSCALER_SECONDS = 600.0
"""How long an autoscaler may take to bring a node: most have one in one to five minutes, one with a driver to install
for its accelerator takes up to ten. The Kubernetes autoscaler itself gives up on a node after 15."""

_HEADER, _HEADER_VALUE = r"^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,64}$", r"^[ -~]{0,1024}$"
"""Name and value of a header of HTTP, RFC 9110."""


class WorkloadKind(BaseModel):
    """A kind of workload that profiles may name."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    api_version: str
    kind: str
    resource: str
    """Its name in the paths of the API: deployments."""

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]


WORKLOAD_KINDS = tuple(
    WorkloadKind(api_version="apps/v1", kind=kind, resource=f"{kind.lower()}s")
    for kind in ("Deployment", "StatefulSet", "ReplicaSet", "DaemonSet")
)


class Settings(BaseModel):
    """Settings of an installation; each is the environment variable ``MODELPROFILER_<NAME>``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    namespaces: tuple[str, ...] = ()
    """Namespaces whose profiles are run; empty: all."""
    namespace_labels: tuple[str, ...] = ()
    """Labels, as NAME=VALUE, that a namespace must have before profiles are run in it; empty: none."""
    prometheus_url: str = ""
    """Base URL of Prometheus; empty: only the kubelet is read."""
    prometheus_headers: dict[Annotated[str, Field(pattern=_HEADER)], Annotated[str, Field(pattern=_HEADER_VALUE)]] = {}
    """Headers of each request to Prometheus, such as the one that names a tenant."""
    prometheus_token_file: str = ""
    """File with a bearer token for Prometheus."""
    prometheus_username_file: str = ""
    """File with the name of a user of Prometheus, instead of a token."""
    prometheus_password_file: str = ""
    """File with the password of that user."""
    prometheus_ca_file: str = ""
    """CA of Prometheus' certificate."""
    kubelet_ca_file: str = ""
    """CA of the kubelets' certificates; empty: that of the API server."""
    kubelet_insecure_tls: bool = False
    """Do not verify the kubelets' certificates."""
    kubelet_account: str = Field("", pattern=r"^$|^[a-z0-9-]+/[a-z0-9.-]+$")
    """NAMESPACE/NAME of the service account whose tokens are sent to kubelets; empty: they cannot be read."""
    scoring_image: str = "modelprofiler/scoring-server:dev"
    """Image for server.entryScript without environment.image."""
    load_image: str = "modelprofiler/operator:dev"
    """Image of the load pods, and of the pods that read files."""
    image_pull_policy: str = "IfNotPresent"
    """Pull policy of both images."""
    image_pull_secrets: tuple[str, ...] = ()
    """Secrets of the profile's namespace to pull both images with."""
    package_index_url: str = Field("", pattern=rf"^$|{INDEX_PATTERN}")
    """Index of the packages that entry scripts ask for; empty: the public one. A profile may name another."""
    package_index_secret: str = ""
    """Secret of the profile's namespace with the keys username and password, for this index."""
    package_index_ca: str = ""
    """CA certificates of this index, as PEM text; empty: those of the image."""
    pod_labels: dict[str, str] = Field(default_factory=dict)
    """Labels of every pod of a run, as JSON."""
    pod_annotations: dict[str, str] = Field(default_factory=dict)
    """Annotations of every pod of a run, as JSON."""
    workload_kinds: tuple[WorkloadKind, ...] = WORKLOAD_KINDS
    """Kinds of workloads that profiles may name, as JSON; the operator needs the right to get them."""
    load_cpu: str = "500m"
    """CPU request of a load pod."""
    load_cpu_limit: str = ""
    """CPU limit of a load pod; empty: no limit, since a throttled generator measures itself."""
    load_memory: str = "256Mi"
    """Memory request and limit of a load pod."""
    node_reader: Literal["Auto", "Always", "Never"] = "Auto"
    """Whether a small pod on the server's node tells the load what that node does. Auto: where the load may run on
    another node; a load on the same node sees it itself."""
    cold_start: bool = False
    """Drop the files of the server's volumes from the page cache of its node before it starts, so that it is charged
    for the pages of files that it maps."""
    allow_privileged: bool = False
    """Allow privileged containers, hostPath volumes and host namespaces in pod templates."""
    limits_deadline: str = "24h"
    """The longest search.deadline that a profile may have."""
    limits_trials: int = Field(200, ge=3, le=200)
    """The largest search.maxTrials that a profile may have."""
    limits_duration: str = "1h"
    """The longest load.duration that a profile may have."""
    limits_namespace_share: int = Field(100, ge=1, le=100)
    """Percentage of the nodes on which profiles of one namespace may run at a time, at least one node."""
    ready_timeout_seconds: float = Field(300, gt=0)
    """How long a server may take to become ready."""
    schedule_timeout_seconds: float = Field(120, gt=0)
    """How long a pod may wait for a node."""
    nodes_autoscaled: bool = False
    """Whether an autoscaler brings nodes for pods that no node takes: a run may then wait for one."""
    image_pull_timeout_seconds: float = Field(120, gt=0)
    """How long pulling an image may keep failing."""
    prepare_timeout_seconds: float = Field(600, gt=0)
    """How long reading the sources on PersistentVolumeClaims, and installing packages, may take."""
    samples_timeout_seconds: float = Field(90, gt=0)
    """How long to wait for samples of usage after a load."""
    liveness_port: int = Field(8080, ge=0, le=65535)
    """Port of the operator's own /healthz and /readyz; 0: none."""
    metrics_port: int = Field(0, ge=0, le=65535)
    """Port of the operator's own /metrics; 0: none."""
    lease_namespaces: tuple[str, ...] = ()
    """Namespaces of the Leases that elect who serves; empty: no election, for an operator that is the only one."""
    pod_name: str = ""
    """What the holder of a Lease is called: namespace and name of the operator's pod."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    log_format: Literal["Text", "JSON"] = "Text"
    """Whether a line of the log is a text or a JSON object."""

    @property
    def placement_seconds(self) -> float:
        """How long a pod may wait for a node, which an autoscaler may have to bring first."""
        return max(self.schedule_timeout_seconds, AUTOSCALER_SECONDS if self.nodes_autoscaled else 0.0)

    @field_validator("namespaces", "namespace_labels", "image_pull_secrets", "lease_namespaces", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(filter(None, value.replace(",", " ").split())) if isinstance(value, str) else value

    @field_validator("pod_labels", "pod_annotations", "workload_kinds", "prometheus_headers", mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    @field_validator("load_cpu", "load_cpu_limit", "load_memory")
    @classmethod
    def _quantity(cls, value: str) -> str:
        return str(Quantity(value)) if value else ""

    @field_validator("limits_deadline", "limits_duration")
    @classmethod
    def _duration(cls, value: str) -> str:
        return str(Duration(value))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Return the settings that the environment variables make.

        Raises
        ------
        InvalidInput
            When a variable has a value that cannot be used; the path of the problem names the variable.
        """
        variables = {
            name: environment[PREFIX + name.upper()]
            for name in cls.model_fields
            if environment.get(PREFIX + name.upper(), "") != ""
        }
        try:
            return cls.model_validate(variables)
        except ValidationError as error:
            raise InvalidInput(
                [Problem(PREFIX + str(e["loc"][0]).upper(), e["msg"]) for e in error.errors()]
            ) from error
