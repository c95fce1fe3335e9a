"""Whose turn it is, as events and the reconciler say it in any order."""

from typing import Any

import pytest

from modelprofiler.cluster.queue import Key
from modelprofiler.cluster.turns import Turns
from modelprofiler.core.conditions import rounded_place

FINISHED = [{"type": "Finished", "status": "True"}]


def raw(name: str = "a", generation: int = 1, suspend: bool = False, **status: Any) -> dict[str, Any]:
    """Return a profile as the API server has it; the observed generation is 1."""
    return {
        "metadata": {
            "namespace": "team",
            "name": name,
            "creationTimestamp": f"2026-01-01T00:00:0{ord(name) - 97}Z",
            "generation": generation,
        },
        "spec": {"suspend": suspend},
        "status": {"observedGeneration": 1, **status},
    }


RUNNING: dict[str, Any] = {"startTime": "2026-01-01T00:00:00Z"}
DONE: dict[str, Any] = {**RUNNING, "completionTime": "2026-01-01T00:01:00Z", "conditions": FINISHED}
REFUSED: dict[str, Any] = {**RUNNING, "conditions": FINISHED}


def key(name: str) -> Key:
    """Return the key of a profile."""
    return "team", name


def turns_with(*raws: dict[str, Any]) -> tuple[Turns, list[str]]:
    """Return the queue that knows these, and the names that it wakes."""
    woken: list[str] = []
    turns = Turns(lambda k: woken.append(k[1]))
    for profile in raws:
        turns.note(profile)
    return turns, woken


@pytest.mark.parametrize(
    ("sentence", "first", "expected"),
    [
        ("a younger one waits for an older one", raw(), 1),
        ("one that runs must finish first", raw(**RUNNING), 1),
        ("one that is done is in nobody's way", raw(**DONE), 0),
        ("nor is one that was refused", raw(**REFUSED), 0),
        ("one that is done and was edited waits its turn like others", raw(generation=2, **DONE), 1),
        ("one that was refused and is edited has no turn yet", raw(generation=2, **REFUSED), 1),
        ("a suspended one takes no place", raw(suspend=True), 0),
        ("nor does a suspended one that was refused before", raw(suspend=True, generation=2, **REFUSED), 0),
        ("a suspended one whose load still runs does", raw(suspend=True, **RUNNING), 1),
    ],
)
def test_the_place_of_another_follows_from_its_object(sentence: str, first: dict[str, Any], expected: int) -> None:
    """As after a restart, when only the objects are known."""
    turns, _ = turns_with(first, raw("b"))
    assert (sentence, expected) == (sentence, turns.position(key("b")))


def test_one_that_was_refused_in_the_middle_does_not_run_when_it_is_edited() -> None:
    """Its start time is of a turn that it gave back."""
    turns, _ = turns_with(raw("b", generation=2, **REFUSED), raw("a", **RUNNING))
    assert 1 == turns.position(key("b"))


def test_two_are_never_given_the_same_turn() -> None:
    """The older one has it, whoever asks first."""
    turns, _ = turns_with(raw("a"), raw("b"))
    assert [1, 0] == [turns.position(key("b")), turns.position(key("a"))]
    turns.take(key("a"))
    assert [0, 1] == [turns.position(key("a")), turns.position(key("b"))]


def test_an_event_that_is_older_than_the_turn_does_not_take_it_back() -> None:
    """The status in it was written before."""
    turns, _ = turns_with(raw("a"), raw("b"))
    turns.take(key("a"))
    turns.note(raw("a"))
    assert 1 == turns.position(key("b"))


@pytest.mark.parametrize("event", ["release", "forget", "note", "refuse"])
def test_when_one_ends_the_next_is_woken(event: str) -> None:
    """Only the next, not all."""
    turns, woken = turns_with(raw("a"), raw("b"), raw("c"))
    turns.take(key("a"))
    ends = {
        "release": lambda: turns.release(key("a")),
        "forget": lambda: turns.forget(key("a")),
        "note": lambda: turns.note(raw("a", **DONE)),
        "refuse": lambda: turns.note(raw("a"), done=True),
    }
    ends[event]()
    assert (["b"], 0) == (woken, turns.position(key("b")))


def test_who_asks_without_having_been_seen_waits_like_others() -> None:
    """The event may come later than the look."""
    turns, _ = turns_with(raw("a", **RUNNING))
    assert 1 == turns.position(key("b"))


def test_a_new_profile_of_the_same_name_does_not_inherit_the_turn() -> None:
    """Its deletion may have been missed."""
    turns, woken = turns_with(raw("a", **RUNNING), raw("b"))
    again = raw("a")
    again["metadata"]["creationTimestamp"] = "2026-01-01T00:00:09Z"
    turns.note(again)
    assert (["b"], 0, 1) == (woken, turns.position(key("b")), turns.position(key("a")))


def queued(name: str, place: int) -> dict[str, Any]:
    """Return a profile that waits, with a place in its status."""
    queued = [{"type": "Finished", "status": "False", "reason": "Queued", "message": "Waits for its turn."}]
    return raw(name, conditions=queued, queuePosition=place)


def test_profiles_whose_place_has_changed_are_updated_the_next_ones_first() -> None:
    """As many at a time as asked for, and none once all are up to date."""
    turns, _ = turns_with(raw("a", **RUNNING), *(queued(name, place + 2) for place, name in enumerate("bcd")))
    assert [key("b")] == turns.outdated(1)
    assert [key("b"), key("c"), key("d")] == turns.outdated(9)
    for place, name in enumerate("bcd", start=1):
        turns.note(queued(name, place))
    assert [] == turns.outdated(9)


def test_the_end_of_a_run_changes_the_place_in_a_dozen_statuses_of_a_thousand() -> None:
    """The next three, and one at each round number behind them."""
    many = [queued("a", rounded_place(place)) for place in range(1, 1001)]
    for place, profile in enumerate(many):
        profile["metadata"] |= {"name": f"{place:04d}", "creationTimestamp": f"{place:04d}"}
    turns, _ = turns_with(raw("a", **RUNNING), *many)
    assert [] == turns.outdated(1000)
    turns.take(key("0000"))
    turns.note(raw("a", **DONE))
    assert ["0001", "0002", "0003", "0005", "0010", "0020", "0050", "0100", "0200", "0500"] == [
        name for _, name in turns.outdated(1000)
    ]


def test_who_is_called_is_urgent_until_its_turn_is_over() -> None:
    """Others that wait do not hold it up."""
    turns, woken = turns_with(raw("a"), raw("b"))
    assert not turns.is_urgent(key("a"))
    turns.call_next()
    assert (["a"], [True, False]) == (woken, [turns.is_urgent(key(name)) for name in "ab"])
    turns.take(key("a"))
    assert turns.is_urgent(key("a"))
    turns.note(raw("a", **DONE))
    assert [False, True] == [turns.is_urgent(key(name)) for name in "ab"]


def test_a_namespace_has_had_its_turn_also_when_the_profile_is_deleted_under_way() -> None:
    """Else it would be first again, and again."""
    turns, woken = turns_with(raw("a", **RUNNING))
    other = raw("c")
    other["metadata"]["namespace"] = "other"
    turns.note(raw("b"))
    turns.note(other)
    turns.forget(key("a"))
    assert ["c"] == woken
