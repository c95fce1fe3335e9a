"""Where profiles run: one on a node, so that as many run at once as there are nodes for them. Pure.

A profile may run on some nodes only: those that take its pod and have room for its largest size. One whose nodes are
all in use waits, and those behind it that may run elsewhere do not wait for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from modelprofiler.cluster.queue import Entry, Key, Queue, State

Nodes = frozenset[str]


class Places:
    """Which profiles run, on which nodes they may be, and which of the waiting ones therefore come next.

    Parameters
    ----------
    slots
        How many profiles may run at once where it is not known which nodes there are.
    """

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        self.ordinary: Nodes = frozenset()
        """Nodes that take a pod which asks for nothing; empty where it is not known."""
        self._nodes: dict[Key, Nodes] = {}
        self._placed: set[Key] = set()
        """Profiles that are on their node."""
        self._running: set[Key] = set()
        self._waiting: set[Key] = set()
        self._sorts: Counter[Nodes] = Counter()
        """Of the waiting profiles whose nodes are known, how many may run on which: most often all on the same."""

    def put(self, entry: Entry) -> None:
        """Take in where a profile stands."""
        nodes = self._nodes.get(entry.key)
        placed = entry.key in self._placed and entry.state is State.RUNNING
        self._remove(entry.key)
        if entry.state is State.DONE:
            return
        (self._running if entry.state is State.RUNNING else self._waiting).add(entry.key)
        self._add(entry.key, nodes, placed=placed)

    def forget(self, key: Key) -> None:
        """Remove a profile that is gone."""
        self._remove(key)

    def restrict(self, key: Key, nodes: Nodes | None, *, placed: bool) -> bool:
        """Note the nodes on which a profile may run (None: any), and return whether that is new."""
        before = self._nodes.get(key), key in self._placed
        waits, runs = key in self._waiting, key in self._running
        self._remove(key)
        if waits:
            self._waiting.add(key)
        if runs:
            self._running.add(key)
        self._add(key, nodes, placed=placed and runs)
        return before != (nodes, placed and runs)

    def _add(self, key: Key, nodes: Nodes | None, *, placed: bool) -> None:
        if nodes is None:
            return
        self._nodes[key] = nodes
        if placed:
            self._placed.add(key)
        if key in self._waiting:
            self._sorts[nodes] += 1

    def _remove(self, key: Key) -> None:
        nodes = self._nodes.pop(key, None)
        if nodes is not None and key in self._waiting:
            self._sorts[nodes] -= 1
            if not self._sorts[nodes]:
                del self._sorts[nodes]
        for group in (self._placed, self._running, self._waiting):
            group.discard(key)

    def position(self, queue: Queue, key: Key) -> int:
        """Return how many profiles must finish before a waiting one may run; 0 means that it may run now."""
        if (beyond := queue.beyond_share(key)) > 0:
            return beyond
        if len(self._different(queue) | {self._of(key)}) <= 1:
            return max(0, queue.place(key) - self._free(self._of(key)) + 1)
        return next((max(0, place) for place, other in self.positions(queue) if other == key), 0)

    def positions(self, queue: Queue) -> Iterator[tuple[int, Key]]:
        """Yield (position, key) of the waiting profiles in their order; at 0 or below a profile may run now."""
        free: dict[Nodes, int] = {}
        seen: Counter[Nodes] = Counter()
        for key in queue.order():
            nodes = self._of(key)
            if nodes not in free:
                free[nodes] = self._free(nodes)
            # Where this one has a free node, those that are blocked wait for another one: it need not wait for them.
            rivals = sum(
                count
                for other, count in seen.items()
                if other == nodes or (_share(other, nodes) and (free[other] > 0 or free[nodes] <= 0))
            )
            seen[nodes] += 1
            yield rivals - free[nodes] + 1, key

    def free_to_run(self, queue: Queue) -> list[Key]:
        """Return the waiting profiles whose turn it is."""
        sorts = self._different(queue)
        if len(sorts) <= 1:
            nodes = next(iter(sorts), self.ordinary)
            return queue.first(self._free(nodes))
        return [key for place, key in self.positions(queue) if place <= 0]

    def _of(self, key: Key) -> Nodes:
        """Return the nodes of a profile; those of one that is not known yet are the ordinary ones."""
        return self._nodes.get(key, self.ordinary)

    def _different(self, queue: Queue) -> set[Nodes]:
        """Return the different sets of nodes that waiting profiles may run on."""
        all_known = len(queue) == sum(self._sorts.values())
        return set(self._sorts) if all_known and self._sorts else {self.ordinary, *self._sorts}

    def _free(self, nodes: Nodes) -> int:
        """Return on how many of some nodes another profile may start; below 1 where none is free.

        A profile that has started and is not on its node yet may come to be on any of its nodes. Those with the same
        nodes are kept apart by the scheduler, which is asked to; of any other, all its nodes count as taken until then.
        """
        if not nodes:
            return self.slots - len(self._running)
        taken: set[str] = set()
        starting = 0
        for key in self._running:
            own = self._nodes.get(key)
            if own is None or (own == nodes and key not in self._placed):
                starting += 1
            else:
                taken |= own
        return len(nodes - taken) - starting


def _share(some: Nodes, others: Nodes) -> bool:
    """Return whether two profiles may come to be on the same node; where nodes are not known they may."""
    return not some or not others or bool(some & others)
