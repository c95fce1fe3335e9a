"""Every format of a dataset: what its files become, and what is refused with a sentence."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelprofiler.errors import DatasetError
from modelprofiler.load.rows.check import Promise
from modelprofiler.load.rows.examine import examine
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.rows.read import read
from modelprofiler.load.rows.row import Files, Row, good

JSON = Promise(content_type="application/json", strict=True, every=True)


def rows_of(data: bytes | Files, **options: Any) -> list[Row]:
    """Return the rows of a file, or of files."""
    files = data if isinstance(data, Mapping) else {"rows": data}
    return list(good(read(files, RowFormat.model_validate(options))))


def bodies(data: bytes | Files, **options: Any) -> list[bytes]:
    """Return the bodies of a file, or of files."""
    return [row.body for row in rows_of(data, **options)]


def refusal(data: bytes | Files, promise: Promise | None = None, **options: Any) -> str:
    """Return why a dataset is refused."""
    files = data if isinstance(data, Mapping) else {"rows": data}
    with pytest.raises(DatasetError) as error:
        examine(files, RowFormat.model_validate(options), promise or Promise())
    return str(error.value)


OBJECTS = b'{"in": {"x": 1.0, "y": 1e400}, "n": 3}\r\n{"in": "text \\u00e9", "n": 1}\r\n{"in": [1,  2], "n": 0.5}\r\n'


def test_json_lines_are_whole_objects_or_a_field_as_it_is_written() -> None:
    """A text is sent as its content, everything else byte for byte: 1.0 stays 1.0."""
    assert OBJECTS.split(b"\r\n")[:3] == bodies(OBJECTS, format="JSONLines")
    expected = [b'{"x": 1.0, "y": 1e400}', "text é".encode(), b"[1,  2]"]
    assert expected == bodies(OBJECTS, format="JSONLines", column="in")
    assert [3.0, 1.0, 0.5] == [
        row.weight for row in rows_of(OBJECTS, format="JSONLines", column="in", weightColumn="n")
    ]


@pytest.mark.parametrize(
    ("data", "column", "message"),
    [
        (b'{"a": 1}\n[1]\n', "a", "row 2 is not a JSON object, so that it has no fields"),
        (b'{"a": 1}\n{"b": 1}\n{"a": null}\n', "a", "rows 2, 3 have no value in column 'a'"),
        (b'{"a": 1}\n{"a": 1,}\nx\n{"a": NaN}\n', None, "rows 2, 3, 4 are not JSON"),
        (b'{"a": "\\ud800"}\n', "a", "row 1 has half of a character in column 'a', which cannot be written as UTF-8"),
        (b'{"a": "' + "ü".encode("latin-1") + b'"}\n', None, "row 1 is not JSON"),
        (b'{"a": 1} {"a": 2}\n', "a", "row 1 is not JSON"),
    ],
)
def test_lines_that_are_no_json_are_named(data: bytes, column: str | None, message: str) -> None:
    """Every one of them, before anything starts."""
    assert message == refusal(data, format="JSONLines", column=column)


def test_an_array_is_a_row_for_each_item_as_it_is_written() -> None:
    """Across the borders of the pieces that are read."""
    items = [json.dumps({"n": i, "text": 'é"]},{[' * (i % 7), "pad": "x" * 50_000}) for i in range(60)]
    data = ("\ufeff [" + " ,\n ".join(items) + "]\n").encode()
    assert [item.encode() for item in items] == bodies(data, format="JSONArray")
    assert [b"1", b"2.50", b"null"] == bodies(b"[1, 2.50,null]", format="JSONArray")
    assert [b"a", b"b"] == bodies(b'[{"t": "a"}, {"t": "b"}]', format="JSONArray", column="t")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a": 1}\n', "the dataset is not a JSON array; with one object per line the format is JSONLines"),
        (b"[]", "the dataset is an empty JSON array; write an item for each request"),
        (b"[1, 2", "the JSON array of the dataset is broken after row 2: the file ends there"),
        (b"[1 2]", "the JSON array of the dataset is broken after row 1: '2' follows it"),
        (b"[1, 2] 3", "the dataset has more text after the end of its JSON array"),
        (b"[1, {'a': 2}, " + b"9" * 100 + b"]", "row 2 of the dataset is not JSON: Expecting property name"),
        (b"[1, NaN, 3, 4, 5, 6, 7, 8, 9, 10]", "row 2 of the dataset is not JSON: NaN is no JSON"),
        (b"[1, " + b"[" * 100_000, "row 2 of the dataset is nested too deeply to be read"),
        ('[1, "é"]'.encode("latin-1"), "the dataset is not UTF-8"),
    ],
)
def test_what_is_no_array_is_refused_at_its_place(data: bytes, message: str) -> None:
    """With the number of the row."""
    assert refusal(data, format="JSONArray").startswith(message)


def test_csv_has_quotes_and_line_breaks_inside_fields() -> None:
    """As spreadsheets write them."""
    data = b'\xef\xbb\xbfid,body\r\n1,"{""a"": 1}"\r\n2,"two\r\nlines, and a comma"\r\n\r\n3,plain\r\n'
    assert [b'{"a": 1}', b"two\r\nlines, and a comma", b"plain"] == bodies(data, format="CSV", column="body")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_the_separator_is_the_one_that_makes_the_column(separator: str) -> None:
    """Spreadsheets of other languages write semicolons."""
    data = f'id{separator}body\n1{separator}"a,b"\n'.encode()
    assert [b"a,b"] == bodies(data, format="CSV", column="body")
    assert [b"a,b"] == bodies(b"sep=" + separator.encode() + b"\r\n" + data, format="CSV", column="body")


def test_the_only_column_has_the_bodies() -> None:
    """Where there is one in addition to those that are named."""
    assert [b"x"] == bodies(b"body\nx\n", format="CSV")
    row = Row(b"x", "text/plain", "/v2?a=1", 2.0)
    columns = {"contentTypeColumn": "type", "pathColumn": "path", "weightColumn": "n"}
    assert [row] == rows_of(b"type,path,n,body\ntext/plain,/v2?a=1,2,x\n", format="CSV", **columns)
    assert [Row(b"", path="/a"), Row(b"", path="/b")] == rows_of(b"url\n/a\n/b\n", format="CSV", pathColumn="url")


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"a,b\n1,2\n", {}, "the dataset has 2 columns; name the one with the bodies: a, b"),
        (b"a,b\n1,2\n", {"column": "c"}, "the dataset has no column 'c'; it has a, b"),
        (b"a,a\n1,2\n", {"column": "a"}, "the dataset has 2 columns 'a'; it has a, a"),
        (b'a\n"x\n', {"column": "a"}, "the dataset is not CSV, in row 1: unexpected end of data"),
        (b"", {"column": "a"}, "the dataset is empty; write a header line and a row for each request"),
        (b"a\n", {"column": "a"}, "the dataset has no rows; write one for each request"),
        (b'a,b\n{"x": 1, "y": 2},1\n', {"column": "a"}, "row 1 has 3 fields where the header has 2 (a separator"),
        (b"a,b\n,1\nx,\n", {"column": "a"}, "row 1 has no value in column 'a'"),
        ("a\nü\n".encode("latin-1"), {"column": "a"}, "the dataset is not UTF-8, in row 1 or soon after it"),
        ("a\nü\n".encode("utf-16"), {"column": "a"}, "the dataset is UTF-16; write UTF-8"),
        (b"a,w\nx,0\ny,inf\nz,no\nv,1\n", {"column": "a", "weightColumn": "w"}, "rows 1, 2, 3 have no number from"),
        (b"a,p\nx,p\ny,/ a\n", {"column": "a", "pathColumn": "p"}, "rows 1, 2 have no path, which begins with /"),
        (b'a,t\nx,"a\r\nX: y"\n', {"column": "a", "contentTypeColumn": "t"}, "row 1 has no content type, in column"),
    ],
)
def test_csv_that_is_not_certain_is_refused(data: bytes, options: dict[str, Any], message: str) -> None:
    """A field with a separator that nobody quoted makes nonsense of a row."""
    assert refusal(data, format="CSV", **options).startswith(message)


def test_base64_bodies_are_decoded_and_bad_ones_named() -> None:
    """In every format; line breaks inside do not matter."""
    assert [b"\x00\xff", b"ok"] == bodies(b"AP8=\nb2s=\n", encoding="Base64")
    assert [b"\x00\xff"] == bodies(b'{"x": "AP8="}', encoding="Base64", format="JSONLines", column="x")
    assert [b"\x00\xff"] == bodies(b'b\n"AP\n8="\n', encoding="Base64", format="CSV")
    assert "rows 2, 3, 4 and 2 more are not Base64" == refusal(b"b2s=\n***\nb2\nb2s\nx\ny\n", encoding="Base64")


def test_a_row_over_10_mib_is_named_and_what_is_wrong_with_others_too() -> None:
    """All problems at once; 10 MiB is allowed, in Base64 as well."""
    fits, over = b"x" * 10 * 2**20, b"x" * (10 * 2**20 + 1)
    assert [fits, b"y"] == bodies(fits + b"\ny\n")
    assert [fits] == bodies(base64.b64encode(fits), encoding="Base64")
    assert "row 2 is over 10 MiB" == refusal(b"y\n" + over + b"\nz\n")
    assert "row 1 is over 10 MiB; row 2 is not JSON" == refusal(
        b'"' + over + b'"\nno\n{}\n' + b'"' + fits[2:] + b'"\n', format="JSONLines"
    )
    assert "row 2 is over 10 MiB" == refusal(b"y\n" + over * 3 + b"\nz\n")


def test_a_dataset_that_says_it_is_json_is_checked_to_the_last_row() -> None:
    """The content type of the endpoint may be a default; that of the dataset is not."""
    data = b"\n".join([b'{"a": 1}'] * 100 + [b"oops"])
    assert refusal(data, JSON).startswith(
        "1 of 101 rows is not JSON, although spec.dataset.contentType is application/json: row 101 (sha256 "
    )
    mixed = b"t,b\napplication/json,{}\ntext/plain,hello\napplication/json,{\n"
    message = refusal(mixed, format="CSV", column="b", contentTypeColumn="t")
    assert message.startswith("1 of 3 rows is not JSON, although their own content type says so: row 3 (sha256 ")


def test_a_folder_is_a_row_for_each_file_in_the_order_of_the_names(tmp_path: Path) -> None:
    """With the content type of the extension, unless the dataset has one."""
    (tmp_path / "b.png").write_bytes(b"\x89PNG")
    files: Files = {"b.png": tmp_path / "b.png", "a.webp": b"RIFF", "c": b"?", ".hidden": b"no"}
    expected = [Row(b"RIFF", "image/webp"), Row(b"\x89PNG", "image/png"), Row(b"?")]
    assert expected == rows_of(files, format="Files")
    assert [Row(b"RIFF"), Row(b"\x89PNG"), Row(b"?")] == rows_of(files, format="Files", contentType="image/x")
    assert "row 1 is empty: a" == refusal({"a": b""}, format="Files")
    assert refusal({".a": b"x"}, format="Files").startswith("the dataset has no files")


def test_parquet_is_read_by_column(tmp_path: Path) -> None:
    """Texts and bytes, with what else a row may have."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"body": [b"\x00", b"\x01"], "path": ["/a", "/b"], "n": [1, 2], "more": [[1], [2]]})
    parquet.write_table(table, tmp_path / "rows")
    columns = {"column": "body", "pathColumn": "path", "weightColumn": "n"}
    expected = [Row(b"\x00", None, "/a", 1.0), Row(b"\x01", None, "/b", 2.0)]
    assert expected == rows_of({"rows": tmp_path / "rows"}, format="Parquet", **columns)
    assert expected == rows_of((tmp_path / "rows").read_bytes(), format="Parquet", **columns)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("n", "column 'n' of the dataset holds int64, not texts or bytes"),
        ("x", "the dataset has no column 'x'; it has body, n"),
        (None, "the dataset has 2 columns; name the one with the bodies: body, n"),
        ("body", "row 2 has no value in column 'body'"),
    ],
)
def test_parquet_that_has_no_bodies_is_refused(column: str | None, message: str) -> None:
    """Before anything starts."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    sink = arrow.BufferOutputStream()
    parquet.write_table(arrow.table({"body": ["x", None], "n": [1, 2]}), sink)
    assert message == refusal(sink.getvalue().to_pybytes(), format="Parquet", column=column)


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"PAR1" + b"\x00" * 100 + b"PAR1", b"PAR1PAR1"])
def test_what_is_no_parquet_is_refused(data: bytes) -> None:
    """In the words of its reader."""
    pytest.importorskip("pyarrow")
    message = refusal(data, format="Parquet", column="a")
    assert message.startswith("the dataset is not a Parquet file that can be read: ")
