"""A status stays within what the API server stores, whatever its texts are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import Trial
from modelprofiler.cluster.decide.fit import LARGEST_STATUS, _size, fitted

NOW = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
LATENCY = dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "p999", "max"), "123.456ms")
NUMBERS: dict[str, Any] = {
    "judged": {"metric": "p95", "value": "123.456ms", "low": "1.2ms", "high": "1h2m", "threshold": "250ms"},
    "usage": {
        "cpu": "123m",
        "cpuTimePerRequest": "123.456ms",
        "throttledPercent": "12.34",
        "threads": 123,
        "oomKills": 12,
        "samples": 120,
        "source": "Prometheus",
        "memory": {
            "peak": "123456789",
            "peakSource": "WorkingSet",
            "lifetimePeak": "123456789",
            "beforeLoad": "123456789",
            "steady": "123456789",
            "growthPer1000Requests": "123456789",
            "growthLow": "123456789",
            "growthHigh": "123456789",
        },
        "mappedFile": "123456789",
        "majorFaults": 123456789,
        "readBytes": "123456789",
    },
    "node": {"cpus": 128, "otherCpu": "123m", "stealPercent": "12.34"},
    "timeToReady": "123.456s",
}


def row(index: int, text: str) -> Trial:
    """Return a trial with every field; its texts are as long as the schema and the load allow."""
    kind = {"status": 200, "contentType": text * 40, "shape": text * 300, "answers": 1, "lookedAt": 1, "bodies": 1}
    kind["unmet"] = "jsonPath[0]"
    load = {
        "requests": 123456,
        "failures": 12345,
        "failuresByKind": dict.fromkeys(
            ("refused", "reset", "timeout", "status", "protocol", "content", "dropped"), 12345
        ),
        "rate": "123.4",
        "rowsCovered": 12345,
        "distinctRows": 12345,
        "duration": "123.456s",
        "stoppedEarly": "Terminated",
        "latency": LATENCY,
        "latencyLow": LATENCY,
        "latencyHigh": LATENCY,
        "probe": "123.456ms",
        "firstRequest": {"duration": "123.456s", "tries": 12, "refusal": text * 1000},
        "answers": [{**kind, "rows": 1, "rowNumbers": [123456] * 5, "sample": text * 300}] * 4,
        "firstFailure": "12.3s",
        "rowSizeEffect": text * 256,
    }
    return Trial.model_validate(
        {
            "index": index,
            "purpose": "Reference",
            "limits": {"cpu": "123m", "memory": "1234Mi"},
            "outcome": "GeneratorSaturated",
            "message": text * 2048,
            "startTime": NOW,
            "completionTime": NOW,
            "load": load,
            **NUMBERS,
        }
    )


@pytest.mark.parametrize("text", ["x", "\N{PILE OF POO}", "\x00", '"', "<"])
def test_the_longest_status_fits_and_keeps_every_number(text: str) -> None:
    """Two hundred trials, each with the worst texts; what JSON writes in six bytes is no exception."""
    conditions = [
        {"type": f"T{n}", "status": "True", "reason": "R", "message": text * 4000, "lastTransitionTime": NOW}
        for n in range(8)
    ]
    status = ModelProfileStatus.model_validate(
        {"trials": [row(n, text).to_dict() for n in range(1, 201)], "conditions": conditions}
    )
    assert _size(status.to_dict()) > 2 * LARGEST_STATUS
    short = fitted(status)
    assert _size(short.to_dict()) <= LARGEST_STATUS
    assert ModelProfileStatus.model_validate(short.to_dict()) == short
    for before, after in zip(status.trials, short.trials, strict=True):
        assert (before.usage, before.node, before.judged) == (after.usage, after.node, after.judged)
        assert before.load is not None
        assert after.load is not None
        texts = {"answers", "first_request", "row_size_effect"}
        assert before.load.model_dump(exclude=texts) == after.load.model_dump(exclude=texts)
    assert fitted(short) is short


def test_the_newest_rows_keep_their_texts_longest() -> None:
    """They are what somebody looks at while a run goes on."""
    status = fitted(ModelProfileStatus(trials=[row(n, "x") for n in range(1, 81)]))
    samples = [bool(trial.load and trial.load.answers and trial.load.answers[0].sample) for trial in status.trials]
    assert (False, True) == (samples[0], samples[-1])
    assert samples == sorted(samples)


def test_a_status_that_fits_stays_unchanged() -> None:
    """Nearly every one does."""
    status = ModelProfileStatus(trials=[row(1, "x")])
    assert fitted(status) is status
