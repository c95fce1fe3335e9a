"""What holds for every search: it ends, it can be interrupted anywhere, and it measures nothing for nothing."""

import pytest
from tests.unit.core.builders import Trials, load_of
from tests.unit.core.search.decisions import FAST, GOOD, POOR, bracketed, spec, step_after, trial_after
from tests.unit.core.search.simulator import Simulation, random_simulation, resources_of, spec_of

from modelprofiler.api.conditions import Reason
from modelprofiler.api.trial import Outcome, Purpose
from modelprofiler.core.search.step import MOST_INCONCLUSIVE, next_step, problems, step_at_deadline
from modelprofiler.core.steps import GiveUp, Recommend, RunTrial


@pytest.mark.parametrize(
    "outcome", [Outcome.LOAD_FAILED, Outcome.GENERATOR_SATURATED, Outcome.NO_METRICS, Outcome.DISTURBED]
)
def test_an_inconclusive_trial_runs_again_a_bounded_number_of_times(outcome: Outcome) -> None:
    """It says nothing about the size: the step is the same, three times; the reference cannot be done without."""
    trials = Trials(spec())
    expected = trial_after(trials)
    for _ in range(MOST_INCONCLUSIVE - 1):
        trials.broke(expected.purpose, outcome, "1")
        assert expected == trial_after(trials)
    end = step_after(trials.broke(expected.purpose, outcome, "1"))
    assert isinstance(end, GiveUp)
    assert Reason.UNRELIABLE is end.reason
    assert f"it was {outcome.value}" in end.message


def test_a_size_that_cannot_be_measured_is_done_without() -> None:
    """What has passed above it is confirmed and recommended; the explanation says what could not be decided."""
    trials = Trials(spec()).ran(Purpose.REFERENCE, "1", load=FAST).ran(Purpose.BRACKET, "500m", load=GOOD, fresh=False)
    silent = trial_after(trials)
    assert silent.limits.cpu < 500
    for _ in range(MOST_INCONCLUSIVE):
        assert silent == trial_after(trials)
        trials.broke(silent.purpose, Outcome.GENERATOR_SATURATED, f"{silent.limits.cpu}m")
    confirm = trial_after(trials)
    assert (Purpose.CONFIRM, 550) == (confirm.purpose, confirm.limits.cpu)
    size = confirm.limits.to_size()
    end = step_after(trials.ran(Purpose.CONFIRM, str(size.cpu), str(size.memory), load=GOOD))
    assert isinstance(end, Recommend)
    assert Reason.VERIFIED is end.reason
    assert f"the trial at {silent.limits.cpu}m was inconclusive" in end.recommendation.explanation


def test_a_reference_that_cannot_be_repeated_for_certainty_has_passed() -> None:
    """The search goes on below it, and comes back to it no more."""
    trials = Trials(spec()).ran(Purpose.REFERENCE, "1", load=load_of(240, spread=0.2))
    for _ in range(MOST_INCONCLUSIVE):
        assert Purpose.REFERENCE is trial_after(trials).purpose
        trials.broke(Purpose.REFERENCE, Outcome.DISTURBED, "1")
    step = trial_after(trials)
    assert Purpose.BRACKET is step.purpose
    after = trial_after(trials.ran(Purpose.BRACKET, f"{step.limits.cpu}m", load=GOOD, fresh=False))
    assert after.purpose is not Purpose.REFERENCE


def test_neither_is_anything_verified_at_a_size_that_cannot_be_measured() -> None:
    """Where the recommended size itself is one, it is recommended unchanged."""
    trials = Trials(spec()).ran(Purpose.REFERENCE, "1", load=FAST).ran(Purpose.BRACKET, "500m", load=GOOD, fresh=False)
    for _ in range(2 * MOST_INCONCLUSIVE):
        step = trial_after(trials)
        size = step.limits.to_size()
        trials.broke(step.purpose, Outcome.DISTURBED, str(size.cpu), str(size.memory))
    end = step_after(trials)
    assert isinstance(end, Recommend)
    assert Reason.NOT_VERIFIED is end.reason
    assert "3 consecutive trials at 550m CPU" in end.message


def test_a_conclusive_trial_in_between_starts_the_count_anew() -> None:
    """Only those in a row count."""
    trials = Trials(spec())
    trials.broke(Purpose.REFERENCE, Outcome.DISTURBED, "1").broke(Purpose.REFERENCE, Outcome.DISTURBED, "1")
    trials.ran(Purpose.REFERENCE, "1", load=load_of(255)).broke(Purpose.REFERENCE, Outcome.DISTURBED, "1")
    assert Purpose.REFERENCE is trial_after(trials).purpose


@pytest.mark.parametrize("outcome", [Outcome.UNSCHEDULABLE, Outcome.IMAGE_PULL_FAILED])
def test_a_cluster_in_the_way_says_nothing_about_a_smaller_size(outcome: Outcome) -> None:
    """What fitted at the ceiling fits below: the trial runs again."""
    trials = bracketed()
    expected = trial_after(trials)
    assert expected == trial_after(trials.broke(expected.purpose, outcome, "500m", "192Mi"))


def test_an_objective_on_a_metric_not_yet_measured_measures_again() -> None:
    """P99 was not asked for, and is not in the recorded trials."""
    step = trial_after(bracketed(), spec(objectives={"latency": {"p99": "1s"}}))
    assert Purpose.REFERENCE is step.purpose


class TestTrialsRunOut:
    """search.maxTrials counts every trial."""

    def test_the_last_one_is_kept_for_the_confirmation(self) -> None:
        """Of the smallest size that is known to pass."""
        trials = Trials(spec(search={"maxTrials": 3})).ran(Purpose.REFERENCE, "1", load=FAST)
        step = trial_after(trials.ran(Purpose.BRACKET, "500m", load=GOOD, fresh=False))
        assert (Purpose.CONFIRM, 550) == (step.purpose, step.limits.cpu)

    def test_something_passed_is_recommended_unverified(self) -> None:
        """It says that no run at this size passed, and why none was made."""
        trials = Trials(spec(search={"maxTrials": 3})).ran(Purpose.REFERENCE, "1", load=FAST)
        trials.ran(Purpose.BRACKET, "500m", load=GOOD, fresh=False).ran(Purpose.CONFIRM, "550m", "256Mi", load=POOR)
        end = step_after(trials)
        assert isinstance(end, Recommend)
        assert (Reason.NOT_VERIFIED, None) == (end.reason, end.recommendation.verification)
        assert "search.maxTrials of 3 was reached" in end.message

    def test_nothing_passed_is_the_end(self) -> None:
        """With the last trial's words."""
        trials = Trials(spec(search={"maxTrials": 3, "repetitions": 10}))
        for _ in range(3):
            trials.ran(Purpose.REFERENCE, "1", load=load_of(255))
        end = step_after(trials)
        assert isinstance(end, GiveUp)
        assert Reason.TRIALS_EXHAUSTED is end.reason


class TestDeadline:
    """search.deadline passed."""

    def test_something_passed_is_recommended_unverified(self) -> None:
        """The best so far."""
        trials = bracketed()
        end = step_at_deadline(trials.spec, resources_of(trials.spec), "server", "Cluster", trials)
        assert isinstance(end, Recommend)
        assert Reason.NOT_VERIFIED is end.reason
        assert "search.deadline of 1h passed" in end.message

    @pytest.mark.parametrize("count", [0, 1])
    def test_nothing_passed_is_the_end(self, count: int) -> None:
        """Whether or not there was a trial."""
        trials = Trials(spec())
        for _ in range(count):
            trials.broke(Purpose.REFERENCE, Outcome.DISTURBED, "1")
        end = step_at_deadline(trials.spec, resources_of(trials.spec), "server", "Cluster", trials)
        assert isinstance(end, GiveUp)
        assert Reason.DEADLINE_EXCEEDED is end.reason


class TestGrid:
    """Every combination, then the cheapest that passed."""

    spec = spec_of(
        search={"strategy": "Grid", "maxTrials": 4},
        resources={"cpu": {"values": ["500m", "1"]}, "memory": {"values": ["256Mi", "512Mi"]}},
        recommendation={"cpuMarginPercent": 0, "memoryMarginPercent": 20},
    )

    def full(self, **small: object) -> Trials:
        """Return the grid with all passed but the smallest CPU's larger memory, unless said otherwise."""
        trials = Trials(self.spec)
        for cpu in ("1", "500m"):
            for memory in ("512Mi", "256Mi"):
                trials.ran(Purpose.GRID, cpu, memory, load=small.get(f"{cpu} {memory}", GOOD))  # type: ignore[arg-type]
        return trials

    def test_the_largest_size_comes_first_and_every_one_once(self) -> None:
        """Each on a fresh pod, for the whole window."""
        trials, sizes = Trials(self.spec), []
        while isinstance(step := step_after(trials), RunTrial):
            assert (Purpose.GRID, True, "Measure") == (step.purpose, step.fresh, step.window)
            size = step.limits.to_size()
            sizes.append((str(size.cpu), str(size.memory)))
            trials.ran(Purpose.GRID, *sizes[-1], load=GOOD)
        assert [("1", "512Mi"), ("1", "256Mi"), ("500m", "512Mi"), ("500m", "256Mi")] == sizes

    def test_the_cheapest_that_passed_is_recommended_and_verified(self) -> None:
        """187Mi + 20 % fit into 256Mi."""
        end = step_after(self.full())
        assert isinstance(end, Recommend)
        assert ("500m", "256Mi") == (str(end.recommendation.limits.cpu), str(end.recommendation.limits.memory))
        assert Reason.VERIFIED is end.reason

    def test_a_combination_that_failed_never_wins(self) -> None:
        """The next cheapest does."""
        end = step_after(self.full(**{"500m 256Mi": POOR, "500m 512Mi": POOR}))
        assert isinstance(end, Recommend)
        assert ("1", "256Mi") == (str(end.recommendation.limits.cpu), str(end.recommendation.limits.memory))

    def test_margins_round_up_to_the_grid(self) -> None:
        """187Mi + 40 % need 512Mi."""
        trials = self.full()
        wider = trials.spec.model_copy(
            update={"recommendation": spec_of(recommendation={"memoryMarginPercent": 40}).recommendation}
        )
        end = next_step(wider, resources_of(wider), "server", "Cluster", trials)
        assert isinstance(end, Recommend)
        assert "512Mi" == str(end.recommendation.limits.memory)

    def test_a_ceiling_that_fails_ends_the_run(self) -> None:
        """No smaller one can pass."""
        trials = Trials(self.spec).ran(Purpose.GRID, "1", "512Mi", load=POOR).ran(Purpose.GRID, "1", "512Mi", load=POOR)
        end = step_after(trials)
        assert isinstance(end, GiveUp)
        assert Reason.NO_FEASIBLE_SIZE is end.reason

    def test_a_grid_larger_than_max_trials_is_refused(self) -> None:
        """Before anything runs, with the numbers."""
        large = spec_of(search={"strategy": "Grid", "maxTrials": 20})
        messages = problems(large, resources_of(large))
        assert ["spec.search.maxTrials"] == [problem.path for problem in messages]
        assert "19 CPU and 29 memory sizes needs 551 trials" in messages[0].message

    def test_a_grid_that_fits_and_any_adaptive_search_are_fine(self) -> None:
        """Nothing to say."""
        adaptive = spec_of(search={"strategy": "Adaptive", "maxTrials": 20})
        assert [] == problems(self.spec, resources_of(self.spec)) + problems(adaptive, resources_of(adaptive))

    def test_the_deadline_recommends_the_best_so_far(self) -> None:
        """From the combinations measured."""
        trials = Trials(self.spec).ran(Purpose.GRID, "1", "512Mi", load=GOOD)
        end = step_at_deadline(self.spec, resources_of(self.spec), "server", "Cluster", trials)
        assert isinstance(end, Recommend)
        assert "512Mi" == str(end.recommendation.limits.memory)


@pytest.mark.parametrize("seed", range(5))
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(seed: int) -> None:
    """The steps are a function of the finished trials: every prefix gives the step that was taken."""
    straight = random_simulation(seed)
    straight.run()
    for count, taken in enumerate(straight.trials):
        again = Simulation(straight.spec, straight.service, straight.seed, trials=list(straight.trials[:count])).next()
        assert isinstance(again, RunTrial)
        assert (taken.purpose, taken.limits, taken.fresh) == (again.purpose, again.limits.to_size(), again.fresh)
