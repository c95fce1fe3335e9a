"""The order of the queue follows from the objects alone."""

import pytest

from modelprofiler.cluster.queue import Entry, State, order, position

W, R, D = State.WAITING, State.RUNNING, State.DONE


def entry(name: str, state: State = W, finished: str = "") -> Entry:
    """Return an entry; ``b3`` is the one in namespace b that was created third."""
    return Entry((name[0], name), name[1:], state, finished)


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
    assert (sentence, expected.split()) == (sentence, [name for _, name in order(entries)])


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
    assert expected == position(entries, ("a", "a1"), slots)
