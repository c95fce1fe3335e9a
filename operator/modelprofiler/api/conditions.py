"""The conditions of a ModelProfile: their types, and every reason with the sentence that says what it means.

``Accepted``, ``MetricsAvailable``, ``Finished`` and ``Succeeded`` are the resource's own. ``Ready``, ``Reconciling``
and ``Stalled`` follow from them for tools that read kstatus (``helm --wait``, Flux, Argo CD).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from modelprofiler.api.model import ApiModel


class ConditionType(StrEnum):
    """The type of a condition."""

    ACCEPTED = "Accepted"
    """The profile is valid and can be run as it is written."""
    METRICS_AVAILABLE = "MetricsAvailable"
    """CPU and memory usage of the container can be read."""
    FINISHED = "Finished"
    """The run is over, whether it succeeded or not. Scripts wait for this condition."""
    SUCCEEDED = "Succeeded"
    """There is a recommendation. Unknown while the run is in progress."""
    READY = "Ready"
    """For kstatus: there is a recommendation for the current spec."""
    RECONCILING = "Reconciling"
    """For kstatus: the run is in progress."""
    STALLED = "Stalled"
    """For kstatus: the run cannot continue as things are."""


class Reason(StrEnum):
    """The reason for a condition's status."""

    # Accepted
    VALID = "Valid"
    """True: everything that the profile refers to exists and can be run."""
    NOT_SEEN = "NotYetChecked"
    """Unknown: the profile has not been checked yet."""
    PREPARING = "Preparing"
    """Unknown: a Job reads the profile's files (on PersistentVolumeClaims, in Secrets, at addresses) and installs its
    packages, or will do so when it is the profile's turn."""
    INVALID_SPEC = "InvalidSpec"
    """False: a field has a value that cannot be used."""
    NOT_SUPPORTED = "NotSupported"
    """False: a field asks for something that this version does not support, or this installation does not allow."""
    SOURCE_NOT_FOUND = "SourceNotFound"
    """False: a ConfigMap, key, PersistentVolumeClaim or file that the profile refers to does not exist."""
    SOURCE_UNREADABLE = "SourceUnreadable"
    """False: a pod cannot read the files: the PersistentVolumeClaim is not bound or cannot be mounted, the files are
    not readable, or an address cannot be downloaded."""
    INVALID_DATASET = "InvalidDataset"
    """False: the dataset cannot be read or has no rows."""
    PACKAGES_NOT_INSTALLED = "PackagesNotInstalled"
    """False: the packages of the entry script cannot be installed: no versions fit one another or the scoring server,
    or the index does not have them or does not answer. The message has the installer's words."""
    RANGE_TOO_LARGE = "RangeTooLarge"
    """False: no node has room for the largest size of the range."""
    NO_NODE = "NoNode"
    """False: no node takes the server's pod, because of cordons, taints, or the pod's nodeSelector or affinity."""
    ADMISSION_REFUSED = "AdmissionRefused"
    """False: the API server would reject the pods (Pod Security, a LimitRange, a ResourceQuota or an admission
    policy), or an admission webhook does not answer."""
    TEMPLATE_REFUSED = "TemplateRefused"
    """False: the pod template requests privileges that this installation does not allow."""
    NAMESPACE_NOT_SELECTED = "NamespaceNotSelected"
    """False: the namespace does not have the labels that this installation requires."""

    # MetricsAvailable
    METRICS_UNKNOWN = "NotYetRead"
    """Unknown: no samples have been read yet."""
    SAMPLES_READ = "SamplesRead"
    """True: samples of the container were read."""
    NO_SAMPLES = "NoSamples"
    """False: the metrics source responds but has no samples of the container."""
    SOURCE_UNREACHABLE = "SourceUnreachable"
    """False: the metrics source does not respond."""

    # Finished and Succeeded
    QUEUED = "Queued"
    """The run is waiting for its turn."""
    RUNNING = "Running"
    """Trials are in progress."""
    SUSPENDED = "Suspended"
    """The run is paused by spec.suspend."""
    VERIFIED = "Verified"
    """A trial at exactly the recommended size met the objectives."""
    NOT_VERIFIED = "NotVerified"
    """There is a recommendation, but it is not verified: no trial at exactly that size met the objectives, or most
    of its answers look like reports of errors, or only say that the work is accepted."""
    MEMORY_GROWS = "MemoryGrows"
    """There is a recommendation, but it is not verified: memory grows with the requests, or was not shown to settle,
    and the recommended size is too small for the growth during recommendation.memoryHorizon."""
    NO_FEASIBLE_SIZE = "NoFeasibleSize"
    """No size in the range meets the objectives."""
    REFERENCE_FAILED = "ReferenceFailed"
    """The server does not work at the largest size: it ends, does not become ready, does not answer the first
    request as expected, or its pod cannot be started. The message names the cause as far as it is known."""
    UNRELIABLE = "Unreliable"
    """Trials were repeated too often without a usable result (problems with the load, the metrics or the node)."""
    TRIALS_EXHAUSTED = "TrialsExhausted"
    """The run reached search.maxTrials before any size met the objectives."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """The run reached search.deadline before any size met the objectives."""
    NOT_ACCEPTED = "NotAccepted"
    """The profile was not accepted. The Accepted condition says why."""

    # kstatus
    RECOMMENDED = "Recommended"
    """There is a recommendation."""
    IN_PROGRESS = "InProgress"
    """The run is in progress."""
    FAILED = "Failed"
    """The run ended without a recommendation."""
    IDLE = "Idle"
    """There is nothing to do."""


LONGEST_MESSAGE = 4096
"""Maximum number of characters in the message of a condition that the operator writes.

The API server accepts 32,768, but people read fewer. A source with many files may name every one of them.
"""


class Condition(ApiModel):
    """A condition, as in the types of Kubernetes itself."""

    model_config = ConfigDict(extra="ignore")

    type: Annotated[str, Field(max_length=316)]
    """The type of the condition."""
    status: Literal["True", "False", "Unknown"]
    """Whether the condition holds."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """The reason for the status, in one word."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """The reason for the status, as a sentence."""
    last_transition_time: datetime
    """When the status last changed."""
    observed_generation: int | None = None
    """The generation of the spec that the condition describes."""


class FailureCause(StrEnum):
    """Why a server failed, where its own output or the way it ended names the cause."""

    OUT_OF_MEMORY = "OutOfMemory"
    WORKERS_ENDED = "WorkersEnded"
    PORT_IN_USE = "PortInUse"
    ADDRESS = "Address"
    LEFTOVER = "Leftover"
    OPEN_FILES = "OpenFiles"
    PROCESSES = "Processes"
    DISK_FULL = "DiskFull"
    PERMISSION = "Permission"
    DEPENDENCY = "Dependency"
    ARGUMENTS = "Arguments"
    LICENCE = "Licence"
    DEVICE = "Device"
    DEVICE_MEMORY = "DeviceMemory"
    ARCHITECTURE = "Architecture"
    NETWORK = "Network"
    ENDED_BY_ITSELF = "EndedByItself"
