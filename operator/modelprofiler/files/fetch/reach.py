"""Whether a server can be reached at all, said at once: some drivers try a server that cannot again for minutes."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.files.fetch.web import CONNECT_SECONDS, origin_of


def check_reachable(address: str, what: str) -> None:
    """Connect to a server, and verify its certificate as Python's own TLS does.

    Where a proxy leads to it nothing is checked, because the proxy connects.

    Parameters
    ----------
    what
        What is to be read from it, for the message.

    Raises
    ------
    FetchFailed
        It cannot be reached, or nobody vouches for it.
    """
    scheme, host, port = origin_of(address)
    if not host or port is None or (scheme in getproxies() and not proxy_bypass(host)):
        return
    try:
        with socket.create_connection((host, port), CONNECT_SECONDS) as connection:
            if scheme == "https":
                with ssl.create_default_context().wrap_socket(connection, server_hostname=host):
                    pass
    except (OSError, ValueError) as error:  # a name may be none, as ValueError says
        reason = "it does not answer" if isinstance(error, TimeoutError) else str(error)[:200]
        server = urlsplit(address).netloc.rpartition("@")[2]
        raise FetchFailed(f"{what} cannot be read: the server {server} cannot be reached: {reason}") from error
