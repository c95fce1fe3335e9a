"""TLS between a wire and a connection.

The encryption is separate from the socket, so that what a server sent before it closed is read even when sending to it
has failed: an asyncio transport gives up the connection then, and with it the answer that says why.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol

from modelprofiler.load.http.wire import Receiver, Wire, connect

RECORD_BYTES = 65_536
"""Decrypted bytes that are read at once; a record of TLS has at most 16 KiB."""


class Secured(Receiver, Protocol):
    """Whoever owns a secured connection."""

    def connection_made(self, transport: SecureWire) -> None:
        """Take the connection once its handshake is complete."""


class SecureWire:
    """A connection with TLS: the receiver of a wire's bytes, and the wire of a receiver.

    Parameters
    ----------
    context, server_name
        The TLS settings, and the name that the server's certificate must have.
    receiver
        Gets the decrypted bytes and the end of the connection.
    ready
        Is done when the handshake is complete, or has the reason why it failed.

    Attributes
    ----------
    error
        Why nothing could be read any more, such as an alert of the server; None where there was no error.
    """

    __slots__ = ("_incoming", "_outgoing", "_ready", "_receiver", "_tls", "_wire", "error")

    def __init__(
        self, context: ssl.SSLContext, server_name: str | None, receiver: Secured, ready: asyncio.Future[None]
    ) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._receiver = receiver
        self._ready = ready
        self.error: ssl.SSLError | None = None
        self._wire: Wire | None = None

    def begin(self, wire: Wire) -> None:
        """Begin the handshake."""
        self._wire = wire
        self._shake_hands()

    def write(self, data: bytes) -> None:
        """Send data, after everything that was written before."""
        if self._wire is None:
            return  # its end is already on the way
        try:
            self._tls.write(data)
        except ssl.SSLError:  # after a fatal alert
            self.abort()
        else:
            self._flush()

    def abort(self) -> None:
        """Close at once; the loop then calls the receiver's `connection_lost`."""
        if self._wire is not None:
            self._wire.abort()

    def data_received(self, data: bytes) -> None:
        """Take encrypted bytes."""
        self._incoming.write(data)
        if not self._ready.done() and not self._shake_hands():
            return
        try:
            while plain := self._tls.read(RECORD_BYTES):
                self._receiver.data_received(plain)
                if not self._incoming.pending and not self._tls.pending():
                    return
        except ssl.SSLWantReadError:
            self._flush()  # a reply of the protocol's own, such as to an update of keys
            return
        except ssl.SSLError as error:  # after an alert or a broken record nothing can be read any more
            self.error = error
        self.abort()  # the server has said that nothing follows, or nothing can

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of the end."""
        self._wire = None
        if not self._ready.done():
            self._ready.set_exception(exc or ConnectionResetError("the server closed the connection"))
            return
        if self._ready.cancelled() or self._ready.exception() is not None:
            return
        self._receiver.connection_lost(exc)

    def _shake_hands(self) -> bool:
        """Take a step of the handshake; return whether it is complete."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except (ssl.SSLError, ssl.CertificateError) as error:
            self._flush()  # the alert that tells the server why
            if not self._ready.done():
                self._ready.set_exception(error)
            self.abort()
            return False
        self._flush()
        self._ready.set_result(None)
        self._receiver.connection_made(self)
        return True

    def _flush(self) -> None:
        if self._wire is not None and self._outgoing.pending:
            self._wire.write(self._outgoing.read())


async def connect_securely(
    loop: asyncio.AbstractEventLoop,
    address: tuple[str, int],
    receiver: Secured,
    context: ssl.SSLContext,
    server_name: str | None,
) -> None:
    """Open a connection to a numeric address and port; the receiver gets it once its handshake is complete.

    Raises
    ------
    OSError
        When it cannot be opened; ssl.SSLError when the handshake fails.
    """
    ready: asyncio.Future[None] = loop.create_future()
    secure = SecureWire(context, server_name, receiver, ready)
    wire = await connect(loop, *address, secure)
    try:
        secure.begin(wire)
        await ready
    except BaseException:
        wire.abort()
        raise
