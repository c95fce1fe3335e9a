"""A trial, as the status records it: its size, its outcome, and what was measured."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from modelprofiler.api.conditions import FailureCause
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
    SOAK = "Soak"
    GRID = "Grid"


class Outcome(StrEnum):
    """The outcome of a trial."""

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
"""Outcomes that say nothing about the size. The trial is repeated, a bounded number of times."""


class Stage(StrEnum):
    """The stage that the active trial has reached."""

    STARTING = "Starting"
    RESIZING = "Resizing"
    LOADING = "Loading"
    MEASURING = "Measuring"


class Size(StatusModel):
    """CPU and memory of the profiled container."""

    cpu: Quantity | None = None
    """CPU; absent where none is set."""
    memory: Quantity | None = None
    """Memory; absent where none is set."""


class Judged(StatusModel):
    """The metric that decided the outcome, with its 95 % confidence interval."""

    metric: str
    """Name of the metric, such as p95."""
    value: str
    """The measured value."""
    low: str | None = None
    """Lower end of the confidence interval."""
    high: str | None = None
    """Upper end of the confidence interval."""
    threshold: str
    """The bound that the objective sets."""


class LatencySummary(StatusModel):
    """Latencies of the requests in the window.

    Percentiles have a relative error of at most 1 %. One for which there were too few requests is absent.
    """

    mean: Duration | None = None
    """Mean latency."""
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
    """Latency of the slowest request."""


class FailureCounts(StatusModel):
    """Failed requests by kind."""

    refused: int = 0
    """Requests whose connection was refused."""
    reset: int = 0
    """Requests whose connection was closed before the response was complete."""
    timeout: int = 0
    """Requests that took longer than endpoint.http.timeout."""
    status: int = 0
    """Responses with a status code that endpoint.http.expect does not list."""
    protocol: int = 0
    """Responses that are not valid HTTP."""
    content: int = 0
    """Responses with a status code that endpoint.http.expect lists, and without what else it expects: bodyContains,
    bodyMatches, jsonPath, contentType or maxBodySize."""
    dropped: int = 0
    """Requests that were not sent because the maximum number of requests was already in flight: the server had fallen
    too far behind."""

    @property
    def total(self) -> int:
        """Number of all failures."""
        return sum(getattr(self, name) for name in type(self).model_fields)


class AnswerKind(StatusModel):
    """Answers of one kind: the same status and content type, and bodies of the same shape."""

    status: int
    """Their status code."""
    content_type: str | None = None
    """Their content type; absent where they have none."""
    shape: str
    """What their bodies look like, such as "JSON object with error"."""
    error: bool = False
    """Whether they look like reports of an error."""
    lack: Literal["Pending", "Empty", "NotJson"] | None = None
    """What they lack as answers, where they report no error. Pending: they only say that the work is accepted, or that
    the model is not loaded. Empty: they have no body. NotJson: they are called JSON and are none. Absent where they
    lack nothing of these."""
    unmet: Annotated[str, Field(max_length=32)] | None = None
    """The field of endpoint.http.expect that they do not fulfil, such as jsonPath[0]; they count as failed. Absent
    where they fulfil what is expected of their content."""
    answers: int
    """Number of answers in the load, warm-up included. Where not every answer was looked at, an estimate."""
    looked_at: int
    """Number of answers that were looked at."""
    bodies: int
    """Number of different bodies among them."""
    rows: int
    """Number of different requests among them."""
    row_numbers: Annotated[list[int], Field(max_length=5)] = Field(default_factory=list)
    """Numbers, from 1, of at most five rows of the dataset whose answers, as far as they were looked at, are all of
    this kind. Empty for the most frequent kind, and where the same rows were also answered differently."""
    sample: str = ""
    """Beginning of one body, without what may be a credential."""


class FirstRequest(StatusModel):
    """The first request of a trial, which may load the model; it is sent again while the server refuses it."""

    duration: Duration
    """Time from sending it first until it was answered as expected."""
    tries: int = 1
    """How often it was sent."""
    refusal: str | None = None
    """How it failed the first time; absent when it did not."""


class Visits(StatusModel):
    """Requests that sent a row of the dataset for the first time to this server, or again."""

    requests: int
    """Number of requests that were looked at, warm-up included."""
    median: Duration
    """Median of their latency."""


class LoadStatus(StatusModel):
    """What the load generator measured in the window, without the warm-up."""

    requests: int
    """Number of requests that were due in the window."""
    failures: int = 0
    """Number of these requests that failed."""
    failures_by_kind: FailureCounts | None = None
    """Failed requests by kind; absent when none failed."""
    rate: Quantity
    """Completed requests per second."""
    rows_covered: int
    """Number of different rows of the dataset that were sent, warm-up included."""
    distinct_rows: int | None = None
    """Number of different rows of the dataset; absent in results of older versions."""
    duration: Duration
    """Length of the window."""
    stopped_early: Literal["Certain", "Overload", "Terminated"] | None = None
    """Why the window ended early. Certain: the result was already certain. Overload: the server fell ever further
    behind. Terminated: the load generator was stopped."""
    latency: LatencySummary = Field(default_factory=LatencySummary)
    """Latency, counted from when a request was due (open loop) or from when it was sent (closed loop)."""
    latency_low: LatencySummary = Field(default_factory=LatencySummary)
    """Lower ends of the 95 % confidence intervals, computed from sub-windows."""
    latency_high: LatencySummary = Field(default_factory=LatencySummary)
    """Upper ends of the 95 % confidence intervals, computed from sub-windows."""
    probe: Duration | None = None
    """Latency of a single request to the idle server before the load."""
    first_request: FirstRequest | None = None
    """The first request of the trial, before any other."""
    answers: Annotated[list[AnswerKind], Field(max_length=4)] = Field(default_factory=list)
    """The most frequent kinds of answers, at most four."""
    first_visits: Visits | None = None
    """Requests that sent a row for the first time, the last ones of them; absent where a row was sent before."""
    later_visits: Visits | None = None
    """Requests that sent a row again, the first ones after every row had been sent. Where they take much less time, the
    server remembers what it has answered."""
    row_size_effect: Annotated[str, Field(max_length=256)] | None = None
    """How latency depends on the size of the rows, as a sentence; absent where that is not known. The report has the
    numbers behind it, and the slowest rows."""
    split_answers: int | None = None
    """Number of answers whose second part came 40 ms after the first, as happens when a server writes the head and the
    body separately and the body waits for an acknowledgement; absent when there were none."""
    first_failure: Duration | None = None
    """How long after the start of the window the first failed request was due; absent when none failed."""


class MemoryCourse(StatusModel):
    """How memory developed over a window that is long enough to show whether growth goes on."""

    trend: Literal["Grows", "Settles", "Saws", "Unclear"]
    """Grows: memory grows to the end, and hardly more slowly. Settles: it stays level, or its growth fades. Saws: it
    falls again and again without rising peaks, as when workers are replaced. Unclear: none of these is certain."""
    requests: int
    """Number of requests that were completed meanwhile."""
    earlier: Quantity
    """Growth per 1,000 requests in the first half; 0 where memory fell."""
    later: Quantity
    """Growth per 1,000 requests in the second half; 0 where memory fell."""
    later_low: Quantity
    """Lower end of its 95 % confidence interval; 0 where memory may not have grown."""
    later_high: Quantity
    """Upper end of its 95 % confidence interval."""


class MemoryUsage(StatusModel):
    """Memory use of the container in the window."""

    peak: Quantity
    """The largest measured value."""
    peak_source: Literal["WorkingSet", "MaxUsage", "Cgroup", "Process"]
    """How the peak was measured. WorkingSet: samples of the working set. MaxUsage: the kernel's peak since the
    container started, page cache included. Cgroup: the kernel's peak between samples of a control group. Process:
    samples of the server's processes."""
    lifetime_peak: Quantity | None = None
    """The kernel's peak since the container started, page cache included: an upper bound of the peak in the window."""
    before_load: Quantity | None = None
    """Memory before the load: what a newly started server uses, or what the previous load left in a server that was
    resized. It is the smallest sample before the load."""
    steady: Quantity | None = None
    """Memory that the server holds between requests in the second half of the load."""
    growth_per1000_requests: Quantity | None = Field(default=None, alias="growthPer1000Requests")
    """Growth of memory per 1,000 requests. Absent when the samples do not determine it, 0 when they show that there is
    none."""
    growth_low: Quantity | None = None
    """Lower end of the 95 % confidence interval of the growth; absent with too few samples."""
    growth_high: Quantity | None = None
    """Upper end of the 95 % confidence interval of the growth; absent with too few samples."""
    course: MemoryCourse | None = None
    """How memory developed; absent in a window that is too short to show it."""


class UsageStatus(StatusModel):
    """Resource usage of the container in the window. A value that could not be measured is absent, never zero."""

    cpu: Quantity | None = None
    """Mean CPU usage."""
    cpu_time_per_request: Duration | None = None
    """CPU time per completed request."""
    throttled_percent: Quantity | None = None
    """Percentage of CPU scheduling (CFS) periods in which the container was throttled."""
    threads: int | None = None
    """Largest number of threads in the container."""
    oom_kills: int | None = None
    """Number of processes in the container that the kernel killed for lack of memory, including workers whose main
    process kept running."""
    samples: int = 0
    """Number of samples that were used."""
    source: Literal["Prometheus", "Kubelet", "Cgroup", "Process"] | None = None
    """Source of the samples."""
    memory: MemoryUsage | None = None
    """Memory usage."""
    mapped_file: Quantity | None = None
    """Pages of files that the container's processes map, such as a model that is not read but mapped. The peak of the
    memory contains them."""
    major_faults: int | None = None
    """Number of page faults for which a page was read from disk."""
    read_bytes: Quantity | None = None
    """Bytes that the container's processes read from disk."""
    not_known: Annotated[str, Field(max_length=768)] | None = None
    """What is not known or not exact because of the source of the samples, as sentences; absent where nothing is."""


class NodeLoad(StatusModel):
    """CPU use on the node that was not the trial's own, and how fast the node was; what was not measured is absent."""

    cpus: int | None = None
    """Number of CPUs of the node."""
    other_cpu: Quantity | None = None
    """Mean CPU used by anything other than the server and the load generator."""
    steal_percent: Quantity | None = None
    """Percentage of the node's CPU time that its hypervisor gave to other virtual machines."""
    loop_before: Duration | None = None
    """CPU time that a fixed amount of work took on the node before the load: the longer, the slower the node was.
    Comparable between the trials of a run."""
    loop_after: Duration | None = None
    """The same after the load."""
    clock_offset: Annotated[str, Field(max_length=32, pattern=r"^(-?)[0-9]+(\.[0-9]+)?$")] | None = None
    """Seconds by which the node's clock was ahead of the load generator's, negative when it was behind. The usage of
    the trial is corrected for it. Only where a node reader was asked."""
    major_faults: int | None = None
    """Number of page faults on the whole node in the window for which something was read from a disk; only where a node
    reader was asked."""
    read_bytes: Quantity | None = None
    """Bytes that the whole node read from its disks in the window; only where a node reader was asked."""
    not_known: Annotated[str, Field(max_length=256)] | None = None
    """Why something of this is not known, as a sentence; absent where nothing is missing."""


class Trial(StatusModel):
    """A finished trial."""

    index: Annotated[int, Field(ge=1)]
    """Number of the trial, starting at 1."""
    purpose: Purpose
    """Why the trial was run. Baseline: at the size that the workload has today. Reference: at the largest size. Bracket
    and Bisect: to find the smallest CPU. Repeat: the same size again. Memory: to find the smallest memory. Confirm: at
    the size to recommend. Soak: with a longer window, to see whether memory goes on growing. Grid: one of all
    combinations."""
    limits: Size
    """The size at which the server ran; requests and limits were equal."""
    fresh: bool = True
    """True when the server was started at this size, false when it was resized while running."""
    outcome: Outcome
    """Outcome of the trial. Passed: it met the objectives. Slow, Errors: it missed them. OOMKilled, Crashed,
    NeverReady: the server failed. Unschedulable, ImagePullFailed: the pod did not start. LoadFailed,
    GeneratorSaturated, NoMetrics, Disturbed: the measurement failed and says nothing about the size."""
    message: Annotated[str, Field(max_length=2048)] = ""
    """A sentence that explains the outcome."""
    cause: FailureCause | None = None
    """Why the server failed, where its own output or the way it ended names the cause. OutOfMemory and WorkersEnded may
    depend on the size, the others do not."""
    judged: Judged | None = None
    """The metric that decided the outcome."""
    load: LoadStatus | None = None
    """What the load generator measured."""
    usage: UsageStatus | None = None
    """Resource usage of the container."""
    node: NodeLoad | None = None
    """Other CPU use on the node."""
    time_to_ready: Duration | None = None
    """Time from the container's start until the pod was ready."""
    start_time: datetime
    """When the trial began."""
    completion_time: datetime
    """When the result was recorded."""


class ActiveTrial(StatusModel):
    """The trial in progress."""

    index: int
    """Number of the trial, starting at 1."""
    purpose: Purpose
    """Why the trial is run, as in the finished trials."""
    limits: Size
    """The size at which it runs."""
    stage: Stage
    """The stage that it has reached."""
    message: Annotated[str, Field(max_length=1024)] = ""
    """What it is doing or waiting for, as a sentence."""
    start_time: datetime
    """When the trial began."""
