"""Whose turn it is: as many running profiles as nodes, oldest first, fair between namespaces. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

Key = tuple[str, str]
"""(namespace, name)"""


class State(StrEnum):
    """Where a profile stands with respect to the queue."""

    WAITING = "Waiting"
    RUNNING = "Running"
    DONE = "Done"


@dataclass(frozen=True)
class Entry:
    """What the queue knows of a profile."""

    key: Key
    created: str
    """metadata.creationTimestamp."""
    state: State
    finished: str = ""
    """status.completionTime, when done."""


def order(entries: Iterable[Entry]) -> list[Key]:
    """Return the waiting profiles in the order in which they will run.

    Round robin over namespaces, the one served least recently first; oldest first within a namespace. Everything
    follows from the objects, so a restarted operator goes on with the same order.
    """
    entries = list(entries)
    running: dict[str, int] = {}
    served: dict[str, str] = {}
    waiting: dict[str, list[Entry]] = {}
    for entry in entries:
        namespace = entry.key[0]
        if entry.state is State.RUNNING:
            running[namespace] = running.get(namespace, 0) + 1
        elif entry.state is State.DONE:
            served[namespace] = max(served.get(namespace, ""), entry.finished)
        else:
            waiting.setdefault(namespace, []).append(entry)
    ranked = []
    for namespace, group in waiting.items():
        for round_, entry in enumerate(
            sorted(group, key=lambda e: (e.created, e.key)), start=running.get(namespace, 0)
        ):
            ranked.append((round_, served.get(namespace, ""), entry.created, entry.key))
    return [key for *_, key in sorted(ranked)]


def position(entries: Iterable[Entry], key: Key, slots: int) -> int:
    """Return how many profiles must finish before ``key`` may run; 0 means that it may run now."""
    entries = list(entries)
    free = slots - sum(entry.state is State.RUNNING for entry in entries)
    ahead = order(entries)
    place = ahead.index(key) if key in ahead else len(ahead)
    return max(0, place - free + 1)
