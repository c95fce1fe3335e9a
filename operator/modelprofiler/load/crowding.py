"""Whether something else took the machine's CPU during a load, by what the generator saw of it. Pure."""

from __future__ import annotations

from modelprofiler.api.status import UsageStatus
from modelprofiler.load.summary import LoadResult

FULL_MACHINE = 0.93
"""Share of a machine's CPU time from which on its processes wait for each other."""
OTHERS_SHARE = 0.15
"""Share of a machine that its own services (kubelet, runtime, monitoring) may take without being held responsible."""
HELD_PERCENT = 50
"""Share of its CFS periods from which on it was its own quota that a server waited for: others would have kept it from
using that up."""


def crowding(result: LoadResult, server_cores: float, usage: UsageStatus | None = None) -> str | None:
    """Return in a part of a sentence that a load's machine was full with other work; None where not, or not known.

    A server that was slow for want of CPU on a full machine says nothing about its own limit.

    Parameters
    ----------
    result
        Of a load that ran on the server's machine.
    server_cores
        The server's CPU limit, in cores: what it may have taken itself.
    usage
        What the server used, as far as it is known.
    """
    if usage is not None and usage.throttled_percent is not None and float(usage.throttled_percent) >= HELD_PERCENT:
        return None
    if result.cores is None or result.busy_percent is None or result.steal_percent is None:
        return None
    taken = result.cores * (result.busy_percent + result.steal_percent) / 100
    others = taken - server_cores - (result.cpu_percent or 0) / 100
    if taken < FULL_MACHINE * result.cores or others < OTHERS_SHARE * result.cores:
        return None
    return (
        f"was full: of its {result.cores} CPUs {result.busy_percent:.0f} % were busy and "
        f"{result.steal_percent:.0f} % were taken by the hypervisor, at least {others:.1f} CPUs of it for others than "
        "the server and the load"
    )
