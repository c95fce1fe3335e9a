"""What a server holds between requests: memory without what single requests hold for their time.

Any mean of samples depends on how long requests take, and so on what else the machine does: memory that each holds is
seen in as many samples as there is one in flight.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

from modelprofiler.metrics.series import Sample, Series

MANY = 20
"""Samples in half of a load from which on a low percentile of them says more than any single one."""
SHARE = 0.1
"""Which percentile: a worker that is replaced is gone for less of the time, one request is not always in flight."""
AT = 0.75
"""Where in the load: the middle of its second half, in which what is loaded with the first requests has been loaded."""


def steady_bytes(seen: Series, start: float, end: float) -> float:
    """Return the memory that a server held between requests in the second half of a load, in bytes.

    Parameters
    ----------
    seen
        Samples of the working set from the start of the load to the first one after it, at least one.
    start, end
        The load, in seconds since the epoch.
    """
    last_half = seen[len(seen) // 2 :]
    return _of_many(last_half, end) if len(last_half) >= MANY else held_for_good(seen, start, end)


def _of_many(last_half: Series, end: float) -> float:
    """Return a low percentile; or the first sample after the load, where that is less.

    Of a server that is never idle all samples before have requests in them.
    """
    ascending = sorted(sample.value for sample in last_half)
    return min([ascending[int(SHARE * len(ascending))], *(sample.value for sample in last_half if sample.time > end)])


def held_for_good(seen: Series, start: float, end: float) -> float:
    """Return what was held for good in the middle of the second half, on a line between the samples around it.

    What is held for good at a time is the least from then on until after the load, when no request is in flight any
    more. The least of two or three samples alone would be far too little where memory grows with what was served, and
    their median off by half of what a request holds whenever one of them falls into a request.
    """
    # Nothing grows after the last request, so the sample after it tells what was held at the end.
    times = [min(sample.time, end) for sample in seen]
    least = list(accumulate((sample.value for sample in reversed(seen)), min))[::-1]
    line = [Sample(time, value) for time, value in zip(times, least, strict=True)]
    at = start + AT * (end - start)
    if at <= line[0].time:
        return line[0].value
    for before, after in pairwise(line):
        if before.time < at <= after.time:
            return before.value + (after.value - before.value) * (at - before.time) / (after.time - before.time)
    return line[-1].value
