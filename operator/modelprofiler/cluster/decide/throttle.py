"""Limits how often a status is written: the progress of a trial changes faster than anybody reads. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.cluster.decide.decision import Decision
from modelprofiler.cluster.gather.world import World

PROGRESS_SECONDS = 10.0
"""The stage of the trial in progress is written at most this often. The start and the end of a trial are written at
once."""

MESSAGE_SECONDS = 30.0
"""A message that changes while the stage stays is written at most this often: of a server that takes a minute to start,
every step on the way would be one more write, and the slower the machine, the more of them."""


def throttled(world: World, decision: Decision) -> Decision:
    """Return the decision, without its status if that changes nothing, or changes only a trial's progress too early.

    Too early is less than `PROGRESS_SECONDS` after the last write, or `MESSAGE_SECONDS` where the stage is the same.
    """
    if decision.status is None:
        return decision
    new = decision.status.to_dict() if isinstance(decision.status, ModelProfileStatus) else decision.status
    old = world.raw.get("status") or {}
    if new == old:
        return replace(decision, status=None, events=())
    if world.written is None or not new.get("activeTrial") or _lasting(new) != _lasting(old):
        return decision
    at_most = PROGRESS_SECONDS if _stage(new) != _stage(old) else MESSAGE_SECONDS
    wait = at_most - (world.now - world.written).total_seconds()
    if wait <= 0 or decision.next_look is None:
        return decision
    return replace(decision, status=None, events=(), next_look=min(decision.next_look, wait))


def _stage(status: dict[str, Any]) -> Any:
    """Return the stage of the trial in progress."""
    return (status.get("activeTrial") or {}).get("stage")


def _lasting(status: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a status that is written at once: all but the trial's stage and the messages."""
    trial = {k: v for k, v in (status.get("activeTrial") or {}).items() if k not in ("stage", "message")}
    conditions = [{k: v for k, v in c.items() if k != "message"} for c in status.get("conditions") or []]
    return {**status, "activeTrial": trial, "conditions": conditions}
