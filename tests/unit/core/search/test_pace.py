"""How much the CPU's pace differs between trials, from what a request cost in each."""

import math
from collections.abc import Sequence

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import resources_of, spec_of

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import NodeLoad, Outcome, Purpose
from modelprofiler.core.search.pace import Pace, machine_of
from modelprofiler.core.search.run import Run

BRACKET = Purpose.BRACKET


def trials_with(*milliseconds: float, threads: int | None = None) -> Trials:
    """Return fresh trials at 500m with the CPU time that a request cost in each."""
    trials = Trials(spec_of())
    for cost in milliseconds:
        trials.ran(BRACKET, "500m", load=load_of(100), usage=usage_of(f"{cost}ms", threads=threads))
    return trials


def test_a_single_trial_says_nothing() -> None:
    """There is nothing to compare it with."""
    assert Pace({}) == Pace.of(trials_with(8))


def test_what_the_counter_itself_errs_by_is_no_difference() -> None:
    """8.0 and 8.1 ms are the same."""
    pace = Pace.of(trials_with(8, 8.1, 8))
    assert ({}, 0.0) == (pace.deviations, pace.error)


def test_a_trial_at_a_slow_pace_is_evidence_about_a_smaller_size() -> None:
    """A request that costs 10 ms where the mean is 8: 500m did what 400m does at the mean pace, nearly."""
    trials = trials_with(10, 6.4, 8)
    pace = Pace.of(trials)
    assert 400 == pytest.approx(pace.equivalent_size(trials[0], 500), rel=0.02)
    assert 625 == pytest.approx(pace.equivalent_size(trials[1], 500), rel=0.02)
    assert 500 == pytest.approx(pace.equivalent_size(trials[2], 500), rel=0.001)


def test_the_error_of_the_mean_falls_with_the_root_of_their_number() -> None:
    """Four times the trials, half the standard error."""
    few, many = Pace.of(trials_with(10, 6.4)), Pace.of(trials_with(*[10, 6.4] * 4))
    assert few.spread / many.spread == pytest.approx(few.standard_error / many.standard_error / 2, rel=0.001)


def test_few_trials_know_little_of_how_much_they_differ() -> None:
    """Two say little, by Student's t, though an even pace is expected, which counts as one more; eight are enough."""
    few, many = Pace.of(trials_with(10, 6.4)), Pace.of(trials_with(*[10, 6.4] * 4))
    assert 1.25 * 4.303 == pytest.approx(few.error / few.standard_error)
    assert 1.25 * 2.306 == pytest.approx(many.error / many.standard_error)


def test_what_was_measured_less_exactly_than_it_differs_counts_in_part() -> None:
    """Of a variance of 0.03 squared 0.02 squared are the counters' own; seen and expected count alike."""
    apart = math.sqrt((2 * 0.03**2 - 0.02**2) / 2)
    pace = Pace.of(trials_with(8 * math.exp(apart), 8 * math.exp(-apart)))
    assert math.sqrt(0.03**2 - 0.02**2) == pytest.approx(pace.spread, rel=0.01)
    assert (1 - (2 / 3) ** 2) * apart == pytest.approx(pace.deviations[1], rel=0.01)


def test_a_server_that_never_rests_is_no_faster() -> None:
    """Its caches are warm: a request of an overloaded trial costs less, and that is not the CPU's pace."""
    saturated = trials_with(8, 8.1).ran(BRACKET, "300m", load=load_of(600), usage=usage_of("7.2ms"))
    assert Outcome.SLOW is saturated[-1].outcome
    assert Pace({}) == Pace.of(saturated)


def test_a_trial_that_was_too_slow_and_dear_counts() -> None:
    """The CPU was slow, and perhaps therefore it was."""
    trials = trials_with(8, 8.1).ran(BRACKET, "500m", load=load_of(600), usage=usage_of("10ms"))
    assert 400 == pytest.approx(Pace.of(trials).equivalent_size(trials[-1], 500), rel=0.1)


def test_trials_without_cpu_time_are_left_out() -> None:
    """Missing is not zero: such a trial stays evidence about its own size."""
    trials = trials_with(10, 6.4).ran(BRACKET, "500m", load=load_of(100), usage=usage_of(None))
    pace = Pace.of(trials)
    assert [1, 2] == sorted(pace.deviations)
    assert 500 == pace.equivalent_size(trials[2], 500)


def test_what_did_not_run_to_its_end_says_nothing() -> None:
    """The counter of a server that was killed began anew."""
    trials = trials_with(8, 8).broke(BRACKET, Outcome.OOM_KILLED, "500m", usage=usage_of("20ms"))
    assert Pace({}) == Pace.of(trials)


def test_resized_servers_are_compared_with_fresh_ones() -> None:
    """As long as they have as many threads."""
    trials = trials_with(10)
    trials.ran(BRACKET, "500m", load=load_of(100), usage=usage_of("6.4ms"), fresh=False)
    assert 2 == len(Pace.of(trials).deviations)


def test_servers_with_other_pools_are_not_compared() -> None:
    """More threads cost more, at the same pace."""
    trials = trials_with(8, 8, threads=4)
    trials += trials_with(12, 12, threads=9)
    assert {} == Pace.of([t.model_copy(update={"index": i}) for i, t in enumerate(trials)]).deviations


def trials_at(*pairs: tuple[str, float], failing: str = "") -> Trials:
    """Return fresh trials, each at a CPU size and with the CPU time per request in milliseconds."""
    trials = Trials(spec_of())
    for cpu, cost in pairs:
        p95 = 600 if cpu == failing else 100
        trials.ran(BRACKET, cpu, load=load_of(p95), usage=usage_of(f"{cost}ms"))
    return trials


@pytest.mark.parametrize(
    "pairs",
    [
        [("1", 20), ("500m", 11.5), ("300m", 7.6), ("250m", 6.7)],
        [("1", 8), ("500m", 11), ("300m", 14), ("250m", 15.2)],
        [("1", 44), ("900m", 41.6), ("600m", 32)],
        [("1", 20), ("300m", 7)],
    ],
    ids=["a server that batches", "caches lost by throttling", "threads that spin", "only two trials"],
)
def test_a_cost_that_changes_with_the_size_is_the_servers_own(pairs: list[tuple[str, float]]) -> None:
    """Every trial stays evidence about its own size, to within two percent, and next to nothing is added."""
    trials = trials_at(*pairs)
    pace = Pace.of(trials)
    for trial in trials:
        assert trial.limits.cpu is not None
        size = trial.limits.cpu.millicores
        assert size == pytest.approx(pace.equivalent_size(trial, size), rel=0.03)
    assert pace.spread < 0.05


def test_a_slow_trial_is_noticed_even_where_the_cost_changes_with_the_size() -> None:
    """Two trials at 300m; one of them took 20 % more for each request."""
    trials = trials_at(("1", 20), ("500m", 11.5), ("400m", 9.6), ("300m", 7.6), ("300m", 9.2), ("250m", 6.7))
    pace = Pace.of(trials)
    assert pace.equivalent_size(trials[4], 300) < 280
    assert pace.equivalent_size(trials[3], 300) > 300


def test_the_measured_pace_of_the_machine_is_taken_where_it_is_known() -> None:
    """Then the CPU time of a request says nothing: here it falls with the size while the machine stays the same."""
    trials = trials_at(("1", 20), ("500m", 13), ("500m", 11), ("300m", 7))
    assert Pace({}) == Pace.of(trials, {1: 0.5, 2: 0.5, 3: 0.5, 4: 0.5})
    pace = Pace.of(trials, {1: 0.5, 2: 0.65, 3: 0.5, 4: 0.5})
    assert pace.equivalent_size(trials[1], 500) < 450
    assert Pace.of(trials) == Pace.of(trials, {1: 0.5, 2: 0.65})


def test_a_run_counts_a_pass_at_the_size_above_and_a_failure_at_the_one_below() -> None:
    """Both on the safe side; the ceiling's stays where it is."""
    spec = spec_of()
    trials = Trials(spec).ran(Purpose.REFERENCE, "1", load=load_of(20), usage=usage_of("10ms"))
    trials.ran(BRACKET, "500m", load=load_of(100), usage=usage_of("8ms"))
    trials.ran(BRACKET, "400m", load=load_of(600), usage=usage_of("11ms"))
    run = Run.of(spec, resources_of(spec), "server", "Local", trials)
    assert [1000, 600, 350] == [o.cpu for o in run.observations]
    assert 0 < run.pace.spread < math.log(11 / 8)


def test_where_sizes_are_far_apart_a_trial_still_counts_for_none_beyond_its_own() -> None:
    """A fast pass at 200m says nothing of 190m, and a slow failure at 800m nothing of 820m."""
    values = ["100m", "190m", "200m", "800m", "820m", "1"]
    spec = spec_of(resources={"cpu": {"values": values}, "memory": {"values": ["1Gi"]}})
    trials = Trials(spec).ran(Purpose.REFERENCE, "1", load=load_of(20), usage=usage_of("10ms"))
    trials.ran(BRACKET, "200m", load=load_of(100), usage=usage_of("8.8ms"))
    trials.ran(BRACKET, "800m", load=load_of(600), usage=usage_of("9.4ms"))
    trials.ran(BRACKET, "200m", load=load_of(100), usage=usage_of("8ms"))
    run = Run.of(spec, resources_of(spec), "server", "Local", trials)
    assert [1000, 200, 800, 200] == [o.cpu for o in run.observations]


def test_a_pace_that_is_off_by_less_than_a_quarter_of_a_step_moves_no_size() -> None:
    """A step of 50m is a fifth of 250m: for a fortieth of it the next size would be dear."""
    spec = spec_of()
    trials = Trials(spec).ran(Purpose.REFERENCE, "1", load=load_of(20), usage=usage_of("4.56ms"))
    trials.ran(BRACKET, "250m", load=load_of(63), usage=usage_of("4.449ms"))
    trials.ran(Purpose.CONFIRM, "300m", load=load_of(48), usage=usage_of("4.808ms"))
    run = Run.of(spec, resources_of(spec), "server", "Local", trials)
    assert 250 < run.pace.equivalent_size(trials[1], 250) < 260
    assert [1000, 250, 300] == [o.cpu for o in run.observations]


def with_loops(*pairs: tuple[float, float], sizes: Sequence[str] = ()) -> Trials:
    """Return fresh trials with the CPU time of a request and of the reference loop in each, in milliseconds."""
    trials = Trials(spec_of())
    for number, (cost, loop) in enumerate(pairs):
        trials.ran(BRACKET, sizes[number] if sizes else "500m", load=load_of(100), usage=usage_of(f"{cost}ms"))
        node = NodeLoad(loop_before=Duration.of(loop / 1000), loop_after=Duration.of(loop / 1000))
        trials[-1] = trials[-1].model_copy(update={"node": node})
    return trials


def test_the_loop_tells_the_pace_where_the_work_of_a_request_changes() -> None:
    """The loop took the same time in all trials: what grew is the server's own work."""
    trials = with_loops((8, 0.14), (10, 0.14), (12, 0.14), (8, 0.14))
    assert Pace.of(trials).spread > 0.1
    assert 0 == Pace.of(trials, machine_of(trials)).spread


def test_the_loop_tells_the_pace_where_the_size_might() -> None:
    """By the cost alone it could be the size that makes requests dearer; the loop grew by as much."""
    trials = with_loops((8, 0.14), (8, 0.14), (10, 0.175), (10, 0.175), sizes=("500m", "500m", "600m", "600m"))
    pace = Pace.of(trials, machine_of(trials))
    assert 0.1 == pytest.approx(pace.deviations[3], abs=0.02)
    assert 0.111 == pytest.approx(pace.loops[3], abs=0.002)


def test_a_trial_without_a_loop_leaves_all_to_the_cost() -> None:
    """Paces by two measures are not comparable."""
    trials = with_loops((8, 0.14), (10, 0.14))
    trials.ran(BRACKET, "500m", load=load_of(100), usage=usage_of("8ms"))
    assert Pace.of(trials) == Pace.of(trials, machine_of(trials))


def test_the_boundary_is_somewhere_in_its_interval() -> None:
    """Without an error of the mean it is at most the upper end; the wider the interval, the less its end matters."""
    even, uneven = Pace({}), Pace({}, spread=0.05, scale=0.02)
    assert 0.1 == even.beyond(0.1)
    assert 0.0515 == pytest.approx(uneven.beyond(0.0), abs=0.001)
    assert uneven.beyond(0.1) - 0.1 < uneven.beyond(0.01) - 0.01 < uneven.beyond(0.0)


def test_a_mean_that_is_known_no_better_than_a_single_trial_has_the_benefit_of_the_doubt() -> None:
    """A standard error at a spread of 20 %, next to nothing at one of 5 %."""
    wide, usual = Pace({}, spread=0.2), Pace({}, spread=0.05)
    assert wide.doubt(12) == wide.benefit(12)
    assert usual.benefit(12) < 0.1 * usual.doubt(12)
