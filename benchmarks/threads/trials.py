"""A trial of a server at a size, and the table of its sizes under each way of sizing its pools."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.known_cost import free_port

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import INCONCLUSIVE, Outcome, Purpose, Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.steps import RunTrial
from modelprofiler.core.threads import oversized_sentence
from modelprofiler.files.document import Document
from modelprofiler.local.placement import Placement
from modelprofiler.local.prepared import Prepared
from modelprofiler.local.progress import SilentListener
from modelprofiler.local.trials import TrialRunner

NODE_CPUS = 16
"""Of the node that is imitated: the servers make pools of that size, unless a variable gives another."""
RATE, OBJECTIVE_SECONDS = "8", 0.3
CEILING = "2"
"""Nobody runs at it; it lets the server have every CPU of a machine of two, as those it may run on size its pools."""
MEMORY = 512 * 2**20


@dataclass(frozen=True)
class Case:
    """A server, and how its pools are sized.

    Attributes
    ----------
    name
        The head of its column.
    server
        `spec.server`, with ``{port}`` in the arguments of a container for the port to listen on.
    threads
        `spec.search.threads`.
    warmup
        `spec.load.warmup`.
    """

    name: str
    server: dict[str, Any] = field(hash=False)
    threads: str = "None"
    warmup: str = "1s"

    def profile(self) -> dict[str, Any]:
        """Return its profile, on a port that is free."""
        port = free_port()
        server = self.server
        if "template" in server:
            (container,) = server["template"]["spec"]["containers"]
            command = [str(word).format(port=port) for word in container["command"]]
            probe = {"httpGet": {"path": "/healthz", "port": port}}
            container = {**container, "command": command, "readinessProbe": probe}
            server = {"template": {"spec": {"containers": [container]}}}
        spec = {
            "server": server,
            "endpoint": {"http": {"port": port}},
            "dataset": {"source": {"inline": "\n".join(f'{{"row": {i}}}' for i in range(50))}},
            "load": {"openLoop": {"rate": RATE}, "warmup": self.warmup, "duration": "8s"},
            "objectives": {"latency": {"p95": f"{OBJECTIVE_SECONDS * 1000:.0f}ms"}},
            "resources": {"cpu": {"values": ["100m", CEILING]}, "memory": {"values": ["512Mi"]}},
            "search": {"threads": self.threads},
        }
        meta = {"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": "threads"}}
        return {**meta, "spec": spec}


Measured = dict[tuple[Case, int], Trial]
"""Trials, by case and CPU limit in millicores."""


def measure(cases: Sequence[Case], sizes: Sequence[int], most_seconds: float) -> Measured:
    """Run every case at every size in millicores, the cases one after the other at each.

    Parameters
    ----------
    most_seconds
        A size begins only when it can be expected to end by then; the first is always run.
    """
    measured: Measured = {}
    began = time.monotonic()
    for count, cpu in enumerate(sizes):
        if count and (time.monotonic() - began) * (count + 1) / count > most_seconds:
            print(f"{cpu}m and less are left out for want of time", file=sys.stderr)
            break
        for case in cases:
            with tempfile.TemporaryDirectory() as directory:
                measured[case, cpu] = asyncio.run(_one(case, cpu, Path(directory)))
            print(f"{cpu}m, {case.name}: {_cell(measured[case, cpu])}", file=sys.stderr)
    return measured


def table(cases: Sequence[Case], sizes: Sequence[int], measured: Measured) -> str:
    """Return what was measured by size and case, the smallest size that met the objective, and what a run says."""
    head = ["CPU limit", *(case.name for case in cases)]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    run = [cpu for cpu in sizes if all((case, cpu) in measured for case in cases)]
    lines += [f"| {cpu}m | " + " | ".join(_cell(measured[case, cpu]) for case in cases) + " |" for cpu in run]
    lines.append("| **needed** | " + " | ".join(_needed([measured[case, cpu] for cpu in run]) for case in cases) + " |")
    messages = {case: [s for cpu in run if (s := message_of(case, measured[case, cpu]))] for case in cases}
    lines.append("| **noticed** | " + " | ".join(f"at {len(messages[c])} of {len(run)} sizes" for c in cases) + " |")
    if left_out := [f"{cpu}m" for cpu in sizes if cpu not in run]:
        lines += ["", f"Not measured, for want of time: {', '.join(left_out)}."]
    lines += [f"\n{case.name}, the last size of these: {messages[case][-1]}" for case in cases if messages[case]]
    return "\n".join(lines)


async def _one(case: Case, cpu: int, directory: Path) -> Trial:
    """Run one trial on a fresh server."""
    data = case.profile()
    document = Document(path="", directory=directory, data=data, profile=ModelProfile.parse(data), config_maps={})
    prepared = await asyncio.to_thread(Prepared.of, document, directory, print)
    # Measure: a full window at every size, also where it is clear that it is too small.
    step = RunTrial(Purpose.GRID, Limits(cpu, MEMORY), fresh=True, window="Measure", reason="")
    trials = TrialRunner(prepared, Placement.of(prepared.resources), directory, SilentListener())
    try:
        return (await trials.run(step, 1, [])).trial
    finally:
        await trials.close()


def _needed(trials: Sequence[Trial]) -> str:
    """Return the smallest CPU limit that passed, with every larger one."""
    sizes = {Limits.from_size(t.limits).cpu: t.outcome for t in trials if t.outcome not in INCONCLUSIVE}
    failing = max((cpu for cpu, outcome in sizes.items() if outcome is not Outcome.PASSED), default=0)
    passing = [cpu for cpu in sizes if cpu > failing]
    return f"{min(passing)}m" if passing else "more than these"


def message_of(case: Case, trial: Trial) -> str | None:
    """Return what a run says of the server's pools at the size of a trial; None where it says nothing."""
    return oversized_sentence(ModelProfile.parse(case.profile()).spec, Limits.from_size(trial.limits), [trial])


def _cell(trial: Trial) -> str:
    load, usage = trial.load, trial.usage
    cells = [] if trial.outcome in (Outcome.PASSED, Outcome.SLOW) else [trial.outcome.value]
    if load is not None and load.latency.p95 is not None:
        cells.append(f"p95 {load.latency.p95.seconds * 1000:,.0f} ms")
    if usage is not None and usage.throttled_percent is not None:
        cells.append(f"throttled {float(usage.throttled_percent):.0f} %")
    if usage is not None and usage.cpu_time_per_request is not None:
        cells.append(f"{usage.cpu_time_per_request.seconds * 1000:.0f} ms CPU")
    if usage is not None and usage.threads is not None:
        cells.append(f"{usage.threads} threads")
    return ", ".join(cells)
