"""The server of a run: started with nothing left of the one before it, kept for the next trial, and stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import psutil

from modelprofiler.api.conditions import FailureCause
from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import Outcome
from modelprofiler.core.answers.causes import cause_in
from modelprofiler.core.axis import Limits
from modelprofiler.core.crowding import crowded_start
from modelprofiler.core.evidence import Failure
from modelprofiler.core.threads import variables_to_set
from modelprofiler.host.leftovers import Leftovers
from modelprofiler.host.page_cache import evict
from modelprofiler.host.ports import occupied
from modelprofiler.host.readiness import Target
from modelprofiler.load.trial_config import READY_SECONDS
from modelprofiler.local.folders import StartFolders
from modelprofiler.local.placement import Placement
from modelprofiler.local.prepared import Prepared
from modelprofiler.local.server import QUICK_STOP_SECONDS, MeasuredServer

ADDRESS = "127.0.0.1"

PORT_SECONDS = 75.0
"""How long to wait for connections of the last server: they stay in TIME_WAIT for 60 s (TCP_TIMEWAIT_LEN of Linux)."""
PORT_POLL_SECONDS = 0.5
"""Between two attempts to bind the port; the wait is a minute."""
MOST_LEFTOVERS = 3
"""How often one start is repeated after something was removed that was in its way; a server has a lock and a socket."""
IGNORED_GRACE_SECONDS = 2.0
"""Grace period of a server that has ignored SIGTERM for its whole grace period before. It would ignore it again, and
each new start would wait for it."""


@dataclass(frozen=True, slots=True)
class Start:
    """How the server came to run at a trial's size: started or resized, and why it failed."""

    fresh: bool = True
    time_to_ready: Duration | None = None
    failure: Failure | None = None


class ServerLifecycle:
    """Has at most one server at a time.

    Parameters
    ----------
    prepared
        The run.
    placement
        Where on this machine it runs.
    logs
        The folder for the output of the servers.
    note
        Receives a sentence about the run as a whole, once each.
    """

    def __init__(self, prepared: Prepared, placement: Placement, logs: Path, note: Callable[[str], None]) -> None:
        self._prepared = prepared
        self._placement = placement
        self._logs = logs
        self._note = note
        self._grace = prepared.server.grace_seconds
        self._folders = StartFolders(prepared.server.directory) if prepared.server.directory is not None else None
        self._needs_free_port = False
        self._ports = {self._port}
        self._leftovers = Leftovers()
        self._started_at: Limits | None = None
        self._still_starts = False
        self._mapped: set[Path] = set()
        self.server: MeasuredServer | None = None
        """The server that runs, or has ended and was not stopped yet."""
        self.idle_since = 0.0
        """When it became ready or finished a load, in seconds since the epoch."""

    async def start(self, limits: Limits, index: int, progress: Callable[[str], None], *, cold: bool = False) -> Start:
        """Start a server at a size, after everything of the last one is gone.

        A server that does not set SO_REUSEADDR cannot bind its port while connections of the last one are in
        TIME_WAIT. A start that failed while there were such connections is repeated once they are gone; this run then
        waits for them before each start.

        Parameters
        ----------
        limits
            The size.
        index
            The number of the trial.
        progress
            Receives what is being waited for.
        cold
            Whether its files are dropped from the page cache, so that it is charged for what it maps of them.
        """
        if cold:
            await asyncio.to_thread(evict, (*self._prepared.server.files, *self._mapped))
        await asyncio.to_thread(self._leftovers.remove_known)
        in_the_way = await self._wait_for_port(progress) if self._needs_free_port else self._occupied()
        if self._needs_free_port and in_the_way:
            return Start(failure=_port_failure(*in_the_way))
        start = await self._start_once(limits, index)
        if _may_be_left_over(start):
            start = await self._start_without_leftovers(start, limits, index)
        if _may_be_left_over(start) and (in_the_way or self._own_port_occupied(start)):
            start = await self._start_on_free_ports(limits, index, progress)
        if start.failure is None:
            self._started_at = max(filter(None, (self._started_at, limits)), key=lambda size: (size.cpu, size.memory))
            return start
        return await self._unless_of_no_size(start, limits, index, progress)

    async def _start_without_leftovers(self, start: Start, limits: Limits, index: int) -> Start:
        """Remove what the server says is in its way, and start it again; return the last start."""
        for _ in range(MOST_LEFTOVERS):
            assert start.failure is not None
            removed = await asyncio.to_thread(self._leftovers.remove, start.failure.message)
            if not removed:
                return start
            await self.stop()
            start = await self._start_once(limits, index)
            if not _may_be_left_over(start):
                names = " and ".join(map(str, removed[:MOST_LEFTOVERS]))
                self._note(
                    f"the server does not start while {names} is there, which an earlier one left behind, so it is "
                    "removed before each start; in a cluster every pod has such folders of its own"
                )
                return start
        return start

    async def _start_on_free_ports(self, limits: Limits, index: int, progress: Callable[[str], None]) -> Start:
        """Start the server once connections of earlier ones are gone, here and before each later start."""
        self._needs_free_port = True
        await self.stop()
        if still := await self._wait_for_port(progress):
            return Start(failure=_port_failure(*still))
        self._note(
            "the server cannot bind its port while connections of an earlier one are in TIME_WAIT (it does not set "
            "SO_REUSEADDR), so each start waits until they are gone; in a cluster every pod has an address of its own"
        )
        return await self._start_once(limits, index)

    def _own_port_occupied(self, start: Start) -> bool:
        """Whether a server that could not bind a port had bound one before that is occupied now."""
        assert start.failure is not None
        cause = cause_in(start.failure.message, start.failure.exit_code or 1)
        return cause is FailureCause.PORT_IN_USE and any(occupied(port) for port in sorted(self._ports))

    async def _unless_of_no_size(
        self, start: Start, limits: Limits, index: int, progress: Callable[[str], None]
    ) -> Start:
        """Return a failed start; as one that says nothing where the server does not start at a larger size any more.

        It counts against its size only when a larger size does better with everything else equal: with what the servers
        before it left behind, too. A server that was not ready in time is compared once a run, since that takes long.
        """
        larger, failure = self._started_at, start.failure
        assert failure is not None
        slow = failure.outcome is Outcome.NEVER_READY and self._still_starts
        named = cause_in(failure.message, failure.exit_code if failure.exit_code is not None else 1)
        if larger is None or slow or named is not None or not _may_be_left_over(start):
            return start
        if larger == limits or larger.cpu < limits.cpu or larger.memory < limits.memory:
            return start
        await self.stop()
        progress(f"the server does not start at {limits}; whether it still starts at {larger} is tried")
        again = await self._start_once(larger, index)
        await self.stop()
        self._still_starts = again.failure is None
        if again.failure is None or again.failure.outcome is Outcome.OOM_KILLED:
            return start
        message = f"a new server does not start at {larger} any more either, where one had started before"
        return Start(failure=Failure(Outcome.DISTURBED, f"{failure.message}; {message}", failure.exit_code))

    async def _start_once(self, limits: Limits, index: int) -> Start:
        spec, command = self._prepared.profile.spec, self._prepared.server
        if self._folders is not None:
            await asyncio.to_thread(self._folders.renew)
        thread_pools = {v.name: v.value for v in variables_to_set(spec, limits.cpu)}
        command = replace(command, env=command.env | thread_pools)
        objective = spec.objectives.max_time_to_ready
        within = min(READY_SECONDS, objective.seconds) if objective else READY_SECONDS
        self._logs.mkdir(parents=True, exist_ok=True)
        self.server = server = await MeasuredServer.start(
            command, self._placement, limits, log=self._logs / f"{index:03d}.log", name=f"trial-{index}"
        )
        target = command.target(ADDRESS, self._port)
        began, busy_before = time.monotonic(), busy_seconds()
        seconds = await server.ready(target, within)
        self.idle_since = time.time()
        server.sample()  # the memory that it uses before the first request
        if seconds is None:
            seen = await asyncio.to_thread(server.not_ready_sentence, target)
            message = f"the server was not ready within {within:g}s: {seen}"
            if ended := server.failure():
                return Start(failure=ended)
            crowded = crowded_start(
                time.monotonic() - began,
                psutil.cpu_count() or 1,
                busy_seconds() - busy_before,
                server.cpu_seconds or 0.0,
                limits.cpu / 1000,
            )
            if crowded is not None:
                return Start(failure=Failure(Outcome.DISTURBED, f"this machine {crowded}: {message}"))
            return Start(failure=Failure(Outcome.NEVER_READY, message))
        if await asyncio.to_thread(server.is_answered_for, Target(ADDRESS, self._port)):
            return Start(failure=Failure(Outcome.NEVER_READY, _ANSWERED_FOR.format(port=self._port)))
        self._ports = {self._port, *(port for _, port in await asyncio.to_thread(server.listens_on))}
        return Start(time_to_ready=Duration.of(seconds, digits=3))

    @property
    def _port(self) -> int:
        return self._prepared.profile.spec.endpoint.http.port

    def _occupied(self) -> tuple[int, str] | None:
        """Return a port that cannot be bound, and by what it is occupied; None where all can."""
        ports = sorted(self._ports) if self._needs_free_port else [self._port]
        return next(((port, in_the_way) for port in ports if (in_the_way := occupied(port))), None)

    async def _wait_for_port(self, progress: Callable[[str], None]) -> tuple[int, str] | None:
        """Wait until the ports can be bound; return what is still in the way after `PORT_SECONDS`, None for nothing."""
        end = time.monotonic() + PORT_SECONDS
        while (in_the_way := await asyncio.to_thread(self._occupied)) and (left := end - time.monotonic()) > 0:
            port, holder = in_the_way
            progress(f"port {port} is occupied by {holder}: waiting for up to {left:.0f} s")
            await asyncio.sleep(PORT_POLL_SECONDS)
        return in_the_way

    async def stop(self, *, quick: bool = False, progress: Callable[[str], None] = lambda _: None) -> None:
        """Stop the server, if there is one, and wait for its end also when the run is cancelled meanwhile.

        Parameters
        ----------
        quick
            Whether the grace period is cut short, because the run ends.
        progress
            Receives what is being waited for.
        """
        server, self.server = self.server, None
        if server is None:
            return
        self._mapped |= set(server.data_files)
        grace = QUICK_STOP_SECONDS if quick else self._grace
        if not quick and server.alive:
            progress(f"the last server was asked to end, and has {grace:g} s to do so")
        seconds = await finish(server.stop(grace))
        if quick:  # the last one of the run: the next run would find it
            await asyncio.to_thread(self._leftovers.remove_known)
        if not quick and grace > IGNORED_GRACE_SECONDS and seconds >= grace:
            self._grace = IGNORED_GRACE_SECONDS
            self._note(
                f"the server did not end within {grace:g} s of SIGTERM and was killed; from now on it has "
                f"{IGNORED_GRACE_SECONDS:g} s"
            )


def busy_seconds() -> float:
    """Return the CPU time that the machine has used or not got from its hypervisor since it was started."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # What guests use is part of the time of their users, too (proc_stat(5)).
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - idle - guests)


def _may_be_left_over(start: Start) -> bool:
    """Whether a start failed in a way that something left behind may have caused."""
    return start.failure is not None and start.failure.outcome in {Outcome.CRASHED, Outcome.NEVER_READY}


_ANSWERED_FOR = (
    "something listens on port {port}, but no process of the server does: what answers would be neither limited nor "
    "measured. Name the command that is the server itself, and not one that asks a daemon for it, such as docker or "
    "systemctl"
)


def _port_failure(port: int, in_the_way: str) -> Failure:
    return Failure(
        Outcome.DISTURBED, f"port {port} could not be bound within {PORT_SECONDS:g} s: it is occupied by {in_the_way}"
    )


T = TypeVar("T")


async def finish(cleanup: Awaitable[T]) -> T:
    """Await a cleanup to its end, also when the run is cancelled meanwhile; how long it takes is bounded."""
    task = asyncio.ensure_future(cleanup)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
