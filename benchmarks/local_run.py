"""Whole runs on this machine: how long the example takes, and whether a server of known cost gets what that implies.

Prints Markdown; with --write puts it into docs/benchmarks.md.

    make bench-local-run
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.arguments import count
from benchmarks.implied import p95_at
from benchmarks.publish import replace

import modelprofiler
from modelprofiler.report.record import TrialRecord
from modelprofiler.report.result import Result

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "digits.yaml"
PROGRAM = ROOT / "tests" / "servers" / "costserver.py"
WALL_SECONDS, TRIALS, OVERHEAD_PERCENT = 90, 8, 10
"""What the example is to stay under."""
CPU_SECONDS, RATE, OBJECTIVE_SECONDS, STEP = 0.010, 20.0, 0.500, 50
"""The server of known cost, its load, and the step of the range in millicores."""
SIZES = range(100, 601, STEP)


@dataclass(frozen=True)
class Took:
    """What one run took.

    Attributes
    ----------
    wall, start, load
        Seconds: all of it; until servers were ready; from the start of warm-ups to the last responses.
    """

    wall: float
    start: float
    load: float
    trials: int
    size: str

    @property
    def overhead_percent(self) -> float:
        """Share of the time that was neither a server's start nor load."""
        return 100 * (1 - (self.start + self.load) / self.wall)

    @classmethod
    def of(cls, result: Result) -> Took:
        """Read it off a finished run."""
        status = result.record.profile.status
        assert status.start_time is not None
        assert status.completion_time is not None
        records = result.record.trials
        found = result.recommendation
        return cls(
            wall=(status.completion_time - status.start_time).total_seconds(),
            start=sum(r.trial.time_to_ready.seconds for r in records if r.trial.time_to_ready is not None),
            load=sum(_loaded(r) for r in records),
            trials=len(records),
            size=f"{found.limits.cpu}, {found.limits.memory}" if found else result.reason,
        )


def _loaded(record: TrialRecord) -> float:
    load = record.load
    if load is None or load.warmup_started is None or load.ended is None:
        return 0.0
    return load.ended - load.warmup_started


def example(runs: int) -> str:
    """Run the example so often and return what each run took."""
    rows = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as directory:
            took = Took.of(modelprofiler.run(EXAMPLE, directory=Path(directory) / "run", wait_seconds=600))
        rows.append(took)
        print(took, file=sys.stderr)
    lines = ["| run | wall | trials | outside starts and load | recommended |", "|---|---|---|---|---|"]
    lines += [
        f"| {i} | {t.wall:.0f} s | {t.trials} | {t.overhead_percent:.1f} % | {t.size} |" for i, t in enumerate(rows, 1)
    ]
    wall, most = statistics.median(t.wall for t in rows), max(t.trials for t in rows)
    overhead = statistics.median(t.overhead_percent for t in rows)
    lines.append(f"| median | {wall:.0f} s | at most {most} | {overhead:.1f} % | |")
    lines.append(f"| to reach | {WALL_SECONDS} s | {TRIALS} | {OVERHEAD_PERCENT} % | |")
    return "\n".join(lines)


def known_cost(runs: int) -> str:
    """Profile the server of known cost so often, at zero margins, and return what was recommended."""
    implied = next(size for size in SIZES if p95_at(size / 1000, CPU_SECONDS, RATE) <= OBJECTIVE_SECONDS)
    lines = ["| run | trials | CPU per request | CPU recommended | implied |", "|---|---|---|---|---|"]
    within = 0
    for number in range(1, runs + 1):
        with tempfile.TemporaryDirectory() as directory:
            result = modelprofiler.run(_profile(), directory=Path(directory) / "run", wait_seconds=600)
        usage = result.trials[0].usage
        cost = usage.cpu_time_per_request if usage is not None else None
        found = result.recommendation
        cpu = found.limits.cpu.millicores if found is not None and found.limits.cpu is not None else 0
        within += abs(cpu - implied) <= STEP
        lines.append(f"| {number} | {len(result.trials)} | {cost} | {cpu}m | {implied}m |")
        print(lines[-1], file=sys.stderr)
    return "\n".join([*lines, "", f"Within one step of {STEP}m: {within} of {runs}."])


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _profile() -> dict[str, Any]:
    port = free_port()
    knobs = f"--host 127.0.0.1 --port {port} --cpu-ms {CPU_SECONDS * 1000:g} --memory-mib 96".split()
    container = {
        "name": "server",
        "image": "none",
        "command": [sys.executable, str(PROGRAM), *knobs],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": port}},
    }
    spec = {
        "server": {"template": {"spec": {"containers": [container]}}},
        "endpoint": {"http": {"port": port}},
        "dataset": {"source": {"inline": "\n".join(f'{{"row": {i}}}' for i in range(100))}},
        "load": {"openLoop": {"rate": f"{RATE:g}"}, "warmup": "2s"},
        "objectives": {"latency": {"p95": f"{OBJECTIVE_SECONDS * 1000:g}ms"}},
        "resources": {
            "cpu": {"min": f"{SIZES[0]}m", "max": f"{SIZES[-1]}m", "step": f"{STEP}m"},
            "memory": {"min": "64Mi", "max": "256Mi", "step": "16Mi"},
        },
        "recommendation": {"cpuMarginPercent": 0, "memoryMarginPercent": 0},
    }
    meta = {"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": "cost"}}
    return {**meta, "spec": spec}


def main() -> int:
    """Run what is asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--example", type=count(0, 100), default=3, metavar="RUNS", help="runs of the example (default: 3)"
    )
    parser.add_argument(
        "--known-cost", type=count(0, 100), default=10, metavar="RUNS", help="runs of the cost server (default: 10)"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    parts = {"local-example": (example, arguments.example), "local-known-cost": (known_cost, arguments.known_cost)}
    for name, (measure, runs) in parts.items():
        if runs > 0:
            text = measure(runs)
            print(f"\n{text}")
            if arguments.write:
                replace(name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
