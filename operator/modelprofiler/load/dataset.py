"""Rows of a dataset: reading, describing and ordering them. The operator checks ConfigMaps with the same code."""

from __future__ import annotations

import base64
import binascii
import hashlib
import random
from collections.abc import Sequence

from modelprofiler.api.load import DatasetFormat
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import DatasetStatus
from modelprofiler.errors import DatasetError
from modelprofiler.load.lines import lines_of
from modelprofiler.load.row_check import Promise, remarks

ORDER_SEED = 0
"""Seed of the shuffled order: fixed, so that every trial replays the same rows in the same order."""

HEAVIEST = 10
"""Rows that are sent first where a load may be too short for all of them. Chosen, not fitted."""


def read_rows(data: bytes, format: DatasetFormat = DatasetFormat.LINES, encoding: str = "Text") -> list[bytes]:  # noqa: A002
    """Return the request bodies of a dataset, in the order written.

    Parameters
    ----------
    data
        Content of the dataset's file.
    format
        How rows are read from it. Lines: every line that is not blank is a body, without its line end; see
        `modelprofiler.load.lines`.
    encoding
        ``Base64``: each row is decoded to the bytes that are sent.

    Raises
    ------
    DatasetError
        When there are no rows, a row cannot be decoded, or the format is not supported.
    """
    if format is not DatasetFormat.LINES:
        raise DatasetError(f"dataset format {format.value} is not supported yet; write the bodies as Lines")
    rows = lines_of(data)
    if not rows:
        problem = "is empty" if not data else "has only empty lines"
        raise DatasetError(f"the dataset {problem}; write one request body per line")
    if encoding == "Base64":
        rows = [_decoded(row, number) for number, row in enumerate(rows, 1)]
    return rows


def _decoded(row: bytes, number: int) -> bytes:
    try:
        return base64.b64decode(row.strip(), validate=True)
    except binascii.Error as e:
        raise DatasetError(f"row {number} of the dataset is not Base64: {e}") from e


def examine(
    data: bytes,
    promise: Promise,
    format: DatasetFormat = DatasetFormat.LINES,  # noqa: A002
    encoding: str = "Text",
) -> DatasetStatus:
    """Return the facts about a dataset, and what about its rows may make a result misleading.

    Parameters
    ----------
    data, format, encoding
        As for `read_rows`.
    promise
        What the profile says about the rows.

    Raises
    ------
    DatasetError
        As `read_rows`, and when the rows are certainly not what the profile promises.
    """
    rows = read_rows(data, format, encoding)
    return describe(rows).model_copy(update={"warnings": remarks(rows, promise) or None})


def describe(rows: Sequence[bytes]) -> DatasetStatus:
    """Return count, distinct count, largest size and digest of the rows."""
    return DatasetStatus(
        rows=len(rows),
        distinct_rows=len(set(rows)),
        largest_row=Quantity.memory(max(map(len, rows))),
        digest=digest(rows),
    )


def digest(rows: Sequence[bytes]) -> str:
    """Return ``sha256:…`` of the rows, each preceded by its length (8 bytes, big endian) so that row ends matter."""
    sha = hashlib.sha256()
    for row in rows:
        sha.update(len(row).to_bytes(8, "big"))
        sha.update(row)
    return f"sha256:{sha.hexdigest()}"


def ordered(rows: Sequence[bytes], order: str = "Shuffled", *, heaviest_first: bool = False) -> list[bytes]:
    """Return the rows in the order in which they are sent, again and again.

    Parameters
    ----------
    rows
        The rows as written.
    order
        ``Shuffled``, in the same way each time, or ``Sequential``.
    heaviest_first
        Move the `HEAVIEST` largest rows to the front, so that a short load sends them, too.
    """
    result = list(rows)
    if order == "Shuffled":
        random.Random(ORDER_SEED).shuffle(result)  # noqa: S311 - an order, not a secret
    if heaviest_first:
        by_size = sorted(range(len(result)), key=lambda i: len(result[i]), reverse=True)
        heaviest = by_size[:HEAVIEST]
        rest = set(by_size[HEAVIEST:])
        result = [result[i] for i in heaviest] + [row for i, row in enumerate(result) if i in rest]
    return result
