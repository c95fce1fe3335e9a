"""The world in one look at a profile: one immutable value, from which everything is decided.

It is gathered in stages, and a stage that a profile does not need is left out: for a profile in the queue only the
profile itself is read. A stage that was left out is `NotGathered`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ClaimsStatus
from modelprofiler.cluster.gather.accept import Accepted
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.gather.observation import Observation
from modelprofiler.cluster.gather.prepare import Waiting
from modelprofiler.cluster.queue import Key
from modelprofiler.core.conditions import Finding


@dataclass(frozen=True)
class Gone:
    """There is no such profile, or it is being deleted."""


@dataclass(frozen=True)
class Unreadable:
    """The profile does not parse."""

    message: str
    """Every problem, with its path."""


@dataclass(frozen=True)
class NotGathered:
    """A stage that was left out."""

    why: str


@dataclass(frozen=True)
class ActionRefused:
    """The API server refused the last action for this generation of the profile.

    Nothing is tried again before `until`.
    """

    finding: Finding
    until: datetime


@dataclass(frozen=True)
class NotStarted:
    """The Job that reads the files is not there."""


@dataclass(frozen=True)
class Child:
    """An object that belongs to the profile, whichever run it is of."""

    plural: str
    """deployments or jobs."""
    name: str
    run: str
    """Hash of its run; for a prepare Job the identity of the claims."""
    deleting: bool
    uid: str = ""


@dataclass(frozen=True)
class Node:
    """What the provenance says of a node, and the host name by which pods are sent to it."""

    name: str
    host: str
    """Its kubernetes.io/hostname label; its name where nodes may not be read."""
    instance_type: str | None = None
    kernel: str | None = None
    kubelet_version: str | None = None
    not_ready: str = ""
    """Why the node is not ready, as its condition says it; empty while it is."""


Acceptance: TypeAlias = Accepted | Claims | Finding | ActionRefused | NotGathered
Preparation: TypeAlias = ClaimsStatus | Waiting | NotStarted | NotGathered


@dataclass(frozen=True)
class World:
    """Everything that a decision about one profile depends on."""

    key: Key
    now: datetime
    profile: ModelProfile | Unreadable | Gone
    raw: Object = field(default_factory=dict)
    """The profile as the API server has it; empty when it is gone."""
    ahead: int = 0
    """Profiles that must finish before this one may run; 0: it runs, or may run now."""
    acceptance: Acceptance = NotGathered("not needed")
    """Whether the profile can be run as it is written: what a run needs to know, the claims to read first, or why
    not."""
    owned: tuple[Child, ...] = ()
    """Every Deployment and Job of the profile; empty for a profile in the queue, which has none."""
    children: Observation | NotGathered = NotGathered("not needed")
    """The children of the current run, with their measured usage."""
    preparation: Preparation = NotGathered("not needed")
    """The result of the Job that reads the files, or how far it is."""
    nodes: Mapping[str, Node] = field(default_factory=dict)
    """The nodes of the run, by name."""
    written: datetime | None = None
    """When this operator last wrote the profile's status; None: not since it started."""
    not_accepted: int = 0
    """Number of profiles that are not accepted. It spaces out their checks (`NOT_ACCEPTED_EACH_SECONDS`)."""
