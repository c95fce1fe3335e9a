"""Other work on the server's machine during a load: how much CPU it took, and whether that was too much."""

from __future__ import annotations

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import NodeLoad, UsageStatus
from modelprofiler.core.evidence import Evidence, LoadEvidence

FULL_MACHINE = 0.93
"""Share of CPU time, busy or taken by the hypervisor, from which processes are taken to wait for each other.
A rule of thumb: a machine under full load reads a few percent less than 100 %."""
OTHERS_SHARE = 0.15
"""Share of a machine that its own services (kubelet, container runtime, monitoring) may use without being blamed
for a slow trial. A rule of thumb for a node of two CPUs, where these services use a few tenths of a CPU."""
HELD_SHARE = 0.9
"""Share of its CPU limit that a server has used up where the limit and not other work held it back."""
HELD_PERCENT = 50
"""Percent of CFS periods throttled from which a server is taken to have waited for its own quota: other work on a full
machine would have kept it from using up that quota. Half: it then used it up more often than not."""


def other_work(evidence: Evidence) -> NodeLoad | None:
    """Return how much CPU other work took on the server's machine in the window of a load; None where nothing is known.

    A load generator on that machine saw how busy its CPUs were: other work is that, less what the server and the
    generator used. Otherwise it is what the kubelet counted for the whole node, less what the server used.
    """
    load, usage = evidence.load, evidence.usage
    server_cores = float(usage.cpu) if usage is not None and usage.cpu is not None else None
    if load is None:
        return None
    loop_before, loop_after = _loop(evidence)
    if not evidence.load_on_machine:
        total = evidence.machine_cores
        other = None if total is None or server_cores is None else _millicores(total - server_cores)
        node = NodeLoad(other_cpu=other, loop_before=loop_before, loop_after=loop_after)
        return node if node != NodeLoad() else None
    if load.cores is None and load.steal_percent is None and loop_before is None and loop_after is None:
        return None
    other = None
    if load.cores and load.busy_percent is not None and server_cores is not None:
        busy = load.cores * load.busy_percent / 100
        other = _millicores(busy - server_cores - (load.cpu_percent or 0.0) / 100)
    steal = None if load.steal_percent is None else Quantity.decimal(load.steal_percent, 3)
    return NodeLoad(
        cpus=load.cores, other_cpu=other, steal_percent=steal, loop_before=loop_before, loop_after=loop_after
    )


def _loop(evidence: Evidence) -> tuple[Duration | None, Duration | None]:
    """Return the times of the reference loop on the server's machine before and after the load."""
    times = (evidence.loop_before, evidence.loop_after)
    if evidence.load is not None and evidence.load_on_machine:
        measured = (evidence.load.loop_before, evidence.load.loop_after)
        times = (times[0] or measured[0], times[1] or measured[1])
    before, after = (None if seconds is None else Duration.of(seconds) for seconds in times)
    return before, after


def crowded_start(seconds: float, cpus: int, busy: float, server: float, limit: float) -> str | None:
    """Return a predicate like that of `crowding` for a server that did not start in time; None where it had enough CPU.

    Parameters
    ----------
    seconds
        How long it was waited for.
    cpus
        CPUs of the machine.
    busy, server
        CPU seconds that the whole machine and the server used meanwhile; time taken by the hypervisor is busy.
    limit
        The server's CPU limit, in cores.
    """
    if seconds <= 0 or busy < FULL_MACHINE * cpus * seconds or server > HELD_SHARE * limit * seconds:
        return None
    others = (busy - server) / seconds
    if others < OTHERS_SHARE * cpus:
        return None
    return (
        f"had too little CPU left: its {cpus} CPUs were busy, at least {others:.1f} of them with something other than "
        f"the server, which got {server / seconds:.2f} CPUs of its {limit:g}"
    )


def _millicores(cores: float) -> Quantity:
    return Quantity.cpu(round(max(0.0, cores) * 1000))


def crowding(load: LoadEvidence, server_cores: float, usage: UsageStatus | None = None) -> str | None:
    """Return a predicate such as "had too little CPU left: …"; None where the machine had enough, or it is not known.

    A server that was slow because other work used the machine is no evidence about its own limit.

    Parameters
    ----------
    load
        A load whose generator ran on the server's machine.
    server_cores
        The server's CPU limit, in cores: the most that it can have used itself.
    usage
        What the server used; None where it was not measured.
    """
    if usage is not None and usage.throttled_percent is not None and float(usage.throttled_percent) >= HELD_PERCENT:
        return None
    if load.cores is None or load.busy_percent is None or load.steal_percent is None:
        return None
    taken = load.cores * (load.busy_percent + load.steal_percent) / 100
    others = taken - server_cores - (load.cpu_percent or 0) / 100
    if taken < FULL_MACHINE * load.cores or others < OTHERS_SHARE * load.cores:
        return None
    return (
        f"had too little CPU left: of its {load.cores} CPUs {load.busy_percent:.0f}% were busy and "
        f"{load.steal_percent:.0f}% were taken by the hypervisor, and at least {others:.1f} CPUs of that went to "
        "something other than the server and the load"
    )
