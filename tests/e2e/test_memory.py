"""A server that leaks is not called verified: the soak shows it from the kubelet's samples."""

from collections.abc import Callable

import pytest
from tests.e2e.support import Object, Profile, cost_profile, cost_server

from modelprofiler.api.trial import Purpose

SOAK_SECONDS = 240
"""As many as 12 samples of cAdvisor take; PATIENCE is for runs without a soak."""


@pytest.mark.whole_run
@pytest.mark.timeout(900)
def test_a_leak_is_soaked_and_not_verified(apply: Callable[[Object, str], Profile], module_namespace: str) -> None:
    """20 KiB a request; the rate is reported within a quarter, and how long each size lasts."""
    profile = apply(
        cost_profile(
            "leaks",
            cost_server(cpu_ms=5, memory_mib=32, leak_kib=20),
            resources={"cpu": {"values": ["600m"]}, "memory": {"values": ["256Mi", "512Mi"]}},
            metrics={"source": "Kubelet"},
            load={"duration": "30s"},
            search={"soak": f"{SOAK_SECONDS}s"},
        ),
        module_namespace,
    )
    status = profile.succeeded("MemoryGrows", within=800)
    soak = next(trial for trial in status.trials if trial.purpose is Purpose.SOAK)
    assert soak.usage is not None
    assert soak.usage.memory is not None
    course = soak.usage.memory.course
    assert course is not None
    assert "Grows" == course.trend
    assert 20 * 1024 * 1000 == pytest.approx(float(course.later), rel=0.25)
    (recommendation,) = status.recommendations
    assert recommendation.verification is None
    assert recommendation.explanation is not None
    assert "lasts" in recommendation.explanation
