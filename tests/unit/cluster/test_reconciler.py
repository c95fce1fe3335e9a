"""What a look at a profile does, in a world of time, an API server in memory and the others in the cluster."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from tests.unit.cluster.objects import Object, raw_profile
from tests.unit.cluster.standin import edit
from tests.unit.cluster.world import KEY, World, finished_world, under_load

from modelprofiler.api.conditions import ConditionType
from modelprofiler.cluster.adapter import CONFIG_MAPS, DEPLOYMENTS, EVENTS, JOBS, NODES, PODS, PROFILES, Kind
from modelprofiler.cluster.decide.policies import NOT_ACCEPTED_SECONDS, ROOM_SECONDS, TOGETHER_SECONDS
from modelprofiler.cluster.fetch import fetch
from modelprofiler.cluster.reconcile import TOLD_SECONDS
from modelprofiler.cluster.settings import Settings
from modelprofiler.errors import NotAllowed, Refused, WebhookFailed


async def test_all_conditions_are_set_at_first_sight() -> None:
    """Also before anything runs."""
    world = World()
    await world.look()
    assert {c.value for c in ConditionType} == {c.type for c in world.profile().status.conditions}
    assert ("Unknown", "Running") == world.condition("Succeeded")


async def test_a_profile_that_is_gone_wants_no_further_look() -> None:
    """Its children go with it, through their owner references."""
    world = await under_load()
    world.cluster.remove(PROFILES, *KEY)
    assert None is await world.look()
    world.cluster.put(PROFILES, raw_profile())
    world.raw()["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    world.cluster.writes = 0
    assert (None, 0) == (await world.look(), world.cluster.writes)


async def test_every_child_belongs_to_its_profile() -> None:
    """So that it goes when the profile goes, whether or not there is an operator."""
    world = await under_load()
    uid = world.raw()["metadata"]["uid"]
    children = [o for kind in (DEPLOYMENTS, JOBS) for o in world.cluster.of(kind)]
    assert [[uid]] * 2 == [[r["uid"] for r in o["metadata"]["ownerReferences"]] for o in children]


async def test_a_run_with_several_load_pods_comes_to_a_verified_size() -> None:
    """Their requests are added up, and nothing of them stays."""
    world = World(raw_profile(load={"openLoop": {"rate": "40"}, "parallelism": 3}))
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
    trials = world.profile().status.trials
    assert {3 * 500} == {row.load.requests for row in trials if row.load is not None}
    assert len(trials) == sum(name.endswith("-others") for name in world.cluster.count("create", JOBS))
    assert [] == world.cluster.of(JOBS)


async def test_a_finished_profile_is_not_touched_by_a_restart() -> None:
    """It is read, and that is all."""
    world = await finished_world()
    world.restart()
    assert (None, 0, 1) == (await world.look(), world.cluster.writes, len(world.cluster.calls))


async def test_an_upgrade_to_another_scoring_image_starts_no_run_anew() -> None:
    """Neither a finished one nor one that is under way, which also keeps its image."""
    world = await finished_world()
    world.settings = Settings(scoring_image="scoring:next")
    world.restart()
    assert (None, 0) == (await world.look(), world.cluster.writes)

    world = await under_load(trial=2)
    before = [t.index for t in world.profile().status.trials]
    world.settings = Settings(scoring_image="scoring:next")
    world.restart()
    await world.go()
    assert before == [t.index for t in world.profile().status.trials][: len(before)]
    assert "modelprofiler/scoring-server:dev" == world.raw()["status"]["provenance"]["scoringImage"]
    assert {1} == set(world.cluster.count("create", JOBS).values())


async def test_the_report_holds_every_trial() -> None:
    """And stays when everything else has gone."""
    world = await finished_world()
    report = world.cluster.objects["configmaps", "team", "digits-report"]["data"]
    assert len(world.profile().status.trials) == len(report)


async def test_a_run_is_read_with_the_samples_of_every_trial_that_was_measured() -> None:
    """Late ones too, which come while the next trial runs on the same pod."""
    world = await finished_world()
    record = await fetch(world.cluster, *KEY)
    measured = [trial for trial in record.trials if trial.trial.usage is not None]
    assert {True} == {len(trial.memory) >= 3 and len(trial.cpu_seconds) >= 3 for trial in measured}
    for trial in measured:
        assert trial.load is not None
        assert trial.load.window_ended is not None
        assert trial.memory[0].time < trial.load.window_ended <= trial.memory[-1].time


async def test_at_the_deadline_the_trial_under_load_is_finished_and_the_run_ends() -> None:
    """With the best so far; nothing is left."""
    world = await under_load(trial=2, search={"deadline": "60s"})
    world.time = world.profile().status.start_time.replace(minute=1, second=1)  # type: ignore[union-attr]
    await world.go()
    assert 2 == len(world.profile().status.trials)
    assert ("True", "NotVerified") == world.condition("Succeeded")
    assert [] == world.children


async def test_a_profile_that_is_not_accepted_is_checked_again() -> None:
    """Somebody may create what was missing; until then nothing is written twice."""
    world = World()
    missing = world.cluster.objects.pop(("configmaps", "team", "files"))
    world.advance(10)
    assert NOT_ACCEPTED_SECONDS == await world.look()
    assert ("False", "SourceNotFound") == world.condition("Accepted")
    writes = world.cluster.writes
    world.advance(NOT_ACCEPTED_SECONDS)
    assert (NOT_ACCEPTED_SECONDS, writes) == (await world.look(), world.cluster.writes)
    world.cluster.put(CONFIG_MAPS, missing)
    world.advance(NOT_ACCEPTED_SECONDS)
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")


async def test_a_profile_applied_a_moment_before_its_files_is_not_refused() -> None:
    """One file may hold both, in any order: a script that waits for Finished must not wake for that."""
    world = World()
    missing = world.cluster.objects.pop(("configmaps", "team", "files"))
    assert TOGETHER_SECONDS > (await world.look() or 0)
    assert "status" not in world.raw()
    world.cluster.put(CONFIG_MAPS, missing)
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")


async def test_room_that_other_pods_hold_is_waited_for_in_the_first_seconds() -> None:
    """Another profile, deleted a moment ago, may still have its pods; what no node can ever give is refused at once."""
    world = World()
    used = {"containers": [{"resources": {"requests": {"cpu": "3500m"}}}], "nodeName": "node1"}
    metadata = {"name": "other", "namespace": "other", "labels": {}, "creationTimestamp": "2026-01-01T00:00:00Z"}
    other: Object = {"metadata": metadata, "spec": used, "status": {"phase": "Running"}}
    world.cluster.put(PODS, other)
    assert await world.look() is not None
    assert "status" not in world.raw()
    older = datetime.fromisoformat(world.raw()["metadata"]["creationTimestamp"]) - timedelta(seconds=ROOM_SECONDS)
    world.raw()["metadata"]["creationTimestamp"] = older.isoformat()
    await world.look()
    assert ("False", "RangeTooLarge") == world.condition("Accepted")
    fresh = World()
    edit(fresh.cluster, fresh.raw(), resources={"cpu": {"values": ["500"]}, "memory": {"values": ["64Mi"]}})
    await fresh.look()
    assert ("False", "RangeTooLarge") == fresh.condition("Accepted")


async def test_what_the_api_server_refuses_in_the_middle_is_no_hot_loop() -> None:
    """A policy that came later: said once, tried now and then, and the run goes on when it is gone."""
    world = World()

    def refuse(verb: str, kind: Kind, name: str) -> None:
        if (verb, kind) == ("create", DEPLOYMENTS):
            raise Refused("denied by policy", 403)

    world.cluster.before = refuse
    assert 0.0 == await world.look()  # the next look reports it
    waits = [await world.look() for _ in range(10)]  # events would wake it at once
    assert ("False", "AdmissionRefused") == world.condition("Accepted")
    assert world.cluster.writes < 10
    assert all(w is not None and w > 20 for w in waits)
    world.cluster.before = None
    world.advance(NOT_ACCEPTED_SECONDS)
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")


PASSING = (
    WebhookFailed('failed calling webhook "w.x": context deadline exceeded'),
    NotAllowed('deployments.apps is forbidden: User "u" cannot create resource "deployments"'),
)


@pytest.mark.parametrize("error", PASSING)
async def test_what_may_pass_is_told_when_it_lasts(error: Refused) -> None:
    """A single failure is no reason to give up the turn; the run goes on when it is over."""
    world = World()

    def fail(verb: str, kind: Kind, name: str) -> None:
        if (verb, kind) == ("create", DEPLOYMENTS):
            raise error

    world.cluster.before = fail
    for _ in range(2):
        with pytest.raises(type(error)):
            await world.look()
        world.advance(TOLD_SECONDS / 2)
    assert ("True", "Valid") == world.condition("Accepted")
    assert 0.0 == await world.look()
    await world.look()
    assert ("False", "AdmissionRefused") == world.condition("Accepted")
    assert str(error) in json.loads(json.dumps(world.raw()["status"]["conditions"]))[0]["message"]
    world.cluster.before = None
    world.advance(NOT_ACCEPTED_SECONDS)
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")


@pytest.mark.parametrize("error", PASSING)
async def test_what_passes_at_once_changes_nothing(error: Refused) -> None:
    """The same action is tried again, on the same servers."""
    world, undisturbed = World(), World()
    failures = [error]

    def fail(verb: str, kind: Kind, name: str) -> None:
        if (verb, kind) == ("create", JOBS) and failures:
            raise failures.pop()

    world.cluster.before = fail
    await world.go()
    await undisturbed.go()
    assert (("True", "Verified"), []) == (world.condition("Succeeded"), failures)
    made = [[call for call in w.cluster.calls if call[:2] == ("create", "deployments")] for w in (undisturbed, world)]
    assert made[0] == made[1]


async def test_where_nodes_may_not_be_read_a_run_goes_on_without() -> None:
    """As an installation for one namespace may be set up."""
    world = World()

    def refuse(verb: str, kind: Kind, name: str) -> None:
        if kind is NODES:
            raise Refused("nodes is forbidden", 403)

    world.cluster.before = refuse
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")


async def test_files_that_come_a_moment_after_the_profile_that_names_them_are_not_missing() -> None:
    """As kubectl apply sends the documents of one file."""
    world = World()
    late = world.cluster.objects.pop(("configmaps", "team", "files"))
    await world.look()
    assert "status" not in world.raw()
    world.cluster.put(CONFIG_MAPS, late)
    world.advance(2)
    await world.look()
    assert ("True", "Valid") == world.condition("Accepted")


async def test_a_load_job_that_vanishes_is_sent_again() -> None:
    """It had no result yet: the trial is the same."""
    world = await under_load()
    (job,) = world.cluster.of(JOBS)
    world.cluster.remove(JOBS, "team", job["metadata"]["name"])
    await world.go()
    assert [1] == [t.index for t in world.profile().status.trials if t.purpose == "Reference"]


async def test_a_server_that_vanishes_under_load_is_a_disturbed_trial_that_runs_again() -> None:
    """The size is not to blame."""
    world = await under_load()
    (pod,) = [p for p in world.cluster.of(PODS) if "trial" not in str(p["metadata"]["labels"])]
    world.cluster.remove(PODS, "team", pod["metadata"]["name"])
    await world.go()
    assert ["Disturbed", "Passed"] == [t.outcome for t in world.profile().status.trials][:2]
    assert ("True", "Verified") == world.condition("Succeeded")


async def test_a_pod_that_cannot_be_resized_is_replaced() -> None:
    """The row says that it was a fresh one."""
    world = World()
    world.resizes = False
    await world.go()
    assert all(t.fresh for t in world.profile().status.trials)
    assert ("True", "Verified") == world.condition("Succeeded")


async def test_no_metrics_three_times_ends_the_run() -> None:
    """A source that does not answer is a reason neither to go on for ever nor to guess."""
    world = World()
    world.metrics.problem = "the kubelet does not answer"
    await world.go()
    assert ("False", "Unreliable") == world.condition("Succeeded")
    assert ("False", "SourceUnreachable") == world.condition("MetricsAvailable")
    assert ["NoMetrics"] * 3 == [t.outcome for t in world.profile().status.trials]
    assert [] == world.children


async def test_every_trial_and_the_end_are_reported_as_events_once() -> None:
    """The history that kubectl describe shows."""
    world = await finished_world()
    reasons = [e["reason"] for e in world.cluster.of(EVENTS)]
    assert len(world.profile().status.trials) == reasons.count("TrialFinished")
    assert 1 == reasons.count("Verified")


async def test_a_profile_with_the_longest_name_is_profiled_too() -> None:
    """253 characters, dots among them."""
    name = ".".join(["a" * 63] * 3 + ["b" * 61])
    world = World(raw_profile(name))
    await world.go(("team", name))
    assert ("True", "Verified") == world.condition("Succeeded", ("team", name))
    assert 253 >= max(len(n) for _, _, n in world.cluster.objects)


async def test_a_load_job_of_no_trial_does_not_keep_a_run_from_ending() -> None:
    """As after a status that somebody rolled back."""
    world = await under_load(trial=2)
    (job,) = [j for j in world.cluster.of(JOBS) if j["metadata"]["name"].endswith("-t2")]
    other = json.loads(json.dumps(job))
    other["metadata"] |= {"name": "mp-x-t99", "uid": "99"}
    other["metadata"]["labels"]["modelprofiler.io/trial"] = "99"
    world.cluster.put(JOBS, other)
    await world.go()
    assert [] == world.children


async def test_a_release_that_hashes_in_another_way_measures_nothing_anew() -> None:
    """What is finished or under way keeps the hash it began with while its spec and inputs are the same."""
    for world in (await finished_world(), await under_load(trial=2)):
        world.raw()["status"]["runHash"] = "0123456789abcdef"
        for (plural, *_), child in world.cluster.objects.items():
            if plural in ("deployments", "jobs", "pods"):
                child["metadata"]["labels"]["modelprofiler.io/run"] = "0123456789abcdef"
        began = [t.start_time for t in world.profile().status.trials]
        world.restart()
        await world.go()
        assert began == [t.start_time for t in world.profile().status.trials][: len(began)]
        assert ("True", "Verified") == world.condition("Succeeded")


async def test_the_annotation_rerun_measures_everything_anew() -> None:
    """Also on a finished profile, whose spec does not change by it."""
    world = await finished_world()
    before = world.profile().status
    world.raw()["metadata"]["annotations"] = {"modelprofiler.io/rerun": "2"}
    await world.go()
    after = world.profile().status
    assert before.run_hash != after.run_hash
    assert before.trials[0].start_time < after.trials[0].start_time
    assert ("True", "Verified") == world.condition("Succeeded")
