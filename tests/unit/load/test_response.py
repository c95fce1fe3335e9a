"""Heads of responses that need not be parsed again."""

import pytest

from modelprofiler.load.http.answers import Tally
from modelprofiler.load.http.response import KnownHeads

TALLY = Tally(200)


def response(head: bytes, body: bytes = b"{}") -> bytes:
    """Return a whole response."""
    return b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body


def test_a_head_is_known_after_it_was_parsed_once() -> None:
    """With the length of the whole response, its status, and whether the connection stays."""
    heads = KnownHeads()
    heads.learn(response(b"content-length: 2"), 200, True, TALLY)
    assert {b"HTTP/1.1 200 OK\r\ncontent-length: 2": (40, 200, True, TALLY)} == heads
    assert 40 == len(response(b"content-length: 2"))


@pytest.mark.parametrize(
    "head",
    [
        b"Transfer-Encoding: chunked",
        b"Server: x",
        b"Content-Length: 3",
        b"Content-Length: 2\r\nContent-Length: 3",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked",
        b"X-Content-Length: 2",
    ],
    ids=["chunked", "until the end", "not in one piece", "two lengths", "chunked all the same", "another header"],
)
def test_a_head_that_does_not_say_alone_where_the_response_ends_is_parsed_each_time(head: bytes) -> None:
    """A response of the same head may then be longer."""
    heads = KnownHeads()
    heads.learn(response(head), 200, True, TALLY)
    assert {} == heads


def test_where_every_head_is_different_few_are_kept() -> None:
    """One in sixteen, and never more than the most."""
    heads = KnownHeads()
    for i in range(16 * 1000):
        heads.learn(response(b"X-Id: %d\r\nContent-Length: 2" % i), 200, True, TALLY)
    assert 0 < len(heads) <= KnownHeads.CAPACITY
