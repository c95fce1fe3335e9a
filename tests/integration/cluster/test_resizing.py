"""The discovery of the core group, from a server that answers as API servers of several versions do."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web
from tests.integration.cluster.test_adapter import connected
from tests.unit.cluster.objects import EPOCH

from modelprofiler.cluster.adapter import Cluster
from modelprofiler.cluster.gather.resizing import Resizing

PODS = ["pods", "pods/attach", "pods/ephemeralcontainers", "pods/exec", "pods/log", "pods/status"]


@pytest.mark.parametrize(("served", "names"), [(False, PODS), (True, [*PODS, "pods/resize"])])
async def test_the_list_of_resources_says_whether_pods_can_be_resized(*, served: bool, names: list[str]) -> None:
    """Kubernetes 1.32 has no pods/resize, 1.33 has it."""
    paths = []

    async def answer(request: web.Request) -> web.StreamResponse:
        paths.append((request.method, request.path))
        resources = [
            {"name": n, "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]} for n in names
        ]
        body = {"kind": "APIResourceList", "groupVersion": "v1", "resources": resources}
        return web.Response(text=json.dumps(body), content_type="application/json")

    async with connected(answer) as cluster:
        assert served == await Resizing(cluster, lambda: EPOCH).is_served()
        assert {"get api": 1} == {name: count["requests"] for name, count in cluster.traffic.to_dict().items()}
    assert [("GET", "/api/v1")] == paths


async def test_an_api_server_that_is_silent_holds_nothing_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call has a limit, which is shortened here; then a resize is tried."""

    async def silent(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        raise web.HTTPOk

    async with connected(silent) as cluster:
        limits = {**(Cluster._send.__kwdefaults__ or {}), "limit_seconds": 0.2}
        monkeypatch.setattr(Cluster._send, "__kwdefaults__", limits)
        assert await Resizing(cluster, lambda: EPOCH).is_served()
