"""Text to lines: byte order marks, line ends and blank lines as editors, spreadsheets and shells write them.

A line is bytes and stays as it is written. Only line feeds end a line (or carriage returns, in a file that has no line
feed), and never U+2028 or NEL, which JSON allows inside a text.
"""

from __future__ import annotations

import codecs

from modelprofiler.errors import DatasetError

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


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines that are not blank, without their line ends and without byte order marks.

    Raises
    ------
    DatasetError
        The text is UTF-16 or UTF-32, or the file is of a kind that has no lines.
    """
    if kind := next((kind for start, kind in _FILES if data.startswith(start)), None):
        raise DatasetError(f"the dataset is {kind}; write text with one request body per line")
    if encoding := _wide_encoding(data):
        raise DatasetError(f"the dataset is {encoding}; write UTF-8")
    if b"\n" not in data.rstrip(b"\r\n"):
        data = data.replace(b"\r", b"\n")
    lines = (line.rstrip(b"\r").removeprefix(codecs.BOM_UTF8) for line in data.split(b"\n"))
    return [line for line in lines if not _is_blank(line)]


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
