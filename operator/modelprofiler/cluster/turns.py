"""The queue of profiles, kept in memory and up to date by events and by the operator's own decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from modelprofiler.cluster.gather import glance
from modelprofiler.cluster.places import Places
from modelprofiler.cluster.queue import Entry, Key, Queue, State
from modelprofiler.core.conditions import rounded_place


class Turns:
    """Whose turn it is.

    Parameters
    ----------
    wake
        Called with the profile whose turn has come.
    slots
        How many profiles may run at once where it is not known which nodes there are.
    share
        Percentage of them that one namespace may use, at least one.
    clock
        Returns the time, with a zone.
    """

    def __init__(
        self,
        wake: Callable[[Key], None],
        slots: int = 1,
        share: int = 100,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._wake = wake
        self._clock = clock
        self._queue = Queue()
        self._published: dict[Key, int] = {}
        """The place in the queue that the status of each waiting profile shows."""
        self._called: set[Key] = set()
        """Profiles that were woken because it is their turn, and have not taken it yet."""
        self._untried: set[Key] = set()
        """Profiles that have taken a turn of which nothing is written yet."""
        self._set_back: set[Key] = set()
        """Profiles that could not use their turn: they get one only where nobody else wants it."""
        self._share = share
        self._changed = False
        """Whether places may have changed since `outdated` was called last."""
        self.places = Places(slots)
        """The nodes, and which of them the profiles take."""

    def note(self, raw: dict[str, Any], *, done: bool = False) -> None:
        """Update the queue from a profile as the API server has it."""
        entry = glance.entry_of(raw, done=done)
        key = entry.key
        before = self._queue.get(key)
        ran = before is not None and before.state is State.RUNNING
        same = before is not None and before.created in ("", entry.created)
        if ran and same and entry.state is State.WAITING:
            # A turn that was taken is given back by `release`, not by an event that is older than the taking.
            return
        if key in self._set_back and entry.state is State.RUNNING:
            return  # its status still says that it runs: that is what cannot be written
        self._put(entry)
        if entry.state is State.WAITING and (place := glance.published_place(raw)) is not None:
            self._published[key] = place
        if ran and entry.state is not State.RUNNING:
            self.call_next()

    def forget(self, key: Key) -> None:
        """Remove a profile that is gone."""
        entry = self._queue.remove(key)
        self._published.pop(key, None)
        for keys in (self._called, self._untried, self._set_back):
            keys.discard(key)
        self.places.forget(key)
        if entry is None:
            return
        self._changed = True
        if entry.state is State.RUNNING:  # its namespace had that turn, whether or not it was used to the end
            self._queue.serve(key[0], self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"))
            self.call_next()

    def take(self, key: Key) -> None:
        """Give a profile its turn; whether it can use it is said by `confirm` or `give_back`."""
        entry = self._queue.get(key)
        if entry is None or entry.state is not State.RUNNING:
            self._untried.add(key)
        self._put(Entry(key, entry.created if entry else "", State.RUNNING))

    def restrict(self, key: Key, nodes: Iterable[str] | None, *, placed: bool) -> None:
        """Note the nodes on which a profile may run; None: any.

        Parameters
        ----------
        placed
            Whether it is on that node already.
        """
        if self.places.restrict(key, None if nodes is None else frozenset(nodes), placed=placed):
            self._changed = True

    def release(self, key: Key) -> None:
        """Give back a turn."""
        entry = self._queue.get(key)
        if entry is not None:
            self._put(Entry(key, entry.created, State.DONE, entry.finished))
        self.call_next()

    def confirm(self, key: Key, *, written: bool) -> None:
        """Note that what was decided of a profile was carried out: it uses its turn.

        Parameters
        ----------
        written
            Whether its status was written: that is what one that was set back could not do.
        """
        self._untried.discard(key)
        if written:
            self._set_back.discard(key)

    def give_back(self, key: Key, *, after_all: bool = False) -> bool:
        """Take a turn back that a profile has not used; return whether it had one to lose.

        A profile whose status cannot be written would otherwise hold its turn for ever.

        Parameters
        ----------
        after_all
            Whether a turn that was used before is taken back, too.
        """
        entry = self._queue.get(key)
        untried = key in self._untried
        if entry is None or entry.state is not State.RUNNING or not (untried or after_all):
            return False
        self._untried.discard(key)
        self._set_back.add(key)
        self._put(Entry(key, entry.created, State.DONE, entry.finished))
        self.call_next()
        return True

    def is_set_back(self, key: Key) -> bool:
        """Return whether a profile could not use its turn, and somebody else can."""
        return key in self._set_back and self.position(key) > 0

    def wait(self, key: Key) -> None:
        """Put a profile into the queue that has no place in it."""
        entry = self._queue.get(key)
        if entry is None or entry.state is State.DONE:
            self._put(Entry(key, entry.created if entry else "", State.WAITING))

    def position(self, key: Key) -> int:
        """Return how many profiles must finish before this one may run, if it waits for its turn; 0: it may run now.

        The queue stays as it is.
        """
        entry = self._queue.get(key)
        if entry is not None and entry.state is State.RUNNING:
            return 0
        if entry is not None and entry.state is State.WAITING:
            return self.places.position(self._fair_queue, key)
        self._queue.put(Entry(key, entry.created if entry else "", State.WAITING))
        place = self.places.position(self._fair_queue, key)
        if entry is None:
            self._queue.remove(key)
        else:
            self._queue.put(entry)
        return place

    @property
    def slots(self) -> int:
        """How many profiles may run at once that ask for no node in particular."""
        return len(self.places.ordinary) or self.places.slots

    @property
    def _fair_queue(self) -> Queue:
        """The queue, with the share of one namespace as the slots are now."""
        self._queue.most = max(1, self.slots * self._share // 100) if self._share < 100 else None
        return self._queue

    def is_running(self, key: Key) -> bool:
        """Return whether a profile has its turn."""
        entry = self._queue.get(key)
        return entry is not None and entry.state is State.RUNNING

    @property
    def waiting(self) -> int:
        """How many profiles wait for their turn."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """How many profiles run."""
        return self._queue.running

    def is_urgent(self, key: Key) -> bool:
        """Return whether a profile runs, or may run now: it is looked at before all that only wait."""
        return key in self._called or self.is_running(key)

    def call_next(self) -> None:
        """Wake those whose turn it is."""
        for key in self.places.free_to_run(self._fair_queue):
            self._called.add(key)
            self._wake(key)

    def outdated(self, most: int) -> list[Key]:
        """Return profiles whose status shows another place than they have now, the next ones first.

        Parameters
        ----------
        most
            The largest number to return; the others are returned by the next call.
        """
        if not self._changed:
            return []
        outdated: list[Key] = []
        for place, key in self.places.positions(self._fair_queue):
            # A profile whose status shows no place yet is being looked at, which writes one.
            if place > 0 and key in self._published and self._published[key] != rounded_place(place):
                outdated.append(key)
                if len(outdated) == most:
                    return outdated
        self._changed = False
        return outdated

    def _put(self, entry: Entry) -> None:
        if self._queue.get(entry.key) == entry:
            return
        self._queue.put(entry)
        self.places.put(entry)
        self._changed = True
        if entry.state is not State.WAITING:
            self._published.pop(entry.key, None)
            self._called.discard(entry.key)
