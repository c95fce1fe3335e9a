"""Which part of the rows each of several generators sends."""

from __future__ import annotations

from array import array

import pytest

from modelprofiler.load.rows.order import part_of


def parts(order: list[int], hashes: list[int] | None, generators: int) -> list[tuple[list[int], list[int]]]:
    """Return for each generator the rows it sends, and those of them that it counts."""
    split = [part_of(array("I", order), hashes, index, generators) for index in range(generators)]
    return [
        (list(rows), [row for row, is_counted in zip(rows, counted, strict=True) if is_counted])
        for rows, counted in split
    ]


def test_one_generator_sends_and_counts_all() -> None:
    """As ever."""
    assert [([2, 0, 1], [2, 0, 1])] == parts([2, 0, 1], [7, 7, 8], 1)


def test_together_the_generators_send_every_row_once() -> None:
    """Each takes every third one, so that the heaviest, which are first, are spread."""
    assert [([5, 2], [5, 2]), ([4, 1], [4, 1]), ([3, 0], [3, 0])] == parts([5, 4, 3, 2, 1, 0], None, 3)


def test_equal_rows_are_counted_by_the_generator_that_has_the_first_of_them() -> None:
    """The sum of what all count is what a single one would count."""
    assert [([0, 2, 4], [0]), ([1, 3], [1])] == parts([0, 1, 2, 3, 4], [7, 8, 8, 7, 7], 2)


@pytest.mark.parametrize("generators", [3, 4, 7])
def test_more_generators_than_rows_have_something_to_send_and_count_nothing_twice(generators: int) -> None:
    """A part must not be empty."""
    split = parts([1, 0], [7, 8], generators)
    assert all(rows for rows, _ in split)
    assert [1, 0] == [row for _, counted in split for row in counted]
