"""The rules for memory: the smallest size worth trying at the CPU boundary, and larger ones after a kill."""

from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.decisions import (
    BRACKET,
    CONFIRM,
    FAST,
    GI,
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

from modelprofiler.api.trial import Outcome
from modelprofiler.core.axis import Limits


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
