"""One run of a simulated server under a CFS quota, event by event.

Written in the part of Python that numba compiles: with it a run of 1,500 requests takes 0.2 ms, without it 20 ms, and
the numbers are the same. The unit tests do without; `make bench PART=search` has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile with numba, where it is installed."""
    try:
        from numba import njit
    except ImportError:
        return function
    return cast("_Function", njit(cache=True)(function))


PERIOD = 0.1
"""cpu.cfs_period_us of Kubernetes, in seconds."""
BIN = 1.0
"""CPU use is summed up over intervals of this length, in seconds."""
NEVER = 1e18
"""A time that does not come."""
TINY = 1e-9
"""Seconds below which two times are the same: far above rounding errors, far below any request."""


@compiled
def serve(
    arrivals: Any,  # seconds, ascending; with a closed loop only their number counts
    work: Any,  # CPU seconds of each request
    wait: Any,  # seconds of each request that are not CPU time
    held: bool,  # whether a worker is occupied for those, too
    workers: int,  # requests that are served at the same time
    threads: int,  # threads that work on one request
    node_cores: float,
    quota: float,  # CPU seconds in a period
    clients: int,  # of a closed loop; 0 with an open loop
    gc_every: int,  # requests between two collections; 0 for none
    gc_work: float,  # CPU seconds of a collection, on one thread, while nothing else runs
    latencies: Any,  # result, in the order of arrival: seconds
    bins: Any,  # result: CPU seconds used in each `BIN`; the last one has everything later
    remaining: Any,  # scratch: a float for each worker
    until: Any,  # scratch: a float for each worker
    job: Any,  # scratch: an int for each worker
    sent: Any,  # scratch: a float for each request
    ready: Any,  # scratch: a float for each client, all 0
    most_inside: int,  # requests inside from which on others are refused at once, with an open loop; 0: no limit
    refused: Any,  # result, in the order of arrival: 1 where a request was refused, whose latency is 0
) -> tuple[float, int]:
    """Fill latencies, bins and refused; return the time of the last response, and the most requests in flight."""
    for slot in range(workers):
        job[slot] = -1
    now, left, period_end = 0.0, quota, PERIOD
    arrived = started = done = served = longest = 0
    gc_left = last = 0.0
    while done < len(latencies):
        before = arrived
        arrived, next_arrival = _arrive(arrivals, len(latencies), clients, sent, ready, now, arrived)
        done += _refuse(refused, latencies, before, arrived, done, most_inside)
        longest = max(longest, arrived - done)
        started, running, shortest, back = _assign(work, workers, remaining, until, job, refused, started, arrived)
        each = min(float(threads), node_cores / running) if running and gc_left <= 0 else 0.0
        total = 1.0 if gc_left > 0 else each * running
        event = min(next_arrival, back)
        if total > 0:
            event = min(event, period_end)
            if left > TINY:
                event = min(event, now + left / total)
                event = min(event, now + gc_left if gc_left > 0 else now + shortest / each)
                used = total * (event - now)
                left -= used
                bins[min(int(now / BIN), len(bins) - 1)] += used
                gc_left = _work_off(gc_left, used, each * (event - now), workers, remaining, until, job)
        now = event
        if now >= period_end - TINY:
            period_end = (math.floor(now / PERIOD + 1e-6) + 1) * PERIOD
            left = quota
        for slot in range(workers):
            if job[slot] < 0 or (until[slot] == NEVER and remaining[slot] > TINY):
                continue
            if until[slot] == NEVER:
                served += 1
                gc_left += gc_work if gc_every and served % gc_every == 0 else 0.0
            response = _finish(wait, held, clients, latencies, until, job, sent, ready, now, slot)
            if response >= 0:
                last = max(last, response)
                done += 1
    return last, longest


@compiled
def _arrive(
    arrivals: Any, count: int, clients: int, sent: Any, ready: Any, now: float, arrived: int
) -> tuple[int, float]:
    """Let requests arrive that are due; return how many have arrived, and when the next one does."""
    while arrived < count:
        client = 0
        for c in range(1, clients):
            if ready[c] < ready[client]:
                client = c
        due = ready[client] if clients else arrivals[arrived]
        if due > now + TINY:
            return arrived, due
        sent[arrived] = due
        if clients:
            ready[client] = NEVER
        arrived += 1
    return arrived, NEVER


@compiled
def _refuse(refused: Any, latencies: Any, before: int, arrived: int, done: int, most_inside: int) -> int:
    """Refuse those of the new arrivals that find too many requests inside; return how many."""
    count = 0
    for request in range(before, arrived):
        if most_inside and request + 1 - (done + count) > most_inside:
            refused[request] = 1
            latencies[request] = 0.0
            count += 1
    return count


@compiled
def _assign(
    work: Any, workers: int, remaining: Any, until: Any, job: Any, refused: Any, started: int, arrived: int
) -> tuple[int, int, float, float]:
    """Give requests to idle workers, first come, first served.

    Return how many requests have started, how many workers use CPU, the least CPU seconds that one of those has left,
    and when the first of the others has waited long enough.
    """
    running = 0
    shortest, back = NEVER, NEVER
    for slot in range(workers):
        while started < arrived and refused[started]:
            started += 1
        if job[slot] < 0 and started < arrived:
            job[slot] = started
            remaining[slot] = work[started]
            until[slot] = NEVER
            started += 1
        if job[slot] >= 0:
            if until[slot] == NEVER:
                running += 1
                shortest = min(shortest, remaining[slot])
            else:
                back = min(back, until[slot])
    return started, running, shortest, back


@compiled
def _work_off(gc_left: float, used: float, each: float, workers: int, remaining: Any, until: Any, job: Any) -> float:
    """Take `used` CPU seconds off a collection, or else `each` off every request; return the rest of the collection."""
    if gc_left > 0:
        return gc_left - used if gc_left - used >= TINY else 0.0
    for slot in range(workers):
        if job[slot] >= 0 and until[slot] == NEVER:
            remaining[slot] -= each
    return gc_left


@compiled
def _finish(
    wait: Any,
    held: bool,
    clients: int,
    latencies: Any,
    until: Any,
    job: Any,
    sent: Any,
    ready: Any,
    now: float,
    slot: int,
) -> float:
    """Let a worker that has used its CPU wait, or respond; return the time of the response, or -1 while it waits."""
    request = job[slot]
    if until[slot] == NEVER and held and wait[request] > 0:
        until[slot] = now + wait[request]
        return -1.0
    if until[slot] != NEVER and until[slot] > now + TINY:
        return -1.0
    response = now if held else now + wait[request]
    latencies[request] = response - sent[request]
    job[slot] = -1
    for c in range(clients):
        if ready[c] == NEVER:
            ready[c] = response
            break
    return float(response)
