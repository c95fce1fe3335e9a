"""What thread pools that fit the CPU limit are worth: a BLAS-bound scikit-learn model with threads None and Auto.

The same model, requests and sizes three times: with the pools that it makes for this machine's CPUs, with those that it
would make on a node of sixteen CPUs, and with `search.threads: Auto`. Prints Markdown; with --write puts it into
docs/benchmarks.md.

    make bench-threads
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.local_run import free_port
from benchmarks.publish import replace

import modelprofiler
from modelprofiler.api.status import Outcome, Trial
from modelprofiler.report.result import Result

NODE_CPUS = 16
"""Of the node that is imitated: what its pools would be is set by hand."""
RATE, OBJECTIVE = "8", "300ms"
SIZES = ("150m", "200m", "300m", "500m", "2")
"""The largest lets the server have every CPU of a machine of two: pools are sized by those that it may run on."""
MOST_SECONDS = 240
"""A mode begins only when it can be expected to end by then."""

SCRIPT = """
import json
import numpy as np
from sklearn.neural_network import MLPRegressor

def init():
    global model
    chance = np.random.default_rng(0)
    model = MLPRegressor(hidden_layer_sizes=(640, 640), max_iter=1, random_state=0)
    model.fit(chance.normal(size=(64, 128)), chance.normal(size=64))

def run(data):
    chance = np.random.default_rng(json.loads(data)["row"])
    return float(model.predict(chance.normal(size=(320, 128))).mean())
"""


@dataclass(frozen=True)
class Mode:
    """How the pools are sized."""

    name: str
    threads: str = "None"
    pool: int | None = None


MODES = (
    Mode(f"None: this machine's {os.cpu_count()} CPUs"),
    Mode(f"None: as on a node of {NODE_CPUS} CPUs", pool=NODE_CPUS),
    Mode("Auto", threads="Auto"),
)


def profile(mode: Mode) -> dict[str, Any]:
    """Return the profile of the model with the pools of a mode."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    env = [{"name": name, "value": str(mode.pool)} for name in names] if mode.pool else []
    spec = {
        "server": {"entryScript": {"source": {"inline": SCRIPT}, "environment": {"env": env}}},
        "endpoint": {"http": {"port": free_port()}},
        "dataset": {"source": {"inline": "\n".join(f'{{"row": {i}}}' for i in range(50))}},
        "load": {"openLoop": {"rate": RATE}, "warmup": "1s", "duration": "8s"},
        "objectives": {"latency": {"p95": OBJECTIVE}},
        "resources": {"cpu": {"values": list(SIZES)}, "memory": {"values": ["512Mi"]}},
        "search": {"strategy": "Grid", "threads": mode.threads, "repetitions": 1},
        "recommendation": {"cpuMarginPercent": 0, "memoryMarginPercent": 0},
    }
    meta = {"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": "threads"}}
    return {**meta, "spec": spec}


def measure(mode: Mode) -> Result:
    """Run every size in one mode."""
    with tempfile.TemporaryDirectory() as directory:
        return modelprofiler.run(profile(mode), directory=Path(directory) / "run", wait_seconds=600)


def table(results: dict[Mode, Result]) -> str:
    """Return p95, throttling and cost by size and mode, and what was recommended."""
    head = ["CPU limit", *(mode.name for mode in results)]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for size in SIZES:
        cells = [_cell(result, size) for result in results.values()]
        lines.append(f"| {size} | " + " | ".join(cells) + " |")
    found = [r.recommendation for r in results.values()]
    sizes = [f"{f.limits.cpu}" if f is not None else "no size" for f in found]
    lines.append("| recommended | " + " | ".join(sizes) + " |")
    return "\n".join(lines)


def _cell(result: Result, size: str) -> str:
    trial = next((t for t in reversed(result.trials) if str(t.limits.cpu) == size and t.load is not None), None)
    if trial is None or trial.load is None:
        return "not run"
    if trial.outcome in {Outcome.DISTURBED, Outcome.GENERATOR_SATURATED}:
        return trial.outcome.value
    return f"{_p95(trial)}, {_usage(trial)}"


def _p95(trial: Trial) -> str:
    load = trial.load
    if load is None or load.latency.p95 is None:
        return f"p95 unknown ({trial.outcome.value})"
    return f"p95 {load.latency.p95.seconds * 1000:.0f} ms"


def _usage(trial: Trial) -> str:
    usage = trial.usage
    if usage is None or usage.throttled_percent is None or usage.cpu_time_per_request is None:
        return "usage unknown"
    cost = usage.cpu_time_per_request.seconds * 1000
    return f"throttled {float(usage.throttled_percent):.0f} %, {cost:.0f} ms CPU"


def main() -> int:
    """Measure every mode, print the table, and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    began = time.monotonic()
    results: dict[Mode, Result] = {}
    for mode in MODES:
        spent = time.monotonic() - began
        if results and spent * (len(results) + 1) / len(results) > MOST_SECONDS:
            print(f"{mode.name} is left out: {spent:.0f} s have passed", file=sys.stderr)
            return 1
        results[mode] = measure(mode)
        print(f"{mode.name}: {results[mode]}", file=sys.stderr)
    text = table(results)
    print(text)
    if arguments.write:
        replace("threads", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
