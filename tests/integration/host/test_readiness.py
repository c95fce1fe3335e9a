"""Why a readiness probe fails, in words that say what to change."""

from __future__ import annotations

import asyncio

import pytest

from modelprofiler.host.readiness import Target, probe

ANSWERS = {
    "health needs a credential": (
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        "answered with status 401: its readinessProbe needs the header with a credential in httpHeaders",
    ),
    "another path": (b"HTTP/1.0 404 Not Found\r\n\r\n", "answered with status 404: the path of its readinessProbe is"),
    "loading": (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "answered with status 503"),
    "closes at once": (b"", "closed the connection without an answer"),
    "TLS": (b"\x15\x03\x01\x00\x02\x02\x28", "answered with a TLS record: set the scheme of its readinessProbe"),
    "gRPC": (b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64", "answered in HTTP/2 (gRPC?)"),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", "answered with something that is not HTTP/1.1: 'SSH-2.0-OpenSSH_9.2"),
    "no status": (b"HTTP/1.1 OK\r\n\r\n", "answered in HTTP that cannot be understood"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_failed_probe_says_what_came(name: str) -> None:
    """An empty answer is not called something that is not HTTP, nor is TLS."""
    answer, expected = ANSWERS[name]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def ask() -> str | None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await probe(Target("127.0.0.1", port, "/healthz"), 5.0)

    assert (asyncio.run(ask()) or "").startswith(expected)
