"""The sentence about the first request of fresh servers."""

import pytest
from tests.unit.core.builders import Trials, load_of
from tests.unit.core.search.simulator import spec_of

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import FirstRequest, LoadStatus, Purpose
from modelprofiler.core.answers.first_request import first_request_sentence

SPEC = spec_of(objectives={"latency": {"p95": "250ms"}})


def load_after(took: str, tries: int = 1, refusal: str | None = None) -> LoadStatus:
    """Return a load with the duration of its first request; requests after it take 5 ms."""
    first = FirstRequest(duration=Duration(took), tries=tries, refusal=refusal)
    return load_of(90).model_copy(update={"first_request": first, "probe": Duration("5ms")})


def test_a_slow_first_request_is_reported_for_both_ends() -> None:
    """It is a fact about the start, and the load was measured apart from it."""
    trials = Trials(SPEC).ran(Purpose.REFERENCE, "1", load=load_after("2.5s"))
    trials = trials.ran(Purpose.CONFIRM, "200m", load=load_after("12s"))
    sentence = first_request_sentence(SPEC, trials)
    assert sentence.startswith(
        "The first request of a fresh server took 12s at 200m CPU and 2.5s at 1 CPU; the load was "
    )


def test_a_refusal_is_reported() -> None:
    """With how often the request was sent."""
    load = load_after("4.1s", 9, "was answered with status 503: loading")
    sentence = first_request_sentence(SPEC, Trials(SPEC).ran(Purpose.REFERENCE, "1", load=load))
    assert "took 4.1s at 1 CPU (sent 9 times; at first it was answered with status 503: loading)" in sentence


@pytest.mark.parametrize("took", ["20ms", "900ms"])
def test_a_quick_first_request_is_not_worth_a_sentence(took: str) -> None:
    """Most servers import something then."""
    assert "" == first_request_sentence(SPEC, Trials(SPEC).ran(Purpose.REFERENCE, "1", load=load_after(took)))
