"""The rules for the Confirm trial: a fresh server at exactly the recommended size."""

import copy

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
    bracketed,
    spec,
    trial_after,
)

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import Outcome
from modelprofiler.core.axis import Limits


class TestConfirm:
    """Last, a fresh pod at exactly the recommended size."""

    def proven(self, profile: ModelProfileSpec | None = None) -> Trials:
        """Return a run that knows CPU and memory."""
        return bracketed(profile).ran(MEMORY, "500m", "192Mi", load=GOOD)

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
        profile = spec(recommendation={"cpuMarginPercent": 0, "memoryMarginPercent": 0})
        trials = bracketed(profile)
        step = trial_after(trials)
        assert (CONFIRM, Limits(500, 192 * MI)) == (step.purpose, step.limits)
        answer = answer_after(trials.ran(CONFIRM, "500m", "192Mi", load=GOOD))
        assert Limits(500, 192 * MI) == Limits.from_size(answer.recommendation.limits)

    def test_a_margin_that_just_fits_takes_the_step_above(self) -> None:
        """159Mi + 20 % is under 192Mi by 1Mi: a peak of 161Mi in this very trial would ask for one trial more."""
        usage = usage_of(peak="159Mi")
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=usage)
        trials.ran(BRACKET, "500m", load=GOOD, fresh=False, usage=usage).ran(BRACKET, "450m", load=POOR, usage=usage)
        trials.ran(MEMORY, "500m", "160Mi", load=GOOD, usage=usage)
        assert (CONFIRM, 224 * MI) == ((step := trial_after(trials)).purpose, step.limits.memory)
        roomy = answer_after(copy.copy(trials).ran(CONFIRM, "550m", "224Mi", load=GOOD, usage=usage)).recommendation
        assert Quantity("224Mi") == roomy.limits.memory
        room = "a margin of 20% and room for a peak up to 2% higher are added, and 224Mi, the next size of the range, "
        assert f"{room}is 41% larger." in str(roomy.explanation)
        # Its own peak is a little higher: that is what the room was for.
        higher = usage_of(peak="161Mi")
        roomy = answer_after(copy.copy(trials).ran(CONFIRM, "550m", "224Mi", load=GOOD, usage=higher)).recommendation
        assert Quantity("224Mi") == roomy.limits.memory
        # Where its own peak left a size that ran the margin, that is the answer.
        trials.ran(CONFIRM, "550m", "192Mi", load=GOOD, usage=usage)
        assert Quantity("192Mi") == answer_after(trials).recommendation.limits.memory

    def test_where_steps_are_fine_the_room_need_not_be_used_up(self) -> None:
        """What ran has its margin, though neither what it would be without the room nor with new room ran."""
        fine = spec(
            resources={
                "cpu": {"min": "100m", "max": "1", "step": "50m"},
                "memory": {"min": "128Mi", "max": "4Gi", "step": "32Mi"},
            }
        )
        usage, higher = usage_of(peak="2000Mi"), usage_of(peak="2015Mi")
        trials = Trials(fine).ran(REFERENCE, "1", "4Gi", load=FAST, usage=usage)
        trials.ran(BRACKET, "500m", "4Gi", load=GOOD, fresh=False, usage=usage)
        trials.ran(BRACKET, "450m", "4Gi", load=POOR, usage=usage).ran(MEMORY, "500m", "2016Mi", load=GOOD, usage=usage)
        size = trial_after(trials).limits
        assert 2464 * MI == size.memory
        answer = answer_after(trials.ran(CONFIRM, "550m", "2464Mi", load=GOOD, usage=higher))
        assert (Reason.VERIFIED, Quantity("2464Mi")) == (answer.reason, answer.recommendation.limits.memory)

    def test_the_last_word_is_what_ran_with_room(self) -> None:
        """With no trial left for more repetitions, a size that passed is recommended rather than one that never ran."""
        usage = usage_of(peak="159Mi")
        trials = Trials(spec(search={"repetitions": 4, "maxTrials": 5})).ran(REFERENCE, "1", load=FAST, usage=usage)
        trials.ran(BRACKET, "500m", load=GOOD, usage=usage).ran(BRACKET, "450m", load=POOR, usage=usage)
        for _ in range(2):
            trials.ran(CONFIRM, "550m", "224Mi", load=load_of(245), usage=usage)
        answer = answer_after(trials)
        assert (Reason.VERIFIED, Quantity("224Mi")) == (answer.reason, answer.recommendation.limits.memory)

    def test_what_was_too_small_is_no_peak_and_gets_no_room(self) -> None:
        """128Mi was too little and 160Mi enough: 192Mi has the margin."""
        usage = usage_of(peak="120Mi")
        trials = Trials(spec()).ran(REFERENCE, "1", load=FAST, usage=usage)
        trials.ran(BRACKET, "500m", load=GOOD, usage=usage).ran(BRACKET, "450m", load=POOR, usage=usage)
        trials.broke(MEMORY, Outcome.OOM_KILLED, "500m", "128Mi").ran(MEMORY, "500m", "160Mi", load=GOOD, usage=usage)
        assert (CONFIRM, 192 * MI) == ((step := trial_after(trials)).purpose, step.limits.memory)

    def test_a_size_that_already_passed_fresh_needs_no_more(self) -> None:
        """At the ceiling that is the reference itself."""
        profile = spec(
            resources={"cpu": {"values": ["1"]}, "memory": {"values": ["1Gi"]}},
        )
        answer = answer_after(Trials(profile).ran(REFERENCE, "1", load=FAST))
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
        profile = spec(
            resources={"cpu": {"values": ["1"]}, "memory": {"min": "128Mi", "max": "1Gi", "step": "32Mi"}},
        )
        trials = Trials(profile).ran(REFERENCE, "1", load=FAST).ran(MEMORY, "1", "192Mi", load=POOR)
        assert Limits(1000, 224 * MI) == trial_after(trials).limits
