"""Judges what answers contain, where `endpoint.http.expect` says more than a status; otherwise nothing of this runs.

An answer is judged after its end was noted and the next request of its connection was sent, so that judging is no part
of a latency. It is done in the same thread: what it takes, the generator has less for sending, and `load.saturation`
says so where that is too much.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from modelprofiler.api.expectation import Expectation
from modelprofiler.core.answers.expected import Content, Expected, Unmet
from modelprofiler.load.http.answers import KEPT_BYTES, Answers
from modelprofiler.load.http.connection import (
    LONGEST_DELAY,
    SHORTEST_DELAY,
    CapturingConnection,
    Done,
    Failure,
    Pool,
)

HEADER_CHARACTERS = 255
"""Characters of a header's value that are kept: no media type is longer."""

MOST_KNOWN = 512
"""Answers whose verdict is remembered: rows are sent again and again, and most servers answer them as before."""
KNOWN_BYTES = 2**14
"""Bytes that the body of such an answer may have, so that all of them have at most 8 MiB."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """An answer that has just ended: its status, the number of its request, its beginning and length, its content."""

    status: int
    row: int
    response: bytes
    length: int
    content: Content


class Judging:
    """Receives the ends of requests, judges the answers among them, and passes them on.

    Parameters
    ----------
    expect
        What a good answer is.
    answers
        Counts the answers.
    done
        Called at the end of each request.

    Attributes
    ----------
    arrived
        The answer of the request that is about to end; None where it ends without one.
    last
        What the last answer did not fulfil; None where it did, or was not judged.
    expected
        The expectation, compiled.
    """

    def __init__(self, expect: Expectation, answers: Answers, done: Done) -> None:
        self.expected = Expected(expect)
        self.arrived: Arrived | None = None
        self.last: Unmet | None = None
        self._parses = bool(expect.json_path)
        self._known: dict[Content, Unmet | None] = {}
        self._answers = answers
        self._done = done

    def ended(self, intended: float, now: float, failure: Failure | None, index: int) -> None:
        """Judge an answer that is good so far, count it, and note the end of its request."""
        arrived, self.arrived = self.arrived, None
        self.last = None
        if arrived is not None:
            if failure is None:
                self.last = self._verdict(arrived.content)
            unmet = self.last.field if self.last is not None else ""
            self._answers.count(arrived.status, arrived.length, arrived.row, arrived.response, unmet)
            if unmet:
                failure = "content"
        self._done(intended, now, failure, index)

    def _verdict(self, content: Content) -> Unmet | None:
        """Return what an answer does not fulfil; one that is equal to an earlier one is not parsed again."""
        if not self._parses or len(content.body) > KNOWN_BYTES:
            return self.expected.unmet(content)
        if content in self._known:
            return self._known[content]
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        verdict = self._known[content] = self.expected.unmet(content)
        return verdict


class JudgingConnection(CapturingConnection):
    """A connection that keeps what an answer is judged by."""

    __slots__ = ("body", "coding", "content_type", "judging", "size")

    def __init__(self, judging: Judging, pool: Pool) -> None:
        self.judging = judging
        super().__init__(pool)
        self.on_message_begin()

    def on_message_begin(self) -> None:
        """Forget the message before, which may have been an informational one."""
        super().on_message_begin()
        self.content_type = self.coding = ""
        self.body = bytearray()
        self.size = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the type and the coding of the content."""
        super().on_header(name, value)
        lower = name.lower()
        if lower == b"content-type":
            text = value[:HEADER_CHARACTERS].decode("latin-1")
            self.content_type = text.partition(";")[0].strip().lower()
        elif lower == b"content-encoding":
            self.coding = value[:HEADER_CHARACTERS].decode("latin-1").strip().lower()

    def on_body(self, data: bytes) -> None:
        """Keep as much as is looked at, and count the rest."""
        super().on_body(data)
        self.size += len(data)
        if (room := self.judging.expected.kept_bytes - len(self.body)) > 0:
            self.body += data[:room]

    def _complete(self, data: bytes) -> None:
        """Hand the answer over to be judged, and end the request."""
        head, status = self.head, self.status
        if head is not None and SHORTEST_DELAY <= monotonic() - self.split_at <= LONGEST_DELAY:
            self.pool.split_answers += 1
        response = data if head is None else head + data
        content = Content(self.content_type, self.coding, bytes(self.body), self.size)
        self.body = bytearray()
        self.judging.arrived = Arrived(status, self.index, response[:KEPT_BYTES], len(response), content)
        self._finish(status, self.keep_alive)
