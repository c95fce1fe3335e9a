"""Recorded worlds are decided as they were: each file of worlds/ has one, with the whole decision; see record.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.cluster.decide.replay import dump, dump_decision, load_world

from modelprofiler.api.conditions import Reason
from modelprofiler.cluster.decide.policies import CHAIN, REASONS, decide
from modelprofiler.cluster.gather.world import World

FILES = sorted((Path(__file__).parent / "worlds").glob("*.yaml"))


def read(path: Path) -> dict[str, Any]:
    """Return a file: a sentence, a world and a decision."""
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return content


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_world_is_decided_as_it_was(path: Path) -> None:
    """The whole decision: status, actions, turn, next look, events."""
    recorded = read(path)
    assert recorded["decision"] == dump_decision(decide(load_world(recorded["world"])))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_world_is_read_as_it_was_written(path: Path) -> None:
    """Nothing is lost on the way to the file and back."""
    recorded = read(path)["world"]
    assert recorded == dump(load_world(recorded))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_rule_gives_no_reason_but_its_own(path: Path) -> None:
    """The table in docs/how-it-works.md tells the truth; what is recorded may end with what another rule says."""
    decision = decide(load_world(read(path)["world"]))
    rule = next(rule for rule in CHAIN if rule.__name__ == decision.rule)
    reasons = {
        condition["reason"]
        for condition in dump_decision(decision).get("status", {}).get("conditions", [])
        if condition["type"] in ("Accepted", "Succeeded")
    }
    everybody = {Reason.VALID, Reason.NOT_ACCEPTED}
    assert reasons <= {reason.value for reason in (*REASONS[rule], *everybody)}


def test_decisions_are_immutable_and_depend_on_the_world_alone() -> None:
    """Twice the same world, twice the same decision; nobody has changed the world by it."""
    recorded = read(FILES[0])["world"]
    world = load_world(recorded)
    assert (decide(world), recorded) == (decide(world), dump(world))
    with pytest.raises(dataclasses.FrozenInstanceError):
        world.ahead = 1  # type: ignore[misc]
    assert World.__dataclass_params__.frozen  # type: ignore[attr-defined]
