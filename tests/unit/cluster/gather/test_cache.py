"""What is kept of children is no older than the operator's own last action, whatever the watches say and when."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from tests.unit.cluster.objects import UID, now, profile
from tests.unit.cluster.standin import StandIn

from modelprofiler.api.objects import Object
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import DEPLOYMENTS, JOBS, PODS, Kind
from modelprofiler.cluster.gather.cache import KINDS, ChildObjects, Children
from modelprofiler.cluster.gather.objects import COMPLETION_INDEX
from modelprofiler.errors import ClusterUnavailable

Event = tuple[str, Object]
KEY = ("team", "digits")


class Server(StandIn):
    """An API server whose watches yield prepared lists, one after the other."""

    def __init__(self, *streams: list[Event | Exception]) -> None:
        super().__init__(lambda: now(0))
        self.streams = list(streams)
        self.watched_from: list[str] = []

    async def snapshot(
        self, kind: Kind, namespace: str | None, selector: str, keep: Callable[[Object], Object]
    ) -> tuple[Sequence[Object], str]:
        """Return what is there, as of version 100."""
        return [keep(o) for o in await self.list(kind, namespace, selector)], "100"

    async def watch(
        self, kind: Kind, namespace: str | None, selector: str, version: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """Yield the next list."""
        self.watched_from.append(version)
        for event in self.streams.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event


def child(name: str, version: int, uid: str = "", **fields: object) -> Object:
    """Return a child of the profile; its uid is its name by default."""
    return {
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": uid or name,
            "resourceVersion": str(version),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {names.MANAGED_BY: names.MANAGER, names.PROFILE_UID: UID},
            "annotations": {names.PROFILE_NAME: "digits"},
            "ownerReferences": [names.owner(profile())],
            "managedFields": [],
        },
        **fields,
    }


def pod_of(job: str, name: str, version: int, **fields: Any) -> Object:
    """Return the pod of a Job."""
    body = child(name, version, **fields)
    body["metadata"]["ownerReferences"] = [
        {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": job, "controller": True}
    ]
    return body


async def filled(*streams: list[Event | Exception]) -> tuple[Server, Children]:
    """Return an empty API server and what is kept of it."""
    server = Server(*streams)
    children = Children(server)
    await children.fill()
    server.calls.clear()
    return server, children


async def of(children: Children) -> ChildObjects:
    """Return the children of the profile."""
    return await children.of("team", UID)


def listed(server: Server) -> list[str]:
    """Return the kinds that were listed."""
    return [plural for verb, plural, _ in server.calls if verb == "list"]


def listing(objects: Sequence[Object]) -> list[tuple[str, bool]]:
    """Return names, and whether each is being deleted."""
    return [(o["metadata"]["name"], "deletionTimestamp" in o["metadata"]) for o in objects]


async def follow(children: Children, kind: Kind = JOBS) -> list[object]:
    """Return whose children a watch says have changed, until it ends."""
    return [key async for key in children.follow(kind, None)]


async def test_a_look_lists_nothing_once_everything_was_listed() -> None:
    """What the watches tell is enough."""
    server, children = await filled([("ADDED", child("t1", 101))])
    assert [KEY] == await follow(children)
    assert ([("t1", False)], []) == (listing((await of(children)).jobs), listed(server))


async def test_what_the_operator_writes_is_known_before_any_event() -> None:
    """Created, resized, deleted: the answer says so."""
    server, children = await filled()
    await server.create(JOBS, "team", child("t1", 0))
    assert [("t1", False)] == listing((await of(children)).jobs)
    await server.delete(JOBS, "team", "t1")
    assert [("t1", True)] == listing((await of(children)).jobs)
    assert [] == listed(server)


async def test_an_event_that_is_older_than_the_own_write_changes_nothing() -> None:
    """It was under way already."""
    _, children = await filled()
    children.wrote(PODS, pod_of("t1", "p", 105, spec={"nodeName": "new"}))
    children.take(PODS, "MODIFIED", pod_of("t1", "p", 104, spec={"nodeName": "old"}))
    (pod,) = (await of(children)).pods
    assert {"nodeName": "new"} == pod["spec"]


async def test_what_was_deleted_is_being_deleted_until_the_watch_says_that_it_is_gone() -> None:
    """Whatever else the watch says of it before: a finalizer may hold it, or the event be late."""
    _, children = await filled()
    children.wrote(DEPLOYMENTS, child("s1", 101))
    children.deleted(DEPLOYMENTS, "team", "s1")
    children.take(DEPLOYMENTS, "MODIFIED", child("s1", 102))
    assert [("s1", True)] == listing((await of(children)).deployments)
    children.take(DEPLOYMENTS, "DELETED", child("s1", 103))
    assert [] == listing((await of(children)).deployments)
    children.wrote(DEPLOYMENTS, child("s1", 104, uid="another of that name"))
    assert [("s1", False)] == listing((await of(children)).deployments)


@pytest.mark.parametrize("end", [ClusterUnavailable("410 Gone"), KeyError("metadata")], ids=["it breaks", "a bug"])
async def test_while_a_watch_is_broken_every_look_lists_and_the_next_watch_begins_with_a_list(end: Exception) -> None:
    """What it missed is not known."""
    server, children = await filled([("ADDED", child("t1", 99)), end], [("ADDED", child("t2", 102))])
    with pytest.raises(type(end)):
        await follow(children)
    assert ([], ["deployments", "jobs", "pods"]) == (listing((await of(children)).jobs), listed(server))
    server.put(JOBS, child("t3", 0))
    assert [KEY, KEY] == await follow(children)
    server.calls.clear()
    assert (["t3", "t2"], []) == ([name for name, _ in listing((await of(children)).jobs)], listed(server))
    assert ["100", "100"] == server.watched_from


async def test_a_watch_that_the_server_ended_goes_on_where_it_was_without_a_list() -> None:
    """At the last event, or the last bookmark."""
    bookmark = {"metadata": {"resourceVersion": "140"}}
    server, children = await filled([("ADDED", child("t1", 101)), ("BOOKMARK", bookmark)], [])
    assert [[KEY], []] == [await follow(children), await follow(children)]
    assert (["100", "140"], []) == (server.watched_from, listed(server))


async def test_a_profile_whose_last_action_is_in_doubt_is_listed_once() -> None:
    """An answer was lost, or somebody else was quicker."""
    server, children = await filled()
    children.wrote(JOBS, child("t1", 99))
    children.doubt(UID)
    assert [] == listing((await of(children)).jobs)
    await of(children)
    assert ["deployments", "jobs", "pods"] == listed(server)


async def test_a_list_does_not_take_back_what_was_written_after_it() -> None:
    """The answer to a list may come later than that to a write."""
    _, children = await filled()
    children.wrote(JOBS, child("t1", 101))
    children.doubt(UID)
    assert [("t1", False)] == listing((await of(children)).jobs)


async def test_what_a_list_has_shown_to_be_gone_does_not_come_back_by_a_late_event() -> None:
    """Watches lag behind."""
    _, children = await filled()
    children.doubt(UID)
    await of(children)
    children.take(JOBS, "MODIFIED", child("t1", 99))
    assert [] == listing((await of(children)).jobs)
    children.take(JOBS, "ADDED", child("t2", 101))
    assert [("t2", False)] == listing((await of(children)).jobs)


async def test_a_job_that_ended_before_its_pod_did_has_its_pods_listed() -> None:
    """The watches are not in step, and without the pod's last words the trial would have no result."""
    server, children = await filled()
    over = {"conditions": [{"type": "Complete", "status": "True"}]}
    children.take(JOBS, "ADDED", child("t1", 101, status=over))
    ended = {"containerStatuses": [{"state": {"terminated": {"message": "result"}}}]}
    server.put(PODS, pod_of("t1", "t1-x", 0, status=ended))
    assert [("t1-x", False)] == listing((await of(children)).pods)
    await of(children)
    assert ["pods"] == listed(server)


@pytest.mark.parametrize(
    "references",
    [
        [],
        [names.owner(profile()) | {"controller": False}],
        [names.owner(profile()) | {"kind": "Deployment"}],
        [names.owner(profile()) | {"apiVersion": "example.com/v1"}],
        [names.owner(profile()) | {"uid": "another"}],
    ],
)
async def test_labels_make_nobody_a_child(references: list[Object]) -> None:
    """Only the owner reference of its controller does, with the uid of the profile."""
    _, children = await filled()
    for kind, controller in ((JOBS, references), (DEPLOYMENTS, references), (PODS, [])):
        stranger = child(f"{kind.plural}-x", 101)
        stranger["metadata"]["ownerReferences"] = controller
        children.take(kind, "ADDED", stranger)
    assert ChildObjects() == await of(children)


async def test_a_child_in_another_namespace_is_nobodys() -> None:
    """Who may create objects in one namespace has no part in another one, whatever uid the owner reference has."""
    _, children = await filled()
    for kind, body in ((JOBS, child("t1", 101)), (PODS, pod_of("t1", "t1-x", 102)), (DEPLOYMENTS, child("s1", 103))):
        body["metadata"]["namespace"] = "elsewhere"
        children.take(kind, "ADDED", body)
    assert ChildObjects() == await of(children)


async def test_a_stranger_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """It wakes nobody, so that it costs nothing, however often it changes."""
    stranger = child("t1", 101)
    del stranger["metadata"]["ownerReferences"]
    changes: list[Event | Exception] = [("MODIFIED", stranger)] * 3
    _, children = await filled([("ADDED", stranger), *changes])
    assert [None] * 4 == await follow(children)
    (record,) = caplog.records
    assert "jobs team/t1 has the labels of a ModelProfile's child and is ignored" in record.getMessage()


async def test_a_name_that_is_none_wakes_nobody() -> None:
    """It would be asked for."""
    body = pod_of("t1", "t1-x", 101)
    body["metadata"]["annotations"] = {names.PROFILE_NAME: "../../other/modelprofiles/x"}
    _, children = await filled([("ADDED", body)])
    assert [None] == await follow(children, PODS)


async def test_an_object_that_is_not_ours_is_not_kept() -> None:
    """Somebody may have the name of a child."""
    _, children = await filled()
    stranger = child("t1", 101)
    del stranger["metadata"]["labels"]
    children.wrote(JOBS, stranger)
    assert [] == listing((await of(children)).jobs)
    assert (True, False) == (children.follows(KINDS[0]), children.follows(Kind("/api/v1", "events")))


async def test_no_more_is_kept_of_a_child_than_is_read_of_it() -> None:
    """Whoever may create a pod decides how large it is, and may forge what makes it a child."""
    large = "x" * 2**20
    containers = [{"name": "server", "image": "i", "env": [{"name": "X", "value": large}], "resources": {}}]
    pod = pod_of("t1", "p", 105, spec={"nodeName": "n", "containers": containers, "volumes": [{"name": large}]})
    pod["metadata"]["annotations"] |= {"other": large, COMPLETION_INDEX: "3"}
    annotations = {names.LOAD_CONFIG: "{}", "other": large}
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": containers}}
    job = child("t1", 104, spec={"completions": 2, "template": template}, status={"conditions": []})
    deployment = child("s1", 103, spec={"replicas": 1, "template": template}, status={"conditions": []})
    server, children = await filled([("ADDED", pod)])
    server.put(JOBS, job)
    server.put(DEPLOYMENTS, deployment)
    await children.fill()
    children.wrote(PODS, pod)
    seen = await of(children)
    assert len(json.dumps([*seen.pods, *seen.jobs, *seen.deployments])) < 3_000
    assert {
        "nodeName": "n",
        "containers": [{"name": "server", "image": "i", "resources": {}}],
        "initContainers": [],
    } == seen.pods[0]["spec"]
    assert {names.PROFILE_NAME: "digits", COMPLETION_INDEX: "3"} == seen.pods[0]["metadata"]["annotations"]
    expected = {"completions": 2, "template": {"metadata": {"annotations": {names.LOAD_CONFIG: "{}"}}}}
    assert expected == seen.jobs[0]["spec"]
    assert large in json.dumps(pod), "the original stays as it is"


async def test_a_pod_whose_owner_the_api_server_does_not_know_is_not_kept() -> None:
    """The garbage collector leaves it alone for ever."""
    pod = pod_of("t1", "p", 105)
    pod["metadata"]["ownerReferences"][0]["apiVersion"] = "example.com/v1"
    _, children = await filled()
    children.take(PODS, "ADDED", pod)
    assert () == (await of(children)).pods
