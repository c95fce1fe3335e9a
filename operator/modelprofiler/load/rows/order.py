"""In which order the rows are sent, again and again: the same in every trial."""

from __future__ import annotations

import heapq
import random
from array import array
from collections.abc import Sequence

from modelprofiler.load.rows.store import Rows

ORDER_SEED = 0
"""Seed of the shuffled order: fixed, so that every trial replays the same rows in the same order."""

HEAVIEST = 10
"""Rows that are sent first where a load may be too short for all of them. Chosen, not fitted."""

WEIGHTED_LENGTH = 20_000
"""Requests after which rows with weights are repeated, or ten times the rows where that is more. With as many, a row of
the average weight of 1,000 rows is sent 20 times, and its weight is met within 2.5 %."""
MOST_WEIGHTED = 2_000_000
"""Requests of a weighted order at most: 8 MB of memory."""


def order_of(rows: Rows, order: str = "Shuffled", *, heaviest_first: bool = False) -> array[int]:
    """Return the numbers of the rows, from 0, in the order in which they are sent, again and again.

    With weights a row is there as often as its weight says, and at least once.

    Parameters
    ----------
    order
        ``Shuffled``, in the same way each time, or ``Sequential``.
    heaviest_first
        Move the `HEAVIEST` largest rows to the front, so that a short load sends them, too.
    """
    result = array("I", range(len(rows))) if rows.weights is None else _repeated(rows.weights)
    if order == "Shuffled":
        random.Random(ORDER_SEED).shuffle(result)  # noqa: S311 - an order, not a secret
    if heaviest_first:
        places = heapq.nlargest(HEAVIEST, range(len(result)), key=lambda i: rows.size(result[i]))
        heaviest = [result[place] for place in places]
        for place in sorted(places, reverse=True):
            del result[place]
        result = array("I", heaviest) + result
    return result


def part_of(
    order: array[int], hashes: Sequence[int] | None, index: int, generators: int
) -> tuple[array[int], bytearray]:
    """Return the part of an order that one of several generators sends, and which of its places count as rows sent.

    Every generator takes each n-th place, so that together they send every row, and all have rows of every kind. Equal
    rows may be in several parts: only the one that has the first of them counts it.

    Parameters
    ----------
    order
        The numbers of the rows in the order in which a single generator would send them.
    hashes
        Of the rows, by which equal rows are recognized; None where equal rows need not be recognized.
    index, generators
        Which generator of how many. With more generators than places, the last ones send rows of others and count none.
    """
    if generators == 1:
        return order, bytearray(b"\1") * len(order)
    first: dict[int, int] = {}
    for place, number in enumerate(order):
        first.setdefault(hashes[number] if hashes is not None else number, place)
    owned = set(first.values())
    if index >= len(order):
        return array("I", [order[index % len(order)]]), bytearray(1)
    places = range(index, len(order), generators)
    return array("I", (order[place] for place in places)), bytearray(place in owned for place in places)


def _repeated(weights: array[float]) -> array[int]:
    length = min(max(WEIGHTED_LENGTH, 10 * len(weights)), MOST_WEIGHTED)
    scale = min(length / sum(weights), length)
    result = array("I")
    for number, weight in enumerate(weights):
        result.extend([number] * max(round(weight * scale), 1))
    return result
