"""Responses whose end is that of the connection, and those that it cuts off."""

import pytest

from modelprofiler.load.http.irregular import ends_with_connection

OK = b"HTTP/1.1 200 OK\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"


@pytest.mark.parametrize(
    "response",
    [
        OK + b"\r\n{}",
        b"HTTP/1.0 200\nServer: x\n\n{}",
        OK + b"Transfer-Encoding: gzip\r\n\r\n{}",
        OK + b"Content-Length: 9\r\nTransfer-Encoding: identity\r\n\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        HINTS + OK + b"\r\n{}",
    ],
    ids=["no length", "lines of LF", "gzip", "beside a length", "not chunked at last", "after hints"],
)
def test_the_end_of_the_connection_ends_what_has_no_length(response: bytes) -> None:
    """RFC 9112, section 6.3."""
    assert ends_with_connection(response)


@pytest.mark.parametrize(
    "response",
    [
        OK + b"Content-Length: 9\r\n\r\n{}",
        OK + b"Transfer-Encoding: gzip, Chunked \r\n\r\n5\r\n{}",
        OK + b"Server: x\r\n",
        HINTS,
        HINTS + OK + b"Content-Length: 9\r\n\r\n{}",
        HINTS + OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"* OK IMAP4rev1\r\n\r\n",
    ],
    ids=["length", "chunked", "in its head", "hints alone", "length after hints", "chunked after hints", "no HTTP"],
)
def test_the_end_of_the_connection_cuts_off_what_has_a_length(response: bytes) -> None:
    """It is no answer, whatever came before its head."""
    assert not ends_with_connection(response)
