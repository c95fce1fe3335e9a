"""Whether a server that somebody else has started can be reached: its name, its port and its certificate."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl

from modelprofiler.api.trial import LoadStatus, Outcome
from modelprofiler.core.evidence import Failure
from modelprofiler.errors import Problem
from modelprofiler.files.headers import client_pair
from modelprofiler.files.running_server import RunningServer
from modelprofiler.load.tls import present

CONNECT_SECONDS = 5.0
"""How long nothing may listen: the server is already running, so that a restart of it need not be waited for."""
RESOLVE_SECONDS = 10.0
"""How long the name of a host may take to be resolved: twice the timeout of a resolver's first server."""
NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})
"""Reasons that OpenSSL names when what it reads is no TLS; versions of it differ."""
FAILURES_OF_ANSWERS = {"refused", "reset"}
"""Kinds of failures that a server causes that has ended."""


def host_problems(server: RunningServer) -> list[Problem]:
    """Return why the host of the address has no address."""
    host, port = server.address.host, server.address.port

    async def resolve() -> None:
        async with asyncio.timeout(RESOLVE_SECONDS):
            await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)

    try:
        asyncio.run(resolve())
    except TimeoutError:
        return [Problem("--url", f"the host {host} is not resolved within {RESOLVE_SECONDS:g} s")]
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return [Problem("--url", f"the host {host} cannot be resolved: {reason}")]
    return []


def unreachable(server: RunningServer) -> Failure | None:
    """Return why no connection to a server can be opened; None where one can.

    The load would say the same later, but it knows of no options, and waits for what may still start.
    """
    address = server.address
    try:
        with socket.create_connection((address.host, address.port), timeout=CONNECT_SECONDS) as connection:
            if address.scheme == "https":
                tls = server.spec.endpoint.http.tls
                context = ssl.create_default_context(cadata=tls.ca_bundle if tls is not None else None)
                if pair := client_pair(server.document):
                    present(context, pair)
                name = tls.server_name if tls is not None and tls.server_name else address.host
                context.wrap_socket(connection, server_hostname=name).close()
    except ssl.SSLCertVerificationError as error:
        other = "another file" if server.spec.endpoint.http.tls is not None else "a file"
        message = (
            f"its certificate is not trusted: {error.verify_message.rstrip('.')}; --ca-bundle names {other} with the "
            "certificate of its authority"
        )
        return Failure(Outcome.NEVER_READY, message)
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).lower().replace("_", " ")
        hint = "; the port speaks no TLS: write http:// in --url" if error.reason in NO_TLS else ""
        return Failure(Outcome.NEVER_READY, f"the TLS handshake failed ({reason}){hint}")
    except TimeoutError:
        return Failure(Outcome.NEVER_READY, f"there is no answer within {CONNECT_SECONDS:g} s")
    except OSError as error:
        return Failure(Outcome.NEVER_READY, f"no connection can be opened: {error.strerror or error}")
    return None


def speaks_tls(server: RunningServer) -> bool:
    """Whether a port of which plain HTTP was expected completes a handshake of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    address = server.address
    with (
        contextlib.suppress(OSError),
        socket.create_connection((address.host, address.port), CONNECT_SECONDS) as opened,
    ):
        context.wrap_socket(opened, server_hostname=address.host).close()
        return True
    return False


def is_here(host: str) -> bool:
    """Whether a host is certainly this machine."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def has_ended(server: RunningServer, load: LoadStatus) -> bool:
    """Whether a server that refused requests refuses connections now, too."""
    counts = load.failures_by_kind.to_dict() if load.failures_by_kind is not None else {}
    if not any(counts.get(kind) for kind in FAILURES_OF_ANSWERS):
        return False
    try:
        with socket.create_connection((server.address.host, server.address.port), timeout=CONNECT_SECONDS):
            return False
    except OSError:
        return True
