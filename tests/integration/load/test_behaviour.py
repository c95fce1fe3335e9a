"""Loads against real servers, each of a different behaviour, over the loopback interface.

Whether the generator itself was late depends on what else this machine does, so what is asserted is what was counted.
"""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from modelprofiler.api.trial import FailureCounts, LoadStatus
from modelprofiler.core.evidence import ResultKind
from modelprofiler.load.result import LoadResult

MakeLoad = Callable[..., LoadResult]

OPEN = {"openLoop": {"rate": "200"}}
CONSTANT = {"openLoop": {"rate": "200", "arrival": "Constant"}}
CLOSED = {"closedLoop": {"concurrency": 4}}


def measured(result: LoadResult) -> LoadStatus:
    """Return the numbers of a load that was made."""
    assert result.kind in {ResultKind.COMPLETED, ResultKind.SATURATED}, result.message
    assert result.status is not None
    return result.status


@pytest.mark.parametrize("kind", [OPEN, CLOSED], ids=["open", "closed"])
@pytest.mark.parametrize("behaviour", ["keep_alive", "close", "until_close", "chunked", "informational", "split"])
def test_every_manner_of_answering_counts_as_an_answer(load: MakeLoad, behaviour: str, kind: dict[str, object]) -> None:
    """Keep-alive, a connection a response, HTTP/1.0 without a length, chunks, 1xx first, a few bytes at a time."""
    result = load(behaviour, kind, bounds={"duration": 0.4})
    status = measured(result)
    assert 0 == status.failures
    assert status.requests == result.histogram.n > 20
    assert 3 == status.rows_covered


def test_the_window_has_the_requests_that_were_due_in_it_at_the_rate_asked_for(load: MakeLoad) -> None:
    """200 requests/s at constant gaps for half a second; the rate is the one completed."""
    status = measured(load("keep_alive", CONSTANT))
    assert 100 == pytest.approx(status.requests, abs=5)
    assert 200 == pytest.approx(float(status.rate), rel=0.2)
    assert status.latency.p95 is not None
    assert status.latency.p99 is None
    assert status.latency_low.p95 is not None
    assert status.latency_low.p95 <= status.latency.p95


def test_the_reference_loop_ran_before_and_after_the_load(load: MakeLoad) -> None:
    """On the machine of the generator; the two differ by less than two machines do."""
    result = load("keep_alive", CONSTANT)
    assert result.loop_before is not None
    assert result.loop_after is not None
    assert 0.1 < result.loop_before / result.loop_after < 10


def test_responses_over_time_cover_warm_up_window_and_drain(load: MakeLoad) -> None:
    """What came in the window is about the window's requests, and all of it is there."""
    result = load("keep_alive", CONSTANT)
    assert result.window_started is not None
    assert result.window_ended is not None
    status = measured(result)
    assert status.requests == pytest.approx(
        result.completed_between(result.window_started, result.window_ended), rel=0.15
    )
    assert result.completed_between(0, 9e9) >= status.requests + 15


def test_latency_counts_from_the_intended_send_time_so_that_a_stall_shows(load: MakeLoad) -> None:
    """A server that answers nothing for 100 ms of every second: a tenth of the requests wait, 50 ms on average.

    The 95th percentile of what a constant rate sees is then 50 ms: half of the waiting ones wait longer. A closed loop
    of one client, which waits along, would send one of hundreds into the stall.
    """
    status = measured(load("stall", CONSTANT, bounds={"duration": 2.0}))
    assert status.latency.p95 is not None
    assert status.latency.p50 is not None
    assert 0.050 == pytest.approx(status.latency.p95.seconds, abs=0.025)
    assert status.latency.p50.seconds < 0.05


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [("fail_tenth", "status"), ("garbage", "protocol"), ("reset", "reset"), ("never", "timeout")],
)
def test_failures_are_counted_by_kind(load: MakeLoad, behaviour: str, kind: str) -> None:
    """A status that is not expected, not HTTP, a reset, no answer in time."""
    status = measured(load(behaviour, OPEN, endpoint={"timeout": "300ms"}, bounds={"duration": 0.8}))
    assert isinstance(status.failures_by_kind, FailureCounts)
    assert getattr(status.failures_by_kind, kind) > 10
    assert status.failures == status.failures_by_kind.total


def test_a_server_that_ends_meanwhile_refuses_the_rest(load: MakeLoad, mortal_server: int) -> None:
    """The load goes on, in case the server comes back."""
    status = measured(load("die", OPEN, port=mortal_server))
    assert status.failures_by_kind is not None
    assert status.failures_by_kind.refused > 10


def test_a_truncated_answer_is_a_reset_not_an_answer(load: MakeLoad) -> None:
    """Its head promised more than came."""
    result = load("truncated", OPEN)
    assert (ResultKind.SMOKE_FAILED, "reset") == (result.kind, result.failure)


def test_requests_over_the_timeout_are_latencies_too(load: MakeLoad) -> None:
    """Leaving them out would flatter the server."""
    status = measured(load("never", OPEN, endpoint={"timeout": "300ms"}, bounds={"duration": 0.8}))
    assert status.latency.p50 is not None
    assert 0.3 <= status.latency.p50.seconds < 0.6


def test_an_idle_connection_that_the_server_closes_meanwhile_costs_no_failure(load: MakeLoad) -> None:
    """The request is sent once more, on another connection, as long as no byte of an answer came."""
    status = measured(load("race", CLOSED))
    assert 0 == status.failures
    assert status.requests > 20


def test_requests_in_flight_are_bounded_and_those_beyond_count_as_dropped(load: MakeLoad) -> None:
    """Against a server that never answers again."""
    status = measured(load("never", OPEN, max_in_flight=8, endpoint={"timeout": "1s"}))
    assert status.failures_by_kind is not None
    assert status.failures_by_kind.dropped > 0  # how many arrive in the window depends on the machine


def test_a_row_of_ten_mebibytes_arrives_whole(load: MakeLoad) -> None:
    """Bodies are limited by memory alone."""
    rows = b"x" * 10 * 2**20 + b"\nsmall\n"
    result = load("keep_alive", {"closedLoop": {"concurrency": 1}}, rows=rows, bounds={"warmup_requests": 2})
    assert 0 == measured(result).failures
    assert 2 == measured(result).rows_covered


def test_a_row_that_the_server_reads_slowly_arrives_whole(load: MakeLoad) -> None:
    """What does not fit into the socket waits, and nothing that was sent meanwhile is mixed up with it."""
    rows = b"x" * 2**22 + b"\nsmall\n"
    kind = {"closedLoop": {"concurrency": 2}}
    status = measured(load("sip", kind, rows=rows, bounds={"warmup_requests": 2, "duration": 1.5}))
    assert 0 == status.failures
    assert 2 == status.rows_covered


def test_a_port_on_which_nothing_listens_is_named(load: MakeLoad) -> None:
    """After the time it may take a server to start listening."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        result = load("keep_alive", OPEN, port=port, connect_timeout=0.3)
    assert ResultKind.CONNECT_FAILED is result.kind
    assert f"nothing listens on port {port}: Connection refused for 0.3 s" == result.message
    assert result.status is None


def test_a_stream_that_fails_late_is_no_answer(load: MakeLoad) -> None:
    """Its error comes after all that is kept of its beginning; vllm-project/guidellm#743."""
    status = measured(load("long_stream", {"openLoop": {"rate": "40"}}, bounds={"duration": 1.0}))
    shares = {kind.error: kind.answers for kind in status.answers}
    assert 0.5 < shares[True] / sum(shares.values()) < 0.95


def test_a_first_answer_that_is_not_expected_is_shown(load: MakeLoad) -> None:
    """No trial is spent on a wrong content type."""
    result = load("fail", OPEN, endpoint={"timeout": "300ms"})
    assert (ResultKind.SMOKE_FAILED, "status", 500) == (result.kind, result.failure, result.status_code)
    assert result.message.startswith(
        "the first request was answered with status 500: ValueError: could not convert string to float; it was sent "
    )


def test_expected_statuses_are_those_of_the_endpoint(load: MakeLoad) -> None:
    """A 500 may be what is asked for."""
    endpoint = {"expect": {"status": [500]}}
    assert 0 == measured(load("fail", OPEN, endpoint=endpoint, bounds={"duration": 0.3})).failures


def test_a_first_request_without_an_answer_is_distinguished(load: MakeLoad) -> None:
    """The operator may take it for a slow server."""
    result = load("mute", OPEN, endpoint={"timeout": "300ms"})
    assert (ResultKind.SMOKE_FAILED, "timeout", None) == (result.kind, result.failure, result.status_code)
    assert result.message.startswith("the first request was not answered within 0.3")


def test_the_load_waits_until_a_single_request_is_as_fast_as_in_the_reference(load: MakeLoad) -> None:
    """Behind the queue of an earlier load the first ten requests take 200 to 20 ms."""
    status = measured(load("backlog", OPEN, probe_latency=0.005, bounds={"duration": 0.3}))
    assert status.probe is not None
    assert status.probe.seconds < 0.1


def test_an_overloaded_server_ends_the_window_early(load: MakeLoad) -> None:
    """200 requests/s to a server that can answer 50: it only falls ever further behind."""
    status = measured(load("slow", OPEN, bounds={"duration": 3.0, "sub_window": 0.1}, endpoint={"timeout": "2s"}))
    assert "Overload" == status.stopped_early
    assert status.duration.seconds < 2.5
    assert float(status.rate) < 70


@pytest.mark.parametrize("decide", [False, True], ids=["measures", "decides"])
def test_the_warm_up_waits_for_a_server_that_cannot_take_the_rate_yet_where_the_load_measures(
    load: MakeLoad, decide: bool
) -> None:
    """It compiles for three seconds: longer than a warm-up of one and a half, and then it keeps up.

    A load that only decides whether a size passes does not wait: the server was measured before, and is warm.
    """
    bounds = {"warmup": 1.5, "max_warmup": 6.0, "sub_window": 0.1}
    result = load("compiling", OPEN, bounds=bounds, stop={"decide": decide})
    assert result.warmup_started is not None
    assert result.window_started is not None
    assert decide is (result.window_started - result.warmup_started < 2.5)
    if not decide:
        assert measured(result).stopped_early is None
        assert 0 == measured(result).failures


def test_a_certain_verdict_ends_the_window_early(load: MakeLoad) -> None:
    """A threshold that is far away needs no more than ten sub-windows."""
    stop = {"decide": True, "thresholds": {"p95": 60.0}, "max_error_percent": 5}
    status = measured(load("keep_alive", OPEN, bounds={"duration": 3.0, "sub_window": 0.1}, stop=stop))
    assert "Certain" == status.stopped_early
    assert 1.0 <= status.duration.seconds < 2.5


def test_a_window_ends_once_too_many_were_too_slow_for_all_of_it(load: MakeLoad) -> None:
    """60 requests/s to a server that answers 50: its queue grows slowly, and soon all wait too long."""
    stop = {"decide": True, "thresholds": {"p95": 0.1}}
    kind = {"openLoop": {"rate": "60", "arrival": "Constant"}}
    status = measured(load("slow", kind, bounds={"duration": 5.0, "sub_window": 0.1}, stop=stop))
    assert "Certain" == status.stopped_early
    assert status.duration.seconds < 4
    assert status.latency.p95 is not None
    assert status.latency.p95.seconds > 0.1


def test_a_window_with_too_few_requests_for_the_percentile_is_extended(load: MakeLoad) -> None:
    """p95 needs 59 requests: half a second at 60/s becomes about a second."""
    kind = {"openLoop": {"rate": "60", "arrival": "Constant"}}
    status = measured(load("keep_alive", kind, required_percentiles=["p95"]))
    assert status.requests >= 59
    assert 0.9 <= status.duration.seconds <= 1.2
    assert status.latency.p95 is not None


def test_the_extension_is_bounded_by_four_times_the_window(load: MakeLoad) -> None:
    """p99.9 would need 2,995 requests; it is not given then."""
    kind = {"openLoop": {"rate": "60"}}
    status = measured(load("keep_alive", kind, bounds={"duration": 0.3}, required_percentiles=["p999"]))
    assert 1.2 == pytest.approx(status.duration.seconds)
    assert status.latency.p999 is None


def test_every_row_is_sent_once_where_the_bounds_allow(load: MakeLoad) -> None:
    """150 rows at 200/s: half a second is extended until all were sent."""
    rows = b"".join(b"%d\n" % i for i in range(150))
    covered = [
        measured(load("keep_alive", CONSTANT, bounds={"duration": 0.3}, rows=rows, cover_rows=cover)).rows_covered
        for cover in (False, True)
    ]
    assert covered[0] < 150 == covered[1]


@pytest.mark.parametrize("verified", [True, False])
def test_https_works_with_a_private_ca_and_unverified_without_one(
    load: MakeLoad, tls_server: int, certificate: Path, verified: bool
) -> None:
    """As a kubelet's probe does, an endpoint is not verified unless the profile says against what."""
    tls = {"tls": {"caBundle": Path(f"{certificate}.crt").read_text()}} if verified else {}
    result = load("keep_alive", OPEN, port=tls_server, endpoint={"scheme": "HTTPS", **tls})
    assert 0 == measured(result).failures


def test_a_server_that_does_not_chain_to_the_ca_fails_the_first_request(
    load: MakeLoad, tls_server: int, other_certificate: Path
) -> None:
    """The message gives the reason."""
    tls = {"caBundle": Path(f"{other_certificate}.crt").read_text()}
    result = load("keep_alive", OPEN, port=tls_server, endpoint={"scheme": "HTTPS", "tls": tls})
    assert (ResultKind.SMOKE_FAILED, "protocol") == (result.kind, result.failure)
    assert "certificate verify failed" in result.message


@pytest.mark.parametrize(("name", "works"), [("digits.example", True), ("other.example", False)])
def test_a_certificate_has_the_name_that_is_asked_for_whatever_the_address(
    load: MakeLoad, tls_server: int, certificate: Path, name: str, works: bool
) -> None:
    """In a cluster requests go to an address that no certificate names."""
    tls = {"caBundle": Path(f"{certificate}.crt").read_text(), "serverName": name}
    result = load(
        "keep_alive", OPEN, port=tls_server, endpoint={"scheme": "HTTPS", "tls": tls}, bounds={"duration": 0.3}
    )
    if works:
        assert 0 == measured(result).failures
    else:
        assert ResultKind.SMOKE_FAILED is result.kind
        assert "other.example" in result.message
