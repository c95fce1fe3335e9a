"""A result that somebody else has written: whatever it is, it is a result or a LoadError, soon and in little memory."""

from __future__ import annotations

import base64
import json
import random
import struct
import time
import tracemalloc
import zlib

import pytest
from tests.unit.load.test_result import histogram, result

from modelprofiler.core.windows import Window, windows_of
from modelprofiler.errors import LoadError
from modelprofiler.load.histogram import Histogram
from modelprofiler.load.result import MAX_PACKED_BYTES, LoadResult

MARK = "mpload1:"
HEADER = struct.pack("<Bddd", 0, 1.0, 0.01, 0.5)
LIMIT_BYTES = 8 * 2**20
LIMIT_SECONDS = 0.5


def written(head: bytes = b'{"kind":"Completed"}', timeline: bytes = b"", counts: bytes = b"") -> str:
    """Return a message with these parts, compressed as a result is."""
    packed = struct.pack("<HH", len(head), len(timeline)) + head + timeline + (counts or Histogram().to_bytes())
    return MARK + base64.b85encode(zlib.compress(packed, 9)).decode()


def varint(number: int) -> bytes:
    """Return a number as a histogram has it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def bomb(size: int) -> str:
    """Return a message that is small and decompresses to zeros."""
    return MARK + base64.b85encode(zlib.compress(bytes(size), 9)).decode()


HOSTILE = {
    "a bomb": bomb(64 * 2**20),
    "a bomb in a message of a kubelet": bomb(3 * 2**20),
    "a long message": MARK + "0" * 2**20,
    "nothing": MARK,
    "a stream that is cut off": written()[:-10],
    "a million buckets": written(counts=HEADER + varint(2**20) + b"\x01\x01" * 30_000),
    "a bucket without end": written(counts=HEADER + b"\xff" * 60_000),
    "a bucket far away": written(counts=HEADER + varint(1) + varint(2**40) + b"\x01"),
    "a level of 255": written(counts=struct.pack("<Bddd", 255, 1.0, 0.01, 0.5) + varint(1) + varint(2**20) + b"\x01"),
    "values that are none": written(
        counts=struct.pack("<Bddd", 0, float("nan"), 0, 1) + varint(1) + varint(2**20) + b"\x01"
    ),
    "an infinite maximum": written(
        counts=struct.pack("<Bddd", 0, 1, 0, float("inf")) + varint(1) + varint(2**20) + b"\x01"
    ),
    "a timeline of a thousand bins": written(timeline=struct.pack("<d", 1.0) + struct.pack("<II", 1, 1) * 1000),
    "a timeline that begins never": written(timeline=struct.pack("<dII", float("nan"), 1, 1)),
    "a list": written(b"[]"),
    "deep lists": written(b"[" * 60_000),
    "no kind": written(b"{}"),
    "another kind": written(b'{"kind":["Completed"]}'),
    "times that are none": written(b'{"kind":"Completed","started":NaN}'),
    "times that are text": written(b'{"kind":"Completed","started":"1000"}'),
    "times that are too late": written(b'{"kind":"Completed","started":1e300}'),
    "a long number": written(b'{"kind":"Completed","started":' + b"9" * 5000 + b"}"),
    "a message that is a list": written(b'{"kind":"Completed","message":[]}'),
    "a long message inside": written(json.dumps({"kind": "Completed", "message": "x" * 60_000}).encode()),
    "a status of another shape": written(b'{"kind":"Completed","status":{"requests":{"a":1}}}'),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_message_that_is_no_result_is_an_error_that_costs_nothing(text: str) -> None:
    """Anybody who may run a pod can write a termination message."""
    tracemalloc.start()
    begun = time.process_time()
    try:
        with pytest.raises(LoadError) as error:
            LoadResult.decode(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LIMIT_BYTES + len(text)
    assert time.process_time() - begun < LIMIT_SECONDS
    assert len(str(error.value)) < 1000


def test_the_largest_result_of_ours_is_far_from_the_bound() -> None:
    """Every bucket from a microsecond to an hour, and a message of control characters."""
    values = [1e-6 * 1.02**i for i in range(1100)]
    largest = result(message="\x01" * 1200, histogram=histogram(*values))
    text = largest.encode()
    packed = zlib.decompress(base64.b85decode(text.rpartition(MARK)[2]))
    assert len(packed) < MAX_PACKED_BYTES / 4
    assert largest.started == LoadResult.decode(text).started


def test_mutated_results_are_results_or_errors() -> None:
    """Bytes are changed, doubled and left out, in the message and below the compression; what is read can be used."""
    rng = random.Random(20261130)
    packed = bytearray(zlib.decompress(base64.b85decode(result().encode().rpartition(MARK)[2])))
    read = 0
    for _ in range(3000):
        mutated = bytearray(packed)
        for _ in range(rng.randint(1, 2)):
            at = rng.randrange(len(mutated))
            match rng.randrange(3):
                case 0:
                    mutated[at] = rng.randrange(256)
                case 1:
                    mutated[at:at] = mutated[at : at + rng.randint(1, 40)]
                case 2:
                    del mutated[at : at + rng.randint(1, 10)]
        try:
            decoded = LoadResult.decode(MARK + base64.b85encode(zlib.compress(bytes(mutated))).decode())
        except LoadError:
            continue
        read += 1
        assert decoded.histogram.quantile(0.95) is None or decoded.histogram.relative_error < 1
        assert decoded.histogram.count_above(0.1) >= 0
        windows_of(decoded, Window(0, 2000))
        decoded.completed_between(0, 1e9)
        assert LoadResult.decode(decoded.encode()).kind is decoded.kind
    assert read > 20
