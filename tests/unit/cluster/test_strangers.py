"""Objects of others that look like children of a profile: a run takes no notice of them, and leaves them alone."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from tests.unit.cluster.act.test_perform import act
from tests.unit.cluster.objects import BIG, UID, now, profile, raw_profile
from tests.unit.cluster.standin import KINDS, StandIn
from tests.unit.cluster.world import World

from modelprofiler.api.objects import Object
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import CONFIG_MAPS, DEPLOYMENTS, EVENTS, JOBS, PODS, Kind
from modelprofiler.cluster.decide.actions import CreateServer, DeleteFiles, DeleteServer
from modelprofiler.errors import Conflict, NameTaken

INLINE = {"source": {"inline": "[1]\n[2]\n"}}
NAME = names.server(profile(), "abc", 1)


def taken(objects: Iterable[Object]) -> list[Object]:
    """Return objects of somebody else that have the names and the labels of ours."""
    copies: list[Object] = json.loads(json.dumps(list(objects)))
    for body in copies:
        for field in ("uid", "ownerReferences", "creationTimestamp", "resourceVersion"):
            body["metadata"].pop(field, None)
        if "data" in body:
            body["data"] = dict.fromkeys(body["data"], "foreign")
    return copies


async def made_in_a_run() -> dict[tuple[str, str], Object]:
    """Return everything that a run creates, by plural and name."""
    world = World(raw_profile(dataset=INLINE))
    created: dict[tuple[str, str], Object] = {}

    def keep(verb: str, kind: Kind, name: str) -> None:
        stored = world.cluster.objects.get((kind.plural, "team", name))
        if verb == "create" and stored and kind in (CONFIG_MAPS, DEPLOYMENTS, JOBS):
            created[kind.plural, name] = json.loads(json.dumps(stored))

    world.cluster.after = keep
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
    return created


async def test_a_run_whose_names_are_all_taken_goes_on_under_others() -> None:
    """Nothing of somebody else is used, changed or deleted, and the events say so."""
    created = await made_in_a_run()
    world = World(raw_profile(dataset=INLINE))
    strangers = {}
    for (plural, name), body in zip(created, taken(created.values()), strict=True):
        strangers[plural, name] = world.cluster.put(KINDS[plural], body)["metadata"]["uid"]
    world.restart()
    files: list[str] = []

    def see(verb: str, kind: Kind, name: str) -> None:
        if verb == "create" and kind in (DEPLOYMENTS, JOBS) and name.endswith("-2"):
            files.append(json.dumps(world.cluster.objects[kind.plural, "team", name]["spec"]))

    world.cluster.after = see
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
    assert strangers == {
        (plural, name): world.cluster.objects[plural, "team", name]["metadata"]["uid"] for plural, name in created
    }
    assert len(files) >= 4
    usual = names.files(profile(), str(world.profile().status.run_hash))
    assert all(f'"{usual}-2"' in spec and f'"{usual}"' not in spec for spec in files if usual in spec)
    messages = {e["reason"]: e["message"] for e in world.cluster.of(EVENTS)}
    assert "exists and does not belong to this profile" in messages["NameTaken"]


async def test_where_every_name_is_taken_the_profile_says_so() -> None:
    """It is tried again every half minute, as somebody may delete them."""
    world = World()
    await world.look()
    usual = names.server(profile(), str(world.profile().status.run_hash), 1)
    world = World()
    for name in names.alternatives(usual):
        world.cluster.put(DEPLOYMENTS, {"metadata": {"name": name, "namespace": "team", "labels": {}}})
    world.advance = lambda seconds: None  # type: ignore[method-assign] # nobody plays their controllers
    await world.look()
    await world.look()
    accepted = next(c for c in world.profile().status.conditions if c.type == "Accepted")
    assert ("False", "AdmissionRefused") == (accepted.status, accepted.reason)
    assert f"all names that deployments {usual!r} may have are taken by objects of others" in accepted.message


async def test_our_own_object_is_success_and_somebody_elses_is_not() -> None:
    """Also where it has every label, and an owner that is no controller."""
    cluster = StandIn(lambda: now(0))
    await act(cluster).do(CreateServer(1, BIG, None))
    await act(cluster).do(CreateServer(1, BIG, None))
    (mine,) = cluster.of(DEPLOYMENTS)
    for references in ([], [{**names.owner(profile()), "controller": False}], [{**names.owner(profile()), "uid": "x"}]):
        cluster = StandIn(lambda: now(0))
        body = json.loads(json.dumps(mine))
        body["metadata"]["ownerReferences"] = references
        cluster.put(DEPLOYMENTS, body)
        with pytest.raises(NameTaken, match="does not belong to this profile"):
            await cluster.create(DEPLOYMENTS, "team", mine)
        await act(cluster).do(CreateServer(1, BIG, None))
        assert [NAME, f"{NAME}-2"] == [o["metadata"]["name"] for o in cluster.of(DEPLOYMENTS)]


async def test_files_of_ours_that_somebody_has_changed_are_not_used() -> None:
    """The digest in the status would be that of other code."""
    cluster = StandIn(lambda: now(0))
    await act(cluster, dataset=INLINE).do(CreateServer(1, BIG, None))
    (files,) = cluster.of(CONFIG_MAPS)
    files["data"] = {"modelprofiler-dataset": "foreign"}
    cluster.put(CONFIG_MAPS, files)
    await act(cluster, dataset=INLINE).do(CreateServer(2, BIG, None))
    assert ["foreign", "[1]\n[2]\n"] == [o["data"]["modelprofiler-dataset"] for o in cluster.of(CONFIG_MAPS)]


async def test_what_is_deleted_is_what_was_seen() -> None:
    """Neither an object that has got its name since, nor one of somebody else."""
    cluster = StandIn(lambda: now(0))
    stranger = {"metadata": {"name": NAME, "namespace": "team", "labels": {names.PROFILE_UID: UID}}}
    cluster.put(DEPLOYMENTS, stranger)
    await act(cluster).do(DeleteServer(NAME))
    acting = act(cluster)
    versions = {("deployments", NAME): "gone since"}
    with pytest.raises(Conflict):
        await type(acting)(cluster, acting.settings, "team", UID, acting.profile, acting.run, versions).do(
            DeleteServer(NAME)
        )
    files = {"metadata": {"name": "f", "namespace": "team", "labels": names.labels(profile(), "abc", names.FILES)}}
    cluster.put(CONFIG_MAPS, files)
    await act(cluster).do(DeleteFiles())
    assert [1, 1] == [len(cluster.of(kind)) for kind in (DEPLOYMENTS, CONFIG_MAPS)]


@pytest.mark.parametrize("kind", [DEPLOYMENTS, JOBS, PODS], ids=lambda kind: kind.plural)
@pytest.mark.parametrize("annotations", [{}, {names.CPU: "x" * 100_000}, None], ids=["none", "huge", "null"])
async def test_an_object_with_our_labels_and_no_owner_changes_nothing(kind: Kind, annotations: object) -> None:
    """Malformed as it may be: it is ignored, and the profile runs to its end."""
    world = World()
    await world.look()
    labels = names.labels(profile(), str(world.profile().status.run_hash), names.LOAD)
    body = {
        "kind": "Job",
        "metadata": {"name": "aaa", "namespace": "team", "labels": labels, "annotations": annotations},
        "spec": {},
    }
    world.kept.wrote(kind, {**body, "metadata": {**body["metadata"], "uid": "u", "resourceVersion": "1"}})  # type: ignore[dict-item]
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
