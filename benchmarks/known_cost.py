"""A profile of a server of known cost (tests/servers/costserver.py), for a cluster and for a machine without one."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import yaml
from benchmarks.implied import p95_at

PROGRAM = Path(__file__).parent.parent / "tests" / "servers" / "costserver.py"
NAME = "known-cost"
CPU_SECONDS, RATE, OBJECTIVE_SECONDS = 0.004, 40.0, 0.250
"""Of a request; requests a second; p95. Sizes below the implied one cannot keep up, and at it there is room: whatever
else differs from run to run, another size is found only when something is measured wrongly."""
STEP, MEMORY_STEP = 50, 16 * 2**20
"""Of the range: millicores, bytes."""
SIZES = range(100, 601, STEP)
HELD_MIB = 96


def implied() -> int:
    """Return the smallest CPU of the range, in millicores, at which a queue with that cost meets the objective."""
    return next(size for size in SIZES if p95_at(size / 1000, CPU_SECONDS, RATE) <= OBJECTIVE_SECONDS)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def write_profile(file: Path, port: int) -> None:
    """Write the profile and its ConfigMap, as kubectl and `modelprofiler run` take them, to a file."""
    knobs = ["--port", port, "--cpu-ms", f"{CPU_SECONDS * 1000:g}", "--memory-mib", HELD_MIB]
    container = {
        "name": "server",
        "image": f"modelprofiler/scoring-server:{os.environ.get('MODELPROFILER_TAG', 'dev')}",
        "command": ["python3", f"/costserver/{PROGRAM.name}", *map(str, knobs)],
        # At start only: a probe during the load would be CPU that no request has asked for.
        "startupProbe": {"httpGet": {"path": "/healthz", "port": port}, "periodSeconds": 1, "failureThreshold": 60},
        "volumeMounts": [{"name": "program", "mountPath": "/costserver"}],
    }
    pod = {"containers": [container], "volumes": [{"name": "program", "configMap": {"name": NAME}}]}
    spec = {
        "server": {"template": {"spec": pod}},
        "endpoint": {"http": {"port": port}},
        "dataset": {"source": {"inline": "\n".join(f'{{"row": {i}}}' for i in range(100))}},
        "load": {"openLoop": {"rate": f"{RATE:g}"}, "warmup": "2s", "duration": "15s"},
        "objectives": {"latency": {"p95": f"{OBJECTIVE_SECONDS * 1000:g}ms"}},
        "resources": {
            "cpu": {"min": f"{SIZES[0]}m", "max": f"{SIZES[-1]}m", "step": f"{STEP}m"},
            "memory": {"min": "64Mi", "max": "256Mi", "step": f"{MEMORY_STEP // 2**20}Mi"},
        },
        "recommendation": {"cpuMarginPercent": 0, "memoryMarginPercent": 0},
    }
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME},
            "data": {PROGRAM.name: PROGRAM.read_text(encoding="utf-8")},
        },
        {"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": NAME}, "spec": spec},
    ]
    file.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
