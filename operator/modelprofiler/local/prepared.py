"""A run on this machine, prepared: checked, its files in place, its environment built. What follows only measures."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelprofiler.api.resource import RERUN_ANNOTATION, ModelProfile
from modelprofiler.api.status import DatasetStatus, EffectiveResources, Provenance
from modelprofiler.core.run_hash import run_hash
from modelprofiler.errors import InvalidInput
from modelprofiler.files.document import Document
from modelprofiler.files.headers import client_pair, header_values
from modelprofiler.files.inputs import Inputs, place_inputs
from modelprofiler.load.machine.procfs import cgroup_version, cpu_model
from modelprofiler.local import environment
from modelprofiler.local.check import examine
from modelprofiler.local.command import Command, server_command
from modelprofiler.local.download import download, uri_sources
from modelprofiler.local.interpreter import slow_build
from modelprofiler.version import __version__


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that is ready to start.

    Attributes
    ----------
    profile
        The profile, with the overrides of the command line.
    resources
        The range, with defaults filled in.
    server
        How to start the server.
    dataset_file, dataset
        The file with the rows, and its rows in numbers.
    run_hash
        What identifies the run.
    provenance
        The machine and files that the numbers will come from.
    warnings
        Differences to a run in a cluster, one sentence each.
    header_values
        Values of headers that are in Secrets, by the number of the header; they are in no file of the run.
    client_pair
        The client's certificate and its key, by the keys of their Secret; they are in no file of the run either.
    """

    profile: ModelProfile
    resources: EffectiveResources
    server: Command
    dataset_file: Path
    dataset: DatasetStatus
    run_hash: str
    provenance: Provenance
    warnings: tuple[str, ...] = ()
    header_values: Mapping[str, str] = field(default_factory=dict, repr=False)
    client_pair: Mapping[str, str] = field(default_factory=dict, repr=False)

    def in_range(self, before: EffectiveResources) -> Prepared:
        """Return the run with the range of the interrupted run that it resumes, where the profile itself has none.

        The default range depends on the memory that is free at the moment; another range would have another ceiling,
        which would have to be measured again.
        """
        spec = self.profile.spec.resources
        return replace(
            self, resources=EffectiveResources(cpu=spec.cpu or before.cpu, memory=spec.memory or before.memory)
        )

    @classmethod
    def of(
        cls,
        document: Document,
        workspace: Path,
        notify: Callable[[str], None],
        stop: threading.Event | None = None,
        *,
        port_must_be_free: bool = True,
        waiting: Callable[[str], None] = lambda _: None,
    ) -> Prepared:
        """Check a file, download and place its inputs, and build the environment of its entry script.

        Parameters
        ----------
        document
            The file.
        workspace
            A folder for the inputs that are in the file itself.
        notify
            Called with a sentence before a step that takes long.
        stop
            Set by another thread to end the preparation early.
        port_must_be_free
            Whether a port in use is a problem. A resumed run may have no server left to start.
        waiting
            Called with a sentence about how far a download has come.

        Raises
        ------
        InvalidInput
            With everything that is wrong; nothing was started.
        """
        examined = examine(document, port_must_be_free=port_must_be_free)
        if examined.problems:
            raise InvalidInput(list(examined.problems))
        if uri_sources(document):
            document = download(document, workspace, waiting, stop)
            examined = examine(document, port_must_be_free=port_must_be_free)
            if examined.problems:
                raise InvalidInput(list(examined.problems))
        assert examined.resources is not None, "a range without problems is complete"
        inputs = place_inputs(document, workspace)
        profile = document.profile
        script = profile.spec.server.entry_script
        python = environment.build(script.environment, notify=notify, stop=stop) if script is not None else None
        command = server_command(document, inputs, python, os.environ)
        warning = slow_build(python) if python is not None else None
        provenance = _provenance(profile, inputs)
        return cls(
            profile=profile,
            resources=examined.resources,
            server=command,
            dataset_file=inputs.dataset_file,
            dataset=inputs.dataset,
            run_hash=_run_hash(profile, provenance, python),
            provenance=provenance,
            warnings=tuple(dict.fromkeys((*examined.warnings, *command.warnings, *([warning] if warning else [])))),
            header_values=header_values(document),
            client_pair=client_pair(document),
        )


def _provenance(profile: ModelProfile, inputs: Inputs) -> Provenance:
    """Return the files and the machine that the numbers of a run come from."""
    return Provenance(
        model_digest=inputs.model_digest,
        code_digest=inputs.code_digest,
        dataset_digest=inputs.dataset.digest,
        rerun=profile.metadata.annotations.get(RERUN_ANNOTATION),
        node=platform.node(),
        cpu_model=cpu_model(),
        kernel=platform.release(),
        cgroup_version=cgroup_version(),
        modelprofiler_version=__version__,
    )


def _run_hash(profile: ModelProfile, provenance: Provenance, python: Path | None) -> str:
    """Return what identifies a run, from the Python of its environment and the digests in its provenance."""
    return run_hash(
        profile.spec,
        model_digest=provenance.model_digest,
        code_digest=provenance.code_digest,
        dataset_digest=provenance.dataset_digest,
        # The folder of an environment is named after its content, so another environment is another run.
        image=python.parent.parent.name if python is not None else None,
        rerun=provenance.rerun,
    )
