"""What a user writes: the spec of a ModelProfile.

Docstrings here are what ``kubectl explain`` prints.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from modelprofiler.api.model import ApiModel
from modelprofiler.api.quantities import Duration, Quantity

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


class Model(ApiModel):
    """The model that is served; recorded with the result."""

    name: Name
    """Name of the model."""
    version: Annotated[str, StringConstraints(max_length=253)] | None = None
    """Version of the model."""
    source: Source | None = None
    """The model's files, mounted read-only at MODEL_DIR (AZUREML_MODEL_DIR is the same)."""


class EnvVar(ApiModel):
    """An environment variable, as in a Pod."""

    name: Name
    """Name of the variable."""
    value: Annotated[str, StringConstraints(max_length=32768)] | None = None
    """Its value."""
    value_from: Annotated[dict[str, Any] | None, Field(json_schema_extra={"preserve": True})] = None
    """Where its value comes from, as in a Pod (secretKeyRef, configMapKeyRef, fieldRef)."""


class LocalObjectReference(ApiModel):
    """An object of the same namespace, by name."""

    name: Name
    """Name of the object."""


class Environment(ApiModel):
    """What score.py runs in."""

    image: Line | None = None
    """Image with azureml-inference-server-http; without it the installation's default scoring-server image."""
    requirements: Annotated[list[Line], Field(max_length=256)] = Field(default_factory=list)
    """Python packages, as in a requirements file."""
    python_version: Annotated[str, StringConstraints(pattern=r"^3\.[0-9]{1,2}$")] | None = None
    """Version of Python, such as "3.11"."""
    env: Annotated[list[EnvVar], Field(max_length=128)] = Field(default_factory=list)
    """Environment variables of the server."""
    image_pull_secrets: Annotated[list[LocalObjectReference], Field(max_length=16)] = Field(default_factory=list)
    """Secrets to pull the image with."""


class EntryScript(ApiModel):
    """A scoring script in the Azure ML contract: init() once, run(data) for each request."""

    source: Source
    """The script and the files beside it."""
    file: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[^/].*\.py$")] = "score.py"
    """The script's file among those of the source."""
    environment: Environment = Field(default_factory=Environment)
    """What the script runs in."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Server processes."""


class WorkloadReference(ApiModel):
    """A workload whose pod template is copied, never touched."""

    api_version: Name
    """Such as apps/v1."""
    kind: Name
    """Such as Deployment."""
    name: Name
    """Name of the workload in the profile's namespace."""


class Server(ApiModel):
    """How the model is served: exactly one of entryScript, template, workloadRef."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("entryScript", "template", "workloadRef")

    entry_script: EntryScript | None = None
    """A scoring script under azureml-inference-server-http."""
    template: Annotated[dict[str, Any] | None, Field(json_schema_extra={"preserve": True})] = None
    """A PodTemplateSpec: any server, any image, sidecars."""
    workload_ref: WorkloadReference | None = None
    """A workload whose pod template is copied."""
    container_name: Annotated[str, StringConstraints(max_length=63)] | None = None
    """The container whose resources are varied; the first one by default."""


class Header(ApiModel):
    """A request header."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
    """Name of the header."""
    value: Annotated[str, StringConstraints(max_length=8192, pattern=r"^[^\r\n]*$")]
    """Its value; it is visible to whoever can read the profile, so no secrets here."""


class Expectation(ApiModel):
    """What a good response looks like."""

    status: Annotated[list[Annotated[int, Field(ge=100, le=599)]], Field(min_length=1, max_length=32)] = Field(
        default_factory=lambda: [200]
    )
    """Status codes that count as success."""


class Tls(ApiModel):
    """How the certificate of an HTTPS server is verified; without this it is not, as in probes of the kubelet."""

    ca_bundle: Annotated[str, StringConstraints(max_length=65536, pattern="-----BEGIN CERTIFICATE-----")]
    """CA certificates (PEM text) that the server's must chain to."""
    server_name: Annotated[str, StringConstraints(max_length=253, pattern=r"^[0-9A-Za-z._:-]+$")] | None = None
    """Name that the certificate must have, asked for by SNI and sent as Host; by default the server's address."""


class HttpEndpoint(ApiModel):
    """An HTTP endpoint of the server."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        ("!has(self.tls) || has(self.scheme) && self.scheme == 'HTTPS'", "tls needs scheme HTTPS"),
    )

    port: Annotated[int, Field(ge=1, le=65535)] = 5001
    """Port the server listens on."""
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    """HTTP or HTTPS."""
    tls: Tls | None = None
    """How the server's certificate is verified, with scheme HTTPS."""
    path: Annotated[str, StringConstraints(max_length=2048, pattern=r"^/[^\s]*$")] = "/score"
    """Path of a request."""
    method: Literal["POST", "PUT", "GET"] = "POST"
    """Method of a request."""
    content_type: Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\r\n]*$")] = "application/json"
    """Content type of a request."""
    headers: Annotated[list[Header], Field(max_length=64)] = Field(default_factory=list)
    """Further headers."""
    timeout: Duration = Duration("30s")
    """A request that takes longer is an error."""
    expect: Expectation = Field(default_factory=Expectation)
    """What a good response looks like."""

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if self.tls is not None and self.scheme != "HTTPS":
            raise ValueError("tls needs scheme HTTPS")
        return self


class Endpoint(ApiModel):
    """Where requests go."""

    http: HttpEndpoint = Field(default_factory=HttpEndpoint)
    """An HTTP endpoint."""


class DatasetFormat(StrEnum):
    """How rows are read from the dataset's file."""

    LINES = "Lines"
    JSON_LINES = "JSONLines"
    CSV = "CSV"
    PARQUET = "Parquet"


class Dataset(ApiModel):
    """The requests that are replayed."""

    source: Source
    """The file with the rows."""
    format: DatasetFormat = DatasetFormat.LINES
    """Lines: a line is a body. JSONLines, CSV, Parquet: a column holds the bodies."""
    column: Name | None = None
    """The column or field that holds the body, for formats that have columns."""
    encoding: Literal["Text", "Base64"] = "Text"
    """Base64 for binary bodies."""
    order: Literal["Shuffled", "Sequential"] = "Shuffled"
    """Shuffled (always the same way) or as written; every trial replays the same rows in the same order."""


class OpenLoop(ApiModel):
    """Requests arrive at a given rate, whether or not the server keeps up."""

    rate: Quantity
    """Requests per second in total, such as "50" or "0.5"."""
    arrival: Literal["Poisson", "Constant"] = "Poisson"
    """Poisson: as from many independent clients. Constant: evenly spaced, with a little jitter."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            (
                "quantity(string(self.rate)).isGreaterThan(quantity('0'))"
                " && quantity(string(self.rate)).compareTo(quantity('100k')) <= 0"
            ),
            "rate must be greater than 0 and at most 100k",
        ),
    )

    @model_validator(mode="after")
    def _check_rate(self) -> Self:
        if not 0 < self.rate.value <= 100_000:
            raise ValueError("rate must be greater than 0 and at most 100k")
        return self


class ClosedLoop(ApiModel):
    """A fixed number of clients, each sending its next request when the last is answered."""

    concurrency: Annotated[int, Field(ge=1, le=10000)]
    """Clients."""


class Load(ApiModel):
    """How requests arrive: exactly one of openLoop, closedLoop."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("openLoop", "closedLoop")

    open_loop: OpenLoop | None = None
    """A rate of arrivals."""
    closed_loop: ClosedLoop | None = None
    """A number of clients."""
    warmup: Duration = Duration("5s")
    """Load before the window that does not count; at least ten requests a connection in any case."""
    duration: Duration = Duration("30s")
    """The longest window; it ends as soon as the verdict is certain."""
    parallelism: Annotated[int, Field(ge=1, le=64)] = 1
    """Load generator pods."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            "duration(self.duration) >= duration('5s') && duration(self.duration) <= duration('1h')",
            "duration must be from 5s to 1h",
        ),
        ("duration(self.warmup) <= duration('10m')", "warmup must be at most 10m"),
    )

    @model_validator(mode="after")
    def _check_durations(self) -> Self:
        if not 5 <= self.duration.seconds <= 3600:
            raise ValueError("duration must be from 5s to 1h")
        if self.warmup.seconds > 600:
            raise ValueError("warmup must be at most 10m")
        return self


LATENCY_METRICS = ("mean", "p50", "p90", "p95", "p99", "p999", "max")


class LatencyObjective(ApiModel):
    """Upper bounds on latency; all that are given must hold."""

    at_least_one_of: ClassVar[tuple[str, ...]] = LATENCY_METRICS

    mean: Duration | None = None
    """Upper bound on the mean."""
    p50: Duration | None = None
    """Upper bound on the 50th percentile."""
    p90: Duration | None = None
    """Upper bound on the 90th percentile."""
    p95: Duration | None = None
    """Upper bound on the 95th percentile."""
    p99: Duration | None = None
    """Upper bound on the 99th percentile."""
    p999: Duration | None = None
    """Upper bound on the 99.9th percentile."""
    max: Duration | None = None
    """Upper bound on every request."""


class Objectives(ApiModel):
    """What a size must meet to be good enough: exactly one of latency, maxSlowdownPercent, and the others."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("latency", "maxSlowdownPercent")

    latency: LatencyObjective | None = None
    """Upper bounds on latency."""
    max_slowdown_percent: Quantity | None = None
    """Instead of bounds: how much slower than the reference trial p95 may be, of which 5 ms are never too much."""
    max_error_percent: Quantity = Quantity("1")
    """The share of requests that may fail."""
    max_throttled_percent: Quantity | None = None
    """The share of CFS periods in which the container may be throttled."""
    max_time_to_ready: Duration | None = None
    """How long a fresh server may take until it is ready."""


def _range_rules(step_at_least: str) -> tuple[tuple[str, str], ...]:
    given = "has(self.min) && has(self.max) && has(self.step)"
    return (
        (
            f"has(self.values) ? !has(self.min) && !has(self.max) && !has(self.step) : {given}",
            RANGE_SHAPE,
        ),
        (
            (
                "!(has(self.min) && has(self.max))"
                " || quantity(string(self.min)).compareTo(quantity(string(self.max))) <= 0"
            ),
            RANGE_ORDER,
        ),
        (
            "!has(self.min) || quantity(string(self.min)).isGreaterThan(quantity('0'))",
            RANGE_POSITIVE,
        ),
        (
            f"!has(self.step) || quantity(string(self.step)).compareTo(quantity('{step_at_least}')) >= 0",
            f"step must be at least {step_at_least}",
        ),
        (
            "!has(self.values) || self.values.all(v, quantity(string(v)).isGreaterThan(quantity('0')))",
            "every one of values must be greater than 0",
        ),
    )


RANGE_SHAPE = "either values, or all of min, max and step must be set"
RANGE_ORDER = "min must not be greater than max"
RANGE_POSITIVE = "min must be greater than 0"


class _Range(ApiModel):
    """The sizes that may be tried: min, max and step, or a list of values."""

    min: Quantity | None = None
    """The smallest size."""
    max: Quantity | None = None
    """The largest size; the reference trial runs at it."""
    step: Quantity | None = None
    """The distance between two sizes."""
    values: Annotated[list[Quantity] | None, Field(min_length=1, max_length=256)] = None
    """The sizes themselves, instead."""

    smallest_step: ClassVar[str]

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        bounds = (self.min, self.max, self.step)
        if any(b is not None for b in bounds) if self.values is not None else any(b is None for b in bounds):
            raise ValueError(RANGE_SHAPE)
        problems = []
        if self.min is not None and self.max is not None and self.min > self.max:
            problems.append(RANGE_ORDER)
        if self.min is not None and self.min.value <= 0:
            problems.append(RANGE_POSITIVE)
        if self.step is not None and self.step < Quantity(self.smallest_step):
            problems.append(f"step must be at least {self.smallest_step}")
        if any(v.value <= 0 for v in self.values or ()):
            problems.append("every one of values must be greater than 0")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class CpuRange(_Range):
    """CPU sizes that may be tried: min, max and step, or a list of values."""

    smallest_step: ClassVar[str] = "10m"
    cel: ClassVar[tuple[tuple[str, str], ...]] = _range_rules("10m")


class MemoryRange(_Range):
    """Memory sizes that may be tried: min, max and step, or a list of values."""

    smallest_step: ClassVar[str] = "1Mi"
    cel: ClassVar[tuple[tuple[str, str], ...]] = _range_rules("1Mi")


class Resources(ApiModel):
    """The range of sizes; by default from a floor up to what the node can still give beside the load."""

    cpu: CpuRange | None = None
    """CPU sizes; by default from 100m up in steps of 50m."""
    memory: MemoryRange | None = None
    """Memory sizes; by default from 128Mi up, eight to a doubling but no closer than 32Mi."""


class Search(ApiModel):
    """How the range is walked."""

    strategy: Literal["Adaptive", "Grid"] = "Adaptive"
    """Adaptive: as few trials as decide it. Grid: every combination."""
    max_trials: Annotated[int, Field(ge=3, le=200)] = 20
    """Trials at most."""
    repetitions: Annotated[int, Field(ge=1, le=10)] = 2
    """How often a size is measured while its verdict is uncertain."""
    resize: Literal["Auto", "InPlace", "Recreate"] = "Auto"
    """Auto: resize the running pod in place, with a fresh pod where that is not possible."""
    threads: Literal["None", "Auto"] = "None"
    """Auto: variables such as OMP_NUM_THREADS size the server's thread pools for the trial's CPU limit instead of the
    node's cores; those that the profile sets itself are left alone."""
    deadline: Duration = Duration("1h")
    """How long a run may take from leaving the queue."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            "duration(self.deadline) >= duration('1m') && duration(self.deadline) <= duration('168h')",
            "deadline must be from 1m to 168h",
        ),
    )

    @model_validator(mode="after")
    def _check_deadline(self) -> Self:
        if not 60 <= self.deadline.seconds <= 168 * 3600:
            raise ValueError("deadline must be from 1m to 168h")
        return self


class RecommendationPolicy(ApiModel):
    """How a measured size becomes a recommended one."""

    cpu_margin_percent: Annotated[int, Field(ge=0, le=1000)] = 10
    """Added to the smallest CPU that met the objectives."""
    memory_margin_percent: Annotated[int, Field(ge=0, le=1000)] = 20
    """Added to the largest memory seen."""
    cpu_limit: Literal["Equal", "None"] = "Equal"
    """Equal: limit = request. None: a request without a limit, verified as if it were the limit."""


class Metrics(ApiModel):
    """Where usage is read."""

    source: Literal["Auto", "Prometheus", "Kubelet"] = "Auto"
    """Auto: Prometheus when it has the series, with what it has not from the kubelet; else the kubelet alone."""


class ModelProfileSpec(ApiModel):
    """What to measure and what it must meet."""

    model: Model | None = None
    """The model that is served."""
    server: Server
    """How it is served."""
    endpoint: Endpoint = Field(default_factory=Endpoint)
    """Where requests go."""
    dataset: Dataset
    """The requests that are replayed."""
    load: Load
    """How requests arrive."""
    objectives: Objectives
    """What a size must meet."""
    resources: Resources = Field(default_factory=Resources)
    """The range of sizes."""
    search: Search = Field(default_factory=Search)
    """How the range is walked."""
    recommendation: RecommendationPolicy = Field(default_factory=RecommendationPolicy)
    """How a measured size becomes a recommended one."""
    metrics: Metrics = Field(default_factory=Metrics)
    """Where usage is read."""
    suspend: bool = False
    """Stop after what is running now; finished trials are kept, and taken up again when it is false."""
