"""A run of the server of known cost, without the steps that prepare one from a file."""

import os
import sys
from pathlib import Path
from typing import Any

from tests.ports import unused_port

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import EffectiveResources, Provenance
from modelprofiler.load.rows.examine import describe
from modelprofiler.local.command import Command, HttpProbe
from modelprofiler.local.prepared import Prepared

CPU_SECONDS = 0.005
RATE = 30
SPEC: dict[str, Any] = {
    "server": {"template": {"spec": {"containers": [{"name": "server", "image": "none"}]}}},
    "dataset": {"source": {"inline": "{}"}},
    "load": {"openLoop": {"rate": str(RATE)}, "warmup": "0s", "duration": "5s"},
    "objectives": {"latency": {"p95": "2s"}},
    "resources": {"cpu": {"values": ["250m", "500m"]}, "memory": {"values": ["64Mi", "128Mi"]}},
    "recommendation": {"cpuMarginPercent": 0, "memoryMarginPercent": 0},
}


def prepare(directory: Path, repository: Path, knobs: str = "", **spec: Any) -> Prepared:
    """Return a run of the server of known cost with these knobs."""
    port = unused_port()
    rows = directory / "rows.txt"
    rows.write_text("\n".join(f'{{"row": {i}}}' for i in range(50)))
    data = SPEC | {"endpoint": {"http": {"port": port}}} | spec
    profile = ModelProfile.parse(
        {"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": "cost"}, "spec": data}
    )
    assert profile.spec.resources.cpu is not None
    assert profile.spec.resources.memory is not None
    arguments = f"--host 127.0.0.1 --port {port} --cpu-ms {CPU_SECONDS * 1000} {knobs}"
    return Prepared(
        profile=profile,
        resources=EffectiveResources(cpu=profile.spec.resources.cpu, memory=profile.spec.resources.memory),
        server=Command(
            argv=(sys.executable, str(repository / "tests/servers/costserver.py")),
            env={**os.environ, "COSTSERVER_ARGS": arguments},
            cwd=directory,
            container_name="server",
            probe=HttpProbe(port, "/healthz"),
        ),
        dataset_file=rows,
        dataset=describe(rows.read_bytes().splitlines()),
        run_hash="abc",
        provenance=Provenance(),
    )
