"""How fast a machine is: the CPU time that a fixed amount of work takes on it, which no server has a part in.

Trials of one size differ because the machine does: its clock rate, other work on the same core or in the same caches.
The CPU time of a server's requests shows that too, but also what is the server's own: it batches, spins, or loses its
caches when it is throttled. The reference loop is the same work every time, outside the server's control group. It is
measured in CPU time, so that it does not matter how long it waited for a CPU.

The module needs the standard library alone and runs by itself, for example in a pod on the server's node::

    python -m modelprofiler.load.machine.reference_loop

It prints ``{"loopSeconds": 0.000142}``. Only values of the same interpreter on the same machine are comparable.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

ENTRIES = 2000
"""Entries of each table that a round reads in a scattered order: together some 250 KiB, more than the first level of a
CPU's cache holds and less than the second, like the objects of a request of a model server in Python."""

ROUNDS = 200
"""Rounds of a measurement, 0.14 ms each on a CPU of 2023: 30 ms in all. Twice as many did not repeat better."""

WARM_UP = 20
"""Rounds before them that are not counted: the clock rate of an idle CPU takes a few milliseconds to rise, and so do
its caches to fill."""

MOST_CPUS = 8
"""CPUs over which a measurement is spread at most: each needs rounds of its own to warm up."""


def loop_seconds(cpus: Iterable[int] | None = None) -> float | None:
    """Return the CPU seconds that one round of the reference loop takes; None where this system does not count them.

    A kernel that counts CPU time in ticks of 4 or 10 ms, such as one in user mode, does not count those of a round.

    It occupies the calling thread for some 30 ms and is spread evenly over the CPUs. Of the rounds on each CPU the
    middle half is averaged: a round that an interrupt fell into says nothing about the pace.

    Parameters
    ----------
    cpus
        The CPUs to measure, such as those of the server; None for all that this thread may use. Those that it may not
        use are left out.
    """
    if not hasattr(time, "thread_time_ns"):
        return None
    allowed = _allowed()
    if allowed is None:
        return _mean_of_rounds(ROUNDS) or None
    measured = sorted(allowed if cpus is None else cpus)[:MOST_CPUS]
    means = []
    try:
        for cpu in measured:
            with suppress(OSError):
                os.sched_setaffinity(0, {cpu})
                means.append(_mean_of_rounds(ROUNDS // len(measured)))
    finally:
        os.sched_setaffinity(0, allowed)
    if not means:
        return _mean_of_rounds(ROUNDS) or None
    return sum(means) / len(means) if all(means) else None


def _allowed() -> set[int] | None:
    """Return the CPUs that the calling thread may use; None where that cannot be set."""
    try:
        return set(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return None


def _mean_of_rounds(count: int) -> float:
    """Return the mean CPU seconds of the middle half of this many rounds; 0 where the clock is too coarse for them."""
    work = _Work()
    for _ in range(WARM_UP):
        work.round()
    times = []
    for _ in range(count):
        before = time.thread_time_ns()
        work.round()
        times.append(time.thread_time_ns() - before)
    times.sort()
    middle = times[count // 4 : count - count // 4]
    if not middle[0]:
        return 0.0
    return sum(middle) / len(middle) / 1e9


class _Work:
    """The fixed amount of work: a chain of look-ups and multiplications in a scattered order, always the same."""

    def __init__(self) -> None:
        self._order = [i * 7919 % ENTRIES for i in range(ENTRIES)]
        self._table = {i: i * 31 % ENTRIES for i in range(ENTRIES)}
        self._numbers = [i * 0.37 % 1.0 for i in range(ENTRIES)]

    def round(self) -> float:
        """Do it once, and return what comes out."""
        at, total = 0, 1.0
        for i in self._order:
            at = self._table[(i + at) % ENTRIES]
            total = total * 0.999 + self._numbers[at]
        return total


if __name__ == "__main__":
    json.dump({"loopSeconds": loop_seconds()}, sys.stdout)
    print()
