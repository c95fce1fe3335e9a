"""What a load has learned of the server's node from its reader; a value that was not read is None.

Whoever answers may be anybody: each value is checked, and has a largest one.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

LONGEST_NAME = 80
"""Characters of the name of a CPU or a kernel, as `procfs.LONGEST_CPU_MODEL`."""
LONGEST_PROBLEM = 200
"""Characters of what is not known, and why: a sentence."""
LARGEST_CLOCK = 1e10
"""Seconds since the epoch, or since a node has started: three centuries."""

Moment = Annotated[float, Field(ge=0, le=LARGEST_CLOCK, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**18)]
Cores = Annotated[int, Field(ge=1, le=100_000)]
Name = Annotated[str, StringConstraints(max_length=LONGEST_NAME)]
LoopTime = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


class Answer(BaseModel):
    """An answer of a node reader, as JSON; unknown fields, which a newer one may send, are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True)


class Clocks(Answer):
    """The node's clock, seconds since the epoch, and one that nobody sets."""

    time: Moment
    steady: Moment
    oom_kills: Count | None = None
    """Processes that the node's kernel has killed for lack of memory since it started."""


class Loop(Answer):
    """CPU seconds of a round of the reference loop; see `load.machine.reference_loop`."""

    loop_seconds: LoopTime | None = None


class NodeWindow(Answer):
    """What a node is, and what it counted in the window of a load."""

    cores: Cores | None = None
    """CPUs of the node."""
    shared_cores: Cores | None = None
    """CPUs that the reader may use: fewer where the CPU manager has given some to single containers."""
    cpu_model: Name | None = None
    cgroup_version: Name | None = None
    kernel: Name | None = None
    busy_percent: Percent | None = None
    """Percent of the node's CPU time in the window that any process used."""
    steal_percent: Percent | None = None
    """Percent of it that the hypervisor gave to other guests."""
    major_faults: Count | None = None
    """Page faults in the window for which something was read from a disk, of the whole node."""
    read_bytes: Count | None = None
    """Bytes that the node read from its disks in the window."""

    @property
    def has_exclusive_cpus(self) -> bool:
        """Whether single containers have CPUs of the node to themselves; only a static CPU manager does that."""
        return self.cores is not None and self.shared_cores is not None and self.shared_cores < self.cores


class NodeReading(NodeWindow):
    """Everything that a load has learned of the server's node."""

    clock_offset: Annotated[float, Field(ge=-LARGEST_CLOCK, le=LARGEST_CLOCK, allow_inf_nan=False)] | None = None
    """Seconds by which the node's clock is ahead of the load generator's; negative: behind."""
    clock_error: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] | None = None
    """Seconds by which the offset may be wrong at most: half of the shortest round trip, and what the clocks moved
    against each other in the course of the load."""
    loop_before: LoopTime | None = None
    """CPU seconds of a round of the reference loop before the load."""
    loop_after: LoopTime | None = None
    """The same after the load."""
    oom_kills: Count | None = None
    """Processes of the node that its kernel killed for lack of memory from before the load until after it."""
    clocks_moved: bool = False
    """Whether the clocks moved against each other during the load by more than clocks do that nobody sets."""
    silent: bool = False
    """Whether the reader answered before the load, and no more after it."""
    problem: Annotated[str, StringConstraints(max_length=LONGEST_PROBLEM)] = ""
    """Why something is not known of the node; empty where nothing is missing."""

    def without_names(self) -> NodeReading:
        """Return it without the names of CPU and kernel, and with half of the problem, where room is scarce."""
        half = self.problem[: LONGEST_PROBLEM // 2]
        return self.model_copy(update={"cpu_model": None, "kernel": None, "problem": half})
