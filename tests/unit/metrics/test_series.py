"""Series: what is kept of the samples, and what a restart does to counters."""

import math

from modelprofiler.core.windows import Window
from modelprofiler.metrics.series import ContainerSamples, Sample, between, increase, resets, series, thinned


def test_points_become_sorted_samples_with_one_for_each_time() -> None:
    """The same sample read twice is one sample; order of arrival does not matter."""
    assert (Sample(1.0, 10.0), Sample(2.0, 20.0)) == series([(2.0, 20.0), (1.0, 10.0), (2.0, 20.0)])


def test_a_value_that_is_no_number_is_no_sample() -> None:
    """NaN, as a scraper marks staleness, never enters a series."""
    assert (Sample(2.0, 20.0),) == series([(1.0, math.nan), (2.0, 20.0), (3.0, math.inf)])


def test_a_span_includes_both_its_ends() -> None:
    """Samples exactly at the ends belong to it."""
    assert (Sample(2.0, 0.0), Sample(3.0, 0.0)) == between(series([(1, 0), (2, 0), (3, 0), (4, 0)]), 2, 3)
    assert 3.0 in Window(2.0, 3.0)
    assert 3.1 not in Window(2.0, 3.0)
    assert 1.0 == Window(2.0, 3.0).seconds


def test_a_counter_that_falls_was_reset() -> None:
    """The reset is at the first lower sample."""
    assert (3.0,) == resets(series([(1, 5), (2, 7), (3, 1), (4, 2)]))


def test_an_increase_counts_on_after_a_restart() -> None:
    """2 until the restart, then 1 and 3 more of the new container."""
    assert 6.0 == increase(series([(1, 5), (2, 7), (3, 1), (4, 4)]), since=1)


def test_a_counter_seen_only_after_the_start_began_at_zero() -> None:
    """A fresh container's first sample already holds what happened before it."""
    assert 7.0 == increase(series([(11, 4), (12, 7)]), since=10)


def test_without_a_later_sample_the_increase_is_unknown() -> None:
    """Unknown is None, not zero."""
    assert increase(series([(1, 5), (2, 7)]), since=2) is None
    assert increase((), since=2) is None


def test_a_restart_is_known_from_the_source_or_from_a_falling_counter() -> None:
    """A new container that has already used more CPU than the old one is seen by its identity only."""
    assert ContainerSamples(cpu_seconds=series([(1, 5), (2, 9)]), restarts=(2.0,)).restarted(1, 2)
    assert ContainerSamples(cpu_seconds=series([(1, 5), (2, 1)])).restarted(1, 2)
    assert not ContainerSamples(cpu_seconds=series([(1, 5), (2, 9)]), restarts=(3.0,)).restarted(1, 2)


def test_samples_without_any_series_are_falsy() -> None:
    """The time of creation alone says nothing about usage."""
    assert not ContainerSamples(start_time=series([(1, 1)]))
    assert ContainerSamples(threads=series([(1, 1)]))


def test_the_newest_sample_is_that_of_cpu_or_memory() -> None:
    """Whichever was read last."""
    assert 3.0 == ContainerSamples(cpu_seconds=series([(1, 5)]), working_set_bytes=series([(3, 9)])).newest
    assert ContainerSamples().newest is None


def test_a_part_keeps_the_restarts_inside_it_and_the_time_of_creation() -> None:
    """Everything else is cut to the span."""
    samples = ContainerSamples(
        cpu_seconds=series([(1, 5), (2, 1), (3, 2)]),
        start_time=series([(9, 0.5)]),
        restarts=(2.0, 3.0),
        source="Kubelet",
    )
    assert (
        ContainerSamples(
            cpu_seconds=series([(1, 5), (2, 1)]), start_time=series([(9, 0.5)]), restarts=(2.0,), source="Kubelet"
        )
    ) == samples.within(1, 2)


def test_a_thinned_series_keeps_its_ends_and_its_peak() -> None:
    """What is drawn of ten samples a second must not lose the one that matters."""
    kept = thinned(series((t, 9.0 if t == 777 else 1.0) for t in range(1000)), 50)
    assert len(kept) <= 52
    assert [(0, 1.0), (999, 1.0), (777, 9.0)] == [kept[0], kept[-1], max(kept, key=lambda s: s.value)]


def test_a_thinned_counter_still_grows_by_as_much() -> None:
    """Of each group the newest is kept."""
    counter = series((t, 2.0 * t) for t in range(1000))
    assert increase(counter, 0) == increase(thinned(counter, 50), 0)


def test_a_short_series_stays_unchanged() -> None:
    """Nothing is left out for nothing."""
    samples = series((t, t) for t in range(50))
    assert samples == thinned(samples, 50)
