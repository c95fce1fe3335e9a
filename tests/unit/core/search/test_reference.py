"""The reference trial: first the ceiling, where the server shows what a request costs."""

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.decisions import (
    BRACKET,
    FAST,
    GI,
    MEMORY,
    POOR,
    REFERENCE,
    bracketed,
    end_after,
    spec,
    step_after,
    trial_after,
)

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import Outcome
from modelprofiler.core.axis import Limits
from modelprofiler.core.search.points import MOST_AT_CEILING
from modelprofiler.core.steps import GiveUp, RunTrial


class TestReference:
    """First the ceiling, where the server shows what a request costs."""

    def test_it_comes_first(self) -> None:
        """Fresh, at the largest size, for the whole window."""
        step = trial_after(Trials(spec()))
        assert (REFERENCE, Limits(1000, GI), True, "Measure") == (step.purpose, step.limits, step.fresh, step.window)

    def test_a_ceiling_that_passed_now_and_then_is_not_called_too_slow_for_any_size(self) -> None:
        """What the trials show is how often it did."""
        trials = Trials(spec()).ran(REFERENCE, "1", load=load_of(240))
        for p95 in (400, 410):
            trials.ran(REFERENCE, "1", load=load_of(p95, spread=0.03))
        end = end_after(trials)
        assert end.reason is Reason.NO_FEASIBLE_SIZE
        assert "No smaller size can do better" not in end.message
        assert ". 1 of 3 trials at this size met the objectives, which is too few to rely on: extend" in end.message

    def test_too_slow_at_the_ceiling_twice_is_infeasible(self) -> None:
        """The message names the constraint, the nearest miss and the size."""
        trials = Trials(spec()).ran(REFERENCE, "1", load=load_of(400, spread=0.03))
        assert REFERENCE is trial_after(trials).purpose
        end = end_after(trials.ran(REFERENCE, "1", load=load_of(410, spread=0.03)))
        assert end.reason is Reason.NO_FEASIBLE_SIZE
        assert end.message.startswith(
            "p95 is 410ms (398ms to 422ms), over the objective of 250ms at the ceiling of 1 CPU and 1Gi memory"
        )

    def test_answers_without_what_was_expected_are_no_matter_of_the_range(self) -> None:
        """They came in time, and a larger range is not advised."""
        failing = load_of(90, failures=600, kinds={"content": 500, "reset": 100})
        message = end_after(Trials(spec()).ran(REFERENCE, "1", load=failing)).message
        assert message.endswith("These answers came in time: correct the requests, the server or endpoint.http.expect.")
        late = load_of(90, failures=600, kinds={"content": 200, "reset": 400})
        assert "extend the range" in end_after(Trials(spec()).ran(REFERENCE, "1", load=late)).message

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

    def test_a_load_that_needs_more_than_the_ceiling_is_reported(self) -> None:
        """What a request took of CPU time at the ceiling, and how much the load therefore needs."""
        slow = load_of(900, stopped_early="Overload")
        dear = usage_of("40ms")
        twice = Trials(spec()).ran(REFERENCE, "1", load=slow, usage=dear).ran(REFERENCE, "1", load=slow, usage=dear)
        message = end_after(twice).message
        assert "; a request took 40ms of CPU time there, so the load needs 2000m CPU" in message

    def test_a_cheap_failure_does_not_hide_that_the_pace_differs(self) -> None:
        """Its requests cost less than the others': it says nothing of the pace, and the others still do."""
        trials = Trials(spec())
        for load, cost in ((load_of(260, spread=0.03), 7.9), (load_of(330, spread=0.03), 10), (load_of(200), 8.2)):
            trials.ran(REFERENCE, "1", load=load, usage=usage_of(f"{cost}ms"))
        assert REFERENCE is trial_after(trials).purpose

    def test_an_uncertain_failure_at_the_ceiling_is_repeated(self) -> None:
        """Until it is clear that the usual differences of the pace do not explain it; then the run ends."""
        trials = Trials(spec())
        while isinstance(step_after(trials), RunTrial):
            assert REFERENCE is trial_after(trials).purpose
            trials.ran(REFERENCE, "1", load=load_of(255))
        assert 8 < len(trials) < MOST_AT_CEILING
        assert Reason.NO_FEASIBLE_SIZE is end_after(trials).reason

    def test_without_repetitions_an_uncertain_failure_at_the_ceiling_ends_the_run(self) -> None:
        """Who asks for one trial of a size gets one."""
        once = spec(search={"repetitions": 1})
        assert isinstance(step_after(Trials(once).ran(REFERENCE, "1", load=load_of(255))), GiveUp)

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
