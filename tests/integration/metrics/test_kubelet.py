"""The kubelet source against a real HTTP server that hands out what a kubelet does."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.bounded import read_token
from modelprofiler.metrics.kubelet import SAMPLE_SECONDS, SCRAPE_SECONDS, KubeletSource
from modelprofiler.metrics.source import ContainerRef

from .conftest import REF, Kubelet


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


def source_of(kubelet: Kubelet, tmp_path: Path, clock: Clock, timeout: float = 10.0) -> KubeletSource:
    """Return a source that asks `kubelet` for node1, logged in."""
    (tmp_path / "token").write_text(kubelet.token + "\n")

    async def address(node: str) -> str:
        assert "node1" == node
        return kubelet.url

    return KubeletSource(address, token=read_token(tmp_path / "token"), timeout=timeout, clock=clock)


@pytest.fixture
async def source(kubelet: Kubelet, tmp_path: Path, clock: Clock) -> AsyncIterator[KubeletSource]:
    """Return a source that asks `kubelet` for node1; closed at the end, however the test ends."""
    source = source_of(kubelet, tmp_path, clock)
    yield source
    await source.close()


async def test_samples_are_collected_by_being_asked_and_each_is_kept_once(
    kubelet: Kubelet, clock: Clock, source: KubeletSource
) -> None:
    """The kubelet only ever has the latest; asked again before cAdvisor came by, it has nothing new."""
    start = clock.now
    for stamp, cpu in [(start - 3.25, 10.0), (start - 3.25, 10.0), (start + 11.5, 16.0), (start + 11.5, 16.0)]:
        kubelet.stamp, kubelet.cpu = stamp, cpu
        clock.now += SAMPLE_SECONDS
        samples = await source.samples(REF, start - 60, clock.now)
    assert [(start - 3.25, 10.0), (start + 11.5, 16.0)] == [(s.time, s.value) for s in samples.cpu_seconds]
    assert [1.96083712e8] * 2 == [s.value for s in samples.working_set_bytes]
    assert [7.0] * 2 == [s.value for s in samples.cfs_throttled_periods]
    assert [9.0] * 2 == [s.value for s in samples.threads]
    assert [0.0] * 2 == [s.value for s in samples.oom_events]
    assert [1.7e9] == [s.value for s in samples.start_time]
    assert ("Kubelet", ()) == (samples.source, samples.restarts)


async def test_the_kubelet_is_asked_at_most_every_four_seconds(
    kubelet: Kubelet, clock: Clock, source: KubeletSource
) -> None:
    """However often samples are wanted, and however many want them at once."""
    await asyncio.gather(*(source.samples(REF, 0, clock.now) for _ in range(5)))
    clock.now += SCRAPE_SECONDS - 0.1
    await source.samples(REF, 0, clock.now)
    assert 1 == len(kubelet.requests)
    clock.now += 0.2
    await source.samples(REF, 0, clock.now)
    assert 2 == len(kubelet.requests)
    assert "identity" == kubelet.requests[0].headers["Accept-Encoding"]  # compressing costs the measured node


async def test_the_kubelet_is_not_asked_while_the_next_sample_cannot_be_there(
    kubelet: Kubelet, clock: Clock, source: KubeletSource
) -> None:
    """A scrape costs CPU on the node that is measured."""
    kubelet.stamp = clock.now - 1
    await source.samples(REF, 0, clock.now)
    clock.now += SCRAPE_SECONDS + 1
    await source.samples(REF, 0, clock.now)
    assert 1 == len(kubelet.requests)
    clock.now += SAMPLE_SECONDS - SCRAPE_SECONDS
    await source.samples(REF, 0, clock.now)
    assert 2 == len(kubelet.requests)


async def test_a_container_that_is_not_there_has_no_samples(clock: Clock, source: KubeletSource) -> None:
    """Not started yet, or gone: empty, no error; a pod of the same name but another uid is not it."""
    for ref in (
        ContainerRef("team", "digits-1", "sidecar", node="node1"),
        ContainerRef("team", "digits-1", "server", pod_uid="99999999-1111-2222-3333-444455556666", node="node1"),
    ):
        assert not await source.samples(ref, 0, clock.now + 10)


async def test_what_was_seen_outlives_the_container(kubelet: Kubelet, clock: Clock, source: KubeletSource) -> None:
    """It was deleted; its last samples still count."""
    kubelet.stamp = clock.now
    await source.samples(REF, 0, clock.now)
    clock.now += 10
    kubelet.text = lambda other_pods=30: "# nothing runs here\n"  # type: ignore[method-assign]
    assert [10.0] == [s.value for s in (await source.samples(REF, 0, clock.now)).cpu_seconds]


async def test_a_missing_permission_is_named(kubelet: Kubelet, clock: Clock, source: KubeletSource) -> None:
    """What to grant is in the sentence."""
    kubelet.token = "another"
    with pytest.raises(MetricsUnavailable, match=r"node1 refused access \(HTTP 401\).*get nodes/metrics"):
        await source.samples(REF, 0, clock.now)


async def test_an_error_of_the_kubelet_is_a_sentence(kubelet: Kubelet, clock: Clock, source: KubeletSource) -> None:
    """The next question asks again at once."""
    kubelet.status = 503
    with pytest.raises(MetricsUnavailable, match="kubelet of node node1 answered HTTP 503"):
        await source.samples(REF, 0, clock.now)
    kubelet.status = 200
    assert await source.samples(REF, 0, time.time() + 60)


async def test_nobody_listening_is_a_sentence(kubelet: Kubelet, clock: Clock, source: KubeletSource) -> None:
    """The node is gone, or a firewall is there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        kubelet.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(MetricsUnavailable, match="kubelet of node node1 cannot be read"):
            await source.samples(REF, 0, clock.now)


async def test_a_kubelet_that_never_answers_is_a_sentence_within_the_timeout(
    kubelet: Kubelet, silent_url: str, clock: Clock, tmp_path: Path
) -> None:
    """It takes the connection and stays silent."""
    kubelet.url = silent_url
    source = source_of(kubelet, tmp_path, clock, timeout=0.5)
    with pytest.raises(MetricsUnavailable, match=r"did not answer within 0\.5 s"):
        await source.samples(REF, 0, clock.now)
    await source.close()


async def test_a_missing_token_file_is_a_sentence(clock: Clock, tmp_path: Path, source: KubeletSource) -> None:
    """The service account's token is not mounted."""
    (tmp_path / "token").unlink()
    with pytest.raises(MetricsUnavailable, match="token"):
        await source.samples(REF, 0, clock.now)
