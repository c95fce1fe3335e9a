"""The rules of the adaptive search, each on the few trials that bring it about."""

import copy
from typing import Any

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import resources_of, spec_of

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import LoadStatus, Outcome, Purpose
from modelprofiler.core.axis import Limits
from modelprofiler.core.search.step import next_step
from modelprofiler.core.steps import GiveUp, Recommend, RunTrial, Step

MI = 2**20
GI = 1024 * MI
REFERENCE, BRACKET, BISECT = Purpose.REFERENCE, Purpose.BRACKET, Purpose.BISECT
REPEAT, MEMORY, CONFIRM = Purpose.REPEAT, Purpose.MEMORY, Purpose.CONFIRM

FAST = load_of(20)
"""The reference: 50 requests/s of 8ms CPU, so that the load needs 400m."""
GOOD = load_of(120)
POOR = load_of(600)


def spec(**changes: Any) -> ModelProfileSpec:
    """Return a profile: p95 of 250ms at 50/s, 100m to 1 CPU, 128Mi to 1Gi."""
    return spec_of(**changes)


def step_after(trials: Trials, given: ModelProfileSpec | None = None) -> Step:
    """Return the next step."""
    given = given or trials.spec
    return next_step(given, resources_of(given), "server", "Cluster", trials)


def trial_after(trials: Trials, given: ModelProfileSpec | None = None) -> RunTrial:
    """Return the next step, which must be a trial."""
    step = step_after(trials, given)
    assert isinstance(step, RunTrial)
    return step


def end_after(trials: Trials) -> GiveUp:
    """Return the next step, which must be the end without an answer."""
    step = step_after(trials)
    assert isinstance(step, GiveUp)
    return step


def answer_after(trials: Trials) -> Recommend:
    """Return the next step, which must be the recommendation."""
    step = step_after(trials)
    assert isinstance(step, Recommend)
    return step


def bracketed(given: ModelProfileSpec | None = None) -> Trials:
    """Return a run that knows 450m to fail on a fresh pod and 500m to pass on a resized one."""
    return (
        Trials(given or spec())
        .ran(REFERENCE, "1", load=FAST)
        .ran(BRACKET, "500m", load=GOOD, fresh=False)
        .ran(BRACKET, "450m", load=POOR)
    )


class TestReference:
    """First the ceiling, where the server shows what a request costs."""

    def test_it_comes_first(self) -> None:
        """Fresh, at the largest size, for the whole window."""
        step = trial_after(Trials(spec()))
        assert (REFERENCE, Limits(1000, GI), True, "Measure") == (step.purpose, step.limits, step.fresh, step.window)

    def test_too_slow_at_the_ceiling_twice_is_infeasible(self) -> None:
        """The message names the constraint, the nearest miss and the size."""
        trials = Trials(spec()).ran(REFERENCE, "1", load=load_of(400, spread=0.03))
        assert REFERENCE is trial_after(trials).purpose
        end = end_after(trials.ran(REFERENCE, "1", load=load_of(410, spread=0.03)))
        assert end.reason is Reason.NO_FEASIBLE_SIZE
        assert end.message.startswith(
            "p95 is 410ms (398ms to 422ms), over the objective of 250ms at the ceiling of 1 CPU and 1Gi memory"
        )

    def test_by_far_too_slow_once_is_infeasible(self) -> None:
        """Half of all requests were, and a single one before the load: neither a moment nor another pace does that."""
        slow = POOR.model_copy(update={"probe": Duration("550ms")})
        assert end_after(Trials(spec()).ran(REFERENCE, "1", load=slow)).reason is Reason.NO_FEASIBLE_SIZE

    @pytest.mark.parametrize("probe", [None, Duration("20ms")])
    def test_what_may_be_a_queue_at_a_slow_pace_is_measured_once_more(self, probe: Duration | None) -> None:
        """Near saturation a CPU that is a little slower makes a request wait for many others."""
        queued = POOR.model_copy(update={"probe": probe})
        trials = Trials(spec()).ran(REFERENCE, "1", load=queued)
        assert REFERENCE is trial_after(trials).purpose
        assert end_after(trials.ran(REFERENCE, "1", load=queued)).reason is Reason.NO_FEASIBLE_SIZE

    def test_two_of_three_decide_at_the_ceiling(self) -> None:
        """A machine that stood still for a moment must not end the run."""
        slow = load_of(900, stopped_early="Overload")
        trials = Trials(spec()).ran(REFERENCE, "1", load=slow).ran(REFERENCE, "1", load=FAST)
        assert REFERENCE is trial_after(trials).purpose
        assert BRACKET is trial_after(trials.ran(REFERENCE, "1", load=FAST)).purpose

    def test_a_load_that_needs_more_than_the_ceiling_is_told_so(self) -> None:
        """It says how much the load alone needs."""
        slow = load_of(900, stopped_early="Overload")
        passed = Trials(spec()).ran(BRACKET, "4", load=FAST, usage=usage_of("40ms"))
        twice = passed.ran(REFERENCE, "1", load=slow).ran(REFERENCE, "1", load=slow)
        assert "the load needs at least 2000m CPU" in end_after(twice).message

    def test_a_cheap_failure_does_not_hide_that_the_pace_differs(self) -> None:
        """Its requests cost less than the others': it says nothing of the pace, and the others still do."""
        trials = Trials(spec())
        for load, cost in ((load_of(260, spread=0.03), 7.9), (load_of(330, spread=0.03), 10), (load_of(200), 8.2)):
            trials.ran(REFERENCE, "1", load=load, usage=usage_of(f"{cost}ms"))
        assert REFERENCE is trial_after(trials).purpose

    def test_an_uncertain_failure_at_the_ceiling_is_repeated(self) -> None:
        """Once, with two repetitions; then the mean decides."""
        trials = Trials(spec()).ran(REFERENCE, "1", load=load_of(255))
        assert REFERENCE is trial_after(trials).purpose
        assert isinstance(step_after(trials.ran(REFERENCE, "1", load=load_of(254))), GiveUp)

    def test_the_mean_of_an_uncertain_reference_may_pass(self) -> None:
        """255ms and 240ms are below 250ms on the whole."""
        trials = Trials(spec()).ran(REFERENCE, "1", load=load_of(255)).ran(REFERENCE, "1", load=load_of(240))
        assert BRACKET is trial_after(trials).purpose

    @pytest.mark.parametrize(
        "outcome", [Outcome.CRASHED, Outcome.NEVER_READY, Outcome.UNSCHEDULABLE, Outcome.IMAGE_PULL_FAILED]
    )
    def test_a_server_that_does_not_work_at_the_ceiling_ends_the_run(self, outcome: Outcome) -> None:
        """With the trial's own message."""
        end = end_after(Trials(spec()).broke(REFERENCE, outcome, "1"))
        assert end.reason is Reason.REFERENCE_FAILED
        assert f"it was {outcome.value}" in end.message

    def test_too_little_memory_at_the_ceiling_is_infeasible(self) -> None:
        """It is a matter of size."""
        assert end_after(Trials(spec()).broke(REFERENCE, Outcome.OOM_KILLED, "1")).reason is Reason.NO_FEASIBLE_SIZE

    def test_a_higher_ceiling_needs_a_new_reference(self) -> None:
        """The trials so far stay, and need not run again."""
        larger = spec(
            resources={
                "cpu": {"min": "100m", "max": "2", "step": "50m"},
                "memory": {"min": "128Mi", "max": "1Gi", "step": "32Mi"},
            }
        )
        trials = bracketed()
        assert (REFERENCE, 2000) == ((step := trial_after(trials, larger)).purpose, step.limits.cpu)
        trials.ran(REFERENCE, "2", load=FAST)
        assert (MEMORY, 500) == ((step := trial_after(trials, larger)).purpose, step.limits.cpu)


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
        given = spec(
            resources={
                "cpu": {"values": ["300m", "500m", "1"]},
                "memory": {"min": "128Mi", "max": "1Gi", "step": "32Mi"},
            }
        )
        trials = (
            Trials(given)
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
        given = spec(search={"resize": "Recreate"})
        assert trial_after(Trials(given).ran(REFERENCE, "1", load=FAST)).fresh

    def test_every_trial_is_fresh_when_time_to_ready_counts(self) -> None:
        """Only a fresh server has one."""
        given = spec(objectives={"latency": {"p95": "250ms"}, "maxTimeToReady": "20s"})
        assert trial_after(Trials(given).ran(REFERENCE, "1", load=FAST)).fresh

    def test_the_window_is_full_when_throttling_counts(self) -> None:
        """It is only known from usage."""
        given = spec(objectives={"latency": {"p95": "250ms"}, "maxThrottledPercent": "20"})
        trials = Trials(given).ran(REFERENCE, "1", load=FAST, usage=usage_of(throttled="0"))
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


class TestMemory:
    """Memory at the CPU boundary: the peak, rounded up."""

    def test_the_tightest_size_runs_fresh_at_the_cpu_boundary(self) -> None:
        """187Mi of the reference need 192Mi on an axis of 32Mi."""
        step = trial_after(bracketed())
        assert (MEMORY, Limits(500, 192 * MI)) == (step.purpose, step.limits)
        assert (True, "Measure") == (step.fresh, step.window)

    def test_a_kill_at_the_tightest_size_asks_for_the_next(self) -> None:
        """Samples miss a peak by little."""
        trials = bracketed().broke(MEMORY, Outcome.OOM_KILLED, "500m", "192Mi")
        assert Limits(500, 224 * MI) == trial_after(trials).limits

    def test_a_lifetime_peak_is_the_next_candidate(self) -> None:
        """It is an upper bound of what the server needs."""
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=usage_of(lifetime_peak="370Mi"))
        trials.ran(BRACKET, "500m", load=GOOD, fresh=False).ran(BRACKET, "450m", load=POOR)
        trials.broke(MEMORY, Outcome.OOM_KILLED, "500m", "192Mi")
        assert 384 * MI == trial_after(trials).limits.memory

    def test_further_kills_double_the_distance(self) -> None:
        """The number of trials stays logarithmic."""
        trials = bracketed().broke(MEMORY, Outcome.OOM_KILLED, "500m", "192Mi")
        trials.broke(MEMORY, Outcome.OOM_KILLED, "500m", "224Mi")
        assert 288 * MI == trial_after(trials).limits.memory

    def test_between_a_kill_and_a_pass_it_bisects(self) -> None:
        """288Mi passed, 224Mi did not."""
        trials = bracketed().broke(MEMORY, Outcome.OOM_KILLED, "500m", "192Mi")
        trials.broke(MEMORY, Outcome.OOM_KILLED, "500m", "224Mi").ran(MEMORY, "500m", "288Mi", load=GOOD)
        assert (MEMORY, 256 * MI) == ((step := trial_after(trials)).purpose, step.limits.memory)

    def test_a_crash_below_the_memory_ceiling_is_for_memory(self) -> None:
        """So are broken responses; late ones are for CPU."""
        trials = bracketed().broke(MEMORY, Outcome.CRASHED, "500m", "192Mi")
        assert Limits(500, 224 * MI) == trial_after(trials).limits
        broken = load_of(20, failures=600, kinds={"reset": 600})
        assert Limits(500, 224 * MI) == trial_after(bracketed().ran(MEMORY, "500m", "192Mi", load=broken)).limits
        late = load_of(20, failures=600, kinds={"timeout": 600})
        trials = bracketed().ran(MEMORY, "500m", "192Mi", load=late).ran(MEMORY, "500m", "192Mi", load=late)
        assert trial_after(trials).limits.cpu > 500

    def test_a_sampled_peak_may_be_a_little_short(self) -> None:
        """191.5Mi of a sampled working set are tried with the next size; of a cgroup's own peak they are not."""
        for source, size in (("WorkingSet", 224), ("Cgroup", 192)):
            usage = usage_of(peak="191.5Mi", source=source)  # type: ignore[arg-type]
            trials = Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=usage)
            trials.ran(BRACKET, "500m", load=GOOD, fresh=False).ran(BRACKET, "450m", load=POOR)
            assert size * MI == trial_after(trials).limits.memory

    def test_memory_of_an_overloaded_server_does_not_count(self) -> None:
        """Its backlog is not what a server needs that keeps up."""
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST).ran(BRACKET, "500m", load=GOOD, fresh=False)
        trials.ran(BRACKET, "450m", load=POOR, usage=usage_of(peak="900Mi"))
        assert 192 * MI == trial_after(trials).limits.memory

    def test_memory_that_was_not_measured_stays_at_the_ceiling(self) -> None:
        """Missing is not zero; the explanation says so."""
        unknown = usage_of(peak=None)
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=unknown)
        trials.ran(BRACKET, "500m", load=GOOD, fresh=False, usage=unknown)
        trials.ran(BRACKET, "450m", load=POOR, usage=unknown)
        assert (CONFIRM, Limits(550, GI)) == ((step := trial_after(trials)).purpose, step.limits)
        answer = answer_after(trials.ran(CONFIRM, "550m", "1Gi", load=GOOD, usage=unknown))
        assert "Memory was not measured, so the largest size of the range, 1Gi" in answer.recommendation.explanation


class TestConfirm:
    """Last, a fresh pod at exactly the recommended size."""

    def proven(self, given: ModelProfileSpec | None = None) -> Trials:
        """Return a run that knows CPU and memory."""
        return bracketed(given).ran(MEMORY, "500m", "192Mi", load=GOOD)

    def test_it_has_the_margins(self) -> None:
        """500m + 10 % on an axis of 50m is 550m; 187Mi + 20 % on one of 32Mi is 256Mi."""
        step = trial_after(self.proven())
        assert (CONFIRM, Limits(550, 256 * MI), True) == (step.purpose, step.limits, step.fresh)
        assert "Measure" == step.window

    def test_passed_it_verifies(self) -> None:
        """The recommendation names the trial."""
        answer = answer_after(self.proven().ran(CONFIRM, "550m", "256Mi", load=GOOD))
        verification = answer.recommendation.verification
        assert verification is not None
        assert (Reason.VERIFIED, 5, "Cluster") == (answer.reason, verification.trial, verification.environment)

    def test_a_pass_that_is_not_certain_counts_with_those_of_less_cpu(self) -> None:
        """What passed at the boundary passes above it: as often as there are repetitions, then it is enough."""
        twice, four = self.proven(), self.proven(spec(search={"repetitions": 4}))
        assert Reason.VERIFIED is answer_after(twice.ran(CONFIRM, "550m", "256Mi", load=load_of(245))).reason
        assert CONFIRM is trial_after(four.ran(CONFIRM, "550m", "256Mi", load=load_of(245))).purpose
        assert Reason.VERIFIED is answer_after(four.ran(CONFIRM, "550m", "256Mi", load=load_of(245))).reason

    def test_too_slow_twice_it_moves_the_boundary_up(self) -> None:
        """To the next size, and from there the margin counts."""
        trials = self.proven().ran(CONFIRM, "550m", "256Mi", load=POOR).ran(CONFIRM, "550m", "256Mi", load=POOR)
        assert (CONFIRM, Limits(700, 256 * MI)) == ((step := trial_after(trials)).purpose, step.limits)

    def test_killed_it_asks_for_more_memory(self) -> None:
        """And never less than the margin."""
        trials = self.proven().broke(CONFIRM, Outcome.OOM_KILLED, "550m", "256Mi")
        step = trial_after(trials)
        assert step.limits.memory > 256 * MI

    def test_without_margins_it_replaces_the_memory_trial(self) -> None:
        """They are the same size."""
        given = spec(recommendation={"cpuMarginPercent": 0, "memoryMarginPercent": 0})
        trials = bracketed(given)
        step = trial_after(trials)
        assert (CONFIRM, Limits(500, 192 * MI)) == (step.purpose, step.limits)
        answer = answer_after(trials.ran(CONFIRM, "500m", "192Mi", load=GOOD))
        assert Limits(500, 192 * MI) == Limits.from_size(answer.recommendation.limits)

    def test_a_margin_that_just_fits_takes_the_step_above(self) -> None:
        """159Mi + 20 % is under 192Mi by 1Mi: a peak of 161Mi in this very trial would ask for one trial more."""
        told = usage_of(peak="159Mi")
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=told)
        trials.ran(BRACKET, "500m", load=GOOD, fresh=False, usage=told).ran(BRACKET, "450m", load=POOR, usage=told)
        trials.ran(MEMORY, "500m", "160Mi", load=GOOD, usage=told)
        assert (CONFIRM, 224 * MI) == ((step := trial_after(trials)).purpose, step.limits.memory)
        roomy = answer_after(copy.copy(trials).ran(CONFIRM, "550m", "224Mi", load=GOOD, usage=told)).recommendation
        assert Quantity("224Mi") == roomy.limits.memory
        assert "a margin of 20% is added, with room for a peak up to 2% higher." in str(roomy.explanation)
        # Its own peak is a little higher: that is what the room was for.
        higher = usage_of(peak="161Mi")
        roomy = answer_after(copy.copy(trials).ran(CONFIRM, "550m", "224Mi", load=GOOD, usage=higher)).recommendation
        assert Quantity("224Mi") == roomy.limits.memory
        # Where its own peak left a size that ran the margin, that is the answer.
        trials.ran(CONFIRM, "550m", "192Mi", load=GOOD, usage=told)
        assert Quantity("192Mi") == answer_after(trials).recommendation.limits.memory

    def test_where_steps_are_fine_the_room_need_not_be_used_up(self) -> None:
        """What ran has its margin, though neither what it would be without the room nor with new room ran."""
        fine = spec(
            resources={
                "cpu": {"min": "100m", "max": "1", "step": "50m"},
                "memory": {"min": "128Mi", "max": "4Gi", "step": "32Mi"},
            }
        )
        told, higher = usage_of(peak="2000Mi"), usage_of(peak="2015Mi")
        trials = Trials(fine).ran(REFERENCE, "1", "4Gi", load=FAST, usage=told)
        trials.ran(BRACKET, "500m", "4Gi", load=GOOD, fresh=False, usage=told)
        trials.ran(BRACKET, "450m", "4Gi", load=POOR, usage=told).ran(MEMORY, "500m", "2016Mi", load=GOOD, usage=told)
        size = trial_after(trials).limits
        assert 2464 * MI == size.memory
        answer = answer_after(trials.ran(CONFIRM, "550m", "2464Mi", load=GOOD, usage=higher))
        assert (Reason.VERIFIED, Quantity("2464Mi")) == (answer.reason, answer.recommendation.limits.memory)

    def test_the_last_word_is_what_ran_with_room(self) -> None:
        """With no trial left for more repetitions, a size that passed is recommended rather than one that never ran."""
        told = usage_of(peak="159Mi")
        trials = Trials(spec(search={"repetitions": 4, "maxTrials": 5})).ran(REFERENCE, "1", load=FAST, usage=told)
        trials.ran(BRACKET, "500m", load=GOOD, usage=told).ran(BRACKET, "450m", load=POOR, usage=told)
        for _ in range(2):
            trials.ran(CONFIRM, "550m", "224Mi", load=load_of(245), usage=told)
        answer = answer_after(trials)
        assert (Reason.VERIFIED, Quantity("224Mi")) == (answer.reason, answer.recommendation.limits.memory)

    def test_what_was_too_small_is_no_peak_and_gets_no_room(self) -> None:
        """128Mi was too little and 160Mi enough: 192Mi has the margin."""
        told = usage_of(peak="120Mi")
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=told)
        trials.ran(BRACKET, "500m", load=GOOD, usage=told).ran(BRACKET, "450m", load=POOR, usage=told)
        trials.broke(MEMORY, Outcome.OOM_KILLED, "500m", "128Mi").ran(MEMORY, "500m", "160Mi", load=GOOD, usage=told)
        assert (CONFIRM, 192 * MI) == ((step := trial_after(trials)).purpose, step.limits.memory)

    def test_a_size_that_already_passed_fresh_needs_no_more(self) -> None:
        """At the ceiling that is the reference itself."""
        given = spec(
            resources={"cpu": {"values": ["1"]}, "memory": {"values": ["1Gi"]}},
        )
        answer = answer_after(Trials(given).ran(REFERENCE, "1", load=FAST))
        assert answer.recommendation.verification is not None
        assert 1 == answer.recommendation.verification.trial

    def test_a_changed_margin_only_needs_a_new_confirmation(self) -> None:
        """The margins are no part of what is measured."""
        trials = self.proven().ran(CONFIRM, "550m", "256Mi", load=GOOD)
        wider = spec(recommendation={"cpuMarginPercent": 30})
        step = trial_after(trials, wider)
        assert (CONFIRM, Limits(650, 256 * MI)) == (step.purpose, step.limits)

    def test_a_looser_objective_searches_on_below(self) -> None:
        """What failed now passes; no trial runs again."""
        trials = self.proven().ran(CONFIRM, "550m", "256Mi", load=GOOD)
        step = trial_after(trials, spec(objectives={"latency": {"p95": "700ms"}}))
        assert step.limits.cpu < 450

    def test_more_memory_is_the_lever_at_the_cpu_ceiling(self) -> None:
        """More CPU there is not."""
        given = spec(
            resources={"cpu": {"values": ["1"]}, "memory": {"min": "128Mi", "max": "1Gi", "step": "32Mi"}},
        )
        trials = Trials(given).ran(REFERENCE, "1", load=FAST).ran(MEMORY, "1", "192Mi", load=POOR)
        assert Limits(1000, 224 * MI) == trial_after(trials).limits


class TestContradiction:
    """A failure where this size or a smaller one had passed: the pass was luck, or the machine stood still."""

    HAZY = load_of(240, spread=0.2)
    STOPPED = load_of(900, stopped_early="Overload")

    def marginal(self, load: LoadStatus, given: ModelProfileSpec | None = None) -> Trials:
        """Return a run whose boundary of 500m, on a resized server, passed as given."""
        trials = Trials(given or spec()).ran(REFERENCE, "1", load=FAST)
        return trials.ran(BRACKET, "500m", load=load, fresh=False).ran(BRACKET, "450m", load=POOR)

    @pytest.mark.parametrize("failure", [POOR, STOPPED, load_of(260, spread=0.2)])
    def test_a_memory_trial_is_repeated_once(self, failure: LoadStatus) -> None:
        """Exactly as it was, however certain it is, where the pass was certain too."""
        step = trial_after(self.marginal(GOOD).ran(MEMORY, "500m", "192Mi", load=failure))
        assert (MEMORY, Limits(500, 192 * MI), True) == (step.purpose, step.limits, step.fresh)

    def test_when_the_repetition_passes_the_failure_does_not_count(self) -> None:
        """Two of three."""
        trials = self.marginal(GOOD).ran(MEMORY, "500m", "192Mi", load=POOR).ran(MEMORY, "500m", "192Mi", load=GOOD)
        assert (CONFIRM, Limits(550, 256 * MI)) == ((step := trial_after(trials)).purpose, step.limits)

    def test_when_it_fails_the_next_size_is_taken_for_the_boundary(self) -> None:
        """The memory held out already: only the recommended size is left to try, 550m + 10 %."""
        trials = self.marginal(GOOD).ran(MEMORY, "500m", "192Mi", load=POOR).ran(MEMORY, "500m", "192Mi", load=POOR)
        assert (CONFIRM, Limits(650, 256 * MI)) == ((step := trial_after(trials)).purpose, step.limits)
        answer = answer_after(trials.ran(CONFIRM, "650m", "256Mi", load=GOOD)).recommendation
        assert Quantity("650m") == answer.requests.cpu
        assert answer.explanation is not None
        assert answer.explanation.startswith(
            "The objectives were met at 500m CPU or below in one trial and missed at 500m in another (at 500m p95 is "
        )
        assert "so the next size, 550m, is treated as the smallest that meets them; a margin" in answer.explanation

    def test_a_certain_failure_outweighs_a_single_doubtful_pass(self) -> None:
        """No trial is spent on what is too near the boundary anyway."""
        trials = self.marginal(self.HAZY).ran(MEMORY, "500m", "192Mi", load=POOR)
        assert (CONFIRM, 650) == ((step := trial_after(trials)).purpose, step.limits.cpu)

    def test_a_doubtful_failure_does_not(self) -> None:
        """Either may be wrong."""
        trials = self.marginal(self.HAZY).ran(MEMORY, "500m", "192Mi", load=load_of(260, spread=0.2))
        assert (MEMORY, 500) == ((step := trial_after(trials)).purpose, step.limits.cpu)

    def test_a_confirmation_is_repeated_once(self) -> None:
        """Less CPU was enough."""
        trials = self.marginal(GOOD).ran(MEMORY, "500m", "192Mi", load=GOOD).ran(CONFIRM, "550m", "256Mi", load=POOR)
        assert (CONFIRM, Limits(550, 256 * MI)) == ((step := trial_after(trials)).purpose, step.limits)
        assert Reason.VERIFIED is answer_after(trials.ran(CONFIRM, "550m", "256Mi", load=GOOD)).reason

    def test_a_confirmation_at_the_cpu_ceiling_too(self) -> None:
        """Though more memory is the lever there: less of both was enough."""
        given = spec(recommendation={"cpuMarginPercent": 100})
        trials = self.marginal(GOOD, given).ran(MEMORY, "500m", "192Mi", load=GOOD)
        trials.ran(CONFIRM, "1", "256Mi", load=POOR)
        assert (CONFIRM, Limits(1000, 256 * MI)) == ((step := trial_after(trials)).purpose, step.limits)

    def test_a_kill_is_none(self) -> None:
        """The kernel does not err."""
        trials = self.marginal(GOOD).broke(MEMORY, Outcome.OOM_KILLED, "500m", "192Mi")
        assert 192 * MI < trial_after(trials).limits.memory

    def test_it_is_decided_by_the_size_that_was_repeated_whatever_the_pace(self) -> None:
        """Trials of different pace are evidence about different sizes; once a failure is outvoted it stays so."""
        usages = [usage_of(f"{cost}ms") for cost in (8, 9, 7.2, 8.4)]
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=usages[0])
        trials.ran(BRACKET, "600m", load=GOOD, usage=usages[1])
        trials.ran(MEMORY, "600m", "192Mi", load=self.STOPPED, usage=usages[2])
        assert (MEMORY, 600) == ((step := trial_after(trials)).purpose, step.limits.cpu)
        trials.ran(MEMORY, "600m", "192Mi", load=GOOD, usage=usages[3])
        step = trial_after(trials)
        assert MEMORY is not step.purpose
        assert step.limits.cpu <= 700

    def test_a_confirmed_size_a_little_above_the_target_is_the_answer(self) -> None:
        """Each trial moves the mean pace, and with it the target: that must not go on for ever."""
        given = spec(recommendation={"cpuMarginPercent": 0, "memoryMarginPercent": 0})
        trials = Trials(given)
        costs = iter([9, 8.5, 8.1, 7.4])
        for purpose, cpu, memory, load in (
            (REFERENCE, "1", "1Gi", FAST),
            (BRACKET, "450m", "1Gi", POOR),
            (BRACKET, "500m", "1Gi", GOOD),
            (CONFIRM, "650m", "192Mi", GOOD),
        ):
            trials.ran(purpose, cpu, memory, load=load, usage=usage_of(f"{next(costs)}ms"))
        answer = answer_after(trials)
        assert (Reason.VERIFIED, Quantity("650m")) == (answer.reason, answer.recommendation.requests.cpu)

    def test_a_size_that_was_confirmed_while_the_cpu_was_slow_is_the_answer(self) -> None:
        """By the pace the 250m below it had passed at a fast moment only; but it is not 250m that is recommended."""
        trials = Trials(spec())
        costs = iter([4.444, 4.244, 4.438, 4.874])
        for purpose, cpu, memory, load in (
            (REFERENCE, "1", "1Gi", FAST),
            (BRACKET, "250m", "1Gi", load_of(150, spread=0.8)),
            (BRACKET, "200m", "1Gi", POOR),
            (CONFIRM, "300m", "256Mi", GOOD),
        ):
            trials.ran(
                purpose, cpu, memory, load=load, usage=usage_of(f"{next(costs)}ms"), fresh=purpose is not BRACKET
            )
        answer = answer_after(trials)
        assert (Reason.VERIFIED, Quantity("300m")) == (answer.reason, answer.recommendation.requests.cpu)
        assert (
            "250m met them only in a trial with a faster CPU than average; 300m passed although the CPU was slower "
            "than average, so no margin of 10% is added."
        ) in str(answer.recommendation.explanation)

    @pytest.mark.parametrize(
        ("load", "cost"), [(GOOD, 4.4), (load_of(240, spread=0.2), 4.874)], ids=["while it was not", "not for certain"]
    )
    def test_one_that_was_confirmed_otherwise_is_not(self, load: LoadStatus, cost: float) -> None:
        """Then the size below is measured once more: it may be the boundary."""
        trials = Trials(spec())
        costs = iter([4.9, 4.244, 4.438, cost])
        for purpose, cpu, memory, said in (
            (REFERENCE, "1", "1Gi", FAST),
            (BRACKET, "250m", "1Gi", load_of(150, spread=0.8)),
            (BRACKET, "200m", "1Gi", POOR),
            (CONFIRM, "300m", "256Mi", load),
        ):
            trials.ran(
                purpose, cpu, memory, load=said, usage=usage_of(f"{next(costs)}ms"), fresh=purpose is not BRACKET
            )
        assert 250 == trial_after(trials).limits.cpu

    def test_a_far_larger_size_that_was_confirmed_is_not_the_answer(self) -> None:
        """A smaller margin asks for a smaller size, however hard it was won."""
        wide = Trials(spec(recommendation={"cpuMarginPercent": 100}))
        for purpose, cpu, memory, load, cost in (
            (REFERENCE, "1", "1Gi", FAST, 8),
            (BRACKET, "500m", "1Gi", GOOD, 8),
            (BRACKET, "450m", "1Gi", POOR, 8),
            (MEMORY, "500m", "192Mi", GOOD, 8),
            (CONFIRM, "1", "256Mi", GOOD, 9),
        ):
            wide.ran(purpose, cpu, memory, load=load, usage=usage_of(f"{cost}ms"))
        step = trial_after(wide, spec())
        assert step.limits.cpu < 700

    def test_what_failed_after_it_was_confirmed_is_not_the_answer(self) -> None:
        """Whatever the pace of that failure."""
        trials = Trials(spec(search={"repetitions": 4}))
        hazy = load_of(245, spread=0.05)
        for purpose, cpu, memory, load, cost in (
            (REFERENCE, "1", "1Gi", FAST, 8),
            (BRACKET, "500m", "1Gi", GOOD, 8),
            (BRACKET, "450m", "1Gi", POOR, 8),
            (MEMORY, "500m", "192Mi", GOOD, 8),
            (CONFIRM, "550m", "256Mi", hazy, 8),
            (CONFIRM, "550m", "256Mi", load_of(260, spread=0.05), 9.4),
        ):
            trials.ran(purpose, cpu, memory, load=load, usage=usage_of(f"{cost}ms"))
        assert isinstance(step_after(trials), RunTrial)

    def test_of_two_confirmed_sizes_the_smaller_is_the_answer(self) -> None:
        """Whichever came first."""
        given = spec(recommendation={"cpuMarginPercent": 0, "memoryMarginPercent": 0})
        trials = Trials(given)
        costs = iter([9, 8.5, 8.1, 7.4, 8.1])
        for purpose, cpu, memory, load in (
            (REFERENCE, "1", "1Gi", FAST),
            (BRACKET, "450m", "1Gi", POOR),
            (BRACKET, "500m", "1Gi", GOOD),
            (CONFIRM, "650m", "192Mi", GOOD),
            (CONFIRM, "600m", "192Mi", GOOD),
        ):
            trials.ran(purpose, cpu, memory, load=load, usage=usage_of(f"{next(costs)}ms"))
        assert Quantity("600m") == answer_after(trials).recommendation.requests.cpu

    def test_a_pass_that_was_refuted_does_not_help_to_confirm(self) -> None:
        """500m passed once by luck and failed twice: the size above it must pass on its own, at the mean pace."""
        given = spec(recommendation={"cpuMarginPercent": 0, "memoryMarginPercent": 0})
        trials = self.marginal(GOOD, given).ran(MEMORY, "500m", "192Mi", load=POOR)
        trials.ran(MEMORY, "500m", "192Mi", load=POOR)
        size = trial_after(trials).limits
        assert (550, 192 * MI) == (size.cpu, size.memory)
        trials.ran(CONFIRM, "550m", "192Mi", load=GOOD)
        assert (CONFIRM, size) == ((step := trial_after(trials)).purpose, step.limits)

    def test_without_repetitions_the_first_word_counts(self) -> None:
        """As the user says."""
        given = spec(search={"repetitions": 1})
        trials = self.marginal(GOOD, given).ran(MEMORY, "500m", "192Mi", load=POOR)
        assert (CONFIRM, 650) == ((step := trial_after(trials)).purpose, step.limits.cpu)


def test_a_run_without_surprises_takes_six_trials() -> None:
    """Reference, two on the CPU axis, one of them the boundary, memory and confirmation."""
    trials = bracketed().ran(MEMORY, "500m", "192Mi", load=GOOD).ran(CONFIRM, "550m", "256Mi", load=GOOD)
    assert isinstance(step_after(trials), Recommend)
    assert Quantity("550m") == answer_after(trials).recommendation.requests.cpu


def test_a_peak_that_the_kernel_told_needs_no_trial_of_its_own() -> None:
    """The Confirm trial proves that it is enough; after a kill there was more to it than the peak."""
    told = usage_of().model_copy(update={"source": "Cgroup"})
    trials = Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=told)
    trials.ran(BRACKET, "500m", load=GOOD, usage=told).ran(BISECT, "450m", load=POOR, usage=told)
    assert CONFIRM is trial_after(trials).purpose
    limits = trial_after(trials).limits
    size = str(Quantity.cpu(limits.cpu)), str(Quantity.memory(limits.memory))
    trials.broke(CONFIRM, Outcome.OOM_KILLED, *size)
    assert MEMORY is trial_after(trials).purpose
