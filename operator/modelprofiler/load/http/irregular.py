"""Responses that are not as they should be: what a client may accept is accepted, and anything else is named.

Nothing here runs for a response that the parser understands.
"""

from __future__ import annotations

import re

import httptools

HEAD_END = b"\r\n\r\n"
HEAD_LIMIT = 64 * 1024
"""Bytes of a response that are searched for the end of its head. Servers send heads of less than 1 KB, and common
proxies refuse more than 8 to 32 KB."""
ENDLESS_HEAD = 2 * HEAD_LIMIT
"""Bytes without any of the body, from which on a response whose header lines are kept is given up: the parser keeps a
line until its end. More than a head may have together with the beginning of a body, which come in one piece."""
SHOWN_BYTES = 60
"""Bytes shown of an answer that is not HTTP: the greeting of another protocol fits."""

_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:")
_TRANSFER_ENCODING = re.compile(rb"(?im)^transfer-encoding[ \t]*:([^\r\n]*)")
_CONTENT_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:([^\r\n]*)\r?\n")
_SPACE_BEFORE_COLON = re.compile(rb"(?m)^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]+:")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1\d\d")

_H2_SETTINGS = re.compile(rb"\x00..\x04[\x00\x01]\x00\x00\x00\x00", re.DOTALL)
_H2_GOAWAY = re.compile(rb"\x00..\x07.\x00\x00\x00\x00", re.DOTALL)
_TLS_RECORD = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")


def lenient_parser(receiver: object) -> httptools.HttpResponseParser:
    """Return a parser that accepts every response that RFC 9112 lets a client accept, as far as it has an option.

    That is a Content-Length beside a Transfer-Encoding, which then counts (section 6.3); lines that end in LF alone
    (2.2), folded header lines (5.2) and white space after the size of a chunk (7.1.1).
    """
    parser = httptools.HttpResponseParser(receiver)
    parser.set_dangerous_leniencies(
        lenient_headers=True,
        lenient_chunked_length=True,
        lenient_optional_cr_before_lf=True,
        lenient_spaces_after_chunk_size=True,
    )
    return parser


def head_is_complete(received: bytes) -> bool:
    """Return whether the head of a response has come, or so much that there will be no end of it."""
    return not received.startswith(b"HTTP/") or bool(_final_head(received)) or len(received) >= HEAD_LIMIT


def without_repetition(received: bytes) -> bytes | None:
    """Return a response with one Content-Length instead of several equal ones, as RFC 9112, section 6.3, allows.

    White space before a colon, which section 5.1 lets only servers refuse, is removed as well. Returns None where
    neither is there.
    """
    bounds = _final_head(received)
    if bounds is None:
        return None
    start, end = bounds
    head = _SPACE_BEFORE_COLON.sub(rb"\1:", received[start:end])
    values = _lengths(head)
    if len(values) > 1 and len(set(values)) == 1:
        first_line, rest = head.split(b"\n", 1)
        line = b"\nContent-Length: " + values[0] + b"\r\n"
        head = first_line + line + _CONTENT_LENGTH.sub(b"", rest + b"\n")[:-1]
    return None if head == received[start:end] else head + received[end:]


def ends_with_connection(received: bytes) -> bool:
    """Return whether the end of the connection ends the response: its head is complete and gives no length.

    It is the head of the final response, after informational ones. A Transfer-Encoding counts more than a length, and
    gives none where the last coding is not chunked (section 6.3).
    """
    bounds = _final_head(received)
    if bounds is None or not received.startswith(b"HTTP/"):
        return False
    if codings := _TRANSFER_ENCODING.findall(received, *bounds):
        return bool(codings[-1].rpartition(b",")[2].strip().lower() != b"chunked")
    return not _LENGTH.search(received, *bounds)


def objection(received: bytes, error: Exception, *, tls: bool) -> str:
    """Return what a response is instead of HTTP/1.1, as the end of the sentence "the request was answered ...".

    Parameters
    ----------
    received
        The response so far.
    error
        What the parser objected to.
    tls
        Whether it came over TLS.
    """
    if _H2_SETTINGS.match(received) or _H2_GOAWAY.match(received):
        return "in HTTP/2 (gRPC?): only HTTP/1.1 endpoints can be profiled; name the server's HTTP port"
    if not tls and _TLS_RECORD.match(received):
        return "with a TLS record: the port speaks HTTPS; set endpoint.http.scheme to HTTPS"
    head = _final_head(received)
    lengths = _lengths(received[slice(*head)]) if head else []
    if len(set(lengths)) > 1:
        return f"with different values of Content-Length: {_shown(b', '.join(dict.fromkeys(lengths)))[1:-1]}"
    if not received.startswith(b"HTTP/"):
        return f"with something that is not HTTP/1.1: {_shown(received)}"
    return f"in HTTP that cannot be understood ({error}): {_shown(received)}"


def _final_head(received: bytes) -> tuple[int, int] | None:
    """Return where the head of the final response begins and ends, after the informational ones (1xx)."""
    start = 0
    while (end := _END_OF_HEAD.search(received, start)) is not None:
        if not _INTERIM.match(received, start):
            return start, end.start() + 2  # with the end of the last line, at least a part of it
        start = end.end()
    return None


def _lengths(head: bytes) -> list[bytes]:
    lines = _CONTENT_LENGTH.findall(head + b"\n")
    return [value.strip() for line in lines for value in line.split(b",")]


def _shown(received: bytes) -> str:
    return ascii(received[:SHOWN_BYTES].decode("latin-1"))
