"""Make whole runs on this machine: how long they take, and whether a server of known cost gets the right size.

Prints Markdown; --write puts it into docs/benchmarks.md.

    make bench PART=local-run
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import known_cost
from benchmarks.arguments import count, number
from benchmarks.publish import replace

import modelprofiler
from modelprofiler.api.trial import Outcome
from modelprofiler.report.record import TrialRecord
from modelprofiler.report.result import Result

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "digits.yaml"
LOADED_SECONDS = 4.0
"""How long a load goes on before the run is interrupted."""
WALL_SECONDS, TRIALS, OVERHEAD_PERCENT = 90, 8, 10
"""What the example is to stay under."""


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
        recommendation = result.recommendation
        return cls(
            wall=(status.completion_time - status.start_time).total_seconds(),
            start=sum(r.trial.time_to_ready.seconds for r in records if r.trial.time_to_ready is not None),
            load=sum(_loaded(r) for r in records),
            trials=len(records),
            size=f"{recommendation.limits.cpu}, {recommendation.limits.memory}" if recommendation else result.reason,
        )


def _loaded(record: TrialRecord) -> float:
    load = record.load
    if load is None or load.warmup_started is None or load.ended is None:
        return 0.0
    return load.ended - load.warmup_started


def measured(profile: Path, title: str, deadline: float) -> Result | None:
    """Run a profile once and say how it went on; None when it is too late to begin."""
    if time.monotonic() > deadline:
        print(f"{title}: not begun, as the time is over", file=sys.stderr, flush=True)
        return None
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        result = modelprofiler.run(profile, directory=Path(directory) / "run", wait_seconds=600)
    trials = ", ".join(f"{t.purpose} {t.limits.cpu} {t.outcome}" for t in result.trials)
    recommendation = result.recommendation
    size = f"{recommendation.limits.cpu}, {recommendation.limits.memory}" if recommendation else result.reason
    print(f"{title}: {size} after {time.monotonic() - began:.0f} s ({trials})", file=sys.stderr, flush=True)
    return result


def example(runs: int, deadline: float) -> str:
    """Run the example a number of times and return what each run took."""
    results = [measured(EXAMPLE, f"example {i}", deadline) for i in range(1, runs + 1)]
    rows = [Took.of(result) for result in results if result is not None]
    lines = ["| run | wall | trials | outside starts and load | recommended |", "|---|---|---|---|---|"]
    if not rows:
        return "No run was begun in that time."
    lines += [
        f"| {i} | {t.wall:.0f} s | {t.trials} | {t.overhead_percent:.1f} % | {t.size} |" for i, t in enumerate(rows, 1)
    ]
    wall, most_trials = statistics.median(t.wall for t in rows), max(t.trials for t in rows)
    overhead = statistics.median(t.overhead_percent for t in rows)
    lines.append(f"| median | {wall:.0f} s | at most {most_trials} | {overhead:.1f} % | |")
    lines.append(f"| to reach | {WALL_SECONDS} s | {TRIALS} | {OVERHEAD_PERCENT} % | |")
    return "\n".join([*lines, "", interrupted()])


def interrupted() -> str:
    """Send the command an interrupt while it loads the example's server; return how long until all of it was gone."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "modelprofiler", "run", str(EXAMPLE), "--plain", "--wait", "600"]
        command += ["--directory", str(Path(directory) / "run")]
        # A shell has jobs in its background ignore interrupts, and so would their children.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if "sending the load" in line:
                    break
            time.sleep(LOADED_SECONDS)
            if process.poll() is not None:
                return "It was not interrupted: the run had ended before."
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
            took = time.monotonic() - began
    return f"After Ctrl-C in a load, the command, server and load were gone within {took:.1f} s (to reach: 2 s)."


def cost(runs: int, deadline: float) -> str:
    """Profile the server of known cost a number of times, at zero margins, and return what was recommended."""
    implied, burnt = known_cost.implied(), f"{known_cost.CPU_SECONDS * 1000:g}ms"
    lines = [
        "| run | wall | trials | CPU per request | it burns | CPU recommended | implied |",
        "|---|---|---|---|---|---|---|",
    ]
    within = 0
    for run in range(1, runs + 1):
        with tempfile.TemporaryDirectory() as directory:
            profile = Path(directory) / "profile.yaml"
            known_cost.write_profile(profile, known_cost.free_port())
            result = measured(profile, f"known cost {run}", deadline)
        if result is None:
            runs = run - 1
            break
        used = [t.usage for t in result.trials if t.outcome is Outcome.PASSED and t.usage is not None]
        per_request = used[0].cpu_time_per_request if used else "none"
        recommendation, took = result.recommendation, Took.of(result)
        cpu = recommendation.limits.cpu if recommendation is not None else None
        within += cpu is not None and abs(cpu.millicores - implied) <= known_cost.STEP
        size = cpu or result.reason
        lines.append(f"| {run} | {took.wall:.0f} s | {took.trials} | {per_request} | {burnt} | {size} | {implied}m |")
    return "\n".join([*lines, "", f"Within one step of {known_cost.STEP}m: {within} of {runs}."])


def main() -> int:
    """Run what is asked for and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.local_run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--example", type=count(0, 100), default=3, metavar="RUNS", help="runs of the example (default: 3)"
    )
    parser.add_argument(
        "--known-cost", type=count(0, 100), default=10, metavar="RUNS", help="runs of the cost server (default: 10)"
    )
    parser.add_argument(
        "--minutes", type=number(1, 600), default=20, help="after which no further run is begun (default: 20)"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    deadline = time.monotonic() + 60 * arguments.minutes
    parts = {"local-example": (example, arguments.example), "local-known-cost": (cost, arguments.known_cost)}
    for name, (measure, runs) in parts.items():
        if runs > 0:
            text = measure(runs, deadline)
            print(f"\n{text}\n", flush=True)
            if arguments.write:
                replace(name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
