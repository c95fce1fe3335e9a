"""The explanation of a whole run of a server that leaks memory and has more threads than its limit has CPU."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from benchmarks.claims.recorded import unproved
from tests.ports import unused_port

import modelprofiler
from modelprofiler.report.result import Result

pytestmark = pytest.mark.timeout(900)

LEAK_KIB = 64
THREADS = 24


def profile(repository: Path, port: int) -> dict[str, Any]:
    """Return a profile of a server that is throttled at the smaller size, and keeps 64 KiB with each request."""
    knobs = ["--host", "127.0.0.1", "--port", port, "--cpu-ms", 8, "--leak-kib", LEAK_KIB, "--threads", THREADS]
    container = {
        "name": "server",
        "image": "none",
        "command": [sys.executable, str(repository / "tests/servers/costserver.py")],
        "args": [str(knob) for knob in knobs],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": port}},
    }
    spec = {
        "server": {"template": {"spec": {"containers": [container]}}},
        "endpoint": {"http": {"port": port}},
        "dataset": {"source": {"inline": "\n".join(f'{{"row": {i}}}' for i in range(50))}},
        "load": {"openLoop": {"rate": "25"}, "warmup": "0s", "duration": "5s"},
        "objectives": {"latency": {"p95": "2s"}},
        "resources": {"cpu": {"values": ["250m", "1"]}, "memory": {"values": ["192Mi", "256Mi"]}},
        "recommendation": {"cpuMarginPercent": 0},
        # What is reported of a leak that no soak has followed; test_soak.py follows one.
        "search": {"soak": "0s"},
    }
    meta = {"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": "leaking"}}
    return {**meta, "spec": spec}


@pytest.fixture(scope="module")
def result(control_groups: None, tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Result:
    """Run it."""
    port = unused_port()
    base = tmp_path_factory.mktemp("explained")
    file = base / "profile.yaml"
    file.write_text(yaml.safe_dump(profile(repository, port)))
    return modelprofiler.run(file, directory=base / "run", wait_seconds=600)


def test_every_sentence_is_shown_by_the_trials(result: Result) -> None:
    """Of the explanation, of how the run ended, and of each trial."""
    assert [] == unproved(result.record.profile, "Local")


def explanation(result: Result) -> str:
    """Return what the recommendation says of itself."""
    assert result.recommendation is not None, result
    return result.recommendation.explanation


def test_a_leak_is_reported_with_its_slope_and_interval_and_when_it_will_kill(result: Result) -> None:
    """64 KiB a request are 62.5 MiB per 1,000."""
    text = explanation(result)
    match = re.search(r"Memory grew by (\S+) MiB \((\S+) to (\S+)\) per 1,000 requests", text)
    assert match is not None, text
    slope, low, high = map(float, match.groups())
    assert LEAK_KIB * 1000 / 1024 == pytest.approx(slope, rel=0.05)
    assert low <= slope <= high
    assert "no trial has shown that this ends" in text
    assert re.search(r"192Mi lasts [\d.]+ (s|min), 256Mi [\d.]+ (s|min)\.", text), text


def test_threads_beyond_the_limit_are_reported_with_the_variables_to_set(result: Result) -> None:
    """As many as a pool of a large node has."""
    text = explanation(result)
    match = re.search(r"The server had (\d+) threads on 250m CPU and was throttled in \d+%", text)
    assert match is not None, text
    assert int(match[1]) >= THREADS
    assert "set OMP_NUM_THREADS=1, OPENBLAS_NUM_THREADS=1 and MKL_NUM_THREADS=1" in text
