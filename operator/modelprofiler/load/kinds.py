"""From the answers that were kept to the kinds of answers of a load: status, content type and shape of the body."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import httptools

from modelprofiler.api.trial import AnswerKind
from modelprofiler.core.answers.redact import shown
from modelprofiler.core.text import head_in_bytes
from modelprofiler.load.http.answers import KEPT_BYTES, Sample
from modelprofiler.load.http.bodies import BODY_BYTES, Body, body_of, ends_with_error
from modelprofiler.load.http.irregular import lenient_parser, without_repetition
from modelprofiler.load.result import MOST_ROW_NUMBERS, most_frequent

SAMPLE_BYTES, SHAPE_BYTES = 120, 100
"""Bytes of a body, and of its shape in words, that a kind shows: a short error is whole, and four of both fit into a
termination message."""
CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
"""Codings of content that are undone before it is looked at; servers compress whether they are asked to or not."""
GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
"""Has zlib read either format by its header (RFC 1950, RFC 1952)."""
STREAMS = frozenset({"text/event-stream", "application/x-ndjson", "application/jsonl", "application/json-lines"})
"""Types of answers that are sent in parts while they are made."""
MOST_SHAPES = 8
"""Objects with more different sets of keys than this have data for keys, and count as one shape."""


@dataclass(slots=True)
class _Group:
    answers: int = 0
    looked_at: int = 0
    rows: set[int] = field(default_factory=set)
    bodies: set[bytes] = field(default_factory=set)
    sample: bytes = b""


class _Response:
    """The receiver of a parser: content type, coding and beginning of the body of the final response."""

    def __init__(self) -> None:
        self.content_type = self.coding = ""
        self.body = b""

    def on_message_begin(self) -> None:
        self.content_type, self.coding, self.body = "", "", b""

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"content-type":
                self.content_type = value.decode("ascii", "replace").partition(";")[0].strip().lower()[:40]
            case b"content-encoding":
                self.coding = value.decode("ascii", "replace").strip().lower()[:40]

    def on_body(self, data: bytes) -> None:
        self.body += data[: BODY_BYTES - len(self.body)]

    @property
    def content(self) -> bytes:
        """The beginning of the body, without a content coding that is known."""
        if self.coding not in CODINGS:
            return self.body
        try:
            return zlib.decompressobj(GZIP_OR_ZLIB).decompress(self.body, BODY_BYTES)
        except zlib.error:  # it is not what its header says
            return self.body


def kinds_of(samples: Iterable[tuple[int, Sample]], order: Sequence[int] | None = None) -> list[AnswerKind]:
    """Return the kinds of the answers that were kept, the most frequent first, as many as a result names.

    Parameters
    ----------
    samples
        The answers with their statuses.
    order
        For each request the number of its row, from 0; None where that is the request's own number.
    """
    groups: defaultdict[tuple[int, str, Body, str], _Group] = defaultdict(_Group)
    looked = [(status, sample, *_read(sample)) for status, sample in samples]
    bodies = [_body(sample, content, kind) for _, sample, kind, content in looked]
    counts = Counter(body.shape for body in bodies if not body.is_error and body.shape.startswith("JSON object"))
    if len(counts) > MOST_SHAPES:
        bodies = [Body("JSON object") if body.shape in counts and not body.is_error else body for body in bodies]
    for (status, sample, content_type, content), body in zip(looked, bodies, strict=True):
        group = groups[status, content_type, body, sample.unmet]
        group.answers += sample.stands_for
        group.looked_at += 1
        group.rows.add(sample.row if order is None else order[sample.row])
        group.bodies.add(hashlib.blake2b(content, digest_size=8).digest() + sample.length.to_bytes(8))
        group.sample = group.sample or content
    ordered = sorted(groups.items(), key=lambda item: item[1].answers, reverse=True)
    most = most_frequent(ordered, lambda item: bool(item[0][3]))
    times = Counter(row for group in groups.values() for row in group.rows)
    return [
        AnswerKind(
            status=status,
            content_type=content_type or None,
            shape=head_in_bytes(body.shape, SHAPE_BYTES),
            error=body.is_error,
            lack=body.lack,
            unmet=unmet or None,
            answers=group.answers,
            looked_at=group.looked_at,
            bodies=len(group.bodies),
            rows=len(group.rows),
            row_numbers=[] if group is ordered[0][1] else _numbers(row for row in group.rows if times[row] == 1),
            sample=head_in_bytes(shown(group.sample.decode("utf-8", "replace"), SAMPLE_BYTES), SAMPLE_BYTES),
        )
        for (status, content_type, body, unmet), group in most
    ]


def _body(sample: Sample, content: bytes, content_type: str) -> Body:
    body = body_of(content, content_type, complete=sample.length <= KEPT_BYTES and len(content) < BODY_BYTES)
    is_stream = content_type in STREAMS or body.shape.startswith("stream")
    if is_stream and not body.is_error and ends_with_error(sample.end):
        return Body(f"{body.shape}, the last an error", is_error=True)
    return body


def _numbers(rows: Iterable[int]) -> list[int]:
    """Return the first rows by their number from 1, as many as a kind names."""
    return [row + 1 for row in heapq.nsmallest(MOST_ROW_NUMBERS, rows)]


def _read(sample: Sample) -> tuple[str, bytes]:
    """Return the content type and the beginning of the body of a response."""
    response = _Response()
    received = without_repetition(sample.response) or sample.response
    with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):  # what follows may be no response
        lenient_parser(response).feed_data(received)
    return response.content_type, response.content
