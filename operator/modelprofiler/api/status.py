"""What a user reads: the status of a ModelProfile.

The list of finished trials is the whole state of a run: from it and the spec the next step follows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from modelprofiler.api.conditions import LONGEST_MESSAGE, Condition
from modelprofiler.api.model import StatusModel
from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.ranges import CpuRange, MemoryRange
from modelprofiler.api.trial import ActiveTrial, Size, Trial


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
