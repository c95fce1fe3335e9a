"""The server of one or more trials, measured: its process, its control group and its readings, as one thing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic, time

from modelprofiler.api.trial import Outcome
from modelprofiler.core.axis import Limits
from modelprofiler.core.evidence import Failure
from modelprofiler.errors import ModelProfilerError
from modelprofiler.host.control_group import Cgroup
from modelprofiler.host.page_cache import mapped_data
from modelprofiler.host.readiness import Target
from modelprofiler.host.sampler import Sampler
from modelprofiler.host.server_process import ServerProcess
from modelprofiler.local.command import Command
from modelprofiler.local.placement import Placement
from modelprofiler.metrics.series import ContainerSamples, Sample

QUICK_STOP_SECONDS = 0.5
"""Grace period of a server when the run is interrupted: after Ctrl-C everything ends within two seconds."""


class MeasuredServer:
    """A server that was started at a size, is sampled, and may be resized."""

    def __init__(self, process: ServerProcess, cgroup: Cgroup | None, sampler: Sampler, limits: Limits) -> None:
        self._process = process
        self._cgroup = cgroup
        self._sampler = sampler
        self.limits = limits
        self.data_files: Mapping[Path, int] = {}
        """The files that it maps, with the bytes of them that are in use, as last seen."""

    @classmethod
    async def start(
        cls, command: Command, placement: Placement, limits: Limits, *, log: Path, name: str
    ) -> MeasuredServer:
        """Start a server at a size.

        Parameters
        ----------
        command
            What to start.
        placement
            Its CPUs, and whether it gets a control group.
        limits
            The size.
        log
            The file for its output.
        name
            Name of the control group.

        Raises
        ------
        StartFailed
            The command does not exist, or may not be executed.
        LimitsUnavailable
            The size cannot be enforced after all.
        """
        cgroup = placement.cgroup(name)
        process = ServerProcess()
        try:
            if cgroup is not None:
                cgroup.set_cpu(limits.cpu)
                cgroup.set_memory(limits.memory)
            await process.start(
                command.argv,
                env=command.env,
                cwd=command.cwd,
                cgroup=cgroup,
                log_path=log,
                cpus=None if placement.cpus.shared else placement.cpus.server,
            )
            sampler = Sampler.of_cgroup(cgroup) if cgroup is not None else Sampler.of_process(process.pid)
            sampler.start()
        except BaseException:
            await process.stop(0)
            if cgroup is not None:
                cgroup.remove()
            raise
        return cls(process, cgroup, sampler, limits)

    @property
    def alive(self) -> bool:
        """Whether the process that was started lives."""
        return self._process.exit_code is None

    async def ready(self, target: Target, within: float) -> float | None:
        """Return the seconds from exec until the server was ready; None when it ended or was not ready in time.

        Parameters
        ----------
        target
            What its readiness probe asks.
        within
            Seconds to wait.
        """
        return await self._process.ready(target, timeout=within)

    def not_ready_sentence(self, target: Target) -> str:
        """Return what can be seen of a server that did not become ready."""
        return self._process.not_ready_sentence(target)

    def listens_on(self) -> list[tuple[str, int]]:
        """Return the addresses and ports on which the server's processes listen."""
        return self._process.listens_on()

    def is_answered_for(self, target: Target) -> bool:
        """Return whether certainly another program listens where the server should."""
        return self._process.is_answered_for(target)

    def resize(self, limits: Limits) -> None:
        """Change the CPU limit while the server runs.

        Raises
        ------
        LimitsUnavailable
            The kernel refused it.
        """
        if self._cgroup is not None:
            self._cgroup.set_cpu(limits.cpu)
        self.limits = limits

    def sample(self) -> None:
        """Take an additional reading now."""
        self._sampler.sample()

    async def samples(self, since: float) -> ContainerSamples:
        """Return the samples since a time (seconds since the epoch), with one taken now."""
        await asyncio.to_thread(self._sampler.sample)
        samples = self._sampler.samples(since)
        uncharged = await asyncio.to_thread(self._uncharged_files)
        return replace(samples, uncharged_file_bytes=(Sample(time(), float(uncharged)),)) if uncharged else samples

    def _uncharged_files(self) -> int:
        """Return the bytes of data files that the server maps and that are charged to others, after a look at them."""
        if self._cgroup is None:
            return 0  # memory is then measured by process, with every page that it maps
        self.data_files = mapped_data(self._cgroup.pids())
        return max(0, sum(self.data_files.values()) - (self._cgroup.read().mapped_file or 0))

    @property
    def cpu_seconds(self) -> float | None:
        """The CPU time that it has used, in seconds; None where it is not known."""
        latest = self._sampler.latest
        return latest.cpu_seconds if latest is not None else None

    def failure(self) -> Failure | None:
        """Return how the server ended; None while it lives."""
        if self.alive:
            return None
        code = self._process.exit_code
        kills = (self._cgroup.read().oom_kills or 0) if self._cgroup is not None else 0
        if kills and code == -signal.SIGKILL:
            return Failure(Outcome.OOM_KILLED, "the server was killed for exceeding its memory limit")
        return Failure(Outcome.CRASHED, self.last_words(), code)

    def last_words(self) -> str:
        """Return how the server ended, or that it runs, and the end of its output."""
        return self._process.exit_sentence()

    async def stop(self, grace: float = QUICK_STOP_SECONDS) -> float:
        """Stop the server and everything that it started, and remove its control group.

        Parameters
        ----------
        grace
            Seconds between SIGTERM and SIGKILL.

        Returns
        -------
        float
            Seconds that it took.

        Raises
        ------
        ModelProfilerError
            Some processes do not end, and would disturb the next trial.
        """
        began = monotonic()
        self._sampler.stop()
        gone = await self._process.stop(grace)
        if self._cgroup is not None:
            gone = await asyncio.to_thread(self._cgroup.remove) and gone
        if not gone:
            raise ModelProfilerError("some processes of the server do not end, although they were killed")
        return monotonic() - began
