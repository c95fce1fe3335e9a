"""Samples with the times of scrapes: how they are recognized, and what they still say about a load."""

from __future__ import annotations

import random
from bisect import bisect_right

import pytest

from modelprofiler.core.windows import LoadWindows, Window, windows_from
from modelprofiler.metrics.cadvisor import RawSeries, assemble
from modelprofiler.metrics.cost import cpu_cost
from modelprofiler.metrics.series import ContainerSamples, Series, series
from modelprofiler.metrics.source import ContainerRef
from modelprofiler.metrics.stamps import are_of_scrapes, error_of, restamped

REF = ContainerRef("team", "digits-1", "server")
NAMES = {"namespace": "team", "pod": "digits-1", "container": "server"}
CPU, CREATED = "container_cpu_usage_seconds_total", "container_start_time_seconds"
SCRAPES = series((10.0 * n, 1.7e9) for n in range(1, 8))
OWN = series([(11.2, 1.0), (25.1, 2.0), (38.7, 3.0), (52.4, 4.0), (66.6, 5.0)])
STAMPED = series([(20.0, 1.0), (30.0, 2.0), (40.0, 3.0), (50.0, 3.0), (60.0, 4.0), (70.0, 5.0)])


def raw(points: Series, name: str = CPU, **labels: str) -> RawSeries:
    """Return a series as Prometheus does."""
    return RawSeries({"__name__": name, **NAMES, **labels}, points)


def read(*stored: RawSeries, source: str = "Prometheus") -> ContainerSamples:
    """Return the samples that these series make."""
    return assemble(stored, REF, (0.0, 100.0), source)  # type: ignore[arg-type]


def test_samples_that_all_have_the_time_of_a_scrape_are_recognized() -> None:
    """The creation time, to which cAdvisor gives none, shows when the scrapes were; a few milliseconds are allowed."""
    times = [sample.time for sample in SCRAPES]
    assert are_of_scrapes(STAMPED, times)
    assert are_of_scrapes(series((s.time + 0.002, s.value) for s in STAMPED), times)
    assert not are_of_scrapes(OWN, times)
    assert not are_of_scrapes(STAMPED[:1], times)


def test_without_the_creation_time_an_even_distance_shows_it() -> None:
    """A scrape that was missed leaves a gap of two intervals; a few samples could be even by chance."""
    assert are_of_scrapes(STAMPED, [])
    assert are_of_scrapes(series(s for s in STAMPED if s.time != 40), [])
    assert not are_of_scrapes(STAMPED[:3], [])
    assert not are_of_scrapes(OWN, [])


def test_of_two_scrapers_the_one_with_cadvisors_own_times_is_read() -> None:
    """Even where the other has more samples."""
    samples = read(
        raw(STAMPED, job="a"), raw(SCRAPES, CREATED, job="a"), raw(OWN, job="b"), raw(SCRAPES, CREATED, job="b")
    )
    assert (OWN, 0.0) == (samples.cpu_seconds, samples.time_error)


def test_samples_are_moved_to_the_middle_of_the_time_in_which_they_can_have_been_taken() -> None:
    """A value that is stored again was taken before its first time; what the kubelet returns has its own times."""
    samples = read(raw(STAMPED), raw(SCRAPES, CREATED))
    assert 5.0 == samples.time_error
    assert [(15.0, 1.0), (25.0, 2.0), (35.0, 3.0), (55.0, 4.0), (65.0, 5.0)] == [tuple(s) for s in samples.cpu_seconds]
    assert 0.0 == read(raw(STAMPED), raw(SCRAPES, CREATED), source="Kubelet").time_error


def test_a_counter_that_stands_still_is_sampled_nevertheless() -> None:
    """After a load an idle server may use no CPU: a value that is as old as any can be is one of that time."""
    stamped = series((10.0 * n, 7.0) for n in range(1, 6))
    assert [(5.0, 7.0), (10.0, 7.0), (20.0, 7.0), (30.0, 7.0)] == [
        tuple(s) for s in restamped(stamped, error_of(stamped), "cpu_seconds")
    ]


def test_a_value_is_not_older_than_cadvisors_longest_interval() -> None:
    """With a scrape each minute it was still taken within the 20 s before it."""
    assert 10.0 == error_of(series((60.0 * n, float(n)) for n in range(4)))
    assert 10.0 == error_of(series([(60.0, 1.0)]))


START, END, RATE, COST = 100.0, 130.0, 50.0, 0.008


def completed(since: float, until: float) -> float:
    """Count 50 requests a second, from 100 until 130."""
    return RATE * max(0.0, min(until, END) - max(since, START))


def scraped(seed: int, interval: float) -> ContainerSamples:
    """Return what a scraper with its own times has of a server under a load of half a minute."""
    chance = random.Random(seed)
    taken = [chance.uniform(0, 15)]
    while taken[-1] < 260:
        taken.append(taken[-1] + chance.uniform(10, 16))
    begin = chance.uniform(15, 15 + interval)
    times = [begin + n * interval for n in range(int((250 - begin) / interval) + 1)]
    last = [taken[bisect_right(taken, time) - 1] for time in times]
    cpu = series((t, 0.001 * at + COST * completed(0, at)) for t, at in zip(times, last, strict=True))
    return assemble([raw(cpu), raw(series((t, 1.0) for t in times), CREATED)], REF, (0.0, 300.0), "Prometheus")


def errors(interval: float, exclusive: Window) -> list[tuple[float, float]]:
    """Return the error of the cost, and that which it said to expect, of two hundred loads."""
    load: LoadWindows = windows_from(Window(START + 5, END), completed, START, END, exclusive)
    costs = [cpu_cost(scraped(seed, interval), load) for seed in range(200)]
    return [(abs(cost.seconds_per_request / COST - 1), cost.expected_error) for cost in costs if cost]


@pytest.mark.parametrize("interval", [10.0, 15.0, 30.0])
def test_with_quiet_around_a_load_its_cpu_is_exact(interval: float) -> None:
    """The difference of two counters is right, whenever they were read, where nothing else happened meanwhile."""
    pairs = errors(interval, Window(0.0, 300.0))
    assert 200 == len(pairs)
    assert 0.03 > sorted(error for error, _ in pairs)[-3]


@pytest.mark.parametrize("interval", [10.0, 15.0, 30.0])
def test_without_quiet_the_uncertainty_is_said_and_not_too_small(interval: float) -> None:
    """A server is loaded a few seconds after it is ready: the first sample is then within the load."""
    pairs = errors(interval, Window(START - 4, 300.0))
    assert len(pairs) > 50
    within = sum(error <= 2 * expected for error, expected in pairs)
    assert within >= 0.95 * len(pairs)
