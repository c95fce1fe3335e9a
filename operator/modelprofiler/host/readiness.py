"""Readiness probes of a server on this machine: as the kubelet sends them, and without noise in the server's log."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import string
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from modelprofiler.host.procfs import PROC, read_text
from modelprofiler.load.http.irregular import objection

LONGEST_ANSWER = 1 << 20
"""Bytes of an answer that are read, so that the server can send all of it; the kubelet reads 10 KiB."""
LINGER_NONE = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: closing sends a reset, after which neither side keeps the connection in TIME_WAIT. A server closes
first, as it is asked to, and could not bind its port again for a minute without SO_REUSEADDR."""
TLS_RECORDS = (b"\x14", b"\x15", b"\x16", b"\x17")
"""First bytes of the records of TLS (RFC 8446, 5.1)."""
HINTS = {
    401: ": its readinessProbe needs the header with a credential in httpHeaders",
    403: ": its readinessProbe may need a header in httpHeaders",
    404: ": the path of its readinessProbe is not one of the server's",
}
"""What a probe that is refused lacks."""
LISTEN = "0A"
"""The state of a listening socket in /proc/net/tcp (tcp_states.h)."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a server is asked whether it is ready.

    Attributes
    ----------
    host, port
        The address.
    path
        The path of a GET; None: the server is ready when it listens.
    tls
        Whether the GET is sent over TLS. The certificate is not verified, as by the kubelet.
    headers
        Headers of the GET. They take the place of those that are sent by default.
    """

    host: str
    port: int
    path: str | None = None
    tls: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(self) -> bytes:
        """Return the GET of the probe with the headers that the kubelet sends (k8s.io/kubernetes/pkg/probe/http)."""
        headers = {"Host": f"{self.host}:{self.port}", "User-Agent": "kube-probe/modelprofiler", "Accept": "*/*"}
        replaced = {name.lower() for name in self.headers}
        sent = {name: value for name, value in headers.items() if name.lower() not in replaced} | dict(self.headers)
        sent["Connection"] = "close"
        lines = [f"GET {quote(self.path or '/', safe=string.punctuation)} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in sent.items() if value]  # an empty value leaves the header out
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


async def probe(target: Target, seconds: float) -> str | None:
    """Return why one readiness probe fails, as the predicate of a sentence; None when it succeeds.

    Parameters
    ----------
    target
        What is asked.
    seconds
        How long the answer may take.
    """
    if target.path is None and (is_listening := listens(target.host, target.port)) is not None:
        return None if is_listening else "is not listening"
    try:
        async with asyncio.timeout(seconds):
            return await _connect_and_ask(target)
    except TimeoutError:
        return f"did not answer within {seconds:.2g} s"
    except ssl.SSLError as error:
        return f"did not complete a TLS handshake ({error.reason or error})"
    except OSError as error:
        return f"cannot be reached ({error.strerror or error})"
    except ValueError:  # a line without an end
        return "answered with something that is not HTTP"


async def _connect_and_ask(target: Target) -> str | None:
    context = None
    if target.tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
    try:
        if target.path is None:
            return None
        writer.write(target.request())
        line = await reader.readline()
        status = line.split(maxsplit=2)
        if len(status) < 2 or not status[0].startswith(b"HTTP/") or not status[1].isdigit():
            return _not_http(line)
        code = int(status[1])
        # The whole answer is read: a server that is still sending it would log that its client went away.
        with contextlib.suppress(OSError):
            await _read_to_end(reader)
        return None if 200 <= code < 400 else f"answered with status {code}{HINTS.get(code, '')}"
    finally:
        connected = writer.get_extra_info("socket")
        if target.path is not None and connected is not None:
            with contextlib.suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        writer.transport.abort() if target.tls else writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _not_http(received: bytes) -> str:
    """Return what a server answers that is not HTTP/1.1, as the predicate of a sentence."""
    if not received:
        return "closed the connection without an answer"
    if received[:1] in TLS_RECORDS and received[1:2] == b"\x03":
        return "answered with a TLS record: set the scheme of its readinessProbe to HTTPS"
    return f"answered {objection(received, ValueError('no status'), tls=False)}"


async def _read_to_end(reader: asyncio.StreamReader) -> None:
    size = 0
    while size < LONGEST_ANSWER and (part := await reader.read(1 << 16)):
        size += len(part)


def listens(host: str, port: int, proc: Path = PROC) -> bool | None:
    """Return whether something listens on an IPv4 address, as the kernel says; None where only a connection can tell.

    A connection that is closed at once would leave an error in the log of a server that expects TLS.
    """
    tables = {name: read_text(proc / "self/net" / name) for name in ("tcp", "tcp6")}
    if not tables["tcp"] or ":" in host:
        return None
    accepted = {"00000000", socket.inet_aton(host)[::-1].hex().upper() if _is_address(host) else ""}
    if any(address in accepted for address, at in _listening(tables["tcp"]) if at == port):
        return True
    # A socket of IPv6 takes connections of IPv4 unless it was told not to, which only a connection can tell.
    return None if any(at == port and not int(a, 16) for a, at in _listening(tables["tcp6"])) else False


def _is_address(host: str) -> bool:
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


def _listening(table: str) -> list[tuple[str, int]]:
    """Return the addresses (hexadecimal) and ports of the listening sockets in a file of /proc/net."""
    rows = [line.split() for line in table.splitlines()[1:]]
    local = [row[1].split(":") for row in rows if len(row) > 3 and row[3] == LISTEN]
    return [(address, int(port, 16)) for address, port in local]
