"""The explanation says that starting and not the load decides the CPU, and what the load alone needs."""

from tests.unit.core.builders import Trials
from tests.unit.core.search.decisions import BRACKET, FAST, GOOD, POOR, REFERENCE, bracketed, spec
from tests.unit.core.search.simulator import resources_of

from modelprofiler.api.trial import Outcome
from modelprofiler.core.evidence import Failure
from modelprofiler.core.search.run import Run
from modelprofiler.core.search.startup import startup_sentence

NEVER = Failure(Outcome.NEVER_READY, "the server was not ready within 15s: WORKER TIMEOUT")


def sentence(trials: Trials, cpu: int) -> str | None:
    """Return the sentence about the start where this CPU is the smallest that met the objectives."""
    return startup_sentence(Run.of(trials.spec, resources_of(trials.spec), "server", "Local", trials), cpu)


def test_a_new_server_that_does_not_start_where_the_load_would_be_met() -> None:
    """What the load used is named; it is 400m here."""
    trials = Trials(spec()).ran(REFERENCE, "1", load=FAST).ran(BRACKET, "600m", failure=NEVER, ready=None)
    expected = (
        "The start, not the load, determines the CPU: a new server with 600m did not become ready, while the load used "
        "about 400m in trial 1."
    )
    assert expected == sentence(trials, 1000)


def test_a_resized_server_that_met_the_objectives_with_less_is_named() -> None:
    """It is a fact of a trial, and the demand only a computation."""
    trials = Trials(spec()).ran(REFERENCE, "1", load=FAST).ran(BRACKET, "500m", load=GOOD, fresh=False)
    message = sentence(trials.ran(BRACKET, "600m", failure=NEVER, ready=None), 1000)
    assert message is not None
    assert message.endswith("one that had been started with more and was then resized met the objectives at 500m.")


def test_nothing_is_reported_where_the_load_decides() -> None:
    """Neither where a size was too slow, nor where none failed."""
    assert sentence(bracketed(), 500) is None
    assert sentence(Trials(spec()).ran(REFERENCE, "1", load=FAST).ran(BRACKET, "450m", load=POOR), 500) is None
    assert sentence(Trials(spec()).ran(REFERENCE, "1", load=FAST), 1000) is None
