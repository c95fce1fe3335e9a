"""How a connection that could not be opened is counted, and said."""

import errno
import ssl

import pytest

from modelprofiler.load.before.answer import Answer
from modelprofiler.load.http.client import Client, failure_of
from modelprofiler.load.http.connection import Failure

PROSE = "a text that no code may depend on"


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (OSError(errno.ECONNREFUSED, PROSE), "refused"),
        (OSError(errno.EHOSTUNREACH, PROSE), "refused"),
        (OSError(errno.ECONNRESET, PROSE), "reset"),
        (OSError(errno.EPIPE, PROSE), "reset"),
        (OSError(errno.ETIMEDOUT, PROSE), "timeout"),
        (TimeoutError(), "timeout"),
        (ssl.SSLError(1, PROSE), "protocol"),
        (ssl.SSLCertVerificationError(1, PROSE), "protocol"),
    ],
    ids=repr,
)
def test_a_connection_that_could_not_be_opened_is_a_failure_by_its_type(error: OSError, failure: Failure) -> None:
    """Python chooses the type of an OSError by its errno."""
    assert failure == failure_of(error)


@pytest.mark.parametrize(
    ("number", "exhausted"),
    [(errno.EADDRNOTAVAIL, 1), (errno.EMFILE, 1), (errno.ENFILE, 1), (errno.ECONNREFUSED, 0), (errno.EHOSTUNREACH, 0)],
)
async def test_ports_are_exhausted_by_errno_and_not_by_what_the_message_says(number: int, exhausted: int) -> None:
    """The request that waited has failed in any case."""
    ended: list[str | None] = []
    client = Client(
        "127.0.0.1",
        1,
        [b""],
        timeout=1.0,
        expected=frozenset({200}),
        max_in_flight=1,
        done=lambda _intended, _now, failure, _index: ended.append(failure),
    )
    client.in_flight = 1
    client.waiting.append((0, 0.0))
    client._failed_to_open(OSError(number, PROSE))
    assert (exhausted, ["refused"], 0) == (client.ports_exhausted, ended, client.in_flight)


@pytest.mark.parametrize(
    ("failure", "error", "sentence"),
    [
        ("refused", OSError(errno.ECONNREFUSED, "x"), "was not sent: the connection was refused ([Errno 111] x)"),
        ("refused", OSError(errno.EMFILE, "x"), "was not sent: no connection could be opened ([Errno 24] x)"),
        ("reset", None, "was not answered: the server closed the connection"),
        ("timeout", None, "was not answered within 0.5 s"),
        ("timeout", TimeoutError(), "was not answered within 0.5 s"),
        ("protocol", ssl.SSLError(1, "x"), "was not sent: the TLS handshake failed (x)"),
        ("protocol", None, "was answered with something that is not HTTP"),
    ],
)
def test_a_first_request_that_failed_is_described_by_the_kind_of_its_error(
    failure: Failure, error: OSError | None, sentence: str
) -> None:
    """The system's own text is only quoted."""
    assert f"the first request {sentence}" == Answer(0.5, failure, None, "", error).sentence


@pytest.mark.parametrize(
    ("status", "location", "end"),
    [
        (
            307,
            "http://h/predict/",
            " to http://h/predict/: redirects are not followed; set endpoint.http.path to /predict/",
        ),
        (301, "/v1/predict", " to /v1/predict: redirects are not followed; set endpoint.http.path to /v1/predict"),
        (308, "https://h/predict", "; set endpoint.http.scheme to HTTPS, and endpoint.http.port to the port of HTTPS"),
        (302, "/login", "; name the endpoint that answers by itself, or add the headers that it asks for"),
        (302, "http://[", " to http://[: redirects are not followed"),
        (304, "", " and without a Location: a redirect is no answer of the model"),
    ],
)
def test_a_redirect_says_what_to_set(status: int, location: str, end: str) -> None:
    """Where it leads to the same route under another name."""
    sentence = Answer(0.5, "status", status, "", None, location=location, path="/predict").sentence
    assert sentence.startswith(f"the first request was answered with status {status}")
    assert sentence.endswith(end)


@pytest.mark.parametrize(
    ("status", "body", "end"),
    [
        (400, "Client sent an HTTP request to an HTTPS server.", "HTTPS: set endpoint.http.scheme to HTTPS"),
        (400, "<center>The plain HTTP request was sent to HTTPS port</center>", "set endpoint.http.scheme to HTTPS"),
        (400, "Bad Request\nThis combination of host and port requires TLS.", "set endpoint.http.scheme to HTTPS"),
        (400, '{"error": "no field x"}', 'status 400: {"error": "no field x"}'),
        (401, "", "check endpoint.http.headers: the server asks for a credential"),
        (404, '{"detail":"Not Found"}', "check endpoint.http.path"),
        (405, '{"detail":"Method Not Allowed"}', "check endpoint.http.method"),
        (415, "", "check endpoint.http.contentType"),
        (422, "", "status 422: (no body)"),
    ],
)
def test_a_refusal_names_the_field_that_it_is_about(status: int, body: str, end: str) -> None:
    """Where the status, or what a server of TLS says to plain HTTP, leaves no doubt."""
    assert Answer(0.5, "status", status, body, None).sentence.endswith(end)
