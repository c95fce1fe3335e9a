"""Sources on claims: a Job has one look before anything else starts, and what it found is in the status."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cluster.objects import Object, at, node, now, profile, raw_profile
from tests.unit.cluster.on_claims import all_on_claims, on_claim
from tests.unit.cluster.standin import StandIn, edit
from tests.unit.cluster.world import World

from modelprofiler.api.status import ClaimsStatus
from modelprofiler.cluster.adapter import CLAIMS, DEPLOYMENTS, JOBS, NODES, PODS, Kind
from modelprofiler.cluster.decide.policies import CLAIMS_AGAIN_SECONDS
from modelprofiler.cluster.gather import claims, prepare
from modelprofiler.cluster.gather.prepare import Waiting
from modelprofiler.cluster.manifests.volumes import ClaimSource
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.rows import with_forecast
from modelprofiler.errors import ClusterUnavailable, Problem, Refused
from modelprofiler.files.inspect import PrepareResult, SourceProblem
from modelprofiler.load.rows.examine import describe

GOOD = PrepareResult(
    dataset=describe([b"[1]", b"[2]"]), code_digest="sha256:1", model_digest="sha256:2", single_files=["model"]
)
BAD = PrepareResult(
    problems=[SourceProblem(reason="SourceNotFound", path="spec.model.source.persistentVolumeClaim", message="no 'm'")]
)


def claim(name: str = "files", *modes: str, **spec: Any) -> Object:
    """Return a bound claim."""
    claim_spec = {"accessModes": list(modes or ("ReadWriteOnce",)), **spec}
    return {"metadata": {"name": name, "namespace": "team"}, "spec": claim_spec, "status": {"phase": "Bound"}}


def world_of(result: PrepareResult | None = GOOD) -> World:
    """Return a world with a profile on a claim."""
    world = World(raw_profile(**all_on_claims()))
    world.cluster.put(CLAIMS, claim())
    world.on_claims = result
    return world


async def looked_up(spec: Object, *stored: Object, pods: tuple[Object, ...] = ()) -> claims.Claims | list[Problem]:
    """Look up the claims of a profile among objects of a cluster."""
    cluster = StandIn(lambda: now(0))
    for body in stored:
        cluster.put(CLAIMS, body)
    for pod in pods:
        cluster.put(PODS, pod)
    cluster.put(NODES, node())
    return await claims.look(cluster, profile(**spec))


def user(name: str, volume: str, node_name: str = "node1", **status: Any) -> Object:
    """Return somebody's pod with a claim."""
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": volume}}, {"name": "w", "emptyDir": {}}]
    meta = {"name": name, "namespace": "team"}
    return {"metadata": meta, "spec": {"nodeName": node_name, "volumes": volumes}, "status": status}


async def test_claims_are_read_once_before_anything_else_starts() -> None:
    """And what was found is recorded, as of ConfigMaps; then the Job goes."""
    world = world_of()
    await world.go(until=lambda: bool(world.cluster.of(DEPLOYMENTS)))
    recorded = world.profile().status
    assert GOOD.dataset is not None
    expected = with_forecast(world.profile().spec, GOOD.dataset)  # what the load cannot show is known by then
    assert (expected, GOOD.dataset) == (recorded.dataset, recorded.claims and recorded.claims.dataset)
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
    provenance = world.profile().status.provenance
    assert provenance is not None
    assert ("sha256:1", "sha256:2") == (provenance.code_digest, provenance.model_digest)
    assert 1 == sum(name.endswith("-prepare") for name in world.cluster.count("create", JOBS).elements())
    assert [] == world.children


async def test_until_then_it_is_not_accepted_and_says_what_it_waits_for() -> None:
    """Nothing else is in the cluster."""
    world = world_of()
    await world.look()
    world.advance(3)
    await world.look()
    assert ("Unknown", "Preparing") == world.condition("Accepted")
    assert ("Unknown", "Preparing") == world.condition("Succeeded")
    (child,) = world.children[:1]
    assert child.endswith("-prepare")
    assert [] == world.cluster.of(DEPLOYMENTS)


async def test_an_operator_that_starts_anew_does_not_look_again() -> None:
    """Neither while the Job runs nor later."""
    world = world_of()
    for _ in range(300):
        world.restart()
        wait = await world.look()
        if wait is None:
            break
        world.advance(min(wait, 5.0))
    assert ("True", "Verified") == world.condition("Succeeded")
    assert {1} == set(world.cluster.count("create", JOBS).values())


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_restart_at_every_write_changes_nothing(when: str) -> None:
    """Each is broken off when it is made first; nothing starts before the files have been read, nothing is left."""
    world = world_of()
    broken = set()

    def fault(verb: str, kind: Kind, name: str) -> None:
        recorded = world.raw().get("status") or {}
        assert (verb, kind) != ("create", DEPLOYMENTS) or "claims" in recorded
        step = (verb, kind.plural, name, "claims" in recorded, recorded.get("trialsCompleted"))
        if verb not in ("get", "list", "dry-run") and step not in broken:
            broken.add(step)
            raise ClusterUnavailable("broken off")

    setattr(world.cluster, when, fault)
    world.advance(10)
    await world.go(until=lambda: bool(world.cluster.of(DEPLOYMENTS)))
    looks = [n for n in world.cluster.count("create", JOBS).elements() if n.endswith("-prepare")]
    assert 1 == len(set(looks))
    assert len(looks) <= 2
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
    assert [] == world.children


async def test_what_cannot_be_used_is_reported_and_looked_at_again_some_minutes_later() -> None:
    """Not as often as what the operator can see itself; nothing is left in between."""
    world = world_of(BAD)
    world.advance(10)
    await world.go(until=lambda: world.raw().get("status", {}).get("claims") is not None)
    assert ("False", "SourceNotFound") == world.condition("Accepted")
    assert "spec.model.source.persistentVolumeClaim: no 'm'" == world.profile().status.conditions[0].message
    while (world.time - world.profile().status.claims.time).total_seconds() < CLAIMS_AGAIN_SECONDS:  # type: ignore[union-attr]
        assert 30 == await world.look()
        world.advance(30)
    assert 1 == len(world.cluster.count("create", JOBS).keys())
    world.on_claims = GOOD
    await world.look()
    assert ("False", "SourceNotFound") == world.condition("Accepted")
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")


def header(key: str = "token") -> Object:
    """Return a spec with a header whose value is in a Secret; everything else is in ConfigMaps."""
    reference = {"secretKeyRef": {"name": "login", "key": key}}
    return {"endpoint": {"http": {"headers": [{"name": "Authorization", "valueFrom": reference}]}}}


async def test_headers_from_secrets_are_checked_once_before_anything_else_starts() -> None:
    """The same Job checks them. What is wrong with one ends the profile."""
    here = World(raw_profile(**header()))
    path = "spec.endpoint.http.headers[0].valueFrom.secretKeyRef"
    here.on_claims = PrepareResult(problems=[SourceProblem(reason="SourceNotFound", path=path, message="none")])
    here.advance(10)
    await here.go(until=lambda: here.raw().get("status", {}).get("claims") is not None)
    assert ("False", "SourceNotFound") == here.condition("Accepted")
    assert f"{path}: none" == here.profile().status.conditions[0].message
    assert [] == here.cluster.of(DEPLOYMENTS)
    here.on_claims = PrepareResult()
    edit(here.cluster, here.raw(), **header("other"))
    await here.go()
    assert ("True", "Verified") == here.condition("Succeeded")


async def test_a_client_certificate_is_checked_before_anything_else_starts_and_another_one_anew() -> None:
    """By a pod, as headers from Secrets are."""

    async def look(secret: str) -> claims.Claims | list[Problem]:
        tls = {"caBundle": "-----BEGIN CERTIFICATE-----", "clientCertificate": {"secretName": secret}}
        return await looked_up({"endpoint": {"http": {"scheme": "HTTPS", "tls": tls}}})

    one, again, other = [await look(secret) for secret in ("client-tls", "client-tls", "other")]
    assert isinstance(one, claims.Claims)
    assert isinstance(other, claims.Claims)
    assert ("spec.endpoint.http.tls.clientCertificate.secretName",) == one.others
    assert one == again
    assert one.identity != other.identity


async def test_another_path_is_looked_at_at_once() -> None:
    """So is the same one for a user who asks, and a claim that was made anew."""
    world = world_of(BAD)
    world.advance(10)
    await world.go(until=lambda: world.raw().get("status", {}).get("claims") is not None)
    world.on_claims = GOOD
    edit(world.cluster, world.raw(), model={"name": "m", "source": on_claim("other")})
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
    before = await looked_up(all_on_claims(), claim())
    again = await looked_up(all_on_claims(), claim() | {"metadata": claim()["metadata"] | {"uid": "other"}})
    assert isinstance(before, claims.Claims)
    assert isinstance(again, claims.Claims)
    assert before.identity != again.identity


async def test_a_look_waits_for_its_turn() -> None:
    """Reading a large model during a run would disturb it."""
    world = world_of()
    world.turns.take(("team", "other"))
    assert await world.look() is None
    assert ("False", "Queued") == world.condition("Finished")
    assert [] == world.cluster.of(JOBS)


async def test_a_suspended_profile_is_not_looked_into() -> None:
    """Nothing of it runs."""
    world = World(raw_profile(**all_on_claims(), suspend=True))
    world.cluster.put(CLAIMS, claim())
    await world.look()
    assert ("False", "Suspended") == world.condition("Finished")
    assert [] == world.cluster.of(JOBS)


async def test_what_is_wrong_with_a_claim_is_reported_for_every_field_that_names_it() -> None:
    """Before any pod is started."""
    problems = await looked_up(all_on_claims(dataset="rows"), claim(volumeMode="Block"))
    message = "claim 'files' is a block device; files need volumeMode Filesystem"
    expected = [
        Problem("spec.model.source.persistentVolumeClaim", message),
        Problem("spec.server.entryScript.source.persistentVolumeClaim", message),
        Problem(
            "spec.dataset.source.persistentVolumeClaim",
            "there is no PersistentVolumeClaim 'rows' in namespace 'team'",
        ),
    ]
    assert expected == problems
    gone = claim() | {"status": {"phase": "Lost"}}
    problems = await looked_up(all_on_claims(), gone)
    assert isinstance(problems, list)
    assert "claim 'files' has lost its volume" == problems[0].message


@pytest.mark.parametrize(
    ("modes", "together"), [(("ReadWriteOnce",), True), (("ReadWriteOnce", "ReadOnlyMany"), False)]
)
async def test_pods_that_share_a_volume_of_one_node_are_on_the_same(modes: tuple[str, ...], together: bool) -> None:
    """The load is elsewhere where there is a choice."""
    resolved = await looked_up(all_on_claims(), claim("files", *modes))
    assert isinstance(resolved, claims.Claims)
    assert (together, None) == (resolved.together, resolved.host)
    resolved = await looked_up(all_on_claims(dataset="rows"), claim(), claim("rows"))
    assert isinstance(resolved, claims.Claims)
    assert not resolved.together


async def test_a_volume_in_use_on_a_node_keeps_the_run_there() -> None:
    """Two on different nodes cannot both be had."""
    over = user("over", "files", "node2", phase="Succeeded")
    resolved = await looked_up(all_on_claims(), claim(), pods=(user("a", "files"), over))
    assert isinstance(resolved, claims.Claims)
    assert "host-node1" == resolved.host
    both = (user("a", "files"), user("b", "rows", "node2"))
    resolved = await looked_up(all_on_claims(dataset="rows"), claim(), claim("rows"), pods=both)
    assert isinstance(resolved, list)
    (problem,) = resolved
    assert problem.message.startswith("claim 'files' is in use on node node1 and claim 'rows' is in use on node node2")


async def test_a_volume_of_one_pod_cannot_be_shared() -> None:
    """By the server and the load."""
    problems = await looked_up(all_on_claims(), claim("files", "ReadWriteOncePod"))
    assert isinstance(problems, list)
    assert ["spec.dataset.source.persistentVolumeClaim"] == [p.path for p in problems]


def job_state(pod: Object | None, job: Object | None = None, seconds: float = 10) -> ClaimsStatus | Waiting:
    """Read a Job and its pod, some seconds after it was created."""
    assert _CLAIM is not None
    source = ClaimSource("model", "spec.model.source.persistentVolumeClaim", _CLAIM)
    volumes = claims.Claims((source,), "i", None, together=False)
    body = {"metadata": {"name": "j", "creationTimestamp": at(0)}, "status": job or {}}
    pods = [] if pod is None else [{"metadata": {"name": "p"}, "spec": {}, **pod}]
    return prepare.read(body, pods, volumes, Settings(), now(seconds))


_CLAIM = profile(**all_on_claims()).spec.dataset.source.persistent_volume_claim
UNBOUND = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
UNSCHEDULED = {
    "status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": UNBOUND}]},
}
CREATING = {"spec": {"nodeName": "n"}, "status": {"containerStatuses": [{"state": {"waiting": {}}}]}}


def ended(**fields: Any) -> Object:
    """Return a pod whose container has ended."""
    return {
        "spec": {"nodeName": "n"},
        "status": {"containerStatuses": [{"name": "prepare", "state": {"terminated": fields}}]},
    }


def failed(reason: str, message: str) -> Object:
    """Return the status of a Job that failed."""
    return {"conditions": [{"type": "Failed", "status": "True", "reason": reason, "message": message}]}


@pytest.mark.parametrize(
    ("pod", "job", "seconds", "message"),
    [
        (UNSCHEDULED, None, 121, f"has not started in 120 s: {UNBOUND}"),
        (CREATING, None, 241, "has not started in 240 s: its volumes are not mounted yet; `kubectl describe pod p`"),
        (None, None, 121, "its Job has created no pod; `kubectl describe job j` says why"),
        (None, failed("DeadlineExceeded", "x"), 1, "took longer than 600 s (chart value trials.timeouts.prepare)"),
        (None, failed("BackoffLimitExceeded", "gone"), 1, "left no result: gone"),
        (ended(exitCode=137, reason="OOMKilled"), None, 1, "does not fit into the 256Mi of a load pod"),
        (ended(exitCode=1, reason="Error", message="boom"), None, 1, "(exit code 1, Error): boom"),
    ],
)
def test_a_look_that_fails_is_reported_in_a_sentence(
    pod: Object | None, job: Object | None, seconds: float, message: str
) -> None:
    """With the field that it is about."""
    progress = job_state(pod, job, seconds)
    assert isinstance(progress, ClaimsStatus)
    assert "SourceUnreadable" == progress.reason
    assert progress.message is not None
    assert progress.message.startswith("spec.model.source.persistentVolumeClaim: ")
    assert message in progress.message


def test_a_look_that_waits_says_for_what() -> None:
    """Once it has waited longer than usual."""
    assert Waiting("reading the files of the profile's sources") == job_state(UNSCHEDULED, seconds=2)
    assert Waiting(f"waiting for the pod that reads the files: {UNBOUND}") == job_state(UNSCHEDULED)
    running = {"spec": {"nodeName": "n"}, "status": {"containerStatuses": [{"state": {"running": {}}}]}}
    assert Waiting("reading the files of the profile's sources") == job_state(running, seconds=500)


async def test_a_pod_that_is_refused_is_reported() -> None:
    """A Job would be admitted, and create none."""
    world = world_of()
    world.cluster.before = _refuse_pods
    world.advance(10)
    assert [0.0, 30.0] == [await world.look(), await world.look()]
    assert ("False", "AdmissionRefused") == world.condition("Accepted")


def _refuse_pods(verb: str, kind: Any, name: str) -> None:
    if verb == "dry-run" and kind is PODS:
        raise Refused("no pods here", 403)
