"""What an operator remembers of profiles from one look to the next: nothing that a restart would miss."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from modelprofiler.cluster.gather.world import ActionRefused
from modelprofiler.cluster.queue import Key


@dataclass(frozen=True)
class _Write:
    """A status that this operator wrote."""

    version: str
    """metadata.resourceVersion of the object as it was then."""
    time: datetime


class Remembered:
    """Remembers own writes, what was refused, who is not accepted, and the ConfigMap of each run."""

    def __init__(self) -> None:
        self._writes: dict[Key, _Write] = {}
        self._refusals: dict[Key, tuple[int, ActionRefused]] = {}
        self._not_accepted: set[Key] = set()
        self._unread: dict[Key, int] = {}
        self._failures: dict[Key, tuple[int, datetime]] = {}
        self._files: dict[Key, dict[str, str]] = {}

    @property
    def not_accepted(self) -> int:
        """Profiles that were not accepted when they were last checked."""
        return len(self._not_accepted)

    def forget(self, key: Key) -> None:
        """Forget a profile that is gone."""
        self._writes.pop(key, None)
        self._refusals.pop(key, None)
        self._not_accepted.discard(key)
        self._unread.pop(key, None)
        self._failures.pop(key, None)
        self._files.pop(key, None)

    def files(self, key: Key) -> dict[str, str]:
        """Return the names of the ConfigMaps with what a profile carries inline, by run hash; the caller writes it."""
        return self._files.setdefault(key, {})

    def failed(self, key: Key, now: datetime) -> tuple[int, timedelta]:
        """Remember that a decision was not carried out; return how many times in a row, and for how long."""
        count, since = self._failures.get(key, (0, now))
        self._failures[key] = count + 1, since
        return count + 1, now - since

    def failing(self, key: Key, now: datetime) -> timedelta:
        """Return for how long decisions have not been carried out."""
        return now - self._failures[key][1] if key in self._failures else timedelta()

    def succeeded(self, key: Key) -> None:
        """Remember that a decision was carried out."""
        self._failures.pop(key, None)

    def unread(self, key: Key) -> int:
        """Remember that what belongs to a profile could not be read; return how many times in a row that is."""
        self._unread[key] = self._unread.get(key, 0) + 1
        return self._unread[key]

    def was_read(self, key: Key) -> None:
        """Remember that what belongs to a profile could be read."""
        self._unread.pop(key, None)

    def wrote(self, raw: dict[str, Any], now: datetime) -> None:
        """Remember a status that was written, by the object that the API server answered."""
        meta = raw["metadata"]
        self._writes[meta["namespace"], meta["name"]] = _Write(str(meta["resourceVersion"]), now)

    def is_own(self, raw: dict[str, Any]) -> bool:
        """Return whether an object is as this operator itself left it."""
        meta = raw["metadata"]
        write = self._writes.get((meta["namespace"], meta["name"]))
        return write is not None and write.version == str(meta["resourceVersion"])

    def written(self, key: Key) -> datetime | None:
        """Return when this operator last wrote a profile's status."""
        write = self._writes.get(key)
        return write.time if write is not None else None

    def refused(self, key: Key, generation: int, refused: ActionRefused) -> None:
        """Remember that the API server refused an action for a generation of a profile."""
        self._refusals[key] = generation, refused

    def refusal(self, key: Key, generation: int, now: datetime) -> ActionRefused | None:
        """Return what was refused, as long as it holds: for a time, and until the profile is edited."""
        known = self._refusals.get(key)
        if known is None:
            return None
        if known[0] == generation and now < known[1].until:
            return known[1]
        del self._refusals[key]
        return None

    def accepted(self, key: Key, *, accepted: bool) -> None:
        """Remember whether a profile was accepted."""
        if accepted:
            self._not_accepted.discard(key)
        else:
            self._not_accepted.add(key)
