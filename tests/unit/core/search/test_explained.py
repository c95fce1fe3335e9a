"""What an explanation says where the trials show less, or something else, than one would expect."""

from typing import Any

from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import MI, resources_of, spec_of

from modelprofiler.api.trial import Outcome, Purpose
from modelprofiler.core.evidence import Failure
from modelprofiler.core.judge import rejudge
from modelprofiler.core.search.estimate import estimate
from modelprofiler.core.search.grid import grid_recommendation
from modelprofiler.core.search.margin import target_for
from modelprofiler.core.search.recommend import recommend
from modelprofiler.core.search.run import Run

DISTURBED = Failure(Outcome.DISTURBED, "the node was busy")


def run_of(trials: Trials) -> Run:
    """Return the run that these trials make."""
    return Run.of(trials.spec, resources_of(trials.spec), "server", "Local", trials)


def explained(trials: Trials, cpu: int, memory: int = 187) -> str:
    """Return the explanation for these boundaries, in millicores and Mi."""
    run = run_of(trials)
    return recommend(run, target_for(run, cpu, memory * MI)).recommendation.explanation


def grid(**changes: Any) -> Trials:
    """Return no trials of a grid of two CPU and three memory sizes."""
    sizes = {"cpu": {"values": ["500m", "1"]}, "memory": {"values": ["256Mi", "512Mi", "1Gi"]}}
    return Trials(spec_of(search={"strategy": "Grid", "maxTrials": 9}, resources=sizes, **changes))


def of_grid(trials: Trials) -> str:
    """Return the explanation of the grid."""
    answer = grid_recommendation(run_of(trials))
    assert answer is not None
    return answer.recommendation.explanation


class TestMemory:
    """What is known of it."""

    def test_a_grid_without_a_measurement_names_no_peak(self) -> None:
        """The size that passed is all that is known, and no margin can be added to it."""
        trials = grid()
        for memory in ("1Gi", "512Mi"):
            trials.ran(Purpose.GRID, "1", memory, load=load_of(20), usage=usage_of(peak=None))
        text = of_grid(trials)
        assert "Memory was not measured, so no margin is added; 512Mi was enough." in text, text

    def test_a_grid_names_the_size_that_was_enough_above_one_that_was_not(self) -> None:
        """Although the peak was below both."""
        trials = grid().ran(Purpose.GRID, "1", "1Gi", load=load_of(20))
        trials.broke(Purpose.GRID, Outcome.OOM_KILLED, "1", "512Mi")
        text = of_grid(trials)
        assert "512Mi of memory was too small, and 1Gi was enough; 1Gi is the ceiling of the range" in text, text

    def test_memory_that_was_enough_with_less_cpu_was_not_too_small(self) -> None:
        """A failure at the largest CPU is blamed on memory, until a pass refutes that."""
        trials = grid().ran(Purpose.GRID, "1", "1Gi", load=load_of(20))
        trials.ran(Purpose.GRID, "1", "512Mi", load=load_of(400))
        trials.ran(Purpose.GRID, "500m", "512Mi", load=load_of(30))
        text = of_grid(trials)
        assert "Memory peaked at 187Mi" in text, text
        assert "too small" not in text, text

    def test_a_size_is_written_as_in_the_range(self) -> None:
        """500M are 477Mi only when rounded, and no trial ran at that size."""
        sizes = {"cpu": {"min": "100m", "max": "1", "step": "50m"}, "memory": {"values": ["500M", "700M", "900M"]}}
        trials = Trials(spec_of(resources=sizes)).ran(Purpose.REFERENCE, "1", "900M", load=load_of(20))
        trials.broke(Purpose.MEMORY, Outcome.OOM_KILLED, "1", "500M")
        run = run_of(trials)
        text = recommend(run, target_for(run, 100, 700 * 10**6, at_least=700 * 10**6)).recommendation.explanation
        assert "500M of memory was too small; 700M is the next size to try" in text, text


class TestCpu:
    """Which trials are named."""

    def test_a_smaller_size_with_too_little_memory_was_tried(self) -> None:
        """So that it is not true that no smaller size was measured."""
        trials = Trials(spec_of()).ran(Purpose.REFERENCE, "1", load=load_of(20))
        trials.ran(Purpose.BRACKET, "300m", load=load_of(100))
        trials.broke(Purpose.MEMORY, Outcome.OOM_KILLED, "250m", "192Mi")
        assert "; all trials with less CPU had too little memory" in explained(trials, 300)

    def test_a_trial_without_a_result_ran_all_the_same(self) -> None:
        """It is the pass that is missing."""
        trials = Trials(spec_of()).ran(Purpose.REFERENCE, "1", load=load_of(20))
        trials.ran(Purpose.BRACKET, "100m", failure=DISTURBED)
        text = explained(trials, 100)
        assert text.startswith("100m, at which no trial passed, is treated as the smallest that meets the objectives;")

    def test_a_larger_size_that_failed_is_named_as_such(self) -> None:
        """300m passed; it was 350m that failed."""
        trials = Trials(spec_of()).ran(Purpose.REFERENCE, "1", load=load_of(20))
        trials.ran(Purpose.BRACKET, "300m", load=load_of(100)).ran(Purpose.CONFIRM, "350m", load=load_of(310))
        text = explained(trials, 400)
        assert "300m CPU met the objectives in trial 2, but 350m did not in trial 3: p95 is 310ms" in text, text

    def test_a_boundary_that_failed_is_said_to_be_one_all_the_same(self) -> None:
        """Else the margin would seem to be added to the size that passed."""
        trials = Trials(spec_of()).ran(Purpose.REFERENCE, "1", load=load_of(20))
        trials.ran(Purpose.BRACKET, "400m", load=load_of(310))
        text = explained(trials, 400)
        assert text.startswith("at 400m p95 is 310ms"), text
        assert "; 400m is nevertheless treated as the smallest that meets the objectives" in text, text


def test_a_recommendation_without_the_margin_says_so() -> None:
    """Instead of a size that is 0 % larger."""
    trials = Trials(spec_of()).ran(Purpose.REFERENCE, "1", load=load_of(20))
    run = run_of(trials.ran(Purpose.BRACKET, "300m", load=load_of(240)))
    target = target_for(run, 300, 187 * MI)
    smaller = type(target)(type(target.limits)(300, target.limits.memory), 300, target.memory)
    text = recommend(run, smaller).recommendation.explanation
    assert "; the margin of 10% is not added" in text, text


def test_a_reference_is_judged_by_the_slowdown_that_every_trial_is_judged_by() -> None:
    """20 ms may always grow by 5 ms: a tenth of it would be 2 ms."""
    trials = Trials(spec_of(objectives={"maxSlowdownPercent": "10"})).ran(Purpose.REFERENCE, "1", load=load_of(20))
    trials.ran(Purpose.BRACKET, "500m", load=load_of(21))
    messages = [trial.message for trial in rejudge(trials.spec, trials)]
    assert all("within the objective of 25ms" in message for message in messages), messages


def test_a_forecast_rounds_the_peak_to_the_next_mebibyte() -> None:
    """187Mi are 187Mi."""
    trials = Trials(spec_of()).ran(Purpose.REFERENCE, "1", load=load_of(20))
    resources = resources_of(trials.spec)
    step = estimate(trials.spec, resources, "server", "Local", trials, why="there are no control groups")
    assert step is not None
    assert "memory peaked at 187Mi" in step.message
