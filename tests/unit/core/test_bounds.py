"""The latency that objectives allow: absolute, or relative to the reference trial."""

import pytest
from tests.unit.core.builders import Trials, load_of
from tests.unit.core.search.simulator import spec_of

from modelprofiler.api.trial import Purpose
from modelprofiler.core.bounds import latency_bounds

SLOWDOWN = spec_of(objectives={"maxSlowdownPercent": 50})


def test_absolute_bounds_are_those_of_the_profile() -> None:
    """Every metric that it names, and no other; no reference is needed."""
    assert {"p50": 0.05, "p95": 0.25} == latency_bounds(
        spec_of(objectives={"latency": {"p50": "50ms", "p95": "250ms"}}), None
    )


@pytest.mark.parametrize(("p95", "bound"), [(100.0, 0.150), (10.0, 0.015), (2.0, 0.007)])
def test_a_slowdown_is_relative_to_the_reference_and_at_least_5_ms(p95: float, bound: float) -> None:
    """Half of 2 ms could not be distinguished from a generator that was a little late."""
    (reference,) = Trials(SLOWDOWN).ran(Purpose.REFERENCE, "1", load=load_of(p95))
    assert {"p95": pytest.approx(bound)} == latency_bounds(SLOWDOWN, reference)


def test_a_slowdown_has_no_bound_before_the_reference_trial() -> None:
    """There is nothing to compare with."""
    assert {} == latency_bounds(SLOWDOWN, None)
