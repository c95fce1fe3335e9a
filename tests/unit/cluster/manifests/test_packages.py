"""How pods get the packages of an entry script: the containers, their volumes, and their arguments."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.unit.cluster.objects import Object, profile
from tests.unit.cluster.on_claims import all_on_claims

from modelprofiler.api.status import ClaimsStatus
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.packages import OF_IMAGE
from modelprofiler.cluster.manifests.prepare import prepare_job
from modelprofiler.cluster.manifests.server import deployment
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.host.packages import CONFIG_VARIABLE

SETTINGS = Settings(scoring_image="ours", load_image="load", image_pull_secrets=("registry",))
SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}
LARGE = Limits(2000, 2 * 2**30)


def script(**environment: Any) -> Object:
    """Return the server of a spec whose entry script asks for a package."""
    return {
        "entryScript": {
            "source": {"inline": "import tinypkg"},
            "environment": {"requirements": ["tinypkg==1"], **environment},
        }
    }


def server_pod(settings: Settings = SETTINGS, limits: Limits = LARGE, **environment: Any) -> Object:
    """Return the spec of a server's pod, after the Job has installed two packages."""
    asked = profile(server=script(**environment))
    claims = ClaimsStatus.model_validate(
        {"identity": "i", "time": "2026-01-01T00:00:00Z", "packages": ["flask==3.1.2", "tinypkg==1"]}
    )
    asked = asked.model_copy(update={"status": asked.status.model_copy(update={"claims": claims})})
    manifest = deployment(asked, "abc", settings, incarnation=1, limits=limits, host=None)
    spec: Object = manifest["spec"]["template"]["spec"]
    return spec


def config_of(container: Object) -> Object:
    """Return the packages that a container is to install."""
    config: Object = json.loads(next(v["value"] for v in container["env"] if v["name"] == CONFIG_VARIABLE))
    return config


def test_an_init_container_installs_in_addition_to_the_packages_of_our_image() -> None:
    """The whole container: without rights, with its work on a volume, and the versions that the Job has installed."""
    pod = server_pod()
    (container,) = pod["initContainers"]
    assert {
        "requirements": ["tinypkg==1"],
        "constraints": ["flask==3.1.2", "tinypkg==1"],
        "exact": True,
        "python": None,
        "index": "",
        "ca": "",
        "image": "ours",
        "seconds": 600.0,
    } == config_of(container)
    assert {
        "name": "modelprofiler-packages",
        "image": "ours",
        "imagePullPolicy": "IfNotPresent",
        "command": [
            *("python3", "-I", "/opt/installer/install.py", "--folder", "/var/modelprofiler/packages"),
            *("--uv", "/opt/installer/bin/uv"),
        ],
        "env": container["env"],
        "resources": {"requests": {"cpu": "2", "memory": "2Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": SECURITY,
        "volumeMounts": [{"name": "modelprofiler-packages", "mountPath": "/var/modelprofiler/packages"}],
    } == container
    assert {"name": "modelprofiler-packages", "emptyDir": {"sizeLimit": "10Gi"}} in pod["volumes"]
    assert pod["automountServiceAccountToken"] is False


def test_the_server_runs_from_the_environment_and_cannot_change_it() -> None:
    """Without packages it runs from the image."""
    (server,) = server_pod()["containers"]
    assert "/var/modelprofiler/packages/venv/bin/azmlinfsrv" == server["command"][0]
    mount = {"name": "modelprofiler-packages", "mountPath": "/var/modelprofiler/packages", "readOnly": True}
    assert mount in server["volumeMounts"]
    without = server_pod(requirements=[])
    assert ("azmlinfsrv", None) == (without["containers"][0]["command"][0], without.get("initContainers"))


def test_a_small_server_gets_an_installer_that_is_large_enough() -> None:
    """What an init container has is nobody's when the server runs."""
    (container,) = server_pod(limits=Limits(100, 64 * 2**20))["initContainers"]
    size = {"cpu": "500m", "memory": "512Mi"}
    assert {"requests": size, "limits": size} == container["resources"]


def test_an_image_of_the_users_keeps_its_packages_and_gets_the_installer_from_ours() -> None:
    """It need not have uv; its Python is the one that is asked for."""
    pod = server_pod(image="python:3.12", pythonVersion="3.12", imagePullSecrets=[{"name": "own"}])
    copying, installing = pod["initContainers"]
    assert ("ours", "python:3.12") == (copying["image"], installing["image"])
    assert ["cp", "/opt/installer/install.py", "/opt/installer/bin/uv", "/var/modelprofiler/installer/"] == (
        copying["command"]
    )
    assert SECURITY == copying["securityContext"]
    assert {"python": "3.12", "exact": False, "image": "python:3.12"}.items() <= config_of(installing).items()
    assert installing["command"][2] == "/var/modelprofiler/installer/install.py"
    assert "/var/modelprofiler/installer/uv" in installing["command"]
    assert [{"name": "own"}, {"name": "registry"}] == pod["imagePullSecrets"]


def test_the_index_and_its_login_are_the_profiles_or_else_the_installations() -> None:
    """The installation's login is never sent to an index that a profile names."""
    settings = SETTINGS.model_copy(
        update={"package_index_url": "https://ours.example/simple", "package_index_secret": "login"}
    )
    (ours,) = server_pod(settings)["initContainers"]
    assert "https://ours.example/simple" == config_of(ours)["index"]
    assert "/var/modelprofiler/credentials/index" == ours["command"][ours["command"].index("--login") + 1]
    login = {"name": "modelprofiler-packages-login", "secret": {"secretName": "login", "optional": True}}
    assert login in server_pod(settings)["volumes"]
    index = {"url": "http://devpi:3141/root/pypi/+simple", "caBundle": "-----BEGIN CERTIFICATE-----"}
    (theirs,) = server_pod(settings, packageIndex=index)["initContainers"]
    config = config_of(theirs)
    assert (index["url"], index["caBundle"]) == (config["index"], config["ca"])
    assert "--login" not in theirs["command"]
    with_secret = server_pod(settings, packageIndex={**index, "secretRef": "mine"})
    assert "mine" in [(v.get("secret") or {}).get("secretName") for v in with_secret["volumes"]]
    (server,) = with_secret["containers"]
    assert "modelprofiler-packages-login" not in [mount["name"] for mount in server["volumeMounts"]]


def test_the_kubelet_replaces_nothing_in_a_requirement() -> None:
    """It would replace $(NAME), and $$."""
    (container,) = server_pod(requirements=["x @ https://h.example/$(HOME)$$.whl"])["initContainers"]
    (value,) = (v["value"] for v in container["env"])
    assert "$" not in value
    assert ["x @ https://h.example/$(HOME)$$.whl"] == config_of(container)["requirements"]


def test_variables_come_from_whole_objects_too() -> None:
    """As a Pod has them."""
    groups = [{"prefix": "P_", "configMapRef": {"name": "c"}}, {"secretRef": {"name": "s", "optional": True}}]
    (server,) = server_pod(envFrom=groups)["containers"]
    assert groups == server["envFrom"]


def test_the_job_installs_first_and_says_what_it_was() -> None:
    """Where nothing is to be read, nothing else runs in it."""
    job = prepare_job(profile(server=script()), SETTINGS, identity="i", host=None)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert ["--result", "/dev/termination-log"] == container["command"][-2:]
    assert [] == config_of(container)["constraints"]
    assert ["modelprofiler-packages"] == [volume["name"] for volume in pod["volumes"]]
    assert [{"name": "registry"}] == pod["imagePullSecrets"]
    assert "true" == job["spec"]["template"]["metadata"]["labels"][names.DOWNLOADS]
    assert SECURITY == container["securityContext"]


def test_the_job_reads_claims_and_installs_at_once() -> None:
    """In a container each."""
    spec = all_on_claims()
    spec["server"]["entryScript"]["environment"] = {"requirements": ["x"], "image": "i"}
    pod = prepare_job(profile(**spec), SETTINGS, identity="i", host=None)["spec"]["template"]["spec"]
    assert ["prepare", "modelprofiler-packages"] == [c["name"] for c in pod["containers"]]
    assert ["modelprofiler-installer"] == [c["name"] for c in pod["initContainers"]]
    pod_template = prepare_job(profile(**all_on_claims()), SETTINGS, identity="i", host=None)["spec"]["template"]
    assert names.DOWNLOADS not in pod_template["metadata"]["labels"]


def test_our_image_has_the_installer_where_pods_look_for_it(repository: Path) -> None:
    """With the version of uv that the tests run."""
    dockerfile = (repository / "Dockerfile").read_text(encoding="utf-8")
    assert f"COPY operator/modelprofiler/host/packages.py {OF_IMAGE}/install.py\n" in dockerfile
    assert f"python3 -m venv --without-pip {OF_IMAGE} " in dockerfile
    locks = [(repository / "requirements" / f"{name}.txt").read_text(encoding="utf-8") for name in ("installer", "dev")]
    installer, dev = (re.findall(r"^uv==\S+", lock, re.MULTILINE) for lock in locks)
    assert installer == dev
    assert 1 == len(installer)
