"""What follows from one look at a profile, as one value. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import Trial
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

    A result is recorded before the objects that produced it are deleted, and a trial is in the status before it is
    started. Most actions therefore follow the write of the status. Two kinds precede it: the write of the report, and
    the deletion of what must be gone before a run may be called finished.
    """

    rule: str = ""
    """The rule that decided."""
    status: ModelProfileStatus | dict[str, Any] | None = None
    """The status to write; None leaves it as it is. A profile that does not parse has a plain one."""
    before_write: tuple[Action, ...] = ()
    """Actions that are carried out before the status is written."""
    after_write: tuple[Action, ...] = ()
    """Actions that are carried out after the status was written."""
    turn: Turn = Turn.KEEP
    next_look: float | None = None
    """Seconds until the next look, if nothing changes before; None: not until something changes."""
    events: tuple[Event, ...] = ()
    records: Trial | None = None
    """A finished trial to record. What the run does next depends on it, so another decision follows in the same look,
    and the status of that one is written: it contains both."""

    def followed_by(self, later: Decision) -> Decision:
        """Return one decision from this one, which records a trial, and the one that follows from that trial."""
        return replace(
            later,
            rule=self.rule,
            before_write=(*self.before_write, *later.before_write),
            events=(*self.events, *later.events),
        )
