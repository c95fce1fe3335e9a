"""Where kubelets are, and with what they are asked: with a token that may do nothing else, and is renewed."""

from __future__ import annotations

import pytest
from tests.unit.cluster.objects import node, now
from tests.unit.cluster.standin import StandIn

from modelprofiler.cluster.adapter import NODES, Kind
from modelprofiler.cluster.gather.kubelets import ADDRESS_SECONDS, RENEWAL_SECONDS, Kubelets
from modelprofiler.errors import MetricsUnavailable, Refused

ACCOUNT = "tools/mp-kubelet"


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


@pytest.fixture
def cluster() -> StandIn:
    """Return a cluster."""
    return StandIn(lambda: now(0))


def _at(cluster: StandIn, name: str, address: str) -> None:
    body = node(name)
    body["status"] |= {
        "addresses": [{"type": "Hostname", "address": "h"}, {"type": "InternalIP", "address": address}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10255}},
    }
    cluster.put(NODES, body)


def _refuse(verb: str, kind: Kind, name: str) -> None:
    raise Refused(f"{kind.plural} is forbidden", 403)


async def test_the_kubelet_is_reached_at_the_address_of_its_node(cluster: StandIn, clock: Clock) -> None:
    """IPv6 in brackets; the name of the node when it has no address."""
    _at(cluster, "a", "198.18.0.1")
    _at(cluster, "b", "fd00::1")
    cluster.put(NODES, {"metadata": {"name": "c"}})
    kubelets = Kubelets(cluster, ACCOUNT, clock)
    assert ["https://198.18.0.1:10255", "https://[fd00::1]:10255", "https://c:10250"] == [
        await kubelets.address(name) for name in "abc"
    ]


async def test_an_address_is_read_again_after_a_minute(cluster: StandIn, clock: Clock) -> None:
    """A node that is made anew has another one, and the old one may be anybody's."""
    kubelets = Kubelets(cluster, ACCOUNT, clock)
    _at(cluster, "a", "198.18.0.1")
    await kubelets.address("a")
    _at(cluster, "a", "198.18.0.2")
    assert "https://198.18.0.1:10255" == await kubelets.address("a")
    clock.now = ADDRESS_SECONDS
    assert "https://198.18.0.2:10255" == await kubelets.address("a")
    cluster.before = _refuse
    clock.now *= 2
    for _ in range(2):  # and an old address is not used when the new one cannot be read
        with pytest.raises(MetricsUnavailable, match="the address of node a cannot be read: nodes is forbidden"):
            await kubelets.address("a")


async def test_a_node_that_is_gone_has_no_metrics(cluster: StandIn, clock: Clock) -> None:
    """That is a fact about the metrics, and does not stop the run from being looked at."""
    with pytest.raises(MetricsUnavailable, match="address of node gone"):
        await Kubelets(cluster, ACCOUNT, clock).address("gone")


async def test_a_token_is_of_the_account_for_kubelets_and_renewed_before_it_ends(
    cluster: StandIn, clock: Clock
) -> None:
    """One request serves all scrapes of five minutes."""
    kubelets = Kubelets(cluster, ACCOUNT, clock)
    first = await kubelets.token()
    clock.now = RENEWAL_SECONDS - 1
    assert (True, first) == (first.startswith(f"{ACCOUNT}#"), await kubelets.token())
    clock.now += 1
    assert first != await kubelets.token()


async def test_without_an_account_no_token_is_sent(cluster: StandIn, clock: Clock) -> None:
    """Never the operator's own."""
    with pytest.raises(MetricsUnavailable, match=r"names no service account for the kubelets \(chart value kubelet"):
        await Kubelets(cluster, "", clock).token()


async def test_an_account_that_is_gone_is_named(cluster: StandIn, clock: Clock) -> None:
    """Or one for which the operator may request no token."""
    cluster.before = _refuse
    with pytest.raises(MetricsUnavailable, match="no token of account tools/mp-kubelet for the kubelets: serviceacc"):
        await Kubelets(cluster, ACCOUNT, clock).token()
