"""A whole run of a server that leaks: it is soaked, and not called verified."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from benchmarks.claims.recorded import unproved
from tests.ports import unused_port

import modelprofiler
from modelprofiler.api.trial import Purpose

pytestmark = [pytest.mark.whole_run, pytest.mark.timeout(600), pytest.mark.usefixtures("control_groups")]

SERVER = Path(__file__).parents[2] / "benchmarks" / "soak" / "server.py"


def test_a_fast_leak_is_killed_in_its_soak(tmp_path: Path) -> None:
    """1 MiB a request at 20/s: at the recommended size the server is killed, and at the largest one as well."""
    port = unused_port()
    container = {"name": "server", "image": "none", "command": [sys.executable, str(SERVER), str(port), "leak", "1024"]}
    spec = {
        "server": {"template": {"spec": {"containers": [container]}}},
        "endpoint": {"http": {"port": port, "path": "/predict", "timeout": "10s"}},
        "dataset": {"source": {"inline": "\n".join(f'{{"row": {number}}}' for number in range(20))}},
        "load": {"openLoop": {"rate": "20"}, "warmup": "1s", "duration": "8s"},
        "objectives": {"latency": {"p95": "5s"}},
        "resources": {"cpu": {"values": ["1"]}, "memory": {"values": ["320Mi", "512Mi"]}},
        "search": {"soak": "1m", "deadline": "10m"},
    }
    file = tmp_path / "profile.yaml"
    head = {"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": "leak"}}
    file.write_text(yaml.safe_dump(head | {"spec": spec}))
    result = modelprofiler.run(file, directory=tmp_path / "run", wait_seconds=500)
    assert "MemoryGrows" == result.reason, result.message
    assert [] == unproved(result.record.profile, "Local")
    assert result.recommendation is not None
    assert result.recommendation.verification is None
    soaks = [trial for trial in result.trials if trial.purpose is Purpose.SOAK]
    assert {"OOMKilled"} == {trial.outcome.value for trial in soaks}
    assert "lasts" in result.message
