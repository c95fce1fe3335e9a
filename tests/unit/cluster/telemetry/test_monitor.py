"""The operator's HTTP server, asked over a real socket."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from modelprofiler.cluster.telemetry.metrics import Metrics, Snapshot
from modelprofiler.cluster.telemetry.monitor import Health, Monitor


class State:
    """Whether the operator reports that it is well."""

    health = Health()


@pytest.fixture(name="ports")
async def _ports() -> AsyncIterator[tuple[int, int]]:
    """Serve on two free ports."""
    State.health = Health()
    monitor = Monitor(lambda: State.health, Metrics(Snapshot).registry)
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = one.getsockname()[1], other.getsockname()[1]
    await monitor.start(*ports)
    yield ports
    await monitor.stop()


async def get(port: int, path: str) -> tuple[int, str]:
    """Return status and body of an answer."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()


async def test_an_operator_with_a_problem_is_not_alive(ports: tuple[int, int]) -> None:
    """The body says which."""
    assert 200 == (await get(ports[0], "/healthz"))[0]
    State.health = Health(["the task 'watch jobs' has ended"])
    status, body = await get(ports[0], "/healthz")
    assert (500, True) == (status, "the task 'watch jobs' has ended" in body)
    assert 503 == (await get(ports[0], "/readyz"))[0]


async def test_one_that_has_not_begun_yet_is_alive_but_not_ready(ports: tuple[int, int]) -> None:
    """The kubelet would otherwise restart it while it lists thousands of profiles."""
    State.health = Health(ready=False)
    assert [200, 503] == [(await get(ports[0], path))[0] for path in ("/healthz", "/readyz")]


async def test_metrics_have_a_port_of_their_own(ports: tuple[int, int]) -> None:
    """So that a NetworkPolicy can leave it to Prometheus."""
    status, body = await get(ports[1], "/metrics")
    assert (200, True) == (status, "modelprofiler_queue_length 0.0" in body)
    assert [404, 404] == [(await get(port, path))[0] for port, path in ((ports[0], "/metrics"), (ports[1], "/healthz"))]


async def test_other_pods_learn_that_the_operator_lives_and_no_more(ports: tuple[int, int]) -> None:
    """They reach it at the pod's address; details are reported to its own pod alone."""
    State.health = Health(["the task 'watch jobs' has ended"], details={"profile": "team/secret"})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # sends nothing: it only asks for the address of this machine
        except OSError:
            pytest.skip("this machine has no address but that of loopback")
        address = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no address but that of loopback")
    for path in ("/healthz", "/readyz"):
        async with aiohttp.ClientSession() as session, session.get(f"http://{address}:{ports[0]}{path}") as response:
            body = await response.text()
        assert ("team/secret" in body, "watch jobs" in body) == (False, False)
    assert "team/secret" in (await get(ports[0], "/healthz"))[1]
