"""Picks one pod's series out of a kubelet's /metrics/cadvisor.

A node with 200 pods exposes 10 MB, of which one container has 10 lines. Most of it is therefore never parsed: the bytes
are searched for the pod's name and for the control group of the whole node, of which only CPU time is used, and only
the lines around them are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelprofiler.metrics.cadvisor import FIELDS, RawSeries, is_node

# name{labels} value [timestamp in ms], https://prometheus.io/docs/instrumenting/exposition_formats/
_LINE = re.compile(rb"([a-zA-Z_:][a-zA-Z0-9_:]*)\{(.*)\}\s+(\S+)(?:\s+(-?\d{1,16}))?\s*")
# A name is searched for where it may begin, not again from each letter of a text that has no other characters.
_LABEL = re.compile(r'(?<![a-zA-Z0-9_])([a-zA-Z_][a-zA-Z0-9_]{0,127})="((?:[^"\\]|\\.)*)"')
_NODE = b'id="/"'
_ESCAPE = re.compile(r"\\(.)")

LONGEST_LINE = 2**14
"""Bytes of a line: a series with the most and longest labels that are in use has some 1,500."""

_LONGEST_NAME = 64
"""Bytes in which the name of a metric ends; cAdvisor's longest has 45."""


class PodLines:
    """Takes an exposition in chunks of any size, and returns the pod's series and the CPU time of its node.

    Parameters
    ----------
    pod
        Name of the pod.
    scraped_at
        Time of series without a timestamp of their own, seconds since the epoch.
    """

    def __init__(self, pod: str, scraped_at: float) -> None:
        self._needle = f'pod="{pod}"'.encode()
        self._scraped_at = scraped_at
        self._rest = b""

    @property
    def is_endless(self) -> bool:
        """Whether the last line is longer than any; waiting for its end would cost memory, and time for each chunk."""
        return len(self._rest) > LONGEST_LINE

    def feed(self, chunk: bytes) -> Iterator[RawSeries]:
        """Return the series in the lines that `chunk` completes."""
        text = self._rest + chunk
        end = text.rfind(b"\n") + 1
        self._rest = text[end:]
        return self._find(text, end)

    def finish(self) -> Iterator[RawSeries]:
        """Return the series in the last line, if it did not end with a newline."""
        rest, self._rest = self._rest, b""
        return self._find(rest, len(rest))

    def _find(self, text: bytes, end: int) -> Iterator[RawSeries]:
        for line in _lines_with(self._needle, text, end):
            if series := self._parse(line):
                yield series
        for line in _lines_with(_NODE, text, end):
            if (series := self._parse(line)) and is_node(series.labels):
                yield series

    def _parse(self, line: bytes) -> RawSeries | None:
        name = line[: line.find(b"{", 0, _LONGEST_NAME)].decode("utf-8", "replace")
        match = _LINE.fullmatch(line) if name in FIELDS and len(line) <= LONGEST_LINE else None
        if not match:
            return None
        labels = {
            key: _ESCAPE.sub(_unescape, value) for key, value in _LABEL.findall(match[2].decode("utf-8", "replace"))
        }
        try:
            value = float(match[3])
        except ValueError:
            return None
        time = int(match[4]) / 1000 if match[4] else self._scraped_at
        return RawSeries({**labels, "__name__": name}, [(time, value)])


def _lines_with(needle: bytes, text: bytes, end: int) -> Iterator[bytes]:
    """Return the lines of `text`, up to `end`, that contain `needle`."""
    at = text.find(needle, 0, end)
    while at >= 0:
        start = text.rfind(b"\n", 0, at) + 1
        stop = text.find(b"\n", at, end)
        stop = end if stop < 0 else stop
        yield text[start:stop]
        at = text.find(needle, stop, end)


def _unescape(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]
