"""The doubts about rows that are sent again, and about answers that wait in between."""

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import spec_of

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import LoadStatus, Purpose, Trial, Visits
from modelprofiler.core.answers.caching import caching_sentence
from modelprofiler.core.answers.delayed_ack import delayed_ack_sentence
from modelprofiler.core.answers.doubts import doubts_of_run

SPEC = spec_of(objectives={"latency": {"p95": "250ms"}})


def visited(first: str, later: str, requests: int = 40) -> LoadStatus:
    """Return a load with the medians of first and of later visits."""
    visits = [Visits(requests=requests, median=Duration(median)) for median in (first, later)]
    return load_of(90).model_copy(update={"first_visits": visits[0], "later_visits": visits[1]})


def ran(load: LoadStatus, cpu_time: str = "4ms", *, fresh: bool = True) -> list[Trial]:
    """Return the only trial of a run."""
    return Trials(SPEC).ran(Purpose.REFERENCE, "1", load=load, usage=usage_of(cpu_time), fresh=fresh)


def test_a_server_that_remembers_its_answers_is_reported() -> None:
    """With what either visit took, in the explanation and where there is no recommendation."""
    trials = ran(visited("51ms", "600us"))
    sentence = caching_sentence(trials)
    assert sentence.startswith("In trial 1 a row took 51ms when it was sent first and 600us when it was sent again")
    assert sentence in doubts_of_run(SPEC, trials)


@pytest.mark.parametrize(
    "load",
    [visited("51ms", "40ms"), visited("900us", "100us"), visited("51ms", "600us", requests=1), load_of(90)],
    ids=["a little", "too quick to tell", "too few", "not measured"],
)
def test_a_small_difference_is_not_reported(load: LoadStatus) -> None:
    """Servers warm up."""
    assert "" == caching_sentence(ran(load))


def test_a_resized_server_has_seen_the_rows_before() -> None:
    """Its first visits are no first visits."""
    assert "" == caching_sentence(ran(visited("51ms", "600us"), fresh=False))


@pytest.mark.parametrize(
    ("split", "cpu_time", "reported"), [(900, "4ms", True), (20, "4ms", False), (900, "45ms", False)]
)
def test_answers_that_wait_for_an_acknowledgement_are_reported(split: int, cpu_time: str, reported: bool) -> None:
    """Where they are many, and the server did not work meanwhile."""
    trials = ran(load_of(90, requests=1000).model_copy(update={"split_answers": split}), cpu_time)
    sentence = delayed_ack_sentence(trials)
    assert reported == ("the second part of 90% of the answers came 40 ms after the first" in sentence)
    assert (sentence in doubts_of_run(SPEC, trials)) == reported
