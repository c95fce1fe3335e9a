"""Calls a cluster's API from a script without asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException
from modelprofiler.cluster.adapter import Cluster
from modelprofiler.errors import ClusterUnavailable, NotFound, Refused, UploadFailed

T = TypeVar("T")

ATTEMPTS = 5
"""Attempts of a call, with pauses of 1, 2, 3 and 4 s: enough for an API server that restarts. An estimate."""

CALL_SECONDS = 120.0
"""Timeout of an attempt that copies no files. An estimate."""


def call(context: str | None, use: Callable[[Cluster], Awaitable[T]], seconds: float = CALL_SECONDS) -> T:
    """Connect with the kubeconfig, call a function with the cluster, and return its result.

    It runs in a thread of its own, since a notebook already has an event loop.

    Parameters
    ----------
    seconds
        Timeout of an attempt.

    Raises
    ------
    UserErrorException
        When the cluster refuses, with its message; or when files cannot be copied onto a volume.
    WebserviceException
        When an object does not exist, or the cluster does not answer at any attempt.
    """

    async def attempt() -> T:
        cluster = await Cluster.connect(context)
        try:
            return await use(cluster)
        finally:
            await cluster.close()

    async def repeated() -> T:
        for number in range(1, ATTEMPTS + 1):
            try:
                async with asyncio.timeout(seconds):
                    return await attempt()
            except (ClusterUnavailable, TimeoutError) as error:
                if number == ATTEMPTS:
                    raise WebserviceException(f"the cluster does not answer: {error}", 503) from error
                await asyncio.sleep(number)
        raise AssertionError("unreachable")

    with ThreadPoolExecutor(1) as pool:
        try:
            return pool.submit(lambda: asyncio.run(repeated())).result()
        except NotFound as error:
            raise WebserviceException(str(error), 404) from error
        except Refused as error:
            raise UserErrorException(f"the cluster refuses: {error}") from error
        except UploadFailed as error:
            raise UserErrorException(str(error)) from error
