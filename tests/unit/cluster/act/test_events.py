"""Events tell the story, each once, and never get in the way."""

from typing import Any

import pytest
from tests.unit.cluster.objects import UID, now, profile
from tests.unit.cluster.standin import StandIn

from modelprofiler.cluster.act import events
from modelprofiler.cluster.adapter import EVENTS, Kind
from modelprofiler.errors import ClusterUnavailable, Refused


async def recorded(*messages: str, name: str = "digits", **fields: Any) -> list[dict[str, Any]]:
    """Return the events that exist after these messages were recorded."""
    cluster = StandIn(lambda: now(0))
    for message in messages:
        await events.tell(cluster, profile(name=name), "TrialFinished", message, now(61), **fields)
    return cluster.of(EVENTS)


async def test_an_event_is_about_its_profile() -> None:
    """So that kubectl describe shows it."""
    (event,) = await recorded("Trial 1 passed.")
    assert {
        "apiVersion": "modelprofiler.io/v1alpha1",
        "kind": "ModelProfile",
        "name": "digits",
        "namespace": "team",
        "uid": UID,
    } == event["involvedObject"]
    assert ("Normal", "TrialFinished", "Trial 1 passed.", "2026-01-01T00:01:01Z") == (
        event["type"],
        event["reason"],
        event["message"],
        event["lastTimestamp"],
    )


async def test_a_repeated_event_is_sent_once_and_a_different_one_each_time() -> None:
    """A restarted operator may tell it again."""
    assert [1, 2] == [len(await recorded("a", "a")), len(await recorded("a", "b"))]


async def test_a_warning_is_one() -> None:
    """For a run that failed."""
    (event,) = await recorded("too slow", warning=True)
    assert "Warning" == event["type"]


async def test_a_long_message_is_cut_and_a_long_name_stays_a_name() -> None:
    """The API server refuses a longer note, and a label that ends in a dash or a dot."""
    for name in ("a" * 253, "a" * 229 + "." + "b" * 23, "a" * 229 + "-" + "b" * 23):
        (event,) = await recorded("x" * 5000, name=name)
        assert (1024, True) == (len(event["message"]), len(event["metadata"]["name"]) <= 253)
        assert not any(part.endswith("-") or not part for part in event["metadata"]["name"].split("."))


@pytest.mark.parametrize("error", [ClusterUnavailable("no answer"), Refused("forbidden", 403)])
async def test_an_event_that_cannot_be_sent_is_no_error(error: Exception) -> None:
    """The status says the same."""
    cluster = StandIn(lambda: now(0))

    def fail(verb: str, kind: Kind, name: str) -> None:
        raise error

    cluster.before = fail
    await events.tell(cluster, profile(), "Verified", "it was", now(0))
    assert [] == cluster.of(EVENTS)
