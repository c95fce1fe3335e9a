"""In which order the rows are sent, again and again: the same in every trial."""

from __future__ import annotations

import heapq
import random
from array import array

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


def _repeated(weights: array[float]) -> array[int]:
    length = min(max(WEIGHTED_LENGTH, 10 * len(weights)), MOST_WEIGHTED)
    scale = min(length / sum(weights), length)
    result = array("I")
    for number, weight in enumerate(weights):
        result.extend([number] * max(round(weight * scale), 1))
    return result
