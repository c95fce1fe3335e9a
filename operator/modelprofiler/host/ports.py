"""Whether a port is free, who listens on it, and which connections of the last server still occupy it."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from collections import Counter
from collections.abc import Iterable, Sequence

HOSTS = ("127.0.0.1", "0.0.0.0", "::")  # noqa: S104 - only bound to see whether the port is free


MOST_PROCESSES = 256
"""Processes of a server whose sockets are read; more than any server has workers."""


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


def occupied(port: int) -> str | None:
    """Return what keeps a server without SO_REUSEADDR from binding `port`, as the subject of a sentence; None: nothing.

    Connections that the last server closed stay in TIME_WAIT for a minute. A bind to all addresses conflicts with each.
    """
    for host in ("0.0.0.0", "::"):  # noqa: S104 - only bound to see whether that is possible
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return _connections(port)
    return None


def _connections(port: int) -> str:
    """Return the connections at a port by state: ``212 connections in TIME_WAIT``."""
    import psutil

    states: Counter[str] = Counter()
    with contextlib.suppress(psutil.Error, OSError):
        states.update(c.status for c in psutil.net_connections(kind="tcp") if c.laddr and c.laddr.port == port)
    parts = [f"{count} in {state}" for state, count in states.most_common(3)]
    return f"connections of an earlier server ({', '.join(parts)})" if parts else "connections of an earlier server"


def listening(pids: Iterable[int]) -> list[tuple[str, int]]:
    """Return the addresses and ports on which processes listen, each once; those of other users cannot be seen."""
    import psutil

    places: dict[tuple[str, int], None] = {}
    for pid in sorted(pids)[:MOST_PROCESSES]:
        with contextlib.suppress(psutil.Error, OSError):
            for connection in psutil.Process(pid).net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr:
                    places[connection.laddr.ip, connection.laddr.port] = None
    return list(places)


def all_readable(pids: Iterable[int]) -> bool:
    """Return whether this user can see the sockets of all of these processes; one that has ended has none."""
    import psutil

    for pid in sorted(pids)[:MOST_PROCESSES]:
        try:
            psutil.Process(pid).net_connections(kind="tcp")
        except psutil.NoSuchProcess:
            continue
        except (psutil.Error, OSError):
            return False
    return True


def takes(address: str, host: str) -> bool:
    """Return whether a socket that listens on an address takes connections to a host of IPv4, as far as can be seen."""
    listens, accepted = ipaddress.ip_address(address), ipaddress.ip_address(host)
    return listens.is_unspecified or listens == accepted or getattr(listens, "ipv4_mapped", None) == accepted
