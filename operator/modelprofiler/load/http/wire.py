"""A TCP connection for the hot path: what a request needs of an asyncio transport, at half its CPU time.

The event loop only reports when the socket is readable; bytes are received and sent here, with one system call each. An
asyncio transport would queue each write until the end of the loop's turn, and pass each read through a buffer of its
own. With TLS, `secure.SecureWire` is between a wire and the connection.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import Protocol

READ_BYTES = 65_536
"""Largest piece that is read at once: nearly every response comes in one, and a larger one costs one system call more
for each 64 KiB."""


class Receiver(Protocol):
    """Whoever owns a connection: the two methods of an asyncio.Protocol that a wire calls."""

    def data_received(self, data: bytes) -> None:
        """Take received bytes."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of the end: without an exception where the other side closed, or `Wire.abort` was called."""


class Wire:
    """An open connection.

    Parameters
    ----------
    loop
        Reports when there is something to read.
    connected
        A connected, non-blocking socket; closed together with the wire.
    receiver
        Gets the bytes that come, and the end of the connection: exactly once.
    """

    __slots__ = ("_fd", "_loop", "_receive", "_received", "_receiver", "_send", "_socket", "_unsent")

    def __init__(self, loop: asyncio.AbstractEventLoop, connected: socket.socket, receiver: Receiver) -> None:
        self._loop, self._socket = loop, connected
        self._receiver: Receiver | None = receiver
        self._fd = connected.fileno()
        self._receive, self._send, self._received = connected.recv, connected.send, receiver.data_received
        self._unsent: deque[memoryview] = deque()
        loop.add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        try:
            data = self._receive(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as e:
            self._lose(e)
            return
        if data:
            self._received(data)
        else:
            self._lose(None)

    def write(self, data: bytes) -> None:
        """Send data, after everything that was written before."""
        if self._unsent:
            self._unsent.append(memoryview(data))
            return
        try:
            sent = self._send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as e:  # reported by the loop, later: the caller of write does not expect the end here
            self._loop.call_soon(self._read_and_lose, e)
            return
        if sent < len(data):
            self._unsent.append(memoryview(data)[sent:])
            self._loop.add_writer(self._fd, self._writable)

    def _writable(self) -> None:
        unsent = self._unsent
        try:
            while unsent:
                first = unsent[0]
                sent = self._send(first)
                if sent < len(first):
                    unsent[0] = first[sent:]
                    return
                unsent.popleft()
        except (BlockingIOError, InterruptedError):
            return
        except OSError as e:
            self._read_and_lose(e)
            return
        self._loop.remove_writer(self._fd)

    def abort(self) -> None:
        """Close at once; the loop then calls the receiver's `connection_lost`."""
        if receiver := self._close():
            self._loop.call_soon(receiver.connection_lost, None)

    def _read_and_lose(self, exc: Exception) -> None:
        """Take the end of a connection to which nothing can be sent: what came before may say why, such as a 413."""
        while self._receiver is not None:
            try:
                data = self._receive(READ_BYTES)
            except OSError:  # nothing more has come; after a reset nothing will
                break
            if not data:
                break
            self._received(data)
        self._lose(exc)

    def _lose(self, exc: Exception | None) -> None:
        if receiver := self._close():
            receiver.connection_lost(exc)

    def _close(self) -> Receiver | None:
        receiver = self._receiver
        if receiver is None:
            return None
        self._loop.remove_reader(self._fd)
        if self._unsent:
            self._unsent.clear()
            self._loop.remove_writer(self._fd)
        self._socket.close()
        self._receiver = None  # receiver and wire refer to each other
        del self._received
        return receiver


async def connect(loop: asyncio.AbstractEventLoop, host: str, port: int, receiver: Receiver) -> Wire:
    """Open a connection to a numeric address.

    Raises
    ------
    OSError
        When the connection cannot be opened.
    """
    connecting = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(connecting, (host, port))
        return Wire(loop, connecting, receiver)
    except BaseException:
        connecting.close()
        raise
