"""Try whether other work on the server's node is noticed when the load runs elsewhere, and quiet nodes are not blamed.

A server that needs 0.7 of a core is loaded ten times on each node of the cluster while busy loops run there, and ten
times without them. Prints Markdown; --write puts it into docs/benchmarks.md.

    MODELPROFILER_NODES=2 make bench PART=crowded-node
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.arguments import count
from benchmarks.cluster_truth.nodes import LOCALCLUSTER, Node, nodes
from benchmarks.publish import replace
from tests.e2e.support import Profile, Run, command, cost_profile, cost_server, fresh_namespace

from modelprofiler.api.trial import Outcome, Trial

CPU_MS, RATE, SIZE = 35, "20", "900m"
"""0.7 of a core is needed: on a quiet node such a server keeps up at this size."""

LOOPS = {False: 8, True: 2}
"""Busy loops on a node with the machine's CPUs, and on one in user mode, which has one. Programs outside pods compete
with all pods together, whose share is that of the node's CPUs, so that the server gets a third of a CPU at most."""

LONGEST_SECONDS = 120
"""The loops end by themselves then, whatever becomes of this program."""

_MARK = "modelprofiler-crowded-node"
"""In the command lines of the loops, which are told by it."""


@contextlib.contextmanager
def crowded(node: Node) -> Iterator[None]:
    """Keep a node busy with something outside of Kubernetes."""
    # Each in a session of its own: the kernel's automatic groups give the programs of one session a single share.
    loop = f"setsid timeout {LONGEST_SECONDS} sh -c ': {_MARK}; while :; do :; done' & "
    process = subprocess.Popen(
        [str(LOCALCLUSTER), "on", node.name, "sh", "-c", f"{loop * LOOPS[node.user_mode]} wait"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        subprocess.run(
            # The brackets keep the command from matching itself.
            [str(LOCALCLUSTER), "on", node.name, "pkill", "-f", f"[{_MARK[0]}]{_MARK[1:]}"],
            check=False,
            capture_output=True,
            timeout=60,
        )
        process.wait(timeout=LONGEST_SECONDS)


def server_on(node: Node, kubectl: Run, namespace: str, name: str) -> Profile:
    """Apply a profile of one size, whose server needs 0.7 of a core of the node; the load runs on the other node."""
    document = cost_profile(
        name,
        node.pinned(cost_server(cpu_ms=CPU_MS, memory_mib=32)),
        load={"openLoop": {"rate": RATE}, "duration": "18s"},
        objectives={"latency": {"p95": "1s"}},
        resources={"cpu": {"values": [SIZE]}, "memory": {"values": ["96Mi"]}},
    )
    kubectl("--namespace", namespace, "apply", "-f", "-", input=json.dumps(document))
    return Profile(kubectl, namespace, name)


def first_trial(node: Node, kubectl: Run, *, busy: bool) -> Trial:
    """Return the first trial of a server on a node, with other work there or without."""
    with fresh_namespace(kubectl) as namespace, crowded(node) if busy else contextlib.nullcontext():
        profile = server_on(node, kubectl, namespace, "crowded" if busy else "quiet")
        return profile.wait_until("a trial", lambda status: bool(status.trials)).trials[0]


HEAD = """\
| server on | other work | trials | called Disturbed | outcomes | other CPU, median | clock offset known |
|---|---|---|---|---|---|---|"""


def row(node: Node, *, busy: bool, trials: Sequence[Trial]) -> str:
    """Return a line of the table."""
    disturbed = sum(trial.outcome is Outcome.DISTURBED for trial in trials)
    outcomes = ", ".join(f"{n} {outcome}" for outcome, n in Counter(str(t.outcome) for t in trials).most_common())
    other = sorted(int(t.node.other_cpu.millicores) for t in trials if t.node and t.node.other_cpu is not None)
    clocks = sum(trial.node is not None and trial.node.clock_offset is not None for trial in trials)
    kernel = "user mode, version 2 of control groups" if node.user_mode else "the machine's kernel"
    median = f"{other[len(other) // 2]}m" if other else "not known"
    work = f"{LOOPS[node.user_mode]} busy loops" if busy else "none"
    return f"| {node.name} ({kernel}) | {work} | {len(trials)} | {disturbed} | {outcomes} | {median} | {clocks} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster_truth.crowded", description=__doc__)
    parser.add_argument("--trials", type=count(1, 100), default=10, help="with and without other work (default: 10)")
    parser.add_argument("--node", action="append", help="only this one, not written")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    kubectl = command("kubectl", dict(os.environ))
    there = nodes(kubectl)
    if len(there) < 2:
        print("there is one node, so that load and server are on the same: MODELPROFILER_NODES=2", file=sys.stderr)
        return 3
    lines = [HEAD]
    for node in there:
        if options.node and node.name not in options.node:
            continue
        for busy in (True, False):
            trials = []
            for number in range(options.trials):
                trials.append(first_trial(node, kubectl, busy=busy))
                print(
                    f"{node.name}, {busy=}, {number + 1}: {trials[-1].outcome}, {trials[-1].message}", file=sys.stderr
                )
            lines.append(row(node, busy=busy, trials=trials))
    print("\n".join(lines))
    if options.write and not options.node:
        replace("crowded-node", "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
