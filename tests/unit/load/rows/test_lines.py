"""Files of rows as editors, spreadsheets and shells write them."""

import gzip
import io

import pytest

from modelprofiler.errors import DatasetError
from modelprofiler.load.rows import lines

ROWS = [b'{"a": 1}', b'{"a": 2}']


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines of a file with this content; each begins where it says."""
    placed = list(lines.lines_of(io.BytesIO(data)))
    assert [line for _, line in placed] == [data[at : at + len(line)] for at, line in placed]
    return [line for _, line in placed]


TEXT = '{"a": 1}\n{"a": 2}\n'


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1}\n{"a": 2}',
        b'{"a": 1}\r\n{"a": 2}\r\n',
        b'{"a": 1}\r{"a": 2}\r',
        b'{"a": 1}\r{"a": 2}\n',
        b'{"a": 1}\r\r\n{"a": 2}\r\r\n',
        b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n',
        b'\xef\xbb\xbf{"a": 1}\n\xef\xbb\xbf{"a": 2}\n',
        b'\n{"a": 1}\n \t\n\x0c\n\xc2\xa0\n\xe3\x80\x80\n{"a": 2}\n\x1a',
    ],
    ids=["LF", "CRLF", "CR", "CR and a last LF", "CRCRLF", "mark", "marks of joined files", "blank lines"],
)
def test_every_program_that_writes_lines_writes_the_same_rows(data: bytes) -> None:
    """Marks, line ends and blank lines are not a part of any row."""
    assert ROWS == lines_of(data)


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c"])
def test_only_line_ends_end_a_line(character: str) -> None:
    """JSON allows most of these characters inside a text, where Python's splitlines() would cut the row."""
    row = f'{{"a": "x{character}y"}}'.encode()
    assert [row, row] == lines_of(row + b"\n" + row + b"\n")


def test_spaces_at_the_ends_of_a_row_are_a_part_of_it() -> None:
    """Bytes are bytes: a server may count them."""
    assert [b' {"a": 1} \t'] == lines_of(b' {"a": 1} \t\n')


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_refused_by_name(encoding: str) -> None:
    """With and without a byte order mark; cut at line feeds, their rows would be halves of characters."""
    with pytest.raises(DatasetError, match=rf"^the dataset is {encoding[:6].upper()}; write UTF-8$"):
        lines_of(TEXT.encode(encoding))


@pytest.mark.parametrize(
    "row", [b"\x00\x01\x02\x03" * 50, b"a\x00b\x00\x00cd" * 50, "Grüße".encode("latin-1"), b"\x00"]
)
def test_bytes_of_other_kinds_are_no_wide_encoding(row: bytes) -> None:
    """A body may contain zeros."""
    assert [b"x" + row] == lines_of(b"x" + row)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(TEXT.encode(), mtime=0), "the dataset is compressed by gzip"),
        (b"PK\x03\x04rest", "the dataset is a zip archive, such as a workbook of Excel"),
        (b"PAR1rest", "the dataset is a Parquet file"),
    ],
)
def test_a_file_without_lines_is_refused_by_its_kind(data: bytes, message: str) -> None:
    """Its bytes would be sent as rows of nonsense."""
    with pytest.raises(DatasetError, match=message):
        lines_of(data)
