"""The adapter against a server on this machine that answers as an API server does, well or badly.

What a real API server makes of real objects is tested end to end; here it is what only a script can be made to say.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio import client

from modelprofiler.cluster import adapter, answers, pages
from modelprofiler.cluster.adapter import CONFIG_MAPS, NODES, PODS, PROFILES, STRATEGIC_PATCH, Cluster
from modelprofiler.errors import (
    AlreadyExists,
    ClusterUnavailable,
    Conflict,
    ModelProfilerError,
    NameTaken,
    NotAllowed,
    NotFound,
    QuotaExceeded,
    Refused,
    WebhookFailed,
)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def connected(answer: Answer) -> AsyncIterator[Cluster]:
    """Serve an answer to everything, and connect to it."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    configuration = client.Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    configuration.api_key["BearerToken"] = "Bearer token-1"
    cluster = Cluster(client.ApiClient(configuration=configuration))
    try:
        yield cluster
    finally:
        await cluster.close()
        await runner.cleanup()


def answering(status: int, body: str) -> Answer:
    """Return what always answers this."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, content_type="application/json")

    return answer


def status_object(code: int, message: str) -> str:
    """Return a Status as the API server sends it."""
    return json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (400, Refused),
        (401, Refused),
        (403, Refused),
        (404, NotFound),
        (408, ClusterUnavailable),
        (409, Conflict),
        (410, ClusterUnavailable),
        (422, Refused),
        (429, ClusterUnavailable),
        (500, ClusterUnavailable),
        (503, ClusterUnavailable),
        (504, ClusterUnavailable),
    ],
)
async def test_an_error_of_the_api_server_is_ours_with_its_own_words(code: int, expected: type[Exception]) -> None:
    """Whether it may be tried again is decided here."""
    async with connected(answering(code, status_object(code, "because it is so"))) as cluster:
        with pytest.raises(expected, match=r"^because it is so$") as error:
            await cluster.get(PODS, "team", "p")
    assert expected is type(error.value)


async def test_a_quota_that_is_exceeded_is_an_error_of_its_own() -> None:
    """It may have room again later; any other refusal stays one."""
    exceeded = 'pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
    for message, expected in ((exceeded, QuotaExceeded), ("failed quota: q: must specify limits.cpu", Refused)):
        async with connected(answering(403, status_object(403, message))) as cluster:
            with pytest.raises(Refused) as error:
                await cluster.create(PODS, "team", {"metadata": {"name": "p"}}, dry_run=True)
        assert (expected, message) == (type(error.value), str(error.value))


async def test_a_webhook_that_does_not_answer_is_an_error_of_its_own() -> None:
    """The API server calls it an internal error; trying again at once takes the webhook's whole timeout again."""
    failed = 'Internal error occurred: failed calling webhook "w.x": failed to call webhook: context deadline exceeded'
    async with connected(answering(500, status_object(500, failed))) as cluster:
        with pytest.raises(WebhookFailed, match="context deadline exceeded"):
            await cluster.create(CONFIG_MAPS, "team", {"metadata": {"name": "x"}})


async def test_a_right_that_is_missing_is_an_error_of_its_own() -> None:
    """An API server that has just started says so, too; what an admission plugin refuses is something else."""
    lacks = (
        'jobs.batch is forbidden: User "system:serviceaccount:a:b" cannot create resource "jobs" in API group "batch"'
    )
    for message, expected in ((lacks, NotAllowed), ('pods "p" is forbidden: violates PodSecurity', Refused)):
        async with connected(answering(403, status_object(403, message))) as cluster:
            with pytest.raises(Refused) as error:
                await cluster.create(PODS, "team", {"metadata": {"name": "p"}})
        assert (expected, message) == (type(error.value), str(error.value))


async def test_what_etcd_cannot_take_is_refused() -> None:
    """The API server says that it is at fault itself; trying again would go on for ever."""
    async with connected(answering(500, status_object(500, "etcdserver: request is too large"))) as cluster:
        with pytest.raises(Refused, match="request is too large"):
            await cluster.create(CONFIG_MAPS, "team", {"metadata": {"name": "x"}})


@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", "[]", "null", '"text"', ""])
async def test_an_error_that_is_no_status_object_is_one_too(body: str) -> None:
    """As a proxy in between sends it."""
    async with connected(answering(502, body)) as cluster:
        with pytest.raises(ClusterUnavailable):
            await cluster.get(PODS, "team", "p")


@pytest.mark.parametrize("body", ["<html>Welcome</html>", "[]", "null", '{"metadata":', ""])
async def test_an_answer_that_is_no_object_is_no_api_server(body: str) -> None:
    """It may be one again later."""
    async with connected(answering(200, body)) as cluster:
        with pytest.raises(ClusterUnavailable, match="is no API server"):
            await cluster.get(PODS, "team", "p")


async def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call has a limit; this one is shortened."""

    async def silent(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        raise web.HTTPOk

    async with connected(silent) as cluster:
        monkeypatch.setattr(
            Cluster._send, "__kwdefaults__", {**(Cluster._send.__kwdefaults__ or {}), "limit_seconds": 0.2}
        )
        with pytest.raises(ClusterUnavailable, match="does not answer GET"):
            await cluster.get(PODS, "team", "p")


async def test_an_answer_that_stops_in_the_middle_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The head came; the body never ends."""

    async def stuck(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"metadata":')
        await asyncio.sleep(30)
        return response

    monkeypatch.setattr(adapter, "REQUEST_TIMEOUT_SECONDS", 0.2)
    async with connected(stuck) as cluster:
        with pytest.raises(ClusterUnavailable, match="broke off GET"):
            await cluster.get(PODS, "team", "p")


async def test_a_write_waits_for_a_webhook_longer_than_a_read_for_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the API server says in the end names the webhook."""

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.5)
        return web.json_response({})

    monkeypatch.setattr(adapter, "REQUEST_TIMEOUT_SECONDS", 0.2)
    async with connected(slow) as cluster:
        await cluster.create(CONFIG_MAPS, "team", {"metadata": {"name": "x"}}, dry_run=True)
        with pytest.raises(ClusterUnavailable):
            await cluster.get(PODS, "team", "p")


async def test_a_connection_that_is_cut_or_refused_is_an_unavailable_cluster() -> None:
    """Both while it answers and before."""

    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with connected(cut) as cluster:
        with pytest.raises(ClusterUnavailable):
            await cluster.get(PODS, "team", "p")
    unreachable = Cluster(client.ApiClient(configuration=client.Configuration(host="http://127.0.0.1:1")))
    with pytest.raises(ClusterUnavailable, match="does not answer GET"):
        await unreachable.get(NODES, None, "n")
    await unreachable.close()


async def test_a_list_is_read_page_by_page() -> None:
    """With the same selectors on every page."""
    asked: list[dict[str, str]] = []

    async def page(request: web.Request) -> web.StreamResponse:
        asked.append(dict(request.query))
        number = int(request.query.get("continue") or 0)
        more = {"continue": str(number + 1)} if number < 2 else {}
        return web.json_response({"metadata": more, "items": [{"metadata": {"name": f"p{number}"}}]})

    async with connected(page) as cluster:
        listed = await cluster.list(PODS, "team", "a=b", fields="c=d")
    assert ["p0", "p1", "p2"] == [o["metadata"]["name"] for o in listed]
    assert [("a=b", "c=d", str(pages.PAGE))] * 3 == [
        (q["labelSelector"], q["fieldSelector"], q["limit"]) for q in asked
    ]


async def test_a_page_of_large_objects_is_asked_for_in_smaller_pages() -> None:
    """Ten objects of 1.5 MiB, as large as etcd takes them: at most 8 MiB are in memory at once, and none is missed."""
    limits: list[int] = []

    async def page(request: web.Request) -> web.StreamResponse:
        limit, begin = int(request.query["limit"]), int(request.query.get("continue") or 0)
        limits.append(limit)
        names = [f"p{number}" for number in range(10)][begin : begin + limit]
        items = [{"metadata": {"name": name}, "data": {"k": "x" * (3 * 2**19)}} for name in names]
        more = {"continue": str(begin + limit)} if begin + limit < 10 else {}
        return web.json_response({"metadata": more, "items": items})

    async with connected(page) as cluster:
        assert [f"p{number}" for number in range(10)] == [o["metadata"]["name"] for o in await cluster.list(PODS)]
    assert [250, 31, 3, 3, 3, 3] == limits


async def test_a_profile_that_is_nested_as_deeply_as_possible_keeps_no_other_from_being_listed() -> None:
    """A pod template is an open object, and the API server takes 10,000 levels: ten times as many as Python."""
    before = sys.getrecursionlimit()
    deep = '{"a":' * 9_990 + "1" + "}" * 9_990
    listed = f'{{"items": [{{"metadata": {{"name": "deep"}}, "spec": {deep}}}, {{"metadata": {{"name": "other"}}}}]}}'
    sys.setrecursionlimit(answers.RECURSION_LIMIT)  # as `Cluster.connect` does
    try:
        async with connected(answering(200, listed)) as cluster:
            assert ["deep", "other"] == [o["metadata"]["name"] for o in await cluster.list(PROFILES)]
    finally:
        sys.setrecursionlimit(before)


async def test_nested_even_deeper_it_is_an_answer_that_cannot_be_read() -> None:
    """An error of ours, which is tried again; Python's own would end whoever has asked."""
    async with connected(answering(200, "[" * 100_000)) as cluster:
        with pytest.raises(ClusterUnavailable, match="is no API server"):
            await cluster.list(PROFILES)


async def test_a_list_without_items_is_empty() -> None:
    """Go writes an empty list as null."""
    async with connected(answering(200, '{"metadata": {}, "items": null}')) as cluster:
        assert [] == await cluster.list(PODS)


async def test_what_exists_already_is_created_and_what_is_gone_is_deleted() -> None:
    """Names are deterministic, so both are success; a dry run wants to know."""
    async with connected(answering(409, status_object(409, "already exists"))) as cluster:
        await cluster.create(CONFIG_MAPS, "team", {"metadata": {"name": "x"}})
        with pytest.raises(Conflict):
            await cluster.create(PODS, "team", {}, dry_run=True)
    async with connected(answering(404, status_object(404, "not found"))) as cluster:
        await cluster.delete(CONFIG_MAPS, "team", "x")


OWNER = {"kind": "ModelProfile", "uid": "mine", "controller": True}


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        ([OWNER], None),
        ([], NameTaken),
        ([OWNER | {"controller": False}], NameTaken),
        ([OWNER | {"uid": "another"}], NameTaken),
        ([OWNER | {"controller": False}, OWNER | {"uid": "another"}], NameTaken),
    ],
)
async def test_what_exists_already_is_ours_only_with_our_controller(
    owners: list[dict[str, Any]], expected: type[Exception] | None
) -> None:
    """Somebody may have created an object under a name that can be computed."""
    existing = {"metadata": {"name": "x", "ownerReferences": owners}}

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response(existing)
        return web.json_response({"message": 'configmaps "x" already exists'}, status=409)

    async with connected(answer) as cluster:
        requested = {"metadata": {"name": "x", "ownerReferences": [OWNER]}}
        if expected is None:
            assert existing == await cluster.create(CONFIG_MAPS, "team", requested)
        else:
            with pytest.raises(expected, match="configmaps 'x' exists already and does not belong to this profile"):
                await cluster.create(CONFIG_MAPS, "team", requested)


async def test_a_quota_that_changed_meanwhile_is_no_object_of_that_name() -> None:
    """The API server answers 409 to both; nothing was created, so it is to be tried again."""
    message = 'Operation cannot be fulfilled on resourcequotas "q": the object has been modified'
    async with connected(answering(409, status_object(409, message))) as cluster:
        with pytest.raises(Conflict, match="resourcequotas") as error:
            await cluster.create(CONFIG_MAPS, "team", {"metadata": {"name": "x"}})
    assert not isinstance(error.value, AlreadyExists)


async def test_requests_are_what_the_api_server_expects() -> None:
    """Method, path, query, content type, body and token of each call."""
    requests: list[tuple[str, str, str, Any]] = []

    async def echo(request: web.Request) -> web.StreamResponse:
        assert "Bearer token-1" == request.headers["Authorization"]
        body = await request.json() if request.can_read_body else None
        requests.append((request.method, request.path_qs, request.headers["Content-Type"], body))
        return web.json_response({})

    meta = {"namespace": "team", "name": "x", "uid": "u", "resourceVersion": "7"}
    profile = {"apiVersion": "v", "kind": "k", "metadata": meta, "status": {}}
    async with connected(echo) as cluster:
        await cluster.get(NODES, None, "node1")
        await cluster.create(PODS, "team", {"a": 1}, dry_run=True)
        await cluster.patch(CONFIG_MAPS, "team", "x", {"data": {"k": None}})
        await cluster.patch(PODS, "team", "x", {"spec": {}}, subresource="resize", content_type=STRATEGIC_PATCH)
        # The API server keeps the spec, which may be large or nested beyond what can be written. Labels that are
        # missing count as removed: those who applied them server-side would no longer own them.
        written = {**meta, "labels": {"team": "x"}, "managedFields": [{"manager": "flux"}]}
        await cluster.replace_status(PROFILES, {**profile, "metadata": written, "spec": {"a": 1}})
        await cluster.delete(PODS, "team", "x", grace_seconds=2, uid="u")
    api = "/apis/modelprofiler.io/v1alpha1/namespaces/team/modelprofiles/x/status"
    strict = "dryRun=All&fieldValidation=Strict"
    assert [
        ("GET", "/api/v1/nodes/node1", "application/json", None),
        ("POST", f"/api/v1/namespaces/team/pods?{strict}", "application/json", {"a": 1}),
        ("PATCH", "/api/v1/namespaces/team/configmaps/x", "application/merge-patch+json", {"data": {"k": None}}),
        ("PATCH", "/api/v1/namespaces/team/pods/x/resize", STRATEGIC_PATCH, {"spec": {}}),
        ("PUT", api, "application/json", {**profile, "metadata": {**meta, "labels": {"team": "x"}}}),
        (
            "DELETE",
            "/api/v1/namespaces/team/pods/x",
            "application/json",
            {"propagationPolicy": "Background", "gracePeriodSeconds": 2, "preconditions": {"uid": "u"}},
        ),
    ] == requests


@pytest.mark.parametrize(
    "name",
    [
        "../../tenant-b/configmaps/payments",
        "..",
        ".",
        "",
        "a/b",
        "%2e%2e/%2e%2e/tenant-b/configmaps/payments",
        "..%2f..%2ftenant-b%2fconfigmaps%2fpayments",
        "%2e%2e",
    ],
)
async def test_a_name_never_leads_to_another_path(name: str) -> None:
    """Nothing is sent: a name comes from a profile, and the operator may read more than the profile's author."""
    requests: list[str] = []

    async def echo(request: web.Request) -> web.StreamResponse:
        requests.append(request.raw_path)
        return web.json_response({})

    async with connected(echo) as cluster:
        for call in (
            cluster.get(CONFIG_MAPS, "team", name),
            cluster.get(CONFIG_MAPS, name, "x"),
            cluster.list(CONFIG_MAPS, name),
            cluster.patch(CONFIG_MAPS, "team", name, {}),
            cluster.delete(CONFIG_MAPS, "team", name),
            cluster.create(CONFIG_MAPS, name, {"metadata": {"name": "x"}}),
        ):
            with pytest.raises(Refused, match="is not the name of a Kubernetes object"):
                await call
        with pytest.raises(Refused):
            async with cluster.exec_socket("team", name, "c", ["true"]):
                pass
    assert [] == requests


async def test_what_means_something_in_a_url_means_nothing_in_a_name() -> None:
    """Each reaches the API server as one segment, and it answers that there is no such object."""
    requests: list[tuple[str, str]] = []
    names = ["a?watch=true", "a#b", "a\\b", "a b", "a;b", "ä"]

    async def echo(request: web.Request) -> web.StreamResponse:
        requests.append((request.path.rpartition("/configmaps/")[2], request.query_string))
        return web.json_response({})

    async with connected(echo) as cluster:
        for name in names:
            await cluster.get(CONFIG_MAPS, "team", name)
    assert [(name, "") for name in names] == requests


async def test_reads_and_writes_are_counted() -> None:
    """A watch is a read; so is a page."""
    async with connected(answering(200, "{}")) as cluster:
        await cluster.list(PODS)
        await cluster.delete(PODS, "team", "x")
        assert (1, 1) == (cluster.traffic.reads, cluster.traffic.writes)


def streams(*lines: str | dict[str, Any], then_hang: bool = False) -> Answer:
    """Return what answers a watch with these lines."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert ("true", "7") == (request.query["watch"], request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        for line in lines:
            await response.write((line if isinstance(line, str) else json.dumps(line)).encode() + b"\n")
        if then_hang:
            await asyncio.sleep(30)
        return response

    return answer


def event(name: str, type_: str = "ADDED", size: int = 0) -> dict[str, Any]:
    """Return an event of a watch."""
    return {"type": type_, "object": {"metadata": {"name": name}, "data": "x" * size}}


async def watched(cluster: Cluster) -> tuple[list[str], ModelProfilerError | None]:
    """Return the names that a watch yields, and how it ends."""
    events: list[str] = []
    try:
        async for _, o in cluster.watch(PODS, "team", "a=b", "7"):
            events.append(o["metadata"]["name"])
    except ModelProfilerError as error:
        return events, error
    return events, None


async def test_a_watch_yields_what_changes_until_it_ends() -> None:
    """An object of a megabyte comes whole."""
    async with connected(streams(event("a"), event("b", "MODIFIED", 2**20), event("c", "DELETED"))) as cluster:
        assert (["a", "b", "c"], None) == await watched(cluster)


@pytest.mark.parametrize(
    ("sentence", "line", "reason"),
    [
        ("it expired", {"type": "ERROR", "object": {"code": 410, "message": "too old"}}, "too old"),
        ("it failed", {"type": "ERROR", "object": {}}, "answered 500"),
        ("it is no JSON", "<html>", "the watch of pods broke"),
        ("it is no event", "[]", "the watch of pods broke"),
        ("it has no object", {"type": "ADDED"}, "the watch of pods broke"),
        ("it has no type", {"object": {}}, "the watch of pods broke"),
    ],
)
async def test_a_watch_that_breaks_says_why(sentence: str, line: str | dict[str, Any], reason: str) -> None:
    """What came before was not lost."""
    async with connected(streams(event("a"), line)) as cluster:
        events, error = await watched(cluster)
    assert (sentence, ["a"], ClusterUnavailable) == (sentence, events, type(error))
    assert reason in str(error)


async def test_a_watch_that_is_refused_says_why() -> None:
    """As without the right to watch."""
    async with connected(answering(403, status_object(403, "pods is forbidden"))) as cluster:
        assert ("[]", "pods is forbidden") == tuple(map(str, await watched(cluster)))


async def test_a_watch_that_says_nothing_more_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends each by itself; one that does not is dead."""
    monkeypatch.setattr(adapter, "WATCH_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(adapter, "REQUEST_TIMEOUT_SECONDS", 0.2)
    async with connected(streams(event("a"), then_hang=True)) as cluster:
        events, error = await watched(cluster)
    assert (["a"], ClusterUnavailable) == (events, type(error))
