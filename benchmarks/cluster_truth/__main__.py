"""Measure servers of known cost in the local cluster, from every source, and print how far off the numbers are.

Each server runs under one load of 30 s as a ModelProfile of one size. The same load is observed by the kubelet, by a
Prometheus that scrapes every 15 s and one that scrapes every 30 s (which this benchmark starts and the operator reads),
by Auto, and ten times a second by the control group, read on the server's node. Each server runs on each node of the
cluster, so that there are numbers for each version of control groups that its nodes have (localcluster up --nodes 2
adds one with version 2; the load is on the first). The result of each source is computed by the
operator's own code from the samples that the source had when the operator would have stopped waiting. The results of
other tools for the same run are listed, too. Prints Markdown; --write puts it into docs/benchmarks.md.

    make bench PART=cluster-truth
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.cluster_truth import prometheus, sources, tables
from benchmarks.cluster_truth.cases import CASES, LINGER_SECONDS, Case, cases_for
from benchmarks.cluster_truth.evaluate import Outcome, evaluate, size
from benchmarks.cluster_truth.nodes import Node, nodes
from benchmarks.cluster_truth.rules import percent_off
from benchmarks.cluster_truth.watch import Seen, Watch
from benchmarks.publish import replace
from tests.e2e.support import SYSTEM_NAMESPACE, Profile, Run, command, find_condition, fresh_namespace

from modelprofiler.api.trial import Outcome as TrialOutcome
from modelprofiler.report.record import TrialRecord

HERE = Path(__file__).parent
CLUSTER = HERE.parent.parent / "hack" / "cluster"
CASE_SECONDS, SECONDS = 240.0, 600.0
"""The longest that a case and all of a node's may take."""


class NotMeasured(Exception):
    """A case came to nothing; one sentence says why."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def operator_reads(url: str) -> Iterator[None]:
    """Have the operator read another Prometheus, and in the end the cluster's again."""
    _install("--set", f"prometheus.url={url}")
    try:
        yield
    finally:
        _install()


def _install(*arguments: str) -> None:
    command_ = [str(CLUSTER), "install", "--namespace", SYSTEM_NAMESPACE, *arguments]
    completed = subprocess.run(command_, capture_output=True, text=True, timeout=240)
    if completed.returncode:
        raise SystemExit(f"the chart cannot be installed (make cluster images): {completed.stderr.strip()[-500:]}")


async def finished(profile: Profile, deadline: float) -> TrialRecord:
    """Wait for the end of a case, and return the trial that counts.

    Raises
    ------
    NotMeasured
        There is none.
    """
    deadline = min(deadline, time.monotonic() + CASE_SECONDS)
    while True:
        status = (await asyncio.to_thread(profile.read)).status
        condition = find_condition(status, "Finished")
        if condition is not None and condition.status == "True":
            break
        if time.monotonic() > deadline:
            raise NotMeasured(f"not finished in time: {condition.message if condition else 'not seen by the operator'}")
        await asyncio.sleep(1)
    if not status.trials:
        raise NotMeasured(condition.message)
    report = await asyncio.to_thread(profile.report)
    records = [TrialRecord.from_dict(data) for _, data in sorted(report.items())]
    passed = [r for r in records if r.trial.outcome is TrialOutcome.PASSED]
    if not passed:
        raise NotMeasured(status.trials[-1].message)
    return passed[-1]


async def measure(
    node: Node, cases: Sequence[Case], kubectl: Run, state: Path, urls: Sequence[str], directory: Path
) -> tuple[list[Outcome], list[str]]:
    """Run every case on a node, one after the other, and compare in the end, when every rate is there.

    Returns
    -------
    tuple
        The outcomes of the cases, and a sentence for each case that has none.
    """
    deadline = time.monotonic() + SECONDS
    outcomes: list[tuple[Case, TrialRecord, Seen]] = []
    failed: list[str] = []
    with fresh_namespace(kubectl) as namespace:
        kubelets, token = sources.kubelet_urls([node]), sources.token(kubectl, directory / "token")
        async with sources.opened(kubelets, token, state / "pki" / "ca.crt", urls) as opened:
            watch = Watch(kubectl, namespace, opened)
            watch.start()
            try:
                # Those of one second take their turns by name.
                named = [(f"case-{number}-{case.name}", case) for number, case in enumerate(cases, 1)]
                for name, case in named:
                    kubectl("--namespace", namespace, "apply", "-f", "-", input=json.dumps(case.profile(name, node)))
                for number, (name, case) in enumerate(named, 1):
                    say(f"{node.name}, {number} of {len(cases)}: {case.title}")
                    try:
                        record = await finished(Profile(kubectl, namespace, name), deadline)
                    except NotMeasured as error:
                        failed.append(f"Not measured on {node.name}, {case.title}: {str(error).rstrip('.')}.")
                        say(failed[-1])
                        # The next one waits for its end.
                        kubectl("--namespace", namespace, "delete", "modelprofile", name, "--wait=false")
                        continue
                    assert record.load is not None
                    outcomes.append((case, record, watch.pod_under(record.load.warmup_started or 0)))
                # The last server lingers for those who have not seen enough of it.
                await asyncio.sleep(LINGER_SECONDS)
            finally:
                await watch.stop()
                for source, problem in watch.problems.items():
                    say(f"{node.name}, {source}: {problem}")
    by_name = dict(zip((sources.QUICK, sources.SLOW), urls, strict=True))
    return [evaluate(case, node, record, pod, by_name) for case, record, pod in outcomes], failed


def differences(outcomes: Sequence[Outcome]) -> str:
    """Say how far what the operator wrote is from what its code makes of the same source here."""
    pairs = [(o.row, o.usages[sources.SLOW][0]) for o in outcomes]
    apart = [
        abs(percent_off(size(b.cpu), size(a.cpu)) or 0.0)
        for a, b in pairs
        if b is not None and None not in (a.cpu, b.cpu)
    ]
    return f"CPU in the operator's own rows (Prometheus, 30 s) differs by at most {max(apart, default=0.0):.2f} %."


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cluster_truth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument(
        "--case", choices=[case.name for case in CASES], action="append", help="only this one, not written"
    )
    parser.add_argument("--node", action="append", help="only this one, not written")
    arguments = parser.parse_args()
    if not os.environ.get("MODELPROFILER_LOCALCLUSTER"):
        parser.error("it needs the local cluster: it reads control groups, and starts a second Prometheus beside it")
    state, url = Path(os.environ["KUBECONFIG"]).parent, os.environ["PROMETHEUS_URL"]
    # Whatever ends it, the operator reads the cluster's Prometheus again, and the second one ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        with prometheus.slower(state, url, 30, work) as slow, operator_reads(slow):
            kubectl = command("kubectl")
            outcomes: list[Outcome] = []
            failed: list[str] = []
            for node in nodes(kubectl):
                if not arguments.node or node.name in arguments.node:
                    cases = [case for case in cases_for(node) if not arguments.case or case.name in arguments.case]
                    measured, missed = asyncio.run(measure(node, cases, kubectl, state, (url, slow), work))
                    outcomes += measured
                    failed += missed
    if not outcomes:
        raise SystemExit("nothing was measured")
    text = "\n\n".join([tables.document(outcomes, sources.NAMES), differences(outcomes), *failed])
    say(f"{time.monotonic() - began:.0f} s")
    print(text)
    if arguments.write and not arguments.case and not arguments.node:
        replace("cluster-truth", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
