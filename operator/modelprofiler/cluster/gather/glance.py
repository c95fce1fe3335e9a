"""What a profile shows at a glance, before it is parsed: where it stands, and whether it needs a look at all. Pure.

After a restart thousands of profiles are listed that wait as before, or ended long ago. None of them may cost a
request.
"""

from __future__ import annotations

from modelprofiler.api.conditions import ConditionType, Reason
from modelprofiler.api.objects import Object
from modelprofiler.api.resource import RERUN_ANNOTATION
from modelprofiler.cluster.queue import Entry, Key, State


def key_of(raw: Object) -> Key:
    """Return namespace and name of a profile."""
    meta = raw["metadata"]
    return meta["namespace"], meta["name"]


def entry_of(raw: Object, *, done: bool = False) -> Entry:
    """Return the queue's entry for a profile.

    Parameters
    ----------
    done
        Whether it will not run, whatever its status says.
    """
    finished = str((raw.get("status") or {}).get("completionTime") or "")
    state = State.DONE if done else state_of(raw)
    return Entry(key_of(raw), raw["metadata"]["creationTimestamp"], state, finished)


def state_of(raw: Object) -> State:
    """Return where a profile stands with respect to the queue."""
    status = raw.get("status") or {}
    finished = _condition(raw, ConditionType.FINISHED).get("status") == "True"
    if _is_current(raw) and finished:
        return State.DONE
    # A profile that was refused in the middle of its run has a start time, but no turn.
    running = status.get("startTime") and not status.get("completionTime") and not finished
    if (raw.get("spec") or {}).get("suspend") and not running:
        return State.DONE
    return State.RUNNING if running else State.WAITING


def is_over(raw: Object) -> bool:
    """Return whether the run is finished and nothing has changed since that would make another one."""
    status = raw.get("status") or {}
    return (
        bool(status.get("completionTime"))
        and not status.get("activeTrial")
        and _is_current(raw)
        and not _is_rerun(raw)
        and _condition(raw, ConditionType.FINISHED).get("status") == "True"
        and _condition(raw, ConditionType.ACCEPTED).get("status") != "False"
    )


def is_queued(raw: Object) -> bool:
    """Return whether a profile was accepted as it is and only waits for its turn: then it has no children either."""
    return (
        state_of(raw) is State.WAITING
        and _is_current(raw)
        and not _is_rerun(raw)
        and _condition(raw, ConditionType.ACCEPTED).get("status") == "True"
        and _condition(raw, ConditionType.FINISHED).get("reason") == Reason.QUEUED
    )


def reason_of(raw: Object) -> str:
    """Return the reason that says most about a profile: how it ended, or else what it waits for or does."""
    finished = _condition(raw, ConditionType.FINISHED)
    shown = _condition(raw, ConditionType.SUCCEEDED) if finished.get("status") == "True" else finished
    return str(shown.get("reason") or "")


def published_place(raw: Object) -> int | None:
    """Return the place in the queue that the status shows; None when it shows none."""
    place = (raw.get("status") or {}).get("queuePosition")
    return place if isinstance(place, int) else None


def _is_current(raw: Object) -> bool:
    observed = (raw.get("status") or {}).get("observedGeneration")
    return bool(observed == raw["metadata"].get("generation"))


def _is_rerun(raw: Object) -> bool:
    begun = (raw.get("status") or {}).get("provenance")
    annotations = raw["metadata"].get("annotations") or {}
    return begun is not None and begun.get("rerun") != annotations.get(RERUN_ANNOTATION)


def _condition(raw: Object, type_: ConditionType) -> Object:
    conditions = (raw.get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c.get("type") == type_), {})
