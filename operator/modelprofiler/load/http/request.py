"""A request as bytes."""

from __future__ import annotations

from modelprofiler.api.endpoint import HttpEndpoint
from modelprofiler.version import __version__


def render(
    endpoint: HttpEndpoint,
    host: str,
    port: int,
    body: bytes,
    *,
    content_type: str | None = None,
    path: str | None = None,
) -> bytes:
    """Return the whole HTTP/1.1 request, headers and body, as it goes over the wire; see `head`."""
    return with_body(head(endpoint, host, port, content_type=content_type, path=path), body)


def head(
    endpoint: HttpEndpoint, host: str, port: int, *, content_type: str | None = None, path: str | None = None
) -> bytes:
    """Return the beginning of a request: everything but the length of the body, and the body.

    The Host header is the name that the server's certificate must have, where the endpoint has one. Headers of the
    endpoint replace the generator's own headers of the same name.

    Parameters
    ----------
    content_type, path
        Those of the row; None for the endpoint's.
    """
    default_port = 443 if endpoint.scheme == "HTTPS" else 80
    if endpoint.tls and endpoint.tls.server_name:
        host = endpoint.tls.server_name
    name = f"[{host}]" if ":" in host else host
    own = {
        "Host": name if port == default_port else f"{name}:{port}",
        "User-Agent": f"modelprofiler/{__version__}",
        "Accept": "*/*",
        "Content-Type": content_type or endpoint.content_type,
    }
    theirs = [h for h in endpoint.headers if h.name.lower() != "content-length"]
    if content_type is not None:
        theirs = [h for h in theirs if h.name.lower() != "content-type"]
    replaced = {header.name.lower() for header in theirs}
    lines = [f"{endpoint.method} {path or endpoint.path} HTTP/1.1"]
    lines += [f"{header}: {value}" for header, value in own.items() if header.lower() not in replaced]
    lines += [f"{h.name}: {h.value}" for h in theirs]
    return "\r\n".join([*lines, "Content-Length: "]).encode("utf-8")


def with_body(head: bytes, body: bytes) -> bytes:
    """Return a whole request."""
    return b"%b%d\r\n\r\n%b" % (head, len(body), body)
