"""A command in a container, with something to read: what `kubectl exec -i` does, over the same protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from modelprofiler.cluster.adapter import Cluster
from modelprofiler.errors import ClusterUnavailable

STDIN, STDOUT, STDERR, RESULT = range(4)
"""Channels of the protocol v4.channel.k8s.io: the first byte of every message."""

LONGEST_OUTPUT = 65536


@dataclass
class Ended:
    """How a command ended.

    Attributes
    ----------
    exit_code
        None when the connection broke before.
    """

    exit_code: int | None = None
    output: dict[int, bytes] = field(default_factory=lambda: {STDOUT: b"", STDERR: b""})

    @property
    def stdout(self) -> str:
        """What it printed."""
        return self.output[STDOUT].decode(errors="replace").strip()

    @property
    def stderr(self) -> str:
        """What it complained of."""
        return self.output[STDERR].decode(errors="replace").strip()


async def run_in_pod(
    cluster: Cluster,
    namespace: str,
    pod: str,
    container: str,
    command: list[str],
    given: Iterable[bytes],
    within_seconds: float,
) -> Ended:
    """Run a command in a container and give it something to read.

    The protocol has no end of what is read: the command has to know by itself when it has read everything.

    Parameters
    ----------
    given
        What the command reads, in parts of some tens of KiB.
    within_seconds
        How long all of it may take.

    Raises
    ------
    ClusterUnavailable
        When the connection breaks, or not in time.
    Refused
        When the caller may not run commands in pods.
    """
    ended = Ended()
    try:
        async with (
            asyncio.timeout(within_seconds),
            cluster.exec_socket(namespace, pod, container, command) as socket,
        ):
            sending = asyncio.create_task(_send(socket, given))
            try:
                await _receive(socket, ended)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
    except TimeoutError as error:
        raise ClusterUnavailable(f"a command in pod {pod} took longer than {within_seconds:.0f} s") from error
    except aiohttp.ClientError as error:
        raise ClusterUnavailable(f"the connection to pod {pod} broke: {error!r}") from error
    if ended.exit_code is None:
        raise ClusterUnavailable(f"the connection to pod {pod} broke before the command ended")
    return ended


async def _send(socket: aiohttp.ClientWebSocketResponse, given: Iterable[bytes]) -> None:
    for part in given:
        await socket.send_bytes(bytes((STDIN,)) + part)
        await asyncio.sleep(0)  # what is said meanwhile has to be heard


async def _receive(socket: aiohttp.ClientWebSocketResponse, ended: Ended) -> None:
    async for message in socket:
        data = message.data.encode() if isinstance(message.data, str) else message.data
        if not data:
            continue
        channel, content = data[0], data[1:]
        if channel in ended.output:
            ended.output[channel] = (ended.output[channel] + content)[-LONGEST_OUTPUT:]
        elif channel == RESULT:
            ended.exit_code = _exit_code(json.loads(content))
            return


def _exit_code(result: dict[str, Any]) -> int:
    if result.get("status") == "Success":
        return 0
    causes = (result.get("details") or {}).get("causes") or []
    return next((int(c["message"]) for c in causes if c.get("reason") == "ExitCode"), 1)
