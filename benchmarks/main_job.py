"""Run examples/digits.yaml on the cluster of KUBECONFIG and print the time and the requests that the operator needed.

The chart must be installed (``make cluster images install``). Prints Markdown; --write puts it into docs/benchmarks.md.

    make bench PART=main-job ARGS="--runs 3"
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.arguments import count, number
from benchmarks.publish import replace

from modelprofiler.cluster.adapter import LEASES

EXAMPLE = Path(__file__).parent.parent / "examples" / "digits.yaml"
PROFILE = "digits"
RESOURCE = "modelprofiles.modelprofiler.io"
HEALTH = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/healthz', timeout=9).read().decode())"
"""Run in the operator's pod: the details are for its own pod alone."""


def kubectl(*arguments: str) -> str:
    """Run kubectl; its output, or an end of the program with what it said."""
    completed = subprocess.run(["kubectl", *arguments], capture_output=True, text=True, timeout=120, check=False)
    if completed.returncode != 0:
        sys.exit(f"kubectl {' '.join(arguments)}: {completed.stderr.strip()}")
    return completed.stdout


def get(*arguments: str) -> Any:
    return json.loads(kubectl("get", *arguments, "--output", "json"))


class OperatorPod:
    """What the operator's pod uses, as its node's cAdvisor says, and its health endpoint to its own pod alone."""

    def __init__(self, namespace: str) -> None:
        pods = get("pods", "--namespace", namespace, "--selector", "app.kubernetes.io/name=modelprofiler")["items"]
        running = [p for p in pods if p["status"]["phase"] == "Running" and "deletionTimestamp" not in p["metadata"]]
        if len(running) != 1:
            sys.exit(f"{len(running)} operator pods run in namespace {namespace}; one is needed: make install")
        self.namespace, self.name = namespace, running[0]["metadata"]["name"]
        self.node = running[0]["spec"]["nodeName"]

    def sample(self) -> tuple[float, float, float]:
        """Return (time of the sample, CPU seconds, working set in bytes)."""
        latest = self.latest()
        if latest is None:
            sys.exit(f"the kubelet has no sample of pod {self.name} yet; try again in half a minute")
        return latest

    def latest(self) -> tuple[float, float, float] | None:
        """Return the same; nothing where the container has not been sampled yet."""
        text = kubectl("get", "--raw", f"/api/v1/nodes/{self.node}/proxy/metrics/cadvisor")

        def series(name: str) -> tuple[float, float] | None:
            pattern = rf'^{name}{{[^}}]*container="[^"]+"[^}}]*pod="{re.escape(self.name)}"[^}}]*}} (\S+) (\d+)$'
            match = re.search(pattern, text, re.MULTILINE)
            return (float(match[1]), int(match[2]) / 1000) if match else None

        cpu, memory = series("container_cpu_usage_seconds_total"), series("container_memory_working_set_bytes")
        return (cpu[1], cpu[0], memory[0]) if cpu and memory else None

    def health(self) -> dict[str, Any]:
        """Return what its own health endpoint says."""
        python = ("/opt/venv/bin/python", "-c", HEALTH)
        health: dict[str, Any] = json.loads(kubectl("exec", "--namespace", self.namespace, self.name, "--", *python))
        return health

    def requests(self) -> Counter[str]:
        """Return the requests it has sent to the API server, by verb and resource."""
        return Counter({request: int(count["requests"]) for request, count in self.health()["apiTraffic"].items()})


def run(pod: OperatorPod, deadline: float) -> tuple[dict[str, Any], float, list[tuple[float, float, float]]]:
    """Apply the example and wait for its end: (object, seconds, samples of the operator)."""
    kubectl("delete", RESOURCE, PROFILE, "--ignore-not-found", "--wait")
    samples = [pod.sample()]
    started = time.monotonic()
    kubectl("apply", "--filename", str(EXAMPLE))
    while True:
        time.sleep(2)
        profile = get(RESOURCE, PROFILE)
        conditions = {c["type"]: c for c in profile.get("status", {}).get("conditions", [])}
        seconds = time.monotonic() - started
        finished = conditions.get("Finished", {})
        print(f"\r{seconds:4.0f} s  {finished.get('message', '')[:100]:100}", end="", file=sys.stderr, flush=True)
        if pod.sample()[0] > samples[-1][0]:
            samples.append(pod.sample())
        if finished.get("status") == "True":
            print(file=sys.stderr)
            return profile, seconds, samples
        if seconds > deadline:
            sys.exit(f"not finished after {seconds:.0f} s: {finished.get('message')}")


def trial_table(status: dict[str, Any]) -> list[str]:
    """Return how a run ended, and a row for each of its trials."""
    succeeded = next(c for c in status["conditions"] if c["type"] == "Succeeded")
    lines = [
        f"Succeeded={succeeded['status']}, {succeeded['reason']}: {succeeded['message']}",
        "",
        "| trial | purpose | size | outcome | p95 | CPU per request | took |",
        "|---|---|---|---|---|---|---|",
    ]
    for trial, (begin, end) in zip(status["trials"], moments(status), strict=True):
        limits, usage = trial["limits"], trial.get("usage", {})
        p95 = _with_interval(trial.get("load", {}))
        fresh = "fresh" if trial.get("fresh", True) else "resized"
        size = f"{limits['cpu']}, {limits['memory']} ({fresh})"
        cost, took = usage.get("cpuTimePerRequest", ""), (end - begin).total_seconds()
        row = (trial["index"], trial["purpose"], size, trial["outcome"], p95, cost, f"{took:.0f} s")
        lines.append(f"| {' | '.join(map(str, row))} |")
    return [*lines, ""]


def _with_interval(load: dict[str, Any]) -> str:
    value, low, high = (load.get(name, {}).get("p95") for name in ("latency", "latencyLow", "latencyHigh"))
    return f"{value} ({low} to {high})" if value and low and high else value or ""


def moments(status: dict[str, Any]) -> list[tuple[datetime, datetime]]:
    """Return when each trial began and ended."""
    return [
        (datetime.fromisoformat(t["startTime"]), datetime.fromisoformat(t["completionTime"])) for t in status["trials"]
    ]


GOALS = {
    "apply to the end": ("{:.0f} s", "360 s"),
    "trials": ("{:.0f}", "8"),
    "longest idle time between two trials": ("{:.1f} s", "3 s"),
    "operator, working set": ("{:.0f} MiB", "200 MiB"),
    "operator, CPU": ("{:.1f} % of a core", "2 %"),
    "API writes a trial": ("{:.1f}", "10"),
    "status updates a trial": ("{:.1f}", "4"),
    "API lists a trial": ("{:.1f}", "3"),
}
"""What is measured: how it is written, and what it is meant to reach."""


def measured(
    status: dict[str, Any], seconds: float, samples: list[tuple[float, float, float]], requests: Counter[str]
) -> dict[str, float]:
    """Return the numbers of one run, by the names in GOALS."""
    trials = status["trials"]
    idle = [(after[0] - before[1]).total_seconds() for before, after in itertools.pairwise(moments(status))]
    (t0, cpu0, _), (t1, cpu1, _) = samples[0], samples[-1]
    numbers = (
        seconds,
        len(trials),
        max(idle, default=0),
        max(s[2] for s in samples) / 2**20,
        100 * (cpu1 - cpu0) / (t1 - t0),
        _of(requests, *WRITES) / len(trials),
        requests["update modelprofiles/status"] / len(trials),
        _of(requests, "list") / len(trials),
    )
    return dict(zip(GOALS, numbers, strict=True))


WRITES = ("create", "update", "patch", "delete")
"""Verbs of requests that change something."""


def _of(requests: Counter[str], *verbs: str) -> int:
    """Return the requests of some verbs, without those of the Lease, which is renewed whatever a trial takes."""
    counted = ((request.split(), count) for request, count in requests.items())
    return sum(count for (verb, resource), count in counted if verb in verbs and resource != LEASES.plural)


def goal_table(runs: list[dict[str, float]]) -> list[str]:
    """Return the median of the runs, and each of them where there are several."""
    several = f" | each of {len(runs)} runs" if len(runs) > 1 else ""
    lines = [f"| what | {'median' if several else 'measured'}{several} | to reach |"]
    lines.append("|---|---|---|" + ("---|" if several else ""))
    for request, (form, goal) in GOALS.items():
        values = [run[request] for run in runs]
        each = " | " + ", ".join(form.split()[0].format(value) for value in values) if several else ""
        lines.append(f"| {request} | {form.format(statistics.median(values))}{each} | {goal} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.main_job", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--namespace", default="modelprofiler-system", help="where the operator runs")
    parser.add_argument("--deadline", type=number(1, 7200), default=900, help="seconds to wait for the end of a run")
    parser.add_argument("--runs", type=count(1, 100), default=1, help="how often to run it, one after the other")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    pod = OperatorPod(arguments.namespace)
    runs, lines = [], []
    for _ in range(arguments.runs):
        before = pod.requests()
        profile, seconds, samples = run(pod, arguments.deadline)
        runs.append(measured(profile["status"], seconds, samples, pod.requests() - before))
        lines += trial_table(profile["status"])
    kubectl("delete", RESOURCE, PROFILE, "--wait")
    text = "\n".join([*lines, *goal_table(runs)])
    print(text)
    if arguments.write:
        replace("main-job", text)


if __name__ == "__main__":
    main()
