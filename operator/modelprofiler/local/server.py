"""The server of one or more trials: its process, its control group and the readings of it, as one thing."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from modelprofiler.api.trial import Outcome
from modelprofiler.core.axis import Limits
from modelprofiler.core.evidence import Failure
from modelprofiler.core.text import tail
from modelprofiler.errors import ModelProfilerError
from modelprofiler.host.control_group import Cgroup
from modelprofiler.host.process import Server
from modelprofiler.host.sampler import Sampler
from modelprofiler.local.command import Command, Ready
from modelprofiler.local.host import Host
from modelprofiler.metrics.series import ContainerSamples

STOP_SECONDS = 0.5
"""What a server gets to stop: nobody is served by it any more."""
LONGEST_LAST_WORDS = 600


class RunningServer:
    """A server that was started at a size, and may be resized."""

    def __init__(self, server: Server, cgroup: Cgroup | None, sampler: Sampler, limits: Limits) -> None:
        self._server = server
        self._cgroup = cgroup
        self._sampler = sampler
        self.limits = limits

    @classmethod
    async def start(cls, command: Command, host: Host, limits: Limits, *, log: Path, name: str) -> RunningServer:
        """Start a server at a size.

        Parameters
        ----------
        command
            What to start.
        host
            Where: its CPUs, and a control group if there can be one.
        limits
            The size.
        log
            File for its output.
        name
            Of the control group.

        Raises
        ------
        StartFailed
            There is no such command, or it may not be run.
        LimitsUnavailable
            The size cannot be enforced after all.
        """
        cgroup = host.cgroup(name)
        server = Server()
        try:
            if cgroup is not None:
                cgroup.set_cpu(limits.cpu)
                cgroup.set_memory(limits.memory)
            await server.start(
                command.argv,
                env=command.env,
                cwd=command.cwd,
                cgroup=cgroup,
                log_path=log,
                cpus=None if host.cpus.shared else host.cpus.server,
            )
            sampler = Sampler.of_cgroup(cgroup) if cgroup is not None else Sampler.of_process(server.pid)
            sampler.start()
        except BaseException:
            await server.stop(0)
            if cgroup is not None:
                cgroup.remove()
            raise
        return cls(server, cgroup, sampler, limits)

    @property
    def alive(self) -> bool:
        """Whether the process that was started lives."""
        return self._server.exit_code is None

    async def ready(self, address: str, port: int, said: Ready | None, within: float) -> float | None:
        """Return the seconds until it was ready; None when it ended before, or took longer than `within`.

        Parameters
        ----------
        address, port
            Where it takes requests.
        said
            Where it says that it is ready; None: it is when something listens.
        within
            Seconds.
        """
        if said is None:
            return await self._server.ready(address, port, None, timeout=within)
        tls = said.scheme == "HTTPS"
        return await self._server.ready(address, said.port, said.path, timeout=within, tls=tls)

    def resize(self, limits: Limits) -> None:
        """Give it another CPU limit while it runs.

        Raises
        ------
        LimitsUnavailable
            The kernel did not take it.
        """
        if self._cgroup is not None:
            self._cgroup.set_cpu(limits.cpu)
        self.limits = limits

    def sample(self) -> None:
        """Take one reading now, beside the regular ones."""
        self._sampler.sample()

    async def samples(self, since: float) -> ContainerSamples:
        """Return what was read since a time (seconds since the epoch), up to now."""
        await asyncio.to_thread(self._sampler.sample)
        return self._sampler.samples(since)

    def failure(self) -> Failure | None:
        """Return how it ended; None while it lives."""
        if self.alive:
            return None
        code = self._server.exit_code
        kills = (self._cgroup.read().oom_kills or 0) if self._cgroup is not None else 0
        if kills and code == -signal.SIGKILL:
            return Failure(Outcome.OOM_KILLED, "the server was killed for exceeding its memory limit")
        return Failure(Outcome.CRASHED, tail(self._server.exit_sentence(), LONGEST_LAST_WORDS))

    def last_words(self) -> str:
        """Return how it is and what it printed last."""
        return tail(self._server.exit_sentence(), LONGEST_LAST_WORDS)

    async def stop(self) -> None:
        """End it and everything it started, and remove its control group.

        Raises
        ------
        ModelProfilerError
            When processes are left that do not die: a further trial would be disturbed by them.
        """
        self._sampler.stop()
        gone = await self._server.stop(STOP_SECONDS)
        if self._cgroup is not None:
            gone = await asyncio.to_thread(self._cgroup.remove) and gone
        if not gone:
            raise ModelProfilerError("the server has processes that do not end, even when they are killed")
