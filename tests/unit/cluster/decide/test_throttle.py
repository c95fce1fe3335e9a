"""A status is written when it says something new, and the progress of a trial not more often than anybody reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from tests.unit.cluster.objects import now, raw_profile
from tests.unit.cluster.values import active

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import Stage
from modelprofiler.cluster.decide.decision import Decision, Event
from modelprofiler.cluster.decide.throttle import MESSAGE_SECONDS, PROGRESS_SECONDS, throttled
from modelprofiler.cluster.gather.world import World

BEFORE = ModelProfileStatus(active_trial=active(1), trials_completed=0)
LOADING = ModelProfileStatus(active_trial=active(1, stage=Stage.LOADING), trials_completed=0)
WAITING = ModelProfileStatus(
    active_trial=active(1).model_copy(update={"message": "waiting for the image"}), trials_completed=0
)
NEXT = ModelProfileStatus(active_trial=active(2), trials_completed=1)


def world(written: datetime | None, at: float = 5) -> World:
    """Return a world whose status was written at some time."""
    raw = raw_profile() | {"status": BEFORE.to_dict()}
    return World(key=("team", "digits"), now=now(at), profile=ModelProfile.parse(raw), raw=raw, written=written)


def decision(status: Any, next_look: float | None = 60) -> Decision:
    """Return a decision to write a status, with an event."""
    return Decision(status=status, next_look=next_look, events=(Event("Some", "thing"),))


@pytest.mark.parametrize(
    ("sentence", "status", "written", "is_written"),
    [
        ("nothing has changed", BEFORE, None, False),
        ("the stage has changed a moment ago", LOADING, now(0), False),
        ("the stage has changed, and the last write is long ago", LOADING, now(5 - PROGRESS_SECONDS), True),
        ("the stage has changed, and this operator has written nothing yet", LOADING, None, True),
        ("only the message has changed a while ago", WAITING, now(5 - PROGRESS_SECONDS), False),
        ("only the message has changed, and the last write is long ago", WAITING, now(5 - MESSAGE_SECONDS), True),
        ("a trial was recorded and the next one begun", NEXT, now(0), True),
    ],
)
def test_a_status_is_written_when(sentence: str, status: Any, written: datetime | None, is_written: bool) -> None:
    """What is not written has no event either."""
    throttling = throttled(world(written), decision(status))
    assert (sentence, is_written, is_written) == (sentence, throttling.status is not None, bool(throttling.events))


def test_what_was_not_written_is_written_as_soon_as_it_may() -> None:
    """The next look comes no later."""
    throttling = throttled(world(now(0)), decision(LOADING))
    assert PROGRESS_SECONDS - 5 == throttling.next_look
    later = throttled(replace(world(now(0)), now=now(PROGRESS_SECONDS)), decision(LOADING))
    assert LOADING == later.status


def test_a_decision_without_a_status_stays_unchanged() -> None:
    """Such as one about a profile that is gone."""
    assert Decision() == throttled(world(None), Decision())
