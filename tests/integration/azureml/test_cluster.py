"""The requests that a script makes of a cluster, to a local server that keeps objects as an API server does.

The end-to-end tests use a real cluster.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from modelprofiler.api.resource import ModelProfile as Resource
from modelprofiler.azureml.core import Dataset, Environment, Model, Workspace
from modelprofiler.azureml.core.conda_dependencies import CondaDependencies
from modelprofiler.azureml.core.container_registry import ContainerRegistry
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.core.profile import ModelProfile
from modelprofiler.azureml.data import TabularDataset
from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException
from modelprofiler.cli import main

Object = dict[str, Any]
PROFILES = "/apis/modelprofiler.io/v1alpha1/namespaces/ml/modelprofiles"
CLAIMS = "/api/v1/namespaces/ml/persistentvolumeclaims"
PODS = "/api/v1/namespaces/ml/pods"
CONFIG_MAPS = "/api/v1/namespaces/ml/configmaps"
DEPLOYMENT = "/apis/apps/v1/namespaces/ml/deployments/web"


class ApiServer:
    """Keeps objects by their paths."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.forbidden: set[str] = set()
        self.address = ""
        self.down = False
        self.storage: Path | None = None
        """The directory that every claim is bound to; None: no claim is bound."""
        self.corrupt = False
        self.copies = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer GET, POST, PATCH and DELETE."""
        path = request.path
        if self.down:
            return self._status(503, "try later")
        if path in self.forbidden:
            return self._status(403, f"you may not {request.method} {path}")
        if path == "/api/v1/nodes":
            node = {"status": {"allocatable": {"cpu": "1900m", "memory": "4000000Ki"}}}
            return web.json_response({"items": [node]})
        if path.endswith("/exec"):
            return await self._exec(request)
        if path == "/apis/apps/v1/deployments":
            return web.json_response({"items": []})
        if request.method == "POST":
            body = await request.json()
            path = f"{path}/{body['metadata']['name']}"
            if path in self.objects:
                return self._status(409, "exists")
            body["metadata"] |= {"uid": f"uid-of-{path}", "namespace": "ml"}
            self.objects[path] = body
            self._bind(path, body)
        if path not in self.objects:
            return self._status(404, f"there is no {path}")
        if request.method == "PATCH":
            self._merge(self.objects[path], await request.json())
        stored = self.objects.pop(path) if request.method == "DELETE" else self.objects[path]
        return web.json_response(stored)

    def _bind(self, path: str, body: Object) -> None:
        """Bind a claim and run a pod, as far as there is storage."""
        if path.startswith(CLAIMS):
            body["status"] = {"phase": "Bound" if self.storage else "Pending"}
        elif path.startswith(PODS) and self.storage:
            body["status"] = {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}
        elif path.startswith(PODS):
            waits = {"type": "PodScheduled", "status": "False", "message": "unbound"}
            body["status"] = {"phase": "Pending", "conditions": [waits]}

    async def _exec(self, request: web.Request) -> web.WebSocketResponse:
        """Run the command here, as a pod would, with the storage in its place."""
        assert self.storage is not None
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        python, *arguments, folder = request.query.getall("command")
        assert ("python3", "/var/modelprofiler/files") == (python, folder)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, str(self.storage), stdin=pipe, stdout=pipe, stderr=pipe
        )
        self.copies += 1

        async def feed() -> None:
            async for message in socket:
                assert process.stdin is not None
                assert 0 == message.data[0]
                process.stdin.write(message.data[1:])

        feeding = asyncio.create_task(feed())
        assert process.stdout is not None
        assert process.stderr is not None
        out, errors = await process.stdout.read(), await process.stderr.read()
        code = await process.wait()
        feeding.cancel()
        await socket.send_bytes(b"\x01" + (b"sha256:0" if self.corrupt else out))
        await socket.send_bytes(b"\x02" + errors)
        causes = {"details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}} if code else {}
        await socket.send_bytes(b"\x03" + json.dumps({"status": "Failure" if code else "Success", **causes}).encode())
        await socket.close()
        return socket

    def _merge(self, target: Object, patch: Object) -> None:
        for key, value in patch.items():
            if isinstance(value, dict):
                self._merge(target.setdefault(key, {}), value)
            else:
                target[key] = value

    def _status(self, code: int, message: str) -> web.Response:
        return web.Response(status=code, text=json.dumps({"kind": "Status", "code": code, "message": message}))


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """Serve objects, and write a kubeconfig whose context ``here`` names the server."""
    server, loop, ready, finished = ApiServer(), asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=2**23)
        app.router.add_route("*", "/{path:.*}", server.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await finished.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    context = {"name": "here", "context": {"cluster": "c", "user": "u"}}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [context],
        "clusters": [{"name": "c", "cluster": {"server": server.address}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    # The client reads the variable when it is imported.
    monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    yield server
    loop.call_soon_threadsafe(finished.set)
    thread.join(10)
    loop.close()


@pytest.fixture
def ws(api: ApiServer) -> Workspace:
    """Return a namespace of the cluster."""
    return Workspace.from_kubernetes(namespace="ml", context="here")


@pytest.fixture
def call(ws: Workspace) -> dict[str, Any]:
    """Return the arguments of `Model.profile`."""
    Path("m.bin").write_bytes(b"\xffweights")
    Path("score.py").write_text("def init(): pass\ndef run(d): return d\n", encoding="utf-8")
    Path("data.txt").write_text('{"a": 1}\n', encoding="utf-8")
    dataset = Dataset.Tabular.from_delimited_files("data.txt", separator="\n", header=False)
    assert isinstance(dataset, TabularDataset)
    return {
        "workspace": ws,
        "profile_name": "first_try",
        "models": [Model.register(ws, "m.bin", "m")],
        "inference_config": InferenceConfig("score.py", environment=Environment("e")),
        "input_dataset": dataset,
    }


def the_profile(api: ApiServer) -> Object:
    """Return the only ModelProfile."""
    (stored,) = [o for path, o in api.objects.items() if path.startswith(f"{PROFILES}/")]
    return stored


def test_a_call_creates_a_profile_and_its_config_maps(api: ApiServer, call: dict[str, Any]) -> None:
    """The profile owns them, and its name is valid in Kubernetes."""
    profile = Model.profile(**call, description="why")
    created = the_profile(api)
    name = created["metadata"]["name"]
    assert name.startswith("first-try-")
    spec = Resource.parse(created).spec
    assert spec.server.entry_script is not None
    assert spec.model is not None
    sources = [spec.server.entry_script.source, spec.model.source, spec.dataset.source]
    named = [s.config_map.name for s in sources if s is not None and s.config_map is not None]
    assert [f"{name}-code", f"{name}-model", f"{name}-dataset"] == named
    for each in named:
        owner = api.objects[f"{CONFIG_MAPS}/{each}"]["metadata"]["ownerReferences"][0]
        assert created["metadata"]["uid"] == owner["uid"]
    assert spec.resources.cpu is None
    assert ("Running", "first_try", "why") == (profile.state, profile.name, profile.description)
    assert ["m:1"] == profile.model_ids
    assert "uid" not in yaml.safe_load(profile.to_manifest())["metadata"]


def test_the_login_of_a_registry_becomes_a_secret(
    api: ApiServer, call: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The profile owns it; where the caller may not create it, nothing is left, and nothing of it is printed."""
    registry = ContainerRegistry()
    registry.address, registry.username, registry.password = "registry.example", "me", "s/cret"
    environment = Environment.from_docker_image("e", "team/server:1", container_registry=registry)
    call["inference_config"] = InferenceConfig("score.py", environment=environment)
    secrets = "/api/v1/namespaces/ml/secrets"
    api.forbidden.add(secrets)
    with pytest.raises(UserErrorException, match=f"the cluster refuses: you may not POST {secrets}") as error:
        Model.profile(**call)
    assert "s/cret" not in str(error.value)
    assert not [path for path in api.objects if path.startswith(PROFILES)]
    api.forbidden.clear()
    Model.profile(**call)
    created = the_profile(api)
    spec = Resource.parse(created).spec
    assert spec.server.entry_script is not None
    (named,) = spec.server.entry_script.environment.image_pull_secrets
    secret = api.objects[f"{secrets}/{named.name}"]
    assert created["metadata"]["uid"] == secret["metadata"]["ownerReferences"][0]["uid"]
    assert "kubernetes.io/dockerconfigjson" == secret["type"]
    login = json.loads(secret["stringData"][".dockerconfigjson"])["auths"]["registry.example"]
    assert ("me", "s/cret", "bWU6cy9jcmV0") == (login["username"], login["password"], login["auth"])
    assert "s/cret" not in json.dumps(created) + "".join(capsys.readouterr())


def test_a_program_with_a_package_that_the_image_has_not_is_accepted(api: ApiServer, call: dict[str, Any]) -> None:
    """All its packages are installed in the cluster, in the versions that it asks for."""
    environment = Environment("e")
    packages = ["numpy", "scikit-learn", "sixth-package==1.0"]
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=packages)
    call["inference_config"] = InferenceConfig("score.py", environment=environment)
    Model.profile(**call)
    script = Resource.parse(the_profile(api)).spec.server.entry_script
    assert script is not None
    assert packages == script.environment.requirements


def test_a_size_above_every_node_is_lowered_with_a_warning(api: ApiServer, call: dict[str, Any]) -> None:
    """The caller must have the right to read nodes; otherwise the operator reports it."""
    with pytest.warns(UserWarning, match="cpu 3 is more than any node has; 1.9 is the largest"):
        profile = Model.profile(**call, cpu=3, memory_in_gb=2)
    assert (1.9, 2.0) == (profile.requested_cpu, profile.requested_memory_in_gb)
    api.objects.clear()
    api.forbidden.add("/api/v1/nodes")
    assert 3.0 == Model.profile(**call, cpu=3).requested_cpu


def test_the_name_must_be_unique(api: ApiServer, call: dict[str, Any]) -> None:
    """The first profile of the name does not change."""
    Model.profile(**call)
    before = json.dumps(api.objects)
    with pytest.raises(WebserviceException, match="exists already in namespace ml: choose another name") as error:
        Model.profile(**call)
    assert 409 == error.value.status_code
    assert before == json.dumps(api.objects)


def test_a_refusal_has_the_message_of_the_cluster(api: ApiServer, call: dict[str, Any]) -> None:
    """Nothing is left behind."""
    api.forbidden.add(CONFIG_MAPS)
    with pytest.raises(UserErrorException, match=f"the cluster refuses: you may not POST {CONFIG_MAPS}"):
        Model.profile(**call)
    assert {} == api.objects


@pytest.fixture
def large(api: ApiServer, call: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Return a call with a model that is too large for a ConfigMap, in a cluster with storage."""
    api.storage = tmp_path / "storage"
    api.storage.mkdir()
    Path("large.bin").write_bytes(bytes(range(256)) * 12_000)
    return call | {"models": [Model.register(call["workspace"], "large.bin", "large")]}


def the_claim(api: ApiServer) -> Object:
    """Return the only claim."""
    (stored,) = [o for path, o in api.objects.items() if path.startswith(f"{CLAIMS}/")]
    return stored


def test_files_that_are_too_large_go_onto_a_claim(api: ApiServer, large: dict[str, Any]) -> None:
    """With the caller's rights, through a temporary pod; the claim is deleted with the profile."""
    profile = Model.profile(**large)
    created, claim = the_profile(api), the_claim(api)
    assert api.storage is not None
    assert bytes(range(256)) * 12_000 == (api.storage / "model/large.bin").read_bytes()
    assert {"code/score.py", "model/large.bin"} == {
        p.relative_to(api.storage).as_posix() for p in api.storage.rglob("*") if p.is_file()
    }
    assert [created["metadata"]["uid"]] == [o["uid"] for o in claim["metadata"]["ownerReferences"]]
    assert "68Mi" == claim["spec"]["resources"]["requests"]["storage"]
    name = claim["metadata"]["name"]
    expected = {"persistentVolumeClaim": {"claimName": name, "path": "model"}}
    assert expected == created["spec"]["model"]["source"]
    assert {"persistentVolumeClaim": {"claimName": name, "path": "code"}} == (
        created["spec"]["server"]["entryScript"]["source"]
    )
    assert [] == [path for path in api.objects if path.startswith(PODS)]
    assert "persistentVolumeClaim" in profile.to_manifest()


def test_the_same_files_are_copied_once(api: ApiServer, large: dict[str, Any]) -> None:
    """Another profile of them shares the claim."""
    Model.profile(**large)
    Model.profile(**large | {"profile_name": "second"})
    assert 1 == api.copies
    the_claim(api)


def test_a_copy_that_differs_is_not_used(
    api: ApiServer, large: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is repeated once; then the call fails and leaves nothing."""
    monkeypatch.setattr("modelprofiler.azureml.profiling.cluster_client.ATTEMPTS", 2)
    api.corrupt = True
    with pytest.raises(WebserviceException, match=r"differ from .* sent: their digest is sha256:0, not sha256:"):
        Model.profile(**large)
    assert 2 == api.copies
    assert {} == api.objects


def test_the_error_of_a_failed_copy_is_reported(api: ApiServer, large: dict[str, Any]) -> None:
    """It is the system's; nothing is left."""
    assert api.storage is not None
    api.storage.rmdir()
    with pytest.raises(UserErrorException, match=r"could not be copied onto claim modelprofiler-.*No such file"):
        Model.profile(**large)
    assert {} == api.objects


def test_a_cluster_without_storage_is_reported(
    api: ApiServer, large: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the setting that helps."""
    for name in ("BIND_SECONDS", "AT_ONCE_SECONDS"):
        monkeypatch.setattr(f"modelprofiler.cluster.act.upload.{name}", 0.1)
    api.storage = None
    with pytest.raises(UserErrorException, match=r"no default StorageClass .* MODELPROFILER_STORAGE_CLASS"):
        Model.profile(**large)
    monkeypatch.setenv("MODELPROFILER_STORAGE_CLASS", "slow")
    with pytest.raises(UserErrorException, match=r"of StorageClass slow was not bound in 0 s: unbound"):
        Model.profile(**large)
    assert {} == api.objects


@pytest.mark.parametrize("path", [CLAIMS, PODS])
def test_the_rights_that_a_claim_needs_are_named(api: ApiServer, large: dict[str, Any], path: str) -> None:
    """The error names all of them at once; nothing is left."""
    api.forbidden.add(path)
    with pytest.raises(UserErrorException, match=rf"get and create pods/exec: you may not POST {path}"):
        Model.profile(**large)
    assert {} == api.objects


def test_a_profile_is_looked_up_by_name(api: ApiServer, ws: Workspace, call: dict[str, Any]) -> None:
    """An unknown one is refused."""
    profiled = Model.profile(**call)
    assert profiled.id == ModelProfile(ws, "first_try").id
    with pytest.raises(WebserviceException, match="name other not found in namespace ml") as error:
        ModelProfile(ws, "other")
    assert 404 == error.value.status_code


def test_cancelling_suspends_the_profile(api: ApiServer, call: dict[str, Any]) -> None:
    """Its measurements stay."""
    profile = Model.profile(**call)
    profile.cancel()
    assert the_profile(api)["spec"]["suspend"] is True
    assert "Cancelled" == profile.state


def succeed(profile: Object) -> None:
    """Finish a run as the operator does."""
    time = "2026-01-02T03:04:05Z"
    size = {"cpu": "450m", "memory": "250M"}
    profile["status"] = {
        "conditions": [
            {"type": kind, "status": "True", "reason": "Verified", "message": "", "lastTransitionTime": time}
            for kind in ("Finished", "Succeeded")
        ],
        "recommendations": [{"containerName": "server", "requests": size, "limits": size}],
    }


def test_waiting_tags_the_models_with_auto_tag(api: ApiServer, ws: Workspace, call: dict[str, Any]) -> None:
    """A cluster cannot reach the registry."""
    profile = Model.profile(**call, auto_tag=True)
    succeed(the_profile(api))
    profile.wait_for_completion()
    assert ("0.45", "0.25") == tuple(Model(ws, "m").tags[k] for k in ("recommendedCpu", "recommendedMemoryInGB"))


def test_a_workload_is_annotated(api: ApiServer, call: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """By ``modelprofiler tag``; without --workload it tags the models."""
    Model.profile(**call)
    api.objects[DEPLOYMENT] = {"metadata": {"name": "web"}}
    location_options = ("-n", "ml", "--context", "here")
    assert 2 == main(["tag", "first_try", *location_options, "--workload", "deployment/web"])
    assert "profile first_try is Running and has no recommendation" in capsys.readouterr().err
    succeed(the_profile(api))
    assert 0 == main(["tag", "first_try", *location_options, "--workload", "deployment/web"])
    expected = {
        "modelprofiler.io/recommended-cpu": "450m",
        "modelprofiler.io/recommended-memory": "250M",
        "modelprofiler.io/recommended-by": "first_try",
    }
    assert expected == api.objects[DEPLOYMENT]["metadata"]["annotations"]
    assert 2 == main(["tag", "first_try", *location_options, "--workload", "pod/web"])
    assert 0 == main(["tag", "first_try", *location_options, "--workload", "deploy/web"])
    assert 2 == main(["tag", "first_try", *location_options, "--workload", "deployment/gone"])
    assert "namespace ml has no deployment gone" in capsys.readouterr().err
    assert 2 == main(["tag", "first_try", *location_options, "--workload", "isvc/gone"])
    assert "or KServe is not installed" in capsys.readouterr().err
    assert 0 == main(["tag", "first_try", *location_options])
    assert "0.45" == Model(Workspace.local(), "m").tags["recommendedCpu"]


def test_a_cluster_that_does_not_answer_is_reported(
    api: ApiServer, ws: Workspace, call: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a few attempts."""
    monkeypatch.setattr("modelprofiler.azureml.profiling.cluster_client.ATTEMPTS", 1)
    api.down = True
    with pytest.raises(WebserviceException, match="the cluster does not answer: try later") as error:
        ModelProfile(ws, "x")
    assert 503 == error.value.status_code
