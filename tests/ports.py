"""Ports for the servers that tests start."""

import secrets
from pathlib import Path

from modelprofiler.host.ports import port_problem

FIRST_PORT = 10_000
"""Well-known programs listen below."""
FIRST_EPHEMERAL_PORT = 32_768
"""Where the kernel does not say: the default of Linux, and below that of other systems."""


def unused_port() -> int:
    """Return a port that nothing listens on, and that no outgoing connection takes before a server does.

    Outgoing connections have ports of net.ipv4.ip_local_port_range (ip(7)), and so has a socket that is bound to
    port 0: such a port may be taken again between that and the start of a server.
    """
    try:
        end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        end = FIRST_EPHEMERAL_PORT
    while True:
        # Not `random`, which pytest-randomly seeds alike for tests that run at the same time.
        port = FIRST_PORT + secrets.randbelow(max(1, end - FIRST_PORT))
        if port_problem(port) is None:
            return port
