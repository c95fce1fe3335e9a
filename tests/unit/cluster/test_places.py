"""As many profiles run at once as there are nodes for them, and no two on one."""

from __future__ import annotations

from modelprofiler.cluster.gather.accept import TO_COME
from modelprofiler.cluster.queue import Key
from modelprofiler.cluster.turns import Turns

A, B, C = frozenset({"a"}), frozenset({"b"}), frozenset({"c"})


class Nodes:
    """A queue of profiles, named in the order in which they were created, on nodes a and b."""

    def __init__(self, ordinary: frozenset[str] = A | B, **profiles: frozenset[str] | None) -> None:
        self.woken: list[str] = []
        self.turns = Turns(lambda key: self.woken.append(key[1]))
        self.turns.places.ordinary = ordinary
        for number, (name, nodes) in enumerate(profiles.items()):
            meta = {"namespace": "team", "name": name, "creationTimestamp": f"2026-01-01T00:00:{number:02}Z"}
            self.turns.note({"metadata": {**meta, "generation": 1}, "spec": {}, "status": {"observedGeneration": 1}})
            self.turns.restrict(self.key(name), nodes, placed=False)

    @staticmethod
    def key(name: str) -> Key:
        """Return the key of a profile."""
        return "team", name

    def start(self, name: str, node: str | None = None) -> None:
        """Give a profile its turn, and put it on a node."""
        self.turns.take(self.key(name))
        if node is not None:
            self.turns.restrict(self.key(name), frozenset({node}), placed=True)

    def positions(self, *names: str) -> list[int]:
        """Return how many profiles each has to wait for."""
        return [self.turns.position(self.key(name)) for name in names]


def test_as_many_run_as_there_are_nodes() -> None:
    """Whether or not they are on their node yet."""
    nodes = Nodes(p=A | B, q=A | B, r=A | B)
    assert [0, 0, 1] == nodes.positions("p", "q", "r")
    nodes.start("p")
    nodes.start("q", node="b")
    assert [0, 0, 1] == nodes.positions("p", "q", "r")


def test_two_that_ask_for_the_same_node_do_not_run_at_once() -> None:
    """Though another node is free, which one behind them takes."""
    nodes = Nodes(p=A, q=A, r=A | B)
    nodes.start("p", node="a")
    assert [1, 0] == nodes.positions("q", "r")
    nodes.turns.call_next()
    assert ["r"] == nodes.woken


def test_one_whose_nodes_others_may_come_to_waits_until_they_are_there() -> None:
    """One that has just started may come to be on any of its nodes."""
    nodes = Nodes(p=A | B, q=A)
    nodes.start("p")
    assert [1] == nodes.positions("q")
    nodes.turns.restrict(nodes.key("p"), B, placed=True)
    assert [0] == nodes.positions("q")


def test_a_node_that_only_some_tolerate_is_one_more_for_these() -> None:
    """The others wait for the ordinary ones."""
    nodes = Nodes(ordinary=A, p=A, q=A, r=A | C)
    nodes.start("p", node="a")
    assert [1, 0] == nodes.positions("q", "r")
    nodes.start("r", node="c")
    assert [1] == nodes.positions("q")


def test_those_that_wait_for_one_node_are_counted_apart() -> None:
    """Who waits for another node is not before them."""
    nodes = Nodes(p=A, q=B, r=A, s=B, t=A)
    nodes.start("p", node="a")
    nodes.start("q", node="b")
    assert [1, 1, 2] == nodes.positions("r", "s", "t")


def test_the_place_that_is_written_is_the_one_that_is_asked_for() -> None:
    """Otherwise a profile would be woken again and again."""
    nodes = Nodes(p=A, q=B, r=A, s=B, t=A)
    nodes.start("p", node="a")
    nodes.start("q", node="b")
    for name in ("r", "s", "t"):
        nodes.turns._published[nodes.key(name)] = nodes.turns.position(nodes.key(name))
    assert [] == nodes.turns.outdated(10)


def test_when_a_node_becomes_free_the_one_that_waits_for_it_is_woken() -> None:
    """And nobody else."""
    nodes = Nodes(p=A, q=B, r=B, s=A)
    nodes.start("p", node="a")
    nodes.start("q", node="b")
    nodes.turns.release(nodes.key("p"))
    assert (["s"], [1, 0]) == (nodes.woken, nodes.positions("r", "s"))


def test_without_known_nodes_one_runs_at_a_time() -> None:
    """Where nodes may not be read."""
    nodes = Nodes(ordinary=frozenset(), p=None, q=None)
    assert [0, 1] == nodes.positions("p", "q")
    nodes.start("p")
    assert [1] == nodes.positions("q")


def test_one_that_is_gone_takes_no_node() -> None:
    """Whether it ran or waited."""
    nodes = Nodes(p=A, q=A, r=A)
    nodes.start("p", node="a")
    nodes.turns.forget(nodes.key("p"))
    nodes.turns.forget(nodes.key("q"))
    assert [0] == nodes.positions("r")


def test_of_those_that_wait_for_a_node_to_be_brought_one_at_a_time_runs() -> None:
    """Two would meet on the node that comes; those that others take do not wait for it."""
    nodes = Nodes(p=frozenset(TO_COME), q=frozenset(TO_COME), r=A)
    nodes.start("p")
    assert [1, 0] == nodes.positions("q", "r")
    nodes.turns.restrict(nodes.key("p"), C, placed=True)
    assert [0] == nodes.positions("q")
