"""Calls of a cluster's API from a script, which knows no asyncio."""

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
CALL_SECONDS = 120.0


def call(context: str | None, use: Callable[[Cluster], Awaitable[T]], seconds: float = CALL_SECONDS) -> T:
    """Connect as the kubeconfig says, use the cluster, and return the result.

    It runs in a thread of its own: a notebook has an event loop already.

    Parameters
    ----------
    seconds
        How long an attempt may take.

    Raises
    ------
    UserErrorException
        When the cluster refuses, with what it says.
    WebserviceException
        When something is not there, or the cluster does not answer again and again.
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
