"""A run on this machine with everything looked up and checked: nothing that follows can be the user's mistake."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from modelprofiler.api.resource import RERUN_ANNOTATION, ModelProfile
from modelprofiler.api.status import DatasetStatus, EffectiveResources, Provenance
from modelprofiler.core.run_hash import run_hash
from modelprofiler.errors import InvalidInput
from modelprofiler.files.document import Document
from modelprofiler.files.inputs import prepare as place
from modelprofiler.load.procfs import cgroup_version, cpu_model
from modelprofiler.local import environment
from modelprofiler.local.check import examine
from modelprofiler.local.command import Command, server_command
from modelprofiler.local.interpreter import slow_build
from modelprofiler.version import __version__

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run needs to know.

    Attributes
    ----------
    profile
        The profile as it is run, flags applied.
    resources
        The range, defaults filled in.
    server
        How the server is started.
    dataset_file, dataset
        The file with the rows, and what is in it.
    run_hash
        What identifies the run.
    provenance
        Where the numbers will come from.
    warnings
        What will be otherwise than in a cluster.
    """

    profile: ModelProfile
    resources: EffectiveResources
    server: Command
    dataset_file: Path
    dataset: DatasetStatus
    run_hash: str
    provenance: Provenance
    warnings: tuple[str, ...] = ()

    def in_range(self, before: EffectiveResources) -> Prepared:
        """Return it with the range of an earlier part of the run, where the profile itself has none.

        What the machine has free differs from one moment to the next, and with it the default range: its largest size
        would have to be measured again.
        """
        asked = self.profile.spec.resources
        return replace(
            self, resources=EffectiveResources(cpu=asked.cpu or before.cpu, memory=asked.memory or before.memory)
        )

    @classmethod
    def of(
        cls,
        document: Document,
        workspace: Path,
        say: Say,
        stop: threading.Event | None = None,
        *,
        port_must_be_free: bool = True,
    ) -> Prepared:
        """Check a file, put in place what it names, and build the environment of its entry script.

        Parameters
        ----------
        document
            The file.
        workspace
            A folder for what is in the file itself.
        say
            Told what takes its time.
        stop
            Set to end it early.
        now
            Whether the port must be free: a run that is resumed may have nothing left to start.

        Raises
        ------
        InvalidInput
            With everything that is wrong at once; nothing was started then.
        """
        examined = examine(document, port_must_be_free=port_must_be_free)
        if examined.problems:
            raise InvalidInput(list(examined.problems))
        assert examined.resources is not None
        inputs = place(document, workspace)
        script = document.profile.spec.server.entry_script
        python = environment.build(script.environment, say=say, stop=stop) if script is not None else None
        command = server_command(document, inputs, python, os.environ)
        slow = [sentence for sentence in [slow_build(python) if python is not None else None] if sentence]
        profile = document.profile
        rerun = profile.metadata.annotations.get(RERUN_ANNOTATION)
        digests = {
            "model_digest": inputs.model_digest,
            "code_digest": inputs.code_digest,
            "dataset_digest": inputs.dataset.digest,
        }
        # The environment's folder is named by its content: another one is another run.
        image = str(python.parent.parent.name) if python is not None else None
        provenance = Provenance(
            **digests,
            rerun=rerun,
            node=platform.node(),
            cpu_model=cpu_model(),
            kernel=platform.release(),
            cgroup_version=cgroup_version(),
            modelprofiler_version=__version__,
        )
        return cls(
            profile=profile,
            resources=examined.resources,
            server=command,
            dataset_file=inputs.dataset_file,
            dataset=inputs.dataset,
            run_hash=run_hash(profile.spec, **digests, image=image, rerun=rerun),
            provenance=provenance,
            warnings=tuple(dict.fromkeys((*examined.warnings, *command.warnings, *slow))),
        )
