"""The configuration of the generator, and the plan that follows from it."""

import json
from pathlib import Path
from typing import Any

import pytest

from modelprofiler.api.endpoint import HttpEndpoint
from modelprofiler.errors import InvalidInput, LoadError
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.http.request import render
from modelprofiler.load.plan import Plan


def config(load: dict[str, Any] | None = None, **changes: Any) -> LoadConfig:
    """Return a configuration of 50 requests/s, changed."""
    fields = {
        "host": "10.0.0.1",
        "port": 5001,
        "endpoint": {},
        "dataset": {"path": "rows"},
        "load": load or {"openLoop": {"rate": "50"}},
    }
    return LoadConfig.model_validate(fields | changes)


def test_a_configuration_written_as_json_is_read_back_the_same(tmp_path: Path) -> None:
    """The operator writes it, the generator reads it."""
    written = config(stop={"decide": True, "thresholds": {"p95": 0.25}, "maxErrorPercent": 1}, probeLatency=0.01)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(written.to_dict()))
    assert written == LoadConfig.read(path)


def test_what_is_wrong_with_a_configuration_is_reported_with_its_path(tmp_path: Path) -> None:
    """All of it at once."""
    path = tmp_path / "config.json"
    path.write_text('{"host": "x", "port": 0}')
    with pytest.raises(InvalidInput, match=r"port: .*; endpoint: .*; dataset: .*; load: "):
        LoadConfig.read(path)
    with pytest.raises(LoadError, match="cannot be read"):
        LoadConfig.read(tmp_path / "none")


def test_a_plan_has_the_bounds_of_the_configuration() -> None:
    """Ten warm-up requests, four times the window at most, sub-windows of a second."""
    plan = Plan.of(config(requiredPercentiles=["p95", "p99"]))
    assert (50.0, 5.0, 10, 20.0, 30.0, 120.0, 299, 1.0) == (
        plan.rate,
        plan.warmup,
        plan.warmup_requests,
        plan.max_warmup,
        plan.duration,
        plan.max_duration,
        plan.required_requests,
        plan.sub_window,
    )


@pytest.mark.parametrize(("duration", "sub_window"), [("5s", 0.5), ("30s", 1.0), ("10m", 5.0)])
def test_a_window_has_from_ten_to_120_sub_windows(duration: str, sub_window: float) -> None:
    """A second each where that fits."""
    assert sub_window == Plan.of(config({"openLoop": {"rate": "1"}, "duration": duration})).sub_window


def test_generators_side_by_side_share_the_load_without_a_rest() -> None:
    """Seven clients on three generators; ten warm-up requests a client; different arrival times."""
    load = {"closedLoop": {"concurrency": 7}, "parallelism": 3}
    plans = [Plan.of(config(load, index=i)) for i in range(3)]
    assert [3, 2, 2] == [p.concurrency for p in plans]
    assert [30, 20, 20] == [p.warmup_requests for p in plans]
    assert [0, 1, 2] == [p.seed for p in plans]
    assert 10 == Plan.of(config({"openLoop": {"rate": "30"}, "parallelism": 3}, index=2)).rate


def test_a_request_is_rendered_with_its_length_and_the_headers_of_the_endpoint_instead_of_its_own() -> None:
    """Host, type and agent can be set; the length cannot."""
    endpoint = HttpEndpoint.model_validate(
        {
            "path": "/v1/score?x=1",
            "headers": [
                {"name": "HOST", "value": "model.example"},
                {"name": "X-Key", "value": "ü"},
                {"name": "content-length", "value": "7"},
            ],
        }
    )
    head, _, body = render(endpoint, "::1", 5001, b"\x00row").partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert "POST /v1/score?x=1 HTTP/1.1" == lines[0]
    assert {"HOST: model.example", "X-Key: ü", "Content-Length: 4", "Content-Type: application/json"} <= set(lines)
    assert not [line for line in lines if line.startswith("Host")]
    assert 1 == sum(line.lower().startswith("content-length") for line in lines)
    assert b"\x00row" == body


def test_a_host_header_has_brackets_around_ipv6_and_no_default_port() -> None:
    """As RFC 9110 wants it."""
    assert b"\r\nHost: [::1]:5001\r\n" in render(HttpEndpoint(), "::1", 5001, b"")
    assert b"\r\nHost: model\r\n" in render(HttpEndpoint(), "model", 80, b"")


def test_the_host_is_the_name_that_the_certificate_must_have() -> None:
    """A server may choose by it, and has to be asked by the name that was verified."""
    tls = {"caBundle": "-----BEGIN CERTIFICATE-----", "serverName": "digits.default.svc"}
    endpoint = HttpEndpoint.model_validate({"scheme": "HTTPS", "tls": tls})
    assert b"\r\nHost: digits.default.svc:8443\r\n" in render(endpoint, "10.0.0.7", 8443, b"")
