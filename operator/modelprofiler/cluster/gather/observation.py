"""What the cluster shows of a run: children read from API objects into immutable values. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from modelprofiler.api.trial import Purpose, UsageStatus
from modelprofiler.core.axis import Limits
from modelprofiler.load.result import LoadResult
from modelprofiler.metrics.series import Series


@dataclass(frozen=True)
class Termination:
    """How a container last ended."""

    container: str
    reason: str
    exit_code: int
    last_words: str
    profiled: bool = True
    """Whether it is the container whose size is varied."""

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel killed it for its memory, and that is the memory that is varied."""
        return self.reason == "OOMKilled" and self.profiled


@dataclass(frozen=True)
class Pod:
    """A server's pod."""

    name: str
    uid: str
    node: str
    created: datetime
    deleting: bool
    phase: str
    reason: str
    ready_at: datetime | None
    """When it became ready for the first time since its container started; None while it is not."""
    container_started_at: datetime | None
    restarts: int
    waiting: tuple[str, str] | None
    """(reason, message) of a container that waits."""
    termination: Termination | None
    unschedulable: str
    """What the scheduler says; empty once there is a node."""
    desired: Limits | None
    """Limits in the pod's spec."""
    actual: Limits | None
    """Limits that the kubelet says it has applied."""
    resize: tuple[str, str] | None
    """(reason, message) of a resize that is pending or under way: Deferred, Infeasible, InProgress, Error."""
    image: str
    ip: str = ""
    """Its address; empty until it has one."""
    has_liveness_probe: bool = False
    not_started: str = ""
    """Why the profiled container waits for its first start, in a word; empty once it has run."""
    unready: str = ""
    """Which container is not ready, and the probe that has not passed; empty when it cannot be told."""

    @property
    def gone(self) -> bool:
        """Whether it will not serve again."""
        return self.deleting or self.phase in ("Failed", "Succeeded")


@dataclass(frozen=True)
class Server:
    """One start of the server: a Deployment and the pod that it has."""

    name: str
    incarnation: int
    created: datetime
    deleting: bool
    limits: Limits
    """The size it was started at."""
    refusal: str
    """Why the Deployment cannot create its pod; empty when it can."""
    pod: Pod | None


@dataclass(frozen=True)
class Measured:
    """Usage read for a trial."""

    usage: UsageStatus | None
    complete: bool
    """Whether waiting longer would not improve it."""
    problem: str = ""
    """Why there are no samples."""
    reachable: bool = True
    cpu_seconds: Series = ()
    memory: Series = ()
    """The samples that it was read from, as they are kept with the trial."""
    node_cores: float | None = None
    """CPU that its whole node used under the load, in cores."""


@dataclass(frozen=True)
class LoadJob:
    """One trial's load Job."""

    name: str
    trial: int
    purpose: Purpose
    limits: Limits
    window: str
    incarnation: int
    server_pod: str
    created: datetime
    deleting: bool
    finished_at: datetime | None
    result: LoadResult | None
    failure: str
    """Why there is no result; empty while it may still come."""
    stuck: str
    """Why its pod does not start; empty when it runs."""
    node: str = ""
    """Where its pod runs."""
    measured: Measured | None = None


@dataclass(frozen=True)
class Observation:
    """The children of a profile."""

    servers: tuple[Server, ...] = ()
    """Of the current run, by incarnation."""
    jobs: tuple[LoadJob, ...] = ()
    """Of the current run, by trial."""
    stale: tuple[tuple[str, str], ...] = ()
    """(plural, name) of children of an earlier run."""
    hosts: dict[str, str] = field(default_factory=dict)
    """Node name to the value of its kubernetes.io/hostname label."""

    def job(self, trial: int) -> LoadJob | None:
        """Return the Job of a trial."""
        return next((job for job in self.jobs if job.trial == trial), None)

    def server(self, incarnation: int) -> Server | None:
        """Return a start of the server."""
        return next((server for server in self.servers if server.incarnation == incarnation), None)
