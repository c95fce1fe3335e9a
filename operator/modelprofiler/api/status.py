"""What a user reads: the status of a ModelProfile.

The status is the whole state of a run: from it and the spec the next step follows.
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
    """Facts about the dataset."""

    rows: int
    """Number of rows."""
    distinct_rows: int
    """Number of different rows."""
    smallest_row: Quantity | None = None
    """Size of the smallest row."""
    median_row: Quantity | None = None
    """Median size of the rows: half of them are no larger."""
    largest_row: Quantity
    """Size of the largest row."""
    total_size: Quantity | None = None
    """Size of all rows together."""
    digest: str
    """SHA-256 digest of the rows as they are sent."""
    warnings: Annotated[list[str], Field(max_length=16)] | None = None
    """What may make a result with these rows misleading, such as equal rows, or rows that are not JSON; absent where
    there is nothing."""


class ClaimsStatus(StatusModel):
    """Result of the prepare Job, which reads files that only pods can read, and is the first to install packages."""

    identity: str
    """Identifies what was read and installed. When the sources, how they are used, or the packages change, or the
    profile is to run again, a new prepare Job runs."""
    time: datetime
    """When it was read."""
    dataset: DatasetStatus | None = None
    """The dataset, if only a pod can read it."""
    code_digest: str | None = None
    """SHA-256 digest of the entry script's files, if only a pod can read them."""
    model_digest: str | None = None
    """SHA-256 digest of the model's files, if only a pod can read them."""
    single_files: Annotated[list[Literal["code", "model"]], Field(max_length=2)] = Field(default_factory=list)
    """Sources whose path is a file rather than a folder."""
    packages: Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=512)] = Field(
        default_factory=list
    )
    """Packages that the requirements of the entry script added to those of the image, as NAME==VERSION. Every pod of
    the run installs these versions."""
    reason: Literal["SourceNotFound", "SourceUnreadable", "InvalidDataset", "PackagesNotInstalled"] | None = None
    """Why the files or packages cannot be used; absent when they can."""
    message: Annotated[str, Field(max_length=LONGEST_MESSAGE)] | None = None
    """Every problem with the files and packages."""


class Verification(StatusModel):
    """The trial that ran at exactly the recommended size and met the objectives."""

    trial: int
    """Index of the trial."""
    environment: Literal["Cluster", "Local"]
    """Where the trial ran: in a cluster, or on the machine where `modelprofiler run` was started."""
    p95: Duration | None = None
    """95th percentile of latency in that trial; absent when there were too few requests for it."""
    rows: Annotated[str, Field(max_length=64)] | None = None
    """For how many rows the size is verified: the different rows that were sent at this size, of those in the dataset,
    such as "234 of 3000". Another trial counts where it sent all rows at no larger size."""


class Variable(StatusModel):
    """An environment variable."""

    name: str
    """Name of the variable."""
    value: str
    """Value of the variable."""


class CurrentSize(StatusModel):
    """The size that a workload has today."""

    requests: Size
    """Requests of the container; a part that is not set is absent."""
    limits: Size
    """Limits of the container; a part that is not set is absent."""
    replicas: int | None = None
    """Number of replicas; absent where the workload does not say."""
    trial: int | None = None
    """Index of the trial at this size; absent when there was none."""


class Savings(StatusModel):
    """By how much the recommended requests are smaller than those of today."""

    per_replica: Size
    """For each replica; a part in which nothing is saved is absent."""
    all_replicas: Size | None = None
    """For all replicas together."""


class ContainerRecommendation(StatusModel):
    """The recommended size of a container."""

    container_name: str
    """Name of the container."""
    requests: Size
    """Recommended requests."""
    limits: Size
    """Recommended limits."""
    env: Annotated[list[Variable], Field(max_length=16)] = Field(default_factory=list)
    """With search.threads Auto: the environment variables that sized the server's thread pools. Set them in production,
    too."""
    current: CurrentSize | None = None
    """With workloadRef: the size that the workload has today, and how it did in the run."""
    savings: Savings | None = None
    """With workloadRef: what the recommended size saves; absent where it saves nothing."""
    verification: Verification | None = None
    """The trial that verified the size; absent when none did."""
    explanation: Annotated[str, Field(max_length=2048)] = ""
    """Which constraint determined the size, and what happened at the next smaller size."""


class Provenance(StatusModel):
    """Where and with what the measurements were made."""

    image: str | None = None
    """Image of the profiled container, with its digest if it is known."""
    scoring_image: str | None = None
    """With entryScript: the scoring-server image of the installation when the run began. The whole run uses this
    image."""
    model_digest: str | None = None
    """SHA-256 digest of the model's files."""
    code_digest: str | None = None
    """SHA-256 digest of the entry script's files."""
    dataset_digest: str | None = None
    """SHA-256 digest of the dataset's rows."""
    rerun: str | None = None
    """Value of the annotation modelprofiler.io/rerun when the run began. Another value starts a new run."""
    node: str | None = None
    """Name of the node on which the trials ran."""
    instance_type: str | None = None
    """Instance type of the node."""
    cpu_model: str | None = None
    """CPU model of the node."""
    kernel: str | None = None
    """Kernel version of the node."""
    cgroup_version: str | None = None
    """Version of control groups on the node: v1 or v2."""
    kubelet_version: str | None = None
    """Kubelet version of the node."""
    cpu_manager_policy: Literal["static"] | None = None
    """Policy of the kubelet's CPU manager, where a node reader saw it: "static" when single containers have CPUs of
    the node to themselves. Absent where that is not known."""
    modelprofiler_version: str | None = None
    """Version of modelprofiler that made the measurements."""


class Drift(StatusModel):
    """Whether the CPU time of a request changed during the run.

    A change shows that the machine became faster or slower.
    """

    ratio: Quantity
    """CPU time per request at the end of the run divided by that at its beginning, on a line fitted through the
    compared trials."""
    low: Quantity
    """Lower end of the 95 % confidence interval of the ratio."""
    high: Quantity
    """Upper end of the 95 % confidence interval of the ratio."""
    noticed: bool
    """Whether the change is larger than the noise between trials."""
    trials: int
    """Number of trials that were compared."""


class EffectiveResources(StatusModel):
    """The range of sizes that is searched, with all defaults filled in."""

    cpu: CpuRange
    """CPU sizes."""
    memory: MemoryRange
    """Memory sizes."""


class ModelProfileStatus(StatusModel):
    """What was measured, and what is recommended."""

    observed_generation: int | None = None
    """The generation of the spec that this status describes."""
    run_hash: str | None = None
    """Identifies the run: a hash of everything that affects a measurement. A new run starts when it changes."""
    start_time: datetime | None = None
    """When the run left the queue; for the last time, where it was suspended."""
    elapsed: Duration | None = None
    """How much of search.deadline the run had used when it was last suspended; absent if it never was."""
    completion_time: datetime | None = None
    """When the run finished."""
    queue_position: int | None = None
    """Position in the queue while the run waits for its turn. Exact up to 3; beyond that rounded up to 5, 10, 20,
    50, …"""
    trials_completed: int = 0
    """Number of finished trials."""
    active_trial: ActiveTrial | None = None
    """The trial in progress."""
    dataset: DatasetStatus | None = None
    """Facts about the dataset."""
    claims: ClaimsStatus | None = None
    """What pods read before the run (files on PersistentVolumeClaims, in Secrets and at addresses) and which packages
    they installed."""
    resources: EffectiveResources | None = None
    """The range of sizes that is searched, with all defaults filled in."""
    trials: Annotated[list[Trial], Field(max_length=256)] = Field(default_factory=list)
    """The finished trials. The ConfigMap <name>-report has them in full detail."""
    recommendations: Annotated[list[ContainerRecommendation], Field(max_length=16)] = Field(default_factory=list)
    """The recommended sizes, one entry per container."""
    drift: Drift | None = None
    """Whether the machine became faster or slower during the run; absent when too few trials can be compared."""
    provenance: Provenance | None = None
    """Where and with what the measurements were made."""
    notes: Annotated[list[str], Field(max_length=16)] | None = None
    """What was left out for the pods of the run (parts of the server's template, and resizing in place where the
    cluster does not support it), and what they have in addition to the size, such as a GPU. Absent if nothing was."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = Field(default_factory=list)
    """Accepted, MetricsAvailable, Finished, Succeeded; Ready, Reconciling, Stalled for kstatus."""
