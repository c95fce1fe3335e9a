"""One trial, as the status records it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from modelprofiler.api.model import StatusModel
from modelprofiler.api.quantities import Duration, Quantity


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
