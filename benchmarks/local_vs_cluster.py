"""Run the same profiles in a cluster and on this machine, and count the steps by which they differ.

Runs the example and the server of known cost in the cluster that `hack/cluster exec` reaches, where the chart must be
installed (make cluster images install), and then with `modelprofiler run`. The two answers are comparable when the
cluster's node is this machine, as with the local cluster. Prints Markdown; --write puts it into docs/benchmarks.md.

    make bench PART=local-vs-cluster
"""

from __future__ import annotations

import argparse
import json
import os
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
from modelprofiler.api.conditions import ConditionType
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.core.support import CLUSTER_PYTHON
from modelprofiler.host.lock import machine_lock

ROOT = Path(__file__).parent.parent
NAMESPACE = "bench-local-vs-cluster"
SYSTEM_PROGRAMS = Path("/usr/bin")
RESOURCE = "modelprofiles.modelprofiler.io"
DEADLINE = 900
"""Seconds that one run in the cluster may take."""
MOST_STEPS = 1
PROFILES = EXAMPLE, KNOWN_COST = "example", "known cost"


@dataclass(frozen=True)
class Case:
    """A profile, and the steps of its range."""

    name: str
    file: Path
    cpu_step: int
    memory_step: int


@dataclass(frozen=True)
class Answer:
    """What was recommended where: millicores and bytes, None without a recommendation."""

    seconds: float
    trials: int
    cpu: int | None
    memory: int | None
    text: str

    @classmethod
    def of(cls, status: ModelProfileStatus) -> Answer:
        """Read it off a finished run."""
        assert status.start_time is not None
        assert status.completion_time is not None
        seconds = (status.completion_time - status.start_time).total_seconds()
        succeeded = next(c for c in status.conditions if c.type == ConditionType.SUCCEEDED)
        if not status.recommendations:
            return cls(seconds, len(status.trials), None, None, succeeded.reason)
        limits = status.recommendations[0].limits
        assert limits.cpu is not None
        assert limits.memory is not None
        text = f"{limits.cpu}, {limits.memory}" + ("" if succeeded.reason == "Verified" else f" ({succeeded.reason})")
        return cls(seconds, len(status.trials), limits.cpu.millicores, limits.memory.bytes, text)


def kubectl(*arguments: str, within: float = 120) -> str:
    """Run kubectl where the cluster can be reached; its output, or an end of the program with what it said."""
    command = [str(ROOT / "hack" / "cluster"), "exec", "kubectl", *arguments]
    completed = subprocess.run(command, capture_output=True, text=True, timeout=within, check=False)
    if completed.returncode != 0:
        sys.exit(f"kubectl {' '.join(arguments)}: {completed.stderr.strip()}")
    return completed.stdout


def in_cluster(case: Case) -> Answer:
    """Run a profile in the cluster, with nothing else on this machine."""
    with machine_lock(f"{case.name} in a cluster", wait_seconds=600):
        kubectl("apply", "--namespace", NAMESPACE, "--filename", str(case.file))
        try:
            waiting = ("wait", RESOURCE, "--all", "--for=condition=Finished", f"--timeout={DEADLINE}s")
            kubectl(*waiting, "--namespace", NAMESPACE, within=DEADLINE + 60)
            listed = json.loads(kubectl("get", RESOURCE, "--namespace", NAMESPACE, "--output", "json"))["items"]
        finally:
            kubectl("delete", RESOURCE, "--all", "--namespace", NAMESPACE)
            kubectl("wait", "pods", "--all", "--for=delete", "--timeout=100s", "--namespace", NAMESPACE)
    return Answer.of(ModelProfile.model_validate(listed[0]).status)


def on_this_machine(case: Case) -> Answer:
    """Run the same file here."""
    with tempfile.TemporaryDirectory() as directory:
        result = modelprofiler.run(case.file, directory=Path(directory) / "run", wait_seconds=600)
    return Answer.of(result.record.profile.status)


def same_build_of_python() -> None:
    """Have environments made with the distribution's Python, which is an optimised build as that of the image is.

    One that was compiled without optimisations, as pyenv's are, takes a fifth more CPU for the same requests, and that
    would be compared then. Such environments are kept apart from those of other runs.
    """
    if not (SYSTEM_PROGRAMS / f"python{CLUSTER_PYTHON}").exists():
        return
    os.environ.setdefault("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))
    os.environ["XDG_CACHE_HOME"] = str(ROOT / ".cache" / "bench-local-vs-cluster")
    os.environ["PATH"] = f"{SYSTEM_PROGRAMS}:{os.environ['PATH']}"


def steps(a: int | None, b: int | None, step: int) -> int | None:
    """Return how many steps two sizes are apart; None when one of them is missing."""
    return None if a is None or b is None else round(abs(a - b) / step)


def compare(case: Case, run: int) -> tuple[str, bool]:
    """Run a profile in both places and return its row, and whether CPU is within a step."""
    comparisons = []
    for place, measure in (("cluster", in_cluster), ("here", on_this_machine)):
        answer = measure(case)
        line = f"{case.name} {run}, {place}: {answer.text} after {answer.seconds:.0f} s and {answer.trials} trials"
        print(line, file=sys.stderr, flush=True)
        comparisons.append(answer)
    cluster, local = comparisons
    cpu, memory = steps(cluster.cpu, local.cpu, case.cpu_step), steps(cluster.memory, local.memory, case.memory_step)
    cells = [
        f"{case.name}, run {run}",
        *(f"{a.text} ({a.trials} trials, {a.seconds:.0f} s)" for a in comparisons),
        *("none" if s is None else str(s) for s in (cpu, memory)),
    ]
    return f"| {' | '.join(cells)} |", cpu is not None and cpu <= MOST_STEPS


def main() -> int:
    """Run what is asked for and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.local_vs_cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=count(1, 20), default=2, help="of each profile in each place (default: 2)")
    parser.add_argument("--case", default="", help="only profiles whose name has this in it; not written")
    parser.add_argument(
        "--minutes", type=number(1, 600), default=30, help="after which no further pair of runs is begun"
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    if not any(arguments.case in name for name in PROFILES):
        parser.error(f"--case: no profile has {arguments.case!r} in its name: {', '.join(PROFILES)}")
    deadline = time.monotonic() + 60 * arguments.minutes
    same_build_of_python()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    lines = [
        "| profile | cluster | this machine | steps of CPU apart | of memory |",
        "| --- | --- | --- | --- | --- |",
    ]
    within = []
    with tempfile.TemporaryDirectory() as folder:
        cost = Path(folder) / "known-cost.yaml"
        known_cost.write_profile(cost, known_cost.free_port())
        namespace_file = Path(folder) / "namespace.json"
        namespace_file.write_text(json.dumps(namespace))
        cases = [
            Case(EXAMPLE, ROOT / "examples" / "digits.yaml", 50, 32 * 2**20),
            Case(KNOWN_COST, cost, known_cost.STEP, known_cost.MEMORY_STEP),
        ]
        kubectl("apply", "--filename", str(namespace_file))
        try:
            for run in range(1, arguments.runs + 1):
                for case in (c for c in cases if arguments.case in c.name and time.monotonic() < deadline):
                    row, near = compare(case, run)
                    lines.append(row)
                    within.append(near)
        finally:
            kubectl("delete", "namespace", NAMESPACE, "--timeout=100s")
    lines += ["", f"CPU within one step: {sum(within)} of {len(within)}."]
    text = "\n".join(lines)
    print(text)
    if arguments.write and not arguments.case:
        replace("local-vs-cluster", text)
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
