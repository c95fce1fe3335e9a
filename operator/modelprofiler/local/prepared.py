"""A run on this machine with everything looked up and checked: nothing that follows can be the user's mistake."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import DatasetStatus, EffectiveResources, Provenance


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """How the server is started.

    Attributes
    ----------
    argv, env, cwd
        Of the process; the environment is whole, nothing is added to it.
    ready_path
        Path of a GET that succeeds once it is ready; empty: when its port takes connections.
    """

    argv: tuple[str, ...]
    env: dict[str, str] = field(repr=False)
    cwd: Path
    ready_path: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run needs to know.

    Attributes
    ----------
    profile
        The profile as it is run, flags applied.
    resources
        The range, defaults filled in.
    container_name
        The profiled container.
    server
        How the server is started.
    dataset_file, dataset
        The file with the rows, and what is in it.
    run_hash
        What identifies the run.
    provenance
        Where the numbers will come from.
    warnings
        What of the profile has no effect on this machine.
    """

    profile: ModelProfile
    resources: EffectiveResources
    container_name: str
    server: ServerCommand
    dataset_file: Path
    dataset: DatasetStatus
    run_hash: str
    provenance: Provenance
    warnings: tuple[str, ...] = ()
