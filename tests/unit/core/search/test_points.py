"""What the trials of one size say together, where a failure would end the run: at the ceiling."""

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import resources_of, spec_of

from modelprofiler.api.trial import Purpose
from modelprofiler.core.search.points import MOST_AT_CEILING, CpuPoint
from modelprofiler.core.search.run import Run


def ceiling(*point: tuple[float, float]) -> CpuPoint:
    """Return what is known after trials at the ceiling: CPU time of a request and p95 of each, in milliseconds."""
    spec = spec_of()
    trials = Trials(spec)
    for cost, p95 in point:
        trials.ran(Purpose.REFERENCE, "1", load=load_of(p95), usage=usage_of(f"{cost}ms"))
    return Run.of(spec, resources_of(spec), "server", "Local", trials).cpu_points[1000]


def test_a_failure_at_a_slow_pace_is_not_the_end() -> None:
    """It ran at 13 ms a request, the others at 10 and 9.5, and they passed with room to spare."""
    assert ceiling((13, 300), (10, 150), (9.5, 140)).passes


def test_a_pass_at_a_fast_pace_alone_is_no_proof() -> None:
    """At the mean pace it fails, and clearly."""
    point = ceiling(*[(7, 240), (10, 300), (10, 300), (10, 310), (10, 290)])
    assert (False, True) == (point.passes, point.settled)


def test_while_it_is_not_clear_it_is_measured_again() -> None:
    """A bounded number of times; then what passed at all counts, as it has to pass once more anyway."""
    unclear = [(10, 245), (12, 260), (9, 240), (11, 255), (10.4, 251)]
    assert not ceiling(*unclear[:2]).settled
    point = ceiling(*unclear[:MOST_AT_CEILING])
    assert (True, True) == (point.passes, point.settled)


@pytest.mark.parametrize("p95", [260.0, 300.0])
def test_without_a_single_pass_it_fails(p95: float) -> None:
    """Whatever the pace."""
    assert not ceiling((10, p95), (8, p95), (12, 2 * p95), (11, p95), (9, p95)).passes


def counted_as(cost: float, p95: float, rate: str = "50", *, others: float = 8, cpu: str = "600m") -> int:
    """Return the size that a pass counts for; CPU time of a request there and elsewhere, and p95, in milliseconds."""
    spec = spec_of(load={"openLoop": {"rate": rate}, "duration": "30s"})
    trials = Trials(spec).ran(Purpose.REFERENCE, "1", load=load_of(20), usage=usage_of(f"{others}ms"))
    for _ in range(2):
        trials.ran(Purpose.BRACKET, cpu, load=load_of(20), usage=usage_of(f"{others}ms"))
    trials.ran(Purpose.BRACKET, cpu, load=load_of(p95, spread=0.05), usage=usage_of(f"{cost}ms"))
    return Run.of(spec, resources_of(spec), "server", "Local", trials).observations[-1].cpu


def test_a_pass_at_a_fast_pace_with_room_to_spare_counts_for_its_own_size() -> None:
    """At 8 ms a request it would wait 1.5 times as long on 600m, and 30 ms are a long way from 250 ms."""
    assert 600 == counted_as(6.4, 30)


@pytest.mark.parametrize(
    ("p95", "rate"),
    [(200, "50"), (30, "80")],
)
def test_a_pass_at_a_fast_pace_without_room_counts_for_a_larger_size(p95: float, rate: str) -> None:
    """Near the objective, or near saturation, where a queue says little about another moment's."""
    assert counted_as(6.4, p95, rate) > 600
