"""Whether a port is free, and who listens on it: checked before a server is started."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Sequence

HOSTS = ("127.0.0.1", "0.0.0.0", "::")  # noqa: S104 - only bound to see whether the port is free


def port_problem(port: int, hosts: Sequence[str] = HOSTS) -> str | None:
    """Return why a server cannot listen on `port`, in one sentence; None when it can.

    Each address is bound as a server would bind it, with SO_REUSEADDR, so that connections of a server that has just
    ended do not matter. Nothing listens, so nobody can connect.
    """
    for host in hosts:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"port {port} is in use" + (f" by {holder}" if (holder := port_holder(port)) else "")
            if error.errno == errno.EACCES:
                return f"this user may not listen on port {port}: ports below 1024 need root"
            if family == socket.AF_INET6:
                continue  # a machine without IPv6
            return f"port {port} cannot be used: {error.strerror}"
    return None


def port_holder(port: int) -> str | None:
    """Return the process that listens on `port`, as ``nginx (process 812)``; None if this user cannot see it."""
    try:
        import psutil
    except ImportError:
        return None
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            listening = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listening and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return None
