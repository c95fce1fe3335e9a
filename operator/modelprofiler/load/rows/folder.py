"""Rows that are files: every file of a folder is a body, in the order of the names."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from modelprofiler.errors import DatasetError
from modelprofiler.load.rows.fields import row_of
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.rows.row import LARGEST_ROW, Fault, Files, Row

MORE_TYPES = {".webp": "image/webp", ".avif": "image/avif", ".flac": "audio/flac", ".ogg": "audio/ogg"}
"""Types of files that Python 3.11 does not know."""

_TYPES = mimetypes.MimeTypes(filenames=())  # its own table, which is the same on every machine
for _extension, _type in MORE_TYPES.items():
    _TYPES.add_type(_type, _extension)


def rows_of_files(files: Files, how: RowFormat) -> Iterator[Row | Fault]:
    """Yield a row for each file.

    Raises
    ------
    DatasetError
        A file cannot be read.
    """
    for number, name in enumerate(sorted(name for name in files if not name.startswith(".")), 1):
        content = files[name]
        body = content if isinstance(content, bytes) else _content(content, name)
        if len(body) > 2 * LARGEST_ROW:
            yield Fault(number, "is", f"over 10 MiB: {_shown(name)}")
            continue
        row = row_of(number, body, {}, how)
        if isinstance(row, Fault):
            yield Fault(number, row.verb, f"{row.what}: {_shown(name)}")
        else:
            yield Row(row.body, None if how.content_type else content_type_of(name))


def files_in(folder: Path) -> dict[str, Path]:
    """Return the files below a folder by their names in it, without hidden ones.

    Raises
    ------
    DatasetError
        A folder cannot be read.
    """

    def fail(error: OSError) -> None:
        raise DatasetError(f"{_shown(str(error.filename))} cannot be read: {error.strerror}") from error

    files = {}
    for root, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "lost+found")
        for name in names:
            path = Path(root) / name
            if not name.startswith(".") and _is_file(path):
                files[path.relative_to(folder).as_posix()] = path
    return files


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:  # a link whose target nobody may look at, or is no name at all
        raise DatasetError(f"{_shown(str(path))} cannot be read: {error.strerror}") from error


def _shown(name: str) -> str:
    """Return a name for a message: bytes that are not UTF-8, and control characters, as their numbers."""
    return ascii(name)[1:-1] if not name.isprintable() else name


def content_type_of(name: str) -> str | None:
    """Return the content type that a file's extension stands for; None where it is not known."""
    return _TYPES.guess_type(PurePosixPath(name).name)[0]


def _content(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(2 * LARGEST_ROW + 1)
    except OSError as error:
        raise DatasetError(f"{_shown(name)} cannot be read: {error.strerror}") from error
