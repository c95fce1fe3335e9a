"""No error of any kind leaves gather untyped, and none holds the turn of others for ever."""

from __future__ import annotations

import logging

import pytest
from tests.unit.cluster.world import KEY, World, under_load

from modelprofiler.cluster.adapter import DEPLOYMENTS
from modelprofiler.cluster.gather import observe
from modelprofiler.cluster.gather.gatherer import READ_TRIES
from modelprofiler.errors import ClusterUnavailable, Refused, Retryable, Unreadable


def broken(world: World, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the reading of children fail."""

    def read(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(observe, "read", read)


@pytest.mark.parametrize(
    "error",
    [RecursionError("deep"), MemoryError(), OverflowError("x"), AssertionError(), RuntimeError("y" * 10_000)],
    ids=lambda error: type(error).__name__,
)
async def test_what_cannot_be_read_is_tried_again_and_then_gives_the_turn_back(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With a sentence in the status; its children go, and the traceback is logged once."""
    world = await under_load()
    broken(world, error, monkeypatch)
    for _ in range(READ_TRIES - 1):
        with pytest.raises(Unreadable, match="what belongs to the profile cannot be read"):
            await world.look()
    wait = await world.look()
    accepted = next(c for c in world.profile().status.conditions if c.type == "Accepted")
    assert ("False", "SourceUnreadable") == (accepted.status, accepted.reason)
    assert type(error).__name__ in accepted.message
    assert len(accepted.message) < 400
    assert [] == world.cluster.of(DEPLOYMENTS)
    assert wait is not None
    assert wait >= 30
    assert 0 == world.turns.position(("team", "another"))
    assert 1 == len([r for r in caplog.records if r.levelno == logging.ERROR])


async def test_what_can_be_read_again_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures count only in a row."""
    world = await under_load()
    with monkeypatch.context() as patch:
        broken(world, RuntimeError("once"), patch)
        for _ in range(READ_TRIES - 1):
            with pytest.raises(Retryable):
                await world.look()
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")


@pytest.mark.parametrize("error", [ClusterUnavailable("no answer"), Refused("forbidden", 403)])
async def test_a_run_past_its_deadline_ends_though_its_children_cannot_be_read(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it, an API server that does not answer is waited for."""
    world = await under_load()

    async def of(namespace: str, uid: str) -> None:
        raise error

    monkeypatch.setattr(world.kept, "of", of)
    world.time += (world.profile().spec.search.deadline.seconds + 1) * (world.time.resolution * 1_000_000)
    for _ in range(READ_TRIES - 1):
        with pytest.raises(Retryable):
            await world.look()
    await world.look()
    assert ("False", "SourceUnreadable") == world.condition("Accepted")
    assert 0 == world.turns.position(("team", "another"))


async def test_an_api_server_that_does_not_answer_costs_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be away for a while; nothing was lost then."""
    world = await under_load()
    with monkeypatch.context() as patch:

        async def of(namespace: str, uid: str) -> None:
            raise ClusterUnavailable("no answer")

        patch.setattr(world.kept, "of", of)
        for _ in range(3 * READ_TRIES):
            with pytest.raises(ClusterUnavailable):
                await world.look(KEY)
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
