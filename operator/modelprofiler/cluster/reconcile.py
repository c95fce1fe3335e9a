"""One look at a profile: gather the world, decide, act, write the status.

Each look reads everything first, and writes the status at most once. Between two looks nothing is kept but caches: how
far a run has come follows from its status and its children.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.cluster.act import events
from modelprofiler.cluster.act.perform import Act, refusal_of
from modelprofiler.cluster.adapter import PROFILES, Cluster
from modelprofiler.cluster.decide.actions import Action
from modelprofiler.cluster.decide.decision import Decision, Turn
from modelprofiler.cluster.decide.policies import NOT_ACCEPTED_SECONDS, decide
from modelprofiler.cluster.gather.cache import Children
from modelprofiler.cluster.gather.gatherer import Gatherer
from modelprofiler.cluster.gather.measure import Sources
from modelprofiler.cluster.gather.remembered import Remembered
from modelprofiler.cluster.gather.world import ActionRefused, World
from modelprofiler.cluster.queue import Key
from modelprofiler.cluster.settings import Settings
from modelprofiler.cluster.telemetry.logs import about, set_about
from modelprofiler.cluster.telemetry.metrics import Metrics
from modelprofiler.cluster.turns import Turns
from modelprofiler.errors import NotAllowed, NotFound, Refused, WebhookFailed

log = logging.getLogger(__name__)

LEASE_TRIES, LEASE_SECONDS = 5, 60.0
"""A running profile whose decisions cannot be carried out this often, for this long, loses its turn: the profile itself
can be read, so it is not the API server that is away. Five tries are half a minute with the pauses of the controller;
one minute is longer than any admission webhook is waited for."""

TOLD_SECONDS = 10.0
"""How long an admission webhook may fail, or a right be missing, until the profile says so and gives up its turn: what
was just started, a webhook or an API server that has not read its rules yet, is ready within seconds. With the usual
timeout of a webhook, 10 s, it is the second failure that is told, less than half a minute after the first request."""

SET_BACK_SECONDS = 60.0
"""How often a profile that has lost its turn tries whether it can have one."""


class Reconciler:
    """Looks at profiles.

    Parameters
    ----------
    cluster, sources, settings
        The API server, where usage is read, what the installer decided.
    turns, children
        Whose turn it is, and what the watches know.
    metrics
        Where finished trials and runs are counted.
    clock
        Returns the time, with a zone.
    """

    def __init__(
        self,
        cluster: Cluster,
        sources: Sources,
        settings: Settings,
        turns: Turns,
        children: Children,
        metrics: Metrics,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster, self._settings = cluster, settings
        self._turns = turns
        self._children = children
        self._metrics = metrics
        self._remembered = Remembered()
        self._gatherer = Gatherer(cluster, sources, settings, turns, children, self._remembered, clock)

    def is_own_write(self, raw: Object) -> bool:
        """Return whether an object is as this reconciler itself left it, so that there is nothing new to look at."""
        return self._remembered.is_own(raw)

    def forget(self, raw: Object) -> None:
        """Forget a profile that is gone."""
        self._remembered.forget((raw["metadata"]["namespace"], raw["metadata"]["name"]))
        self._children.forget(raw["metadata"]["uid"])

    async def reconcile(self, key: Key) -> float | None:
        """Look at a profile once; return the seconds until it wants to be looked at again, or None.

        Raises
        ------
        ClusterUnavailable, Conflict, NotFound
            When it is to be looked at again: nothing was lost, and nothing is done twice.
        """
        if self._turns.is_set_back(key):
            return SET_BACK_SECONDS
        world = await self._gatherer.world(key)
        set_about(about(key, world.raw.get("status") or {}))
        decision = decide(world)
        # No await lies between reading the queue and this line, so no other profile can have taken the turn.
        self._update_turn(world, decision)
        done, finished = False, False
        try:
            done = await self._carry_out(world, decision)
            finished = True
        finally:
            if not done and "metadata" in world.raw:
                self._children.doubt(world.raw["metadata"]["uid"])  # the last action may or may not have happened
            self._note_turn(world, decision, finished=finished)
        if not done:
            return 0.0
        if decision.turn is Turn.RELEASE:  # last, so that the next profile starts when this one has cleaned up
            self._turns.release(key)
        return decision.next_look

    def _note_turn(self, world: World, decision: Decision, *, finished: bool) -> None:
        """Note whether a profile uses its turn; one whose decisions cannot be carried out loses it."""
        if finished:
            written = decision.status is not None
            self._turns.confirm(world.key, written=written)
            if written:
                self._remembered.succeeded(world.key)
            return
        tries, lasted = self._remembered.failed(world.key, world.now)
        over = tries >= LEASE_TRIES and lasted >= timedelta(seconds=LEASE_SECONDS)
        if self._turns.give_back(world.key, after_all=over) and over:
            log.error("%s/%s: gives its turn back: nothing can be written for %d tries", *world.key, tries)

    def _update_turn(self, world: World, decision: Decision) -> None:
        match decision.turn:
            case Turn.TAKE:
                self._turns.take(world.key)
            case Turn.WAIT:
                self._turns.wait(world.key)
            case Turn.FORGET:
                self._turns.forget(world.key)
                self._remembered.forget(world.key)

    async def _carry_out(self, world: World, decision: Decision) -> bool:
        """Act and write, in the order that the decision says; return False when the API server refused an action."""
        if not await self._act(world, decision, decision.before_write):
            return False
        if decision.status is not None:
            await self._write(world, decision.status)
            await self._tell(world, decision)
        return await self._act(world, decision, decision.after_write)

    async def _act(self, world: World, decision: Decision, actions: Sequence[Action]) -> bool:
        if not actions:
            return True
        act = Act.of(self._cluster, self._settings, world, decision, self._remembered.files(world.key))
        for action in actions:
            try:
                await act.do(action)
            except NotFound:
                raise  # somebody was quicker, or the namespace is about to go: look again
            except Refused as error:
                failing = self._remembered.failing(world.key, world.now)
                if isinstance(error, WebhookFailed | NotAllowed) and failing < timedelta(seconds=TOLD_SECONDS):
                    raise
                # The next look reports it. The dry run before a run may pass although the real request fails; without a
                # pause the operator would go back and forth between the two.
                until = world.now + timedelta(seconds=NOT_ACCEPTED_SECONDS)
                refused = ActionRefused(refusal_of(action, error), until)
                self._remembered.refused(world.key, world.raw["metadata"]["generation"], refused)
                return False
        return True

    async def _tell(self, world: World, decision: Decision) -> None:
        if not isinstance(world.profile, ModelProfile):
            return  # an event needs the parsed profile; the status says what is wrong
        for event in decision.events:
            await events.tell(
                self._cluster, world.profile, event.reason, event.message, world.now, warning=event.warning
            )

    async def _write(self, world: World, status: ModelProfileStatus | Object) -> None:
        """Write the status, provided that the profile has not changed since it was read."""
        body = status.to_dict() if isinstance(status, ModelProfileStatus) else status
        written = await self._cluster.replace_status(PROFILES, {**world.raw, "status": body})
        self._turns.note(written)
        self._remembered.wrote(written, world.now)
        self._metrics.status_written(world.raw["metadata"]["uid"], world.raw.get("status") or {}, body, world.now)
