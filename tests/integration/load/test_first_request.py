"""The first request: how often it is sent, how long it may take, and the message when it fails."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from modelprofiler.api.trial import LoadStatus
from modelprofiler.core.evidence import ResultKind
from modelprofiler.load.before import first_request
from modelprofiler.load.result import LoadResult

MakeLoad = Callable[..., LoadResult]
OPEN: dict[str, Any] = {"openLoop": {"rate": "100"}}
SHORT: dict[str, Any] = {"bounds": {"duration": 0.3}}


def measured(result: LoadResult) -> LoadStatus:
    """Return the window of a load, also where the machine was too busy to send punctually."""
    assert result.status is not None, result.message
    return result.status


@pytest.mark.parametrize(
    "behaviour",
    [
        "length_twice",
        "length_list",
        "length_twice_after_100",
        "length_twice_in_pieces",
        "length_and_chunks",
        "chunks_and_length",
        "line_feeds",
        "folded",
        "space_before_colon",
        "no_reason",
    ],
)
def test_what_a_client_may_accept_is_accepted(load: MakeLoad, behaviour: str) -> None:
    """As by browsers, curl and other load generators (RFC 9112)."""
    status = measured(load(behaviour, OPEN, **SHORT))
    assert 0 == status.failures
    assert status.requests > 10


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ("lengths_differ", "was answered with different values of Content-Length: 2, 3"),
        ("http2", "was answered in HTTP/2 (gRPC?): only HTTP/1.1 endpoints can be profiled"),
        ("goaway", "was answered in HTTP/2 (gRPC?): only HTTP/1.1 endpoints can be profiled"),
        ("tls_alert", "the port speaks HTTPS; set endpoint.http.scheme to HTTPS"),
        ("ssh", "was answered with something that is not HTTP/1.1: 'SSH-2.0-OpenSSH_9.2"),
    ],
)
def test_what_is_no_http_is_named(load: MakeLoad, behaviour: str, sentence: str) -> None:
    """The parser alone only says that it expected something else."""
    result = load(behaviour, OPEN)
    assert (ResultKind.SMOKE_FAILED, "protocol") == (result.kind, result.failure)
    assert sentence in result.message


def test_plain_http_on_a_port_that_should_speak_tls_is_named(load: MakeLoad) -> None:
    """OpenSSL calls it a wrong version number."""
    result = load("keep_alive", OPEN, endpoint={"scheme": "HTTPS"}, first_request_timeout=2)
    assert ResultKind.SMOKE_FAILED is result.kind
    assert result.message


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (
            "moved",
            "with status 307 to http://127.0.0.1/moved/: redirects are not followed; set endpoint.http.path to /moved/",
        ),
        ("login", "with status 302 to https://login.example/?next=1&token=…: redirects are not followed; name the "),
    ],
)
def test_a_redirect_is_named_with_its_target_and_what_to_do(load: MakeLoad, behaviour: str, sentence: str) -> None:
    """The message does not contain what may be a credential."""
    assert sentence in load(behaviour, OPEN).message


@pytest.mark.parametrize("tls", [False, True], ids=["HTTP", "HTTPS"])
def test_an_answer_that_came_before_the_body_was_sent_is_read(
    load: MakeLoad, server: int, tls_server: int, tls: bool
) -> None:
    """The server closes with most of the body unread, so that sending fails; the answer says why."""
    endpoint = {"scheme": "HTTPS"} if tls else {}
    for _ in range(5):
        result = load(
            "too_large", OPEN, port=tls_server if tls else server, rows=b"x" * 2**22 + b"\n", endpoint=endpoint
        )
        assert "the first request was answered with status 413: body is too large" == result.message


@pytest.mark.parametrize(
    ("behaviour", "tries"), [("loading", 4), ("loading_400", 2), ("loading_200", 4), ("closes_first", 3)]
)
def test_a_server_that_is_not_there_yet_is_asked_again(load: MakeLoad, behaviour: str, tries: int) -> None:
    """Its model is not loaded, which says nothing about its size."""
    first = measured(load(behaviour, OPEN, **SHORT)).first_request
    assert first is not None
    assert tries == first.tries
    assert first.refusal


def test_what_says_for_ever_that_it_is_loading_is_measured_and_doubted(load: MakeLoad) -> None:
    """It may be what the model answers; who knows that it is says so, and it is not asked again."""
    again = measured(load("always_loading_200", OPEN, refusal_timeout=0.3, **SHORT))
    assert again.first_request is not None
    assert again.first_request.tries > 1
    assert 'was answered with status 200: {"status": "loading"}' == again.first_request.refusal
    assert ["Pending"] == [kind.lack for kind in again.answers]
    once = measured(load("always_loading_200", OPEN, endpoint={"expect": {"errorBodies": "Accept"}}, **SHORT))
    assert once.first_request is not None
    assert 1 == once.first_request.tries


def test_a_server_that_stays_away_is_given_up_after_its_time(load: MakeLoad) -> None:
    """The message says how often it was asked."""
    result = load("never_loaded", OPEN, endpoint={"timeout": "500ms"})
    assert (ResultKind.SMOKE_FAILED, 503) == (result.kind, result.status_code)
    assert re.search(r"status 503: no capacity; it was sent \d+ times in 0\.", result.message)
    assert "its readiness probe should wait for the model" in result.message


def test_a_first_request_has_a_patience_of_its_own(load: MakeLoad) -> None:
    """A model that is loaded by it takes longer than a request may take in the load."""
    timeout = {"timeout": "300ms"}
    status = measured(load("lazy", OPEN, endpoint=timeout, first_request_timeout=5, **SHORT))
    assert status.first_request is not None
    assert 0.7 <= status.first_request.duration.seconds < 3
    assert 0 == status.failures
    assert "was not answered within 0.3" in load("lazy", OPEN, endpoint=timeout, **SHORT).message


def test_a_server_that_only_refuses_is_given_up_sooner_than_one_that_loads(load: MakeLoad) -> None:
    """It says that it is ready, and nothing of a model that it loads; the message says how to give it more time."""
    begun = time.monotonic()
    result = load("never_loaded", OPEN, first_request_timeout=60, refusal_timeout=0.5)
    assert time.monotonic() - begun < 30
    assert re.search(r"status 503: no capacity; it was sent \d+ times in 0\.", result.message)
    assert result.message.endswith("or objectives.maxFirstRequest allow it more time")
    loads = measured(load("loading", OPEN, first_request_timeout=60, refusal_timeout=0.2, **SHORT)).first_request
    assert loads is not None
    assert 4 == loads.tries


def test_a_server_that_fails_to_compute_is_no_server_that_loads(
    load: MakeLoad, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for as long, and no probe would help."""
    monkeypatch.setattr(first_request, "UNLIKELY_SECONDS", 0.3)
    result = load("never_predicts", OPEN, first_request_timeout=60)
    assert "times in 0." in result.message
    assert result.message.endswith("; the server fails to compute an answer to this row")


def test_the_log_says_what_it_waits_for(load: MakeLoad, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first request that is not answered may load a model, or hang."""
    monkeypatch.setattr(first_request, "NOTICE", 0.2)
    lines: list[str] = []
    status = measured(
        load("lazy", OPEN, endpoint={"timeout": "300ms"}, first_request_timeout=5, say=lines.append, **SHORT)
    )
    assert status.first_request is not None
    assert "the first request is not answered after 0 s; it may take up to 5 s, since it may load the model" in lines
