"""Whether a server leaks, from what its trials say together."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import spec_of

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import MemoryUsage, Purpose, UsageStatus
from modelprofiler.core.memory.horizon import lasting
from modelprofiler.core.memory.leak import Leak, leak_of, suspicion_of

MI = 2**20
Growth = tuple[str, str, str] | str | None


def usage_with(growth: Growth, samples: int = 20) -> UsageStatus:
    """Return usage with growth: (value, low, high), a value alone as from a kubelet's three samples, or none."""
    value, low, high = growth if isinstance(growth, tuple) else (growth, None, None)
    memory = MemoryUsage(
        peak=Quantity("100Mi"),
        peak_source="WorkingSet",
        steady=Quantity("96Mi"),
        growth_per1000_requests=None if value is None else Quantity(value),
        growth_low=None if low is None else Quantity(low),
        growth_high=None if high is None else Quantity(high),
    )
    return usage_of().model_copy(update={"memory": memory, "samples": samples})


def leak_with(growths: Sequence[Growth], samples: int = 20) -> Leak | None:
    """Return the leak that trials with this growth show."""
    trials = Trials(spec_of())
    for one in growths:
        trials.ran(Purpose.BRACKET, "500m", load=load_of(100), usage=usage_with(one, samples))
    return leak_of(trials)


def test_one_trial_with_an_interval_tells_a_leak() -> None:
    """As on this machine, with ten samples a second."""
    leak = leak_with([("3.1Mi", "2.8Mi", "3.4Mi")])
    assert leak is not None
    assert "3.1 MiB (2.8 to 3.4) per 1,000 requests" == leak.rate


def test_trials_that_agree_make_the_interval_smaller() -> None:
    """Four of them: half as wide."""
    leak = leak_with([("3.1Mi", "2.8Mi", "3.4Mi")] * 4)
    assert leak is not None
    assert "3.1 MiB (2.95 to 3.25) per 1,000 requests" == leak.rate


def test_trials_that_differ_by_more_than_their_intervals_make_it_larger() -> None:
    """What one of them was sure of is then not what it is."""
    leak = leak_with([("3Mi", "2.9Mi", "3.1Mi"), ("4Mi", "3.9Mi", "4.1Mi"), ("5Mi", "4.9Mi", "5.1Mi")])
    assert leak is not None
    assert leak.low * 1000 < 3.3 * MI
    assert leak.high * 1000 > 4.7 * MI


def test_three_trials_of_a_kubelet_tell_a_leak_by_their_spread() -> None:
    """Each with three samples has a value and no interval."""
    leak = leak_with(["3Mi", "3.2Mi", "3.1Mi"], samples=3)
    assert leak is not None
    assert 3.1 * MI == pytest.approx(leak.per_request * 1000)
    assert 2.85 * MI == pytest.approx(leak.low * 1000, rel=0.01)
    assert leak_with(["3Mi", "3.1Mi"], samples=3) is not None


@pytest.mark.parametrize(
    "growths",
    [
        pytest.param(["3Mi"], id="one trial without an interval"),
        pytest.param(["3Mi", "3.9Mi"], id="two trials without intervals that do not agree"),
        pytest.param(["3Mi", "0.2Mi", "1Mi"], id="trials that disagree"),
        pytest.param(["3Mi", ("0.1Mi", "0", "2Mi"), "0"], id="only the first one grew"),
        pytest.param([("3Mi", "2.9Mi", "3.1Mi"), "0", "0"], id="most stayed flat"),
        pytest.param([("1Mi", "0", "3Mi")] * 4, id="each fresh server warmed up, and settled"),
        pytest.param([None, None], id="nothing could be told"),
        pytest.param([], id="no trials"),
    ],
)
def test_what_is_not_sure_is_not_flagged(growths: list[Growth]) -> None:
    """A missing value is none, and a cache that fills once is no leak."""
    assert leak_with(growths) is None


def test_few_samples_need_a_second_trial() -> None:
    """Four of one trial may be those of a slow warm-up; another trial that says about the same confirms it."""
    sure = ("3.1Mi", "2.8Mi", "3.4Mi")
    assert leak_with([sure], samples=4) is None
    assert leak_with([sure, "9Mi"], samples=4) is None
    leak = leak_with([sure, "3.3Mi", None], samples=4)
    assert leak is not None
    assert 3.1 * MI == pytest.approx(leak.per_request * 1000)


def suspected(growths: Sequence[Growth], samples: int = 3) -> Leak | None:
    """Return the growth that trials with this growth give reason to suspect."""
    trials = Trials(spec_of())
    for one in growths:
        trials.ran(Purpose.BRACKET, "500m", load=load_of(100), usage=usage_with(one, samples))
    return suspicion_of(trials)


@pytest.mark.parametrize("growths", [["3Mi"], ["3Mi", "3.9Mi"], ["3Mi", "0.5Mi", "1Mi"], ["3Mi", None, "1Mi"]])
def test_growth_without_an_interval_is_suspected(growths: list[Growth]) -> None:
    """It is not certain enough to be reported as a leak, but a reason to look longer."""
    leak = suspected(growths)
    assert leak_with(growths, samples=3) is None
    assert leak is not None
    assert leak.low <= leak.per_request <= leak.high


@pytest.mark.parametrize("growths", [["3Mi", None], ["3Mi", "0"], ["3Mi", "0", "0", "1Mi"], [None], []])
def test_growth_in_the_smaller_part_of_the_trials_is_not_suspected(growths: list[Growth]) -> None:
    """One of two trials is not enough either."""
    assert suspected(growths) is None


def test_an_overloaded_server_does_not_leak() -> None:
    """What it holds more and more of is its backlog."""
    trials = Trials(spec_of())
    trials.ran(Purpose.BRACKET, "100m", load=load_of(900, spread=0.05), usage=usage_with(("9Mi", "8Mi", "10Mi")))
    assert leak_of(trials) is None


def test_how_long_a_size_lasts_is_reported_in_time_or_in_requests() -> None:
    """In requests where the rate is not known; a size below what the server starts with is left out."""
    leak = Leak(3.1 * MI / 1000, 2.8 * MI / 1000, 3.4 * MI / 1000, base=100 * MI, trials=1)
    assert "256Mi lasts 17 min, 1Gi 99 min" == lasting(leak, [64 * MI, 256 * MI, 1024 * MI], rate=50)
    assert "256Mi lasts about 50,000 requests" == lasting(leak, [256 * MI], rate=None)
    assert leak.requests_until(64 * MI) is None
