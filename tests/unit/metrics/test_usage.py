"""What a container used while a load ran, from samples at times nobody chose."""

import dataclasses
import math
from typing import Any

import pytest

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import MemoryUsage, UsageStatus
from modelprofiler.core.windows import Window, windows_from
from modelprofiler.metrics.series import ContainerSamples, Series, series
from modelprofiler.metrics.usage import complete, node_cores, usage

MIB = 2**20
RATE = 50.0
COST = 0.008
# Ready at 90, load from 100 (window from 105) until 135; cAdvisor comes by at 95, 109, 123.5 and 138.
LOAD_START, LOAD_END = 100.0, 135.0
WINDOW = Window(105.0, LOAD_END)
TIMES = (95.0, 109.0, 123.5, 138.0)


def completed_between(start: float, end: float) -> float:
    """50 requests a second, from 100 until 135."""
    return RATE * max(0.0, min(end, LOAD_END) - max(start, LOAD_START))


def at_times(value: Any, times: tuple[float, ...] = TIMES) -> Series:
    """Return a series with `value(time)` at each time."""
    return series((t, value(t)) for t in times)


def cpu_at(time: float, idle: float = 0.0, start_up: float = 5.0) -> float:
    """CPU used until `time`: loading the model, then idling, then serving."""
    return start_up + idle * (time - 90.0) + COST * completed_between(0.0, time)


FULL = ContainerSamples(
    cpu_seconds=at_times(cpu_at),
    working_set_bytes=at_times(lambda t: {95.0: 170, 109.0: 187, 123.5: 180, 138.0: 176}[t] * MIB),
    max_usage_bytes=at_times(lambda t: 260 * MIB),
    cfs_periods=at_times(lambda t: 10.0 * completed_between(0, t) / RATE),
    cfs_throttled_periods=at_times(lambda t: 1.0 * completed_between(0, t) / RATE),
    threads=at_times(lambda t: {95.0: 20, 109.0: 8, 123.5: 9, 138.0: 9}[t]),
    oom_events=at_times(lambda t: 1.0),
    source="Kubelet",
)


def measured(samples: ContainerSamples = FULL, **more: Any) -> UsageStatus:
    """Usage of the one load of these tests."""
    result = usage(samples, windows_from(WINDOW, completed_between, LOAD_START, LOAD_END, **more))
    assert result is not None
    return result


def test_everything_that_was_sampled_is_reported() -> None:
    """One load, four samples, every field."""
    assert (
        UsageStatus(
            cpu=Quantity("400m"),
            cpu_time_per_request=Duration("8ms"),
            throttled_percent=Quantity("10"),
            threads=9,
            oom_kills=0,
            samples=3,
            source="Kubelet",
            memory=MemoryUsage(
                peak=Quantity("187Mi"),
                peak_source="WorkingSet",
                lifetime_peak=Quantity("260Mi"),
                steady=Quantity("176Mi"),
                growth_per1000_requests=None,
            ),
            not_known="Not known, as the kubelet does not have the metrics: mapped files, which the peak may lack "
            "(container_memory_mapped_file, container_memory_rss); page faults that read a disk "
            "(container_memory_failures_total).",
        )
        == measured()
    )


def test_throttling_is_that_between_the_samples_around_the_window() -> None:
    """Not that of the half between the two samples that tell the cost best: the other half may be quite different."""
    throttled = series([(95, 0), (109, 0), (123.5, 0), (138, 70)])
    status = measured(dataclasses.replace(FULL, cfs_throttled_periods=throttled), exclusive=Window(90.0, math.inf))
    assert 20.0 == pytest.approx(float(status.throttled_percent or 0))
    # What was throttled before it was ready is none of the load's: the first sample inside will have to do.
    started = series([(95, 0), (109, 50), (123.5, 100), (138, 120)])
    status = measured(dataclasses.replace(FULL, cfs_throttled_periods=started), exclusive=Window(96.0, math.inf))
    assert 100 * 70 / 260 == pytest.approx(float(status.throttled_percent or 0), abs=0.1)


def test_no_sample_of_the_load_is_no_usage() -> None:
    """Samples from before do not count as usage."""
    before = ContainerSamples(cpu_seconds=series([(95, 5)]), working_set_bytes=series([(95, 5)]))
    assert usage(before, windows_from(WINDOW, completed_between, LOAD_START, LOAD_END)) is None
    assert usage(ContainerSamples(), windows_from(WINDOW, completed_between, LOAD_START, LOAD_END)) is None


@pytest.mark.parametrize("missing", ["cpu_seconds", "working_set_bytes", "cfs_periods", "threads", "oom_events"])
def test_a_missing_series_is_a_missing_value_never_zero(missing: str) -> None:
    """The others are reported all the same."""
    without: dict[str, Any] = {missing: ()}
    status = measured(dataclasses.replace(FULL, **without))
    fields: dict[str, list[Any]] = {
        "cpu_seconds": [status.cpu, status.cpu_time_per_request],
        "working_set_bytes": [status.memory and status.memory.steady],
        "cfs_periods": [status.throttled_percent],
        "threads": [status.threads],
        "oom_events": [status.oom_kills],
    }
    assert all(value is None for value in fields.pop(missing))
    assert all(value is not None for values in fields.values() for value in values)


def test_loading_the_model_just_before_the_load_is_not_the_requests_cost() -> None:
    """The sample before the load was taken while the server still started; by default it is not used."""
    busy = dataclasses.replace(FULL, cpu_seconds=series([(95, 0), *[(t, cpu_at(t)) for t in TIMES[1:]]]))
    assert Duration("8ms") == measured(busy).cpu_time_per_request
    assert Duration("8ms") == measured(busy, exclusive=Window(99.0, math.inf)).cpu_time_per_request


def test_the_next_load_on_the_same_pod_is_not_this_loads_cost() -> None:
    """The sample after the load is left out when something else ran before it was taken."""
    spoilt = dataclasses.replace(
        FULL, cpu_seconds=series([*[(t, cpu_at(t)) for t in TIMES[:3]], (138, cpu_at(138) + 9)])
    )
    assert Duration("8ms") == measured(spoilt, exclusive=Window(90.0, 136.0)).cpu_time_per_request


def test_outside_samples_that_contradict_those_inside_are_not_used() -> None:
    """Something else ran after the load, and nobody said so: the two samples inside are enough to notice."""
    spoilt = dataclasses.replace(
        FULL, cpu_seconds=series([*[(t, cpu_at(t)) for t in TIMES[:3]], (138, cpu_at(138) + 9)])
    )
    assert Duration("8ms") == measured(spoilt).cpu_time_per_request


def test_a_load_between_two_samples_is_measured_from_before_to_after() -> None:
    """No sample falls inside, yet all that was used is between the two."""
    samples = ContainerSamples(cpu_seconds=at_times(cpu_at, (95.0, 138.0)))
    assert Duration("8ms") == measured(samples, exclusive=Window(90.0, math.inf)).cpu_time_per_request
    assert usage(samples, windows_from(WINDOW, completed_between, LOAD_START, LOAD_END)) is None


def test_the_idle_rate_is_taken_off_where_it_was_measured() -> None:
    """A background thread takes 0.05 cores; two quiet intervals before the load tell."""
    times = (60.0, 75.0, 95.0, 109.0, 123.5, 138.0)
    samples = ContainerSamples(cpu_seconds=at_times(lambda t: cpu_at(t, idle=0.05), times))
    status = measured(samples, exclusive=Window(55.0, math.inf))
    assert Duration("8ms") == status.cpu_time_per_request
    assert Quantity("450m") == status.cpu  # the mean over the window has it all


@pytest.mark.parametrize(
    "before",
    [
        {75.0: 1.0},  # one quiet interval, that holds the end of another load
        {60.0: 1.0, 75.0: 1.0},  # two, of which the second does
        {60.0: 5.0, 75.0: 2.5},  # two of a start-up
    ],
)
def test_what_was_not_quiet_is_no_idle_rate(before: dict[float, float]) -> None:
    """Taking it off would leave far too little for the requests."""
    cpu = series([*((t, cpu_at(t) - missing) for t, missing in before.items()), *((t, cpu_at(t)) for t in TIMES)])
    status = measured(ContainerSamples(cpu_seconds=cpu), exclusive=Window(55.0, math.inf))
    assert Duration("8ms") == status.cpu_time_per_request


def test_nothing_is_measured_across_a_restart() -> None:
    """A difference of the counters of two containers is no number."""
    restarted = dataclasses.replace(FULL, restarts=(123.5,))
    status = measured(restarted)
    assert Duration("8ms") == status.cpu_time_per_request  # from the pair after it
    nothing_left = dataclasses.replace(FULL, restarts=(109.0, 123.5, 138.0))
    assert measured(nothing_left).cpu_time_per_request is None
    assert measured(nothing_left).throttled_percent is None
    assert measured(nothing_left).cpu is None


def test_without_completed_requests_there_is_mean_cpu_but_no_cost_per_request() -> None:
    """Every request timed out; the server was busy all the same."""
    busy = ContainerSamples(cpu_seconds=at_times(lambda t: 0.9 * t))
    status = usage(busy, windows_from(WINDOW, lambda _start, _end: 0.0, LOAD_START, LOAD_END))
    assert status is not None
    assert Quantity("900m") == status.cpu
    assert status.cpu_time_per_request is None


def test_the_mean_is_over_the_window_though_the_samples_are_not() -> None:
    """Arrivals were twice as dense between the samples than over the window; the mean is not fooled."""

    def bunched(start: float, end: float) -> float:
        dense = 20.0 * max(0.0, min(end, 123.5) - max(start, 109.0))
        return dense + 10.0 * max(0.0, min(end, LOAD_END) - max(start, LOAD_START))

    samples = ContainerSamples(cpu_seconds=series((t, COST * bunched(0, t)) for t in (109.0, 123.5)))
    status = usage(samples, windows_from(WINDOW, bunched, LOAD_START, LOAD_END))
    assert status is not None
    assert status.cpu is not None
    assert COST * bunched(105, 135) / 30 == pytest.approx(float(status.cpu), rel=0.01)


def test_workers_that_the_kernel_killed_are_counted_from_the_start_of_the_load() -> None:
    """One was killed before; two more since."""
    killed = dataclasses.replace(FULL, oom_events=series([(95, 1), (109, 2), (138, 3)]))
    assert 2 == measured(killed).oom_kills


def test_a_fresh_containers_first_kill_counts_though_no_sample_precedes_it() -> None:
    """The counter begins at zero, so its first value already counts."""
    killed = dataclasses.replace(FULL, oom_events=series([(109, 1)]))
    assert 1 == measured(killed).oom_kills


def test_without_working_set_the_lifetime_peak_is_the_peak() -> None:
    """And it is named as what it is, because it includes page cache."""
    samples = dataclasses.replace(FULL, working_set_bytes=())
    assert (
        MemoryUsage(peak=Quantity("260Mi"), peak_source="MaxUsage", lifetime_peak=Quantity("260Mi"))
        == measured(samples).memory
    )


def test_growth_is_reported_per_thousand_requests() -> None:
    """Six samples in a longer load: 10 KiB a request."""
    end = 200.0

    def completed(start: float, stop: float) -> float:
        return RATE * max(0.0, min(stop, end) - max(start, LOAD_START))

    times = tuple(range(110, 200, 15))
    samples = ContainerSamples(working_set_bytes=series((t, 200 * MIB + 10240 * completed(0, t)) for t in times))
    status = usage(samples, windows_from(Window(105.0, end), completed, LOAD_START, end))
    assert status is not None
    assert status.memory is not None
    assert Quantity("9.77Mi") == status.memory.growth_per1000_requests
    assert Quantity("9.77Mi") == status.memory.growth_low


def test_memory_before_the_load_is_what_the_server_held_when_nobody_called_it() -> None:
    """Since it was ready and alone, not while it answered what is asked before a load; without a sample not known."""
    asked = [(LOAD_START - 6, 300 * MIB), (LOAD_START - 3, 90 * MIB), (LOAD_START - 1, 140 * MIB)]
    held = series([*asked, (LOAD_START + 12, 120 * MIB), (LOAD_START + 27, 120 * MIB)])
    samples = ContainerSamples(working_set_bytes=held)
    window = Window(LOAD_START + 5, LOAD_START + 35)
    status = usage(
        samples,
        windows_from(
            window, completed_between, LOAD_START, LOAD_START + 35, exclusive=Window(LOAD_START - 4, math.inf)
        ),
    )
    assert status is not None
    assert status.memory is not None
    assert Quantity("90Mi") == status.memory.before_load
    late = usage(samples, windows_from(window, completed_between, LOAD_START, LOAD_START + 35))
    assert late is not None
    assert late.memory is not None
    assert late.memory.before_load is None


def test_the_nodes_cpu_is_that_between_its_samples_inside_the_load() -> None:
    """Two of them at least; a counter that began anew is no measurement."""
    counter = series([(95.0, 10.0), (110.0, 30.0), (130.0, 50.0), (140.0, 51.0)])
    assert 1.0 == node_cores(ContainerSamples(node_cpu_seconds=counter), 100.0, 135.0)
    assert node_cores(ContainerSamples(node_cpu_seconds=counter), 115.0, 135.0) is None
    assert node_cores(ContainerSamples(node_cpu_seconds=series([(110.0, 9.0), (120.0, 1.0)])), 100.0, 135.0) is None


def test_little_cpu_is_not_rounded_to_none() -> None:
    """A server that uses 0.4 millicores does not use zero."""
    samples = ContainerSamples(cpu_seconds=series((t, 0.000008 * completed_between(0, t)) for t in TIMES))
    assert Quantity("0.4m") == measured(samples).cpu


def test_waiting_ends_with_a_sample_after_the_window() -> None:
    """CPU and memory both; one alone will not do."""
    assert not complete(FULL.within(0, 130), measured(), WINDOW, now=140)
    assert complete(FULL, measured(), WINDOW, now=140)
    cut = dataclasses.replace(FULL, working_set_bytes=FULL.working_set_bytes[:-1])
    assert not complete(cut, measured(), WINDOW, now=140)


def test_waiting_ends_when_no_sample_will_come() -> None:
    """The container is gone: a minute after the window nothing more is to be expected."""
    assert not complete(ContainerSamples(), None, WINDOW, now=150)
    assert complete(ContainerSamples(), None, WINDOW, now=195)


def test_a_source_that_is_scraped_each_minute_is_waited_for_longer() -> None:
    """Half a minute more, as its scrapes are half a minute further apart than usual."""
    sparse = dataclasses.replace(FULL, cpu_seconds=series((t, t) for t in (-25.0, 35.0, 95.0)))
    assert not complete(sparse, None, WINDOW, WINDOW.end + 89)
    assert complete(sparse, None, WINDOW, WINDOW.end + 90)


def test_with_the_times_of_scrapes_a_sample_has_to_be_later_to_be_one_after_the_load() -> None:
    """The sample at 138 may have been taken at 133."""
    late = dataclasses.replace(FULL, time_error=5.0)
    assert complete(FULL, measured(), WINDOW, 139.0)
    assert not complete(late, measured(late), WINDOW, 139.0)


def test_what_a_source_does_not_tell_is_said() -> None:
    """By the metrics that it lacks and by the error of its times, for those that others have configured."""
    dated = ContainerSamples(cpu_seconds=FULL.cpu_seconds, working_set_bytes=FULL.working_set_bytes, time_error=4.0)
    sentences = measured(dataclasses.replace(dated, source="Prometheus")).not_known
    assert sentences is not None
    assert sentences.startswith("Not known, as Prometheus does not have the metrics: workers that the kernel killed")
    assert "threads (container_threads); throttling (container_cpu_cfs_periods_total, " in sentences
    assert sentences.endswith(
        "Times of samples may be 4 s off, which makes CPU uncertain by 13 %: they are those of the scrapes "
        "(honor_timestamps: false)."
    )
    assert len(sentences) <= 768
    assert measured(dataclasses.replace(dated, source="Cgroup", time_error=0.0)).not_known is None


def test_a_sample_after_the_load_alone_does_not_end_the_wait() -> None:
    """An operator that was started anew meanwhile has the kubelet's latest, and Prometheus may have the others."""
    late = FULL.within(136, 140)
    load = windows_from(WINDOW, completed_between, LOAD_START, LOAD_END)
    assert not complete(late, usage(late, load), WINDOW, now=142)
    assert not complete(late, usage(late, load), WINDOW, now=194)
    assert complete(late, usage(late, load), WINDOW, now=195)
    assert complete(FULL, usage(FULL, load), WINDOW, now=142)


def nearly_idle(*times: float, cores: float = 0.003) -> UsageStatus | None:
    """Usage of a server that a load of 20 s, with one request a second, gives next to nothing to do."""

    def completed(start: float, end: float) -> float:
        return max(0.0, min(end, 120.0) - max(start, 100.0))

    samples = ContainerSamples(
        cpu_seconds=series((t, 5 + cores * t) for t in times), working_set_bytes=series((t, 187.0 * MIB) for t in times)
    )
    return usage(samples, windows_from(Window(102.0, 120.0), completed, 100.0, 120.0, exclusive=Window(90.0, 200.0)))


@pytest.mark.parametrize("phase", range(15))
def test_the_cpu_of_a_server_that_is_nearly_idle_is_known_whenever_it_is_sampled(phase: int) -> None:
    """All that it used between two samples would be less than any size, if it had used it in the load alone."""
    used = nearly_idle(*(float(t) for t in range(76 + phase, 150, 15)))
    assert used is not None
    assert used.cpu is not None
    assert 2.9 <= float(used.cpu.value) * 1000 <= 10


def test_a_server_that_is_not_nearly_idle_is_not_taken_for_one() -> None:
    """Without two samples inside the load its mean is not known, where no request tells it apart from other work."""
    busy = nearly_idle(91.0, 105.0, 135.0, cores=0.02)
    assert busy is None or busy.cpu is None or busy.cpu_time_per_request is not None
    one_sample = nearly_idle(135.0)
    assert one_sample is None or one_sample.cpu is None


def test_the_last_moments_of_a_load_do_not_show_that_a_server_is_nearly_idle() -> None:
    """Five requests took 200 ms of CPU each, all before the only sample in the load."""
    requests = (101.0, 105.0, 109.0, 113.0, 117.0)

    def completed(start: float, end: float) -> float:
        return sum(start < time <= end for time in requests)

    times = (119.4, 135.0)
    samples = ContainerSamples(
        cpu_seconds=series((t, 3 + 0.2 * completed(0, t) + 0.0002 * t) for t in times),
        working_set_bytes=series((t, 187.0 * MIB) for t in times),
    )
    used = usage(samples, windows_from(Window(102.0, 120.0), completed, 100.0, 120.0, exclusive=Window(90.0, 200.0)))
    assert used is not None
    assert used.cpu is None


@pytest.mark.parametrize("created", [None, 85.0])
def test_nothing_is_waited_for_after_a_load_between_two_samples(created: float | None) -> None:
    """An overload ended it after six seconds: no later sample shows what it used, and it is known that none is missing.

    A server that was created since the sample before has none from then.
    """
    times = (90.0, 110.0) if created is None else (110.0,)
    taken = series((t, 0.1 * t) for t in times)
    samples = ContainerSamples(cpu_seconds=taken, working_set_bytes=taken)
    if created is not None:
        samples = dataclasses.replace(samples, start_time=series([(110.0, created)]))
    window = Window(100.0, 106.0)
    load = windows_from(window, lambda *_: 9.0, 99.0, 106.0, exclusive=Window(91.0, 113.0))
    used = usage(samples, load)
    assert used is not None
    assert used.cpu is None
    assert complete(samples, used, window, now=112)
    assert not complete(samples.within(95.0, 110.0), used, dataclasses.replace(window, start=80.0), now=112)
