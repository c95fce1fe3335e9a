"""For how long a status has not shown that a load had ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.faults.lives import seconds_untrue

from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.cluster import names


def _status(stage: str | None) -> ModelProfileStatus:
    active = {"index": 2, "purpose": "Bracket", "limits": {"cpu": "1", "memory": "1Gi"}, "stage": stage}
    start = {"startTime": "2026-01-01T00:00:00Z"}
    return ModelProfileStatus.model_validate({"activeTrial": active | start} if stage else {})


def _job(trial: int, ended: str, seconds: float) -> dict[str, Any]:
    time = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": ended, "status": "True", "lastTransitionTime": time}
    return {
        "kind": "Job",
        "metadata": {"labels": {names.TRIAL: str(trial)}},
        "status": {"conditions": [condition]},
    }


@pytest.mark.parametrize("ended", ["Complete", "Failed"])
def test_a_status_that_still_shows_a_load_is_untrue_since_it_ended(ended: str) -> None:
    """However the load ended."""
    assert pytest.approx(12, abs=2) == seconds_untrue(_status("Loading"), [_job(1, ended, 90), _job(2, ended, 12)])


def test_a_status_is_true_while_the_load_goes_on_and_when_it_shows_the_end() -> None:
    """Or when there is no trial at all."""
    jobs = [_job(1, "Complete", 90), _job(2, "SuccessCriteriaMet", 5)]
    assert 0.0 == seconds_untrue(_status("Loading"), jobs)
    assert 0.0 == seconds_untrue(_status("Measuring"), [_job(2, "Complete", 5)])
    assert 0.0 == seconds_untrue(_status(None), [_job(2, "Complete", 5)])
