"""What a dataset is: its rows in numbers, their digest, and what about them may make a result misleading.

The rows are read once, one after the other. The operator examines ConfigMaps with the same code as the prepare pod what
only a pod can read, and the command files of this machine.
"""

from __future__ import annotations

from array import array
from collections import Counter

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import DatasetStatus
from modelprofiler.errors import DatasetError
from modelprofiler.load.rows.check import Promise, RowCheck
from modelprofiler.load.rows.digest import RowDigest, row_hash
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.rows.read import read
from modelprofiler.load.rows.row import Fault, Faults, Files, Row

PART = 1_000_000
"""Rows that are told apart at a time: as many numbers in a set take some 60 MB."""


class Facts:
    """The rows of a dataset in numbers."""

    def __init__(self) -> None:
        self._digest = RowDigest()
        self._sizes: Counter[int] = Counter()  # a file of 1 GiB has 46,000 different sizes of rows at most
        self._hashes = array("Q")

    def add(self, row: Row) -> None:
        """Count the next row."""
        self._digest.add(row)
        self._sizes[len(row.body)] += 1
        self._hashes.append(row_hash(row))

    @property
    def distinct(self) -> int:
        """The number of different rows."""
        parts = len(self._hashes) // PART + 1
        if parts == 1:
            return len(set(self._hashes))
        return sum(len({h for h in self._hashes if h % parts == part}) for part in range(parts))

    def status(self) -> DatasetStatus:
        """Return the numbers as the status has them."""
        sizes = sorted(self._sizes)
        return DatasetStatus(
            rows=len(self._hashes),
            distinct_rows=self.distinct,
            smallest_row=Quantity.memory(sizes[0]),
            median_row=Quantity.memory(self._median(sizes)),
            largest_row=Quantity.memory(sizes[-1]),
            total_size=Quantity.memory(sum(size * count for size, count in self._sizes.items())),
            digest=str(self._digest),
        )

    def _median(self, sizes: list[int]) -> int:
        seen, half = 0, (len(self._hashes) + 1) // 2
        for size in sizes:
            seen += self._sizes[size]
            if seen >= half:
                return size
        raise AssertionError("half of the rows are among all of them")


def examine(files: Files, how: RowFormat, promise: Promise) -> DatasetStatus:
    """Return the facts about a dataset, and what about its rows may make a result misleading.

    Parameters
    ----------
    files, how
        As for `modelprofiler.load.rows.read.read`.
    promise
        What the profile says about the rows.

    Raises
    ------
    DatasetError
        With every kind of fault that rows have, and the first rows that have it; when the files cannot be read, and
        when the rows are certainly not what the profile promises.
    """
    facts, check, faults = Facts(), RowCheck(promise), Faults()
    try:
        for row in read(files, how):
            if isinstance(row, Fault):
                faults.add(row)
            else:
                facts.add(row)
                check.add(row)
    except DatasetError as error:
        raise DatasetError(f"{faults}; {error}" if faults else str(error)) from error
    if faults:
        raise DatasetError(str(faults))
    status = facts.status()
    return status.model_copy(update={"warnings": check.remarks(status.distinct_rows) or None})


def describe(rows: list[bytes]) -> DatasetStatus:
    """Return the facts about bodies."""
    facts = Facts()
    for body in rows:
        facts.add(Row(body))
    return facts.status()
