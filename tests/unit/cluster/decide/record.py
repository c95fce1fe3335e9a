"""Record worlds of simulated runs, and what is decided about them, for test_replay.py.

    python -m tests.unit.cluster.decide.record --write [NAME …]

Without --write it prints the rule that decides each world. A recorded decision that changes is a changed decision: look
at the difference before you commit it.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml
from tests.unit.cluster.decide.replay import dump, dump_decision
from tests.unit.cluster.gather.test_installed import INSTALLED, UNRESOLVED, with_packages
from tests.unit.cluster.gather.test_prepare import world_of as on_claims
from tests.unit.cluster.objects import load_result, load_status, node, raw_profile
from tests.unit.cluster.standin import edit
from tests.unit.cluster.world import World as Simulation
from tests.unit.cluster.world import finished_world, under_load

from modelprofiler.api.trial import FailureCounts
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import DEPLOYMENTS, JOBS, NODES, PODS, Kind
from modelprofiler.cluster.decide.actions import CreateOtherLoads
from modelprofiler.cluster.decide.decision import Decision
from modelprofiler.cluster.decide.policies import decide
from modelprofiler.cluster.gather.world import World
from modelprofiler.cluster.settings import Settings
from modelprofiler.errors import Refused
from modelprofiler.load.node.reading import NodeReading

WORLDS = Path(__file__).parent / "worlds"
SHORT = {"cpu": {"values": ["250m", "500m", "1"]}, "memory": {"values": ["512Mi", "1Gi"]}}
BUSY = raw_profile("busy", uid="busy") | {"status": {"startTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}}
ON_NODE_1 = {
    "template": {
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": "host-node1"},
            "containers": [{"name": "server", "image": "scoring"}],
        }
    }
}

Holds = Callable[[World, Decision], bool]


async def first(simulation: Simulation, holds: Holds) -> World:
    """Return the first world of a run that meets a condition."""
    for _ in range(200):
        world = await simulation.reconciler._gatherer.world(("team", "digits"))
        if holds(world, decide(world)):
            return world
        wait = await simulation.look()
        simulation.advance(min(wait if wait is not None else 5.0, 5.0))
    raise AssertionError("this does not come about")


def stage(name: str) -> Holds:
    """Return whether the trial in progress is at a stage."""
    return lambda world, decision: (
        (getattr(decision.status, "active_trial", None) or _Nothing).stage == name and bool(decision.after_write)
    )


class _Nothing:
    stage = ""


def by(rule: str) -> Holds:
    """Return whether a rule decides."""
    return lambda world, decision: decision.rule == rule


async def first_sight() -> World:
    """Nobody has looked at the profile before."""
    return await first(Simulation(raw_profile(resources=SHORT)), by("goes_on"))


async def queued() -> World:
    """Another one runs."""
    return await first(Simulation(raw_profile(resources=SHORT), BUSY), by("queued"))


async def still_queued() -> World:
    """Another one runs, and it was looked at before."""
    return await first(Simulation(raw_profile(resources=SHORT), BUSY), by("still_queued"))


async def not_accepted() -> World:
    """A ConfigMap is missing."""
    simulation = Simulation(raw_profile(resources=SHORT))
    simulation.cluster.objects.pop(("configmaps", "team", "files"))
    simulation.advance(10)
    return await first(simulation, by("not_accepted"))


async def all_cordoned() -> World:
    """Every node is cordoned."""
    simulation = Simulation(raw_profile(resources=SHORT))
    simulation.cluster.put(NODES, node(unschedulable=True))
    return await first(simulation, by("not_accepted"))


async def node_in_use() -> World:
    """There are two nodes, and another one runs on the only one that takes the server."""
    simulation = Simulation(raw_profile(server=ON_NODE_1, resources=SHORT), BUSY)
    simulation.cluster.put(NODES, node("node2"))
    simulation.turns.places.ordinary = frozenset({"node1", "node2"})
    simulation.turns.restrict(("team", "busy"), ("node1",), placed=True)
    return await first(simulation, by("queued"))


async def unreadable() -> World:
    """The profile was edited, under load, into one that does not parse."""
    simulation = await under_load(resources=SHORT)
    edit(simulation.cluster, simulation.raw(), objectives={"latency": {}})
    return await first(simulation, by("unreadable"))


async def claims_to_read() -> World:
    """Everything is on a claim."""
    return await first(on_claims(), by("claims_job_running"))


async def claims_read() -> World:
    """The Job has read the claim."""
    return await first(on_claims(), by("claims_result"))


async def first_of_several() -> World:
    """The first of three load pods has an address, which the others are told."""
    return await first(
        Simulation(raw_profile(load={"openLoop": {"rate": "40"}, "parallelism": 3}, resources=SHORT)),
        lambda world, decision: any(isinstance(action, CreateOtherLoads) for action in decision.after_write),
    )


async def load_pod_lost() -> World:
    """Of three load pods one was evicted; the others have ended for it."""
    simulation = Simulation(raw_profile(load={"openLoop": {"rate": "40"}, "parallelism": 3}, resources=SHORT))

    def pods() -> list[Any]:
        return [p for p in simulation.cluster.of(PODS) if names.FIRST_GENERATOR in _job_of(p, simulation)]

    await first(simulation, lambda world, decision: [p["status"]["phase"] for p in pods()] == ["Running"] * 2)
    gone = {"exitCode": 137, "reason": "Error", "finishedAt": simulation.time.isoformat(), "message": ""}
    pods()[1]["status"] = {
        "phase": "Failed",
        "reason": "Evicted",
        "containerStatuses": [{"name": "load", "state": {"terminated": gone}}],
    }
    simulation.tell()
    return await simulation.reconciler._gatherer.world(("team", "digits"))


def _job_of(pod: Any, simulation: Simulation) -> Any:
    """Return the annotations of the Job of a pod; none of any other."""
    uid = pod["metadata"]["ownerReferences"][-1]["uid"]
    return next((j["metadata"]["annotations"] for j in simulation.cluster.of(JOBS) if j["metadata"]["uid"] == uid), {})


async def packages_to_install() -> World:
    """The entry script asks for a package."""
    return await first(with_packages(None), by("claims_job_running"))


async def packages_not_installed() -> World:
    """The Job could not install the package."""
    return await first(with_packages(UNRESOLVED), by("claims_result"))


async def packages_installed() -> World:
    """The Job has installed the package: the first server is started."""
    return await first(with_packages(INSTALLED), stage("Starting"))


async def starting() -> World:
    """The first server is not ready yet."""
    return await first(
        Simulation(raw_profile(resources=SHORT)),
        lambda world, decision: decision.rule == "goes_on" and bool(world.owned) and not decision.after_write,
    )


async def resizing() -> World:
    """The reference has been recorded a moment ago: the running pod is resized for the next trial."""
    return await first(
        Simulation(raw_profile(resources=SHORT)),
        lambda world, decision: any(type(action).__name__ == "Resize" for action in decision.after_write),
    )


async def loading() -> World:
    """The server is ready."""
    return await first(
        Simulation(raw_profile(resources=SHORT)),
        lambda world, decision: any(type(action).__name__ == "CreateJob" for action in decision.after_write),
    )


async def reading() -> World:
    """The server and the node reader beside it are ready: the load asks it."""
    return await first(
        Simulation(raw_profile(resources=SHORT), settings=Settings(node_reader="Always")),
        lambda world, decision: any(type(action).__name__ == "CreateJob" for action in decision.after_write),
    )


async def reading_ends() -> World:
    """The run has its result: its reader goes with its server."""
    return await first(
        Simulation(raw_profile(resources=SHORT), settings=Settings(node_reader="Always")),
        lambda world, decision: any("-r1" in str(action) for action in decision.after_write),
    )


async def node_died() -> World:
    """Neither the server nor the reader beside it answered to the end of the load."""
    simulation = Simulation(raw_profile(resources=SHORT), settings=Settings(node_reader="Always"))
    simulation.node_reading = NodeReading(silent=True, problem="it fell silent")
    failed = FailureCounts(timeout=100)
    simulation.result = lambda limits, start: load_result(  # type: ignore[method-assign]  # a node that dies
        load_status(9.0, failures=100, failures_by_kind=failed), start
    )
    return await first(simulation, by("trial_finished"))


async def under_way() -> World:
    """The load runs, and nothing is to be done."""
    return await first(await under_load(resources=SHORT), by("goes_on"))


async def late_usage() -> World:
    """The samples of the second trial come while the third runs."""
    simulation = await under_load(trial=2, resources=SHORT)
    simulation.metrics.problem = "no answer"
    await simulation.go(until=lambda: len(simulation.profile().status.trials) == 2)
    simulation.metrics.problem = ""
    return await first(simulation, by("late_usage"))


async def recorded() -> World:
    """A trial has ended."""
    return await first(await under_load(trial=2, resources=SHORT), by("trial_finished"))


async def suspended() -> World:
    """The run was suspended, and nothing of it is left."""
    simulation = await under_load(trial=2, resources=SHORT)
    edit(simulation.cluster, simulation.raw(), suspend=True)
    return await first(simulation, by("suspended"))


async def deadline_passed() -> World:
    """The deadline passed under load: the trial is recorded, and the run winds down."""
    simulation = await under_load(trial=2, resources=SHORT, search={"deadline": "60s"})
    simulation.advance(60)
    return await first(simulation, by("trial_finished"))


async def ended() -> World:
    """The last trial was recorded, and nothing is left."""
    return await first(Simulation(raw_profile(resources=SHORT)), by("ended"))


async def over() -> World:
    """The run has ended."""
    return await first(await finished_world(), by("over"))


async def rerun() -> World:
    """A user has asked for everything to be measured anew."""
    simulation = await finished_world()
    simulation.raw()["metadata"]["annotations"] = {"modelprofiler.io/rerun": "2"}
    return await first(simulation, by("goes_on"))


async def edited_child() -> World:
    """Somebody has edited the load Job beyond recognition."""
    simulation = await under_load(resources=SHORT)
    (job,) = simulation.cluster.of(JOBS)
    job["metadata"]["annotations"]["modelprofiler.io/cpu"] = "plenty"
    simulation.advance(1)
    return await first(simulation, lambda world, decision: True)


async def evicted_server() -> World:
    """The server's pod vanished under load."""
    simulation = await under_load(resources=SHORT)
    (pod,) = [p for p in simulation.cluster.of(PODS) if "trial" not in str(p["metadata"]["labels"])]
    simulation.cluster.remove(PODS, "team", pod["metadata"]["name"])
    simulation.advance(1)
    return await first(simulation, by("trial_finished"))


async def action_refused() -> World:
    """A policy that came later refuses the Deployment."""
    simulation = Simulation(raw_profile(resources=SHORT))

    def refuse(verb: str, kind: Kind, name: str) -> None:
        if (verb, kind) == ("create", DEPLOYMENTS):
            raise Refused("denied by policy", 403)

    simulation.cluster.before = refuse
    return await first(simulation, by("action_refused"))


SCENES: tuple[Callable[[], Awaitable[World]], ...] = (
    first_sight,
    queued,
    still_queued,
    not_accepted,
    all_cordoned,
    node_in_use,
    unreadable,
    claims_to_read,
    claims_read,
    packages_to_install,
    packages_not_installed,
    packages_installed,
    starting,
    first_of_several,
    load_pod_lost,
    loading,
    reading,
    reading_ends,
    node_died,
    under_way,
    resizing,
    late_usage,
    recorded,
    suspended,
    deadline_passed,
    ended,
    over,
    rerun,
    edited_child,
    evicted_server,
    action_refused,
)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def record(scene: Callable[[], Awaitable[World]], *, write: bool) -> None:
    """Play a scene, and write its world with the decision."""
    world = asyncio.run(_played(scene))
    decision = decide(world)
    print(f"{scene.__name__:16} {decision.rule}")
    if write:
        sentence = (scene.__doc__ or "").strip()
        body = {"sentence": sentence, "world": dump(world), "decision": dump_decision(decision)}
        text = yaml.dump(body, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
        (WORLDS / f"{scene.__name__}.yaml").write_text(text, encoding="utf-8")


async def _played(scene: Callable[[], Awaitable[World]]) -> World:
    return await scene()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the files")
    parser.add_argument("names", nargs="*", help="scenes; all by default")
    arguments = parser.parse_args()
    WORLDS.mkdir(exist_ok=True)
    for chosen in SCENES:
        if not arguments.names or chosen.__name__ in arguments.names:
            record(chosen, write=arguments.write)
