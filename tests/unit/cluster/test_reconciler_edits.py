"""What an edit of a profile, or of what it names, does to its run."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.cluster.objects import files, node
from tests.unit.cluster.standin import edit
from tests.unit.cluster.world import World, finished_world, under_load

from modelprofiler.cluster.adapter import CONFIG_MAPS, DEPLOYMENTS, JOBS, NODES
from modelprofiler.cluster.decide.policies import NOT_ACCEPTED_SECONDS

WIDE = {"cpu": {"min": "1", "max": "64", "step": "1"}, "memory": {"min": "128Mi", "max": "1Gi", "step": "32Mi"}}


async def test_a_change_of_what_is_measured_starts_a_new_run() -> None:
    """Its trials begin at one, and what the run before had started is removed."""
    world = await under_load(trial=2)
    old = world.profile().status.run_hash
    edit(world.cluster, world.raw(), load={"openLoop": {"rate": "20"}, "duration": "10s"})
    await world.look()
    status = world.profile().status
    assert status.active_trial is not None
    assert (0, [], 1) == (status.trials_completed, status.trials, status.active_trial.index)
    assert old != status.run_hash
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
    assert [] == world.children


async def test_a_change_of_the_objective_judges_the_same_trials_again() -> None:
    """What was measured stays; no trial runs again, more may."""
    world = await finished_world()
    before = world.profile().status.trials
    edit(world.cluster, world.raw(), objectives={"latency": {"p95": "190ms"}})
    await world.look()
    assert [] == world.profile().status.recommendations
    await world.go()
    after = world.profile().status.trials
    assert [t.start_time for t in before] == [t.start_time for t in after[: len(before)]]
    assert [t.outcome for t in before] != [t.outcome for t in after[: len(before)]]
    assert ("True", "Verified") == world.condition("Succeeded")
    assert 350 <= world.profile().status.recommendations[0].limits.cpu.millicores  # type: ignore[union-attr]


async def test_an_edit_that_changes_nothing_that_counts_ends_at_once() -> None:
    """The status follows the generation."""
    world = await finished_world()
    edit(world.cluster, world.raw(), recommendation={"cpuMarginPercent": 10})
    await world.go(maximum=3)
    assert (2, []) == (world.profile().status.observed_generation, world.cluster.of(JOBS))


async def test_a_range_that_is_edited_while_a_server_starts_is_measured_at_its_own_size() -> None:
    """The server that was starting goes: its size is not the one that would be recorded."""
    world = World()
    await world.go(until=lambda: bool(world.cluster.of(DEPLOYMENTS)))
    wider = {"cpu": {"min": "100m", "max": "2", "step": "50m"}}
    edit(world.cluster, world.raw(), resources=wider)
    await world.go(until=lambda: bool(world.cluster.of(JOBS)))
    (server,) = world.cluster.of(DEPLOYMENTS)
    size = server["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    status = world.profile().status
    assert status.active_trial is not None
    assert ("2", "2") == (size["cpu"], str(status.active_trial.limits.cpu))


async def test_a_config_map_that_is_edited_in_the_middle_is_measured_with_its_new_content() -> None:
    """It is not watched, and looked at anew for every trial."""
    world = await under_load(trial=2)
    before = world.profile().status
    world.cluster.put(CONFIG_MAPS, files(**{"score.py": "def init(): ...", "requests.txt": "[4]\n"}))
    await world.go()
    after = world.profile().status
    assert after.provenance is not None
    assert after.dataset is not None
    assert (1, after.dataset.digest) == (after.dataset.rows, after.provenance.dataset_digest)
    assert before.run_hash != after.run_hash
    assert ("True", "Verified") == world.condition("Succeeded")
    assert [] == world.children


async def test_a_suspended_run_finishes_the_load_and_goes_on_later() -> None:
    """Between the two nothing runs, and no time counts."""
    world = await under_load(trial=2)
    edit(world.cluster, world.raw(), suspend=True)
    await world.go()
    assert (2, []) == (len(world.profile().status.trials), world.children)
    assert ("False", "Suspended") == world.condition("Finished")
    writes = world.cluster.writes
    assert (None, writes) == (await world.look(), world.cluster.writes)
    edit(world.cluster, world.raw(), suspend=False)
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
    assert len(world.profile().status.trials) == len(world.cluster.count("create", JOBS))


async def test_what_a_run_had_used_of_its_deadline_before_it_was_suspended_counts_after_that() -> None:
    """The time in between does not: a run is neither ended by a pause nor prolonged by it."""
    world = await under_load(trial=2, search={"deadline": "20m"})
    started = world.profile().status.start_time
    assert started is not None
    world.time = started + timedelta(minutes=10)
    edit(world.cluster, world.raw(), suspend=True)
    await world.go()
    status = world.profile().status
    assert status.start_time is None
    assert status.elapsed is not None
    assert 600 <= status.elapsed.seconds <= 660
    world.time += timedelta(days=1)
    edit(world.cluster, world.raw(), suspend=False)
    await world.go(until=lambda: len(world.cluster.count("create", JOBS)) == 3)
    assert status.elapsed == world.profile().status.elapsed
    started = world.profile().status.start_time
    assert started is not None
    world.time = started + timedelta(minutes=11)
    await world.go()
    assert 3 == len(world.profile().status.trials)
    assert "search.deadline" in str(world.raw()["status"]["conditions"])


async def test_what_a_run_had_used_of_its_deadline_counts_after_it_was_refused_for_a_while() -> None:
    """A ConfigMap was gone when it was resumed."""
    world = await under_load(trial=2)
    edit(world.cluster, world.raw(), suspend=True)
    await world.go()
    used = world.profile().status.elapsed
    assert used is not None
    rows = world.cluster.objects.pop(("configmaps", "team", "files"))
    edit(world.cluster, world.raw(), suspend=False)
    world.time += timedelta(minutes=1)
    await world.look()
    assert ("False", "SourceNotFound") == world.condition("Accepted")
    world.cluster.put(CONFIG_MAPS, rows)
    world.time += timedelta(seconds=NOT_ACCEPTED_SECONDS)
    await world.go(until=lambda: len(world.cluster.count("create", JOBS)) == 3)
    assert used == world.profile().status.elapsed


async def test_a_new_run_has_its_deadline_to_itself() -> None:
    """Whatever the run before had used of its own."""
    world = await under_load(trial=2)
    edit(world.cluster, world.raw(), suspend=True)
    await world.go()
    assert world.profile().status.elapsed is not None
    edit(world.cluster, world.raw(), suspend=False, dataset={"source": {"inline": "{}"}})
    await world.go(until=lambda: len(world.cluster.count("create", JOBS)) == 3)
    assert world.profile().status.elapsed is None


async def test_a_profile_that_does_not_parse_keeps_its_trials_and_leaves_nothing_running() -> None:
    """What the schema cannot see, such as a unit that only the operator refuses."""
    world = await under_load(trial=2)
    trials = world.raw()["status"]["trials"]
    edit(world.cluster, world.raw(), objectives={"latency": {}})
    await world.look()
    assert ("False", "InvalidSpec") == next(
        (c["status"], c["reason"]) for c in world.raw()["status"]["conditions"] if c["type"] == "Accepted"
    )
    assert (trials, []) == (world.raw()["status"]["trials"], world.children)
    edit(world.cluster, world.raw(), objectives={"latency": {"p95": "250ms"}})
    await world.go()
    assert len(world.profile().status.trials) >= 4


async def test_a_size_that_only_the_operator_finds_out_of_bounds_is_refused_with_its_sentence() -> None:
    """The API server reads no text of a list in full, since that costs more than older ones allow."""
    world = World()
    edit(world.cluster, world.raw(), resources={"cpu": {"values": ["1", "1000"]}})
    await world.look()
    accepted = next(c for c in world.raw()["status"]["conditions"] if c["type"] == "Accepted")
    assert ("False", "InvalidSpec") == (accepted["status"], accepted["reason"])
    assert (
        "spec.resources.cpu: every size must be from 10m to 512 CPU (1000m is one CPU): values[1] is 1000, which is "
        "1,000 CPUs (1000m may be meant)"
    ) in accepted["message"]
    assert [] == world.children


async def test_a_template_that_is_nested_too_deeply_is_refused_with_a_sentence() -> None:
    """It is an open object in the schema, so that the API server takes what nothing else can be done with."""
    deep: dict[str, object] = {}
    for _ in range(500):
        deep = {"a": deep}
    world = World()
    pod = {"containers": [{"name": "server", "image": "i"}], "affinity": deep}
    edit(world.cluster, world.raw(), server={"template": {"spec": pod}})
    await world.look()
    accepted = next(c for c in world.raw()["status"]["conditions"] if c["type"] == "Accepted")
    assert ("False", "InvalidSpec", "spec: is nested more than 100 levels deep") == (
        accepted["status"],
        accepted["reason"],
        accepted["message"],
    )
    assert [] == world.children


async def test_a_finished_profile_that_is_edited_into_one_that_cannot_run_is_checked_again_too() -> None:
    """Its trials stay; when a larger node comes it goes on."""
    world = await finished_world()
    edit(world.cluster, world.raw(), resources=WIDE)
    assert NOT_ACCEPTED_SECONDS == await world.look()
    assert ("False", "RangeTooLarge") == world.condition("Accepted")
    assert NOT_ACCEPTED_SECONDS == await world.look()
    world.cluster.put(NODES, node("node2", "96", "64Gi"))
    world.advance(NOT_ACCEPTED_SECONDS)
    await world.look()
    assert ("True", "Valid") == world.condition("Accepted")
    assert world.profile().status.trials
