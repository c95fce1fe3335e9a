"""Limits how often a status is written: the progress of a trial changes faster than anybody reads. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.cluster.decide.decision import Decision
from modelprofiler.cluster.gather.world import World

PROGRESS_SECONDS = 10.0
"""The stage and the message of the trial in progress are written at most this often. The start and the end of a trial
are written at once."""


def throttled(world: World, decision: Decision) -> Decision:
    """Return the decision, without its status if that changes nothing, or changes only a trial's progress too early.

    Too early is less than `PROGRESS_SECONDS` after the last write.
    """
    if decision.status is None:
        return decision
    new = decision.status.to_dict() if isinstance(decision.status, ModelProfileStatus) else decision.status
    old = world.raw.get("status") or {}
    if new == old:
        return replace(decision, status=None, events=())
    if world.written is None or not new.get("activeTrial") or _lasting(new) != _lasting(old):
        return decision
    wait = PROGRESS_SECONDS - (world.now - world.written).total_seconds()
    if wait <= 0 or decision.next_look is None:
        return decision
    return replace(decision, status=None, events=(), next_look=min(decision.next_look, wait))


def _lasting(status: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a status that is written at once: all but the trial's stage and the messages."""
    trial = {k: v for k, v in (status.get("activeTrial") or {}).items() if k not in ("stage", "message")}
    conditions = [{k: v for k, v in c.items() if k != "message"} for c in status.get("conditions") or []]
    return {**status, "activeTrial": trial, "conditions": conditions}
