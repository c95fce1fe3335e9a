"""Steady memory: what a server holds between requests, without the memory that single requests hold while they run.

Any mean of samples depends on how long requests take, and so on other work on the machine: memory that each request
holds is seen in as many samples as there is a request in flight.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

from modelprofiler.metrics.series import Sample, Series

ENOUGH_FOR_PERCENTILE = 20
"""Samples in half of a load from which on a low percentile of them is better than any single one: the tenth percentile
of 20 is the third smallest, so that neither of two outliers is taken. A kubelet has two in half a minute, a control
group that is read ten times a second has 150."""
LOW_PERCENTILE = 0.1
"""The percentile that is taken. A worker that is being replaced is missing for less than a tenth of the time, and no
request is in flight for more than a tenth of it, unless the server is never idle. Chosen, not fitted."""
POSITION = 0.75
"""Where in the load memory is read, as a share of its duration: the middle of its second half, when everything that is
loaded with the first requests has been loaded."""


def steady_bytes(samples: Series, start: float, end: float) -> float:
    """Return the memory that a server held between requests in the second half of a load, in bytes.

    Parameters
    ----------
    samples
        The working set from the start of the load to the first sample after it, at least one.
    start, end
        The load, in seconds since the epoch.
    """
    second_half = samples[len(samples) // 2 :]
    if len(second_half) >= ENOUGH_FOR_PERCENTILE:
        return _low_percentile(second_half, end)
    return held_for_good(samples, start, end)


def _low_percentile(second_half: Series, end: float) -> float:
    """Return a low percentile; or the first sample after the load, where that is smaller.

    Where a server is never idle, all samples before the end have memory of requests in them.
    """
    ascending = sorted(sample.value for sample in second_half)
    after = [sample.value for sample in second_half if sample.time > end]
    return min([ascending[int(LOW_PERCENTILE * len(ascending))], *after])


def held_for_good(samples: Series, start: float, end: float) -> float:
    """Return the memory held for good at `POSITION`, in bytes, on a line between the samples around it.

    Memory is held for good at a time when it is still held at every later sample until after the load, when no request
    is in flight any more: it is the minimum of all samples from that time on. The smallest of two or three samples
    alone would be far too small where memory grows with the requests served, and their median would be off by half of
    what a request holds whenever one sample falls into a request.
    """
    # Nothing grows after the last request, so the sample after it shows what was held at the end.
    times = [min(sample.time, end) for sample in samples]
    minima = list(accumulate((sample.value for sample in reversed(samples)), min))[::-1]
    line = [Sample(time, value) for time, value in zip(times, minima, strict=True)]
    position = start + POSITION * (end - start)
    if position <= line[0].time:
        return line[0].value
    for before, after in pairwise(line):
        if before.time < position <= after.time:
            share = (position - before.time) / (after.time - before.time)
            return before.value + (after.value - before.value) * share
    return line[-1].value
