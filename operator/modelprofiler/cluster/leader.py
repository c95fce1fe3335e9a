"""One operator at a time: a Lease elects who serves, as for every controller of Kubernetes.

Two operators of the same profiles (an upgrade, a second release, a second replica) would undo each other's work. The
one that holds the Lease serves, the others stand by. One that loses it, because the API server could not be reached for
a while, stops before another one may start, and stands by as well. One that was paused meanwhile, as a whole, stops as
soon as it reads that another one holds the Lease.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.baselock import BaseLock

from modelprofiler.api.objects import Object
from modelprofiler.cluster.adapter import LEASES, Cluster
from modelprofiler.errors import ModelProfilerError, NotFound

log = logging.getLogger(__name__)

LEASE = "modelprofiler"
"""Name of the Lease: the same for every release, so that a second one notices the first."""
LEASE_SECONDS = 30.0
"""How long a Lease holds after it was renewed last: so long nobody serves when an operator dies with its node."""
RENEW_SECONDS = 12.0
"""How long the holder tries to renew it before it stops. The last try may take two requests and a pause more, 25 s in
all, which leaves five seconds for stopping before anybody else may take it."""
RETRY_SECONDS = 5.0
"""How often it is renewed, or asked for: a dozen small writes a minute."""
REQUEST_SECONDS = 4.0
"""Timeout of one request, so that several fit into `RENEW_SECONDS`."""

NOT_FOUND = 404


class _Lock(BaseLock):
    """A Lease as the election of the client library wants it: every fault is an answer and not an exception."""

    def __init__(
        self, cluster: Cluster, namespace: str, name: str, identity: str, note_holder: Callable[[str], None]
    ) -> None:
        super().__init__(name, namespace, identity)
        self._cluster = cluster
        self._note_holder = note_holder
        self._lease: Object = {}
        self.is_taken = False
        """Whether another operator has held the Lease since it was ours, as far as it was read."""

    async def get(
        self, name: str, namespace: str
    ) -> tuple[bool, LeaderElectionRecord] | tuple[bool, Exception] | tuple[bool, None]:
        """Return (True, who holds the Lease), or (False, why that is not known)."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                self._lease = await self._cluster.get(LEASES, namespace, name)
        except NotFound as error:
            missing = ApiException(status=NOT_FOUND, reason=str(error))
            missing.body = json.dumps({"code": NOT_FOUND})
            return False, missing
        except (ModelProfilerError, TimeoutError) as error:
            return False, ApiException(status=0, reason=str(error) or "timed out")
        spec = self._lease.get("spec") or {}
        holder = str(spec.get("holderIdentity") or "")
        if holder:
            self.is_taken = holder != self.identity
            self._note_holder(holder)
        seconds = spec.get("leaseDurationSeconds")
        return True, LeaderElectionRecord(
            holder or None, str(seconds) if seconds else None, spec.get("acquireTime"), spec.get("renewTime")
        )

    async def create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        """Create the Lease; return whether it is ours now."""
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": namespace},
            "spec": self._spec(election_record, {}),
        }
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                is_ours = await self._cluster.create(LEASES, namespace, body) is not None
        except (ModelProfilerError, TimeoutError) as error:
            log.warning("the Lease %s/%s cannot be created: %s", namespace, name, error or "timed out")
            return False
        if is_ours:
            self.is_taken = False
        return is_ours

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        """Write the Lease that was read last; return False when somebody was quicker, or it could not be written."""
        spec = self._spec(updated_record, self._lease.get("spec") or {})
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                self._lease = await self._cluster.replace(LEASES, {**self._lease, "spec": spec})
        except (ModelProfilerError, TimeoutError) as error:
            log.warning("the Lease %s/%s cannot be renewed: %s", namespace, name, error or "timed out")
            return False
        self.is_taken = False
        return True

    async def release(self) -> None:
        """Give the Lease back, so that the next operator need not wait until it runs out."""
        spec = self._lease.get("spec") or {}
        if spec.get("holderIdentity") != self.identity:
            return
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await self._cluster.replace(LEASES, {**self._lease, "spec": {**spec, "holderIdentity": ""}})
        except (ModelProfilerError, TimeoutError) as error:
            log.warning("the Lease cannot be given back, and runs out by itself: %s", error or "timed out")

    def _spec(self, record: LeaderElectionRecord, old: Object) -> Object:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        ours = old.get("holderIdentity") == self.identity
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": round(LEASE_SECONDS),
            "acquireTime": (old.get("acquireTime") if ours else None) or now,
            "renewTime": now,
            "leaseTransitions": int(old.get("leaseTransitions") or 0) + (not ours and bool(old)),
        }


class Leadership:
    """Holds the Lease of each served scope, and serves while it holds all of them.

    Parameters
    ----------
    cluster
        The API server.
    namespaces
        The namespaces of the Leases: that of all operators of the cluster, or each namespace that is served.
    identity
        Of this operator: the same after a restart of its container, another one in another pod.
    """

    def __init__(self, cluster: Cluster, namespaces: tuple[str, ...], identity: str) -> None:
        self._identity = identity
        self._locks = [_Lock(cluster, space, LEASE, identity, self._note_holder) for space in namespaces]
        self._holder = ""
        self._serving: asyncio.Future[None] | None = None
        self.leads = False
        """Whether this operator serves."""

    @property
    def holder(self) -> str:
        """The operator that held a Lease when it was read last; empty before that."""
        return self._holder

    async def keep(self, serve: Callable[[], Awaitable[None]]) -> None:
        """Serve whenever all Leases are held, until cancelled; then give them back.

        Parameters
        ----------
        serve
            Serves until it is cancelled. It has stopped when it returns.
        """
        try:
            while True:
                await self._hold(0, serve)
        finally:
            for lock in self._locks:
                await lock.release()

    async def _hold(self, index: int, serve: Callable[[], Awaitable[None]]) -> None:
        """Hold a Lease and, while it is held, the next one; return once it was lost and nothing serves any more."""
        if index == len(self._locks):
            await self._lead(serve)
            return
        inner: asyncio.Task[None] | None = None

        async def held() -> None:
            nonlocal inner
            inner = asyncio.current_task()
            while True:
                await self._hold(index + 1, serve)

        async def lost() -> None:
            if inner is not None:
                await asyncio.wait([inner])

        config = Config(self._locks[index], LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS, held, lost)
        try:
            await LeaderElection(config).run()
        finally:
            if inner is not None:
                inner.cancel()
                await asyncio.wait([inner])

    async def _lead(self, serve: Callable[[], Awaitable[None]]) -> None:
        while any(lock.is_taken for lock in self._locks):  # noqa: ASYNC110 - the election notices, and cancels this
            await asyncio.sleep(RETRY_SECONDS)
        log.info("%s holds the Lease and serves", self._identity)
        self.leads = True
        self._serving = serving = asyncio.ensure_future(serve())
        try:
            await asyncio.wait([serving])
            if not serving.cancelled():
                serving.result()
        except Exception as error:
            # The Lease is held all the same: an operator that cannot begin now tries again, as any other would have to.
            expected = isinstance(error, ModelProfilerError | TimeoutError)
            log.log(
                logging.WARNING if expected else logging.ERROR,
                "cannot serve: %s; again in %.0f s",
                error or type(error).__name__,
                RETRY_SECONDS,
                exc_info=not expected,
            )
            await asyncio.sleep(RETRY_SECONDS)
        finally:
            serving.cancel()
            await asyncio.wait([serving])
            self.leads, self._serving = False, None
            log.info("%s has stopped serving", self._identity)

    def _note_holder(self, holder: str) -> None:
        if holder not in (self._holder, self._identity):
            log.info("%s stands by: %s holds the Lease and serves", self._identity, holder)
        self._holder = holder
        if self._serving is not None and holder != self._identity:
            # This operator was paused while its Lease ran out. The election tries for `RENEW_SECONDS` to get it back.
            self._serving.cancel()
