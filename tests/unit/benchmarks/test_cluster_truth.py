"""The arithmetic of the benchmark in a cluster: the truth, what others make of the same run, and the tables."""

import math
from typing import Any

import pytest
from benchmarks.cluster_truth import evaluate, rules, tables, truth
from benchmarks.cluster_truth.cases import CASES
from benchmarks.cluster_truth.evaluate import Others, Outcome
from benchmarks.cluster_truth.nodes import Node
from benchmarks.cluster_truth.rules import Point, Reading
from benchmarks.cluster_truth.truth import Truth

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import MemoryUsage, UsageStatus
from modelprofiler.core.evidence import ResultKind
from modelprofiler.load.result import LoadResult
from modelprofiler.load.timeline import TimelineRecorder
from modelprofiler.metrics.series import ContainerSamples, series

MIB = 2**20


def point(time: float, cpu: float, started: float = 0.0) -> Point:
    """Return a scrape at a time, with as many MiB of memory as seconds have passed."""
    return Point(time, cpu, time * MIB, started)


def test_metrics_server_shows_the_difference_of_its_last_two_points() -> None:
    """Cores over their own times, memory at the last."""
    usages = rules.metrics_server([point(20, 1), point(35, 7), point(50, 10)])
    assert [Reading(0.4, 35 * MIB, 20, 35), Reading(0.2, 50 * MIB, 35, 50)] == usages


def test_a_scrape_that_finds_the_same_point_again_shows_the_same() -> None:
    """The kubelet has a new one only every 10 to 20 s."""
    usages = rules.metrics_server([point(20, 1), point(35, 7), point(35, 7)])
    assert [Reading(0.4, 35 * MIB, 20, 35)] * 2 == usages
    assert 1 == len(rules.of_the_load(usages, 0, 100))


def test_a_container_that_has_just_started_counts_from_its_start() -> None:
    """When its first point is 10 to 15 s old; else the second point is waited for."""
    assert [Reading(0.5, 12 * MIB, 0, 12)] == rules.metrics_server([point(12, 6)])
    assert [] == rules.metrics_server([point(9, 6)])
    assert [] == rules.metrics_server([point(16, 6)])


def test_after_a_restart_nothing_is_shown_until_there_are_two_points_again() -> None:
    """A counter that began at zero says nothing together with one that did not."""
    usages = rules.metrics_server([point(20, 9), point(40, 0.1, started=38), point(57, 8.6, started=38)])
    assert [Reading(0.5, 57 * MIB, 40, 57)] == usages


def test_only_readings_that_cover_the_load_are_compared() -> None:
    """One that ends as the load begins is about something else."""
    readings = [Reading(0.1, 1, 0, 20), Reading(0.2, 1, 15, 25), Reading(0.3, 1, 50, 60)]
    assert readings[1:2] == rules.of_the_load(readings, 20, 50)


def test_vpa_takes_the_90th_percentile_and_15_percent_more() -> None:
    """The ninth of ten samples of CPU, the peak of memory."""
    assert 0.9 * 1.15 == pytest.approx(rules.vpa_cpu([n / 10 for n in range(1, 11)]))
    assert 100 * 1.15 == pytest.approx(rules.vpa_memory([50, 100]))
    assert rules.vpa_cpu([]) is None
    assert rules.vpa_memory([]) is None


def test_krr_takes_the_95th_percentile_of_cpu_and_the_largest_memory() -> None:
    """Interpolated as quantile_over_time does, without a margin for CPU."""
    assert 0.95 == pytest.approx(rules.krr_cpu([0.0, 1.0]))
    assert 0.4 == rules.krr_cpu([0.4])
    assert 100 * 1.15 == pytest.approx(rules.krr_memory([50, 100]))
    assert rules.krr_cpu([]) is None
    assert rules.krr_memory([]) is None


def test_how_far_off_is_in_percent_of_the_truth() -> None:
    """What is missing is not off by anything."""
    assert -25 == rules.percent_off(0.75, 1.0)
    assert rules.percent_off(None, 1.0) is None
    assert rules.percent_off(1.0, None) is None


def test_a_counter_between_two_readings_lies_on_a_line() -> None:
    """Outside of the readings nothing is known."""
    counter = series([(10, 1.0), (11, 2.0), (12, 5.0)])
    assert [1.0, 1.5, 5.0] == [truth.at(counter, t) for t in (10, 10.5, 12)]
    assert [None, None] == [truth.at(counter, t) for t in (9.9, 12.1)]
    assert truth.at((), 1) is None


def dense(seconds: float = 40) -> ContainerSamples:
    """Return a group read ten times a second: 0.4 cores, 100 MiB and 1 MiB more each second, half throttled."""
    times = [tenth / 10 for tenth in range(int(seconds * 10) + 1)]
    return ContainerSamples(
        cpu_seconds=series((t, 0.4 * t) for t in times),
        working_set_bytes=series((t, (100 + t) * MIB) for t in times),
        cfs_periods=series((t, 10 * t) for t in times),
        cfs_throttled_periods=series((t, 5 * t) for t in times),
        max_usage_bytes=series((t, (200 + t) * MIB) for t in times),
        threads=series((t, 3 + (t > 20)) for t in times),
    )


def test_the_truth_of_a_load_is_what_its_control_group_counted() -> None:
    """CPU of the whole load and of the window, memory of the load, throttling of the window."""
    counted = truth.truth(dense(), 2, (4, 34), 36)
    assert (13.6, 0.4, 50.0) == pytest.approx((counted.cpu_seconds, counted.cores, counted.throttled_percent))
    assert 136 * MIB == counted.peak_bytes
    assert (240 * MIB, 4) == (counted.lifetime_bytes, counted.threads)
    assert counted.steady_bytes is not None
    assert 127.5 == pytest.approx(counted.steady_bytes / MIB, abs=0.1)


def test_without_a_control_group_the_truth_is_unknown() -> None:
    """Never zero."""
    assert Truth(None, None, None, None, None, None, None, 0) == truth.truth(ContainerSamples(), 2, (4, 34), 36)


def test_a_source_is_judged_by_what_it_had_when_the_operator_stops_waiting() -> None:
    """Not by what it might have had later: the first answer with a sample after the window counts."""
    recorder = TimelineRecorder(0.0)
    for tick in range(1, 321):
        recorder.observe(tick / 10, round(5 * tick), last=tick == 320)
    load = LoadResult(
        ResultKind.COMPLETED,
        warmup_started=100.0,
        window_started=102.0,
        window_ended=132.0,
        ended=132.0,
        timeline=recorder.timeline(100.0),
    )

    def look_until(*times: float) -> ContainerSamples:
        cpu = series((t, min(max(t - 100, 0), 32) * 0.5) for t in times)
        return ContainerSamples(cpu_seconds=cpu, working_set_bytes=series((t, 100 * MIB) for t in times))

    answers = [
        (131.0, look_until(95, 110, 125)),
        (135.0, look_until(95, 110, 125)),
        (142.0, look_until(95, 110, 125, 139)),
        (152.0, look_until(95, 110, 125, 139, 150)),
    ]
    used, late = evaluate._usage(answers, load, ready=90.0)
    assert 10.0 == late
    assert used is not None
    assert used.cpu_time_per_request is not None
    assert 0.010 == pytest.approx(used.cpu_time_per_request.seconds, rel=0.01)


FIRST = Node("node1", "198.18.0.1", "6.18", user_mode=False)
IN_USER_MODE = Node("node2", "198.18.0.2", "6.1", user_mode=True)


def outcome(cost: float, steady: str, node: Node = FIRST) -> Outcome:
    """Return that of the first case, of one source."""
    memory = MemoryUsage(peak=Quantity("70Mi"), peak_source="WorkingSet", steady=Quantity(steady))
    used = UsageStatus(
        cpu=Quantity("400m"), cpu_time_per_request=Duration.of(cost), threads=1, samples=3, memory=memory
    )
    others = Others({"15 s": 0.3}, 0.4, 70 * MIB, 0.46, None, 0.2, None)
    truth_ = Truth(3.3, 0.4, 70 * MIB, 70 * MIB, 0.0, 80 * MIB, 1, 300)
    return Outcome(CASES[0], node, "2", used, (None, 2.0), {"kubelet": (used, 12.0)}, truth_, others, 400, None)


def test_what_is_further_off_than_it_may_be_is_named() -> None:
    """3 % of CPU, 2 % of memory."""
    assert [] == tables.misses([outcome(0.0082, "71Mi")], ["kubelet"])
    missed = tables.misses([outcome(0.0083, "72Mi")], ["kubelet"])
    assert [
        "CPU of 'half a core of one' from kubelet: +3.8 %",
        "steady memory of 'half a core of one' from kubelet: +2.9 %",
    ] == missed


def test_in_user_mode_the_truth_is_what_the_control_group_counted() -> None:
    """8.25 ms a request there, though the server burns 8 ms."""
    assert [] == tables.misses([outcome(0.0084, "71Mi", IN_USER_MODE)], ["kubelet"])
    text = tables.document([outcome(0.0084, "71Mi"), outcome(0.0084, "71Mi", IN_USER_MODE)], ["kubelet"])
    assert "| half a core of one | 8 ms | +5.0 % | +3.1 % |" in text
    assert "| half a core of one | 8.25 ms | +1.8 % | +0.0 % |" in text
    assert "### Control groups version 2: node2, Linux 6.1 in user mode" in text


def test_every_table_has_as_many_cells_in_each_row() -> None:
    """Else Markdown leaves some out."""
    text = tables.document([outcome(0.008, "70Mi")], ["kubelet"])
    for table in text.split("\n\n")[1:-1]:
        assert 1 == len({line.count("|") for line in table.splitlines()}), table
    assert "| half a core of one | 0.400 | -25.0 % | +0.0 % | +15.0 % | -50.0 % |" in text
    assert text.endswith("2 of 2.")


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_every_case_is_a_profile_of_one_size(case: Any) -> None:
    """So that one trial counts, under a load that the size can take."""
    profile = ModelProfile.parse(case.profile("case-1", IN_USER_MODE))
    assert "case-1" == profile.metadata.name
    template = profile.spec.server.template
    assert template is not None
    assert {"kubernetes.io/hostname": "node2"} == template["spec"]["nodeSelector"]
    assert float(case.rate) * case.cpu_ms < 0.9 * case.millicores
    assert math.isclose(30, profile.spec.load.duration.seconds)
