"""The environment of an entry script: packages of an index in the cluster, variables, files next to it, and workers."""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator

import pytest
from tests.e2e import support
from tests.e2e.support import Object, Profile, Run

from modelprofiler.api.trial import Purpose
from modelprofiler.cluster.manifests.packages import CONTAINER

Apply = Callable[[Object, str], Profile]

IMAGE = "modelprofiler/scoring-server:dev"
PATH = "spec.server.entryScript.environment"
LOGIN = {"username": "reader", "password": "o/pen"}
INDEX_PORT = 8000
"""Of the index: any that needs no privilege."""

SCRIPT = """
import os

import tinypkg
from lib_beside import BESIDE

def init():
    found = [tinypkg.VALUE, BESIDE, *(os.environ[name] for name in ("PLAIN", "P_KEY", "TOKEN", "WORKER_COUNT"))]
    assert ["from the index", "beside", "0", "of a ConfigMap", "of a Secret", "2"] == found, found

def run(data):
    return tinypkg.VALUE
"""
SERVE = """
import base64, functools, http.server, os

class Handler(http.server.SimpleHTTPRequestHandler):
    def send_head(self):
        login = base64.b64encode(f"{os.environ['username']}:{os.environ['password']}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {login}" or self.path == "/ready.txt":
            return super().send_head()
        self.send_response(401)
        self.send_header("WWW-Authenticate", "Basic")
        self.send_header("Content-Length", "0")
        self.end_headers()

handler = functools.partial(Handler, directory="/index")
http.server.ThreadingHTTPServer(("", 8000), handler).serve_forever()
"""
"""An index of files that wants a login."""


def wheel(name: str, version: str, code: str) -> bytes:
    """Return a wheel of one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)
    return content.getvalue()


def index_objects() -> list[Object]:
    """Return the pod that serves an index with one package, its files, and what the entry script needs."""
    file = "tinypkg-1.0-py3-none-any.whl"
    items = [
        {"key": "serve.py", "path": "serve.py"},
        {"key": "ready.txt", "path": "ready.txt"},
        {"key": "tinypkg.html", "path": "simple/tinypkg/index.html"},
        {"key": "wheel", "path": f"simple/tinypkg/{file}"},
    ]
    container: Object = {
        "name": "index",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "/index/serve.py"],
        "envFrom": [{"secretRef": {"name": "login"}}],
        "readinessProbe": {"httpGet": {"path": "/ready.txt", "port": INDEX_PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "20m", "memory": "48Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "index", "mountPath": "/index", "readOnly": True}],
    }
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": LOGIN},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "index"},
            "data": {
                "serve.py": SERVE,
                "ready.txt": "ready",
                "tinypkg.html": f'<!DOCTYPE html><html><body><a href="{file}">{file}</a></body></html>',
            },
            "binaryData": {"wheel": base64.b64encode(wheel("tinypkg", "1.0", 'VALUE = "from the index"\n')).decode()},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "code"},
            "data": {"score.py": SCRIPT, "lib_beside.py": 'BESIDE = "beside"\n'},
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"KEY": "of a ConfigMap"}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "token"},
            "stringData": {"TOKEN": "of a Secret"},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "index"},
            "spec": {
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": 1,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [container],
                "volumes": [{"name": "index", "configMap": {"name": "index", "items": items}}],
            },
        },
    ]


@pytest.fixture(scope="module")
def index(kubectl: Run, module_namespace: str) -> Iterator[str]:
    """Serve an index of packages in the cluster, and return its address there."""
    namespace_options = ("--namespace", module_namespace)
    kubectl(*namespace_options, "create", "-f", "-", input="\n".join(map(json.dumps, index_objects())))
    kubectl(*namespace_options, "wait", "pod/index", "--for=condition=Ready", "--timeout=110s", timeout=120)
    pod = json.loads(kubectl(*namespace_options, "get", "pod", "index", "-o", "json").stdout)
    yield f"http://{pod['status']['podIP']}:{INDEX_PORT}/simple"
    kubectl(*namespace_options, "delete", "pod", "index", "--wait=false", check=False)


def profile(name: str, url: str, *, sizes: Object | None = None, **environment: object) -> Object:
    """Return a profile whose entry script imports a package of an index."""
    one_size = {"cpu": {"values": ["600m"]}, "memory": {"values": ["512Mi"]}}
    document = support.cost_profile(name, resources=sizes or one_size)
    asked = {
        "requirements": ["tinypkg"],
        "packageIndex": {"url": url, "secretRef": "login"},
        "env": [{"name": "PLAIN", "value": "0"}],
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "settings"}}, {"secretRef": {"name": "token"}}],
    }
    script = {"source": {"configMap": {"name": "code"}}, "workers": 2, "environment": asked | environment}
    document["spec"] |= {
        "server": {"entryScript": script},
        "endpoint": {"http": {"port": 5001, "path": "/score", "timeout": "10s"}},
    }
    return document


def refusal(applied: Profile, reason: str) -> str:
    """Return the message with which a profile is refused, after nothing of it has been started but its Job."""
    status = applied.wait_for("Accepted", "False", reason)
    condition = support.find_condition(status, "Accepted")
    assert condition is not None
    assert [] == status.trials
    return condition.message


def test_packages_variables_and_files_reach_every_server_of_a_run(
    kubectl: Run, apply: Apply, module_namespace: str, index: str
) -> None:
    """A Job installs them first; then each server's pod installs the same versions, before its own start.

    The index has nothing of what the scoring server needs: that stays as the image has it.
    """
    sizes = {"cpu": {"values": ["600m"]}, "memory": {"values": ["384Mi", "512Mi"]}}
    applied = apply(profile("packages", index, sizes=sizes), module_namespace)
    pods_seen: list[Object] = []

    def over_after_pods() -> bool:
        selector = f"modelprofiler.io/profile-uid={uid},app.kubernetes.io/component=server"
        listed = kubectl(
            "get", "pods", "--namespace", module_namespace, "-l", selector, "-o", "json", check=False
        ).stdout
        pods_seen.extend(json.loads(listed or '{"items": []}')["items"])
        finished = support.find_condition(applied.status(), "Finished")
        return finished is not None and finished.status == "True"

    uid = applied.fetch()["metadata"]["uid"]
    deadline = time.monotonic() + 2 * support.PATIENCE
    while not over_after_pods():
        assert time.monotonic() < deadline, applied.story()
        time.sleep(support.POLL_SECONDS)
    status = applied.succeeded()
    assert status.claims is not None
    assert ["tinypkg==1.0"] == status.claims.packages
    reference = support.trial_with(status, Purpose.REFERENCE)
    assert reference.load is not None
    assert 0 == reference.load.failures
    # What is installed before the server starts is no part of its start.
    assert reference.time_to_ready is not None
    installers = [c for pod in pods_seen for c in pod["spec"]["initContainers"] if c["name"] == CONTAINER]
    assert installers
    assert all('"constraints": ["tinypkg==1.0"]' in c["env"][0]["value"] for c in installers)
    jobs = support.pods_started(kubectl, module_namespace, "Job")
    assert 1 == sum(n for name, n in jobs.items() if name.startswith("mp-packages-") and name.endswith("-prepare"))


@pytest.mark.whole_run
def test_an_image_that_a_profile_names_keeps_its_packages(apply: Apply, module_namespace: str, index: str) -> None:
    """It gets the installer from our image; here it is the same one."""
    applied = apply(profile("own-image", index, image=IMAGE, pythonVersion="3.11"), module_namespace)
    status = applied.succeeded()
    assert status.claims is not None
    assert ["tinypkg==1.0"] == status.claims.packages


def test_packages_that_cannot_be_installed_are_refused_before_a_server_starts(
    kubectl: Run, apply: Apply, module_namespace: str, index: str
) -> None:
    """In the words of the resolver, or of the client of the index; never with its password."""
    path = f"{PATH}.requirements: cannot be installed: "
    unresolvable = apply(profile("unresolvable", index, requirements=["tinypkg>5"]), module_namespace)
    message = refusal(unresolvable, "PackagesNotInstalled")
    assert message.startswith(path)
    assert "you require tinypkg>5" in message

    nobody = index.replace(f":{INDEX_PORT}", ":1")
    unreachable = apply(profile("unreachable", nobody), module_namespace)
    message = refusal(unreachable, "PackagesNotInstalled")
    assert message.startswith(path)
    assert "Failed to fetch" in message
    assert LOGIN["password"] not in message

    without = {"url": index, "secretRef": "absent"}
    no_login = apply(profile("no-login", index, packageIndex=without), module_namespace)
    message = refusal(no_login, "PackagesNotInstalled")
    assert message.startswith(f"{PATH}.packageIndex.secretRef: the Secret does not exist")

    other = apply(profile("other-python", index, image=IMAGE, pythonVersion="3.12"), module_namespace)
    message = refusal(other, "PackagesNotInstalled")
    assert f"{PATH}.pythonVersion: image {IMAGE} has Python 3.11; name an image with Python 3.12" == message

    for applied in (unresolvable, unreachable, no_login, other):
        kubectl("--namespace", module_namespace, "delete", "modelprofile", applied.name, timeout=60)
        assert 0 == sum(
            count
            for name, count in support.pods_started(kubectl, module_namespace, "ReplicaSet").items()
            if name.startswith(f"mp-{applied.name}-")
        )


def test_what_cannot_work_is_refused_when_it_is_applied(
    kubectl: Run, apply: Apply, module_namespace: str, index: str
) -> None:
    """A number as a variable, by the API server; a version that our image has not, and an option, by the operator."""
    for value in (0, False):
        document = profile("number", index, env=[{"name": "PLAIN", "value": value}])
        completed = kubectl(
            "--namespace", module_namespace, "apply", "-f", "-", input=json.dumps(document), check=False
        )
        assert completed.returncode != 0
        assert "environment.env[0].value" in completed.stderr
        assert "string" in completed.stderr
    asked = profile("as-written", index, requirements=["-r other.txt"], pythonVersion="3.12")
    message = refusal(apply(asked, module_namespace), "NotSupported")
    assert f"{PATH}.requirements[0]: must be a package, not an option" in message
    assert f"{PATH}.pythonVersion: the scoring-server image has Python 3.11" in message
