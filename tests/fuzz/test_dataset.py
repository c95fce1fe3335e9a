"""Datasets of every format with anything in their files: facts about the rows, or a DatasetError."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pytest
from hypothesis import strategies as st
from pyarrow import parquet
from tests.fuzz.exploring import explore, mutated_bytes

from modelprofiler.api.objects import TERMINATION_MESSAGE_BYTES
from modelprofiler.errors import DatasetError
from modelprofiler.files.inspect import PrepareConfig, PrepareResult, prepare
from modelprofiler.load.rows import table
from modelprofiler.load.rows.check import Promise
from modelprofiler.load.rows.examine import examine
from modelprofiler.load.rows.folder import files_in
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.rows.order import order_of
from modelprofiler.load.rows.parquet import opened
from modelprofiler.load.rows.read import read
from modelprofiler.load.rows.row import Row
from modelprofiler.load.rows.store import stored

LINES = (
    b'{"body": "x", "type": "text/plain", "path": "/a", "weight": 2}\n{"body": {"a": [1.0, null]}, "weight": "3"}\n',
    b"one\r\ntwo\r\n\r\nthree",
    b"\xef\xbb\xbfone\rtwo\r",
    "größer\nüber\n".encode("latin-1"),
    "one\ntwo\n".encode("utf-16"),
    b"eHl6\n\nAAAA\n",
)
ARRAYS = (
    b'[{"body": "x", "type": "text/plain", "path": "/a", "weight": 2}, {"body": [1, 2]}, "text", 1e400, null]',
    b'\xef\xbb\xbf [ 1,\n[], {"a": "\\ud800"} ] \n',
    b"[]",
    b"[" * 5000 + b"]" * 5000,
)
TABLES = (
    b'body,type,path,weight\nx,text/plain,/a,2\n"a,\n""b""",text/plain,/b,0.5\n',
    b"sep=;\r\nbody;type;path;weight\r\nx;text/plain;/a;2\r\n",
    b"body\tweight\nx\t1\n\n",
    b'"bo\ndy",x\n1,2\n',
)
ODD = (
    *(
        b"sep=\n",
        b'sep="\n',
        b"sep=\x00\n",
        b"sep= \n",
        b"sep=\t\n",
        b'"',
        b'""',
        b'"\n',
        b"\n",
        b"\r",
        b"\r\n",
        b",",
        b",,,,",
    ),
    *(
        b"\x00",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xe2\x80\xa8",
        b"\\ud800",
        b'\\"',
        b"\\",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"1.5",
    ),
    *(
        b"9" * 5000,
        b"[" * 2000,
        b'{"a":' * 2000,
        b"[]," * 2000,
        b'"' * 3000,
        b"/a b",
        b"-1",
        b"1_0",
        "٣".encode(),
        b"body",
    ),
)


def parquet_of(**columns: Any) -> bytes:
    """Return a Parquet file."""
    out = io.BytesIO()
    parquet.write_table(arrow.table(columns), out)
    return out.getvalue()


BODIES = arrow.array([b"x", None, b"\xff"], arrow.binary())
SECONDS = arrow.array([1, None, 2**62], arrow.int64())
PARQUETS = (
    parquet_of(
        body=["x", "y", None], type=["text/plain", "a/b", None], path=["/a", "b", ""], weight=[1.0, None, float("nan")]
    ),
    parquet_of(body=BODIES, weight=SECONDS.cast(arrow.timestamp("us", "UTC"))),
    parquet_of(body=BODIES, weight=SECONDS.cast(arrow.timestamp("us", "No/Where"))),
    parquet_of(body=BODIES, weight=SECONDS.cast(arrow.duration("us"))),
    parquet_of(body=BODIES, weight=arrow.array([[1], None, []])),
    parquet_of(body=BODIES, weight=arrow.array([{"a": 1}, None, {"a": 2}])),
    parquet_of(body=BODIES, weight=arrow.array(["1", "x", "1_0"])),
    parquet_of(body=BODIES, weight=arrow.array([True, False, None])),
    parquet_of(
        body=arrow.array(["x", "x", "y"]).dictionary_encode(), weight=arrow.array([1, 2, 3], arrow.decimal128(38, 0))
    ),
    parquet_of(body=[1, 2]),
)

COLUMNS = st.sampled_from([None, "body", "body", "weight", "", "\x00", "größer", "bo\ndy"])


@st.composite
def formats(draw: st.DrawFn, name: str) -> RowFormat:
    """Return how a file of a format is read."""
    more = {key: draw(COLUMNS) for key in ("column", "weight_column", "path_column", "content_type_column")}
    encoding = draw(st.sampled_from(["Text", "Text", "Base64"]))
    return RowFormat.model_validate({"format": name, "encoding": encoding, **{k: v for k, v in more.items() if v}})


PROMISES = st.builds(
    Promise,
    content_type=st.sampled_from(["application/json", "text/plain", ""]),
    strict=st.booleans(),
    every=st.booleans(),
)


def check(case: tuple[bytes, RowFormat, Promise]) -> None:
    """Examine a dataset from memory and from a file, and take its rows from where a load does."""
    data, how, promise = case
    expected: object = None
    message = ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        path.write_bytes(data)
        try:
            expected = examine({"rows": data}, how, promise)
        except DatasetError as error:
            message = str(error)
        assert len(message) < 5000
        with contextlib.suppress(DatasetError):
            assert expected == examine({"rows": path}, how, promise)
        if expected is None:
            return
        rows = stored({"rows": path}, how, Path(folder))
        assert [row for row in read({"rows": data}, how) if isinstance(row, Row)] == [
            rows.row(number) for number in range(len(rows))
        ]
        order_of(rows, heaviest_first=True)


def cases(name: str, files: st.SearchStrategy[bytes]) -> st.SearchStrategy[tuple[bytes, RowFormat, Promise]]:
    """Return files of a format with how they are read and what they are to have."""
    return st.tuples(files, formats(name), PROMISES)


def test_lines_are_rows_or_a_sentence() -> None:
    """Text with a body on each line."""
    explore(check, cases("Lines", mutated_bytes(LINES, ODD)), examples=40)


def test_lines_of_json_are_rows_or_a_sentence() -> None:
    """Objects of which a field is the body, or values that are bodies."""
    explore(check, cases("JSONLines", mutated_bytes(LINES, ODD)), examples=60)


def test_an_array_of_json_is_rows_or_a_sentence() -> None:
    """It is read in pieces."""
    explore(check, cases("JSONArray", mutated_bytes(ARRAYS, ODD)), examples=60)


def test_csv_is_rows_or_a_sentence() -> None:
    """With any separator, with quotes that have no end, and with lines that Excel writes."""
    explore(check, cases("CSV", mutated_bytes(TABLES, ODD)), examples=80)


def test_parquet_is_rows_or_a_sentence() -> None:
    """With columns of any type, and with bytes that were changed anywhere."""
    explore(check, cases("Parquet", mutated_bytes(PARQUETS, ODD)), examples=60)


NAMES = st.one_of(
    st.sampled_from(
        ["a.json", "b.jpg", ".hidden", "größer.txt", "sub/c.txt", "\udcff.png", "x" * 200, "a\nb", "\x1b[2J"]
    ),
    st.text("ab./\udcff", min_size=1, max_size=8),
)


def read_in_a_pod(root: Path, how: RowFormat) -> None:
    """Read a folder as the prepare pod does a volume, and expect a termination message."""
    for part in ("dataset", "model", "code"):
        source = {"part": part, "path": "spec.x", "claim": "files", "root": str(root)}
        config = PrepareConfig.model_validate({"sources": [source], "rows": how.to_dict(), "file": "score.py"})
        text = prepare(config, {}).encode()
        assert len(text.encode()) <= TERMINATION_MESSAGE_BYTES
        PrepareResult.decode(text)


def check_folder(case: tuple[dict[str, bytes], list[str], RowFormat, Promise]) -> None:
    """Examine a folder whose names are anything that a file system takes."""
    files, links, how, promise = case
    with tempfile.TemporaryDirectory() as place:
        for name, content in files.items():
            path = Path(place) / name
            with contextlib.suppress(OSError, ValueError):  # no name of a file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        for link in links:
            with contextlib.suppress(OSError):
                (Path(place) / "link").symlink_to(link)
        message = ""
        try:
            examine(files_in(Path(place)), how, promise).to_dict()
        except DatasetError as error:
            message = str(error)
        assert len(message) < 5000
        message.encode()
        read_in_a_pod(Path(place), how)


def test_a_folder_of_files_is_rows_or_a_sentence() -> None:
    """With names of any bytes, and links that lead nowhere."""
    links = st.lists(st.sampled_from(["x" * 300, "link", "a.json", "/", "nowhere"]), max_size=1)
    files = st.dictionaries(NAMES, st.binary(max_size=20), max_size=4)
    explore(check_folder, st.tuples(files, links, formats("Files"), PROMISES), examples=30)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(1, "timestamp[us, tz=UTC]"), (3, "duration[us]"), (4, "list<element: int64>"), (5, "struct<a: int64>")],
)
def test_weights_are_numbers_in_parquet_too(number: int, kind: str) -> None:
    """A column of times, lists or objects is refused as a whole, by its type."""
    how = RowFormat.model_validate({"format": "Parquet", "column": "body", "weightColumn": "weight"})
    with pytest.raises(DatasetError, match=re.escape(f"column 'weight' of the dataset holds {kind}, not numbers")):
        examine({"rows": PARQUETS[number]}, how, Promise())


@pytest.mark.parametrize("number", [1, 2])
def test_a_time_that_python_has_not_is_a_sentence(number: int) -> None:
    """Of a column that nobody asked for as a weight: whoever reads all columns gets a DatasetError."""
    with (
        opened(PARQUETS[number]) as file,
        pytest.raises(DatasetError, match=r"cannot be read after row|not a Parquet file that can be read"),
    ):
        list(file.pieces())


def test_a_row_of_csv_with_line_ends_in_quotes_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its lines is short, and without a bound all of a file would be in memory as one row."""
    monkeypatch.setattr(table, "LONGEST_LINE", 1000)
    row = b'"a\n",' * 1000 + b"b\n"
    how = RowFormat.model_validate({"format": "CSV", "column": "a"})
    good = b"a\n" + b'"b\n"\n' * 1000
    assert 1000 == examine({"rows": good}, how, Promise()).rows
    with pytest.raises(DatasetError, match="in row 1: its lines are over 20 MiB"):
        examine({"rows": b"a\n" + row}, how, Promise())
    with pytest.raises(DatasetError, match="in row 1: its lines are over 20 MiB"):
        examine({"rows": row}, how, Promise())


def test_a_link_that_is_no_name_is_a_sentence(tmp_path: Path) -> None:
    """The system refuses to look at its target."""
    (tmp_path / "link").symlink_to("x" * 300)
    with pytest.raises(DatasetError, match="link cannot be read: File name too long"):
        files_in(tmp_path)


def test_a_name_that_is_not_utf8_can_be_written_into_a_message(tmp_path: Path) -> None:
    """Its bytes are shown as their numbers."""
    (tmp_path / "\udcff.png").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"row 1 is empty: \\udcff\.png"):
        examine(files_in(tmp_path), RowFormat.model_validate({"format": "Files"}), Promise())
