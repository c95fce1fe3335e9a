"""Choosing between Prometheus and the kubelet. The sources here are the seam's smallest: each has what it is given."""

from dataclasses import replace

import pytest

from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.auto import AutoSource
from modelprofiler.metrics.series import ContainerSamples, series
from modelprofiler.metrics.source import ContainerRef

REF = ContainerRef("team", "digits-1", "server", node="node1")


class Fixed:
    """A source that has these samples, or fails with this sentence; it counts how often it is asked."""

    def __init__(self, name: str, has: ContainerSamples | str) -> None:
        self.name = name
        self.has = has
        self.asked = 0
        self.closed = False

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return or raise what was given."""
        self.asked += 1
        if isinstance(self.has, str):
            raise MetricsUnavailable(self.has)
        return self.has.within(start, end)

    async def close(self) -> None:
        """Remember it."""
        self.closed = True


def sampled(times: list[float], source: str) -> ContainerSamples:
    """CPU samples at these times."""
    return replace(ContainerSamples(cpu_seconds=series((t, t) for t in times)), source=source)  # type: ignore[arg-type]


KUBELET = sampled([985.0, 999.0], "Kubelet")


async def ask(prometheus: ContainerSamples | str) -> tuple[ContainerSamples, int]:
    """Ask at 1000 for the last half minute; also say how often the kubelet was asked."""
    kubelet = Fixed("Kubelet", KUBELET)
    samples = await AutoSource(Fixed("Prometheus", prometheus), kubelet).samples(REF, 970.0, 1000.0)
    return samples, kubelet.asked


async def test_prometheus_is_read_where_it_has_the_series_and_what_the_kubelet_has_beyond_is_added() -> None:
    """Nobody waits for a scrape; a sample that both have counts once, and what is older than asked for is left out."""
    samples, _ = await ask(sampled([955.0, 970.0, 985.0], "Prometheus"))
    assert ("Prometheus", (970.0, 985.0, 999.0)) == (samples.source, tuple(s.time for s in samples.cpu_seconds))
    assert "Prometheus has a sample of container server of pod team/digits-1 every 15 s" == samples.remark


async def test_a_sample_that_prometheus_has_missed_is_taken_from_the_kubelet() -> None:
    """Scraping every 30 s it sees every other sample of cAdvisor."""
    kubelet = Fixed("Kubelet", sampled([971.0, 985.0, 999.0], "Kubelet"))
    samples = await AutoSource(Fixed("Prometheus", sampled([955.0, 985.0], "Prometheus")), kubelet).samples(
        REF, 950.0, 1000.0
    )
    assert ("Prometheus", (955.0, 971.0, 985.0, 999.0)) == (samples.source, tuple(s.time for s in samples.cpu_seconds))


async def test_samples_with_the_time_of_a_scrape_are_not_mixed_with_those_of_cadvisor() -> None:
    """The value of 985 at 992 would come after that of 990, and look like a restart."""
    scraped = replace(sampled([970.0], "Prometheus"), cpu_seconds=series([(970.0, 960.0), (992.0, 985.0)]))
    kubelet = Fixed("Kubelet", sampled([990.0, 999.0], "Kubelet"))
    samples = await AutoSource(Fixed("Prometheus", scraped), kubelet).samples(REF, 950.0, 1000.0)
    assert ((970.0, 960.0), (992.0, 985.0), (999.0, 999.0)) == tuple((s.time, s.value) for s in samples.cpu_seconds)


async def test_prometheus_alone_will_do() -> None:
    """A kubelet that may not be read is no fault where Prometheus has the series."""
    silent = Fixed("Kubelet", "the kubelet refuses")
    has = sampled([970.0, 985.0], "Prometheus")
    samples = await AutoSource(Fixed("Prometheus", has), silent).samples(REF, 970.0, 1000.0)
    assert has.cpu_seconds == samples.cpu_seconds


async def test_the_samples_of_a_restarted_container_are_not_mixed() -> None:
    """Its counters began at zero again, and each source puts the parts together in its own way."""
    has = replace(sampled([970.0, 985.0], "Prometheus"), restarts=(985.0,))
    samples, _ = await ask(has)
    assert has.cpu_seconds == samples.cpu_seconds


@pytest.mark.parametrize(
    ("prometheus", "reason"),
    [
        (ContainerSamples(), "Prometheus has no samples of"),
        (sampled([985.0], "Prometheus"), "only one sample"),
        (sampled([880.0, 940.0, 1000.0], "Prometheus"), "only every 60 s"),
        ("Prometheus at http://p cannot be reached", "cannot be reached"),
    ],
)
async def test_the_kubelet_is_read_where_prometheus_is_not_used_and_the_reason_is_given(
    prometheus: ContainerSamples | str, reason: str
) -> None:
    """Not there yet, not there at all, too coarse, not answering."""
    samples, _ = await ask(prometheus)
    assert "Kubelet" == samples.source
    assert KUBELET.cpu_seconds == samples.cpu_seconds
    assert samples.remark.startswith("the kubelet is read: ")
    assert reason in samples.remark


async def test_series_that_are_no_longer_scraped_are_not_read() -> None:
    """The span asked for is long, and the newest sample old."""
    kubelet = Fixed("Kubelet", KUBELET)
    stale = Fixed("Prometheus", sampled([700.0, 715.0], "Prometheus"))
    samples = await AutoSource(stale, kubelet).samples(REF, 600.0, 1000.0)
    assert "Kubelet" == samples.source
    assert "285 s old" in samples.remark


async def test_without_a_configured_prometheus_the_kubelet_is_read() -> None:
    """The samples say so."""
    samples = await AutoSource(None, Fixed("Kubelet", KUBELET)).samples(REF, 970.0, 1000.0)
    assert "the kubelet is read: no Prometheus is configured" == samples.remark


async def test_when_neither_answers_both_reasons_are_given() -> None:
    """One sentence for both."""
    auto = AutoSource(Fixed("Prometheus", "Prometheus is away"), Fixed("Kubelet", "the kubelet refused"))
    with pytest.raises(MetricsUnavailable, match="Prometheus is away; and the kubelet refused"):
        await auto.samples(REF, 970.0, 1000.0)


async def test_a_prometheus_that_did_not_answer_is_left_alone_for_half_a_minute() -> None:
    """Each question may last until its timeout, and samples are wanted every few seconds."""
    prometheus = Fixed("Prometheus", "Prometheus is away")
    times = iter([0.0, 5.0, 29.0, 31.0, 31.0])  # when it fails, the clock is read once, else when it is asked again
    auto = AutoSource(prometheus, Fixed("Kubelet", KUBELET), clock=lambda: next(times))
    for _ in range(4):
        samples = await auto.samples(REF, 970.0, 1000.0)
        assert "the kubelet is read: Prometheus is away" == samples.remark
    assert 2 == prometheus.asked


async def test_closing_it_closes_both() -> None:
    """Neither connection is left open."""
    sources = Fixed("Prometheus", ""), Fixed("Kubelet", "")
    await AutoSource(*sources).close()
    assert [True, True] == [source.closed for source in sources]


async def test_where_prometheus_has_replaced_the_times_the_kubelet_is_read() -> None:
    """As soon as it has two samples; until then Prometheus' are better than none."""
    scraped = replace(sampled([955.0, 970.0, 985.0], "Prometheus"), time_error=5.0)
    samples, _ = await ask(scraped)
    assert ("Kubelet", KUBELET.cpu_seconds) == (samples.source, samples.cpu_seconds)
    assert "Prometheus has given the samples the times of its scrapes (honor_timestamps: false)" == samples.warning
    assert f"the kubelet is read: {samples.warning}" == samples.remark
    young = Fixed("Kubelet", sampled([999.0], "Kubelet"))
    samples = await AutoSource(Fixed("Prometheus", scraped), young).samples(REF, 950.0, 1000.0)
    assert ("Prometheus", 5.0, "") == (samples.source, samples.time_error, samples.warning)


async def test_what_is_wrong_with_prometheus_is_passed_on_with_the_kubelets_samples() -> None:
    """Whoever configured it would not learn otherwise why it is not used."""
    samples, _ = await ask(ContainerSamples(source="Prometheus", warning="Prometheus has other labels"))
    assert ("Kubelet", "Prometheus has other labels") == (samples.source, samples.warning)
    assert "the kubelet is read: Prometheus has other labels" == samples.remark
