"""The children of a run as immutable values: servers with their pods, and load Jobs. Other modules read them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from modelprofiler.api.trial import Purpose, UsageStatus
from modelprofiler.core.axis import Limits
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.result import LoadResult
from modelprofiler.metrics.series import Series


@dataclass(frozen=True)
class Termination:
    """How a container last ended."""

    container: str
    reason: str
    """In a word, as the kubelet writes it: Completed, Error, OOMKilled."""
    exit_code: int
    last_words: str
    """Its termination message, which by the policy of our pods is the end of its log."""
    profiled: bool = True
    """Whether it is the container whose size is varied."""

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel killed the profiled container for exceeding its memory limit."""
        return self.reason == "OOMKilled" and self.profiled


@dataclass(frozen=True)
class Pod:
    """A server's pod."""

    name: str
    uid: str
    node: str
    """Name of its node; empty until it is scheduled."""
    created: datetime
    deleting: bool
    phase: str
    """Pending, Running, Succeeded, Failed or Unknown."""
    reason: str
    """Why it is in this phase, as an eviction says it; most often empty."""
    ready_at: datetime | None
    """When it last became ready; None while it is not ready."""
    container_started_at: datetime | None
    restarts: int
    waiting: tuple[str, str] | None
    """(reason, message) of a container that waits for an image, or for something that its start needs."""
    termination: Termination | None
    unschedulable: str
    """Why the scheduler has found no node; empty once there is one."""
    desired: Limits | None
    """Limits of the profiled container in the pod's spec."""
    actual: Limits | None
    """Limits of the profiled container that the kubelet has applied; None where it does not report them."""
    resize: tuple[str, str] | None
    """(reason, message) of a resize that is not finished: Deferred, Infeasible, InProgress or Error."""
    image: str
    """Of the profiled container, with its digest once it has been pulled."""
    ip: str = ""
    """Its address; empty until it has one."""
    has_liveness_probe: bool = False
    not_started: str = ""
    """Why the profiled container waits, in a word, as ContainerCreating; empty while it runs or has ended."""
    unready: str = ""
    """Which running container is not ready, and which of its probes has not passed; empty when none is."""
    installed: bool | None = None
    """Whether the packages of the entry script are installed; None where none are."""
    placed_at: datetime | None = None
    """When it got its node; None while it has none."""

    @property
    def gone(self) -> bool:
        """Whether it has ended or is being deleted, so that it will not serve again."""
        return self.deleting or self.phase in ("Failed", "Succeeded")


@dataclass(frozen=True)
class Server:
    """One start of the server: a Deployment and its pod."""

    name: str
    incarnation: int
    """Index of the trial that it was started for."""
    created: datetime
    deleting: bool
    limits: Limits
    """The size it was started at; its pod may have been resized since."""
    refusal: str
    """Why the API server refuses the Deployment's pod; empty when it does not."""
    pod: Pod | None


@dataclass(frozen=True)
class Measured:
    """The usage of a server under the load of a trial, as far as it has been measured."""

    usage: UsageStatus | None
    complete: bool
    """Whether no further sample can improve it."""
    problem: str = ""
    """Why there are no samples; empty when there are."""
    reachable: bool = True
    """Whether the source of metrics answered."""
    cpu_seconds: Series = ()
    memory: Series = ()
    """The samples behind the usage, which the report keeps with the trial: CPU seconds used, and bytes."""
    node_cores: float | None = None
    """CPU that the server's whole node used under the load, in cores."""
    warning: str = ""
    """Why Prometheus' samples of it cannot be used as they are, as a clause; empty where they can."""


@dataclass(frozen=True)
class LoadJob:
    """The load of a trial, from its Job or Jobs: what the trial is for, and what its load has come to."""

    name: str
    trial: int
    purpose: Purpose
    limits: Limits
    """The size of the server under this load."""
    window: str
    """Decide: the load may stop as soon as the verdict is certain. Measure: it goes on to the end of its window."""
    incarnation: int
    """The server that it is sent to."""
    server_pod: str
    """The uid of that server's pod when the load began."""
    created: datetime
    deleting: bool
    finished_at: datetime | None
    result: LoadResult | None
    failure: str
    """Why there is no result; empty while one may still come."""
    stuck: str
    """Why one of its pods does not start; empty when all run or nothing is wrong."""
    node: str = ""
    """The node on which the first load generator runs; empty until it is scheduled."""
    nodes: tuple[str, ...] = ()
    """The nodes on which the load generators run, as far as they are scheduled."""
    address: str = ""
    """Where the others reach the first load generator; empty until it has an address, and when it has ended."""
    others: str = ""
    """Name of the Job of the other load generators; empty where there is none."""
    config: LoadConfig | None = None
    """What the first load generator was told to do; None where its Job does not say."""
    missing: str = ""
    """Which load generators have not ended although another has; empty where none has, and when all have."""
    first_ended_at: datetime | None = None
    """When the first of them ended; None while all run."""
    measured: Measured | None = None

    def runs_on(self, node: str) -> bool:
        """Return whether a load generator is on a node."""
        return node in (self.node, *self.nodes)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its Jobs."""
        return tuple(dict.fromkeys(filter(None, (self.name, self.others))))


@dataclass(frozen=True)
class Reader:
    """A node reader: the Job of the pod that tells the load about the server's node."""

    name: str
    trial: int
    """The trial that it was started for."""
    created: datetime
    deleting: bool
    node: str
    """The node that its pod is on; empty until it is placed."""
    address: str
    """Where it answers; empty until it runs."""
    stuck: str
    """Why its pod does not start; empty when it runs or nothing is wrong."""
    ended: str
    """How it has ended, which it does not by itself; empty while it has not."""


@dataclass(frozen=True)
class Observation:
    """The children of a profile, at one moment."""

    servers: tuple[Server, ...] = ()
    """Servers of the current run, in the order of their incarnations."""
    jobs: tuple[LoadJob, ...] = ()
    """Load Jobs of the current run, in the order of their trials."""
    readers: tuple[Reader, ...] = ()
    """Node readers of the current run, in the order of the trials that they were started for."""
    not_ready: dict[str, str] = field(default_factory=dict)
    """Nodes of the run that are not ready, by name, with what they say about it."""
    load_may_leave: bool = False
    """Whether there is another node than the server's that a load may run on."""
    stale: tuple[tuple[str, str], ...] = ()
    """(plural, name) of Deployments and Jobs of earlier runs."""
    leaving: tuple[str, ...] = ()
    """Names of servers' pods that are still there although their Deployment is gone."""
    hosts: dict[str, str] = field(default_factory=dict)
    """Host names, which are values of the label kubernetes.io/hostname, by node name."""

    def job(self, trial: int) -> LoadJob | None:
        """Return the Job of a trial."""
        return next((job for job in self.jobs if job.trial == trial), None)

    def server(self, incarnation: int) -> Server | None:
        """Return a start of the server."""
        return next((server for server in self.servers if server.incarnation == incarnation), None)
