"""A request as bytes, rendered once for each row before the load."""

from __future__ import annotations

from modelprofiler.api.endpoint import HttpEndpoint
from modelprofiler.version import __version__


def render(endpoint: HttpEndpoint, host: str, port: int, body: bytes) -> bytes:
    """Return the whole HTTP/1.1 request, headers and body, as it goes over the wire.

    The Host header is the name that the server's certificate must have, where the endpoint has one. Headers of the
    endpoint replace the generator's own headers of the same name.
    """
    default_port = 443 if endpoint.scheme == "HTTPS" else 80
    if endpoint.tls and endpoint.tls.server_name:
        host = endpoint.tls.server_name
    name = f"[{host}]" if ":" in host else host
    own = {
        "Host": name if port == default_port else f"{name}:{port}",
        "User-Agent": f"modelprofiler/{__version__}",
        "Accept": "*/*",
        "Content-Type": endpoint.content_type,
    }
    replaced = {header.name.lower() for header in endpoint.headers} | {"content-length"}
    lines = [f"{endpoint.method} {endpoint.path} HTTP/1.1"]
    lines += [f"{header}: {value}" for header, value in own.items() if header.lower() not in replaced]
    lines += [f"{h.name}: {h.value}" for h in endpoint.headers if h.name.lower() != "content-length"]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("utf-8") + body
