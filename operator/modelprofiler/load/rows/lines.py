"""Text to lines: byte order marks, line ends and blank lines as editors, spreadsheets and shells write them.

A line is bytes and stays as it is written. Only line feeds end a line (or carriage returns, in a file that has no line
feed), and never U+2028 or NEL, which JSON allows inside a text.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from modelprofiler.errors import DatasetError
from modelprofiler.load.rows.row import LARGEST_ROW

CHUNK = 2**20
"""Bytes read at once."""

LONGEST_LINE = 2 * LARGEST_ROW
"""Bytes of a line that are kept: a body in Base64 is a third longer than it is, and an object has other fields."""

_MARKS = (  # UTF-32 first, as its little-endian mark begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)

_FILES = (
    (b"\x1f\x8b", "compressed by gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"\xfd7zXZ", "compressed by xz"),
    (b"PK\x03\x04", "a zip archive, such as a workbook of Excel"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "a database of SQLite"),
)
"""How files begin that have no lines."""

_SAMPLE = 4096
"""Bytes that are looked at for an encoding without a mark; ASCII in UTF-16 shows in the first few."""

_MOST_ZEROS = 0.6
"""Share of zero bytes at every second place from which a text is UTF-16: of ASCII in UTF-16 it is 1, of text in other
encodings 0. Chosen between the two."""

_LONGEST_BLANK = 64
"""Bytes up to which a line is decoded to see whether it is blank. Lines that look blank and are not are short."""

_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\x1a\x00"
"""Characters that show nothing and that Python does not count as space: a byte order mark in the middle, zero width
characters, and Control-Z and NUL, with which old programs end a file."""


def check_text(file: BinaryIO, write: str = "write text with one request body per line") -> None:
    """Refuse a file that is no text in UTF-8 or an encoding like it; the file is at its beginning afterwards.

    Raises
    ------
    DatasetError
        The text is UTF-16 or UTF-32, or the file is of a kind that has no lines.
    """
    data = file.read(_SAMPLE)
    file.seek(0)
    if kind := next((kind for start, kind in _FILES if data.startswith(start)), None):
        hint = "set format to Parquet" if kind == "a Parquet file" else write
        raise DatasetError(f"the dataset is {kind}; {hint}")
    if encoding := _wide_encoding(data):
        raise DatasetError(f"the dataset is {encoding}; write UTF-8")


def lines_of(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, without their line ends and without byte order marks.

    Yields
    ------
    tuple[int, bytes]
        Where the line begins in the file, and the line. Of a line over `LONGEST_LINE` only the beginning, one byte more
        than that.

    Raises
    ------
    DatasetError
        As `check_text`.
    """
    check_text(file)
    end = b"\n" if _has_line_feed(file) else b"\r"
    for at, line in _split(file, end):
        stripped = line.rstrip(b"\r\n")
        if stripped.startswith(codecs.BOM_UTF8):
            at, stripped = at + len(codecs.BOM_UTF8), stripped[len(codecs.BOM_UTF8) :]
        if not _is_blank(stripped):
            yield at, stripped


def _has_line_feed(file: BinaryIO) -> bool:
    """Return whether a file has a line feed elsewhere than at its end; it is at its beginning afterwards."""
    carried = False
    try:
        while chunk := file.read(CHUNK):
            body = chunk.rstrip(b"\r\n")
            if (carried and body) or b"\n" in body:
                return True
            carried = carried or b"\n" in chunk
        return False
    finally:
        file.seek(0)


def _split(file: BinaryIO, end: bytes) -> Iterator[tuple[int, bytes]]:
    at, rest = 0, b""
    kept = LONGEST_LINE + 1
    left_out = 0
    while chunk := file.read(CHUNK):
        first, *others = chunk.split(end)
        left_out += max(len(rest) + len(first) - kept, 0)
        rest = (rest + first)[:kept]
        for line in others:
            yield at, rest
            at += len(rest) + left_out + 1
            rest, left_out = line, 0
    if rest:
        yield at, rest


def _wide_encoding(data: bytes) -> str:
    """Return the name of an encoding whose characters have two or four bytes; empty for any other text."""
    if name := next((name for mark, name in _MARKS if data.startswith(mark)), ""):
        return name
    sample = data[: len(data) - len(data) % 4][:_SAMPLE]
    zeros = [sample[place::4].count(0) * 4 / len(sample) if sample else 0.0 for place in range(4)]
    places = [share >= _MOST_ZEROS for share in zeros]
    if sum(places) == 3:
        return "UTF-32"
    return "UTF-16" if places in ([True, False, True, False], [False, True, False, True]) else ""


def _is_blank(line: bytes) -> bool:
    if not line.strip():
        return True
    if len(line) > _LONGEST_BLANK:
        return False
    return not line.decode("utf-8", "replace").strip().strip(_INVISIBLE).strip()
