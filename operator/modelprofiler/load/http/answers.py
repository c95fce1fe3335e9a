"""What kinds of answers came: every answer is counted, and a bounded sample of them is kept to be looked at afterwards.

On the hot path this costs one subtraction for each answer. Which answers are kept does not depend on what they are: the
first ones of each status and length class, then fewer and fewer, at irregular distances, so that a sample does not fall
in step with the order of the rows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

KEPT_BYTES = 6144
"""Bytes of a response that are kept: its head, which is less than 2 KiB nearly always, and 4 KiB of its body."""
END_BYTES = 1024
"""Bytes of the end of a longer response that are kept: a stream that fails says so in its last event."""
LOOKED_AT, LOOKED_AT_WHEN_FULL = 64, 8
"""Answers of a class that are kept at a constant distance, before the distance is doubled: at first, and once
`MUCH_BYTES` are kept. A quarter of an hour at 10,000 answers a second, all of one class, leaves some 1,100 of them."""
MUCH_BYTES = 8 * 2**20
"""Bytes of answers from which on fewer are kept, since a load pod has 256 MiB: one class with long answers has less,
and dozens of lengths have some 25 MiB in the end, where they would have 150."""
SAMPLE_OVERHEAD = 200
"""Bytes that a kept answer takes beyond its response."""
MOST_CLASSES = 64
"""Classes of status and length that are told apart: lengths from 128 bytes to 64 KiB for three statuses, and as many
single lengths."""
MOST_LENGTHS = 32
"""Classes of a single length among these: the first lengths that come. Most servers have few, and then a rare answer of
another kind is kept whenever it comes, as few have exactly its length."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An answer that was kept.

    Attributes
    ----------
    row
        Number of the request.
    stands_for
        How many answers it stands for: those of its class since the one kept before, and itself.
    response
        The beginning of the response as it was received.
    length
        Bytes of the whole response.
    unmet
        What of the expectation it does not fulfil; empty where it was not judged, or fulfils all of it.
    end
        The end of a response that is longer than what is kept of its beginning; else empty.
    """

    row: int
    stands_for: int
    response: bytes
    length: int
    unmet: str = ""
    end: bytes = b""


@dataclass(slots=True, eq=False)
class Tally:
    """The answers of one class.

    Attributes
    ----------
    status
        Their status code.
    left
        Answers until the next one is kept.
    distance
        How many answers there are from one that is kept to the next, on average.
    unmet
        What of the expectation they do not fulfil; empty where they were not judged, or fulfil all of it.
    """

    status: int
    left: int = 1
    gap: int = 1
    distance: int = 1
    unmet: str = ""
    samples: list[Sample] = field(default_factory=list)


class Answers:
    """The answers of one load.

    Attributes
    ----------
    tallies
        Its classes, by status and length, or minus the number of bits of the length.
    """

    def __init__(self) -> None:
        self.tallies: dict[tuple[int, int], Tally] = {}
        self._lengths = 0
        self._kept_bytes = 0
        self._unmet: dict[tuple[int, int, str], Tally] = {}
        self._random = random.Random(0)  # noqa: S311 - a sample, no secret

    def tally(self, status: int, length: int) -> Tally:
        """Return the class of an answer by its status and the length of the whole response in bytes."""
        tallies = self.tallies
        key = (status, length)
        tally = tallies.get(key)
        if tally is None and self._lengths >= MOST_LENGTHS:
            key = (status, -length.bit_length())
            tally = tallies.get(key)
        if tally is None:
            self._lengths += 1
            if len(tallies) >= MOST_CLASSES:
                key = (0, 0)
            tally = tallies.setdefault(key, Tally(status))
        return tally

    def count(self, status: int, length: int, row: int, response: bytes, unmet: str) -> None:
        """Count an answer that was judged, and keep it where it is its turn."""
        if unmet:
            key = (status, length.bit_length(), unmet)
            if key not in self._unmet and len(self._unmet) >= MOST_CLASSES:
                key = (0, 0, unmet)
            tally = self._unmet.setdefault(key, Tally(status, unmet=unmet))
        else:
            tally = self.tally(status, length)
        tally.left -= 1
        if not tally.left:
            self.keep(tally, row, response, length)

    def keep(self, tally: Tally, row: int, response: bytes, length: int, end: bytes = b"") -> None:
        """Keep an answer whose turn it is."""
        kept = response[:KEPT_BYTES]
        end = end[-END_BYTES:] if len(response) > KEPT_BYTES else b""
        tally.samples.append(Sample(row, tally.gap, kept, length, tally.unmet, end))
        self._kept_bytes += len(kept) + len(end) + SAMPLE_OVERHEAD
        many = LOOKED_AT if self._kept_bytes < MUCH_BYTES else LOOKED_AT_WHEN_FULL
        if len(tally.samples) % many == 0:
            tally.distance *= 2
        distance = tally.distance
        tally.left = tally.gap = 1 if distance == 1 else self._random.randint(1, 2 * distance - 1)

    def samples(self) -> list[tuple[int, Sample]]:
        """Return every kept answer with its status, those of a class in the order they came."""
        tallies = (*self.tallies.values(), *self._unmet.values())
        return [(tally.status, sample) for tally in tallies for sample in tally.samples]
