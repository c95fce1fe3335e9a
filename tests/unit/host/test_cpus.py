"""Which CPUs the server and the load generator run on."""

from pathlib import Path

import pytest

from modelprofiler.host.cpus import cpu_list, same_core, split

HYPERTHREADS = {cpu: frozenset({cpu % 4, cpu % 4 + 4}) for cpu in range(8)}


@pytest.mark.parametrize(
    ("available", "cores", "server", "load"),
    [
        ({0, 1}, 1.0, {0}, {1}),
        ({0, 1}, 0.05, {0}, {1}),
        (range(4), 2.5, {0, 1, 2}, {3}),
        (range(4), 1.0, {0, 1, 2}, {3}),  # it has more than its limit, as in a cluster
        ({2, 5, 7}, 2.0, {2, 5}, {7}),
    ],
)
def test_load_has_a_cpu_of_its_own_where_the_server_keeps_its_range(
    available: set[int], cores: float, server: set[int], load: set[int]
) -> None:
    """The last one; the server has all others."""
    plan = split(available, cores)
    assert [sorted(server), sorted(load)] == [sorted(plan.server), sorted(plan.load)]
    assert not plan.shared


@pytest.mark.parametrize(("available", "cores"), [({0}, 0.1), ({0, 1}, 1.5), ({0, 1}, 2.0), ({0, 1}, 4.0)])
def test_otherwise_they_share_and_the_sentence_says_so(available: set[int], cores: float) -> None:
    """Both may use everything."""
    plan = split(available, cores)
    assert [sorted(available)] * 2 == [sorted(plan.server), sorted(plan.load)]
    assert plan.shared
    assert "shared CPU" in plan.sentence


def test_load_has_a_core_of_its_own_where_there_are_enough() -> None:
    """Both hyper-threads of it; with fewer CPUs only one of them, and the sentence says so."""
    plan = split(range(8), 6.0, HYPERTHREADS)
    assert "the server ran on CPUs 0, 1, 2, 4, 5, 6, the load generator on CPUs 3, 7" == plan.sentence
    plan = split(range(8), 7.0, HYPERTHREADS)
    assert {7} == plan.load
    assert "a hyper-thread of a core that the server uses too" in plan.sentence


def test_cores_are_read_from_sysfs(tmp_path: Path) -> None:
    """Lists as the kernel writes them."""
    for cpu in range(4):
        topology = tmp_path / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{cpu % 2},{cpu % 2 + 2}\n")
    (tmp_path / "cpufreq").mkdir()
    assert {0: {0, 2}, 1: {1, 3}, 2: {0, 2}, 3: {1, 3}} == same_core(tmp_path)
    assert {} == same_core(tmp_path / "none")
    assert {0, 1, 2, 3, 8, 10, 11} == cpu_list("0-3,8,10-11\n")
    assert set() == cpu_list("\n")
