"""Options for reading delimited files."""

from __future__ import annotations

from enum import Enum


class PromoteHeadersBehavior(Enum):
    """Which lines of the files name the columns."""

    NO_HEADERS = 0
    """No line does: the columns are called Column1, Column2 and so on."""
    ONLY_FIRST_FILE_HAS_HEADERS = 1
    """The first line of the first file; the other files contain data only."""
    COMBINE_ALL_FILES_HEADERS = 2
    """The first line of each file; columns of the same name are merged."""
    ALL_FILES_HAVE_SAME_HEADERS = 3
    """The first line of the first file; the first lines of the other files are skipped."""


class SkipLinesBehavior(Enum):
    """In which files leading lines are skipped."""

    NO_ROWS = 0
    FROM_FIRST_FILE_ONLY = 1
    FROM_ALL_FILES = 2


class FileEncoding(Enum):
    """Encodings of text files."""

    UTF8 = 0
    ISO88591 = 1
    LATIN1 = 2
    ASCII = 3
    UTF16 = 4
    UTF32 = 5
    UTF8BOM = 6
    WINDOWS1252 = 7
