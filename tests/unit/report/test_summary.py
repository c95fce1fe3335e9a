"""The headline of a run that ended at the largest size: what failed, and the size only where it may be the reason."""

import pytest
from tests.unit.core.builders import NOON
from tests.unit.core.search.simulator import spec_of
from tests.unit.report import runs

from modelprofiler.api.conditions import FailureCause
from modelprofiler.api.trial import Outcome, Purpose
from modelprofiler.core.answers.causes import MEANINGS
from modelprofiler.core.axis import Limits, cpu_axis, memory_axis
from modelprofiler.core.evidence import Attempt, Evidence, Failure
from modelprofiler.core.search.step import next_step
from modelprofiler.core.trial import finished_trial
from modelprofiler.report.summary import Summary


@pytest.mark.parametrize(
    ("title", "outcome", "text", "exit_code"),
    [
        ("The server ends by itself", Outcome.CRASHED, "the server ended with exit code 0: limit reached", 0),
        ("A port that the server binds is in use", Outcome.CRASHED, "exit code 1: Address already in use", 1),
        ("The server's licence is not accepted", Outcome.CRASHED, "exit code 3: license check failed: expired", 3),
        ("The server runs out of memory even at the largest size", Outcome.CRASHED, "MemoryError", 1),
        ("The server crashes, also at the largest size", Outcome.CRASHED, "exit code 1: something else", 1),
        (
            "The server does not become ready, not even at the largest size",
            Outcome.NEVER_READY,
            "nothing listens on 127.0.0.1:8080",
            None,
        ),
        ("The first request is not answered as expected", Outcome.ERRORS, "was answered with status 404", None),
        ("The server's image cannot be pulled", Outcome.IMAGE_PULL_FAILED, "ErrImagePull", None),
    ],
)
def test_the_headline_names_what_failed(title: str, outcome: Outcome, text: str, exit_code: int | None) -> None:
    """Where the server names the cause, it is that; the size is named only where it may be the reason."""
    run = runs.Recorded(spec_of(), runs.DIGITS)
    size = Limits(cpu_axis(run.resources.cpu).last, memory_axis(run.resources.memory).last)
    attempt = Attempt(1, Purpose.REFERENCE, size, True, "Measure", NOON)
    run.trials.append(finished_trial(run.spec, attempt, Evidence(Failure(outcome, text, exit_code)), NOON, []))
    step = next_step(run.spec, run.resources, "digits", "Local", run.trials)
    assert title == Summary.of(runs.recorded(run, step)).title


def test_every_cause_has_a_meaning() -> None:
    """And those that no size can fix say so, or what to do instead."""
    assert set(FailureCause) == set(MEANINGS)
    for meaning in MEANINGS.values():
        assert meaning.of_size != ("no size" in meaning.advice or "larger size would not help" in meaning.advice)
