"""Reading, describing and ordering rows."""

import hashlib

import pytest

from modelprofiler.api.load import DatasetFormat
from modelprofiler.api.quantities import Quantity
from modelprofiler.errors import DatasetError
from modelprofiler.load.dataset import describe, ordered, read_rows


def test_every_line_that_is_not_empty_is_a_row() -> None:
    """Whatever the line ends; spaces inside a row are its own."""
    assert [b'{"a": 1}', b"  x ", b"last"] == read_rows(b'{"a": 1}\r\n\n  x \n   \nlast')


@pytest.mark.parametrize(("data", "what"), [(b"", "is empty"), (b"\n \r\n\n", "has only empty lines")])
def test_a_dataset_without_rows_is_refused_in_one_sentence(data: bytes, what: str) -> None:
    """Before any server starts."""
    with pytest.raises(DatasetError, match=f"^the dataset {what}; write one request body per line$"):
        read_rows(data)


@pytest.mark.parametrize("format_", [f for f in DatasetFormat if f is not DatasetFormat.LINES])
def test_other_formats_are_refused_by_name(format_: DatasetFormat) -> None:
    """They are in the schema, and not built yet."""
    with pytest.raises(DatasetError, match=f"format {format_.value} is not supported yet"):
        read_rows(b"{}", format_)


def test_base64_rows_are_decoded_and_a_bad_one_is_named_by_number() -> None:
    """Binary bodies in a text file."""
    assert [b"\x00\xff", b"ok"] == read_rows(b"AP8=\nb2s=\n", encoding="Base64")
    with pytest.raises(DatasetError, match="row 2 of the dataset is not Base64"):
        read_rows(b"b2s=\n***\n", encoding="Base64")


def test_a_dataset_is_described_by_count_distinct_count_largest_row_and_digest() -> None:
    """The digest is sha256 over the rows, each after its length in eight bytes."""
    sha = hashlib.sha256()
    for row in (b"a", b"b" * 2048, b"a"):
        sha.update(len(row).to_bytes(8, "big") + row)
    status = describe([b"a", b"b" * 2048, b"a"])
    assert (3, 2, Quantity("2Ki"), f"sha256:{sha.hexdigest()}") == (
        status.rows,
        status.distinct_rows,
        status.largest_row,
        status.digest,
    )


def test_moving_a_border_between_rows_changes_the_digest() -> None:
    """The same bytes cut differently are other requests."""
    assert describe([b"ab", b"c"]).digest != describe([b"a", b"bc"]).digest


def test_the_shuffled_order_is_always_the_same_and_not_the_one_written() -> None:
    """Every trial replays the same rows in the same order."""
    rows = [str(i).encode() for i in range(100)]
    assert ordered(rows) == ordered(rows)
    assert ordered(rows) != rows
    assert sorted(ordered(rows)) == sorted(rows)


def test_the_sequential_order_is_the_one_written() -> None:
    """As asked for."""
    assert [b"c", b"a"] == ordered([b"c", b"a"], "Sequential")


def test_the_heaviest_rows_come_first_when_asked_and_none_is_lost() -> None:
    """A Confirm trial sends them even where it cannot send every row."""
    rows = [b"x" * (i % 37) for i in range(200)]
    result = ordered(rows, heaviest_first=True)
    assert sorted((len(r) for r in rows), reverse=True)[:10] == [len(r) for r in result[:10]]
    assert sorted(rows) == sorted(result)
