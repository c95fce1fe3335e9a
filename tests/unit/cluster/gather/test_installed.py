"""Packages of an entry script: a Job installs them before anything else starts, and what it says is in the status."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.cluster.objects import Object, now, profile, raw_profile
from tests.unit.cluster.on_claims import all_on_claims
from tests.unit.cluster.standin import edit
from tests.unit.cluster.world import World

from modelprofiler.cluster.adapter import CLAIMS as CLAIMS_KIND
from modelprofiler.cluster.adapter import DEPLOYMENTS, JOBS
from modelprofiler.cluster.gather import installed, prepare
from modelprofiler.cluster.gather.claims import Claims, _identity
from modelprofiler.cluster.settings import Settings
from modelprofiler.files.inspect import PrepareResult
from modelprofiler.host.packages import CONFIG_VARIABLE, encoded

PATH = "spec.server.entryScript.environment"
INSTALLED = json.dumps({"packages": encoded(["flask==3.1.2", "tinypkg==1.0"])})
UNRESOLVED = json.dumps({"field": "requirements", "message": "cannot be installed: tinypkg was not found"})


def script(**environment: Any) -> Object:
    """Return the server of a spec whose entry script asks for packages."""
    source = {"inline": "import tinypkg"}
    return {"entryScript": {"source": source, "environment": {"requirements": ["tinypkg"]} | environment}}


def with_packages(message: str | None, **environment: Any) -> World:
    """Return a world with a profile that asks for a package, and what the container says that installs it."""
    world = World(raw_profile(server=script(**environment)))
    world.packages = message
    return world


def ended(message: str, **fields: Any) -> Object:
    """Return how the container has ended."""
    return {"exitCode": 0, "reason": "Completed", "message": message} | fields


async def test_packages_are_installed_before_anything_else_starts() -> None:
    """Every pod of the run installs the versions that the Job has installed, whatever the index has later."""
    world = with_packages(INSTALLED)
    await world.go(until=lambda: bool(world.cluster.of(DEPLOYMENTS)))
    recorded = world.profile().status.claims
    assert recorded is not None
    assert ["flask==3.1.2", "tinypkg==1.0"] == recorded.packages
    (server,) = world.cluster.of(DEPLOYMENTS)
    (installing,) = server["spec"]["template"]["spec"]["initContainers"]
    config = json.loads(next(v["value"] for v in installing["env"] if v["name"] == CONFIG_VARIABLE))
    assert (["tinypkg"], ["flask==3.1.2", "tinypkg==1.0"]) == (config["requirements"], config["constraints"])
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
    assert 1 == sum(name.endswith("-prepare") for name in world.cluster.count("create", JOBS).elements())
    assert [] == world.children


async def test_packages_that_cannot_be_installed_end_the_profile_before_it_starts() -> None:
    """In the words of the resolver, under a reason of their own; corrected requirements are installed at once."""
    world = with_packages(UNRESOLVED)
    for _ in range(3):
        await world.look()
        world.advance(5)
    assert ("False", "PackagesNotInstalled") == world.condition("Accepted")
    message = next(c.message for c in world.profile().status.conditions if c.type == "Accepted")
    assert f"{PATH}.requirements: cannot be installed: tinypkg was not found" == message
    assert [] == world.cluster.of(DEPLOYMENTS)
    world.packages = INSTALLED
    edit(world.cluster, world.raw(), server=script(requirements=["tinypkg<2"]))
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")


async def test_files_and_packages_are_looked_at_by_one_job() -> None:
    """Its problems are named together."""
    problem = {"reason": "SourceNotFound", "path": "spec.model.source.persistentVolumeClaim", "message": "no m"}
    spec = all_on_claims()
    spec["server"]["entryScript"]["environment"] = {"requirements": ["tinypkg"]}
    world = World(raw_profile(**spec))
    claim = {"metadata": {"name": "files", "namespace": "team"}, "spec": {"accessModes": ["ReadWriteMany"]}}
    world.cluster.put(CLAIMS_KIND, claim)
    world.on_claims = PrepareResult.model_validate({"problems": [problem]})
    world.packages = UNRESOLVED
    for _ in range(3):
        await world.look()
        world.advance(5)
    message = next(c.message for c in world.profile().status.conditions if c.type == "Accepted")
    assert "spec.model.source.persistentVolumeClaim: no m; spec.server" in message
    assert message.endswith("tinypkg was not found")


@pytest.mark.parametrize(
    ("message", "fields", "expected"),
    [
        (UNRESOLVED, {}, f"{PATH}.requirements: cannot be installed: tinypkg was not found"),
        (json.dumps({"field": "pythonVersion", "message": "no"}), {}, f"{PATH}.pythonVersion: no"),
        (json.dumps({"field": "status", "message": "\x1b[31mred"}), {}, f"{PATH}.requirements: red"),
        ("", {"exitCode": 137, "reason": "OOMKilled"}, "takes more than 512Mi of memory"),
        (
            "exec: python3: not found",
            {"exitCode": 128, "reason": "StartError"},
            "(exit code 128, StartError): exec: py",
        ),
        (json.dumps({"packages": encoded(["x==1 --index-url"])}), {}, "left no result"),
        (json.dumps({"packages": encoded(["x==1"] * 513)}), {}, "left no result"),
        (json.dumps({"packages": encoded(["x" * 200_000])}), {}, "left no result"),
        (json.dumps({"packages": "eA=="}), {}, "left no result"),
        (json.dumps(["packages"]), {}, "left no result"),
        ("[" * 4000, {}, "left no result"),
    ],
)
def test_what_the_container_says_is_a_sentence_or_a_list_of_packages(
    message: str, fields: Object, expected: str
) -> None:
    """The image may be anybody's."""
    packages, problem = installed.read(ended(message, **fields))
    assert [] == packages
    assert expected in problem
    assert "\x1b" not in problem


CLAIMS = Claims(sources=(), identity="i", host=None, together=False, installs=True)
JOB = {"metadata": {"name": "j", "creationTimestamp": "2026-01-01T00:00:00Z"}}
FAILED = {"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}}
LATE = {"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]}}


def job_pod(state: Object, **status: Any) -> Object:
    """Return the pod of the Job, whose only container is in a state."""
    statuses = [{"name": "modelprofiler-packages", "state": state}]
    return {"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"containerStatuses": statuses, **status}}


COPY_FAILED = {
    "initContainerStatuses": [
        {
            "name": "modelprofiler-installer",
            "state": {"terminated": {"exitCode": 1, "reason": "Error", "message": "cp: not found"}},
        }
    ]
}


@pytest.mark.parametrize(
    ("job", "pod", "seconds", "expected"),
    [
        ({}, job_pod({"running": {}}), 9, "installing the packages of the entry script"),
        ({}, job_pod({"waiting": {}}), 2, "installing the packages of the entry script"),
        (
            {},
            job_pod({"waiting": {"reason": "ErrImagePull", "message": "no such image"}}),
            9,
            "waiting for the pod that installs the packages: ErrImagePull: no such image",
        ),
        (
            {},
            job_pod({"waiting": {"reason": "ErrImagePull", "message": "no such image"}}),
            241,
            f"{PATH}.requirements: the pod that installs the packages has not started in 240 s: ErrImagePull: no such",
        ),
        (
            FAILED,
            job_pod({"waiting": {}}, **COPY_FAILED),
            9,
            f"{PATH}.requirements: the pod that installs the packages left no result: exit code 1, Error: cp: not",
        ),
        (LATE, job_pod({"running": {}}), 900, f"{PATH}.requirements: installing the packages took longer than 600 s"),
    ],
)
def test_how_far_the_job_is_and_why_it_has_failed(job: Object, pod: Object, seconds: float, expected: str) -> None:
    """With the field that it is about."""
    progress = prepare.read(JOB | job, [pod], CLAIMS, Settings(), now(seconds))
    message = progress.message
    assert message is not None
    assert message.startswith(expected)
    assert isinstance(progress, prepare.Waiting) or progress.reason == "PackagesNotInstalled"


def test_a_change_of_what_is_installed_is_a_new_look() -> None:
    """The index as well, but not who may pull the image."""

    def identity(**environment: Any) -> str:
        return _identity(profile(server=script(**environment)), [], {})

    same = identity()
    assert same == identity(imagePullSecrets=[{"name": "s"}], env=[{"name": "A", "value": "b"}])
    changed = {
        identity(requirements=["other"]),
        identity(image="i"),
        identity(packageIndex={"url": "https://packages.example/simple"}),
        identity(pythonVersion="3.11"),
    }
    assert 4 == len(changed - {same})
