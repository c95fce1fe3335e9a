"""Which profile runs next: one per node at a time, oldest first, fair between namespaces. Pure.

Round robin over namespaces, the one served least recently first; oldest first within a namespace. Everything follows
from the objects, so a restarted operator continues with the same order.
"""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

Key = tuple[str, str]
"""(namespace, name)"""

_Rank = tuple[int, str, str, Key]
"""(round, when its namespace was served last, creation, key): the smallest is next."""


class State(StrEnum):
    """Where a profile stands with respect to the queue."""

    WAITING = "Waiting"
    RUNNING = "Running"
    DONE = "Done"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the queue knows of a profile."""

    key: Key
    created: str
    """metadata.creationTimestamp."""
    state: State
    finished: str = ""
    """status.completionTime, when done."""


class Queue:
    """The profiles, kept in the order in which they will run.

    A change costs the logarithm of the profiles that wait, a question the number of namespaces: thousands may wait.
    """

    def __init__(self) -> None:
        self.most: int | None = None
        """How many profiles of one namespace may run at once; those beyond are in nobody's way. None: any number."""
        self._entries: dict[Key, Entry] = {}
        self._waiting: dict[str, list[tuple[str, Key]]] = {}
        """Of each namespace, (creation, key) of those that wait, oldest first; no empty lists."""
        self._running: dict[str, int] = {}
        self._served: dict[str, str] = {}
        """When a namespace was served last. Kept when the profile is deleted: deleting a finished profile and applying
        it again would otherwise put its namespace first every time."""

    def __len__(self) -> int:
        """Return how many wait."""
        return sum(map(len, self._waiting.values()))

    @property
    def running(self) -> int:
        """How many run."""
        return sum(self._running.values())

    def get(self, key: Key) -> Entry | None:
        """Return what is known of a profile."""
        return self._entries.get(key)

    def put(self, entry: Entry) -> None:
        """Add a profile, or replace its entry."""
        self.remove(entry.key)
        self._entries[entry.key] = entry
        namespace = entry.key[0]
        if entry.state is State.RUNNING:
            self._running[namespace] = self._running.get(namespace, 0) + 1
        elif entry.state is State.DONE:
            self.serve(namespace, entry.finished)
        else:
            insort(self._waiting.setdefault(namespace, []), (entry.created, entry.key))

    def remove(self, key: Key) -> Entry | None:
        """Remove a profile that is gone; return its entry."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        namespace = key[0]
        if entry.state is State.RUNNING:
            self._running[namespace] -= 1
        elif entry.state is State.WAITING:
            group = self._waiting[namespace]
            del group[bisect_left(group, (entry.created, key))]
            if not group:
                del self._waiting[namespace]
        return entry

    def serve(self, namespace: str, when: str) -> None:
        """Remember that a namespace had a turn, which ended then."""
        if when > self._served.get(namespace, ""):
            self._served[namespace] = when

    def place(self, key: Key) -> int:
        """Return how many waiting profiles are before this one; one that does not wait is behind all of them."""
        entry = self._entries.get(key)
        if entry is None or entry.state is not State.WAITING:
            return len(self)
        at = bisect_left(self._waiting[key[0]], (entry.created, key))
        own = self._rank(key[0], at)
        before = 0
        for namespace, waiting in self._waiting.items():
            group = waiting if self.most is None else waiting[: max(0, self.most - self._running.get(namespace, 0))]
            # Of a namespace, those of earlier rounds are before, and of the same round there is at most one.
            same = own[0] - self._running.get(namespace, 0)
            before += min(max(same, 0), len(group))
            if 0 <= same < len(group) and self._rank(namespace, same) < own:
                before += 1
        return before

    def position(self, key: Key, slots: int) -> int:
        """Return how many profiles must finish before this one may run; 0 means that it may run now."""
        return max(0, self.place(key) - (slots - self.running) + 1, self.beyond_share(key))

    def beyond_share(self, key: Key) -> int:
        """Return how many profiles of its own namespace must finish before a waiting one may run, others aside."""
        entry = self._entries.get(key)
        if self.most is None or entry is None or entry.state is not State.WAITING:
            return 0
        before = bisect_left(self._waiting[key[0]], (entry.created, key))
        return max(0, before + 1 - (self.most - self._running.get(key[0], 0)))

    def order(self) -> Iterator[Key]:
        """Yield the waiting profiles in the order in which they will run; the first few cost little.

        Those beyond the share of their namespace are left out.
        """
        free = {name: len(group) for name, group in self._waiting.items()}
        if self.most is not None:
            free = {name: min(count, self.most - self._running.get(name, 0)) for name, count in free.items()}
        heap = [self._rank(namespace, 0) for namespace, count in free.items() if count > 0]
        heapq.heapify(heap)
        taken = dict.fromkeys(self._waiting, 0)
        while heap:
            *_, key = heap[0]
            namespace = key[0]
            taken[namespace] += 1
            if taken[namespace] < free[namespace]:
                heapq.heapreplace(heap, self._rank(namespace, taken[namespace]))
            else:
                heapq.heappop(heap)
            yield key

    def first(self, count: int) -> list[Key]:
        """Return the profiles that are next."""
        return list(itertools.islice(self.order(), max(0, count)))

    def _rank(self, namespace: str, at: int) -> _Rank:
        created, key = self._waiting[namespace][at]
        return at + self._running.get(namespace, 0), self._served.get(namespace, ""), created, key
