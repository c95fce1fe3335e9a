"""Whole simulated runs of servers whose memory grows: what is verified, what is not, and how it is explained."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.memory.series import KIB, MIB, cache, collected, leak, noisy, recycled
from tests.unit.core.memory.world import World

from modelprofiler.api.conditions import Reason
from modelprofiler.api.trial import Purpose
from modelprofiler.core.steps import Recommend

SMALL: dict[str, Any] = {"memory": {"min": "64Mi", "max": "2Gi", "step": "32Mi"}}


def profile(**changes: Any) -> dict[str, Any]:
    """Return the changes of a profile: 40 requests/s, up to 2Gi of memory."""
    resources = {"cpu": {"values": ["200m", "400m", "1"]}, "memory": SMALL["memory"]}
    margins = {"cpuMarginPercent": 0, "memoryMarginPercent": 20}
    load = {"openLoop": {"rate": "40"}, "warmup": "5s", "duration": "30s"}
    policy = margins | changes.pop("recommendation", {})
    return {"resources": resources, "load": load, "recommendation": policy, **changes}


def answer(world: World) -> Recommend:
    """Return the recommendation at the end of a run."""
    end = world.run()
    assert isinstance(end, Recommend)
    return end


@pytest.mark.parametrize("environment", ["Local", "Cluster"])
@pytest.mark.parametrize("per_request", [10, 30, 100, 300])
def test_a_leak_is_not_verified(environment: Any, per_request: int) -> None:
    """24 h of it fit into no size, and the explanation says how long each size lasts."""
    world = World(leak(per_request * KIB), environment, profile())
    end = answer(world)
    assert (Reason.MEMORY_GROWS, None) == (end.reason, end.recommendation.verification)
    assert "2Gi" == str(end.recommendation.limits.memory)
    assert "lasts" in end.message
    assert "24h at 40/s would need" in end.message
    assert end.recommendation.explanation is not None
    assert 600 == world.soaks[-1].seconds or "killed" in end.recommendation.explanation


def test_a_leak_that_the_range_holds_is_verified_with_the_growth_of_the_horizon() -> None:
    """10 KiB a request at 40/s for an hour are 1.37 GiB, and are in the size at which the last trial ran."""
    world = World(leak(10 * KIB), "Local", profile(recommendation={"memoryHorizon": "1h"}))
    end = answer(world)
    assert end.recommendation.verification is not None
    assert Reason.VERIFIED is end.reason
    assert end.recommendation.limits.memory is not None
    grown = 10 * KIB * 40 * 3600
    assert 1.2 * (60 * MIB + grown) <= end.recommendation.limits.memory.bytes <= 1.2 * (75 * MIB + grown) + 32 * MIB
    assert Purpose.CONFIRM is world.steps[-1].purpose
    assert "are added for 1h at 40/s" in end.recommendation.explanation


HEALTHY = {
    "a collected heap that warms up slowly": collected(12 * MIB, 10 * MIB, settles=1500),
    "a cache that is full after 100 s": cache(100 * MIB, 4000, straight=True),
    "a cache that fills more and more slowly": cache(100 * MIB, 1500),
    "a worker that is replaced every 25 s": recycled(30 * KIB, 1000),
    "a server that keeps nothing": noisy(60 * MIB, MIB),
}


@pytest.mark.parametrize("environment", ["Local", "Cluster"])
@pytest.mark.parametrize("name", HEALTHY)
def test_memory_that_settles_is_no_leak(environment: Any, name: str) -> None:
    """The run is verified; where a soak was needed, its peak is part of the recommendation."""
    world = World(HEALTHY[name], environment, profile())
    end = answer(world)
    assert Reason.VERIFIED is end.reason
    assert end.recommendation.limits.memory is not None
    peaks = [t.usage.memory.peak.bytes for t in world.trials if t.usage is not None and t.usage.memory is not None]
    assert end.recommendation.limits.memory.bytes >= max(peaks)


def test_a_server_whose_memory_stays_is_not_soaked() -> None:
    """It costs no time where nothing is suspected."""
    world = World(noisy(60 * MIB, 64 * KIB), "Local", profile())
    answer(world)
    assert [] == world.soaks


def test_without_a_soak_a_suspicion_is_not_verified() -> None:
    """And the message names the field that forbids it."""
    world = World(leak(100 * KIB), "Local", profile(search={"soak": "0s"}))
    end = answer(world)
    assert [] == world.soaks
    assert Reason.MEMORY_GROWS is end.reason
    assert "no trial has shown that this ends: search.soak is 0s" in end.message


def test_a_soak_that_is_too_short_to_decide_is_reported() -> None:
    """A cache that would need ten minutes, with a soak of one."""
    world = World(cache(200 * MIB, 6000), "Local", profile(search={"soak": "1m"}))
    end = answer(world)
    assert Reason.MEMORY_GROWS is end.reason
    assert "to the end of a window of 60s" in end.message or "a longer search.soak may" in end.message


def test_a_cache_that_is_larger_than_the_recommended_size_is_found_at_the_ceiling() -> None:
    """The server is killed in the soak; with the largest memory it settles, and that peak is recommended for."""
    world = World(cache(400 * MIB, 8000, straight=True), "Local", profile())
    end = answer(world)
    assert Reason.VERIFIED is end.reason
    assert end.recommendation.limits.memory is not None
    assert 1.2 * 460 * MIB <= end.recommendation.limits.memory.bytes


def test_trials_that_run_out_leave_a_suspicion_unverified() -> None:
    """search.maxTrials is given as the reason."""
    world = World(leak(100 * KIB), "Local", profile(search={"maxTrials": 4}))
    end = answer(world)
    assert Reason.MEMORY_GROWS is end.reason


def test_with_a_closed_loop_the_measured_rate_counts() -> None:
    """The horizon is at the rate of the soak."""
    load = {"closedLoop": {"concurrency": 4}, "warmup": "5s", "duration": "30s"}
    world = World(leak(100 * KIB), "Local", profile(load=load), rate=25)
    end = answer(world)
    assert Reason.MEMORY_GROWS is end.reason
    assert "24h at about 25/s would need" in end.message


def test_a_grid_is_soaked_as_well() -> None:
    """It recommends a combination that was measured."""
    resources = {"cpu": {"values": ["400m", "1"]}, "memory": {"values": ["512Mi", "2Gi"]}}
    world = World(leak(100 * KIB), "Local", profile(search={"strategy": "Grid"}) | {"resources": resources})
    end = answer(world)
    assert world.soaks
    assert Reason.MEMORY_GROWS is end.reason


@pytest.mark.parametrize("environment", ["Local", "Cluster"])
def test_a_soak_is_as_long_as_its_suspicion_needs(environment: Any) -> None:
    """In a cluster 12 samples, which are up to 20 s apart; on this machine six times the window and its warm-up."""
    world = World(leak(10 * KIB), environment, profile())
    answer(world)
    assert world.soaks
    assert 600 >= (world.soaks[0].seconds or 0) >= {"Local": 210, "Cluster": 240}[environment]


def test_a_soak_without_enough_samples_is_not_repeated_for_ever() -> None:
    """In a cluster two minutes have eight; the message says that the window did not decide."""
    world = World(leak(10 * KIB), "Cluster", profile(search={"soak": "2m"}))
    end = answer(world)
    assert 2 >= len(world.soaks)
    assert Reason.MEMORY_GROWS is end.reason
