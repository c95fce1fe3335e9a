"""What the trials of one size say together, where a failure would end the run: at the ceiling."""

import math
from collections.abc import Sequence

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import resources_of, spec_of

from modelprofiler.api.trial import Purpose
from modelprofiler.core.search.points import MOST_AT_CEILING, CpuPoint, room
from modelprofiler.core.search.run import Run


def ceiling(*point: tuple[float, float], below: Sequence[float] = ()) -> CpuPoint:
    """Return what is known after trials at the ceiling: CPU time of a request and p95 of each, in milliseconds.

    `below` has the CPU time of a request in trials at a smaller size, which failed.
    """
    spec = spec_of()
    trials = Trials(spec)
    for cost, p95 in point:
        trials.ran(Purpose.REFERENCE, "1", load=load_of(p95), usage=usage_of(f"{cost}ms"))
    for cost in below:
        trials.ran(Purpose.BRACKET, "950m", load=load_of(400), usage=usage_of(f"{cost}ms"))
    return Run.of(spec, resources_of(spec), "server", "Local", trials).cpu_points[1000]


def test_a_failure_at_a_slow_pace_is_not_the_end() -> None:
    """It ran at 13 ms a request, the others at 10 and 9.5, and they passed with room to spare."""
    assert ceiling((13, 300), (10, 150), (9.5, 140)).passes


def test_a_pass_at_a_fast_pace_alone_is_no_proof() -> None:
    """At a pace between that of the pass and the mean it failed as well, further from the mean than chance explains."""
    point = ceiling((8, 240), (8.6, 300), *[(10.2, 330)] * 8)
    assert (False, True) == (point.passes, point.settled)


def test_a_ceiling_whose_passes_turn_out_to_be_fast_ones_is_measured_again() -> None:
    """Two passes are enough, until the trials below show that both ran at 8 ms a request where 10 are usual."""
    trials = [(8, 245), (8.2, 244)]
    assert ceiling(*trials).settled
    assert not ceiling(*trials, below=[10, 11, 9.5, 10.4]).settled
    assert ceiling(*trials, (10.2, 200), below=[10, 11, 9.5, 10.4]).settled


def test_three_failures_that_happen_to_be_alike_are_no_proof() -> None:
    """All of them 4 % over the objective: the pace usually differs by 5 %, and three trials may all be slow ones."""
    assert not ceiling(*[(10, 260)] * 3).settled
    assert (False, True) == ((point := ceiling(*[(10, 260)] * 9)).passes, point.settled)


def test_a_failure_far_from_the_objective_needs_no_third_trial() -> None:
    """Twice too slow by half: no pace explains that."""
    assert ceiling(*[(10, 400)] * 2).settled


def test_while_it_is_not_clear_it_is_measured_again() -> None:
    """A bounded number of times; then the place where passes turn into failures counts, by their paces."""
    unclear = [(10, 245), (12, 260), (9, 240), (11, 255), (10.7, 251), (10.5, 251), (10.6, 249), (10.4, 249.5)] * 2
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


@pytest.mark.parametrize(
    ("p95", "utilisation", "slower"),
    [
        (200, 0.0, 1.25),  # nothing waits: latency is proportional to the pace
        (300, 0.0, 1 / 1.2),
        (500, 0.9, 1 / 1.1),  # of a queue that is 90 % full, a tenth less work halves the latency
        (125, 0.9, 1.0526),
        (900, 1.25, 0.8),  # more than the server can do: it must take no more than all of it
        (200, 1.25, 1.0),
    ],
)
def test_near_saturation_a_little_pace_makes_a_large_difference(p95: float, utilisation: float, slower: float) -> None:
    """How much slower the machine may be until a trial misses 250 ms: less than one where it missed them."""
    spec = spec_of()
    trials = Trials(spec).ran(Purpose.REFERENCE, "1", load=load_of(p95))
    observation = Run.of(spec, resources_of(spec), "server", "Local", trials).observations[0]
    assert slower == pytest.approx(math.exp(room(observation, utilisation)), rel=0.001)
