"""Other work on the server's machine during a load: how much CPU it took, and whether that was too much."""

from __future__ import annotations

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import NodeLoad
from modelprofiler.core.evidence import Evidence, NodeEvidence

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

    A load generator or a node reader on that machine saw how busy its CPUs were: other work is that, less what the
    server and the generator used. Otherwise it is what the kubelet counted for the whole node, less what the server
    used.
    """
    load, usage, machine = evidence.load, evidence.usage, evidence.machine_evidence
    server_cores = float(usage.cpu) if usage is not None and usage.cpu is not None else None
    if load is None:
        return None
    busy = evidence.machine_cores
    if machine is not None and machine.cores and machine.busy_percent is not None:
        busy = machine.cores * machine.busy_percent / 100 - evidence.generator_cores
    other = None if busy is None or server_cores is None else _millicores(busy - server_cores)
    seen = NodeLoad(other_cpu=other)
    if machine is not None:
        seen = NodeLoad(
            cpus=machine.cores,
            other_cpu=other,
            steal_percent=None if machine.steal_percent is None else Quantity.decimal(machine.steal_percent, 3),
            loop_before=None if machine.loop_before is None else Duration.of(machine.loop_before),
            loop_after=None if machine.loop_after is None else Duration.of(machine.loop_after),
        )
    return _with_reader(seen, load.node)


def _with_reader(seen: NodeLoad, reader: NodeEvidence | None) -> NodeLoad | None:
    """Return what was seen of a machine, with what a node reader adds; None where nothing was."""
    if reader is not None:
        offset = None if reader.clock_offset is None else f"{reader.clock_offset:.3f}"
        read = None if reader.read_bytes is None else Quantity.memory(reader.read_bytes)
        seen = seen.model_copy(
            update={
                "clock_offset": offset,
                "major_faults": reader.major_faults,
                "read_bytes": read,
                "not_known": reader.problem or None,
            }
        )
    return seen if seen != NodeLoad() else None


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


def crowding(evidence: Evidence, server_cores: float) -> str | None:
    """Return a predicate such as "had too little CPU left: …"; None where the machine had enough, or it is not known.

    A server that was slow because other work used the machine is no evidence about its own limit.

    Parameters
    ----------
    evidence
        That of the trial.
    server_cores
        The server's CPU limit, in cores: the most that it can have used itself, where what it used was not measured.
    """
    usage, machine = evidence.usage, evidence.machine_evidence
    if usage is not None and usage.throttled_percent is not None and float(usage.throttled_percent) >= HELD_PERCENT:
        return None
    if machine is None or machine.cores is None or machine.busy_percent is None or machine.steal_percent is None:
        return None
    if usage is not None and usage.cpu is not None:
        # Other work that fills a machine keeps a server far below a limit that is nearly all of the machine.
        server_cores = min(server_cores, float(usage.cpu))
    taken = machine.cores * (machine.busy_percent + machine.steal_percent) / 100
    others = taken - server_cores - evidence.generator_cores
    if taken < FULL_MACHINE * machine.cores or others < OTHERS_SHARE * machine.cores:
        return None
    return (
        f"had too little CPU left: of its {machine.cores} CPUs {machine.busy_percent:.0f}% were busy and "
        f"{machine.steal_percent:.0f}% were taken by the hypervisor, and at least {others:.1f} CPUs of that went to "
        "something other than the server and the load"
    )
