"""The rules for trials that contradict each other, and for a pace that differs."""

import copy

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.decisions import (
    BRACKET,
    CONFIRM,
    FAST,
    GOOD,
    MEMORY,
    MI,
    POOR,
    REFERENCE,
    answer_after,
    spec,
    step_after,
    trial_after,
)
from tests.unit.core.search.simulator import resources_of

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import LoadStatus, Outcome
from modelprofiler.core.axis import Limits
from modelprofiler.core.search.run import Run
from modelprofiler.core.steps import RunTrial


class TestContradiction:
    """A failure where this size or a smaller one had passed: the pass was luck, or the machine stood still."""

    HAZY = load_of(240, spread=0.2)
    STOPPED = load_of(900, stopped_early="Overload")

    def marginal(self, load: LoadStatus, profile: ModelProfileSpec | None = None) -> Trials:
        """Return a run whose boundary of 500m, on a resized server, passed with this load."""
        trials = Trials(profile or spec()).ran(REFERENCE, "1", load=FAST)
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
            "500m CPU met the objectives in trial 2, but 500m did not in trial 5: p95 is "
        )
        assert (
            "; 550m, at which no trial ran, is treated as the smallest that meets them; a margin" in answer.explanation
        )

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
        profile = spec(recommendation={"cpuMarginPercent": 100})
        trials = self.marginal(GOOD, profile).ran(MEMORY, "500m", "192Mi", load=GOOD)
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
        profile = spec(recommendation={"cpuMarginPercent": 0, "memoryMarginPercent": 0})
        trials = Trials(profile)
        costs = iter([9, 8.5, 8.1, 7.4])
        for purpose, cpu, memory, load in (
            (REFERENCE, "1", "1Gi", FAST),
            (BRACKET, "450m", "1Gi", POOR),
            (BRACKET, "500m", "1Gi", GOOD),
            (CONFIRM, "550m", "192Mi", GOOD),
        ):
            trials.ran(purpose, cpu, memory, load=load, usage=usage_of(f"{next(costs)}ms"))
        answer = answer_after(trials)
        assert (Reason.VERIFIED, Quantity("550m")) == (answer.reason, answer.recommendation.requests.cpu)

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
        explanation = str(answer.recommendation.explanation)
        assert "300m CPU met the objectives; 250m met them in trial 2, where a request took " in explanation

    @pytest.mark.parametrize(
        ("load", "cost"), [(GOOD, 4.4), (load_of(240, spread=0.2), 4.874)], ids=["while it was not", "not for certain"]
    )
    def test_one_that_was_confirmed_otherwise_is_not(self, load: LoadStatus, cost: float) -> None:
        """Then the size below is measured once more: it may be the boundary."""
        trials = Trials(spec())
        costs = iter([4.9, 4.244, 4.438, cost])
        for purpose, cpu, memory, status in (
            (REFERENCE, "1", "1Gi", FAST),
            (BRACKET, "250m", "1Gi", load_of(150, spread=0.8)),
            (BRACKET, "200m", "1Gi", POOR),
            (CONFIRM, "300m", "256Mi", load),
        ):
            trials.ran(
                purpose, cpu, memory, load=status, usage=usage_of(f"{next(costs)}ms"), fresh=purpose is not BRACKET
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
        profile = spec(recommendation={"cpuMarginPercent": 0, "memoryMarginPercent": 0})
        trials = Trials(profile)
        costs = iter([9, 8.5, 8.1, 7.4, 8.1])
        for purpose, cpu, memory, load in (
            (REFERENCE, "1", "1Gi", FAST),
            (BRACKET, "450m", "1Gi", POOR),
            (BRACKET, "500m", "1Gi", GOOD),
            (CONFIRM, "600m", "192Mi", GOOD),
            (CONFIRM, "550m", "192Mi", GOOD),
        ):
            trials.ran(purpose, cpu, memory, load=load, usage=usage_of(f"{next(costs)}ms"))
        assert Quantity("550m") == answer_after(trials).recommendation.requests.cpu

    def test_what_was_confirmed_at_a_fast_pace_alone_is_not_the_answer(self) -> None:
        """550m passed with nothing to spare while the CPU was fast: at the mean pace that is a pass of 650m."""
        trials = Trials(spec())
        costs = iter([8, 8.2, 8.1, 8, 6.6])
        for purpose, cpu, memory, load in (
            (REFERENCE, "1", "1Gi", FAST),
            (BRACKET, "450m", "1Gi", POOR),
            (BRACKET, "550m", "1Gi", GOOD),
            (BRACKET, "500m", "1Gi", POOR),
            (CONFIRM, "550m", "256Mi", load_of(245)),
        ):
            fresh = purpose is not BRACKET
            trials.ran(purpose, cpu, memory, load=load, usage=usage_of(f"{next(costs)}ms"), fresh=fresh)
        assert isinstance(step_after(trials), RunTrial)

    def test_a_slow_pace_and_not_the_memory_fails_at_the_cpu_ceiling(self) -> None:
        """It had less memory than the reference, and a slower CPU than any reference that passed."""
        trials = Trials(spec())
        for cost in (8, 8.2, 7.9):
            trials.ran(REFERENCE, "1", load=load_of(220), usage=usage_of(f"{cost}ms"))
        slow = copy.copy(trials).ran(CONFIRM, "1", "256Mi", load=load_of(300), usage=usage_of("10ms"))
        usual = copy.copy(trials).ran(CONFIRM, "1", "256Mi", load=load_of(300), usage=usage_of("8ms"))
        blamed = [
            (run := Run.of(t.spec, resources_of(t.spec), "server", "Local", t)).blames_memory(run.observations[-1])
            for t in (slow, usual)
        ]
        assert [False, True] == blamed

    def test_a_pass_that_was_refuted_does_not_help_to_confirm(self) -> None:
        """500m passed once by luck and failed twice: the size above it must pass on its own, at the mean pace."""
        profile = spec(recommendation={"cpuMarginPercent": 0, "memoryMarginPercent": 0})
        trials = self.marginal(GOOD, profile).ran(MEMORY, "500m", "192Mi", load=POOR)
        trials.ran(MEMORY, "500m", "192Mi", load=POOR)
        size = trial_after(trials).limits
        assert (550, 192 * MI) == (size.cpu, size.memory)
        trials.ran(CONFIRM, "550m", "192Mi", load=GOOD)
        assert (CONFIRM, size) == ((step := trial_after(trials)).purpose, step.limits)

    def test_without_repetitions_the_first_word_counts(self) -> None:
        """As the user says."""
        profile = spec(search={"repetitions": 1})
        trials = self.marginal(GOOD, profile).ran(MEMORY, "500m", "192Mi", load=POOR)
        assert (CONFIRM, 650) == ((step := trial_after(trials)).purpose, step.limits.cpu)


def test_memory_is_not_blamed_for_requests_that_timed_out_on_an_idle_server() -> None:
    """Not even at the largest CPU, where nothing but memory could be raised."""
    idle = usage_of(peak="20Mi").model_copy(update={"cpu": Quantity("90m")})
    lost = load_of(20, failures=150, kinds={"timeout": 150})
    trials = Trials(spec()).ran(REFERENCE, "1", load=FAST).ran(CONFIRM, "1", "128Mi", load=lost, usage=idle)
    assert Outcome.ERRORS is trials[-1].outcome
    run = Run.of(trials.spec, resources_of(trials.spec), "server", "Local", trials)
    assert [] == run.memory_failures
    busy = idle.model_copy(update={"cpu": Quantity("900m")})
    trials = Trials(spec()).ran(REFERENCE, "1", load=FAST).ran(CONFIRM, "1", "128Mi", load=lost, usage=busy)
    assert [128 * MI] == Run.of(trials.spec, resources_of(trials.spec), "server", "Local", trials).memory_failures
