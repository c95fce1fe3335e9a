"""A node that other work keeps busy, and a server on it that is too slow then."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator

from benchmarks.cluster_truth.nodes import LOCALCLUSTER, Node
from tests.e2e.support import Profile, Run, cost_profile, cost_server

CPU_MS, RATE, SIZE = 25, "20", "700m"
"""Half a core is needed, and as much is left at this size: on a quiet node such a server keeps up."""

LOOPS = {False: 8, True: 2}
"""Busy loops on a node with the machine's CPUs, and on one in user mode, which has one. Programs outside of pods compete
with all pods together, whose share is that of the node's CPUs, so that the server gets a third of a CPU."""

LONGEST_SECONDS = 120
"""The loops end by themselves then, whatever becomes of this program."""

_LOOP = "timeout {seconds} sh -c 'while :; do :; done' & "


@contextlib.contextmanager
def crowded(node: Node) -> Iterator[None]:
    """Keep a node busy with something outside of Kubernetes."""
    loops = _LOOP.format(seconds=LONGEST_SECONDS) * LOOPS[node.user_mode]
    process = subprocess.Popen(
        [str(LOCALCLUSTER), "on", node.name, "sh", "-c", f"{loops} echo $$; wait"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as output:
        shell = output.readline().strip()
        try:
            yield
        finally:
            subprocess.run(
                [str(LOCALCLUSTER), "on", node.name, "pkill", "-P", shell], check=False, capture_output=True, timeout=60
            )
            process.wait(timeout=LONGEST_SECONDS)


def server_on(node: Node, kubectl: Run, namespace: str, name: str) -> Profile:
    """Apply a profile of one size, whose server needs half a core of the node; the load runs on the other node."""
    document = cost_profile(
        name,
        node.pinned(cost_server(cpu_ms=CPU_MS, memory_mib=32)),
        load={"openLoop": {"rate": RATE}, "duration": "18s"},
        objectives={"latency": {"p95": "1s"}},
        resources={"cpu": {"values": [SIZE]}, "memory": {"values": ["96Mi"]}},
    )
    kubectl("--namespace", namespace, "apply", "-f", "-", input=json.dumps(document))
    return Profile(kubectl, namespace, name)
