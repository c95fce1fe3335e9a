"""A server that was slow on a full machine says nothing about its limit, unless the limit is what it waited for."""

from dataclasses import replace

import pytest

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import NodeLoad, UsageStatus
from modelprofiler.core.crowding import crowded_start, crowding, other_work
from modelprofiler.core.evidence import Evidence, ResultKind
from modelprofiler.load.node.reading import NodeReading
from modelprofiler.load.result import LoadResult

FULL = LoadResult(ResultKind.COMPLETED, cores=2, busy_percent=99, steal_percent=0, cpu_percent=10)


def used(throttled: str | None) -> UsageStatus:
    """Return the usage of a server that was stopped at its quota in a percentage of its periods."""
    return UsageStatus(throttled_percent=None if throttled is None else Quantity(throttled))


def test_what_others_took_is_reported() -> None:
    """Of 2 CPUs, where the server may have had 0.3 and the generator 0.1."""
    assert "at least 1.6 CPUs of that went to something other" in (crowding(Evidence(load=FULL), 0.3) or "")


@pytest.mark.parametrize(
    "result",
    [replace(FULL, busy_percent=80), replace(FULL, busy_percent=None), replace(FULL, cores=None)],
    ids=["room was left", "nobody looked", "nobody knows of how much"],
)
def test_a_machine_that_was_not_seen_to_be_full_is_not_blamed(result: LoadResult) -> None:
    """Missing is not full."""
    assert crowding(Evidence(load=result), 0.3) is None


@pytest.mark.parametrize(("throttled", "expected"), [("49", True), (None, True), ("50", False), ("88", False)])
def test_a_server_that_used_its_quota_up_was_slow_for_that(throttled: str | None, expected: bool) -> None:
    """Others would have kept it from that."""
    assert expected == (crowding(Evidence(load=FULL, usage=used(throttled)), 0.3) is not None)


@pytest.mark.parametrize(("cpu", "expected"), [("300m", True), ("1750m", False), (None, False)])
def test_a_server_that_may_use_nearly_all_of_a_machine_counts_with_its_use(cpu: str | None, expected: bool) -> None:
    """Other work that fills a machine keeps a server far below such a limit; one that reaches it is slow for it."""
    usage = None if cpu is None else UsageStatus(cpu=Quantity(cpu))
    assert expected == (crowding(Evidence(load=FULL, usage=usage), 1.8) is not None)


READER = NodeReading(cores=4, busy_percent=99, steal_percent=1, clock_offset=-2.0, major_faults=3, read_bytes=4096)


def test_a_reader_on_the_servers_node_is_believed_where_the_load_ran_elsewhere() -> None:
    """What the load's own node did, and what the generator used there, is not of the server's node."""
    evidence = Evidence(load=replace(FULL, busy_percent=5, node=READER), load_on_machine=False)
    assert "of its 4 CPUs 99% were busy" in (crowding(evidence, 0.3) or "")
    assert "at least 3.7 CPUs of that went to something other" in (crowding(evidence, 0.3) or "")


def test_a_load_elsewhere_does_not_speak_for_the_servers_node() -> None:
    """Its own node was full; the server's was not, or nobody knows."""
    quiet = replace(FULL, node=replace_reading(busy_percent=30, steal_percent=0))
    assert crowding(Evidence(load=quiet, load_on_machine=False), 0.3) is None
    assert crowding(Evidence(load=FULL, load_on_machine=False), 0.3) is None


def replace_reading(**changes: float) -> NodeReading:
    """Return a reading that differs in a few values."""
    return READER.model_copy(update=changes)


def test_other_work_on_the_servers_node_is_what_its_reader_saw() -> None:
    """Of four CPUs 3.96 were busy; 0.3 were the server's, and the generator was elsewhere."""
    load = replace(FULL, node=READER)
    node = other_work(Evidence(load=load, usage=UsageStatus(cpu=Quantity("300m")), load_on_machine=False))
    assert node == NodeLoad(
        cpus=4,
        other_cpu=Quantity("3660m"),
        steal_percent=Quantity(1),
        clock_offset="-2.000",
        major_faults=3,
        read_bytes=Quantity(4096),
    )


def test_what_a_reader_does_not_know_is_reported() -> None:
    """What the kubelet counted for the node stands in for it."""
    load = replace(FULL, node=NodeReading(problem="there is no node reader: a quota"))
    evidence = Evidence(load=load, usage=UsageStatus(cpu=Quantity("1")), load_on_machine=False, machine_cores=3.0)
    assert NodeLoad(other_cpu=Quantity(2), not_known="there is no node reader: a quota") == other_work(evidence)


def test_other_work_is_what_the_machine_did_without_server_and_load() -> None:
    """Of two CPUs 60 % were busy; 0.4 were the server's and 0.2 the generator's."""
    result = LoadResult(ResultKind.COMPLETED, cores=2, busy_percent=60.0, steal_percent=1.5, cpu_percent=20.0)
    node = other_work(Evidence(load=result, usage=UsageStatus(cpu=Quantity("400m"))))
    assert NodeLoad(cpus=2, other_cpu=Quantity("600m"), steal_percent=Quantity("1.5")) == node


def test_other_work_is_not_known_without_the_servers_cpu() -> None:
    """It is absent, not all of what the machine did; steal is known all the same."""
    result = LoadResult(ResultKind.COMPLETED, cores=2, busy_percent=60.0, steal_percent=0.0, cpu_percent=20.0)
    assert NodeLoad(cpus=2, steal_percent=Quantity(0)) == other_work(Evidence(load=result, usage=None))
    assert other_work(Evidence(load=LoadResult(ResultKind.COMPLETED))) is None


def test_the_reference_loop_is_that_of_the_servers_machine() -> None:
    """A load generator elsewhere measured another machine; a reader on the server's node measured the right one."""
    load = LoadResult(ResultKind.COMPLETED, loop_before=0.000137, loop_after=0.000142)
    same_node = NodeLoad(loop_before=Duration("137us"), loop_after=Duration("142us"))
    assert same_node == other_work(Evidence(load=load))
    assert other_work(Evidence(load=load, load_on_machine=False)) is None
    read = replace(load, node=NodeReading(loop_before=0.00012, loop_after=0.00013))
    other_node = NodeLoad(loop_before=Duration("120us"), loop_after=Duration("130us"))
    assert other_node == other_work(Evidence(load=read, load_on_machine=False))


@pytest.mark.parametrize(
    ("crowded", "busy", "server", "cpus"),
    [
        (True, 20.0, 2.0, 2),
        (False, 10.0, 2.0, 2),
        (False, 20.0, 9.5, 2),
        (False, 10.0, 8.9, 1),
    ],
    ids=["other work", "idle CPUs", "it used up its limit", "others had little"],
)
def test_a_start_that_took_too_long_on_a_full_machine(crowded: bool, busy: float, server: float, cpus: int) -> None:
    """It says nothing about the size where the server did not get the CPU of its limit; ten seconds, one core."""
    assert crowded == (crowded_start(10.0, cpus, busy, server, 1.0) is not None)
