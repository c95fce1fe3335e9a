"""Usage is read for the pod that a trial ran on, and for no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.cluster.objects import load_result, load_status, now
from tests.unit.cluster.standin import StandIn
from tests.unit.cluster.values import a_job, a_pod, a_server, ended
from tests.unit.cluster.world import Steady

from modelprofiler.cluster.gather.measure import Sources, measure
from modelprofiler.cluster.gather.observation import LoadJob, Measured, Observation, Server
from modelprofiler.cluster.settings import Settings
from modelprofiler.load.node.reading import NodeReading
from modelprofiler.metrics.series import ContainerSamples, series
from modelprofiler.metrics.source import ContainerRef, MetricsSource


def steady(problem: str = "") -> Steady:
    """Return a source that has the load of the hundredth second."""
    source = Steady()
    source.problem = problem
    source.loads.append(load_result(load_status()))
    return source


async def measured(
    job: LoadJob, server: Server | None = None, source: MetricsSource | None = None, seconds: float = 130
) -> Measured | None:
    """Return what is read for a Job."""
    observation = Observation((server or a_server(),), (job,))
    return (await measure(source, "team", "server", observation, [], now(seconds))).jobs[0].measured


async def test_usage_of_a_load_that_has_ended_is_read() -> None:
    """CPU time of a request, and memory."""
    reading = await measured(ended(), source=steady())
    assert reading is not None
    assert reading.usage is not None
    assert reading.usage.memory is not None
    assert (True, "3ms", "200Mi") == (
        reading.complete,
        str(reading.usage.cpu_time_per_request),
        str(reading.usage.memory.peak),
    )


class Shifted(Steady):
    """A fake: a source on a node whose clock is ahead, or behind, by some seconds."""

    def __init__(self, ahead: float) -> None:
        super().__init__()
        self.ahead = ahead
        self.loads.append(load_result(load_status()))

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return the samples of the true clock, by the other one; nothing that has not been sampled yet."""
        samples = await super().samples(container, start - self.ahead, min(end - self.ahead, now(130).timestamp()))
        moved: dict[str, Any] = {
            name: series((s.time + self.ahead, s.value) for s in getattr(samples, name))
            for name in ("cpu_seconds", "working_set_bytes")
        }
        return replace(samples, **moved)


@pytest.mark.parametrize("ahead", [-600.0, -2.0, -0.3, 0.3, 2.0, 600.0])
async def test_a_clock_that_is_ahead_or_behind_changes_no_number(ahead: float) -> None:
    """The samples have the times of the server's node, and the load those of its own."""
    expected = await measured(ended(), source=Shifted(0.0))
    result = replace(load_result(load_status()), node=NodeReading(clock_offset=ahead))
    server = a_server(pod=a_pod(ready_at=now(3 + ahead)))
    reading = await measured(ended(result=result, node="node2"), server, Shifted(ahead))
    assert expected is not None
    assert reading is not None
    assert expected.usage == reading.usage
    assert expected.complete == reading.complete


async def test_two_seconds_that_are_not_corrected_change_the_numbers() -> None:
    """What the correction is for: without it the requests between two samples are others."""
    uncorrected = await measured(ended(node="node2"), source=Shifted(2.0))
    expected = await measured(ended(), source=Shifted(0.0))
    assert expected is not None
    assert uncorrected is not None
    assert expected.usage is not None
    assert uncorrected.usage is not None
    assert expected.usage.cpu_time_per_request != uncorrected.usage.cpu_time_per_request


async def test_a_load_on_the_servers_node_has_its_clock() -> None:
    """Whatever a reader says."""
    result = replace(load_result(load_status()), node=NodeReading(clock_offset=5.0))
    on_node = await measured(ended(result=result, node="node1"), source=steady())
    assert await measured(ended(), source=steady()) == on_node


async def test_usage_is_not_computed_where_a_clock_was_set_during_the_load() -> None:
    """No offset is right for the whole of it; the trial says so."""
    reading = NodeReading(clocks_moved=True, problem="the clock of the server's node moved by 1.5 s")
    outcome = await measured(
        ended(result=replace(load_result(load_status()), node=reading), node="node2"), source=steady()
    )
    assert Measured(None, complete=True, problem="the clock of the server's node moved by 1.5 s") == outcome


async def test_the_samples_around_a_load_are_kept() -> None:
    """For the report: of CPU time and of the working set."""
    reading = await measured(ended(), source=steady())
    assert reading is not None
    times = [sample.time - now(0).timestamp() for sample in reading.memory]
    assert list(range(75, 135, 5)) == times  # the load lasted from 101 to 112
    assert times == [sample.time - now(0).timestamp() for sample in reading.cpu_seconds]


async def test_samples_that_may_still_come_are_waited_for() -> None:
    """The last one is older than the end of the window."""
    reading = await measured(ended(), source=steady(), seconds=109)
    assert reading is not None
    assert not reading.complete


@pytest.mark.parametrize(
    ("sentence", "server", "job"),
    [
        ("it was replaced", a_server(pod=a_pod(uid="other")), ended()),
        ("it is gone", a_server(pod=None), ended()),
        ("its server is gone", a_server(2), ended()),
        ("it has no node yet", a_server(pod=a_pod(node="")), a_job()),
    ],
)
async def test_another_pod_is_not_read(sentence: str, server: Server, job: LoadJob) -> None:
    """What it used says nothing about the trial."""
    assert (sentence, None) == (sentence, await measured(job, server, steady()))


async def test_a_load_that_runs_is_asked_for_too() -> None:
    """The kubelet only ever shows the latest sample: it is collected by asking."""
    assert Measured(None, complete=False) == await measured(a_job(), source=steady())
    without_window = ended(result=replace(load_result(load_status()), window_ended=None))
    assert Measured(None, complete=False) == await measured(without_window, source=steady())


async def test_a_source_that_does_not_answer_is_reported_as_unreachable() -> None:
    """It may answer later."""
    reading = await measured(ended(), source=steady("the kubelet does not answer"))
    assert Measured(None, complete=False, problem="the kubelet does not answer", reachable=False) == reading


async def test_a_source_that_the_installation_does_not_have_is_reported_as_missing() -> None:
    """Waiting would not help."""
    reading = await measured(ended(), source=None)
    assert reading is not None
    assert (True, False, True) == (reading.complete, reading.reachable, "prometheus.url" in reading.problem)


class Fixed:
    """A source that has these samples, whatever it is asked."""

    name = "Auto"

    def __init__(self, has: ContainerSamples) -> None:
        self.has = has

    async def samples(self, _container: ContainerRef, _start: float, _end: float) -> ContainerSamples:
        """Return what was given."""
        return self.has

    async def close(self) -> None:
        """Do nothing."""


TIMES_OFF = (
    "the times of Prometheus' samples are those of its scrapes (honor_timestamps: false) and up to 10 s off, too much "
    "to compute the CPU usage of this load"
)


@pytest.mark.parametrize(
    ("has", "problem"),
    [
        (
            ContainerSamples(source="Prometheus", warning="it has other labels"),
            "Auto has no samples of container server of pod team/p from the load: it has other labels",
        ),
        (
            ContainerSamples(working_set_bytes=series([(99.0, 1.0), (131.0, 2.0)]), source="Prometheus"),
            "Prometheus has no container_cpu_usage_seconds_total of container server of pod team/p",
        ),
        (
            ContainerSamples(
                cpu_seconds=series([(99.0, 1.0)]),
                working_set_bytes=series([(99.0, 1.0), (131.0, 2.0)]),
                source="Prometheus",
                time_error=10.0,
            ),
            TIMES_OFF,
        ),
    ],
)
async def test_what_keeps_usage_from_being_known_is_said(has: ContainerSamples, problem: str) -> None:
    """By the metric, or by what else is wrong with the installation's monitoring."""
    began = now(0).timestamp()
    shifted: dict[str, Any] = {
        name: series((began + at, value) for at, value in getattr(has, name))
        for name in ("cpu_seconds", "working_set_bytes")
    }
    reading = await measured(ended(), source=Fixed(replace(has, **shifted)))
    assert reading is not None
    assert problem == reading.problem


async def test_the_sources_are_those_that_the_installation_has() -> None:
    """Auto is always the same one, since it remembers."""
    sources = Sources(StandIn(lambda: now(0)), Settings())
    kubelet, auto = sources.named("Kubelet"), sources.named("Auto")
    assert kubelet is not None
    assert auto is not None
    assert ("Kubelet", None, True) == (kubelet.name, sources.named("Prometheus"), auto is sources.named("Auto"))
    await sources.close()
