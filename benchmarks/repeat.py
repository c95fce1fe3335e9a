"""Run the same profiles again and again in the cluster, and print how far apart the recommendations are, in steps.

The profiles are a server of known cost (10 ms per request at 20 requests/s, p95 at most 500 ms, short windows, zero
margins) and the example. No run is started that would end after the time limit of its profile. Prints Markdown; --write
puts it into docs/benchmarks.md.

    make bench PART=repeat
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from benchmarks.arguments import count, number
from benchmarks.implied import p95_at
from benchmarks.publish import replace
from tests.e2e.support import Object, Profile, Run, command, cost_profile, cost_server, find_condition, fresh_namespace

from modelprofiler.api.status import ModelProfileStatus

EXAMPLE = Path(__file__).parent.parent / "examples" / "digits.yaml"
CPU_SECONDS, RATE, OBJECTIVE_SECONDS = 0.010, 20.0, 0.500
CPU_STEP, MEMORY_STEP = 50, 16
"""Millicores and MiB."""
SIZES = range(100, 601, CPU_STEP)
EXAMPLE_STEPS = (50, 32)
RUN_SECONDS = 900.0
"""A run that takes longer than this is given up."""
MIB = 2**20


@dataclass(frozen=True)
class Repeat:
    """How one run ended.

    Attributes
    ----------
    wall
        Seconds from leaving the queue to the end.
    cpu, memory
        Recommended, in millicores and MiB; None without a recommendation.
    reason
        That of the condition Succeeded.
    """

    trials: int
    wall: float
    cpu: int | None
    memory: float | None
    reason: str

    @classmethod
    def of(cls, status: ModelProfileStatus) -> Repeat:
        """Read it off a finished run."""
        succeeded = find_condition(status, "Succeeded")
        size = status.recommendations[0].limits if status.recommendations else None
        begun, ended = status.start_time, status.completion_time
        return cls(
            trials=len(status.trials),
            wall=(ended - begun).total_seconds() if begun and ended else 0.0,
            cpu=size.cpu.millicores if size and size.cpu is not None else None,
            memory=size.memory.bytes / MIB if size and size.memory is not None else None,
            reason=succeeded.reason if succeeded else "Unknown",
        )


def known_cost() -> Object:
    """Return the profile of the server of known cost."""
    return cost_profile(
        "repeat",
        cost_server(cpu_ms=CPU_SECONDS * 1e3, memory_mib=96),
        load={"openLoop": {"rate": f"{RATE:g}"}, "warmup": "2s", "duration": "10s"},
        objectives={"latency": {"p95": f"{OBJECTIVE_SECONDS * 1e3:g}ms"}},
        resources={
            "cpu": {"min": f"{SIZES[0]}m", "max": f"{SIZES[-1]}m", "step": f"{CPU_STEP}m"},
            "memory": {"min": "64Mi", "max": "256Mi", "step": f"{MEMORY_STEP}Mi"},
        },
        search={"repetitions": 2, "maxTrials": 20},
    )


def example() -> list[Object]:
    """Return the documents of the example, the ModelProfile last."""
    documents = [d for d in yaml.safe_load_all(EXAMPLE.read_text(encoding="utf-8")) if d]
    return sorted(documents, key=lambda document: document["kind"] == "ModelProfile")


def repeat(kubectl: Run, documents: Sequence[Object], runs: int, seconds: float) -> list[Repeat]:
    """Run a profile a number of times, one after the other, each time from nothing, while the time lasts."""
    *files, profile = documents
    name, repeats, began = profile["metadata"]["name"], list[Repeat](), time.monotonic()
    with fresh_namespace(kubectl) as namespace:
        for document in files:
            # Not `apply`: it would keep each a second time in an annotation, for which the model is too large.
            kubectl("--namespace", namespace, "create", "-f", "-", input=json.dumps(document))
        for number in range(1, runs + 1):
            longest = max((one.wall for one in repeats), default=0.0)
            if time.monotonic() - began + longest > seconds:
                say(f"{name}: the time is over after {len(repeats)} of {runs} runs")
                break
            kubectl("--namespace", namespace, "create", "-f", "-", input=json.dumps(profile))
            one = Repeat.of(Profile(kubectl, namespace, name).finished(within=RUN_SECONDS))
            repeats.append(one)
            say(f"{name}: run {number} of {runs}: {one}")
            kubectl("--namespace", namespace, "delete", "modelprofile", name, "--wait", timeout=120)
    return repeats


def table(repeats: Sequence[Repeat], requested: int, steps: tuple[int, int], implied: int | None = None) -> str:
    """Return the runs and their spread."""
    lines = ["| run | CPU | memory | trials | wall | reason |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {i} | {_amount(r.cpu, 'm')} | {_amount(r.memory, 'Mi')} | {r.trials} | {r.wall:.0f} s | {r.reason} |"
        for i, r in enumerate(repeats, 1)
    ]
    trials, wall = [r.trials for r in repeats], [r.wall for r in repeats]
    text = (
        f"{len(repeats)} runs of {requested}, {sum(r.cpu is not None for r in repeats)} with a recommendation. "
        f"CPU: {spread([r.cpu for r in repeats], steps[0])} of {steps[0]}m; "
        f"memory: {spread([r.memory for r in repeats], steps[1])} of {steps[1]}Mi. "
        f"Trials: median {statistics.median(trials):g}, at most {max(trials)}; "
        f"wall: median {statistics.median(wall):.0f} s, {min(wall):.0f} to {max(wall):.0f} s."
    )
    if implied is not None:
        within = sum(r.cpu is not None and abs(r.cpu - implied) <= steps[0] for r in repeats)
        text += f" Its cost implies {implied}m: {within} of {len(repeats)} within one step of that."
    return "\n".join([*lines, "", text])


def spread(values: Sequence[float | None], step: float) -> str:
    """Return how far values are from their median, in steps: ``all within ± 1 step``."""
    measured = [value for value in values if value is not None]
    if not measured:
        return "none, in steps"
    # Of an even number the lower of the two in the middle: a median between two steps is no size.
    middle = statistics.median_low(measured)
    furthest = max(abs(value - middle) for value in measured) / step
    same = sum(value == middle for value in measured)
    return f"{same} of {len(measured)} the same, all within ± {furthest:g} steps"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _amount(value: float | None, unit: str) -> str:
    return "none" if value is None else f"{value:g}{unit}"


def _known_cost_table(kubectl: Run, runs: int, seconds: float) -> str:
    implied = next(size for size in SIZES if p95_at(size / 1000, CPU_SECONDS, RATE) <= OBJECTIVE_SECONDS)
    return table(repeat(kubectl, [known_cost()], runs, seconds), runs, (CPU_STEP, MEMORY_STEP), implied)


def _example_table(kubectl: Run, runs: int, seconds: float) -> str:
    return table(repeat(kubectl, example(), runs, seconds), runs, EXAMPLE_STEPS)


PARTS: dict[str, Callable[[Run, int, float], str]] = {
    "repeat-known-cost": _known_cost_table,
    "repeat-example": _example_table,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.repeat", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--known-cost", type=count(0, 100), default=10, metavar="RUNS", help="of the known cost (default: 10)"
    )
    parser.add_argument(
        "--example", type=count(0, 100), default=10, metavar="RUNS", help="of the example (default: 10)"
    )
    parser.add_argument(
        "--minutes", type=number(1, 600), default=25, help="that each of the two may take (default: 25)"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    if not os.environ.get("KUBECONFIG"):
        parser.error("KUBECONFIG is not set: it needs a cluster with the operator in it (make cluster images install)")
    kubectl = command("kubectl")
    for (name, part), runs in zip(PARTS.items(), (arguments.known_cost, arguments.example), strict=True):
        if runs > 0:
            text = part(kubectl, runs, 60 * arguments.minutes)
            print(f"\n{text}", flush=True)
            if arguments.write:
                replace(name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
