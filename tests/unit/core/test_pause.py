"""How long a trial is put off after others that said nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import INCONCLUSIVE, Outcome, Purpose, Size, Trial
from modelprofiler.core.pause import not_before

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SIZE = Size(cpu=Quantity("1"), memory=Quantity("1Gi"))
SILENT = Outcome.DISTURBED


def ended(*outcomes: Outcome) -> list[Trial]:
    """Return trials with these outcomes, one a minute; the last one ends at noon."""
    return [
        Trial(
            index=index,
            purpose=Purpose.REFERENCE,
            limits=SIZE,
            outcome=outcome,
            start_time=NOON - timedelta(minutes=len(outcomes) - index, seconds=40),
            completion_time=NOON - timedelta(minutes=len(outcomes) - index),
        )
        for index, outcome in enumerate(outcomes, start=1)
    ]


@pytest.mark.parametrize("outcome", sorted(INCONCLUSIVE))
def test_a_trial_that_is_no_evidence_is_followed_by_a_pause(outcome: Outcome) -> None:
    """Whatever the reason."""
    assert NOON + timedelta(seconds=10) == not_before(ended(Outcome.PASSED, outcome))


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - INCONCLUSIVE))
def test_any_other_is_followed_by_the_next_at_once(outcome: Outcome) -> None:
    """It said something; what came before it does not matter."""
    assert not_before(ended(SILENT, outcome)) is None


def test_nothing_is_waited_for_at_the_beginning() -> None:
    """There is no trial yet."""
    assert not_before([]) is None


@pytest.mark.parametrize(("count", "seconds"), [(1, 10), (2, 30), (3, 30), (9, 30)])
def test_the_pause_grows_to_a_bound(count: int, seconds: int) -> None:
    """With each one more in a row."""
    assert NOON + timedelta(seconds=seconds) == not_before(ended(Outcome.PASSED, *[SILENT] * count))
