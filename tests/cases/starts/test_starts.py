"""Whole runs of servers as public bug reports describe them: how they start, end, and what they leave behind.

immich-app/immich#4007 (workers killed while they boot), Kludex/uvicorn#426 (ends after some requests),
NVIDIA/TensorRT-LLM#17915 (no SO_REUSEADDR), helm/charts#13072 (listens on ::1 alone), kubernetes/kubernetes#14713 (a
probe needs a header), ollama/ollama#5111 (a model that is mapped).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from benchmarks.claims.recorded import unproved
from tests.ports import unused_port

import modelprofiler
from modelprofiler.api.trial import Outcome
from modelprofiler.report.result import Result

pytestmark = [pytest.mark.whole_run, pytest.mark.timeout(900), pytest.mark.usefixtures("control_groups")]

SERVERS = Path(__file__).with_name("servers")
HOST = [{"name": "Host", "value": "model.example.internal"}]
MODEL_SIZE = 256 * 2**20


def run(directory: Path, command: list[str], **changes: Any) -> Result:
    """Run a server with the smallest of loads: 20 requests/s, at most 1 CPU and 256Mi."""
    port = unused_port()
    probe = changes.pop("probe", None)
    container: dict[str, Any] = {"name": "server", "image": "none", "command": [sys.executable, *command, str(port)]}
    if probe is not None:
        container["readinessProbe"] = {"httpGet": {"path": "/", "port": port} | probe}
    endpoint = {"port": port, "path": "/predict", "timeout": "10s"} | changes.pop("http", {})
    spec = {
        "server": {"template": {"spec": {"containers": [container]}}},
        "endpoint": {"http": endpoint},
        "dataset": {"source": {"inline": "\n".join(f'{{"row": {number}}}' for number in range(20))}},
        "load": {"openLoop": {"rate": "20"}, "warmup": "2s", "duration": "8s"},
        "objectives": {"latency": {"p95": "300ms"}},
        "resources": {"cpu": {"values": ["200m", "400m", "1"]}, "memory": {"values": ["64Mi", "128Mi", "256Mi"]}},
        "search": {"maxTrials": 10, "deadline": "10m"},
    } | changes
    file = directory / "profile.yaml"
    head = {"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": "case"}}
    file.write_text(yaml.safe_dump(head | {"spec": spec}))
    result = modelprofiler.run(file, directory=directory / "run", wait_seconds=600)
    assert [] == unproved(result.record.profile, "Local")
    return result


def habit(name: str) -> list[str]:
    """Return the command of a server with a habit, without its port."""
    return [str(SERVERS / "one_server.py"), name]


def verified(result: Result) -> Any:
    """Return the verified limits."""
    assert result.reason == "Verified", (result.reason, result.message)
    assert result.recommendation is not None
    return result.recommendation.limits


def test_a_server_that_cannot_bind_its_port_again_is_waited_for(tmp_path: Path) -> None:
    """The next start is not counted as a crash at its size."""
    limits = verified(run(tmp_path, habit("closes-first")))
    assert limits.memory.bytes == 64 * 2**20
    assert float(limits.cpu) < 1


def test_a_server_that_ends_itself_is_not_blamed_on_its_size(tmp_path: Path) -> None:
    """It ends at the largest size as well."""
    load = {"openLoop": {"rate": "40"}, "warmup": "2s", "duration": "8s"}
    result = run(tmp_path, habit("ends-itself"), load=load)
    assert result.recommendation is None
    (trial,) = (t for t in result.trials if t.outcome is not Outcome.DISTURBED)
    assert trial.outcome is Outcome.CRASHED
    assert "ended with exit code 0: Maximum request limit of 300 exceeded" in result.message
    assert "it ended by itself, so a larger size would not help" in result.message


def test_a_server_that_listens_on_another_address_is_named(tmp_path: Path) -> None:
    """Within the time that it may take to be ready."""
    objectives = {"latency": {"p95": "300ms"}, "maxTimeToReady": "5s"}
    result = run(tmp_path, habit("on-ipv6"), objectives=objectives)
    assert result.reason == "ReferenceFailed"
    assert "something listens on [::1]:" in result.message
    assert "but not on 127.0.0.1:" in result.message


def test_the_headers_of_a_probe_are_sent(tmp_path: Path) -> None:
    """The server answers 400 to any other host."""
    verified(run(tmp_path, habit("own-host"), probe={"httpHeaders": HOST}, http={"headers": HOST}))


def test_a_process_number_in_a_file_does_not_keep_the_next_server_from_starting(tmp_path: Path) -> None:
    """It is a leftover of the last one, which SIGKILL may have kept from removing it."""
    result = run(tmp_path, habit("leaves-a-pid-file"), search={"maxTrials": 10, "resize": "Recreate"})
    verified(result)
    assert len(result.trials) > 2


def test_a_lock_in_a_shared_folder_does_not_keep_the_next_server_from_starting(tmp_path: Path) -> None:
    """zammad/zammad#1934, sgl-project/sglang#28089: 1 CPU was Verified, since smaller sizes had crashed."""
    result = run(tmp_path, habit("leaves-a-lock"), search={"maxTrials": 10, "resize": "Recreate"})
    assert float(verified(result).cpu) < 1
    assert all(trial.outcome is Outcome.PASSED for trial in result.trials)
    assert any(".lock is there, which an earlier one left behind" in note for note in result.record.notes)


def test_memory_covers_a_model_that_is_mapped(tmp_path: Path) -> None:
    """The writer of the file was charged for its pages, not the server."""
    model = tmp_path / "index.bin"
    block = os.urandom(2**20)
    with model.open("wb") as file:
        for _ in range(MODEL_SIZE // len(block)):
            file.write(block)
    resources = {"cpu": {"values": ["400m", "1"]}, "memory": {"min": "32Mi", "max": "512Mi", "step": "16Mi"}}
    changes = {"model": {"name": "index", "source": {"path": "index.bin"}}, "resources": resources}
    result = run(tmp_path, habit("maps-its-model"), **changes)
    assert verified(result).memory.bytes >= MODEL_SIZE
    assert "Files that the server maps take up" in result.recommendation.explanation  # type: ignore[union-attr] # it is verified


def test_a_size_at_which_workers_cannot_boot_is_not_recommended_and_starting_is_named(tmp_path: Path) -> None:
    """The load alone needs some 90m; a new server needs 500m to boot within the patience of its master."""
    result = run(
        tmp_path,
        [str(SERVERS / "workers_killed_while_booting.py")],
        probe={"periodSeconds": 1},
        objectives={"latency": {"p95": "400ms"}, "maxTimeToReady": "15s"},
    )
    if result.recommendation is None:
        assert "WORKER TIMEOUT" in result.message
        pytest.skip("this machine has too little CPU left for a worker to boot at any size")
    assert float(verified(result).cpu) == 1
    assert "The start, not the load, determines the CPU" in result.recommendation.explanation
