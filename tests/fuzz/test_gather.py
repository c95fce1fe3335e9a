"""Children, nodes, files and profiles that are anything: a look ends with a world, or is to be tried again.

What is certain of an object is what an API server holds for every one: names, uid, times, and texts as labels and
annotations. Everything else is changed, also what the schema of a Job or a pod would not allow.
"""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

from hypothesis import strategies as st
from tests.fuzz.exploring import explore
from tests.unit.cluster.world import KEY, World, under_load
from tests.unit.commands.test_mutated import TEXTS, mutated

from modelprofiler.cluster.adapter import CONFIG_MAPS, DEPLOYMENTS, JOBS, NODES, PODS, PROFILES, Kind
from modelprofiler.cluster.gather.gatherer import READ_TRIES
from modelprofiler.cluster.gather.world import World as Gathered
from modelprofiler.errors import Retryable

CERTAIN = ("name", "namespace", "uid", "creationTimestamp", "resourceVersion", "generation", "ownerReferences")
CHANGED = (JOBS, PODS, DEPLOYMENTS, NODES, CONFIG_MAPS, PROFILES)
TEXT = st.one_of(st.sampled_from(TEXTS), st.text(max_size=8)).map(lambda text: text.encode("utf-8", "replace").decode())


async def world_with_a_result() -> World:
    """Return a world in which the load of a trial has ended, and nothing is recorded of it."""
    world = await under_load(trial=2)
    world.advance(12)
    return world


BASE = asyncio.run(world_with_a_result()).cluster.objects
BODIES = {kind: [body for (plural, _, _), body in BASE.items() if plural == kind.plural] for kind in CHANGED}


@st.composite
def garbage(draw: st.DrawFn) -> tuple[Kind, Any]:
    """Return an object of a kind with anything in it but what is certain."""
    kind = draw(st.sampled_from([kind for kind, bodies in BODIES.items() if bodies]))
    pattern = draw(st.sampled_from(BODIES[kind]))
    meta = pattern["metadata"]
    texts = {name: dict(meta.get(name) or {}) for name in ("labels", "annotations")}
    for known in texts.values():
        for name in draw(st.lists(st.sampled_from(sorted(known)), max_size=2)) if known else ():
            known[name] = draw(TEXT)
    parts = draw(
        mutated([{name: part for name, part in pattern.items() if name not in ("metadata", "kind", "apiVersion")}])
    )
    body = copy.deepcopy(parts) if isinstance(parts, dict) else {"status": parts}
    body = {str(name): part for name, part in body.items()}
    certain = {name: meta[name] for name in CERTAIN if name in meta}
    return kind, body | {name: pattern[name] for name in ("kind", "apiVersion") if name in pattern} | {
        "metadata": certain | texts
    }


def check(case: list[tuple[Kind, Any]]) -> None:
    """Look at a profile, as often as it is to be tried again, with these objects in the cluster."""

    async def look() -> None:
        world = await world_with_a_result()
        for kind, body in case:
            place = kind.plural, body["metadata"].get("namespace", ""), body["metadata"]["name"]
            if place in world.cluster.objects:
                world.cluster.objects[place] = json.loads(json.dumps(body))
        world.kept.doubt(BASE[PROFILES.plural, *KEY]["metadata"]["uid"])
        for _ in range(READ_TRIES + 1):
            try:
                assert isinstance(await world.reconciler._gatherer.world(KEY), Gathered)
                return
            except Retryable:
                continue
        raise AssertionError("it is tried again for ever")

    asyncio.run(look())


def test_no_exception_of_any_kind_leaves_gather() -> None:
    """Whatever is wrong concerns this profile alone, and is said in its status after a few tries."""
    explore(check, st.lists(garbage(), min_size=1, max_size=3), examples=15)
