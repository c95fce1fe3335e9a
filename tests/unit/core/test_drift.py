"""Whether the machine changed while a run went on, from what a request cost in its trials."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import spec_of

from modelprofiler.api.status import Drift
from modelprofiler.api.trial import Outcome, Purpose
from modelprofiler.core.drift import drift_of, drift_sentence


def drift_with(costs: Sequence[float], sizes: Sequence[str] = (), threads: Sequence[int | None] = ()) -> Drift | None:
    """Return the drift of trials, one a minute, with the milliseconds that a request cost in each."""
    trials = Trials(spec_of())
    for i, cost in enumerate(costs):
        usage = usage_of(f"{cost}ms", threads=threads[i] if threads else None)
        trials.ran(Purpose.BRACKET, sizes[i] if sizes else "500m", load=load_of(100), usage=usage)
    return drift_of(trials)


def test_requests_that_become_dearer_are_noticed() -> None:
    """A tenth more with every trial, with little noise."""
    drift = drift_with([8.0, 8.8, 9.7, 10.6, 11.7])
    assert drift is not None
    assert drift.noticed
    assert 5 == drift.trials
    assert 1.46 == pytest.approx(float(drift.ratio), abs=0.02)


def test_the_sentence_says_by_how_much() -> None:
    """With the interval, and what to do."""
    drift = drift_with([10.0, 9.0, 8.1, 7.3, 6.6])
    assert drift is not None
    assert "fell by 34% (" in drift_sentence(drift)
    assert "repeat the run" in drift_sentence(drift)


@pytest.mark.parametrize("costs", [[8.0, 8.1, 7.9, 8.05, 8.0], [8.0, 10.0, 7.0, 11.0, 8.5], [8.0, 8.1, 8.2, 8.3]])
def test_what_trials_differ_by_anyway_is_no_drift(costs: list[float]) -> None:
    """The errors of counters are not drift either, on however straight a line."""
    drift = drift_with(costs)
    assert drift is not None
    assert not drift.noticed


def test_sizes_that_do_not_compare_are_no_drift() -> None:
    """A search goes from large to small, where throttling makes requests dearer; that is the size, not the time."""
    sizes = ["2", "2", "500m", "450m", "500m"]
    drift = drift_with([8.0, 8.1, 12.0, 12.1, 12.0], sizes)
    assert drift is not None
    assert not drift.noticed


def test_a_drift_shows_in_every_group() -> None:
    """Two sizes, each a tenth dearer the second time and the third."""
    drift = drift_with([8.0, 6.0, 8.8, 6.6, 9.7, 7.3], ["2", "500m"] * 3)
    assert drift is not None
    assert drift.noticed


def test_pools_of_other_sizes_do_not_compare() -> None:
    """Threads cost."""
    assert drift_with([8.0, 9.0, 10.0], threads=[2, 4, 8]) is None


def test_a_whole_run_of_few_trials_tells_it() -> None:
    """A search of five trials, and a neighbour that came in its middle: sizes next to each other were run twice."""
    drift = drift_with([8.0, 8.1, 8.0, 10.0, 10.1], ["2", "200m", "250m", "250m", "250m"])
    assert drift is not None
    assert drift.noticed
    assert drift.low.value > 1


@pytest.mark.parametrize(("second", "noticed"), [(8.5, False), (10.0, True)])
def test_two_trials_of_one_size_differ_by_more_than_trials_do(second: float, noticed: bool) -> None:
    """With nothing but what is expected to compare their difference to."""
    drift = drift_with([8.0, second])
    assert drift is not None
    assert noticed == drift.noticed


def test_where_time_and_size_went_together_no_drift_is_reported() -> None:
    """A search that goes down from 300m to 200m, and pools that cost less when they are throttled more."""
    drift = drift_with([30.0, 24.0], ["300m", "200m"])
    assert drift is not None
    assert not drift.noticed
    assert float(drift.high) > 1.3


@pytest.mark.parametrize("costs", [[], [8.0]])
def test_one_trial_compares_to_none(costs: list[float]) -> None:
    """There is nothing to report."""
    assert drift_with(costs) is None


def test_trials_that_are_no_evidence_do_not_count() -> None:
    """A disturbed trial is repeated; its cost is that of the disturbance."""
    trials = Trials(spec_of())
    for cost in (8, 8, 30):
        trials.ran(Purpose.BRACKET, "500m", load=load_of(100), usage=usage_of(f"{cost}ms"))
    trials[-1] = trials[-1].model_copy(update={"outcome": Outcome.DISTURBED})
    drift = drift_of(trials)
    assert drift is not None
    assert (2, False) == (drift.trials, drift.noticed)


def test_an_interval_that_ends_at_nothing_is_no_drift() -> None:
    """An end of 0 % would contradict that trials otherwise differ by less."""
    for number in range(200):
        drift = drift_with([8 * (1 + 0.0005 * number * step) for step in range(4)])
        assert drift is not None
        if drift.noticed:
            assert min(abs(float(end) - 1) for end in (drift.low, drift.high)) > 0.004
