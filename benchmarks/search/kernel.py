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
"""cpu.cfs_period_us, in seconds."""
BIN = 1.0
"""CPU use is summed up over this long, in seconds."""
NEVER = 1e18
TINY = 1e-9


@compiled
def serve(  # noqa: C901  numba compiles one function; parts of it would each take its twenty arrays
    arrivals: Any,  # seconds, ascending; of a closed loop only their number counts
    work: Any,  # CPU seconds of each request
    wait: Any,  # seconds of each request that are not CPU
    held: bool,  # whether a worker is held for those, too
    workers: int,  # requests that are served at the same time
    threads: int,  # threads that work on one request
    node_cores: float,
    quota: float,  # CPU seconds in a period
    clients: int,  # of a closed loop; 0: open
    gc_every: int,  # requests between two collections; 0: none
    gc_work: float,  # CPU seconds of a collection, on one thread, while nothing else runs
    latencies: Any,  # result, in the order of arrival: seconds
    bins: Any,  # result: CPU seconds used in each `BIN`; the last one takes what comes later
    remaining: Any,  # scratch: a float for each worker
    until: Any,  # scratch: a float for each worker
    job: Any,  # scratch: an int for each worker
    sent: Any,  # scratch: a float for each request
    ready: Any,  # scratch: a float for each client, all 0
) -> tuple[float, int]:
    """Fill latencies and bins; return when the last response came, and the most requests that were there at once."""
    count = len(latencies)
    for slot in range(workers):
        job[slot] = -1
    now, left, period_end = 0.0, quota, PERIOD
    arrived = started = done = served = inside = most = 0
    gc_left = 0.0
    last = 0.0
    while done < count:
        # What has arrived by now waits for a worker, first come, first served.
        next_arrival = NEVER
        while arrived < count:
            client = 0
            if clients:
                for c in range(1, clients):
                    if ready[c] < ready[client]:
                        client = c
                next_arrival = ready[client]
            else:
                next_arrival = arrivals[arrived]
            if next_arrival > now + TINY:
                break
            sent[arrived] = next_arrival
            if clients:
                ready[client] = NEVER
            arrived += 1
            inside += 1
            most = max(most, inside)
            next_arrival = NEVER
        running = 0
        shortest, back = NEVER, NEVER
        for slot in range(workers):
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
        each = total = 0.0
        if gc_left > 0:
            total, shortest = 1.0, NEVER
        elif running:
            each = min(float(threads), node_cores / running)
            total = each * running
        # The next thing that happens.
        then = min(next_arrival, back)
        if total > 0:
            then = min(then, period_end)
            if left > TINY:
                then = min(then, now + left / total)
                then = min(then, now + gc_left if gc_left > 0 else now + shortest / each)
                used = total * (then - now)
                left -= used
                bins[min(int(now / BIN), len(bins) - 1)] += used
                if gc_left > 0:
                    gc_left -= used
                    if gc_left < TINY:
                        gc_left = 0.0
                else:
                    for slot in range(workers):
                        if job[slot] >= 0 and until[slot] == NEVER:
                            remaining[slot] -= each * (then - now)
        now = then
        if now >= period_end - TINY:
            period_end = (math.floor(now / PERIOD + 1e-6) + 1) * PERIOD
            left = quota
        for slot in range(workers):
            request = job[slot]
            if request < 0:
                continue
            finished = False
            if until[slot] == NEVER:
                if remaining[slot] > TINY:
                    continue
                served += 1
                if gc_every and served % gc_every == 0:
                    gc_left += gc_work
                if held and wait[request] > 0:
                    until[slot] = now + wait[request]
                else:
                    finished = True
            elif until[slot] <= now + TINY:
                finished = True
            if finished:
                response = now if held else now + wait[request]
                latencies[request] = response - sent[request]
                last = max(last, response)
                job[slot] = -1
                done += 1
                inside -= 1
                if clients:
                    for c in range(clients):
                        if ready[c] == NEVER:
                            ready[c] = response
                            break
    return last, most
