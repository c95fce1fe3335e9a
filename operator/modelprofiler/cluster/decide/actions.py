"""What a decision asks for: values, which `modelprofiler.cluster.act` carries out in their order. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from modelprofiler.api.trial import Purpose, Trial
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.gather.observation import LoadJob, Measured, Pod, Server
from modelprofiler.core.axis import Limits
from modelprofiler.load.result import LoadResult


@dataclass(frozen=True)
class CreateServer:
    """Start the server at a size."""

    incarnation: int
    limits: Limits
    host: str | None


@dataclass(frozen=True)
class DeleteServer:
    """Remove a server's Deployment."""

    name: str


@dataclass(frozen=True)
class Resize:
    """Resize the running pod in place; where the API server refuses, the server is removed instead."""

    server: str
    pod: str
    limits: Limits


@dataclass(frozen=True)
class CreateReader:
    """Start the node reader on the node with a host name."""

    trial: int
    host: str


@dataclass(frozen=True)
class CreateJob:
    """Send the load."""

    trial: int
    purpose: Purpose
    limits: Limits
    window: str
    server: Server
    pod: Pod
    seconds: float | None = None
    """Length of the window, where it is not load.duration."""
    reader: str = ""
    """Address of the node reader that the load asks; empty where there is none."""
    no_reader: str = ""
    """Why there is none although one is wanted; empty otherwise."""


@dataclass(frozen=True)
class CreateOtherLoads:
    """Send the load of the other generators, now that the first has an address."""

    job: LoadJob
    server_node: str


@dataclass(frozen=True)
class DeleteJob:
    """Remove a Job and its pod."""

    name: str


@dataclass(frozen=True)
class DeleteFiles:
    """Remove the ConfigMaps with what the profile carries inline; the report stays."""


@dataclass(frozen=True)
class StartPreparing:
    """Start the Job that reads the PersistentVolumeClaims of a profile."""

    claims: Claims


@dataclass(frozen=True)
class WriteReport:
    """Write a finished trial into the report, or replace it there."""

    trial: Trial
    result: LoadResult | None
    """What its load left; None where the report has it already, or there is none."""
    measured: Measured | None


Action: TypeAlias = (
    CreateServer
    | DeleteServer
    | Resize
    | CreateReader
    | CreateJob
    | CreateOtherLoads
    | DeleteJob
    | DeleteFiles
    | StartPreparing
    | WriteReport
)
