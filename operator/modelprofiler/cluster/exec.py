"""Runs a command in a container and sends it input: what ``kubectl exec -i`` does, over the same protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import aiohttp

from modelprofiler.api.objects import Object
from modelprofiler.cluster.adapter import Cluster
from modelprofiler.errors import ClusterUnavailable

STDIN, STDOUT, STDERR, RESULT = range(4)
"""Channels of the protocol v4.channel.k8s.io: the first byte of every message."""

LONGEST_OUTPUT = 65536
"""Bytes of an output stream that are kept, the last ones: our commands print one line, or a traceback."""


@dataclass
class CommandResult:
    """What a command printed, and how it ended.

    Attributes
    ----------
    exit_code
        None while it runs, and when the connection broke before it ended.
    """

    exit_code: int | None = None
    output: dict[int, bytes] = field(default_factory=lambda: {STDOUT: b"", STDERR: b""})

    @property
    def stdout(self) -> str:
        """The text on its standard output."""
        return self.output[STDOUT].decode(errors="replace").strip()

    @property
    def stderr(self) -> str:
        """The text on its standard error."""
        return self.output[STDERR].decode(errors="replace").strip()


async def run_in_pod(
    cluster: Cluster,
    namespace: str,
    pod: str,
    container: str,
    command: list[str],
    stdin: Iterable[bytes],
    timeout_seconds: float,
) -> CommandResult:
    """Run a command in a container and send it input.

    The protocol cannot close the input, so the command has to know by itself when it has read everything.

    Parameters
    ----------
    stdin
        The input, in parts of some tens of KiB.
    timeout_seconds
        How long all of it may take.

    Raises
    ------
    ClusterUnavailable
        When the connection breaks, or the command takes too long.
    Refused
        When the caller may not run commands in pods.
    """
    result = CommandResult()
    try:
        async with (
            asyncio.timeout(timeout_seconds),
            cluster.exec_socket(namespace, pod, container, command) as socket,
        ):
            sending = asyncio.create_task(_send(socket, stdin))
            try:
                await _receive(socket, result)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
    except TimeoutError as error:
        raise ClusterUnavailable(f"a command in pod {pod} took longer than {timeout_seconds:.0f} s") from error
    except aiohttp.ClientError as error:
        raise ClusterUnavailable(f"the connection to pod {pod} broke: {error!r}") from error
    if result.exit_code is None:
        raise ClusterUnavailable(f"the connection to pod {pod} broke before the command ended")
    return result


async def _send(socket: aiohttp.ClientWebSocketResponse, stdin: Iterable[bytes]) -> None:
    for part in stdin:
        await socket.send_bytes(bytes((STDIN,)) + part)
        await asyncio.sleep(0)  # lets _receive run: a socket that takes everything at once never suspends this loop


async def _receive(socket: aiohttp.ClientWebSocketResponse, result: CommandResult) -> None:
    async for message in socket:
        data = message.data.encode() if isinstance(message.data, str) else message.data
        if not data:
            continue
        channel, content = data[0], data[1:]
        if channel in result.output:
            result.output[channel] = (result.output[channel] + content)[-LONGEST_OUTPUT:]
        elif channel == RESULT:
            result.exit_code = _exit_code(json.loads(content))
            return


def _exit_code(status: Object) -> int:
    """Return the exit code in the Status that ends the stream; 1 where it gives none."""
    if status.get("status") == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or []
    return next((int(c["message"]) for c in causes if c.get("reason") == "ExitCode"), 1)
