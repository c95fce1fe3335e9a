"""What a load leaves in its termination message, written by anybody: a result or a LoadError, and nothing else."""

from __future__ import annotations

import base64
import contextlib
import json
import struct
import zlib
from typing import Any

from hypothesis import strategies as st
from tests.fuzz.exploring import explore, mutated_bytes
from tests.unit.commands.test_mutated import mutated
from tests.unit.load.test_result import histogram, result, worst_case

from modelprofiler.api.objects import TERMINATION_MESSAGE_BYTES
from modelprofiler.core.windows import Window, windows_of
from modelprofiler.errors import LoadError
from modelprofiler.load.merge import merge
from modelprofiler.load.result import LoadResult

MARK = "mpload1:"
RESULTS = (result(), worst_case("x" * 300), result(histogram=histogram(*(0.001 * 1.3**i for i in range(30)))))


def parts_of(text: str) -> tuple[bytes, bytes, bytes]:
    """Return the three parts of a message: JSON, timeline and histogram."""
    packed = zlib.decompress(base64.b85decode(text.rpartition(MARK)[2]))
    head, timeline = struct.unpack_from("<HH", packed)
    return packed[4 : 4 + head], packed[4 + head : 4 + head + timeline], packed[4 + head + timeline :]


def message(head: bytes, timeline: bytes, counts: bytes) -> str:
    """Return a message of three parts."""
    packed = struct.pack("<HH", len(head) & 0xFFFF, len(timeline) & 0xFFFF) + head + timeline + counts
    return MARK + base64.b85encode(zlib.compress(packed)).decode()


PARTS = [parts_of(r.encode()) for r in RESULTS]
HEADS: list[Any] = [json.loads(head) for head, _, _ in PARTS]


@st.composite
def inner_mutations(draw: st.DrawFn) -> str:
    """Return a message that unpacks, to parts that are not as they should be."""
    head = draw(
        st.one_of(
            mutated(HEADS).map(lambda data: json.dumps(data).encode()),
            mutated_bytes([head for head, _, _ in PARTS]),
        )
    )
    timeline = draw(mutated_bytes([timeline for _, timeline, _ in PARTS]))
    counts = draw(mutated_bytes([counts for _, _, counts in PARTS]))
    return message(head, timeline, counts)


OUTER = mutated_bytes([r.encode().encode() for r in RESULTS]).map(lambda data: data.decode("utf-8", "replace"))


def decoded(text: str) -> LoadResult | None:
    """Return the result in a message; None where it has none."""
    message = ""
    try:
        return LoadResult.decode(text)
    except LoadError as error:
        message = str(error)
    assert len(message) < 1000
    return None


def check(text: str) -> None:
    """Read a message, and do with a result what the operator does with it."""
    read = decoded(text)
    if read is None:
        return
    assert len(read.encode()) <= TERMINATION_MESSAGE_BYTES
    assert len(read.histogram.counts) <= 4096
    for share in (0.0, 0.5, 0.99, 1.0):
        read.histogram.quantile(share)
    read.histogram.count_above(0.1)
    if (windows := windows_of(read, Window(0.0, 2e9), 0.0)) is not None:
        windows.completed_between(windows.start, windows.end)
    with contextlib.suppress(ValueError, ArithmeticError):  # numbers that cannot be added up, which the operator says
        merge([read, RESULTS[0], read], [0])


def test_a_message_that_was_changed_anywhere_is_a_result_or_none() -> None:
    """In what people see, in the mark, or in the packed part."""
    explore(check, OUTER, examples=60)


def test_a_message_that_somebody_has_packed_is_a_result_or_none() -> None:
    """With other fields, other responses over time, and another histogram than any load has."""
    explore(check, inner_mutations(), examples=100)
