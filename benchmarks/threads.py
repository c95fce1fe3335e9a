"""What thread pools that fit the CPU limit are worth: a BLAS-bound scikit-learn model with threads None and Auto.

The same model, requests and sizes with the pools that it makes for this machine's CPUs, with those that it would make
on a node of sixteen, and with `search.threads: Auto`; at each size one mode after the other, so that all have the same
machine. Prints Markdown; with --write puts it into docs/benchmarks.md.

    make bench-threads
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.known_cost import free_port
from benchmarks.publish import replace

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import INCONCLUSIVE, Outcome, Purpose, Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.steps import RunTrial
from modelprofiler.core.threads import oversized_sentence
from modelprofiler.local.document import Document
from modelprofiler.local.host import Host
from modelprofiler.local.lock import machine
from modelprofiler.local.prepared import Prepared
from modelprofiler.local.progress import Silent
from modelprofiler.local.trials import Trials

NODE_CPUS = 16
"""Of the node that is imitated: the script makes pools of that size, unless a variable gives another."""
RATE, OBJECTIVE_SECONDS = "8", 0.3
SIZES = (400, 300, 200, 150, 100)
"""In millicores."""
CEILING = "2"
"""Nobody runs at it; it lets the server have every CPU of a machine of two, as those it may run on size its pools."""
MEMORY = 512 * 2**20
MOST_SECONDS = 225
"""A size begins only when it can be expected to end by then."""

SCRIPT = """
import json
import os
import numpy as np
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

def init():
    global model
    if POOL and "OPENBLAS_NUM_THREADS" not in os.environ:
        threadpool_limits(POOL)
    chance = np.random.default_rng(0)
    model = MLPRegressor(hidden_layer_sizes=(640, 640), max_iter=1, random_state=0)
    model.fit(chance.normal(size=(64, 128)), chance.normal(size=64))

def run(data):
    chance = np.random.default_rng(json.loads(data)["row"])
    return float(model.predict(chance.normal(size=(320, 128))).mean())
"""


@dataclass(frozen=True)
class Mode:
    """How the pools are sized: by the script's own size, where it has one, and by search.threads."""

    name: str
    threads: str = "None"
    pool: int = 0


MODES = (
    Mode(f"None: {os.cpu_count()} CPUs, this machine's"),
    Mode(f"None: as on {NODE_CPUS} CPUs", pool=NODE_CPUS),
    Mode("Auto", threads="Auto", pool=NODE_CPUS),
)


def profile(mode: Mode) -> dict[str, Any]:
    """Return the profile of the model with the pools of a mode."""
    spec = {
        "server": {"entryScript": {"source": {"inline": f"POOL = {mode.pool}\n{SCRIPT}"}}},
        "endpoint": {"http": {"port": free_port()}},
        "dataset": {"source": {"inline": "\n".join(f'{{"row": {i}}}' for i in range(50))}},
        "load": {"openLoop": {"rate": RATE}, "warmup": "1s", "duration": "8s"},
        "objectives": {"latency": {"p95": f"{OBJECTIVE_SECONDS * 1000:.0f}ms"}},
        "resources": {"cpu": {"values": ["100m", CEILING]}, "memory": {"values": ["512Mi"]}},
        "search": {"threads": mode.threads},
    }
    meta = {"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": "threads"}}
    return {**meta, "spec": spec}


async def one(mode: Mode, cpu: int, directory: Path) -> Trial:
    """Run one trial on a fresh server."""
    data = profile(mode)
    document = Document(path="", directory=directory, data=data, profile=ModelProfile.parse(data), config_maps={})
    prepared = await asyncio.to_thread(Prepared.of, document, directory, print)
    # Measure: a full window at every size, also where it is clear that it is too small.
    step = RunTrial(Purpose.GRID, Limits(cpu, MEMORY), fresh=True, window="Measure", reason="")
    trials = Trials(prepared, Host.of(prepared.resources), directory, Silent())
    try:
        return (await trials.run(step, 1, [])).trial
    finally:
        await trials.close()


def table(found: dict[tuple[Mode, int], Trial]) -> str:
    """Return p95, throttling and cost by size and mode, and the smallest size that met the objective."""
    head = ["CPU limit", *(mode.name for mode in MODES)]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    sizes = [cpu for cpu in SIZES if all((mode, cpu) in found for mode in MODES)]
    lines += [f"| {cpu}m | " + " | ".join(_cell(found[mode, cpu]) for mode in MODES) + " |" for cpu in sizes]
    smallest = []
    for mode in MODES:
        judged = [cpu for cpu in sizes if found[mode, cpu].outcome not in INCONCLUSIVE]
        failing = [cpu for cpu in judged if found[mode, cpu].outcome is not Outcome.PASSED]
        passing = [cpu for cpu in judged if cpu > max(failing, default=0)]
        smallest.append(f"{min(passing)}m" if passing else "more than these")
    lines.append("| **needed** | " + " | ".join(smallest) + " |")
    said = {mode: [s for cpu in sizes if (s := _said(mode, found[mode, cpu]))] for mode in MODES}
    lines.append(
        "| **noticed** | " + " | ".join(f"at {len(said[mode])} of {len(sizes)} sizes" for mode in MODES) + " |"
    )
    left_out = [f"{cpu}m" for cpu in SIZES if cpu not in sizes]
    if left_out:
        lines += ["", f"Not measured, for want of time: {', '.join(left_out)}."]
    lines += [f"\n{mode.name}, the last size of these: {said[mode][-1]}" for mode in MODES if said[mode]]
    return "\n".join(lines)


def _said(mode: Mode, trial: Trial) -> str | None:
    """Return what a run says of the server's pools at the size of a trial; None where it says nothing."""
    return oversized_sentence(ModelProfile.parse(profile(mode)).spec, Limits.from_size(trial.limits), [trial])


def _cell(trial: Trial) -> str:
    load, usage = trial.load, trial.usage
    words = [] if trial.outcome in (Outcome.PASSED, Outcome.SLOW) else [trial.outcome.value]
    if load is not None and load.latency.p95 is not None:
        words.append(f"p95 {load.latency.p95.seconds * 1000:,.0f} ms")
    if usage is not None and usage.throttled_percent is not None:
        words.append(f"throttled {float(usage.throttled_percent):.0f} %")
    if usage is not None and usage.cpu_time_per_request is not None:
        words.append(f"{usage.cpu_time_per_request.seconds * 1000:.0f} ms CPU")
    if usage is not None and usage.threads is not None:
        words.append(f"{usage.threads} threads")
    return ", ".join(words)


def measure() -> dict[tuple[Mode, int], Trial]:
    """Run every size in every mode, as far as the time allows."""
    found: dict[tuple[Mode, int], Trial] = {}
    began = time.monotonic()
    for done, cpu in enumerate(SIZES):
        if done and (time.monotonic() - began) * (done + 1) / done > MOST_SECONDS:
            print(f"{cpu}m and less are left out for want of time", file=sys.stderr)
            break
        for mode in MODES:
            with tempfile.TemporaryDirectory() as directory:
                found[mode, cpu] = asyncio.run(one(mode, cpu, Path(directory)))
            print(f"{cpu}m, {mode.name}: {_cell(found[mode, cpu])}", file=sys.stderr)
    return found


def main() -> int:
    """Measure, print the table, and write it where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.threads", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    with machine("make bench-threads", wait_seconds=600, waiting=print):
        text = table(measure())
    print(text)
    if arguments.write:
        replace("threads", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
