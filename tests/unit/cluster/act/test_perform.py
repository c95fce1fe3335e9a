"""What is decided is done, and may be done again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.cluster.objects import BIG, SMALL, UID, load_status, now, pod, profile
from tests.unit.cluster.standin import StandIn
from tests.unit.cluster.values import BRACKET, CONFIRM, READY, REFERENCE, a_row, a_server

from modelprofiler.api.trial import Outcome, Trial
from modelprofiler.cluster import names
from modelprofiler.cluster.act.perform import Act, RunFacts, load_config, load_deadline
from modelprofiler.cluster.adapter import CONFIG_MAPS, DEPLOYMENTS, JOBS, PODS, Kind
from modelprofiler.cluster.decide.actions import (
    Action,
    CreateJob,
    CreateOtherLoads,
    CreateServer,
    DeleteJob,
    DeleteServer,
    Resize,
)
from modelprofiler.cluster.gather.jobs import load_job as observed_load
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.steps import RunTrial
from modelprofiler.errors import ClusterUnavailable, Refused
from modelprofiler.load.config import LoadConfig

REFERENCE_ROW = a_row(load=load_status(p95=0.04))
NAME = names.server(profile(), "abc", 1)


def facts(reference: Trial | None = None, **spec: Any) -> RunFacts:
    """Return what the objects of a run are made from."""
    return RunFacts(
        profile=profile(**spec),
        run_hash="abc",
        settings=Settings(),
        dataset_key="requests.txt",
        reference=reference,
        container="server",
        hosts={"node1": "host-1"},
    )


def act(cluster: StandIn | None = None, **spec: Any) -> Act:
    """Return what acts for a run."""
    run = facts(**spec)
    return Act(cluster or StandIn(lambda: now(0)), run.settings, "team", UID, run.profile, run)


def load(step: RunTrial = REFERENCE) -> CreateJob:
    """Return the action that sends the load of a step."""
    return CreateJob(1, step.purpose, step.limits, step.window, replace(a_server(), name=NAME), READY)


def config(step: RunTrial = REFERENCE, reference: Trial | None = None, **spec: Any) -> LoadConfig:
    """Return the configuration of the load of a step."""
    return load_config(facts(reference, **spec), load(step))


@pytest.mark.parametrize(
    "actions",
    [
        [CreateServer(1, BIG, None)],
        [CreateServer(1, BIG, "host-1"), load()],
        [CreateServer(1, BIG, None), load(), DeleteJob(names.load(profile(), "abc", 1)), DeleteServer(NAME)],
    ],
)
async def test_what_is_done_twice_is_done_once(actions: list[Action]) -> None:
    """Names follow from the run; what exists or is gone already is as it should be."""
    created = []
    for times in (1, 2):
        cluster = StandIn(lambda: now(0))
        for action in actions:
            for _ in range(times):
                await act(cluster).do(action)
        created.append(sorted((plural, name) for plural, _, name in cluster.objects))
    assert created[0] == created[1]


async def test_a_server_is_its_files_and_its_deployment() -> None:
    """In this order: nothing waits for what does not exist yet."""
    cluster = StandIn(lambda: now(0))
    await act(cluster, dataset={"source": {"inline": "[1]\n"}}).do(CreateServer(1, BIG, None))
    assert ["configmaps", "deployments"] == [plural for _, plural, _ in cluster.calls]
    assert [1, 1] == [len(cluster.of(kind)) for kind in (CONFIG_MAPS, DEPLOYMENTS)]


async def test_the_files_are_created_with_each_server_and_not_again_with_each_load() -> None:
    """But after a trial that went wrong they are: somebody may have deleted them."""
    cluster = StandIn(lambda: now(0))
    first = act(cluster, dataset={"source": {"inline": "[1]\n"}})
    for action in (CreateServer(1, BIG, None), load()):
        await first.do(action)
    assert ["configmaps", "deployments", "jobs"] == [plural for verb, plural, _ in cluster.calls if verb == "create"]
    assert first.profile is not None
    assert first.run is not None
    status = first.profile.status.model_copy(update={"trials": [a_row(outcome=Outcome.LOAD_FAILED)]})
    later = replace(first, run=replace(first.run, profile=first.profile.model_copy(update={"status": status})))
    cluster.calls.clear()
    await later.do(load())
    assert ["configmaps", "jobs"] == [plural for verb, plural, _ in cluster.calls if verb == "create"]


async def test_the_load_goes_to_the_address_of_the_pod() -> None:
    """Not to a name, which not every cluster resolves, nor to a Service, which would be one more object."""
    cluster = StandIn(lambda: now(0))
    await act(cluster).do(CreateServer(1, BIG, None))
    await act(cluster).do(load())
    (job,) = cluster.of(JOBS)
    template = job["spec"]["template"]
    load_config = LoadConfig.model_validate_json(template["metadata"]["annotations"][names.LOAD_CONFIG])
    assert ("198.18.1.7", "/var/modelprofiler/dataset/requests.txt") == (load_config.host, load_config.dataset.path)
    assert "host-1" in str(template["spec"]["affinity"])


async def test_a_resize_changes_requests_and_limits_of_the_profiled_container() -> None:
    """The others stay as they are."""
    cluster = StandIn(lambda: now(0))
    both = pod(BIG)
    both["spec"]["containers"].append({"name": "proxy", "resources": {"limits": {"cpu": "1"}}})
    cluster.put(PODS, both)
    await act(cluster).do(Resize(NAME, "p", SMALL))
    size = {"cpu": "250m", "memory": "1Gi"}
    assert [{"requests": size, "limits": size}, {"limits": {"cpu": "1"}}] == [
        c["resources"] for c in cluster.of(PODS)[0]["spec"]["containers"]
    ]


@pytest.mark.parametrize("error", [Refused("resize is not allowed", 403), Refused("unknown subresource", 404)])
async def test_a_resize_that_is_refused_makes_room_for_a_fresh_server(error: Exception) -> None:
    """By an old cluster, or a policy."""
    cluster = StandIn(lambda: now(0))
    await act(cluster).do(CreateServer(1, BIG, None))

    def refuse(verb: str, kind: Kind, name: str) -> None:
        if verb.startswith("patch"):
            raise error

    cluster.before = refuse
    await act(cluster).do(Resize(NAME, "p", SMALL))
    assert [] == cluster.of(DEPLOYMENTS)


async def test_a_resize_that_gets_no_answer_is_tried_again() -> None:
    """The server is not given up for that."""
    cluster = StandIn(lambda: now(0))

    def gone(verb: str, kind: Kind, name: str) -> None:
        raise ClusterUnavailable("no answer")

    cluster.before = gone
    with pytest.raises(ClusterUnavailable):
        await act(cluster).do(Resize(NAME, "p", SMALL))


def test_a_load_gets_everything_that_the_profile_says() -> None:
    """Where to, what, how, and when to stop."""
    spec: dict[str, Any] = {
        "endpoint": {"http": {"port": 8080, "timeout": "2s"}},
        "dataset": {"source": {"inline": "x"}, "order": "Sequential"},
    }
    load_config = config(**spec)
    assert (8080, "2s", "Sequential") == (
        load_config.port,
        str(load_config.endpoint.timeout),
        load_config.dataset.order,
    )
    assert (profile().spec.load, {"p95": 0.25}, 1.0) == (
        load_config.load,
        load_config.stop.thresholds,
        load_config.stop.max_error_percent,
    )


def test_only_a_trial_that_decides_may_stop_early() -> None:
    """One whose usage counts goes to the end of its window."""
    assert [False, True, False] == [config(step).stop.decide for step in (REFERENCE, BRACKET, CONFIRM)]


def test_only_the_confirming_trial_sends_every_row() -> None:
    """The heaviest at least."""
    configs = [config(step) for step in (REFERENCE, BRACKET, CONFIRM)]
    assert [(False, False), (False, False), (True, True)] == [(c.cover_rows, c.heaviest_first) for c in configs]


def test_after_the_reference_a_load_waits_until_the_server_is_idle() -> None:
    """That is when a single request is as fast as in the reference trial."""
    assert [None, 0.008] == [config(BRACKET, reference).probe_latency for reference in (None, REFERENCE_ROW)]


def test_a_slowdown_is_counted_from_the_reference_whose_p95_is_needed_for_it() -> None:
    """So the reference trial must have enough requests for one."""
    slowdown = {"maxSlowdownPercent": "50"}
    first, later = config(objectives=slowdown), config(BRACKET, REFERENCE_ROW, objectives=slowdown)
    assert ({}, ["p95"]) == (first.stop.thresholds, first.required_percentiles)
    assert ["p95"] == later.required_percentiles
    assert pytest.approx({"p95": 0.06}) == later.stop.thresholds


def test_percentiles_that_an_objective_names_are_needed_and_a_mean_is_always_there() -> None:
    """A window is extended for the former only."""
    load_config = config(objectives={"latency": {"mean": "1s", "p99": "1s", "max": "9s"}})
    assert (["p99"], {"mean": 1.0, "p99": 1.0, "max": 9.0}) == (
        load_config.required_percentiles,
        load_config.stop.thresholds,
    )


def test_a_load_has_a_bound_behind_every_other_bound() -> None:
    """Longer than its longest window, so that it is never cut short by it."""
    load_config = config()
    deadline = load_deadline(Settings(), load_config)
    longest = 4 * load_config.load.duration.seconds + load_config.load.warmup.seconds + load_config.connect_timeout
    assert longest < deadline < longest + 600


async def test_the_others_of_several_generators_get_the_configuration_and_the_address_of_the_first() -> None:
    """All but the node reader, which one asks; also a window that is not load.duration."""
    several: Any = {"load": {"openLoop": {"rate": "40"}, "parallelism": 3}}
    cluster = StandIn(lambda: now(0))
    await act(cluster, **several).do(replace(load(), seconds=90.0, reader="198.18.0.9"))
    (first,) = cluster.of(JOBS)
    job = observed_load([(first, [])])
    assert job.config is not None
    await act(cluster, **several).do(CreateOtherLoads(replace(job, address="198.18.2.1"), "node1"))
    (others,) = (j for j in cluster.of(JOBS) if j["metadata"]["name"].endswith("-others"))
    load_config = LoadConfig.model_validate_json(
        others["spec"]["template"]["metadata"]["annotations"][names.LOAD_CONFIG]
    )
    assert load_config.rendezvous is not None
    assert job.config.rendezvous is not None
    assert (1, "198.18.2.1", None, 90.0) == (
        load_config.index,
        load_config.rendezvous.host,
        load_config.node_reader,
        load_config.load.duration.seconds,
    )
    assert job.config.rendezvous.key == load_config.rendezvous.key
    assert "" == job.config.rendezvous.host
    same = {"index": 0, "node_reader": job.config.node_reader, "rendezvous": job.config.rendezvous}
    assert job.config == load_config.model_copy(update=same)
    assert first["metadata"]["annotations"] == {
        name: value for name, value in others["metadata"]["annotations"].items() if name != names.FIRST_GENERATOR
    }
    patience = Settings().schedule_timeout_seconds + Settings().image_pull_timeout_seconds
    deadline = load_deadline(Settings(), config(load={"openLoop": {"rate": "40"}}))
    assert deadline + patience == others["spec"]["activeDeadlineSeconds"] - 60 * 4, "the longer window, four times"
