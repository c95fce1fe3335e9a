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
    """What a condition speaks of."""

    ACCEPTED = "Accepted"
    """The profile can be run as it is written."""
    METRICS_AVAILABLE = "MetricsAvailable"
    """Usage of the container can be read."""
    FINISHED = "Finished"
    """The run is over, however it ended: what a script waits for."""
    SUCCEEDED = "Succeeded"
    """There is a recommendation; Unknown while the run is under way."""
    READY = "Ready"
    """kstatus: there is a recommendation for the current spec."""
    RECONCILING = "Reconciling"
    """kstatus: work is under way."""
    STALLED = "Stalled"
    """kstatus: no progress until the user changes something."""


class Reason(StrEnum):
    """Why a condition has its status."""

    # Accepted
    VALID = "Valid"
    """True: everything the profile names is there and can be run."""
    NOT_SEEN = "NotYetChecked"
    """Unknown: the profile has not been looked at."""
    PREPARING = "Preparing"
    """Unknown: a prepare Job reads what the profile names on PersistentVolumeClaims."""
    INVALID_SPEC = "InvalidSpec"
    """False: a field has a value that cannot be used."""
    NOT_SUPPORTED = "NotSupported"
    """False: a field asks for what this version cannot do."""
    SOURCE_NOT_FOUND = "SourceNotFound"
    """False: a ConfigMap, key, PersistentVolumeClaim or file that the profile names is not there."""
    SOURCE_UNREADABLE = "SourceUnreadable"
    """False: a pod cannot read what the profile names: the claim is not bound or mounted, or the files not readable."""
    INVALID_DATASET = "InvalidDataset"
    """False: the dataset cannot be read or has no rows."""
    RANGE_TOO_LARGE = "RangeTooLarge"
    """False: no node can give the largest size of the range."""
    ADMISSION_REFUSED = "AdmissionRefused"
    """False: the API server would refuse the pods (Pod Security, LimitRange, ResourceQuota, a policy)."""
    TEMPLATE_REFUSED = "TemplateRefused"
    """False: the pod template asks for privileges that this installation does not allow."""

    # MetricsAvailable
    METRICS_UNKNOWN = "NotYetRead"
    """Unknown: no sample has been needed so far."""
    SAMPLES_READ = "SamplesRead"
    """True: samples of the container were read."""
    NO_SAMPLES = "NoSamples"
    """False: the source answers, but has no samples of the container."""
    SOURCE_UNREACHABLE = "SourceUnreachable"
    """False: the source does not answer."""

    # Finished and Succeeded
    QUEUED = "Queued"
    """The run waits for its turn."""
    RUNNING = "Running"
    """Trials are under way."""
    SUSPENDED = "Suspended"
    """The run is held by spec.suspend."""
    VERIFIED = "Verified"
    """A run at exactly the recommended size met the objectives."""
    NOT_VERIFIED = "NotVerified"
    """There is a recommendation, but no run at exactly that size."""
    NO_FEASIBLE_SIZE = "NoFeasibleSize"
    """No size of the range meets the objectives."""
    REFERENCE_FAILED = "ReferenceFailed"
    """The server does not work even at the largest size."""
    UNRELIABLE = "Unreliable"
    """The same trial failed to say anything too often (load, metrics or node)."""
    TRIALS_EXHAUSTED = "TrialsExhausted"
    """search.maxTrials was reached before a size was verified."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """search.deadline passed before a size was verified."""
    NOT_ACCEPTED = "NotAccepted"
    """The profile was not accepted; the Accepted condition says why."""

    # kstatus
    RECOMMENDED = "Recommended"
    """Ready: there is a recommendation."""
    IN_PROGRESS = "InProgress"
    """Work is under way."""
    FAILED = "Failed"
    """The run ended without a recommendation."""
    IDLE = "Idle"
    """Nothing to do."""


LONGEST_MESSAGE = 4096
"""Characters of a condition's message that we write; the API server takes 32,768, a person reads fewer.

A source with many files may be named with all of them.
"""


class Condition(ApiModel):
    """A condition, as in Kubernetes' own types."""

    model_config = ConfigDict(extra="ignore")

    type: Annotated[str, Field(max_length=316)]
    """What it speaks of."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """Why, in one word."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """Why, in a sentence."""
    last_transition_time: datetime
    """When the status last changed."""
    observed_generation: int | None = None
    """The generation of the spec it speaks of."""
