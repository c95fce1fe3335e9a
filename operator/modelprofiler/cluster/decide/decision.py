"""What follows from one look at a profile, as one value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.cluster.decide.actions import Action


class Turn(StrEnum):
    """What happens to the profile's place in the queue."""

    KEEP = "Keep"
    """It stays as it is."""
    TAKE = "Take"
    """The profile runs from now on."""
    WAIT = "Wait"
    """The profile waits for its turn."""
    RELEASE = "Release"
    """The profile does not run any more: the next one may."""
    FORGET = "Forget"
    """The profile is gone."""


@dataclass(frozen=True)
class Event:
    """A sentence for ``kubectl describe``; recorded when the status of the same decision was written."""

    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True)
class Decision:
    """What to do, to write and to tell, and when to look again.

    A result is recorded before what produced it is deleted, and a trial is written down before it is started; so most
    actions follow the status. Only the report and what has to be gone before a run may be called finished precede it.
    """

    rule: str = ""
    """The rule that decided."""
    status: ModelProfileStatus | dict[str, Any] | None = None
    """The status to write; None leaves it as it is. A profile that does not parse has a plain one."""
    before: tuple[Action, ...] = ()
    """Carried out before the status is written."""
    actions: tuple[Action, ...] = ()
    """Carried out afterwards."""
    turn: Turn = Turn.KEEP
    next_look: float | None = None
    """Seconds until the next look, if nothing changes before; None: not until something changes."""
    events: tuple[Event, ...] = ()
