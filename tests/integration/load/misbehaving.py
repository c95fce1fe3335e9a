"""A small HTTP server that behaves as the path says: ``/stall?x`` stalls; requests are counted for each path.

Run as ``misbehaving.py [CERTIFICATE [AUTHORITY-OF-CLIENTS]]`` it prints the port it listens on. It is a process of its
own, so that it does not share the event loop of the load generator.
"""

import asyncio
import collections
import contextlib
import gzip
import itertools
import os
import socket
import ssl
import struct
import sys
import time


class Exchange:
    """One request: its path's number of requests so far, its body, and where the answer goes."""

    def __init__(self, path: str, body: bytes, writer: asyncio.StreamWriter, number_on_connection: int) -> None:
        counts[path] += 1
        self.served = counts[path]
        self.behaviour = path[1:].partition("?")[0]
        self.body = body
        self.writer = writer
        self.number_on_connection = number_on_connection


counts: dict[str, int] = collections.defaultdict(int)


def answer(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    """Return a whole response."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def read_request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Return path and body; the body is empty where the answer comes before it is read."""
    head = await reader.readuntil(b"\r\n\r\n")
    if b"/too_large" in head:
        return "/too_large", b""
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    path = head.split(b" ")[1].decode()
    if path.startswith("/authorized"):
        await reader.readexactly(length)
        return path, head.partition(b"\r\nAuthorization: ")[2].partition(b"\r\n")[0]
    if path.startswith("/sip"):
        return path, await sipped(reader, length)
    return path, await reader.readexactly(length)


async def sipped(reader: asyncio.StreamReader, length: int) -> bytes:
    """Read slowly, so that what is not read yet fills the buffers of both ends."""
    body = bytearray()
    while len(body) < length:
        body += await reader.readexactly(min(2**17, length - len(body)))
        await asyncio.sleep(0.02)
    return bytes(body)


async def keep_alive(x: Exchange) -> bool:
    """Answer with the length of the body."""
    x.writer.write(answer(b"%d" % len(x.body)))
    return True


async def authorized(x: Exchange) -> bool:
    """Answer whoever knows the token, and repeat what was sent."""
    known = x.body == b"Bearer s3cr3t-token"
    x.writer.write(answer(b"from '%b'" % x.body, "200 OK" if known else "401 Unauthorized"))
    return True


async def sip(x: Exchange) -> bool:
    """Answer a body that was read slowly."""
    return await keep_alive(x)


async def close(x: Exchange) -> bool:
    """Answer, and close."""
    x.writer.write(answer(b"bye", headers="Connection: close\r\n"))
    return False


async def until_close(x: Exchange) -> bool:
    """Answer as HTTP/1.0 does, without a length."""
    x.writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nno length")
    return False


async def truncated(x: Exchange) -> bool:
    """Promise more than comes."""
    x.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    return False


async def chunked(x: Exchange) -> bool:
    """Answer in chunks, with a trailer."""
    x.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    await x.writer.drain()
    await asyncio.sleep(0.002)
    x.writer.write(b"6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n")
    return True


async def informational(x: Exchange) -> bool:
    """Send two informational responses first."""
    x.writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
    x.writer.write(answer(b"ok"))
    return True


async def split(x: Exchange) -> bool:
    """Answer a few bytes at a time, the end of the head in the middle of a piece."""
    response = answer(b"split")
    for i in range(0, len(response), 15):
        x.writer.write(response[i : i + 15])
        await x.writer.drain()
        await asyncio.sleep(0.001)
    return True


async def fail(x: Exchange) -> bool:
    """Answer as a server does whose model raises."""
    x.writer.write(answer(b"ValueError: could not convert string to float", "500 Internal Server Error"))
    return True


async def fail_tenth(x: Exchange) -> bool:
    """Fail every tenth request, after the first fifty."""
    return await (fail if x.served > 50 and x.served % 10 == 0 else keep_alive)(x)


async def garbage(x: Exchange) -> bool:
    """Answer something that is not HTTP, after the first twenty."""
    x.writer.write(b"SSH-2.0-OpenSSH_9.2\r\n" if x.served > 20 else answer(b"ok"))
    return x.served <= 20


async def reset(x: Exchange) -> bool:
    """Reset the connection instead of an answer, after the first twenty."""
    if x.served <= 20:
        return await keep_alive(x)
    sock = x.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


async def race(x: Exchange) -> bool:
    """Read the second request of each connection, and close without an answer: what a client sees of the race."""
    if x.number_on_connection > 1:
        return False
    return await keep_alive(x)


async def never(x: Exchange) -> bool:
    """Answer no more, after the first twenty."""
    if x.served > 20:
        await asyncio.sleep(60)
    return await keep_alive(x)


async def mute(x: Exchange) -> bool:
    """Answer nothing."""
    await asyncio.sleep(60)
    return False


async def stall(x: Exchange) -> bool:
    """Answer at once, but for the first 100 ms of every second, when nothing is answered."""
    phase = time.monotonic() % 1.0
    if phase < 0.1:
        await asyncio.sleep(0.1 - phase)
    return await keep_alive(x)


async def slow(x: Exchange) -> bool:
    """Answer one at a time, 20 ms each: 50 requests/s at most."""
    async with one_at_a_time:
        await asyncio.sleep(0.02)
    return await keep_alive(x)


async def die(x: Exchange) -> bool:
    """End the whole process after fifty requests."""
    if x.served > 50:
        os._exit(1)
    return await keep_alive(x)


async def backlog(x: Exchange) -> bool:
    """Answer slowly at first, as behind a queue that an earlier load left."""
    await asyncio.sleep(max(0.2 - 0.02 * x.served, 0.0))
    return await keep_alive(x)


async def raw(x: Exchange) -> bool:
    """Answer with one of the responses below, and keep the connection."""
    x.writer.write(RESPONSES[x.behaviour])
    return True


RESPONSES = {
    "length_twice": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: a/b\r\ncontent-length: 2\r\n\r\n{}",
    "length_list": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}",
    "length_twice_after_100": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}",
    "length_and_chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    ),
    "chunks_and_length": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n2 \r\n{}\r\n0\r\n\r\n"
    ),
    "line_feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "folded": b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "space_before_colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}",
    "no_reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}",
    "lengths_differ": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "http2": b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
    "goaway": b"\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01",
    "tls_alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "moved": answer(b"", "307 Temporary Redirect", "Location: http://127.0.0.1/moved/\r\n"),
    "login": answer(b"", "302 Found", "Location: https://login.example/?next=1&token=abc\r\n"),
}


async def too_large(x: Exchange) -> bool:
    """Answer and close while the body is still on its way."""
    x.writer.write(answer(b"body is too large", "413 Payload Too Large", "Connection: close\r\n"))
    return False


async def length_twice_in_pieces(x: Exchange) -> bool:
    """Repeat the length, the response in pieces of 9 bytes."""
    response = RESPONSES["length_twice"]
    for i in range(0, len(response), 9):
        x.writer.write(response[i : i + 9])
        await x.writer.drain()
        await asyncio.sleep(0.001)
    return True


async def loading(x: Exchange) -> bool:
    """Refuse the first three requests, as a server does whose model is not loaded."""
    if x.served <= 3:
        x.writer.write(answer(b"model is not ready yet", "503 Service Unavailable"))
        return True
    return await keep_alive(x)


async def loading_200(x: Exchange) -> bool:
    """Say with status 200 that the model is being loaded, three times."""
    x.writer.write(answer(b'{"status": "loading"}' if x.served <= 3 else b'{"score": 1}', headers=JSON))
    return True


async def always_loading_200(x: Exchange) -> bool:
    """Say so for ever: it may be the answer of a model."""
    x.writer.write(answer(b'{"status": "loading"}', headers=JSON))
    return True


async def loading_400(x: Exchange) -> bool:
    """Blame the first request for a model that is not loaded."""
    if x.served <= 1:
        x.writer.write(answer(b'{"error": "Model iris is not ready yet."}', "400 Bad Request"))
        return True
    return await keep_alive(x)


async def closes_first(x: Exchange) -> bool:
    """Close the first two connections without an answer."""
    return x.served > 2 and await keep_alive(x)


async def never_loaded(x: Exchange) -> bool:
    """Refuse every request."""
    x.writer.write(answer(b"no capacity", "503 Service Unavailable"))
    return True


async def never_predicts(x: Exchange) -> bool:
    """Fail at every request, as TorchServe does whose handler cannot read it (pytorch/serve#410)."""
    body = b'{"code": 503, "type": "InternalServerException", "message": "Prediction failed"}'
    x.writer.write(answer(body, "503 Service Unavailable"))
    return True


async def lazy(x: Exchange) -> bool:
    """Load the model at the first request."""
    if x.served == 1:
        await asyncio.sleep(0.7)
    return await keep_alive(x)


async def compiling(x: Exchange) -> bool:
    """Answer one at a time: the first hundred requests take 30 ms each, the others nothing."""
    async with one_at_a_time:
        if x.served <= 100:
            await asyncio.sleep(0.03)
    return await keep_alive(x)


async def two_writes(x: Exchange) -> bool:
    """Write head and body as far apart as an acknowledgement is delayed, every other time."""
    head, body = answer(b"in two pieces").split(b"\r\n\r\n")
    x.writer.write(head + b"\r\n\r\n")
    await x.writer.drain()
    await asyncio.sleep(0.041 if x.served % 2 else 0.1)
    x.writer.write(body)
    return True


async def cached(x: Exchange) -> bool:
    """Take 20 ms for a body that was not answered before."""
    if x.body not in answered:
        answered.add(x.body)
        await asyncio.sleep(0.02)
    return await keep_alive(x)


GOOD, BAD = b'{"ok": true, "scores": [0.5, 1]}', b'{"ok": false, "error": "no column x"}'
JSON = "Content-Type: application/json; charset=utf-8\r\n"


async def json_tenth_bad(x: Exchange) -> bool:
    """Report an error with status 200 every tenth time, after the first fifty."""
    body = BAD if x.served > 50 and x.served % 10 == 0 else GOOD
    x.writer.write(b"HTTP/1.1 100 Continue\r\nContent-Type: text/plain\r\n\r\n" + answer(body, headers=JSON))
    return True


async def json_bad(x: Exchange) -> bool:
    """Report an error with status 200."""
    x.writer.write(answer(BAD, headers=JSON))
    return True


async def json_loading(x: Exchange) -> bool:
    """Say with status 200 that the model is being loaded, three times."""
    x.writer.write(answer(b'{"status": "loading"}' if x.served <= 3 else GOOD, headers=JSON))
    return True


async def json_in_pieces(x: Exchange) -> bool:
    """Answer in chunks of a few bytes."""
    x.writer.write(f"HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n".encode())
    for i in range(0, len(GOOD), 5):
        piece = GOOD[i : i + 5]
        x.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await x.writer.drain()
        await asyncio.sleep(0)
    x.writer.write(b"0\r\n\r\n")
    return True


async def json_until_close(x: Exchange) -> bool:
    """Answer as HTTP/1.0 does, without a length."""
    x.writer.write(f"HTTP/1.0 200 OK\r\n{JSON}\r\n".encode() + GOOD)
    return False


async def json_gzip(x: Exchange) -> bool:
    """Answer compressed, whatever was asked."""
    x.writer.write(answer(gzip.compress(GOOD), headers=f"{JSON}Content-Encoding: gzip\r\n"))
    return True


async def json_large(x: Exchange) -> bool:
    """Answer with more than is looked at, its end after that."""
    x.writer.write(answer(b'{"scores": [' + b"0," * 2**19 + b'0], "ok": true}', headers=JSON))
    return True


async def long_stream(x: Exchange) -> bool:
    """Stream many events; three of four streams fail before the last one."""
    x.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    events = [b'{"choices": [{"delta": {"content": "word"}}]}'] * 300
    if x.served % 4:
        events.append(b'{"error": {"message": "Internal server error", "code": 500}}')
    for event in (*events, b"[DONE]"):
        line = b"data: " + event + b"\n\n"
        x.writer.write(b"%x\r\n%b\r\n" % (len(line), line))
        await x.writer.drain()
        if event != events[0]:
            await asyncio.sleep(0.002)  # in pieces of their own
    x.writer.write(b"0\r\n\r\n")
    return True


answered: set[bytes] = set()
one_at_a_time = asyncio.Lock()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of a connection, as long as the behaviour keeps it."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        for number in itertools.count(1):
            exchange = Exchange(*await read_request(reader), writer, number)
            going = await globals().get(exchange.behaviour, raw)(exchange)
            await writer.drain()
            if not going:
                break
    writer.close()


async def main() -> None:
    """Listen on any port of the loopback interface."""
    tls = None
    if len(sys.argv) > 1:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[1])
        if len(sys.argv) > 2:
            tls.load_verify_locations(sys.argv[2])
            tls.verify_mode = ssl.CERT_REQUIRED
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**18, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
