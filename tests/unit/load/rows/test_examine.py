"""What a dataset is: counted, digested, and ordered."""

import errno
import hashlib
import os
import random
from pathlib import Path

import pytest

from modelprofiler.api.quantities import Quantity
from modelprofiler.errors import DatasetError
from modelprofiler.load.rows import store
from modelprofiler.load.rows.check import Promise
from modelprofiler.load.rows.examine import describe, examine
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.rows.order import order_of
from modelprofiler.load.rows.store import FileRows, MemoryRows, stored

LINES = RowFormat()


def bodies_of(data: bytes) -> list[bytes]:
    """Return the bodies of a file of lines."""
    rows = stored({"rows": data}, LINES)
    return [rows.row(number).body for number in range(len(rows))]


def test_every_line_that_is_not_empty_is_a_row() -> None:
    """Whatever the line ends; spaces inside a row are its own."""
    assert [b'{"a": 1}', b"  x ", b"last"] == bodies_of(b'{"a": 1}\r\n\n  x \n   \nlast')


@pytest.mark.parametrize(("data", "reason"), [(b"", "is empty"), (b"\n \r\n\n", "has only empty lines")])
def test_a_dataset_without_rows_is_refused_in_one_sentence(data: bytes, reason: str) -> None:
    """Before any server starts."""
    with pytest.raises(DatasetError, match=f"^the dataset {reason}; write one request body per line$"):
        examine({"rows": data}, LINES, Promise())


def test_a_dataset_is_described_by_its_counts_sizes_and_digest() -> None:
    """The digest is sha256 over the rows, each after its length in eight bytes."""
    sha = hashlib.sha256()
    for row in (b"a", b"b" * 2048, b"a"):
        sha.update(len(row).to_bytes(8, "big") + row)
    status = describe([b"a", b"b" * 2048, b"a"])
    assert (3, 2, f"sha256:{sha.hexdigest()}") == (status.rows, status.distinct_rows, status.digest)
    sizes = (status.smallest_row, status.median_row, status.largest_row, status.total_size)
    assert (Quantity("1"), Quantity("1"), Quantity("2Ki"), Quantity("2050")) == sizes


def test_moving_a_border_between_rows_changes_the_digest() -> None:
    """The same bytes cut differently are other requests."""
    assert describe([b"ab", b"c"]).digest != describe([b"a", b"bc"]).digest


def test_the_digest_has_what_else_is_sent() -> None:
    """A path, a content type and a weight change a measurement as a body does."""
    columns = RowFormat.model_validate({"format": "CSV", "column": "b", "pathColumn": "p", "weightColumn": "w"})
    files = [f"b,p,w\nx,{path},{weight}\n".encode() for path, weight in (("/a", 1), ("/b", 1), ("/a", 2))]
    digests = {examine({"rows": data}, columns, Promise()).digest for data in files}
    assert 3 == len(digests)


def test_distinct_rows_are_counted_in_parts_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set of all rows would not fit into the memory of a pod."""
    rows = [str(number % 700).encode() for number in range(2_000)]
    monkeypatch.setattr("modelprofiler.load.rows.examine.PART", 300)
    assert 700 == describe(rows).distinct_rows


@pytest.mark.parametrize(
    ("data", "layout"), [(b"%d\n", "Lines"), (b'"%d"\n', "JSONLines"), (b'{"a": "%d"}\n', "column")]
)
def test_rows_in_a_file_are_those_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, layout: str
) -> None:
    """The same rows, digest, hashes and order, whether the file has them as they are sent or a copy."""
    path = tmp_path / "rows"
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(data.strip() % (number % 40) for number in range(50)))
    format_ = {"format": "JSONLines", "column": "a"} if layout == "column" else {"format": layout}
    few = stored({"rows": path}, RowFormat.model_validate(format_))
    monkeypatch.setattr(store, "MEMORY_BYTES", 1)
    many = stored({"rows": path}, RowFormat.model_validate(format_), tmp_path)
    assert isinstance(few, MemoryRows)
    assert isinstance(many, FileRows)
    assert (few.digest, few.hashes) == (many.digest, many.hashes)
    assert [few.row(i).body for i in range(50)] == [many.row(i).body for i in range(50)]
    assert order_of(few, heaviest_first=True) == order_of(many, heaviest_first=True)


def test_a_row_in_a_file_keeps_its_path_type_and_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where only a later row has them."""
    monkeypatch.setattr(store, "MEMORY_BYTES", 1)
    row_format = RowFormat.model_validate(
        {"format": "CSV", "column": "b", "pathColumn": "p", "contentTypeColumn": "t", "weightColumn": "w"}
    )
    rows = stored({"rows": b"b,p,t,w\nx,/a,text/plain,1\ny,/b,image/png,3\n"}, row_format, tmp_path)
    assert [("/a", "text/plain", 1.0), ("/b", "image/png", 3.0)] == [
        (row.path, row.content_type, row.weight) for row in map(rows.row, range(2))
    ]


def test_a_row_that_the_disk_does_not_give_is_an_error_of_the_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a volume of a network whose server is gone: what a load has measured until then counts all the same."""
    monkeypatch.setattr(store, "MEMORY_BYTES", 1)
    rows = stored({"rows": b"a\nb\n"}, LINES, tmp_path)

    def fail(*_: int) -> bytes:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr("os.pread", fail)
    with pytest.raises(DatasetError, match="row 2 of the dataset cannot be read"):
        rows.row(1)


def test_the_shuffled_order_is_always_the_same_and_not_the_one_written() -> None:
    """Every trial replays the same rows in the same order, which is the one that Python's shuffle of a list makes."""
    rows = stored({"rows": b"\n".join(b"%d" % i for i in range(100))}, LINES)
    expected = list(range(100))
    random.Random(0).shuffle(expected)
    assert expected == list(order_of(rows)) == list(order_of(rows))


def test_the_sequential_order_is_the_one_written() -> None:
    """As asked for."""
    assert [0, 1] == list(order_of(stored({"rows": b"c\na"}, LINES), "Sequential"))


def test_the_heaviest_rows_come_first_when_asked_and_none_is_lost() -> None:
    """A Confirm trial sends them even where it cannot send every row."""
    rows = stored({"rows": b"\n".join(b"x" * (1 + i % 37) for i in range(200))}, LINES)
    order = order_of(rows, heaviest_first=True)
    assert sorted(map(rows.size, range(200)), reverse=True)[:10] == [rows.size(i) for i in order[:10]]
    assert list(range(200)) == sorted(order)


def test_a_row_is_sent_as_often_as_its_weight_says() -> None:
    """And at least once, however small its weight is."""
    row_format = RowFormat.model_validate({"format": "CSV", "column": "b", "weightColumn": "w"})
    order = order_of(stored({"rows": b"b,w\nx,1\ny,3\nz,0.0000001\n"}, row_format))
    counts = [order.count(number) for number in range(3)]
    assert 1 == counts[2]
    assert 3.0 == pytest.approx(counts[1] / counts[0], rel=0.01)
