"""The order of the queue follows from the objects alone."""

import itertools
import random
import time
from collections import Counter
from collections.abc import Iterable

import pytest

from modelprofiler.cluster.places import Places
from modelprofiler.cluster.queue import Entry, Key, Queue, State

W, R, D = State.WAITING, State.RUNNING, State.DONE


def entry(name: str, state: State = W, finished: str = "") -> Entry:
    """Return an entry; ``b3`` is the one in namespace b that was created third."""
    return Entry((name[0], name), name[1:], state, finished)


def queue_of(entries: Iterable[Entry]) -> Queue:
    """Return the queue of these."""
    queue = Queue()
    for queued in entries:
        queue.put(queued)
    return queue


@pytest.mark.parametrize(
    ("sentence", "expected", "entries"),
    [
        ("nobody waits, nobody is next", "", [entry("a1", R), entry("a2", D)]),
        ("the oldest is first", "a1 a2 a3", [entry("a2"), entry("a3"), entry("a1")]),
        ("namespaces take turns", "a1 b4 a2 b5 a3", [entry(n) for n in ("a1", "a2", "a3", "b4", "b5")]),
        ("who runs one already waits behind", "b4 a2", [entry("a1", R), entry("a2"), entry("b4")]),
        (
            "who was served last is last",
            "b4 a2",
            [entry("a1", D, "12:00"), entry("a2"), entry("b3", D, "11:00"), entry("b4")],
        ),
        ("who was never served is first", "b9 a2", [entry("a1", D, "12:00"), entry("a2"), entry("b9")]),
    ],
)
def test_the_order_is_fair(sentence: str, expected: str, entries: list[Entry]) -> None:
    """One sentence a row."""
    assert (sentence, expected.split()) == (sentence, [name for _, name in queue_of(entries).order()])


@pytest.mark.parametrize(
    ("expected", "slots", "entries"),
    [
        (0, 1, [entry("a1")]),
        (1, 1, [entry("a0"), entry("a1")]),
        (1, 1, [entry("b0", R), entry("a1")]),
        (2, 1, [entry("b0", R), entry("a0"), entry("a1")]),
        (0, 2, [entry("b0", R), entry("a1")]),
        (1, 2, [entry("b0", R), entry("b1", R), entry("a1")]),
        (2, 1, [entry("b0", R), entry("b1", R), entry("a1")]),
    ],
)
def test_the_position_is_how_many_must_finish_before(expected: int, slots: int, entries: list[Entry]) -> None:
    """Also when there are fewer nodes than run already."""
    assert expected == queue_of(entries).position(("a", "a1"), slots)


def sorted_order(entries: list[Entry], served: dict[str, str]) -> list[Key]:
    """Return the order as one would write it down: slow, and plain to see."""
    running = Counter(e.key[0] for e in entries if e.state is R)
    waiting = sorted((e for e in entries if e.state is W), key=lambda e: (e.key[0], e.created, e.key))
    ranked = [
        (round_, served.get(namespace, ""), e.created, e.key)
        for namespace, group in itertools.groupby(waiting, key=lambda e: e.key[0])
        for round_, e in enumerate(group, start=running[namespace])
    ]
    return [key for *_, key in sorted(ranked)]


def test_whatever_happens_the_order_is_that_of_a_plain_sort() -> None:
    """And each one's place is its place in it, however the queue came to be what it is."""
    chance = random.Random(1)
    queue, entries, served = Queue(), {}, {}
    for step in range(400):
        key = (chance.choice("abcde"), str(chance.randrange(8)))
        finished = f"{step:03d}"
        entries[key] = Entry(key, str(chance.randrange(20)), chance.choice([W, W, W, R, D]), finished)
        queue.put(entries[key])
        if entries[key].state is D:
            served[key[0]] = finished
        expected = sorted_order([*entries.values()], served)
        assert expected == list(queue.order())
        assert list(range(len(expected))) == [queue.place(key) for key in expected]
        assert len(expected) == len(queue)


def crowd(count: int, namespaces: int = 50) -> list[Entry]:
    """Return waiting profiles in namespaces of very different sizes: the first has half of them."""
    chance = random.Random(count)
    spaces = [0 if chance.random() < 0.5 else chance.randrange(1, namespaces) for _ in range(count)]
    return [Entry((f"n{at:02d}", f"p{i:05d}"), f"{i:05d}", W) for i, at in enumerate(spaces)]


def test_of_five_thousand_in_fifty_namespaces_none_waits_for_the_many_of_another() -> None:
    """As they run one after the other: while a namespace has any, no other has two turns more; oldest first."""
    entries = crowd(5000)
    queue, turns, last = queue_of(entries), Counter[str](), dict[str, str]()
    left = Counter(e.key[0] for e in entries)
    for step in range(1000):
        (key,) = queue.first(1)
        namespace, name = key
        assert last.get(namespace, "") < name
        last[namespace] = name
        turns[namespace] += 1
        left[namespace] -= 1
        waiting = [turns[n] for n in left if left[n]]
        assert max(turns.values()) - min(waiting) <= 1
        queue.put(Entry(key, name[1:], R))
        queue.put(Entry(key, name[1:], D, f"2026-{step:05d}"))


def test_who_deletes_what_has_run_is_not_first_for_ever() -> None:
    """As a pipeline does that applies, waits and deletes."""
    queue = queue_of([entry("a1", D, "12:00"), entry("b2")])
    queue.remove(("a", "a1"))
    queue.put(entry("a0"))
    assert [("b", "b2"), ("a", "a0")] == list(queue.order())


def seconds_of_a_change_each(count: int) -> float:
    """Return what it takes to apply a number of profiles one by one, to ask for the place of each, and to run some."""
    began = time.process_time()
    queue = Queue()
    for queued in crowd(count):
        queue.put(queued)
        queue.position(queued.key, 1)
    for key in queue.first(count // 10):
        queue.put(Entry(key, "", R))
        queue.put(Entry(key, "", D, "12:00"))
        queue.first(1)
    return time.process_time() - began


def test_ten_times_as_many_cost_about_ten_times_as_much() -> None:
    """Not a hundred times, as it would be if every change looked at all the others."""
    few = min(seconds_of_a_change_each(500) for _ in range(3))
    many = min(seconds_of_a_change_each(5000) for _ in range(2))
    assert many < 40 * few


def test_a_namespace_has_no_more_than_its_share_and_others_are_called_in_its_place() -> None:
    """Those beyond are in nobody's way, and know how many of their own must finish before."""
    shared = queue_of(entry(name) for name in ("a0", "a1", "a2", "a3", "b8", "c9"))
    shared.most = 1
    assert ["a0", "b8", "c9"] == [name for _, name in shared.first(4)]
    places = Places(4)
    positions = {name: places.position(shared, (name[0], name)) for name in ("a0", "a1", "a2", "a3", "b8", "c9")}
    assert {"a0": 0, "a1": 1, "a2": 2, "a3": 3, "b8": 0, "c9": 0} == positions
    shared.put(entry("a0", R))
    assert [1, 2, 3] == [shared.beyond_share(("a", name)) for name in ("a1", "a2", "a3")]
    assert ["b8", "c9"] == [name for _, name in shared.first(3)]


def test_the_profiles_that_may_run_now_are_called() -> None:
    """Whatever the share: a profile that is called, but thinks that it must wait, would stop the queue."""
    rng = random.Random(5)
    for _ in range(300):
        entries = [entry(f"{rng.choice('abc')}{n}", rng.choice([W, W, R])) for n in range(rng.randint(1, 12))]
        waiting, places = queue_of(entries), Places(rng.randint(1, 6))
        waiting.most = rng.randint(1, 4)
        for queued in entries:
            places.put(queued)
        called = set(places.free_to_run(waiting))
        keys = [queued.key for queued in entries if queued.state is W]
        assert called == {key for key in keys if places.position(waiting, key) == 0}
