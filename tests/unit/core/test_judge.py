import math
from typing import Any

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import spec_of

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import FirstRequest, LatencySummary, LoadStatus, Outcome, Purpose, Size, UsageStatus
from modelprofiler.core.evidence import Failure
from modelprofiler.core.judge import Verdict, every_row_passed, outcome_of, rejudge


def objectives(**fields: Any) -> ModelProfileSpec:
    """Return a profile with these objectives."""
    return spec_of(objectives=fields)


P95 = objectives(latency={"p95": "250ms"})
WITHOUT_INTERVAL = load_of(200).model_copy(update={"latency_low": LatencySummary(), "latency_high": LatencySummary()})


def verdict(spec: ModelProfileSpec, load: LoadStatus, usage: UsageStatus | None = None, **more: Any) -> Verdict:
    """Return the verdict on a fresh Confirm trial."""
    arguments: dict[str, Any] = {"purpose": Purpose.CONFIRM, "fresh": True, "time_to_ready": Duration("2s"), **more}
    return outcome_of(spec, load=load, usage=usage, **arguments)


@pytest.mark.parametrize(
    ("fact", "load", "outcome", "certain"),
    [
        ("an interval that meets the objective passes for certain", load_of(200), Outcome.PASSED, True),
        ("an interval beyond the objective fails for certain", load_of(300), Outcome.SLOW, True),
        ("an interval across the objective passes by its value", load_of(245), Outcome.PASSED, False),
        ("an interval across the objective fails by its value", load_of(255), Outcome.SLOW, False),
        ("a percentile without an interval is not certain", WITHOUT_INTERVAL, Outcome.PASSED, False),
        ("an overload is slow whatever the percentile", load_of(90, stopped_early="Overload"), Outcome.SLOW, True),
        ("failures over the bound are errors", load_of(90, failures=150), Outcome.ERRORS, True),
        ("failures near the bound are not certain", load_of(90, failures=16), Outcome.ERRORS, False),
        ("no failure at all is certain", load_of(90, requests=60), Outcome.PASSED, True),
        ("few failures of few requests are not certain", load_of(90, requests=200, failures=1), Outcome.PASSED, False),
        ("errors are named before slowness", load_of(260, failures=1000), Outcome.ERRORS, True),
        ("a window without requests is the load's fault", load_of(None, requests=0), Outcome.LOAD_FAILED, True),
        ("a missing percentile is not a pass", load_of(None, requests=40), Outcome.NO_METRICS, False),
    ],
)
def test_a_verdict_on_p95(fact: str, load: LoadStatus, outcome: Outcome, certain: bool) -> None:
    """Pass when the upper end meets the objective, fail when the lower end does not; in between it is not certain."""
    judged = verdict(P95, load)
    assert (outcome, certain) == (judged.outcome, judged.certain), fact


def test_a_sentence_says_value_interval_side_and_objective() -> None:
    """It stands in the trial's row."""
    assert (
        verdict(P95, load_of(410, spread=0.03)).message == "p95 is 410ms (398ms to 422ms), over the objective of 250ms"
    )


def test_the_metric_nearest_to_its_bound_is_judged() -> None:
    """Of two that pass, p50 is nearer."""
    judged = verdict(objectives(latency={"p50": "55ms", "p95": "250ms"}), load_of(100, p50=50))
    assert judged.judged is not None
    assert ("p50", "50ms", "55ms") == (judged.judged.metric, judged.judged.value, judged.judged.threshold)


def test_one_failing_metric_is_enough() -> None:
    """It is the one that is judged, though another one passes by little."""
    judged = verdict(objectives(latency={"p50": "50ms", "p99": "200ms"}), load_of(100, p50=49, p99=900))
    assert judged.judged is not None
    assert (Outcome.SLOW, "p99") == (judged.outcome, judged.judged.metric)


def test_too_few_requests_are_counted_against_those_needed() -> None:
    """The user sees what is missing."""
    judged = verdict(objectives(latency={"p99": "250ms"}), load_of(100, requests=210))
    assert judged.message.startswith("p99 needs 299 completed requests, and there were 210")


def test_a_failing_metric_decides_though_another_one_is_missing() -> None:
    """What is known to be too slow needs no further percentile."""
    judged = verdict(objectives(latency={"p95": "50ms", "p999": "1s"}), load_of(100))
    assert judged.outcome is Outcome.SLOW


def test_one_failure_in_few_requests_is_no_certain_failure() -> None:
    """One of eleven says little against five percent allowed; none of eleven says nothing against it."""
    few = load_of(90, requests=11, failures=1)
    judged = verdict(objectives(latency={"mean": "250ms"}, maxErrorPercent="5"), few)
    assert (Outcome.ERRORS, False) == (judged.outcome, judged.certain)


def test_no_failure_is_allowed_when_the_bound_is_zero() -> None:
    """One is too many, for certain."""
    judged = verdict(objectives(latency={"p95": "250ms"}, maxErrorPercent="0"), load_of(90, failures=1))
    assert (Outcome.ERRORS, True) == (judged.outcome, judged.certain)


@pytest.mark.parametrize(
    ("fact", "usage", "outcome"),
    [
        ("throttled less than allowed", usage_of(throttled="3"), Outcome.PASSED),
        ("throttled more than allowed", usage_of(throttled="7.5"), Outcome.SLOW),
        ("throttling not measured is not a pass", usage_of(throttled=None), Outcome.NO_METRICS),
        ("no usage at all is not a pass", None, Outcome.NO_METRICS),
    ],
)
def test_throttling(fact: str, usage: UsageStatus | None, outcome: Outcome) -> None:
    """MaxThrottledPercent bounds the share of throttled periods."""
    judged = verdict(objectives(latency={"p95": "250ms"}, maxThrottledPercent="5"), load_of(90), usage)
    assert outcome is judged.outcome, fact


@pytest.mark.parametrize(
    ("fact", "ready", "fresh", "outcome"),
    [
        ("ready in time", Duration("2s"), True, Outcome.PASSED),
        ("ready too late", Duration("9s"), True, Outcome.SLOW),
        ("time to ready not measured is not a pass", None, True, Outcome.NO_METRICS),
        ("a resized server was ready before", None, False, Outcome.PASSED),
    ],
)
def test_time_to_ready(fact: str, ready: Duration | None, fresh: bool, outcome: Outcome) -> None:
    """MaxTimeToReady bounds the start of a fresh server."""
    spec = objectives(latency={"p95": "250ms"}, maxTimeToReady="5s")
    assert outcome is verdict(spec, load_of(90), time_to_ready=ready, fresh=fresh).outcome, fact


@pytest.mark.parametrize(
    ("fact", "took", "fresh", "outcome"),
    [
        ("answered in time", "2s", True, Outcome.PASSED),
        ("the model was loaded too slowly", "12s", True, Outcome.SLOW),
        ("not measured is not a pass", None, True, Outcome.NO_METRICS),
        ("a resized server has its model", "12s", False, Outcome.PASSED),
    ],
)
def test_first_request(fact: str, took: str | None, fresh: bool, outcome: Outcome) -> None:
    """MaxFirstRequest bounds the first request to a fresh server, apart from the load."""
    spec = objectives(latency={"p95": "250ms"}, maxFirstRequest="5s")
    first = None if took is None else FirstRequest(duration=Duration(took))
    load = load_of(90).model_copy(update={"first_request": first})
    assert outcome is verdict(spec, load, fresh=fresh).outcome, fact


class TestSlowdown:
    """MaxSlowdownPercent counts from the p95 of the reference trial."""

    spec = objectives(maxSlowdownPercent="50")

    @pytest.mark.parametrize(("p95", "outcome"), [(140, Outcome.PASSED), (160, Outcome.SLOW)])
    def test_it_bounds_p95(self, p95: float, outcome: Outcome) -> None:
        """100ms may become 150ms."""
        trials = Trials(self.spec).ran(Purpose.REFERENCE, "1", load=load_of(100))
        assert outcome is trials.ran(Purpose.BRACKET, "500m", load=load_of(p95))[-1].outcome

    @pytest.mark.parametrize(("p95", "outcome"), [(6.9, Outcome.PASSED), (7.5, Outcome.SLOW)])
    def test_five_milliseconds_are_never_too_much(self, p95: float, outcome: Outcome) -> None:
        """Half of 2ms is less than can be distinguished from the scheduler's doing."""
        trials = Trials(self.spec).ran(Purpose.REFERENCE, "1", load=load_of(2))
        assert outcome is trials.ran(Purpose.BRACKET, "500m", load=load_of(p95))[-1].outcome

    @pytest.mark.parametrize(("rate", "outcome"), [("350", Outcome.PASSED), ("310", Outcome.SLOW)])
    def test_of_waiting_clients_the_rate_bounds_it_also_where_latency_is_small(
        self, rate: str, outcome: Outcome
    ) -> None:
        """Two thirds of 500/s must be left, whatever milliseconds are allowed to p95."""
        spec = spec_of(load={"closedLoop": {"concurrency": 1}}, objectives={"maxSlowdownPercent": "50"})
        trials = Trials(spec).ran(Purpose.REFERENCE, "1", load=load_of(2, rate="500"))
        assert outcome is trials.ran(Purpose.BRACKET, "500m", load=load_of(3, rate=rate))[-1].outcome

    def test_the_reference_is_as_slow_as_itself(self) -> None:
        """It passes."""
        assert Trials(self.spec).ran(Purpose.REFERENCE, "1", load=load_of(9000))[0].outcome is Outcome.PASSED

    def test_the_first_trial_of_a_grid_is_its_reference(self) -> None:
        """It ran at the largest size."""
        trials = Trials(self.spec).ran(Purpose.GRID, "1", load=load_of(100))
        assert trials.ran(Purpose.GRID, "500m", load=load_of(160))[-1].outcome is Outcome.SLOW


class TestClosedLoop:
    """Clients that wait send less to a slow server: the completed rate must hold too."""

    spec = spec_of(load={"closedLoop": {"concurrency": 4}}, objectives={"latency": {"p95": "200ms"}})

    @pytest.mark.parametrize(("rate", "outcome"), [("26", Outcome.PASSED), ("20", Outcome.SLOW)])
    def test_the_rate_may_fall_as_far_as_latency_may_rise(self, rate: str, outcome: Outcome) -> None:
        """With 100ms at the ceiling and 200ms allowed, half of the rate must be left."""
        trials = Trials(self.spec).ran(Purpose.REFERENCE, "1", load=load_of(100, rate="50"))
        trial = trials.ran(Purpose.BRACKET, "500m", load=load_of(110, rate=rate))[-1]
        assert outcome is trial.outcome

    def test_the_rate_is_named(self) -> None:
        """The row says that the rate decided."""
        trials = Trials(self.spec).ran(Purpose.REFERENCE, "1", load=load_of(100, rate="50"))
        trial = trials.ran(Purpose.BRACKET, "500m", load=load_of(110, rate="20"))[-1]
        assert trial.judged is not None
        assert ("rate", "20/s", "25/s") == (trial.judged.metric, trial.judged.value, trial.judged.threshold)
        assert "under the objective" in trial.message


class TestFailures:
    """What went wrong apart from the requests comes before the objectives."""

    def test_a_worker_killed_under_a_living_master_is_a_kill(self) -> None:
        """The requests were fast enough, and yet."""
        judged = verdict(P95, load_of(90), usage_of(oom_kills=2))
        assert (Outcome.OOM_KILLED, True, math.inf) == (judged.outcome, judged.certain, judged.excess)
        assert "2 processes" in judged.message

    def test_a_kill_outranks_a_crash(self) -> None:
        """The kernel's count explains the server's end; the message has both."""
        judged = verdict(P95, load_of(90), usage_of(oom_kills=1), failure=Failure(Outcome.CRASHED, "exit code 137"))
        assert judged.outcome is Outcome.OOM_KILLED
        assert "exit code 137" in judged.message

    @pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.NEVER_READY, Outcome.DISTURBED, Outcome.NO_METRICS])
    def test_a_failure_is_recorded_unchanged(self, outcome: Outcome) -> None:
        """With the shell's own message."""
        judged = verdict(P95, load_of(90), failure=Failure(outcome, "as seen"))
        assert (outcome, "as seen") == (judged.outcome, judged.message)

    def test_no_result_of_the_load_is_a_failed_load(self) -> None:
        """Nothing is made up for it."""
        judged = outcome_of(P95, purpose=Purpose.CONFIRM, fresh=True, load=None, usage=None, time_to_ready=None)
        assert judged.outcome is Outcome.LOAD_FAILED


class TestRejudge:
    """Objectives are no part of the run hash: recorded trials are judged again."""

    trials = (
        Trials(P95)
        .ran(Purpose.REFERENCE, "1", load=load_of(90))
        .ran(Purpose.BRACKET, "500m", load=load_of(200))
        .ran(Purpose.BISECT, "300m", load=load_of(400))
        .broke(Purpose.BISECT, Outcome.CRASHED, "200m")
        .broke(Purpose.BISECT, Outcome.NO_METRICS, "200m", load=load_of(90))
    )

    def outcomes(self, spec: ModelProfileSpec) -> list[Outcome]:
        return [trial.outcome for trial in rejudge(spec, self.trials)]

    def test_the_same_objectives_change_nothing(self) -> None:
        """Every row is as it was recorded."""
        assert list(self.trials) == rejudge(P95, self.trials)

    def test_a_stricter_objective_fails_what_passed(self) -> None:
        """Facts about the server and the measurement stay."""
        expected = [Outcome.PASSED, Outcome.SLOW, Outcome.SLOW, Outcome.CRASHED, Outcome.NO_METRICS]
        assert expected == self.outcomes(objectives(latency={"p95": "150ms"}))

    def test_a_looser_objective_passes_what_failed(self) -> None:
        """The threshold of the row changes with it."""
        again = rejudge(objectives(latency={"p95": "500ms"}), self.trials)
        assert again[2].judged is not None
        assert (Outcome.PASSED, "500ms") == (again[2].outcome, again[2].judged.threshold)

    def test_a_metric_that_was_not_measured_must_be_measured(self) -> None:
        """The trials become NoMetrics, and no longer when the objective is taken back."""
        p999 = objectives(latency={"p999": "500ms"})
        again = rejudge(p999, self.trials)
        assert [Outcome.NO_METRICS] * 3 == [trial.outcome for trial in again[:3]]
        assert list(self.trials) == rejudge(P95, again)


@pytest.mark.parametrize(
    ("cpu", "memory", "rows", "trial"),
    [
        ("300m", "256Mi", 600, 3),  # more memory
        ("300m", "224Mi", 600, 3),
        ("300m", "192Mi", 600, None),  # less memory than any that passed
        ("250m", "256Mi", 600, None),  # less CPU
        ("300m", "256Mi", 601, None),  # a row that none of them sent
        ("2", "2Gi", 600, 3),  # the last of those that passed
    ],
)
def test_every_row_is_known_where_no_larger_a_size_passed_with_them(
    cpu: str, memory: str, rows: int, trial: int | None
) -> None:
    """Three trials that sent 600 rows; the one at less memory was killed."""
    trials = Trials(objectives(latency={"p95": "250ms"})).ran(Purpose.REFERENCE, "1")
    trials.broke(Purpose.CONFIRM, Outcome.OOM_KILLED, "300m", "192Mi").ran(Purpose.CONFIRM, "300m", "224Mi")
    passed = every_row_passed(trials, Size(cpu=Quantity(cpu), memory=Quantity(memory)), rows)
    assert trial == (passed.index if passed else None)
