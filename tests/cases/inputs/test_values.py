"""Quantities, durations, percentages and variables as people write them; each with its public source."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelprofiler.cli import main

HERE = Path(__file__).resolve().parent

PROFILE: dict[str, Any] = {
    "apiVersion": "modelprofiler.io/v1alpha1",
    "kind": "ModelProfile",
    "metadata": {"name": "q"},
    "spec": {
        "server": {
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "server",
                            "image": "python:3.11-slim",
                            "command": ["python3", "-m", "http.server", "5117"],
                        }
                    ]
                }
            }
        },
        "endpoint": {"http": {"port": 5117, "path": "/", "method": "GET", "timeout": "10s"}},
        "dataset": {"source": {"inline": "{}"}},
        "load": {"openLoop": {"rate": "20"}, "duration": "8s"},
        "objectives": {"latency": {"p95": "300ms"}, "maxErrorPercent": "1"},
        "resources": {"cpu": {"values": ["100m", "1"]}, "memory": {"values": ["256Mi", "512Mi"]}},
    },
}

MEMORY, CPU, LATENCY = "resources.memory.values", "resources.cpu.values", "objectives.latency.p95"

REFUSED: dict[str, tuple[str, Any, str]] = {
    # kubernetes/kubernetes#79950 and #103761
    "thousandths of a byte": (MEMORY, ["256m", "512m"], "256Mi may be meant"),
    "lower case": (MEMORY, ["256mi", "512mi"], "256Mi may be meant"),
    # openshift/openshift-docs#4023
    "GB": (MEMORY, ["0.25GB", "1GB"], "1G or 1Gi may be meant"),
    "bytes": (MEMORY, [256, 512], "256Mi may be meant"),
    "1E": (MEMORY, ["256Mi", "1E"], "1E, which is 1000000000000000000 bytes"),
    # grafana/k6-operator#158
    "1000mi": (MEMORY, ["1000mi"], "1000Mi may be meant"),
    "a number with a fraction": (CPU, [0.1, 0.5], 'write 0.5 in quotes, "0.5"'),
    "a thousand CPUs": (CPU, ["100m", "1000"], "1000m may be meant"),
    "less than Linux grants": (CPU, ["1m", "500u"], "the least that Linux grants"),
    "rate with a fraction": ("load.openLoop.rate", 0.5, 'write 0.5 in quotes, "0.5"'),
    "no unit": (LATENCY, 300, "300 has no unit; write 300s or 300ms"),
    "no time at all": (LATENCY, "0ms", "must be greater than 0"),
    "no timeout at all": ("endpoint.http.timeout", "0s", "must be greater than 0"),
    "150 percent": ("objectives.maxErrorPercent", "150", "must be a percentage from 0 to 100"),
    "spaces": ("load.duration", "8 s", "8s may be meant"),
    "days": ("load.duration", "1d", "24h may be meant"),
}

ACCEPTED: dict[str, tuple[str, Any, str]] = {
    # kubernetes/kubectl#1426
    "fractions": (MEMORY, ["0.1Gi", "0.3Gi", "1.1Gi"], "memory: 3 sizes from 103Mi to 1127Mi"),
    "steps with fractions": (
        "resources.memory",
        {"min": "0.1Gi", "max": "0.5Gi", "step": "0.1Gi"},
        "memory: 5 sizes from 103Mi to 512Mi",
    ),
    "plain bytes": (MEMORY, [134217728, 268435456], "memory: 2 sizes from 128Mi to 256Mi"),
    # streamnative/function-mesh#462
    "k, as autoscalers write it": (MEMORY, ["262144k", "524288k"], "memory: 2 sizes from 250Mi to 500Mi"),
    "the same twice": (CPU, ["500m", "0.5", "1000m", "1"], "CPU: 2 sizes from 500m to 1"),
    "half a request per second": ("load.openLoop.rate", "500m", "500m is one request in 2 seconds"),
    "a timeout below the objective": ("endpoint.http.timeout", "200ms", "200ms is shorter than the objective of p95"),
    "a hundredth of a percent": ("objectives.maxErrorPercent", "0.01", "first trial"),
}


def _file(folder: Path, path: str, value: Any) -> str:
    profile = copy.deepcopy(PROFILE)
    target = profile["spec"]
    *parents, last = path.split(".")
    for name in parents:
        target = target[name]
    target[last] = value
    file = folder / "profile.yaml"
    file.write_text(yaml.safe_dump(profile), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("place", ["local", "cluster"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_nobody_means_is_refused(
    case: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one sentence with the path, here and for a cluster; the sentence says what was meant."""
    path, value, message = REFUSED[case]
    assert 2 == main(["validate", "--for", place, _file(tmp_path, path, value)])
    errors = capsys.readouterr().err
    assert message in errors
    assert f"spec.{path.removesuffix('.values')}" in errors
    assert 2 == main(["plan", _file(tmp_path, path, value)])


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_is_meant_is_accepted_and_shown_as_people_read_it(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By validate and plan."""
    path, value, message = ACCEPTED[case]
    file = _file(tmp_path, path, value)
    assert 0 == main(["validate", "--for", "cluster", file])
    assert 0 == main(["plan", file])
    captured = capsys.readouterr()
    assert message in captured.out + captured.err


@pytest.mark.parametrize("place", ["local", "cluster"])
def test_variables_without_quotes_are_refused_all_at_once(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """kubernetes/kubernetes#14948, provectus/kafka-ui-charts#19, coder/code-server#6563."""
    assert 2 == main(["validate", "--for", place, str(HERE / "unquoted.yaml")])
    lines = capsys.readouterr().err.splitlines()
    expected = [f"containers[0].env[{number}].value" for number in range(4)]
    assert [True] * 4 == [
        path in line and "write it in quotes" in line for path, line in zip(expected, lines, strict=True)
    ]


@pytest.mark.parametrize("place", ["local", "cluster"])
def test_a_command_as_one_text_must_be_a_list(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same source; it was taken for the image's own entrypoint here, and accepted for a cluster."""
    assert 2 == main(["validate", "--for", place, str(HERE / "command.yaml")])
    assert 'command: must be a list, such as ["python3", "/srv/server.py"]' in capsys.readouterr().err
