"""When each profile is looked at: one worker per profile, woken by changes and by the clock.

Level-triggered: an event only says that something has changed, and the look reads what. kopf's handlers and the watches
of children both end in `Controller.wake`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from modelprofiler.cluster.adapter import Kind
from modelprofiler.cluster.gate import Gate
from modelprofiler.cluster.gather.cache import KINDS
from modelprofiler.cluster.queue import Key
from modelprofiler.errors import ModelProfilerError

log = logging.getLogger(__name__)

RECONCILE_TIMEOUT_SECONDS = 120.0
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 60.0
AT_ONCE = 8
"""Looks at the same time, not counting running profiles: thousands of profiles may be applied at once, and requests
that wait for each other time out."""
SETTLE_SECONDS = 0.1
"""Changes come in bunches (a pod, its ReplicaSet, its Deployment): one look is enough for a bunch."""

Reconcile = Callable[[Key], Awaitable[float | None]]


class Watched(Protocol):
    """What is watched; `modelprofiler.cluster.gather.cache.Children` is one."""

    def follow(self, kind: Kind, namespace: str | None) -> AsyncIterator[Key | None]:
        """Yield the profile whose child has changed, or None where the child names none, until the watch ends."""


class Controller:
    """Runs `reconcile` for a profile whenever something of it changes or its time has come.

    Parameters
    ----------
    reconcile
        Looks at one profile; returns the seconds until the next look, or None.
    is_urgent
        Returns whether a profile does not wait for looks at others, because it runs.
    """

    def __init__(self, reconcile: Reconcile, is_urgent: Callable[[Key], bool] = lambda key: False) -> None:
        self._reconcile = reconcile
        self._is_urgent = is_urgent
        self._gate = Gate(AT_ONCE)
        self._workers: dict[Key, asyncio.Task[None]] = {}
        self._changed: dict[Key, asyncio.Event] = {}
        self.watches: list[asyncio.Task[None]] = []
        """One for each kind of children and each namespace; none of them ends by itself."""

    @property
    def busy(self) -> int:
        """Profiles that have a worker."""
        return len(self._workers)

    def wake(self, key: Key) -> None:
        """Look at a profile soon."""
        self._changed.setdefault(key, asyncio.Event()).set()
        if key not in self._workers:
            self._workers[key] = asyncio.create_task(self._work(key), name=f"{key[0]}/{key[1]}")
        elif self._is_urgent(key):
            self._gate.let_past(key)

    def watch(self, children: Watched, namespaces: tuple[str, ...]) -> None:
        """Wake a profile when one of its children changes."""
        for namespace in namespaces or (None,):
            for kind in KINDS:
                task = asyncio.create_task(self._watch(children, kind, namespace), name=f"watch {kind.plural}")
                self.watches.append(task)

    async def stop(self) -> None:
        """Stop every worker; the next operator continues what they were doing."""
        tasks = [*self.watches, *self._workers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, key: Key) -> None:
        changed = self._changed[key]
        failures = 0
        try:
            while True:
                changed.clear()
                try:
                    wait = await self._look(key)
                    failures = 0
                except Exception as error:
                    # Nothing may end a worker: a profile nobody looks at is stuck for good.
                    failures += 1
                    wait = _backoff(failures)
                    expected = isinstance(error, ModelProfilerError | TimeoutError)
                    log.log(
                        logging.WARNING if expected else logging.ERROR,
                        "%s/%s: %s; again in %.0f s",
                        *key,
                        error or type(error).__name__,
                        wait,
                        exc_info=not expected,
                    )
                if wait is None and not changed.is_set():
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await changed.wait()
                    await asyncio.sleep(SETTLE_SECONDS)
        finally:
            del self._workers[key]
            if not changed.is_set():
                self._changed.pop(key, None)

    async def _look(self, key: Key) -> float | None:
        async with self._gate.through(key, past=self._is_urgent(key)):
            async with asyncio.timeout(RECONCILE_TIMEOUT_SECONDS):  # wait_for may lose a cancellation
                return await self._reconcile(key)

    async def _watch(self, children: Watched, kind: Kind, namespace: str | None) -> None:
        failures = 0
        while True:
            try:
                async for key in children.follow(kind, namespace):
                    failures = 0
                    if key is not None:
                        self.wake(key)
                pause = _backoff(1)  # the server ends every watch; one that ends each at once is not to be hammered
            except Exception as error:
                # Nothing may end a watch either: its profiles would only be looked at by the clock.
                failures += 1
                pause = _backoff(failures)
                expected = isinstance(error, ModelProfilerError)
                log.log(
                    logging.WARNING if expected else logging.ERROR,
                    "watch of %s: %s; again in %.0f s",
                    kind.plural,
                    error or type(error).__name__,
                    pause,
                    exc_info=not expected,
                )
            await asyncio.sleep(pause)


def _backoff(failures: int) -> float:
    """Return how long to wait after a number of failures in a row, in seconds; random, so that retries do not align."""
    longest = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret depends on it
