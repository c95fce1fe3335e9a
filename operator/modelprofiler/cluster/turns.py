"""The queue in memory: what is known of every profile, kept up to date by events and by the reconciler itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelprofiler.cluster.queue import Entry, Key, State, order, position

PATIENCE_SECONDS = 60.0


class Turns:
    """Whose turn it is.

    Parameters
    ----------
    wake
        Called with the profile whose turn has come.
    slots
        How many profiles may run at once.
    """

    patience = PATIENCE_SECONDS
    """Seconds after which a waiting profile looks by itself."""

    def __init__(self, wake: Callable[[Key], None], slots: int = 1) -> None:
        self._wake = wake
        self._entries: dict[Key, Entry] = {}
        self.slots = slots

    def note(self, raw: dict[str, Any], *, done: bool = False) -> None:
        """Take in a profile as the API server has it."""
        meta = raw["metadata"]
        key = (meta["namespace"], meta["name"])
        entry = Entry(key, meta["creationTimestamp"], State.DONE if done else _state(raw), _finished_at(raw))
        before = self._entries.get(key)
        ran = before is not None and before.state is State.RUNNING
        same = before is not None and before.created in ("", entry.created)
        if ran and same and entry.state is State.WAITING:
            # A turn that was taken is given back by `release`, not by an event that is older than the taking.
            return
        self._entries[key] = entry
        if ran and entry.state is not State.RUNNING:
            self._call_next()

    def forget(self, key: Key) -> None:
        """Take out a profile that is gone."""
        if self._entries.pop(key, None):
            self._call_next()

    def take(self, key: Key) -> None:
        """Give a profile its turn."""
        entry = self._entries.get(key)
        created = entry.created if entry else ""
        self._entries[key] = Entry(key, created, State.RUNNING)

    def release(self, key: Key) -> None:
        """Give back a turn."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries[key] = Entry(key, entry.created, State.DONE, entry.finished)
        self._call_next()

    def position(self, key: Key) -> int:
        """Return how many must finish before this one may run; 0: it may run now."""
        entry = self._entries.get(key)
        if entry is None or entry.state is State.DONE:
            self._entries[key] = Entry(key, entry.created if entry else "", State.WAITING)
        elif entry.state is State.RUNNING:
            return 0
        return position(self._entries.values(), key, self.slots)

    def _call_next(self) -> None:
        free = self.slots - sum(entry.state is State.RUNNING for entry in self._entries.values())
        for key in order(self._entries.values())[: max(0, free)]:
            self._wake(key)


def _state(raw: dict[str, Any]) -> State:
    status = raw.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    current = status.get("observedGeneration") == raw["metadata"].get("generation")
    finished = (conditions.get("Finished") or {}).get("status") == "True"
    if current and finished:
        return State.DONE
    # One that was refused in the middle has a start time, and no turn.
    running = status.get("startTime") and not status.get("completionTime") and not finished
    if (raw.get("spec") or {}).get("suspend") and not running:
        return State.DONE
    return State.RUNNING if running else State.WAITING


def _finished_at(raw: dict[str, Any]) -> str:
    return str((raw.get("status") or {}).get("completionTime") or "")
