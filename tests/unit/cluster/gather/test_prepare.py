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
    given = {"accessModes": list(modes or ("ReadWriteOnce",)), **spec}
    return {"metadata": {"name": name, "namespace": "team"}, "spec": given, "status": {"phase": "Bound"}}


def world(result: PrepareResult | None = GOOD) -> World:
    """Return a world with a profile on a claim."""
    made = World(raw_profile(**all_on_claims()))
    made.cluster.put(CLAIMS, claim())
    made.on_claims = result
    return made


async def looked_up(spec: Object, *there: Object, pods: tuple[Object, ...] = ()) -> claims.Claims | list[Problem]:
    """Look up the claims of a profile among objects of a cluster."""
    cluster = StandIn(lambda: now(0))
    for body in there:
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
    here = world()
    await here.go(until=lambda: bool(here.cluster.of(DEPLOYMENTS)))
    recorded = here.profile().status
    assert (GOOD.dataset, GOOD.dataset) == (recorded.dataset, recorded.claims and recorded.claims.dataset)
    await here.go()
    assert ("True", "Verified") == here.condition("Succeeded")
    provenance = here.profile().status.provenance
    assert provenance is not None
    assert ("sha256:1", "sha256:2") == (provenance.code_digest, provenance.model_digest)
    assert 1 == sum(name.endswith("-prepare") for name in here.cluster.count("create", JOBS).elements())
    assert [] == here.children


async def test_until_then_it_is_not_accepted_and_says_what_it_waits_for() -> None:
    """Nothing else is in the cluster."""
    here = world()
    await here.look()
    here.advance(3)
    await here.look()
    assert ("Unknown", "Preparing") == here.condition("Accepted")
    assert ("Unknown", "Preparing") == here.condition("Succeeded")
    (child,) = here.children[:1]
    assert child.endswith("-prepare")
    assert [] == here.cluster.of(DEPLOYMENTS)


async def test_an_operator_that_starts_anew_does_not_look_again() -> None:
    """Neither while the Job runs nor later."""
    here = world()
    for _ in range(300):
        here.restart()
        wait = await here.look()
        if wait is None:
            break
        here.advance(min(wait, 5.0))
    assert ("True", "Verified") == here.condition("Succeeded")
    assert {1} == set(here.cluster.count("create", JOBS).values())


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_restart_at_every_write_changes_nothing(when: str) -> None:
    """Each is broken off when it is made first; nothing starts before the claims have been read, nothing is left."""
    here = world()
    broken = set()

    def fault(verb: str, kind: Kind, name: str) -> None:
        recorded = here.raw().get("status") or {}
        assert (verb, kind) != ("create", DEPLOYMENTS) or "claims" in recorded
        step = (verb, kind.plural, name, "claims" in recorded, recorded.get("trialsCompleted"))
        if verb not in ("get", "list", "dry-run") and step not in broken:
            broken.add(step)
            raise ClusterUnavailable("broken off")

    setattr(here.cluster, when, fault)
    here.advance(10)
    await here.go(until=lambda: bool(here.cluster.of(DEPLOYMENTS)))
    looks = [n for n in here.cluster.count("create", JOBS).elements() if n.endswith("-prepare")]
    assert 1 == len(set(looks))
    assert len(looks) <= 2
    await here.go()
    assert ("True", "Verified") == here.condition("Succeeded")
    assert [] == here.children


async def test_what_cannot_be_used_is_said_and_looked_at_again_some_minutes_later() -> None:
    """Not as often as what the operator can see itself; nothing is left in between."""
    here = world(BAD)
    here.advance(10)
    await here.go(until=lambda: here.raw().get("status", {}).get("claims") is not None)
    assert ("False", "SourceNotFound") == here.condition("Accepted")
    assert "spec.model.source.persistentVolumeClaim: no 'm'" == here.profile().status.conditions[0].message
    while (here.time - here.profile().status.claims.time).total_seconds() < CLAIMS_AGAIN_SECONDS:  # type: ignore[union-attr]
        assert 30 == await here.look()
        here.advance(30)
    assert 1 == len(here.cluster.count("create", JOBS).keys())
    here.on_claims = GOOD
    await here.look()
    assert ("False", "SourceNotFound") == here.condition("Accepted")
    await here.go()
    assert ("True", "Verified") == here.condition("Succeeded")


def header(key: str = "token") -> Object:
    """Return a spec with a header whose value is in a Secret; everything else is in ConfigMaps."""
    reference = {"secretKeyRef": {"name": "login", "key": key}}
    return {"endpoint": {"http": {"headers": [{"name": "Authorization", "valueFrom": reference}]}}}


async def test_headers_from_secrets_are_checked_once_before_anything_else_starts() -> None:
    """By the same Job; what it finds wrong ends the profile, and otherwise every load gets the Secret."""
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


async def test_another_path_is_looked_at_at_once() -> None:
    """So is the same one for a user who asks, and a claim that was made anew."""
    here = world(BAD)
    here.advance(10)
    await here.go(until=lambda: here.raw().get("status", {}).get("claims") is not None)
    here.on_claims = GOOD
    edit(here.cluster, here.raw(), model={"name": "m", "source": on_claim("other")})
    await here.go()
    assert ("True", "Verified") == here.condition("Succeeded")
    before = await looked_up(all_on_claims(), claim())
    again = await looked_up(all_on_claims(), claim() | {"metadata": claim()["metadata"] | {"uid": "other"}})
    assert isinstance(before, claims.Claims)
    assert isinstance(again, claims.Claims)
    assert before.identity != again.identity


async def test_a_look_waits_for_its_turn() -> None:
    """Reading a large model beside a run would disturb it."""
    here = world()
    here.turns.take(("team", "other"))
    assert await here.look() is None
    assert ("False", "Queued") == here.condition("Finished")
    assert [] == here.cluster.of(JOBS)


async def test_a_suspended_profile_is_not_looked_into() -> None:
    """Nothing of it runs."""
    here = World(raw_profile(**all_on_claims(), suspend=True))
    here.cluster.put(CLAIMS, claim())
    await here.look()
    assert ("False", "Suspended") == here.condition("Finished")
    assert [] == here.cluster.of(JOBS)


async def test_what_is_wrong_with_a_claim_is_said_for_every_field_that_names_it() -> None:
    """Before any pod is started."""
    found = await looked_up(all_on_claims(dataset="rows"), claim(volumeMode="Block"))
    words = "claim 'files' is a block device; files need volumeMode Filesystem"
    expected = [
        Problem("spec.model.source.persistentVolumeClaim", words),
        Problem("spec.server.entryScript.source.persistentVolumeClaim", words),
        Problem(
            "spec.dataset.source.persistentVolumeClaim",
            "there is no PersistentVolumeClaim 'rows' in namespace 'team'",
        ),
    ]
    assert expected == found
    gone = claim() | {"status": {"phase": "Lost"}}
    found = await looked_up(all_on_claims(), gone)
    assert isinstance(found, list)
    assert "claim 'files' has lost its volume" == found[0].message


@pytest.mark.parametrize(
    ("modes", "together"), [(("ReadWriteOnce",), True), (("ReadWriteOnce", "ReadOnlyMany"), False)]
)
async def test_pods_that_share_a_volume_of_one_node_are_on_the_same(modes: tuple[str, ...], together: bool) -> None:
    """The load is elsewhere where there is a choice."""
    found = await looked_up(all_on_claims(), claim("files", *modes))
    assert isinstance(found, claims.Claims)
    assert (together, None) == (found.together, found.host)
    found = await looked_up(all_on_claims(dataset="rows"), claim(), claim("rows"))
    assert isinstance(found, claims.Claims)
    assert not found.together


async def test_a_volume_in_use_on_a_node_keeps_the_run_there() -> None:
    """Two on different nodes cannot both be had."""
    over = user("over", "files", "node2", phase="Succeeded")
    found = await looked_up(all_on_claims(), claim(), pods=(user("a", "files"), over))
    assert isinstance(found, claims.Claims)
    assert "host-node1" == found.host
    both = (user("a", "files"), user("b", "rows", "node2"))
    found = await looked_up(all_on_claims(dataset="rows"), claim(), claim("rows"), pods=both)
    assert isinstance(found, list)
    (problem,) = found
    assert problem.message.startswith("claim 'files' is in use on node node1 and claim 'rows' is in use on node node2")


async def test_a_volume_of_one_pod_cannot_be_shared() -> None:
    """By the server and the load."""
    found = await looked_up(all_on_claims(), claim("files", "ReadWriteOncePod"))
    assert isinstance(found, list)
    assert ["spec.dataset.source.persistentVolumeClaim"] == [p.path for p in found]


def shown(pod: Object | None, job: Object | None = None, seconds: float = 10) -> ClaimsStatus | Waiting:
    """Read a Job and its pod, some seconds after it was created."""
    assert _CLAIM is not None
    source = ClaimSource("model", "spec.model.source.persistentVolumeClaim", _CLAIM)
    wanted = claims.Claims((source,), "i", None, together=False)
    body = {"metadata": {"name": "j", "creationTimestamp": at(0)}, "status": job or {}}
    pods = [] if pod is None else [{"metadata": {"name": "p"}, "spec": {}, **pod}]
    return prepare.read(body, pods, wanted, Settings(), now(seconds))


_CLAIM = profile(**all_on_claims()).spec.dataset.source.persistent_volume_claim
UNBOUND = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
UNSCHEDULED = {
    "status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": UNBOUND}]},
}
CREATING = {"spec": {"nodeName": "n"}, "status": {"containerStatuses": [{"state": {"waiting": {}}}]}}


def ended(**how: Any) -> Object:
    """Return a pod whose container has ended."""
    return {
        "spec": {"nodeName": "n"},
        "status": {"containerStatuses": [{"name": "prepare", "state": {"terminated": how}}]},
    }


def failed(reason: str, message: str) -> Object:
    """Return the status of a Job that failed."""
    return {"conditions": [{"type": "Failed", "status": "True", "reason": reason, "message": message}]}


@pytest.mark.parametrize(
    ("pod", "job", "seconds", "says"),
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
def test_a_look_that_fails_is_told_in_a_sentence(
    pod: Object | None, job: Object | None, seconds: float, says: str
) -> None:
    """With the field that it is about."""
    found = shown(pod, job, seconds)
    assert isinstance(found, ClaimsStatus)
    assert "SourceUnreadable" == found.reason
    assert found.message is not None
    assert found.message.startswith("spec.model.source.persistentVolumeClaim: ")
    assert says in found.message


def test_a_look_that_waits_says_for_what() -> None:
    """Once it has waited longer than usual."""
    assert Waiting("reading what is on the claims") == shown(UNSCHEDULED, seconds=2)
    assert Waiting(f"waiting for the pod that reads the claims: {UNBOUND}") == shown(UNSCHEDULED)
    running = {"spec": {"nodeName": "n"}, "status": {"containerStatuses": [{"state": {"running": {}}}]}}
    assert Waiting("reading what is on the claims") == shown(running, seconds=500)


async def test_a_pod_that_is_refused_is_told() -> None:
    """A Job would be admitted, and create none."""
    here = world()
    here.cluster.before = _refuse_pods
    here.advance(10)
    assert [0.0, 30.0] == [await here.look(), await here.look()]
    assert ("False", "AdmissionRefused") == here.condition("Accepted")


def _refuse_pods(verb: str, kind: Any, name: str) -> None:
    if verb == "dry-run" and kind is PODS:
        raise Refused("no pods here", 403)
