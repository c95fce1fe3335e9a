"""Measure the operator with thousands of ModelProfiles in its queue, on the cluster of KUBECONFIG; prints Markdown.

The chart must be installed (``make cluster images install``), and there must be no other profile. It takes about
thirteen minutes. Everything that it creates is removed at the end, also after Ctrl-C.

    make bench PART=operator
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections import Counter

from benchmarks import publish
from benchmarks.arguments import number
from benchmarks.main_job import OperatorPod, kubectl
from benchmarks.operator_scale import crowd, tables
from benchmarks.operator_scale.costs import Cost, cost_of, gaps, settled_samples, traffic

from modelprofiler.api.objects import Object
from modelprofiler.cluster.adapter import PROFILES, Cluster
from modelprofiler.cluster.fetch import fetch
from modelprofiler.errors import ModelProfilerError

SYSTEM = "modelprofiler-system"
APART, FIRST, MEASURED, LAST = (f"scale-run-{turn}" for turn in range(4))
"""Namespaces of the runs, in their turns: without a queue; one that holds it up, one measured, one that holds it up."""
SIZES = [f"{millicores}m" for millicores in range(60, 601, 10)]
OPERATOR = ("--selector", "app.kubernetes.io/name=modelprofiler")
READY = "jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=='Ready')].status}{'\\n'}{end}"
BUSY = 1
"""Profiles that the operator looks at of itself once the queue has settled: the one that runs."""
NEWCOMERS = 5
AFTER_RESTART_SECONDS = 40.0
LONGEST_REMOVAL_SECONDS = 150.0


def say(text: str) -> None:
    """Print progress, apart from the result."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


async def wait_until(cluster: Cluster, namespace: str, name: str, *reasons: str) -> Object:
    """Wait until a profile's Finished has one of some reasons; Finished=True is always enough."""
    while True:
        profile = await cluster.get(PROFILES, namespace, name)
        conditions = {c["type"]: c for c in (profile.get("status") or {}).get("conditions") or []}
        finished = conditions.get("Finished") or {}
        if finished.get("reason") in reasons or finished.get("status") == "True":
            return profile
        await asyncio.sleep(0.5)


async def hold_up(cluster: Cluster, namespace: str) -> None:
    """Apply a profile whose load lasts until it is removed."""
    await crowd.make_namespace(cluster, namespace, server=True)
    await cluster.create(PROFILES, namespace, crowd.known_cost("profile", duration="1800s", values=["600m"]))


async def put_measured(cluster: Cluster, namespace: str) -> None:
    """Apply the profile whose run is measured."""
    await crowd.make_namespace(cluster, namespace, server=True)
    await cluster.create(PROFILES, namespace, crowd.known_cost("profile", duration="8s", values=SIZES))


async def measured_run(cluster: Cluster, pod: OperatorPod, namespace: str, measured: tables.Run) -> None:
    """Wait for the end of a run whose turn has just come, and note what the operator took for it."""
    async with cost_of(pod) as cost:
        await wait_until(cluster, namespace, "profile")
    record = await fetch(cluster, namespace, "profile")
    if not record.trials:
        story = (await cluster.get(PROFILES, namespace, "profile"))["status"]["conditions"][0]["message"]
        raise ModelProfilerError(f"the run that is measured ended without a trial: {story}")
    measured.cost, measured.trials = cost, len(record.trials)
    measured.gaps = gaps(record.trials)
    rows = ", ".join(f"{r.trial.limits.cpu} {r.trial.outcome.value}" for r in record.trials)
    say(f"{measured.trials} trials, {len(measured.gaps)} of them on a pod that was there: {rows}")


async def fill(cluster: Cluster, pod: OperatorPod, existing: int, target: int, namespaces: int) -> tuple[float, float]:
    """Fill the queue up; return the seconds until all were made, and until the operator had looked at all."""
    began = time.monotonic()
    seconds = await crowd.make(cluster, range(existing, target), namespaces, say)
    while True:
        # Asked of the operator: to list thousands of profiles all the time would keep the API server from its work.
        left = (await asyncio.to_thread(pod.health))["workers"]
        if left <= BUSY:
            left = Counter([crowd.reason_of(p) async for p in cluster.each(PROFILES)])[""]
        if not left:
            break
        say(f"{target} profiles are there, about {left} have not been looked at yet")
        await asyncio.sleep(5)
    return seconds, time.monotonic() - began


async def idle(pod: OperatorPod) -> Cost:
    """Return what the operator takes while all wait and one load runs."""
    async with cost_of(pod) as cost:
        await settled_samples(cost, 3, within=50)
    return cost


async def newcomer(cluster: Cluster, number: int) -> float:
    """Apply a profile; return the seconds until it has conditions."""
    namespace, name = f"scale-{number:02d}", f"newcomer-{number}"
    began = time.monotonic()
    await cluster.create(PROFILES, namespace, crowd.waiting_profile(name))
    while True:
        if crowd.reason_of(await cluster.get(PROFILES, namespace, name)):
            return time.monotonic() - began
        await asyncio.sleep(0.05)


async def restart(pod: OperatorPod, results: tables.Results) -> OperatorPod:
    """Remove the operator's pod; note what the next one does once it is ready, and return it."""
    began = time.monotonic()
    await asyncio.to_thread(kubectl, "delete", "pod", pod.name, "--namespace", pod.namespace, "--wait=false")
    while True:
        listed = ("get", "pods", "--namespace", pod.namespace, *OPERATOR, "--output", READY)
        lines = (await asyncio.to_thread(kubectl, *listed)).splitlines()
        ready = dict(line.partition(" ")[::2] for line in lines)
        if pod.name not in ready and set(ready.values()) == {"True"}:
            break
        await asyncio.sleep(0.5)
    results.ready = time.monotonic() - began
    say(f"the next operator was ready after {results.ready:.0f} s")
    next_pod = OperatorPod(pod.namespace)
    await asyncio.sleep(AFTER_RESTART_SECONDS)
    results.restarted = Cost(await traffic(next_pod))
    return next_pod


async def versions(cluster: Cluster) -> dict[str, str]:
    """Return the version of every waiting profile."""
    metas = [p["metadata"] async for p in cluster.each(PROFILES) if p["metadata"]["name"].startswith("waiting")]
    return {meta["name"]: meta["resourceVersion"] for meta in metas}


async def measure(cluster: Cluster, arguments: argparse.Namespace, results: tables.Results) -> None:
    """Do all of it, and note what comes out as it does."""
    pod = OperatorPod(arguments.namespace)
    say("a run without a queue")
    await put_measured(cluster, APART)
    await measured_run(cluster, pod, APART, results.unqueued)

    say("filling the queue")
    await hold_up(cluster, FIRST)
    await put_measured(cluster, MEASURED)
    await hold_up(cluster, LAST)
    for index in range(arguments.namespaces):
        await crowd.make_namespace(cluster, f"scale-{index:02d}")
    await wait_until(cluster, FIRST, "profile", "Running")
    existing = 0
    for target in (arguments.profiles // 5, arguments.profiles):
        stage = tables.Stage(target)
        results.stages.append(stage)
        stage.applied, stage.looked_at = await fill(cluster, pod, existing, target, arguments.namespaces)
        say(f"{target} wait; the operator had looked at all {stage.looked_at:.0f} s after the first was applied")
        stage.idle = await idle(pod)
        existing = target

    results.newcomers = [await newcomer(cluster, index) for index in range(min(NEWCOMERS, arguments.namespaces))]
    say(f"a new profile was seen after {statistics.median(results.newcomers):.2f} s")
    pod = await restart(pod, results)

    say(f"a run with {arguments.profiles} waiting")
    before = await versions(cluster)
    if (reason := crowd.reason_of(await cluster.get(PROFILES, FIRST, "profile"))) != "Running":
        raise ModelProfilerError(f"the run that holds up the queue ended too early, as {reason}")
    await cluster.delete(PROFILES, FIRST, "profile")
    await wait_until(cluster, MEASURED, "profile", "Running")
    await measured_run(cluster, pod, MEASURED, results.queued)
    await wait_until(cluster, LAST, "profile", "Running")
    await asyncio.sleep(25)  # the statuses of those whose place has changed are written within the next twenty seconds
    after = await versions(cluster)
    results.position_writes = sum(version != after.get(name) for name, version in before.items())


async def run_all(arguments: argparse.Namespace) -> int:
    """Run it within the deadline, remove everything, and print the tables."""
    cluster = await Cluster.connect()
    results = tables.Results()
    complete = False
    try:
        others = [p["metadata"] async for p in cluster.each(PROFILES)]
        if others:
            raise ModelProfilerError(f"{len(others)} ModelProfiles are there already, such as {others[0]['name']}")
        async with asyncio.timeout(arguments.deadline):
            await measure(cluster, arguments, results)
        complete = True
    except TimeoutError:
        say(f"not done within {arguments.deadline:.0f} s; what was measured until then:")
    finally:
        try:
            await crowd.remove(cluster, say, LONGEST_REMOVAL_SECONDS)
        finally:
            await cluster.close()
    text = tables.markdown(results)
    print(text)
    if arguments.write and complete:
        publish.replace("operator", text)
    return 0 if complete else 1


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.operator_scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profiles", type=int, default=5000, help="how many wait in the end (default: 5000)")
    parser.add_argument("--namespaces", type=int, default=50, help="namespaces they are in (default: 50)")
    parser.add_argument("--namespace", default=SYSTEM, help="where the operator runs")
    parser.add_argument(
        "--deadline", type=number(1, 7200), default=900, help="seconds for all but the removal (default: 900)"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    if not 5 <= arguments.profiles <= 20_000:
        parser.error("--profiles must be from 5 to 20000")
    if not 1 <= arguments.namespaces <= 100:
        parser.error("--namespaces must be from 1 to 100")
    try:
        return asyncio.run(run_all(arguments))
    except ModelProfilerError as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    except KeyboardInterrupt:
        parser.exit(130, "interrupted; what was made is removed\n")


if __name__ == "__main__":
    sys.exit(main())
