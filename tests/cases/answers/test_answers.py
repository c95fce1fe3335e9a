"""Answers that are not answers, servers that are not there yet, and ports that speak something else: whole runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from benchmarks.claims.recorded import unproved
from tests.ports import unused_port

from modelprofiler.api.resource import ModelProfile

pytestmark = pytest.mark.whole_run

Run = Callable[..., dict[str, Any]]

SERVER = Path(__file__).with_name("server.py")
SECONDS = 600
"""How long a run may take; another one may use the machine first."""
GOOD = [{"features": [number, 2, 3]} for number in range(40)]
BAD = [{"data": [number, 2, 3]} for number in range(38)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that profiles the server of a case and returns its resource as `--output json` prints it."""

    def make(case: str, rows: list[dict[str, Any]] | None = None, **endpoint: Any) -> dict[str, Any]:
        port = unused_port()
        container: dict[str, Any] = {
            "name": "server",
            "image": "none",
            "command": [sys.executable, str(SERVER), str(port), case],
        }
        if case not in {"too-large", "http2"}:
            container["readinessProbe"] = {"httpGet": {"path": "/healthz", "port": port}}
        spec = {
            "server": {"template": {"spec": {"containers": [container]}}},
            "endpoint": {"http": {"port": port, "path": "/predict", "timeout": "2s"} | endpoint},
            "dataset": {"source": {"path": "rows.txt"}},
            "load": {"openLoop": {"rate": "20"}, "warmup": "1s", "duration": "6s"},
            "objectives": {"latency": {"p95": "1s"}},
            "resources": {"cpu": {"values": ["300m", "1"]}, "memory": {"values": ["128Mi"]}},
        }
        profile = {
            "apiVersion": "modelprofiler.io/v1alpha1",
            "kind": "ModelProfile",
            "metadata": {"name": "answers"},
            "spec": spec,
        }
        (tmp_path / "rows.txt").write_text("\n".join(json.dumps(row) for row in rows or GOOD), encoding="utf-8")
        path = tmp_path / "profile.yaml"
        path.write_text(yaml.safe_dump(profile), encoding="utf-8")
        command = [sys.executable, "-m", "modelprofiler.cli", "run", str(path), "--wait", "600", "--output", "json"]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS + 600, check=False)
        assert ran.stdout, ran.stderr
        result: dict[str, Any] = json.loads(ran.stdout)
        assert [] == unproved(ModelProfile.parse(result), "Local")
        return result

    return make


def ending(result: dict[str, Any]) -> tuple[str, str]:
    """Return the reasons and the messages with which a run ended, of all conditions."""
    conditions = result["status"]["conditions"]
    return " ".join(c["reason"] for c in conditions), " ".join(c["message"] for c in conditions)


def explanation(result: dict[str, Any]) -> str:
    """Return why the size is recommended."""
    text: str = result["status"]["recommendations"][0]["explanation"]
    return text


def test_errors_with_status_200_are_said(run: Run) -> None:
    """Azure/InferenceSchema#57, tsenart/vegeta#168: 38 of 40 rows use the wrong field."""
    result = run("errors", [GOOD[0], *BAD, GOOD[1]])
    assert " NotVerified " in f" {ending(result)[0]} "
    assert "of the answers look like reports of errors" in ending(result)[1]
    assert '{"error": "\'features\'"}' in explanation(result)
    assert "Errors came for 38 of 40 different requests" in explanation(result)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("compressed", "look like reports of errors (JSON object with error, such as"),
        ("stream", "look like reports of errors (stream of events, each a JSON object with error, such as data:"),
        ("queued", "only say that the work is accepted or that the model is not loaded (JSON object with status"),
    ],
)
def test_what_is_no_answer_is_not_verified_in_any_form(run: Run, case: str, words: str) -> None:
    """vllm-project/guidellm#743 in a stream of events, a receipt of a queue, and compressed errors."""
    result = run(case, [GOOD[0], *BAD, GOOD[1]])
    assert " NotVerified " in f" {ending(result)[0]} "
    assert words in ending(result)[1]


def test_a_server_that_says_with_status_200_that_it_loads_is_waited_for(run: Run) -> None:
    """ggml-org/llama.cpp#4860: {"status": "loading model"} is no answer to measure."""
    result = run("loading-200")
    assert " Verified " in f" {ending(result)[0]} "
    assert 'at first it was answered with status 200: {"status": "loading"}' in explanation(result)
    assert "of different kinds" not in explanation(result)


def test_a_server_that_is_ready_before_its_model_is_waited_for(run: Run) -> None:
    """kserve/kserve#1915 and #2775, SeldonIO/MLServer#1134: 503 for the first seconds."""
    result = run("loading")
    assert " Verified " in f" {ending(result)[0]} "
    assert "at first it was answered with status 503" in explanation(result)


def test_a_model_that_the_first_request_loads_fails_no_size(run: Run) -> None:
    """tensorflow/serving#385, triton-inference-server/server#708: a second of CPU, over 3 s at 300m."""
    result = run("lazy")
    assert " Verified " in f" {ending(result)[0]} "
    assert "The first request of a fresh server took" in explanation(result)
    assert all(trial["outcome"] != "Errors" for trial in result["status"]["trials"])


def test_equal_lengths_are_one(run: Run) -> None:
    """nodejs/http-parser#435, nodejs/node#6517: two Content-Length headers of the same value."""
    result = run("length-twice")
    assert " Verified " in f" {ending(result)[0]} "


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("too-large", 'was answered with status 413: {"error": "request body is larger than 1000000 bytes"}'),
        ("redirect", "redirects are not followed; set endpoint.http.path to /predict/"),
        ("http2", "was answered in HTTP/2 (gRPC?): only HTTP/1.1 endpoints can be profiled"),
    ],
)
def test_what_is_no_answer_is_named(run: Run, case: str, sentence: str) -> None:
    """rwf2/Rocket#2783, fastapi/fastapi#51, triton-inference-server/server#6983."""
    rows = [{"image": "x" * 2_000_000}] if case == "too-large" else GOOD
    reason, message = ending(run(case, rows))
    assert "ReferenceFailed" in reason
    assert sentence in message


def test_an_answer_without_what_was_expected_ends_the_run_before_a_load(run: Run) -> None:
    """Azure/InferenceSchema#57, for someone who says what a good answer is: nothing is measured at failing."""
    result = run("errors", BAD, expect={"jsonPath": [{"path": "$.score", "type": "Number"}]})
    reason, message = ending(result)
    assert "ReferenceFailed" in reason
    assert (
        "the first request was answered with status 200, but there is no $.score in its body, and "
        'endpoint.http.expect.jsonPath[0] expects $.score to be a Number: {"error": "\'features\'"}'
    ) in message
    assert 1 == len(result["status"]["trials"])


def test_an_answer_that_has_what_was_expected_is_not_doubted(run: Run) -> None:
    """Whatever it looks like: here the refusal of a row is what is to be measured."""
    result = run("errors", BAD, expect={"bodyContains": "features"})
    assert " Verified " in f" {ending(result)[0]} "
    assert "look like reports of errors" not in explanation(result)
