"""Usage from samples a tenth of a second apart, as a control group gives them."""

import dataclasses
import random

import pytest

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import UsageStatus
from modelprofiler.core.windows import LoadWindows, Window, windows_from
from modelprofiler.metrics.cost import cpu_cost
from modelprofiler.metrics.series import ContainerSamples, series
from modelprofiler.metrics.usage import usage

MIB = 2**20
RATE, COST = 50.0, 0.008
# Ready at 90, load from 100 (window from 105) until 135, read until 136.
READY, LOAD_START, LOAD_END = 90.0, 100.0, 135.0
WINDOW = Window(105.0, LOAD_END)
TIMES = [READY + 0.1 * i + 0.03 for i in range(460)]


def completed_between(start: float, end: float) -> float:
    """50 requests a second, from 100 until 135."""
    return RATE * max(0.0, min(end, LOAD_END) - max(start, LOAD_START))


def cpu_at(time: float, warmup_cost: float = COST) -> float:
    """CPU used until `time`: loading the model, then serving; requests of the warm-up may cost something else."""
    warmed = completed_between(0.0, min(time, WINDOW.start))
    return 3.0 + warmup_cost * warmed + COST * (completed_between(0.0, time) - warmed)


SAMPLES = ContainerSamples(
    cpu_seconds=series((t, cpu_at(t)) for t in TIMES),
    working_set_bytes=series((t, 100 * MIB) for t in TIMES),
    cfs_periods=series((t, 10 * t) for t in TIMES),
    cfs_throttled_periods=series((t, 2.5 * max(t, WINDOW.start)) for t in TIMES),
    threads=series((t, 4 + (120 < t < 120.3)) for t in TIMES),
    source="Cgroup",
)


def measured(samples: ContainerSamples = SAMPLES) -> UsageStatus:
    """Usage of the one load of these tests."""
    result = usage(
        samples, windows_from(WINDOW, completed_between, LOAD_START, LOAD_END, exclusive=Window(READY, 200.0))
    )
    assert result is not None
    return result


def test_cpu_is_that_of_the_window() -> None:
    """What the warm-up cost does not enter: the samples at the window's ends are the ones."""
    dearer = dataclasses.replace(SAMPLES, cpu_seconds=series((t, cpu_at(t, 3 * COST)) for t in TIMES))
    load = LoadWindows(WINDOW, completed_between, LOAD_START, LOAD_END, Window(READY, 200.0))
    cost = cpu_cost(dearer, load)
    assert cost is not None
    assert COST == pytest.approx(cost.seconds_per_request, rel=0.006)  # a tenth of a second of warm-up at most
    assert WINDOW.start == pytest.approx(cost.first.time, abs=0.1)
    assert WINDOW.end == pytest.approx(cost.last.time, abs=0.2)
    assert 0.4 == pytest.approx(float(measured(dearer).cpu or 0), rel=0.006)


def test_throttling_and_threads_are_those_of_the_window() -> None:
    """A quarter of the periods were throttled in the window, none before; a thread that lived 0.3 s is seen."""
    status = measured()
    assert 25 == pytest.approx(float(status.throttled_percent or 0), abs=0.2)
    assert 5 == status.threads


def test_a_peak_between_two_samples_counts_where_the_source_knows_it() -> None:
    """The working set was never seen above 100 MiB, but the group's own peak rose in between; not so one before."""
    rises = {95.03: 300, 100.03: 250, 110.03: 150}
    peaks = series((t, rises.get(round(t, 2), 100) * MIB) for t in TIMES)
    memory = measured(dataclasses.replace(SAMPLES, peak_working_set_bytes=peaks)).memory
    assert memory is not None
    assert (Quantity("150Mi"), "Cgroup", Quantity("100Mi")) == (memory.peak, memory.peak_source, memory.steady)
    plain = measured().memory
    assert plain is not None
    assert (Quantity("100Mi"), "WorkingSet") == (plain.peak, plain.peak_source)


@pytest.mark.parametrize("share", [0.15, 0.5, 0.85, 1.0])
def test_steady_memory_is_what_is_held_between_requests(share: float) -> None:
    """Each request holds 16 MiB: for however much of the time there is one, until none is left after the load."""
    held = series((t, (100 + 16 * (t <= LOAD_END and i % 20 < 20 * share)) * MIB) for i, t in enumerate(TIMES))
    memory = measured(dataclasses.replace(SAMPLES, working_set_bytes=held)).memory
    assert memory is not None
    assert (Quantity("100Mi"), Quantity("116Mi")) == (memory.steady, memory.peak)


def test_a_worker_that_is_replaced_leaves_steady_memory_unchanged() -> None:
    """Half of the memory is gone for half a second."""
    gap = series((t, (50 if 125 < t < 125.5 else 100) * MIB) for t in TIMES)
    memory = measured(dataclasses.replace(SAMPLES, working_set_bytes=gap)).memory
    assert memory is not None
    assert Quantity("100Mi") == memory.steady


def test_memory_that_wanders_is_not_called_growing() -> None:
    """Samples that hang together are not 350 independent ones: the line through them is not so sure."""
    called = 0
    for seed in range(40):
        walk, level = [], 100.0 * MIB
        generator = random.Random(seed)
        for t in TIMES:
            level = 100 * MIB + 0.95 * (level - 100 * MIB) + generator.gauss(0, 2 * MIB)
            walk.append((t, level))
        memory = measured(dataclasses.replace(SAMPLES, working_set_bytes=series(walk))).memory
        assert memory is not None
        called += bool(memory.growth_per1000_requests)
    assert called <= 5  # 13 when every sample counts as one of its own


def test_growth_is_detected() -> None:
    """A leak of 20 KiB a request."""
    leak = series((t, 100 * MIB + 20 * 1024 * completed_between(0, t)) for t in TIMES)
    memory = measured(dataclasses.replace(SAMPLES, working_set_bytes=leak)).memory
    assert memory is not None
    assert memory.growth_per1000_requests is not None
    assert 20_000 * 1024 == pytest.approx(float(memory.growth_per1000_requests), rel=0.02)


def test_an_hour_of_samples_is_no_more_work_than_a_minute() -> None:
    """Of many pairs of samples few are worth considering."""
    times = [0.1 * i for i in range(36_000)]
    samples = ContainerSamples(cpu_seconds=series((t, cpu_at(t)) for t in times), source="Cgroup")
    calls = 0

    def counted(start: float, end: float) -> float:
        nonlocal calls
        calls += 1
        return completed_between(start, end)

    result = usage(samples, windows_from(WINDOW, counted, LOAD_START, LOAD_END, exclusive=Window(0.0, 3600.0)))
    assert result is not None
    assert Duration("8ms") == result.cpu_time_per_request
    assert calls < 1000


def test_what_the_kernel_gives_back_is_no_growth() -> None:
    """A server that writes files: the page cache grows, and the kernel's own memory for it."""
    cache = series((t, 100 * MIB + 20 * 1024 * completed_between(0, t)) for t in TIMES)
    held = series((t, 60 * MIB) for t in TIMES)
    memory = measured(dataclasses.replace(SAMPLES, working_set_bytes=cache, held_bytes=held)).memory
    assert memory is not None
    assert memory.growth_per1000_requests is not None
    assert 0 == float(memory.growth_per1000_requests)
    leak = series((t, 60 * MIB + 20 * 1024 * completed_between(0, t)) for t in TIMES)
    memory = measured(dataclasses.replace(SAMPLES, working_set_bytes=cache, held_bytes=leak)).memory
    assert memory is not None
    assert memory.growth_per1000_requests is not None
    assert 20_000 * 1024 == pytest.approx(float(memory.growth_per1000_requests), rel=0.02)
