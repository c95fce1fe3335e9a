"""Where requests go, and what a good response is."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from modelprofiler.api.model import ApiModel
from modelprofiler.api.quantities import Duration


class Header(ApiModel):
    """A request header."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
    """Name of the header."""
    value: Annotated[str, StringConstraints(max_length=8192, pattern=r"^[^\r\n]*$")]
    """Its value; it is visible to whoever can read the profile, so no secrets here."""


class Expectation(ApiModel):
    """What a good response looks like."""

    status: Annotated[list[Annotated[int, Field(ge=100, le=599)]], Field(min_length=1, max_length=32)] = Field(
        default_factory=lambda: [200]
    )
    """Status codes that count as success."""


class Tls(ApiModel):
    """How the certificate of an HTTPS server is verified; without this it is not, as in probes of the kubelet."""

    ca_bundle: Annotated[str, StringConstraints(max_length=65536, pattern="-----BEGIN CERTIFICATE-----")]
    """CA certificates (PEM text) that the server's must chain to."""
    server_name: Annotated[str, StringConstraints(max_length=253, pattern=r"^[0-9A-Za-z._:-]+$")] | None = None
    """Name that the certificate must have, asked for by SNI and sent as Host; by default the server's address."""


class HttpEndpoint(ApiModel):
    """An HTTP endpoint of the server."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        ("!has(self.tls) || has(self.scheme) && self.scheme == 'HTTPS'", "tls needs scheme HTTPS"),
    )

    port: Annotated[int, Field(ge=1, le=65535)] = 5001
    """Port the server listens on."""
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    """HTTP or HTTPS."""
    tls: Tls | None = None
    """How the server's certificate is verified, with scheme HTTPS."""
    path: Annotated[str, StringConstraints(max_length=2048, pattern=r"^/[^\s]*$")] = "/score"
    """Path of a request."""
    method: Literal["POST", "PUT", "GET"] = "POST"
    """Method of a request."""
    content_type: Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\r\n]*$")] = "application/json"
    """Content type of a request."""
    headers: Annotated[list[Header], Field(max_length=64)] = Field(default_factory=list)
    """Further headers."""
    timeout: Duration = Duration("30s")
    """A request that takes longer is an error."""
    expect: Expectation = Field(default_factory=Expectation)
    """What a good response looks like."""

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if self.tls is not None and self.scheme != "HTTPS":
            raise ValueError("tls needs scheme HTTPS")
        return self


class Endpoint(ApiModel):
    """Where requests go."""

    http: HttpEndpoint = Field(default_factory=HttpEndpoint)
    """An HTTP endpoint."""
