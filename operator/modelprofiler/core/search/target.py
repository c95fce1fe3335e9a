"""The target of a search, from the trials so far: the CPU boundary, the memory needed there, and the size of both."""

from __future__ import annotations

from modelprofiler.core.axis import closed_steps, is_closed
from modelprofiler.core.search.margin import Target, target_for
from modelprofiler.core.search.run import Run


def boundary(run: Run) -> int:
    """Return the boundary: the CPU size, in millicores, that is treated as the smallest that passes.

    A size that failed after it or a smaller one had passed is so close to the boundary that no search is needed above
    it: the next larger size is treated as the boundary without a trial. If that fails too, the distance doubles.
    """
    passing, failing = run.smallest_passing, run.largest_failing
    assert passing is not None, "the reference passed"
    if failing is None or not (passes := run.passes_within(failing.cpu)):
        return passing.cpu
    lowest = min(o.cpu for o in passes)
    refuted = sum(p.cpu >= lowest and not p.passes for p in run.cpu_points.values())
    at = run.cpu.position_of_floor(failing.cpu)
    above = at + (closed_steps(run.cpu, at) << (refuted - 1))
    return min(run.cpu[min(above, len(run.cpu) - 1)], passing.cpu)


def target_at(run: Run, cpu: int) -> tuple[Target, int | None]:
    """Return the target for a CPU boundary, and the smallest memory worth trying (None: memory was not measured)."""
    cpu = run.cpu.ceil(cpu)
    peak, need = run.memory_peak, run.memory_need
    if peak is None or need is None:
        return target_for(run, cpu, None), None
    size = run.memory.ceil(need)
    failures = run.memory_failures
    if not failures or failures[-1] < size:
        return target_for(run, cpu, peak, at_least=need), size
    size = _more_memory(run, failures)
    return target_for(run, cpu, size, at_least=size), size


def _more_memory(run: Run, failures: list[int]) -> int:
    """Return the next memory size to try above those that were too small, or the smallest sufficient one once known."""
    low = failures[-1]
    passing = min((o.limits.memory for o in run.observations if o.passed and o.limits.memory > low), default=None)
    high = run.memory.last if passing is None else run.memory.ceil(passing)
    if is_closed(run.memory, low, high):
        return high
    first, last = run.memory.position_of_floor(low), run.memory.position_of_ceil(high)
    for peak in run.lifetime_peaks:
        if first < (position := run.memory.position_of_ceil(peak)) < last:
            return run.memory[position]
    if high < run.memory.last:
        return run.memory[(first + last) // 2]
    # Samples miss a peak by little, so begin close to the failure and double the distance.
    return run.memory[min(first + (1 << (len(failures) - 1)), (first + last + 1) // 2)]
