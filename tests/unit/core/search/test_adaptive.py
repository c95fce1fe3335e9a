"""The rules of the adaptive search for CPU, each on the few trials that bring it about."""

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.decisions import (
    BISECT,
    BRACKET,
    CONFIRM,
    FAST,
    GI,
    GOOD,
    MEMORY,
    POOR,
    REFERENCE,
    REPEAT,
    answer_after,
    bracketed,
    spec,
    step_after,
    trial_after,
)

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import LoadStatus, Outcome, Purpose
from modelprofiler.core.steps import Recommend, RunTrial


class TestCpu:
    """CPU at the memory ceiling, from the forecast inwards."""

    def test_the_forecast_starts_near_what_the_load_needs(self) -> None:
        """50/s of 8ms need 400m: no size far from it is tried."""
        step = trial_after(Trials(spec()).ran(REFERENCE, "1", load=FAST))
        assert (BRACKET, GI, False, "Decide") == (step.purpose, step.limits.memory, step.fresh, step.window)
        assert 400 <= step.limits.cpu <= 500

    def test_without_cpu_time_the_range_is_halved(self) -> None:
        """Missing is not zero."""
        step = trial_after(Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=usage_of(None)))
        assert 500 == step.limits.cpu

    def test_where_no_queue_explains_the_cpu_time_the_range_is_halved(self) -> None:
        """A queue that is 96 % full would be slower: threads spin, and that is not what requests need."""
        step = trial_after(Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=usage_of("19.2ms")))
        assert 500 == step.limits.cpu

    def test_a_trial_that_would_be_the_boundary_runs_fresh(self) -> None:
        """Else its failure would have to be repeated."""
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST).ran(BRACKET, "500m", load=GOOD, fresh=False)
        step = trial_after(trials)
        assert (450, True) == (step.limits.cpu, step.fresh)

    def test_after_a_resized_failure_trials_run_fresh(self) -> None:
        """A server that sized its pools at the ceiling may do worse than a fresh one."""
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST).ran(BRACKET, "450m", load=POOR, fresh=False)
        assert trial_after(trials).fresh

    def test_the_largest_failing_size_runs_once_more_fresh(self) -> None:
        """Before it is the boundary."""
        trials = (
            Trials(spec())
            .ran(REFERENCE, "1", load=FAST)
            .ran(BRACKET, "450m", load=POOR, fresh=False)
            .ran(BRACKET, "500m", load=GOOD)
        )
        step = trial_after(trials)
        assert (REPEAT, 450, True) == (step.purpose, step.limits.cpu, step.fresh)

    @pytest.mark.parametrize(
        ("threads", "purpose"),
        [((5, 5), MEMORY), ((5, 9), MEMORY), ((9, 5), REPEAT), ((None, None), REPEAT), ((5, None), REPEAT)],
    )
    def test_it_does_where_pools_may_be_those_of_another_size(
        self, threads: tuple[int | None, int | None], purpose: Purpose
    ) -> None:
        """A server that has as many threads when it starts at half the size does not size its pools by the limit."""
        large, small = (usage_of("8ms", source="WorkingSet", threads=count) for count in threads)
        trials = (
            Trials(spec())
            .ran(REFERENCE, "1", load=FAST, usage=large)
            .ran(BRACKET, "450m", load=POOR, usage=large, fresh=False)
            .ran(BRACKET, "500m", load=GOOD, usage=small)
        )
        assert purpose is trial_after(trials).purpose

    def test_a_later_trial_may_show_that_pools_are_sized_by_the_limit(self) -> None:
        """Then what failed on a resized server is tried afresh, though a size above has passed."""
        many, few = usage_of("8ms", threads=9), usage_of("8ms", threads=5)
        trials = (
            Trials(spec())
            .ran(REFERENCE, "1", load=FAST, usage=many)
            .ran(BRACKET, "500m", load=GOOD, usage=many, fresh=False)
            .ran(BRACKET, "450m", load=POOR, usage=many, fresh=False)
        )
        assert MEMORY is trial_after(trials).purpose
        step = trial_after(trials.ran(MEMORY, "500m", "192Mi", load=GOOD, usage=few))
        assert (REPEAT, 450, True) == (step.purpose, step.limits.cpu, step.fresh)

    def test_a_failure_below_the_demand_is_not_repeated(self) -> None:
        """300m cannot give the 400m that the load needs, on any pod."""
        profile = spec(
            resources={
                "cpu": {"values": ["300m", "500m", "1"]},
                "memory": {"min": "128Mi", "max": "1Gi", "step": "32Mi"},
            }
        )
        trials = (
            Trials(profile)
            .ran(REFERENCE, "1", load=FAST)
            .ran(BRACKET, "500m", load=GOOD, fresh=False)
            .ran(BRACKET, "300m", load=POOR, fresh=False)
        )
        assert MEMORY is trial_after(trials).purpose

    def test_a_fresh_pass_outranks_resized_failures(self) -> None:
        """Where a fresh server does better, failures of resized ones at other sizes say nothing either."""
        trials = (
            Trials(spec())
            .ran(REFERENCE, "1", load=FAST)
            .ran(BRACKET, "450m", load=POOR, fresh=False)
            .ran(BRACKET, "600m", load=POOR, fresh=False)
            .ran(BRACKET, "650m", load=GOOD)
            .ran(REPEAT, "600m", load=GOOD)
        )
        step = trial_after(trials)
        assert step.limits.cpu < 600
        assert step.fresh

    def test_every_trial_is_fresh_when_the_user_says_so(self) -> None:
        """Recreate."""
        profile = spec(search={"resize": "Recreate"})
        assert trial_after(Trials(profile).ran(REFERENCE, "1", load=FAST)).fresh

    def test_every_trial_is_fresh_when_time_to_ready_counts(self) -> None:
        """Only a fresh server has one."""
        profile = spec(objectives={"latency": {"p95": "250ms"}, "maxTimeToReady": "20s"})
        assert trial_after(Trials(profile).ran(REFERENCE, "1", load=FAST)).fresh

    def test_the_window_is_full_when_throttling_counts(self) -> None:
        """It is only known from usage."""
        profile = spec(objectives={"latency": {"p95": "250ms"}, "maxThrottledPercent": "20"})
        trials = Trials(profile).ran(REFERENCE, "1", load=FAST, usage=usage_of(throttled="0"))
        assert "Measure" == trial_after(trials).window

    def test_the_smallest_size_of_the_range_may_pass(self) -> None:
        """Then there is nothing below it to fail."""
        cheap = usage_of("1ms")
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=cheap)
        assert 100 == trial_after(trials).limits.cpu
        assert MEMORY is trial_after(trials.ran(BRACKET, "100m", load=GOOD, usage=cheap)).purpose

    @pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.NEVER_READY, Outcome.OOM_KILLED])
    def test_a_server_that_breaks_at_a_low_cpu_has_too_little_of_it(self, outcome: Outcome) -> None:
        """It is information, not the end."""
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST).broke(BRACKET, outcome, "450m", fresh=False)
        assert trial_after(trials).limits.cpu > 450


def test_a_run_without_surprises_takes_six_trials() -> None:
    """Reference, two on the CPU axis, one of them the boundary, memory and confirmation."""
    trials = bracketed().ran(MEMORY, "500m", "192Mi", load=GOOD).ran(CONFIRM, "550m", "256Mi", load=GOOD)
    assert isinstance(step_after(trials), Recommend)
    assert Quantity("550m") == answer_after(trials).recommendation.requests.cpu


def test_a_peak_that_the_kernel_counted_needs_no_trial_of_its_own() -> None:
    """The Confirm trial proves that it is enough; after a kill there was more to it than the peak."""
    usage = usage_of().model_copy(update={"source": "Cgroup"})
    trials = Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=usage)
    trials.ran(BRACKET, "500m", load=GOOD, usage=usage).ran(BISECT, "450m", load=POOR, usage=usage)
    assert CONFIRM is trial_after(trials).purpose
    limits = trial_after(trials).limits
    size = str(Quantity.cpu(limits.cpu)), str(Quantity.memory(limits.memory))
    trials.broke(CONFIRM, Outcome.OOM_KILLED, *size)
    assert MEMORY is trial_after(trials).purpose


class TestDoubtfulFailure:
    """A failure whose interval reaches below the objective, one step below a size that passed."""

    def after(self, *loads: LoadStatus, cpu: str = "250m") -> RunTrial:
        """Return the trial after a pass one step above and these loads."""
        usage = usage_of("4ms")
        above = f"{int(cpu[:-1]) + 50}m"
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=usage).ran(BRACKET, above, load=GOOD, usage=usage)
        for load in loads:
            trials.ran(BRACKET, cpu, load=load, usage=usage)
        return trial_after(trials)

    def test_it_is_repeated_before_a_step_is_given_up(self) -> None:
        """279 ms (223 to 335) against 250 ms; 300m is a fifth more than 250m."""
        step = self.after(load_of(279, spread=0.2))
        assert (REPEAT, 250, True) == (step.purpose, step.limits.cpu, step.fresh)

    def test_once(self) -> None:
        """The second failure stands."""
        assert REPEAT is not self.after(load_of(279, spread=0.2), load_of(279, spread=0.2)).purpose

    def test_neither_a_certain_failure_nor_a_small_step_is_worth_a_trial(self) -> None:
        """From 450m the next size is a ninth larger."""
        assert REPEAT is not self.after(load_of(279, spread=0.02)).purpose
        assert REPEAT is not self.after(load_of(279, spread=0.2), cpu="450m").purpose
