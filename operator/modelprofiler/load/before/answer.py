"""How a single request ended, and a sentence about it."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from modelprofiler.api.expectation import Expectation
from modelprofiler.core.answers.expected import Unmet, expected_text
from modelprofiler.core.answers.redact import shown
from modelprofiler.load.http.connection import Failure

BODY_CHARACTERS = 300
"""Characters of an unexpected answer that a message shows: its first lines, and short enough for a status column."""
LOCATION_CHARACTERS = 200
"""Characters of a Location that a message shows: a host name and a path."""

FIELDS = {
    401: "endpoint.http.headers: the server asks for a credential",
    404: "endpoint.http.path",
    405: "endpoint.http.method",
    406: "endpoint.http.headers: the server cannot answer in the type that Accept names",
    415: "endpoint.http.contentType",
}
"""Fields of the profile that a status is about, whatever the server."""
WANTS_TLS = re.compile(
    r"(?i)\bHTTP request\b.{0,40}\bHTTPS (?:server|port)\b|combination of host and port requires TLS"
)
"""What servers of TLS answer to a plain request: Go's, nginx and Tomcat."""
NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})
"""What OpenSSL calls bytes that are no TLS."""


CERTIFICATE_HINT = "; the server asks clients for a certificate: name a Secret in endpoint.http.tls.clientCertificate"


@dataclass(frozen=True, slots=True)
class Answer:
    """How one request ended.

    Attributes
    ----------
    latency
        Seconds from sending it to its end.
    failure
        How it failed; None when it was answered as expected.
    status
        Status code of the response; None without one.
    body
        Beginning of the response's body.
    error
        Why no connection could be opened for it, or was ended by an alert of TLS; None otherwise.
    location
        Where a redirect leads; empty where the response has no Location.
    objection
        What the response was instead of HTTP/1.1, as the end of a sentence.
    path
        The path that was asked for.
    unmet
        What of the expectation its content does not fulfil; None where it was not judged, or fulfils all.
    expect
        What was expected.
    """

    latency: float
    failure: Failure | None
    status: int | None
    body: str
    error: OSError | None
    location: str = ""
    objection: str = ""
    path: str = ""
    unmet: Unmet | None = None
    expect: Expectation = field(default_factory=Expectation)

    @property
    def sentence(self) -> str:
        """How it failed, as a sentence for users."""
        return f"the first request {self.end}"

    @property
    def end(self) -> str:
        """How it ended, as the end of a sentence whose subject is the request."""
        reason = f" ({self.error})" if str(self.error or "") else ""
        match self.failure, self.error:
            case "status", _ if self.status is not None and 300 <= self.status < 400:
                return f"was answered with status {self.status}{self._redirect()}"
            case "status" | None, _:
                body = shown(self.body, BODY_CHARACTERS) or "(no body)"
                return f"was answered with status {self.status}: {body}{self._hint()}"
            case "content", _:
                return self._content()
            case "timeout", _:
                return f"was not answered within {self.latency:.3g} s{reason}"
            case "reset", _:
                hint = CERTIFICATE_HINT if _asks_for_certificate(self.error) else ""
                return f"was not answered: the server closed the connection{reason}{hint}"
            case "refused", ConnectionRefusedError():
                return f"was not sent: the connection was refused{reason}"
            case "refused", _:
                return f"was not sent: no connection could be opened{reason}"
            case _, ssl.SSLError():
                hint = "; the port does not speak TLS: set endpoint.http.scheme to HTTP"
                return f"was not sent: the TLS handshake failed{reason}{hint if _is_no_tls(self.error) else ''}"
            case _:
                return f"was answered {self.objection or 'with something that is not HTTP'}{reason}"

    def _content(self) -> str:
        """Return what came and what was expected, for an answer with a good status."""
        body = shown(self.body, BODY_CHARACTERS) or "(no body)"
        if self.unmet is None:
            return f"was answered with status {self.status}: {body}"
        expected = f"endpoint.http.expect.{self.unmet.field} expects {expected_text(self.expect, self.unmet.field)}"
        return f"was answered with status {self.status}, but {self.unmet.came}, and {expected}: {body}"

    def _hint(self) -> str:
        """Return which field a refusal is about; empty where its status does not say so."""
        if self.status == 400 and WANTS_TLS.search(self.body):
            return "; the port speaks HTTPS: set endpoint.http.scheme to HTTPS"
        return f"; check {FIELDS[self.status]}" if self.status in FIELDS else ""

    def _redirect(self) -> str:
        """Return where a redirect leads and what to do about it; redirects are not followed."""
        if not self.location:
            return " and without a Location: a redirect is no answer of the model"
        target = f" to {shown(self.location, LOCATION_CHARACTERS)}: redirects are not followed"
        try:
            there = urlsplit(self.location)
        except ValueError:
            return target
        asked = self.path.partition("?")[0]
        if there.scheme == "https" and there.path in {asked, ""}:
            return f"{target}; set endpoint.http.scheme to HTTPS, and endpoint.http.port to the port of HTTPS"
        if there.path and there.path != asked and _is_same_route(there.path, asked, self.status):
            return f"{target}; set endpoint.http.path to {shown(there.path, LOCATION_CHARACTERS)}"
        return f"{target}; name the endpoint that answers by itself, or add the headers that it asks for"


def _is_same_route(there: str, asked: str, status: int | None) -> bool:
    """Return whether a redirect leads to the same resource by another name, rather than to a page such as a login."""
    keeps_method = status in {307, 308}
    return keeps_method or there.strip("/").lower().endswith(asked.strip("/").lower())


def _asks_for_certificate(error: OSError | None) -> bool:
    return "CERTIFICATE_REQUIRED" in (getattr(error, "reason", None) or "")


def _is_no_tls(error: OSError | None) -> bool:
    return isinstance(error, ssl.SSLError) and getattr(error, "reason", None) in NO_TLS
