"""What an installation allows at most, and the sentence for what is more."""

from __future__ import annotations

import pytest
from tests.unit.cluster.objects import Object, raw_profile
from tests.unit.cluster.world import World

from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster.adapter import NAMESPACES
from modelprofiler.cluster.limits import exceeded
from modelprofiler.cluster.settings import Settings

SMALL = Settings(limits_deadline="10m", limits_trials=5, limits_duration="5s")


def test_every_limit_that_is_exceeded_is_named_with_its_value() -> None:
    """All at once, each with the field, the limit, and who has set it."""
    profile = ModelProfile.parse(raw_profile())
    search = profile.spec.search.model_copy(update={"max_trials": 6})
    spec = profile.spec.model_copy(update={"search": search})
    deadline, trials, duration = map(str, exceeded(spec, SMALL))
    assert "spec.search.deadline: must be at most 10m in this installation (chart value limits.deadline); it is 1h" in (
        deadline
    )
    assert trials.startswith("spec.search.maxTrials: must be at most 5")
    assert duration.startswith("spec.load.duration: must be at most 5s")


@pytest.mark.parametrize("settings", [Settings(), Settings(limits_deadline="1h", limits_trials=20)])
def test_what_is_at_the_limit_is_allowed(settings: Settings) -> None:
    """The defaults of a profile are within those of an installation."""
    assert [] == exceeded(ModelProfile.parse(raw_profile()).spec, settings)


async def test_a_profile_beyond_a_limit_is_refused_and_takes_no_turn() -> None:
    """With the reason and the sentence in its status."""
    world = World(settings=SMALL)
    await world.look()
    assert ("False", "NotSupported") == world.condition("Accepted")
    message = next(c.message for c in world.profile().status.conditions if c.type == "Accepted")
    assert "chart value limits.deadline" in message
    assert 0 == world.turns.position(("team", "another"))


@pytest.mark.parametrize(
    ("message", "labels"),
    [
        ("", {"modelprofiler.io/enabled": "true", "team": "ml", "other": "x"}),
        ("namespace team has no label team=ml, which this installation requires", {"modelprofiler.io/enabled": "true"}),
        ("has no label modelprofiler.io/enabled=true and team=ml, which", {"team": "other"}),
        ("has no label modelprofiler.io/enabled=true and team=ml, which", None),
    ],
)
async def test_profiles_run_only_in_namespaces_with_the_labels_that_the_installer_requires(
    message: str, labels: Object | None
) -> None:
    """A tenant may create profiles in a namespace, and seldom change its labels."""
    world = World(settings=Settings(namespace_labels=("modelprofiler.io/enabled=true", "team=ml")))
    world.cluster.put(NAMESPACES, {"metadata": {"name": "team", "labels": labels}})
    await world.look()
    accepted = next(c for c in world.profile().status.conditions if c.type == "Accepted")
    if message:
        assert ("False", "NamespaceNotSelected") == (accepted.status, accepted.reason)
    else:
        assert "True" == accepted.status
    assert message in accepted.message


async def test_a_namespace_that_cannot_be_read_is_not_selected() -> None:
    """Nothing runs where it is not known that it may."""
    world = World(settings=Settings(namespace_labels=("a=b",)))
    await world.look()
    assert ("False", "NamespaceNotSelected") == world.condition("Accepted")
