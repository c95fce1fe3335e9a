"""The Prometheus source against the real Prometheus, which scrapes an exposition with cAdvisor's own times."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.auto import AutoSource
from modelprofiler.metrics.bounded import read_login, read_token
from modelprofiler.metrics.kubelet import KubeletSource
from modelprofiler.metrics.prometheus import PrometheusSource
from modelprofiler.metrics.series import ContainerSamples
from modelprofiler.metrics.source import ContainerRef

from .conftest import REF, Kubelet, StartPrometheus

pytestmark = pytest.mark.timeout(90)

BOUND = 30.0


def scrape_config(kubelet: Kubelet, jobs: int = 1) -> str:
    """Return a configuration that scrapes the exposition twice a second, from a number of jobs."""
    entries = "".join(
        f"""
- job_name: cadvisor-{n}
  metrics_path: /metrics/cadvisor
  authorization: {{credentials: {kubelet.token}}}
  static_configs: [{{targets: ['{kubelet.url.removeprefix("http://")}']}}]"""
        for n in range(jobs)
    )
    return f"global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\nscrape_configs:{entries}\n"


async def until_sampled(source: PrometheusSource, count: int) -> ContainerSamples:
    """Return the container's samples once there are enough of its CPU."""
    for _ in range(int(BOUND / 0.3)):
        samples = await source.samples(REF, time.time() - 60, time.time())
        if len(samples.cpu_seconds) >= count:
            return samples
        await asyncio.sleep(0.3)
    pytest.fail(f"Prometheus did not have {count} samples after {BOUND:.0f} s")


Connect = Callable[..., PrometheusSource]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Return a function that makes a source; all are closed at the end, however the test ends."""
    sources: list[PrometheusSource] = []

    def make(url: str, **options: Any) -> PrometheusSource:
        sources.append(PrometheusSource(url, **options))
        return sources[-1]

    yield make
    for source in sources:
        await source.close()


async def test_samples_keep_cadvisors_own_times_and_appear_once(
    kubelet: Kubelet, start_prometheus: StartPrometheus, connect: Connect
) -> None:
    """Scraped twice a second, sampled three times: three samples, each at its own millisecond. All series come."""
    stamps = []
    with start_prometheus(scrape_config(kubelet), "") as url:
        source = connect(url)
        for n in range(3):
            kubelet.stamp, kubelet.cpu = time.time() - 0.5, 10.0 + n
            stamps.append(round(kubelet.stamp, 3))
            samples = await until_sampled(source, n + 1)
            await asyncio.sleep(0.7)  # another scrape of the same sample
        samples = await source.samples(REF, stamps[0], time.time())
        assert [(stamp, 10.0 + n) for n, stamp in enumerate(stamps)] == [tuple(s) for s in samples.cpu_seconds]
        newest = {
            "working_set_bytes": 1.96083712e8,
            "max_usage_bytes": 2.6e8,
            "rss_bytes": 1.5e8,
            "cache_bytes": 2e7,
            "cfs_periods": 100.0,
            "cfs_throttled_periods": 7.0,
            "threads": 9.0,
            "oom_events": 0.0,
            "start_time": 1.7e9,
        }
        assert newest == {name: getattr(samples, name)[-1].value for name in newest}
        assert ((), "Prometheus") == (samples.restarts, samples.source)
        part = await source.samples(REF, stamps[1] - 0.002, stamps[1] + 0.002)
        assert [11.0] == [s.value for s in part.cpu_seconds]
        unknown = ContainerRef("team", "digits-2", "server")
        assert not await source.samples(unknown, time.time() - 60, time.time())


async def test_two_scrapers_of_the_same_kubelet_give_each_sample_once(
    kubelet: Kubelet, start_prometheus: StartPrometheus, connect: Connect
) -> None:
    """Their labels differ, so Prometheus has every series twice."""
    with start_prometheus(scrape_config(kubelet, jobs=2), "") as url:
        source = connect(url)
        samples = await until_sampled(source, 1)
        await asyncio.sleep(1)
        samples = await source.samples(REF, time.time() - 60, time.time())
        assert [10.0] == [s.value for s in samples.cpu_seconds]
        assert () == samples.restarts


async def test_auto_reads_the_kubelet_until_prometheus_has_two_samples(
    kubelet: Kubelet, start_prometheus: StartPrometheus, tmp_path: Path
) -> None:
    """Both are real; the samples say which one is read, and why."""
    (tmp_path / "token").write_text(kubelet.token)

    async def address(_node: str) -> str:
        return kubelet.url

    with start_prometheus(scrape_config(kubelet), "") as url:
        prometheus = PrometheusSource(url)
        auto = AutoSource(prometheus, KubeletSource(address, token=read_token(tmp_path / "token")))
        first = await auto.samples(REF, time.time() - 60, time.time())
        assert "Kubelet" == first.source
        assert [10.0] == [s.value for s in first.cpu_seconds]
        await until_sampled(prometheus, 1)
        kubelet.stamp, kubelet.cpu = kubelet.stamp + 3, 11.0
        await until_sampled(prometheus, 2)
        later = await auto.samples(REF, time.time() - 60, time.time())
        assert ("Prometheus", [10.0, 11.0]) == (later.source, [s.value for s in later.cpu_seconds])
        assert later.remark.startswith("Prometheus has a sample of container server of pod team/digits-1 every")
        await auto.close()


# "secret", as Prometheus' web settings want it: bcrypt of cost 4
BASIC_AUTH = "basic_auth_users: {reader: '$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW'}\n"


async def test_logging_in_with_a_password_works_and_without_it_is_a_sentence(
    kubelet: Kubelet, start_prometheus: StartPrometheus, connect: Connect, tmp_path: Path
) -> None:
    """Prometheus' own basic authentication."""
    (tmp_path / "username").write_text("reader\n")
    (tmp_path / "password").write_text("secret\n")
    with start_prometheus(scrape_config(kubelet), BASIC_AUTH) as url:
        let_in = connect(url, basic_auth=read_login(tmp_path / "username", tmp_path / "password"))
        assert not await let_in.samples(ContainerRef("a", "b", "c"), time.time() - 60, time.time())
        kept_out = connect(url)
        with pytest.raises(MetricsUnavailable, match=r"refused the query: HTTP 401"):
            await kept_out.samples(REF, time.time() - 60, time.time())


async def test_nobody_listening_is_a_sentence_and_comes_at_once(connect: Connect) -> None:
    """Nothing is tried again: the caller decides when."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        source = connect(url, timeout=5)
        begun = time.monotonic()
        with pytest.raises(MetricsUnavailable, match=f"Prometheus at {url} cannot be reached"):
            await source.samples(REF, 0, 60)
        assert time.monotonic() - begun < 3


async def test_a_server_that_never_answers_is_a_sentence_within_the_timeout(silent_url: str, connect: Connect) -> None:
    """It takes the connection and stays silent."""
    source = connect(silent_url, timeout=0.5)
    with pytest.raises(MetricsUnavailable, match=r"did not answer within 0\.5 s"):
        await source.samples(REF, 0, 60)


async def test_something_else_that_answers_is_not_prometheus(kubelet: Kubelet, connect: Connect) -> None:
    """The address of the kubelet, by mistake."""
    source = connect(kubelet.url)
    with pytest.raises(MetricsUnavailable, match=r"refused the query: HTTP 404"):
        await source.samples(REF, 0, 60)


async def test_a_token_is_read_anew_for_every_query(kubelet: Kubelet, tmp_path: Path, connect: Connect) -> None:
    """Tokens of service accounts are renewed in place. What comes without a result is not taken for an answer."""
    token = tmp_path / "token"
    tokens: list[str | None] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        tokens.append(next((line for line in head.split("\r\n") if line.startswith("Authorization")), None))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        source = connect("http://{}:{}".format(*server.sockets[0].getsockname()[:2]), token=read_token(token))
        for text in ("one\n", "two\n"):
            token.write_text(text)
            with pytest.raises(MetricsUnavailable, match="is not Prometheus"):
                await source.samples(REF, 0, 60)
        assert ["Authorization: Bearer one", "Authorization: Bearer two"] == tokens
        token.unlink()
        with pytest.raises(MetricsUnavailable, match="token"):
            await source.samples(REF, 0, 60)
