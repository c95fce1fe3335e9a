"""Whether pods can be resized, as the API server's discovery says."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.unit.cluster.objects import EPOCH
from tests.unit.cluster.standin import StandIn

from modelprofiler.api.objects import Object
from modelprofiler.cluster.adapter import DISCOVERY, Kind
from modelprofiler.cluster.gather.resizing import KEPT_SECONDS, Resizing
from modelprofiler.errors import ClusterUnavailable, ModelProfilerError, Refused


class Time:
    """A clock that stands still unless it is set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> datetime:
        """Return the time."""
        return EPOCH + timedelta(seconds=self.seconds)


@pytest.mark.parametrize("served", [True, False])
async def test_what_the_discovery_says_is_kept_until_an_upgrade_may_have_changed_it(*, served: bool) -> None:
    """It is read once for many trials."""
    time = Time()
    cluster = StandIn(time)
    cluster.has_resize = served
    resizing = Resizing(cluster, time)
    assert [served] * 3 == [await resizing.is_served() for _ in range(3)]
    assert 1 == cluster.count("get", DISCOVERY).total()

    cluster.has_resize = not served
    time.seconds = KEPT_SECONDS - 1
    assert served == await resizing.is_served()
    time.seconds = KEPT_SECONDS
    assert (not served) == await resizing.is_served()


@pytest.mark.parametrize("error", [Refused("forbidden", 403), ClusterUnavailable("no answer")])
async def test_where_it_cannot_be_read_a_resize_is_tried_and_it_is_read_again(error: ModelProfilerError) -> None:
    """A run does not wait for it: what cannot be resized gets a fresh pod in any case."""
    cluster = StandIn(lambda: EPOCH)
    cluster.has_resize = False

    def fail(verb: str, kind: Kind, name: str) -> None:
        raise error

    cluster.before = fail
    resizing = Resizing(cluster, lambda: EPOCH)
    assert await resizing.is_served()
    cluster.before = None
    assert not await resizing.is_served()


@pytest.mark.parametrize("answer", [{}, {"resources": None}, {"resources": ["pods"]}, {"resources": {"name": "pods"}}])
async def test_an_answer_that_is_no_discovery_says_nothing(answer: Object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy may have given it."""

    async def get(*_: object) -> Object:
        return answer

    cluster = StandIn(lambda: EPOCH)
    monkeypatch.setattr(cluster, "get", get)
    assert await Resizing(cluster, lambda: EPOCH).is_served()
