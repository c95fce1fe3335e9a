"""A profile of the server of known cost, as a user writes it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

CPU_SECONDS = 0.005


def profile(repository: Path, port: int) -> dict[str, Any]:
    """Return a profile of the server of known cost: 30 requests/s of 5 ms, 20 MiB and its interpreter."""
    container = {
        "name": "server",
        "image": "none",
        "command": [sys.executable, str(repository / "tests/servers/costserver.py")],
        "args": ["--host", "127.0.0.1", "--port", str(port), "--cpu-ms", str(CPU_SECONDS * 1000), "--memory-mib", "20"],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": port}},
    }
    spec = {
        "server": {"template": {"spec": {"containers": [container]}}},
        "endpoint": {"http": {"port": port}},
        "dataset": {"source": {"configMap": {"name": "rows", "key": "rows.txt"}}},
        "load": {"openLoop": {"rate": "30"}, "warmup": "0s", "duration": "5s"},
        "objectives": {"latency": {"p95": "2s"}},
        "resources": {"cpu": {"values": ["250m", "500m"]}, "memory": {"values": ["64Mi", "128Mi"]}},
        "recommendation": {"cpuMarginPercent": 0, "memoryMarginPercent": 0},
        # Where a machine that is busy makes memory seem to grow, a soak would follow: test_soak.py is about those.
        "search": {"soak": "0s"},
    }
    return {
        "apiVersion": "modelprofiler.io/v1alpha1",
        "kind": "ModelProfile",
        "metadata": {"name": "cost"},
        "spec": spec,
    }


def write(file: Path, repository: Path, port: int) -> Path:
    """Write the profile and its rows into a file, and return the file."""
    rows = {"rows.txt": "\n".join(f'{{"row": {i}}}' for i in range(50))}
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rows"}, "data": rows}
    file.write_text(yaml.safe_dump_all([profile(repository, port), config_map]))
    return file
