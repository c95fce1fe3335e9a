"""What a user reads: the status of a ModelProfile.

The list of finished trials is the whole state of a run: from it and the spec the next step follows.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from modelprofiler.api.conditions import LONGEST_MESSAGE, Condition
from modelprofiler.api.model import ApiModel
from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.spec import CpuRange, MemoryRange


class StatusModel(ApiModel):
    """A part of the status; fields of a newer version are kept out, not refused."""

    model_config = ConfigDict(extra="ignore")


class Purpose(StrEnum):
    """Why a trial was run."""

    BASELINE = "Baseline"
    REFERENCE = "Reference"
    BRACKET = "Bracket"
    BISECT = "Bisect"
    REPEAT = "Repeat"
    MEMORY = "Memory"
    CONFIRM = "Confirm"
    GRID = "Grid"


class Outcome(StrEnum):
    """How a trial ended."""

    PASSED = "Passed"
    SLOW = "Slow"
    ERRORS = "Errors"
    OOM_KILLED = "OOMKilled"
    CRASHED = "Crashed"
    NEVER_READY = "NeverReady"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    LOAD_FAILED = "LoadFailed"
    GENERATOR_SATURATED = "GeneratorSaturated"
    NO_METRICS = "NoMetrics"
    DISTURBED = "Disturbed"


INCONCLUSIVE = frozenset({Outcome.LOAD_FAILED, Outcome.GENERATOR_SATURATED, Outcome.NO_METRICS, Outcome.DISTURBED})
"""Outcomes that say nothing about the size: the trial runs again, a bounded number of times."""


class Stage(StrEnum):
    """What the active trial is doing."""

    STARTING = "Starting"
    RESIZING = "Resizing"
    LOADING = "Loading"
    MEASURING = "Measuring"


class Size(StatusModel):
    """CPU and memory of the profiled container."""

    cpu: Quantity | None = None
    """CPU; absent where there is none."""
    memory: Quantity | None = None
    """Memory; absent where there is none."""


class Judged(StatusModel):
    """The metric that decided the trial, with its 95 % confidence interval."""

    metric: str
    """Such as p95."""
    value: str
    """What was measured."""
    low: str | None = None
    """Lower end of the interval."""
    high: str | None = None
    """Upper end of the interval."""
    threshold: str
    """The objective."""


class LatencySummary(StatusModel):
    """Latency, each percentile within 1 %; absent where there were too few requests for it."""

    mean: Duration | None = None
    """Mean."""
    p50: Duration | None = None
    """50th percentile."""
    p90: Duration | None = None
    """90th percentile."""
    p95: Duration | None = None
    """95th percentile."""
    p99: Duration | None = None
    """99th percentile."""
    p999: Duration | None = None
    """99.9th percentile."""
    max: Duration | None = None
    """Slowest request."""


class FailureCounts(StatusModel):
    """Failed requests by kind."""

    refused: int = 0
    """Connections refused."""
    reset: int = 0
    """Connections closed before the response was complete."""
    timeout: int = 0
    """Requests over endpoint.http.timeout."""
    status: int = 0
    """Responses with a status code that is not expected."""
    protocol: int = 0
    """Responses that are not HTTP."""
    dropped: int = 0
    """Requests not sent, because as many as allowed were in flight: the server had fallen too far behind."""

    @property
    def total(self) -> int:
        """All failures."""
        return self.refused + self.reset + self.timeout + self.status + self.protocol + self.dropped


class LoadStatus(StatusModel):
    """What the load generator saw in the window, warm-up excluded."""

    requests: int
    """Requests that were due in the window."""
    failures: int = 0
    """How many of them failed."""
    failures_by_kind: FailureCounts | None = None
    """The failures by kind; absent when there were none."""
    rate: Quantity
    """Completed requests per second."""
    rows_covered: int
    """Different rows of the dataset that were sent, warm-up included."""
    duration: Duration
    """Length of the window."""
    stopped_early: Literal["Certain", "Overload", "Terminated"] | None = None
    """Why the window ended before its time: its verdict could not change, the server was overloaded, it was stopped."""
    latency: LatencySummary = Field(default_factory=LatencySummary)
    """Latency, from the intended send time (open loop) or the actual one (closed loop)."""
    latency_low: LatencySummary = Field(default_factory=LatencySummary)
    """Lower ends of the 95 % confidence intervals, from sub-windows."""
    latency_high: LatencySummary = Field(default_factory=LatencySummary)
    """Upper ends of the 95 % confidence intervals, from sub-windows."""
    probe: Duration | None = None
    """Latency of a single request on the idle server, before the load."""


class MemoryUsage(StatusModel):
    """Memory of the container in the window."""

    peak: Quantity
    """The largest value seen."""
    peak_source: Literal["WorkingSet", "MaxUsage", "Cgroup", "Process"]
    """WorkingSet: samples of the working set. MaxUsage: the lifetime peak, page cache included. Cgroup: memory.peak."""
    lifetime_peak: Quantity | None = None
    """The container's peak since it started, page cache included: an upper bound."""
    before_load: Quantity | None = None
    """The least before the load: what a fresh server holds after start, what the load before has left on another."""
    steady: Quantity | None = None
    """What is held between requests, in the second half of the load."""
    growth_per1000_requests: Quantity | None = Field(default=None, alias="growthPer1000Requests")
    """Growth of memory for every 1,000 requests, where it could be told; 0 where it was told to be none."""
    growth_low: Quantity | None = None
    """Lower end of its 95 % interval; absent with too few samples for one."""
    growth_high: Quantity | None = None
    """Upper end of its 95 % interval."""


class UsageStatus(StatusModel):
    """What the container used in the window; a value that could not be measured is absent, never zero."""

    cpu: Quantity | None = None
    """Mean CPU."""
    cpu_time_per_request: Duration | None = None
    """CPU time per completed request."""
    throttled_percent: Quantity | None = None
    """Throttled CFS periods over all periods."""
    threads: int | None = None
    """Threads in the container, at most."""
    oom_kills: int | None = None
    """Processes of the container that the kernel killed for memory, also workers of a living master."""
    samples: int = 0
    """Samples in the window."""
    source: Literal["Prometheus", "Kubelet", "Cgroup", "Process"] | None = None
    """Where the samples came from."""
    memory: MemoryUsage | None = None
    """Memory."""


class NodeLoad(StatusModel):
    """What else had the node's CPU in the window; a value that could not be measured is absent."""

    cpus: int | None = None
    """CPUs of the node."""
    other_cpu: Quantity | None = None
    """Mean CPU that went to work other than the server and the load generator."""
    steal_percent: Quantity | None = None
    """Share of the node's CPU time that its hypervisor gave to others."""


class Trial(StatusModel):
    """One finished trial."""

    index: Annotated[int, Field(ge=1)]
    """Number of the trial, from 1."""
    purpose: Purpose
    """Why it was run."""
    limits: Size
    """The size at which the server ran (requests = limits)."""
    fresh: bool = True
    """Whether the server was started at this size; false: resized while it ran."""
    outcome: Outcome
    """How it ended."""
    message: Annotated[str, Field(max_length=2048)] = ""
    """One sentence about it."""
    judged: Judged | None = None
    """The metric that decided."""
    load: LoadStatus | None = None
    """What the load generator saw."""
    usage: UsageStatus | None = None
    """What the container used."""
    node: NodeLoad | None = None
    """What else had the node's CPU."""
    time_to_ready: Duration | None = None
    """From the container's start until the pod was ready."""
    start_time: datetime
    """When it began."""
    completion_time: datetime
    """When its result was recorded."""


class ActiveTrial(StatusModel):
    """The trial in progress."""

    index: int
    """Number of the trial, from 1."""
    purpose: Purpose
    """Why it runs."""
    limits: Size
    """At which size."""
    stage: Stage
    """What it is doing."""
    message: Annotated[str, Field(max_length=1024)] = ""
    """What it waits for."""
    start_time: datetime
    """When it began."""


class DatasetStatus(StatusModel):
    """The dataset as it was read."""

    rows: int
    """Rows."""
    distinct_rows: int
    """Different rows."""
    largest_row: Quantity
    """Size of the largest row."""
    digest: str
    """sha256 of the rows as they are sent."""


class ClaimsStatus(StatusModel):
    """What a prepare Job found on the PersistentVolumeClaims that the profile names."""

    identity: str
    """What was looked at: the claims, the paths, and what was asked of them. Another one is looked at anew."""
    time: datetime
    """When."""
    dataset: DatasetStatus | None = None
    """The dataset, where it is on a claim."""
    code_digest: str | None = None
    """sha256 of the entry script's files, where they are on a claim."""
    model_digest: str | None = None
    """sha256 of the model's files, where they are on a claim."""
    single_files: Annotated[list[Literal["code", "model"]], Field(max_length=2)] = Field(default_factory=list)
    """Sources whose path is a file, not a folder."""
    reason: Literal["SourceNotFound", "SourceUnreadable", "InvalidDataset"] | None = None
    """Why it cannot be used; absent when it can."""
    message: Annotated[str, Field(max_length=LONGEST_MESSAGE)] | None = None
    """Everything that is wrong with it."""


class Verification(StatusModel):
    """The trial that ran at exactly the recommended size and passed."""

    trial: int
    """Its index."""
    environment: Literal["Cluster", "Local"]
    """Where it ran."""
    p95: Duration | None = None
    """95th percentile of latency in that trial; absent where there were too few requests for it."""


class Variable(StatusModel):
    """An environment variable."""

    name: str
    """Name of the variable."""
    value: str
    """Its value."""


class ContainerRecommendation(StatusModel):
    """The size to give a container."""

    container_name: str
    """The container."""
    requests: Size
    """Requests."""
    limits: Size
    """Limits."""
    env: Annotated[list[Variable], Field(max_length=16)] = Field(default_factory=list)
    """With search.threads Auto: variables that sized the server's thread pools, to be set in production too."""
    current: Size | None = None
    """With workloadRef, the size it has today."""
    verification: Verification | None = None
    """Absent: not verified."""
    explanation: Annotated[str, Field(max_length=2048)] = ""
    """Which constraint binds, and what the next smaller size did."""


class Provenance(StatusModel):
    """Where the numbers come from."""

    image: str | None = None
    """Image of the profiled container, by digest where it has one."""
    scoring_image: str | None = None
    """With entryScript, the installation's scoring image when the run began; the run keeps it."""
    model_digest: str | None = None
    """sha256 of the model's files."""
    code_digest: str | None = None
    """sha256 of the entry script's files."""
    dataset_digest: str | None = None
    """sha256 of the rows."""
    rerun: str | None = None
    """Value of the annotation modelprofiler.io/rerun when the run began; another one starts a new run."""
    node: str | None = None
    """Node of the trials."""
    instance_type: str | None = None
    """The node's instance type."""
    cpu_model: str | None = None
    """The node's CPU."""
    kernel: str | None = None
    """The node's kernel."""
    cgroup_version: str | None = None
    """v1 or v2."""
    kubelet_version: str | None = None
    """The node's kubelet."""
    modelprofiler_version: str | None = None
    """Version of modelprofiler."""


class Drift(StatusModel):
    """Whether requests came to cost more or less CPU time while the run went on, at sizes that compare."""

    ratio: Quantity
    """CPU time per request at the end of the run over that at its beginning, along a line through these trials."""
    low: Quantity
    """Lower end of its 95 % interval."""
    high: Quantity
    """Upper end of its 95 % interval."""
    noticed: bool
    """Whether the change is more than the noise between trials."""
    trials: int
    """Trials that were compared."""


class EffectiveResources(StatusModel):
    """The range that is searched, defaults filled in."""

    cpu: CpuRange
    """CPU sizes."""
    memory: MemoryRange
    """Memory sizes."""


class ModelProfileStatus(StatusModel):
    """What was measured and what follows from it."""

    observed_generation: int | None = None
    """The generation of the spec that this status speaks of."""
    run_hash: str | None = None
    """What identifies the run: a change to it starts a new one."""
    start_time: datetime | None = None
    """When the run left the queue."""
    completion_time: datetime | None = None
    """When it finished."""
    queue_position: int | None = None
    """Place in the queue while the run waits for its turn: exact up to 3, else rounded up to 5, 10, 20, 50, …"""
    trials_completed: int = 0
    """Finished trials."""
    active_trial: ActiveTrial | None = None
    """The trial in progress."""
    dataset: DatasetStatus | None = None
    """The dataset as it was read."""
    claims: ClaimsStatus | None = None
    """What was found on PersistentVolumeClaims."""
    resources: EffectiveResources | None = None
    """The range that is searched, defaults filled in."""
    trials: Annotated[list[Trial], Field(max_length=256)] = Field(default_factory=list)
    """One row a trial; in full in the ConfigMap <name>-report."""
    recommendations: Annotated[list[ContainerRecommendation], Field(max_length=16)] = Field(default_factory=list)
    """The sizes to give."""
    drift: Drift | None = None
    """Whether the machine changed while the run went on; absent where too few trials compare."""
    provenance: Provenance | None = None
    """Where the numbers come from."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = Field(default_factory=list)
    """Accepted, MetricsAvailable, Finished, Succeeded; Ready, Reconciling, Stalled for kstatus."""
