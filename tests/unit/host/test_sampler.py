"""Readings made into samples."""

import threading
from collections.abc import Iterable
from dataclasses import replace

import pytest

from modelprofiler.host.cgroup import Cgroup, Reading
from modelprofiler.host.sampler import CgroupReader, Sampled, Sampler
from modelprofiler.metrics.series import Sample

MIB = 2**20


class Levels:
    """A control group where only memory matters: (peak since the last call, all, inactive page cache) in MiB."""

    def __init__(self, levels: Iterable[tuple[int | None, int, int]]) -> None:
        self._levels = iter(levels)

    def take_peak(self) -> int | None:
        """Go on to the next."""
        peak, self._all, self._inactive = next(self._levels)
        return None if peak is None else peak * MIB

    def read(self) -> Reading:
        """Return it."""
        return Reading(1.0, memory_current=self._all * MIB, working_set=(self._all - self._inactive) * MIB)

    def pids(self) -> set[int]:
        """Have no processes."""
        return set()


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([(100, 100, 0), (150, 100, 0)], 150),  # a request held 50 MiB between two readings
        ([(100, 100, 40), (150, 100, 40)], 110),  # page cache is not part of it
        ([(100, 100, 0), (200, 200, 100)], 100),  # it was page cache that came
        ([(200, 200, 100), (200, 100, 0)], 100),  # it was page cache that went
        ([(None, 100, 0), (None, 110, 0)], 110),  # the kernel reports no peak
    ],
)
def test_how_far_the_working_set_rose_between_readings(
    levels: list[tuple[int | None, int, int]], expected: int
) -> None:
    """The peak that the kernel keeps has page cache in it, which is taken off."""
    read = CgroupReader(Levels(levels))  # type: ignore[arg-type] # it has the two methods that are used
    last = [read() for _ in levels][-1]
    assert last is not None
    assert expected * MIB == last.peak_working_set


def test_pages_that_a_server_maps_count_although_the_kernel_holds_them_as_inactive() -> None:
    """Requests use them: of 300 MiB, 256 are a mapped model and 20 are anonymous."""

    class Mapped(Levels):
        def read(self) -> Reading:
            return replace(super().read(), anonymous=20 * MIB, mapped_file=256 * MIB)

    sampled = CgroupReader(Mapped([(300, 300, 260)]))()  # type: ignore[arg-type] # it has the methods that are used
    assert sampled is not None
    assert 276 * MIB == sampled.peak_working_set


def test_readings_become_series_and_missing_values_are_left_out() -> None:
    """In the order of time, within the span that is asked for."""
    readings = iter([Reading(3.0, cpu_seconds=2.0, threads=4), Reading(2.0, cpu_seconds=1.0), Reading(9.0, threads=5)])
    sampler = Sampler(lambda: Sampled(next(readings), None), "Cgroup")
    for _ in range(3):
        sampler.sample()
    samples = sampler.samples(0.0, 8.0)
    assert (Sample(2.0, 1.0), Sample(3.0, 2.0)) == samples.cpu_seconds
    assert (Sample(3.0, 4.0),) == samples.threads
    assert () == samples.working_set_bytes
    assert "Cgroup" == samples.source
    assert 2 == len(sampler.samples().threads)


def test_it_reads_by_itself_until_it_is_stopped() -> None:
    """First and last reading are taken before start and stop return."""
    enough = threading.Event()
    count = 0

    def read() -> Sampled:
        nonlocal count
        count += 1
        if count >= 5:
            enough.set()
        return Sampled(Reading(float(count), cpu_seconds=float(count)), None)

    sampler = Sampler(read, "Cgroup", interval=0.001)
    sampler.start()
    assert sampler.latest is not None
    assert enough.wait(20)
    sampler.stop()
    taken = count
    sampler.stop()
    assert taken == count == len(sampler.samples().cpu_seconds)


def test_a_group_that_is_gone_gives_no_more_samples() -> None:
    """What was read before stays."""
    readings = iter([Sampled(Reading(1.0, cpu_seconds=1.0), None), None, None])
    sampler = Sampler(lambda: next(readings), "Cgroup")
    for _ in range(3):
        sampler.sample()
    assert 1 == len(sampler.samples().cpu_seconds)


def test_both_kinds_have_the_same_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group and a process are sampled behind the same interface."""
    group: Cgroup = Levels([])  # type: ignore[assignment] # nothing is read
    assert {type(Sampler.of_cgroup(group)), type(Sampler.of_process(1))} == {Sampler}
