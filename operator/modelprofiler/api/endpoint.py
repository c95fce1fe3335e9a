"""Where requests are sent, and which responses count as success."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from modelprofiler.api.expectation import Expectation
from modelprofiler.api.model import ApiModel
from modelprofiler.api.names import Key, ObjectName
from modelprofiler.api.quantities import Duration, PositiveDuration


class SecretKey(ApiModel):
    """A key of a Secret in the profile's namespace, or in the file of `modelprofiler run`.

    Only pods read it, never the operator.
    """

    name: ObjectName
    """Name of the Secret."""
    key: Key
    """The key whose content is the value. White space around it, such as a line end, is left out."""


class HeaderSource(ApiModel):
    """Where the value of a header comes from."""

    secret_key_ref: SecretKey
    """A key of a Secret. Each trial reads it anew."""
    prefix: Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\r\n]*$")] = ""
    """Text before the content of the key, such as "Bearer " for a token."""


class Header(ApiModel):
    """An HTTP request header."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("value", "valueFrom")

    name: Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
    """Name of the header."""
    value: Annotated[str, StringConstraints(max_length=8192, pattern=r"^[^\r\n]*$")] | None = None
    """Value of the header. Everyone who can read the profile can read it; valueFrom is for secrets."""
    value_from: HeaderSource | None = None
    """Where the value comes from instead."""


class ClientCertificate(ApiModel):
    """A certificate with which the load generator proves who it is to a server that asks for one (mutual TLS)."""

    secret_name: ObjectName
    """Name of a Secret of type kubernetes.io/tls, in the profile's namespace or in the file of `modelprofiler run`. It
    has the keys tls.crt (the certificate and those of intermediate authorities) and tls.key (its private key, not
    encrypted). Only pods read it, never the operator, and each trial reads it again."""


class Tls(ApiModel):
    """How the certificate of an HTTPS server is verified, and which certificate is presented to it.

    Without this the server's certificate is not verified, as in the kubelet's probes, and none is presented.
    """

    ca_bundle: Annotated[str, StringConstraints(max_length=65536, pattern="-----BEGIN CERTIFICATE-----")]
    """CA certificates, as PEM text. The server's certificate must be signed by one of them."""
    server_name: Annotated[str, StringConstraints(max_length=253, pattern=r"^[0-9A-Za-z._:-]+$")] | None = None
    """Host name that the certificate must carry. It is sent as SNI and as the Host header. The default is the server's
    address."""
    client_certificate: ClientCertificate | None = None
    """The certificate to present to a server that demands one of its clients. Absent: none is presented."""


class HttpEndpoint(ApiModel):
    """An HTTP endpoint of the server."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        ("!has(self.tls) || has(self.scheme) && self.scheme == 'HTTPS'", "tls needs scheme HTTPS"),
    )

    port: Annotated[int, Field(ge=1, le=65535)] = 5001
    """Port on which the server listens."""
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    """Protocol: HTTP or HTTPS."""
    tls: Tls | None = None
    """How the server's certificate is verified, and which certificate is presented to it. Requires scheme HTTPS."""
    path: Annotated[str, StringConstraints(max_length=2048, pattern=r"^/[^\s]*$")] = "/score"
    """Path of the requests, including any query string."""
    method: Literal["POST", "PUT", "GET"] = "POST"
    """HTTP method of the requests."""
    content_type: Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\r\n]*$")] = "application/json"
    """Content-Type header of the requests."""
    headers: Annotated[list[Header], Field(max_length=64)] = Field(default_factory=list)
    """Additional request headers. They replace the ones that are sent by default: Host, User-Agent, Accept and
    Content-Type."""
    timeout: PositiveDuration = Duration("30s")
    """Time limit of a request. A request that takes longer counts as failed."""
    expect: Expectation = Field(default_factory=Expectation)
    """Which responses count as success."""

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if self.tls is not None and self.scheme != "HTTPS":
            raise ValueError("tls needs scheme HTTPS")
        return self


class Endpoint(ApiModel):
    """Where requests are sent."""

    http: HttpEndpoint = Field(default_factory=HttpEndpoint)
    """The HTTP endpoint to send requests to."""
