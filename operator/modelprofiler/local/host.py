"""The machine as a place to run: which CPUs are the server's and which the load's, and whether limits can be set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from modelprofiler.api.status import EffectiveResources
from modelprofiler.core.axis import Limits
from modelprofiler.errors import LimitsUnavailable
from modelprofiler.host.cgroup import open_cgroup
from modelprofiler.host.control_group import Cgroup
from modelprofiler.host.cpus import CpuPlan, available_cpus, same_core, split


@dataclass(frozen=True, slots=True)
class Host:
    """What a run may use.

    Attributes
    ----------
    cpus
        CPUs of the server and of the load generator.
    unlimited
        Why limits cannot be enforced, as a part of a sentence; None where they can.
    """

    cpus: CpuPlan
    unlimited: str | None = None

    @classmethod
    def of(cls, resources: EffectiveResources) -> Self:
        """Return what this machine offers to a run in this range, after removing what dead runs have left."""
        cores = math.ceil(Limits.ceiling(resources).cpu / 1000)
        plan = split(available_cpus(), cores, same_core())
        try:
            probe = open_cgroup("probe")
        except LimitsUnavailable as error:
            return cls(plan, f"limits cannot be enforced here, as {error}")
        probe.remove()
        return cls(plan)

    @property
    def enforces_limits(self) -> bool:
        """Whether a server runs at the size of its trial."""
        return self.unlimited is None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user has to know about the numbers that come from here."""
        found = [self.cpus.sentence] if self.cpus.shared else []
        if self.unlimited is not None:
            found.append(f"{self.unlimited}: the server is measured without limits, and nothing will be verified")
        return tuple(found)

    def cgroup(self, name: str) -> Cgroup | None:
        """Return a new group for a server; None where limits cannot be enforced.

        Raises
        ------
        LimitsUnavailable
            When it could be had before and no longer can.
        """
        return open_cgroup(name) if self.enforces_limits else None
